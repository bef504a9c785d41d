"""Between records and the tensor layer: tensors made from files, files made from tensors."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from flambeau._engine.call import Call, interned
from flambeau._engine.recorder import flush, read
from flambeau._engine.value import Value
from flambeau._tensor import dtypes
from flambeau._tensor.aliases import look_for_alias
from flambeau._tensor.construct import constant
from flambeau._tensor.core import Storage, TensorBase, _new, value_of
from flambeau._tensor.device import device as device_type
from flambeau._tensor.device import place_for
from flambeau._tensor.size import Size as TensorSize
from flambeau._tensor.strides import layout
from flambeau._tensor.tensor import Tensor
from flambeau.errors import CheckpointDeviceError

from ._dtypes import name_of
from ._records import (
    Device,
    DTypeName,
    Size,
    StorageRecord,
    TensorRecord,
    contiguous_strides,
    is_contiguous,
)
from ._report import LoadReport

__all__ = ["StorageHandle", "TensorAdapter", "TensorDescriber"]


# -- files to tensors --------------------------------------------------------------------------


class StorageHandle:
    """What a ``map_location`` function gets and returns: a storage and where it shall go."""

    __slots__ = ("device", "nbytes")

    def __init__(self, nbytes: int, device: str = "cpu"):
        self.nbytes = nbytes
        self.device = device

    def cpu(self) -> StorageHandle:
        """The same storage in the host's memory."""
        return StorageHandle(self.nbytes, "cpu")

    def cuda(self, device: Any = None, non_blocking: bool = False) -> StorageHandle:
        """The same storage on a GPU."""
        return StorageHandle(self.nbytes, f"cuda:{device or 0}" if not device else str(device))

    def to(self, device: Any, non_blocking: bool = False) -> StorageHandle:
        """The same storage on another device."""
        return StorageHandle(self.nbytes, str(device))


class TensorAdapter:
    """Makes tensors, sizes, dtypes and devices.

    Args:
        map_location: as :func:`flambeau.load` takes it.
        report: told of dtypes that had to be widened.
        borrowed: the data are mapped from a file: their memory is never reused.
    """

    def __init__(self, map_location: Any, report: LoadReport, borrowed: bool = False):
        self.map_location = map_location
        self.report = report
        self.borrowed = borrowed
        self._places: dict[str, Any] = {}
        self._made: dict[tuple[str, str], tuple[Storage, TensorRecord | None]] = {}

    def renew(self) -> TensorAdapter:
        """The same, for another file."""
        return TensorAdapter(self.map_location, self.report, self.borrowed)

    def size(self, values: tuple[int, ...]) -> Any:
        return TensorSize(values)

    def dtype(self, name: str) -> Any:
        return dtypes._BY_NAME.get(name)

    def device(self, kind: str, index: int | None) -> Any:
        try:
            return device_type(kind, index)
        except RuntimeError:
            return None

    def tensor(self, record: TensorRecord) -> Any:
        """A tensor over the record's storage; others over the same storage share memory."""
        if record.storage is None:
            value = Value(_aval(record.shape, record.dtype, place_for("meta")))
            return self._finish(Storage(value), None, record)
        if record.dtype not in dtypes._BY_NAME or record.conj or record.neg:
            return self._converted(record)
        storage, first = self._storage(record)
        if first is record or (first is not None and _same_view(first, record)):
            return self._finish(storage, None, record)
        call = strided_call(record.shape, record.strides, record.offset)
        return self._finish(storage, call, record)

    def _converted(self, record: TensorRecord) -> Any:
        array = np.ascontiguousarray(record.numpy())
        if record.dtype not in dtypes._BY_NAME:
            if array.dtype not in dtypes._BY_NUMPY:
                array = array.astype(np.float32)
            self.report.note(
                f"flambeau has no dtype {record.dtype}: such tensors were read as {array.dtype}"
            )
        assert record.storage is not None
        place = self._place(record.storage)
        return self._finish(Storage(constant(array.reshape(record.shape), place)), None, record)

    def _storage(self, record: TensorRecord) -> tuple[Storage, TensorRecord | None]:
        assert record.storage is not None
        key = (record.storage.key, record.dtype)
        found = self._made.get(key)
        if found is not None:
            return found
        flat, place = record.flat(), self._place(record.storage)
        whole = record.offset == 0 and record.numel == len(flat) and record.is_contiguous
        array = flat.reshape(record.shape) if whole else flat
        value = constant(array, place)
        value.pinned = self.borrowed
        made = self._made[key] = (Storage(value), record if whole else None)
        return made

    def _finish(self, storage: Storage, call: Call | None, record: TensorRecord) -> Any:
        if record.kind == "parameter":
            cls = _class("Parameter")
        else:
            cls = Tensor
        t = _new(cls)
        t._storage = storage
        if call is not None:
            t._chain = (call,)
        if record.kind == "buffer":
            t._is_buffer = True
            t.persistent = record.persistent
        if record.requires_grad:
            t.requires_grad_(True)
        return t

    # -- where ---------------------------------------------------------------------------------

    def _place(self, storage: StorageRecord) -> Any:
        where = self._where(storage)
        place = self._places.get(where)
        if place is None:
            try:
                place = place_for(where)
            except RuntimeError as error:
                raise CheckpointDeviceError(
                    f"the checkpoint holds tensors that shall go to {where!r}, and {error}; "
                    "load(..., map_location='cpu') puts them into the host's memory"
                ) from None
            self._places[where] = place
        return place

    def _where(self, storage: StorageRecord) -> str:
        mapping, location = self.map_location, storage.location
        if mapping is None:
            return location
        if isinstance(mapping, dict):
            return str(mapping.get(location, location))
        if callable(mapping) and not isinstance(mapping, device_type):
            answer = mapping(StorageHandle(storage.nbytes), location)
            if answer is None:
                return location
            return str(getattr(answer, "device", answer))
        return str(mapping)


