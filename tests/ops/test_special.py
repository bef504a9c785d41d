"""Special functions against PyTorch."""

from __future__ import annotations

import jax.numpy as jnp
import pytest

from flambeau._ops import special as rows
from tests.ops._compare import check, torch

WIDE = [0.1, 0.3, -0.7, 1.5, -2.5, 4.0]
INNER = [0.0, 0.3, -0.7, 0.9, -0.9, 0.5]
UNIT = [0.1, 0.3, 0.7, 0.9, 0.5, 0.01]
POSITIVE = [0.1, 0.3, 0.7, 1.5, 2.5, 4.0]
DOMAINS = {
    "erf": WIDE, "erfc": WIDE, "erfinv": INNER, "erfcx": WIDE, "digamma": WIDE, "i0": WIDE,
    "i0e": WIDE, "i1": WIDE, "i1e": WIDE, "ndtr": WIDE, "log_ndtr": WIDE, "ndtri": UNIT,
    "logit": UNIT, "entr": POSITIVE,
}  # fmt: skip


@pytest.mark.parametrize("name", DOMAINS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_unary(name, dtype):
    x = torch.tensor(DOMAINS[name], dtype=dtype)
    # PyTorch's own trigamma, the derivative of digamma, is good to 9 digits.
    close = 2e-9 if name == "digamma" and dtype == torch.float64 else None
    check(getattr(rows, name), getattr(torch.special, name), x, close=close)


def test_lgamma():
    check(rows.lgamma, torch.lgamma, torch.tensor(WIDE, dtype=torch.float64))


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_polygamma(n):
    x = torch.tensor(POSITIVE, dtype=torch.float64)
    check(lambda a: rows.polygamma(n, a), lambda a: torch.polygamma(n, a), x, close=2e-9)


def test_trigamma_left_of_zero():
    x = torch.tensor([-0.7, -2.5, 0.2], dtype=torch.float64)
    check(
        lambda a: rows.polygamma(1, a), lambda a: torch.polygamma(1, a), x, grad=False, close=2e-9
    )


def test_mvlgamma():
    x = torch.tensor([2.5, 3.0, 7.5], dtype=torch.float64)
    check(lambda a: rows.mvlgamma(a, 3), lambda a: torch.mvlgamma(a, 3), x)


def test_incomplete_gamma_and_zeta():
    a = torch.tensor([0.5, 1.0, 2.0, 4.0], dtype=torch.float64)
    x = torch.tensor([0.3, 2.0, 1.0, 5.0], dtype=torch.float64)
    check(rows.gammainc, torch.special.gammainc, a, x, grad=False)
    check(rows.gammaincc, torch.special.gammaincc, a, x, grad=False)
    check(
        lambda v: rows.gammainc(jnp.asarray(a.numpy()), v),
        lambda v: torch.special.gammainc(a, v),
        x,
    )
    check(rows.zeta, torch.special.zeta, a + 1.5, x, grad=False)


def test_logit_with_eps():
    x = torch.tensor([0.0, 0.05, 0.5, 0.99, 1.0], dtype=torch.float64)
    check(rows.logit, torch.logit, x, eps=0.1)


def test_poles():
    x = torch.tensor([0.0, -0.0])
    check(rows.digamma, torch.digamma, x, grad=False)
    check(rows.entr, torch.special.entr, torch.tensor([0.0, -1.0, float("nan")]), grad=False)
    check(rows.logit, torch.logit, torch.tensor([0.0, 1.0]), grad=False)
    with pytest.raises(RuntimeError, match="negative"):
        rows.polygamma(-1, jnp.ones(1))
