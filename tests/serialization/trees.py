"""Random objects that PyTorch saves, and what "the same object" means."""

from __future__ import annotations

import collections
from typing import Any

import numpy as np
from hypothesis import strategies as st

from flambeau.serialization._records import Device, DTypeName, Size, TensorRecord
from tests.oracle import torch

DTYPES = [
    torch.bool, torch.uint8, torch.uint16, torch.uint32, torch.uint64, torch.int8, torch.int16,
    torch.int32, torch.int64, torch.float16, torch.bfloat16, torch.float32, torch.float64,
    torch.complex32, torch.complex64, torch.complex128, torch.float8_e4m3fn,
    torch.float8_e4m3fnuz, torch.float8_e5m2, torch.float8_e5m2fnuz, torch.float8_e8m0fnu,
]  # fmt: skip
# those that PyTorch can make a leaf with requires_grad of
FLOATS = {torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64}


def random_tensor(dtype: Any, numel: int, seed: int) -> Any:
    """A flat tensor of random bytes (of 0 and 1 for bool)."""
    size = torch.empty((), dtype=dtype).element_size()
    raw = np.random.default_rng(seed).integers(0, 256, numel * size, dtype=np.uint8)
    if dtype is torch.bool:
        raw &= 1
    if not numel:
        return torch.empty(0, dtype=dtype)
    return torch.from_numpy(raw).view(dtype)


