"""Running sums, products and extremes along a dimension, and differences."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from flambeau._ops._dims import canonical_dim
from flambeau._ops._numeric import accumulator, is_bool, is_complex, is_float, is_integral
from flambeau._ops.reductions import take_at
from flambeau._ops.registry import Array, Operand, OptArray, OptDType, op


def _result_dtype(input: Array, dtype: np.dtype | None) -> np.dtype:
    if dtype is not None:
        return np.dtype(dtype)
    return np.dtype(np.int64) if is_integral(input) else input.dtype


@op()
def cumsum(input: Array, dim: int, *, dtype: OptDType = None) -> Array:
    """The running sum along ``dim``; integers give int64.

    Shape:
        ``(*, N, *)`` with N the size of ``dim``, to the same.

    Dtypes:
        Integers, floating and complex; the result: int64 for bools and integers, else the
        input's.

    Raises:
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.cumsum(torch.tensor([[1.0, 2.0], [3.0, 5.0]]), 1)
        tensor([[1., 3.],
                [3., 8.]])

    Follows ``torch.cumsum``.
    """
    dim = canonical_dim(dim, input.ndim)
    result = _result_dtype(input, dtype)
    wide = input.astype(accumulator(result))
    return (lax.cumsum(wide, axis=dim) if input.ndim else wide).astype(result)


@op()
def cumprod(input: Array, dim: int, *, dtype: OptDType = None) -> Array:
    """The running product along ``dim``; integers give int64.

    Shape:
        ``(*, N, *)`` with N the size of ``dim``, to the same.

    Dtypes:
        Integers, floating and complex; the result: int64 for bools and integers, else the
        input's.

    Raises:
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.cumprod(torch.tensor([[1.0, 2.0], [3.0, 5.0]]), 1)
        tensor([[ 1.,  2.],
                [ 3., 15.]])

    Follows ``torch.cumprod``.
    """
    dim = canonical_dim(dim, input.ndim)
    result = _result_dtype(input, dtype)
    wide = input.astype(accumulator(result))
    return (lax.cumprod(wide, axis=dim) if input.ndim else wide).astype(result)


@op(promote="float")
def logcumsumexp(input: Array, dim: int) -> Array:
    """The logarithm of the running sum of exponentials along ``dim``.

    Shape:
        ``(*, N, *)`` with N the size of ``dim``, to the same.

    Dtypes:
        Floating and complex; the result has the input's.

    Raises:
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.logcumsumexp(torch.tensor([[1.0, 2.0], [3.0, 5.0]]), 1)
        tensor([[1.0000, 2.3133],
                [3.0000, 5.1269]])

    Follows ``torch.logcumsumexp``.
    """
    dim = canonical_dim(dim, input.ndim)
    if not input.ndim or not input.size:
        return input
    if is_complex(input):
        return lax.associative_scan(jnp.logaddexp, input, axis=dim)
    wide = input.astype(accumulator(input.dtype))
    return lax.cumlogsumexp(wide, axis=dim).astype(input.dtype)


def _running_extreme(input: Array, dim: int, later_wins: Any) -> tuple[Array, Array]:
    dim = canonical_dim(dim, input.ndim)
    if not input.ndim:
        return input, jnp.zeros((), jnp.int64)
    still = lax.stop_gradient(input)
    if is_bool(still):
        still = still.astype(jnp.uint8)
    place = lax.broadcasted_iota(jnp.int64, input.shape, dim)
    if not input.size:
        return input, place

    def combine(left: tuple[Array, Array], right: tuple[Array, Array]) -> tuple[Array, Array]:
        keep = later_wins(left[0], right[0])
        if is_float(still):
            keep = (keep & ~jnp.isnan(left[0])) | jnp.isnan(right[0])
        return jnp.where(keep, right[0], left[0]), jnp.where(keep, right[1], left[1])

    _, index = lax.associative_scan(combine, (still, place), axis=dim)
    return take_at(input, index, dim), index


@op(returns=("values", "indices"))
def cummax(input: Array, dim: int) -> tuple[Array, Array]:
    """The largest element so far along ``dim`` and where it was, the latest among equals.

    Shape:
        ``(*, N, *)`` with N the size of ``dim``, to the same.

    Dtypes:
        Bool, integers and floating; the results: the input's; int64.

    Raises:
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.cummax(torch.tensor([[1.0, 2.0], [3.0, 5.0]]), 1)
        torch.return_types.cummax(
        values=tensor([[1., 2.],
                [3., 5.]]),
        indices=tensor([[0, 1],
                [0, 1]]))

    Follows ``torch.cummax``.
    """
    return _running_extreme(input, dim, lambda left, right: right >= left)


@op(returns=("values", "indices"))
def cummin(input: Array, dim: int) -> tuple[Array, Array]:
    """The smallest element so far along ``dim`` and where it was, the latest among equals.

    Shape:
        ``(*, N, *)`` with N the size of ``dim``, to the same.

    Dtypes:
        Bool, integers and floating; the results: the input's; int64.

    Raises:
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.cummin(torch.tensor([[1.0, 2.0], [3.0, 5.0]]), 1)
        torch.return_types.cummin(
        values=tensor([[1., 1.],
                [3., 3.]]),
        indices=tensor([[0, 0],
                [0, 0]]))

    Follows ``torch.cummin``.
    """
    return _running_extreme(input, dim, lambda left, right: right <= left)


@op()
def diff(
    input: Array, n: int = 1, dim: int = -1, prepend: OptArray = None, append: OptArray = None
) -> Array:
    """The ``n``-th difference along ``dim``, with what to put before and after it first.

    Shape:
        ``(*, N, *)`` to ``(*, N - n, *)``, with what is put before and after it.

    Dtypes:
        Any; the result has the input's.

    Raises:
        IndexError: ``dim`` is no dimension of the input.
        RuntimeError: the input has no dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.diff(torch.tensor([1, 4, 9]))
        tensor([3, 5])

    Follows ``torch.diff``.
    """
    if not input.ndim:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    dim = canonical_dim(dim, input.ndim)
    if n == 0:
        return input
    parts = [p for p in (prepend, input, append) if p is not None]
    if len(parts) > 1:
        input = jnp.concatenate(parts, axis=dim)
    for _ in range(min(n, input.shape[dim])):
        size = input.shape[dim]
        after = lax.slice_in_dim(input, 1, size, axis=dim)
        before = lax.slice_in_dim(input, 0, size - 1, axis=dim)
        input = after ^ before if is_bool(input) else after - before
    return input


def _panels(y: Array, x: Array | None, dx: Any, dim: int) -> Array:
    """The area under each step of ``y``."""
    size = y.shape[dim]
    after = lax.slice_in_dim(y, min(1, size), size, axis=dim)
    before = lax.slice_in_dim(y, 0, max(size - 1, 0), axis=dim)
    if x is None:
        return (after + before) * jnp.asarray(dx / 2, y.dtype)
    if x.ndim == 1 and y.ndim != 1:
        if x.shape[0] != size:
            raise RuntimeError(
                f"trapezoid: There must be one `x` value for each sample point: x has "
                f"{x.shape[0]}, y has {size} along dim {dim}"
            )
        steps = jnp.diff(x).reshape((-1,) + (1,) * (y.ndim - 1 - dim))
    else:
        # Aligned at the last dimension, as broadcasting does.
        steps = jnp.diff(x, axis=dim - y.ndim)
    return (after + before) * steps / 2


@op(promote="float")
def trapezoid(y: Array, x: OptArray = None, *, dx: float = 1, dim: int = -1) -> Array:
    """The integral along ``dim`` by the trapezoidal rule, at points ``x`` or steps of ``dx``."""
    dim = canonical_dim(dim, y.ndim)
    if y.shape[dim] == 0:
        return jnp.zeros(y.shape[:dim] + y.shape[dim + 1 :], y.dtype)
    area = _panels(y, x, dx, dim)
    return jnp.sum(area, axis=dim - y.ndim)


@op(promote="float")
def cumulative_trapezoid(y: Array, x: OptArray = None, *, dx: float = 1, dim: int = -1) -> Array:
    """The running integral along ``dim`` by the trapezoidal rule."""
    dim = canonical_dim(dim, y.ndim)
    area = _panels(y, x, dx, dim)
    return lax.cumsum(area, axis=area.ndim + dim - y.ndim)


@op()
def gradient_along(input: Array, spacing: Operand, dim: int, edge_order: int = 1) -> Array:
    """The derivative of samples along one dimension by central differences.

    Args:
        spacing: the distance between neighbours, or a 1-d tensor of coordinates.
        edge_order: 1 or 2, the order of the one-sided formula at both ends.
    """
    dim = canonical_dim(dim, input.ndim)
    size = input.shape[dim]
    if size < edge_order + 1:
        raise RuntimeError(
            f"torch.gradient expected each dimension size to be at least edge_order+1, "
            f"got {size} along dim {dim}"
        )
    values = jnp.moveaxis(input, dim, -1)
    if not (is_float(values) or is_complex(values)):
        values = values.astype(jnp.float32)
    spacing = jnp.asarray(spacing)
    if spacing.ndim:
        if spacing.shape[0] != size:
            raise RuntimeError(
                f"torch.gradient expected each coordinate to have as many elements as the "
                f"dimension it describes: got {spacing.shape[0]} for size {size}"
            )
        step = jnp.diff(spacing)
    else:
        step = jnp.full((size - 1,), spacing)
    step = step.astype(values.dtype)
    left, right = step[:-1], step[1:]
    if spacing.ndim:
        inner = (
            values[..., :-2] * (-right / (left * (left + right)))
            + values[..., 1:-1] * ((right - left) / (left * right))
            + values[..., 2:] * (left / (right * (left + right)))
        )
    else:
        inner = (values[..., 2:] - values[..., :-2]) / (2 * spacing).astype(values.dtype)
    if edge_order == 1:
        first = (values[..., 1:2] - values[..., :1]) / step[:1]
        last = (values[..., -1:] - values[..., -2:-1]) / step[-1:]
    else:
        a, b = step[0], step[1]
        first = (
            -(2 * a + b) / (a * (a + b)) * values[..., :1]
            + (a + b) / (a * b) * values[..., 1:2]
            - a / (b * (a + b)) * values[..., 2:3]
        )
        a, b = step[-2], step[-1]
        last = (
            b / (a * (a + b)) * values[..., -3:-2]
            - (a + b) / (a * b) * values[..., -2:-1]
            + (2 * b + a) / (b * (a + b)) * values[..., -1:]
        )
    return jnp.moveaxis(jnp.concatenate([first, inner, last], axis=-1), -1, dim)
