"""Pooling: maximum, average, power average, adaptive, fractional, and unpooling.

Every window is a product of intervals, so every pooling runs one dimension after the other
over strided slices. On XLA:CPU that is 2 to 40 times faster than `lax.reduce_window` and its
gradients (docs/internals/performance.md), handles dilation and indices alike, and keeps the
derivative derivable. The last dimension goes first, which keeps PyTorch's choice among equal
maxima: the first in row-major order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from flambeau._ops._nn import apply_along, channel_axis, pooled_size, spread, widen
from flambeau._ops._prng import generator
from flambeau._ops.registry import Array, Dims, OptDims, op

# Longer windows are gathered at once instead of sliced: compile time grows with the slices.
_MAX_SLICES = 16


def _lowest(dtype: np.dtype) -> object:
    if jnp.issubdtype(dtype, jnp.floating):
        return -jnp.inf
    return False if dtype == np.bool_ else jnp.iinfo(dtype).min


def _strided(x: jax.Array, axis: int, start: int, count: int, stride: int) -> jax.Array:
    return lax.slice_in_dim(x, start, start + (count - 1) * stride + 1, stride, axis)


def _padded(
    x: jax.Array, axis: int, low: int, count: int, kernel: int, stride: int, dilation: int, fill
) -> jax.Array:
    reach = (count - 1) * stride + dilation * (kernel - 1) + 1
    high = max(reach - low - x.shape[axis], 0)
    if low == 0 and high == 0:
        return x
    config = [(0, 0, 0)] * x.ndim
    config[axis] = (low, high, 0)
    return lax.pad(x, jnp.asarray(fill, x.dtype), config)


def _first_max(
    windows: Sequence[jax.Array], places: Sequence[Sequence[jax.Array]]
) -> tuple[jax.Array, tuple[jax.Array, ...]]:
    """The running maximum over slices, and whatever stood at its place."""
    best, at = windows[0], tuple(places[0])
    for window, place in zip(windows[1:], places[1:], strict=True):
        better = window > best
        if jnp.issubdtype(window.dtype, jnp.floating):
            better = better | jnp.isnan(window)
        best = jnp.where(better, window, best)
        at = tuple(jnp.where(better, p, a) for p, a in zip(place, at, strict=True))
    return best, at


def _max_axis(
    x: jax.Array,
    at: tuple[jax.Array, ...],
    axis: int,
    positions: np.ndarray | jax.Array,
    *,
    indexed: bool,
) -> tuple[jax.Array, tuple[jax.Array, ...]]:
    """Maximum over windows along `axis`; row ``o`` of `positions` lists window ``o``.

    A position outside the dimension is padding. `at` carries the winners' coordinates along
    the dimensions reduced before.
    """
    size = x.shape[axis]
    positions = jnp.asarray(positions, jnp.int32)
    inside = (positions >= 0) & (positions < size)
    tail = (1,) * (x.ndim - axis - 1)

    def gather(v: jax.Array) -> jax.Array:
        return jnp.take(v, positions, axis=axis, mode="clip")

    windows = jnp.where(inside.reshape(*inside.shape, *tail), gather(x), _lowest(x.dtype))  # pyright: ignore[reportArgumentType]
    score = lax.stop_gradient(windows)
    if jnp.issubdtype(x.dtype, jnp.floating):
        # The last NaN wins, as in PyTorch; argmax alone would take the first.
        ramp = jnp.arange(positions.shape[1]).reshape(-1, *tail)
        last_nan = jnp.max(jnp.where(jnp.isnan(score), ramp, -1), axis + 1, keepdims=True)
        best = jnp.argmax(score, axis + 1, keepdims=True)
        best = jnp.where(last_nan >= 0, last_nan, best)
    else:
        best = jnp.argmax(score, axis + 1, keepdims=True)
    out = jnp.take_along_axis(windows, best, axis + 1).squeeze(axis + 1)
    if not indexed:
        return out, ()
    kept = tuple(jnp.take_along_axis(gather(a), best, axis + 1).squeeze(axis + 1) for a in at)
    own = jnp.broadcast_to(positions.reshape(*positions.shape, *tail), windows.shape)
    own = jnp.take_along_axis(own, best, axis + 1).squeeze(axis + 1)
    return out, (own, *kept)


def _flat_index(at: tuple[jax.Array, ...], shape: Sequence[int]) -> jax.Array:
    flat = at[0].astype(jnp.int64)
    for coordinate, size in zip(at[1:], shape[1:], strict=True):
        flat = flat * size + coordinate
    return flat


def _max_pool(
    input: jax.Array,
    kernel: Sequence[int],
    stride: Sequence[int] | None,
    padding: Sequence[int],
    dilation: Sequence[int],
    ceil_mode: bool,
    indexed: bool,
) -> tuple[jax.Array, jax.Array | None]:
    n = len(kernel)
    steps = spread(stride, n) if stride else tuple(kernel)
    pads, gaps = spread(padding, n), spread(dilation, n)
    channels = channel_axis(input.ndim) if input.ndim == n + 2 and not indexed else 1
    lead = input.ndim - n - (channels != 1)
    x, at = jnp.moveaxis(input, 1, channels) if channels != 1 else input, ()
    for d in reversed(range(n)):
        axis, k, s, g = lead + d, kernel[d], steps[d], gaps[d]
        count = pooled_size(x.shape[axis], k, s, pads[d], g, ceil_mode)
        starts = np.arange(count) * s - pads[d]
        if k > _MAX_SLICES:
            positions = starts[:, None] + np.arange(k) * g
            x, at = _max_axis(x, at, axis, positions, indexed=indexed)
            continue
        shape = (-1,) + (1,) * (n - 1 - d)
        arrays = [
            _padded(v, axis, pads[d], count, k, s, g, fill)
            for v, fill in ((x, _lowest(x.dtype)), *((a, 0) for a in at))
        ]
        windows = [_strided(arrays[0], axis, i * g, count, s) for i in range(k)]
        places: list[list[jax.Array]] = [[] for _ in range(k)]
        if indexed:
            for i, place in enumerate(places):
                own = jnp.asarray((starts + i * g).reshape(shape), jnp.int32)
                place.append(jnp.broadcast_to(own, windows[i].shape))
                place.extend(_strided(a, axis, i * g, count, s) for a in arrays[1:])
        x, at = _first_max(windows, places)
    if channels != 1:
        x = jnp.moveaxis(x, channels, 1)
    return x, _flat_index(at, input.shape[lead:]) if indexed else None


@op()
def max_pool(
    input: Array,
    kernel_size: Dims,
    stride: OptDims = None,
    padding: Dims = (0,),
    dilation: Dims = (1,),
    ceil_mode: bool = False,
) -> Array:
    """The maximum of every window over the trailing ``len(kernel_size)`` dimensions.

    Follows `torch.nn.functional.max_pool1d`, `max_pool2d` and `max_pool3d`.
    """
    return _max_pool(input, kernel_size, stride, padding, dilation, ceil_mode, False)[0]


@op(returns=("output", "indices"))
def max_pool_with_indices(
    input: Array,
    kernel_size: Dims,
    stride: OptDims = None,
    padding: Dims = (0,),
    dilation: Dims = (1,),
    ceil_mode: bool = False,
) -> tuple[Array, Array]:
    """:data:`max_pool` and where each maximum stood, as a flat index into the plane."""
    return _max_pool(input, kernel_size, stride, padding, dilation, ceil_mode, True)  # pyright: ignore[reportReturnType]


@op()
def max_unpool(input: Array, indices: Array, output_size: Dims) -> Array:
    """Put every element at its flat index of an otherwise zero plane of `output_size`.

    Follows `torch.nn.functional.max_unpool1d`, `max_unpool2d` and `max_unpool3d`.
    """
    n = len(output_size)
    lead = input.shape[: input.ndim - n]
    rows = math.prod(lead)
    flat = jnp.zeros((rows, math.prod(output_size)), input.dtype)
    row = jnp.arange(rows)[:, None]
    places, given = indices.reshape(rows, -1), input.reshape(rows, -1)
    still = lax.stop_gradient(given)
    # Of equal indices one value is kept; the gradient goes to all, as in PyTorch.
    flat = flat.at[row, places].set(still).at[row, places].add(given - still)
    return flat.reshape(*lead, *output_size)


def _sum_axis(x: jax.Array, axis: int, count: int, kernel: int, stride: int, pad: int) -> jax.Array:
    size = x.shape[axis]
    if count == 1 and pad == 0 and kernel >= size:
        return jnp.sum(x, axis, keepdims=True)
    if kernel > _MAX_SLICES:
        positions = np.arange(count)[:, None] * stride - pad
        offset = np.arange(size)[None] - positions
        return apply_along(x, (offset >= 0) & (offset < kernel), axis)
    padded = _padded(x, axis, pad, count, kernel, stride, 1, 0)
    total = _strided(padded, axis, 0, count, stride)
    for i in range(1, kernel):
        total = total + _strided(padded, axis, i, count, stride)
    return total


@op()
def avg_pool(
    input: Array,
    kernel_size: Dims,
    stride: OptDims = None,
    padding: Dims = (0,),
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Array:
    """The mean of every window over the trailing ``len(kernel_size)`` dimensions.

    Follows `torch.nn.functional.avg_pool1d`, `avg_pool2d` and `avg_pool3d`.
    """
    n = len(kernel_size)
    steps = spread(stride, n) if stride else tuple(kernel_size)
    pads = spread(padding, n)
    channels = channel_axis(input.ndim) if input.ndim == n + 2 else 1
    behind = int(channels != 1)
    lead = input.ndim - n - behind
    x = jnp.moveaxis(widen(input), 1, channels) if behind else widen(input)
    counts = np.ones((1,) * n)
    for d in reversed(range(n)):
        axis, k, s, p = lead + d, kernel_size[d], steps[d], pads[d]
        size = x.shape[axis]
        count = pooled_size(size, k, s, p, 1, ceil_mode)
        start = np.arange(count) * s - p
        # The last window of ceil_mode may reach past the padding; that part never counts.
        end = np.minimum(start + k, size + p)
        if not count_include_pad:
            start, end = np.maximum(start, 0), np.minimum(end, size)
        counts = counts * (end - start).reshape((-1,) + (1,) * (n - 1 - d))
        x = _sum_axis(x, axis, count, k, s, p)
    if behind:
        x = jnp.moveaxis(x, channels, 1)
    if divisor_override is not None:
        counts = np.asarray(float(divisor_override))
    factor = counts.flat[0] if (counts == counts.flat[0]).all() else counts
    return (x / jnp.asarray(factor, x.dtype)).astype(input.dtype)


@op()
def lp_pool(
    input: Array,
    norm_type: float,
    kernel_size: Dims,
    stride: OptDims = None,
    ceil_mode: bool = False,
) -> Array:
    """The p-norm of every window. Follows `torch.nn.functional.lp_pool1d` and its kin."""
    n = len(kernel_size)
    steps = spread(stride, n) if stride else tuple(kernel_size)
    lead = input.ndim - n
    x = widen(input)
    x = x ** int(norm_type) if float(norm_type).is_integer() else x**norm_type
    fill = np.ones((1,) * n)
    for d in reversed(range(n)):
        axis, k, s = lead + d, kernel_size[d], steps[d]
        size = x.shape[axis]
        count = pooled_size(size, k, s, 0, 1, ceil_mode)
        # PyTorch multiplies the average of a window cut short by the full window's size.
        cut = np.minimum(np.arange(count) * s + k, size) - np.arange(count) * s
        fill = fill * (k / cut).reshape((-1,) + (1,) * (n - 1 - d))
        x = _sum_axis(x, axis, count, k, s, 0)
    if (fill != 1).any():
        x = x * jnp.asarray(fill, x.dtype)
    zero = x == 0
    root = jnp.where(zero, 1.0, x) ** (1.0 / norm_type)
    return jnp.where(zero, 0.0, root).astype(input.dtype)


def _bins(size: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    places = np.arange(count)
    return places * size // count, -(-(places + 1) * size // count)


@op()
def adaptive_avg_pool(input: Array, output_size: Dims) -> Array:
    """The mean of bins that split each trailing dimension into ``output_size`` parts.

    Follows `torch.nn.functional.adaptive_avg_pool1d`, `adaptive_avg_pool2d` and
    `adaptive_avg_pool3d`.
    """
    n = len(output_size)
    lead = input.ndim - n
    x = widen(input)
    for d in reversed(range(n)):
        axis, count = lead + d, output_size[d]
        size = x.shape[axis]
        if count == size:
            continue
        if count and size % count == 0:
            k = size // count
            x = _sum_axis(x, axis, count, k, k, 0) / k
        else:
            start, end = _bins(size, count)
            place = np.arange(size)[None]
            member = (place >= start[:, None]) & (place < end[:, None])
            x = apply_along(x, member / (end - start)[:, None], axis)
    return x.astype(input.dtype)


@op(returns=("output", "indices"))
def adaptive_max_pool(input: Array, output_size: Dims) -> tuple[Array, Array]:
    """The maximum of bins, as in :data:`adaptive_avg_pool`, and its flat index.

    Follows `torch.nn.functional.adaptive_max_pool1d`, `adaptive_max_pool2d` and
    `adaptive_max_pool3d`.
    """
    n = len(output_size)
    lead = input.ndim - n
    x, at = input, ()
    for d in reversed(range(n)):
        start, end = _bins(x.shape[lead + d], output_size[d])
        positions = start[:, None] + np.arange(int((end - start).max(initial=1)))
        positions = np.where(positions < end[:, None], positions, -1)
        x, at = _max_axis(x, at, lead + d, positions, indexed=True)
    return x, _flat_index(at, input.shape[lead:])


def _fractional_starts(sample: jax.Array, size: int, count: int, kernel: int) -> jax.Array:
    if count == 1:
        return jnp.full((1,), size - kernel, jnp.int32)
    # In the sample's own precision: PyTorch truncates there, and a start may depend on it.
    alpha = jnp.asarray((size - kernel) / (count - 1), sample.dtype)
    place = jnp.arange(count, dtype=sample.dtype)
    start = ((place + sample) * alpha).astype(jnp.int32) - (sample * alpha).astype(jnp.int32)
    return start.at[-1].set(size - kernel)


@op(returns=("output", "indices"))
def fractional_max_pool(
    input: Array, kernel_size: Dims, output_size: Dims, samples: Array
) -> tuple[Array, Array]:
    """Maximum over windows whose places are drawn: ``samples`` is ``(N, C, n)`` in ``[0, 1)``.

    Follows `torch.nn.functional.fractional_max_pool2d` and `fractional_max_pool3d`.
    """
    n = len(kernel_size)
    lead = input.shape[: input.ndim - n]
    plane = input.shape[input.ndim - n :]
    planes = input.reshape(-1, *plane)
    draws = jnp.broadcast_to(samples, (*lead, n)).reshape(-1, n)

    def pool(x: jax.Array, draw: jax.Array) -> tuple[jax.Array, jax.Array]:
        at: tuple[jax.Array, ...] = ()
        for d in reversed(range(n)):
            # PyTorch lists the samples of two dimensions backwards, of three forwards.
            sample = draw[n - 1 - d if n == 2 else d]
            start = _fractional_starts(sample, plane[d], output_size[d], kernel_size[d])
            positions = start[:, None] + jnp.arange(kernel_size[d])
            x, at = _max_axis(x, at, d, positions, indexed=True)
        return x, _flat_index(at, plane)

    out, indices = jax.vmap(pool)(planes, draws)
    shape = (*lead, *output_size)
    return out.reshape(shape), indices.reshape(shape)


@op(random=True)
def pooling_samples(key: Array, input: Array, n: int) -> Array:
    """Uniform draws for :data:`fractional_max_pool`: `n` for each plane of `input`."""
    lead = input.shape[: input.ndim - n]
    lead = (1,) * (2 - len(lead)) + lead
    return jax.random.uniform(generator(key), (*lead, n), input.dtype)
