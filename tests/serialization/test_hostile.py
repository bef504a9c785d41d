"""Hostile files: no code runs, no memory is lost, and the error is always one of ours."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import textwrap
import tracemalloc
import warnings
from pathlib import Path
from typing import Any

import pytest

import flambeau
from flambeau.errors import CheckpointError, CheckpointIntegrityError
from flambeau.serialization import LoadReport, Stub
from tests.serialization import hostile

FULL = os.environ.get("FLAMBEAU_PARITY_FULL", "") not in ("", "0")

# These are odd and harmless: they load, what they wanted stands as a stub.
STUBS = {
    "global_reduce", "stack_global_reduce", "inst", "obj", "newobj", "newobj_ex",
    "newobj_ex_with_keywords", "build_setstate", "build_with_slots", "reduce_of_reduce",
    "os_system", "eval_text", "import_module", "name_of_a_module_that_is_not_imported",
    "dotted_name", "partial_and_map", "append_to_object", "hostile_key", "hostile_set_element",
    "default_factory", "rebuild_with_hostile_function", "load_from_bytes", "legacy_reduce",
    "tar_that_calls", "numpy_scalar_of_object",
}  # fmt: skip
# These only cost their own length.
HONEST_WASTE = {"endless_stream_of_nothing", "sparse_memo"}
# This one loads, without the attributes that it wanted set.
DROPPED = {"build_class_of_ordered_dict"}


class Hang(BaseException):
    """Five seconds have passed."""


def load(data: bytes, **options: Any) -> Any:
    return flambeau.load(data, report=LoadReport(), map_location="cpu", **options)


@pytest.fixture
def no_hang():
    def late(*_: Any) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, late)
    yield signal.alarm
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def test_the_corpus_is_large_enough():
    assert len(hostile.CORPUS) >= 40


@pytest.mark.parametrize("name", sorted(hostile.CORPUS))
def test_hostile_file(name, no_hang):
    data = hostile.CORPUS[name]()
    hostile.fired.clear()
    report = LoadReport()
    no_hang(5)
    if name in DROPPED:
        flambeau.load(data, report=report)
        assert len(report.notes) == 2
    elif name in STUBS:
        flambeau.load(data, report=report)
        assert report.refused
        with pytest.raises(CheckpointError):
            load(data, strict_types=True)
    elif name in HONEST_WASTE:
        load(data)
    else:
        with pytest.raises(CheckpointError) as error:
            load(data)
        assert len(str(error.value)) < 2000
    no_hang(0)
    assert hostile.fired == []


@pytest.mark.parametrize("name", sorted(set(hostile.CORPUS) - HONEST_WASTE))
def test_hostile_file_takes_no_memory(name):
    data = hostile.CORPUS[name]()
    report = LoadReport()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        try:
            flambeau.load(data, report=report)
        except CheckpointError:
            pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # what an honest file of this length may need: its bytes, and Python's objects for them
    assert peak - before <= 2 * len(data) + (32 << 20)


def test_nothing_in_the_corpus_runs_or_imports(tmp_path):
    """In a process of its own, which watches itself through Python's audit hooks."""
    program = textwrap.dedent("""
        import sys
        import flambeau
        from flambeau.serialization import LoadReport
        from tests.serialization import hostile
        import pickle, encodings.idna, json.decoder, zipfile, tarfile, warnings  # now, not later
        import flambeau.serialization._tensors, flambeau.serialization._safetensors, flambeau.nn
        corpus = [build() for build in hostile.CORPUS.values()]
        flambeau.load(hostile.honest()["zip"]), flambeau.load(hostile.honest()["legacy"])
        seen = []
        bad = ("import", "exec", "compile", "os.system", "os.exec", "subprocess.Popen",
               "pickle.find_class", "ctypes.dlopen", "socket.connect")
        watching = True
        def hook(event, args):
            if watching and event in bad:
                seen.append((event, str(args)[:200]))
        sys.addaudithook(hook)
        for data in corpus:
            try:
                flambeau.load(data, report=LoadReport())
            except flambeau.errors.CheckpointError:
                pass
        watching = False
        assert not seen, seen
        assert not hostile.fired
        assert "antigravity" not in sys.modules
        print("quiet")
    """)
    root = Path(__file__).parents[2]
    env = {**os.environ, "PYTHONPATH": f"{root / 'src'}{os.pathsep}{root}"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        cwd=root, env=env, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.stdout.strip() == "quiet", done.stderr[-3000:]
    assert not Path("/tmp/flambeau-canary").exists()


@pytest.mark.parametrize("kind", ["zip", "legacy", "deflated", "safetensors"])
def test_truncated_at_every_percent(kind):
    data = hostile.honest()[kind]
    for percent in range(100):
        with pytest.raises(CheckpointError):
            load(data[: len(data) * percent // 100])


@pytest.mark.parametrize("kind", ["zip", "legacy", "deflated", "safetensors"])
def test_flipped_bits(kind):
    data = hostile.honest()[kind]
    chance = random.Random(0)
    caught = 0
    for _ in range(3000 if FULL else 300):
        at, bit = chance.randrange(len(data)), chance.randrange(8)
        flipped = data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]
        try:
            load(flipped)
        except CheckpointError:
            caught += 1
    assert caught > (100 if kind in ("zip", "deflated") else 20)


def test_a_flipped_bit_in_the_data_is_noticed():
    data = hostile.wrong_checksum()
    with pytest.raises(CheckpointIntegrityError, match="a/data/0"):
        load(data)


def test_random_bytes_as_pickles():
    chance = random.Random(1)
    opcodes = bytes(range(256))
    for _ in range(3000 if FULL else 500):
        body = bytes(chance.choice(opcodes) for _ in range(chance.randrange(1, 60)))
        try:
            load(hostile.pickled(body))
        except CheckpointError:
            pass


def test_a_stub_is_inert_and_keeps_what_the_file_said():
    data = hostile.pickled(
        hostile.CLASS + b"K\x07\x85\x81}"
        + hostile.text("lr") + b"G?\xb9\x99\x99\x99\x99\x99\x9a"
        + b"sb"
    )  # fmt: skip
    report = LoadReport()
    stub = flambeau.load(data, report=report)
    assert type(stub) is Stub
    assert (stub.module, stub.name) == ("tests.serialization.hostile", "CanaryClass")
    assert stub.args == (7,)
    assert stub.state == {"lr": 0.1}
    assert stub.lr == 0.1
    assert hostile.fired == []
    with pytest.raises(AttributeError, match="no attribute 'missing'"):
        stub.missing
    with pytest.raises(TypeError):
        stub()


def test_refused_objects_are_listed_once_with_their_places():
    data = hostile.pickled(b"}(" + hostile.text("cfg") + hostile.CALL + b")R" + hostile.text("n")
                           + b"K\x01u")  # fmt: skip
    with pytest.warns(flambeau.errors.CheckpointWarning) as caught:
        held = flambeau.load(data, weights_only=False)
    assert held["n"] == 1
    assert "['cfg']: tests.serialization.hostile.canary" in str(caught[0].message)
    with pytest.raises(flambeau.errors.CheckpointRefusedError, match="'cfg'"):
        flambeau.load(data, strict_types=True)


def test_limits_can_be_raised():
    deep = hostile.pickled(b"]" * 300 + b"a" * 299)
    with pytest.raises(flambeau.errors.CheckpointLimitError, match="max_depth"):
        load(deep)
    load(deep, limits=flambeau.serialization.Limits(max_depth=400))


def test_resident_memory_of_bombs_stays_small():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name in ("zip_bomb_in_the_pickle", "zip_bomb_in_a_storage"):
        data = hostile.CORPUS[name]()
        assert len(data) < 1 << 20
    made = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in ("expanded_to_a_terabyte", "storage_larger_than_its_entry", "long_text_8"):
            with pytest.raises(CheckpointError):
                load(hostile.CORPUS[name]())
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert after - max(made, before) < 64 << 10
