"""Linear maps."""

from __future__ import annotations

from typing import Any

from flambeau._ops import matmul as products
from flambeau._ops import nn_linear as rows
from flambeau.nn.functional._base import (
    ShapeError,
    Tensor,
    apply,
    checked,
    require_tensor,
    same_dtype,
)

__all__ = ["bilinear", "grouped_mm", "linear"]


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``input @ weight.T + bias``.

    Follows `torch.nn.functional.linear`.

    Shape:
        - input ``(*, in_features)``, weight ``(out_features, in_features)``
        - bias ``(out_features,)``, output ``(*, out_features)``

    Dtypes:
        Integers, floating and complex; the result has the input's.

    Raises:
        RuntimeError: the shapes or the dtypes do not fit.

    Example:
        >>> import flambeau as torch
        >>> import flambeau.nn.functional as F
        >>> F.linear(torch.tensor([1.0, 2.0]), torch.tensor([[3.0, 4.0]]))
        tensor([11.])
    """
    checked(_check_linear, input, weight, bias)
    return apply(rows.linear, input, weight, bias)


def _check_linear(input: Tensor, weight: Tensor, bias: Tensor | None) -> None:
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

    Dtypes:
        Integers and floating; the result has the input's.

    Raises:
        RuntimeError: the shapes do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.bilinear(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0]]), torch.ones(1, 2, 1))
        tensor([[9.]])
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


def grouped_mm(
    mat_a: Tensor,
    mat_b: Tensor,
    *,
    offs: Tensor | None = None,
    bias: Tensor | None = None,
    out_dtype: Any = None,
) -> Tensor:
    """Products of groups of rows, columns or inner elements, each with its own matrix.

    Follows `torch.nn.functional.grouped_mm`. Where each group ends stays on the device.

    Shape:
        - mat_a ``(m, k)`` and mat_b ``(g, k, n)`` give ``(m, n)``: the rows are in groups
        - mat_a ``(g, m, k)`` and mat_b ``(k, n)`` give ``(m, n)``: the columns are in groups
        - mat_a ``(m, k)`` and mat_b ``(k, n)`` give ``(g, m, n)``: the inner elements are
        - mat_a ``(g, m, k)`` and mat_b ``(g, k, n)`` give ``(g, m, n)``, without offs
        - offs ``(g,)``: where each group ends

    Raises:
        RuntimeError: shapes, dtypes or arguments do not fit.

    Example:
        >>> import flambeau as torch
        >>> a = torch.ones(3, 16, dtype=torch.bfloat16)
        >>> b = torch.ones(2, 16, 8, dtype=torch.bfloat16)
        >>> torch.nn.functional.grouped_mm(a, b, offs=torch.tensor([1, 3], dtype=torch.int32)).shape
        torch.Size([3, 8])
    """
    require_tensor("grouped_mm", mat_a=mat_a, mat_b=mat_b)
    for name, mat in (("mat_a", mat_a), ("mat_b", mat_b)):
        if str(mat.dtype) not in ("torch.float32", "torch.bfloat16", "torch.float16"):
            raise RuntimeError(
                f"grouped_mm: Expected {name} to be Float32, BFloat16 or Float16 matrix, got "
                f"{mat.dtype}"
            )
        if mat.ndim not in (2, 3):
            raise RuntimeError(f"grouped_mm: {name} has to be 2 or 3d, but got {mat.ndim}d")
    same_dtype("grouped_mm", mat_a=mat_a, mat_b=mat_b)
    if (offs is None) != (mat_a.ndim == 3 and mat_b.ndim == 3):
        raise RuntimeError(
            "grouped_mm: Have to provide offsets if there is a 2d matrix, or no offset if both "
            "matrices are 3d"
        )
    if offs is not None and (offs.ndim != 1 or str(offs.dtype) != "torch.int32"):
        raise RuntimeError("grouped_mm: Offsets have to be int32 and of one dimension")
    if bias is not None:
        raise RuntimeError("grouped_mm: Bias not supported yet; add it to the result")
    if out_dtype is not None and out_dtype is not mat_a.dtype:
        raise RuntimeError("grouped_mm: Grouped gemm output dtype must match `mat_a` dtype")
    groups = [
        t.shape[0] for t in (mat_a, mat_b, offs) if t is not None and (t is offs or t.ndim == 3)
    ]
    if mat_a.shape[-1] != mat_b.shape[-2] or len(set(groups)) > 1:
        raise ShapeError(
            f"grouped_mm: mat_a {tuple(mat_a.shape)}, mat_b {tuple(mat_b.shape)} and offs "
            f"{None if offs is None else tuple(offs.shape)} do not fit"
        )
    return apply(products.grouped_mm, mat_a, mat_b, offs)
