"""Tensors made from numbers: fills, ranges, identities, windows.

The result's dtype is called ``out_dtype`` where scalars must keep their own: a parameter
called ``dtype`` is one that scalars take.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from flambeau._ops.registry import Array, Dims, DType, Operand, Scalar, op


def _wide(dtype: np.dtype) -> np.dtype:
    """The dtype that positions of a range are computed in before they are rounded once."""
    if np.issubdtype(dtype, np.complexfloating):
        return np.dtype(np.complex128)
    return np.dtype(np.float64)


@op()
def full(size: Dims, fill_value: Operand, *, dtype: DType) -> Array:
    """A tensor of shape ``size`` with every element ``fill_value``.

    Follows ``torch.full``.
    """
    return jnp.broadcast_to(jnp.asarray(fill_value).astype(dtype), size)


@op()
def zeros(size: Dims, *, dtype: DType) -> Array:
    """A tensor of shape ``size`` filled with 0.

    Follows ``torch.zeros``.
    """
    return jnp.zeros(size, dtype)


@op()
def ones(size: Dims, *, dtype: DType) -> Array:
    """A tensor of shape ``size`` filled with 1.

    Follows ``torch.ones``.
    """
    return jnp.ones(size, dtype)


@op(differentiable=False)
def arange(start: Scalar, step: Scalar, *, length: int, out_dtype: DType) -> Array:
    """``length`` values from ``start`` on, ``step`` apart.

    The length is static, since a shape depends on it; start and step are not, so a moving
    range of one length is one program.

    Follows ``torch.arange``.
    """
    # Integers stay integers: float64 would round ranges that lie beyond 2**53.
    whole = all(jnp.issubdtype(jnp.result_type(v), jnp.integer) for v in (start, step))
    wide = np.dtype(np.int64) if whole else _wide(out_dtype)
    positions = jnp.arange(length, dtype=wide)
    values = jnp.asarray(start).astype(wide) + positions * jnp.asarray(step).astype(wide)
    return values.astype(out_dtype)


def _positions(start: Scalar, end: Scalar, steps: int, dtype: np.dtype) -> Array:
    wide = _wide(dtype)
    start, end = jnp.asarray(start).astype(wide), jnp.asarray(end).astype(wide)
    if steps == 1:
        return start[None]
    index = jnp.arange(steps, dtype=wide)
    # Divided by a constant, XLA would multiply by its rounded reciprocal: 49 / 49 is not 1 then.
    step = (end - start) / lax.optimization_barrier(jnp.asarray(steps - 1, wide))
    # Counted from the nearer end, so that both ends are exact.
    return jnp.where(
        index.real < steps // 2, start + step * index, end - step * (steps - 1 - index)
    )


@op(differentiable=False)
def linspace(start: Operand, end: Operand, *, steps: int, out_dtype: DType) -> Array:
    """``steps`` values spread evenly from ``start`` to ``end``, both included.

    Follows ``torch.linspace``.
    """
    return _positions(start, end, steps, out_dtype).astype(out_dtype)


@op(differentiable=False)
def logspace(start: Operand, end: Operand, base: Operand, *, steps: int, out_dtype: DType) -> Array:
    """``steps`` values spread evenly from ``base**start`` to ``base**end`` on a log scale.

    Follows ``torch.logspace``.
    """
    exponents = _positions(start, end, steps, out_dtype)
    return (jnp.asarray(base).astype(exponents.dtype) ** exponents).astype(out_dtype)


@op(differentiable=False)
def eye(n: int, m: int, *, dtype: DType) -> Array:
    """An ``n`` by ``m`` matrix with ones on the diagonal.

    Follows ``torch.eye``.
    """
    return jnp.eye(n, m, dtype=dtype)


def _phase(length: int, periodic: bool) -> Array:
    """Positions of a window of ``length`` samples, 0 to 1 over one period."""
    steps = length if periodic else length - 1
    return jnp.arange(length, dtype=np.float64) / max(steps, 1)


def _cosine_sum(length: int, periodic: bool, terms: tuple[Scalar, ...]) -> Array:
    if length == 1:
        return jnp.ones(1, np.float64)
    angle = 2 * np.pi * _phase(length, periodic)
    total = jnp.zeros(length, np.float64)
    for order, term in enumerate(terms):
        total = total + (-1) ** order * term * jnp.cos(order * angle)
    return total


@op(differentiable=False)
def hann_window(window_length: int, periodic: bool = True, *, out_dtype: DType) -> Array:
    r"""The Hann window :math:`\tfrac12 - \tfrac12\cos(2\pi n / N)`.

    Follows ``torch.hann_window``.
    """
    return _cosine_sum(window_length, periodic, (0.5, 0.5)).astype(out_dtype)


@op(differentiable=False)
def hamming_window(
    window_length: int,
    periodic: bool = True,
    alpha: Scalar = 0.54,
    beta: Scalar = 0.46,
    *,
    out_dtype: DType,
) -> Array:
    r"""The Hamming window :math:`\alpha - \beta\cos(2\pi n / N)`.

    Follows ``torch.hamming_window``.
    """
    return _cosine_sum(window_length, periodic, (alpha, beta)).astype(out_dtype)


@op(differentiable=False)
def blackman_window(window_length: int, periodic: bool = True, *, out_dtype: DType) -> Array:
    r"""The Blackman window :math:`0.42 - 0.5\cos(2\pi n / N) + 0.08\cos(4\pi n / N)`.

    Follows ``torch.blackman_window``.
    """
    return _cosine_sum(window_length, periodic, (0.42, 0.5, 0.08)).astype(out_dtype)


@op(differentiable=False)
def bartlett_window(window_length: int, periodic: bool = True, *, out_dtype: DType) -> Array:
    r"""The triangular window :math:`1 - |2n / N - 1|`.

    Follows ``torch.bartlett_window``.
    """
    if window_length == 1:
        return jnp.ones(1, out_dtype)
    return (1 - jnp.abs(2 * _phase(window_length, periodic) - 1)).astype(out_dtype)


@op(differentiable=False)
def kaiser_window(
    window_length: int, periodic: bool = True, beta: Scalar = 12.0, *, out_dtype: DType
) -> Array:
    r"""The Kaiser window :math:`I_0(\beta\sqrt{1 - (2n / N - 1)^2}) / I_0(\beta)`.

    Follows ``torch.kaiser_window``.
    """
    if window_length == 1:
        return jnp.ones(1, out_dtype)
    beta = jnp.asarray(beta).astype(np.float64)
    position = 2 * _phase(window_length, periodic) - 1
    inside = jnp.sqrt(jnp.maximum(1 - position**2, 0))
    return (jax.scipy.special.i0(beta * inside) / jax.scipy.special.i0(beta)).astype(out_dtype)
