"""Elementary functions against PyTorch."""

from __future__ import annotations

import pytest

from flambeau._ops import pointwise as rows
from tests.ops._compare import check, torch

WIDE = [0.0, 0.3, -0.7, 1.5, -2.5, 4.0]
INNER = [0.0, 0.3, -0.7, 0.99, -0.99, 0.5]
POSITIVE = [0.1, 0.3, 0.7, 1.5, 2.5, 4.0]
ABOVE_ONE = [1.1, 1.3, 1.7, 2.5, 30.0, 4.0]
DOMAINS = {
    "exp": WIDE, "exp2": WIDE, "expm1": WIDE, "log": POSITIVE, "log2": POSITIVE,
    "log10": POSITIVE, "log1p": POSITIVE, "sin": WIDE, "cos": WIDE, "tan": WIDE,
    "asin": INNER, "acos": INNER, "atan": WIDE, "sinh": WIDE, "cosh": WIDE, "tanh": WIDE,
    "asinh": WIDE, "acosh": ABOVE_ONE, "atanh": INNER, "sigmoid": WIDE, "sinc": WIDE,
    "relu": WIDE,
}  # fmt: skip
REAL_ONLY = {"relu"}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", DOMAINS)
def test_real(name, dtype):
    check(getattr(rows, name), getattr(torch, name), torch.tensor(DOMAINS[name], dtype=dtype))


@pytest.mark.parametrize("name", sorted(DOMAINS.keys() - REAL_ONLY))
def test_complex(name):
    generator = torch.Generator().manual_seed(1)
    z = torch.randn(4, 3, dtype=torch.complex128, generator=generator)
    check(getattr(rows, name), getattr(torch, name), z)


@pytest.mark.parametrize("name", ["exp", "tanh", "sigmoid", "relu", "sin", "log1p"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half(name, dtype):
    x = torch.tensor(POSITIVE).to(dtype)
    check(getattr(rows, name), getattr(torch, name), x, grad=False)


@pytest.mark.parametrize("name", ["log", "asin", "acosh", "atanh", "relu", "exp", "tanh"])
def test_edges(name):
    x = torch.tensor([float("nan"), float("inf"), -float("inf"), -1.0, 1.0, 2.0, 0.0])
    check(getattr(rows, name), getattr(torch, name), x, grad=False)


def test_relu_of_integers_and_at_zero():
    check(rows.relu, torch.relu, torch.tensor([-1, 0, 2]))
    check(rows.relu, torch.relu, torch.zeros(3))
