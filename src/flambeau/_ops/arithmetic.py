"""Arithmetic on one, two and three tensors, elementwise."""

from __future__ import annotations

import jax.numpy as jnp
from jax import lax

from flambeau._ops._numeric import (
    dtype_name,
    in_float32,
    is_bool,
    is_complex,
    is_inexact,
    is_integral,
)
from flambeau._ops.registry import Array, Operand, OptScalar, Scalar, op


def _refuse_bool(*arrays: Array, operator: str, instead: str) -> None:
    if all(is_bool(a) for a in arrays):
        raise RuntimeError(
            f"{operator} with bool tensors is not supported; use {instead}, "
            f"or convert one of them first"
        )


# Two tensors -------------------------------------------------------------------------


@op(promote="numeric")
def add(input: Operand, other: Operand) -> Array:
    """``input + other``; on bools the logical or."""
    return jnp.add(input, other)


@op(promote="numeric")
def sub(input: Operand, other: Operand) -> Array:
    """``input - other``.

    Raises:
        RuntimeError: both are bool.
    """
    _refuse_bool(input, other, operator="Subtraction, the `-` operator,", instead="`^`")
    return jnp.subtract(input, other)


@op(promote="numeric")
def rsub(input: Operand, other: Operand) -> Array:
    """``other - input``.

    Raises:
        RuntimeError: both are bool.
    """
    return sub.impl(other, input)


@op(promote="numeric")
@in_float32
def add_scaled(input: Operand, other: Operand, alpha: Scalar) -> Array:
    """``input + alpha * other``."""
    return jnp.add(input, jnp.multiply(other, alpha))


@op(promote="numeric")
@in_float32
def sub_scaled(input: Operand, other: Operand, alpha: Scalar) -> Array:
    """``input - alpha * other``.

    Raises:
        RuntimeError: both are bool.
    """
    return sub.impl(input, jnp.multiply(other, alpha))


@op(promote="numeric")
def mul(input: Operand, other: Operand) -> Array:
    """``input * other``; on bools the logical and.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Any; the result has the operands' common dtype.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.mul(torch.tensor([1.0, -2.0, 3.0]), torch.tensor([2.0, 2.0, 3.0]))
        tensor([ 2., -4.,  9.])

    Follows ``torch.mul``.
    """
    return jnp.multiply(input, other)


@op(promote="float")
def true_divide(input: Operand, other: Operand) -> Array:
    """``input / other``; integers give the default float dtype.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Any; the result: the default dtype for bools and integers, else the operands' common
        dtype.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.true_divide(torch.tensor([1.0, -2.0, 3.0]), torch.tensor([2.0, 2.0, 3.0]))
        tensor([ 0.5000, -1.0000,  1.0000])

    Follows ``torch.true_divide``.
    """
    return jnp.true_divide(input, other)


@op(promote="numeric")
@in_float32
def floor_divide(input: Operand, other: Operand) -> Array:
    """The quotient rounded towards minus infinity, as Python's ``//``.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Integers and floating; the result has the operands' common dtype.

    Raises:
        TypeError: the tensors are complex.
        TypeError: the tensors hold bools.
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.floor_divide(torch.tensor([1.0, -2.0, 3.0]), torch.tensor([2.0, 2.0, 3.0]))
        tensor([ 0., -1.,  1.])

    Follows ``torch.floor_divide``.
    """
    if is_integral(input):
        if jnp.issubdtype(input.dtype, jnp.signedinteger):
            return jnp.floor_divide(input, other)
        return lax.div(*jnp.broadcast_arrays(input, other))
    input, other = lax.stop_gradient(input), lax.stop_gradient(other)
    rest = lax.rem(*jnp.broadcast_arrays(input, other))
    quotient = (input - rest) / other
    quotient = jnp.where((rest != 0) & ((other < 0) != (rest < 0)), quotient - 1, quotient)
    floored = jnp.floor(quotient)
    floored = jnp.where(quotient - floored > 0.5, floored + 1, floored)
    floored = jnp.where(quotient != 0, floored, jnp.copysign(0, input / other))
    return jnp.where(other == 0, input / other, floored).astype(input.dtype)


@op(promote="numeric")
def trunc_divide(input: Operand, other: Operand) -> Array:
    """The quotient rounded towards zero."""
    if is_integral(input):
        return lax.div(*jnp.broadcast_arrays(input, other))
    return jnp.trunc(jnp.true_divide(lax.stop_gradient(input), lax.stop_gradient(other)))


