"""Shapes: the public functions over :mod:`flambeau._ops.shape`."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Sequence
from typing import Any

from flambeau._ops import shape as rows
from flambeau._ops._dims import canonical_dim, canonical_dims
from flambeau._tensor import dtypes
from flambeau._tensor.core import TensorBase, value_of, wrap
from flambeau._tensor.dispatch import public, run
from flambeau._tensor.strides import (
    contiguous_strides,
    layout,
    viewed_strides,
)
from flambeau._tensor.strides import (
    is_contiguous as _row_major,
)

transpose = public(rows.transpose)
unsqueeze = public(rows.unsqueeze)
select = public(rows.select)
diagonal = public(rows.diagonal)
unfold = public(rows.unfold)
real = public(rows.real)
imag = public(rows.imag)
view_as_real = public(rows.view_as_real)
view_as_complex = public(rows.view_as_complex)


def sizes_of(args: tuple[Any, ...], name: str = "size") -> tuple[int, ...]:
    """Sizes given one by one, or as one sequence.

    Raises:
        TypeError: one of them is not an integer.
    """
    if len(args) == 1 and isinstance(args[0], (tuple, list)):
        args = tuple(args[0])
    try:
        return tuple([operator.index(a) for a in args])
    except TypeError:
        bad = next(a for a in args if not hasattr(a, "__index__"))
        raise TypeError(
            f"argument '{name}' must be tuple of ints, but found element of type "
            f"{type(bad).__name__}"
        ) from None


def _shape(t: Any) -> tuple[int, ...]:
    return value_of(t).aval.shape


def view(input: Any, *shape: Any, dtype: Any = None, size: Any = None) -> Any:
    """The same elements in another shape, or the same bytes as another dtype.

    Args:
        input: the tensor.
        *shape: sizes, one of which may be -1; or a dtype.
        dtype: the dtype, by keyword.
        size: the sizes, by keyword.

    Raises:
        RuntimeError: the shape holds another number of elements, or cannot be had without a
            copy (use ``reshape``).

    Example:
        >>> import flambeau as torch
        >>> torch.arange(6).view(2, 3).shape
        torch.Size([2, 3])

    Follows ``torch.Tensor.view``.
    """
    if len(shape) == 1 and isinstance(shape[0], dtypes.dtype):
        dtype = shape[0]
    if dtype is not None:
        want = dtypes.as_dtype(dtype).numpy
        if want == value_of(input).aval.dtype:
            from flambeau._tensor.indexing import alias

            return alias(input)
        return run(rows.view_dtype, (input,), (("dtype", want),))
    new = sizes_of(shape if size is None else (size,))
    if input._chain is not None:
        full = rows.infer_shape(new, value_of(input).aval.size)
        if viewed_strides(*layout(input)[:2], full) is None:
            raise RuntimeError(
                "view size is not compatible with input tensor's size and stride (at least one "
                "dimension spans across two contiguous subspaces). Use .reshape(...) instead."
            )
    return run(rows.view, (input,), (("shape", new),))


def reshape(input: Any, *args: Any, shape: Any = None) -> Any:
    """The elements in another shape: a view where the strides allow it, a copy elsewhere.

    Args:
        input: the tensor.
        *args: the sizes, one by one or as one sequence; one of them may be -1.
        shape: the sizes, by keyword.

    Dtypes:
        Any; the result has the input's.

    Raises:
        RuntimeError: the shape holds another number of elements.

    Example:
        >>> import flambeau as torch
        >>> torch.reshape(torch.arange(6), (2, -1)).shape
        torch.Size([2, 3])

    Follows ``torch.reshape``.
    """
    new = sizes_of(args if shape is None else (shape,), "shape")
    if input._chain is not None:
        full = rows.infer_shape(new, value_of(input).aval.size)
        if viewed_strides(*layout(input)[:2], full) is None:
            return run(rows.reshape, (input,), (("shape", full),))
    return run(rows.view, (input,), (("shape", new),))


def view_as(input: Any, other: Any) -> Any:
    """A view in the shape of another tensor. Follows ``torch.Tensor.view_as``."""
    return view(input, _shape(other))


def reshape_as(input: Any, other: Any) -> Any:
    """The elements in the shape of another tensor. Follows ``torch.Tensor.reshape_as``."""
    return reshape(input, _shape(other))


def permute(input: Any, *args: Any, dims: Any = None) -> Any:
    """The dimensions in another order: output dimension i is input dimension ``dims[i]``.

    Dtypes:
        Any; the result has the input's.

    Raises:
        RuntimeError: ``dims`` does not name each dimension once.

    Example:
        >>> import flambeau as torch
        >>> torch.permute(torch.zeros(2, 3, 5), (2, 0, 1)).shape
        torch.Size([5, 2, 3])

    Follows ``torch.permute``.
    """
    order = sizes_of(args if dims is None else (dims,), "dims")
    return run(rows.permute, (input,), (("dims", order),))


def t(input: Any) -> Any:
    """A matrix transposed; tensors of fewer dimensions as they are.

    Shape:
        ``(M, N)`` to ``(N, M)``; fewer dimensions stay.

    Dtypes:
        Any; the result has the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.t(torch.tensor([[1, 2], [3, 4]]))
        tensor([[1, 3],
                [2, 4]])

    Follows ``torch.t``.
    """
    ndim = value_of(input).aval.ndim
    if ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {ndim}D")
    return run(rows.transpose, (input,), (("dim0", 0), ("dim1", 0 if ndim < 2 else 1)))


def swapaxes(input: Any, axis0: int, axis1: int) -> Any:
    """Two dimensions exchanged.

    Shape:
        The two dimensions change places; the rest of ``(*)`` stays.

    Dtypes:
        Any; the result has the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.swapaxes(torch.ones(1, 2), 0, 1)
        tensor([[1.],
                [1.]])

    Follows ``torch.swapaxes``.
    """
    return transpose(input, axis0, axis1)


def swapdims(input: Any, dim0: int, dim1: int) -> Any:
    """Two dimensions exchanged.

    Shape:
        The two dimensions change places; the rest of ``(*)`` stays.

    Dtypes:
        Any; the result has the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.swapdims(torch.ones(1, 2), 0, 1)
        tensor([[1.],
                [1.]])

    Follows ``torch.swapdims``.
    """
    return transpose(input, dim0, dim1)


def adjoint(input: Any) -> Any:
    """The last two dimensions exchanged, and conjugated.

    Shape:
        ``(*, M, N)`` to ``(*, N, M)``.

    Dtypes:
        Any; the result has the input's.

    Raises:
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.adjoint(torch.tensor([[1 + 2j, 3j]]))
        tensor([[1.-2.j],
                [0.-3.j]])

    Follows ``torch.adjoint``.
    """
    if value_of(input).aval.ndim < 2:
        raise RuntimeError(
            f"tensor.adjoint() is only supported on matrices or batches of matrices. Got "
            f"{value_of(input).aval.ndim}-D tensor."
        )
    turned = transpose(input, -2, -1)
    return turned.conj() if value_of(input).aval.dtype.kind == "c" else turned


def movedim(input: Any, source: Any, destination: Any) -> Any:
    """Dimensions moved to other places, the rest keeping their order.

    Dtypes:
        Any; the result has the input's.

    Raises:
        IndexError: a dimension is none of the input's.

    Example:
        >>> import flambeau as torch
        >>> torch.movedim(torch.zeros(2, 3, 5), 0, -1).shape
        torch.Size([3, 5, 2])

    Follows ``torch.movedim``.
    """
    ndim = value_of(input).aval.ndim
    source = (source,) if not isinstance(source, (tuple, list)) else source
    destination = (destination,) if not isinstance(destination, (tuple, list)) else destination
    if len(source) != len(destination):
        raise RuntimeError(
            "movedim: Invalid source or destination dims: source "
            f"({list(source)} dims) should contain the same number of dims as destination "
            f"({list(destination)} dims)"
        )
    try:
        old = canonical_dims(source, ndim)
    except RuntimeError:
        raise RuntimeError(f"movedim: repeated dim in `source` ({list(source)})") from None
    try:
        new = canonical_dims(destination, ndim)
    except RuntimeError:
        raise RuntimeError(
            f"movedim: repeated dim in `destination` ({list(destination)})"
        ) from None
    if ndim == 0:
        return run(rows.permute, (input,), (("dims", ()),))
    order = [d for d in range(ndim) if d not in old]
    for place, d in sorted(zip(new, old, strict=True)):
        order.insert(place, d)
    return run(rows.permute, (input,), (("dims", tuple(order)),))


def moveaxis(input: Any, source: Any, destination: Any) -> Any:
    """Dimensions moved to other places.

    Shape:
        Dimensions move; their sizes stay.

    Dtypes:
        Any; the result has the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.moveaxis(torch.ones(1, 2), 0, 1)
        tensor([[1.],
                [1.]])

    Follows ``torch.moveaxis``.
    """
    return movedim(input, source, destination)


def squeeze(input: Any, dim: Any = None) -> Any:
    """Without the dimensions of size 1, or without those of ``dim`` that have size 1.

    Dtypes:
        Any; the result has the input's.

    Raises:
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.squeeze(torch.zeros(1, 3, 1)).shape
        torch.Size([3])

    Follows ``torch.squeeze``.
    """
    if dim is not None:
        dim = sizes_of((dim,), "dim")
    return run(rows.squeeze, (input,), (("dim", dim),))


def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    """Dimensions ``start_dim`` to ``end_dim`` made one.

    Dtypes:
        Any; the result has the input's.

    Raises:
        IndexError: a dimension is none of the input's.

    Example:
        >>> import flambeau as torch
        >>> torch.flatten(torch.zeros(2, 3, 5), start_dim=1).shape
        torch.Size([2, 15])

    Follows ``torch.flatten``.
    """
    shape = _shape(input)
    first, last = canonical_dim(start_dim, len(shape)), canonical_dim(end_dim, len(shape))
    if first > last:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if not shape:
        return reshape(input, 1)
    if first == last:
        return input
    return reshape(input, (*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :]))


def ravel(input: Any) -> Any:
    """All elements in one dimension.

    Shape:
        ``(*)`` of N elements to ``(N,)``.

    Dtypes:
        Any; the result has the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.ravel(torch.tensor([[1, 2], [3, 4]]))
        tensor([1, 2, 3, 4])

    Follows ``torch.ravel``.
    """
    return reshape(input, -1)


def unflatten(input: Any, dim: int, sizes: Any) -> Any:
    """Dimension ``dim`` split into several; one size may be -1.

    Dtypes:
        Any; the result has the input's.

    Raises:
        RuntimeError: the sizes do not make up that of ``dim``.

    Example:
        >>> import flambeau as torch
        >>> torch.unflatten(torch.zeros(3, 4), 1, (2, -1)).shape
        torch.Size([3, 2, 2])

    Follows ``torch.unflatten``.
    """
    shape = _shape(input)
    at = canonical_dim(dim, len(shape))
    parts = sizes_of((sizes,), "sizes")
    if not parts:
        raise RuntimeError("unflatten: sizes must be non-empty")
    have = shape[at] if shape else 1
    try:
        parts = rows.infer_shape(parts, have)
    except RuntimeError:
        raise RuntimeError(
            f"unflatten: Provided sizes {list(parts)} don't multiply up to the size of dim {at} "
            f"({have}) in the input tensor"
        ) from None
    return view(input, (*shape[:at], *parts, *shape[at + 1 :]))


def expand(input: Any, *args: Any, size: Any = None, implicit: bool = False) -> Any:
    """Dimensions of size 1 repeated to ``size`` without a copy; -1 keeps a size.

    Example:
        >>> import flambeau as torch
        >>> torch.tensor([[1], [2]]).expand(2, 3).shape
        torch.Size([2, 3])

    Follows ``torch.Tensor.expand``.
    """
    static = (("size", sizes_of(args if size is None else (size,))),)
    return run(rows.expand, (input,), static)


def expand_as(input: Any, other: Any) -> Any:
    """Expanded to the shape of another tensor. Follows ``torch.Tensor.expand_as``."""
    return expand(input, _shape(other))


def broadcast_to(input: Any, size: Any) -> Any:
    """Broadcast to a shape, without a copy.

    Dtypes:
        Any; the result has the input's.

    Raises:
        RuntimeError: the shape of the input does not broadcast to ``shape``.

    Example:
        >>> import flambeau as torch
        >>> torch.broadcast_to(torch.tensor([1, 2]), (2, 2))
        tensor([[1, 2],
                [1, 2]])

    Follows ``torch.broadcast_to``.
    """
    return expand(input, size)


def broadcast_shapes(*shapes: Any) -> Any:
    """The shape to which the given shapes broadcast.

    Raises:
        RuntimeError: they do not.

    Example:
        >>> import flambeau as torch
        >>> torch.broadcast_shapes((2, 1), (3,))
        torch.Size([2, 3])

    Follows ``torch.broadcast_shapes``.
    """
    from flambeau._tensor.size import Size

    plain = [(s,) if isinstance(s, int) else tuple(s) for s in shapes]
    result = [1] * max((len(s) for s in plain), default=0)
    for shape in plain:
        for i in range(-1, -len(shape) - 1, -1):
            n = shape[i]
            if n < 0:
                raise RuntimeError(f"Trying to create tensor with negative dimension ({n}): ({n})")
            if n == 1 or n == result[i]:
                continue
            if result[i] != 1:
                raise RuntimeError("Shape mismatch: objects cannot be broadcast to a single shape")
            result[i] = n
    return Size(result)


def broadcast_tensors(*tensors: Any) -> tuple[Any, ...]:
    """All tensors expanded to their common shape.

    Dtypes:
        Any; the result has the input's.

    Raises:
        RuntimeError: the shapes do not broadcast.

    Example:
        >>> import flambeau as torch
        >>> torch.broadcast_tensors(torch.tensor([1, 2]), torch.tensor([[3]]))
        (tensor([[1, 2]]), tensor([[3, 3]]))

    Follows ``torch.broadcast_tensors``.
    """
    if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
        tensors = tuple(tensors[0])
    shape = tuple(_broadcast([_shape(x) for x in tensors]))
    return tuple(x if _shape(x) == shape else expand(x, shape) for x in tensors)


def _broadcast(shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    ndim = max((len(s) for s in shapes), default=0)
    result = [1] * ndim
    for shape in shapes:
        for i in range(1, len(shape) + 1):
            n = shape[-i]
            if n == 1 or result[-i] == n:
                continue
            if result[-i] != 1:
                raise RuntimeError(
                    f"The size of tensor a ({result[-i]}) must match the size of tensor b ({n}) "
                    f"at non-singleton dimension {ndim - i}"
                )
            result[-i] = n
    return tuple(result)


def narrow(input: Any, dim: int, start: Any, length: int) -> Any:
    """``length`` elements of dimension ``dim`` from ``start``.

    Shape:
        ``(*, N, *)`` to ``(*, length, *)``.

    Dtypes:
        Any; the result has the input's.

    Raises:
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.narrow(torch.arange(5), 0, 1, 3)
        tensor([1, 2, 3])

    Follows ``torch.narrow``.
    """
    from flambeau._tensor.indexing import slice_view

    shape = _shape(input)
    if not shape:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    at = canonical_dim(dim, len(shape))
    length = operator.index(length)
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    whole = not isinstance(start, TensorBase) or (start.ndim == 0 and start.dtype.category == 1)
    if not whole:
        raise RuntimeError("start must be an 0-dim integral Tensor.")
    begin = operator.index(start)  # pyright: ignore[reportArgumentType]
    size = shape[at]
    if not -size <= begin <= size:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-size}, {size}], but got "
            f"{begin})"
        )
    begin += size if begin < 0 else 0
    if begin + length > size:
        raise RuntimeError(f"start ({begin}) + length ({length}) exceeds dimension size ({size}).")
    return slice_view(input, at, begin, length, 1)


def _part(input: Any, dim: int, start: int, length: int) -> Any:
    static = (("dim", dim), ("start", start), ("end", start + length), ("step", 1))
    return run(rows.slice, (input,), static)


def split_with_sizes(input: Any, split_sizes: Any, dim: int = 0) -> tuple[Any, ...]:
    """Views of consecutive pieces of the given sizes.

    Shape:
        ``(*, N, *)`` to parts ``(*, N_i, *)`` along ``dim``.

    Dtypes:
        Any; the result has the input's.

    Raises:
        IndexError: ``dim`` is no dimension of the input.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.split_with_sizes(torch.arange(5), [1, 4])
        (tensor([0]), tensor([1, 2, 3, 4]))

    Follows ``torch.split_with_sizes``.
    """
    shape = _shape(input)
    if not shape:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    dim = canonical_dim(dim, len(shape))
    sizes = sizes_of((split_sizes,), "split_sizes")
    if any(n < 0 for n in sizes):
        raise RuntimeError(
            "split_with_sizes expects split_sizes have only non-negative entries, but got "
            f"split_sizes={list(sizes)}"
        )
    if sum(sizes) != shape[dim]:
        raise RuntimeError(
            f"split_with_sizes expects split_sizes to sum exactly to {shape[dim]} (input "
            f"tensor's size at dimension {dim}), but got split_sizes={list(sizes)}"
        )
    result, start = [], 0
    for n in sizes:
        result.append(_part(input, dim, start, n))
        start += n
    return tuple(result)


def split(tensor: Any, split_size_or_sections: Any, dim: int = 0) -> tuple[Any, ...]:
    """Views of consecutive pieces: of one size (the last may be smaller), or of given sizes.

    Shape:
        ``(*, N, *)`` to parts ``(*, N_i, *)`` along ``dim``.

    Dtypes:
        Any; the result has the input's.

    Raises:
        IndexError: ``dim`` is no dimension of the input.
        RuntimeError: the input has no dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.split(torch.arange(5), 2)
        (tensor([0, 1]), tensor([2, 3]), tensor([4]))

    Follows ``torch.split``.
    """
    if isinstance(split_size_or_sections, (tuple, list)):
        return split_with_sizes(tensor, split_size_or_sections, dim)
    shape = _shape(tensor)
    if not shape:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    dim = canonical_dim(dim, len(shape))
    size, length = operator.index(split_size_or_sections), shape[dim]
    if size < 0:
        raise RuntimeError(f"split expects split_size be non-negative, but got split_size={size}")
    if size == 0 and length:
        raise RuntimeError(
            f"split_size can only be 0 if dimension size is 0, but got dimension size of {length}"
        )
    starts = range(0, length, size) if length else (0,)
    return tuple(_part(tensor, dim, i, min(size, length - i)) for i in starts)


def chunk(input: Any, chunks: int, dim: int = 0) -> tuple[Any, ...]:
    """Views of at most ``chunks`` pieces of one size, the last perhaps smaller.

    Shape:
        ``(*, N, *)`` to parts ``(*, N_i, *)`` along ``dim``.

    Dtypes:
        Any; the result has the input's.

    Raises:
        IndexError: ``dim`` is no dimension of the input.
        RuntimeError: the input has no dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.chunk(torch.arange(5), 2)
        (tensor([0, 1, 2]), tensor([3, 4]))

    Follows ``torch.chunk``.
    """
    shape = _shape(input)
    if not shape:
        raise RuntimeError("chunk expects at least a 1-dimensional tensor")
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    dim = canonical_dim(dim, len(shape))
    size = -(-shape[dim] // chunks)
    if size == 0:
        return tuple(_part(input, dim, 0, 0) for _ in range(chunks))
    return split(input, size, dim)


def tensor_split(input: Any, indices_or_sections: Any, dim: int = 0) -> tuple[Any, ...]:
    """Views of nearly equal pieces, or of the pieces between given positions.

    Shape:
        ``(*, N, *)`` to parts ``(*, N_i, *)`` along ``dim``.

    Dtypes:
        Any; the result has the input's.

    Raises:
        IndexError: ``dim`` is no dimension of the input.
        RuntimeError: the input has no dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.tensor_split(torch.arange(5), 2)
        (tensor([0, 1, 2]), tensor([3, 4]))

    Follows ``torch.tensor_split``.
    """
    shape = _shape(input)
    if not shape:
        raise RuntimeError(
            "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims"
        )
    dim = canonical_dim(dim, len(shape))
    if isinstance(indices_or_sections, TensorBase):
        given = indices_or_sections.tolist()
        indices_or_sections = given
    length = shape[dim]
    if isinstance(indices_or_sections, (tuple, list)):
        bounds = [0, *(operator.index(i) for i in indices_or_sections), length]
        result = []
        for i, (start, end) in enumerate(itertools.pairwise(bounds)):
            first, last, _ = rows.slice_bounds(length, start, None if i == len(bounds) - 2 else end)
            result.append(_part(input, dim, first, last - first))
        return tuple(result)
    sections = operator.index(indices_or_sections)
    if sections <= 0:
        raise RuntimeError(f"number of sections must be larger than 0, got {sections}")
    small, more = divmod(length, sections)
    return split_with_sizes(input, [small + (i < more) for i in range(sections)], dim)


def _split_along(name: str, input: Any, indices_or_sections: Any, dim: int, least: int) -> Any:
    shape = _shape(input)
    if len(shape) < least:
        raise RuntimeError(
            f"torch.{name} requires a tensor with at least {least} dimension"
            f"{'s' if least > 1 else ''}, but got a tensor with {len(shape)} dimensions!"
        )
    if isinstance(indices_or_sections, int):
        if indices_or_sections <= 0 or shape[dim] % indices_or_sections:
            raise RuntimeError(
                f"torch.{name} attempted to split along dimension {dim}, but the size of the "
                f"dimension {shape[dim]} is not divisible by the split_size "
                f"{indices_or_sections}!"
            )
    return tensor_split(input, indices_or_sections, dim)


def hsplit(input: Any, indices_or_sections: Any) -> tuple[Any, ...]:
    """Views of pieces along dimension 1 (0 for a vector).

    Shape:
        ``(*, N, *)`` to parts ``(*, N_i, *)`` along ``dim``.

    Dtypes:
        Any; the result has the input's.

    Raises:
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.hsplit(torch.arange(4), 2)
        (tensor([0, 1]), tensor([2, 3]))

    Follows ``torch.hsplit``.
    """
    dim = 0 if value_of(input).aval.ndim == 1 else 1
    return _split_along("hsplit", input, indices_or_sections, dim, 1)


def vsplit(input: Any, indices_or_sections: Any) -> tuple[Any, ...]:
    """Views of pieces along dimension 0.

    Dtypes:
        Any; the result has the input's.

    Raises:
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.vsplit(torch.arange(4).reshape(2, 2), 2)
        (tensor([[0, 1]]), tensor([[2, 3]]))

    Follows ``torch.vsplit``.
    """
    return _split_along("vsplit", input, indices_or_sections, 0, 2)


def dsplit(input: Any, indices_or_sections: Any) -> tuple[Any, ...]:
    """Views of pieces along dimension 2.

    Dtypes:
        Any; the result has the input's.

    Raises:
        RuntimeError: the input has fewer than three dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.dsplit(torch.arange(4).reshape(1, 2, 2), 2)
        (tensor([[[0],
                 [2]]]), tensor([[[1],
                 [3]]]))

    Follows ``torch.dsplit``.
    """
    return _split_along("dsplit", input, indices_or_sections, 2, 3)


def unbind(input: Any, dim: int = 0) -> tuple[Any, ...]:
    """Views of all slices along a dimension, without it.

    Shape:
        ``(*, N, *)`` to N tensors ``(*)`` without the dimension.

    Dtypes:
        Any; the result has the input's.

    Raises:
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.unbind(torch.tensor([[1, 2], [3, 4]]))
        (tensor([1, 2]), tensor([3, 4]))

    Follows ``torch.unbind``.
    """
    shape = _shape(input)
    if not shape:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    dim = canonical_dim(dim, len(shape))
    return tuple(
        run(rows.select, (input,), (("dim", dim), ("index", i))) for i in range(shape[dim])
    )


def _at_least(one: Any, tensors: tuple[Any, ...]) -> Any:
    if len(tensors) == 1 and isinstance(tensors[0], TensorBase):
        return one(tensors[0])
    if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
        tensors = tuple(tensors[0])
    return tuple(one(x) for x in tensors)


def atleast_1d(*tensors: Any) -> Any:
    """Tensors with at least one dimension.

    Shape:
        ``()`` to ``(1,)``; others stay.

    Dtypes:
        Any; the result has the input's.

    Raises:
        TypeError: an argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.atleast_1d(torch.tensor(1))
        tensor([1])

    Follows ``torch.atleast_1d``.
    """
    return _at_least(lambda x: x if x.ndim else reshape(x, 1), tensors)


def atleast_2d(*tensors: Any) -> Any:
    """Tensors with at least two dimensions, new ones in front.

    Shape:
        ``()`` and ``(N,)`` to ``(1, 1)`` and ``(1, N)``; others stay.

    Dtypes:
        Any; the result has the input's.

    Raises:
        TypeError: an argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.atleast_2d(torch.tensor(1))
        tensor([[1]])

    Follows ``torch.atleast_2d``.
    """

    def one(x: Any) -> Any:
        return x if x.ndim >= 2 else (unsqueeze(x, 0) if x.ndim else reshape(x, 1, 1))

    return _at_least(one, tensors)


def atleast_3d(*tensors: Any) -> Any:
    """Tensors with at least three dimensions.

    Shape:
        ``()``, ``(N,)`` and ``(M, N)`` to ``(1, 1, 1)``, ``(1, N, 1)`` and ``(M, N, 1)``;
        others stay.

    Dtypes:
        Any; the result has the input's.

    Raises:
        TypeError: an argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.atleast_3d(torch.tensor(1))
        tensor([[[1]]])

    Follows ``torch.atleast_3d``.
    """

    def one(x: Any) -> Any:
        if x.ndim == 0:
            return reshape(x, 1, 1, 1)
        if x.ndim == 1:
            return unsqueeze(unsqueeze(x, 0), -1)
        return unsqueeze(x, -1) if x.ndim == 2 else x

    return _at_least(one, tensors)


def as_strided(input: Any, size: Any, stride: Any, storage_offset: int | None = None) -> Any:
    """A view with any size, strides and offset over the memory of a tensor.

    Shape:
        Any to ``size``.

    Dtypes:
        Any; the result has the input's.

    Raises:
        RuntimeError: it reaches outside the memory.

    Example:
        >>> import flambeau as torch
        >>> torch.as_strided(torch.arange(4), (2, 2), (1, 1))
        tensor([[0, 1],
                [1, 2]])

    Follows ``torch.as_strided``.
    """
    sizes, steps = sizes_of((size,)), sizes_of((stride,), "stride")
    offset = layout(input).offset if storage_offset is None else storage_offset
    source = input
    if input._chain is not None:
        source = input._base if input._base is not None else None
        if source is None:
            source = wrap(input._storage.value)
            source._storage = input._storage
        if source._chain is not None:
            at = layout(source)
            if not _row_major(*at[:2]):
                raise RuntimeError(
                    "as_strided: the tensor is a view of a detached view that is not "
                    "contiguous; call .contiguous() on that first"
                )
            offset -= at.offset
    static = (("size", sizes), ("stride", steps), ("storage_offset", offset))
    return run(rows.as_strided, (source,), static)


def stride(input: Any, dim: int | None = None) -> Any:
    """Elements between neighbours in each dimension, or in one. Follows ``torch.Tensor.stride``."""
    found = layout(input).stride
    return found if dim is None else found[canonical_dim(dim, len(found))]


def storage_offset(input: Any) -> int:
    """Where the first element lies in the memory. Follows ``torch.Tensor.storage_offset``."""
    return layout(input).offset


def is_contiguous(input: Any, *, memory_format: Any = None) -> bool:
    """Whether the elements lie in row-major order. Follows ``torch.Tensor.is_contiguous``."""
    if input._chain is None:
        return True
    return _row_major(*layout(input)[:2])


def contiguous(input: Any, *, memory_format: Any = None) -> Any:
    """The tensor itself if it is contiguous, a copy otherwise.

    Follows ``torch.Tensor.contiguous``.
    """
    return input if is_contiguous(input) else input.clone()


__all__ = [
    "adjoint", "as_strided", "atleast_1d", "atleast_2d", "atleast_3d", "broadcast_shapes",
    "broadcast_tensors", "broadcast_to", "chunk", "contiguous", "contiguous_strides", "diagonal",
    "dsplit", "expand", "expand_as", "flatten", "hsplit", "imag", "is_contiguous", "moveaxis",
    "movedim", "narrow", "permute", "ravel", "real", "reshape", "reshape_as", "select", "split",
    "split_with_sizes", "squeeze", "storage_offset", "stride", "swapaxes", "swapdims", "t",
    "tensor_split", "transpose", "unbind", "unflatten", "unfold", "unsqueeze", "view", "view_as",
    "view_as_complex", "view_as_real", "vsplit",
]  # fmt: skip
