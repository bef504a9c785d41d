"""Small helpers shared by the rows of the neural-network families."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from flambeau._ops.target import current

HALF = (jnp.dtype(jnp.float16), jnp.dtype(jnp.bfloat16))


def widen(x: jax.Array) -> jax.Array:
    """float32 for the half types, the array itself otherwise."""
    return x.astype(jnp.float32) if x.dtype in HALF else x


def in_float32(rule: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
    """Run an elementwise or normalizing rule of one tensor in float32 for the half types."""

    @functools.wraps(rule)
    def run(input: jax.Array, *args: Any, **kwargs: Any) -> jax.Array:
        return rule(widen(input), *args, **kwargs).astype(input.dtype)

    return run


def reduce_loss(x: jax.Array, reduction: str) -> jax.Array:
    """``"none"``, ``"mean"`` or ``"sum"`` over all elements."""
    if reduction == "mean":
        return jnp.mean(x)
    return jnp.sum(x) if reduction == "sum" else x


def spread(value: Sequence[int] | int, n: int) -> tuple[int, ...]:
    """A static argument as one int for each spatial dimension."""
    values = (value,) if isinstance(value, int) else tuple(value)
    return values * n if len(values) == 1 else values


def absolute(x: jax.Array) -> jax.Array:
    """``|x|`` with PyTorch's derivative at zero: zero, where `jnp.abs` has one."""
    return jnp.abs(x) if jnp.iscomplexobj(x) else x * lax.stop_gradient(jnp.sign(x))


def log_sigmoid(x: jax.Array) -> jax.Array:
    """``log(sigmoid(x))``, stable, with its true derivatives at zero."""
    negative = x < 0
    tail = jnp.log1p(jnp.exp(jnp.where(negative, x, -x)))
    return jnp.where(negative, x, 0.0) - tail


def same_value(value: jax.Array, gradient: jax.Array) -> jax.Array:
    """`value` going forward, the derivative of `gradient` going backward."""
    return lax.stop_gradient(value - gradient) + gradient


def channel_axis(ndim: int) -> int:
    """Where a row should have the channels of images while it works on them.

    Last, on a CPU, as convolutions have them there: what stands between two convolutions then
    reads and writes memory in their order, and the transposes at its ends cancel with theirs.
    """
    return ndim - 1 if ndim > 2 and current().on_cpu else 1


def take_windows(
    x: jax.Array,
    kernel: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    behind: int = 0,
) -> list[jax.Array]:
    """The strided slices of the trailing dimensions of `x`, one for each window element.

    Element ``(i, j)`` of slice ``k`` is what the window at ``(i, j)`` holds at its place
    ``k``, in row-major order. `x` is padded already; `behind` dimensions stand behind.
    """
    lead = x.ndim - len(kernel) - behind
    rest = list(x.shape[x.ndim - behind :])
    sizes = [
        (x.shape[lead + d] - dilation[d] * (k - 1) - 1) // stride[d] + 1
        for d, k in enumerate(kernel)
    ]
    slices = []
    for place in itertools.product(*(range(k) for k in kernel)):
        start = [p * dilation[d] for d, p in enumerate(place)]
        stop = [s + (sizes[d] - 1) * stride[d] + 1 for d, s in enumerate(start)]
        slices.append(
            lax.slice(
                x,
                [0] * lead + start + [0] * behind,
                list(x.shape[:lead]) + stop + rest,
                [1] * lead + list(stride) + [1] * behind,
            )
        )
    return slices


def pooled_size(size: int, kernel: int, stride: int, pad: int, dilation: int, ceil: bool) -> int:
    """How many windows fit: PyTorch's rule, the last one starting inside input or left pad."""
    span = size + 2 * pad - dilation * (kernel - 1) - 1
    count = (-(-span // stride) if ceil else span // stride) + 1
    if ceil and (count - 1) * stride >= size + pad:
        count -= 1
    return count


def dot_last(x: jax.Array, weight: jax.Array) -> jax.Array:
    """``x @ weight.T`` on the last dimension of `x`, as one two-dimensional product.

    XLA:CPU runs a flat product well and a batched one badly, and is fastest when both
    operands are contracted over their last dimension.
    """
    lead = x.shape[:-1]
    flat = x if x.ndim == 2 else x.reshape(math.prod(lead), x.shape[-1])
    out = lax.dot_general(flat, weight, (((1,), (1,)), ((), ())))
    return out if x.ndim == 2 else out.reshape(*lead, weight.shape[0])


def turned(x: jax.Array) -> jax.Array:
    """The transpose of a matrix, for a product: on a CPU, written out before it."""
    return lax.optimization_barrier(x.T) if current().on_cpu else x.T


def dot_rows(x: jax.Array, y: jax.Array) -> jax.Array:
    """``x.T @ y``: the sum over rows of their outer products.

    XLA:CPU reads `x` across its rows while it multiplies, on both cores; only where there are
    few columns does it gain from having them written out first.
    """
    if x.shape[1] <= 64:
        return lax.dot(turned(x), y)
    return lax.dot_general(x, y, (((0,), (0,)), ((), ())))


def dot_last_gradients(
    x: jax.Array, weight: jax.Array, cotangent: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """The gradients of :func:`dot_last`, as two-dimensional products in their fast forms."""
    flat = x.reshape(-1, x.shape[-1])
    cotangent = cotangent.reshape(-1, weight.shape[0])
    return lax.dot(cotangent, weight).reshape(x.shape), dot_rows(cotangent, flat)


def apply_along(x: jax.Array, matrix: np.ndarray, axis: int) -> jax.Array:
    """Multiply the dimension `axis` of `x` by a constant ``(out, in)`` matrix."""
    moved = jnp.moveaxis(x, axis, -1)
    return jnp.moveaxis(dot_last(moved, jnp.asarray(matrix, x.dtype)), -1, axis)
