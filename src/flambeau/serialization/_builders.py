"""The fixed table of calls that a checkpoint's pickle may ask for.

Each row answers to the names under which PyTorch, NumPy and Python have written the thing
over the years. A builder gets the arguments as the file gives them and checks all of them;
it returns None when they are not of the form it knows, and the call becomes a stub.
"""

from __future__ import annotations

import math
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable
from typing import Any, Protocol

import ml_dtypes
import numpy as np

from flambeau.errors import CheckpointFormatError, CheckpointLimitError

from ._dtypes import NUMPY_DTYPES, OPAQUE_STORAGES, STORAGE_CLASSES
from ._limits import Limits
from ._records import StorageRecord, Stub, TensorRecord, contiguous_strides
from ._report import LoadReport

__all__ = ["Adapter", "Builders"]

MAX_NUMEL = (1 << 63) - 1


class Adapter(Protocol):
    """Makes the tensor layer's objects from records."""

    def tensor(self, record: TensorRecord) -> Any: ...
    def size(self, values: tuple[int, ...]) -> Any: ...
    def dtype(self, name: str) -> Any: ...
    def device(self, kind: str, index: int | None) -> Any: ...


class Builders:
    """``find``, ``reduce`` and ``build`` of :class:`Interpreter` for checkpoints."""

    def __init__(self, adapter: Adapter, limits: Limits, file_size: int, report: LoadReport):
        self.adapter = adapter
        self.limits = limits
        self.report = report
        self.expandable = limits.max_expanded_bytes + 8 * file_size
        self.pending: dict[int, tuple[Any, TensorRecord]] = {}

    # -- the interface of the interpreter ------------------------------------------------

    def find(self, module: str, name: str) -> Any:
        if module == "torch" and name in NUMPY_DTYPES:
            return self.adapter.dtype(name)
        return None

    def reduce(self, function: Stub, args: tuple[Any, ...]) -> Any:
        builder = _CALLS.get((function.module, function.name))
        return None if builder is None else builder(self, args)

    def build(self, value: Any, state: Any) -> bool:
        if isinstance(value, np.ndarray):
            return _set_array_state(value, state)
        if isinstance(value, np.dtype):
            return _set_dtype_state(value, state)
        if isinstance(value, OrderedDict) and type(state) is dict:
            for name, item in state.items():
                if name == "_metadata" and isinstance(item, dict):
                    value._metadata = item
                else:
                    self.report.note(f"attribute {name!r} of an OrderedDict was dropped")
            return True
        if isinstance(value, (dict, list, tuple, set, str, bytes, int, float)):
            return False
        self.report.note(f"attributes set on a {type(value).__name__} were dropped")
        return True

    # -- tensors -------------------------------------------------------------------------

    def _tensor(
        self,
        storage: Any,
        offset: Any,
        shape: Any,
        strides: Any,
        requires_grad: Any = False,
        dtype: str | None = None,
        flags: Any = None,
    ) -> Any:
        if type(storage) is Stub:
            return None
        if type(storage) is not StorageRecord:
            raise CheckpointFormatError(
                f"a tensor is built on a {type(storage).__name__}, not on a storage"
            )
        dtype = dtype or storage.dtype
        if dtype is None:
            return None
        shape, strides = _dims(shape, "shape", self.limits), _dims(strides, "strides", self.limits)
        if len(shape) != len(strides):
            raise CheckpointFormatError(
                f"a tensor has shape {shape} but {len(strides)} strides {strides}"
            )
        if type(offset) is not int or not 0 <= offset <= MAX_NUMEL:
            raise CheckpointFormatError(f"a tensor begins at offset {offset!r:.100}")
        itemsize = NUMPY_DTYPES[dtype].itemsize
        numel = math.prod(shape)
        if numel > MAX_NUMEL // itemsize:
            raise CheckpointFormatError(f"a tensor has the impossible shape {shape}")
        if numel:
            last = offset + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))
            if (last + 1) * itemsize > storage.nbytes:
                raise CheckpointFormatError(
                    f"a tensor of shape {shape}, strides {strides} at offset {offset} reaches "
                    f"element {last}, outside its storage {storage.key!r} of "
                    f"{storage.nbytes // itemsize} elements"
                )
            if numel * itemsize > storage.nbytes:
                self._expand(numel * itemsize - storage.nbytes)
        record = TensorRecord(storage, dtype, shape, strides, offset, bool(requires_grad))
        if type(flags) is dict:
            record.conj = flags.get("conj") is True
            record.neg = flags.get("neg") is True
        return self._make(record)

    def _expand(self, nbytes: int) -> None:
        self.expandable -= nbytes
        if self.expandable < 0:
            raise CheckpointLimitError(
                "views in the file (expanded tensors) claim far more elements than their "
                "storages hold; if the file is trusted, pass limits=Limits(max_expanded_bytes=...)"
            )

    def _make(self, record: TensorRecord) -> Any:
        if record.requires_grad and NUMPY_DTYPES[record.dtype].kind in "biu":
            raise CheckpointFormatError(
                f"a tensor of dtype {record.dtype} claims to require gradients, which only "
                "floating point and complex ones can"
            )
        made = self.adapter.tensor(record)
        self.report.tensors += 1
        # kept alive, so that the id stays this tensor's
        self.pending[id(made)] = (made, record)
        return made

    def _again(self, made: Any, **changes: Any) -> Any:
        """The tensor made once more, as a parameter or a buffer."""
        entry = self.pending.get(id(made))
        if entry is None:
            raise CheckpointFormatError(
                f"a parameter is built on a {type(made).__name__}, not on a tensor"
            )
        record = entry[1]
        copy = TensorRecord(
            record.storage,
            record.dtype,
            record.shape,
            record.strides,
            record.offset,
            record.requires_grad,
            record.kind,
        )
        copy.conj, copy.neg, copy.persistent = record.conj, record.neg, record.persistent
        for name, value in changes.items():
            setattr(copy, name, value)
        self.report.tensors -= 1
        return self._make(copy)

    def rebuild_tensor(self, args: tuple[Any, ...]) -> Any:
        if len(args) != 4:
            return None
        return self._tensor(*args)

    def rebuild_tensor_v2(self, args: tuple[Any, ...]) -> Any:
        if not 5 <= len(args) <= 7:
            return None
        storage, offset, shape, strides, requires_grad = args[:5]
        flags = args[6] if len(args) > 6 else None
        return self._tensor(storage, offset, shape, strides, requires_grad, None, flags)

    def rebuild_tensor_v3(self, args: tuple[Any, ...]) -> Any:
        if not 7 <= len(args) <= 8:
            return None
        storage, offset, shape, strides, requires_grad, _, dtype = args[:7]
        name = self._dtype_name(dtype)
        if name is None:
            return None
        flags = args[7] if len(args) > 7 else None
        return self._tensor(storage, offset, shape, strides, requires_grad, name, flags)

    def _dtype_name(self, dtype: Any) -> str | None:
        if type(dtype) is Stub:  # one that the tensor layer lacks
            known = dtype.module == "torch" and dtype.args is None and dtype.name in NUMPY_DTYPES
            return dtype.name if known else None
        name = str(dtype).removeprefix("torch.")
        return name if name in NUMPY_DTYPES else None

    def rebuild_parameter(self, args: tuple[Any, ...]) -> Any:
        if not 3 <= len(args) <= 4 or type(args[0]) is Stub:
            return None
        if len(args) == 4 and args[3]:
            self.report.note("Python attributes of a Parameter were dropped")
        return self._again(args[0], kind="parameter", requires_grad=bool(args[1]))

    def rebuild_from_type(self, args: tuple[Any, ...]) -> Any:
        if len(args) != 4 or type(args[0]) is not Stub or type(args[2]) is not tuple:
            return None
        function, cls, inner, state = args
        made = self.reduce(function, inner)
        if made is None or id(made) not in self.pending:
            return None
        cls_name = cls.qualified_name if type(cls) is Stub else "?"
        if cls_name == "torch.nn.parameter.Parameter":
            return self._again(made, kind="parameter")
        attributes = state[0] if type(state) is tuple and state else state
        if type(attributes) is dict and attributes.get("_is_buffer") is True:
            persistent = attributes.get("persistent") is not False
            return self._again(made, kind="buffer", persistent=persistent)
        if cls_name not in ("torch.Tensor", "torch._tensor.Tensor"):
            self.report.note(f"a tensor of class {cls_name} was read as a plain tensor")
        elif attributes:
            self.report.note("Python attributes of a tensor were dropped")
        return made

    def rebuild_meta(self, args: tuple[Any, ...]) -> Any:
        if len(args) != 4:
            return None
        dtype, shape, strides, requires_grad = args
        name = self._dtype_name(dtype)
        if name is None:
            return None
        shape, strides = _dims(shape, "shape", self.limits), _dims(strides, "strides", self.limits)
        if len(shape) != len(strides) or math.prod(shape) > MAX_NUMEL // 16:
            raise CheckpointFormatError(f"a meta tensor has the impossible shape {shape}")
        return self._make(TensorRecord(None, name, shape, strides, 0, bool(requires_grad)))

    def rebuild_from_numpy(self, args: tuple[Any, ...]) -> Any:
        # how torch_xla and other devices without storages write a tensor
        if len(args) != 4 or not isinstance(args[0], np.ndarray):
            return None
        array, dtype, device, requires_grad = args
        name = self._dtype_name(dtype)
        if name is None or not isinstance(device, str) or array.dtype.kind not in "biufcV":
            return None
        array = np.ascontiguousarray(array)
        try:
            array = array.astype(NUMPY_DTYPES[name], copy=False)
        except (TypeError, ValueError):
            return None
        storage = StorageRecord.of_bytes(array.reshape(-1), name)
        storage.location = device
        return self._make(
            TensorRecord(
                storage, name, array.shape, contiguous_strides(array.shape), 0, bool(requires_grad)
            )
        )

    # -- small torch types ----------------------------------------------------------------

    def size(self, args: tuple[Any, ...]) -> Any:
        if len(args) != 1 or type(args[0]) not in (tuple, list):
            return None
        if any(type(n) is not int for n in args[0]):
            return None
        return self.adapter.size(tuple(args[0]))

    def device(self, args: tuple[Any, ...]) -> Any:
        if not 1 <= len(args) <= 2 or type(args[0]) is not str:
            return None
        index = args[1] if len(args) == 2 else None
        if index is not None and type(index) is not int:
            return None
        kind, _, number = args[0].partition(":")
        if number.isascii() and number.isdigit() and len(number) < 6 and index is None:
            index = int(number)
        return self.adapter.device(kind, index)

    # -- Python ---------------------------------------------------------------------------

    def ordered_dict(self, args: tuple[Any, ...]) -> Any:
        if not args:
            return OrderedDict()
        if len(args) != 1:
            return None
        if type(args[0]) is not list:
            return None
        made: OrderedDict[Any, Any] = OrderedDict()
        for pair in args[0]:
            if type(pair) not in (list, tuple) or len(pair) != 2:
                return None
            made[_plain_key(pair[0])] = pair[1]
        return made

    def counter(self, args: tuple[Any, ...]) -> Any:
        made: Counter[Any] = Counter()
        if args and type(args[0]) is dict and len(args) == 1:
            dict.update(made, args[0])
            return made
        return None if args else made

    def default_dict(self, args: tuple[Any, ...]) -> Any:
        if not args or args[0] is None:
            return defaultdict(None)
        factory = args[0]
        if len(args) != 1 or type(factory) is not Stub or factory.args is not None:
            return None
        if factory.module not in ("builtins", "__builtin__"):
            return None
        made = _FACTORIES.get(factory.name)
        return None if made is None else defaultdict(made)

    def set(self, args: tuple[Any, ...]) -> Any:
        items = self._one_sequence(args)
        return None if items is None else {_plain_key(item) for item in items}

    def frozenset(self, args: tuple[Any, ...]) -> Any:
        items = self._one_sequence(args)
        return None if items is None else frozenset(_plain_key(item) for item in items)

    def tuple(self, args: tuple[Any, ...]) -> Any:
        items = self._one_sequence(args)
        return None if items is None else tuple(items)

    def list(self, args: tuple[Any, ...]) -> Any:
        items = self._one_sequence(args)
        return None if items is None else list(items)

    def dict(self, args: tuple[Any, ...]) -> Any:
        return None if args else {}

    @staticmethod
    def _one_sequence(args: Any) -> Any:
        if not args:
            return ()
        return args[0] if len(args) == 1 and type(args[0]) in (list, tuple, set) else None

    def complex(self, args: tuple[Any, ...]) -> Any:
        if len(args) == 2 and all(type(a) in (int, float) for a in args):
            return complex(float(args[0]), float(args[1]))
        return None

    def slice(self, args: tuple[Any, ...]) -> Any:
        if len(args) == 3 and all(a is None or type(a) is int for a in args):
            return slice(*args)
        return None

    def range(self, args: tuple[Any, ...]) -> Any:
        if len(args) == 3 and all(type(a) is int for a in args) and args[2] != 0:
            return range(*args)
        return None

    def bytearray(self, args: tuple[Any, ...]) -> Any:
        if not args:
            return bytearray()
        if len(args) == 1 and type(args[0]) is bytes:
            return bytearray(args[0])
        if len(args) == 2 and type(args[0]) is str and args[1] == "latin-1":
            return bytearray(args[0].encode("latin-1"))
        return None

    def bytes(self, args: tuple[Any, ...]) -> Any:
        if not args:
            return b""
        return args[0] if len(args) == 1 and type(args[0]) is bytes else None

    def encode(self, args: tuple[Any, ...]) -> Any:
        # how protocol 2 writes bytes
        if len(args) == 2 and type(args[0]) is str and args[1] in ("latin1", "latin-1"):
            return args[0].encode("latin-1")
        return None

    # -- NumPy ----------------------------------------------------------------------------

    def numpy_dtype(self, args: tuple[Any, ...]) -> Any:
        if not 1 <= len(args) <= 3:
            return None
        code = args[0]
        if type(code) is Stub and code.module == "ml_dtypes" and code.args is None:
            if code.name not in _ML_DTYPES:
                return None
            return np.dtype(getattr(ml_dtypes, code.name))
        if type(code) is not str or not 1 <= len(code) <= 12 or code[0] not in "biufcSUMmV":
            return None
        if not (code[1:].isascii() and code[1:].isdigit()) or int(code[1:]) > 1 << 24:
            return None
        # a copy: BUILD sets its byte order in place, and NumPy's own must not change
        return np.dtype.__new__(np.dtype, code, False, True)

    def numpy_reconstruct(self, args: tuple[Any, ...]) -> Any:
        if len(args) != 3 or type(args[0]) is not Stub or args[0].name != "ndarray":
            return None
        return np.empty((0,), np.uint8)

    def numpy_from_buffer(self, args: tuple[Any, ...]) -> Any:
        if len(args) != 4:
            return None
        buffer, dtype, shape, order = args
        if type(buffer) not in (bytes, bytearray) or not _is_plain_dtype(dtype):
            return None
        shape = _dims(shape, "shape", self.limits)
        if order not in ("C", "F") or math.prod(shape) * dtype.itemsize != len(buffer):
            raise CheckpointFormatError(
                f"a NumPy array of shape {shape} and dtype {dtype} comes with {len(buffer)} bytes"
            )
        flat = np.frombuffer(bytes(buffer), dtype) if dtype.itemsize else np.empty(shape, dtype)
        return flat.reshape(shape, order=order)

    def numpy_scalar(self, args: tuple[Any, ...]) -> Any:
        if len(args) != 2 or not _is_plain_dtype(args[0]):
            return None
        dtype, raw = args
        if type(raw) is str:
            raw = raw.encode("latin-1")
        if type(raw) is not bytes or len(raw) != dtype.itemsize or not raw:
            return None
        return np.frombuffer(raw, dtype)[0]


