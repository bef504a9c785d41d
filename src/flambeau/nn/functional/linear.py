"""Linear maps."""

from __future__ import annotations

from flambeau._ops import nn_linear as rows
from flambeau.nn.functional._base import ShapeError, Tensor, apply, require_tensor, same_dtype

__all__ = ["bilinear", "linear"]


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``input @ weight.T + bias``.

    Follows `torch.nn.functional.linear`.

    Shape:
        - input ``(*, in_features)``, weight ``(out_features, in_features)``
        - bias ``(out_features,)``, output ``(*, out_features)``

    Raises:
        RuntimeError: the shapes or the dtypes do not fit.

    Example:
        >>> import flambeau as torch
        >>> import flambeau.nn.functional as F
        >>> F.linear(torch.tensor([1.0, 2.0]), torch.tensor([[3.0, 4.0]]))
        tensor([11.])
    """
    require_tensor("linear", input=input, weight=weight)
    shape, table = input.shape, weight.shape
    if (
        not 1 <= len(table) <= 2
        or not shape
        or shape[-1] != table[-1]
        or (bias is not None and bias.shape not in ((), (1,), tuple(table[:-1])))
    ):
        _explain_linear(tuple(shape), tuple(table), bias)
    if weight.dtype is not input.dtype or (bias is not None and bias.dtype is not input.dtype):
        same_dtype("linear", input=input, weight=weight, bias=bias)
    return apply(rows.linear, input, weight, bias)


def _explain_linear(shape: tuple[int, ...], table: tuple[int, ...], bias: Tensor | None) -> None:
    if not shape:
        raise ShapeError("linear: input is a scalar but must be (*, in_features)")
    if not 1 <= len(table) <= 2:
        raise ShapeError(f"linear: weight is {table} but must be (out_features, in_features)")
    if shape[-1] != table[-1]:
        want = shape[-1]
        text = (
            f"linear: mat1 and mat2 shapes cannot be multiplied: input is {shape} and weight is "
            f"{table}, but weight must be (out_features, in_features) with in_features = {want}, "
            "the input's last dimension"
        )
        if len(table) == 2 and table[0] == want:
            text += f"; it looks transposed: weight.T is ({table[1]}, {table[0]}) and would fit"
        raise ShapeError(text)
    assert bias is not None
    raise ShapeError(
        f"linear: bias is {tuple(bias.shape)} but must be (out_features,) = {table[:-1]}"
    )


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``input1 @ weight[o] @ input2 + bias[o]`` for every output feature.

    Follows `torch.nn.functional.bilinear`.

    Shape:
        - input1 ``(*, in1)``, input2 ``(*, in2)``, weight ``(out, in1, in2)``, bias ``(out,)``
        - output ``(*, out)``

    Raises:
        RuntimeError: the shapes do not fit.
    """
    require_tensor("bilinear", input1=input1, input2=input2, weight=weight)
    if input1.ndim != input2.ndim or input1.shape[:-1] != input2.shape[:-1]:
        raise ShapeError(
            "bilinear(): input batch dimensions do not match: got "
            f"{tuple(input1.shape)} and {tuple(input2.shape)}"
        )
    if weight.ndim != 3:
        raise ShapeError(
            f"bilinear(): weight is {tuple(weight.shape)} but must be (out_features, "
            "in1_features, in2_features)"
        )
    for k, x in enumerate((input1, input2), 1):
        if x.shape[-1] != weight.shape[k]:
            raise ShapeError(
                f"bilinear(): input{k} size does not match weight size: got {x.shape[-1]} but "
                f"expected {weight.shape[k]}"
            )
    if bias is not None and tuple(bias.shape) != (weight.shape[0],):
        raise ShapeError(
            f"bilinear(): bias size does not match weight size: got {tuple(bias.shape)} but "
            f"expected ({weight.shape[0]},)"
        )
    return apply(rows.bilinear, input1, input2, weight, bias)
