"""`flambeau inspect`, `convert` and `diff`."""

from __future__ import annotations

import argparse
import contextlib
import os

import numpy as np
import pytest
import safetensors.torch
from typer.testing import CliRunner

import flambeau
from flambeau.cli import app
from tests.oracle import torch

pytestmark = pytest.mark.filterwarnings("ignore:ComplexHalf support")


def run(*args, code=0):
    result = CliRunner().invoke(app, [str(a) for a in args])
    assert result.exit_code == code, result.output
    return result.output


@pytest.fixture
def checkpoint(tmp_path):
    weight = torch.tensor([[1.0, 2.0], [3.0, float("inf")]])
    tree = {
        "model": {
            "fc.weight": weight,
            "tied": weight,
            "row": weight[0],
            "b": torch.ones(3).bfloat16(),
        },
        "epoch": 3,
        "args": argparse.Namespace(lr=0.1),
        "states": [{"step": torch.tensor(7)}],
    }
    torch.save(tree, tmp_path / "x.pt")
    return tmp_path / "x.pt"


def test_inspect(checkpoint):
    out = run("inspect", checkpoint)
    assert "zip" in out
    assert "model/fc.weight  2x2     float32" in out
    assert "= model/fc.weight" in out
    assert "shares memory with model/fc.weight" in out
    assert "states/0/step" in out
    assert "5 tensors, 10 elements, 30 B in 3 storages" in out
    assert "refused: ['args']: argparse.Namespace" in out
    assert "2 other values" in out


def test_inspect_statistics_and_tree(checkpoint):
    out = run("inspect", checkpoint, "--stats", "--tree")
    line = next(line for line in out.splitlines() if "model/fc.weight  2x2" in line)
    assert line.split()[-7:] == ["1", "3", "2", "0.8165", "1", "not", "finite"]
    assert "epoch: 3" in out
    assert "args: <stub of argparse.Namespace>" in out


def test_inspect_reads_no_data(tmp_path):
    # a sparse file of 100 GiB: reading it would take minutes, its pages are not there
    path = tmp_path / "big.safetensors"
    import json
    import struct

    n = 25 << 30
    header = json.dumps({"w": {"dtype": "F32", "shape": [n], "data_offsets": [0, 4 * n]}}).encode()
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(header)) + header)
        f.truncate(8 + len(header) + 4 * n)
    assert "100.0 GiB" in run("inspect", path)


def test_inspect_of_what_is_no_checkpoint(tmp_path):
    (tmp_path / "x.pt").write_bytes(b"hello world, this is text")
    assert "no checkpoint format begins with" in run("inspect", tmp_path / "x.pt", code=2)
    assert "cannot open" in run("inspect", tmp_path / "missing.pt", code=2)


def test_convert_there_and_back(tmp_path):
    tree = {"a": torch.randn(3, 4), "b": torch.arange(5), "h": torch.randn(2).bfloat16()}
    tree["tied"] = tree["a"]
    torch.save(tree, tmp_path / "x.pt")
    assert "(zip) ->" in run("convert", tmp_path / "x.pt", tmp_path / "y.safetensors")
    held = safetensors.torch.load_file(tmp_path / "y.safetensors")
    assert set(held) == {"a", "b", "h"}
    assert torch.equal(held["h"], tree["h"])
    run("convert", tmp_path / "y.safetensors", tmp_path / "z.pt")
    back = torch.load(tmp_path / "z.pt", weights_only=True)
    assert set(back) == set(tree)
    assert back["tied"].data_ptr() == back["a"].data_ptr()
    assert all(torch.equal(back[n], tree[n]) for n in tree)
    assert "4 the same, 0 different" in run("diff", tmp_path / "x.pt", tmp_path / "z.pt")


def test_convert_to_numpy_and_back(tmp_path):
    tree = {"a": torch.randn(3, 4).t(), "b": torch.arange(5), "h": torch.ones(2).bfloat16()}
    torch.save(tree, tmp_path / "x.pt")
    out = run("convert", tmp_path / "x.pt", tmp_path / "y.npz")
    assert "1 tensors were widened to float32" in out
    arrays = np.load(tmp_path / "y.npz")
    np.testing.assert_array_equal(arrays["a"], tree["a"].numpy())
    run("convert", tmp_path / "y.npz", tmp_path / "z.pt")
    back = torch.load(tmp_path / "z.pt", weights_only=True)
    assert torch.equal(back["b"], tree["b"])
    assert "dtype bfloat16 and float32" in run("diff", tmp_path / "x.pt", tmp_path / "z.pt", code=1)


def test_convert_takes_the_part_that_is_a_state_dict(checkpoint, tmp_path):
    run("convert", checkpoint, tmp_path / "y.safetensors")
    assert set(safetensors.torch.load_file(tmp_path / "y.safetensors")) == {"fc.weight", "row", "b"}
    run("convert", checkpoint, tmp_path / "z.pt", "--key", "model")
    assert "fc.weight" in torch.load(tmp_path / "z.pt", weights_only=True)
    out = run("convert", checkpoint, tmp_path / "no.pt", code=2)
    assert "['args'] is the <stub of argparse.Namespace>" in out.replace("\n", " ")
    assert not os.path.exists(tmp_path / "no.pt")
    assert "no 'nothing'" in run(
        "convert", checkpoint, tmp_path / "n.pt", "--key", "nothing", code=2
    )
    assert "names no format" in run("convert", checkpoint, tmp_path / "x.xyz", code=2)


@pytest.mark.parametrize("command", ["convert", "inspect", "diff"])
def test_a_long_command_shows_how_much_is_done(tmp_path, monkeypatch, command):
    from flambeau.cli import convert, diff, inspect

    told: list[int] = []

    @contextlib.contextmanager
    def moving(text, total):
        told.append(total)
        yield lambda count: told.append(-count)

    module = {"convert": convert, "inspect": inspect, "diff": diff}[command]
    monkeypatch.setattr(module, "moving", moving)
    file = tmp_path / "x.pt"
    flambeau.save({"a": flambeau.ones(2), "b": flambeau.ones(3)}, file)
    more = {"convert": [tmp_path / "y.safetensors"], "inspect": ["--stats"], "diff": [file]}
    run(command, file, *more[command])
    assert told == [20, -8, -12]


def test_diff(tmp_path):
    a = {"same": torch.ones(2), "v": torch.zeros(4), "s": torch.zeros(2, 3), "d": torch.ones(2),
         "gone": torch.ones(1), "n": 1, "nan": torch.tensor(float("nan"))}  # fmt: skip
    b = {"same": torch.ones(2), "v": torch.tensor([0.0, 0, 0.5, 0]), "s": torch.zeros(3, 2),
         "d": torch.ones(2).double(), "new": torch.ones(1), "n": 2,
         "nan": torch.tensor(float("nan"))}  # fmt: skip
    torch.save(a, tmp_path / "a.pt")
    torch.save(b, tmp_path / "b.pt")
    out = run("diff", tmp_path / "a.pt", tmp_path / "b.pt", code=1)
    assert "a.pt: gone" in out
    assert "b.pt: new" in out
    assert "v: 1 of 4 values differ, by at most 0.5" in out
    assert "s: shape (2, 3) and (3, 2), transposed" in out
    assert "d: dtype float32 and float64" in out
    assert "n: 1 and 2" in out
    assert "2 the same, 6 different" in out
    assert "v: " not in run("diff", "--names-only", tmp_path / "a.pt", tmp_path / "b.pt", code=1)