def _plain_key(key: Any) -> Any:
    """An element for a set made by a call: plain scalars only."""
    if type(key) in (str, bytes, float, bool, type(None), complex):
        return key
    if type(key) is int and key.bit_length() <= 64:
        return key
    if type(key) is tuple and len(key) <= 16:
        return tuple(_plain_scalar(item) for item in key)
    raise CheckpointFormatError(f"a set holds a {type(key).__name__}")


def _plain_scalar(item: Any) -> Any:
    if type(item) is tuple:
        raise CheckpointFormatError("a set holds nested tuples")
    return _plain_key(item)


def _dims(value: Any, what: str, limits: Limits) -> tuple[int, ...]:
    if not isinstance(value, (tuple, list)) or len(value) > limits.max_dims:
        raise CheckpointFormatError(f"a tensor's {what} is a {type(value).__name__}, not a tuple")
    for n in value:
        if type(n) is not int or not 0 <= n <= MAX_NUMEL:
            raise CheckpointFormatError(f"a tensor's {what} holds {n!r:.100}")
    return tuple(value)


def _is_plain_dtype(dtype: Any) -> bool:
    return isinstance(dtype, np.dtype) and not dtype.hasobject and dtype.subdtype is None


def _set_dtype_state(dtype: np.dtype, state: Any) -> bool:
    if type(state) is not tuple or not 8 <= len(state) <= 9 or state[0] not in (3, 4):
        return False
    _, order, subdtype, names, fields, itemsize, alignment, flags = state[:8]
    if order not in ("<", ">", "|", "=") or subdtype is not None or type(flags) is not int:
        return False
    if type(itemsize) is not int or type(alignment) is not int or flags & 0x03:
        return False
    if dtype.kind in "SUV":
        if not 0 <= itemsize <= 1 << 24 or not 0 <= alignment <= 16:
            return False
    elif (itemsize, alignment) != (-1, -1) and dtype.kind != "V":
        return False
    if dtype.kind == "V" and dtype.isbuiltin == 2:  # ml_dtypes: nothing to set
        return names is None and fields is None
    if len(state) == 9:
        return _set_time_unit(dtype, state)
    if names is None and fields is None:
        if dtype.kind == "V" and itemsize != dtype.itemsize:
            return False
        if dtype.kind in "SU" and itemsize != dtype.itemsize:
            return False
        dtype.__setstate__((3, order, None, None, None, itemsize, alignment, 0))
        return True
    return _set_fields(dtype, order, names, fields, itemsize, alignment)


