"""Comparisons, tests of single values, and logic: the results are bool."""

from __future__ import annotations

import jax.numpy as jnp

from flambeau._ops._numeric import is_complex, is_inexact
from flambeau._ops.registry import Array, Operand, op


@op(promote="numeric", differentiable=False)
def eq(input: Array, other: Operand) -> Array:
    """Where the two are equal.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Any; the result is bool.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.eq(torch.tensor([1.0, -2.0, 3.0]), torch.tensor([2.0, 2.0, 3.0]))
        tensor([False, False,  True])

    Follows ``torch.eq``.
    """
    return jnp.equal(input, other)


@op(promote="numeric", differentiable=False)
def ne(input: Array, other: Operand) -> Array:
    """Where the two differ.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Any; the result is bool.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.ne(torch.tensor([1.0, -2.0, 3.0]), torch.tensor([2.0, 2.0, 3.0]))
        tensor([ True,  True, False])

    Follows ``torch.ne``.
    """
    return jnp.not_equal(input, other)


def _ordered(input: Array, symbol: str) -> None:
    if is_complex(input):
        raise RuntimeError(f"`{symbol}` is not defined for complex tensors: they have no order")


@op(promote="numeric", differentiable=False)
def lt(input: Array, other: Operand) -> Array:
    """Where ``input < other``.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Bool, integers and floating; the result is bool.

    Raises:
        RuntimeError: the tensors are complex.
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.lt(torch.tensor([1.0, -2.0, 3.0]), torch.tensor([2.0, 2.0, 3.0]))
        tensor([ True,  True, False])

    Follows ``torch.lt``.
    """
    _ordered(input, "<")
    return jnp.less(input, other)


@op(promote="numeric", differentiable=False)
def le(input: Array, other: Operand) -> Array:
    """Where ``input <= other``.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Bool, integers and floating; the result is bool.

    Raises:
        RuntimeError: the tensors are complex.
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.le(torch.tensor([1.0, -2.0, 3.0]), torch.tensor([2.0, 2.0, 3.0]))
        tensor([True, True, True])

    Follows ``torch.le``.
    """
    _ordered(input, "<=")
    return jnp.less_equal(input, other)


@op(promote="numeric", differentiable=False)
def gt(input: Array, other: Operand) -> Array:
    """Where ``input > other``.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Bool, integers and floating; the result is bool.

    Raises:
        RuntimeError: the tensors are complex.
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.gt(torch.tensor([1.0, -2.0, 3.0]), torch.tensor([2.0, 2.0, 3.0]))
        tensor([False, False, False])

    Follows ``torch.gt``.
    """
    _ordered(input, ">")
    return jnp.greater(input, other)


@op(promote="numeric", differentiable=False)
def ge(input: Array, other: Operand) -> Array:
    """Where ``input >= other``.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Bool, integers and floating; the result is bool.

    Raises:
        RuntimeError: the tensors are complex.
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.ge(torch.tensor([1.0, -2.0, 3.0]), torch.tensor([2.0, 2.0, 3.0]))
        tensor([False, False,  True])

    Follows ``torch.ge``.
    """
    _ordered(input, ">=")
    return jnp.greater_equal(input, other)


@op(differentiable=False)
def logical_not(input: Array) -> Array:
    """Where ``input`` is zero.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Any; the result is bool.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.logical_not(torch.tensor([-1.5, 0.0, 2.0]))
        tensor([False,  True, False])

    Follows ``torch.logical_not``.
    """
    return jnp.equal(input, 0)


@op(promote="numeric", differentiable=False)
def logical_and(input: Array, other: Array) -> Array:
    """Where both are non-zero.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Any; the result is bool.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.logical_and(torch.tensor([True, False]), torch.tensor([True, True]))
        tensor([ True, False])

    Follows ``torch.logical_and``.
    """
    return jnp.logical_and(input, other)


@op(promote="numeric", differentiable=False)
def logical_or(input: Array, other: Array) -> Array:
    """Where at least one is non-zero.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Any; the result is bool.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.logical_or(torch.tensor([True, False]), torch.tensor([True, True]))
        tensor([True, True])

    Follows ``torch.logical_or``.
    """
    return jnp.logical_or(input, other)


