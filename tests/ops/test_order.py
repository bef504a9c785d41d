"""The order of images in memory: what is carried through a program changes no result."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

import flambeau
from flambeau._engine import executor
from flambeau._ops.order import IMAGES, POINTWISE, Turned, order_of, order_of_derivative
from flambeau._ops.registry import OPS
from tests.oracle import assert_close, torch


def test_the_rows_exist():
    assert set(OPS) >= IMAGES | POINTWISE


def test_kinds():
    assert order_of("convolution") == "images"
    assert order_of("relu") == "pointwise"
    assert order_of("sum") is None
    assert order_of_derivative("images") == "images, derived"
    assert order_of_derivative("pointwise") == "pointwise"
    assert order_of_derivative("images, derived") is None
    assert order_of_derivative(None) is None


@pytest.mark.parametrize("name", sorted(POINTWISE - {"clamp", "to_dtype"}))
def test_pointwise_rows_are(name):
    """Whatever the order of dimensions, every element comes out the same."""
    rng = np.random.default_rng(0)
    tensors = [p for p in OPS[name].parameters if p.kind in ("array", "operand")]
    args = [jnp.asarray(rng.uniform(0.5, 1.5, (2, 3, 4)).astype(np.float32)) for _ in tensors]
    more = [jnp.float32(0.5)] * (name in ("add_scaled", "leaky_relu"))
    row = OPS[name].impl
    turned = row(*[jnp.moveaxis(a, 1, -1) for a in args], *more)
    np.testing.assert_allclose(jnp.moveaxis(turned, -1, 1), row(*args, *more), rtol=1e-6)


def test_what_stands_between_images_runs_as_they_lie():
    seen = []

    def noting(*arrays):
        seen.append([a.shape for a in arrays if a is not None])
        return (sum(a for a in arrays if a is not None),)

    turned = Turned()
    image, other = jnp.ones((2, 3, 4, 5)), jnp.full((2, 3, 4, 5), 2.0)
    turned.run("pointwise", noting, [image, other])
    assert seen.pop() == [(2, 3, 4, 5)] * 2  # of no convolution
    (made,) = turned.run("images", lambda a: (a + 1,), [image])
    (out,) = turned.run("pointwise", noting, [made, other, None])
    assert seen.pop() == [(2, 4, 5, 3)] * 2
    np.testing.assert_array_equal(out, np.full((2, 3, 4, 5), 4.0))
    (out,) = turned.run("pointwise", noting, [out, jnp.float32(3.0)])
    assert seen.pop() == [(2, 4, 5, 3), ()]
    turned.run("pointwise", noting, [out, jnp.ones((3, 1, 1))])
    assert seen.pop() == [(2, 3, 4, 5), (3, 1, 1)]  # broadcast: as it was
    turned.run(None, noting, [out])
    assert seen.pop() == [(2, 3, 4, 5)]


def test_the_gradient_of_a_kernel_is_no_image():
    turned = Turned()
    image, kernel = jnp.ones((2, 3, 4, 4)), jnp.ones((5, 3, 2, 2))
    by_image, by_kernel = turned.run("images, derived", lambda a, b: (a, b + 1), [image, kernel])
    shapes = []
    turned.run("pointwise", lambda a: shapes.append(a.shape) or (a,), [by_kernel])
    turned.run("pointwise", lambda a: shapes.append(a.shape) or (a,), [by_image])
    assert shapes == [(5, 3, 2, 2), (2, 4, 4, 3)]


def network(lib):
    nn, functional = lib.nn, lib.nn.functional

    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Sequential(nn.Conv2d(4, 8, 3, padding=1), nn.BatchNorm2d(8), nn.SiLU())
            self.body = nn.Sequential(
                nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(3, 1, 1)
            )
            self.scale = nn.Parameter(lib.full((8, 1, 1), 0.5))

        def forward(self, x):
            y = self.first(x)
            y = functional.relu(self.body(y) * self.scale + y / 2)
            return functional.avg_pool2d(y, 2)

    rng = np.random.default_rng(0)
    model = Residual()
    with lib.no_grad():
        for p in model.parameters():
            p.copy_(lib.from_numpy(rng.uniform(0.1, 0.5, tuple(p.shape)).astype("float32")))
    return model


def trained(lib, steps=3):
    """Losses, gradients and statistics of a few steps."""
    model = network(lib)
    x = np.random.default_rng(1).standard_normal((2, 4, 6, 6)).astype("float32")
    optimizer = lib.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    found = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (model(lib.from_numpy(x)) ** 2).mean()
        loss.backward()
        optimizer.step()
        found += [loss.detach(), *[p.grad for p in model.parameters()], *model.buffers()]
    return [t.clone() for t in found]


def test_a_network_trains_as_in_torch():
    assert_close(trained(flambeau), trained(torch), rtol=2e-4, atol=2e-5)


def test_a_program_keeps_images_as_convolutions_have_them():
    executor.begin()
    trained(flambeau, 1)
    texts = [p.compiled.as_text() for p in list(executor._resident.values())[-3:]]
    text = max(texts, key=len)
    assert text.count("f32[2,6,6,8]") > 3 * text.count("f32[2,8,6,6]")


def test_second_derivatives_go_through():
    flambeau.manual_seed(0)
    x = flambeau.randn(1, 2, 4, 4, dtype=flambeau.float64, requires_grad=True)
    conv = flambeau.nn.Conv2d(2, 2, 3, padding=1).double()

    def function(x):
        return flambeau.nn.functional.max_pool2d(flambeau.tanh(conv(x)) + x, 2).sum()

    assert flambeau.autograd.gradcheck(function, (x,))
    assert flambeau.autograd.gradgradcheck(function, (x,))
