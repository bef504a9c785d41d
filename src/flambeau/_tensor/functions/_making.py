"""What functions that make tensors share: sizes, dtypes, numbers, ``out=``."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from flambeau._engine.device import Place
from flambeau._tensor import dtypes
from flambeau._tensor.core import TensorBase, value_of
from flambeau._tensor.device import place_for
from flambeau._tensor.dispatch import store_out
from flambeau._tensor.layout import check_layout

_C_NAMES = {
    "uint8": "uint8_t",
    "int8": "int8_t",
    "int16": "int16_t",
    "int32": "int",
    "int64": "int64_t",
    "float16": "at::Half",
    "bfloat16": "at::BFloat16",
    "float32": "float",
    "float64": "double",
}
_TYPE_NAMES = {
    "uint8": "Byte",
    "int8": "Char",
    "int16": "Short",
    "int32": "Int",
    "int64": "Long",
    "float16": "Half",
    "bfloat16": "BFloat16",
    "float32": "Float",
    "float64": "Double",
    "complex64": "ComplexFloat",
    "complex128": "ComplexDouble",
    "bool": "Bool",
}


def type_name(dtype: dtypes.dtype) -> str:
    """What PyTorch's messages call a dtype: ``Long`` for int64."""
    return _TYPE_NAMES.get(dtype.name, dtype.name)


def as_int(name: str, argument: str, position: int, value: Any) -> int:
    """An int argument.

    Raises:
        TypeError: it is a bool, a float or something else that is no integer.
    """
    if type(value) is int:
        return value
    try:
        if isinstance(value, bool):
            raise TypeError
        return operator.index(value)
    except TypeError:
        raise TypeError(
            f"{name}(): argument '{argument}' (position {position}) must be int, "
            f"not {type(value).__name__}"
        ) from None


def parse_size(name: str, sizes: Sequence[Any], size: Any = None) -> tuple[int, ...]:
    """The shape meant by ``f(2, 3)``, ``f((2, 3))`` or ``f(size=(2, 3))``.

    Raises:
        TypeError: no size, two of them, or one that is not made of ints.
        RuntimeError: a dimension is negative.
    """
    if size is not None:
        if sizes:
            raise TypeError(
                f"{name}() got sizes both by position {tuple(sizes)} and as size={size}"
            )
        return as_size(name, size)
    if not sizes:
        raise TypeError(f'{name}() missing 1 required positional arguments: "size"')
    if isinstance(sizes[0], (tuple, list)):
        if len(sizes) > 1:
            raise TypeError(f"{name}() takes 1 positional argument but {len(sizes)} were given")
        return as_size(name, sizes[0])
    return as_size(name, sizes)


def as_size(name: str, size: Any, position: int = 1) -> tuple[int, ...]:
    """A tuple of non-negative ints.

    Raises:
        TypeError: it is something else.
        RuntimeError: a dimension is negative.
    """
    if not isinstance(size, (tuple, list)):
        raise TypeError(
            f"{name}(): argument 'size' (position {position}) must be tuple of ints, "
            f"not {type(size).__name__}"
        )
    result = []
    for item in size:
        if type(item) is not int:
            try:
                if isinstance(item, bool):
                    raise TypeError
                item = operator.index(item)
            except TypeError:
                raise TypeError(
                    f"{name}(): argument 'size' (position {position}) must be tuple of ints, "
                    f"but found element of type {type(item).__name__}"
                ) from None
        if item < 0:
            raise RuntimeError(
                f"{name}: Trying to create tensor with negative dimension {item}: {list(size)}"
            )
        result.append(item)
    return tuple(result)


def check_tensor(name: str, value: Any, argument: str = "input", position: int = 1) -> None:
    """Raise PyTorch's TypeError unless the argument is a tensor."""
    if not isinstance(value, TensorBase):
        raise TypeError(
            f"{name}(): argument '{argument}' (position {position}) must be Tensor, "
            f"not {type(value).__name__}"
        )


def check_number(name: str, argument: str, position: int, value: Any) -> None:
    """Raise PyTorch's TypeError unless the argument is a number."""
    if not isinstance(value, (bool, int, float, complex, np.number, np.bool_)):
        raise TypeError(
            f"{name}(): argument '{argument}' (position {position}) must be Number, "
            f"not {type(value).__name__}"
        )


def check_fits(value: Any, dtype: dtypes.dtype) -> None:
    """Refuse a number that a dtype cannot hold.

    Raises:
        RuntimeError: it would overflow, is not a number where an integer is needed, or would
            lose its imaginary part.
    """
    if dtype is dtypes.bool_ or isinstance(value, (bool, np.bool_)):
        return
    if isinstance(value, (complex, np.complexfloating)):
        if dtype.is_complex:
            return
        fits = value.imag == 0
        value = value.real
    else:
        fits = True
    if fits and dtype.is_floating_point:
        limit = float(dtypes.finfo(dtype).max)
        fits = not math.isfinite(value) or abs(value) <= limit
    elif fits and not dtype.is_complex:
        info = np.iinfo(dtype.numpy)
        # Negative numbers wrap around in unsigned types, as in C.
        low = info.min if dtype.is_signed else -int(info.max)
        fits = math.isfinite(value) and low <= int(value) <= info.max
    if not fits:
        raise RuntimeError(
            f"value cannot be converted to type {_C_NAMES.get(dtype.name, dtype.name)} "
            f"without overflow: got {value!r} for {dtype}"
        )


def target(
    name: str,
    out: Any,
    dtype: Any,
    device: Any,
    layout: Any = None,
    default: dtypes.dtype | None = None,
) -> tuple[dtypes.dtype, Place]:
    """Which dtype, and where: what ``out=``, ``dtype=`` and ``device=`` say together.

    Raises:
        TypeError: ``out`` is not a tensor.
        RuntimeError: ``dtype`` contradicts ``out``.
    """
    check_layout(name, layout)
    if isinstance(dtype, str):
        raise TypeError(
            f"{name}(): argument 'dtype' must be torch.dtype, not str; use torch.{dtype}"
        )
    if out is None:
        kind = (default or dtypes.get_default_dtype()) if dtype is None else dtypes.as_dtype(dtype)
        return kind, place_for(device)
    if not isinstance(out, TensorBase):
        raise TypeError(f"{name}(): argument 'out' must be Tensor, not {type(out).__name__}")
    aval = value_of(out).aval
    kind = dtypes.from_numpy_dtype(aval.dtype)
    if dtype is not None and dtypes.as_dtype(dtype) is not kind:
        raise RuntimeError(
            f"{name}: dtype {type_name(dtypes.as_dtype(dtype))} does not match dtype of out "
            f"parameter ({type_name(kind)})"
        )
    if device is not None and place_for(device) is not aval.device:
        raise RuntimeError(
            f"{name}: device {device} does not match device of out parameter ({aval.device})"
        )
    return kind, aval.device


def finish(name: str, result: Any, out: Any, requires_grad: bool) -> Any:
    """The result, in ``out`` if there is one, as a leaf that requires grad if asked for."""
    if out is not None:
        result = store_out(out, result, name)
    return result.requires_grad_(True) if requires_grad else result
