"""Reading and writing at positions that are data.

An index that is out of range cannot raise inside a program: reads take the nearest element,
writes are dropped. Shapes and dtypes are checked when the operation is recorded, and so are
positions that came from the host (``positions=`` of a row).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from flambeau._ops import shape as views
from flambeau._ops._dims import canonical_dim
from flambeau._ops.registry import Array, Arrays, Dims, DType, Operand, Scalar, op

_REDUCTIONS = ("sum", "prod", "mean", "amax", "amin")


@jax.custom_jvp
def ghost(x: Array) -> Array:
    """Zeros whose derivative is that of ``x``: lets chosen elements carry a gradient."""
    return jnp.zeros_like(x)


@ghost.defjvp
def _ghost_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    return jnp.zeros_like(primals[0]), tangents[0]


def _check_index_dtype(index: Array, name: str, *, small: bool = True) -> None:
    allowed = (jnp.int32, jnp.int64) if small else (jnp.int64,)
    if index.dtype not in allowed and index.size:
        raise RuntimeError(f"{name}(): Expected dtype int32/int64 for index")


def _wrap(index: Array, size: int) -> Array:
    """Negative positions counted from the end."""
    index = index.astype(jnp.int64)
    return jnp.where(index < 0, index + size, index)


def _grid(index: Array, dim: int) -> tuple[Array, ...]:
    """Positions in every dimension for an ``index`` that counts along ``dim``."""
    at = [lax.broadcasted_iota(jnp.int64, index.shape, d) for d in range(index.ndim)]
    # JAX would count a negative position from the end; PyTorch has no such reading here.
    at[dim] = index.astype(jnp.int64)
    return tuple(at)


def _put(base: Array, at: tuple[Any, ...], new: Any) -> Array:
    """``new`` written at positions; where one repeats, any of the values may stay.

    Declaring the positions unique gives every value the gradient of its place, as PyTorch
    does, and spares the search for the value that stayed.
    """
    return base.at[at].set(new, mode="drop", unique_indices=True)


def _accumulate(base: Array, at: tuple[Any, ...], new: Any) -> Array:
    """``new`` added at positions; for bool, or-ed."""
    if base.dtype == jnp.bool_:
        return base.at[at].max(new, mode="drop")
    return base.at[at].add(new, mode="drop")


def _multiply(base: Array, at: tuple[Any, ...], new: Any) -> Array:
    """``new`` multiplied in at positions; for bool, and-ed."""
    if base.dtype == jnp.bool_:
        return base.at[at].min(new, mode="drop")
    return base.at[at].multiply(new, mode="drop")


def _check_gather(input: Array, dim: int, index: Array, name: str) -> None:
    if index.size == 0:
        return  # nothing is read, whatever its shape
    if max(index.ndim, 1) != max(input.ndim, 1):
        raise RuntimeError("Index tensor must have the same number of dimensions as input tensor")
    for d in range(index.ndim):
        if d != dim and index.size and index.shape[d] > jnp.atleast_1d(input).shape[d]:
            raise RuntimeError(
                f"Size does not match at dimension {d} expected index {list(index.shape)} to be "
                f"no larger than self {list(input.shape)} apart from dimension {dim}"
            )
    _check_index_dtype(index, name)


@op(distinct=True, positions="index")
def gather(input: Array, dim: int, index: Array, *, sparse_grad: bool = False) -> Array:
    """Elements picked along ``dim``: ``out[i][j] = input[index[i][j]][j]`` for ``dim=0``.

    Shape:
        Input and index: one number of dimensions. Output: the shape of ``index``.

    Dtypes:
        Any; the result has the input's.

    Raises:
        RuntimeError: shapes or the dtype of the index do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.gather(torch.tensor([[1, 2], [3, 4]]), 1, torch.tensor([[0, 0], [1, 0]]))
        tensor([[1, 1],
                [4, 3]])

    Follows ``torch.gather``.
    """
    dim = canonical_dim(dim, input.ndim)
    _check_gather(input, dim, index, "gather")
    if input.ndim == 0 or index.ndim == 0:
        flat = jnp.take(input.reshape(-1), index.reshape(-1), mode="clip")
        return flat.reshape(index.shape)
    if index.size == 0:
        return jnp.zeros(index.shape, input.dtype)
    whole = input
    for d in range(input.ndim):
        if d != dim and whole.shape[d] != index.shape[d]:
            whole = lax.slice_in_dim(whole, 0, index.shape[d], axis=d)
    at = jnp.clip(index.astype(jnp.int64), 0, whole.shape[dim] - 1)
    return jnp.take_along_axis(whole, at, axis=dim, mode="clip")


def _scatter_parts(
    input: Array, dim: int, index: Array, src: Array | None, name: str
) -> tuple[Array, tuple[Array, ...], Array | None]:
    """The base, positions and values of a scatter, all with at least one dimension."""
    dim = canonical_dim(dim, input.ndim)
    _check_gather(input, dim, index, name)
    if src is not None:
        if index.size and max(src.ndim, 1) != max(index.ndim, 1):
            raise RuntimeError("Index tensor must have the same number of dimensions as src tensor")
        if src.dtype != input.dtype:
            raise RuntimeError(f"{name}(): Expected self.dtype to be equal to src.dtype")
        if index.size and any(
            i > s for i, s in zip(index.shape, jnp.atleast_1d(src).shape, strict=False)
        ):
            raise RuntimeError(
                f"Expected index {list(index.shape)} to be no larger than src {list(src.shape)}"
            )
    base, at = jnp.atleast_1d(input), jnp.atleast_1d(index)
    if not at.size:
        at = jnp.zeros((0,) * base.ndim, at.dtype)
    if src is not None:
        src = jnp.atleast_1d(src)
        if at.size:
            src = lax.slice(src, (0,) * at.ndim, at.shape)
        else:
            src = jnp.zeros(at.shape, src.dtype)
    at = jnp.where(at < 0, base.shape[dim], at)
    return base, _grid(at, dim), src


@op(positions="index")
def scatter(input: Array, dim: int, index: Array, src: Array) -> Array:
    """``src`` written along ``dim``: ``out[index[i][j]][j] = src[i][j]`` for ``dim=0``.

    Example:
        >>> import flambeau as torch
        >>> torch.scatter(torch.zeros(3), 0, torch.tensor([2, 0]), torch.tensor([1.0, 2.0]))
        tensor([2., 0., 1.])

    Follows ``torch.scatter``.
    """
    base, at, new = _scatter_parts(input, dim, index, src, "scatter")
    return _put(base, at, new).reshape(input.shape)


@op(positions="index")
def scatter_value(input: Array, dim: int, index: Array, value: Scalar) -> Array:
    """:func:`scatter` of one number."""
    base, at, _ = _scatter_parts(input, dim, index, None, "scatter")
    new = jnp.asarray(value).astype(base.dtype)
    return base.at[at].set(new, mode="drop").reshape(input.shape)


@op(positions="index")
def scatter_add(input: Array, dim: int, index: Array, src: Array) -> Array:
    """``src`` added along ``dim``: ``out[index[i][j]][j] += src[i][j]`` for ``dim=0``.

    Shape:
        Index and source of one shape, within that of the input; the result has the input's.

    Dtypes:
        Any; the result has the input's.

    Raises:
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.scatter_add(torch.zeros(3), 0, torch.tensor([2]), torch.ones(1))
        tensor([0., 0., 1.])

    Follows ``torch.scatter_add``.
    """
    base, at, new = _scatter_parts(input, dim, index, src, "scatter_add")
    return _accumulate(base, at, new).reshape(input.shape)


@jax.custom_jvp
def _scatter_prod(base: Array, at: tuple[Array, ...], new: Array) -> Array:
    return base.at[at].multiply(new, mode="drop")


@_scatter_prod.defjvp
def _scatter_prod_jvp(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Array, Array]:
    # d(prod) = sum of the tangents times the product of the others. Dividing the product by
    # the element fails at zeros: with one zero in a group only that element has a slope.
    base, at, new = primals
    one = jnp.ones((), base.dtype)
    zero_base, zero_new = base == 0, new == 0
    safe_base, safe_new = jnp.where(zero_base, one, base), jnp.where(zero_new, one, new)
    rest = _scatter_prod(safe_base, at, safe_new)
    zeros = zero_base.astype(jnp.int32).at[at].add(zero_new.astype(jnp.int32), mode="drop")
    zeros_at, rest_at = zeros.at[at].get(mode="clip"), rest.at[at].get(mode="clip")
    none = jnp.zeros((), base.dtype)
    others_base = jnp.where(zeros == zero_base, rest / safe_base, none)
    others_new = jnp.where(zeros_at == zero_new, rest_at / safe_new, none)
    slope = (others_base * tangents[0]).at[at].add(others_new * tangents[2], mode="drop")
    return _scatter_prod(base, at, new), slope


def _lowest(dtype: Any) -> Any:
    if dtype == jnp.bool_:
        return False
    return -jnp.inf if jnp.issubdtype(dtype, jnp.floating) else jnp.iinfo(dtype).min


def _highest(dtype: Any) -> Any:
    if dtype == jnp.bool_:
        return True
    return jnp.inf if jnp.issubdtype(dtype, jnp.floating) else jnp.iinfo(dtype).max


def _scatter_extreme(
    base: Array, at: tuple[Array, ...], new: Array, reduce: str, include_self: bool
) -> Array:
    """Largest or smallest of each group; its gradient is shared evenly among ties."""
    greatest = reduce == "amax"
    touched = jnp.zeros(base.shape, jnp.bool_).at[at].set(True, mode="drop")
    start = base
    if not include_self:
        worst = _lowest(base.dtype) if greatest else _highest(base.dtype)
        start = jnp.where(touched, jnp.asarray(worst, base.dtype), base)
    fixed_start, fixed_new = lax.stop_gradient(start), lax.stop_gradient(new)
    ref = fixed_start.at[at]
    best = ref.max(fixed_new, mode="drop") if greatest else ref.min(fixed_new, mode="drop")
    if not jnp.issubdtype(base.dtype, jnp.floating):
        return best
    # PyTorch counts an equal element of the base among the ties even when it takes no part.
    own = lax.stop_gradient(base) == best
    given = best.at[at].get(mode="clip") == fixed_new
    ties = own.astype(base.dtype).at[at].add(given.astype(base.dtype), mode="drop")
    zero = jnp.zeros((), base.dtype)
    carried = jnp.where(own if include_self else own & ~touched, ghost(base), zero)
    carried = carried.at[at].add(jnp.where(given, ghost(new), zero), mode="drop")
    return best + carried / jnp.maximum(ties, 1)


def _reduce_into(
    base: Array, at: tuple[Array, ...], new: Array, reduce: str, include_self: bool
) -> Array:
    if reduce not in _REDUCTIONS:
        raise RuntimeError(
            f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}."
        )
    if reduce in ("amax", "amin"):
        return _scatter_extreme(base, at, new, reduce, include_self)
    start = base
    if not include_self:
        touched = jnp.zeros(base.shape, jnp.bool_).at[at].set(True, mode="drop")
        neutral = jnp.asarray(1 if reduce == "prod" else 0, base.dtype)
        start = jnp.where(touched, neutral, base)
    if reduce == "prod":
        if jnp.issubdtype(base.dtype, jnp.inexact):
            return _scatter_prod(start, at, new)
        return _multiply(start, at, new)
    total = _accumulate(start, at, new)
    if reduce == "sum":
        return total
    own = jnp.full(base.shape, 1 if include_self else 0, jnp.int64)
    count = jnp.maximum(own.at[at].add(1, mode="drop"), 1)
    if jnp.issubdtype(base.dtype, jnp.inexact):
        return total / count.astype(base.dtype)
    return total // count.astype(base.dtype)


@op(positions="index")
def scatter_reduce(
    input: Array, dim: int, index: Array, src: Array, reduce: str, *, include_self: bool = True
) -> Array:
    """``src`` combined into ``input`` along ``dim``.

    Args:
        reduce: ``"sum"``, ``"prod"``, ``"mean"``, ``"amax"`` or ``"amin"``.
        include_self: whether the elements of ``input`` take part.

    Shape:
        Index and source of one shape, within that of the input; the result has the input's.

    Dtypes:
        Bool, integers and floating; the result has the input's.

    Raises:
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> i, x = torch.tensor([0, 0, 1]), torch.tensor([1.0, 2.0, 3.0])
        >>> torch.scatter_reduce(torch.zeros(2), 0, i, x, "sum")
        tensor([3., 3.])

    Follows ``torch.scatter_reduce``.
    """
    base, at, new = _scatter_parts(input, dim, index, src, "scatter_reduce")
    assert new is not None
    return _reduce_into(base, at, new, reduce, include_self).reshape(input.shape)


@op(distinct=True, positions="index")
def index_select(input: Array, dim: int, index: Array) -> Array:
    """The entries of ``dim`` that a vector of positions names, in its order.

    Shape:
        ``(*, N, *)``, index ``(K,)``; the result is ``(*, K, *)``.

    Dtypes:
        Any; the result has the input's.

    Raises:
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.index_select(torch.tensor([10, 20, 30]), 0, torch.tensor([2, 0]))
        tensor([30, 10])

    Follows ``torch.index_select``.
    """
    dim = canonical_dim(dim, input.ndim)
    if index.ndim > 1:
        raise IndexError("index_select(): Index is supposed to be a vector")
    _check_index_dtype(index, "index_select")
    whole = jnp.atleast_1d(input)
    taken = jnp.take(whole, index.reshape(-1), axis=dim, mode="clip")
    return taken.reshape(()) if input.ndim == 0 else taken


def _index_parts(
    input: Array, dim: int, index: Array, source: Array | None, name: str
) -> tuple[Array, tuple[Any, ...], Array | None]:
    dim = canonical_dim(dim, input.ndim)
    if index.ndim > 1:
        raise IndexError(f"{name}(): Index is supposed to be a vector")
    _check_index_dtype(index, name)
    whole = jnp.atleast_1d(input)
    at = index.reshape(-1).astype(jnp.int64)
    if source is not None:
        source = jnp.atleast_1d(source)
        if source.dtype != input.dtype:
            raise RuntimeError(
                f"{name}(): self and source expected to have the same dtype, but got (self) "
                f"{input.dtype} and (source) {source.dtype}"
            )
        wanted = (*whole.shape[:dim], at.size, *whole.shape[dim + 1 :])
        if source.shape != wanted:
            if source.size == at.size == 1:
                source = source.reshape((1,) * whole.ndim)
            if source.ndim != whole.ndim or source.shape != wanted:
                raise RuntimeError(
                    f"{name}(): source of shape {list(source.shape)} must have shape "
                    f"{list(wanted)}: that of self, and one entry for each index in "
                    f"dimension {dim}"
                )
    at = jnp.where(at < 0, whole.shape[dim], at)
    return whole, (*(slice(None),) * dim, at), source


@op(positions="index")
def index_add(input: Array, dim: int, index: Array, source: Array, *, alpha: Scalar = 1) -> Array:
    """``alpha * source`` added to the entries of ``dim`` that ``index`` names.

    Follows ``torch.index_add``.
    """
    whole, at, new = _index_parts(input, dim, index, source, "index_add")
    scaled = new * jnp.asarray(alpha).astype(input.dtype)  # pyright: ignore[reportOptionalOperand]
    return _accumulate(whole, at, scaled).reshape(input.shape)


@op(positions="index")
def index_copy(input: Array, dim: int, index: Array, source: Array) -> Array:
    """``source`` written to the entries of ``dim`` that ``index`` names.

    Shape:
        ``(*, N, *)``, index ``(K,)``, source ``(*, K, *)``; the result is ``(*, N, *)``.

    Dtypes:
        Any; the result has the input's.

    Raises:
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.index_copy(torch.ones(2), 0, torch.tensor([0]), torch.tensor([4.0]))
        tensor([4., 1.])

    Follows ``torch.index_copy``.
    """
    whole, at, new = _index_parts(input, dim, index, source, "index_copy")
    return _put(whole, at, new).reshape(input.shape)


@op(positions="index", wraps=True)
def index_fill(input: Array, dim: int, index: Array, value: Operand) -> Array:
    """One number written to the entries of ``dim`` that ``index`` names.

    Shape:
        ``(*, N, *)``, index ``(K,)``; the result is ``(*, N, *)``.

    Dtypes:
        Any; the result has the input's.

    Raises:
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.index_fill(torch.ones(2), 0, torch.tensor([0]), 5)
        tensor([5., 1.])

    Follows ``torch.index_fill``.
    """
    index = jnp.where(index < 0, index + (input.shape[dim] if input.ndim else 1), index)
    whole, at, _ = _index_parts(input, dim, index, None, "index_fill")
    new = jnp.asarray(value)
    if new.ndim:
        raise RuntimeError(
            f"index_fill_ only supports a 0-dimensional value tensor, but got tensor with "
            f"{new.ndim} dimension(s)."
        )
    return whole.at[at].set(new.astype(input.dtype), mode="drop").reshape(input.shape)


@op(positions="index")
def index_reduce(
    input: Array, dim: int, index: Array, source: Array, reduce: str, *, include_self: bool = True
) -> Array:
    """``source`` combined into the entries of ``dim`` that ``index`` names.

    Args:
        reduce: ``"prod"``, ``"mean"``, ``"amax"`` or ``"amin"``.

    Shape:
        ``(*, N, *)``, index ``(K,)``, source ``(*, K, *)``; the result is ``(*, N, *)``.

    Dtypes:
        Integers and floating; the result has the input's.

    Raises:
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> i, x = torch.tensor([0, 0, 1]), torch.tensor([2.0, 3.0, 4.0])
        >>> torch.index_reduce(torch.ones(2), 0, i, x, "prod")
        tensor([6., 4.])

    Follows ``torch.index_reduce``.
    """
    whole, at, new = _index_parts(input, dim, index, source, "index_reduce")
    assert new is not None
    axis = len(at) - 1
    shape = [1] * new.ndim
    shape[axis] = new.shape[axis]
    positions = jnp.broadcast_to(at[-1].reshape(shape), new.shape)
    result = _reduce_into(whole, _grid(positions, axis), new, reduce, include_self)
    return result.reshape(input.shape)


@op(distinct=True, positions="index", wraps=True)
def take(input: Array, index: Array) -> Array:
    """Elements at positions of the flattened tensor, in the shape of ``index``.

    Shape:
        ``(*)`` to the shape of the index.

    Dtypes:
        Any; the result has the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.take(torch.tensor([5, 6, 7]), torch.tensor([2]))
        tensor([7])

    Follows ``torch.take``.
    """
    if index.dtype != jnp.int64:
        raise RuntimeError(f"take(): Expected a long tensor for index, but got {index.dtype}")
    return jnp.take(input.reshape(-1), _wrap(index, input.size), mode="clip")


@op(distinct=True, positions="indices", wraps=True)
def take_along_dim(input: Array, indices: Array, dim: int | None = None) -> Array:
    """Elements picked along ``dim`` (or flattened), the other dimensions broadcast.

    Follows ``torch.take_along_dim``.
    """
    if indices.dtype != jnp.int64:
        raise RuntimeError(
            f"torch.take_along_dim(): dtype of indices should be Long but got {indices.dtype}"
        )
    if dim is None:
        return jnp.take(input.reshape(-1), _wrap(indices.reshape(-1), input.size), mode="clip")
    dim = canonical_dim(dim, input.ndim)
    if input.ndim != indices.ndim:
        raise RuntimeError(
            "torch.take_along_dim(): input and indices should have the same number of "
            f"dimensions, but got {input.ndim} dimensions for input, and {indices.ndim} "
            "dimensions for indices"
        )
    return jnp.take_along_axis(input, _wrap(indices, input.shape[dim]), axis=dim, mode="clip")


@op(positions="index", wraps=True)
def put(input: Array, index: Array, source: Array, accumulate: bool = False) -> Array:
    """``source`` written (or added) at positions of the flattened tensor.

    Shape:
        ``(*)``; values broadcast to what the indices choose; the result is ``(*)``.

    Dtypes:
        Any; the result has the input's.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.put(torch.zeros(2, 2), torch.tensor([3, 0]), torch.tensor([1.0, 2.0]))
        tensor([[2., 0.],
                [0., 1.]])

    Follows ``torch.put``.
    """
    if index.dtype != jnp.int64:
        raise RuntimeError(f"put_(): Expected a long tensor for index, but got {index.dtype}")
    if index.size != source.size:
        raise RuntimeError(
            "put_(): Expected source and index to have the same number of elements, but got "
            f"source.numel() = {source.size}, index.numel() = {index.size}"
        )
    if source.dtype != input.dtype:
        raise RuntimeError("put_(): self and source expected to have the same dtype")
    flat, at, new = input.reshape(-1), (_wrap(index.reshape(-1), input.size),), source.reshape(-1)
    out = _accumulate(flat, at, new) if accumulate else _put(flat, at, new)
    return out.reshape(input.shape)


def _check_mask(mask: Array, name: str) -> None:
    if mask.dtype != jnp.bool_:
        raise RuntimeError(
            f"{name} only supports boolean masks, but got mask with dtype {mask.dtype}"
        )


@op()
def masked_fill(input: Array, mask: Array, value: Operand) -> Array:
    """One number wherever ``mask`` is true.

    Shape:
        Input and mask: broadcastable to one shape, which is the output's.

    Example:
        >>> import flambeau as torch
        >>> torch.masked_fill(torch.zeros(2), torch.tensor([True, False]), 5.0)
        tensor([5., 0.])

    Follows ``torch.masked_fill``.
    """
    _check_mask(mask, "masked_fill")
    new = jnp.asarray(value)
    if new.ndim:
        raise RuntimeError(
            "masked_fill only supports a 0-dimensional value tensor, but got tensor with "
            f"{new.ndim} dimension(s)."
        )
    return jnp.where(mask, new.astype(input.dtype), input)


@op()
def masked_scatter(input: Array, mask: Array, source: Array) -> Array:
    """The elements of ``source``, in order, wherever ``mask`` is true.

    Shape:
        ``(*)``, and a mask that broadcasts to it; the result is ``(*)``.

    Dtypes:
        Any; the result has the input's.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> mask = torch.tensor([True, False, True])
        >>> torch.masked_scatter(torch.zeros(3), mask, torch.tensor([1.0, 2.0]))
        tensor([1., 0., 2.])

    Follows ``torch.masked_scatter``.
    """
    _check_mask(mask, "masked_scatter_")
    if source.dtype != input.dtype:
        raise RuntimeError("masked_scatter: expected self and source to have same dtypes")
    shape = jnp.broadcast_shapes(input.shape, mask.shape)
    where_ = jnp.broadcast_to(mask, shape)
    if not source.size:
        return jnp.broadcast_to(input, shape)
    rank = jnp.cumsum(where_.reshape(-1).astype(jnp.int64)) - 1
    new = jnp.take(source.reshape(-1), jnp.maximum(rank, 0), mode="clip").reshape(shape)
    return jnp.where(where_, new, input)


def _advanced(input: Array, indices: Sequence[Array], dims: Sequence[int]) -> tuple[Any, ...]:
    """The key of an advanced index: arrays at ``dims``, everything in between."""
    key: list[Any] = [slice(None)] * input.ndim
    try:
        jnp.broadcast_shapes(*(index.shape for index in indices))
    except ValueError:
        shapes = ", ".join(str(list(index.shape)) for index in indices)
        raise IndexError(
            f"shape mismatch: indexing tensors could not be broadcast together with shapes {shapes}"
        ) from None
    for index, dim in zip(indices, dims, strict=True):
        if not jnp.issubdtype(index.dtype, jnp.integer):
            raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
        key[dim] = _wrap(index, input.shape[dim])
    return tuple(key)


@op(positions="indices", wraps=True)
def index(input: Array, indices: Arrays, dims: tuple[int, ...]) -> Array:
    """Advanced indexing: ``indices[k]`` picks positions of dimension ``dims[k]``.

    The broadcast shape of the indices stands where the indexed dimensions were when those
    are neighbours, and in front otherwise.

    Follows ``torch.Tensor.__getitem__`` with tensors.
    """
    return input.at[_advanced(input, indices, dims)].get(mode="clip")


@op(positions="indices", wraps=True)
def index_put(
    input: Array,
    indices: Arrays,
    values: Array,
    dims: tuple[int, ...],
    accumulate: bool = False,
) -> Array:
    """Advanced assignment: ``values``, broadcast, written where :func:`index` would read.

    Follows ``torch.index_put``.
    """
    key = _advanced(input, indices, dims)
    if values.dtype != input.dtype:
        raise RuntimeError(
            "Index put requires the source and destination dtypes match, got "
            f"{input.dtype} for the destination and {values.dtype} for the source."
        )
    wanted = jax.eval_shape(lambda x: x.at[key].get(mode="clip"), input).shape
    try:
        new = jnp.broadcast_to(values, wanted)
    except ValueError:
        # Leading dimensions of size 1 may be dropped, as in an assignment to a slice.
        extra = values.ndim - len(wanted)
        if extra <= 0 or any(size != 1 for size in values.shape[:extra]):
            raise RuntimeError(
                f"shape mismatch: value tensor of shape {list(values.shape)} cannot be broadcast "
                f"to indexing result of shape {list(wanted)}"
            ) from None
        new = jnp.broadcast_to(values.reshape(values.shape[extra:]), wanted)
    return _accumulate(input, key, new) if accumulate else _put(input, key, new)


@op(promote="numeric", out="exact")
def where(condition: Array, input: Operand, other: Operand) -> Array:
    """``input`` wherever ``condition`` is true and ``other`` elsewhere.

    Shape:
        All three: broadcastable to one shape, which is the output's.

    Example:
        >>> import flambeau as torch
        >>> torch.where(torch.tensor([True, False]), torch.tensor([1, 2]), torch.tensor([3, 4]))
        tensor([1, 4])

    Follows ``torch.where``.
    """
    # The condition may have been cast along with the operands: bool never decides the dtype.
    return jnp.where(condition != 0, input, other)


@op()
def filled(value: Operand, shape: Dims, dtype: DType) -> Array:
    """A number or tensor in a dtype, broadcast to a shape: what an assignment stores.

    Raises:
        RuntimeError: it does not broadcast; leading dimensions of size 1 are dropped.
    """
    value = jnp.asarray(value)
    while value.ndim > len(shape) and value.shape[0] == 1:
        value = value[0]
    if jnp.iscomplexobj(value) and not np.issubdtype(dtype, np.complexfloating):
        value = lax.real(value)
    return jnp.broadcast_to(value, views.expanded_shape(value.shape, shape)).astype(dtype)


@op(differentiable=False)
def one_hot(input: Array, num_classes: int) -> Array:
    r"""A vector for each class number, 1 at the class and 0 elsewhere.

    Shape:
        Input: (\*), int64. Output: (\*, C).

    Follows ``torch.nn.functional.one_hot``.
    """
    if input.dtype != jnp.int64:
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor.")
    return (input[..., None] == jnp.arange(num_classes, dtype=jnp.int64)).astype(jnp.int64)


@op()
def select_scatter(input: Array, src: Array, dim: int, index: int) -> Array:
    """A copy of ``input`` with ``src`` at one index of ``dim``.

    Shape:
        ``(*, N, *)``, and a slice of it without the dimension; the result is ``(*, N, *)``.

    Dtypes:
        Bool, integers and floating; the result has the input's.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.select_scatter(torch.zeros(2, 2), torch.ones(2), 0, 1)
        tensor([[0., 0.],
                [1., 1.]])

    Follows ``torch.select_scatter``.
    """
    dim, index = views.checked_index(index, dim, input.shape)
    wanted = input.shape[:dim] + input.shape[dim + 1 :]
    if src.shape != wanted:
        raise RuntimeError(
            "expected src to have a size equal to the slice of self. src size = "
            f"{list(src.shape)}, slice size = {list(wanted)}"
        )
    return lax.dynamic_update_index_in_dim(input, src.astype(input.dtype), index, dim)


@op()
def slice_scatter(
    input: Array,
    src: Array,
    dim: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
) -> Array:
    """A copy of ``input`` with ``src`` at ``start:end:step`` of ``dim``.

    Shape:
        ``(*, N, *)``, and a slice ``(*, K, *)`` of it; the result is ``(*, N, *)``.

    Dtypes:
        Bool, integers and floating; the result has the input's.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.slice_scatter(torch.zeros(4), torch.ones(2), 0, 1, 3)
        tensor([0., 1., 1., 0.])

    Follows ``torch.slice_scatter``.
    """
    wanted = jax.eval_shape(lambda x: views.slice.impl(x, dim, start, end, step), input).shape
    if src.shape != wanted:
        raise RuntimeError(
            "expected src to have a size equal to the slice of self. src size = "
            f"{list(src.shape)}, slice size = {list(wanted)}"
        )
    return views.slice.scatter(input, src, dim, start, end, step)  # pyright: ignore[reportOptionalCall]


@op()
def diagonal_scatter(
    input: Array, src: Array, offset: int = 0, dim1: int = 0, dim2: int = 1
) -> Array:
    """A copy of ``input`` with ``src`` on a diagonal.

    Shape:
        ``(*, M, N)``, and its diagonal ``(*, K)``; the result is ``(*, M, N)``.

    Dtypes:
        Any; the result has the input's.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.diagonal_scatter(torch.zeros(2, 2), torch.tensor([1.0, 2.0]))
        tensor([[1., 0.],
                [0., 2.]])

    Follows ``torch.diagonal_scatter``.
    """
    wanted = jax.eval_shape(lambda x: views.diagonal.impl(x, offset, dim1, dim2), input).shape
    if src.shape != wanted:
        raise RuntimeError(
            "expected src to have a size equal to the slice of self. src size = "
            f"{list(src.shape)}, slice size = {list(wanted)}"
        )
    return views.diagonal.scatter(input, src, offset, dim1, dim2)  # pyright: ignore[reportOptionalCall]


@op()
def as_strided_scatter(
    input: Array, src: Array, size: Dims, stride: Dims, storage_offset: int = 0
) -> Array:
    """A copy of ``input`` with ``src`` where the strided view would read.

    Follows ``torch.as_strided_scatter``.
    """
    if src.shape != tuple(size):
        raise RuntimeError(
            "expected src to have a size equal to the slice of self. src size = "
            f"{list(src.shape)}, slice size = {list(size)}"
        )
    views.check_strided(input, size, stride, storage_offset)
    return views.as_strided.scatter(input, src, size, stride, storage_offset)  # pyright: ignore[reportOptionalCall]


@op(differentiable=False)
def nonzero_static(input: Array, size: int, fill_value: int = -1) -> Array:
    """``size`` positions of elements that are not zero, filled up with ``fill_value``."""
    if input.size == 0 or input.ndim == 0:
        return jnp.full((size, input.ndim), fill_value, jnp.int64)
    found = jnp.nonzero(input, size=size, fill_value=fill_value)
    return jnp.stack(found, axis=-1).astype(jnp.int64)
