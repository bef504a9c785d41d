"""Copies and conversions between dtypes."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import lax

from flambeau._ops._numeric import is_complex, is_float
from flambeau._ops.registry import Array, Dims, DType, Operand, op


@op()
def clone(input: Array) -> Array:
    """A copy, part of the graph."""
    return input


@op()
def to_dtype(input: Array, dtype: DType) -> Array:
    """``input`` in another dtype.

    Floats lose their fraction on the way to integers, and a number too large for int32 or
    int64 becomes the smallest one; narrower integers keep the low bits. Complex numbers
    lose their imaginary part.
    """
    target = np.dtype(dtype)
    if input.dtype == target:
        return input
    if target == np.bool_:
        return jnp.not_equal(input, 0)
    if is_complex(input) and target.kind != "c":
        input = input.real
    if is_float(input) and target.kind in "iu":
        return _float_to_int(lax.stop_gradient(input), target)
    return lax.convert_element_type(input, target)


def _float_to_int(input: Array, target: np.dtype) -> Array:
    wide = np.dtype(np.int32) if target.itemsize <= 2 else np.dtype(np.int64)
    if target == np.int32:
        wide = target
    if target == np.uint64:
        # The upper half of the range has no int64 on the way.
        high = input >= 2.0**63
        low = jnp.where(high, input - 2.0**63, input).astype(jnp.int64).astype(jnp.uint64)
        return jnp.where(high, low + np.uint64(2**63), low)
    bits = 8 * wide.itemsize
    value = input.astype(jnp.promote_types(input.dtype, np.float32))
    inside = (value >= -(2.0 ** (bits - 1))) & (value < 2.0 ** (bits - 1))
    converted = jnp.where(inside, value, 0).astype(wide)
    return jnp.where(inside, converted, np.iinfo(wide).min).astype(target)


@op()
def copy_to(src: Operand, shape: Dims, dtype: DType) -> Array:
    """``src`` broadcast to a shape and cast: what ``copy_`` and ``fill_`` store."""
    return jnp.broadcast_to(to_dtype.impl(jnp.asarray(src), dtype), shape)


@op()
def fill(input: Array, value: Operand) -> Array:
    """``value`` everywhere; no gradient reaches ``input``."""
    return jnp.full(input.shape, to_dtype.impl(jnp.asarray(value), input.dtype))


@op()
def overwrite(input: Array, new: Array) -> Array:
    """``new`` in the place of ``input``, whose gradient is zero from here on."""
    return new
