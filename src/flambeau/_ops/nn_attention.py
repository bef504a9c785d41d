"""Scaled dot-product attention."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from flambeau._ops._nn import HALF, widen
from flambeau._ops._prng import generator
from flambeau._ops.registry import Array, DType, OptArray, Scalar, op
from flambeau._ops.target import current


def _shares(
    query: jax.Array,
    key: jax.Array,
    attn_mask: OptArray,
    is_causal: bool,
    scale: float | None,
) -> tuple[jax.Array, jax.Array]:
    """What each value counts, before and for the division by the total: ``(shares, total)``."""
    if scale is None:
        scale = 1.0 / math.sqrt(query.shape[-1])
    if query.dtype in HALF:
        wide = widen(query).dtype if query.dtype == key.dtype else None
        scores = widen(_by_rows(query, key, preferred_element_type=wide)) * scale
    else:
        scores = _by_rows(query * scale, key)
    if is_causal:
        row = lax.broadcasted_iota(jnp.int32, scores.shape[-2:], 0)
        column = lax.broadcasted_iota(jnp.int32, scores.shape[-2:], 1)
        scores = jnp.where(row >= column, scores, -jnp.inf)
    if attn_mask is not None:
        if attn_mask.dtype == bool:
            scores = jnp.where(attn_mask, scores, -jnp.inf)
        else:
            scores = scores + widen(attn_mask)
    top = lax.stop_gradient(jnp.max(scores, -1, keepdims=True))
    if attn_mask is None:
        shifted = jnp.exp(scores - top)
        return shifted, jnp.sum(shifted, -1, keepdims=True)
    # A row without a single key gives zeros, not NaN.
    empty = top == -jnp.inf
    shifted = jnp.exp(scores - jnp.where(empty, 0, top))
    total = jnp.sum(shifted, -1, keepdims=True)
    return shifted, jnp.where(empty, 1, total)


def _by_rows(x: jax.Array, y: jax.Array, **how: Any) -> jax.Array:
    """``x @ y.T``, without `y.T` in memory."""
    return jnp.einsum("...ld,...sd->...ls", x, y, **how)


def _weights(*args: Any) -> jax.Array:
    shares, total = _shares(*args)
    return shares / total


def _grouped(key: jax.Array, query: jax.Array, enable_gqa: bool) -> jax.Array:
    repeats = query.shape[-3] // key.shape[-3] if enable_gqa else 1
    return key if repeats == 1 else jnp.repeat(key, repeats, axis=-3)


@op()
def scaled_dot_product_attention(
    query: Array,
    key: Array,
    value: Array,
    attn_mask: OptArray = None,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Array:
    """``softmax(query @ key.T * scale + mask) @ value``.

    Follows `torch.nn.functional.scaled_dot_product_attention` without dropout.

    Shape:
        - query ``(*, L, E)``, key ``(*, S, E)``, value ``(*, S, V)``, attn_mask ``(*, L, S)``
        - output ``(*, L, V)``
    """
    if _in_one_kernel(query, key, value, attn_mask, is_causal, enable_gqa=enable_gqa):
        return _one_kernel(query, key, value, is_causal, scale, enable_gqa)
    return _written_out(query, key, value, attn_mask, is_causal, scale, enable_gqa)


def _written_out(
    query: jax.Array,
    key: jax.Array,
    value: jax.Array,
    attn_mask: OptArray,
    is_causal: bool,
    scale: float | None,
    enable_gqa: bool,
) -> jax.Array:
    keys, values = _grouped(key, query, enable_gqa), _grouped(value, query, enable_gqa)
    parts = [
        _attended(*part, attn_mask=mask, is_causal=is_causal, scale=scale)[0]
        for part, mask in _split((query, keys, values), attn_mask)
    ]
    return _joined(parts)


def _attended(
    query: jax.Array, key: jax.Array, value: jax.Array, **how: Any
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The output, and the shares and their total of :func:`_shares`."""
    shares, total = _shares(query, key, **how)
    # Dividing the few results costs less than dividing the many weights.
    out = widen(jnp.matmul(shares.astype(value.dtype), value)) / total
    return out.astype(value.dtype), shares, total


SPLIT = 1 << 17
"""From so many scores on, a CPU has them in two parts."""


