"""Running reductions, differences and integrals against PyTorch."""

from __future__ import annotations

import jax.numpy as jnp
import pytest

from flambeau._ops import scans as rows
from tests.ops._compare import check, torch

NAN = float("nan")


def sample(*shape, dtype=torch.float64, seed=0):
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


X = sample(3, 5)


@pytest.mark.parametrize("name", ["cumsum", "cumprod", "logcumsumexp", "cummax", "cummin"])
@pytest.mark.parametrize("dim", [0, -1])
def test_running(name, dim):
    check(getattr(rows, name), getattr(torch, name), X, dim=dim)


@pytest.mark.parametrize("name", ["cumsum", "cumprod", "cummax", "cummin"])
def test_running_over_integers(name):
    x = torch.tensor([[3, 1, 3, 2], [1, 1, 4, 4]])
    for dtype in (torch.int64, torch.int32, torch.uint8):
        check(getattr(rows, name), getattr(torch, name), x.to(dtype), dim=1)
    check(getattr(rows, name), getattr(torch, name), torch.tensor(3.0), dim=0)


def test_cumprod_gradient_at_zeros():
    x = torch.tensor([[2.0, 0.0, 3.0, 4.0], [0.0, 1.0, 0.0, 2.0]], dtype=torch.float64)
    check(rows.cumprod, torch.cumprod, x, dim=1)


@pytest.mark.parametrize("name", ["cummax", "cummin"])
def test_nan_stays(name):
    x = torch.tensor([1.0, 3.0, NAN, 5.0, 0.0, NAN, 1.0])
    check(getattr(rows, name), getattr(torch, name), x, dim=0)


def test_logcumsumexp_from_minus_infinity():
    x = torch.tensor([-float("inf"), -float("inf"), 0.0, 1.0], dtype=torch.float64)
    check(rows.logcumsumexp, torch.logcumsumexp, x, dim=0, grad=False)
    check(rows.logcumsumexp, torch.logcumsumexp, sample(4, dtype=torch.complex128), dim=0)


def test_diff():
    check(rows.diff, torch.diff, X)
    check(rows.diff, torch.diff, X, n=2, dim=0)
    check(rows.diff, torch.diff, X, n=9)
    check(rows.diff, torch.diff, X, prepend=sample(3, 2), append=sample(3, 1))
    check(rows.diff, torch.diff, torch.tensor([True, False, False]))
    with pytest.raises(RuntimeError, match="one-dimensional"):
        rows.diff(jnp.zeros(()))


def test_integrals():
    x = torch.tensor([0.0, 0.5, 2.0, 2.5, 4.0], dtype=torch.float64)
    for name in ("trapezoid", "cumulative_trapezoid"):
        row, oracle = getattr(rows, name), getattr(torch, name)
        check(row, oracle, X)
        check(row, oracle, X, dx=0.3, dim=0)
        check(row, oracle, X, x)
        check(row, oracle, X, sample(3, 5, seed=2))


@pytest.mark.parametrize("edge_order", [1, 2])
def test_gradient(edge_order):
    points = torch.tensor([0.0, 0.5, 2.0, 2.5, 4.0], dtype=torch.float64)
    check(
        lambda a: rows.gradient_along(a, 0.5, 1, edge_order),
        lambda a: torch.gradient(a, spacing=0.5, dim=1, edge_order=edge_order)[0],
        X,
    )
    check(
        lambda a: rows.gradient_along(a, jnp.asarray(points.numpy()), 1, edge_order),
        lambda a: torch.gradient(a, spacing=(points,), dim=1, edge_order=edge_order)[0],
        X,
    )
