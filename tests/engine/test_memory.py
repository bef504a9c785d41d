"""What malloc is told before the CPU backend starts."""

import ctypes
import os
import sys

import jax
import numpy as np
import pytest

import flambeau as torch
from flambeau._engine import executor, memory
from flambeau._engine.memory import _ARENA_MAX, _MMAP_MAX, _TOP_PAD, _TRIM_THRESHOLD

LARGE = memory.LARGE


class Holes:
    taken = 0

    def take(self):
        self.taken += 1


class Libc:
    def __init__(self):
        self.calls = {}
        self.trimmed = 0
        self.holes = Holes()

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
    monkeypatch.setattr(memory, "Holes", lambda libc: libc.holes)
    return found


def compiled(seconds):
    """As if XLA had compiled for so long."""
    jax.monitoring.record_event_duration_secs(memory.COMPILED, seconds)


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
def test_what_compilations_took_goes_back(libc, expected):
    memory.put_in_order()  # nothing was kept yet
    memory.keep(expected)
    compiled(memory.LONG / 2)
    memory.put_in_order()
    assert (libc.trimmed, libc.holes.taken) == (0, 0)
    compiled(memory.LONG / 2)
    assert memory.disordered()
    memory.put_in_order()
    assert not memory.disordered()
    assert libc.trimmed == 1
    assert libc.holes.taken == (1 if expected else 0)  # of the one heap
    memory.put_in_order()
    assert libc.trimmed == 1


def test_a_program_runs_on_a_heap_in_order(libc):
    memory.keep(LARGE)
    x = torch.arange(6.0) * 2
    assert float(x.sum()) == 30
    executor.begin()  # what comes now is compiled whole, whatever was compiled before
    trimmed = libc.trimmed
    compiled(memory.LONG)
    assert float((x + 1).sum()) == 36
    assert not memory.disordered()
    assert libc.trimmed == trimmed + 1


def test_jax_tells_that_it_compiled(libc):
    memory.keep(LARGE)
    before = memory._heap.seconds
    jax.jit(lambda x: x * 3.5 + 0.123)(np.arange(7.0))
    assert memory._heap.seconds > before


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
    compiled(memory.LONG)
    memory.put_in_order()
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


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the limit is Linux's")
def test_mappings_are_scarce_from_half_of_the_limit_on(monkeypatch):
    with memory.Path("/proc/self/maps").open("rb") as maps:
        taken = sum(1 for _ in maps)
    for most, scarce in ((taken, True), (taken * 4, False)):
        monkeypatch.setattr(memory.Path, "read_text", lambda self, most=most: f"{most}\n")
        assert memory.mappings_are_scarce() is scarce


def test_programs_go_where_mappings_are_scarce(monkeypatch):
    monkeypatch.setattr(executor, "_resident", {})
    monkeypatch.setattr(
        executor.memory, "mappings_are_scarce", lambda: len(executor._resident) > 40
    )

    class Entry:
        def __init__(self):
            self.programs = {}

    entries = [Entry() for _ in range(64)]
    for at, entry in enumerate(entries):
        executor._install(entry, (), Program(at))
    assert len(executor._resident) == 48  # at 32 there was room, at 64 a quarter went
    assert [bool(e.programs) for e in entries] == [False] * 16 + [True] * 48


class Program:
    def __init__(self, used):
        self.used = used