def _set_time_unit(dtype: np.dtype, state: tuple[Any, ...]) -> bool:
    info = state[8]
    if dtype.kind not in "Mm" or type(info) is not tuple or len(info) != 2:
        return False
    unit = info[1]
    if type(unit) is not tuple or len(unit) != 4 or type(unit[0]) is not bytes:
        return False
    if unit[0] not in _TIME_UNITS:
        return False
    if any(type(n) is not int or not 1 <= n < 1 << 30 for n in unit[1:]):
        return False
    dtype.__setstate__((4, state[1], None, None, None, -1, -1, 0, ({}, unit)))
    return True


def _set_fields(
    dtype: np.dtype, order: str, names: Any, fields: Any, itemsize: int, alignment: int
) -> bool:
    if dtype.kind != "V" or type(names) is not tuple or type(fields) is not dict:
        return False
    if len(names) > 1000 or set(names) != set(fields) or itemsize != dtype.itemsize:
        return False
    for name in names:
        entry = fields[name]
        if type(name) is not str or type(entry) is not tuple or len(entry) != 2:
            return False
        field, offset = entry
        if not _is_plain_dtype(field) or field.names is not None or type(offset) is not int:
            return False
        if offset < 0 or offset + field.itemsize > itemsize:
            return False
    dtype.__setstate__((3, order, None, names, fields, itemsize, alignment, 0))
    return True


