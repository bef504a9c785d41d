"""``torch.FloatTensor`` and its kin: PyTorch's tensor types from before dtypes.

Each makes tensors of its dtype, and ``isinstance`` asks for dtype and device. Storages likewise.
"""

from __future__ import annotations

from typing import Any

from flambeau._tensor import dtypes
from flambeau._tensor.core import TensorBase
from flambeau._tensor.storages import TypedStorage
from flambeau._tensor.tensor import _LEGACY, _legacy, legacy_name


class LegacyType(type):
    """The class of the old tensor types."""

    dtype: dtypes.dtype
    is_cuda: bool

    def __instancecheck__(cls, instance: Any) -> bool:
        return (
            isinstance(instance, TensorBase)
            and instance.dtype is cls.dtype
            and instance.is_cuda == cls.is_cuda
        )

    def __call__(cls, *args: Any, device: Any = None) -> Any:
        where = device if device is not None else ("cuda" if cls.is_cuda else "cpu")
        return _legacy(args, cls.dtype, where)

    def __repr__(cls) -> str:
        return f"<class '{cls.__module__}.{cls.__name__}'>"


def _tensor_type(dtype: dtypes.dtype, where: str) -> Any:
    full = legacy_name(dtype, where)
    module, _, name = full.rpartition(".")
    doc = (
        f"Tensors of {dtype}{' on a GPU' if where == 'cuda' else ''}, by their old name.\n\n"
        f"``{name}(2, 3)`` gives a tensor of that size, ``{name}([1, 2])`` one of that content.\n\n"
        f"Follows ``{full}``."
    )
    body = {"dtype": dtype, "is_cuda": where == "cuda", "__module__": module, "__doc__": doc}
    return LegacyType(name, (), body)


def _storage_type(dtype: dtypes.dtype) -> Any:
    name = legacy_name(dtype).removeprefix("torch.").replace("Tensor", "Storage")
    doc = f"A storage of {dtype}, by its old name.\n\nFollows ``torch.{name}``."
    return type(name, (TypedStorage,), {"_own": dtype, "__module__": "torch", "__doc__": doc})


TENSOR_TYPES = {f"{stem}Tensor": _tensor_type(d, "cpu") for stem, d in _LEGACY.items()}
CUDA_TENSOR_TYPES = {f"{stem}Tensor": _tensor_type(d, "cuda") for stem, d in _LEGACY.items()}
STORAGE_TYPES = {f"{stem}Storage": _storage_type(d) for stem, d in _LEGACY.items()}

BFloat16Tensor = TENSOR_TYPES["BFloat16Tensor"]
BoolTensor = TENSOR_TYPES["BoolTensor"]
ByteTensor = TENSOR_TYPES["ByteTensor"]
CharTensor = TENSOR_TYPES["CharTensor"]
DoubleTensor = TENSOR_TYPES["DoubleTensor"]
FloatTensor = TENSOR_TYPES["FloatTensor"]
HalfTensor = TENSOR_TYPES["HalfTensor"]
IntTensor = TENSOR_TYPES["IntTensor"]
LongTensor = TENSOR_TYPES["LongTensor"]
ShortTensor = TENSOR_TYPES["ShortTensor"]

BFloat16Storage = STORAGE_TYPES["BFloat16Storage"]
BoolStorage = STORAGE_TYPES["BoolStorage"]
ByteStorage = STORAGE_TYPES["ByteStorage"]
CharStorage = STORAGE_TYPES["CharStorage"]
ComplexDoubleStorage = STORAGE_TYPES["ComplexDoubleStorage"]
ComplexFloatStorage = STORAGE_TYPES["ComplexFloatStorage"]
DoubleStorage = STORAGE_TYPES["DoubleStorage"]
FloatStorage = STORAGE_TYPES["FloatStorage"]
HalfStorage = STORAGE_TYPES["HalfStorage"]
IntStorage = STORAGE_TYPES["IntStorage"]
LongStorage = STORAGE_TYPES["LongStorage"]
ShortStorage = STORAGE_TYPES["ShortStorage"]