@op(promote="numeric")
@in_float32
def remainder(input: Operand, other: Operand) -> Array:
    """``input - other * floor(input / other)``: the sign is that of ``other``.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Integers and floating; the result has the operands' common dtype.

    Raises:
        TypeError: the tensors are complex.
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.remainder(torch.tensor([-3.0, 5.5]), 2.0)
        tensor([1.0000, 1.5000])

    Follows ``torch.remainder``.
    """
    input, other = jnp.broadcast_arrays(input, other)
    if is_integral(input):
        return jnp.remainder(input, other)
    rest = lax.rem(lax.stop_gradient(input), lax.stop_gradient(other))
    adjust = (rest != 0) & ((other < 0) != (rest < 0))
    value = jnp.where(adjust, rest + lax.stop_gradient(other), rest)
    return _with_quotient_gradient(value, input, other, floor_divide.impl(input, other))


@op(promote="numeric")
@in_float32
def fmod(input: Array, other: Operand) -> Array:
    """``input - other * trunc(input / other)``: the sign is that of ``input``.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Integers and floating; the result has the operands' common dtype.

    Raises:
        TypeError: the tensors are complex.
        TypeError: the tensors hold bools.
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.fmod(torch.tensor([-3.0, 5.5]), 2.0)
        tensor([-1.0000,  1.5000])

    Follows ``torch.fmod``.
    """
    input, other = jnp.broadcast_arrays(input, other)
    if is_integral(input):
        return lax.rem(input, other)
    value = lax.rem(lax.stop_gradient(input), lax.stop_gradient(other))
    return _with_quotient_gradient(value, input, other, trunc_divide.impl(input, other))


def _with_quotient_gradient(value: Array, input: Array, other: Array, quotient: Array) -> Array:
    """``value``, with the derivative of ``input - other * quotient``."""
    quotient = lax.stop_gradient(quotient)
    zero = (input - lax.stop_gradient(input)) - (other - lax.stop_gradient(other)) * quotient
    # The added term is 0, or nan where an operand is infinite: there the value stands.
    return value + jnp.where(jnp.isfinite(zero), zero, 0)


@op(promote="numeric")
@in_float32
def pow_(input: Operand, exponent: Operand) -> Array:
    """``input`` to the power ``exponent``, elementwise.

    Raises:
        NotImplementedError: both are bool.
    """
    if is_bool(input):
        raise NotImplementedError("pow is not implemented for 'Bool'; convert to an integer first")
    if is_integral(input):
        input, exponent = jnp.broadcast_arrays(input, exponent)
        result = jnp.power(input, jnp.maximum(exponent, 0))
        if not jnp.issubdtype(exponent.dtype, jnp.signedinteger):
            return result
        odd = jnp.where(exponent % 2 == 0, 1, -1).astype(input.dtype)
        inverse = jnp.where(input == 1, 1, jnp.where(input == -1, odd, 0)).astype(input.dtype)
        return jnp.where(exponent < 0, inverse, result)
    if is_complex(input):
        input, exponent = jnp.broadcast_arrays(input, exponent)
        if input.dtype == jnp.complex64:  # the logarithm's rounding grows with the exponent
            wide = pow_.impl(input.astype(jnp.complex128), exponent.astype(jnp.complex128))
            return wide.astype(input.dtype)
        # 0 ** 0 is 1 and 0 ** z is 0; the derivative must not see log(0).
        zero = input == 0
        safe = jnp.where(zero, 1, input)
        at_zero = jnp.where(exponent == 0, 1, 0).astype(input.dtype)
        return jnp.where(zero, at_zero, jnp.exp(exponent * jnp.log(safe)))
    # The derivative in the base is exponent * base ** (exponent - 1): nan for 0 ** 0.
    return jnp.power(jnp.where(exponent == 0, lax.stop_gradient(input), input), exponent)


@op()
@in_float32
def pow_scalar(input: Array, exponent: float) -> Array:
    """``input`` to a fixed power: the exponent is part of the program."""
    if exponent == 0:
        return jnp.ones_like(input)
    if exponent == 1:
        return input
    if float(exponent).is_integer() and abs(exponent) <= 64:
        if is_integral(input) or abs(exponent) <= 4:
            return lax.integer_pow(input, int(exponent))
    if exponent == 0.5 and is_inexact(input):
        return jnp.sqrt(input)
    if exponent == -0.5 and is_inexact(input):
        return lax.rsqrt(input)
    if is_complex(input):
        return pow_.impl(input, jnp.asarray(exponent, input.dtype))
    return jnp.power(input, jnp.asarray(exponent, input.dtype))


