"""``grad``, ``vjp``, ``jvp``, Jacobians and Hessians against PyTorch, alone and composed."""

from __future__ import annotations

import numpy as np
import pytest

import flambeau
from flambeau._engine import executor
from flambeau._engine.program import stats
from tests.oracle import assert_close, torch

# PyTorch scripts its decompositions when forward mode is first used.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*torch.jit:DeprecationWarning", "ignore:Attempted to insert:UserWarning"
)


def data(t, *shape, seed=0):
    return t.tensor(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


def both(program):
    assert_close(program(flambeau), program(torch))


def f(x, y):
    return (x.sin() * y + x**2).sum()


def g(x):
    return x.sin() * x.sum()


COMPOSED = {
    "grad": lambda t, x: t.func.grad(f)(x, x),
    "grad of one of two": lambda t, x: t.func.grad(f, argnums=1)(x, x),
    "grad of both": lambda t, x: t.func.grad(f, argnums=(0, -1))(x, x * 2),
    "grad and value": lambda t, x: t.func.grad_and_value(f)(x, x),
    "aux": lambda t, x: t.func.grad(lambda a: ((a**2).sum(), a * 2), has_aux=True)(x),
    "value and aux": lambda t, x: [
        *t.func.grad_and_value(lambda a: ((a**2).sum(), a * 2), has_aux=True)(x)[1]
    ],
    "independent": lambda t, x: t.func.grad(lambda a: t.tensor(1.0))(x),
    "grad of grad": lambda t, x: t.func.grad(lambda a: t.func.grad(f)(a, a).sum())(x),
    "third": lambda t, x: t.func.grad(t.func.grad(t.func.grad(t.sin)))(x[0]),
    "of the outer only": lambda t, x: t.func.grad(
        lambda a: a * t.func.grad(lambda b: a * b * b)(a)
    )(x[0]),
    "detach": lambda t, x: t.func.grad(t.func.grad(lambda b: b.detach() * b))(x[0]),
    "per example": lambda t, x: t.vmap(t.func.grad(f), in_dims=(0, None))(x[:, None] * x, x),
    "through a batch": lambda t, x: t.func.grad(
        lambda a: t.vmap(lambda b: (b * a).sum().tanh())(a[:, None] * x).sum()
    )(x),
    "vjp": lambda t, x: t.func.vjp(g, x)[1](x),
    "vjp of two": lambda t, x: t.func.vjp(lambda a, b: (a * b, a.sum()), x, x)[1]((x, x[0])),
    "vjp of a batch": lambda t, x: t.vmap(t.func.vjp(g, x)[1])(t.eye(3)),
    "jvp": lambda t, x: t.func.jvp(g, (x,), (x * 2,)),
    "jvp of jvp": lambda t, x: t.func.jvp(lambda a: t.func.jvp(g, (a,), (x,))[1], (x,), (x * 2,)),
    "forward over reverse": lambda t, x: t.func.jvp(t.func.grad(lambda a: f(a, a)), (x,), (x * 2,)),
    "reverse over forward": lambda t, x: t.func.grad(lambda a: t.func.jvp(g, (a,), (x,))[1].sum())(
        x
    ),
    "jvp of a batch": lambda t, x: t.func.jvp(t.vmap(lambda a: a.sin() * 2), (x,), (x,)),
    "batch of jvp": lambda t, x: t.vmap(lambda v: t.func.jvp(g, (x,), (v,))[1])(t.eye(3)),
    "jacrev": lambda t, x: t.func.jacrev(g)(x),
    "jacrev in chunks": lambda t, x: t.func.jacrev(g, chunk_size=2)(x),
    "jacfwd": lambda t, x: t.func.jacfwd(g)(x),
    "jacobian of a matrix": lambda t, x: t.func.jacfwd(lambda a: a @ a.t())(x[:, None] * x),
    "jacrev of two": lambda t, x: t.func.jacrev(lambda a, b: a[:, None] * b, (0, 1))(x, x * 2),
    "jacfwd of two": lambda t, x: t.func.jacfwd(lambda a, b: a[:, None] * b, (0, 1))(x, x * 2),
    "jacfwd over jacrev": lambda t, x: t.func.jacfwd(t.func.jacrev(g))(x),
    "jacrev over jacfwd": lambda t, x: t.func.jacrev(t.func.jacfwd(g))(x),
    "jacrev over jacrev": lambda t, x: t.func.jacrev(t.func.jacrev(g))(x),
    "hessian": lambda t, x: t.func.hessian(lambda a: f(a, a))(x),
    "hessians of a batch": lambda t, x: t.vmap(t.func.hessian(lambda a: f(a, a)))(x[:, None] * x),
    "linearize": lambda t, x: t.func.linearize(g, x)[1](x * 2),
    "conv": lambda t, x: t.func.hessian(
        lambda a: t.nn.functional.conv1d(a.view(1, 1, 3), a.view(1, 1, 3), padding=1).exp().sum()
    )(x),
    "in place": lambda t, x: t.func.grad(lambda a: t.zeros(3).add_(a).mul_(a).sum())(x),
    "view in place": lambda t, x: t.func.jacfwd(lambda a: _written(t, a))(x),
    "reading a value": lambda t, x: t.func.grad(lambda a: (a * a.sum().item()).sum())(x),
}


def _written(t, a):
    out = t.tensor([1.0, 2.0, 3.0, 4.0])
    out[1:].mul_(a)
    out[0] = a.sum() ** 2
    return out


@pytest.mark.parametrize("name", COMPOSED)
def test_values(name):
    both(lambda t: COMPOSED[name](t, data(t, 3)))


def test_trees_keep_their_order():
    def program(t):
        params = {"w": data(t, 3), "b": data(t, 1), "a": [data(t, 2), (data(t, 1),)]}

        def loss(p):
            return (p["w"].sum() * p["b"] + p["a"][0].prod() * p["a"][1][0]).sum()

        found = t.func.grad(loss)(params)
        assert list(found) == ["w", "b", "a"]
        return found["w"], found["b"], found["a"][0], found["a"][1][0]

    both(program)


def test_outer_history():
    """What the function takes from outside gets its gradient through every transform."""

    def program(t):
        w = data(t, 3, seed=1).requires_grad_()
        x = data(t, 3).requires_grad_()
        first = t.func.grad(lambda a: (a * w * a).sum())(x)
        along = t.func.jvp(lambda a: (a * w).sin(), (x,), (w,))[1]
        rows = t.func.jacrev(lambda a: a**2 * w)(x)
        columns = t.func.jacfwd(lambda a: a**2 * w)(x)
        assert first.requires_grad
        assert along.requires_grad
        assert rows.requires_grad
        total = first.sum() + (along**2).sum() + rows.exp().sum() + columns.sin().sum()
        return t.autograd.grad(total, (w, x))

    both(program)


def test_grad_modes():
    def program(t):
        w = data(t, 3).requires_grad_()
        with t.no_grad():
            inside = t.func.grad(lambda a: (a * w * a).sum())(w)
            batched = t.vmap(t.func.grad(lambda a: (a * w[0] * a).sum()))(w)
        assert not inside.requires_grad
        assert not batched.requires_grad

        def constant(a):
            with t.no_grad():
                c = a * 1
            return a * a * c

        return inside, batched, t.func.grad(t.func.grad(constant))(w[0])

    both(program)


def test_random_numbers_inside():
    x = flambeau.ones(100)
    flambeau.manual_seed(1)
    plain = flambeau.nn.functional.dropout(x)
    flambeau.manual_seed(1)
    inside = flambeau.func.grad(lambda a: flambeau.nn.functional.dropout(a).sum())(x)
    assert_close(inside, plain)


def test_a_leaked_tensor_can_be_used():
    kept = []
    x = data(flambeau, 3)
    flambeau.func.grad(lambda a: (kept.append(a * 2), a.sum())[1])(x)
    assert_close(kept[0] + 1, x * 2 + 1)


def test_later_calls_make_no_program(monkeypatch):
    monkeypatch.setattr(executor._weather, "misses", 0)  # whatever ran before in this process

    def call(seed):
        x = data(flambeau, 3, seed=seed)
        return [
            flambeau.func.hessian(lambda a: f(a, a))(x).tolist(),
            flambeau.vmap(flambeau.func.grad(f))(x[:, None] * x, x[:, None] * x).tolist(),
        ]

    call(0)
    call(1)  # what a larger program of another test answered at first gets its own now
    before = stats.programs
    call(2)
    assert stats.programs == before


def test_under_compile():
    @flambeau.compile
    def step(x):
        return flambeau.func.hessian(lambda a: (a**3).sum())(x)

    for seed in range(4):
        x = data(flambeau, 3, seed=seed)
        assert_close(step(x), flambeau.diag(6 * x))
    assert step.replays == 2


def test_printing_inside(capsys):
    flambeau.func.grad(lambda a: (print(a), a.sum())[1])(flambeau.ones(2))
    shown = capsys.readouterr().out
    assert shown == "GradTrackingTensor(lvl=1, value=\n    tensor([1., 1.])\n)\n"


WRONG = {
    "not a scalar": lambda t, x: t.func.grad(lambda a: a)(x),
    "not a tensor": lambda t, x: t.func.grad(lambda a: 3.0)(x),
    "argnums": lambda t, x: t.func.grad(lambda a: a.sum(), argnums=2)(x),
    "argnums twice": lambda t, x: t.func.grad(lambda a, b: a.sum(), argnums=(0, 0))(x, x),
    "argnums type": lambda t, x: t.func.grad(lambda a: a.sum(), argnums="a")(x),
    "integers": lambda t, x: t.func.grad(lambda a: a.sum())(t.arange(3)),
    "no aux": lambda t, x: t.func.grad(lambda a: a.sum(), has_aux=True)(x),
    "number": lambda t, x: t.func.grad(lambda a: a * 2)(3.0),
    "captured": lambda t, x: t.func.grad(lambda a: x.add_(a).sum())(t.ones(3)),
    "vjp number": lambda t, x: t.func.vjp(lambda a: 3, x),
    "cotangent shape": lambda t, x: t.func.vjp(lambda a: a, x)[1](t.ones(4)),
    "cotangent tree": lambda t, x: t.func.vjp(lambda a: (a, a), x)[1](x),
    "tangent shape": lambda t, x: t.func.jvp(lambda a: a, (x,), (t.ones(4),)),
    "tangent tree": lambda t, x: t.func.jvp(lambda a: a, (x,), (x, x)),
    "primals": lambda t, x: t.func.jvp(lambda a: a, x, x),
    "jvp integers": lambda t, x: t.func.jvp(lambda a: a, (t.arange(3),), (t.arange(3),)),
    "jvp number": lambda t, x: t.func.jvp(lambda a: 3, (x,), (x,)),
    "jacrev number": lambda t, x: t.func.jacrev(lambda a: 3)(x),
    "jacrev integers": lambda t, x: t.func.jacrev(lambda a: a)(t.arange(3)),
    "jacfwd integers": lambda t, x: t.func.jacfwd(lambda a: a)(t.arange(3)),
}


@pytest.mark.parametrize("name", WRONG)
def test_errors(name):
    texts = []
    for t in (torch, flambeau):
        with pytest.raises((ValueError, RuntimeError)) as info:
            WRONG[name](t, t.ones(3))
        texts.append((info.errisinstance(ValueError), str(info.value)[:25]))
    assert texts[0][0] is texts[1][0]
    if name != "number":
        assert texts[0] == texts[1]
