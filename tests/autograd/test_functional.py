"""Jacobians and Hessians, anomaly mode, gradcheck."""

from __future__ import annotations

import numpy as np
import pytest

import flambeau
from tests.oracle import assert_close, torch

# PyTorch scripts its decompositions when forward mode is first used.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*torch.jit:DeprecationWarning", "ignore:We've integrated functorch:FutureWarning"
)


def x_of(t, seed=0):
    return t.tensor(np.random.default_rng(seed).standard_normal(3))


def f(x):
    return (x**2).sin() * x.sum()


@pytest.mark.parametrize("name", ["jacobian", "vjp", "jvp"])
def test_first_derivatives(name):
    def program(t):
        args = () if name == "jacobian" else (x_of(t, 1),)
        return getattr(t.autograd.functional, name)(f, x_of(t), *args)

    assert_close(program(flambeau), program(torch))


@pytest.mark.parametrize("name", ["hessian", "hvp", "vhp"])
def test_second_derivatives(name):
    def program(t):
        args = () if name == "hessian" else (x_of(t, 1),)
        return getattr(t.autograd.functional, name)(lambda x: f(x).sum(), x_of(t), *args)

    assert_close(program(flambeau), program(torch))


def test_gradcheck_accepts_right_and_refuses_wrong_gradients():
    x = flambeau.tensor([0.3, 0.7], dtype=flambeau.float64, requires_grad=True)
    assert flambeau.autograd.gradcheck(lambda v: v.sin() * v, x)
    assert flambeau.autograd.gradgradcheck(lambda v: v.sin() * v, x)

    class Wrong(flambeau.autograd.Function):
        @staticmethod
        def forward(ctx, v):
            return v * 2

        @staticmethod
        def backward(ctx, g):
            return g * 3

    with pytest.raises(RuntimeError, match="Jacobian mismatch"):
        flambeau.autograd.gradcheck(Wrong.apply, x)
    assert not flambeau.autograd.gradcheck(Wrong.apply, x, raise_exception=False)


def test_anomaly_mode_names_the_line_of_the_forward():
    x = flambeau.zeros(1, requires_grad=True)
    with flambeau.autograd.detect_anomaly():
        y = (x.sqrt() * 0).sum()
        with pytest.raises(RuntimeError, match=r"nan values.*test_functional\.py:\d+"):
            y.backward()
    assert not flambeau.autograd.is_anomaly_enabled()


def test_anomaly_mode_may_only_note_the_lines():
    with flambeau.autograd.detect_anomaly(check_nan=False):
        x = flambeau.zeros(2, requires_grad=True)
        (x.sqrt() * 0).sum().backward()
    assert x.grad.isnan().all()


def flat(x):
    return [y for part in x for y in flat(part)] if isinstance(x, (tuple, list)) else [x]


OPTIONS = {
    "rows": lambda F, x: F.jacobian(f, x, vectorize=True),
    "columns": lambda F, x: F.jacobian(f, x, vectorize=True, strategy="forward-mode"),
    "two inputs": lambda F, x: F.jacobian(lambda a, b: a * b.sum(), (x, x), vectorize=True),
    "two outputs": lambda F, x: F.jacobian(
        lambda a: (a * 2, a.sum()), x, vectorize=True, strategy="forward-mode"
    ),
    "both": lambda F, x: flat(
        F.jacobian(lambda a, b: (a * 2, b.sum()), (x, x), vectorize=True, strategy="forward-mode")
    ),
    "hessian": lambda F, x: F.hessian(lambda a: f(a).sum(), x, vectorize=True),
    "hessian by columns": lambda F, x: F.hessian(
        lambda a: f(a).sum(), x, vectorize=True, outer_jacobian_strategy="forward-mode"
    ),
    "hessian of two": lambda F, x: flat(
        F.hessian(
            lambda a, b: (f(a) * b**2).sum(),
            (x, x),
            vectorize=True,
            outer_jacobian_strategy="forward-mode",
        )
    ),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_options(name):
    ours = OPTIONS[name](flambeau.autograd.functional, x_of(flambeau))
    assert_close(ours, OPTIONS[name](torch.autograd.functional, x_of(torch)))


def test_create_graph_with_vectorize():
    def program(t):
        x = x_of(t).requires_grad_()
        rows = t.autograd.functional.jacobian(f, x, create_graph=True, vectorize=True)
        return t.autograd.grad(rows.square().sum(), x)

    assert_close(program(flambeau), program(torch))


WRONG = {
    "strategy": lambda F, x: F.jacobian(f, x, strategy="some"),
    "forward": lambda F, x: F.jacobian(f, x, strategy="forward-mode"),
    "graph": lambda F, x: F.jacobian(
        f, x, strategy="forward-mode", vectorize=True, create_graph=True
    ),
    "strict forward": lambda F, x: F.jacobian(
        f, x, strategy="forward-mode", vectorize=True, strict=True
    ),
    "strict": lambda F, x: F.jacobian(f, x, vectorize=True, strict=True),
    "not scalar": lambda F, x: F.hessian(f, x),
    "hvp not scalar": lambda F, x: F.hvp(f, x, x),
    "vjp": lambda F, x: F.vjp(f, x),
    "jvp": lambda F, x: F.jvp(f, x),
    "vhp": lambda F, x: F.vhp(lambda a: a.sum(), x),
    "size": lambda F, x: F.vjp(f, x, x[:2]),
    "length": lambda F, x: F.jvp(f, x, (x, x)),
    "independent": lambda F, x: F.vjp(lambda a: x * 1, x, x, strict=True),
    "independent jacobian": lambda F, x: F.jacobian(lambda a: x * 1, x, strict=True),
    "input": lambda F, x: F.jacobian(f, 3),
}


@pytest.mark.parametrize("name", WRONG)
def test_refusals(name):
    seen = []
    for t in (torch, flambeau):
        with pytest.raises(Exception) as info:
            WRONG[name](t.autograd.functional, x_of(t))
        seen.append((info.type, str(info.value)[:50]))
    assert issubclass(seen[1][0], seen[0][0])
    assert seen[1][1] == seen[0][1] or name in ("forward", "input")
