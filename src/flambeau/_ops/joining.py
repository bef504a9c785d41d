"""Joining, repeating and rearranging: rows that copy their elements to a new place."""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp
from jax import lax

from flambeau._ops._dims import canonical_dim, canonical_dims
from flambeau._ops.registry import Array, Arrays, Dims, OptDims, Scalar, op


def _nonempty(tensors: Sequence[Array], name: str) -> list[Array]:
    error = ValueError if name == "torch.cat" else RuntimeError
    if not len(tensors):
        raise error(f"{name}(): expected a non-empty list of Tensors")
    return list(tensors)


def _check_cat(tensors: Sequence[Array], dim: int) -> None:
    first = tensors[0]
    for i, other in enumerate(tensors):
        if other.ndim != first.ndim:
            raise RuntimeError(
                f"Tensors must have same number of dimensions: got {first.ndim} and {other.ndim}"
            )
        for d, (a, b) in enumerate(zip(first.shape, other.shape, strict=True)):
            if d != dim and a != b:
                raise RuntimeError(
                    f"Sizes of tensors must match except in dimension {dim}. Expected size {a} "
                    f"but got size {b} for tensor number {i} in the list."
                )


@op(promote="numeric", distinct=True)
def cat(tensors: Arrays, dim: int = 0) -> Array:
    r"""The tensors one after the other along an existing dimension.

    Shape:
        Inputs: (\*, N_i, \*), equal in all other dimensions; empty 1-d ones are skipped.
        Output: (\*, sum of N_i, \*).

    Dtypes:
        Any; the result has the tensors' common one.

    Raises:
        RuntimeError: the list is empty, or the shapes do not match.

    Example:
        >>> import flambeau as torch
        >>> torch.cat([torch.tensor([1, 2]), torch.tensor([3])])
        tensor([1, 2, 3])

    Follows ``torch.cat``.
    """
    items = _nonempty(tensors, "torch.cat")
    for i, item in enumerate(items):
        if item.ndim == 0:
            raise RuntimeError(f"zero-dimensional tensor (at position {i}) cannot be concatenated")
    kept = [item for item in items if item.shape != (0,)]
    if not kept:
        canonical_dim(dim, 1)
        return items[0]
    dim = canonical_dim(dim, kept[0].ndim)
    _check_cat(kept, dim)
    return lax.concatenate(kept, dim)


@op(promote="numeric", distinct=True)
def stack(tensors: Arrays, dim: int = 0) -> Array:
    """The tensors side by side along a new dimension.

    Shape:
        Inputs: K tensors of one shape. Output: that shape with K inserted at ``dim``.

    Dtypes:
        Any; the result has the tensors' common one.

    Raises:
        RuntimeError: the list is empty, or the shapes differ.

    Example:
        >>> import flambeau as torch
        >>> torch.stack([torch.tensor([1, 2]), torch.tensor([3, 4])])
        tensor([[1, 2],
                [3, 4]])

    Follows ``torch.stack``.
    """
    if not len(tensors):
        raise RuntimeError("stack expects a non-empty TensorList")
    first = tensors[0]
    for i, item in enumerate(tensors):
        if item.shape != first.shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(first.shape)} at "
                f"entry 0 and {list(item.shape)} at entry {i}"
            )
    return jnp.stack(list(tensors), axis=canonical_dim(dim, first.ndim + 1))


@op(promote="numeric", distinct=True)
def hstack(tensors: Arrays) -> Array:
    """The tensors joined along dimension 1, or along dimension 0 when they are 1-d.

    Shape:
        ``(*, N_i, *)`` each, to ``(*, sum of N_i, *)``.

    Dtypes:
        Any; the result has the tensors' common one.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.hstack((torch.tensor([1, 2]), torch.tensor([3, 4])))
        tensor([1, 2, 3, 4])

    Follows ``torch.hstack``.
    """
    items = [jnp.atleast_1d(item) for item in _nonempty(tensors, "hstack")]
    dim = 0 if items[0].ndim == 1 else 1
    _check_cat(items, dim)
    return lax.concatenate(items, dim)


@op(promote="numeric", distinct=True)
def vstack(tensors: Arrays) -> Array:
    """The tensors joined along dimension 0, after 1-d ones became rows.

    Shape:
        ``(*, N_i, *)`` each, to ``(*, sum of N_i, *)``.

    Dtypes:
        Any; the result has the tensors' common one.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.vstack((torch.tensor([1, 2]), torch.tensor([3, 4])))
        tensor([[1, 2],
                [3, 4]])

    Follows ``torch.vstack``.
    """
    items = [jnp.atleast_2d(item) for item in _nonempty(tensors, "vstack")]
    _check_cat(items, 0)
    return lax.concatenate(items, 0)


