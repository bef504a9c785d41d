"""Special functions, elementwise; integers give the default float dtype."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import jax.scipy.special as jsp
from jax import lax

from flambeau._ops._numeric import in_float32
from flambeau._ops.registry import Array, Operand, OptScalar, op


@op(promote="float")
def erf(input: Array) -> Array:
    """The error function.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Bool, integers and floating; the result: the default dtype for bools and integers,
        else the input's.

    Raises:
        TypeError: the tensors are complex.

    Example:
        >>> import flambeau as torch
        >>> torch.erf(torch.tensor([-1.5, 0.0, 2.0]))
        tensor([-0.9661,  0.0000,  0.9953])

    Follows ``torch.erf``.
    """
    return lax.erf(input)


@op(promote="float")
def erfc(input: Array) -> Array:
    """``1 - erf(input)``, accurate for large input.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Bool, integers and floating; the result: the default dtype for bools and integers,
        else the input's.

    Raises:
        TypeError: the tensors are complex.

    Example:
        >>> import flambeau as torch
        >>> torch.erfc(torch.tensor([-1.5, 0.0, 2.0]))
        tensor([1.9661, 1.0000, 0.0047])

    Follows ``torch.erfc``.
    """
    return lax.erfc(input)


@op(promote="float")
@in_float32
def erfinv(input: Array) -> Array:
    """The inverse of :func:`erf`.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Bool, integers and floating; the result: the default dtype for bools and integers,
        else the input's.

    Raises:
        TypeError: the tensors are complex.

    Example:
        >>> import flambeau as torch
        >>> torch.erfinv(torch.tensor([-0.5, 0.0, 0.5]))
        tensor([-0.4769,  0.0000,  0.4769])

    Follows ``torch.erfinv``.
    """
    return lax.erf_inv(input)


@op(promote="float")
@in_float32
def erfcx(input: Array) -> Array:
    """``exp(input ** 2) * erfc(input)``.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Bool, integers and floating; the result: the default dtype for bools and integers,
        else the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.special.erfcx(torch.tensor([0.0, 1.0]))
        tensor([1.0000, 0.4276])

    Follows ``torch.special.erfcx``.
    """
    return jsp.erfcx(input)


@op(promote="float")
@in_float32
def lgamma(input: Array) -> Array:
    """The logarithm of the absolute value of the gamma function.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Bool, integers and floating; the result: the default dtype for bools and integers,
        else the input's.

    Raises:
        TypeError: the tensors are complex.

    Example:
        >>> import flambeau as torch
        >>> torch.lgamma(torch.tensor([0.5, 4.0]))
        tensor([0.5724, 1.7918])

    Follows ``torch.lgamma``.
    """
    return _lgamma(input)


# JAX's own chain of derivatives is inexact left of 0.
@jax.custom_jvp
def _lgamma(x: Array) -> Array:
    return lax.lgamma(x)


@_lgamma.defjvp
def _lgamma_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    return _lgamma(primals[0]), digamma.impl(primals[0]) * tangents[0]


@jax.custom_jvp
def _digamma(x: Array) -> Array:
    return lax.digamma(x)


@_digamma.defjvp
def _digamma_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    return _digamma(primals[0]), _trigamma(primals[0]) * tangents[0]


@op(promote="float")
@in_float32
def digamma(input: Array) -> Array:
    """The derivative of the logarithm of the gamma function.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Bool, integers and floating; the result: the default dtype for bools and integers,
        else the input's.

    Raises:
        TypeError: the tensors are complex.

    Example:
        >>> import flambeau as torch
        >>> torch.digamma(torch.tensor([1.0, 2.0, 4.0]))
        tensor([-0.5772,  0.4228,  1.2561])

    Follows ``torch.digamma``.
    """
    zero = input == 0
    value = _digamma(jnp.where(zero, 1, input))
    return jnp.where(zero, -jnp.copysign(jnp.inf, lax.stop_gradient(input)), value)


@op(promote="float")
@in_float32
def polygamma(n: int, input: Array) -> Array:
    """The ``n``-th derivative of the digamma function.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Bool, integers and floating; the result: the default dtype for bools and integers,
        else the input's.

    Raises:
        RuntimeError: ``n`` is negative.

    Example:
        >>> import flambeau as torch
        >>> torch.polygamma(1, torch.tensor([1.0, 2.0]))
        tensor([1.6449, 0.6449])

    Follows ``torch.polygamma``.
    """
    if n < 0:
        raise RuntimeError(f"polygamma(n, x) does not support negative n, got n={n}")
    if n == 0:
        return digamma.impl(input)
    if n == 1:
        return _trigamma(input)
    order = jnp.asarray(n + 1, input.dtype)
    scale = jnp.asarray((-1.0) ** (n + 1) * math.factorial(n), input.dtype)
    return scale * zeta.impl(order, input)


def _trigamma(input: Array) -> Array:
    """Reflected into the right half, where it is the zeta function of 2."""
    left = input < 0.5
    x = jnp.where(left, 1 - input, input)
    value = zeta.impl(jnp.asarray(2, input.dtype), x)
    safe = jnp.where(left, input, 0.25)
    reflected = jnp.square(jnp.pi / jnp.sin(jnp.pi * safe)) - value
    return jnp.where(left, reflected, value).astype(input.dtype)


@op(promote="float")
@in_float32
def mvlgamma(input: Array, p: int) -> Array:
    """The logarithm of the multivariate gamma function of dimension ``p``.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Integers and floating; the result: the default dtype for integers, else the input's.

    Raises:
        TypeError: the tensors are complex.

    Example:
        >>> import flambeau as torch
        >>> torch.mvlgamma(torch.tensor([2.0, 3.0]), 2)
        tensor([0.4516, 1.5502])

    Follows ``torch.mvlgamma``.
    """
    if p < 1:
        raise RuntimeError(f"p has to be greater than or equal to 1, got {p}")
    steps = jnp.arange(p, dtype=input.dtype) / 2
    constant = jnp.asarray(p * (p - 1) / 4, input.dtype) * jnp.log(jnp.asarray(jnp.pi, input.dtype))
    return constant + jnp.sum(lax.lgamma(input[..., None] - steps), axis=-1)


@op(promote="float")
@in_float32
def gammainc(input: Array, other: Array) -> Array:
    """The regularised lower incomplete gamma function of order ``input`` at ``other``.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Floating; the result has the operands' common dtype.

    Raises:
        TypeError: the tensors are complex.
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.igamma(torch.tensor([2.0]), torch.tensor([1.0]))
        tensor([0.2642])

    Follows ``torch.igamma``.
    """
    return lax.igamma(*jnp.broadcast_arrays(input, other))


@op(promote="float")
@in_float32
def gammaincc(input: Array, other: Array) -> Array:
    """The regularised upper incomplete gamma function of order ``input`` at ``other``.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Floating; the result has the operands' common dtype.

    Raises:
        TypeError: the tensors are complex.
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.igammac(torch.tensor([2.0]), torch.tensor([1.0]))
        tensor([0.7358])

    Follows ``torch.igammac``.
    """
    return lax.igammac(*jnp.broadcast_arrays(input, other))


@op(promote="float")
@in_float32
def zeta(input: Operand, other: Operand) -> Array:
    """The Hurwitz zeta function, ``sum over k of (k + other) ** -input``.

    The derivative in ``input`` is not known: it is nan.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Bool, integers and floating; the result: the default dtype for bools and integers,
        else the operands' common dtype.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.special.zeta(torch.tensor([2.0]), torch.tensor([1.0]))
        tensor([1.6449])

    Follows ``torch.special.zeta``.
    """
    return _zeta(*jnp.broadcast_arrays(input, other))


@jax.custom_jvp
def _zeta(s: Array, q: Array) -> Array:
    wide = jnp.float64
    return _zeta_sum(s.astype(wide), q.astype(wide)).astype(q.dtype)


_TERMS = 24


def _zeta_sum(s: Array, q: Array) -> Array:
    """The first terms one by one, the rest by the Euler-Maclaurin formula."""
    total = jnp.zeros_like(q)
    for k in range(_TERMS):
        total = total + jnp.power(q + k, -s)
    a = q + _TERMS
    power = jnp.power(a, -s)
    tail = a * power / (s - 1) + power / 2
    factor = s
    power = power / a
    for j, bernoulli in enumerate(_BERNOULLI):
        # bernoulli[2j] / (2j)! times the (2j - 1)-th derivative at a
        tail = tail + bernoulli * factor * power
        factor = factor * (s + 2 * j + 1) * (s + 2 * j + 2)
        power = power / (a * a)
    result = total + jnp.where(jnp.isinf(a), 0, tail)
    pole = (q <= 0) & (q == jnp.floor(q))
    result = jnp.where(pole, jnp.inf, result)
    result = jnp.where((q < 0) & ~pole & (s != jnp.floor(s)), jnp.nan, result)
    return jnp.where(s == 1, jnp.inf, jnp.where(s < 1, jnp.nan, result))


_BERNOULLI = [
    numerator / denominator / math.factorial(2 * j + 2)
    for j, (numerator, denominator) in enumerate(
        [(1, 6), (-1, 30), (1, 42), (-1, 30), (5, 66), (-691, 2730), (7, 6), (-3617, 510)]
    )
]
"""Bernoulli's numbers over the factorials."""