def _split(
    arrays: tuple[jax.Array, ...], attn_mask: OptArray
) -> list[tuple[tuple[jax.Array, ...], OptArray]]:
    """Two halves of the batch on a CPU, where products of many small matrices take one core each.

    Heads usually were second to last and are second: halves are taken from that order, so that
    the transposes around attention stay part of what is read and written anyway.
    """
    query, key, _ = arrays
    n, scores = query.shape[0], math.prod(query.shape[:-1]) * key.shape[-2]
    alike = all(x.ndim == 4 and x.shape[0] == n for x in arrays)
    alike = alike and (attn_mask is None or attn_mask.ndim <= 4)
    if not current().on_cpu or not alike or n < 2 or scores < SPLIT:
        return [(arrays, attn_mask)]
    masks: list[OptArray] = [attn_mask, attn_mask]
    if attn_mask is not None and attn_mask.ndim == 4 and attn_mask.shape[0] > 1:
        masks = [attn_mask[: n // 2], attn_mask[n // 2 :]]
    halves = zip(*map(_halves, arrays), strict=True)
    return list(zip(halves, masks, strict=True))


def _halves(x: jax.Array) -> list[jax.Array]:
    n, turned = x.shape[0] // 2, _turned(x)
    return [_turned(turned[:n]), _turned(turned[n:])]


def _turned(x: jax.Array) -> jax.Array:
    return jnp.swapaxes(x, 1, 2)


def _joined(parts: list[jax.Array]) -> jax.Array:
    return parts[0] if len(parts) == 1 else _turned(jnp.concatenate([_turned(p) for p in parts]))


def _in_one_kernel(
    query: jax.Array, key: jax.Array, value: jax.Array, attn_mask: OptArray = None,
    is_causal: bool = False, *, enable_gqa: bool = False, **static: Any,
) -> bool:  # fmt: skip
    """Whether cuDNN's attention is there and takes these arguments."""
    if not current().fused_attention or attn_mask is not None:
        return False
    if not query.dtype == key.dtype == value.dtype or query.dtype not in HALF:
        return False
    if not query.ndim == key.ndim == value.ndim == 4 or key.shape != value.shape:
        return False
    (batch, heads, length, width), (others, groups, steps, _) = query.shape, key.shape
    fits = batch == others and (heads % groups == 0 if enable_gqa else heads == groups)
    # Its causal mask is PyTorch's where both lengths are one.
    return fits and width % 8 == 0 and width <= 128 and (length == steps or not is_causal)


def _cudnn(is_causal: bool, scale: float | None) -> Any:
    """Attention by cuDNN, a function of queries, keys and values, with heads second."""

    def attend(query: jax.Array, key: jax.Array, value: jax.Array) -> jax.Array:
        last = [jnp.swapaxes(x, 1, 2) for x in (query, key, value)]
        # With what a backward needs, always: then the forward is one kernel whoever asks.
        out, _ = jax.nn.dot_product_attention(
            *last, scale=scale, is_causal=is_causal, implementation="cudnn", return_residual=True
        )
        return jnp.swapaxes(out, 1, 2)

    return attend


def _one_kernel(
    query: jax.Array,
    key: jax.Array,
    value: jax.Array,
    is_causal: bool,
    scale: float | None,
    enable_gqa: bool,
) -> jax.Array:
    """Attention by cuDNN; its derivatives are those of the form that is written out."""
    attend = jax.custom_jvp(_cudnn(is_causal, scale))

    @attend.defjvp
    def _(points: Any, along: Any) -> Any:
        plain = lambda q, k, v: _written_out(q, k, v, None, is_causal, scale, enable_gqa)
        return jax.jvp(plain, points, along)

    return attend(query, key, value)


def _closed(
    query: jax.Array, key: jax.Array, value: jax.Array, attn_mask: OptArray = None,
    is_causal: bool = False, *, enable_gqa: bool = False, **static: Any,
) -> bool:  # fmt: skip
    """Whether the backward by hand takes these arguments: cuDNN's, or a CPU's."""
    if not current().on_cpu:
        return _in_one_kernel(query, key, value, attn_mask, is_causal, enable_gqa=enable_gqa)
    heads = query.shape[:-2] == key.shape[:-2] == value.shape[:-2]
    exact = query.dtype == key.dtype == value.dtype and query.dtype not in HALF
    if not heads or not exact or attn_mask is None:
        return heads and exact
    scores = (*query.shape[:-1], key.shape[-2])
    return attn_mask.dtype == bool and jnp.broadcast_shapes(attn_mask.shape, scores) == scores


def _attention_forward(
    query: Array, key: Array, value: Array, attn_mask: OptArray, is_causal: bool = False, *,
    scale: float | None = None, **static: Any,
) -> tuple[Array, Any]:  # fmt: skip
    if not current().on_cpu:
        return jax.vjp(_cudnn(is_causal, scale), query, key, value)
    parts = []
    for part, mask in _split((query, key, value), attn_mask):
        out, *rest = _attended(*part, attn_mask=mask, is_causal=is_causal, scale=scale)
        parts.append((*part, out, *rest))
    return _joined([part[3] for part in parts]), parts


def _attention_backward(
    saved: Any, cotangent: Array, *, scale: float | None = None, **static: Any
) -> tuple[Any, ...]:
    if not isinstance(saved, list):
        return (*saved(cotangent), None)
    if scale is None:
        scale = 1.0 / math.sqrt(saved[0][0].shape[-1])
    givens = [cotangent] if len(saved) == 1 else _halves(cotangent)
    parts = [_part_backward(part, given, scale) for part, given in zip(saved, givens, strict=True)]
    by_query, by_key, by_value = (_joined(list(x)) for x in zip(*parts, strict=True))
    return by_query, by_key, by_value, None


def _part_backward(saved: Any, by_out: jax.Array, scale: float) -> tuple[jax.Array, ...]:
    """The gradients of queries, keys and values, with shares that are not divided yet."""
    query, key, value, out, shares, total = saved
    by_sum = by_out / total
    by_scores = shares * (_by_rows(by_sum, value) - jnp.sum(by_sum * out, -1, keepdims=True))
    # With the many scores as the right operand: as the left one it would be read across memory.
    by_value = _across(by_sum, shares)
    by_key = _across(query * scale, by_scores)
    return jnp.matmul(by_scores, key) * scale, by_key, by_value


def _across(rows: jax.Array, scores: jax.Array) -> jax.Array:
    """``scores.T @ rows``."""
    return jnp.swapaxes(jnp.einsum("...ld,...ls->...ds", rows, scores), -1, -2)


scaled_dot_product_attention.set_gradient(_attention_forward, _attention_backward, _closed)


@op()
def attention_weights(
    query: Array,
    key: Array,
    attn_mask: OptArray = None,
    is_causal: bool = False,
    *,
    scale: float | None = None,
) -> Array:
    """The weights that :data:`scaled_dot_product_attention` gives to each value."""
    return _weights(query, key, attn_mask, is_causal, scale).astype(query.dtype)


@op()
def additive_mask(mask: Array, dtype: DType) -> Array:
    """A boolean mask as numbers to add: minus infinity where True, zero elsewhere."""
    return jnp.where(mask, -jnp.inf, 0).astype(dtype)


@op()
def zero_padding(input: Array, padded: Array, aligned_only: bool = True) -> Array:
    """Zeros where `padded` is True, in a batch of sequences.

    With `aligned_only` nothing changes unless every sequence is padded at its end only.

    Shape:
        - input ``(N, S, E)``, padded ``(N, S)``
    """
    where = padded
    if aligned_only:
        where = padded & jnp.all(padded[:, 1:] >= padded[:, :-1])
    return jnp.where(where[..., None], jnp.zeros((), input.dtype), input)


@op(random=True)
def scaled_dot_product_attention_dropout(
    key: Array,
    query: Array,
    keys: Array,
    value: Array,
    attn_mask: OptArray = None,
    dropout_p: Scalar = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Array:
    """:data:`scaled_dot_product_attention` with dropout of the weights."""
    k, v = _grouped(keys, query, enable_gqa), _grouped(value, query, enable_gqa)
    weights = _weights(query, k, attn_mask, is_causal, scale)
    p = jnp.asarray(dropout_p, weights.dtype)
    draw = jax.random.uniform(generator(key), weights.shape, jnp.float32)
    kept = jnp.where(p < 1, 1 / jnp.where(p < 1, 1 - p, 1), 0)
    weights = weights * jnp.where(draw >= p.astype(jnp.float32), kept, 0)
    return jnp.matmul(weights.astype(value.dtype), v)