def _class(name: str) -> Any:
    from flambeau.nn import parameter

    return getattr(parameter, name)


def _aval(shape: tuple[int, ...], dtype: str, place: Any) -> Any:
    from flambeau._engine.aval import aval_of

    return aval_of(shape, dtypes._BY_NAME[dtype].numpy, place)


def _same_view(a: TensorRecord, b: TensorRecord) -> bool:
    return a.shape == b.shape and a.offset == b.offset and is_contiguous(b.shape, b.strides)


def strided_call(shape: tuple[int, ...], strides: tuple[int, ...], offset: int) -> Call:
    """The view of a storage that has this shape, these strides and this offset."""

    def make() -> Call:
        def strided(base: Any) -> Any:
            return _strided(base.reshape(-1), shape, strides, offset)

        return Call(
            "as_strided",
            strided,
            static={"size": shape, "stride": strides, "storage_offset": offset},
            view=True,
            signature=f"strided{shape}{strides}{offset}",
        )

    return interned(("checkpoint view", shape, strides, offset), make)


def _strided(flat: Any, shape: tuple[int, ...], strides: tuple[int, ...], offset: int) -> Any:
    import jax.numpy as jnp

    numel = int(np.prod(shape, dtype=np.int64))
    if numel == 0:
        return jnp.zeros(shape, flat.dtype)
    # dimensions in the order in which they lie in memory: a permutation of a dense block is
    # the common case, and cheaper than a gather
    order = sorted(range(len(shape)), key=lambda i: (-strides[i], -shape[i]))
    dense = tuple(shape[i] for i in order)
    if is_contiguous(dense, tuple(strides[i] for i in order)):
        block = flat[offset : offset + numel].reshape(dense)
        inverse = sorted(range(len(order)), key=order.__getitem__)
        return block.transpose(inverse)
    places = jnp.asarray(offset, jnp.int64)
    for i, (size, stride) in enumerate(zip(shape, strides, strict=True)):
        steps = jnp.arange(size, dtype=jnp.int64) * stride
        places = places + steps.reshape((size,) + (1,) * (len(shape) - 1 - i))
    return flat[places]


# -- tensors to files --------------------------------------------------------------------------


