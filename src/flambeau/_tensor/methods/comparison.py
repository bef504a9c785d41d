"""Methods and operators of comparison."""

from __future__ import annotations

from typing import Any

from flambeau._ops import comparison as rows
from flambeau._tensor import documents
from flambeau._tensor.dispatch import assign, run
from flambeau._tensor.functions import comparison as f
from flambeau._tensor.functions._shared import OPERANDS


def _inplace(name: str) -> Any:
    """``name_``, which stores the truth in the dtype of the tensor."""
    function = getattr(f, name)

    def method(self: Any, *args: Any) -> Any:
        return assign(self, function(self, *args).to(self.dtype), f"{name}_")

    method.__name__ = method.__qualname__ = f"{name}_"
    method.__doc__ = documents.in_place(f"{name}_", function, example=False)
    return method


class ComparisonMethods:
    """Comparisons and tests of values."""

    eq = f.eq
    ne = f.ne
    not_equal = f.not_equal
    lt = f.lt
    less = f.less
    le = f.le
    less_equal = f.less_equal
    gt = f.gt
    greater = f.greater
    ge = f.ge
    greater_equal = f.greater_equal
    logical_not = f.logical_not
    logical_and = f.logical_and
    logical_or = f.logical_or
    logical_xor = f.logical_xor
    isnan = f.isnan
    isinf = f.isinf
    isfinite = f.isfinite
    isposinf = f.isposinf
    isneginf = f.isneginf
    isreal = f.isreal
    signbit = f.signbit
    isclose = f.isclose
    allclose = f.allclose
    equal = f.equal
    is_nonzero = f.is_nonzero
    is_same_size = f.is_same_size

    eq_ = _inplace("eq")
    ne_ = _inplace("ne")
    not_equal_ = _inplace("not_equal")
    lt_ = _inplace("lt")
    less_ = _inplace("less")
    le_ = _inplace("le")
    less_equal_ = _inplace("less_equal")
    gt_ = _inplace("gt")
    greater_ = _inplace("greater")
    ge_ = _inplace("ge")
    greater_equal_ = _inplace("greater_equal")
    logical_not_ = _inplace("logical_not")
    logical_and_ = _inplace("logical_and")
    logical_or_ = _inplace("logical_or")
    logical_xor_ = _inplace("logical_xor")

    def __eq__(self, other: object) -> Any:
        if isinstance(other, OPERANDS):
            return run(rows.eq, (self, other))
        return NotImplemented

    def __ne__(self, other: object) -> Any:
        if isinstance(other, OPERANDS):
            return run(rows.ne, (self, other))
        return NotImplemented

    def __lt__(self, other: Any) -> Any:
        if isinstance(other, OPERANDS):
            return run(rows.lt, (self, other))
        return NotImplemented

    def __le__(self, other: Any) -> Any:
        if isinstance(other, OPERANDS):
            return run(rows.le, (self, other))
        return NotImplemented

    def __gt__(self, other: Any) -> Any:
        if isinstance(other, OPERANDS):
            return run(rows.gt, (self, other))
        return NotImplemented

    def __ge__(self, other: Any) -> Any:
        if isinstance(other, OPERANDS):
            return run(rows.ge, (self, other))
        return NotImplemented
