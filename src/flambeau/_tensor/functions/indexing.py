"""Reading and writing at positions that are data: over :mod:`flambeau._ops.indexing`."""

from __future__ import annotations

from typing import Any

import numpy as np

from flambeau._engine.recorder import read
from flambeau._ops import indexing as rows
from flambeau._tensor.construct import constant
from flambeau._tensor.core import TensorBase, value_of, wrap
from flambeau._tensor.dispatch import public, run, store_out
from flambeau._tensor.functions._shared import is_number, need_tensor
from flambeau._tensor.functions.shape import broadcast_tensors, reshape, sizes_of, unbind
from flambeau._tensor.indexing import getitem, positions

gather = public(rows.gather)
scatter_add = public(rows.scatter_add)
scatter_reduce = public(rows.scatter_reduce)
index_select = public(rows.index_select)
index_copy = public(rows.index_copy)
index_reduce = public(rows.index_reduce)
index_fill = public(rows.index_fill)
take = public(rows.take)
put = public(rows.put)
masked_scatter = public(rows.masked_scatter)
select_scatter = public(rows.select_scatter)
slice_scatter = public(rows.slice_scatter)
diagonal_scatter = public(rows.diagonal_scatter)
_index_add = public(rows.index_add)
_masked_fill = public(rows.masked_fill)
_where = public(rows.where)
_take_along_dim = public(rows.take_along_dim)


def scatter(
    input: Any,
    dim: int,
    index: Any,
    src: Any = None,
    *,
    value: Any = None,
    reduce: str | None = None,
    out: Any = None,
) -> Any:
    """A tensor or a number written along ``dim``: ``out[index[i][j]][j] = src[i][j]``.

    Args:
        input: the tensor to start from.
        dim: the dimension that ``index`` counts along.
        index: int64 positions.
        src: what to write: a tensor at least as large as ``index``, or a number.
        value: the number, by keyword.
        reduce: ``"add"`` or ``"multiply"`` to combine instead of replacing.
        out: where to store the result.

    Shape:
        Index and source of one shape, within that of the input; the result has the input's.

    Dtypes:
        Any; the result has the input's.

    Raises:
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.scatter(torch.zeros(3), 0, torch.tensor([2, 0]), torch.tensor([1.0, 2.0]))
        tensor([2., 0., 1.])

    Follows ``torch.scatter``.
    """
    if src is None:
        src = value
    if src is None:
        raise TypeError('scatter() missing 1 required positional argument: "src" or "value"')
    if reduce is not None:
        kinds = {"add": "sum", "multiply": "prod"}
        if reduce not in kinds:
            raise RuntimeError("reduce argument must be either add or multiply.")
        if is_number(src):
            src = _like(input, src, index)
        result = scatter_reduce(input, dim, index, src, kinds[reduce])
    elif is_number(src):
        result = run(rows.scatter_value, (input, index, src), (("dim", dim),))
    else:
        result = run(rows.scatter, (input, index, src), (("dim", dim),))
    return result if out is None else store_out(out, result, "scatter", exact=True)


def _like(input: Any, number: Any, index: Any) -> Any:
    """The number in the dtype of ``input`` and the shape of ``index``."""
    aval = value_of(input).aval
    static = (("shape", value_of(index).aval.shape), ("dtype", aval.dtype))
    return run(rows.filled, (number,), static, device=aval.device)


def index_add(
    input: Any, dim: int, index: Any, source: Any, *, alpha: Any = 1, out: Any = None
) -> Any:
    """``alpha * source`` added to the entries of ``dim`` that ``index`` names.

    Shape:
        ``(*, N, *)``, index ``(K,)``, source ``(*, K, *)``; the result is ``(*, N, *)``.

    Dtypes:
        Any; the result has the input's.

    Raises:
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.index_add(torch.ones(2), 0, torch.tensor([0]), torch.tensor([4.0]))
        tensor([5., 1.])

    Follows ``torch.index_add``.
    """
    return _index_add(input, dim, index, source, alpha=alpha, out=out)


def masked_fill(input: Any, mask: Any, value: Any) -> Any:
    """One number wherever ``mask`` is true.

    Shape:
        Input and mask: broadcastable to one shape, which is the output's.

    Dtypes:
        Any; the result has the input's.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.masked_fill(torch.zeros(2), torch.tensor([True, False]), 5.0)
        tensor([5., 0.])

    Follows ``torch.masked_fill``.
    """
    kind = value_of(input).aval.dtype.kind
    found = value.dtype.is_complex if isinstance(value, TensorBase) else isinstance(value, complex)
    if found and kind != "c":
        raise RuntimeError(f"value cannot be converted to type {input.dtype.name} without overflow")
    return _masked_fill(input, mask, value)


