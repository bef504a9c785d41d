"""The Transformer: encoder, decoder, and both together."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from flambeau._ops import nn_attention
from flambeau._tensor.construct import constant
from flambeau._tensor.core import wrap
from flambeau._tensor.device import place_for
from flambeau._tensor.dtypes import as_dtype, get_default_dtype
from flambeau.nn import _core, init
from flambeau.nn import functional as F
from flambeau.nn.container import ModuleList
from flambeau.nn.dropout import Dropout
from flambeau.nn.functional._base import apply
from flambeau.nn.linear import Linear
from flambeau.nn.module import Module
from flambeau.nn.multihead import MultiheadAttention
from flambeau.nn.normalization import LayerNorm

__all__ = [
    "Transformer",
    "TransformerDecoder",
    "TransformerDecoderLayer",
    "TransformerEncoder",
    "TransformerEncoderLayer",
]

Activation = str | Callable[[Any], Any]


def _activation(activation: Activation) -> Callable[[Any], Any]:
    if not isinstance(activation, str):
        return activation
    if activation == "relu":
        return F.relu
    if activation == "gelu":
        return F.gelu
    raise RuntimeError(f"activation should be relu/gelu, not {activation}")


def _get_clones(module: Module, n: int) -> ModuleList:
    return ModuleList([copy.deepcopy(module) for _ in range(n)])


def _square_subsequent_mask(size: int, device: Any = None, dtype: Any = None) -> Any:
    kind = get_default_dtype() if dtype is None else as_dtype(dtype)
    mask = np.triu(np.full((size, size), -np.inf), 1).astype(kind.numpy)
    return wrap(constant(mask, place_for(device)))


def _is_causal(mask: Any, is_causal: bool | None, size: int | None) -> bool:
    """Whether `mask` is the causal one: as told, else by reading it."""
    if is_causal is not None:
        return is_causal
    if mask is None or size is None or tuple(mask.shape)[-2:] != (size, size):
        return False
    held = np.asarray(mask.detach().float().numpy(force=True))
    return bool((held == np.triu(np.full((size, size), -np.inf), 1)).all())


def _length(x: Any, batch_first: bool) -> int | None:
    if x.ndim == 2:
        return x.shape[0]
    return x.shape[1 if batch_first else 0]


def _float_mask(mask: Any, name: str, dtype: Any, other: Any = None) -> Any:
    from flambeau.nn.functional.attention import _canonical_mask

    return _canonical_mask(mask, name, dtype, other)


class _Layer(Module):
    """What both layers share: self-attention and the feed-forward part.

    Args:
        d_model: the width of the sequence's elements.
        nhead: the number of attention heads.
        dim_feedforward: the width inside the feed-forward part.
        dropout: the probability of dropping an element.
        activation: ``"relu"``, ``"gelu"`` or a function of one tensor.
        layer_norm_eps: added to the variance by the layer norms.
        batch_first: whether the batch comes before the sequence.
        norm_first: whether the norms come before each part instead of after.
        bias: whether linear parts and norms have biases.
        device: where the parameters live.
        dtype: their dtype.
    """

    __constants__ = ["norm_first"]
    _attentions = ("self_attn",)

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = F.relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        where = {"device": device, "dtype": dtype}
        super().__init__()
        for name in self._attentions:
            attention = MultiheadAttention(
                d_model, nhead, dropout=dropout, batch_first=batch_first, bias=bias, **where
            )
            setattr(self, name, attention)
        self.linear1 = Linear(d_model, dim_feedforward, bias=bias, **where)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias=bias, **where)
        self.norm_first = norm_first
        count = len(self._attentions) + 1
        for i in range(1, count + 1):
            setattr(self, f"norm{i}", LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **where))
        for i in range(1, count + 1):
            setattr(self, f"dropout{i}", Dropout(dropout))
        self.activation = _activation(activation)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take a pickled state; very old ones have no activation."""
        super().__setstate__(state)
        self.__dict__.setdefault("activation", F.relu)

    def _sa_block(self, x: Any, attn_mask: Any, key_padding_mask: Any, is_causal: bool) -> Any:
        x = self.self_attn(
            x,
            x,
            x,
            attn_mask=attn_mask,
            key_padding_mask=key_padding_mask,
            need_weights=False,
            is_causal=is_causal,
        )[0]
        return self.dropout1(x)

    def _feed_forward(self, x: Any) -> Any:
        return self.linear2(self.dropout(self.activation(self.linear1(x))))


