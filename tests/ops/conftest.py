"""What the tests of rows share."""

from __future__ import annotations

from collections.abc import Iterator

import jax
import pytest


@pytest.fixture
def x64() -> Iterator[None]:
    """Rows that draw are traced with 64-bit types, as the engine does."""
    with jax.enable_x64(True):
        yield