@st.composite
def views(draw: Any, base: Any) -> Any:
    """A view of a flat tensor, by strides."""
    numel = base.numel()
    kind = draw(st.sampled_from(["whole", "slice", "matrix", "transposed", "strided", "expand"]))
    if kind == "whole" or numel < 6:
        return base
    offset = draw(st.integers(0, numel - 6))
    left = numel - offset
    if kind == "slice":
        return base[offset : offset + draw(st.integers(0, left))]
    rows = draw(st.integers(1, min(3, left)))
    columns = left // rows
    if kind == "matrix":
        return torch.as_strided(base, (rows, columns), (columns, 1), offset)
    if kind == "transposed":
        return torch.as_strided(base, (columns, rows), (1, columns), offset)
    if kind == "strided":
        step = draw(st.integers(1, 3))
        return torch.as_strided(base, ((left - 1) // step + 1,), (step,), offset)
    return torch.as_strided(base, (2, draw(st.integers(0, 3))), (1, 0), offset)


@st.composite
def trees(draw: Any, max_leaves: int = 12) -> Any:
    """A nested object whose tensors share storages, and whose parts occur more than once."""
    bases = [
        random_tensor(
            draw(st.sampled_from(DTYPES)),
            draw(st.sampled_from([0, 1, 6, 12, 30])),
            draw(st.integers(0, 1000)),
        )
        for _ in range(draw(st.integers(1, 3)))
    ]
    tensors = [
        _dressed(draw, draw(views(draw(st.sampled_from(bases)))))
        for _ in range(draw(st.integers(1, 6)))
    ]
    leaves = st.one_of(
        st.sampled_from(tensors),
        st.none(),
        st.booleans(),
        st.integers(-(2**70), 2**70),
        st.floats(allow_nan=False),
        st.text(max_size=8),
        st.binary(max_size=8),
        st.complex_numbers(allow_nan=False),
        st.sampled_from(
            [torch.Size([2, 3]), torch.Size([]), torch.float32, torch.bfloat16,
             torch.device("cpu"), torch.device("cuda", 1), torch.device("meta")]
        ),
    )  # fmt: skip
    keys = st.one_of(st.text(max_size=5), st.integers(-5, 10**6), st.tuples(st.integers(0, 9)))
    tree = draw(
        st.recursive(
            leaves,
            lambda inner: st.one_of(
                st.lists(inner, max_size=4),
                st.lists(inner, max_size=5).map(tuple),
                st.dictionaries(keys, inner, max_size=4),
                st.dictionaries(keys, inner, max_size=4).map(collections.OrderedDict),
                st.sets(st.integers(0, 300), max_size=3),
            ),
            max_leaves=max_leaves,
        )
    )
    return [tree, tensors, tree]


def _dressed(draw: Any, tensor: Any) -> Any:
    kind = draw(st.sampled_from(["plain", "plain", "grad", "parameter", "buffer"]))
    differentiable = tensor.dtype in FLOATS
    if kind == "grad" and differentiable:
        return tensor.detach().requires_grad_()
    if kind == "parameter" and differentiable:
        return torch.nn.Parameter(tensor, requires_grad=draw(st.booleans()))
    if kind == "buffer" and tensor.dtype is not torch.complex32:
        return torch.nn.Buffer(tensor.detach(), persistent=draw(st.booleans()))
    return tensor


class Comparison:
    """Compares an object of PyTorch with one of flambeau (records or tensors).

    Besides the values it checks that the same things are the same: what is one object on
    one side is one on the other, and what shares memory shares memory.
    """

    def __init__(self) -> None:
        self.objects: dict[int, int] = {}
        self.storages: dict[int, int] = {}
        self.alive: list[Any] = []

    def same(self, theirs: Any, ours: Any, path: str = "") -> None:
        if isinstance(theirs, torch.Tensor):
            self._once(self.objects, id(theirs), id(ours), path)
            self.tensor(theirs, ours, path)
        elif isinstance(theirs, torch.Size):
            assert tuple(theirs) == tuple(ours), path
            assert type(ours).__name__ == "Size", path
        elif isinstance(theirs, torch.dtype):
            assert str(theirs).removeprefix("torch.") == str(ours).removeprefix("torch."), path
        elif isinstance(theirs, torch.device):
            assert str(theirs) == str(ours), path
        elif isinstance(theirs, (list, tuple)):
            assert type(theirs) is type(ours), path
            assert len(theirs) == len(ours), path
            if isinstance(theirs, list):
                self._once(self.objects, id(theirs), id(ours), path)
            for i, (a, b) in enumerate(zip(theirs, ours, strict=True)):
                self.same(a, b, f"{path}[{i}]")
        elif isinstance(theirs, dict):
            assert type(theirs) is type(ours), path
            self._once(self.objects, id(theirs), id(ours), path)
            assert [(type(k), k) for k in theirs] == [(type(k), k) for k in ours], path
            for k in theirs:
                self.same(theirs[k], ours[k], f"{path}[{k!r}]")
        else:
            assert type(theirs) is type(ours), f"{path}: {theirs!r} {ours!r}"
            assert theirs == ours, path
            assert repr(theirs) == repr(ours) or isinstance(theirs, set), path  # -0.0

    def _once(self, table: dict[int, int], theirs: int, ours: int, path: str) -> None:
        known = table.setdefault(theirs, ours)
        assert known == ours, f"{path}: one thing on one side, two on the other"

    def tensor(self, theirs: Any, ours: Any, path: str) -> None:
        raise NotImplementedError


def raw_bytes(tensor: Any) -> bytes:
    """The elements of a PyTorch tensor in order, as bytes."""
    tensor = tensor.detach().resolve_conj().resolve_neg().contiguous()
    if tensor.dtype is torch.complex32:
        tensor = torch.view_as_real(tensor)
    if not tensor.numel():
        return b""
    return tensor.reshape(-1).view(torch.uint8).numpy().tobytes()


class RecordComparison(Comparison):
    """Against records: strides and offsets count as well."""

    def tensor(self, theirs: Any, ours: Any, path: str) -> None:
        assert isinstance(ours, TensorRecord), path
        assert str(theirs.dtype) == f"torch.{ours.dtype}", path
        assert tuple(theirs.shape) == ours.shape, path
        assert theirs.stride() == ours.strides, path
        assert theirs.storage_offset() == ours.offset, path
        assert theirs.requires_grad == ours.requires_grad, path
        assert isinstance(theirs, torch.nn.Parameter) == (ours.kind == "parameter"), path
        assert ours.storage is not None
        storage = theirs.untyped_storage()
        assert storage.nbytes() == ours.storage.nbytes, path
        if storage.nbytes():
            self._once(self.storages, storage.data_ptr(), id(ours.storage), path)
        if ours.dtype != "complex32":
            mine = np.ascontiguousarray(ours.numpy()).reshape(-1).view(np.uint8).tobytes()
            assert raw_bytes(theirs) == mine, path


class TorchComparison(Comparison):
    """Between two objects of PyTorch."""

    def tensor(self, theirs: Any, ours: Any, path: str) -> None:
        assert type(theirs) is type(ours), path
        assert isinstance(theirs, torch.nn.Buffer) == isinstance(ours, torch.nn.Buffer), path
        if isinstance(theirs, torch.nn.Buffer):
            assert theirs.persistent == ours.persistent, path
        for what in ("dtype", "shape", "requires_grad"):
            assert getattr(theirs, what) == getattr(ours, what), f"{path}: {what}"
        assert theirs.stride() == ours.stride(), path
        assert theirs.storage_offset() == ours.storage_offset(), path
        assert theirs.untyped_storage().nbytes() == ours.untyped_storage().nbytes(), path
        if theirs.untyped_storage().nbytes():
            self._once(
                self.storages,
                theirs.untyped_storage().data_ptr(),
                ours.untyped_storage().data_ptr(),
                path,
            )
        assert raw_bytes(theirs) == raw_bytes(ours), path


class TensorComparison(Comparison):
    """Against flambeau's tensors."""

    def tensor(self, theirs: Any, ours: Any, path: str) -> None:
        import flambeau
        from flambeau.serialization._tensors import host_array, value_of

        assert isinstance(ours, flambeau.Tensor), path
        if theirs.dtype is torch.complex32:
            assert str(ours.dtype) == "torch.complex64", path
            assert torch.equal(
                torch.view_as_real(theirs.detach().to(torch.complex64)).nan_to_num(),
                torch.view_as_real(torch.from_numpy(np.array(ours.detach().numpy()))).nan_to_num(),
            )
            return
        assert str(theirs.dtype) == str(ours.dtype), path
        assert tuple(theirs.shape) == tuple(ours.shape), path
        assert theirs.requires_grad == ours.requires_grad, path
        if theirs.untyped_storage().nbytes() and not theirs.is_conj():
            self._once(self.storages, theirs.untyped_storage().data_ptr(), id(ours._storage), path)
        mine = host_array(value_of(ours)).reshape(-1).view(np.uint8).tobytes()
        assert raw_bytes(theirs) == mine, path


def is_plain(value: Any) -> Any:
    """``describe`` of the writer for objects that hold records."""
    return value if isinstance(value, (TensorRecord, Size, DTypeName, Device)) else None
