"""``autograd.forward_ad`` against PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

import flambeau
import flambeau.autograd.forward_ad
from tests.oracle import assert_close, torch

# PyTorch scripts its decompositions when forward mode is first used.
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
forward = pytest.importorskip("torch.autograd.forward_ad")


def data(t, *shape, seed=0):
    return t.tensor(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


def both(program):
    ours = program(flambeau, flambeau.autograd.forward_ad)
    assert_close(ours, program(torch, forward))


def test_tangents_through_operations():
    def program(t, fw):
        x, v = data(t, 3), data(t, 3, seed=1)
        with fw.dual_level():
            d = fw.make_dual(x, v)
            y = (d.sin() * x).view(3, 1) @ d.view(1, 3)
            z = t.zeros(4)
            z[1:] = d * 2
            with t.no_grad():
                found = [*fw.unpack_dual(y), *fw.unpack_dual(z), *fw.unpack_dual(d * d)]
            assert fw.unpack_dual(x).tangent is None
            assert fw.unpack_dual(d.detach()).tangent is None
            assert fw.unpack_dual(d.argmax()).tangent is None
        assert fw.unpack_dual(d).tangent is None
        return *found, d + 1

    both(program)


def test_a_module():
    def program(t, fw):
        net = t.nn.Sequential(t.nn.Linear(3, 4), t.nn.Tanh(), t.nn.LayerNorm(4))
        with t.no_grad():
            for i, p in enumerate(net.parameters()):
                p.copy_(data(t, *p.shape, seed=i))
        with fw.dual_level():
            out = net(fw.make_dual(data(t, 2, 3), data(t, 2, 3, seed=5)))
            return tuple(p.detach() for p in fw.unpack_dual(out))

    both(program)


def test_both_ways_over_reverse_mode():
    def program(t, fw):
        x, v = data(t, 3), data(t, 3, seed=1)
        w = data(t, 3, seed=2).requires_grad_()
        with fw.dual_level():
            d = fw.make_dual(x, v)
            y = (d * w * d).sin().sum()
            (g,) = t.autograd.grad(y, w, create_graph=True)
            tangent = fw.unpack_dual(y).tangent
            (h,) = t.autograd.grad(tangent, w)
            first, second = fw.unpack_dual(g)
            return first.detach(), second.detach(), fw.unpack_dual(h).primal.detach()

    both(program)


def test_backward_leaves_plain_gradients():
    def program(t, fw):
        w = data(t, 3).requires_grad_()
        with fw.dual_level():
            (fw.make_dual(data(t, 3), data(t, 3)) * w).exp().sum().backward()
        optimizer = t.optim.SGD([w], lr=0.1)
        optimizer.step()
        return w.grad, w.detach()

    both(program)


def test_the_stream_goes_on():
    fw = flambeau.autograd.forward_ad
    x = flambeau.ones(20)
    flambeau.manual_seed(0)
    flambeau.nn.functional.dropout(x)
    expected = flambeau.rand(2)
    flambeau.manual_seed(0)
    with fw.dual_level():
        out = flambeau.nn.functional.dropout(fw.make_dual(x, x))
        assert_close(*fw.unpack_dual(out))
    assert_close(flambeau.rand(2), expected)


def test_printing():
    for t, fw in ((torch, forward), (flambeau, flambeau.autograd.forward_ad)):
        with fw.dual_level():
            shown = repr(fw.make_dual(t.ones(2), t.zeros(2)))
        assert shown == "tensor([1., 1.], tangent=tensor([0., 0.]))"


WRONG = {
    "no level": lambda t, fw, x: fw.exit_dual_level() or fw.make_dual(x, x),
    "shape": lambda t, fw, x: fw.make_dual(x, t.ones(4)),
    "primal": lambda t, fw, x: fw.make_dual(t.arange(3), x),
    "tangent": lambda t, fw, x: fw.make_dual(x, t.arange(3)),
    "nested": lambda t, fw, x: fw.enter_dual_level(),
    "twice": lambda t, fw, x: fw.make_dual(fw.make_dual(x, x), x),
}


@pytest.mark.parametrize("name", WRONG)
def test_errors(name):
    texts = []
    for t, fw in ((torch, forward), (flambeau, flambeau.autograd.forward_ad)):
        fw.enter_dual_level()
        try:
            with pytest.raises((ValueError, RuntimeError)) as info:
                WRONG[name](t, fw, t.ones(3))
        finally:
            if name != "no level":
                fw.exit_dual_level()
        texts.append((info.errisinstance(ValueError), str(info.value)[:40]))
    assert texts[0] == texts[1]