class TransformerEncoderLayer(_Layer):
    """Self-attention and a feed-forward network, each with a residual and a layer norm.

    Args:
        d_model: the width of the sequence's elements.
        nhead: the number of attention heads.
        dim_feedforward: the width inside the feed-forward part.
        dropout: the probability of dropping an element.
        activation: ``"relu"``, ``"gelu"`` or a function of one tensor.
        layer_norm_eps: added to the variance by the layer norms.
        batch_first: whether the batch comes before the sequence.
        norm_first: whether the norms come before each part instead of after.
        bias: whether linear parts and norms have biases.
        device: where the parameters live.
        dtype: their dtype.

    Shape:
        Input and output ``(S, N, E)``; ``(N, S, E)`` with `batch_first`; or ``(S, E)``.

    Example:
        >>> import flambeau as torch
        >>> layer = torch.nn.TransformerEncoderLayer(d_model=8, nhead=2, dim_feedforward=16)
        >>> layer(torch.ones(5, 3, 8)).shape
        torch.Size([5, 3, 8])

    Follows ``torch.nn.TransformerEncoderLayer``.
    """

    def forward(
        self,
        src: Any,
        src_mask: Any = None,
        src_key_padding_mask: Any = None,
        is_causal: bool = False,
    ) -> Any:
        """Encode a sequence. The masks are those of :class:`MultiheadAttention`."""
        other = None if src_mask is None else src_mask.dtype
        padding = _float_mask(src_key_padding_mask, "src_key_padding_mask", src.dtype, other)
        mask = _float_mask(src_mask, "src_mask", src.dtype)
        x = src
        if self.norm_first:
            x = x + self._sa_block(self.norm1(x), mask, padding, is_causal)
            return x + self._ff_block(self.norm2(x))
        x = self.norm1(x + self._sa_block(x, mask, padding, is_causal))
        return self.norm2(x + self._ff_block(x))

    def _ff_block(self, x: Any) -> Any:
        return self.dropout2(self._feed_forward(x))