class TensorDescriber:
    """Records of tensors for one save; tensors that share memory share a storage record.

    The records hold Values, which never change: what is written is the state at this call,
    whatever later steps do.
    """

    def __init__(self) -> None:
        self._storages: dict[int, tuple[Storage, StorageRecord]] = {}
        flush()

    def __call__(self, value: Any) -> Any:
        if isinstance(value, TensorBase):
            return self.tensor(value)
        if isinstance(value, TensorSize):
            return Size(value)
        if isinstance(value, dtypes.dtype):
            return DTypeName(value.name)
        if isinstance(value, device_type):
            return Device(str(value))
        if isinstance(value, (TensorRecord, StorageRecord, Size, DTypeName, Device)):
            return value
        return None

    def tensor(self, t: Any) -> TensorRecord:
        """The record of one tensor."""
        look_for_alias(t, "saved")
        aval = value_of(t).aval
        name = name_of(aval.dtype)
        assert name is not None, aval.dtype
        shape, kind, persistent = aval.shape, _kind(t), getattr(t, "persistent", True)
        if aval.device.is_meta:
            made = TensorRecord(None, name, shape, contiguous_strides(shape))
        else:
            made = self._view(t, name, shape)
        made.requires_grad = t.requires_grad
        made.kind, made.persistent = kind, persistent is not False
        return made

    def _view(self, t: Any, name: str, shape: tuple[int, ...]) -> TensorRecord:
        if t._chain is None:
            storage = self._storage(t._storage)
            return TensorRecord(storage, name, shape, contiguous_strides(shape))
        layout = _layout(t)
        if layout is None:  # a view that has no strides: its values, on their own
            own = Storage(value_of(t))
            return TensorRecord(self._storage(own), name, shape, contiguous_strides(shape))
        strides, offset = layout
        return TensorRecord(self._storage(t._storage), name, shape, strides, offset)

    def _storage(self, storage: Storage) -> StorageRecord:
        found = self._storages.get(id(storage))
        if found is None:
            value = storage.value
            aval = value.aval
            if value.array is None:  # in this thread: what is pending belongs to it
                read(value)
            location = str(aval.device) if aval.device.kind != "cpu" else "cpu"
            made = StorageRecord(
                str(len(self._storages)),
                name_of(aval.dtype),
                aval.size * aval.dtype.itemsize,
                location,
                _bytes_of(value),
            )
            found = self._storages[id(storage)] = (storage, made)
        return found[1]


def _kind(t: Any) -> str:
    parameter = sys.modules.get("flambeau.nn.parameter")
    if parameter is not None and isinstance(t, parameter.Parameter):
        return "parameter"
    return "buffer" if getattr(t, "_is_buffer", False) else "tensor"


def _bytes_of(value: Value) -> Callable[[], np.ndarray]:
    def load() -> np.ndarray:
        return host_array(value).reshape(-1).view(np.uint8)

    return load


def host_array(value: Value) -> np.ndarray:
    """A Value's content as an array in the host's memory, without a copy where it lies there."""
    if value.array is None:
        read(value)
    return np.ascontiguousarray(np.asarray(value.array))


def _layout(t: Any) -> tuple[tuple[int, ...], int] | None:
    """Strides and offset of a view within its storage; None when it has none.

    A view without strides (a reshaped transpose, the real part of complex numbers) is
    noticed by its values.
    """
    base, aval = t._storage.value.aval, value_of(t).aval
    if base.dtype != aval.dtype:
        return None
    if aval.size == 0:
        return contiguous_strides(aval.shape), 0
    at = layout(t)
    last = at.offset + sum((n - 1) * s for n, s in zip(at.size, at.stride, strict=True))
    if min(at.stride, default=0) < 0 or at.offset < 0 or last >= base.size:
        return None
    seen = TensorRecord(
        StorageRecord.of_bytes(host_array(t._storage.value).reshape(-1).view(np.uint8)),
        name_of(aval.dtype) or "",
        aval.shape,
        at.stride,
        at.offset,
    ).numpy()
    same = np.array_equal(
        np.ascontiguousarray(seen).reshape(-1).view(np.uint8),
        host_array(value_of(t)).reshape(-1).view(np.uint8),
    )
    return (at.stride, at.offset) if same else None
