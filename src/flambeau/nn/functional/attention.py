"""Attention."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from flambeau._ops import arithmetic, joining, matmul
from flambeau._ops import nn_attention as rows
from flambeau._ops import reductions as reduction_rows
from flambeau._ops import shape as shapes
from flambeau.nn.functional._base import (
    ShapeError,
    Tensor,
    apply,
    cat,
    host_array,
    require_tensor,
    reshape,
    run,
    same_dtype,
    select,
    squeeze,
    transpose,
    unsqueeze,
)
from flambeau.nn.functional.dropout import dropout
from flambeau.nn.functional.linear import linear

__all__ = ["multi_head_attention_forward", "scaled_dot_product_attention"]


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """``softmax(query @ key.T * scale + attn_mask) @ value``.

    Follows `torch.nn.functional.scaled_dot_product_attention`. A boolean mask says where to
    look; rows that may look nowhere give zeros.

    Shape:
        - query ``(*, L, E)``, key ``(*, S, E)``, value ``(*, S, V)``, attn_mask ``(*, L, S)``
        - output ``(*, L, V)``

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: shapes, dtypes or arguments do not fit.

    Example:
        >>> import flambeau as torch
        >>> q = torch.zeros(1, 2, 4)
        >>> v = torch.tensor([[[1.0], [3.0]]])
        >>> torch.nn.functional.scaled_dot_product_attention(q, q, v, is_causal=True)
        tensor([[[1.],
                 [2.]]])
    """
    if hasattr(attn_mask, "_materialize"):  # a CausalBias, which was made on the CPU
        if is_causal:
            raise ValueError("CausalBias should not be used with causal=True")
        attn_mask = attn_mask._materialize(query.device)
    require_tensor("scaled_dot_product_attention", query=query, key=key, value=value)
    same_dtype("scaled_dot_product_attention", query=query, key=key, value=value)
    if min(query.ndim, key.ndim, value.ndim) < 2:
        raise RuntimeError(
            "scaled_dot_product_attention: Expected query, key, and value to all be at least 2 "
            f"dimensional, but got query.dim(): {query.ndim}, key.dim(): {key.ndim} and "
            f"value.dim(): {value.ndim} instead."
        )
    if query.shape[-1] != key.shape[-1] or key.shape[-2] != value.shape[-2]:
        raise ShapeError(
            "scaled_dot_product_attention: query (*, L, E), key (*, S, E) and value (*, S, V) do "
            f"not fit: {tuple(query.shape)}, {tuple(key.shape)}, {tuple(value.shape)}"
        )
    if is_causal and attn_mask is not None:
        raise RuntimeError(
            "_scaled_dot_product_attention: Explicit attn_mask should not be set when "
            "is_causal=True"
        )
    if attn_mask is not None:
        kind = attn_mask.dtype
        if str(kind) != "torch.bool" and kind is not query.dtype:
            raise RuntimeError(
                "Expected attn_mask dtype to be bool or float or to match query dtype, but got "
                f"attn_mask.dtype: {kind} and  query.dtype: {query.dtype} instead."
            )
    if enable_gqa and query.shape[-3] % key.shape[-3]:
        raise RuntimeError(
            "Number of heads in key and value must divide the number of heads in query, but got "
            f"{key.shape[-3]} and {query.shape[-3]}"
        )
    static = {
        "is_causal": bool(is_causal),
        "scale": None if scale is None else float(scale),
        "enable_gqa": bool(enable_gqa),
    }
    if dropout_p > 0.0:
        return apply(
            rows.scaled_dot_product_attention_dropout,
            query,
            key,
            value,
            attn_mask,
            float(dropout_p),
            **static,
        )
    return apply(rows.scaled_dot_product_attention, query, key, value, attn_mask, **static)


def _canonical_mask(mask: Tensor | None, name: str, dtype: Any, check: Any = None) -> Tensor | None:
    """A mask to be added: boolean ones become minus infinity where they are True."""
    if mask is None:
        return None
    boolean = str(mask.dtype) == "torch.bool"
    if not boolean and not mask.dtype.is_floating_point:
        raise AssertionError(f"only bool and floating types of {name} are supported")
    if check is not None and check is not mask.dtype:
        warnings.warn(
            f"Support for mismatched {name} and attn_mask is deprecated. Use same type for both "
            "instead.",
            stacklevel=3,
        )
    return apply(rows.additive_mask, mask, dtype=dtype.numpy) if boolean else mask


def _check_ranks(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    key_padding_mask: Tensor | None,
    attn_mask: Tensor | None,
    num_heads: int,
) -> bool:
    """Whether there is a batch dimension.

    Raises:
        AssertionError: the ranks do not fit, as PyTorch has it.
    """
    if query.ndim == 3:
        kind, n = "batched", 3
    elif query.ndim == 2:
        kind, n = "unbatched", 2
    else:
        raise AssertionError(
            "query should be unbatched 2D or batched 3D tensor but received "
            f"{query.ndim}-D query tensor"
        )
    if key.ndim != n or value.ndim != n:
        raise AssertionError(
            f"For {kind} (3-D) `query`, expected `key` and `value` to be {n}-D but found "
            f"{key.ndim}-D and {value.ndim}-D tensors respectively"
        )
    if key_padding_mask is not None and key_padding_mask.ndim != n - 1:
        raise AssertionError(
            f"For {kind} (3-D) `query`, expected `key_padding_mask` to be `None` or {n - 1}-D but "
            f"found {key_padding_mask.ndim}-D tensor instead"
        )
    if attn_mask is not None:
        if attn_mask.ndim not in (2, 3):
            raise AssertionError(
                f"For {kind} (3-D) `query`, expected `attn_mask` to be `None`, 2-D or 3-D but "
                f"found {attn_mask.ndim}-D tensor instead"
            )
        if n == 2 and attn_mask.ndim == 3:
            expected = (num_heads, query.shape[0], key.shape[0])
            if tuple(attn_mask.shape) != expected:
                raise AssertionError(
                    f"Expected `attn_mask` shape to be {expected} but got {attn_mask.shape}"
                )
    return n == 3


def _in_projections(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    weight: Tensor,
    bias: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """The packed projection; one product for all three where they are one tensor."""
    width = query.shape[-1]

    def part(x: Tensor | None, start: int, stop: int) -> Tensor | None:
        if x is None:
            return None
        return run(
            shapes.slice,
            (x,),
            (("dim", 0), ("start", start * width), ("end", stop * width), ("step", 1)),
        )

    def thirds(x: Tensor, n: int) -> list[Tensor]:
        split = reshape(x, (*x.shape[:-1], n, x.shape[-1] // n))
        return [select(split, -2, i) for i in range(n)]

    if key is value:
        if query is key:
            q, k, v = thirds(linear(query, weight, bias), 3)
            return q, k, v
        w_kv, b_kv = part(weight, 1, 3), part(bias, 1, 3)
        assert w_kv is not None
        k, v = thirds(linear(key, w_kv, b_kv), 2)
        w_q = part(weight, 0, 1)
        assert w_q is not None
        return linear(query, w_q, part(bias, 0, 1)), k, v
    found = []
    for i, x in enumerate((query, key, value)):
        w = part(weight, i, i + 1)
        assert w is not None
        found.append(linear(x, w, part(bias, i, i + 1)))
    return found[0], found[1], found[2]


def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """Project, attend with several heads, project back.

    Follows `torch.nn.functional.multi_head_attention_forward`.

    Shape:
        - query ``(L, N, E)`` or ``(L, E)``, key and value ``(S, N, E)`` or ``(S, E)``
        - output like query; weights ``(N, L, S)``, or ``(N, heads, L, S)`` if not averaged

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: the tensors hold integers or bools.

    Example:
        >>> import flambeau as torch
        >>> x, w, b = torch.ones(3, 1, 2), torch.ones(6, 2), torch.zeros(6)
        >>> y, attention = torch.nn.functional.multi_head_attention_forward(
        ...     x, x, x, 2, 1, w, b, None, None, False, 0.0, torch.eye(2), torch.zeros(2)
        ... )
        >>> y.shape, attention.sum(-1)
        (torch.Size([3, 1, 2]), tensor([[1., 1., 1.]]))
    """
    batched = _check_ranks(query, key, value, key_padding_mask, attn_mask, num_heads)
    if is_causal and attn_mask is None:
        raise RuntimeError(
            "Need attn_mask if specifying the is_causal hint. Use the Transformer module method "
            "`generate_square_subsequent_mask` to create this mask."
        )
    if is_causal and key_padding_mask is None and not need_weights:
        attn_mask = None
    else:
        is_causal = False
    other = None if attn_mask is None else attn_mask.dtype
    attn_mask = _canonical_mask(attn_mask, "attn_mask", query.dtype)
    padding = _canonical_mask(key_padding_mask, "key_padding_mask", query.dtype, other)
    if not batched:
        same = key is value, query is key
        query = unsqueeze(query, 1)
        key = query if same[1] else unsqueeze(key, 1)
        value = key if same[0] else unsqueeze(value, 1)
        padding = None if padding is None else unsqueeze(padding, 0)
    length, batch, width = query.shape
    if width != embed_dim_to_check:
        raise AssertionError(
            f"was expecting embedding dimension of {embed_dim_to_check}, but got {width}"
        )
    head = width // num_heads
    if head * num_heads != width:
        raise AssertionError(f"embed_dim {width} not divisible by num_heads {num_heads}")
    if use_separate_proj_weight:
        if tuple(key.shape[:2]) != tuple(value.shape[:2]):
            raise AssertionError(
                f"key's sequence and batch dims {tuple(key.shape[:2])} do not match value's "
                f"{tuple(value.shape[:2])}"
            )
        parts: list[Tensor | None] = [None, None, None]
        if in_proj_bias is not None:
            thirds = reshape(in_proj_bias, (3, width))
            parts = [select(thirds, 0, i) for i in range(3)]
        for name, w in (("q", q_proj_weight), ("k", k_proj_weight), ("v", v_proj_weight)):
            if w is None:
                raise AssertionError(
                    f"use_separate_proj_weight is True but {name}_proj_weight is None"
                )
        assert q_proj_weight is not None
        assert k_proj_weight is not None
        assert v_proj_weight is not None
        q = linear(query, q_proj_weight, parts[0])
        k = linear(key, k_proj_weight, parts[1])
        v = linear(value, v_proj_weight, parts[2])
    else:
        if key.shape != value.shape:
            raise AssertionError(f"key shape {key.shape} does not match value shape {value.shape}")
        if in_proj_weight is None:
            raise AssertionError("use_separate_proj_weight is False but in_proj_weight is None")
        q, k, v = _in_projections(query, key, value, in_proj_weight, in_proj_bias)
    source = k.shape[0]
    if attn_mask is not None:
        if attn_mask.ndim == 2:
            if tuple(attn_mask.shape) != (length, source):
                raise RuntimeError(
                    f"The shape of the 2D attn_mask is {attn_mask.shape}, but should be "
                    f"{(length, source)}."
                )
            attn_mask = unsqueeze(attn_mask, 0)
        elif tuple(attn_mask.shape) != (batch * num_heads, length, source):
            raise RuntimeError(
                f"The shape of the 3D attn_mask is {attn_mask.shape}, but should be "
                f"{(batch * num_heads, length, source)}."
            )

    def longer(mask: Tensor | None) -> Tensor | None:
        return None if mask is None else apply(joining.constant_pad_nd, mask, 0, pad=(0, 1))

    if bias_k is not None and bias_v is not None:
        if static_k is not None or static_v is not None:
            raise AssertionError("bias cannot be added to static key and value.")
        size = (1, batch, width)
        k = cat([k, run(shapes.expand, (bias_k,), (("size", size),))])
        v = cat([v, run(shapes.expand, (bias_v,), (("size", size),))])
        attn_mask, padding = longer(attn_mask), longer(padding)

    def heads(x: Tensor) -> Tensor:
        return transpose(reshape(x, (x.shape[0], batch * num_heads, head)), 0, 1)

    q = heads(q)
    k = heads(k) if static_k is None else static_k
    v = heads(v) if static_v is None else static_v
    if add_zero_attn:
        zero = host_array(np.zeros((batch * num_heads, 1, head), k.dtype.numpy), k)
        k, v = cat([k, zero], 1), cat([v, zero], 1)
        attn_mask, padding = longer(attn_mask), longer(padding)
    source = k.shape[1]
    if padding is not None:
        if tuple(padding.shape) != (batch, source):
            raise AssertionError(
                f"expecting key_padding_mask shape of {(batch, source)}, but got {padding.shape}"
            )
        padding = run(
            shapes.expand,
            (reshape(padding, (batch, 1, 1, source)),),
            (("size", (batch, num_heads, 1, source)),),
        )
        padding = reshape(padding, (batch * num_heads, 1, source))
        attn_mask = padding if attn_mask is None else apply(arithmetic.add, attn_mask, padding)
    p = dropout_p if training else 0.0

    def back(x: Tensor) -> Tensor:
        return reshape(transpose(x, 0, 1), (length, batch, num_heads * v.shape[-1]))

    weights = None
    if need_weights:
        weights = apply(rows.attention_weights, q, k, attn_mask, scale=1.0 / math.sqrt(head))
        if p > 0.0:
            weights = dropout(weights, p)
        out = apply(matmul.bmm, weights, v)
        out = linear(back(out), out_proj_weight, out_proj_bias)
        weights = reshape(weights, (batch, num_heads, length, source))
        if average_attn_weights:
            weights = apply(reduction_rows.mean, weights, dim=(1,))
        if not batched:
            out, weights = squeeze(out, 1), squeeze(weights, 0)
        return out, weights
    out = scaled_dot_product_attention(q, k, v, attn_mask, p, is_causal)
    out = linear(back(out), out_proj_weight, out_proj_bias)
    return (out if batched else squeeze(out, 1)), None
