"""Linear maps and table look-ups."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from flambeau._ops._nn import dot_last, dot_last_gradients, widen
from flambeau._ops.registry import Array, OptArray, op


@op()
def linear(input: Array, weight: Array, bias: OptArray = None) -> Array:
    """``input @ weight.T + bias``, as one two-dimensional product.

    Follows `torch.nn.functional.linear`.

    Shape:
        - input ``(*, in_features)``, weight ``(out_features, in_features)`` or
          ``(in_features,)``, bias ``(out_features,)`` or ``()``
        - output ``(*, out_features)`` or ``(*)``
    """
    if weight.ndim == 1:
        out = dot_last(input, weight[None])[..., 0]
    else:
        out = dot_last(input, weight)
    return out if bias is None else out + bias


def _linear_forward(input: Array, weight: Array, bias: OptArray = None) -> tuple[Array, Any]:
    return linear(input, weight, bias), (input, weight, bias)


def _linear_backward(saved: Any, cotangent: Array) -> tuple[Any, ...]:
    input, weight, bias = saved
    matrix = weight if weight.ndim == 2 else weight[None]
    by_input, by_weight = dot_last_gradients(input, matrix, cotangent)
    by_bias = None
    if bias is not None:
        rows = cotangent.reshape(-1, matrix.shape[0])
        by_bias = jnp.sum(rows, 0 if bias.size == matrix.shape[0] else None).reshape(bias.shape)
    return by_input, by_weight.reshape(weight.shape), by_bias


# The derived product for the weight reads both operands across their rows.
linear.set_gradient(
    _linear_forward,
    _linear_backward,
    lambda input, weight, bias=None: (
        input.dtype == weight.dtype
        and (bias is None or bias.ndim < 2)
        and not jnp.iscomplexobj(input)
    ),
)


@op()
def bilinear(input1: Array, input2: Array, weight: Array, bias: OptArray = None) -> Array:
    """``input1 @ weight[o] @ input2`` for every output feature ``o``.

    Follows `torch.nn.functional.bilinear`.

    Shape:
        - input1 ``(*, in1)``, input2 ``(*, in2)``, weight ``(out, in1, in2)``, bias ``(out,)``
        - output ``(*, out)``
    """
    n_out, n_first, n_second = weight.shape
    by_second = dot_last(widen(input2), widen(weight).reshape(n_out * n_first, n_second))
    by_second = by_second.reshape(*input2.shape[:-1], n_out, n_first)
    out = jnp.sum(by_second * widen(input1)[..., None, :], -1)
    return (out if bias is None else out + widen(bias)).astype(input1.dtype)


def _rows_of(
    weight: jax.Array, indices: jax.Array, padding_idx: int | None, by_frequency: bool
) -> jax.Array:
    # An index outside the table cannot raise inside a program: it reads as NaN.
    indices = indices.astype(jnp.int64)
    out = weight.at[indices].get(mode="fill", wrap_negative_indices=False)
    if by_frequency:
        flat = indices.reshape(-1)
        counts = jnp.zeros(weight.shape[0], weight.dtype).at[flat].add(1, mode="drop")
        count = jnp.take(counts, indices, mode="clip")[..., None]
        held = lax.stop_gradient(out)
        out = held + (out - held) / jnp.maximum(count, 1)
    if padding_idx is not None:
        out = jnp.where((indices == padding_idx)[..., None], lax.stop_gradient(out), out)
    return out


@op(positions="indices", along=0)
def embedding(
    weight: Array,
    indices: Array,
    padding_idx: int | None = None,
    scale_grad_by_freq: bool = False,
) -> Array:
    """The rows of `weight` at `indices`. Row `padding_idx` gets no gradient.

    Follows `torch.embedding`; `scale_grad_by_freq` divides a row's gradient by how often
    it was looked up.

    Shape:
        - weight ``(rows, width)``, indices ``(*)``
        - output ``(*, width)``
    """
    return _rows_of(weight, indices, padding_idx, scale_grad_by_freq)


@op()
def embedding_renorm(
    weight: Array, indices: Array, max_norm: float, norm_type: float = 2.0
) -> Array:
    """`weight` with the rows named in `indices` scaled down to a norm of at most `max_norm`.

    Follows `torch.embedding_renorm_`.
    """
    wide = widen(weight)
    norm = jnp.linalg.norm(wide, norm_type, axis=1)
    scale = jnp.where(norm > max_norm, max_norm / (norm + 1e-7), 1.0)
    used = jnp.zeros(weight.shape[0], bool).at[indices.reshape(-1)].set(True, mode="drop")
    return jnp.where(used[:, None], (wide * scale[:, None]).astype(weight.dtype), weight)


@op(positions="indices", along=0)
def embedding_bag(
    weight: Array,
    indices: Array,
    offsets: OptArray = None,
    per_sample_weights: OptArray = None,
    *,
    mode: str = "mean",
    scale_grad_by_freq: bool = False,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Array:
    """Sum, mean or maximum of the rows of `weight` that fall in one bag.

    Follows `torch.nn.functional.embedding_bag`: bags are the rows of two-dimensional
    `indices`, or begin at `offsets` in one-dimensional ones. Empty bags give zeros.
    """
    if offsets is None:
        n_bags, size = indices.shape
        flat = indices.reshape(-1)
        bag = jnp.repeat(jnp.arange(n_bags), size, total_repeat_length=n_bags * size)
    else:
        flat = indices
        n_bags = offsets.shape[0] - (1 if include_last_offset else 0)
        bag = jnp.searchsorted(offsets, jnp.arange(flat.shape[0]), side="right") - 1
    rows = widen(_rows_of(weight, flat, padding_idx, scale_grad_by_freq))
    counted = jnp.ones(flat.shape, bool) if padding_idx is None else flat != padding_idx
    counts = jax.ops.segment_sum(counted.astype(jnp.int32), bag, n_bags)[:, None]
    if mode == "max":
        rows = jnp.where(counted[:, None], rows, -jnp.inf)
        best = jax.ops.segment_max(lax.stop_gradient(rows), bag, n_bags)
        # The gradient goes to the first of several equal maxima, so gather from its place.
        order = jnp.arange(flat.shape[0])[:, None]
        hit = (rows == best[bag]) & counted[:, None]
        first = jax.ops.segment_min(jnp.where(hit, order, flat.shape[0]), bag, n_bags)
        out = jnp.take_along_axis(rows, jnp.clip(first, 0, max(flat.shape[0] - 1, 0)), 0)
        out = jnp.where(counts > 0, out, 0)
    else:
        if per_sample_weights is not None:
            rows = rows * widen(per_sample_weights).reshape(-1, 1)
        rows = jnp.where(counted[:, None], rows, 0)
        out = jax.ops.segment_sum(rows, bag, n_bags)
        if mode == "mean":
            out = out / jnp.maximum(counts, 1)
    return out.astype(weight.dtype)