def _set_array_state(array: np.ndarray, state: Any) -> bool:
    if type(state) is not tuple or len(state) != 5 or array.size or not array.flags.owndata:
        return False
    _, shape, dtype, fortran, raw = state
    if not _is_plain_dtype(dtype) or type(shape) is not tuple:
        return False
    if type(raw) is str:
        raw = raw.encode("latin-1")
    if type(raw) is not bytes or len(shape) > 64:
        return False
    if any(type(n) is not int or n < 0 for n in shape):
        return False
    if math.prod(shape) * dtype.itemsize != len(raw):
        raise CheckpointFormatError(
            f"a NumPy array of shape {shape} and dtype {dtype} comes with {len(raw)} bytes"
        )
    array.__setstate__((1, shape, dtype, bool(fortran), raw))  # type: ignore[arg-type]
    return True


_FACTORIES: dict[str, Callable[[], Any]] = {
    "bool": bool,
    "dict": dict,
    "float": float,
    "int": int,
    "list": list,
    "set": set,
    "str": str,
    "tuple": tuple,
}
_ML_DTYPES = frozenset(
    {name for name in NUMPY_DTYPES if name.startswith(("bfloat", "float8"))}
    | {"float8_e4m3", "float8_e3m4", "float8_e4m3b11fnuz", "int2", "int4", "uint2", "uint4"}
)
_TIME_UNITS = frozenset({b"Y", b"M", b"W", b"D", b"h", b"m", b"s", b"ms", b"us", b"ns", b"ps"})