@op(promote="float")
def atan2(input: Array, other: Array) -> Array:
    """The angle of the point ``(other, input)``, in ``[-pi, pi]``.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Bool, integers and floating; the result: the default dtype for bools and integers,
        else the operands' common dtype.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.atan2(torch.tensor([1.0, -2.0, 3.0]), torch.tensor([2.0, 2.0, 3.0]))
        tensor([ 0.4636, -0.7854,  0.7854])

    Follows ``torch.atan2``.
    """
    return jnp.arctan2(input, other)


@op(promote="float")
@in_float32
def hypot(input: Array, other: Array) -> Array:
    """``sqrt(input**2 + other**2)`` without overflow.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Floating; the result has the operands' common dtype.

    Raises:
        RuntimeError: the tensors are complex.
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.hypot(torch.tensor([1.0, -2.0, 3.0]), torch.tensor([2.0, 2.0, 3.0]))
        tensor([2.2361, 2.8284, 4.2426])

    Follows ``torch.hypot``.
    """
    return jnp.hypot(input, other)


@op(promote="float")
def copysign(input: Array, other: Operand) -> Array:
    """The magnitude of ``input`` with the sign of ``other``.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Bool, integers and floating; the result: the default dtype for bools and integers,
        else the operands' common dtype.

    Raises:
        RuntimeError: the tensors are complex.
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.copysign(torch.tensor([1.0, -2.0, 3.0]), torch.tensor([2.0, 2.0, 3.0]))
        tensor([1., 2., 3.])

    Follows ``torch.copysign``.
    """
    input, other = jnp.broadcast_arrays(input, other)
    flip = jnp.signbit(input) != jnp.signbit(other)
    at_zero = jnp.copysign(0, lax.stop_gradient(other)).astype(input.dtype)
    signed = jnp.where(flip, -input, input)
    return jnp.where(input == 0, at_zero, signed)


@op(promote="float")
def nextafter(input: Array, other: Array) -> Array:
    """The next representable number after ``input`` in the direction of ``other``.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Floating; the result has the operands' common dtype.

    Raises:
        TypeError: the tensors are complex.
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.nextafter(torch.tensor([1.0, -2.0, 3.0]), torch.tensor([2.0, 2.0, 3.0]))
        tensor([ 1.0000, -2.0000,  3.0000])

    Follows ``torch.nextafter``.
    """
    input, other = jnp.broadcast_arrays(input, other)
    value = jnp.nextafter(lax.stop_gradient(input), lax.stop_gradient(other))
    moved = input + lax.stop_gradient(value - input)  # exact: the two are neighbours
    return jnp.where(jnp.isfinite(value) & jnp.isfinite(input), moved, value)


@op(promote="float")
@in_float32
def ldexp(input: Array, other: Array) -> Array:
    """``input * 2 ** other``.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Any; the result: the default dtype for bools and integers, else the operands' common
        dtype.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.ldexp(torch.tensor([1.0, 3.0]), torch.tensor([2, 3]))
        tensor([ 4., 24.])

    Follows ``torch.ldexp``.
    """
    return jnp.multiply(input, jnp.power(jnp.asarray(2, other.dtype), other))


@op(promote="numeric", differentiable=False)
def gcd(input: Array, other: Array) -> Array:
    """The greatest common divisor; never negative.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Integers; the result has the operands' common dtype.

    Raises:
        RuntimeError: the tensors are floating or complex.
        RuntimeError: the tensors hold bools.
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.gcd(torch.tensor([12, 5]), torch.tensor([2, 3]))
        tensor([2, 1])

    Follows ``torch.gcd``.
    """
    return jnp.gcd(input, other)


@op(promote="numeric", differentiable=False)
def lcm(input: Array, other: Array) -> Array:
    """The least common multiple; never negative.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Integers; the result has the operands' common dtype.

    Raises:
        RuntimeError: the tensors are floating or complex.
        RuntimeError: the tensors hold bools.
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.lcm(torch.tensor([12, 5]), torch.tensor([2, 3]))
        tensor([12, 15])

    Follows ``torch.lcm``.
    """
    return jnp.lcm(input, other)