def _at_least_3d(item: Array) -> Array:
    if item.ndim < 2:
        return item.reshape(1, -1, 1)
    return item[..., None] if item.ndim == 2 else item


@op(promote="numeric", distinct=True)
def dstack(tensors: Arrays) -> Array:
    """The tensors joined along dimension 2, after each got at least three dimensions.

    Shape:
        ``(*, N_i, *)`` each, to ``(*, sum of N_i, *)``.

    Dtypes:
        Any; the result has the tensors' common one.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.dstack((torch.tensor([1, 2]), torch.tensor([3, 4])))
        tensor([[[1, 3],
                 [2, 4]]])

    Follows ``torch.dstack``.
    """
    items = [_at_least_3d(item) for item in _nonempty(tensors, "dstack")]
    _check_cat(items, 2)
    return lax.concatenate(items, 2)


@op(promote="numeric", distinct=True)
def column_stack(tensors: Arrays) -> Array:
    """The tensors joined along dimension 1, after 0-d and 1-d ones became columns.

    Shape:
        ``(M,)`` or ``(M, N_i, *)`` each, to ``(M, sum of N_i, *)``.

    Dtypes:
        Any; the result has the tensors' common one.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.column_stack((torch.tensor([1, 2]), torch.tensor([3, 4])))
        tensor([[1, 3],
                [2, 4]])

    Follows ``torch.column_stack``.
    """
    items = [
        item.reshape(-1, 1) if item.ndim < 2 else item
        for item in _nonempty(tensors, "column_stack")
    ]
    _check_cat(items, 1)
    return lax.concatenate(items, 1)


@op(promote="numeric")
def block_diag(tensors: Arrays) -> Array:
    """One matrix with the given matrices along its diagonal and zeros elsewhere.

    Follows ``torch.block_diag``.
    """
    if not len(tensors):
        return jnp.zeros((1, 0), jnp.float32)
    items = []
    for i, item in enumerate(tensors):
        if item.ndim > 2:
            raise RuntimeError(
                "torch.block_diag: Input tensors must have 2 or fewer dimensions. Input "
                f"{i} has {item.ndim} dimensions"
            )
        items.append(jnp.atleast_2d(item))
    width = sum(item.shape[1] for item in items)
    rows, left = [], 0
    for item in items:
        rows.append(jnp.pad(item, ((0, 0), (left, width - left - item.shape[1]))))
        left += item.shape[1]
    return lax.concatenate(rows, 0)


@op()
def repeat(input: Array, repeats: Dims) -> Array:
    """The tensor repeated ``repeats[i]`` times along dimension i.

    Raises:
        RuntimeError: there are fewer repeats than dimensions, or one is negative.

    Follows ``torch.Tensor.repeat``.
    """
    if len(repeats) < input.ndim:
        raise RuntimeError(
            "Number of dimensions of repeat dims can not be smaller than number of dimensions "
            "of tensor"
        )
    if any(count < 0 for count in repeats):
        raise RuntimeError(f"Trying to create tensor with negative dimension: {min(repeats)}")
    return jnp.tile(input, repeats)


@op()
def tile(input: Array, dims: Dims) -> Array:
    """The tensor repeated ``dims[i]`` times along dimension i; missing counts are 1.

    Example:
        >>> import flambeau as torch
        >>> torch.tile(torch.tensor([1, 2]), (2,))
        tensor([1, 2, 1, 2])

    Follows ``torch.tile``.
    """
    return jnp.tile(input, dims)


@op()
def repeat_interleave(input: Array, repeats: int, dim: int | None = None) -> Array:
    """Each element repeated ``repeats`` times in its place, along ``dim`` or flattened.

    Example:
        >>> import flambeau as torch
        >>> torch.repeat_interleave(torch.tensor([1, 2]), 2)
        tensor([1, 1, 2, 2])

    Follows ``torch.repeat_interleave``.
    """
    if repeats < 0:
        raise RuntimeError("Repeats must be non-negative")
    if dim is None:
        input, dim = input.reshape(-1), 0
    whole = jnp.atleast_1d(input)
    return jnp.repeat(whole, repeats, axis=canonical_dim(dim, input.ndim))


@op()
def repeat_interleave_counts(
    input: Array, repeats: Array, dim: int | None, output_size: int
) -> Array:
    """Element i of ``dim`` repeated ``repeats[i]`` times; ``output_size`` is their sum."""
    if dim is None:
        input, dim = input.reshape(-1), 0
    dim = canonical_dim(dim, input.ndim)
    whole = jnp.atleast_1d(input)
    if repeats.ndim > 1:
        raise RuntimeError("repeats must be 0-dim or 1-dim tensor")
    if repeats.size not in (1, whole.shape[dim]):
        raise RuntimeError(
            "repeats must have the same size as input along dim, but got repeats.size(0) = "
            f"{repeats.size} and input.size({dim}) = {whole.shape[dim]}"
        )
    counts = jnp.broadcast_to(repeats.reshape(-1), (whole.shape[dim],))
    return jnp.repeat(whole, counts, axis=dim, total_repeat_length=output_size)