def where(condition: Any, input: Any = None, other: Any = None, *, out: Any = None) -> Any:
    """``input`` wherever ``condition`` is true and ``other`` elsewhere.

    With the condition alone: the positions where it holds, as ``nonzero(as_tuple=True)``.

    Shape:
        All three: broadcastable to one shape, which is the output's.

    Dtypes:
        Any; the result has the common one of ``input`` and ``other``.

    Raises:
        RuntimeError: the condition holds no bools, or the shapes do not broadcast.

    Example:
        >>> import flambeau as torch
        >>> torch.where(torch.tensor([True, False]), torch.tensor([1, 2]), 0)
        tensor([1, 0])

    Follows ``torch.where``.
    """
    need_tensor("where", condition, "condition")
    if input is None and other is None:
        return nonzero(condition, as_tuple=True)
    if value_of(condition).aval.dtype not in (np.bool_, np.uint8):
        raise RuntimeError(
            "where expected condition to be a boolean tensor, but got a tensor with dtype "
            f"{condition.dtype}"
        )
    return _where(condition, input, other, out=out)


def where_method(self: Any, condition: Any, other: Any) -> Any:
    """``self`` wherever ``condition`` is true, ``other`` elsewhere."""
    return where(condition, self, other)


def take_along_dim(input: Any, indices: Any, dim: int | None = None, *, out: Any = None) -> Any:
    """Elements picked along ``dim`` (or flattened), the other dimensions broadcast.

    Shape:
        Input and indices broadcast but for ``dim``; the result has the size of the indices
        there.

    Dtypes:
        Any; the result has the input's.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.take_along_dim(torch.tensor([5, 6]), torch.tensor([1]))
        tensor([6])

    Follows ``torch.take_along_dim``.
    """
    return _take_along_dim(input, indices, dim, out=out)


def nonzero(input: Any, *, as_tuple: bool = False, out: Any = None) -> Any:
    r"""The positions of the elements that are not zero. Executes what is pending.

    Shape:
        Input: (\*) with n dimensions. Output: (z, n) int64, or n vectors of z with
        ``as_tuple``.

    Dtypes:
        Any; the result is int64.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.nonzero(torch.tensor([0, 3, 4]))
        tensor([[1],
                [2]])

    Follows ``torch.nonzero``.
    """
    if as_tuple:
        return tuple(positions(reshape(input, 1) if input.ndim == 0 else input))
    value = value_of(input)
    found = np.argwhere(np.asarray(read(value))).astype(np.int64)
    if value.aval.ndim == 0:
        found = found.reshape(int(bool(np.asarray(read(value)))), 0)
    result = wrap(constant(found, value.aval.device))
    return result if out is None else store_out(out, result, "nonzero", exact=True)


def argwhere(input: Any) -> Any:
    """The positions of the elements that are not zero.

    Shape:
        ``(*)`` to ``(K, D)``, K of its elements not being zero and D its dimensions.

    Dtypes:
        Any; the result is int64.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.argwhere(torch.tensor([0, 3]))
        tensor([[1]])

    Follows ``torch.argwhere``.
    """
    return nonzero(input)


def nonzero_static(input: Any, *, size: int, fill_value: int = -1) -> Any:
    """``size`` positions of elements that are not zero, filled up with ``fill_value``.

    Shape:
        ``(*)`` to ``(size, D)``, D being the dimensions of the input.

    Dtypes:
        Any; the result is int64.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.nonzero_static(torch.tensor([0, 3, 5]), size=3)
        tensor([[ 1],
                [ 2],
                [-1]])

    Follows ``torch.nonzero_static``.
    """
    return run(rows.nonzero_static, (input,), (("size", size), ("fill_value", fill_value)))


def masked_select(input: Any, mask: Any, *, out: Any = None) -> Any:
    """The elements where ``mask`` is true, in one dimension. Reads the mask.

    Shape:
        ``(*)``, and a mask that broadcasts with it; the result is ``(K,)``, K of them being
        chosen.

    Dtypes:
        Any; the result has the input's.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.masked_select(torch.tensor([1, 2, 3]), torch.tensor([True, False, True]))
        tensor([1, 3])

    Follows ``torch.masked_select``.
    """
    need_tensor("masked_select", mask, "mask", 2)
    if value_of(mask).aval.dtype != np.bool_:
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    given = (input, mask)
    input, mask = broadcast_tensors(input, mask)
    if input.ndim == 0:
        input, mask = reshape(input, 1), reshape(mask, 1)
    result = getitem(input, mask)
    if out is None:
        return result
    return store_out(out, result, "masked_select", exact=True, apart=given)


