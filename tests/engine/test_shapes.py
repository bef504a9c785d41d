"""Shapes on disk: found again by another process, never trusted when damaged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from flambeau._config import config
from flambeau._engine import disk, shapes

SCRIPT = """
import json
import jax
asked, evaluate = [], jax.eval_shape
jax.eval_shape = lambda fn, *args: asked.append(1) or evaluate(fn, *args)
import flambeau as torch
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Unflatten(0, (1, 2)))
rnn = torch.nn.RNN(4, 2)
out, last = rnn(model(torch.randn(2, 3)))
value, place = torch.max(out, 1)
(value.sum() + out.mT.mean() + last.sum()).backward()
try:
    torch.ones(2, 3) @ torch.ones(2, 3)
    error = None
except RuntimeError as found:
    error = str(found)
print(json.dumps({
    "grads": [p.grad.tolist() for p in (*model.parameters(), *rnn.parameters())],
    "place": place.tolist(), "asked": len(asked), "error": error,
}))
"""


def run(cache: Path) -> dict:
    src = Path(__file__).parents[2] / "src"
    env = {**os.environ, "FLAMBEAU_CACHE_DIR": str(cache), "PYTHONPATH": str(src)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=env, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def test_the_next_process_asks_for_nothing_but_what_it_has_to_learn(tmp_path):
    cold, warm = run(tmp_path), run(tmp_path)
    # The RNN's forward says how its backward is called; the wrong product was never answered.
    assert cold.pop("asked") > 10
    assert warm.pop("asked") == 2
    assert cold == warm
    assert "3" in cold["error"]
    assert (tmp_path / "shapes").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("damage", [b"", b"[1]", b"\xff", None])
def test_a_damaged_file_counts_as_absent(tmp_path, damage):
    cold = run(tmp_path)
    (file,) = (tmp_path / "shapes").iterdir()
    names = json.loads(file.read_bytes())
    file.write_bytes(
        json.dumps({key: [1, 2] for key in names}).encode() if damage is None else damage
    )
    for path in disk.contents(tmp_path):
        Path(path.path).unlink()
    assert run(tmp_path) == cold
    assert json.loads(file.read_bytes()) == names


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.setattr(config, "cache_dir", tmp_path)
    monkeypatch.setattr(shapes, "_table", shapes._Table())
    return shapes._table


ONE = (True, [((2, 3), "bfloat16")])
TWO = (False, [((), "int64"), ((4,), "bool")])


def forget():
    shapes._table.__init__()


def test_answers_come_back_as_they_were(table):
    shapes.note("a", ONE)
    shapes.note("b", TWO)
    assert shapes.known("a") is None  # it is for the next process
    shapes.keep()
    forget()
    assert shapes.known("a") == ONE
    assert shapes.known("b") == TWO
    assert shapes.known("c") is None


def test_what_other_processes_wrote_stays(table):
    shapes.note("a", ONE)
    other = shapes._Table()
    mine, shapes._table = shapes._table, other
    shapes.note("b", TWO)
    shapes.keep()
    shapes._table = mine
    shapes.keep()
    forget()
    assert shapes.known("a") == ONE
    assert shapes.known("b") == TWO


def test_the_oldest_answers_go(table, monkeypatch):
    monkeypatch.setattr(shapes, "LIMIT", 3)
    for name in "abcd":
        shapes.note(name, ONE)
    shapes.keep()
    forget()
    assert [shapes.known(name) for name in "abcd"] == [None, ONE, ONE, ONE]


def test_files_of_old_versions_go(table, tmp_path):
    folder = tmp_path / "shapes"
    folder.mkdir()
    for i in range(shapes.VERSIONS + 2):
        (folder / f"v{i}").write_text("{}")
        os.utime(folder / f"v{i}", (i, i))
    shapes.note("a", ONE)
    shapes.keep()
    names = {file.name for file in folder.iterdir()}
    assert len(names) == shapes.VERSIONS + 1
    assert not {"v0", "v1"} & names
    assert disk.clear(tmp_path) == (0, 0)
    assert list(folder.iterdir()) == []


def test_without_a_folder_nothing_is_kept(table, tmp_path, monkeypatch):
    monkeypatch.setattr(config, "cache_dir", None)
    shapes.note("a", ONE)
    shapes.keep()
    assert shapes.known("a") is None
    assert list(tmp_path.iterdir()) == []