@op(promote="float")
@in_float32
def logaddexp(input: Array, other: Array) -> Array:
    """``log(exp(input) + exp(other))`` without overflow.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Floating and complex; the result has the operands' common dtype.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.logaddexp(torch.tensor([1.0, -2.0, 3.0]), torch.tensor([2.0, 2.0, 3.0]))
        tensor([2.3133, 2.0181, 3.6931])

    Follows ``torch.logaddexp``.
    """
    if is_complex(input):
        input, other = jnp.broadcast_arrays(input, other)
        swap = input.real < other.real
        high, low = jnp.where(swap, other, input), jnp.where(swap, input, other)
        finite = jnp.isfinite(high.real) | (high.real != low.real)
        return jnp.where(finite, high + jnp.log1p(jnp.exp(jnp.where(finite, low - high, 0))), high)
    return jnp.logaddexp(input, other)


@op(promote="float")
@in_float32
def logaddexp2(input: Array, other: Array) -> Array:
    """``log2(2**input + 2**other)`` without overflow.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Floating; the result has the operands' common dtype.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.logaddexp2(torch.tensor([1.0, -2.0, 3.0]), torch.tensor([2.0, 2.0, 3.0]))
        tensor([2.5850, 2.0875, 4.0000])

    Follows ``torch.logaddexp2``.
    """
    return jnp.logaddexp2(input, other)


@op(promote="float")
@in_float32
def xlogy(input: Operand, other: Operand) -> Array:
    """``input * log(other)``, and 0 where ``input`` is 0 unless ``other`` is nan.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Bool, integers and floating; the result: the default dtype for bools and integers,
        else the operands' common dtype.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.xlogy(torch.tensor([1.0, -2.0, 3.0]), torch.tensor([2.0, 2.0, 3.0]))
        tensor([ 0.6931, -1.3863,  3.2958])

    Follows ``torch.xlogy``.
    """
    masked = (input == 0) & ((other <= 0) | (other == jnp.inf))
    return jnp.multiply(input, jnp.log(jnp.where(masked, 1, other)))


@op(promote="float")
@in_float32
def xlog1py(input: Operand, other: Operand) -> Array:
    """``input * log1p(other)``, and 0 where ``input`` is 0 unless ``other`` is nan.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Bool, integers and floating; the result: the default dtype for bools and integers,
        else the operands' common dtype.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.special.xlog1py(torch.tensor([0.0, 2.0]), torch.tensor([0.0, 1.0]))
        tensor([0.0000, 1.3863])

    Follows ``torch.special.xlog1py``.
    """
    masked = (input == 0) & ((other <= -1) | (other == jnp.inf))
    return jnp.multiply(input, jnp.log1p(jnp.where(masked, 0, other)))


@op(promote="numeric", differentiable=False, out="exact")
def heaviside(input: Array, values: Array) -> Array:
    """0 for negative ``input``, 1 for positive, ``values`` where it is 0.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Bool, integers and floating; the result has the operands' common dtype.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.heaviside(torch.tensor([-1.0, 0.0, 2.0]), torch.tensor(0.5))
        tensor([0.0000, 0.5000, 1.0000])

    Follows ``torch.heaviside``.
    """
    return jnp.where(input == 0, values, (input > 0).astype(input.dtype))


# Extremes of two ---------------------------------------------------------------------


@op(promote="numeric")
def maximum(input: Array, other: Array) -> Array:
    """The larger of the two; nan if either is nan. Ties share the gradient.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Bool, integers and floating; the result has the operands' common dtype.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.maximum(torch.tensor([1.0, -2.0, 3.0]), torch.tensor([2.0, 2.0, 3.0]))
        tensor([2., 2., 3.])

    Follows ``torch.maximum``.
    """
    return jnp.maximum(input, other)


@op(promote="numeric")
def minimum(input: Array, other: Array) -> Array:
    """The smaller of the two; nan if either is nan. Ties share the gradient.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Bool, integers and floating; the result has the operands' common dtype.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.minimum(torch.tensor([1.0, -2.0, 3.0]), torch.tensor([2.0, 2.0, 3.0]))
        tensor([ 1., -2.,  3.])

    Follows ``torch.minimum``.
    """
    return jnp.minimum(input, other)


