"""``torch.UntypedStorage`` and ``torch.TypedStorage``: the memory behind tensors, as an object.

They are handles of the :class:`~flambeau._tensor.core.Storage` that tensors share; elements are
read from it as it is now, and written through a tensor over it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from flambeau._engine.recorder import read
from flambeau._tensor import dtypes
from flambeau._tensor.construct import constant, from_data
from flambeau._tensor.core import Storage, TensorBase, wrap
from flambeau._tensor.device import place_for, user_device
from flambeau._tensor.dispatch import assign

__all__ = ["TypedStorage", "UntypedStorage", "storage_of"]


def _over(memory: Storage) -> Any:
    """A tensor that shows a whole storage."""
    t = wrap(memory.value)
    t._storage = memory
    return t


class UntypedStorage:
    """The bytes behind a tensor, shared with its views.

    Args:
        size: how many bytes, or a list of them.
        device: where they live.

    Example:
        >>> import flambeau as torch
        >>> x = torch.zeros(3)
        >>> x.untyped_storage().nbytes()
        12
        >>> x.untyped_storage().data_ptr() == x[1:].untyped_storage().data_ptr()
        True

    Follows ``torch.UntypedStorage``.
    """

    _memory: Storage

    def __init__(self, size: Any = 0, *, device: Any = None) -> None:
        content = np.zeros(size, np.uint8) if isinstance(size, int) else np.array(size, np.uint8)
        self._memory = Storage(constant(content, place_for(device)))

    def _bytes(self) -> np.ndarray:
        if self.device.type == "meta":
            raise NotImplementedError("the storage is on meta: it has a size and no data")
        return np.ascontiguousarray(np.asarray(read(self._memory.value))).reshape(-1).view(np.uint8)

    def nbytes(self) -> int:
        """How many bytes."""
        aval = self._memory.value.aval
        return aval.size * aval.dtype.itemsize

    def size(self) -> int:
        """How many bytes."""
        return self.nbytes()

    def element_size(self) -> int:
        """1: the elements are bytes."""
        return 1

    def __len__(self) -> int:
        return self.nbytes()

    def data_ptr(self) -> int:
        """A number that tells memory apart; see :meth:`flambeau.Tensor.data_ptr`."""
        return 0 if self.nbytes() == 0 else id(self._memory) << 16

    @property
    def _cdata(self) -> int:
        return id(self._memory)

    @property
    def device(self) -> Any:
        """Where the bytes live."""
        return user_device(self._memory.value.aval.device)

    @property
    def is_cuda(self) -> bool:
        """Whether they live on a GPU."""
        return self.device.type == "cuda"

    filename: str | None = None
    is_sparse = False

    def untyped(self) -> UntypedStorage:
        """Itself."""
        return self

    def tolist(self) -> list[int]:
        """The bytes as numbers. Executes what is pending."""
        return self._bytes().tolist()

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return UntypedStorage(self._bytes()[index].tolist(), device=self.device)
        return int(self._bytes()[index])

    def __setitem__(self, index: Any, value: Any) -> None:
        content = self._bytes().copy()
        content[index] = value
        _write(self._memory, content)

    def __iter__(self) -> Iterator[int]:
        return iter(self.tolist())

    def fill_(self, value: int) -> UntypedStorage:
        """Set every byte."""
        self[:] = value
        return self

    def copy_(self, source: Any, non_blocking: bool | None = None) -> UntypedStorage:
        """Take the bytes of another storage.

        Raises:
            RuntimeError: it has another size.
        """
        if source.nbytes() != self.nbytes():
            raise RuntimeError(
                f"size does not match, self was {self.nbytes()} bytes but src was "
                f"{source.nbytes()} bytes"
            )
        self[:] = source.untyped()._bytes()
        return self

    def clone(self) -> UntypedStorage:
        """A copy."""
        return _handle(Storage(self._memory.value))

    def cpu(self) -> UntypedStorage:
        """The storage in the host's memory."""
        if self.device.type == "cpu":
            return self
        return _handle(_over(self._memory).cpu()._storage)

    def is_pinned(self, device: Any = None) -> bool:
        """False: host memory is JAX's."""
        return False

    def pin_memory(self, device: Any = None) -> UntypedStorage:
        """Itself: host memory is JAX's."""
        return self

    def is_shared(self) -> bool:
        """False: processes get copies."""
        return False

    def share_memory_(self) -> UntypedStorage:
        """Accepted; processes get copies."""
        return self

    def resize_(self, size: int) -> UntypedStorage:
        """Refused, but for the size it has: tensors over the memory would lose their elements.

        Raises:
            RuntimeError: another size is asked for.
        """
        if size != self.nbytes():
            raise RuntimeError(
                f"UntypedStorage.resize_: cannot go from {self.nbytes()} to {size} bytes; JAX's "
                "arrays have one size. Use Tensor.resize_, or set .data to an empty tensor"
            )
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UntypedStorage) and other._memory is self._memory

    def __hash__(self) -> int:
        return id(self._memory)

    def __repr__(self) -> str:
        head = "" if self.device.type == "meta" else "".join(f" {b}\n" for b in self.tolist())
        return f"{head}[torch.storage.UntypedStorage(device={self.device}) of size {len(self)}]"


