"""Garbage collection around the import."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from flambeau._pause import Pause


@pytest.fixture(autouse=True)
def _as_it_was():
    was = gc.isenabled()
    yield
    (gc.enable if was else gc.disable)()


@pytest.mark.parametrize("was", [True, False])
def test_collections_stop_and_are_again_what_they_were(was):
    (gc.enable if was else gc.disable)()
    pause = Pause()
    assert not gc.isenabled()
    del pause
    assert gc.isenabled() is was


def test_they_go_on_where_an_import_fails():
    gc.enable()

    def module():
        pause = Pause()  # noqa: F841
        raise ImportError("jax")

    with pytest.raises(ImportError):
        module()
    gc.collect()
    assert gc.isenabled()


def test_what_was_made_is_old_and_still_collected():
    class Ring:
        pass

    pause = Pause()
    ring = Ring()
    ring.itself = ring
    del pause
    assert any(ring is x for x in gc.get_objects(generation=2))
    assert gc.get_freeze_count() == 0
    seen = []
    Ring.__del__ = lambda self: seen.append(1)
    del ring
    gc.collect()
    assert seen == [1]


def test_what_the_user_froze_stays_frozen():
    program = """
import gc
kept = []
gc.freeze()
import flambeau
assert gc.isenabled()
assert gc.get_freeze_count() > 0
assert not any(kept is x for x in gc.get_objects())
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)
