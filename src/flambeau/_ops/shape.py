"""Views: rows whose result shares the elements of their first argument.

Each row has a ``scatter`` inverse, ``scatter(base, new, **static)``: the base with the
viewed elements replaced. Rows whose result may show one element twice (``expand``,
``unfold``, ``as_strided``) are in :data:`OVERLAPPING`; a chain of views that holds one of
them is written through flat indices instead, see :func:`flat_indices`. :data:`REINTERPRETING` rows
read the bytes as another dtype.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jax import lax

from flambeau._ops._dims import canonical_dim, canonical_dims
from flambeau._ops.registry import Array, Dims, DType, OptDims, Scalar, op

OVERLAPPING = frozenset({"expand", "unfold", "as_strided"})
REINTERPRETING = frozenset({"real", "imag", "view_as_real", "view_as_complex", "view_dtype"})


def infer_shape(shape: Sequence[int], numel: int) -> tuple[int, ...]:
    """``shape`` with its -1 replaced so that it holds ``numel`` elements.

    Raises:
        RuntimeError: no size fits, or more than one would.
    """
    sizes = list(shape)
    unknown = [i for i, size in enumerate(sizes) if size == -1]
    if len(unknown) > 1:
        raise RuntimeError("only one dimension can be inferred")
    for i, size in enumerate(sizes):
        if size < -1:
            raise RuntimeError(
                f"invalid shape dimension {size} at index {i} of shape {list(shape)}"
            )
    known = math.prod(size for size in sizes if size != -1)
    if unknown:
        if known == 0:
            if numel == 0:
                raise RuntimeError(
                    f"cannot reshape tensor of 0 elements into shape {sizes} because the "
                    "unspecified dimension size -1 can be any value and is ambiguous"
                )
        elif numel % known == 0:
            sizes[unknown[0]] = numel // known
            return tuple(sizes)
    elif known == numel:
        return tuple(sizes)
    raise RuntimeError(f"shape '{list(shape)}' is invalid for input of size {numel}")


def _unview(base: Array, new: Array, shape: Dims) -> Array:
    return jnp.reshape(new, base.shape)


@op(view=True, scatter=_unview)
def view(input: Array, shape: Dims) -> Array:
    """The same elements in another shape; one size may be -1.

    Shape:
        Input: any shape of N elements. Output: ``shape``, N elements.

    Raises:
        RuntimeError: the shape holds another number of elements.

    Follows ``torch.Tensor.view``.
    """
    return jnp.reshape(input, infer_shape(shape, input.size))


@op()
def reshape(input: Array, shape: Dims) -> Array:
    """A copy of the elements in another shape; one size may be -1.

    The public function returns a view instead wherever the strides allow it.

    Example:
        >>> import flambeau as torch
        >>> torch.reshape(torch.arange(6), (2, -1)).shape
        torch.Size([2, 3])

    Follows ``torch.reshape``.
    """
    return jnp.reshape(input, infer_shape(shape, input.size))


def _unpermute(base: Array, new: Array, dims: Dims) -> Array:
    order = canonical_dims(dims, base.ndim)
    return jnp.transpose(new, [order.index(d) for d in range(base.ndim)])


@op(view=True, scatter=_unpermute)
def permute(input: Array, dims: Dims) -> Array:
    """The dimensions in another order: output dimension i is input dimension ``dims[i]``.

    Raises:
        RuntimeError: ``dims`` does not name each dimension once.

    Example:
        >>> import flambeau as torch
        >>> torch.permute(torch.zeros(2, 3, 5), (2, 0, 1)).shape
        torch.Size([5, 2, 3])

    Follows ``torch.permute``.
    """
    if len(dims) != input.ndim:
        raise RuntimeError(
            "permute(sparse_coo): number of dimensions in the tensor input does not match the "
            f"length of the desired ordering of dimensions i.e. input.dim() = {input.ndim} is "
            f"not equal to len(dims) = {len(dims)}".replace("(sparse_coo)", "")
        )
    try:
        order = canonical_dims(dims, input.ndim)
    except RuntimeError:
        raise RuntimeError("permute(): duplicate dims are not allowed.") from None
    return jnp.transpose(input, order)


def _untranspose(base: Array, new: Array, dim0: int, dim1: int) -> Array:
    return new if base.ndim == 0 else jnp.swapaxes(new, dim0, dim1)


@op(view=True, scatter=_untranspose)
def transpose(input: Array, dim0: int, dim1: int) -> Array:
    """Dimensions ``dim0`` and ``dim1`` exchanged.

    Dtypes:
        Any; the result has the input's.

    Raises:
        IndexError: a dimension is none of the input's.

    Example:
        >>> import flambeau as torch
        >>> torch.transpose(torch.tensor([[1, 2, 3]]), 0, 1).shape
        torch.Size([3, 1])

    Follows ``torch.transpose``.
    """
    first, second = canonical_dim(dim0, input.ndim), canonical_dim(dim1, input.ndim)
    return input if input.ndim == 0 else jnp.swapaxes(input, first, second)


def squeezed_dims(shape: Sequence[int], dim: OptDims) -> tuple[int, ...]:
    """The dimensions of size 1 that ``squeeze(dim)`` removes."""
    if dim is None:
        return tuple(d for d, size in enumerate(shape) if size == 1)
    if not shape:
        for d in dim:
            canonical_dim(d, 0)
        return ()
    return tuple(sorted(d for d in canonical_dims(dim, len(shape)) if shape[d] == 1))


def _same_elements(base: Array, new: Array, dim: OptDims = None) -> Array:
    return jnp.reshape(new, base.shape)


@op(view=True, scatter=_same_elements)
def squeeze(input: Array, dim: OptDims = None) -> Array:
    """Without the dimensions of size 1, or without those of ``dim`` that have size 1.

    Example:
        >>> import flambeau as torch
        >>> torch.squeeze(torch.zeros(1, 3, 1)).shape
        torch.Size([3])

    Follows ``torch.squeeze``.
    """
    return lax.squeeze(input, squeezed_dims(input.shape, dim))


@op(view=True, scatter=_same_elements)
def unsqueeze(input: Array, dim: int) -> Array:
    """With a dimension of size 1 inserted at ``dim``.

    Dtypes:
        Any; the result has the input's.

    Raises:
        IndexError: ``dim`` is no dimension of the result.

    Example:
        >>> import flambeau as torch
        >>> torch.unsqueeze(torch.zeros(3), -1).shape
        torch.Size([3, 1])

    Follows ``torch.unsqueeze``.
    """
    return jnp.expand_dims(input, canonical_dim(dim, input.ndim + 1))


def expanded_shape(shape: Sequence[int], size: Sequence[int]) -> tuple[int, ...]:
    """The shape that ``expand(size)`` gives to ``shape``; -1 keeps a size.

    Raises:
        RuntimeError: a dimension that is not 1 would change, or there are too few sizes.
    """
    extra = len(size) - len(shape)
    if extra < 0:
        raise RuntimeError(
            f"expand(Tensor{list(shape)}, size={list(size)}): the number of sizes provided "
            f"({len(size)}) must be greater or equal to the number of dimensions in the tensor "
            f"({len(shape)})"
        )
    result = []
    for i, wanted in enumerate(size):
        have = shape[i - extra] if i >= extra else None
        if wanted == -1:
            if have is None:
                raise RuntimeError(
                    f"The expanded size of the tensor ({wanted}) isn't allowed in a leading, "
                    f"non-existing dimension {i}"
                )
            result.append(have)
        elif wanted < 0 or (have is not None and have not in (1, wanted)):
            raise RuntimeError(
                f"The expanded size of the tensor ({wanted}) must match the existing size "
                f"({have}) at non-singleton dimension {i}.  Target sizes: {list(size)}.  "
                f"Tensor sizes: {list(shape)}"
            )
        else:
            result.append(wanted)
    return tuple(result)


def _unexpand(base: Array, new: Array, size: Dims) -> Array:
    extra = new.ndim - base.ndim
    kept = new[(0,) * extra] if new.size else base
    for d, have in enumerate(base.shape):
        if kept.shape[d] != have:
            kept = lax.slice_in_dim(kept, 0, have, axis=d)
    return kept


@op(view=True, scatter=_unexpand)
def expand(input: Array, size: Dims) -> Array:
    """Dimensions of size 1 repeated to ``size`` without a copy; -1 keeps a size.

    Example:
        >>> import flambeau as torch
        >>> torch.tensor([[1], [2]]).expand(2, 3).shape
        torch.Size([2, 3])

    Follows ``torch.Tensor.expand``.
    """
    return jnp.broadcast_to(input, expanded_shape(input.shape, size))


def _along(ndim: int, dim: int, item: object) -> tuple[object, ...]:
    return (*(slice_(None),) * dim, item, *(slice_(None),) * (ndim - dim - 1))


slice_ = slice  # the builtin; `slice` is a row below


def checked_index(index: int, dim: int, shape: Sequence[int]) -> tuple[int, int]:
    """The non-negative forms of ``dim`` and of ``index`` in it, for ``select``.

    Raises:
        IndexError: either is out of range, or the tensor is 0-d.
    """
    if not shape:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    dim = canonical_dim(dim, len(shape))
    size = shape[dim]
    if not -size <= index < size:
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {list(shape)} "
            f"at dimension {dim}"
        )
    return dim, index + size if index < 0 else index


def _unselect(base: Array, new: Array, dim: int, index: int) -> Array:
    dim, index = checked_index(index, dim, base.shape)
    return lax.dynamic_update_index_in_dim(base, new.astype(base.dtype), index, dim)


@op(view=True, scatter=_unselect)
def select(input: Array, dim: int, index: int) -> Array:
    """The slice at ``index`` of dimension ``dim``, without that dimension.

    Shape:
        ``(*, N, *)`` to ``(*)`` without the dimension.

    Dtypes:
        Any; the result has the input's.

    Raises:
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.select(torch.tensor([[1, 2], [3, 4]]), 1, 0)
        tensor([1, 3])

    Follows ``torch.select``.
    """
    dim, index = checked_index(index, dim, input.shape)
    return lax.index_in_dim(input, index, dim, keepdims=False)


def _wrapped(index: Scalar, size: int) -> Array:
    index = jnp.asarray(index).astype(jnp.int64)
    return jnp.where(index < 0, index + size, index)


def _unselect_at(base: Array, new: Array, dim: int, index: Scalar) -> Array:
    return lax.dynamic_update_index_in_dim(
        base, new.astype(base.dtype), _wrapped(index, base.shape[dim]), dim
    )


@op(view=True, scatter=_unselect_at)
def select_at(input: Array, dim: int, index: Scalar) -> Array:
    """:func:`select` whose index is an input of the program.

    A loop over ``x[i]`` is one program and not one for each ``i``. The caller checks a number;
    a tensor whose value is out of range picks the nearest slice.
    """
    return lax.dynamic_index_in_dim(input, _wrapped(index, input.shape[dim]), dim, keepdims=False)


def slice_bounds(
    size: int, start: int | None, end: int | None, step: int = 1
) -> tuple[int, int, int]:
    """Start, end and step of a slice of a dimension, clamped as Python does.

    Raises:
        ValueError: the step is not positive.
    """
    if step <= 0:
        raise ValueError("step must be greater than zero")
    start, end, step = slice_(start, end, step).indices(size)
    return start, max(start, end), step


def _unslice(
    base: Array,
    new: Array,
    dim: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
) -> Array:
    dim = canonical_dim(dim, base.ndim)
    start, end, step = slice_bounds(base.shape[dim], start, end, step)
    new = new.astype(base.dtype)
    if new.shape[dim] == 0:
        return base
    if step == 1:
        return lax.dynamic_update_slice_in_dim(base, new, start, dim)
    return base.at[_along(base.ndim, dim, slice_(start, end, step))].set(new, unique_indices=True)


@op(view=True, scatter=_unslice)
def slice(
    input: Array, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Array:
    """The elements ``start:end:step`` of dimension ``dim``.

    Follows the slices of ``torch.Tensor.__getitem__``.
    """
    if input.ndim == 0:
        raise RuntimeError("slice() cannot be applied to a 0-dim tensor.")
    dim = canonical_dim(dim, input.ndim)
    start, end, step = slice_bounds(input.shape[dim], start, end, step)
    return lax.slice_in_dim(input, start, end, step, axis=dim)


def _unslice_at(
    base: Array, new: Array, dim: int, start: Scalar, length: int, step: int = 1
) -> Array:
    start = jnp.asarray(start).astype(jnp.int64)
    new = new.astype(base.dtype)
    if step == 1:
        return lax.dynamic_update_slice_in_dim(base, new, start, dim)
    at = start + step * jnp.arange(length, dtype=jnp.int64)
    return base.at[_along(base.ndim, dim, at)].set(new, unique_indices=True)


@op(view=True, scatter=_unslice_at)
def slice_at(input: Array, dim: int, start: Scalar, length: int, step: int = 1) -> Array:
    """``length`` elements of dimension ``dim`` from ``start``, an input of the program.

    A loop over ``x[i:i + 64]`` is one program and not one for each ``i``. The caller checks
    that the slice fits.
    """
    start = jnp.asarray(start).astype(jnp.int64)
    if step == 1:
        return lax.dynamic_slice_in_dim(input, start, length, dim)
    at = start + step * jnp.arange(length, dtype=jnp.int64)
    return jnp.take(input, at, axis=dim, mode="clip", unique_indices=True)


def diagonal_length(rows: int, columns: int, offset: int) -> int:
    """The number of elements on a diagonal of a matrix."""
    if offset >= 0:
        return max(min(rows, columns - offset), 0)
    return max(min(rows + offset, columns), 0)


def _diagonal_dims(ndim: int, dim1: int, dim2: int) -> tuple[int, int]:
    first, second = canonical_dim(dim1, ndim), canonical_dim(dim2, ndim)
    if first == second:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return first, second


def _undiagonal(base: Array, new: Array, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Array:
    first, second = _diagonal_dims(base.ndim, dim1, dim2)
    at = jnp.arange(diagonal_length(base.shape[first], base.shape[second], offset))
    moved = jnp.moveaxis(base, (first, second), (-2, -1))
    moved = moved.at[..., at + max(-offset, 0), at + max(offset, 0)].set(
        new.astype(base.dtype), unique_indices=True
    )
    return jnp.moveaxis(moved, (-2, -1), (first, second))


@op(view=True, scatter=_undiagonal)
def diagonal(input: Array, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Array:
    """The diagonal of the matrices that ``dim1`` and ``dim2`` span, as the last dimension.

    Args:
        offset: 0 for the main diagonal, positive above it, negative below it.

    Shape:
        ``(*, M, N)`` to ``(*, K)``, K being the length of the diagonal.

    Dtypes:
        Any; the result has the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.diagonal(torch.tensor([[1, 2], [3, 4]]))
        tensor([1, 4])

    Follows ``torch.diagonal``.
    """
    first, second = _diagonal_dims(input.ndim, dim1, dim2)
    return jnp.diagonal(input, offset, first, second)


def flat_indices(shape: Sequence[int]) -> Array:
    """An array of ``shape`` whose elements number themselves, in row-major order.

    Sent through a chain of views it tells where each viewed element lives in the base.
    """
    return jnp.arange(math.prod(shape), dtype=jnp.int64).reshape(shape)


def _unfold_dims(shape: Sequence[int], dimension: int, size: int, step: int) -> tuple[int, int]:
    dim = canonical_dim(dimension, len(shape))
    have = shape[dim] if shape else 1
    if size < 0:
        raise RuntimeError(f"size is {size} but must be >= 0")
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    if size > have:
        raise RuntimeError(
            f"maximum size for tensor at dimension {dim} is {have} but size is {size}"
        )
    return dim, (have - size) // step + 1


def _ununfold(base: Array, new: Array, dimension: int, size: int, step: int) -> Array:
    at = unfold.impl(flat_indices(base.shape), dimension, size, step)
    return base.reshape(-1).at[at].set(new.astype(base.dtype)).reshape(base.shape)


@op(view=True, scatter=_ununfold)
def unfold(input: Array, dimension: int, size: int, step: int) -> Array:
    r"""All windows of ``size`` elements along ``dimension``, ``step`` apart.

    Shape:
        Input: (\*, L, \*). Output: (\*, (L - size) // step + 1, \*, size).

    Dtypes:
        Any; the result has the input's.

    Raises:
        RuntimeError: the input has no dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.arange(4).unfold(0, 2, 1)
        tensor([[0, 1],
                [1, 2],
                [2, 3]])

    Follows ``torch.Tensor.unfold``.
    """
    dim, windows = _unfold_dims(input.shape, dimension, size, step)
    whole = jnp.atleast_1d(input)
    at = step * np.arange(windows)[:, None] + np.arange(size)[None, :]
    taken = jnp.take(whole, at, axis=dim, mode="clip")
    taken = jnp.moveaxis(taken, dim + 1, -1)
    return taken[0] if input.ndim == 0 else taken


def check_strided(
    input: Array, size: Sequence[int], stride: Sequence[int], storage_offset: int
) -> None:
    """Refuse a strided view that does not lie within the elements of an array.

    Raises:
        RuntimeError: the lengths differ, a number is negative, or it reaches outside.
    """
    if len(size) != len(stride):
        raise RuntimeError("mismatch in length of strides and shape")
    if any(step < 0 for step in stride):
        raise RuntimeError(
            "as_strided: Negative strides are not supported at the moment, got strides: "
            f"{list(stride)}"
        )
    if storage_offset < 0:
        raise RuntimeError(f"Tensor: invalid storage offset {storage_offset}")
    if all(size):
        last = storage_offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
        if last >= input.size:
            raise RuntimeError(
                f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset "
                f"{storage_offset}, and itemsize {input.dtype.itemsize} requiring a storage size "
                f"of {(last + 1) * input.dtype.itemsize} are out of bounds for storage of size "
                f"{input.size * input.dtype.itemsize}"
            )


def strided_indices(size: Sequence[int], stride: Sequence[int], storage_offset: int) -> np.ndarray:
    """Flat positions of the elements of a strided view."""
    at = np.full((), storage_offset, np.int64)
    for length, step in zip(size, stride, strict=True):
        at = at[..., None] + step * np.arange(length, dtype=np.int64)
    return at


def _unstrided(base: Array, new: Array, size: Dims, stride: Dims, storage_offset: int = 0) -> Array:
    at = strided_indices(size, stride, storage_offset)
    return base.reshape(-1).at[at].set(new.astype(base.dtype)).reshape(base.shape)


@op(view=True, scatter=_unstrided)
def as_strided(input: Array, size: Dims, stride: Dims, storage_offset: int = 0) -> Array:
    """A view with the given size, strides and offset over the elements in row-major order.

    Raises:
        RuntimeError: the lengths differ, a stride is negative, or it reaches outside.

    Follows ``torch.as_strided``.
    """
    check_strided(input, size, stride, storage_offset)
    return input.reshape(-1)[strided_indices(size, stride, storage_offset)]


def _unreal(base: Array, new: Array) -> Array:
    if not jnp.iscomplexobj(base):
        return new.astype(base.dtype)
    return lax.complex(new.astype(lax.imag(base).dtype), lax.imag(base))


@op(view=True, scatter=_unreal)
def real(input: Array) -> Array:
    """The real part; a real tensor is its own.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Any; the result: real for complex numbers, else the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.real(torch.tensor([1 + 2j]))
        tensor([1.])

    Follows ``torch.real``.
    """
    return lax.real(input) if jnp.iscomplexobj(input) else input


def _unimag(base: Array, new: Array) -> Array:
    return lax.complex(lax.real(base), new.astype(lax.real(base).dtype))


@op(view=True, scatter=_unimag)
def imag(input: Array) -> Array:
    """The imaginary part of a complex tensor.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Complex; the result is real.

    Raises:
        RuntimeError: the tensor is real.

    Example:
        >>> import flambeau as torch
        >>> torch.imag(torch.tensor([1 + 2j]))
        tensor([2.])

    Follows ``torch.imag``.
    """
    if not jnp.iscomplexobj(input):
        raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")
    return lax.imag(input)


def _unview_as_real(base: Array, new: Array) -> Array:
    return lax.complex(new[..., 0], new[..., 1])


@op(view=True, scatter=_unview_as_real)
def view_as_real(input: Array) -> Array:
    r"""A complex tensor as a real one whose last dimension holds the two parts.

    Shape:
        Input: (\*), complex. Output: (\*, 2).

    Dtypes:
        Complex; the result is real.

    Raises:
        RuntimeError: the tensors hold integers or bools.

    Example:
        >>> import flambeau as torch
        >>> torch.view_as_real(torch.tensor([1 + 2j]))
        tensor([[1., 2.]])

    Follows ``torch.view_as_real``.
    """
    if not jnp.iscomplexobj(input):
        raise RuntimeError(
            "view_as_real is only supported for complex tensors, but got a tensor of dtype "
            f"{input.dtype}"
        )
    return jnp.stack([lax.real(input), lax.imag(input)], axis=-1)


def _unview_as_complex(base: Array, new: Array) -> Array:
    return jnp.stack([lax.real(new), lax.imag(new)], axis=-1)


@op(view=True, scatter=_unview_as_complex)
def view_as_complex(input: Array) -> Array:
    r"""A real tensor whose last dimension has size 2 as a complex one.

    Shape:
        Input: (\*, 2). Output: (\*), complex.

    Dtypes:
        Floating; the result is complex.

    Raises:
        RuntimeError: the tensors are complex.
        RuntimeError: the tensors hold integers or bools.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.view_as_complex(torch.ones(1, 2))
        tensor([1.+1.j])

    Follows ``torch.view_as_complex``.
    """
    if input.dtype not in (jnp.float32, jnp.float64):
        raise RuntimeError(
            "view_as_complex is only supported for half, float and double tensors, but got a "
            f"tensor of scalar type: {input.dtype}"
        )
    if input.ndim == 0:
        raise RuntimeError("Input tensor must have one or more dimensions")
    if input.shape[-1] != 2:
        raise RuntimeError("Tensor must have a last dimension of size 2")
    return lax.complex(input[..., 0], input[..., 1])


def _bits(array: Array) -> Array:
    """``array`` in dtypes that XLA can reinterpret: bool as bytes, complex as pairs."""
    if array.dtype == jnp.bool_:
        return array.astype(jnp.uint8)
    if jnp.iscomplexobj(array):
        return jnp.stack([lax.real(array), lax.imag(array)], axis=-1)
    return array


def _reinterpret(array: Array, dtype: np.dtype) -> Array:
    """The bits of ``array`` as ``dtype``; the last dimension shrinks or grows to fit."""
    shape, source = array.shape, array.dtype
    target = np.dtype(dtype)
    length = shape[-1] * source.itemsize // target.itemsize if shape else 1
    size = (*shape[:-1], length) if shape else ()
    plain = _bits(array)
    if target == np.bool_:
        wanted = np.dtype(np.uint8)
    elif np.issubdtype(target, np.complexfloating):
        wanted = np.dtype(np.float32 if target == np.complex64 else np.float64)
    else:
        wanted = target
    if wanted.itemsize > plain.dtype.itemsize:
        ratio = wanted.itemsize // plain.dtype.itemsize
        plain = plain.reshape(*shape[:-1], -1, ratio)
    bits = lax.bitcast_convert_type(plain, wanted)
    if target == np.bool_:
        return (bits != 0).reshape(size)
    if np.issubdtype(target, np.complexfloating):
        pairs = bits.reshape(*size, 2)
        return lax.complex(pairs[..., 0], pairs[..., 1])
    return bits.reshape(size)


def _unview_dtype(base: Array, new: Array, dtype: DType) -> Array:
    return _reinterpret(new, base.dtype).reshape(base.shape)


@op(view=True, scatter=_unview_dtype, differentiable=False)
def view_dtype(input: Array, dtype: DType) -> Array:
    """The same bytes read as another dtype; the last dimension shrinks or grows to fit.

    Raises:
        RuntimeError: the last dimension does not hold a whole number of new elements.

    Follows ``torch.Tensor.view`` with a dtype.
    """
    have, want = input.dtype.itemsize, np.dtype(dtype).itemsize
    if have == want:
        return _reinterpret(input, dtype)
    if input.ndim == 0:
        raise RuntimeError(
            f"self.dim() cannot be 0 to view {input.dtype} as {np.dtype(dtype)} "
            "(different element sizes)"
        )
    if input.shape[-1] * have % want:
        raise RuntimeError(
            f"self.size(-1) must be divisible by {want // have} to view {input.dtype} as "
            f"{np.dtype(dtype)} (different element sizes), but got {input.shape[-1]}"
        )
    return _reinterpret(input, dtype)