@_zeta.defjvp
def _zeta_jvp(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    s, q = primals
    ds, dq = tangents
    return _zeta(s, q), jnp.nan * ds - s * _zeta(s + 1, q) * dq


@op(promote="float")
@in_float32
def i0(input: Array) -> Array:
    """The modified Bessel function of the first kind, order 0.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Bool, integers and floating; the result: the default dtype for bools and integers,
        else the input's.

    Raises:
        TypeError: the tensors are complex.

    Example:
        >>> import flambeau as torch
        >>> torch.i0(torch.tensor([-1.5, 0.0, 2.0]))
        tensor([1.6467, 1.0000, 2.2796])

    Follows ``torch.i0``.
    """
    return _i0(input)


@jax.custom_jvp
def _i0(x: Array) -> Array:
    return jsp.i0(x)


@jax.custom_jvp
def _i1(x: Array) -> Array:
    return jsp.i1(x)


# JAX derives these through abs, whose derivative at 0 is not 0 there.
@_i0.defjvp
def _i0_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    return _i0(primals[0]), _i1(primals[0]) * tangents[0]


@_i1.defjvp
def _i1_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    x = primals[0]
    safe = jnp.where(x == 0, 1, x)
    slope = jnp.where(x == 0, 0.5, _i0(x) - _i1(safe) / safe)
    return _i1(x), slope.astype(x.dtype) * tangents[0]


@op(promote="float")
@in_float32
def i0e(input: Array) -> Array:
    """``exp(-|input|) * i0(input)``.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Bool, integers and floating; the result: the default dtype for bools and integers,
        else the input's.

    Raises:
        TypeError: the tensors are complex.

    Example:
        >>> import flambeau as torch
        >>> torch.special.i0e(torch.tensor([0.0, 1.0]))
        tensor([1.0000, 0.4658])

    Follows ``torch.special.i0e``.
    """
    return _i0e(input)


@op(promote="float")
@in_float32
def i1(input: Array) -> Array:
    """The modified Bessel function of the first kind, order 1.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Bool, integers and floating; the result: the default dtype for bools and integers,
        else the input's.

    Raises:
        TypeError: the tensors are complex.

    Example:
        >>> import flambeau as torch
        >>> torch.special.i1(torch.tensor([0.0, 1.0]))
        tensor([0.0000, 0.5652])

    Follows ``torch.special.i1``.
    """
    return _i1(input)


@op(promote="float")
@in_float32
def i1e(input: Array) -> Array:
    """``exp(-|input|) * i1(input)``.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Bool, integers and floating; the result: the default dtype for bools and integers,
        else the input's.

    Raises:
        TypeError: the tensors are complex.

    Example:
        >>> import flambeau as torch
        >>> torch.special.i1e(torch.tensor([0.0, 1.0]))
        tensor([0.0000, 0.2079])

    Follows ``torch.special.i1e``.
    """
    return _i1e(input)


@jax.custom_jvp
def _i0e(x: Array) -> Array:
    return jsp.i0e(x)


@jax.custom_jvp
def _i1e(x: Array) -> Array:
    return jsp.i1e(x)


@_i0e.defjvp
def _i0e_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    x = primals[0]
    return _i0e(x), (_i1e(x) - jnp.sign(x) * _i0e(x)) * tangents[0]


@_i1e.defjvp
def _i1e_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    x = primals[0]
    safe = jnp.where(x == 0, 1, x)
    slope = _i0e(x) - _i1e(x) * (jnp.sign(x) + 1 / safe)
    return _i1e(x), jnp.where(x == 0, 0.5, slope).astype(x.dtype) * tangents[0]


@op(promote="float")
@in_float32
def ndtr(input: Array) -> Array:
    """The distribution function of the standard normal.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Bool, integers and floating; the result: the default dtype for bools and integers,
        else the input's.

    Raises:
        TypeError: the tensors are complex.

    Example:
        >>> import flambeau as torch
        >>> torch.special.ndtr(torch.tensor([0.0, 1.0]))
        tensor([0.5000, 0.8413])

    Follows ``torch.special.ndtr``.
    """
    return jsp.ndtr(input)


@op(promote="float")
@in_float32
def log_ndtr(input: Array) -> Array:
    """The logarithm of :func:`ndtr`, accurate far in the left tail.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Bool, integers and floating; the result: the default dtype for bools and integers,
        else the input's.

    Raises:
        TypeError: the tensors are complex.

    Example:
        >>> import flambeau as torch
        >>> torch.special.log_ndtr(torch.tensor([0.0, 1.0]))
        tensor([-0.6931, -0.1728])

    Follows ``torch.special.log_ndtr``.
    """
    return jsp.log_ndtr(input)


@op(promote="float")
@in_float32
def ndtri(input: Array) -> Array:
    """The inverse of :func:`ndtr`.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Bool, integers and floating; the result: the default dtype for bools and integers,
        else the input's.

    Raises:
        TypeError: the tensors are complex.

    Example:
        >>> import flambeau as torch
        >>> torch.special.ndtri(torch.tensor([0.25, 0.5]))
        tensor([-0.6745,  0.0000])

    Follows ``torch.special.ndtri``.
    """
    return jsp.ndtri(input)


@op(promote="float")
@in_float32
def logit(input: Array, eps: OptScalar = None) -> Array:
    """``log(input / (1 - input))``, with ``input`` clamped to ``[eps, 1 - eps]`` first.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Bool, integers and floating; the result: the default dtype for bools and integers,
        else the operands' common dtype.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.logit(torch.tensor([-0.5, 0.0, 0.5]))
        tensor([nan, -inf, 0.])

    Follows ``torch.logit``.
    """
    if eps is None:
        return jnp.log(input / (1 - input))
    low, high = eps, 1 - eps
    inside = jnp.where(input < low, low, jnp.where(input > high, high, input))
    return jnp.log(inside / (1 - inside))


@op(promote="float")
@in_float32
def entr(input: Array) -> Array:
    """``-input * log(input)``; 0 at 0 and -inf below.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Bool, integers and floating; the result: the default dtype for bools and integers,
        else the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.special.entr(torch.tensor([0.0, 1.0]))
        tensor([0., -0.])

    Follows ``torch.special.entr``.
    """
    positive = input > 0
    safe = jnp.where(positive, input, 1)
    value = -safe * jnp.log(safe)
    other = jnp.where(input == 0, 0, -jnp.inf)
    return jnp.where(positive, value, jnp.where(jnp.isnan(input), input, other)).astype(input.dtype)
