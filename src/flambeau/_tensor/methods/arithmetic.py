"""Methods and operators of arithmetic."""

from __future__ import annotations

from typing import Any

from flambeau._ops import arithmetic as rows
from flambeau._tensor.dispatch import inplace, run
from flambeau._tensor.functions import arithmetic as f
from flambeau._tensor.functions._shared import OPERANDS


class ArithmeticMethods:
    """Arithmetic on tensors, in all its forms."""

    add = f.add
    sub = f.sub
    subtract = f.subtract
    mul = f.mul
    multiply = f.multiply
    div = f.div
    divide = f.divide
    true_divide = f.true_divide
    floor_divide = f.floor_divide
    remainder = f.remainder
    fmod = f.fmod
    pow = f.pow
    float_power = f.float_power
    atan2 = f.atan2
    arctan2 = f.arctan2
    hypot = f.hypot
    copysign = f.copysign
    nextafter = f.nextafter
    ldexp = f.ldexp
    gcd = f.gcd
    lcm = f.lcm
    xlogy = f.xlogy
    heaviside = f.heaviside
    neg = f.neg
    negative = f.negative
    abs = f.abs
    absolute = f.absolute
    sign = f.sign
    sgn = f.sgn
    reciprocal = f.reciprocal
    square = f.square
    sqrt = f.sqrt
    rsqrt = f.rsqrt
    ceil = f.ceil
    floor = f.floor
    trunc = f.trunc
    fix = f.fix
    frac = f.frac
    round = f.round
    nan_to_num = f.nan_to_num
    deg2rad = f.deg2rad
    rad2deg = f.rad2deg
    conj_physical = f.conj_physical
    clamp = f.clamp
    clip = f.clip
    clamp_min = f.clamp_min
    clamp_max = f.clamp_max
    addcmul = f.addcmul
    addcdiv = f.addcdiv
    lerp = f.lerp
    logaddexp = f.logaddexp
    logaddexp2 = f.logaddexp2
    maximum = f.maximum
    minimum = f.minimum
    fmax = f.fmax
    fmin = f.fmin
    positive = f.positive
    frexp = f.frexp
    resolve_conj = f.resolve_conj
    resolve_neg = f.resolve_neg
    is_conj = f.is_conj
    is_neg = f.is_neg
    angle = f.angle
    conj = f.conj
    rsub = f.rsub

    add_ = inplace(f.add, "add")
    sub_ = inplace(f.sub, "sub")
    subtract_ = inplace(f.subtract, "subtract")
    mul_ = inplace(f.mul, "mul")
    multiply_ = inplace(f.multiply, "multiply")
    div_ = inplace(f.div, "div")
    divide_ = inplace(f.divide, "divide")
    true_divide_ = inplace(f.true_divide, "true_divide")
    floor_divide_ = inplace(f.floor_divide, "floor_divide")
    remainder_ = inplace(f.remainder, "remainder")
    fmod_ = inplace(f.fmod, "fmod")
    pow_ = inplace(f.pow, "pow")
    float_power_ = inplace(f.float_power, "float_power", example=False)
    atan2_ = inplace(f.atan2, "atan2")
    arctan2_ = inplace(f.arctan2, "arctan2")
    hypot_ = inplace(f.hypot, "hypot")
    copysign_ = inplace(f.copysign, "copysign")
    nextafter_ = inplace(f.nextafter, "nextafter")
    ldexp_ = inplace(f.ldexp, "ldexp")
    gcd_ = inplace(f.gcd, "gcd")
    lcm_ = inplace(f.lcm, "lcm")
    xlogy_ = inplace(f.xlogy, "xlogy")
    heaviside_ = inplace(f.heaviside, "heaviside")
    neg_ = inplace(f.neg, "neg")
    negative_ = inplace(f.negative, "negative")
    abs_ = inplace(f.abs, "abs")
    absolute_ = inplace(f.absolute, "absolute")
    sign_ = inplace(f.sign, "sign")
    sgn_ = inplace(f.sgn, "sgn")
    reciprocal_ = inplace(f.reciprocal, "reciprocal")
    square_ = inplace(f.square, "square")
    sqrt_ = inplace(f.sqrt, "sqrt")
    rsqrt_ = inplace(f.rsqrt, "rsqrt")
    ceil_ = inplace(f.ceil, "ceil")
    floor_ = inplace(f.floor, "floor")
    trunc_ = inplace(f.trunc, "trunc")
    fix_ = inplace(f.fix, "fix")
    frac_ = inplace(f.frac, "frac")
    round_ = inplace(f.round, "round")
    nan_to_num_ = inplace(f.nan_to_num, "nan_to_num")
    deg2rad_ = inplace(f.deg2rad, "deg2rad")
    rad2deg_ = inplace(f.rad2deg, "rad2deg")
    conj_physical_ = inplace(f.conj_physical, "conj_physical")
    clamp_ = inplace(f.clamp, "clamp")
    clip_ = inplace(f.clip, "clip")
    clamp_min_ = inplace(f.clamp_min, "clamp_min")
    clamp_max_ = inplace(f.clamp_max, "clamp_max")
    addcmul_ = inplace(f.addcmul, "addcmul")
    addcdiv_ = inplace(f.addcdiv, "addcdiv")
    lerp_ = inplace(f.lerp, "lerp")

    def __add__(self, other: Any) -> Any:
        if isinstance(other, OPERANDS):
            return run(rows.add, (self, other))
        return NotImplemented

    def __radd__(self, other: Any) -> Any:
        if isinstance(other, OPERANDS):
            return run(rows.add, (self, other))
        return NotImplemented

    def __sub__(self, other: Any) -> Any:
        if isinstance(other, OPERANDS):
            return run(rows.sub, (self, other))
        return NotImplemented

    def __rsub__(self, other: Any) -> Any:
        if isinstance(other, OPERANDS):
            return run(rows.sub, (other, self))
        return NotImplemented

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, OPERANDS):
            return run(rows.mul, (self, other))
        return NotImplemented

    def __rmul__(self, other: Any) -> Any:
        if isinstance(other, OPERANDS):
            return run(rows.mul, (self, other))
        return NotImplemented

    def __truediv__(self, other: Any) -> Any:
        if isinstance(other, OPERANDS):
            return run(rows.true_divide, (self, other))
        return NotImplemented

    def __rtruediv__(self, other: Any) -> Any:
        if isinstance(other, OPERANDS):
            return run(rows.true_divide, (other, self))
        return NotImplemented

    def __floordiv__(self, other: Any) -> Any:
        if isinstance(other, OPERANDS):
            return run(rows.floor_divide, (self, other))
        return NotImplemented

    def __rfloordiv__(self, other: Any) -> Any:
        if isinstance(other, OPERANDS):
            return run(rows.floor_divide, (other, self))
        return NotImplemented

    def __mod__(self, other: Any) -> Any:
        if isinstance(other, OPERANDS):
            return run(rows.remainder, (self, other))
        return NotImplemented

    def __rmod__(self, other: Any) -> Any:
        if isinstance(other, OPERANDS):
            return run(rows.remainder, (other, self))
        return NotImplemented

    def __pow__(self, other: Any) -> Any:
        if isinstance(other, OPERANDS):
            return f.pow(self, other)
        return NotImplemented

    def __rpow__(self, other: Any) -> Any:
        if isinstance(other, OPERANDS):
            return run(rows.pow_, (other, self))
        return NotImplemented

    __rdiv__ = __rtruediv__

    def __neg__(self) -> Any:
        return f.neg(self)

    def __pos__(self) -> Any:
        return f.positive(self)

    def __abs__(self) -> Any:
        return f.abs(self)

    def __round__(self, ndigits: int = 0) -> Any:
        return f.round(self, decimals=ndigits or 0)

    def __floor__(self) -> Any:
        return f.floor(self)

    def __ceil__(self) -> Any:
        return f.ceil(self)

    def __trunc__(self) -> Any:
        return f.trunc(self)

    __iadd__ = add_
    __isub__ = sub_
    __imul__ = mul_
    __itruediv__ = div_
    __idiv__ = div_
    __ifloordiv__ = floor_divide_
    __imod__ = remainder_
    __ipow__ = pow_
