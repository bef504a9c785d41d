"""What the tests of distributions share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import flambeau
from flambeau._engine.recorder import flush


@pytest.fixture(autouse=True)
def nothing_pending() -> None:
    """What another test left pending decides when a parameter is looked at."""
    flush()


@pytest.fixture
def eager() -> Iterator[None]:
    """Each operation on its own: families share operations, so there is less to compile."""
    before = flambeau.config.mode
    flambeau.config.mode = "eager"
    yield
    flambeau.config.mode = before
