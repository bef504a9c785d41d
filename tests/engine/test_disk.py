"""Programs on disk: found again by another process, never trusted when damaged."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from flambeau._engine import disk

SCRIPT = """
import flambeau as torch
from flambeau._engine.program import stats
x = torch.ones(3, requires_grad=True)
(x.exp() * 2).sum().backward()
print(round(x.grad.sum().item(), 4), stats.programs, stats.from_disk)
"""


def run(cache: Path) -> str:
    src = Path(__file__).parents[2] / "src"
    env = {**os.environ, "FLAMBEAU_CACHE_DIR": str(cache), "PYTHONPATH": str(src)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=env, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_the_next_process_takes_programs_from_disk(tmp_path):
    cold = run(tmp_path).split()
    warm = run(tmp_path).split()
    assert cold[0] == warm[0] == "16.3097"
    assert cold[2] == "0"
    assert warm[1] == warm[2] != "0"


def test_a_damaged_file_is_compiled_again(tmp_path):
    run(tmp_path)
    for file in tmp_path.iterdir():
        if file.is_file():
            file.write_bytes(file.read_bytes()[:50])
    value, _, from_disk = run(tmp_path).split()
    assert value == "16.3097"
    assert from_disk == "0"


def test_the_folder_is_the_users_own(tmp_path):
    run(tmp_path / "programs")
    assert (tmp_path / "programs").stat().st_mode & 0o077 == 0


def test_the_oldest_programs_go_when_the_folder_is_full(tmp_path, monkeypatch):
    for i in range(5):
        file = tmp_path / f"p{i}"
        file.write_bytes(b"x" * 100)
        os.utime(file, (i, i))
    monkeypatch.setattr(disk, "LIMIT_BYTES", 250)
    disk._trim(tmp_path)
    assert sorted(f.name for f in tmp_path.iterdir()) == ["p3", "p4"]