_CALLS: dict[tuple[str, str], Callable[[Builders, tuple[Any, ...]], Any]] = {
    ("torch._utils", "_rebuild_tensor"): Builders.rebuild_tensor,
    ("torch._utils", "_rebuild_tensor_v2"): Builders.rebuild_tensor_v2,
    ("torch._utils", "_rebuild_tensor_v3"): Builders.rebuild_tensor_v3,
    ("torch._utils", "_rebuild_parameter"): Builders.rebuild_parameter,
    ("torch._utils", "_rebuild_parameter_with_state"): Builders.rebuild_parameter,
    ("torch._utils", "_rebuild_meta_tensor_no_storage"): Builders.rebuild_meta,
    ("torch._utils", "_rebuild_device_tensor_from_numpy"): Builders.rebuild_from_numpy,
    ("torch._utils", "_rebuild_xla_tensor"): Builders.rebuild_from_numpy,
    ("torch._tensor", "_rebuild_from_type_v2"): Builders.rebuild_from_type,
    ("torch", "Size"): Builders.size,
    ("torch", "device"): Builders.device,
    ("collections", "OrderedDict"): Builders.ordered_dict,
    ("collections", "Counter"): Builders.counter,
    ("collections", "defaultdict"): Builders.default_dict,
    ("_codecs", "encode"): Builders.encode,
    ("numpy", "dtype"): Builders.numpy_dtype,
}
for _module in ("builtins", "__builtin__"):
    for _name, _builder in {
        "set": Builders.set,
        "frozenset": Builders.frozenset,
        "tuple": Builders.tuple,
        "list": Builders.list,
        "dict": Builders.dict,
        "complex": Builders.complex,
        "slice": Builders.slice,
        "range": Builders.range,
        "xrange": Builders.range,
        "bytearray": Builders.bytearray,
        "bytes": Builders.bytes,
    }.items():
        _CALLS[_module, _name] = _builder
for _module in ("numpy.core", "numpy._core"):
    _CALLS[f"{_module}.multiarray", "_reconstruct"] = Builders.numpy_reconstruct
    _CALLS[f"{_module}.multiarray", "scalar"] = Builders.numpy_scalar
    _CALLS[f"{_module}.numeric", "_frombuffer"] = Builders.numpy_from_buffer


def storage_kind(cls: Any) -> tuple[str | None, int] | None:
    """Dtype and item size of a storage class as the file names it; None when unknown."""
    if type(cls) is not Stub:
        return None
    name = cls.name
    if cls.module not in ("torch", "torch.storage", "torch.cuda"):
        return None
    if name in STORAGE_CLASSES:
        dtype = STORAGE_CLASSES[name]
        return dtype, NUMPY_DTYPES[dtype].itemsize
    if name in ("UntypedStorage", "_UntypedStorage"):
        return None, 1
    if name in OPAQUE_STORAGES:
        return None, OPAQUE_STORAGES[name]
    return None
