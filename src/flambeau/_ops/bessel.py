"""Bessel and Airy functions, elementwise; integers give the default float dtype.

They are computed in float64 from integrals over a period, where the trapezoidal rule converges
faster than any power of the step, and from Hankel's expansions for large arguments.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import jax.scipy.special as jsp
import numpy as np

from flambeau._ops.registry import Array, op
from flambeau._ops.special import i0, i1

_EULER = 0.57721566490153286061
_LARGE = 25.0
_NODES = 96
_THETA = (np.arange(_NODES) + 0.5) * np.pi / _NODES
"""Midpoints of half a period; by symmetry they stand for twice as many."""


def _hankel(order: float, terms: int) -> np.ndarray:
    """The coefficients of ``1 / x**k`` in Hankel's expansion, without signs."""
    found = [1.0]
    for k in range(1, terms):
        found.append(found[-1] * (4 * order**2 - (2 * k - 1) ** 2) / (8 * k))
    return np.array(found)


def _polynomial(coefficients: Any, x: Array) -> Array:
    result = jnp.zeros_like(x)
    for c in reversed(list(coefficients)):
        result = result * x + c
    return result


def _far(order: int, x: Array) -> tuple[Array, Array]:
    """J and Y of an order for large positive ``x``."""
    c = _hankel(order, 18)
    inverse = 1 / x
    square = -inverse * inverse
    p = _polynomial(c[0::2], square)
    q = inverse * _polynomial(c[1::2], square)
    phase = x - (order / 2 + 0.25) * np.pi
    scale = jnp.sqrt(2 / (np.pi * x))
    cos, sin = jnp.cos(phase), jnp.sin(phase)
    return scale * (p * cos - q * sin), scale * (p * sin + q * cos)


def _nodes(x: Array) -> tuple[Array, Array]:
    """``x * sin(theta)`` at all nodes (a last axis), and the sines."""
    sines = jnp.asarray(np.sin(_THETA))
    return x[..., None] * sines, sines


def _j(order: int, x: Array) -> Array:
    """J of order 0 or 1: the mean of ``cos(order * theta - x * sin(theta))``."""
    size = jnp.abs(x)
    far = size > _LARGE
    phase, sines = _nodes(jnp.where(far, 0, x))
    near = jnp.mean(jnp.cos(phase) if order == 0 else jnp.sin(phase) * sines, axis=-1)
    distant, _ = _far(order, jnp.where(far, size, _LARGE))
    distant = distant if order == 0 else jnp.sign(x) * distant
    return jnp.where(far, distant, near)


def _y_weights() -> np.ndarray:
    """Weights that give Neumann's series for Y0 from the same nodes as J0."""
    k = np.arange(1, _NODES // 2)[:, None]
    series = ((-1.0) ** k / k * np.cos(2 * k * _THETA)).sum(0)
    return -(4 / np.pi) * series / _NODES


_Y_WEIGHTS = _y_weights()


def _y(order: int, x: Array) -> Array:
    far = x > _LARGE
    near_x = jnp.where(far | (x <= 0), 1, x)
    phase, sines = _nodes(near_x)
    logarithm = (2 / np.pi) * (jnp.log(near_x / 2) + _EULER)
    if order == 0:
        near = logarithm * _j(0, near_x) + jnp.sum(jnp.cos(phase) * _Y_WEIGHTS, axis=-1)
    else:
        near = (
            logarithm * _j(1, near_x)
            - (2 / np.pi) * _j(0, near_x) / near_x
            + jnp.sum(jnp.sin(phase) * sines * _Y_WEIGHTS, axis=-1)
        )
    _, distant = _far(order, jnp.where(far, x, _LARGE))
    result = jnp.where(far, distant, near)
    result = jnp.where(x == 0, -jnp.inf, result)
    return jnp.where((x < 0) | jnp.isnan(x), jnp.nan, result)


def _k_scaled(order: int, x: Array) -> Array:
    """``exp(x) * K(x)`` for an order of 0 or 1."""
    # Near 0 the series around the logarithm.
    small = jnp.where(x <= 2, jnp.where(x > 0, x, 1), 1)
    quarter = small * small / 4
    factorials = np.cumprod(np.concatenate([[1.0], np.arange(1, 24.0)]))
    harmonic = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, 24.0))])
    series = harmonic / factorials**2
    logarithm = jnp.log(small / 2) + _EULER
    if order == 0:
        near = -logarithm * jsp.i0(small) + _polynomial(series, quarter)
    else:
        slope = series[1:] * np.arange(1, 24)
        near = logarithm * jsp.i1(small) + jsp.i0(small) / small
        near = near - small / 2 * _polynomial(slope, quarter)
    near = near * jnp.exp(small)
    # Between, the integral of exp(-x * cosh(t)) * cosh(order * t).
    middle_x = jnp.clip(x, 2, 20)
    t = np.arange(0, 5.5, 0.08)
    weights = np.full(t.shape, 0.08)
    weights[0] /= 2
    weights = weights * np.cosh(order * t)
    middle = jnp.sum(jnp.exp(-middle_x[..., None] * (np.cosh(t) - 1)) * weights, axis=-1)
    # Far out, Hankel's expansion.
    far_x = jnp.maximum(x, 20)
    far = jnp.sqrt(np.pi / (2 * far_x)) * _polynomial(_hankel(order, 14), 1 / far_x)
    result = jnp.where(x <= 2, near, jnp.where(x <= 20, middle, far))
    result = jnp.where(x == 0, jnp.inf, jnp.where(x == jnp.inf, 0, result))
    return jnp.where((x < 0) | jnp.isnan(x), jnp.nan, result)


