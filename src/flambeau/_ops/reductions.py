"""Sums, means, extremes and tests over dimensions.

The 16-bit floats are summed in float32 and rounded once.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from flambeau._ops._dims import canonical_dim, reduced_dims
from flambeau._ops._numeric import (
    accumulator,
    dtype_name,
    is_bool,
    is_complex,
    is_float,
    is_inexact,
    is_integral,
    real_dtype,
)
from flambeau._ops.arithmetic import abs_
from flambeau._ops.registry import Array, Operand, OptArray, OptDims, OptDType, op


def _sum_dtype(input: Array, dtype: np.dtype | None) -> np.dtype:
    if dtype is not None:
        return dtype
    return np.dtype(np.int64) if is_integral(input) else input.dtype


def _need_inexact(name: str, input: Array) -> None:
    if not is_inexact(input):
        raise RuntimeError(
            f"{name}(): could not infer output dtype. Input dtype must be either a floating "
            f"point or complex dtype. Got: {dtype_name(input.dtype)}"
        )


def _need_elements(name: str, input: Array, axes: tuple[int, ...], whole: bool) -> None:
    if any(input.shape[a] == 0 for a in axes):
        if whole:
            raise RuntimeError(
                f"{name}(): Expected reduction dim to be specified for input.numel() == 0. "
                f"Specify the reduction dim with the 'dim' argument."
            )
        empty = next(a for a in axes if input.shape[a] == 0)
        raise IndexError(f"{name}(): Expected reduction dim {empty} to have non-zero size.")


# Sums --------------------------------------------------------------------------------


@op()
def sum_(
    input: Array, dim: OptDims = None, keepdim: bool = False, *, dtype: OptDType = None
) -> Array:
    """The sum over ``dim``, over everything by default; integers give int64.

    Args:
        dim: one dimension or several.
        keepdim: leave the reduced dimensions in place with size 1.
        dtype: cast to it first.

    Shape:
        ``(*)`` to ``(*)`` without the reduced dimensions, or with size 1 for each under
        ``keepdim``.

    Dtypes:
        Any; the result: int64 for bools and integers, else the input's.

    Raises:
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.sum(torch.tensor([[1.0, 2.0], [3.0, 5.0]]), 1)
        tensor([3., 8.])

    Follows ``torch.sum``.
    """
    axes = reduced_dims(dim, input.ndim)
    result = _sum_dtype(input, dtype)
    wide = accumulator(result)
    return jnp.sum(input.astype(wide), axis=axes, keepdims=keepdim).astype(result)


@op()
def nansum(
    input: Array, dim: OptDims = None, keepdim: bool = False, *, dtype: OptDType = None
) -> Array:
    """The sum over ``dim`` with nan counted as 0.

    Shape:
        ``(*)`` to ``(*)`` without the reduced dimensions, or with size 1 for each under
        ``keepdim``.

    Dtypes:
        Bool, integers and floating; the result: int64 for bools and integers, else the
        input's.

    Raises:
        RuntimeError: the tensors are complex.
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.nansum(torch.tensor([[1.0, 2.0], [3.0, 5.0]]), 1)
        tensor([3., 8.])

    Follows ``torch.nansum``.
    """
    if is_complex(input):
        raise RuntimeError("nansum does not support complex inputs")
    clean = input if is_integral(input) else jnp.where(jnp.isnan(input), 0, input)
    return sum_.impl(clean.astype(input.dtype), dim, keepdim, dtype=dtype)


@op()
def mean(
    input: Array, dim: OptDims = None, keepdim: bool = False, *, dtype: OptDType = None
) -> Array:
    """The mean over ``dim``, over everything by default.

    Shape:
        ``(*)`` to ``(*)`` without the reduced dimensions, or with size 1 for each under
        ``keepdim``.

    Dtypes:
        Floating and complex; the result has the input's.

    Raises:
        RuntimeError: neither ``input`` nor ``dtype`` is floating point or complex.

    Example:
        >>> import flambeau as torch
        >>> torch.mean(torch.tensor([[1.0, 2.0], [3.0, 5.0]]), 1)
        tensor([1.5000, 4.0000])

    Follows ``torch.mean``.
    """
    axes = reduced_dims(dim, input.ndim)
    result = input.dtype if dtype is None else np.dtype(dtype)
    _need_inexact("mean", input if dtype is None else jnp.zeros((), result))
    wide = accumulator(result)
    return jnp.mean(input.astype(wide), axis=axes, keepdims=keepdim).astype(result)


@op()
def nanmean(
    input: Array, dim: OptDims = None, keepdim: bool = False, *, dtype: OptDType = None
) -> Array:
    """The mean over ``dim`` of the elements that are not nan.

    Shape:
        ``(*)`` to ``(*)`` without the reduced dimensions, or with size 1 for each under
        ``keepdim``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: the tensors are complex.
        RuntimeError: the tensors hold integers or bools.
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.nanmean(torch.tensor([[1.0, 2.0], [3.0, 5.0]]), 1)
        tensor([1.5000, 4.0000])

    Follows ``torch.nanmean``.
    """
    _need_inexact("nanmean", input)
    axes = reduced_dims(dim, input.ndim)
    valid = jnp.logical_not(jnp.isnan(input))
    total = nansum.impl(input, axes or None, keepdim, dtype=dtype)
    count = jnp.sum(valid, axis=axes, keepdims=keepdim).astype(total.dtype)
    return total / count


@op()
def prod_all(input: Array, *, dtype: OptDType = None) -> Array:
    """The product of all elements; integers give int64."""
    result = _sum_dtype(input, dtype)
    return jnp.prod(input.astype(accumulator(result))).astype(result)


@op()
def prod_dim(input: Array, dim: int, keepdim: bool = False, *, dtype: OptDType = None) -> Array:
    """The product over one dimension; integers give int64."""
    axes = reduced_dims(dim, input.ndim)
    result = _sum_dtype(input, dtype)
    wide = input.astype(accumulator(result))
    return jnp.prod(wide, axis=axes, keepdims=keepdim).astype(result)


@op(differentiable=False)
def count_nonzero(input: Array, dim: OptDims = None) -> Array:
    """How many elements are not zero, as int64.

    Shape:
        ``(*)`` to ``(*)`` without the counted dimensions.

    Dtypes:
        Any; the result is int64.

    Raises:
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.count_nonzero(torch.tensor([[1.0, 2.0], [3.0, 5.0]]), 1)
        tensor([2, 2])

    Follows ``torch.count_nonzero``.
    """
    return jnp.sum(jnp.not_equal(input, 0), axis=reduced_dims(dim, input.ndim), dtype=jnp.int64)


@op(differentiable=False)
def hash_tensor(
    input: Array, dim: OptDims = None, *, keepdim: bool = False, mode: int = 0
) -> Array:
    """The exclusive or of all elements' bits, as uint64; to tell whether values changed.

    Elements are widened to 64 bits first, floats to float64 and integers to int64, so that the
    same numbers give the same hash in any dtype.

    Args:
        input: a real tensor.
        dim: the dimensions to reduce; all by default.
        keepdim: leave them in place with size 1.
        mode: 0, the only way of hashing there is.

    Shape:
        ``(*)`` to ``(*)`` without the reduced dimensions, or with size 1 for each under
        ``keepdim``.

    Dtypes:
        Bool, integers and floating; the result is uint64.

    Raises:
        RuntimeError: another ``mode``; ``input`` has no elements and ``dim`` is not given.
        NotImplementedError: ``input`` is complex.

    Example:
        >>> import flambeau as torch
        >>> torch.hash_tensor(torch.tensor([1, 2, 4]))
        tensor(7, dtype=torch.uint64)

    Follows ``torch.hash_tensor``.
    """
    if mode != 0:
        raise RuntimeError(f"Unknown hash_tensor mode: {mode}; it takes 0")
    if is_complex(input):
        raise NotImplementedError(
            f"hash_tensor: not implemented for {dtype_name(input.dtype)}; "
            "hash torch.view_as_real(input)"
        )
    axes = reduced_dims(dim, input.ndim)
    if dim is None:
        _need_elements("hash_tensor", input, axes, True)
    if is_float(input):
        bits = lax.bitcast_convert_type(input.astype(jnp.float64), jnp.uint64)
    else:
        bits = input.astype(jnp.uint64)
    out = lax.reduce(bits, np.uint64(0), lax.bitwise_xor, axes)
    return jnp.expand_dims(out, axes) if keepdim else out


# Moments -----------------------------------------------------------------------------


def _moments(
    name: str, input: Array, dim: tuple[int, ...] | None, correction: float, keepdim: bool
) -> tuple[Array, Array]:
    """The variance and the mean in the accumulation dtype."""
    if not is_inexact(input):
        raise RuntimeError(
            f"{name} only support floating point and complex dtypes, got {dtype_name(input.dtype)}"
        )
    axes = reduced_dims(dim, input.ndim)
    wide = input.astype(accumulator(input.dtype))
    count = int(np.prod([input.shape[a] for a in axes], dtype=np.int64))
    center = jnp.mean(wide, axis=axes, keepdims=True)
    gap = wide - center
    square = jnp.square(gap.real) + jnp.square(gap.imag) if is_complex(gap) else jnp.square(gap)
    total = jnp.sum(square, axis=axes, keepdims=keepdim)
    divisor = jnp.asarray(max(count - correction, 0), total.dtype)
    return total / divisor, center if keepdim else jnp.squeeze(center, axes)


@op()
def var(
    input: Array, dim: OptDims = None, *, correction: float = 1, keepdim: bool = False
) -> Array:
    """The variance over ``dim``, divided by the count less ``correction``."""
    value, _ = _moments("var", input, dim, correction, keepdim)
    return value.astype(real_dtype(input.dtype))


@op()
def std(
    input: Array, dim: OptDims = None, *, correction: float = 1, keepdim: bool = False
) -> Array:
    """The standard deviation over ``dim``; its derivative is 0 where it is 0."""
    value, _ = _moments("std", input, dim, correction, keepdim)
    return _std_of(value).astype(real_dtype(input.dtype))


def _std_of(variance: Array) -> Array:
    zero = variance == 0
    return jnp.where(zero, 0, jnp.sqrt(jnp.where(zero, 1, variance)))


@op()
def var_mean(
    input: Array, dim: OptDims = None, *, correction: float = 1, keepdim: bool = False
) -> tuple[Array, Array]:
    """The variance and the mean over ``dim``."""
    value, center = _moments("var_mean", input, dim, correction, keepdim)
    return value.astype(real_dtype(input.dtype)), center.astype(input.dtype)


@op()
def std_mean(
    input: Array, dim: OptDims = None, *, correction: float = 1, keepdim: bool = False
) -> tuple[Array, Array]:
    """The standard deviation and the mean over ``dim``."""
    value, center = _moments("std_mean", input, dim, correction, keepdim)
    return _std_of(value).astype(real_dtype(input.dtype)), center.astype(input.dtype)


@op()
def cov(
    input: Array, *, correction: int = 1, fweights: OptArray = None, aweights: OptArray = None
) -> Array:
    """The covariance matrix of the rows of ``input``."""
    return _cov(input, correction, fweights, aweights)


def _cov(input: Array, correction: int, fweights: Array | None, aweights: Array | None) -> Array:
    if input.ndim > 2:
        raise RuntimeError(
            f"cov(): expected input to have two or fewer dimensions but got an input with "
            f"{input.ndim} dimensions"
        )
    rows = input if input.ndim == 2 else input.reshape(1, -1)
    if not is_inexact(rows):
        rows = rows.astype(jnp.float32)
    for name, given, kind in (("fweights", fweights, "integral"), ("aweights", aweights, "float")):
        _check_weights(name, given, kind, rows.shape[1])
    if aweights is not None:
        rows = rows.astype(jnp.promote_types(rows.dtype, aweights.dtype))
    weights = None
    if fweights is not None:
        weights = fweights
    if aweights is not None:
        weights = aweights if weights is None else weights * aweights
    kind = real_dtype(rows.dtype)
    if weights is None:
        center = jnp.mean(rows, axis=1, keepdims=True)
        norm = jnp.asarray(rows.shape[1] - correction, kind)
        gap = rows - center
        scaled = gap
    else:
        total = jnp.sum(weights)
        center = jnp.sum(rows * weights, axis=1, keepdims=True) / total
        if aweights is None or correction == 0:
            norm = total - correction
        else:
            norm = total - correction * jnp.sum(weights * aweights) / total
        gap = rows - center.astype(rows.dtype)
        scaled = gap * weights
    result = scaled.astype(rows.dtype) @ jnp.conj(gap).T / jnp.maximum(norm, 0).astype(rows.dtype)
    return result if input.ndim == 2 and rows.shape[0] != 1 else jnp.squeeze(result)


def _check_weights(name: str, weights: Array | None, kind: str, count: int) -> None:
    if weights is None:
        return
    if weights.ndim > 1:
        raise RuntimeError(
            f"cov(): expected {name} to have one or fewer dimensions but got {name} with "
            f"{weights.ndim} dimensions"
        )
    good = weights.dtype.kind in "iu" if kind == "integral" else is_float(weights)
    if not good:
        raise RuntimeError(
            f"cov(): expected {name} to have {kind} dtype but got {name} with "
            f"{dtype_name(weights.dtype)} dtype"
        )
    if weights.size != count:
        raise RuntimeError(
            f"cov(): expected {name} to have the same numel as there are observations in the "
            f"input but got {weights.size} != {count}"
        )


@op()
def corrcoef(input: Array) -> Array:
    """The matrix of Pearson's correlation coefficients of the rows of ``input``.

    Shape:
        ``(M, N)`` to ``(M, M)``; ``(N,)`` to ``()``.

    Dtypes:
        Integers, floating and complex; the result: the default dtype for integers, else the
        input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.corrcoef(torch.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))
        tensor([[ 1., -1.],
                [-1.,  1.]])

    Follows ``torch.corrcoef``.
    """
    if input.ndim > 2:
        raise RuntimeError(
            f"corrcoef(): expected input to have two or fewer dimensions but got an input with "
            f"{input.ndim} dimensions"
        )
    matrix = _cov(input, 1, None, None)
    if matrix.ndim == 0:
        return matrix / matrix
    scale = jnp.sqrt(jnp.diagonal(matrix).real)
    result = matrix / scale[:, None] / scale[None, :]
    if is_complex(result):
        return lax.complex(jnp.clip(result.real, -1, 1), jnp.clip(result.imag, -1, 1))
    return jnp.clip(result, -1, 1)


# Logic -------------------------------------------------------------------------------


def _test_dtype(input: Array) -> np.dtype:
    return np.dtype(np.uint8 if input.dtype == np.uint8 else np.bool_)


@op(differentiable=False)
def all_(input: Array, dim: OptDims = None, keepdim: bool = False) -> Array:
    """Whether all elements over ``dim`` are non-zero (uint8 for uint8, else bool).

    Shape:
        ``(*)`` to ``(*)`` without the reduced dimensions, or with size 1 for each under
        ``keepdim``.

    Dtypes:
        Any; the result is bool.

    Raises:
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.all(torch.tensor([[1.0, 2.0], [3.0, 5.0]]), 1)
        tensor([True, True])

    Follows ``torch.all``.
    """
    axes = () if dim == () else reduced_dims(dim, input.ndim)
    return jnp.all(jnp.not_equal(input, 0), axis=axes, keepdims=keepdim).astype(_test_dtype(input))


@op(differentiable=False)
def any_(input: Array, dim: OptDims = None, keepdim: bool = False) -> Array:
    """Whether any element over ``dim`` is non-zero (uint8 for uint8, else bool).

    Shape:
        ``(*)`` to ``(*)`` without the reduced dimensions, or with size 1 for each under
        ``keepdim``.

    Dtypes:
        Any; the result is bool.

    Raises:
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.any(torch.tensor([[1.0, 2.0], [3.0, 5.0]]), 1)
        tensor([True, True])

    Follows ``torch.any``.
    """
    axes = () if dim == () else reduced_dims(dim, input.ndim)
    return jnp.any(jnp.not_equal(input, 0), axis=axes, keepdims=keepdim).astype(_test_dtype(input))


# Extremes ----------------------------------------------------------------------------


def _sortable(input: Array) -> Array:
    return input.astype(jnp.uint8) if is_bool(input) else input


def _refuse_complex(name: str, input: Array) -> None:
    if is_complex(input):
        raise NotImplementedError(
            f"{name} is not implemented for '{dtype_name(input.dtype)}': complex has no order"
        )


@op()
def amax(input: Array, dim: OptDims = (), keepdim: bool = False) -> Array:
    """The largest element over ``dim``; ties share the gradient.

    Shape:
        ``(*)`` to ``(*)`` without the reduced dimensions, or with size 1 for each under
        ``keepdim``.

    Dtypes:
        Bool, integers and floating; the result has the input's.

    Raises:
        NotImplementedError: the tensors are complex.
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.amax(torch.tensor([[1.0, 2.0], [3.0, 5.0]]), 1)
        tensor([2., 5.])

    Follows ``torch.amax``.
    """
    _refuse_complex("amax", input)
    axes = reduced_dims(dim, input.ndim)
    _need_elements("amax", input, axes, whole=dim in ((), None))
    return jnp.max(input, axis=axes, keepdims=keepdim)


@op()
def amin(input: Array, dim: OptDims = (), keepdim: bool = False) -> Array:
    """The smallest element over ``dim``; ties share the gradient.

    Shape:
        ``(*)`` to ``(*)`` without the reduced dimensions, or with size 1 for each under
        ``keepdim``.

    Dtypes:
        Bool, integers and floating; the result has the input's.

    Raises:
        NotImplementedError: the tensors are complex.
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.amin(torch.tensor([[1.0, 2.0], [3.0, 5.0]]), 1)
        tensor([1., 3.])

    Follows ``torch.amin``.
    """
    _refuse_complex("amin", input)
    axes = reduced_dims(dim, input.ndim)
    _need_elements("amin", input, axes, whole=dim in ((), None))
    return jnp.min(input, axis=axes, keepdims=keepdim)


@op()
def max_all(input: Array) -> Array:
    """The largest of all elements."""
    _refuse_complex("max", input)
    _need_elements("max", input, tuple(range(input.ndim)), whole=True)
    return jnp.max(input)


@op()
def min_all(input: Array) -> Array:
    """The smallest of all elements."""
    _refuse_complex("min", input)
    _need_elements("min", input, tuple(range(input.ndim)), whole=True)
    return jnp.min(input)


@op(returns=("min", "max"))
def aminmax(input: Array, *, dim: int | None = None, keepdim: bool = False) -> tuple[Array, Array]:
    """The smallest and the largest element, over one dimension or all.

    Shape:
        ``(*)`` to ``(*)`` without the reduced dimensions, or with size 1 for each under
        ``keepdim``.

    Dtypes:
        Bool, integers and floating; the result has the input's.

    Raises:
        NotImplementedError: the tensors are complex.
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.aminmax(torch.tensor([[1.0, 2.0], [3.0, 5.0]]))
        torch.return_types.aminmax(
        min=tensor(1.),
        max=tensor(5.))

    Follows ``torch.aminmax``.
    """
    _refuse_complex("aminmax", input)
    axes = reduced_dims(dim, input.ndim)
    _need_elements("aminmax", input, axes, whole=dim is None)
    return (
        jnp.min(input, axis=axes, keepdims=keepdim),
        jnp.max(input, axis=axes, keepdims=keepdim),
    )


def take_at(input: Array, index: Array, dim: int) -> Array:
    """The elements of ``input`` at ``index`` along ``dim``; the gradient goes to them alone."""
    return jnp.take_along_axis(input, index, axis=dim, mode="clip")


def _pick(input: Array, index: Array, dim: int, keepdim: bool) -> tuple[Array, Array]:
    """Values and indices of a reduction that chose ``index`` (of size 1 along ``dim``)."""
    values = take_at(input, index, dim)
    if keepdim:
        return values, index
    return jnp.squeeze(values, dim), jnp.squeeze(index, dim)


def _arg(name: str, input: Array, dim: int | None, keepdim: bool) -> Array:
    _refuse_complex(name, input)
    find = jnp.argmax if name in ("argmax", "max") else jnp.argmin
    if dim is None:
        _need_elements(name, input, tuple(range(input.ndim)), whole=True)
        found = find(_sortable(input).reshape(-1)).astype(jnp.int64)
        return found.reshape((1,) * input.ndim) if keepdim else found
    dim = canonical_dim(dim, input.ndim)
    if input.ndim == 0:
        return jnp.zeros((), jnp.int64)
    _need_elements(name, input, (dim,), whole=False)
    return find(_sortable(input), axis=dim, keepdims=keepdim).astype(jnp.int64)


@op(differentiable=False)
def argmax(input: Array, dim: int | None = None, keepdim: bool = False) -> Array:
    """The index of the largest element; the first one among equals, and a nan is largest.

    Shape:
        ``(*)`` to ``(*)`` without the reduced dimensions, or with size 1 for each under
        ``keepdim``.

    Dtypes:
        Integers and floating; the result is int64.

    Raises:
        NotImplementedError: the tensors are complex.
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.argmax(torch.tensor([[1.0, 2.0], [3.0, 5.0]]), 1)
        tensor([1, 1])

    Follows ``torch.argmax``.
    """
    return _arg("argmax", input, dim, keepdim)


@op(differentiable=False)
def argmin(input: Array, dim: int | None = None, keepdim: bool = False) -> Array:
    """The index of the smallest element; the first one among equals, and a nan is smallest.

    Shape:
        ``(*)`` to ``(*)`` without the reduced dimensions, or with size 1 for each under
        ``keepdim``.

    Dtypes:
        Integers and floating; the result is int64.

    Raises:
        NotImplementedError: the tensors are complex.
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.argmin(torch.tensor([[1.0, 2.0], [3.0, 5.0]]), 1)
        tensor([0, 0])

    Follows ``torch.argmin``.
    """
    return _arg("argmin", input, dim, keepdim)


@op("max", returns=("values", "indices"))
def max_dim(input: Array, dim: int, keepdim: bool = False) -> tuple[Array, Array]:
    """The largest elements along ``dim`` and where they are."""
    dim = canonical_dim(dim, input.ndim)
    if input.ndim == 0:
        return input, jnp.zeros((), jnp.int64)
    return _pick(input, _arg("max", lax.stop_gradient(input), dim, True), dim, keepdim)


@op("min", returns=("values", "indices"))
def min_dim(input: Array, dim: int, keepdim: bool = False) -> tuple[Array, Array]:
    """The smallest elements along ``dim`` and where they are."""
    dim = canonical_dim(dim, input.ndim)
    if input.ndim == 0:
        return input, jnp.zeros((), jnp.int64)
    return _pick(input, _arg("min", lax.stop_gradient(input), dim, True), dim, keepdim)


# Order statistics --------------------------------------------------------------------


def _median_index(input: Array, dim: int, ignore_nan: bool) -> Array:
    """The position of the lower median along ``dim``, kept with size 1."""
    size = input.shape[dim]
    order = jnp.argsort(input, axis=dim, stable=True)  # nan sort last
    middle = jnp.asarray((size - 1) // 2)
    if is_float(input):
        count = jnp.sum(jnp.isnan(input), axis=dim, keepdims=True)
        if ignore_nan:
            middle = jnp.maximum(size - count - 1, 0) // 2
        else:
            middle = jnp.where(count > 0, size - count, middle)
    middle = jnp.broadcast_to(middle, _with_one(input.shape, dim))
    return jnp.take_along_axis(order, middle, axis=dim).astype(jnp.int64)


def _with_one(shape: tuple[int, ...], dim: int) -> tuple[int, ...]:
    return (*shape[:dim], 1, *shape[dim + 1 :])


def _median_all(name: str, input: Array, ignore_nan: bool) -> Array:
    _refuse_complex(name, input)
    flat = input.reshape(-1)
    if flat.shape[0] == 0:
        if is_float(input):
            return jnp.full((), jnp.nan, input.dtype)
        return jnp.full((), jnp.iinfo(input.dtype).min, input.dtype)
    still = lax.stop_gradient(flat)
    value = still[_median_index(still, 0, ignore_nan)[0]]
    if not is_inexact(flat):
        return value
    # The largest element not above the median is the median; asked this way, the elements
    # that equal it share the gradient.
    shared = jnp.max(jnp.where(still <= value, flat, -jnp.inf))
    return jnp.where(jnp.isnan(value), value, shared)


@op()
def median_all(input: Array) -> Array:
    """The median of all elements, the lower of the two middle ones; nan if any is nan."""
    return _median_all("median", input, False)


@op()
def nanmedian_all(input: Array) -> Array:
    """The median of all elements that are not nan."""
    return _median_all("nanmedian", input, True)


@op("median", returns=("values", "indices"))
def median_dim(input: Array, dim: int, keepdim: bool = False) -> tuple[Array, Array]:
    """The (lower) medians along ``dim`` and where they are."""
    return _median_dim("median", input, dim, keepdim, False)


@op("nanmedian", returns=("values", "indices"))
def nanmedian_dim(input: Array, dim: int, keepdim: bool = False) -> tuple[Array, Array]:
    """The (lower) medians along ``dim`` of what is not nan, and where they are."""
    return _median_dim("nanmedian", input, dim, keepdim, True)


def _median_dim(
    name: str, input: Array, dim: int, keepdim: bool, ignore_nan: bool
) -> tuple[Array, Array]:
    _refuse_complex(name, input)
    dim = canonical_dim(dim, input.ndim)
    if input.ndim == 0:
        return input, jnp.zeros((), jnp.int64)
    _need_elements(name, input, (dim,), whole=False)
    index = _median_index(_sortable(lax.stop_gradient(input)), dim, ignore_nan)
    return _pick(input, index, dim, keepdim)


@op(returns=("values", "indices"))
def mode(input: Array, dim: int = -1, keepdim: bool = False) -> tuple[Array, Array]:
    """The most frequent element along ``dim`` (the smallest among equals) and where it is last.

    Shape:
        ``(*)`` to ``(*)`` without the reduced dimensions, or with size 1 for each under
        ``keepdim``.

    Dtypes:
        Bool, integers and floating; the results: the input's; int64.

    Raises:
        NotImplementedError: the tensors are complex.
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.mode(torch.tensor([1, 2, 2, 3]))
        torch.return_types.mode(
        values=tensor(2),
        indices=tensor(2))

    Follows ``torch.mode``.
    """
    _refuse_complex("mode", input)
    dim = canonical_dim(dim, input.ndim)
    if input.ndim == 0:
        return input, jnp.zeros((), jnp.int64)
    _need_elements("mode", input, (dim,), whole=False)
    size = input.shape[dim]
    still = _sortable(lax.stop_gradient(input))
    order = jnp.argsort(still, axis=dim, stable=True)
    ordered = jnp.take_along_axis(still, order, axis=dim)
    place = lax.broadcasted_iota(jnp.int64, ordered.shape, dim)
    before = jnp.concatenate(
        [
            jnp.ones(_with_one(ordered.shape, dim), jnp.bool_),
            lax.slice_in_dim(ordered, 1, size, axis=dim)
            != lax.slice_in_dim(ordered, 0, size - 1, axis=dim),
        ],
        axis=dim,
    )
    start = lax.cummax(jnp.where(before, place, 0), axis=dim)
    longest = jnp.argmax(place - start, axis=dim, keepdims=True)
    return _pick(
        input, jnp.take_along_axis(order, longest, axis=dim).astype(jnp.int64), dim, keepdim
    )


_INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")


def _quantile(
    name: str, input: Array, q: Array, dim: int | None, keepdim: bool, how: str, ignore_nan: bool
) -> Array:
    if not is_float(input):
        raise RuntimeError(f"{name}() input tensor must be either float or double dtype")
    if how not in _INTERPOLATIONS:
        raise RuntimeError(
            f"{name}() interpolation must be one of linear, lower, higher, midpoint or nearest, "
            f"but got {how}"
        )
    q = jnp.asarray(q, input.dtype)
    if q.ndim > 1:
        raise RuntimeError(f"{name}() q must be a scalar or 1D tensor, got {q.ndim} dimensions")
    if input.size == 0:
        raise RuntimeError(f"{name}() input tensor must be non-empty")
    ndim = input.ndim
    if dim is None:
        values = input.reshape(1, -1)
        kept: tuple[int, ...] = (1,) * ndim if keepdim else ()
    else:
        dim = canonical_dim(dim, ndim)
        moved = jnp.moveaxis(input, dim, -1) if ndim else input.reshape(1)
        values = moved.reshape(-1, moved.shape[-1])
        kept = moved.shape[:-1]
        if keepdim and ndim:
            kept = _with_one(input.shape, dim)
    ordered = jnp.sort(values, axis=-1)
    size = ordered.shape[-1]
    missing = jnp.sum(jnp.isnan(lax.stop_gradient(values)), axis=-1, keepdims=True)
    last = (size - missing - 1) if ignore_nan else jnp.full_like(missing, size - 1)
    rank = q.reshape(1, -1) * jnp.maximum(last, 0).astype(input.dtype)
    if how == "lower":
        rank = jnp.floor(rank)
    elif how == "higher":
        rank = jnp.ceil(rank)
    elif how == "nearest":
        rank = lax.round(rank, lax.RoundingMethod.TO_NEAREST_EVEN)
    low = jnp.floor(lax.stop_gradient(rank))
    below = jnp.take_along_axis(ordered, low.astype(jnp.int64), axis=-1, mode="clip")
    result = below
    if how in ("linear", "midpoint"):
        high = jnp.ceil(lax.stop_gradient(rank))
        above = jnp.take_along_axis(ordered, high.astype(jnp.int64), axis=-1, mode="clip")
        weight = jnp.asarray(0.5, input.dtype) if how == "midpoint" else rank - low
        gap = above - below
        blended = jnp.where(weight < 0.5, below + weight * gap, above - gap * (1 - weight))
        result = jnp.where((high == low) & (how == "midpoint"), below, blended)
    spoiled = (missing == size) if ignore_nan else (missing > 0)
    result = jnp.where(spoiled, jnp.nan, result).astype(input.dtype)
    result = result.T.reshape(q.shape[0] if q.ndim else 1, *kept)
    return result if q.ndim else result[0]


@op()
def quantile(
    input: Array,
    q: Operand,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
) -> Array:
    """The ``q``-th quantiles along ``dim``, over everything by default.

    A 1-d ``q`` adds a first dimension.
    """
    return _quantile("quantile", input, q, dim, keepdim, interpolation, False)


@op()
def nanquantile(
    input: Array,
    q: Operand,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
) -> Array:
    """The quantiles of the elements that are not nan."""
    return _quantile("nanquantile", input, q, dim, keepdim, interpolation, True)


# Norms and log-sums ------------------------------------------------------------------


@op(promote="float")
def logsumexp(input: Array, dim: OptDims, keepdim: bool = False) -> Array:
    """``log(sum(exp(input)))`` over ``dim``, without overflow.

    Shape:
        ``(*)`` to ``(*)`` without the reduced dimensions, or with size 1 for each under
        ``keepdim``.

    Dtypes:
        Any; the result: the default dtype for bools and integers, else the input's.

    Raises:
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.logsumexp(torch.tensor([[1.0, 2.0], [3.0, 5.0]]), 1)
        tensor([2.3133, 5.1269])

    Follows ``torch.logsumexp``.
    """
    axes = reduced_dims(dim, input.ndim)
    if not is_complex(input) and all(input.shape[a] for a in axes):
        wide = input.astype(accumulator(input.dtype))
        peak = lax.stop_gradient(jnp.max(wide, axis=axes, keepdims=True))
        peak = jnp.where(jnp.isfinite(peak), peak, 0)
        total = jnp.sum(jnp.exp(wide - peak), axis=axes, keepdims=keepdim)
        peak = peak if keepdim else jnp.squeeze(peak, axes)
        # With every element at -inf the sum is 0, and its logarithm has no derivative.
        empty = total == 0
        result = jnp.where(empty, -jnp.inf, jnp.log(jnp.where(empty, 1, total)) + peak)
        return result.astype(input.dtype)
    return jax.scipy.special.logsumexp(input, axis=axes, keepdims=keepdim).astype(input.dtype)


@op()
def vector_norm(
    input: Array,
    ord: float = 2,
    dim: OptDims = None,
    keepdim: bool = False,
    *,
    dtype: OptDType = None,
) -> Array:
    """The ``ord``-norm over ``dim`` of the elements taken as one vector.

    ``inf`` and ``-inf`` give the extreme absolute values, 0 counts the non-zero elements.
    The derivative of the norm of a zero vector is 0.
    """
    if dtype is not None:
        input = input.astype(dtype)
    _need_inexact("linalg.vector_norm", input)
    axes = reduced_dims(dim, input.ndim)
    result = real_dtype(input.dtype)
    wide = input.astype(accumulator(input.dtype))
    if not input.ndim and ord != 0:
        return abs_.impl(input)
    if np.isinf(ord):
        if ord < 0 or any(input.shape[a] == 0 for a in axes):
            _need_elements("linalg.vector_norm", input, axes, whole=dim is None)
        reduce = jnp.max if ord > 0 else jnp.min
        return reduce(abs_.impl(wide), axis=axes, keepdims=keepdim).astype(result)
    if ord == 0:
        count = jnp.sum(jnp.not_equal(wide, 0), axis=axes, keepdims=keepdim)
        return count.astype(result)
    if ord == 1:
        return jnp.sum(abs_.impl(wide), axis=axes, keepdims=keepdim).astype(result)
    if ord == 2:
        if is_complex(wide):
            total = jnp.square(wide.real) + jnp.square(wide.imag)
        else:
            total = jnp.square(wide)
        total = jnp.sum(total, axis=axes, keepdims=keepdim)
        zero = total == 0
        return jnp.where(zero, 0, jnp.sqrt(jnp.where(zero, 1, total))).astype(result)
    size = jnp.abs(wide)
    power = jnp.asarray(ord, size.dtype)
    # Zeros add nothing to a sum of positive powers, and their derivative is taken as 0.
    at_zero = 0.0 if ord > 0 else jnp.inf
    empty = size == 0
    raised = jnp.where(empty, at_zero, jnp.power(jnp.where(empty, 1, size), power))
    total = jnp.sum(raised, axis=axes, keepdims=keepdim)
    flat = (total == 0) | jnp.isinf(total)
    root = jnp.power(jnp.where(flat, 1, total), 1 / power)
    return jnp.where(flat, jnp.power(lax.stop_gradient(total), 1 / power), root).astype(result)


@op(promote="numeric")
def dist(input: Array, other: Array, p: float = 2) -> Array:
    """The ``p``-norm of ``input - other``.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to ``()``.

    Dtypes:
        Floating and complex; the result: real for complex numbers, else the operands'
        common dtype.

    Raises:
        RuntimeError: the tensors hold integers.
        TypeError: the tensors hold bools.
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.dist(torch.zeros(2), torch.tensor([3.0, 4.0]))
        tensor(5.)

    Follows ``torch.dist``.
    """
    return vector_norm.impl(jnp.subtract(input, other), p)


@op()
def renorm(input: Array, p: float, dim: int, maxnorm: float) -> Array:
    """``input`` with each slice along ``dim`` scaled down to a ``p``-norm of ``maxnorm``.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Floating and complex; the result has the input's.

    Raises:
        RuntimeError: the tensors hold integers or bools.
        IndexError: ``dim`` is no dimension of the input.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.renorm(torch.tensor([[1.0, 2.0], [3.0, 5.0]]), 2, 0, 1.0)
        tensor([[0.4472, 0.8944],
                [0.5145, 0.8575]])

    Follows ``torch.renorm``.
    """
    if p <= 0:
        raise RuntimeError(f"renorm: non-positive norm not supported, got p={p}")
    if maxnorm < 0:
        raise RuntimeError(f"renorm: expected maxnorm to be >= 0 but got {maxnorm}")
    if input.ndim < 2:
        raise RuntimeError(
            f"renorm: input needs at least 2 dimensions, got {input.ndim} dimensions"
        )
    dim = canonical_dim(dim, input.ndim)
    others = tuple(a for a in range(input.ndim) if a != dim)
    wide = input.astype(accumulator(input.dtype))
    size = vector_norm.impl(wide, p, others, True)
    factor = jnp.where(size > maxnorm, maxnorm / (size + 1e-7), jnp.ones_like(size))
    return (wide * factor).astype(input.dtype)
