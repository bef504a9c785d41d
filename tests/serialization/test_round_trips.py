"""Files of PyTorch read here, files written here read by PyTorch: nothing is lost."""

from __future__ import annotations

import io
import os
import warnings
from collections import Counter, OrderedDict, defaultdict
from typing import Any

import hypothesis
import numpy as np
import pytest

import flambeau
from flambeau.serialization import LoadReport
from flambeau.serialization._limits import Limits
from flambeau.serialization._pt_reader import RecordAdapter, read_pt
from flambeau.serialization._pt_writer import write_pt
from flambeau.serialization._source import open_source
from tests.oracle import torch
from tests.serialization.trees import (
    DTYPES,
    RecordComparison,
    TensorComparison,
    TorchComparison,
    is_plain,
    random_tensor,
    trees,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore:ComplexHalf support"),
    pytest.mark.filterwarnings("ignore:TypedStorage is deprecated"),
]
FULL = os.environ.get("FLAMBEAU_PARITY_FULL", "") not in ("", "0")
SLOW_OK = [hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.data_too_large]


def records(data: Any, **options: Any) -> Any:
    return read_pt(
        open_source(data), RecordAdapter(), limits=Limits(), report=LoadReport(), **options
    )


def torch_bytes(obj: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.save(obj, file, **options)
    return file.getvalue()


def torch_load(data: bytes, **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.load(io.BytesIO(data), **options)


@hypothesis.settings(max_examples=1000 if FULL else 200, suppress_health_check=SLOW_OK)
@hypothesis.given(trees())
def test_random_trees_both_ways(tree):
    held = records(torch_bytes(tree))
    RecordComparison().same(tree, held)
    file = io.BytesIO()
    write_pt(held, file, is_plain)
    TorchComparison().same(tree, torch_load(file.getvalue(), weights_only=True))


@hypothesis.settings(max_examples=200 if FULL else 40, suppress_health_check=SLOW_OK)
@hypothesis.given(trees())
def test_random_trees_in_the_legacy_format(tree):
    data = torch_bytes(tree, _use_new_zipfile_serialization=False)
    RecordComparison().same(tree, records(data))


@hypothesis.settings(max_examples=100 if FULL else 12, suppress_health_check=SLOW_OK)
@hypothesis.given(trees(max_leaves=5))
def test_random_trees_as_tensors(tree):
    held = flambeau.load(io.BytesIO(torch_bytes(tree)), report=LoadReport())
    TensorComparison().same(tree, held)
    file = io.BytesIO()
    flambeau.save(held, file)
    again = torch_load(file.getvalue(), weights_only=True)
    TensorComparison().same(again, held)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("new_format", [True, False], ids=["zip", "legacy"])
def test_every_dtype(dtype, new_format):
    tensor = random_tensor(dtype, 24, 3).reshape(2, 3, 4)
    data = torch_bytes(tensor, _use_new_zipfile_serialization=new_format)
    TensorComparison().same(tensor, flambeau.load(data, report=LoadReport()))
    file = io.BytesIO()
    flambeau.save(flambeau.load(data, report=LoadReport()), file)
    back = torch_load(file.getvalue(), weights_only=True)
    if dtype is torch.complex32:  # widened, and said so
        with pytest.warns(flambeau.errors.CheckpointWarning, match="complex32"):
            flambeau.load(data)
        assert back.dtype is torch.complex64
    else:
        TorchComparison().same(tensor, back)


def test_lazy_conjugate_and_negation_are_resolved():
    z = torch.tensor([1 + 2j, 3 - 4j])
    tree = {"z": z, "conj": z.conj(), "neg": z.clone().conj().imag}
    held = flambeau.load(torch_bytes(tree))
    assert held["z"].tolist() == [1 + 2j, 3 - 4j]
    assert held["conj"].tolist() == [1 - 2j, 3 + 4j]
    assert held["neg"].tolist() == [-2.0, 4.0]


def test_views_write_through_and_ties_are_one_object():
    base = torch.arange(6.0)
    tied = torch.nn.Parameter(torch.ones(2))
    tree = {"base": base, "row": base[2:4], "a": tied, "b": tied, "grid": base.view(2, 3).t()}
    held = flambeau.load(torch_bytes(tree))
    assert held["a"] is held["b"]
    assert isinstance(held["a"], flambeau.nn.Parameter)
    flambeau.save(held, file := io.BytesIO())
    TorchComparison().same(tree, torch_load(file.getvalue(), weights_only=True))


def test_module_and_optimizer_state_dicts():
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    model(torch.randn(5, 3)).sum().backward()
    optimizer.step()
    tree = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3}
    held = flambeau.load(torch_bytes(tree))
    assert type(held["model"]) is OrderedDict
    assert held["model"]._metadata == model.state_dict()._metadata
    TensorComparison().same(tree, held)
    flambeau.save(held, file := io.BytesIO())
    back = torch_load(file.getvalue(), weights_only=True)
    TorchComparison().same(tree, back)
    fresh = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    fresh.load_state_dict(back["model"])
    torch.optim.AdamW(fresh.parameters()).load_state_dict(back["optimizer"])


NUMPY_VALUES = [
    np.arange(6, dtype=np.int16).reshape(2, 3),
    np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    np.array(2.5, np.float32),
    np.float64(1.5),
    np.int8(-3),
    np.bool_(True),
    np.array(["ab", "c"]),
    np.array([b"ab", b"c"]),
    np.array([1, 2], ">i4"),
    np.zeros((0, 3)),
    np.array(["2020-01-02", "NaT"], "datetime64[ns]"),
    np.array([(1, 2.0), (3, 4.0)], [("a", "i4"), ("b", "f8")]),
    np.dtype("f4"),
]


@pytest.mark.parametrize("value", NUMPY_VALUES, ids=lambda v: f"{type(v).__name__}-{v}"[:30])
def test_numpy_values(value):
    held = flambeau.load(torch_bytes({"x": value}))["x"]
    assert type(held) is type(value)
    if isinstance(value, np.dtype):
        assert held == value
        return
    # NumPy turns arrays of the other byte order when it unpickles them
    assert held.dtype == value.dtype.newbyteorder("=")
    assert held.shape == value.shape
    assert held.tobytes() == value.astype(held.dtype).tobytes()


def test_numpy_values_of_pickle_protocol_5():
    tree = {"x": np.arange(4.0), "y": np.float32(2)}
    held = flambeau.load(torch_bytes(tree, pickle_protocol=5))
    assert held["x"].tolist() == [0, 1, 2, 3]
    assert held["y"] == 2


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_pickle_protocols(protocol):
    tree = {
        "list": [1, 2.5, None, True, "é\ud800", b"\x00\xff", 2**80, -1],
        "tuple": (1, (2, (3, 4, 5, 6)), ()),
        "sets": [{1, 2}, frozenset({3})],
        "other": [Counter("aab"), defaultdict(list, {1: [2]}), bytearray(b"xy"), slice(1, None)],
        "range": range(1, 9, 2),
        "complex": 1 - 2j,
        "long": "x" * 300,
        "tensor": torch.arange(3),
    }
    held = flambeau.load(torch_bytes(tree, pickle_protocol=protocol))
    tensor, ours = tree.pop("tensor"), held.pop("tensor")
    assert held == tree
    assert {k: type(v) for k, v in held.items()} == {k: type(v) for k, v in tree.items()}
    assert type(held["other"][1]) is defaultdict
    assert held["other"][1].default_factory is list
    TensorComparison().same(tensor, ours)


def test_a_cycle_survives():
    loop: list[Any] = [1]
    loop.append({"me": loop})
    held = flambeau.load(torch_bytes(loop))
    assert held[1]["me"] is held
    flambeau.save(held, file := io.BytesIO())
    back = torch_load(file.getvalue(), weights_only=True)
    assert back[1]["me"] is back


def test_meta_tensors_have_no_data():
    held = flambeau.load(torch_bytes(torch.empty(3, 4, device="meta")))
    assert held.is_meta
    assert tuple(held.shape) == (3, 4)
    flambeau.save(held, file := io.BytesIO())
    assert torch_load(file.getvalue(), weights_only=True).device.type == "meta"


def test_files_of_the_other_byte_order():
    tree = {"f": torch.arange(4.0), "c": torch.tensor([1 + 2j]), "b": torch.tensor([True])}
    data = torch_bytes(tree)
    import zipfile

    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            raw = old.read(name)
            if name.endswith("byteorder"):
                raw = b"big"
            elif name.endswith(("data/0", "data/1")):
                raw = np.frombuffer(raw, "<u4").byteswap().tobytes()
            new.writestr(name, raw)
    TensorComparison().same(torch_load(out.getvalue()), flambeau.load(out.getvalue()))
    TensorComparison().same(tree, flambeau.load(out.getvalue()))


def test_mmap_gives_the_same(tmp_path):
    tree = {"a": torch.randn(50, 3), "b": torch.arange(7), "h": torch.randn(3).bfloat16()}
    tree["t"] = tree["a"].t()
    for new_format in (True, False):
        torch.save(tree, tmp_path / "x.pt", _use_new_zipfile_serialization=new_format)
        held = flambeau.load(tmp_path / "x.pt", mmap=True)
        TensorComparison().same(tree, held)
        if hasattr(held["a"], "zero_"):
            held["a"].zero_()  # in memory; the file stays as it is
        assert torch.equal(torch.load(tmp_path / "x.pt")["a"], tree["a"])


def test_files_without_checksums():
    old = torch.serialization.get_crc32_options()
    torch.serialization.set_crc32_options(False)
    try:
        data = torch_bytes(torch.arange(5))
    finally:
        torch.serialization.set_crc32_options(old)
    assert flambeau.load(data).tolist() == [0, 1, 2, 3, 4]


def test_files_compressed_by_hand():
    import zipfile

    data = torch_bytes({"x": torch.randn(1000)})
    out = io.BytesIO()
    packed = zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED)
    with zipfile.ZipFile(io.BytesIO(data)) as old, packed as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    TensorComparison().same(torch_load(data), flambeau.load(out.getvalue()))


