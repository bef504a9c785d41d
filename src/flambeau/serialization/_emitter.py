"""Writes pickles of plain data, in the words that ``torch.load(weights_only=True)`` allows."""

from __future__ import annotations

import struct
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np

from flambeau.errors import CheckpointTypeError

from ._dtypes import CLASS_OF_DTYPE, NUMPY_DTYPES
from ._records import Device, DTypeName, Size, StorageRecord, Stub, TensorRecord
from ._tree import describe_key

__all__ = ["Emitter"]

_MAX_DEPTH = 200
_BATCH = 1000
_FACTORY_NAMES = {bool, dict, float, int, list, set, str, tuple}


class Emitter:
    """One pickle (protocol 2) of an object and the storages that it needs.

    Args:
        describe: a record for the tensor layer's objects (:class:`TensorRecord`,
            :class:`Size`, :class:`DTypeName`, :class:`Device`), None for what is none.
    """

    def __init__(self, describe: Callable[[Any], Any]):
        self.out = bytearray(b"\x80\x02")
        self.describe = describe
        self.storages: dict[int, StorageRecord] = {}  # by identity, in order of their keys
        self.keys: dict[int, str] = {}
        self.sizes: dict[int, int] = {}
        self._memo: dict[int, int] = {}
        self._texts: dict[str, int] = {}
        self._globals: dict[tuple[str, str], int] = {}
        self._alive: list[Any] = []  # ids stay those of their objects
        self._next = 0
        self._depth = 0

    def dump(self, value: Any) -> bytes:
        """The pickle.

        Raises:
            CheckpointTypeError: the object holds something that is no plain data.
        """
        self.emit(value, "")
        self.out += b"."
        return bytes(self.out)

    # -- memo ------------------------------------------------------------------------------

    def _put(self) -> int:
        index = self._next
        self._next += 1
        self.out += b"q" + bytes((index,)) if index < 256 else b"r" + struct.pack("<I", index)
        return index

    def _get(self, index: int) -> None:
        self.out += b"h" + bytes((index,)) if index < 256 else b"j" + struct.pack("<I", index)

    def _remember(self, value: Any) -> None:
        self._memo[id(value)] = self._put()
        self._alive.append(value)

    # -- values ----------------------------------------------------------------------------

    def emit(self, value: Any, path: str) -> None:
        kind = type(value)
        scalar = _SCALARS.get(kind)
        if scalar is not None:
            scalar(self, value)
            return
        index = self._memo.get(id(value))
        if index is not None:
            self._get(index)
            return
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise CheckpointTypeError(
                f"save(): the object nests containers deeper than {_MAX_DEPTH} at {path[:200]}"
            )
        container = _CONTAINERS.get(kind)
        if container is not None:
            container(self, value, path)
        else:
            self._other(value, path)
        self._depth -= 1

    def _other(self, value: Any, path: str) -> None:
        record = self.describe(value)
        if isinstance(record, TensorRecord):
            self._tensor(record)
            self._remember(value)
        elif isinstance(record, Size):
            self.name("torch", "Size")
            self._flat_tuple(tuple(record))
            self.out += b"\x85R"
            self._remember(value)
        elif isinstance(record, DTypeName):
            self.name("torch", str(record))
        elif isinstance(record, Device):
            self._device(record)
        elif isinstance(value, np.ndarray):
            self._array(value, path)
        elif isinstance(value, np.generic):
            self._numpy_scalar(value, path)
        elif isinstance(value, StorageRecord):
            self._storage(value)
        else:
            raise self._refuse(value, path)

    def _refuse(self, value: Any, path: str) -> CheckpointTypeError:
        where = f"at {path}" if path else "itself"
        kind = f"{type(value).__module__}.{type(value).__qualname__}"
        if isinstance(value, Stub):
            return CheckpointTypeError(
                f"save(): the object {where} is the {value!r}, which was never made; replace it "
                "by plain data (its .state, say) before saving"
            )
        hint = "save its state_dict() or its fields as a dict"
        if isinstance(value, tuple):
            hint = "save tuple(...) or ._asdict() of it"
        elif isinstance(value, dict):
            hint = "save dict(...) of it"
        elif callable(value) and not hasattr(value, "state_dict"):
            hint = "a checkpoint holds data, not code"
        return CheckpointTypeError(
            f"save(): the object {where} is a {kind}; a checkpoint holds tensors, numbers, "
            f"strings and plain containers of them. To save it, {hint}"
        )

    def _none(self, value: Any) -> None:
        self.out += b"N"

    def _bool(self, value: bool) -> None:
        self.out += b"\x88" if value else b"\x89"

    def _int(self, value: int) -> None:
        if 0 <= value < 256:
            self.out += b"K" + bytes((value,))
        elif 0 <= value < 65536:
            self.out += b"M" + struct.pack("<H", value)
        elif -(1 << 31) <= value < 1 << 31:
            self.out += b"J" + struct.pack("<i", value)
        else:
            raw = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
            if len(raw) < 256:
                self.out += b"\x8a" + bytes((len(raw),)) + raw
            else:
                self.out += b"\x8b" + struct.pack("<i", len(raw)) + raw

    def _float(self, value: float) -> None:
        self.out += b"G" + struct.pack(">d", value)

    def _str(self, value: str) -> None:
        index = self._texts.get(value)
        if index is not None:
            self._get(index)
            return
        raw = value.encode("utf-8", "surrogatepass")
        self.out += b"X" + struct.pack("<I", len(raw)) + raw
        self._texts[value] = self._put()

    def _bytes(self, value: bytes) -> None:
        self.name("_codecs", "encode")
        self._str(value.decode("latin-1"))
        self._str("latin1")
        self.out += b"\x86R"

    def _complex(self, value: complex) -> None:
        self.name("builtins", "complex")
        self._float(value.real)
        self._float(value.imag)
        self.out += b"\x86R"

    def name(self, module: str, name: str) -> None:
        """A name that the reader knows (never one that came from a value)."""
        index = self._globals.get((module, name))
        if index is not None:
            self._get(index)
            return
        self.out += f"c{module}\n{name}\n".encode()
        self._globals[module, name] = self._put()

    # -- containers ------------------------------------------------------------------------

    def _list(self, value: list[Any], path: str) -> None:
        self.out += b"]"
        self._remember(value)
        for start in range(0, len(value), _BATCH):
            self.out += b"("
            for i, item in enumerate(value[start : start + _BATCH], start):
                self.emit(item, f"{path}[{i}]")
            self.out += b"e"

    def _tuple(self, value: tuple[Any, ...], path: str) -> None:
        if not value:
            self.out += b")"
            return
        if len(value) > 3:
            self.out += b"("
        for i, item in enumerate(value):
            self.emit(item, f"{path}[{i}]")
        index = self._memo.get(id(value))
        if index is not None:  # it holds itself, through a list or dict
            self.out += b"0" * len(value) if len(value) <= 3 else b"1"
            self._get(index)
            return
        self.out += (b"\x85", b"\x86", b"\x87")[len(value) - 1] if len(value) <= 3 else b"t"
        self._remember(value)

    def _flat_tuple(self, value: tuple[int, ...]) -> None:
        if not value:
            self.out += b")"
            return
        if len(value) > 3:
            self.out += b"("
        for item in value:
            self._int(int(item))
        self.out += (b"\x85", b"\x86", b"\x87")[len(value) - 1] if len(value) <= 3 else b"t"

    def _dict(self, value: dict[Any, Any], path: str) -> None:
        self.out += b"}"
        self._remember(value)
        self._items(value, path)

    def _ordered_dict(self, value: OrderedDict[Any, Any], path: str) -> None:
        self.name("collections", "OrderedDict")
        self.out += b")R"
        self._remember(value)
        self._items(value, path)
        metadata = getattr(value, "_metadata", None)
        if isinstance(metadata, dict):
            self.out += b"}"
            self._str("_metadata")
            self.emit(metadata, f"{path}._metadata")
            self.out += b"sb"

    def _counter(self, value: Counter[Any], path: str) -> None:
        self.name("collections", "Counter")
        self.emit(dict(value), path)
        self.out += b"\x85R"
        self._remember(value)

    def _default_dict(self, value: defaultdict[Any, Any], path: str) -> None:
        factory = value.default_factory
        if factory is not None and factory not in _FACTORY_NAMES:
            raise self._refuse(value, path)
        self.name("collections", "defaultdict")
        if factory is None:
            self.out += b")R"
        else:
            self.name("builtins", factory.__name__)
            self.out += b"\x85R"
        self._remember(value)
        self._items(value, path)

    def _items(self, value: dict[Any, Any], path: str) -> None:
        items = list(value.items())
        for start in range(0, len(items), _BATCH):
            self.out += b"("
            for name, item in items[start : start + _BATCH]:
                where = path + describe_key(name)
                self.emit(name, f"key {where}")
                self.emit(item, where)
            self.out += b"u"

    def _set(self, value: set[Any] | frozenset[Any], path: str) -> None:
        self.name("builtins", type(value).__name__)
        self.out += b"](" if value else b"]"
        for item in _ordered(value):
            self.emit(item, path + "{}")
        self.out += b"e\x85R" if value else b"\x85R"
        self._remember(value)

    def _bytearray(self, value: bytearray, path: str) -> None:
        self.name("builtins", "bytearray")
        self._bytes(bytes(value))
        self.out += b"\x85R"
        self._remember(value)

    # -- tensors ---------------------------------------------------------------------------

    def _storage(self, storage: StorageRecord, dtype: str | None = None) -> None:
        cls = CLASS_OF_DTYPE.get(dtype or storage.dtype or "")
        itemsize = NUMPY_DTYPES[CLASS_BYTES[cls]].itemsize if cls else 1
        key = self.keys.get(id(storage))
        if key is None:
            key = self.keys[id(storage)] = str(len(self.keys))
            self.storages[id(storage)] = storage
        self.out += b"("
        self._str("storage")
        if cls:
            self.name("torch", cls)
        else:
            self.name("torch.storage", "UntypedStorage")
        self._str(key)
        self._str(storage.location)
        self._int(storage.nbytes // itemsize)
        self.out += b"tQ"

    def _tensor(self, record: TensorRecord) -> None:
        if record.storage is None:
            self._meta(record)
            return
        if record.kind == "parameter":
            self.name("torch._utils", "_rebuild_parameter")
        elif record.kind == "buffer":
            self.name("torch._tensor", "_rebuild_from_type_v2")
            self.out += b"("
        self._plain(record, as_arguments=record.kind == "buffer")
        if record.kind == "parameter":
            self._bool(record.requires_grad)
            self._hooks()
            self.out += b"\x87R"
        elif record.kind == "buffer":
            self.out += b"}("
            self._str("persistent")
            self._bool(record.persistent)
            self._str("_is_buffer")
            self._bool(True)
            self.out += b"utR"

    def _plain(self, record: TensorRecord, as_arguments: bool) -> None:
        assert record.storage is not None
        untyped = record.dtype not in CLASS_OF_DTYPE
        self.name("torch._utils", "_rebuild_tensor_v3" if untyped else "_rebuild_tensor_v2")
        if as_arguments:
            self.name("torch", "Tensor")
        self.out += b"("
        self._storage(record.storage, None if untyped else record.dtype)
        self._int(record.offset)
        self._flat_tuple(record.shape)
        self._flat_tuple(record.strides)
        self._bool(record.requires_grad and record.kind != "parameter")
        self._hooks()
        if untyped:
            self.name("torch", record.dtype)
        flags = [name for name in ("conj", "neg") if getattr(record, name)]
        if flags:
            self.out += b"}("
            for name in flags:
                self._str(name)
                self._bool(True)
            self.out += b"u"
        self.out += b"t" if as_arguments else b"tR"

    def _meta(self, record: TensorRecord) -> None:
        if record.kind == "parameter":
            self.name("torch._utils", "_rebuild_parameter")
        self.name("torch._utils", "_rebuild_meta_tensor_no_storage")
        self.out += b"("
        self.name("torch", record.dtype)
        self._flat_tuple(record.shape)
        self._flat_tuple(record.strides)
        self._bool(record.requires_grad)
        self.out += b"tR"
        if record.kind == "parameter":
            self._bool(record.requires_grad)
            self._hooks()
            self.out += b"\x87R"

    def _hooks(self) -> None:
        self.name("collections", "OrderedDict")
        self.out += b")R"

    def _device(self, device: Device) -> None:
        kind, _, index = device.partition(":")
        self.name("torch", "device")
        self._str(kind)
        if index:
            self._int(int(index))
            self.out += b"\x86R"
        else:
            self.out += b"\x85R"

    # -- NumPy -----------------------------------------------------------------------------

    def _numpy_dtype(self, dtype: np.dtype, path: str) -> None:
        if dtype.hasobject or dtype.names is not None or dtype.kind not in "biufcSU":
            if dtype.type.__module__ == "ml_dtypes":
                self.name("numpy", "dtype")
                self.name("ml_dtypes", dtype.name)
                self.out += b"\x85R"
                return
            raise CheckpointTypeError(
                f"save(): the NumPy array at {path or 'the top'} has dtype {dtype}, which a "
                "checkpoint does not hold"
            )
        order = "<" if dtype.byteorder in "=<" else dtype.byteorder
        self.name("numpy", "dtype")
        self._str(f"{dtype.kind}{dtype.itemsize // (4 if dtype.kind == 'U' else 1)}")
        self.out += b"\x89\x88\x87R(K\x03"
        self._str(order)
        self.out += b"NNN"
        flexible = dtype.kind in "SU"
        self._int(dtype.itemsize if flexible else -1)
        self._int(dtype.alignment if flexible else -1)
        self._int(8 if dtype.kind == "U" else 0)
        self.out += b"tb"

    def _array(self, value: np.ndarray, path: str) -> None:
        if type(value) is not np.ndarray:
            raise self._refuse(value, path)
        self.name("numpy._core.multiarray", "_reconstruct")
        self.name("numpy", "ndarray")
        self._flat_tuple((0,))
        self._bytes(b"b")
        self.out += b"\x87R"
        self._remember(value)
        self.out += b"(K\x01"
        self._flat_tuple(value.shape)
        self._numpy_dtype(value.dtype, path)
        self._bool(False)
        self._bytes(value.tobytes())
        self.out += b"tb"

    def _numpy_scalar(self, value: np.generic, path: str) -> None:
        self.name("numpy._core.multiarray", "scalar")
        self._numpy_dtype(value.dtype, path)
        self._bytes(value.tobytes())
        self.out += b"\x86R"


def _ordered(value: Any) -> list[Any]:
    # one order for one set, so that equal objects give equal files
    return sorted(value, key=lambda item: (type(item).__name__, repr(item)))


CLASS_BYTES = {cls: dtype for dtype, cls in CLASS_OF_DTYPE.items()}
_SCALARS: dict[type, Callable[[Emitter, Any], None]] = {
    type(None): Emitter._none,
    bool: Emitter._bool,
    int: Emitter._int,
    float: Emitter._float,
    complex: Emitter._complex,
    str: Emitter._str,
    bytes: Emitter._bytes,
}
_CONTAINERS: dict[type, Callable[[Emitter, Any, str], None]] = {
    list: Emitter._list,
    tuple: Emitter._tuple,
    dict: Emitter._dict,
    OrderedDict: Emitter._ordered_dict,
    Counter: Emitter._counter,
    defaultdict: Emitter._default_dict,
    set: Emitter._set,
    frozenset: Emitter._set,
    bytearray: Emitter._bytearray,
}
