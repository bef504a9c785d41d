"""safetensors in and out, checked against the library of that name."""

from __future__ import annotations

import json

import numpy as np
import pytest
import safetensors
import safetensors.torch

import flambeau
from flambeau.errors import CheckpointFormatError, CheckpointTypeError, CheckpointWarning
from flambeau.serialization import (
    Limits,
    LoadReport,
    load_safetensors,
    save_safetensors,
    save_sharded,
)
from tests.oracle import torch
from tests.serialization.trees import TensorComparison, random_tensor

NAMES = [
    "bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "float16",
    "bfloat16", "float32", "float64", "complex64", "float8_e4m3fn", "float8_e5m2",
    "float8_e8m0fnu",
]  # fmt: skip


def test_every_dtype_both_ways(tmp_path):
    tree = {n: random_tensor(getattr(torch, n), 24, i).reshape(4, 6) for i, n in enumerate(NAMES)}
    tree["empty"] = torch.empty(0, 3)
    tree["scalar"] = torch.tensor(2.5)
    safetensors.torch.save_file(tree, tmp_path / "theirs.safetensors")
    for options in ({}, {"mmap": True}):
        held = load_safetensors(tmp_path / "theirs.safetensors", **options)
        assert set(held) == set(tree)
        TensorComparison().same({n: tree[n] for n in held}, held)
    save_safetensors(held, tmp_path / "ours.safetensors")
    back = safetensors.torch.load_file(tmp_path / "ours.safetensors")
    assert set(back) == set(tree)
    for name, tensor in tree.items():
        assert back[name].dtype == tensor.dtype
        assert back[name].shape == tensor.shape
        flat = [t.reshape(-1).view(torch.uint8) for t in (back[name], tensor) if t.numel()]
        assert not flat or torch.equal(*flat)


def test_metadata(tmp_path):
    path = tmp_path / "x.safetensors"
    save_safetensors({"a": flambeau.tensor([1.0])}, path, metadata={"format": "pt", "é": "ü"})
    with safetensors.safe_open(path, "pt") as f:
        assert f.metadata() == {"format": "pt", "é": "ü"}
    report = LoadReport()
    load_safetensors(path, report=report)
    assert report.metadata == {"format": "pt", "é": "ü"}
    with pytest.raises(CheckpointTypeError, match="'n' is a int"):
        save_safetensors({}, path, metadata={"n": 1})


def test_ties_stay_ties(tmp_path):
    path = tmp_path / "x.safetensors"
    embed = flambeau.tensor([[1.0, 2.0], [3.0, 4.0]])
    save_safetensors({"embed": embed, "head": embed, "bias": flambeau.tensor([1.0])}, path)
    with safetensors.safe_open(path, "pt") as f:
        assert set(f.keys()) == {"embed", "bias"}
        assert f.metadata() == {"head": "embed"}
    held = load_safetensors(path)
    assert held["head"] is held["embed"]
    assert held["head"].tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_ties_of_the_library_are_understood(tmp_path):
    model = torch.nn.ModuleDict({"a": torch.nn.Linear(2, 2), "b": torch.nn.Linear(2, 2)})
    model["b"].weight = model["a"].weight
    safetensors.torch.save_model(model, str(tmp_path / "m.safetensors"))
    held = load_safetensors(tmp_path / "m.safetensors")
    assert set(held) == set(model.state_dict())
    assert held["a.weight"] is held["b.weight"]
    save_safetensors(held, tmp_path / "again.safetensors")
    fresh = torch.nn.ModuleDict({"a": torch.nn.Linear(2, 2), "b": torch.nn.Linear(2, 2)})
    fresh["b"].weight = fresh["a"].weight
    safetensors.torch.load_model(fresh, str(tmp_path / "again.safetensors"))
    assert torch.equal(fresh["b"].weight, model["a"].weight)


def test_views_that_overlap_are_copied_and_said_so(tmp_path):
    file = flambeau.load(_torch_bytes({"x": (x := torch.arange(6.0)), "y": x[2:4]}))
    with pytest.warns(CheckpointWarning, match="y is written as copies"):
        save_safetensors(file, tmp_path / "x.safetensors")
    assert load_safetensors(tmp_path / "x.safetensors")["y"].tolist() == [2.0, 3.0]


def _torch_bytes(tree):
    import io

    file = io.BytesIO()
    torch.save(tree, file)
    return file.getvalue()


def test_transposed_tensors_are_written_in_order(tmp_path):
    held = flambeau.load(_torch_bytes({"x": torch.arange(6.0).reshape(2, 3).t()}))
    save_safetensors(held, tmp_path / "x.safetensors")
    back = safetensors.torch.load_file(tmp_path / "x.safetensors")
    assert back["x"].tolist() == [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]


