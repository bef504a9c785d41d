"""Hooks on tensors, on nodes and on leaves."""

from __future__ import annotations

import pytest

import flambeau
from tests.nn.both import same
from tests.oracle import torch

BOTH = pytest.mark.parametrize("lib", [flambeau, torch], ids=["flambeau", "torch"])


@BOTH
def test_a_hook_sees_and_replaces_the_gradient(lib):
    x = lib.ones(2, requires_grad=True)
    y = x * 3
    seen = []
    y.register_hook(lambda g: seen.append(g.tolist()))
    y.register_hook(lambda g: g * 2)
    y.sum().backward()
    assert seen == [[1.0, 1.0]]
    assert x.grad.tolist() == [6.0, 6.0]


@BOTH
def test_a_removed_hook_is_silent(lib):
    x = lib.ones(2, requires_grad=True)
    handle = x.register_hook(lambda g: g * 10)
    (x * 1).sum().backward()
    handle.remove()
    handle.remove()
    (x * 1).sum().backward()
    assert x.grad.tolist() == [11.0, 11.0]


@BOTH
def test_a_leaf_hook_gets_the_total(lib):
    x = lib.ones(2, requires_grad=True)
    seen = []
    x.register_hook(lambda g: seen.append(g.tolist()))
    (x * 2 + x * 3).sum().backward()
    assert seen == [[5.0, 5.0]]


@BOTH
def test_retain_grad(lib):
    x = lib.ones(2, requires_grad=True)
    y = x * 2
    y.retain_grad()
    assert y.retains_grad
    (y * y).sum().backward()
    assert y.grad.tolist() == [4.0, 4.0]
    with pytest.raises(RuntimeError, match="requires_grad=False"):
        lib.ones(1).retain_grad()


@BOTH
def test_a_post_accumulate_hook_may_step_the_parameter(lib):
    x = lib.ones(2, requires_grad=True)

    def step(p):
        with lib.no_grad():
            p -= 0.5 * p.grad
        p.grad = None

    x.register_post_accumulate_grad_hook(step)
    (x * 2).sum().backward()
    assert x.grad is None
    assert x.tolist() == [0.0, 0.0]


@BOTH
def test_hooks_need_a_gradient(lib):
    with pytest.raises(RuntimeError, match="doesn't require gradient"):
        lib.ones(1).register_hook(print)
    y = lib.ones(1, requires_grad=True) * 1
    with pytest.raises(RuntimeError, match="non-leaf"):
        y.register_post_accumulate_grad_hook(print)


def test_hooks_on_nodes():
    def program(torch):
        log = []
        x = torch.tensor([1.0, 2.0], requires_grad=True)
        y = x * torch.tensor([3.0, 4.0])
        first = y.grad_fn.register_prehook(lambda grads: (grads[0] * 10,))
        second = y.grad_fn.register_hook(lambda back, grads: log.append((back[0], back[1], grads)))
        third = y.grad_fn.register_hook(lambda back, grads: (back[0] + 1, None))
        y.sum().backward(retain_graph=True)
        for handle in (first, second, third):
            handle.remove()
        y.sum().backward()
        return [log, x.grad]

    same(program)
