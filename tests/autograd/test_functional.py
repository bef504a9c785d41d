"""Jacobians and Hessians, anomaly mode, gradcheck."""

from __future__ import annotations

import numpy as np
import pytest

import flambeau
from tests.oracle import assert_close, torch


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