class TransformerDecoderLayer(_Layer):
    """Self-attention, attention to the encoder's output, and a feed-forward network.

    Args:
        d_model: the width of the sequence's elements.
        nhead: the number of attention heads.
        dim_feedforward: the width inside the feed-forward part.
        dropout: the probability of dropping an element.
        activation: ``"relu"``, ``"gelu"`` or a function of one tensor.
        layer_norm_eps: added to the variance by the layer norms.
        batch_first: whether the batch comes before the sequence.
        norm_first: whether the norms come before each part instead of after.
        bias: whether linear parts and norms have biases.
        device: where the parameters live.
        dtype: their dtype.

    Follows ``torch.nn.TransformerDecoderLayer``.
    """

    _attentions = ("self_attn", "multihead_attn")

    def forward(
        self,
        tgt: Any,
        memory: Any,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Any:
        """Decode a sequence with the help of `memory`, the encoder's output."""
        own = (tgt_mask, tgt_key_padding_mask, tgt_is_causal)
        across = (memory_mask, memory_key_padding_mask, memory_is_causal)
        x = tgt
        if self.norm_first:
            x = x + self._sa_block(self.norm1(x), *own)
            x = x + self._mha_block(self.norm2(x), memory, *across)
            return x + self._ff_block(self.norm3(x))
        x = self.norm1(x + self._sa_block(x, *own))
        x = self.norm2(x + self._mha_block(x, memory, *across))
        return self.norm3(x + self._ff_block(x))

    def _mha_block(
        self, x: Any, mem: Any, attn_mask: Any, key_padding_mask: Any, is_causal: bool
    ) -> Any:
        x = self.multihead_attn(
            x,
            mem,
            mem,
            attn_mask=attn_mask,
            key_padding_mask=key_padding_mask,
            is_causal=is_causal,
            need_weights=False,
        )[0]
        return self.dropout2(x)

    def _ff_block(self, x: Any) -> Any:
        return self.dropout3(self._feed_forward(x))


class TransformerEncoder(Module):
    """A stack of encoder layers.

    Args:
        encoder_layer: the layer, copied `num_layers` times.
        num_layers: how many.
        norm: a module applied to the last layer's output.
        enable_nested_tensor: lets padded places come out as zeros in evaluation without
            gradients, as PyTorch's fast path does.
        mask_check: whether that needs padding at the end only, as in PyTorch.

    Follows ``torch.nn.TransformerEncoder``.
    """

    __constants__ = ["norm"]

    def __init__(
        self,
        encoder_layer: TransformerEncoderLayer,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        super().__init__()
        self.layers = _get_clones(encoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm
        self.enable_nested_tensor = enable_nested_tensor
        self.use_nested_tensor = enable_nested_tensor and _has_fast_path(encoder_layer)
        self.mask_check = mask_check

    def forward(
        self,
        src: Any,
        mask: Any = None,
        src_key_padding_mask: Any = None,
        is_causal: bool | None = None,
    ) -> Any:
        """Pass a sequence through all layers."""
        padded = src_key_padding_mask
        other = None if mask is None else mask.dtype
        padding = _float_mask(padded, "src_key_padding_mask", src.dtype, other)
        mask = _float_mask(mask, "mask", src.dtype)
        batch_first = getattr(getattr(self.layers[0], "self_attn", None), "batch_first", False)
        causal = _is_causal(mask, is_causal, _length(src, batch_first))
        out = src
        for layer in self.layers:
            out = layer(out, src_mask=mask, is_causal=causal, src_key_padding_mask=padding)
        if self._fast(src, padded):
            out = apply(nn_attention.zero_padding, out, padded, aligned_only=self.mask_check)
        return out if self.norm is None else self.norm(out)

    def _fast(self, src: Any, padded: Any) -> bool:
        """Whether PyTorch would run its kernels for padded batches, which leave zeros behind."""
        if padded is None or not self.use_nested_tensor or self.training or src.ndim != 3:
            return False
        if str(padded.dtype) != "torch.bool":
            return False
        if _core.is_grad_enabled():
            return not (src.requires_grad or any(p.requires_grad for p in self.parameters()))
        return True


def _has_fast_path(layer: Module) -> bool:
    if not isinstance(layer, TransformerEncoderLayer):
        return False
    attention = layer.self_attn
    return (
        not layer.norm_first
        and attention.batch_first
        and attention.in_proj_bias is not None
        and attention._qkv_same_embed_dim
        and (layer.activation is F.relu or layer.activation is F.gelu)
        and layer.norm1.eps == layer.norm2.eps
        and attention.num_heads % 2 == 0
    )


class TransformerDecoder(Module):
    """A stack of decoder layers.

    Args:
        decoder_layer: the layer, copied `num_layers` times.
        num_layers: how many.
        norm: a module applied to the last layer's output.

    Follows ``torch.nn.TransformerDecoder``.
    """

    __constants__ = ["norm"]

    def __init__(
        self, decoder_layer: TransformerDecoderLayer, num_layers: int, norm: Module | None = None
    ) -> None:
        super().__init__()
        self.layers = _get_clones(decoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm

    def forward(
        self,
        tgt: Any,
        memory: Any,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Any:
        """Pass a sequence through all layers, each of which sees `memory`."""
        batch_first = getattr(getattr(self.layers[0], "self_attn", None), "batch_first", False)
        causal = _is_causal(tgt_mask, tgt_is_causal, _length(tgt, batch_first))
        out = tgt
        for layer in self.layers:
            out = layer(
                out,
                memory,
                tgt_mask=tgt_mask,
                memory_mask=memory_mask,
                tgt_key_padding_mask=tgt_key_padding_mask,
                memory_key_padding_mask=memory_key_padding_mask,
                tgt_is_causal=causal,
                memory_is_causal=memory_is_causal,
            )
        return out if self.norm is None else self.norm(out)


class Transformer(Module):
    """An encoder and a decoder.

    Args:
        d_model: the width of the sequences' elements.
        nhead: the number of attention heads.
        num_encoder_layers: layers of the encoder.
        num_decoder_layers: layers of the decoder.
        dim_feedforward: the width inside the feed-forward parts.
        dropout: the probability of dropping an element.
        activation: ``"relu"``, ``"gelu"`` or a function of one tensor.
        custom_encoder: an encoder to use instead.
        custom_decoder: a decoder to use instead.
        layer_norm_eps: added to the variance by the layer norms.
        batch_first: whether the batch comes before the sequence.
        norm_first: whether the norms come before each part instead of after.
        bias: whether linear parts and norms have biases.
        device: where the parameters live.
        dtype: their dtype.

    Follows ``torch.nn.Transformer`` (Vaswani et al., *Attention Is All You Need*, 2017).
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = F.relu,
        custom_encoder: Any = None,
        custom_decoder: Any = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        where = {"device": device, "dtype": dtype}
        super().__init__()
        shape = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps)
        options = (batch_first, norm_first, bias)

        def norm() -> LayerNorm:
            return LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **where)

        if custom_encoder is not None:
            self.encoder = custom_encoder
        else:
            layer = TransformerEncoderLayer(*shape, *options, **where)
            self.encoder = TransformerEncoder(layer, num_encoder_layers, norm())
        if custom_decoder is not None:
            self.decoder = custom_decoder
        else:
            other = TransformerDecoderLayer(*shape, *options, **where)
            self.decoder = TransformerDecoder(other, num_decoder_layers, norm())
        self._reset_parameters()
        self.d_model = d_model
        self.nhead = nhead
        self.batch_first = batch_first

    def forward(
        self,
        src: Any,
        tgt: Any,
        src_mask: Any = None,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        src_key_padding_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Any:
        """Encode `src` and decode `tgt` with it.

        Raises:
            RuntimeError: batch sizes or widths differ.
        """
        if src.ndim == 3:
            axis = 0 if self.batch_first else 1
            if src.size(axis) != tgt.size(axis):
                raise RuntimeError("the batch number of src and tgt must be equal")
        if src.size(-1) != self.d_model or tgt.size(-1) != self.d_model:
            raise RuntimeError("the feature number of src and tgt must be equal to d_model")
        memory = self.encoder(
            src, mask=src_mask, src_key_padding_mask=src_key_padding_mask, is_causal=src_is_causal
        )
        return self.decoder(
            tgt,
            memory,
            tgt_mask=tgt_mask,
            memory_mask=memory_mask,
            tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask,
            tgt_is_causal=tgt_is_causal,
            memory_is_causal=memory_is_causal,
        )

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device: Any = None, dtype: Any = None) -> Any:
        """The causal mask: minus infinity above the diagonal, zeros elsewhere."""
        return _square_subsequent_mask(sz, device, dtype)

    def _reset_parameters(self) -> None:
        for p in self.parameters():
            if p.dim() > 1:
                init.xavier_uniform_(p)
