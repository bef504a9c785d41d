"""Comparisons: the public functions over :mod:`flambeau._ops.comparison`."""

from __future__ import annotations

from typing import Any

from flambeau._ops import comparison as rows
from flambeau._tensor import dtypes
from flambeau._tensor.core import value_of
from flambeau._tensor.dispatch import public, run
from flambeau._tensor.functions._shared import need_tensor, result_dtype

eq = public(rows.eq)
ne = not_equal = public(rows.ne)
lt = less = public(rows.lt)
le = less_equal = public(rows.le)
gt = greater = public(rows.gt)
ge = greater_equal = public(rows.ge)
logical_not = public(rows.logical_not)
logical_and = public(rows.logical_and)
logical_or = public(rows.logical_or)
logical_xor = public(rows.logical_xor)
isnan = public(rows.isnan)
isinf = public(rows.isinf)
isfinite = public(rows.isfinite)
isposinf = public(rows.isposinf)
isneginf = public(rows.isneginf)
isreal = public(rows.isreal)
signbit = public(rows.signbit)
isin = public(rows.isin)


def isclose(
    input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> Any:
    """Where ``|input - other| <= atol + rtol * |other|``, or the two are equal.

    Args:
        input: a tensor.
        other: a tensor of the same dtype.
        rtol: relative tolerance.
        atol: absolute tolerance.
        equal_nan: whether nan equals nan.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Any; the result is bool.

    Raises:
        RuntimeError: the dtypes differ, or a tolerance is negative.

    Example:
        >>> import flambeau as torch
        >>> torch.isclose(torch.tensor([1.0, -2.0, 3.0]), torch.tensor([2.0, 2.0, 3.0]))
        tensor([False, False,  True])

    Follows ``torch.isclose``.
    """
    need_tensor("isclose", input)
    need_tensor("isclose", other, "other", 2)
    if input.dtype is not other.dtype:
        raise RuntimeError(f"{input.dtype} did not match {other.dtype}")
    static = (("rtol", float(rtol)), ("atol", float(atol)), ("equal_nan", bool(equal_nan)))
    return run(rows.isclose, (input, other), static)


def allclose(
    input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> bool:
    """Whether all elements are close, as :func:`isclose`. Executes what is pending.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to ``()``.

    Dtypes:
        Floating and complex.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.allclose(torch.tensor([1.0]), torch.tensor([1.0 + 1e-9]))
        True

    Follows ``torch.allclose``.
    """
    return bool(isclose(input, other, rtol, atol, equal_nan).all().item())


def equal(input: Any, other: Any) -> bool:
    """Whether two tensors have the same shape and elements. Executes what is pending.

    Dtypes:
        Any.

    Raises:
        TypeError: an argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.equal(torch.ones(2), torch.ones(2))
        True

    Follows ``torch.equal``.
    """
    need_tensor("equal", input)
    need_tensor("equal", other, "other", 2)
    if value_of(input).aval.shape != value_of(other).aval.shape:
        return False
    return bool(run(rows.equal, (input, other)).item())


result_type = result_dtype


def is_nonzero(input: Any) -> bool:
    """Whether a tensor of one element is not zero.

    Example:
        >>> import flambeau as torch
        >>> torch.is_nonzero(torch.tensor([2.0]))
        True

    Follows ``torch.is_nonzero``.
    """
    return bool(input)


def is_floating_point(input: Any) -> bool:
    """Whether the dtype is floating point.

    Example:
        >>> import flambeau as torch
        >>> torch.is_floating_point(torch.tensor([1]))
        False

    Follows ``torch.is_floating_point``.
    """
    need_tensor("is_floating_point", input)
    return input.is_floating_point()


def is_complex(input: Any) -> bool:
    """Whether the dtype is complex.

    Example:
        >>> import flambeau as torch
        >>> torch.is_complex(torch.tensor([1j]))
        True

    Follows ``torch.is_complex``.
    """
    need_tensor("is_complex", input)
    return input.is_complex()


def is_signed(input: Any) -> bool:
    """Whether the dtype is signed.

    Example:
        >>> import flambeau as torch
        >>> torch.is_signed(torch.tensor([1], dtype=torch.uint8))
        False

    Follows ``torch.is_signed``.
    """
    need_tensor("is_signed", input)
    return input.is_signed()


def is_same_size(input: Any, other: Any) -> bool:
    """Whether two tensors have the same shape.

    Example:
        >>> import flambeau as torch
        >>> torch.is_same_size(torch.ones(2), torch.ones(2, 1))
        False

    Follows ``torch.is_same_size``.
    """
    return value_of(input).aval.shape == value_of(other).aval.shape


def is_storage(obj: Any) -> bool:
    """Whether an object is a storage.

    Example:
        >>> import flambeau as torch
        >>> torch.is_storage(torch.tensor([1.0]).untyped_storage())
        True

    Follows ``torch.is_storage``.
    """
    from flambeau._tensor.storages import TypedStorage, UntypedStorage

    return isinstance(obj, (TypedStorage, UntypedStorage))


def numel(input: Any) -> int:
    """The number of elements.

    Example:
        >>> import flambeau as torch
        >>> torch.numel(torch.ones(2, 3))
        6

    Follows ``torch.numel``.
    """
    need_tensor("numel", input)
    return value_of(input).aval.size


def can_cast(from_: dtypes.dtype, to: dtypes.dtype) -> bool:
    """Whether a result of one dtype may be stored into the other.

    Example:
        >>> import flambeau as torch
        >>> torch.can_cast(torch.float64, torch.float32), torch.can_cast(torch.float32, torch.int64)
        (True, False)

    Follows ``torch.can_cast``.
    """
    return dtypes.can_cast(from_, to)
