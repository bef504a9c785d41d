"""``functional_call``, ensembles and gradients per example against PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

import flambeau
from tests.oracle import assert_close, torch

# PyTorch scripts its decompositions when forward mode is first used.
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")


def data(t, *shape, seed=0):
    return t.tensor(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


def model(t, seed=0):
    net = t.nn.Sequential(t.nn.Linear(3, 4), t.nn.Tanh(), t.nn.Linear(4, 2))
    with t.no_grad():
        for i, p in enumerate(net.parameters()):
            p.copy_(data(t, *p.shape, seed=seed + i))
    return net


def both(program):
    assert_close(program(flambeau), program(torch))


def test_an_ensemble():
    def program(t):
        models = [model(t, seed) for seed in range(3)]
        params, buffers = t.func.stack_module_state(models)
        assert all(p.is_leaf and p.requires_grad for p in params.values())
        base = models[0]

        def call(p, b, x):
            return t.func.functional_call(base, (p, b), (x,))

        out = t.vmap(call, in_dims=(0, 0, None))(params, buffers, data(t, 5, 3))
        out.square().sum().backward()
        return out.detach(), *[p.grad for p in params.values()]

    both(program)


def test_gradients_per_example():
    def program(t):
        net = model(t)
        params = {k: v.detach() for k, v in net.named_parameters()}

        def loss(p, x, y):
            out = t.func.functional_call(net, p, (x[None],))
            return t.nn.functional.cross_entropy(out, y[None])

        found = t.vmap(t.func.grad(loss), in_dims=(None, 0, 0))(
            params, data(t, 5, 3), t.tensor([0, 1, 1, 0, 1])
        )
        assert list(found) == list(params)
        return tuple(found.values())

    both(program)


def test_the_hessian_of_a_module():
    def program(t):
        net = t.nn.Linear(2, 1)
        params = {"weight": data(t, 1, 2), "bias": data(t, 1)}
        x = data(t, 4, 2)
        found = t.func.hessian(lambda p: t.func.functional_call(net, p, x).tanh().square().mean())(
            params
        )
        return tuple(found[a][b] for a in params for b in params)

    both(program)


def test_buffers_come_back():
    def program(t):
        net = t.nn.BatchNorm1d(3)
        params, buffers = dict(net.named_parameters()), dict(net.named_buffers())

        def loss(p, b, x):
            b = {k: v.clone() for k, v in b.items()}
            out = t.func.functional_call(net, (p, b), (x,))
            return (out**2).sum(), b

        grads, after = t.func.grad(loss, has_aux=True)(params, buffers, data(t, 5, 3))
        return grads["bias"], after["running_mean"], net.running_mean

    both(program)


def test_batch_norm_inside_grad_is_refused_until_replaced():
    for t in (torch, flambeau):
        net = t.nn.Sequential(t.nn.BatchNorm1d(3))
        x = data(t, 5, 3)
        with pytest.raises(RuntimeError, match="mutate a captured Tensor"):
            t.func.grad(lambda a, net=net: net(a).sum())(x)
        t.func.replace_all_batch_norm_modules_(net)
        assert tuple(t.func.grad(lambda a, net=net: net(a).exp().sum())(x).shape) == (5, 3)


def test_arguments():
    net = model(flambeau)
    names = dict(net.named_parameters())
    x = data(flambeau, 2, 3)
    call = flambeau.func.functional_call
    assert_close(call(net, names, x), net(x))
    with pytest.raises(ValueError, match="appeared in multiple dictionaries"):
        call(net, (names, names), x)
    with pytest.raises(ValueError, match="Expected all elements"):
        call(net, (names, 3), x)
    with pytest.raises(ValueError, match="to be a dict"):
        call(net, 3, x)
    with pytest.raises(RuntimeError, match="Missing key"):
        call(net, {}, x, strict=True)


WRONG = {
    "none": lambda t: [],
    "classes": lambda t: [t.nn.Linear(2, 2), t.nn.Bilinear(2, 2, 2)],
    "modes": lambda t: [t.nn.Linear(2, 2), t.nn.Linear(2, 2).eval()],
    "requires_grad": lambda t: [t.nn.Linear(2, 2), t.nn.Linear(2, 2).requires_grad_(False)],
}


@pytest.mark.parametrize("name", WRONG)
def test_models_that_do_not_stack(name):
    texts = []
    for t in (torch, flambeau):
        with pytest.raises(RuntimeError) as info:
            t.func.stack_module_state(WRONG[name](t))
        texts.append(str(info.value))
    assert texts[0] == texts[1]


def test_functionalize_and_unwrapping():
    x = data(flambeau, 3)
    func = flambeau.func
    assert_close(func.functionalize(lambda a: a.clone().add_(1))(x), x + 1)
    with pytest.raises(RuntimeError, match="remove"):
        func.functionalize(lambda a: a, remove="views")
    seen = []
    flambeau.vmap(lambda a: (seen.append(func.debug_unwrap(a)), a)[1])(x)
    assert_close(seen[0], x)