@op(promote="numeric")
def fmax(input: Array, other: Array) -> Array:
    """The larger of the two, ignoring a nan where the other is a number.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Bool, integers and floating; the result has the operands' common dtype.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.fmax(torch.tensor([1.0, -2.0, 3.0]), torch.tensor([2.0, 2.0, 3.0]))
        tensor([2., 2., 3.])

    Follows ``torch.fmax``.
    """
    return jnp.where((input >= other) | jnp.isnan(other), input, other)


@op(promote="numeric")
def fmin(input: Array, other: Array) -> Array:
    """The smaller of the two, ignoring a nan where the other is a number.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Bool, integers and floating; the result has the operands' common dtype.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.fmin(torch.tensor([1.0, -2.0, 3.0]), torch.tensor([2.0, 2.0, 3.0]))
        tensor([ 1., -2.,  3.])

    Follows ``torch.fmin``.
    """
    return jnp.where((input <= other) | jnp.isnan(other), input, other)


def _at_least(input: Array, bound: Array) -> Array:
    return jnp.where((input < bound) | (bound != bound), bound, input)


def _at_most(input: Array, bound: Array) -> Array:
    return jnp.where((input > bound) | (bound != bound), bound, input)


def _refuse_complex_clamp(input: Array) -> None:
    if is_complex(input):
        raise RuntimeError("clamp is not supported for complex types; complex has no order")


@op(promote="numeric")
def clamp(input: Array, min: Operand, max: Operand) -> Array:
    """``min(max(input, min), max)``; the gradient passes at the bounds themselves."""
    _refuse_complex_clamp(input)
    return _at_most(_at_least(input, min), max)


@op(promote="numeric")
def clamp_min(input: Array, min: Operand) -> Array:
    """``input``, and ``min`` where it is smaller.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Bool, integers and floating; the result has the operands' common dtype.

    Raises:
        RuntimeError: the tensors are complex.
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.clamp_min(torch.tensor([-2.0, 3.0]), 0)
        tensor([0., 3.])

    Follows ``torch.clamp_min``.
    """
    _refuse_complex_clamp(input)
    return _at_least(input, min)


@op(promote="numeric")
def clamp_max(input: Array, max: Operand) -> Array:
    """``input``, and ``max`` where it is larger.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Bool, integers and floating; the result has the operands' common dtype.

    Raises:
        RuntimeError: the tensors are complex.
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.clamp_max(torch.tensor([-2.0, 3.0]), 0)
        tensor([-2.,  0.])

    Follows ``torch.clamp_max``.
    """
    _refuse_complex_clamp(input)
    return _at_most(input, max)


# Three tensors -----------------------------------------------------------------------


@op(promote="numeric")
@in_float32
def addcmul(input: Array, tensor1: Operand, tensor2: Operand, *, value: OptScalar = None) -> Array:
    """``input + value * tensor1 * tensor2``."""
    product = jnp.multiply(tensor1, tensor2)
    return jnp.add(input, product if value is None else jnp.multiply(product, value))


@op(promote="numeric")
@in_float32
def addcdiv(input: Array, tensor1: Operand, tensor2: Operand, *, value: OptScalar = None) -> Array:
    """``input + value * tensor1 / tensor2``.

    Raises:
        RuntimeError: the operands are integers.
    """
    if is_integral(tensor1) and is_integral(tensor2):
        raise RuntimeError(
            "addcdiv: division of integer tensors is not supported; "
            "write input + value * torch.div(tensor1, tensor2, rounding_mode='trunc'), "
            "or convert them to float first"
        )
    scaled = tensor1 if value is None else jnp.multiply(tensor1, value)
    return jnp.add(input, jnp.true_divide(scaled, tensor2))


@op(promote="numeric")
@in_float32
def lerp(input: Array, end: Array, weight: Operand) -> Array:
    """``input + weight * (end - input)``, exact at both ends.

    Raises:
        RuntimeError: the dtype is an integer.
    """
    if is_integral(input):
        raise NotImplementedError(
            f"lerp is not implemented for '{dtype_name(input.dtype)}'; convert to float first"
        )
    gap = end - input
    return jnp.where(jnp.abs(weight) < 0.5, input + weight * gap, end - gap * (1 - weight))


# One tensor --------------------------------------------------------------------------