@op()
def flip(input: Array, dims: Dims) -> Array:
    """The order of the elements reversed along ``dims``.

    Example:
        >>> import flambeau as torch
        >>> torch.flip(torch.tensor([1, 2, 3]), (0,))
        tensor([3, 2, 1])

    Follows ``torch.flip``.
    """
    axes = canonical_dims(dims, input.ndim)
    return lax.rev(input, axes) if input.ndim else input


@op()
def fliplr(input: Array) -> Array:
    """Dimension 1 reversed.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Any; the result has the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.fliplr(torch.tensor([[1, 2], [3, 4]]))
        tensor([[2, 1],
                [4, 3]])

    Follows ``torch.fliplr``.
    """
    if input.ndim < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return lax.rev(input, (1,))


@op()
def flipud(input: Array) -> Array:
    """Dimension 0 reversed.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Any; the result has the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.flipud(torch.tensor([[1, 2], [3, 4]]))
        tensor([[3, 4],
                [1, 2]])

    Follows ``torch.flipud``.
    """
    if input.ndim < 1:
        raise RuntimeError("Input must be >= 1-d.")
    return lax.rev(input, (0,))


@op()
def roll(input: Array, shifts: Dims, dims: OptDims = None) -> Array:
    """The elements moved along ``dims`` (or flattened), those that fall off reappearing.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Any; the result has the input's.

    Raises:
        RuntimeError: ``shifts`` and ``dims`` do not have one length.

    Example:
        >>> import flambeau as torch
        >>> torch.roll(torch.tensor([1, 2, 3]), 1)
        tensor([3, 1, 2])

    Follows ``torch.roll``.
    """
    if not dims:
        if len(shifts) != 1:
            raise RuntimeError(f"shifts and dimensions must align. shifts: {len(shifts)}, dims:0")
        return jnp.roll(input.reshape(-1), shifts[0]).reshape(input.shape)
    if len(shifts) != len(dims):
        raise RuntimeError(
            f"shifts and dimensions must align. shifts: {len(shifts)}, dims:{len(dims)}"
        )
    if input.ndim == 0:
        raise IndexError(f"Dimension specified as {dims[0]} but tensor has no dimensions")
    return jnp.roll(input, shifts, tuple(canonical_dim(d, input.ndim) for d in dims))


@op()
def rot90(input: Array, k: int = 1, dims: Dims = (0, 1)) -> Array:
    """Turned by 90 degrees ``k`` times in the plane of two dimensions.

    Shape:
        ``(*, M, N)`` to ``(*, N, M)`` or the same, turned ``k`` times.

    Dtypes:
        Any; the result has the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.rot90(torch.tensor([[1, 2], [3, 4]]))
        tensor([[2, 4],
                [1, 3]])

    Follows ``torch.rot90``.
    """
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    if input.ndim < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {input.ndim}")
    first, second = (canonical_dim(d, input.ndim) for d in dims)
    if first == second:
        raise RuntimeError(
            f"expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}"
        )
    return jnp.rot90(input, k, (first, second))


