"""``torch.utils.checkpoint`` against PyTorch, and what it saves."""

from __future__ import annotations

import numpy as np
import pytest

import flambeau
import flambeau.utils.checkpoint
from flambeau._engine import executor
from tests.oracle import assert_close, torch

torch_checkpoint = pytest.importorskip("torch.utils.checkpoint")


def data(t, *shape, seed=0):
    return t.tensor(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


def checkpoint_of(t):
    return (torch_checkpoint if t is torch else flambeau.utils.checkpoint).checkpoint


def both(program):
    assert_close(program(flambeau), program(torch))


@pytest.mark.parametrize("reentrant", [True, False])
def test_gradients(reentrant):
    def program(t):
        w = data(t, 3, 3).requires_grad_()
        x = data(t, 2, 3).requires_grad_()
        h = (w * 2).exp()  # taken from outside, with a history that shares a leaf

        def part(a, scale):
            b = (a @ w).tanh() @ h
            return b * scale, a + 1

        out, other = checkpoint_of(t)(part, x.sin(), 2.0, use_reentrant=reentrant)
        (out.square().sum() + other.sum()).backward()
        return w.grad, x.grad

    both(program)


def test_nested_and_keywords():
    def program(t):
        call = checkpoint_of(t)
        w = data(t, 3, 3).requires_grad_()
        x = data(t, 2, 3)

        def inner(a):
            return (a @ w).tanh()

        def outer(a, *, scale):
            return call(inner, a * scale, use_reentrant=False).exp()

        out = call(outer, x, scale=2.0, use_reentrant=False)
        return t.autograd.grad(out.sum(), w)

    both(program)


def test_second_derivatives():
    def program(t):
        x = data(t, 3).requires_grad_()
        w = data(t, 3, seed=1).requires_grad_()
        out = checkpoint_of(t)(lambda a: (a * w).sin() * a, x, use_reentrant=False)
        (first,) = t.autograd.grad(out.sum(), x, create_graph=True)
        return first, *t.autograd.grad(first.square().sum(), (x, w))

    both(program)


def test_random_numbers_are_the_same():
    x = flambeau.ones(50, requires_grad=True)
    out = flambeau.utils.checkpoint.checkpoint(
        lambda a: flambeau.nn.functional.dropout(a) * a, x, use_reentrant=False
    )
    state = flambeau.get_rng_state()
    out.sum().backward()
    assert_close(x.grad, out * 2)
    assert (flambeau.get_rng_state() == state).all()


def test_autocast_is_restored():
    def program(t):
        w = data(t, 4, 4).requires_grad_()
        with t.autocast("cpu", dtype=t.bfloat16):
            out = checkpoint_of(t)(lambda a: a @ w, data(t, 2, 4), use_reentrant=False)
        assert out.dtype is t.bfloat16
        out.sum().backward()
        return w.grad

    both(program)


@pytest.mark.parametrize("reentrant", [True, False])
def test_sequential(reentrant):
    def program(t):
        module = torch_checkpoint if t is torch else flambeau.utils.checkpoint
        net = t.nn.Sequential(*[t.nn.Linear(3, 3) for _ in range(5)])
        with t.no_grad():
            for i, p in enumerate(net.parameters()):
                p.copy_(data(t, *p.shape, seed=i))
        x = data(t, 2, 3).requires_grad_()
        out = module.checkpoint_sequential(net, 2, x, use_reentrant=reentrant)
        out.square().sum().backward()
        return x.grad, *[p.grad for p in net.parameters()]

    both(program)


def test_inside_transforms():
    x = data(flambeau, 4, 3)

    def part(a):
        return flambeau.utils.checkpoint.checkpoint(lambda b: b.sin() * b, a, use_reentrant=False)

    found = flambeau.vmap(flambeau.func.grad(lambda a: part(a).sum()))(x)
    assert_close(found, x.cos() * x + x.sin())


def step_memory(monkeypatch, checkpointed):
    """The memory for intermediate results of a training step, by XLA's own account."""
    programs = []
    compile_graph = executor.compile_graph

    def noting(*args):
        programs.append(compile_graph(*args))
        return programs[-1]

    monkeypatch.setattr(executor, "compile_graph", noting)
    monkeypatch.setattr(executor._weather, "misses", 0)
    weights = [data(flambeau, 32, 32, seed=i).requires_grad_() for i in range(16)]
    x = data(flambeau, 2048, 32)

    def block(ws, a):
        for w in ws:
            a = (a @ w).tanh().sin()
        return a

    for k in range(0, 16, 4):
        part = weights[k : k + 4]
        if checkpointed:
            x = flambeau.utils.checkpoint.checkpoint(block, part, x, use_reentrant=False)
        else:
            x = block(part, x)
    x.square().sum().backward()
    grads = [w.grad.tolist() for w in weights]
    monkeypatch.undo()
    return programs[0].compiled.memory_analysis().temp_size_in_bytes, grads


def test_less_memory_is_held(monkeypatch):
    plain, expected = step_memory(monkeypatch, False)
    saved, grads = step_memory(monkeypatch, True)
    np.testing.assert_allclose(grads, expected, rtol=1e-4, atol=1e-4)
    assert saved < 0.5 * plain


def test_wrong_use():
    x = flambeau.ones(3, requires_grad=True)
    call = flambeau.utils.checkpoint.checkpoint
    with pytest.warns(UserWarning, match="use_reentrant"):
        call(flambeau.sin, x)
    with pytest.warns(UserWarning, match="None of the inputs"):
        assert not call(lambda a: a * x, x.detach(), use_reentrant=True).requires_grad
    with pytest.raises(ValueError, match="Unexpected keyword"):
        call(flambeau.sin, x, use_reentrant=True, other=1)
    with pytest.raises(ValueError, match="context_fn"):
        call(flambeau.sin, x, use_reentrant=True, context_fn=lambda: None)
    with pytest.raises(ValueError, match="determinism_check"):
        call(flambeau.sin, x, use_reentrant=False, determinism_check="some")
    sizes = iter((1, 2))
    out = call(lambda a: a.repeat(next(sizes)), x, use_reentrant=False)
    with pytest.raises(flambeau.utils.checkpoint.CheckpointError, match="different metadata"):
        out.sum().backward()