@op()
def neg(input: Array) -> Array:
    """``-input``.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Integers, floating and complex; the result has the input's.

    Raises:
        RuntimeError: ``input`` is bool.

    Example:
        >>> import flambeau as torch
        >>> torch.neg(torch.tensor([-1.5, 0.0, 2.0]))
        tensor([ 1.5000, -0.0000, -2.0000])

    Follows ``torch.neg``.
    """
    _refuse_bool(input, operator="Negation, the `-` operator,", instead="`~` or logical_not()")
    return jnp.negative(input)


@op()
def positive(input: Array) -> Array:
    """``input`` itself.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Integers, floating and complex; the result has the input's.

    Raises:
        RuntimeError: ``input`` is bool.

    Example:
        >>> import flambeau as torch
        >>> torch.positive(torch.tensor([-1.5, 0.0, 2.0]))
        tensor([-1.5000,  0.0000,  2.0000])

    Follows ``torch.positive``.
    """
    _refuse_bool(input, operator="The `+` operator", instead="the tensor itself")
    return input


@op(out="cast")
def abs_(input: Array) -> Array:
    """The absolute value; real for complex input. Its derivative at 0 is 0.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Integers, floating and complex; the result: real for complex numbers, else the
        input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.abs(torch.tensor([-1.5, 0.0, 2.0]))
        tensor([1.5000, 0.0000, 2.0000])

    Follows ``torch.abs``.
    """
    if not is_inexact(input):
        return input if is_bool(input) else jnp.abs(input)
    if is_complex(input):
        return jnp.abs(input)
    return jnp.where(input == 0, jnp.zeros((), input.dtype), jnp.abs(input))


@op()
def sign(input: Array) -> Array:
    """-1, 0 or 1 by the sign of ``input``; nan gives 0.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Bool, integers and floating; the result has the input's.

    Raises:
        RuntimeError: ``input`` is complex.

    Example:
        >>> import flambeau as torch
        >>> torch.sign(torch.tensor([-1.5, 0.0, 2.0]))
        tensor([-1.,  0.,  1.])

    Follows ``torch.sign``.
    """
    if is_complex(input):
        raise RuntimeError("sign is not defined for complex tensors; use torch.sgn")
    if is_bool(input):
        return input
    value = (input > 0).astype(jnp.int8) - (input < 0).astype(jnp.int8)
    return value.astype(input.dtype)


@op()
def sgn(input: Array) -> Array:
    """``input / abs(input)``, and 0 at 0; the sign for real input.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Any; the result has the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.sgn(torch.tensor([-1.5, 0.0, 2.0]))
        tensor([-1.,  0.,  1.])

    Follows ``torch.sgn``.
    """
    if not is_complex(input):
        return sign.impl(input)
    zero = input == 0
    safe = jnp.where(zero, 1, input)
    return jnp.where(zero, 0, safe / jnp.abs(safe).astype(input.dtype))


@op(promote="float")
def reciprocal(input: Array) -> Array:
    """``1 / input``.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Any; the result: the default dtype for bools and integers, else the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.reciprocal(torch.tensor([1.0, 2.0, 4.0]))
        tensor([1.0000, 0.5000, 0.2500])

    Follows ``torch.reciprocal``.
    """
    return jnp.reciprocal(input)


@op(out="cast")
def square(input: Array) -> Array:
    """``input * input``; bools give int64.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Any; the result: int64 for bools, else the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.square(torch.tensor([-1.5, 0.0, 2.0]))
        tensor([2.2500, 0.0000, 4.0000])

    Follows ``torch.square``.
    """
    return input.astype(jnp.int64) if is_bool(input) else jnp.square(input)


@op(promote="float")
def sqrt(input: Array) -> Array:
    """The square root.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Any; the result: the default dtype for bools and integers, else the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.sqrt(torch.tensor([1.0, 2.0, 4.0]))
        tensor([1.0000, 1.4142, 2.0000])

    Follows ``torch.sqrt``.
    """
    return jnp.sqrt(input)


@op(promote="float")
def rsqrt(input: Array) -> Array:
    """``1 / sqrt(input)``.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Any; the result: the default dtype for bools and integers, else the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.rsqrt(torch.tensor([1.0, 2.0, 4.0]))
        tensor([1.0000, 0.7071, 0.5000])

    Follows ``torch.rsqrt``.
    """
    return lax.rsqrt(input)


