"""Arithmetic: the public functions over :mod:`flambeau._ops.arithmetic`."""

from __future__ import annotations

from typing import Any

from flambeau._ops import arithmetic as rows
from flambeau._tensor import dtypes
from flambeau._tensor.core import TensorBase
from flambeau._tensor.dispatch import public, run, store_out
from flambeau._tensor.functions._shared import (
    cast,
    is_number,
    need_tensor,
    numpy_names,
    result_dtype,
)


def _finish(out: Any, result: Any, name: str) -> Any:
    return result if out is None else store_out(out, result, name)


# Two operands ------------------------------------------------------------------------


def _scaled(name: str, plain: Any, scaled: Any, input: Any, other: Any, alpha: Any) -> Any:
    if alpha is None or (alpha.__class__ is int and alpha == 1):
        return run(plain, (input, other))
    _check_alpha(name, input, other, alpha)
    return run(scaled, (input, other, alpha))


def _check_alpha(name: str, input: Any, other: Any, alpha: Any) -> None:
    if not is_number(alpha):
        raise TypeError(f"{name}(): argument 'alpha' must be Number, not {type(alpha).__name__}")
    dtype = result_dtype(input, other)
    if isinstance(alpha, bool) and dtype is not dtypes.bool_:
        raise RuntimeError("Boolean alpha only supported for Boolean results.")
    if isinstance(alpha, float) and not (dtype.is_floating_point or dtype.is_complex):
        raise RuntimeError(
            f"For integral input tensors, argument alpha must not be a floating point number, "
            f"got {alpha} for {name}() of {dtype}"
        )
    if isinstance(alpha, complex) and not dtype.is_complex:
        raise RuntimeError(
            f"For non-complex input tensors, argument alpha must not be a complex number, "
            f"got {alpha} for {name}() of {dtype}"
        )


@numpy_names
def add(input: Any, other: Any, *, alpha: Any = 1, out: Any = None) -> Any:
    """Adds ``alpha * other`` to ``input``, with broadcasting and type promotion.

    Args:
        input: a tensor or number.
        other: a tensor or number.
        alpha: a number to multiply ``other`` with.
        out: a tensor for the result.

    Shape:
        (*) and (*) that broadcast together, to their common shape.

    Dtypes:
        Any; the result has the operands' common dtype.

    Raises:
        RuntimeError: ``alpha`` is a float and the operands are integers.

    Example:
        >>> import flambeau as torch
        >>> torch.add(torch.tensor([1.0, 2.0]), torch.tensor([10.0, 20.0]), alpha=0.5)
        tensor([ 6., 12.])

    Follows ``torch.add``.
    """
    return _finish(out, _scaled("add", rows.add, rows.add_scaled, input, other, alpha), "add")


@numpy_names
def sub(input: Any, other: Any, *, alpha: Any = 1, out: Any = None) -> Any:
    """Subtracts ``alpha * other`` from ``input``; arguments as :func:`add`.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Integers, floating and complex; the result has the operands' common dtype.

    Raises:
        RuntimeError: both are bool.

    Example:
        >>> import flambeau as torch
        >>> torch.sub(torch.tensor([1, 2]), 1)
        tensor([0, 1])

    Follows ``torch.sub``.
    """
    return _finish(out, _scaled("sub", rows.sub, rows.sub_scaled, input, other, alpha), "sub")


subtract = sub


