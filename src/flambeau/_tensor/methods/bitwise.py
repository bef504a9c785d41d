"""Methods and operators on bits."""

from __future__ import annotations

from typing import Any

from flambeau._ops import bitwise as rows
from flambeau._tensor.dispatch import inplace, run
from flambeau._tensor.functions import bitwise as f
from flambeau._tensor.functions._shared import OPERANDS


class BitwiseMethods:
    """Operations on the bits of integers, and logic on bools."""

    bitwise_not = f.bitwise_not
    bitwise_and = f.bitwise_and
    bitwise_or = f.bitwise_or
    bitwise_xor = f.bitwise_xor
    bitwise_left_shift = f.bitwise_left_shift
    bitwise_right_shift = f.bitwise_right_shift

    bitwise_not_ = inplace(f.bitwise_not, "bitwise_not")
    bitwise_and_ = inplace(f.bitwise_and, "bitwise_and")
    bitwise_or_ = inplace(f.bitwise_or, "bitwise_or")
    bitwise_xor_ = inplace(f.bitwise_xor, "bitwise_xor")
    bitwise_left_shift_ = inplace(f.bitwise_left_shift, "bitwise_left_shift")
    bitwise_right_shift_ = inplace(f.bitwise_right_shift, "bitwise_right_shift")

    def __and__(self, other: Any) -> Any:
        if isinstance(other, OPERANDS):
            return run(rows.bitwise_and, (self, other))
        return NotImplemented

    def __rand__(self, other: Any) -> Any:
        if isinstance(other, OPERANDS):
            return run(rows.bitwise_and, (other, self))
        return NotImplemented

    def __or__(self, other: Any) -> Any:
        if isinstance(other, OPERANDS):
            return run(rows.bitwise_or, (self, other))
        return NotImplemented

    def __ror__(self, other: Any) -> Any:
        if isinstance(other, OPERANDS):
            return run(rows.bitwise_or, (other, self))
        return NotImplemented

    def __xor__(self, other: Any) -> Any:
        if isinstance(other, OPERANDS):
            return run(rows.bitwise_xor, (self, other))
        return NotImplemented

    def __rxor__(self, other: Any) -> Any:
        if isinstance(other, OPERANDS):
            return run(rows.bitwise_xor, (other, self))
        return NotImplemented

    def __lshift__(self, other: Any) -> Any:
        if isinstance(other, OPERANDS):
            return run(rows.bitwise_left_shift, (self, other))
        return NotImplemented

    def __rlshift__(self, other: Any) -> Any:
        if isinstance(other, OPERANDS):
            return run(rows.bitwise_left_shift, (other, self))
        return NotImplemented

    def __rshift__(self, other: Any) -> Any:
        if isinstance(other, OPERANDS):
            return run(rows.bitwise_right_shift, (self, other))
        return NotImplemented

    def __rrshift__(self, other: Any) -> Any:
        if isinstance(other, OPERANDS):
            return run(rows.bitwise_right_shift, (other, self))
        return NotImplemented

    def __invert__(self) -> Any:
        return f.bitwise_not(self)

    __iand__ = bitwise_and_
    __ior__ = bitwise_or_
    __ixor__ = bitwise_xor_
    __ilshift__ = bitwise_left_shift_
    __irshift__ = bitwise_right_shift_
