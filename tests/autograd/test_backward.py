"""backward() and grad(): the same program on both libraries."""

from __future__ import annotations

import numpy as np
import pytest

import flambeau
from tests.oracle import assert_close, torch

BOTH = pytest.mark.parametrize("lib", [flambeau, torch], ids=["flambeau", "torch"])


def data(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float64)


def leaf(lib, *shape, seed=0):
    return lib.tensor(data(*shape, seed=seed), requires_grad=True)


def compare(program):
    ours, theirs = program(flambeau), program(torch)
    assert_close(ours, theirs)


def test_a_chain_with_branches():
    def program(t):
        x, w = leaf(t, 3, 4), leaf(t, 4, 2, seed=1)
        h = (x @ w).tanh()
        loss = (h * h + h.exp() / 3).mean() - h[0].sum()
        loss.backward()
        return loss, x.grad, w.grad

    compare(program)


def test_gradients_accumulate_over_calls():
    def program(t):
        x = leaf(t, 3)
        (x * x).sum().backward()
        (x * 3).sum().backward()
        return (x.grad,)

    compare(program)


def test_accumulation_keeps_the_grad_object():
    x = flambeau.ones(2, requires_grad=True)
    (x * 2).sum().backward()
    grad = x.grad
    (x * 2).sum().backward()
    assert x.grad is grad
    assert grad.tolist() == [4.0, 4.0]


def test_a_gradient_for_a_vector():
    def program(t):
        x = leaf(t, 3)
        y = x**3
        y.backward(t.tensor(data(3, seed=2)))
        return (x.grad,)

    compare(program)


def test_higher_derivatives():
    def program(t):
        x = leaf(t, 4)
        y = (x.sin() * x**2).sum()
        found = [y]
        for _ in range(3):
            (y,) = t.autograd.grad(y.sum(), x, create_graph=True)
            found.append(y)
        return found

    compare(program)


def test_gradient_penalty():
    def program(t):
        x, w = leaf(t, 5, 3), leaf(t, 3, 1, seed=1)
        out = (x @ w).sigmoid().sum()
        (g,) = t.autograd.grad(out, x, create_graph=True)
        ((g.norm(dim=1) - 1) ** 2).mean().backward()
        return w.grad, x.grad

    compare(program)


def test_grad_leaves_the_leaves_alone():
    x = flambeau.ones(2, requires_grad=True)
    w = flambeau.ones(2, requires_grad=True)
    (g,) = flambeau.autograd.grad((x * w * 3).sum(), x)
    assert g.tolist() == [3.0, 3.0]
    assert x.grad is None
    assert w.grad is None


def test_grad_of_an_intermediate_result():
    def program(t):
        x = leaf(t, 3)
        y = x * 2
        z = (y * y).sum()
        return t.autograd.grad(z, (y, x))

    compare(program)


def test_backward_into_chosen_inputs():
    def program(t):
        x, w = leaf(t, 3), leaf(t, 3, seed=1)
        (x * w).sum().backward(inputs=[w])
        assert x.grad is None
        return (w.grad,)

    compare(program)


@BOTH
def test_unused_inputs(lib):
    x, w = leaf(lib, 3), leaf(lib, 3)
    y = (x * 2).sum()
    with pytest.raises(RuntimeError, match="appears to not have been used"):
        lib.autograd.grad(y, (x, w), retain_graph=True)
    assert lib.autograd.grad(y, (x, w), allow_unused=True, retain_graph=True)[1] is None
    zeros = lib.autograd.grad(y, (x, w), materialize_grads=True)[1]
    assert zeros.tolist() == [0.0, 0.0, 0.0]


@BOTH
def test_what_cannot_be_differentiated_is_refused(lib):
    x = leaf(lib, 3)
    with pytest.raises(RuntimeError, match="scalar outputs"):
        (x * 2).backward()
    with pytest.raises(RuntimeError, match="does not require grad"):
        lib.tensor(1.0).backward()
    with pytest.raises(RuntimeError, match="floating point"):
        lib.tensor([1], requires_grad=True)
    with pytest.raises(RuntimeError, match=r"[Mm]ismatch in shape"):
        (x * 2).backward(lib.tensor(data(4)))


