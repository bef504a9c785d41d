"""A program of a hundred different operations is compiled once, whatever it reads."""

from __future__ import annotations

import pytest

import flambeau as torch
from flambeau._engine.program import stats

ELEMENTWISE = [
    "abs",
    "acos",
    "asin",
    "atan",
    "ceil",
    "cos",
    "cosh",
    "deg2rad",
    "digamma",
    "erf",
    "erfc",
    "erfinv",
    "exp",
    "exp2",
    "expm1",
    "floor",
    "frac",
    "lgamma",
    "log",
    "log10",
    "log1p",
    "log2",
    "logit",
    "neg",
    "positive",
    "rad2deg",
    "reciprocal",
    "relu",
    "round",
    "rsqrt",
    "sigmoid",
    "sign",
    "sin",
    "sinc",
    "sinh",
    "sqrt",
    "square",
    "tan",
    "tanh",
    "trunc",
    "nan_to_num",
    "signbit",
    "isnan",
    "isfinite",
    "i0",
    "sgn",
]
PAIRS = [
    "add",
    "sub",
    "mul",
    "div",
    "maximum",
    "minimum",
    "fmax",
    "fmin",
    "pow",
    "atan2",
    "hypot",
    "remainder",
    "fmod",
    "logaddexp",
    "logaddexp2",
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "copysign",
    "nextafter",
    "xlogy",
    "heaviside",
    "true_divide",
]
REDUCTIONS = [
    "sum",
    "mean",
    "prod",
    "amax",
    "amin",
    "argmax",
    "argmin",
    "var",
    "std",
    "nanmean",
    "norm",
    "count_nonzero",
    "all",
    "any",
    "nansum",
    "median",
]
MATRICES = [
    "t",
    "tril",
    "triu",
    "trace",
    "cumsum",
    "cumprod",
    "flip",
    "sort",
    "softmax",
    "log_softmax",
    "diag",
    "cummax",
    "fliplr",
    "flipud",
    "matrix_exp",
    "det",
]


def run(scale: float) -> list[float]:
    """Every operation once; a value is read after each family."""
    x = (torch.arange(9.0).reshape(3, 3) + 1) * scale
    y = torch.full((3, 3), 0.5)
    read = []
    total = torch.zeros(())
    for name in ELEMENTWISE:
        total = total + getattr(torch, name)(x).float().nan_to_num(0.0, 0.0, 0.0).sum()
    read.append(total.item())
    for name in PAIRS:
        total = total + getattr(torch, name)(x, y).float().sum()
    read.append(total.item())
    for name in REDUCTIONS:
        total = total + getattr(torch, name)(x).float()
    read.append(total.item())
    for name in MATRICES:
        dims = {"cumsum": (0,), "cumprod": (0,), "flip": ((0,),), "softmax": (0,)}
        dims |= {"log_softmax": (0,), "cummax": (0,)}
        result = getattr(torch, name)(x, *dims.get(name, ()))
        total = total + (result[0] if isinstance(result, tuple) else result).sum()
    read.append(total.item())
    return read


def test_there_are_a_hundred():
    names = {*ELEMENTWISE, *PAIRS, *REDUCTIONS, *MATRICES}
    assert len(names) >= 100


def test_each_is_compiled_once():
    before = stats.programs
    first = run(0.01)
    made = stats.programs - before
    assert 0 < made <= 4  # one for each value that is read
    for scale in (0.01, 0.02, 0.03):
        again = run(scale)
        assert (again == first) is (scale == 0.01)
    assert stats.programs - before == made


@pytest.mark.filterwarnings("ignore")
def test_one_by_one_each_is_compiled_once():
    """Without lazy recording there is one small program for each operation and shape."""
    from flambeau._engine import singles

    torch.config.mode = "eager"
    try:
        run(0.01)
        compiled = set(singles._made)
        run(0.02)
        after = set(singles._made)
    finally:
        torch.config.mode = "lazy"
    assert len({call for call, *_ in compiled}) >= 100
    assert after == compiled
