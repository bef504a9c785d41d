"""Operations with a backward written by the user."""

from __future__ import annotations

import pytest

import flambeau
from tests.oracle import torch

BOTH = pytest.mark.parametrize("lib", [flambeau, torch], ids=["flambeau", "torch"])


def cube(lib):
    class Cube(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x, scale):
            ctx.save_for_backward(x)
            ctx.scale = scale
            return x**3 * scale

        @staticmethod
        def backward(ctx, grad):
            (x,) = ctx.saved_tensors
            assert ctx.needs_input_grad == (True, False)
            return 3 * x**2 * ctx.scale * grad, None

    return Cube


@BOTH
def test_forward_and_backward(lib):
    x = lib.tensor([1.0, 2.0], requires_grad=True)
    y = cube(lib).apply(x, 2.0)
    assert y.tolist() == [2.0, 16.0]
    assert y.grad_fn.name() == "CubeBackward"
    y.sum().backward()
    assert x.grad.tolist() == [6.0, 24.0]


@BOTH
def test_second_derivative(lib):
    x = lib.tensor([1.0, 2.0], requires_grad=True)
    (g,) = lib.autograd.grad(cube(lib).apply(x, 1.0).sum(), x, create_graph=True)
    g.sum().backward()
    assert x.grad.tolist() == [6.0, 12.0]


@BOTH
def test_setup_context_and_a_saved_output(lib):
    class Exp(lib.autograd.Function):
        @staticmethod
        def forward(x):
            return x.exp()

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(output)

        @staticmethod
        def backward(ctx, grad):
            (y,) = ctx.saved_tensors
            return grad * y

    x = lib.zeros(2, requires_grad=True)
    (g,) = lib.autograd.grad(Exp.apply(x).sum(), x, create_graph=True)
    assert g.tolist() == [1.0, 1.0]
    g.sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]


@BOTH
def test_several_results_some_without_gradient(lib):
    class Split(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            a, b = x * 2, x * 3
            ctx.mark_non_differentiable(b)
            return a, b

        @staticmethod
        def backward(ctx, ga, gb):
            assert gb.tolist() == [0.0, 0.0]
            return ga * 2

    x = lib.ones(2, requires_grad=True)
    a, b = Split.apply(x)
    assert a.requires_grad
    assert not b.requires_grad
    a.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


@BOTH
def test_modifying_an_input_in_place(lib):
    class Double(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            x.mul_(2)
            ctx.mark_dirty(x)
            return x

        @staticmethod
        def backward(ctx, grad):
            return grad * 2

    x = lib.ones(2, requires_grad=True)
    y = x * 1
    z = Double.apply(y)
    assert z is y
    z.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


@BOTH
def test_the_number_of_gradients_is_checked(lib):
    class Wrong(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x, y):
            return x * y

        @staticmethod
        def backward(ctx, grad):
            return grad

    x = lib.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="incorrect number of gradients"):
        Wrong.apply(x, x).sum().backward()


@BOTH
def test_once_differentiable(lib):
    class Once(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        @lib.autograd.function.once_differentiable
        def backward(ctx, grad):
            return grad * 2

    x = lib.ones(2, requires_grad=True)
    (g,) = lib.autograd.grad((Once.apply(x) * x).sum(), x, create_graph=True)
    assert g.tolist() == [4.0, 4.0]
    with pytest.raises(RuntimeError, match="once_differentiable"):
        g.sum().backward()


def test_a_function_is_not_instantiated():
    with pytest.raises(RuntimeError, match="apply"):
        cube(flambeau)()


def test_no_reference_cycle_through_a_saved_output():
    import gc
    import weakref

    class Exp(flambeau.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            y = x.exp()
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx, grad):
            return grad * ctx.saved_tensors[0]

    y = Exp.apply(flambeau.zeros(2, requires_grad=True))
    node = weakref.ref(y.grad_fn)
    gc.collect()
    gc.disable()
    try:
        del y
        assert node() is None
    finally:
        gc.enable()


def test_gradients_are_summed_to_the_shape_of_their_input():
    class Product(flambeau.autograd.Function):
        @staticmethod
        def forward(ctx, x, w):
            ctx.save_for_backward(x, w)
            return x * w

        @staticmethod
        def backward(ctx, grad):
            x, w = ctx.saved_tensors
            return grad * w, grad * x

    x, w = flambeau.ones(4, 3, requires_grad=True), flambeau.ones(3, requires_grad=True)
    Product.apply(x, w).sum().backward()
    assert w.grad.tolist() == [4.0, 4.0, 4.0]

    class Wrong(Product):
        @staticmethod
        def backward(ctx, grad):
            return grad[0], None

    with pytest.raises(RuntimeError, match="returned an invalid gradient at index 0"):
        Wrong.apply(x, w).sum().backward()
