"""``vmap`` against PyTorch: dimensions, trees, randomness, views and writing in place, errors."""

from __future__ import annotations

import numpy as np
import pytest

import flambeau
from flambeau._engine import executor
from flambeau._engine.program import stats
from tests.oracle import assert_close, torch

# PyTorch scripts its decompositions when forward mode is first used.
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")


def data(t, *shape, seed=0):
    return t.tensor(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


def both(program):
    assert_close(program(flambeau), program(torch))


def test_one_dimension():
    both(lambda t: t.vmap(t.dot)(data(t, 3, 4), data(t, 3, 4, seed=1)))


@pytest.mark.parametrize("dims", [0, 1, -1, (1, 0), (None, 1), (-2, None)])
def test_in_dims(dims):
    both(lambda t: t.vmap(lambda a, b: a.sum() * b, in_dims=dims)(data(t, 3, 3), data(t, 3, 3)))


@pytest.mark.parametrize("dim", [0, 1, 2, -1, -3])
def test_out_dims(dim):
    both(lambda t: t.vmap(lambda a: a.t() * 2, out_dims=dim)(data(t, 3, 4, 5)))


def test_trees_of_inputs_and_results():
    def program(t):
        def f(inputs, scale):
            a, b = inputs["a"], inputs["b"][0]
            return {"sum": a + b, "both": (a * scale, b)}

        tree = {"b": [data(t, 3, 4)], "a": data(t, 4, 3, seed=1)}
        out = t.vmap(f, in_dims=({"b": 0, "a": 1}, None), out_dims=1)(tree, 2.0)
        assert list(out) == ["sum", "both"]
        return out["sum"], *out["both"]

    both(program)


def test_a_result_that_all_examples_share_is_repeated():
    both(lambda t: t.vmap(lambda a: t.ones(2))(data(t, 3)))
    shared = flambeau.vmap(lambda a: (a, 3), out_dims=(0, None))(data(flambeau, 3))
    assert shared[1] == 3


def test_nested():
    both(
        lambda t: t.vmap(t.vmap(lambda a, b: a * b, in_dims=(0, None)), in_dims=(None, 0))(
            data(t, 3), data(t, 4)
        )
    )


@pytest.mark.parametrize("size", [1, 2, 5, 9])
def test_chunks(size):
    both(
        lambda t: t.vmap(lambda a, b: (a @ b, b), in_dims=(0, 1), out_dims=(0, 1), chunk_size=size)(
            data(t, 5, 3), data(t, 3, 5)
        )
    )


def test_modules_and_their_layers():
    def program(t):
        layer = t.nn.Sequential(
            t.nn.Conv2d(1, 2, 3), t.nn.ReLU(), t.nn.Flatten(0), t.nn.LayerNorm(8)
        )
        with t.no_grad():
            for i, p in enumerate(layer.parameters()):
                p.copy_(data(t, *p.shape, seed=i))
            return t.vmap(layer)(data(t, 3, 1, 4, 4))

    both(program)


def test_views_and_writing_in_place():
    def program(t):
        def f(a):
            made = a.new_zeros(3)
            made[1:].add_(a)
            b = a * 2
            row = b.view(2, 1)[1]
            row.mul_(10)
            b[0] = 7
            return made, b

        return t.vmap(f)(data(t, 4, 2))

    both(program)


def test_writing_into_an_input_shows_outside():
    def program(t):
        x = data(t, 3, 2)
        t.vmap(lambda a: a.add_(1), in_dims=1)(x)
        return x

    both(program)


def test_a_tensor_made_inside_takes_values_of_the_batch():
    x = data(flambeau, 3, 2)
    out = flambeau.vmap(lambda a: flambeau.zeros(2).add_(a))(x)
    assert_close(out, x)


def test_a_tensor_from_outside_does_not():
    kept = flambeau.zeros(2)
    with pytest.raises(RuntimeError, match="inplace arithmetic"):
        flambeau.vmap(kept.add_)(data(flambeau, 3, 2))
    flambeau.vmap(lambda a: kept.add_(1) * a)(data(flambeau, 3, 2))
    assert kept.tolist() == [1.0, 1.0]


def test_integers_comparisons_and_indexing():
    def program(t):
        def f(a, i):
            return a.argmax(), a.sort()[0], a[i], t.where(a > 0, a, -a), a.gather(0, i[None])

        return t.vmap(f)(data(t, 3, 5), t.tensor([0, 4, 2]))

    both(program)


def test_gradients_reach_tensors_from_outside():
    def program(t):
        w = data(t, 4, seed=3).requires_grad_()
        x = data(t, 3, 4).requires_grad_()
        out = t.vmap(lambda a: (a * w).tanh().sum())(x)
        assert out.requires_grad
        (out**2).sum().backward()
        return w.grad, x.grad

    both(program)


def test_a_jacobian_by_vmap_over_autograd_grad():
    def program(t):
        x = data(t, 3).requires_grad_()
        y = (x**2) * x.sum()
        return t.vmap(lambda v: t.autograd.grad(y, x, v, retain_graph=True)[0])(t.eye(3))

    both(program)


def test_batched_gradients():
    def program(t):
        x, z = data(t, 3).requires_grad_(), data(t, 2).requires_grad_()
        y = x**3
        return t.autograd.grad(
            y, (x, z), t.eye(3), is_grads_batched=True, allow_unused=True, materialize_grads=True
        )

    both(program)


def test_randomness():
    x = flambeau.ones(4, 100)
    flambeau.manual_seed(0)
    plain = flambeau.nn.functional.dropout(x[0])
    after = flambeau.rand(3)
    flambeau.manual_seed(0)
    same = flambeau.vmap(flambeau.nn.functional.dropout, randomness="same")(x)
    assert_close(same, plain.expand(4, 100))
    assert_close(flambeau.rand(3), after)
    different = flambeau.vmap(flambeau.nn.functional.dropout, randomness="different")(x)
    assert len({tuple(row) for row in different.tolist()}) == 4
    noise = flambeau.vmap(lambda a: flambeau.randn(3), randomness="different")(x)
    assert len({tuple(row) for row in noise.tolist()}) == 4
    again = flambeau.vmap(lambda a: flambeau.randn(3), randomness="different")(x)
    assert not (again == noise).any()
    chunked = flambeau.vmap(lambda a: flambeau.randn(3), randomness="same", chunk_size=2)(x)
    assert (chunked == chunked[0]).all()
    with pytest.raises(RuntimeError, match="randomness error mode"):
        flambeau.vmap(lambda a: flambeau.randn(3))(x)


def test_later_calls_make_no_program(monkeypatch):
    monkeypatch.setattr(executor._weather, "misses", 0)  # whatever ran before in this process

    def f(a, b):
        c = a.new_zeros(2)
        c[0] = (a * b).sum()
        return c.cumsum(0), flambeau.softmax(b, -1)

    def call(seed):
        out = flambeau.vmap(f, in_dims=(0, None))(
            data(flambeau, 3, 4, seed=seed), data(flambeau, 4, seed=seed)
        )
        return [o.tolist() for o in out]

    call(0)
    call(1)  # what a larger program of another test answered at first gets its own now
    before = stats.programs
    call(2)
    assert stats.programs == before


def test_under_compile():
    w = data(flambeau, 4)

    @flambeau.compile
    def f(x):
        return flambeau.vmap(lambda a: (a * w).sum())(x)

    for seed in range(4):
        x = data(flambeau, 3, 4, seed=seed)
        assert_close(f(x), x @ w)
    assert f.replays == 2


def test_printing_inside(capsys):
    flambeau.vmap(lambda a: (print(a), a)[1])(flambeau.ones(2))
    assert capsys.readouterr().out == (
        "BatchedTensor(lvl=1, bdim=0, value=\n    tensor([1., 1.])\n)\n"
    )


WRONG = {
    "int": lambda t, x: t.vmap(lambda a: a)(3),
    "mixed": lambda t, x: t.vmap(lambda a, b: a)(x, 3),
    "few dims": lambda t, x: t.vmap(lambda a, b: a, in_dims=(0,))(x, x),
    "other tree": lambda t, x: t.vmap(lambda a, b: a, in_dims=([0, 0], 0))(x, x),
    "range": lambda t, x: t.vmap(lambda a: a, in_dims=4)(x),
    "no dims": lambda t, x: t.vmap(lambda a: a, in_dims="a")(x),
    "None": lambda t, x: t.vmap(lambda a: a, in_dims=None)(x),
    "sizes": lambda t, x: t.vmap(lambda a, b: a)(x, t.ones(4)),
    "no inputs": lambda t, x: t.vmap(lambda: x)(),
    "number back": lambda t, x: t.vmap(lambda a: 3)(x),
    "out tree": lambda t, x: t.vmap(lambda a: (a, a), out_dims=(0,))(x),
    "out range": lambda t, x: t.vmap(lambda a: a, out_dims=3)(x),
    "item": lambda t, x: t.vmap(lambda a: a.item())(x),
    "if": lambda t, x: t.vmap(lambda a: a if a > 0 else -a)(x),
    "nonzero": lambda t, x: t.vmap(lambda a: a.nonzero())(t.ones(3, 2)),
    "randomness": lambda t, x: t.vmap(lambda a: a, randomness="some")(x),
    "chunk": lambda t, x: t.vmap(lambda a: a, chunk_size=0)(x),
}


@pytest.mark.parametrize("name", WRONG)
def test_errors(name):
    kinds = []
    for t in (torch, flambeau):
        with pytest.raises((ValueError, RuntimeError, IndexError)) as info:
            WRONG[name](t, t.ones(3))
        kinds.append(
            next(k for k in (IndexError, ValueError, RuntimeError) if info.errisinstance(k))
        )
    assert kinds[0] is kinds[1]
