"""Warnings with a code: given once, at the user's line, and silenced in three ways."""

from __future__ import annotations

import gc
import warnings

import pytest

import flambeau
from flambeau import _warnings
from flambeau._codes import CODES, SEVERITIES
from flambeau._config import Config
from flambeau.errors import FlambeauWarning
from tests.programs import ROOT, run


class Owner:
    pass


@pytest.fixture
def caught():
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        yield found


def test_once_for_each_owner(caught) -> None:
    a, b = Owner(), Owner()
    for owner in (a, a, b):
        _warnings.warn("FB003", "text", owner=owner)
    _warnings.warn("FB003", "another", owner=a)
    assert [str(w.message) for w in caught] == ["text [FB003]", "text [FB003]", "another [FB003]"]
    assert {w.category for w in caught} == {FlambeauWarning}
    assert caught[0].message.code == "FB003"


def test_once_for_all_time_without_owner(caught) -> None:
    for _ in range(2):
        _warnings.warn("FB018", "only in this test")
    assert len(caught) == 1


def test_it_points_at_the_users_line(caught) -> None:
    _warnings.warn("FB003", "text", owner=Owner())
    assert caught[0].filename == __file__
    assert caught[0].lineno == test_it_points_at_the_users_line.__code__.co_firstlineno + 1


def test_silence_within_a_block_and_for_good(caught) -> None:
    before = flambeau.config.silenced
    with flambeau.silence("FB003", "FB006"):
        _warnings.warn("FB003", "a", owner=Owner())
        _warnings.warn("FB018", "b", owner=Owner())
    assert flambeau.config.silenced == before
    try:
        flambeau.silence("all")
        _warnings.warn("FB003", "c", owner=Owner())
    finally:
        flambeau.config.silenced = before
    assert [w.message.code for w in caught] == ["FB018"]


def test_an_unknown_code_is_refused() -> None:
    with pytest.raises(ValueError, match="no code 'FB999'"):
        flambeau.silence("FB999")


def test_environment() -> None:
    assert Config({"FLAMBEAU_SILENCE": "FB003, FB006"}).silenced == {"FB003", "FB006"}
    program = (
        "from flambeau import _warnings\n"
        "_warnings.warn('FB003', 'three')\n_warnings.warn('FB018', 'eighteen')"
    )
    done = run("-c", program, env={"FLAMBEAU_SILENCE": "FB003"})
    assert "eighteen [FB018]" in done.stderr
    assert "three" not in done.stderr


def test_pythons_filters_by_category_and_text(caught) -> None:
    warnings.filterwarnings("ignore", message=r".*\[FB003\]")
    _warnings.warn("FB003", "a", owner=Owner())
    assert caught == []
    warnings.filterwarnings("ignore", category=FlambeauWarning)
    _warnings.warn("FB018", "a", owner=Owner())
    assert caught == []


def test_noted_objects_may_die() -> None:
    noted = _warnings.Noted()
    owner = Owner()
    noted.add(owner, 3)
    assert owner in noted
    assert noted.get(owner) == 3
    assert noted.items() == [(owner, 3)]
    del owner
    gc.collect()
    assert not noted


def test_every_code_is_complete_and_documented() -> None:
    page = (ROOT / "docs" / "doctor.md").read_text()
    for code, row in CODES.items():
        assert row.code == code
        assert row.severity in SEVERITIES
        assert row.title
        assert row.meaning.endswith(".")
        assert row.fix.endswith(".")
        assert f"({code.lower()})=" in page
        assert f"## {code}: {row.title}" in page