@BOTH
def test_a_second_backward_is_refused(lib):
    x = leaf(lib, 3)
    y = (x * x).sum()
    y.backward()
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()


@BOTH
def test_retain_graph_allows_it(lib):
    x = leaf(lib, 3)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    np.testing.assert_allclose(x.grad.tolist(), 4 * data(3))


def test_the_second_backward_error_names_what_carried_the_graph():
    class Cell:
        pass

    cell = Cell()
    w = flambeau.ones(2, requires_grad=True)
    cell.hidden = flambeau.ones(2)
    cell.hidden = cell.hidden * w
    cell.hidden.sum().backward()
    cell.hidden = cell.hidden * w
    with pytest.raises(RuntimeError, match=r"'hidden' of Cell|\.detach\(\)"):
        cell.hidden.sum().backward()
    carried = cell.hidden = flambeau.ones(2) * w
    carried.sum().backward()
    with pytest.raises(RuntimeError, match=r"carried here by .*'hidden' of Cell.*detach"):
        (cell.hidden * w).sum().backward()


def test_modifying_a_saved_tensor_is_harmless():
    x = flambeau.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    z = y * y
    with flambeau.no_grad():
        y.zero_()
    z.sum().backward()
    assert x.grad.tolist() == [2.0, 4.0]


def test_the_tape_is_freed_with_its_results():
    import gc
    import weakref

    x = flambeau.ones(2, requires_grad=True)
    y = (x * x).exp()
    node = weakref.ref(y.grad_fn)
    gc.collect()
    gc.disable()
    try:
        del y
        assert node() is None  # no reference cycles: freed at once
    finally:
        gc.enable()


def test_an_integer_result_carries_no_history():
    x = flambeau.tensor([1.0, 3.0, 2.0], requires_grad=True)
    values, indices = x.max(dim=0)
    assert values.requires_grad
    assert not indices.requires_grad
    values.backward()
    assert x.grad.tolist() == [0.0, 1.0, 0.0]


def test_complex_gradients_follow_pytorchs_convention():
    def program(t):
        z = t.tensor(data(3) + 1j * data(3, seed=1), requires_grad=True)
        w = z * z.conj() + z.exp() * (2 + 1j)
        w.abs().sum().backward()
        return (z.grad,)

    compare(program)


def test_grad_fn_leads_back_to_the_leaves():
    x = flambeau.ones(2, requires_grad=True)
    y = (x * 2).sum()
    assert y.grad_fn.name() == "SumBackward0"
    (mul, _), *_ = y.grad_fn.next_functions
    assert mul.name() == "MulBackward0"
    assert mul.next_functions[0][0].variable is x
    assert x.is_leaf
    assert not y.is_leaf
    assert x.grad_fn is None


def test_grad_can_be_assigned_and_is_checked():
    x = flambeau.ones(2, requires_grad=True)
    x.grad = flambeau.tensor([1.0, 2.0])
    assert x.grad.tolist() == [1.0, 2.0]
    with pytest.raises(RuntimeError, match="different size"):
        x.grad = flambeau.ones(3)
    with pytest.raises(TypeError, match="expected to be a Tensor or None"):
        x.grad = 1
    x.grad = None
    assert x.grad is None


def test_reading_the_grad_of_a_result_warns_and_names_its_operation():
    x = flambeau.ones(2, requires_grad=True)
    y = x * 2
    text = r"MulBackward0 at .*test_backward\.py:\d+ made it.*retain_grad\(\)"
    with pytest.warns(UserWarning, match=text):
        assert y.grad is None


def test_grad_of_one_tensor_asked_for_twice():
    x = flambeau.ones(2, requires_grad=True)
    first, second = flambeau.autograd.grad((x * 2).sum(), [x, x])
    assert first.tolist() == second.tolist() == [2.0, 2.0]