def rsub(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    """``other - alpha * input``.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Integers, floating and complex; the result has the operands' common dtype.

    Raises:
        RuntimeError: the tensors hold bools.
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.rsub(torch.tensor([1.0, 2.0]), 10)
        tensor([9., 8.])

    Follows ``torch.rsub``.
    """
    need_tensor("rsub", input)
    if alpha.__class__ is int and alpha == 1:
        return run(rows.rsub, (input, other))
    _check_alpha("rsub", input, other, alpha)
    return run(rows.sub_scaled, (other, input, alpha))


mul = numpy_names(public(rows.mul))
multiply = mul
true_divide = public(rows.true_divide)
floor_divide = public(rows.floor_divide)


@numpy_names
def div(input: Any, other: Any, *, rounding_mode: str | None = None, out: Any = None) -> Any:
    """Divides ``input`` by ``other``, elementwise.

    Args:
        input: the dividend, a tensor or number.
        other: the divisor.
        rounding_mode: None for the true quotient (integers give the default float dtype),
            ``"trunc"`` to round towards zero, ``"floor"`` towards minus infinity.
        out: a tensor for the result.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Any; the result: the default dtype for bools and integers, else the operands' common dtype.

    Raises:
        RuntimeError: the rounding mode is none of these.

    Example:
        >>> import flambeau as torch
        >>> torch.div(torch.tensor([7, -7]), 2, rounding_mode="floor")
        tensor([ 3, -4])

    Follows ``torch.div``.
    """
    if rounding_mode is None:
        row = rows.true_divide
    elif rounding_mode == "floor":
        row = rows.floor_divide
    elif rounding_mode == "trunc":
        row = rows.trunc_divide
    else:
        raise RuntimeError(
            f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found "
            f"'{rounding_mode}'"
        )
    return _finish(out, run(row, (input, other)), "div")


divide = div
remainder = public(rows.remainder)
fmod = public(rows.fmod)


def pow(input: Any, exponent: Any, *, out: Any = None) -> Any:
    """Raises ``input`` to the power ``exponent``, elementwise.

    A Python number as exponent is fixed in the compiled program; a tensor is not.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Integers, floating and complex; the result has the operands' common dtype.

    Raises:
        RuntimeError: integers to a negative integer power.

    Example:
        >>> import flambeau as torch
        >>> torch.pow(torch.tensor([1.0, 2.0, 3.0]), 2)
        tensor([1., 4., 9.])

    Follows ``torch.pow``.
    """
    return _finish(out, _pow(input, exponent), "pow")


def _pow(input: Any, exponent: Any) -> Any:
    if isinstance(exponent, TensorBase) or not isinstance(input, TensorBase):
        return run(rows.pow_, (input, exponent))
    if not is_number(exponent):
        raise TypeError(
            f"pow(): argument 'exponent' (position 2) must be Tensor or Number, "
            f"not {type(exponent).__name__}"
        )
    if isinstance(exponent, complex):
        return run(rows.pow_, (input, exponent))
    dtype = result_dtype(input, exponent)
    if exponent < 0 and not (dtype.is_floating_point or dtype.is_complex):
        raise RuntimeError("Integers to negative integer powers are not allowed.")
    return run(rows.pow_scalar, (cast(input, dtype),), (("exponent", float(exponent)),))


def float_power(input: Any, exponent: Any, *, out: Any = None) -> Any:
    """Raises to a power in float64, or complex128.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Any; the result: float64 for bools and integers and floats, complex128 for complex
        numbers.

    Example:
        >>> import flambeau as torch
        >>> torch.float_power(torch.tensor([1.0, -2.0, 3.0]), torch.tensor([2.0, 2.0, 3.0]))
        tensor([ 1.,  4., 27.], dtype=torch.float64)

    Follows ``torch.float_power``.
    """
    is_complex = any(
        o.is_complex() if isinstance(o, TensorBase) else isinstance(o, complex)
        for o in (input, exponent)
    )
    wide = dtypes.complex128 if is_complex else dtypes.float64
    a, b = (cast(o, wide) if isinstance(o, TensorBase) else o for o in (input, exponent))
    if not isinstance(a, TensorBase) and isinstance(b, TensorBase):
        a = (b * 0 + a) if b.dim() else _constant(a, wide)  # pyright: ignore[reportOperatorIssue]
    result = _pow(a, b)
    if out is not None and out.dtype is not wide:
        raise RuntimeError(
            f"the output given to float_power has dtype {out.dtype} but the operation's result "
            f"requires dtype {wide}"
        )
    return _finish(out, result, "float_power")


def _constant(value: Any, dtype: dtypes.dtype) -> Any:
    from flambeau._tensor.construct import from_data

    return from_data(value, dtype)


atan2 = public(rows.atan2)
arctan2 = atan2
hypot = public(rows.hypot)
copysign = public(rows.copysign)
nextafter = public(rows.nextafter)
ldexp = public(rows.ldexp)
gcd = public(rows.gcd)
lcm = public(rows.lcm)
logaddexp = public(rows.logaddexp)
logaddexp2 = public(rows.logaddexp2)
xlogy = public(rows.xlogy)
xlog1py = public(rows.xlog1py)
heaviside = public(rows.heaviside)
maximum = public(rows.maximum)
minimum = public(rows.minimum)
fmax = public(rows.fmax)
fmin = public(rows.fmin)


def clamp(input: Any, min: Any = None, max: Any = None, *, out: Any = None) -> Any:
    """Limits every element to ``[min, max]``; numbers or tensors, one may be None.

    The gradient passes where an element is within the bounds or at one.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Integers and floating; the result has the operands' common dtype.

    Raises:
        RuntimeError: both bounds are None, or the tensor is complex.
        TypeError: one bound is a tensor and the other a number.

    Example:
        >>> import flambeau as torch
        >>> torch.tensor([-2.0, 0.5, 3.0]).clamp(-1, 1)
        tensor([-1.0000,  0.5000,  1.0000])

    Follows ``torch.clamp``.
    """
    need_tensor("clamp", input)
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if min is None:
        result = run(rows.clamp_max, (input, max))
    elif max is None:
        result = run(rows.clamp_min, (input, min))
    else:
        if isinstance(min, TensorBase) != isinstance(max, TensorBase):
            raise TypeError(
                f"clamp(): min and max must both be tensors or both be numbers, got "
                f"{type(min).__name__} and {type(max).__name__}"
            )
        result = run(rows.clamp, (input, min, max))
    return _finish(out, result, "clamp")


clip = clamp
clamp_min = public(rows.clamp_min)
clamp_max = public(rows.clamp_max)


def addcmul(input: Any, *tensors: Any, value: Any = 1, out: Any = None, **named: Any) -> Any:
    """``input + value * tensor1 * tensor2``.

    Args:
        input: the tensor to add to.
        tensors: ``tensor1`` and ``tensor2``.
        value: a number.
        out: a tensor for the result.
        named: ``tensor1`` and ``tensor2`` by name.

    Shape:
        Three of ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Integers, floating and complex; the result has the operands' common dtype.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> x, a, b = torch.tensor([1.0, 2.0]), torch.tensor([4.0, 9.0]), torch.tensor([2.0, 3.0])
        >>> torch.addcmul(x, a, b, value=0.5)
        tensor([ 5.0000, 15.5000])

    Follows ``torch.addcmul``.
    """
    return _finish(out, _fused("addcmul", rows.addcmul, input, tensors, named, value), "addcmul")


def addcdiv(input: Any, *tensors: Any, value: Any = 1, out: Any = None, **named: Any) -> Any:
    """``input + value * tensor1 / tensor2``; arguments as :func:`addcmul`.

    Shape:
        Three of ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Floating and complex; the result has the operands' common dtype.

    Raises:
        RuntimeError: the tensors are integers.

    Example:
        >>> import flambeau as torch
        >>> x, a, b = torch.tensor([1.0, 2.0]), torch.tensor([4.0, 9.0]), torch.tensor([2.0, 3.0])
        >>> torch.addcdiv(x, a, b, value=0.5)
        tensor([2.0000, 3.5000])

    Follows ``torch.addcdiv``.
    """
    return _finish(out, _fused("addcdiv", rows.addcdiv, input, tensors, named, value), "addcdiv")


def _fused(name: str, row: Any, input: Any, tensors: Any, named: Any, value: Any) -> Any:
    pair = [*tensors]
    for key in ("tensor1", "tensor2")[len(pair) :]:
        if key not in named:
            raise TypeError(f"{name}() missing required argument: '{key}'")
        pair.append(named.pop(key))
    if named:
        raise TypeError(f"{name}() got an unexpected keyword argument '{next(iter(named))}'")
    if len(pair) == 3 and is_number(pair[0]):  # the old order: value, tensor1, tensor2
        value = pair.pop(0)
    if len(pair) != 2:
        raise TypeError(f"{name}() takes tensor1 and tensor2, got {len(pair)} tensors")
    if not (value.__class__ is int and value == 1):
        dtype = result_dtype(input, *pair)
        if isinstance(value, float) and not (dtype.is_floating_point or dtype.is_complex):
            raise RuntimeError(
                f"value cannot be converted to type {dtype} without overflow or loss: "
                f"{name}() of integers got value={value}"
            )
        return run(row, (input, *pair, value))
    return run(row, (input, *pair, None))


def lerp(input: Any, end: Any, weight: Any, *, out: Any = None) -> Any:
    """``input + weight * (end - input)``; the weight is a number or tensor.

    Shape:
        Three of ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Floating and complex; the result has the operands' common dtype.

    Raises:
        RuntimeError: the dtypes differ, or are integers.

    Example:
        >>> import flambeau as torch
        >>> torch.lerp(torch.tensor([0.0, 1.0]), torch.tensor([10.0, 11.0]), 0.5)
        tensor([5., 6.])

    Follows ``torch.lerp``.
    """
    for name, other in (("end", end), ("weight", weight)):
        if isinstance(other, TensorBase) and other.dtype is not input.dtype:
            raise RuntimeError(
                f"expected dtype {input.dtype} for `{name}` but got dtype {other.dtype}"
            )
    return _finish(out, run(rows.lerp, (input, end, weight)), "lerp")


# One operand -------------------------------------------------------------------------

neg = public(rows.neg)
negative = neg
positive = public(rows.positive)
abs = public(rows.abs_)
absolute = abs
sign = public(rows.sign)
sgn = public(rows.sgn)
reciprocal = public(rows.reciprocal)
square = public(rows.square)
sqrt = public(rows.sqrt)
rsqrt = public(rows.rsqrt)
ceil = public(rows.ceil)
floor = public(rows.floor)
trunc = public(rows.trunc)
fix = trunc
frac = public(rows.frac)
round = public(rows.round_)
frexp = public(rows.frexp)
nan_to_num = public(rows.nan_to_num)
deg2rad = public(rows.deg2rad)
rad2deg = public(rows.rad2deg)

# Complex numbers ---------------------------------------------------------------------

conj = public(rows.conj)
conj_physical = conj
angle = public(rows.angle)
polar = public(rows.polar)
complex_ = public(rows.complex_)


def resolve_conj(input: Any) -> Any:
    """The tensor itself: conjugation is never put off.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Any; the result has the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.resolve_conj(torch.tensor([1 + 2j]).conj())
        tensor([1.-2.j])

    Follows ``torch.resolve_conj``.
    """
    if not isinstance(input, TensorBase):
        raise TypeError(
            f"resolve_conj(): argument 'input' (position 1) must be Tensor, "
            f"not {type(input).__name__}"
        )
    return input


def resolve_neg(input: Any) -> Any:
    """The tensor itself: negation is never put off.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Any; the result has the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.resolve_neg(torch.tensor([1.0]))
        tensor([1.])

    Follows ``torch.resolve_neg``.
    """
    if not isinstance(input, TensorBase):
        raise TypeError(
            f"resolve_neg(): argument 'input' (position 1) must be Tensor, "
            f"not {type(input).__name__}"
        )
    return input


def is_conj(input: Any) -> bool:
    """False: conjugation is never put off.

    Example:
        >>> import flambeau as torch
        >>> torch.is_conj(torch.tensor([1.0]))
        False

    Follows ``torch.is_conj``.
    """
    need_tensor("is_conj", input)
    return False


def is_neg(input: Any) -> bool:
    """False: negation is never put off.

    Example:
        >>> import flambeau as torch
        >>> torch.is_neg(torch.tensor([-1.0]))
        False

    Follows ``torch.is_neg``.
    """
    need_tensor("is_neg", input)
    return False
