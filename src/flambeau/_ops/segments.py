"""Reductions of consecutive stretches, and counts in boxes of several dimensions."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from flambeau._ops._dims import canonical_dim
from flambeau._ops.registry import Array, Arrays, OptArray, OptScalar, op
from flambeau._ops.sorting import _search


@op()
def segment_reduce(
    data: Array,
    reduce: str,
    lengths: OptArray = None,
    offsets: OptArray = None,
    initial: OptScalar = None,
    *,
    axis: int = 0,
) -> Array:
    r"""Sum, mean, maximum, minimum or product of consecutive stretches along an axis.

    Shape:
        data: (\*, n, \*\*). lengths: (\*, s); offsets: (\*, s + 1). Result: (\*, s, \*\*).
    """
    axis = canonical_dim(axis, data.ndim)
    given = lengths if lengths is not None else offsets
    if given is None:
        raise RuntimeError(
            "segment_reduce(): Either lengths or offsets must be defined, but got neither."
        )
    if given.ndim != axis + 1 or given.shape[:-1] != data.shape[:axis]:
        name = "lengths" if lengths is not None else "offsets"
        raise RuntimeError(
            f"segment_reduce(): Expected {name} of shape {[*data.shape[:axis], 's']} for "
            f"data {list(data.shape)} and axis={axis}, but got {list(given.shape)}"
        )
    if reduce not in ("sum", "mean", "max", "min", "prod"):
        raise RuntimeError(f"segment_reduce(): unsupported reduction given! {reduce}")
    if offsets is None:
        ends = jnp.cumsum(given, -1)
        starts = ends - given
    else:
        starts, ends = given[..., :-1], given[..., 1:]
    body = data
    segments = starts.shape[-1]

    def one(x: Array, first: Array, last: Array) -> Array:
        at = jnp.arange(x.shape[0])
        which = jnp.searchsorted(last, at, side="right")
        inside = (which < segments) & (at >= first[jnp.minimum(which, segments - 1)])
        which = jnp.where(inside, which, segments)
        count = (last - first).reshape((-1,) + (1,) * (x.ndim - 1))
        if reduce in ("sum", "mean"):
            total = jax.ops.segment_sum(x, which, segments)
            if initial is not None:
                total = total + initial
            if reduce == "sum":
                return total
            empty = jnp.asarray(jnp.nan if initial is None else initial, x.dtype)
            mean = total / jnp.maximum(count, 1).astype(x.dtype)
            return jnp.where(count > 0, mean, empty)
        if reduce == "prod":
            total = jax.ops.segment_prod(x, which, segments)
            return total if initial is None else total * initial
        found = (jax.ops.segment_max if reduce == "max" else jax.ops.segment_min)(
            x, which, segments
        )
        if initial is None:
            return found
        return (jnp.maximum if reduce == "max" else jnp.minimum)(found, initial)

    for _ in range(axis):
        one = jax.vmap(one)
    return one(body, starts, ends)


@op(differentiable=False)
def histogramdd(
    input: Array, edges: Arrays, weight: OptArray = None, *, density: bool = False
) -> Array:
    """How many of the points (or which sum of weights) lie in each box between the edges."""
    size = [e.shape[0] - 1 for e in edges]
    points = input.reshape(-1, input.shape[-1])
    inside = jnp.ones(points.shape[0], bool)
    place = jnp.zeros(points.shape[0], int)
    for d, edge in enumerate(edges):
        x = points[:, d]
        at = _search(edge, x, True) - 1
        at = jnp.where(x == edge[-1], size[d] - 1, at)
        inside &= (x >= edge[0]) & (x <= edge[-1])
        place = place * size[d] + at
    total = 1
    for n in size:
        total *= n
    place = jnp.where(inside, place, total)
    counted = jnp.ones(points.shape[0], input.dtype) if weight is None else weight.reshape(-1)
    found = jnp.zeros(total, input.dtype).at[place].add(counted, mode="drop").reshape(size)
    if density:
        found = found / found.sum()
        for d, edge in enumerate(edges):
            shape = [1] * len(size)
            shape[d] = -1
            found = found / jnp.diff(edge).reshape(shape)
    return found