@op()
def ceil(input: Array) -> Array:
    """The smallest integer not below ``input``, in its dtype.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Integers and floating; the result has the input's.

    Raises:
        TypeError: the tensors are complex.

    Example:
        >>> import flambeau as torch
        >>> torch.ceil(torch.tensor([-1.5, 0.0, 2.0]))
        tensor([-1.,  0.,  2.])

    Follows ``torch.ceil``.
    """
    return input if is_integral(input) else jnp.ceil(input)


@op()
def floor(input: Array) -> Array:
    """The largest integer not above ``input``, in its dtype.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Integers and floating; the result has the input's.

    Raises:
        TypeError: the tensors are complex.

    Example:
        >>> import flambeau as torch
        >>> torch.floor(torch.tensor([-1.5, 0.0, 2.0]))
        tensor([-2.,  0.,  2.])

    Follows ``torch.floor``.
    """
    return input if is_integral(input) else jnp.floor(input)


@op()
def trunc(input: Array) -> Array:
    """``input`` without its fractional part.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Integers and floating; the result has the input's.

    Raises:
        TypeError: the tensors are complex.

    Example:
        >>> import flambeau as torch
        >>> torch.trunc(torch.tensor([-1.5, 0.0, 2.0]))
        tensor([-1.,  0.,  2.])

    Follows ``torch.trunc``.
    """
    if is_integral(input):
        return input
    value = lax.stop_gradient(input)
    return jnp.where(value < 0, jnp.ceil(value), jnp.floor(value))


@op()
def frac(input: Array) -> Array:
    """The fractional part, with the sign of ``input``.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        TypeError: the tensors are complex.
        TypeError: the tensors hold bools.

    Example:
        >>> import flambeau as torch
        >>> torch.frac(torch.tensor([-1.5, 0.0, 2.0]))
        tensor([-0.5000,  0.0000,  0.0000])

    Follows ``torch.frac``.
    """
    return input - trunc.impl(input)


@op()
@in_float32
def round_(input: Array, *, decimals: int = 0) -> Array:
    """The nearest integer (or multiple of ``10 ** -decimals``); halves go to the even one.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Integers and floating; the result has the input's.

    Raises:
        TypeError: the tensors are complex.

    Example:
        >>> import flambeau as torch
        >>> torch.round(torch.tensor([-1.5, 0.0, 2.0]))
        tensor([-2.,  0.,  2.])

    Follows ``torch.round``.
    """
    if is_integral(input):
        return input
    if decimals == 0:
        return lax.round(input, lax.RoundingMethod.TO_NEAREST_EVEN)
    scale = jnp.asarray(10.0 ** abs(decimals), input.dtype)
    even = lax.RoundingMethod.TO_NEAREST_EVEN
    if decimals > 0:
        return lax.round(input * scale, even) / scale
    return lax.round(input / scale, even) * scale


@op(returns=("mantissa", "exponent"))
def frexp(input: Array) -> tuple[Array, Array]:
    """Mantissa in ``[0.5, 1)`` (with the sign) and int32 exponent of each element.

    Shape:
        ``(*)`` to ``(*)``, each both times.

    Dtypes:
        Floating; the results: the input's; int32.

    Raises:
        RuntimeError: ``input`` is not floating point.

    Example:
        >>> import flambeau as torch
        >>> torch.frexp(torch.tensor([-1.5, 0.0, 2.0]))
        torch.return_types.frexp(
        mantissa=tensor([-0.7500,  0.0000,  0.5000]),
        exponent=tensor([1, 0, 2], dtype=torch.int32))

    Follows ``torch.frexp``.
    """
    if not jnp.issubdtype(input.dtype, jnp.floating):
        raise RuntimeError(f"frexp() needs a floating point tensor, got {dtype_name(input.dtype)}")
    _, exponent = jnp.frexp(lax.stop_gradient(input))
    exponent = exponent.astype(jnp.int32)
    # Two halves, since 2 ** -exponent itself overflows for the smallest numbers.
    half = exponent // 2
    two = jnp.asarray(2, input.dtype)
    scale = lambda e: jnp.power(two, (-e).astype(input.dtype))
    mantissa = input * scale(half) * scale(exponent - half)
    return mantissa, exponent