def _airy(x: Array) -> Array:
    # Ai and its derivative at 0.
    value, slope = 0.35502805388781723926, -0.25881940379280679841
    near_x = jnp.clip(x, -9, 1.5)
    cube = near_x**3
    first, second = [1.0], [1.0]
    for k in range(1, 50):
        first.append(first[-1] / ((3 * k - 1) * (3 * k)))
        second.append(second[-1] / ((3 * k) * (3 * k + 1)))
    near = value * _polynomial(first, cube) + slope * near_x * _polynomial(second, cube)
    # To the right, exp(-zeta) times the integral of exp(-u**2) * cos(u**3 / (3 * x**0.75)).
    right_x = jnp.maximum(x, 1.5)
    root = jnp.sqrt(right_x)
    u = np.arange(0, 6.6, 0.04)
    weights = np.exp(-(u**2)) * 0.04
    weights[0] /= 2
    angles = (u**3 / 3) / (root * jnp.sqrt(root))[..., None]
    total = jnp.sum(jnp.cos(angles) * weights, axis=-1)
    right = jnp.exp(-2 / 3 * right_x * root) * total / (np.pi * jnp.sqrt(root))
    # To the left, the oscillating expansion.
    left_x = jnp.maximum(-x, 9)
    zeta = 2 / 3 * left_x * jnp.sqrt(left_x)
    c = [1.0]
    for k in range(1, 22):
        c.append(c[-1] * (6 * k - 5) * (6 * k - 1) / (72 * k))
    square = -1 / (zeta * zeta)
    p, q = _polynomial(c[0::2], square), _polynomial(c[1::2], square) / zeta
    phase = zeta + np.pi / 4
    left = (p * jnp.sin(phase) - q * jnp.cos(phase)) / jnp.sqrt(np.pi * jnp.sqrt(left_x))
    result = jnp.where(x > 1.5, right, jnp.where(x < -9, left, near))
    return jnp.where(jnp.isnan(x), jnp.nan, jnp.where(jnp.isinf(x), 0, result))


def _wide(x: Array) -> Array:
    return x.astype(jnp.float64)


@op(promote="float")
def bessel_j0(input: Array) -> Array:
    """The Bessel function of the first kind, order 0.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Bool, integers and floating; the result: the default dtype for bools and integers,
        else the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.special.bessel_j0(torch.tensor([0.0, 1.0]))
        tensor([1.0000, 0.7652])

    Follows ``torch.special.bessel_j0``.
    """
    return _j(0, _wide(input)).astype(input.dtype)


@op(promote="float")
def bessel_j1(input: Array) -> Array:
    """The Bessel function of the first kind, order 1.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Bool, integers and floating; the result: the default dtype for bools and integers,
        else the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.special.bessel_j1(torch.tensor([0.0, 1.0]))
        tensor([0.0000, 0.4401])

    Follows ``torch.special.bessel_j1``.
    """
    return _j(1, _wide(input)).astype(input.dtype)


