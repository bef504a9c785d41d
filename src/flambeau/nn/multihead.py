"""Multi-head attention."""

from __future__ import annotations

from typing import Any

from flambeau.nn import _core, init
from flambeau.nn import functional as F
from flambeau.nn.functional._base import transpose
from flambeau.nn.linear import Linear
from flambeau.nn.module import Module
from flambeau.nn.parameter import Parameter

__all__ = ["MultiheadAttention", "NonDynamicallyQuantizableLinear"]


class NonDynamicallyQuantizableLinear(Linear):
    """A :class:`Linear` under the name that PyTorch gives to attention's output projection."""


class MultiheadAttention(Module):
    """Attention of several heads, each in its own part of the embedding.

    Args:
        embed_dim: the width of query and output.
        num_heads: how many heads share it.
        dropout: the probability of dropping an attention weight while training.
        bias: whether the projections have biases.
        add_bias_kv: whether to add a learned key and value.
        add_zero_attn: whether to add a key and a value of zeros.
        kdim: the width of the keys; `embed_dim` if None.
        vdim: the width of the values; `embed_dim` if None.
        batch_first: whether the batch comes before the sequence.
        device: where the parameters live.
        dtype: their dtype.

    Shape:
        Query ``(L, N, E)``, key ``(S, N, kdim)``, value ``(S, N, vdim)``; with `batch_first`
        the batch comes first; or all without ``N``. Output like the query, weights
        ``(N, L, S)``.

    Raises:
        ValueError: a size is not positive.
        AssertionError: the heads do not divide the width.

    Example:
        >>> import flambeau as torch
        >>> attention = torch.nn.MultiheadAttention(8, 2)
        >>> x = torch.ones(5, 3, 8)
        >>> out, weights = attention(x, x, x)
        >>> out.shape, weights.shape
        (torch.Size([5, 3, 8]), torch.Size([3, 5, 5]))

    Follows ``torch.nn.MultiheadAttention`` (Vaswani et al., 2017).
    """

    in_proj_weight: Parameter | None
    in_proj_bias: Parameter | None
    bias_k: Parameter | None
    bias_v: Parameter | None

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(
                "embed_dim and num_heads must be greater than 0, got "
                f"embed_dim={embed_dim} and num_heads={num_heads} instead"
            )
        where = {"device": device, "dtype": dtype}
        super().__init__()
        self.embed_dim = embed_dim
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self._qkv_same_embed_dim = self.kdim == embed_dim and self.vdim == embed_dim
        self.num_heads = num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.head_dim = embed_dim // num_heads
        if self.head_dim * num_heads != embed_dim:
            raise AssertionError("embed_dim must be divisible by num_heads")

        def made(*size: int) -> Parameter:
            return Parameter(_core.empty(size, **where))

        if self._qkv_same_embed_dim:
            self.in_proj_weight = made(3 * embed_dim, embed_dim)
            for name in ("q_proj_weight", "k_proj_weight", "v_proj_weight"):
                self.register_parameter(name, None)
        else:
            self.q_proj_weight = made(embed_dim, embed_dim)
            self.k_proj_weight = made(embed_dim, self.kdim)
            self.v_proj_weight = made(embed_dim, self.vdim)
            self.register_parameter("in_proj_weight", None)
        if bias:
            self.in_proj_bias = made(3 * embed_dim)
        else:
            self.register_parameter("in_proj_bias", None)
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias=bias, **where)
        if add_bias_kv:
            self.bias_k = made(1, 1, embed_dim)
            self.bias_v = made(1, 1, embed_dim)
        else:
            self.bias_k = self.bias_v = None
        self.add_zero_attn = add_zero_attn
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        if self._qkv_same_embed_dim:
            init.xavier_uniform_(self.in_proj_weight)
        else:
            for weight in (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
                init.xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            init.constant_(self.in_proj_bias, 0.0)
            init.constant_(self.out_proj.bias, 0.0)
        if self.bias_k is not None:
            init.xavier_normal_(self.bias_k)
        if self.bias_v is not None:
            init.xavier_normal_(self.bias_v)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take a pickled state; very old ones do not say that all widths are the same."""
        state.setdefault("_qkv_same_embed_dim", True)
        super().__setstate__(state)

    def forward(
        self,
        query: Any,
        key: Any,
        value: Any,
        key_padding_mask: Any = None,
        need_weights: bool = True,
        attn_mask: Any = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Any, Any]:
        """Attend from `query` to `key` and `value`.

        Args:
            query: what asks.
            key: what is compared with it.
            value: what is given back.
            key_padding_mask: ``(N, S)``, True (or minus infinity) where keys do not count.
            need_weights: whether to give the attention weights as well.
            attn_mask: ``(L, S)`` or ``(N * heads, L, S)``, True where not to look, or numbers
                to add.
            average_attn_weights: whether the weights are averaged over the heads.
            is_causal: says that `attn_mask` is the causal one.
        """
        swapped = self.batch_first and query.ndim == 3
        if swapped:
            # One tensor stays one tensor, so that it is projected only once.
            same_key, same_value = query is key, key is value
            query = transpose(query, 0, 1)
            key = query if same_key else transpose(key, 0, 1)
            value = key if same_value else transpose(value, 0, 1)
        separate: dict[str, Any] = {}
        if not self._qkv_same_embed_dim:
            separate = {
                "use_separate_proj_weight": True,
                "q_proj_weight": self.q_proj_weight,
                "k_proj_weight": self.k_proj_weight,
                "v_proj_weight": self.v_proj_weight,
            }
        out, weights = F.multi_head_attention_forward(
            query,
            key,
            value,
            self.embed_dim,
            self.num_heads,
            self.in_proj_weight,
            self.in_proj_bias,
            self.bias_k,
            self.bias_v,
            self.add_zero_attn,
            self.dropout,
            self.out_proj.weight,
            self.out_proj.bias,
            training=self.training,
            key_padding_mask=key_padding_mask,
            need_weights=need_weights,
            attn_mask=attn_mask,
            average_attn_weights=average_attn_weights,
            is_causal=is_causal,
            **separate,
        )
        return (transpose(out, 0, 1) if swapped else out), weights
