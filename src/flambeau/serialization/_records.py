"""What a checkpoint holds, before it becomes tensors: storages, tensors, inert stubs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ._dtypes import NUMPY_DTYPES

__all__ = ["Device", "DTypeName", "Size", "StorageRecord", "Stub", "TensorRecord"]


class StorageRecord:
    """A run of bytes that tensors look at, read when first asked for."""

    __slots__ = ("_data", "_load", "dtype", "key", "location", "nbytes")

    def __init__(
        self,
        key: str,
        dtype: str | None,
        nbytes: int,
        location: str = "cpu",
        load: Callable[[], np.ndarray] | None = None,
    ):
        self.key = key
        self.dtype = dtype
        self.nbytes = nbytes
        self.location = location
        self._load = load
        self._data: np.ndarray | None = None

    @classmethod
    def of_bytes(cls, data: np.ndarray, dtype: str | None = None, key: str = "") -> StorageRecord:
        """A storage over bytes in memory."""
        record = cls(key, dtype, data.nbytes)
        record._data = data.reshape(-1).view(np.uint8)
        return record

    def data(self) -> np.ndarray:
        """The bytes, as a flat uint8 array; the same array at each call."""
        if self._data is None:
            if self._load is None:
                raise ValueError(f"storage {self.key!r} has no data")
            self._data = self._load()
            self._load = None
        return self._data

    def set_loader(self, load: Callable[[], np.ndarray]) -> None:
        """Say where the bytes are, once that is known."""
        self._load = load

    def __repr__(self) -> str:
        dtype = self.dtype or "untyped"
        return f"StorageRecord({self.key!r}, {dtype}, {self.nbytes} bytes, {self.location!r})"


class TensorRecord:
    """A view of a storage: dtype, shape, strides and offset in elements."""

    __slots__ = (
        "conj",
        "dtype",
        "kind",
        "neg",
        "offset",
        "persistent",
        "requires_grad",
        "shape",
        "storage",
        "strides",
    )

    def __init__(
        self,
        storage: StorageRecord | None,
        dtype: str,
        shape: tuple[int, ...],
        strides: tuple[int, ...],
        offset: int = 0,
        requires_grad: bool = False,
        kind: str = "tensor",
    ):
        self.storage = storage  # None: a meta tensor
        self.dtype = dtype
        self.shape = shape
        self.strides = strides
        self.offset = offset
        self.requires_grad = requires_grad
        self.kind = kind  # "tensor", "parameter" or "buffer"
        self.persistent = True
        self.conj = False
        self.neg = False

    @classmethod
    def of_numpy(cls, array: np.ndarray, **options: Any) -> TensorRecord:
        """A record over a copy-free view of an array's own memory (made C-contiguous)."""
        from ._dtypes import name_of

        name = name_of(array.dtype)
        if name is None:
            raise TypeError(f"a tensor cannot hold NumPy's dtype {array.dtype}")
        shape = array.shape
        array = np.ascontiguousarray(array.astype(NUMPY_DTYPES[name], copy=False))
        storage = StorageRecord.of_bytes(array.reshape(-1), name)
        return cls(storage, name, shape, contiguous_strides(shape), **options)

    @property
    def numel(self) -> int:
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        return self.numel * NUMPY_DTYPES[self.dtype].itemsize

    @property
    def is_contiguous(self) -> bool:
        return is_contiguous(self.shape, self.strides)

    def flat(self) -> np.ndarray:
        """The whole storage as a flat array of this dtype."""
        if self.storage is None:
            raise ValueError("a meta tensor has no data")
        dtype = NUMPY_DTYPES[self.dtype]
        data = self.storage.data()
        whole = len(data) // dtype.itemsize * dtype.itemsize
        return data[:whole].view(dtype)

    def numpy(self) -> np.ndarray:
        """The values; a view of the storage unless a lazy conjugate has to be resolved."""
        dtype = NUMPY_DTYPES[self.dtype]
        if self.numel == 0:
            return np.empty(self.shape, np.complex64 if self.dtype == "complex32" else dtype)
        flat = self.flat()
        if self.is_contiguous:
            array = flat[self.offset : self.offset + self.numel].reshape(self.shape)
        else:
            # as_strided knows NumPy's own dtypes only
            plain = dtype if dtype.isbuiltin == 1 else np.dtype(f"u{dtype.itemsize}")
            array = as_strided(
                flat.view(plain)[self.offset :],
                self.shape,
                tuple(s * dtype.itemsize for s in self.strides),
                writeable=False,
            ).view(dtype)
        if self.dtype == "complex32":  # by parts: 1j * nan would spoil the other one
            wide = np.empty(self.shape, np.complex64)
            wide.real, wide.imag = array["real"], array["imag"]
            array = wide
        if self.conj:
            array = np.conj(array)
        return -array if self.neg else array

    def __repr__(self) -> str:
        return f"TensorRecord({self.dtype}, {self.shape}, {self.kind})"


