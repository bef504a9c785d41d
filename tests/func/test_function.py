"""Functions with a backward of their own inside transforms, against PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

import flambeau
import flambeau.autograd.forward_ad
from tests.oracle import assert_close, torch

# PyTorch scripts its decompositions when forward mode is first used.
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")


def data(t, *shape, seed=0):
    return t.tensor(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


def made(t, rule=True):
    """A product whose gradients are wrong by known factors, so that one sees whose they are."""

    class Product(t.autograd.Function):
        generate_vmap_rule = rule

        @staticmethod
        def forward(x, w):
            return x * w

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx, grad):
            x, w = ctx.saved_tensors
            return grad * w * 10, grad * x * 100

        if not rule:

            @staticmethod
            def vmap(info, in_dims, x, w):
                assert info.batch_size == 4
                assert in_dims == (0, None)
                return Product.apply(x, w), 0

            @staticmethod
            def jvp(ctx, dx, dw):
                return dx * 7

            @staticmethod
            def setup_context(ctx, inputs, output):
                ctx.save_for_backward(*inputs)
                ctx.save_for_forward(*inputs)

    return Product.apply


def outer(t, f):
    w = data(t, 3).requires_grad_()
    x = data(t, 4, 3).requires_grad_()
    out = f(x, w)
    return out.detach(), *t.autograd.grad(out.square().sum(), (x, w))


CASES = {
    "grad": lambda t, f: t.func.grad(lambda a: f(a, a).sum())(data(t, 3)),
    "grad of grad": lambda t, f: t.func.grad(
        lambda a: t.func.grad(lambda b: f(b, b * b).sum())(a).sum()
    )(data(t, 3)),
    "vmap": lambda t, f: t.vmap(f, in_dims=(0, None))(data(t, 4, 3), data(t, 3)),
    "per example": lambda t, f: t.vmap(t.func.grad(lambda a, w: f(a, w).sum()), in_dims=(0, None))(
        data(t, 4, 3), data(t, 3)
    ),
    "through a batch": lambda t, f: t.func.grad(
        lambda w: t.vmap(f, in_dims=(0, None))(data(t, 4, 3), w).sum()
    )(data(t, 3)),
    "outer history": lambda t, f: outer(t, t.vmap(f, in_dims=(0, None))),
    "outer history of grad": lambda t, f: outer(
        t, lambda x, w: t.func.grad(lambda a: f(a, w).square().sum())(x)
    ),
    "jacrev": lambda t, f: t.func.jacrev(lambda a: f(a, a))(data(t, 3)),
}


@pytest.mark.parametrize("name", CASES)
def test_values(name):
    assert_close(CASES[name](flambeau, made(flambeau)), CASES[name](torch, made(torch)))


def test_rules_of_their_own():
    def program(t):
        f = made(t, rule=False)
        x, w = data(t, 4, 3), data(t, 3)
        batched = t.vmap(f, in_dims=(0, None))(x, w)
        return batched, *t.func.jvp(lambda a: f(a, w), (x,), (x,))

    assert_close(program(flambeau), program(torch))


def test_forward_mode():
    def program(t, fw):
        x, w = data(t, 3), data(t, 3, seed=1)
        with fw.dual_level():
            return tuple(fw.unpack_dual(made(t, rule=False)(fw.make_dual(x, w), w)))

    theirs = pytest.importorskip("torch.autograd.forward_ad")
    assert_close(program(flambeau, flambeau.autograd.forward_ad), program(torch, theirs))


def test_what_is_missing_is_said():
    for t in (torch, flambeau):

        class Old(t.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                return x * 2

        class Plain(t.autograd.Function):
            @staticmethod
            def forward(x):
                return x * 2

            @staticmethod
            def setup_context(ctx, inputs, output):
                pass

        x = t.ones(3)
        with pytest.raises(RuntimeError, match="must override the setup_context"):
            t.func.grad(lambda a, f=Old: f.apply(a).sum())(x)
        with pytest.raises(RuntimeError, match="does not have vmap support"):
            t.vmap(Plain.apply)(x)
        with pytest.raises((RuntimeError, NotImplementedError), match="implement the jvp"):
            t.func.jvp(Plain.apply, (x,), (x,))
