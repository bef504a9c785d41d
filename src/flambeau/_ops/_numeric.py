"""Questions about dtypes that rows ask."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

F = TypeVar("F", bound=Callable[..., Any])

_HALVES = (np.dtype(jnp.bfloat16), np.dtype(np.float16))


def is_bool(x: Any) -> bool:
    return x.dtype == np.bool_


def is_complex(x: Any) -> bool:
    return jnp.issubdtype(x.dtype, jnp.complexfloating)


def is_float(x: Any) -> bool:
    """Real floating point; complex is not."""
    return jnp.issubdtype(x.dtype, jnp.floating)


def is_inexact(x: Any) -> bool:
    return jnp.issubdtype(x.dtype, jnp.inexact)


def is_integral(x: Any) -> bool:
    """An integer or bool."""
    return not is_inexact(x)


def accumulator(dtype: Any) -> np.dtype:
    """The dtype in which sums of ``dtype`` are kept: float32 for the 16-bit floats."""
    dtype = np.dtype(dtype)
    return np.dtype(np.float32) if dtype in _HALVES else dtype


def real_dtype(dtype: Any) -> np.dtype:
    """The dtype of the absolute value of ``dtype``."""
    return np.dtype(np.finfo(dtype).dtype) if np.dtype(dtype).kind == "c" else np.dtype(dtype)


def dtype_name(dtype: Any) -> str:
    """The name that PyTorch's messages give to a dtype: ``Long``, ``Float``, ``Bool``…"""
    return _NAMES.get(np.dtype(dtype).name, np.dtype(dtype).name)


def in_float32(row: F) -> F:
    """Compute a row on 16-bit floats in float32 and round once, as PyTorch's kernels do."""

    @functools.wraps(row)
    def call(*args: Any, **kwargs: Any) -> Any:
        halves = [a.dtype for a in [*args, *kwargs.values()] if _is_half(a)]
        if not halves:
            return row(*args, **kwargs)
        target = halves[0]
        out = row(*map(_widen, args), **{k: _widen(v) for k, v in kwargs.items()})
        return jax.tree.map(lambda x: x.astype(target) if x.dtype == np.float32 else x, out)

    return call  # type: ignore[return-value]


def _is_half(x: Any) -> bool:
    return hasattr(x, "astype") and x.dtype in _HALVES


def _widen(x: Any) -> Any:
    return x.astype(np.float32) if _is_half(x) else x


_NAMES = {
    "bool": "Bool",
    "uint8": "Byte",
    "int8": "Char",
    "int16": "Short",
    "int32": "Int",
    "int64": "Long",
    "uint16": "UInt16",
    "uint32": "UInt32",
    "uint64": "UInt64",
    "float16": "Half",
    "bfloat16": "BFloat16",
    "float32": "Float",
    "float64": "Double",
    "complex64": "ComplexFloat",
    "complex128": "ComplexDouble",
}