def contiguous_strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Row-major strides, in elements."""
    strides, step = [], 1
    for size in reversed(shape):
        strides.append(step)
        step *= max(size, 1)
    return tuple(reversed(strides))


def is_contiguous(shape: tuple[int, ...], strides: tuple[int, ...]) -> bool:
    """Whether the elements lie in row-major order without gaps."""
    step = 1
    for size, stride in zip(reversed(shape), reversed(strides), strict=True):
        if size == 0:
            return True
        if size != 1:
            if stride != step:
                return False
            step *= size
    return True


class Stub:
    """An object that the file asked for and that was not made: inert, with what it held.

    ``module`` and ``name`` are what the file says, never imported. ``args`` are the
    arguments of the call that was not made, ``state`` what would have been its attributes
    (also readable as attributes), ``items`` and ``entries`` what a dict or list subclass
    held. A stub without ``args`` stands for the class or function itself.

    Example:
        >>> from flambeau.serialization import Stub
        >>> stub = Stub("argparse", "Namespace", args=())
        >>> stub.state = {"lr": 0.1}
        >>> stub.lr
        0.1
        >>> stub
        <stub of argparse.Namespace>
    """

    __slots__ = ("_args", "_entries", "_items", "_kwargs", "_module", "_name", "state")

    def __init__(
        self,
        module: str,
        name: str,
        args: tuple[Any, ...] | None = None,
        kwargs: dict[str, Any] | None = None,
    ):
        self._module = module
        self._name = name
        self._args = args
        self._kwargs = kwargs
        self._items: list[tuple[Any, Any]] | None = None
        self._entries: list[Any] | None = None
        self.state: Any = None

    @property
    def module(self) -> str:
        return self._module

    @property
    def name(self) -> str:
        return self._name

    @property
    def args(self) -> tuple[Any, ...] | None:
        return self._args

    @property
    def kwargs(self) -> dict[str, Any] | None:
        return self._kwargs

    @property
    def items(self) -> list[tuple[Any, Any]] | None:
        return self._items

    @property
    def entries(self) -> list[Any] | None:
        return self._entries

    @property
    def qualified_name(self) -> str:
        return f"{self._module}.{self._name}"

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("__"):
            state = object.__getattribute__(self, "state")
            parts = state if isinstance(state, tuple) else (state,)
            for part in parts:
                if type(part) is dict and name in part:
                    return part[name]
        raise AttributeError(
            f"stub of {self._module}.{self._name} has no attribute {name!r}; "
            "the object was not made, only its state was kept"
        )

    def __repr__(self) -> str:
        what = "stub of" if self._args is not None else "stub for the name"
        return f"<{what} {self._module}.{self._name}>"


class Size(tuple):
    """A ``torch.Size``, until the tensor layer gives its own."""

    __slots__ = ()


class DTypeName(str):
    """A dtype by name, until the tensor layer gives its own."""

    __slots__ = ()


class Device(str):
    """A device by name, until the tensor layer gives its own."""

    __slots__ = ()