def index_put(input: Any, indices: Any, values: Any, accumulate: bool = False) -> Any:
    """``values`` written (or added) where index tensors, one per dimension, point.

    Shape:
        ``(*)``; values broadcast to what the indices choose; the result is ``(*)``.

    Dtypes:
        Any; the result has the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.index_put(torch.zeros(3), (torch.tensor([0, 2]),), torch.tensor([1.0, 5.0]))
        tensor([1., 0., 5.])

    Follows ``torch.index_put``.
    """
    indices = tuple(indices)
    if len(indices) > input.ndim:
        raise IndexError(
            f"too many indices for tensor of dimension {input.ndim} (got {len(indices)})"
        )
    tensors, dims, dim = [], [], 0
    for k in indices:
        if k is None:
            dim += 1
            continue
        parts = positions(k) if value_of(k).aval.dtype in (np.bool_, np.uint8) else [k]
        for part in parts:
            tensors.append(part)
            dims.append(dim)
            dim += 1
    static = (("dims", tuple(dims)), ("accumulate", bool(accumulate)))
    return run(rows.index_put, (input, tensors, values), static)


def one_hot(tensor: Any, num_classes: int = -1) -> Any:
    r"""A vector for each class number, 1 at the class and 0 elsewhere.

    Without ``num_classes`` the largest class is read from the tensor.

    Shape:
        Input: (\*), int64. Output: (\*, C).

    Follows ``torch.nn.functional.one_hot``.
    """
    if num_classes == -1:
        if tensor.numel() == 0:
            raise RuntimeError("Can not infer total number of classes from empty tensor.")
        num_classes = int(tensor.max().item()) + 1
    elif num_classes < 1 and tensor.numel():
        raise RuntimeError("num_classes should be positive")
    return run(rows.one_hot, (tensor,), (("num_classes", num_classes),))


def as_strided_scatter(
    input: Any, src: Any, size: Any, stride: Any, storage_offset: int | None = None
) -> Any:
    """A copy with ``src`` where the strided view reads.

    Shape:
        ``(*)``, and the values for it as ``size``; the result is ``(*)``.

    Dtypes:
        Any; the result has the input's.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.as_strided_scatter(torch.zeros(4), torch.ones(2), (2,), (2,))
        tensor([1., 0., 1., 0.])

    Follows ``torch.as_strided_scatter``.
    """
    static = (
        ("size", sizes_of((size,))),
        ("stride", sizes_of((stride,), "stride")),
        ("storage_offset", storage_offset or 0),
    )
    return run(rows.as_strided_scatter, (input, src), static)


def unravel_index(indices: Any, shape: Any) -> tuple[Any, ...]:
    """Flat positions as one tensor of positions for each dimension of a shape.

    Dtypes:
        Integers; the result has the input's.

    Raises:
        ValueError: the indices are no integers.

    Example:
        >>> import flambeau as torch
        >>> torch.unravel_index(torch.tensor([1, 5]), (2, 3))
        (tensor([0, 1]), tensor([1, 2]))

    Follows ``torch.unravel_index``.
    """
    if value_of(indices).aval.dtype.kind not in "iu":
        raise ValueError(f"expected 'indices' to be integer dtype, but got {indices.dtype}")
    result, step = [], 1
    for n in reversed(sizes_of((shape,), "shape")):
        if n < 0:
            raise ValueError(f"'shape' cannot have negative values, but got {tuple(shape)}")
        result.append((indices // step) % max(n, 1))
        step *= max(n, 1)
    return tuple(reversed(result))


def iterate(t: Any) -> Any:
    """Iterate over the first dimension.

    Raises:
        TypeError: the tensor has no dimension.
    """
    if value_of(t).aval.ndim == 0:
        raise TypeError("iteration over a 0-d tensor")
    return iter(unbind(t, 0))


__all__ = [
    "argwhere", "as_strided_scatter", "diagonal_scatter", "gather", "index_add", "index_copy",
    "index_fill", "index_put", "index_reduce", "index_select", "masked_fill", "masked_scatter",
    "masked_select", "nonzero", "nonzero_static", "one_hot", "put", "scatter", "scatter_add",
    "scatter_reduce", "select_scatter", "slice_scatter", "take", "take_along_dim",
    "unravel_index", "where",
]  # fmt: skip
