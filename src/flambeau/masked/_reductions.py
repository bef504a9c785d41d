"""Reductions and normalizations that leave elements out.

Elements where the mask is False count as the one that changes nothing: 0 for a sum, 1 for a
product, -inf for a maximum. Where all are left out, that is the result (NaN for a mean).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from flambeau._tensor import dtypes
from flambeau._tensor.functions import arithmetic, indexing, reductions, scans
from flambeau._tensor.functions import special as functions
from flambeau.masked._tensor import MaskedTensor

__all__ = [
    "amax", "amin", "argmax", "argmin", "cumprod", "cumsum", "log_softmax", "logaddexp",
    "logsumexp", "mean", "median", "norm", "normalize", "prod", "softmax", "softmin", "std", "sum",
    "var",
]  # fmt: skip


def _parts(input: Any, mask: Any, dtype: Any) -> tuple[Any, Any, bool]:
    """Data (cast), mask or None, and whether a masked tensor came in."""
    came = isinstance(input, MaskedTensor)
    if came:
        own = input.get_mask()
        mask = own if mask is None else own & mask
        input = input.get_data()
    if dtype is not None:
        input = input.to(dtypes.as_dtype(dtype))
    if mask is not None:
        if mask.dtype is not dtypes.bool_:
            raise TypeError(f"mask must be a bool tensor, but it is {mask.dtype}")
        mask = mask.expand(input.shape)
    return input, mask, came


def _dims(input: Any, dim: Any) -> tuple[int, ...]:
    if dim is None or (isinstance(dim, tuple) and not dim):
        return tuple(range(input.ndim))
    return (dim,) if isinstance(dim, int) else tuple(dim)


def _filled(input: Any, mask: Any, value: Any) -> Any:
    return input if mask is None else indexing.where(mask, input, value)


def _wrapped(result: Any, mask: Any, dims: tuple[int, ...], keepdim: bool, came: bool) -> Any:
    if not came:
        return result
    return MaskedTensor._of(result, reductions.any(mask, dims, keepdim) if dims else mask)


def _least(dtype: dtypes.dtype) -> Any:
    return -math.inf if dtype.is_floating_point else dtypes.iinfo(dtype).min


def _greatest(dtype: dtypes.dtype) -> Any:
    return math.inf if dtype.is_floating_point else dtypes.iinfo(dtype).max


def sum(
    input: Any, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None
) -> Any:
    """The sum of the elements that the mask keeps.

    Example:
        >>> import flambeau as torch
        >>> x, keep = torch.tensor([1.0, 2.0, 4.0]), torch.tensor([True, False, True])
        >>> torch.masked.sum(x, 0, mask=keep)
        tensor(5.)

    Follows ``torch.masked.sum``.
    """
    data, mask, came = _parts(input, mask, dtype)
    dims = _dims(data, dim)
    return _wrapped(
        reductions.sum(_filled(data, mask, 0), dims, keepdim), mask, dims, keepdim, came
    )


def prod(
    input: Any, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None
) -> Any:
    """The product of the elements that the mask keeps. Follows ``torch.masked.prod``."""
    data, mask, came = _parts(input, mask, dtype)
    dims = _dims(data, dim)
    result = _filled(data, mask, 1)
    for d in sorted((d % data.ndim for d in dims), reverse=True):
        result = reductions.prod(result, d, keepdim)
    return _wrapped(result, mask, dims, keepdim, came)


def _count(data: Any, mask: Any, dims: tuple[int, ...], keepdim: bool) -> Any:
    if mask is None:
        return math.prod(data.shape[d] for d in dims)
    return reductions.sum(mask, dims, keepdim)


def mean(
    input: Any, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None
) -> Any:
    """The mean of the elements that the mask keeps. Follows ``torch.masked.mean``."""
    data, mask, came = _parts(input, mask, dtype)
    if not (data.dtype.is_floating_point or data.dtype.is_complex):
        data = data.to(dtypes.get_default_dtype())
    dims = _dims(data, dim)
    total = reductions.sum(_filled(data, mask, 0), dims, keepdim)
    return _wrapped(total / _count(data, mask, dims, keepdim), mask, dims, keepdim, came)


def amax(
    input: Any, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None
) -> Any:
    """The largest of the elements that the mask keeps. Follows ``torch.masked.amax``."""
    data, mask, came = _parts(input, mask, dtype)
    dims = _dims(data, dim)
    filled = _filled(data, mask, _least(data.dtype))
    return _wrapped(reductions.amax(filled, dims, keepdim), mask, dims, keepdim, came)


def amin(
    input: Any, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None
) -> Any:
    """The smallest of the elements that the mask keeps. Follows ``torch.masked.amin``."""
    data, mask, came = _parts(input, mask, dtype)
    dims = _dims(data, dim)
    filled = _filled(data, mask, _greatest(data.dtype))
    return _wrapped(reductions.amin(filled, dims, keepdim), mask, dims, keepdim, came)


def _place(function: Callable[..., Any], fill: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    input, dim, keepdim, dtype, mask = args
    data, mask, came = _parts(input, mask, dtype)
    found = function(_filled(data, mask, fill(data.dtype)), dim, keepdim).to(data.dtype)
    return _wrapped(found, mask, _dims(data, dim), keepdim, came)


def argmax(
    input: Any, dim: int | None = None, *, keepdim: bool = False, dtype: Any = None,
    mask: Any = None,
) -> Any:  # fmt: skip
    """Where the largest kept element is, in the dtype of the input as PyTorch has it.

    Follows ``torch.masked.argmax``.
    """
    return _place(reductions.argmax, _least, (input, dim, keepdim, dtype, mask))


def argmin(
    input: Any, dim: int | None = None, *, keepdim: bool = False, dtype: Any = None,
    mask: Any = None,
) -> Any:  # fmt: skip
    """Where the smallest kept element is, in the dtype of the input as PyTorch has it.

    Follows ``torch.masked.argmin``.
    """
    return _place(reductions.argmin, _greatest, (input, dim, keepdim, dtype, mask))


def var(
    input: Any, dim: Any = None, unbiased: bool | None = None, *, correction: Any = None,
    keepdim: bool = False, dtype: Any = None, mask: Any = None,
) -> Any:  # fmt: skip
    """The variance of the elements that the mask keeps. Follows ``torch.masked.var``."""
    data, mask, came = _parts(input, mask, dtype)
    if not (data.dtype.is_floating_point or data.dtype.is_complex):
        data = data.to(dtypes.get_default_dtype())
    if correction is None:
        correction = 0 if unbiased is False else 1
    dims = _dims(data, dim)
    count = _count(data, mask, dims, True)
    middle = reductions.sum(_filled(data, mask, 0), dims, True) / count
    squares = _filled(arithmetic.abs(data - middle) ** 2, mask, 0)
    total = reductions.sum(squares, dims, keepdim)
    free = _count(data, mask, dims, keepdim) - correction
    free = max(free, 0) if mask is None else arithmetic.clamp(free, 0)
    return _wrapped(total / free, mask, dims, keepdim, came)


def std(
    input: Any, dim: Any = None, unbiased: bool | None = None, *, correction: Any = None,
    keepdim: bool = False, dtype: Any = None, mask: Any = None,
) -> Any:  # fmt: skip
    """The standard deviation of the kept elements. Follows ``torch.masked.std``."""
    found = var(
        input, dim, unbiased, correction=correction, keepdim=keepdim, dtype=dtype, mask=mask
    )
    return found.sqrt()


def logsumexp(
    input: Any, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None
) -> Any:
    """The logarithm of the sum of the exponentials of the kept elements.

    Follows ``torch.masked.logsumexp``.
    """
    data, mask, came = _parts(input, mask, dtype)
    dims = _dims(data, dim)
    found = reductions.logsumexp(_filled(data, mask, -math.inf), dims, keepdim)
    return _wrapped(found, mask, dims, keepdim, came)


def logaddexp(
    input: Any, other: Any, *, dtype: Any = None, input_mask: Any = None, other_mask: Any = None
) -> Any:
    """The logarithm of the sum of the exponentials of two tensors' kept elements.

    Follows ``torch.masked.logaddexp``.
    """
    a, m, came = _parts(input, input_mask, dtype)
    b, n, _ = _parts(other, other_mask, dtype)
    found = arithmetic.logaddexp(_filled(a, m, -math.inf), _filled(b, n, -math.inf))
    return MaskedTensor._of(found, m if n is None else m | n) if came else found


def norm(
    input: Any, ord: float | None = 2.0, dim: Any = None, *, keepdim: bool = False,
    dtype: Any = None, mask: Any = None,
) -> Any:  # fmt: skip
    """The vector norm of the elements that the mask keeps. Follows ``torch.masked.norm``."""
    from flambeau._tensor.functions.linalg import vector_norm

    data, mask, came = _parts(input, mask, dtype)
    dims = _dims(data, dim)
    filled = _filled(data, mask, math.inf if ord == -math.inf else 0)
    return _wrapped(
        vector_norm(filled, 2.0 if ord is None else ord, dims, keepdim), mask, dims, keepdim, came
    )


def median(
    input: Any, dim: int = -1, *, keepdim: bool = False, dtype: Any = None, mask: Any = None
) -> Any:
    """The lower median of the elements that the mask keeps; NaN where none is kept.

    Raises:
        ValueError: a tensor that is not floating point has elements left out.

    Follows ``torch.masked.median``.
    """
    data, mask, came = _parts(input, mask, dtype)
    if not data.dtype.is_floating_point:
        if mask is not None and not bool(mask.all()):
            raise ValueError(
                "masked median expects no fully masked out rows if dtype is not floating point"
            )
        found = reductions.median(data, dim, keepdim)[0]
    else:
        found = reductions.nanmedian(_filled(data, mask, math.nan), dim, keepdim)[0]
    return _wrapped(found, mask, (dim,), keepdim, came)


def _same_shape(
    function: Callable[[Any, int], Any], fill: float, input: Any, dim: int, dtype: Any, mask: Any
) -> Any:
    data, mask, came = _parts(input, mask, dtype)
    found = function(_filled(data, mask, fill), dim)
    return MaskedTensor._of(found, mask) if came else found


def softmax(input: Any, dim: int, *, dtype: Any = None, mask: Any = None) -> Any:
    """Softmax over the kept elements; the others give 0.

    Example:
        >>> import flambeau as torch
        >>> keep = torch.tensor([True, False, True])
        >>> torch.masked.softmax(torch.zeros(3), 0, mask=keep)
        tensor([0.5000, 0.0000, 0.5000])

    Follows ``torch.masked.softmax``.
    """
    return _same_shape(functions.softmax, -math.inf, input, dim, dtype, mask)


def log_softmax(input: Any, dim: int, *, dtype: Any = None, mask: Any = None) -> Any:
    """The logarithm of :func:`softmax`. Follows ``torch.masked.log_softmax``."""
    return _same_shape(functions.log_softmax, -math.inf, input, dim, dtype, mask)


def softmin(input: Any, dim: int, *, dtype: Any = None, mask: Any = None) -> Any:
    """:func:`softmax` of the negated elements. Follows ``torch.masked.softmin``."""
    return _same_shape(lambda x, d: functions.softmax(-x, d), math.inf, input, dim, dtype, mask)


def cumsum(input: Any, dim: int, *, dtype: Any = None, mask: Any = None) -> Any:
    """Running sums of the kept elements. Follows ``torch.masked.cumsum``."""
    return _same_shape(scans.cumsum, 0, input, dim, dtype, mask)


def cumprod(input: Any, dim: int, *, dtype: Any = None, mask: Any = None) -> Any:
    """Running products of the kept elements. Follows ``torch.masked.cumprod``."""
    return _same_shape(scans.cumprod, 1, input, dim, dtype, mask)


def normalize(
    input: Any, ord: float, dim: int, *, eps: float = 1e-12, dtype: Any = None, mask: Any = None
) -> Any:
    """The kept elements divided by their norm, or by `eps` if it is larger.

    Follows ``torch.masked.normalize``.
    """
    data, mask, came = _parts(input, mask, dtype)
    length = norm(data, ord, dim, keepdim=True, mask=mask)
    found = _filled(data, mask, 0) / arithmetic.clamp(length, eps)
    return MaskedTensor._of(found, mask) if came else found
