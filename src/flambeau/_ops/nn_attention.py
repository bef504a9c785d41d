"""Scaled dot-product attention."""

from __future__ import annotations

import functools
import itertools
import math
import operator
from typing import Any, NamedTuple

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
    first: int = 0,
) -> tuple[jax.Array, jax.Array]:
    """What each value counts, before and for the division by the total: ``(shares, total)``.

    `first` is the place of the first query among all of them.
    """
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
        scores = jnp.where(row + first >= column, scores, -jnp.inf)
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
    parts = _parts(query, keys, values, attn_mask, is_causal)
    how = {"attn_mask": attn_mask, "is_causal": is_causal, "scale": scale}
    return _joined(parts, [_attended(part, query, keys, values, **how)[0] for part in parts])


SPLIT = 1 << 17
"""From so many scores on, a CPU has them in parts."""


class _Part(NamedTuple):
    """Some samples of a batch, some of their queries, and the keys that these look at."""

    samples: slice
    queries: slice
    keys: slice

    def of(self, x: jax.Array, places: slice) -> jax.Array:
        """The part of `x` at some places; all of `x` where the part is the whole.

        Heads usually were second to last and are second: parts are taken from that order, so
        that the transposes around attention stay part of what is read and written anyway.
        """
        return x if self == WHOLE else _turned(_turned(x)[self.samples, places])

    def taken(
        self, query: jax.Array, key: jax.Array, value: jax.Array
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        """The part of queries, keys and values."""
        return self.of(query, self.queries), self.of(key, self.keys), self.of(value, self.keys)


WHOLE = _Part(slice(None), slice(None), slice(None))


def _parts(
    query: jax.Array, key: jax.Array, value: jax.Array, attn_mask: OptArray, is_causal: bool
) -> list[_Part]:
    """In which parts a CPU has the scores.

    Halves of the batch, as products of many small matrices take one core each. Of causal
    attention blocks of queries, so that the keys that come after all of them are left out.
    """
    n, length, scores = query.shape[0], query.shape[-2], math.prod(query.shape[:-1]) * key.shape[-2]
    alike = all(x.ndim == 4 and x.shape[0] == n for x in (query, key, value))
    alike = alike and (attn_mask is None or attn_mask.ndim <= 4)
    if not current().on_cpu or not alike or scores < SPLIT:
        return [WHOLE]
    square = is_causal and attn_mask is None and length == key.shape[-2]
    blocks = 1 if not square or length < 128 else 2 if length < 512 else 4
    edges = [length * i // blocks for i in range(blocks + 1)]
    queries = [slice(a, b) for a, b in itertools.pairwise(edges)] if blocks > 1 else [slice(None)]
    samples = [slice(0, n // 2), slice(n // 2, n)] if n > 1 and blocks < 4 else [slice(None)]
    return [_Part(s, q, slice(q.stop) if square else slice(None)) for s in samples for q in queries]


def _attended(
    part: _Part, query: jax.Array, key: jax.Array, value: jax.Array, attn_mask: OptArray, **how: Any
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """A part's output, and the shares and their total of :func:`_shares`."""
    query, key, value = part.taken(query, key, value)
    if attn_mask is not None and attn_mask.ndim == 4 and attn_mask.shape[0] > 1:
        attn_mask = attn_mask[part.samples]
    shares, total = _shares(query, key, attn_mask, first=part.queries.start or 0, **how)
    # Dividing the few results costs less than dividing the many weights.
    out = widen(jnp.matmul(shares.astype(value.dtype), value)) / total
    return out.astype(value.dtype), shares, total


def _turned(x: jax.Array) -> jax.Array:
    return jnp.swapaxes(x, 1, 2)


def _joined(parts: list[_Part], found: list[jax.Array], *, keys: bool = False) -> jax.Array:
    """What was found for each part's queries, or for its keys, as one array."""
    if parts == [WHOLE]:
        return found[0]
    samples: dict[int, list[jax.Array]] = {}
    for part, x in zip(parts, found, strict=True):
        samples.setdefault(part.samples.start or 0, []).append(_turned(x))
    join = _sum_of_beginnings if keys else _side_by_side
    return _turned(jnp.concatenate([join(blocks) for blocks in samples.values()]))


def _side_by_side(blocks: list[jax.Array]) -> jax.Array:
    return jnp.concatenate(blocks, 1)


def _sum_of_beginnings(blocks: list[jax.Array]) -> jax.Array:
    """The sum of arrays of which each has as many rows as the one before it, or more."""
    edges = [0, *(x.shape[1] for x in blocks)]
    sums = [
        functools.reduce(operator.add, [x[:, a:b] for x in blocks[i:]])
        for i, (a, b) in enumerate(itertools.pairwise(edges))
    ]
    return jnp.concatenate(sums, 1)


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
    parts = _parts(query, key, value, attn_mask, is_causal)
    how = {"attn_mask": attn_mask, "is_causal": is_causal, "scale": scale}
    found = [_attended(part, query, key, value, **how) for part in parts]
    return _joined(parts, [out for out, *_ in found]), (query, key, value, attn_mask, found)


def _attention_backward(
    saved: Any, cotangent: Array, *, is_causal: bool = False, scale: float | None = None,
    **static: Any,
) -> tuple[Any, ...]:  # fmt: skip
    if not isinstance(saved, tuple):
        return (*saved(cotangent), None)
    *given, attn_mask, found = saved
    parts = _parts(*given, attn_mask, is_causal)
    if scale is None:
        scale = 1.0 / math.sqrt(given[0].shape[-1])
    by_part = [
        _part_backward(part.taken(*given), *kept, part.of(cotangent, part.queries), scale)
        for part, kept in zip(parts, found, strict=True)
    ]
    by_query, by_key, by_value = ([by[i] for by in by_part] for i in range(3))
    by_keys = [_joined(parts, by, keys=True) for by in (by_key, by_value)]
    return _joined(parts, by_query), *by_keys, None


def _part_backward(
    given: tuple[jax.Array, ...],
    out: jax.Array,
    shares: jax.Array,
    total: jax.Array,
    by_out: jax.Array,
    scale: float,
) -> tuple[jax.Array, ...]:
    """The gradients of queries, keys and values, with shares that are not divided yet."""
    query, key, value = given
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