@op()
def constant_pad_nd(input: Array, pad: Dims, value: Scalar = 0) -> Array:
    """``value`` added around the last dimensions; a negative width cuts away.

    Args:
        pad: (before, after) of the last dimension, then of the one before it, and so on.

    Shape:
        ``(*)`` to ``(*)`` with the sizes grown by ``pad``, the last dimension first.

    Dtypes:
        Any; the result has the input's.

    Raises:
        RuntimeError: ``pad`` has an odd length or too many entries, or cuts too much.

    Example:
        >>> import flambeau as torch
        >>> torch.constant_pad_nd(torch.ones(2), (1, 1), 0.0)
        tensor([0., 1., 1., 0.])

    Follows ``torch.nn.functional.pad`` in constant mode.
    """
    if len(pad) % 2:
        raise RuntimeError(f"Length of pad must be even but instead it equals {len(pad)}")
    if len(pad) // 2 > input.ndim:
        raise RuntimeError(
            "Length of pad should be no more than twice the number of dimensions of the input. "
            f"Pad length is {len(pad)} while the input has {input.ndim} dimensions."
        )
    widths = [(0, 0, 0)] * input.ndim
    for i in range(len(pad) // 2):
        low, high = pad[2 * i], pad[2 * i + 1]
        dim = input.ndim - 1 - i
        if input.shape[dim] + low + high < 0:
            raise RuntimeError(
                f"The input size {input.shape[dim]}, plus negative padding {low} and {high}, "
                f"resulted in a negative output size, which is invalid. Check dimension {dim} "
                "of your input."
            )
        widths[dim] = (low, high, 0)
    return lax.pad(input, jnp.asarray(value).astype(input.dtype), widths)


@op()
def tril(input: Array, diagonal: int = 0) -> Array:
    """The lower triangle of matrices, zero above ``diagonal``.

    Shape:
        ``(*, M, N)`` to the same.

    Dtypes:
        Any; the result has the input's.

    Raises:
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.tril(torch.ones(2, 2))
        tensor([[1., 0.],
                [1., 1.]])

    Follows ``torch.tril``.
    """
    if input.ndim < 2:
        raise RuntimeError("tril: input tensor must have at least 2 dimensions")
    return jnp.tril(input, diagonal)


@op()
def triu(input: Array, diagonal: int = 0) -> Array:
    """The upper triangle of matrices, zero below ``diagonal``.

    Shape:
        ``(*, M, N)`` to the same.

    Dtypes:
        Any; the result has the input's.

    Raises:
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.triu(torch.ones(2, 2))
        tensor([[1., 1.],
                [0., 1.]])

    Follows ``torch.triu``.
    """
    if input.ndim < 2:
        raise RuntimeError("triu: input tensor must have at least 2 dimensions")
    return jnp.triu(input, diagonal)


@op()
def diag_embed(input: Array, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Array:
    r"""Matrices in the plane of ``dim1`` and ``dim2`` with the last dimension on a diagonal.

    Shape:
        Input: (\*, N). Output: (\*, N + abs(offset), N + abs(offset)).

    Dtypes:
        Any; the result has the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.diag_embed(torch.tensor([1, 2]))
        tensor([[1, 0],
                [0, 2]])

    Follows ``torch.diag_embed``.
    """
    ndim = input.ndim + 1
    first, second = canonical_dim(dim1, ndim), canonical_dim(dim2, ndim)
    if first == second:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    length = input.shape[-1]
    size = length + abs(offset)
    at = jnp.arange(length)
    out = jnp.zeros((*input.shape[:-1], size, size), input.dtype)
    out = out.at[..., at + max(-offset, 0), at + max(offset, 0)].set(input, unique_indices=True)
    return jnp.moveaxis(out, (-2, -1), (first, second))


@op()
def diag(input: Array, diagonal: int = 0) -> Array:
    """A vector as the diagonal of a matrix, or the diagonal of a matrix as a vector.

    Shape:
        ``(N,)`` to ``(N + |k|, N + |k|)``; ``(M, N)`` to its diagonal ``(K,)``.

    Dtypes:
        Any; the result has the input's.

    Raises:
        RuntimeError: the input has no dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.diag(torch.tensor([1, 2]))
        tensor([[1, 0],
                [0, 2]])

    Follows ``torch.diag``.
    """
    if input.ndim not in (1, 2):
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {input.ndim}D")
    return jnp.diag(input, diagonal)


@op()
def trace(input: Array) -> Array:
    """The sum of the diagonal of a matrix.

    Shape:
        ``(N, M)`` to ``()``.

    Dtypes:
        Integers, floating and complex; the result has the input's.

    Raises:
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.trace(torch.eye(3))
        tensor(3.)

    Follows ``torch.trace``.
    """
    if input.ndim != 2:
        raise RuntimeError("trace: expected a matrix")
    if jnp.issubdtype(input.dtype, jnp.integer) or input.dtype == jnp.bool_:
        return jnp.trace(input, dtype=jnp.int64)
    return jnp.trace(input)


@op()
def vander(x: Array, N: int | None = None, increasing: bool = False) -> Array:
    """The matrix of the powers of a vector.

    Shape:
        ``(*, N)`` to ``(*, N, K)``.

    Dtypes:
        Any; bools and integers give int64.

    Raises:
        RuntimeError: the input has no dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.vander(torch.tensor([1, 2, 3]))
        tensor([[1, 1, 1],
                [4, 2, 1],
                [9, 3, 1]])

    Follows ``torch.vander``.
    """
    if x.ndim != 1:
        raise RuntimeError("x must be a one-dimensional tensor.")
    count = x.shape[0] if N is None else N
    wide = jnp.int64 if jnp.issubdtype(x.dtype, jnp.integer) or x.dtype == jnp.bool_ else x.dtype
    base = jnp.broadcast_to(x.astype(wide)[:, None], (x.shape[0], max(count - 1, 0)))
    ones = jnp.ones((x.shape[0], min(count, 1)), wide)
    powers = jnp.concatenate([ones, jnp.cumprod(base, axis=1)], axis=1)
    return powers if increasing else powers[:, ::-1]
