"""``autograd.graph`` against PyTorch."""

from __future__ import annotations

import pytest

import flambeau
from tests.oracle import torch


def test_gradient_edges():
    for t in (torch, flambeau):
        x = t.ones(2, requires_grad=True)
        node, position, *_ = t.autograd.graph.get_gradient_edge((x * 2).exp())
        assert (node.name(), position) == ("ExpBackward0", 0)
        with pytest.raises(RuntimeError, match="does not require"):
            t.autograd.graph.get_gradient_edge(x.detach())


def test_versions():
    for t in (torch, flambeau):
        x = t.ones(2)
        row = x[:1]
        t.autograd.graph.increment_version(x)
        t.autograd.graph.increment_version((x, row))
        assert x._version == 3
        assert row.tolist() == [1.0]


@pytest.mark.parametrize("mode", ["all", "any"])
def test_hooks_on_several_tensors(mode):
    seen = []
    for t in (torch, flambeau):
        calls = []
        x, y = t.ones(2, requires_grad=True), t.ones(2, requires_grad=True)
        hook = t.autograd.graph.register_multi_grad_hook(
            (x, y), lambda grads, calls=calls: calls.append(len(grads)), mode=mode
        )
        (x * y).sum().backward()
        hook.remove()
        (x * y).sum().backward()
        seen.append(calls)
    assert seen[0] == seen[1]


def test_what_is_not_there_says_so():
    graph = flambeau.autograd.graph
    with pytest.raises(NotImplementedError, match="checkpoint"):
        graph.saved_tensors_hooks(lambda x: x, lambda x: x)
    with pytest.raises(NotImplementedError, match="save_on_cpu"):
        graph.save_on_cpu()
    x = flambeau.ones(2, requires_grad=True)
    with graph.allow_mutation_on_saved_tensors(), graph.disable_saved_tensors_hooks("no"):
        y = x * 2
        z = y**2
        y.mul_(3)
        z.sum().backward()
    assert x.grad.tolist() == [8.0, 8.0]
