"""Whatever happens to the writer, a whole checkpoint is there."""

from __future__ import annotations

import json
import os
import resource
import stat
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

import flambeau
from flambeau.errors import CheckpointWriteError
from flambeau.serialization import save_safetensors, save_training
from flambeau.serialization._atomic import atomic_file

FULL = os.environ.get("FLAMBEAU_PARITY_FULL", "") not in ("", "0")
ROOT = Path(__file__).parents[2]
ENV = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", "JAX_PLATFORMS": "cpu"}


@pytest.mark.parametrize("kind", ["pt", "safetensors"])
def test_killed_at_random_moments(tmp_path, kind):
    times = 200 if FULL else 25
    done = subprocess.run(
        [sys.executable, "-m", "tests.serialization.killed_writer", tmp_path, str(times), kind],
        cwd=ROOT, env=ENV, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)
    assert found["whole"] == times
    assert found["last"] > 0
    assert found["leftovers"] > 0  # some were killed while they wrote


def fill(path: Path, limit: int, how: str) -> subprocess.CompletedProcess[str]:
    program = textwrap.dedent(f"""
        import resource, sys
        import flambeau
        from flambeau.serialization import save_async, save_safetensors
        big = {{"w": flambeau.ones(1_000_000)}}
        big["w"].sum().item()
        resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
        path = {str(path)!r}
        try:
            if {how!r} == "save":
                flambeau.save(big, path)
            elif {how!r} == "safetensors":
                save_safetensors(big, path)
            else:
                save_async(big, path).wait()
        except flambeau.errors.CheckpointWriteError as error:
            assert isinstance(error, OSError)
            print(error.errno, error)
    """)
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        env=ENV, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("how", ["save", "safetensors", "async"])
def test_full_disk(tmp_path, how):
    path = tmp_path / "x.ckpt"
    if how == "safetensors":
        save_safetensors({"w": flambeau.tensor([1.0])}, path)
    else:
        flambeau.save({"w": flambeau.tensor([1.0])}, path)
    before = path.read_bytes()
    for limit in (100, 1 << 20) if how == "save" else (1 << 20,):
        done = fill(path, limit, how)
        assert "could not write" in done.stdout, done.stderr[-2000:]
        assert "what was there before is untouched" in done.stdout
        assert path.read_bytes() == before
        assert [p.name for p in tmp_path.iterdir()] == ["x.ckpt"]
    assert flambeau.load(path)["w"].tolist() == [1.0]


def test_a_disk_that_is_too_small_is_found_before_writing(tmp_path, monkeypatch):
    class Small:
        f_bavail, f_frsize = 10, 4096

    monkeypatch.setattr(os, "statvfs", lambda _: Small)
    with pytest.raises(CheckpointWriteError, match="40960 are free"):
        flambeau.save(flambeau.zeros(1_000_000), tmp_path / "x.pt")
    assert list(tmp_path.iterdir()) == []


def test_an_error_while_writing_leaves_nothing(tmp_path):
    path = tmp_path / "x.pt"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), atomic_file(path) as file:
        file.write(b"new")
        raise ZeroDivisionError
    assert path.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_no_such_folder(tmp_path):
    with pytest.raises(CheckpointWriteError, match="could not write"):
        flambeau.save(1, tmp_path / "missing" / "x.pt")


def test_a_link_is_followed_and_permissions_are_kept(tmp_path):
    target = tmp_path / "target.pt"
    flambeau.save(1, target)
    target.chmod(0o640)
    (tmp_path / "link.pt").symlink_to(target)
    flambeau.save(2, tmp_path / "link.pt")
    assert (tmp_path / "link.pt").is_symlink()
    assert flambeau.load(target) == 2
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_it_is_flushed_before_it_is_renamed(tmp_path, monkeypatch):
    events = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)

        def spy(*args, name=name, real=real):
            events.append(name)
            return real(*args)

        monkeypatch.setattr(os, name, spy)
    flambeau.save(1, tmp_path / "x.pt")
    assert events == ["fsync", "replace", "fsync"]
    events.clear()
    flambeau.save(1, tmp_path / "x.pt", durable=False)
    assert events == ["replace"]


def test_threads_that_save_to_one_path(tmp_path):
    path = tmp_path / "x.pt"
    failures = []

    def work(i: int) -> None:
        try:
            for _ in range(5):
                flambeau.save({"i": i}, path, durable=False)
                assert flambeau.load(path)["i"] in range(4)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert failures == []


def test_old_training_files_go_only_after_the_new_one_is_there(tmp_path):
    layer = flambeau.nn.Linear(2, 1)
    for step in (1, 2):
        save_training(tmp_path / "r-{step}.ckpt", model=layer, step=step, keep_last=1)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (64, hard))
        with pytest.raises(CheckpointWriteError):
            save_training(tmp_path / "r-{step}.ckpt", model=layer, step=3, keep_last=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [p.name for p in tmp_path.iterdir()] == ["r-2.ckpt"]