def test_plain_pickles_of_numpy_arrays():
    import pickle

    for protocol in range(6):
        data = pickle.dumps({"a": np.arange(3), "b": [1.5, "x"]}, protocol)
        if protocol < 2:  # text: told from a checkpoint by nothing
            with pytest.raises(flambeau.errors.CheckpointFormatError):
                flambeau.load(data)
            continue
        held = flambeau.load(data)
        assert held["a"].tolist() == [0, 1, 2]
        assert held["b"] == [1.5, "x"]


@pytest.mark.parametrize(
    "value",
    [
        {"x": [1, object()]},
        {"f": len},
        {"c": dict},
        {"g": (i for i in ())},
        {"s": slice(1)},
    ],
)
def test_what_cannot_be_written_is_named(value, tmp_path):
    (path,) = (f"['{k}']" for k in value)
    with pytest.raises(flambeau.errors.CheckpointTypeError) as error:
        flambeau.save(value, tmp_path / "x.pt")
    assert path in str(error.value)
    assert isinstance(error.value, TypeError)
    assert list(tmp_path.iterdir()) == []


def tar_checkpoint() -> bytes:
    """What PyTorch before 0.1.2 wrote: two tensors over one storage, and a view of a storage."""
    import pickle
    import struct

    from tests.serialization.hostile import tar_block

    def stream(*values: bytes) -> bytes:
        return b"".join(values)

    def description(key: int, second: bytes, cls: str) -> bytes:
        return b"\x80\x02K" + bytes([key]) + second + f"ctorch\n{cls}\n".encode() + b"\x87."

    data = np.arange(6, dtype="<f4").tobytes()
    storages = stream(
        pickle.dumps(1, 2),
        description(10, _text("cpu"), "FloatStorage"),
        struct.pack("<q", 6), data,
        pickle.dumps([(11, 10, 2, 3)], 2),
    )  # fmt: skip
    tensors = stream(
        pickle.dumps(3, 2),
        description(1, b"K\x0a", "FloatTensor"), struct.pack("<ii5q", 2, 0, 2, 3, 3, 1, 0),
        description(2, b"K\x0a", "FloatTensor"), struct.pack("<ii3q", 1, 0, 2, 1, 4),
        description(3, b"K\x0b", "FloatTensor"), struct.pack("<ii3q", 1, 0, 3, 1, 0),
    )  # fmt: skip
    body = b"\x80\x02}(" + b"".join(
        _text(name) + _text(key) + b"Q" for name, key in (("a", "1"), ("b", "2"), ("c", "3"))
    ) + b"u."  # fmt: skip
    info = pickle.dumps({"little_endian": True, "protocol_version": 1000}, 2)
    parts = {"sys_info": info, "pickle": body, "storages": storages, "tensors": tensors}
    return b"".join(tar_block(name, raw) for name, raw in parts.items()) + b"\0" * 1024


