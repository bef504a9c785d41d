"""Public functions, methods and operators of arithmetic against PyTorch."""

from __future__ import annotations

import pytest

import flambeau
from tests.oracle import assert_close, torch

DATA = [[1.5, -2.0, 3.0], [0.5, 4.0, -6.0]]
OTHER = [[2.0, 2.0, -4.0], [0.25, -1.0, 3.0]]


def both(data=DATA, dtype="float32"):
    return (
        flambeau.tensor(data, dtype=getattr(flambeau, dtype)),
        torch.tensor(data, dtype=getattr(torch, dtype)),
    )


def same(call, *data, dtype="float32"):
    """The call gives the same on both libraries."""
    ours, theirs = zip(*[both(d, dtype) for d in data], strict=True)
    assert_close(call(flambeau, *ours), call(torch, *theirs))


@pytest.mark.parametrize(
    "call",
    [
        lambda t, x, y: t.add(x, y, alpha=3),
        lambda t, x, y: x.sub(y, alpha=0.5),
        lambda t, x, y: t.rsub(x, y),
        lambda t, x, y: t.div(x, y, rounding_mode="floor"),
        lambda t, x, y: t.div(x, y, rounding_mode="trunc"),
        lambda t, x, y: x // y + x % y,
        lambda t, x, y: 2 - x + 3 / y - (7 // y) * (7 % y),
        lambda t, x, y: 2**x - x**2 + x**-1,
        lambda t, x, y: t.clamp(x, -1, 2) + x.clamp(min=0) * x.clamp(max=y),
        lambda t, x, y: x.clip(t.zeros_like(x), y),
        lambda t, x, y: t.addcmul(x, x, y, value=0.5) + t.addcdiv(x, y, y),
        lambda t, x, y: t.lerp(x, y, 0.25) + t.lerp(x, y, t.abs(y) / 10),
        lambda t, x, y: t.maximum(x, y) - t.max(x, y) + t.min(x, other=y),
        lambda t, x, y: -x + +y + abs(x),
        lambda t, x, y: t.round(x / 3, decimals=1),
        lambda t, x, y: t.float_power(x.abs(), 1.5),
        lambda t, x, y: (x > y, x <= 1, x != 2, t.isclose(x, y), t.logical_xor(x, y)),
    ],
)
def test_functions(call):
    same(call, DATA, OTHER)


@pytest.mark.parametrize(
    "call",
    [
        lambda t, x, y: x & y | ~x ^ y,
        lambda t, x, y: (x << 2) + (x >> 1) + (1 << y),
        lambda t, x, y: t.gcd(x, y) * t.lcm(x, y),
        lambda t, x, y: x // y,
        lambda t, x, y: 3 & x | 4,
    ],
)
def test_integers(call):
    same(call, [12, -7, 3], [8, 3, 1], dtype="int64")


@pytest.mark.parametrize(
    "change",
    [
        lambda x, y: x.add_(y, alpha=2),
        lambda x, y: x.mul_(3).sub_(y),
        lambda x, y: x.div_(y, rounding_mode="floor"),
        lambda x, y: x.clamp_(-1, 1),
        lambda x, y: x.pow_(2),
        lambda x, y: x.exp_(),
        lambda x, y: x.addcdiv_(x, y, value=-0.5),
        lambda x, y: x.lerp_(y, 0.9),
        lambda x, y: x.copy_(y[0] if hasattr(y, "__getitem__") else y),
        lambda x, y: x.fill_(7).neg_(),
        lambda x, y: x.zero_(),
        lambda x, y: x.ge_(y),
        lambda x, y: x.cumsum_(1),
        lambda x, y: x.logical_not_(),
    ],
)
def test_in_place(change):
    (x, tx), (y, ty) = both(), both(OTHER)
    assert change(x, y) is x
    change(tx, ty)
    assert_close(x, tx)


def test_augmented_assignment_keeps_the_object():
    x, tx = both()
    before = id(x)
    x += 1
    x *= 2
    x -= 0.5
    x /= 4
    tx += 1
    tx *= 2
    tx -= 0.5
    tx /= 4
    assert id(x) == before
    assert_close(x, tx)


def test_out():
    x, tx = both()
    out = flambeau.zeros(2, 3)
    assert flambeau.add(x, 1, out=out) is out
    assert_close(out, tx + 1)
    values, indices = flambeau.zeros(2), flambeau.zeros(2, dtype=flambeau.int64)
    got = flambeau.max(x, 1, out=(values, indices))
    assert got.values is values
    assert_close((values, indices), tuple(torch.max(tx, 1)))
    with pytest.raises(RuntimeError, match="cast"):
        flambeau.add(x, 1, out=flambeau.zeros(2, 3, dtype=flambeau.int64))


def test_reduction_overloads():
    x, tx = both()
    for call in (
        lambda t, v: t.max(v),
        lambda t, v: tuple(t.max(v, 1, keepdim=True)),
        lambda t, v: tuple(v.min(dim=0)),
        lambda t, v: v.sum(axis=1, keepdims=True),
        lambda t, v: t.sum(v, (0, 1)),
        lambda t, v: t.prod(v, 1),
        lambda t, v: v.std(),
        lambda t, v: v.std(0, False),
        lambda t, v: t.var(v, unbiased=False),
        lambda t, v: t.var_mean(v, dim=1, correction=0),
        lambda t, v: tuple(t.median(v, 1)),
        lambda t, v: t.quantile(v, 0.4, dim=1),
        lambda t, v: v.norm() + t.norm(v, p=1),
        lambda t, v: t.norm(v, 3, dim=1),
        lambda t, v: t.argmax(v, dim=1),
        lambda t, v: (v > 0).all(), lambda t, v: t.any(v, dim=1),
        lambda t, v: t.gradient(v),
        lambda t, v: t.trapezoid(v, dx=0.5),
    ):  # fmt: skip
        assert_close(call(flambeau, x), call(torch, tx))


def test_named_results_print_as_pytorch_prints_them():
    x, tx = both([[1, 5], [7, 2]], "int64")
    assert repr(flambeau.max(x, 1)) == repr(torch.max(tx, 1))
    assert repr(x.cummax(0)) == repr(tx.cummax(0))


ERRORS = [
    lambda t: t.clamp(t.ones(2)),
    lambda t: t.ones(2) + "a",
    lambda t: t.add(t.ones(2, dtype=t.int64), 1, alpha=0.5),
    lambda t: t.tensor([2, 3]) ** -1,
    lambda t: t.div(t.ones(2), 2, rounding_mode="up"),
    lambda t: t.mean(t.tensor([1, 2])),
    lambda t: t.ones(2).sum(3),
    lambda t: t.ones(2, 2).sum((0, 0)),
    lambda t: t.max(t.zeros(0)),
    lambda t: t.ones(2, dtype=t.int64).add_(0.5),
    lambda t: t.ones(2).add_(t.ones(3, 2)),
    lambda t: t.ones(2, dtype=t.float32) & 1,
    lambda t: t.quantile(t.ones(2), 1.5),
    lambda t: t.ones(2).copy_(t.ones(3)),
    lambda t: t.atan2(t.ones(2), 2),
    lambda t: t.polygamma(-1, t.ones(2)),
    lambda t: t.ones(3) + t.ones(2),
]


@pytest.mark.parametrize("call", ERRORS)
def test_errors_are_of_the_same_class(call):
    with pytest.raises(Exception) as expected:
        call(torch)
    with pytest.raises(expected.type):
        call(flambeau)