@op(promote="float")
def bessel_y0(input: Array) -> Array:
    """The Bessel function of the second kind, order 0; nan for negative input.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Bool, integers and floating; the result: the default dtype for bools and integers,
        else the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.special.bessel_y0(torch.tensor([1.0, 2.0]))
        tensor([0.0883, 0.5104])

    Follows ``torch.special.bessel_y0``.
    """
    return _y(0, _wide(input)).astype(input.dtype)


@op(promote="float")
def bessel_y1(input: Array) -> Array:
    """The Bessel function of the second kind, order 1; nan for negative input.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Bool, integers and floating; the result: the default dtype for bools and integers,
        else the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.special.bessel_y1(torch.tensor([1.0, 2.0]))
        tensor([-0.7812, -0.1070])

    Follows ``torch.special.bessel_y1``.
    """
    return _y(1, _wide(input)).astype(input.dtype)


@op(promote="float")
def modified_bessel_i0(input: Array) -> Array:
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
        >>> torch.special.modified_bessel_i0(torch.tensor([0.0, 1.0]))
        tensor([1.0000, 1.2661])

    Follows ``torch.special.modified_bessel_i0``.
    """
    return i0.impl(input)


@op(promote="float")
def modified_bessel_i1(input: Array) -> Array:
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
        >>> torch.special.modified_bessel_i1(torch.tensor([0.0, 1.0]))
        tensor([0.0000, 0.5652])

    Follows ``torch.special.modified_bessel_i1``.
    """
    return i1.impl(input)


@op(promote="float")
def modified_bessel_k0(input: Array) -> Array:
    """The modified Bessel function of the second kind, order 0; nan for negative input.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Bool, integers and floating; the result: the default dtype for bools and integers,
        else the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.special.modified_bessel_k0(torch.tensor([1.0, 2.0]))
        tensor([0.4210, 0.1139])

    Follows ``torch.special.modified_bessel_k0``.
    """
    x = _wide(input)
    return (_k_scaled(0, x) * jnp.exp(-x)).astype(input.dtype)


@op(promote="float")
def modified_bessel_k1(input: Array) -> Array:
    """The modified Bessel function of the second kind, order 1; nan for negative input.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Bool, integers and floating; the result: the default dtype for bools and integers,
        else the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.special.modified_bessel_k1(torch.tensor([1.0, 2.0]))
        tensor([0.6019, 0.1399])

    Follows ``torch.special.modified_bessel_k1``.
    """
    x = _wide(input)
    return (_k_scaled(1, x) * jnp.exp(-x)).astype(input.dtype)


@op(promote="float")
def scaled_modified_bessel_k0(input: Array) -> Array:
    """``exp(input)`` times :func:`modified_bessel_k0`.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Bool, integers and floating; the result: the default dtype for bools and integers,
        else the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.special.scaled_modified_bessel_k0(torch.tensor([1.0, 2.0]))
        tensor([1.1445, 0.8416])

    Follows ``torch.special.scaled_modified_bessel_k0``.
    """
    return _k_scaled(0, _wide(input)).astype(input.dtype)


@op(promote="float")
def scaled_modified_bessel_k1(input: Array) -> Array:
    """``exp(input)`` times :func:`modified_bessel_k1`.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Bool, integers and floating; the result: the default dtype for bools and integers,
        else the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.special.scaled_modified_bessel_k1(torch.tensor([1.0, 2.0]))
        tensor([1.6362, 1.0335])

    Follows ``torch.special.scaled_modified_bessel_k1``.
    """
    return _k_scaled(1, _wide(input)).astype(input.dtype)


@op(promote="float")
def spherical_bessel_j0(input: Array) -> Array:
    """``sin(input) / input``, and 1 at 0.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Bool, integers and floating; the result: the default dtype for bools and integers,
        else the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.special.spherical_bessel_j0(torch.tensor([0.0, 1.0]))
        tensor([1.0000, 0.8415])

    Follows ``torch.special.spherical_bessel_j0``.
    """
    return jnp.where(jnp.isinf(input), 0, jnp.sinc(input / np.pi)).astype(input.dtype)


@op(promote="float")
def airy_ai(input: Array) -> Array:
    """The Airy function Ai.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Bool, integers and floating; the result: the default dtype for bools and integers,
        else the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.special.airy_ai(torch.tensor([0.0, 1.0]))
        tensor([0.3550, 0.1353])

    Follows ``torch.special.airy_ai``.
    """
    return _airy(_wide(input)).astype(input.dtype)
