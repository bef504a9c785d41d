"""What malloc is told before the CPU backend starts."""

import ctypes
import os
import sys

import pytest

from flambeau._engine import memory
from flambeau._engine.memory import _ARENA_MAX, _MMAP_MAX, _TOP_PAD, _TRIM_THRESHOLD

LARGE = memory.LARGE


class Libc:
    def __init__(self):
        self.calls = {}
        self.trimmed = 0

    def mallopt(self, parameter, value):
        self.calls[parameter] = value

    def malloc_trim(self, pad):
        self.trimmed += 1


@pytest.fixture
def libc(monkeypatch):
    found = Libc()
    monkeypatch.setattr(memory, "_heap", memory._Heap())
    monkeypatch.setattr(memory, "_glibc", lambda: found)
    monkeypatch.setattr(memory.config, "keep_memory", True)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    return found


def test_a_large_model_has_one_heap_for_all_threads(libc):
    assert memory.undecided()
    memory.keep(LARGE)
    assert not memory.undecided()
    assert libc.calls == {_MMAP_MAX: 0, _TRIM_THRESHOLD: 2**31 - 1, _ARENA_MAX: 1}


@pytest.mark.parametrize("expected", [0, LARGE - 1])
def test_a_small_one_leaves_threads_their_heaps(libc, expected):
    memory.keep(expected)
    assert libc.calls == {_MMAP_MAX: 0, _TRIM_THRESHOLD: 2**31 - 1, _TOP_PAD: 64 << 20}


@pytest.mark.parametrize("expected", [0, LARGE])
def test_what_a_long_compilation_took_goes_back(libc, expected):
    memory.give_back(memory.LONG)  # nothing was kept yet
    memory.keep(expected)
    memory.give_back(memory.LONG / 2)
    assert libc.trimmed == 0
    memory.give_back(memory.LONG)
    assert libc.trimmed == 1


def test_many_cores_keep_their_heaps(libc, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    memory.keep(LARGE)
    assert _ARENA_MAX not in libc.calls


def test_only_the_first_call_counts(libc):
    memory.keep(0)
    memory.keep(LARGE)
    assert _ARENA_MAX not in libc.calls


def test_it_can_be_switched_off(libc, monkeypatch):
    monkeypatch.setattr(memory.config, "keep_memory", False)
    memory.keep(LARGE)
    memory.give_back(memory.LONG)
    assert libc.calls == {}
    assert libc.trimmed == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [("MALLOC_ARENA_MAX", "4"), ("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1")],
)
def test_what_the_user_tells_malloc_stands(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    assert memory._glibc() is None


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc is Linux's")
def test_glibc_takes_these_parameters(monkeypatch):
    for name in [*os.environ]:
        if name.startswith("MALLOC_") or name == "GLIBC_TUNABLES":
            monkeypatch.delenv(name)
    libc = memory._glibc()
    if libc is not None:
        assert libc.mallopt(_TRIM_THRESHOLD, 2**31 - 1) == 1
        assert libc.mallopt(_MMAP_MAX, 0) == 1
        assert isinstance(libc, ctypes.CDLL)