def _write(memory: Storage, content: np.ndarray) -> None:
    """Replace the bytes of a storage; everything that shares it sees them."""
    aval = memory.value.aval
    fresh = constant(content.view(aval.dtype).reshape(aval.shape), aval.device)
    assign(_over(memory), wrap(fresh), "copy_")


def _handle(memory: Storage) -> UntypedStorage:
    made = UntypedStorage.__new__(UntypedStorage)
    made._memory = memory
    return made


def storage_of(t: TensorBase) -> UntypedStorage:
    """The storage of a tensor."""
    return _handle(t._storage)


class TypedStorage:
    """The elements behind a tensor, shared with its views; PyTorch's older storage.

    Args:
        data: how many elements, or a list of them.
        dtype: their dtype, the default one if None.
        device: where they live.
        wrap_storage: an :class:`UntypedStorage` to look at, instead of ``data``.

    Example:
        >>> import flambeau as torch
        >>> torch.tensor([[1, 2], [3, 4]]).storage().tolist()
        [1, 2, 3, 4]

    Follows ``torch.TypedStorage``.
    """

    _own: dtypes.dtype | None = None

    def __init__(
        self,
        data: Any = 0,
        *,
        dtype: Any = None,
        device: Any = None,
        wrap_storage: UntypedStorage | None = None,
        _internal: bool = False,
    ) -> None:
        self.dtype = self._own or (
            dtypes.get_default_dtype() if dtype is None else dtypes.as_dtype(dtype)
        )
        if wrap_storage is None:
            content = (
                np.zeros(data, self.dtype.numpy)
                if isinstance(data, int)
                else from_data(data, self.dtype).numpy()
            )
            wrap_storage = _handle(Storage(constant(content, place_for(device))))
        self._untyped_storage = wrap_storage

    def _elements(self) -> np.ndarray:
        return self._untyped_storage._bytes().view(self.dtype.numpy)

    def untyped(self) -> UntypedStorage:
        """The bytes."""
        return self._untyped_storage

    def size(self) -> int:
        """How many elements."""
        return self._untyped_storage.nbytes() // self.dtype.itemsize

    def nbytes(self) -> int:
        """How many bytes."""
        return self._untyped_storage.nbytes()

    def element_size(self) -> int:
        """Bytes per element."""
        return self.dtype.itemsize

    def __len__(self) -> int:
        return self.size()

    def data_ptr(self) -> int:
        """A number that tells memory apart; see :meth:`flambeau.Tensor.data_ptr`."""
        return self._untyped_storage.data_ptr()

    @property
    def _cdata(self) -> int:
        return self._untyped_storage._cdata

    @property
    def device(self) -> Any:
        """Where the elements live."""
        return self._untyped_storage.device

    is_cuda = property(lambda self: self._untyped_storage.is_cuda)
    is_sparse = False

    def tolist(self) -> list[Any]:
        """The elements as numbers. Executes what is pending."""
        kind = self.dtype.numpy
        elements = self._elements()
        return (elements.astype(np.float64) if kind.kind == "V" else elements).tolist()

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            raise RuntimeError("slices are only supported in UntypedStorage.__getitem__")
        return self.tolist()[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        content = self._elements().copy()
        content[index] = value
        _write(self._untyped_storage._memory, content.view(np.uint8))

    def __iter__(self) -> Iterator[Any]:
        return iter(self.tolist())

    def fill_(self, value: Any) -> TypedStorage:
        """Set every element."""
        self[:] = value
        return self

    def clone(self) -> TypedStorage:
        """A copy."""
        return type(self)(dtype=self.dtype, wrap_storage=self._untyped_storage.clone())

    def cpu(self) -> TypedStorage:
        """The storage in the host's memory."""
        return type(self)(dtype=self.dtype, wrap_storage=self._untyped_storage.cpu())

    def is_shared(self) -> bool:
        """False: processes get copies."""
        return False

    def share_memory_(self) -> TypedStorage:
        """Accepted; processes get copies."""
        return self

    def pickle_storage_type(self) -> str:
        """The name of the storage class of the dtype, such as ``FloatStorage``."""
        from flambeau._tensor.tensor import legacy_name

        return legacy_name(self.dtype).removeprefix("torch.").replace("Tensor", "Storage")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TypedStorage) and other._untyped_storage == self._untyped_storage

    def __hash__(self) -> int:
        return hash(self._untyped_storage)

    def __repr__(self) -> str:
        head = "".join(f" {x}\n" for x in self.tolist())
        return (
            f"{head}[torch.storage.TypedStorage(dtype={self.dtype}, device={self.device}) of "
            f"size {len(self)}]"
        )


UntypedStorage.__module__ = TypedStorage.__module__ = "torch.storage"
