"""Attention whose scores go through a function of the user's.

PyTorch maps that function over single scores. Here it gets all scores at once, with indices that
broadcast against them, which is the same for every function that works element by element:
arithmetic, `where`, comparisons, and look-ups such as ``slopes[h]`` or ``document[q_idx]``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from flambeau._autograd.grad_mode import no_grad
from flambeau._tensor.functions import indexing
from flambeau.errors import ShapeError
from flambeau.nn import _core
from flambeau.nn.functional._base import same_dtype

__all__ = [
    "AuxOutput",
    "AuxRequest",
    "BlockMask",
    "and_masks",
    "create_block_mask",
    "create_mask",
    "flex_attention",
    "noop_mask",
    "or_masks",
]

Function = Callable[..., Any]


class AuxRequest(NamedTuple):
    """What else :func:`flex_attention` gives.

    Follows ``torch.nn.attention.flex_attention.AuxRequest``.
    """

    lse: bool = False
    max_scores: bool = False


class AuxOutput(NamedTuple):
    """What else :func:`flex_attention` has given.

    Follows ``torch.nn.attention.flex_attention.AuxOutput``.
    """

    lse: Any = None
    max_scores: Any = None


def noop_mask(batch: Any, head: Any, token_q: Any, token_kv: Any) -> Any:
    """Every query looks at every key.

    Follows ``torch.nn.attention.flex_attention.noop_mask``.
    """
    return batch.new_ones((), dtype=bool)


def _combined(name: str, masks: tuple[Function, ...], join: Function) -> Function:
    if not all(callable(mask) for mask in masks):
        raise RuntimeError(f"{name}: all inputs should be callable mask_mods, but got {masks}")

    def mask_mod(b: Any, h: Any, q_idx: Any, kv_idx: Any) -> Any:
        found = [mask(b, h, q_idx, kv_idx) for mask in masks]
        result = found[0]
        for other in found[1:]:
            result = join(result, other)
        return result

    return mask_mod


def and_masks(*mask_mods: Function) -> Function:
    """The function that allows what all of some functions allow.

    Follows ``torch.nn.attention.flex_attention.and_masks``.
    """
    return _combined("and_masks", mask_mods, lambda a, b: a & b)


def or_masks(*mask_mods: Function) -> Function:
    """The function that allows what any of some functions allows.

    Follows ``torch.nn.attention.flex_attention.or_masks``.
    """
    return _combined("or_masks", mask_mods, lambda a, b: a | b)


def _indices(size: tuple[int, ...], device: Any) -> list[Any]:
    """A tensor of indices for each dimension, of size 1 in all others."""
    found = []
    for at, n in enumerate(size):
        shape = [n if i == at else 1 for i in range(len(size))]
        found.append(_core.host_tensor(np.arange(n, dtype=np.int32).reshape(shape), device))
    return found


def create_mask(
    mod_fn: Function, B: int | None, H: int | None, Q_LEN: int, KV_LEN: int, device: Any = None
) -> Any:
    """The mask that a function describes, all of it.

    Args:
        mod_fn: a function of batch, head, query and key that says who may look where; or one
            of score, batch, head, query and key, which is applied to zeros.
        B: batch size; 1 if None.
        H: number of heads; 1 if None.
        Q_LEN: number of queries.
        KV_LEN: number of keys.
        device: where.

    Shape:
        - output ``(B, H, Q_LEN, KV_LEN)``

    Example:
        >>> from flambeau.nn.attention.flex_attention import create_mask
        >>> create_mask(lambda b, h, q, k: q >= k, None, None, 2, 3)
        tensor([[[[ True, False, False],
                  [ True,  True, False]]]])

    Follows ``torch.nn.attention.flex_attention.create_mask``.
    """
    size = (B or 1, H or 1, Q_LEN, KV_LEN)
    indices = _indices(size, device)
    count = mod_fn.__code__.co_argcount if hasattr(mod_fn, "__code__") else 4
    with no_grad():
        if count == 5:
            found = mod_fn(_core.zeros(size, device=device), *indices)
            return indexing.where(found == -math.inf, False, True).expand(size)
        return mod_fn(*indices).expand(size)


class BlockMask:
    """A mask given by a function, as :func:`create_block_mask` makes it.

    Which blocks hold anything is worked out when asked for; attention itself applies the
    function to all scores, and XLA compiles it into the computation of the weights.

    Attributes:
        shape: batch size, heads, queries, keys.
        mask_mod: the function.
        seq_lengths: queries and keys.
        BLOCK_SIZE: queries and keys of a block.

    Follows ``torch.nn.attention.flex_attention.BlockMask``.
    """

    def __init__(
        self,
        shape: tuple[int, int, int, int],
        mask_mod: Function,
        BLOCK_SIZE: tuple[int, int],
        device: Any = None,
    ) -> None:
        self.shape = shape
        self.seq_lengths = shape[2:]
        self.mask_mod = mask_mod
        self.BLOCK_SIZE = BLOCK_SIZE
        self.device = device

    def numel(self) -> int:
        """The number of elements of the mask."""
        return math.prod(self.shape)

    def to_dense(self) -> Any:
        """1 for each block that holds anything, else 0: ``(B, H, blocks, blocks)``."""
        b, h, q, k = self.shape
        rows, columns = self.BLOCK_SIZE
        mask = create_mask(self.mask_mod, b, h, q, k, self.device)
        m, n = -(-q // rows), -(-k // columns)
        full = mask.new_zeros((b, h, m * rows, n * columns))
        full[:, :, :q, :k] = mask
        return full.view(b, h, m, rows, n, columns).transpose(3, 4).any(-1).any(-1).int()

    def sparsity(self) -> float:
        """The share of blocks that hold nothing, in percent."""
        return 100 * (1 - self.to_dense().float().mean().item())

    def to(self, device: Any) -> BlockMask:
        """The mask on another device."""
        return BlockMask(self.shape, self.mask_mod, self.BLOCK_SIZE, device)

    def __repr__(self) -> str:
        return f"BlockMask(shape={self.shape}, BLOCK_SIZE={self.BLOCK_SIZE})"


def create_block_mask(
    mask_mod: Function,
    B: int | None,
    H: int | None,
    Q_LEN: int,
    KV_LEN: int,
    device: Any = None,
    BLOCK_SIZE: int | tuple[int, int] = 128,
    _compile: bool = False,
) -> BlockMask:
    """The mask that a function describes, for :func:`flex_attention`.

    Args:
        mask_mod: a function of batch, head, query and key that says who may look where.
        B: batch size; 1 if None, for any batch.
        H: number of heads; 1 if None, for any number.
        Q_LEN: number of queries.
        KV_LEN: number of keys.
        device: where.
        BLOCK_SIZE: the size of the blocks that :meth:`BlockMask.to_dense` tells of.

    Follows ``torch.nn.attention.flex_attention.create_block_mask``.
    """
    if not callable(mask_mod):
        raise TypeError(f"create_block_mask: mask_mod must be a function, but got {mask_mod!r}")
    block = (BLOCK_SIZE, BLOCK_SIZE) if isinstance(BLOCK_SIZE, int) else tuple(BLOCK_SIZE)
    return BlockMask((B or 1, H or 1, Q_LEN, KV_LEN), mask_mod, (block[0], block[1]), device)


def flex_attention(
    query: Any,
    key: Any,
    value: Any,
    score_mod: Function | None = None,
    block_mask: BlockMask | None = None,
    scale: float | None = None,
    enable_gqa: bool = False,
    return_lse: bool = False,
    kernel_options: Any = None,
    *,
    return_aux: AuxRequest | None = None,
) -> Any:
    """Attention with scores of the user's making.

    Args:
        query: the queries.
        key: the keys.
        value: the values.
        score_mod: a function of score, batch, head, query and key that gives the score to use.
            It is called once, with all scores and with indices that broadcast against them.
        block_mask: who may look where.
        scale: a factor of the scores; ``1 / sqrt(E)`` by default.
        enable_gqa: let several heads of queries share a head of keys.
        return_lse: also give the logarithm of the sum of the exponentials of the scores.
        kernel_options: accepted; they steer PyTorch's kernels.
        return_aux: what else to give.

    Shape:
        - query ``(B, Hq, L, E)``, key ``(B, H, S, E)``, value ``(B, H, S, V)``
        - output ``(B, Hq, L, V)``, lse and max_scores ``(B, Hq, L)``

    Raises:
        ValueError: shapes do not fit.

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn.attention.flex_attention import flex_attention
        >>> q = torch.ones(1, 1, 2, 4)
        >>> v = torch.arange(2.0).view(1, 1, 2, 1)
        >>> flex_attention(q, q, v, lambda score, b, h, q, k: score - 1e9 * (k > q)).flatten()
        tensor([0.0000, 0.5000])

    Follows ``torch.nn.attention.flex_attention.flex_attention``.
    """
    same_dtype("flex_attention", query=query, key=key, value=value)
    if query.ndim != 4 or key.ndim != 4 or value.ndim != 4:
        raise ValueError("flex_attention: expected query, key and value to be 4D tensors")
    batch, heads, length, width = query.shape
    if key.shape[-1] != width or key.shape[-2] != value.shape[-2]:
        raise ShapeError(
            "flex_attention: query (B, Hq, L, E), key (B, H, S, E) and value (B, H, S, V) do not "
            f"fit: {tuple(query.shape)}, {tuple(key.shape)}, {tuple(value.shape)}"
        )
    if enable_gqa:
        if heads % key.shape[1]:
            raise ValueError(
                "Expect number of query heads to be a multiple of kv heads for GQA but got "
                f"Hq={heads} and Hkv={key.shape[1]}."
            )
        key, value = (t.repeat_interleave(heads // t.shape[1], dim=1) for t in (key, value))
    elif key.shape[1] != heads:
        raise ValueError(
            f"Expect query and key/value to have the same number of heads but got Hq={heads} and "
            f"Hkv={key.shape[1]}. Try setting enable_gqa=True for GQA."
        )
    kind = query.dtype
    half = kind.itemsize < 4
    scale = 1 / math.sqrt(width) if scale is None else scale
    scores = (query @ key.mT) * scale
    if half:
        scores = scores.float()
    indices = _indices((batch, heads, length, key.shape[2]), query.device)
    if score_mod is not None:
        scores = score_mod(scores, *indices).to(scores.dtype)
    if block_mask is not None:
        if tuple(block_mask.seq_lengths) != (length, key.shape[2]):
            raise ValueError(
                f"block_mask was made for {block_mask.seq_lengths[0]} queries and "
                f"{block_mask.seq_lengths[1]} keys, but there are {length} and {key.shape[2]}; "
                "make it with create_block_mask for these lengths"
            )
        scores = indexing.where(block_mask.mask_mod(*indices), scores, -math.inf)
    top = scores.detach().amax(-1, keepdim=True)
    # A row that may look nowhere gives zeros.
    nowhere = top == -math.inf
    weights = (scores - indexing.where(nowhere, 0.0, top)).exp()
    total = weights.sum(-1, keepdim=True)
    out = (weights / indexing.where(nowhere, 1.0, total)).to(kind) @ value
    if not return_lse and return_aux is None:
        return out
    lse = (total.log() + indexing.where(nowhere, 0.0, top)).squeeze(-1)
    if return_lse:
        return out, lse
    assert return_aux is not None
    return out, AuxOutput(
        lse if return_aux.lse else None, top.squeeze(-1) if return_aux.max_scores else None
    )