def test_only_some_names(tmp_path):
    path = tmp_path / "x.safetensors"
    save_safetensors({n: flambeau.tensor([1.0]) for n in "abc"}, path)
    assert set(load_safetensors(path, names=["a", "c"])) == {"a", "c"}
    with pytest.raises(KeyError, match="'z'"):
        load_safetensors(path, names=["z"])


def test_numpy_arrays_can_be_written(tmp_path):
    save_safetensors(
        {"a": np.arange(6, dtype=np.int32).reshape(2, 3).T}, tmp_path / "x.safetensors"
    )
    assert load_safetensors(tmp_path / "x.safetensors")["a"].tolist() == [[0, 3], [1, 4], [2, 5]]


def test_other_values_are_refused_with_the_way_out(tmp_path):
    for value in ({"a": 1}, {"a": {"b": flambeau.tensor([1.0])}}, {1: flambeau.tensor([1.0])}):
        with pytest.raises(CheckpointTypeError, match="safetensors: "):
            save_safetensors(value, tmp_path / "x.safetensors")
    with pytest.raises(CheckpointTypeError, match="complex128, which the format lacks"):
        save_safetensors({"z": flambeau.tensor([1j]).to(flambeau.complex128)}, tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def sharded(tmp_path):
    tensors = {f"layer.{i}.weight": flambeau.tensor([[float(i)] * 8] * 4) for i in range(7)}
    tensors["tied"] = tensors["layer.0.weight"]
    files = save_sharded(tensors, tmp_path / "model.safetensors", max_shard_size=300)
    return tensors, files


def test_shards_and_their_index(tmp_path):
    tensors, files = sharded(tmp_path)
    assert [f.rsplit("/", 1)[1] for f in files] == [
        "model-00001-of-00004.safetensors", "model-00002-of-00004.safetensors",
        "model-00003-of-00004.safetensors", "model-00004-of-00004.safetensors",
        "model.safetensors.index.json",
    ]  # fmt: skip
    report = LoadReport()
    held = flambeau.load(files[-1], report=report)
    assert list(held) == list(tensors)
    assert held["tied"] is held["layer.0.weight"]
    assert report.format == "sharded"
    assert report.tensors == 7
    for name, tensor in tensors.items():
        assert held[name].tolist() == tensor.tolist()
    index = json.loads((tmp_path / "model.safetensors.index.json").read_text())
    assert index["metadata"]["total_size"] == 7 * 4 * 8 * 4
    for file in set(index["weight_map"].values()):
        safetensors.torch.load_file(tmp_path / file)


def test_an_index_over_torch_files(tmp_path):
    torch.save({"a": torch.ones(2)}, tmp_path / "p-1.bin")
    torch.save({"b": torch.zeros(2)}, tmp_path / "p-2.bin")
    index = {"metadata": {"total_size": 16}, "weight_map": {"b": "p-2.bin", "a": "p-1.bin"}}
    (tmp_path / "pytorch_model.bin.index.json").write_text(json.dumps(index))
    held = flambeau.load(tmp_path / "pytorch_model.bin.index.json")
    assert list(held) == ["b", "a"]
    assert held["a"].tolist() == [1.0, 1.0]
    assert held["b"].tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ({"weight_map": {"a": "../secret.safetensors"}}, "not in its folder"),
        ({"weight_map": {"a": "/etc/passwd"}}, "not in its folder"),
        ({"weight_map": {"a": ".."}}, "not in its folder"),
        ({"weight_map": {"a": "missing.safetensors"}}, "cannot be opened"),
        ({"weight_map": {"nothing": "real.safetensors"}}, "lacks 1 tensors"),
        ({"weight_map": {"a": 1}}, "no index"),
        ({"weight_map": []}, "no index"),
        ([], "no index"),
    ],
)
def test_hostile_index(tmp_path, index, message):
    save_safetensors({"a": flambeau.tensor([1.0])}, tmp_path / "real.safetensors")
    path = tmp_path / "model.safetensors.index.json"
    path.write_text(json.dumps(index))
    with pytest.raises(CheckpointFormatError, match=message):
        flambeau.load(path)


def test_header_limit(tmp_path):
    save_safetensors({"a": flambeau.tensor([1.0])}, tmp_path / "x.safetensors")
    with pytest.raises(flambeau.errors.CheckpointLimitError, match="max_header_bytes"):
        flambeau.load(tmp_path / "x.safetensors", limits=Limits(max_header_bytes=10))
