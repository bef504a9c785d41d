"""Table look-ups."""

from __future__ import annotations

from typing import Any

import numpy as np

from flambeau._ops import nn_linear as rows
from flambeau.nn.functional._base import (
    ShapeError,
    Tensor,
    apply,
    indexing,
    require_tensor,
    set_value,
)

__all__ = ["embedding", "embedding_bag", "one_hot"]


def _require_indices(name: str, argument: str, indices: Any) -> None:
    if str(indices.dtype) not in ("torch.int64", "torch.int32"):
        raise RuntimeError(
            f"Expected tensor for argument '{argument}' to have one of the following scalar types: "
            f"Long, Int; but got {indices.dtype} instead (while checking arguments for {name}); "
            "indices are whole numbers, convert with .long()"
        )


def _padding(padding_idx: int | None, rows_: int) -> int | None:
    if padding_idx is None:
        return None
    if not -rows_ <= padding_idx < rows_:
        raise AssertionError("Padding_idx must be within num_embeddings")
    return padding_idx % rows_


def _renorm(weight: Tensor, indices: Tensor, max_norm: float, norm_type: float) -> None:
    """Shrink the rows that are looked up, in place and without history, as PyTorch does."""
    new = apply(
        rows.embedding_renorm,
        weight.detach(),
        indices,
        max_norm=float(max_norm),
        norm_type=float(norm_type),
    )
    set_value(weight, new)


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """The rows of `weight` at the indices in `input`.

    Follows `torch.nn.functional.embedding`. Gradients are dense whatever `sparse` says. An
    index outside the table reads as NaN, since a recorded program cannot raise.

    Shape:
        - input ``(*)``, weight ``(num_embeddings, embedding_dim)``
        - output ``(*, embedding_dim)``

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: the indices are no integers, or the weight is no matrix.

    Example:
        >>> import flambeau as torch
        >>> import flambeau.nn.functional as F
        >>> F.embedding(torch.tensor([1, 0]), torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
        tensor([[3., 4.],
                [1., 2.]])
    """
    if not isinstance(input, Tensor):
        raise TypeError(
            "embedding(): argument 'indices' (position 2) must be Tensor, not "
            f"{type(input).__name__}"
        )
    if not isinstance(weight, Tensor):
        raise TypeError(
            "embedding(): argument 'weight' (position 1) must be Tensor, not "
            f"{type(weight).__name__}"
        )
    _require_indices("embedding", "indices", input)
    if weight.ndim != 2:
        raise ShapeError(f"'weight' must be 2-D: embedding got {tuple(weight.shape)}")
    padding_idx = _padding(padding_idx, weight.shape[0])
    if max_norm is not None:
        _renorm(weight, input, max_norm, norm_type)
    return apply(
        rows.embedding,
        weight,
        input,
        padding_idx=padding_idx,
        scale_grad_by_freq=bool(scale_grad_by_freq),
    )


def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """Sum, mean or maximum of bags of rows of `weight`.

    Follows `torch.nn.functional.embedding_bag`.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        ValueError: shapes, mode or the combination of arguments do not fit.
        NotImplementedError: weights of samples with another mode than ``"sum"``.

    Example:
        >>> import flambeau as torch
        >>> F = torch.nn.functional
        >>> F.embedding_bag(torch.tensor([[1, 2]]), torch.tensor([[0.0], [1.0], [3.0]]))
        tensor([[2.]])
    """
    require_tensor("embedding_bag", input=input, weight=weight)
    if str(weight.dtype) in ("torch.int64", "torch.int32") and input.dtype.is_floating_point:
        raise RuntimeError(
            "Argument order of nn.functional.embedding_bag is (input, weight): they look swapped"
        )
    _require_indices("embedding_bag", "indices", input)
    if per_sample_weights is not None and per_sample_weights.shape != input.shape:
        raise ValueError(
            f"embedding_bag: If per_sample_weights ({tuple(per_sample_weights.shape)}) is not "
            f"None, then it must have the same shape as the input ({tuple(input.shape)})"
        )
    if weight.ndim != 2:
        raise ValueError(f"weight has to be a 2D Tensor, but got Tensor of dimension {weight.ndim}")
    if input.ndim == 2:
        if offsets is not None:
            raise ValueError(
                "if input is 2D, then offsets has to be None, as input is treated is a "
                "mini-batch of fixed length sequences. However, found offsets of type "
                f"{type(offsets)}"
            )
    elif input.ndim == 1:
        if offsets is None:
            raise ValueError("offsets has to be a 1D Tensor but got None")
        if offsets.ndim != 1:
            raise ValueError("offsets has to be a 1D Tensor")
    else:
        raise ValueError(
            f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.ndim}"
        )
    if mode not in ("sum", "mean", "max"):
        raise ValueError("mode has to be one of sum, mean or max")
    if mode == "max" and scale_grad_by_freq:
        raise ValueError("max mode does not support scaling the gradient by the frequency")
    if mode == "max" and sparse:
        raise ValueError("max mode does not support sparse weights")
    if per_sample_weights is not None and mode != "sum":
        raise NotImplementedError(
            "embedding_bag: per_sample_weights was not None. per_sample_weights is only supported "
            f"for mode='sum' (got mode='{mode}')."
        )
    padding_idx = _padding(padding_idx, weight.shape[0])
    if max_norm is not None:
        _renorm(weight, input, max_norm, norm_type)
    return apply(
        rows.embedding_bag,
        weight,
        input,
        offsets,
        per_sample_weights,
        mode=mode,
        scale_grad_by_freq=bool(scale_grad_by_freq),
        include_last_offset=bool(include_last_offset),
        padding_idx=padding_idx,
    )


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """A one at the place that each index names, zeros elsewhere, in a new last dimension.

    Follows `torch.nn.functional.one_hot`. Without `num_classes` the largest index is read.

    Shape:
        ``(*)`` to ``(*, num_classes)``.

    Dtypes:
        Integers; the result has the input's.

    Raises:
        RuntimeError: the tensor is empty and `num_classes` is not given, or not int64.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.one_hot(torch.tensor([0, 2]))
        tensor([[1, 0, 0],
                [0, 0, 1]])
    """
    if str(tensor.dtype) != "torch.int64":
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor.")
    if num_classes == -1:
        if tensor.numel() == 0:
            raise RuntimeError("Can not infer total number of classes from empty tensor.")
        held = np.asarray(tensor.detach().numpy(force=True))
        if held.min() < 0:
            raise RuntimeError("Class values must be non-negative.")
        num_classes = int(held.max()) + 1
    return apply(indexing.one_hot, tensor, num_classes=int(num_classes))