@op()
def nan_to_num(
    input: Array, nan: OptScalar = None, posinf: OptScalar = None, neginf: OptScalar = None
) -> Array:
    """Replaces nan by ``nan`` (0), infinities by ``posinf``/``neginf`` (the largest numbers).

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Bool, integers and floating; the result has the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.nan_to_num(torch.tensor([-1.5, 0.0, 2.0]))
        tensor([-1.5000,  0.0000,  2.0000])

    Follows ``torch.nan_to_num``.
    """
    if is_integral(input):
        return input
    if is_complex(input):
        real = nan_to_num.impl(input.real, nan, posinf, neginf)
        return lax.complex(real, nan_to_num.impl(input.imag, nan, posinf, neginf))
    limits = jnp.finfo(input.dtype)
    result = jnp.where(jnp.isnan(input), 0 if nan is None else nan, input)
    result = jnp.where(input == jnp.inf, limits.max if posinf is None else posinf, result)
    result = jnp.where(input == -jnp.inf, limits.min if neginf is None else neginf, result)
    return result.astype(input.dtype)


@op(promote="float")
@in_float32
def deg2rad(input: Array) -> Array:
    """Degrees to radians.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Bool, integers and floating; the result: the default dtype for bools and integers,
        else the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.deg2rad(torch.tensor([-1.5, 0.0, 2.0]))
        tensor([-0.0262,  0.0000,  0.0349])

    Follows ``torch.deg2rad``.
    """
    return input * jnp.asarray(jnp.pi / 180, input.dtype)


@op(promote="float")
@in_float32
def rad2deg(input: Array) -> Array:
    """Radians to degrees.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Bool, integers and floating; the result: the default dtype for bools and integers,
        else the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.rad2deg(torch.tensor([-1.5, 0.0, 2.0]))
        tensor([-85.9437,   0.0000, 114.5916])

    Follows ``torch.rad2deg``.
    """
    return input * jnp.asarray(180 / jnp.pi, input.dtype)


# Complex numbers ---------------------------------------------------------------------


@op()
def conj(input: Array) -> Array:
    """The complex conjugate; real input itself.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Any; the result has the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.conj_physical(torch.tensor([-1.5, 0.0, 2.0]))
        tensor([-1.5000,  0.0000,  2.0000])

    Follows ``torch.conj_physical``.
    """
    return jnp.conj(input) if is_complex(input) else input


@op(promote="float")
def angle(input: Array) -> Array:
    """The argument of a complex number; for real input 0, or pi where it is negative.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Any; the result: the default dtype for bools and integers, real for complex numbers,
        else the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.angle(torch.tensor([-1.0, 1.0]))
        tensor([3.1416, 0.0000])

    Follows ``torch.angle``.
    """
    if is_complex(input):
        zero = input == 0
        safe = jnp.where(zero, 1, input)
        computed = jnp.arctan2(safe.imag, safe.real)
        at_zero = jnp.arctan2(lax.stop_gradient(input.imag), lax.stop_gradient(input.real))
        return jnp.where(zero, at_zero, computed)
    result = jnp.where(input < 0, jnp.pi, 0).astype(input.dtype)
    return jnp.where(jnp.isnan(input), lax.stop_gradient(input), result)


@op("complex")
def complex_(real: Array, imag: Array) -> Array:
    """A complex tensor of two real ones of the same dtype.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Floating; the result is complex.

    Raises:
        TypeError: the tensors are complex.
        TypeError: the tensors hold integers or bools.
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.complex(torch.tensor([1.0, 2.0]), torch.tensor([0.5, 0.0]))
        tensor([1.+0.5000j, 2.+0.0000j])

    Follows ``torch.complex``.
    """
    if real.dtype != imag.dtype:
        raise RuntimeError(
            f"Expected object of scalar type {dtype_name(real.dtype)} but got scalar type "
            f"{dtype_name(imag.dtype)} for second argument"
        )
    return lax.complex(*jnp.broadcast_arrays(real, imag))


@op()
def polar(abs: Array, angle: Array) -> Array:
    """A complex tensor of absolute value and angle.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Floating; the result is complex.

    Raises:
        TypeError: the tensors are complex.
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.polar(torch.tensor([1.0, 2.0]), torch.tensor([0.0, 0.0]))
        tensor([1.+0.j, 2.+0.j])

    Follows ``torch.polar``.
    """
    abs, angle = jnp.broadcast_arrays(abs, angle)
    return lax.complex(abs * jnp.cos(angle), abs * jnp.sin(angle))