@op(promote="numeric", differentiable=False)
def logical_xor(input: Array, other: Array) -> Array:
    """Where exactly one is non-zero.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Any; the result is bool.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.logical_xor(torch.tensor([True, False]), torch.tensor([True, True]))
        tensor([False,  True])

    Follows ``torch.logical_xor``.
    """
    return jnp.logical_xor(input, other)


@op(differentiable=False)
def isnan(input: Array) -> Array:
    """Where ``input`` is nan.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Any; the result is bool.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.isnan(torch.tensor([-1.5, 0.0, 2.0]))
        tensor([False, False, False])

    Follows ``torch.isnan``.
    """
    return jnp.not_equal(input, input)


@op(differentiable=False)
def isinf(input: Array) -> Array:
    """Where ``input`` is infinite, in either part if complex.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Any; the result is bool.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.isinf(torch.tensor([-1.5, 0.0, 2.0]))
        tensor([False, False, False])

    Follows ``torch.isinf``.
    """
    if not is_inexact(input):
        return jnp.zeros(input.shape, jnp.bool_)
    return jnp.isinf(input)


@op(differentiable=False)
def isfinite(input: Array) -> Array:
    """Where ``input`` is neither infinite nor nan.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Any; the result is bool.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.isfinite(torch.tensor([-1.5, 0.0, 2.0]))
        tensor([True, True, True])

    Follows ``torch.isfinite``.
    """
    if not is_inexact(input):
        return jnp.ones(input.shape, jnp.bool_)
    return jnp.isfinite(input)


@op(differentiable=False)
def isposinf(input: Array) -> Array:
    """Where ``input`` is plus infinity.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Bool, integers and floating; the result is bool.

    Raises:
        RuntimeError: ``input`` is complex.

    Example:
        >>> import flambeau as torch
        >>> torch.isposinf(torch.tensor([-1.5, 0.0, 2.0]))
        tensor([False, False, False])

    Follows ``torch.isposinf``.
    """
    if is_complex(input):
        raise RuntimeError("isposinf does not support complex inputs")
    return input == jnp.inf if is_inexact(input) else jnp.zeros(input.shape, jnp.bool_)


@op(differentiable=False)
def isneginf(input: Array) -> Array:
    """Where ``input`` is minus infinity.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Bool, integers and floating; the result is bool.

    Raises:
        RuntimeError: ``input`` is complex.

    Example:
        >>> import flambeau as torch
        >>> torch.isneginf(torch.tensor([-1.5, 0.0, 2.0]))
        tensor([False, False, False])

    Follows ``torch.isneginf``.
    """
    if is_complex(input):
        raise RuntimeError("isneginf does not support complex inputs")
    return input == -jnp.inf if is_inexact(input) else jnp.zeros(input.shape, jnp.bool_)


@op(differentiable=False)
def isreal(input: Array) -> Array:
    """Where the imaginary part is 0.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Any; the result is bool.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.isreal(torch.tensor([-1.5, 0.0, 2.0]))
        tensor([True, True, True])

    Follows ``torch.isreal``.
    """
    return input.imag == 0 if is_complex(input) else jnp.ones(input.shape, jnp.bool_)


@op(differentiable=False)
def signbit(input: Array) -> Array:
    """Where the sign bit is set: negative numbers, and -0.0.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Bool, integers and floating; the result is bool.

    Raises:
        NotImplementedError: the tensors are complex.

    Example:
        >>> import flambeau as torch
        >>> torch.signbit(torch.tensor([-1.5, 0.0, 2.0]))
        tensor([ True, False, False])

    Follows ``torch.signbit``.
    """
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
    """Where an element equals one of ``test_elements``, or none of them with ``invert``.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Integers and floating; the result is bool.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.isin(torch.tensor([1, 2, 3]), torch.tensor([2, 3]))
        tensor([False,  True,  True])

    Follows ``torch.isin``.
    """
    elements, test_elements = jnp.asarray(elements), jnp.asarray(test_elements)
    return jnp.isin(elements, test_elements.reshape(-1), invert=invert)


@op(promote="numeric", differentiable=False)
def equal(input: Array, other: Array) -> Array:
    """One bool: the two have the same shape and elements."""
    if input.shape != other.shape:
        return jnp.zeros((), jnp.bool_)
    return jnp.all(input == other)
