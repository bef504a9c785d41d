"""Comparisons and tests of values against PyTorch."""

from __future__ import annotations

import jax.numpy as jnp
import pytest

from flambeau._ops import comparison as rows
from tests.ops._compare import check, torch

INF, NAN = float("inf"), float("nan")
X = torch.tensor([0.0, -0.0, 1.0, -1.0, INF, -INF, NAN, 2.0])
Y = torch.tensor([0.0, 0.0, 1.0, 1.0, INF, INF, NAN, 1.0])


@pytest.mark.parametrize(
    "name",
    ["eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or", "logical_xor", "isclose"],
)
def test_binary(name):
    row, oracle = getattr(rows, name), getattr(torch, name)
    check(row, oracle, X, Y)
    check(row, oracle, X.reshape(2, 4), Y[:4])
    check(row, oracle, torch.arange(4), torch.tensor([0, 2, 2, 0]))


@pytest.mark.parametrize(
    "name",
    ["logical_not", "isnan", "isinf", "isfinite", "isposinf", "isneginf", "isreal", "signbit"],
)
def test_unary(name):
    check(getattr(rows, name), getattr(torch, name), X)
    check(getattr(rows, name), getattr(torch, name), torch.tensor([-1, 0, 1]))


@pytest.mark.parametrize("name", ["isnan", "isinf", "isfinite", "isreal", "logical_not"])
def test_unary_complex(name):
    z = torch.complex(X, Y)
    check(getattr(rows, name), getattr(torch, name), z)


def test_isclose_options():
    x, y = torch.tensor([1.0, NAN, 100.0]), torch.tensor([1.001, NAN, 101.0])
    check(rows.isclose, torch.isclose, x, y, rtol=1e-2, atol=0.0, equal_nan=True)
    check(rows.isclose, torch.isclose, x, y, rtol=0.0, atol=0.5)
    check(rows.isclose, torch.isclose, torch.tensor([10, 20]), torch.tensor([11, 20]), rtol=0.1)
    with pytest.raises(RuntimeError, match="rtol"):
        rows.isclose(jnp.zeros(1), jnp.zeros(1), rtol=-1.0)


@pytest.mark.parametrize("invert", [False, True])
def test_isin(invert):
    x, y = torch.tensor([[1, 2], [3, 4]]), torch.tensor([[2, 4], [9, 9]])
    check(rows.isin, torch.isin, x, y, invert=invert)


def test_order_of_complex_is_refused():
    z = jnp.zeros(2, jnp.complex64)
    for row in (rows.lt, rows.le, rows.gt, rows.ge):
        with pytest.raises(RuntimeError, match="complex"):
            row(z, z)


def test_equal():
    assert rows.equal(jnp.arange(3), jnp.arange(3))
    assert not rows.equal(jnp.arange(3), jnp.arange(1, 4))
    assert not rows.equal(jnp.arange(3), jnp.arange(4))