def _text(text: str) -> bytes:
    return b"X" + len(text).to_bytes(4, "little") + text.encode()


def test_the_tar_format(tmp_path):
    data = tar_checkpoint()
    held = flambeau.load(data)
    assert held["a"].tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    assert held["b"].tolist() == [4.0, 5.0]
    assert held["c"].tolist() == [2.0, 3.0, 4.0]
    assert held["a"]._storage is held["b"]._storage
    (tmp_path / "x.tar").write_bytes(data)
    theirs = torch.load(tmp_path / "x.tar", weights_only=False)
    assert {n: t.tolist() for n, t in theirs.items()} == {n: t.tolist() for n, t in held.items()}


def test_map_location(tmp_path):
    data = torch_bytes({"x": torch.ones(2), "m": torch.ones(1)})
    assert flambeau.load(data, map_location="meta")["x"].is_meta
    seen = []

    def where(storage, location):
        seen.append((storage.nbytes, location))
        return storage

    assert flambeau.load(data, map_location=where)["x"].tolist() == [1.0, 1.0]
    assert seen == [(8, "cpu"), (4, "cpu")]
    assert flambeau.load(data, map_location={"cpu": "meta"})["x"].is_meta
    assert flambeau.load(data, map_location=flambeau.device("cpu"))["m"].item() == 1
    elsewhere = data.replace(b"X\x03\x00\x00\x00cpu", b"X\x03\x00\x00\x00tpu")
    elsewhere = _with_correct_checksums(elsewhere)
    with pytest.raises(flambeau.errors.CheckpointDeviceError, match="map_location='cpu'"):
        flambeau.load(elsewhere)
    assert flambeau.load(elsewhere, map_location="cpu")["x"].tolist() == [1.0, 1.0]


