"""Backward passes that came before give what going through the tape gives."""

from __future__ import annotations

import numpy as np
import pytest

import flambeau as torch
from flambeau import nn
from flambeau._engine import recorder
from flambeau._tensor import rehearsal


@pytest.fixture
def passed(monkeypatch):
    """Of each backward, whether it was known; what other tests recorded is forgotten."""
    recorder.flush()
    recorder._ROOTS.clear()
    for graph in recorder._thread.graphs.values():
        graph.reset()
    seen = []
    run = rehearsal.run

    def noting(form):
        known = run(form)
        seen.append(known)
        return known

    monkeypatch.setattr(rehearsal, "run", noting)
    return seen


def train(steps):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 3))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    x, y = torch.randn(5, 4), torch.arange(5) % 3
    found = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        found += [loss.detach(), *[p.grad for p in model.parameters()]]
        optimizer.step()
    return [t.numpy() for t in found]


def test_training_is_bit_for_bit_what_it_was(passed, monkeypatch):
    known = train(6)
    assert passed == [False] * 3 + [True] * 3  # the first step also makes the model
    states = recorder._trie.states
    monkeypatch.setattr(rehearsal, "form_of", lambda tensor: None)
    gone_through = train(6)
    assert len(passed) == 6
    assert recorder._trie.states == states  # they record the same graphs
    for a, b in zip(known, gone_through, strict=True):
        np.testing.assert_array_equal(a, b)


def test_numbers_are_those_of_this_pass(passed):
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    for k in range(1, 7):
        w.grad = None
        ((w * float(k)) ** 2 * (k + 10)).sum().backward()
        assert w.grad.tolist() == [2.0 * k * k * (k + 10), 4.0 * k * k * (k + 10)]
    assert passed == [False, False, True, True, True, True]


def test_a_number_of_another_kind_is_gone_through(passed):
    w = torch.tensor([3.0], requires_grad=True)
    for k in (1.5, 2.5, 3.5, 2):
        w.grad = None
        (w * k * w).sum().backward()
        assert w.grad.tolist() == [6.0 * k]
    assert passed[2:] == [True, False]


def test_a_parameter_used_twice_gets_the_sum(passed):
    w = torch.tensor([2.0, 3.0], requires_grad=True)
    for _ in range(4):
        w.grad = None
        (w * w + w.exp() * w).sum().backward()
        want = 2 * np.array([2.0, 3.0]) + np.exp([2.0, 3.0]) * np.array([3.0, 4.0])
        np.testing.assert_allclose(w.grad.numpy(), want, rtol=1e-6)
    assert passed == [False, False, True, True]


def test_gradients_that_are_there_are_added_to(passed):
    w = torch.tensor([2.0], requires_grad=True)
    for k in range(1, 6):
        (w * w).sum().backward()
        assert w.grad.item() == 4.0 * k
    assert passed == [False]  # the others found a gradient


def test_who_gets_a_gradient_is_asked_anew(passed):
    a, b = (torch.tensor([v], requires_grad=True) for v in (2.0, 5.0))
    for k in range(6):
        a.grad = b.grad = None
        b.requires_grad_(k != 4)
        (a * b).sum().backward()
        assert a.grad.tolist() == [5.0]
        assert (b.grad is None) is (k == 4)
    assert passed == [False, False, True, True, False, True]


def test_the_same_operations_with_other_history(passed):
    w = torch.tensor([2.0], requires_grad=True)
    for k in range(6):
        w.grad = None
        y = w * 3.0
        if k == 4:
            with torch.no_grad():
                z = y * w
            z = z + w
        else:
            z = y * w
            z = z + w
        z.sum().backward()
        assert w.grad.tolist() == [1.0 if k == 4 else 13.0]
    assert passed == [False, False, True, True, False, True]


def test_another_order_of_operands(passed):
    a, b = (torch.tensor([v], requires_grad=True) for v in (2.0, 5.0))
    for k in range(8):
        a.grad = b.grad = None
        (a - b if k % 2 else b - a).sum().backward()
        sign = 1.0 if k % 2 else -1.0
        assert (a.grad.item(), b.grad.item()) == (sign, -sign)
    assert passed.count(True) >= 4


def hook_of_a_tensor(w, y, z, seen):
    y.register_hook(lambda g: seen.append(g) or g * 2)


def hook_of_a_leaf(w, y, z, seen):
    w.register_hook(lambda g: seen.append(g) or g * 2)


def hook_of_a_node(w, y, z, seen):
    y.grad_fn.register_prehook(lambda gs: seen.append(gs) or (gs[0] * 2,))


@pytest.mark.parametrize("hook", [hook_of_a_tensor, hook_of_a_leaf, hook_of_a_node])
def test_hooks_run(hook, passed):
    for k in range(5):
        w = torch.tensor([2.0], requires_grad=True)
        seen = []
        y = w * 3.0
        z = y.sin().sum()
        if k == 4:
            hook(w, y, z, seen)
        z.backward()
        scale = 2 if k == 4 else 1
        np.testing.assert_allclose(w.grad.numpy(), [3 * np.cos(6.0) * scale], rtol=1e-6)
        assert len(seen) == (k == 4)
    assert True in passed


def test_a_hook_after_accumulation_runs(passed):
    w = torch.tensor([2.0], requires_grad=True)
    seen = []
    for k in range(5):
        w.grad = None
        if k == 4:
            w.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.item()))
        (w * w).sum().backward()
        assert w.grad.item() == 4.0
    assert passed == [False, False, True, True]  # with the hook it is not even asked
    assert seen == [4.0]


def test_what_was_freed_is_freed(passed):
    w = torch.tensor([2.0], requires_grad=True)
    for _ in range(4):
        w.grad = None
        loss = (w * w).sum()
        loss.backward()
        with pytest.raises(RuntimeError, match="a second time"):
            loss.backward()
        assert w.grad.item() == 4.0
    assert passed == [False, False, True, True]


def test_a_graph_that_is_kept_can_be_gone_through_again(passed):
    w = torch.tensor([2.0], requires_grad=True)
    for _ in range(4):
        w.grad = None
        loss = (w * w).sum()
        loss.backward(retain_graph=True)
        loss.backward()
        assert w.grad.item() == 8.0
    assert not any(passed)


def test_a_tape_from_before_a_read(passed):
    w = torch.tensor([2.0], requires_grad=True)
    for k in range(1, 6):
        w.grad = None
        loss = (w * float(k)).exp().sum()
        loss.item()
        loss.backward()
        np.testing.assert_allclose(w.grad.numpy(), [k * np.exp(2.0 * k)], rtol=1e-5)
    assert not any(passed)


def test_a_state_notes_a_limited_number_of_forms(monkeypatch):
    monkeypatch.setattr(rehearsal, "_MOST_FORMS", 3)
    w = [torch.tensor([float(i)], requires_grad=True) for i in range(8)]
    for skip in range(8):
        for i, v in enumerate(w):
            v.grad = None
            v.requires_grad_(i != skip)
        total = w[0]
        for v in w[1:]:
            total = total + v
        total.sum().backward()
        assert [v.grad is None for v in w] == [i == skip for i in range(8)]
