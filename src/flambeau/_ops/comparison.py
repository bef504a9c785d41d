"""Comparisons, tests of single values, and logic: the results are bool."""

from __future__ import annotations

import jax.numpy as jnp

from flambeau._ops._numeric import is_complex, is_inexact
from flambeau._ops.registry import Array, Operand, op


@op(promote="numeric", differentiable=False)
def eq(input: Array, other: Operand) -> Array:
    """Where the two are equal."""
    return jnp.equal(input, other)


@op(promote="numeric", differentiable=False)
def ne(input: Array, other: Operand) -> Array:
    """Where the two differ."""
    return jnp.not_equal(input, other)


def _ordered(input: Array, symbol: str) -> None:
    if is_complex(input):
        raise RuntimeError(f"`{symbol}` is not defined for complex tensors: they have no order")


@op(promote="numeric", differentiable=False)
def lt(input: Array, other: Operand) -> Array:
    """Where ``input < other``."""
    _ordered(input, "<")
    return jnp.less(input, other)


@op(promote="numeric", differentiable=False)
def le(input: Array, other: Operand) -> Array:
    """Where ``input <= other``."""
    _ordered(input, "<=")
    return jnp.less_equal(input, other)


@op(promote="numeric", differentiable=False)
def gt(input: Array, other: Operand) -> Array:
    """Where ``input > other``."""
    _ordered(input, ">")
    return jnp.greater(input, other)


@op(promote="numeric", differentiable=False)
def ge(input: Array, other: Operand) -> Array:
    """Where ``input >= other``."""
    _ordered(input, ">=")
    return jnp.greater_equal(input, other)


@op(differentiable=False)
def logical_not(input: Array) -> Array:
    """Where ``input`` is zero."""
    return jnp.equal(input, 0)


@op(promote="numeric", differentiable=False)
def logical_and(input: Array, other: Array) -> Array:
    """Where both are non-zero."""
    return jnp.logical_and(input, other)


@op(promote="numeric", differentiable=False)
def logical_or(input: Array, other: Array) -> Array:
    """Where at least one is non-zero."""
    return jnp.logical_or(input, other)


@op(promote="numeric", differentiable=False)
def logical_xor(input: Array, other: Array) -> Array:
    """Where exactly one is non-zero."""
    return jnp.logical_xor(input, other)


@op(differentiable=False)
def isnan(input: Array) -> Array:
    """Where ``input`` is nan."""
    return jnp.not_equal(input, input)


@op(differentiable=False)
def isinf(input: Array) -> Array:
    """Where ``input`` is infinite, in either part if complex."""
    if not is_inexact(input):
        return jnp.zeros(input.shape, jnp.bool_)
    return jnp.isinf(input)


@op(differentiable=False)
def isfinite(input: Array) -> Array:
    """Where ``input`` is neither infinite nor nan."""
    if not is_inexact(input):
        return jnp.ones(input.shape, jnp.bool_)
    return jnp.isfinite(input)


@op(differentiable=False)
def isposinf(input: Array) -> Array:
    """Where ``input`` is plus infinity.

    Raises:
        RuntimeError: ``input`` is complex.
    """
    if is_complex(input):
        raise RuntimeError("isposinf does not support complex inputs")
    return input == jnp.inf if is_inexact(input) else jnp.zeros(input.shape, jnp.bool_)


@op(differentiable=False)
def isneginf(input: Array) -> Array:
    """Where ``input`` is minus infinity.

    Raises:
        RuntimeError: ``input`` is complex.
    """
    if is_complex(input):
        raise RuntimeError("isneginf does not support complex inputs")
    return input == -jnp.inf if is_inexact(input) else jnp.zeros(input.shape, jnp.bool_)


@op(differentiable=False)
def isreal(input: Array) -> Array:
    """Where the imaginary part is 0."""
    return input.imag == 0 if is_complex(input) else jnp.ones(input.shape, jnp.bool_)


@op(differentiable=False)
def signbit(input: Array) -> Array:
    """Where the sign bit is set: negative numbers, and -0.0."""
    if is_complex(input):
        raise NotImplementedError("signbit is not implemented for complex tensors")
    return jnp.signbit(input) if is_inexact(input) else input < 0


@op(promote="numeric", differentiable=False)
def isclose(
    input: Array,
    other: Array,
    rtol: float = 1e-05,
    atol: float = 1e-08,
    equal_nan: bool = False,
) -> Array:
    """Where ``|input - other| <= atol + rtol * |other|``, or the two are equal.

    Raises:
        RuntimeError: a tolerance is negative.
    """
    if rtol < 0 or atol < 0:
        raise RuntimeError(
            f"isclose: rtol and atol must be greater than or equal to zero, "
            f"but got rtol={rtol} and atol={atol}"
        )
    close = input == other
    if is_inexact(input):
        if equal_nan:
            close |= jnp.isnan(input) & jnp.isnan(other)
    elif rtol == 0 and atol == 0:
        return close
    wide = input if is_inexact(input) else input.astype(jnp.float64)
    against = other if is_inexact(other) else other.astype(jnp.float64)
    allowed = atol + jnp.abs(rtol * against)
    error = jnp.abs(wide - against)
    return close | (jnp.isfinite(error) & (error <= allowed))


@op(promote="numeric", differentiable=False)
def isin(
    elements: Operand,
    test_elements: Operand,
    *,
    assume_unique: bool = False,
    invert: bool = False,
) -> Array:
    """Where an element equals one of ``test_elements``, or none of them with ``invert``."""
    elements, test_elements = jnp.asarray(elements), jnp.asarray(test_elements)
    return jnp.isin(elements, test_elements.reshape(-1), invert=invert)


@op(promote="numeric", differentiable=False)
def equal(input: Array, other: Array) -> Array:
    """One bool: the two have the same shape and elements."""
    if input.shape != other.shape:
        return jnp.zeros((), jnp.bool_)
    return jnp.all(input == other)