def _with_correct_checksums(data: bytes) -> bytes:
    import zipfile

    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for info in old.infolist():
            old.open(info)._expected_crc = None
            with old.open(info) as entry:
                entry._expected_crc = None
                new.writestr(info.filename, entry.read())
    return out.getvalue()


def test_file_objects_and_arguments(tmp_path):
    with open(tmp_path / "x.pt", "wb") as f:
        flambeau.save([1, 2], f)
    with open(tmp_path / "x.pt", "rb") as f:
        assert flambeau.load(f, weights_only=True, encoding="latin1") == [1, 2]
    with pytest.raises(TypeError, match="unexpected keyword argument 'wrong'"):
        flambeau.load(tmp_path / "x.pt", wrong=1)
    with pytest.raises(ValueError, match="mmap=True needs a path"):
        flambeau.load(io.BytesIO(), mmap=True)
    with pytest.raises(TypeError, match="got int"):
        flambeau.load(3)
    with pytest.raises(FileNotFoundError):
        flambeau.load(tmp_path / "missing.pt")
    with pytest.raises(IsADirectoryError):
        flambeau.load(tmp_path)


def test_files_above_four_gibibytes_have_wide_headers(monkeypatch):
    # the bounds are lowered instead: the same paths, a small file
    from flambeau.serialization import _pt_writer, _zip_reader

    monkeypatch.setattr(_pt_writer, "_LIMIT32", 1 << 10)
    file = io.BytesIO()
    flambeau.save({"a": flambeau.arange(5000), "b": flambeau.ones(3)}, file)
    data = file.getvalue()
    monkeypatch.setattr(_zip_reader, "_FULL32", 1 << 10)
    held = flambeau.load(data)
    assert held["a"].tolist() == list(range(5000))
    assert held["b"].tolist() == [1.0] * 3
