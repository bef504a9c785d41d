"""Gradients kept within bounds, all of them in one operation."""

from __future__ import annotations

import math

import jax.numpy as jnp

from flambeau._ops.registry import Array, Arrays, Scalar, op


def _norm(x: Array, order: float) -> Array:
    # Half precision would overflow where the norm itself does not.
    size = jnp.abs(x).astype(jnp.promote_types(jnp.abs(x).dtype, jnp.float32)).reshape(-1)
    if math.isinf(order):
        if size.size == 0:
            return jnp.zeros((), size.dtype)
        return jnp.max(size) if order > 0 else jnp.min(size)
    if order == 0:
        return jnp.sum(size != 0).astype(size.dtype)
    if order == 1:
        return jnp.sum(size)
    if order == 2:
        return jnp.sqrt(jnp.sum(size * size))
    return jnp.sum(size**order) ** (1 / order)


@op(differentiable=False)
def total_norm(tensors: Arrays, norm_type: float) -> Array:
    """The norm of all tensors together, as if they were one vector.

    Follows ``torch.nn.utils.get_total_norm``.
    """
    dtype = jnp.result_type(*(jnp.abs(t).dtype for t in tensors))
    norms = jnp.stack([_norm(t, norm_type).astype(jnp.float64) for t in tensors])
    return _norm(norms, norm_type).astype(dtype)


@op(differentiable=False)
def scale_to_norm(tensors: Arrays, total: Array, max_norm: Scalar) -> tuple[Array, ...]:
    """The tensors times ``max_norm / total``, or times 1 where that is smaller.

    Follows ``torch.nn.utils.clip_grads_with_norm_``.
    """
    wide = jnp.promote_types(total.dtype, jnp.float32)
    factor = jnp.asarray(max_norm).astype(wide) / (total.astype(wide) + 1e-6)
    factor = jnp.minimum(factor, 1).astype(total.dtype)
    return tuple(t * factor.astype(jnp.abs(t).dtype) for t in tensors)


@op(differentiable=False)
def clip_to_value(tensors: Arrays, bound: Scalar) -> tuple[Array, ...]:
    """The tensors with every element within ``[-bound, bound]``.

    Follows ``torch.nn.utils.clip_grad_value_``.
    """
    return tuple(jnp.clip(t, -bound.astype(t.dtype), bound.astype(t.dtype)) for t in tensors)
