"""Padding by copies, resampling, rearranging of channels, patches, and distances."""

from __future__ import annotations

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from flambeau._ops._dims import canonical_dim
from flambeau._ops._nn import apply_along, spread, take_windows, widen
from flambeau._ops.nn_norm import norm_along
from flambeau._ops.registry import Array, Dims, op

# ---------------------------------------------------------------------------- padding


def _copies(
    input: jax.Array,
    pad: tuple[int, ...],
    before: Callable[[jax.Array, int, int], jax.Array],
    after: Callable[[jax.Array, int, int], jax.Array],
) -> jax.Array:
    """Pad by parts of the array itself; `pad` starts with the last dimension's pair."""
    for d in range(len(pad) // 2):
        axis = input.ndim - 1 - d
        low, high = pad[2 * d], pad[2 * d + 1]
        size = input.shape[axis]
        if low < 0 or high < 0:
            input = lax.slice_in_dim(input, max(-low, 0), size - max(-high, 0), axis=axis)
        parts = [input]
        if low > 0:
            parts.insert(0, before(input, axis, low))
        if high > 0:
            parts.append(after(input, axis, high))
        input = jnp.concatenate(parts, axis) if len(parts) > 1 else input
    return input


@op()
def pad_reflect(input: Array, pad: Dims) -> Array:
    """Mirror the array at its borders, without repeating them.

    Follows `torch.nn.functional.pad` with ``mode="reflect"``.
    """

    def before(x: jax.Array, axis: int, n: int) -> jax.Array:
        return jnp.flip(lax.slice_in_dim(x, 1, n + 1, axis=axis), axis)

    def after(x: jax.Array, axis: int, n: int) -> jax.Array:
        size = x.shape[axis]
        return jnp.flip(lax.slice_in_dim(x, size - 1 - n, size - 1, axis=axis), axis)

    # Both mirrors must see the unpadded dimension, which _copies guarantees.
    return _copies(input, pad, before, after)


@op()
def pad_replicate(input: Array, pad: Dims) -> Array:
    """Repeat the border. Follows `torch.nn.functional.pad` with ``mode="replicate"``."""
    if min(pad) < 0:  # what is cut off still counts as the border of what is left
        for d in range(len(pad) // 2):
            axis = input.ndim - 1 - d
            size = input.shape[axis]
            at = np.arange(-pad[2 * d], size + pad[2 * d + 1])
            input = jnp.take(input, np.clip(at, 0, size - 1), axis=axis)
        return input

    def edge(at_end: bool) -> Callable[[jax.Array, int, int], jax.Array]:
        def take(x: jax.Array, axis: int, n: int) -> jax.Array:
            start = x.shape[axis] - 1 if at_end else 0
            one = lax.slice_in_dim(x, start, start + 1, axis=axis)
            return jnp.broadcast_to(one, (*x.shape[:axis], n, *x.shape[axis + 1 :]))

        return take

    return _copies(input, pad, edge(False), edge(True))


@op()
def pad_circular(input: Array, pad: Dims) -> Array:
    """Continue with the other end. Follows `torch.nn.functional.pad`, ``mode="circular"``."""

    def before(x: jax.Array, axis: int, n: int) -> jax.Array:
        return lax.slice_in_dim(x, x.shape[axis] - n, x.shape[axis], axis=axis)

    def after(x: jax.Array, axis: int, n: int) -> jax.Array:
        return lax.slice_in_dim(x, 0, n, axis=axis)

    return _copies(input, pad, before, after)


# ------------------------------------------------------------------------- resampling


def _step(size: int, count: int, scale: float | None, align_corners: bool) -> float:
    if align_corners:
        return (size - 1) / (count - 1) if count > 1 else 0.0
    return 1.0 / scale if scale else size / count


def _nearest(size: int, count: int, scale: float | None, exact: bool) -> np.ndarray:
    # In float32, as PyTorch does: the rounding decides which neighbour is taken.
    step = np.float32(_step(size, count, scale, False))
    place = np.arange(count, dtype=np.float32) + np.float32(0.5 if exact else 0)
    return np.minimum(np.floor(place * step).astype(np.int64), size - 1)


def _tent(x: np.ndarray) -> np.ndarray:
    return np.maximum(0.0, 1.0 - np.abs(x))


def _cubic(x: np.ndarray, a: float) -> np.ndarray:
    x = np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * a
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


def _smoothing_matrix(size: int, count: int, step: float, cubic: bool) -> np.ndarray:
    """Weights of antialiased resampling: the kernel is widened when shrinking."""
    stretch = max(step, 1.0)
    support = (2.0 if cubic else 1.0) * stretch
    matrix = np.zeros((count, size))
    for out in range(count):
        centre = step * (out + 0.5)
        low = max(int(centre - support + 0.5), 0)
        high = min(int(centre + support + 0.5), size)
        place = (np.arange(low, high) - centre + 0.5) / stretch
        weight = _cubic(place, -0.5) if cubic else _tent(place)
        matrix[out, low:high] = weight / weight.sum()
    return matrix


def _resampling_matrix(size: int, count: int, step: float, cubic: bool, align: bool) -> np.ndarray:
    place = np.arange(count)
    source = place * step if align else (place + 0.5) * step - 0.5
    if not cubic and not align:
        source = np.maximum(source, 0)
    base = np.floor(source).astype(np.int64)
    if not cubic:
        base = np.minimum(base, size - 1)
    part = source - base
    matrix = np.zeros((count, size))
    for tap in range(-1, 3) if cubic else range(2):
        weight = _cubic(part - tap, -0.75) if cubic else (part if tap else 1 - part)
        np.add.at(matrix, (place, np.clip(base + tap, 0, size - 1)), weight)
    return matrix


@op()
def interpolate(
    input: Array,
    output_size: Dims,
    scales: tuple = (),
    mode: str = "nearest",
    align_corners: bool = False,
    antialias: bool = False,
) -> Array:
    """Resample the trailing dimensions to `output_size`, one dimension after the other.

    Follows `torch.nn.functional.interpolate`. `scales` holds the factors that the caller
    gave, or None where the sizes decide.
    """
    n = len(output_size)
    factors = scales or (None,) * n
    x = widen(input) if mode not in ("nearest", "nearest-exact") else input
    for d in range(n):
        axis = input.ndim - n + d
        size, count = x.shape[axis], output_size[d]
        if mode in ("nearest", "nearest-exact"):
            index = _nearest(size, count, factors[d], mode == "nearest-exact")
            if count % size == 0 and (index == np.arange(count) // (count // size)).all():
                x = jnp.repeat(x, count // size, axis, total_repeat_length=count)
            elif not (count == size and (index == np.arange(count)).all()):
                x = jnp.take(x, index, axis, mode="clip")
            continue
        cubic = mode == "bicubic"
        step = _step(size, count, factors[d], align_corners)
        if antialias:
            matrix = _smoothing_matrix(size, count, step, cubic)
        else:
            matrix = _resampling_matrix(size, count, step, cubic, align_corners)
        if size != count or (matrix != np.eye(size)).any():
            x = apply_along(x, matrix, axis)
    if input.dtype == jnp.uint8 and x.dtype != input.dtype:
        x = jnp.clip(jnp.round(x), 0, 255)
    return x.astype(input.dtype)


@op()
def affine_grid(theta: Array, size: Dims, align_corners: bool = False) -> Array:
    """The sampling grid of a batch of affine maps. Follows `torch.nn.functional.affine_grid`.

    Shape:
        - theta ``(N, 2, 3)`` or ``(N, 3, 4)``
        - output ``(N, H, W, 2)`` or ``(N, D, H, W, 3)``
    """
    spatial = size[2:]
    lines = []
    for count in spatial:
        line = np.linspace(-1, 1, count) if count > 1 else np.zeros(1)
        lines.append(line if align_corners else line * (count - 1) / count)
    mesh = np.meshgrid(*lines, indexing="ij")
    base = np.stack([*reversed(mesh), np.ones(spatial)], -1).reshape(-1, len(spatial) + 1)
    grid = jnp.einsum("pk,nik->npi", jnp.asarray(base, theta.dtype), theta)
    return grid.reshape(size[0], *spatial, len(spatial))


def _reflected(x: jax.Array, low: float, high: float) -> jax.Array:
    """Fold a coordinate into ``[low, high]`` by mirroring at both ends."""
    if low == high:
        return jnp.zeros_like(x)
    span = high - low
    away = jnp.abs(x - low)
    turns = lax.stop_gradient(jnp.floor(away / span))
    rest = away - turns * span
    return jnp.where(turns % 2 == 0, rest + low, span - rest + low)


def _clipped(x: jax.Array, size: int) -> jax.Array:
    # The derivative at and beyond the border is zero.
    return jnp.where(x <= 0, 0, jnp.where(x >= size - 1, size - 1, x)).astype(x.dtype)


def _source(x: jax.Array, size: int, padding_mode: str, align: bool) -> jax.Array:
    if padding_mode == "border":
        return _clipped(x, size)
    if padding_mode == "reflection":
        low, high = (0.0, size - 1.0) if align else (-0.5, size - 0.5)
        return _clipped(_reflected(x, low, high), size)
    return x


@op()
def grid_sample(
    input: Array,
    grid: Array,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool = False,
) -> Array:
    """Read `input` at the places that `grid` gives in ``[-1, 1]``.

    Follows `torch.nn.functional.grid_sample`.

    Shape:
        - input ``(N, C, *)``, grid ``(N, *out, n)``
        - output ``(N, C, *out)``
    """
    sizes = input.shape[2:]
    n = len(sizes)
    wide_grid = widen(grid)
    places = []
    for d, size in enumerate(sizes):
        x = wide_grid[..., n - 1 - d]
        x = (x + 1) / 2 * (size - 1) if align_corners else ((x + 1) * size - 1) / 2
        places.append(x if mode == "bicubic" else _source(x, size, padding_mode, align_corners))
    table = jnp.moveaxis(widen(input), 1, -1)
    batch = jnp.arange(input.shape[0]).reshape(-1, *([1] * n))

    def read(index: list[jax.Array]) -> jax.Array:
        inside = jnp.ones(index[0].shape, bool)
        safe = []
        for i, size in zip(index, sizes, strict=True):
            inside = inside & (i >= 0) & (i <= size - 1)
            safe.append(jnp.clip(jnp.nan_to_num(i), 0, size - 1).astype(jnp.int32))
        return jnp.where(inside[..., None], table[(batch, *safe)], 0)

    total = 0.0
    if mode == "nearest":
        total = read([lax.stop_gradient(jnp.round(x)) for x in places])
    elif mode == "bicubic":
        base = [lax.stop_gradient(jnp.floor(x)) for x in places]
        part = [x - b for x, b in zip(places, base, strict=True)]

        def weight(t: jax.Array, tap: int) -> jax.Array:
            a = -0.75
            x = t - tap if tap <= 0 else tap - t
            if tap in (0, 1):
                return ((a + 2) * x - (a + 3)) * x * x + 1
            return (((x - 5) * x + 8) * x - 4) * a

        for i in range(-1, 3):
            for j in range(-1, 3):
                index = [
                    _source(b + tap, size, padding_mode, align_corners)
                    for b, tap, size in zip(base, (i, j), sizes, strict=True)
                ]
                index = [lax.stop_gradient(x) for x in index]
                share = weight(part[0], i) * weight(part[1], j)
                total = total + read(index) * share[..., None]
    else:
        base = [lax.stop_gradient(jnp.floor(x)) for x in places]
        part = [x - b for x, b in zip(places, base, strict=True)]
        for corner in range(2**n):
            bits = [(corner >> d) & 1 for d in range(n)]
            share = math.prod(
                (p if bit else 1 - p for p, bit in zip(part, bits, strict=True)),
                start=jnp.ones((), wide_grid.dtype),
            )
            index = [b + bit for b, bit in zip(base, bits, strict=True)]
            total = total + read(index) * share[..., None]
    return jnp.moveaxis(total, -1, 1).astype(input.dtype)


# ------------------------------------------------------------------ channels and patches


@op()
def pixel_shuffle(input: Array, upscale_factor: int) -> Array:
    """Turn groups of channels into finer pixels. Follows `torch.nn.functional.pixel_shuffle`."""
    *lead, c, h, w = input.shape
    r = upscale_factor
    x = input.reshape(*lead, c // (r * r), r, r, h, w)
    n = len(lead)
    x = x.transpose(*range(n), n, n + 3, n + 1, n + 4, n + 2)
    return x.reshape(*lead, c // (r * r), h * r, w * r)


@op()
def pixel_unshuffle(input: Array, downscale_factor: int) -> Array:
    """The inverse of :data:`pixel_shuffle`. Follows `torch.nn.functional.pixel_unshuffle`."""
    *lead, c, h, w = input.shape
    r = downscale_factor
    x = input.reshape(*lead, c, h // r, r, w // r, r)
    n = len(lead)
    x = x.transpose(*range(n), n, n + 2, n + 4, n + 1, n + 3)
    return x.reshape(*lead, c * r * r, h // r, w // r)


@op()
def channel_shuffle(input: Array, groups: int) -> Array:
    """Interleave groups of channels. Follows `torch.nn.functional.channel_shuffle`."""
    n, c, *rest = input.shape
    x = input.reshape(n, groups, c // groups, *rest)
    return jnp.swapaxes(x, 1, 2).reshape(input.shape)


def _patches(x: jax.Array, kernel: Dims, dilation: Dims, padding: Dims, stride: Dims) -> jax.Array:
    n, c = x.shape[:2]
    x = jnp.pad(x, ((0, 0), (0, 0), *((p, p) for p in padding)))
    windows = jnp.stack(take_windows(x, kernel, stride, dilation), 2)
    return windows.reshape(n, c * math.prod(kernel), math.prod(windows.shape[3:]))


@op()
def im2col(
    input: Array,
    kernel_size: Dims,
    dilation: Dims = (1,),
    padding: Dims = (0,),
    stride: Dims = (1,),
) -> Array:
    """Every window of an image as a column. Follows `torch.nn.functional.unfold`.

    Shape:
        - input ``(N, C, H, W)``
        - output ``(N, C * kH * kW, windows)``
    """
    two = (spread(v, 2) for v in (kernel_size, dilation, padding, stride))
    return _patches(input, *two)


@op()
def col2im(
    input: Array,
    output_size: Dims,
    kernel_size: Dims,
    dilation: Dims = (1,),
    padding: Dims = (0,),
    stride: Dims = (1,),
) -> Array:
    """Add columns back into an image: the adjoint of :data:`im2col`.

    Follows `torch.nn.functional.fold`.
    """
    kernel, gaps, pads, steps = (spread(v, 2) for v in (kernel_size, dilation, padding, stride))
    size = spread(output_size, 2)
    channels = input.shape[1] // math.prod(kernel)
    image = jax.ShapeDtypeStruct((input.shape[0], channels, *size), input.dtype)
    spreading = jax.linear_transpose(lambda x: _patches(x, kernel, gaps, pads, steps), image)
    return spreading(input)[0]


# -------------------------------------------------------------------------- distances


@op(promote="float")
def cosine_similarity(x1: Array, x2: Array, dim: int = 1, eps: float = 1e-8) -> Array:
    """The cosine of the angle between vectors along `dim`.

    Follows `torch.nn.functional.cosine_similarity`.
    """
    a, b = jnp.broadcast_arrays(widen(x1), widen(x2))
    axis = canonical_dim(dim, a.ndim)
    if a.ndim == 0:
        a, b = a.reshape(1), b.reshape(1)

    def unit(v: jax.Array) -> jax.Array:
        size = norm_along(v, 2, axis, keepdims=True)
        return v / jnp.where(size > eps, size, eps)

    return jnp.sum(unit(a) * unit(b), axis).astype(x1.dtype)


@op(promote="float")
def pairwise_distance(
    x1: Array, x2: Array, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Array:
    """The p-norm of ``x1 - x2 + eps`` over the last dimension.

    Follows `torch.nn.functional.pairwise_distance`.
    """
    difference = widen(x1) - widen(x2) + eps
    norm = norm_along(difference, p, -1, keepdims=keepdim)
    return norm if jnp.iscomplexobj(x1) else norm.astype(x1.dtype)


@op()
def pdist(input: Array, p: float = 2.0) -> Array:
    """The p-norm distance of every pair of rows, ``i < j``.

    Follows `torch.nn.functional.pdist`.

    Shape:
        - input ``(N, M)``
        - output ``(N * (N - 1) / 2,)``
    """
    first, second = np.triu_indices(input.shape[0], 1)
    difference = widen(input)[first] - widen(input)[second]
    if p == 0:
        return jnp.sum((difference != 0).astype(difference.dtype), -1).astype(input.dtype)
    return norm_along(difference, p, -1, keepdims=False).astype(input.dtype)
