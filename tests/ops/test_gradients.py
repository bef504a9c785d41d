"""Gradients written by hand against those that JAX derives from the same rows."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import flambeau
from flambeau._autograd.derive import vjp_call
from flambeau._engine.call import call_of
from flambeau._ops import nn_conv, nn_linear, nn_norm, nn_rnn
from flambeau._ops.registry import OPS
from tests.oracle import assert_close, torch


def draw(*shape: int, dtype: str = "float32") -> jax.Array:
    rng = np.random.default_rng(sum(shape))
    return jnp.asarray(rng.standard_normal(shape).astype(np.float32)).astype(dtype)


def both(op, inputs, static=(), layout=None):
    """The gradients of all inputs by hand, and as derived, for random cotangents."""
    call = call_of(op, static, layout)
    outs = call.fn(*inputs)
    taped = call.taped(*inputs)
    for a, b in zip(outs, taped, strict=True):
        np.testing.assert_allclose(np.float32(a), np.float32(b), rtol=1e-6, atol=1e-6)
    cts = [draw(*o.shape).astype(o.dtype) for o in outs]
    needs, given = tuple(range(len(inputs))), tuple(range(len(outs)))
    run = lambda tracked: jax.jit(vjp_call(call, len(inputs), needs, given, tracked).fn)(
        *inputs, *cts
    )
    return run(False), run(True)


def lstm(batch, biases, reverse):
    """A case of five steps; so many samples, and rows enough for two spans of time or not."""
    state = draw(batch, 4), draw(batch, 4)
    weights = draw(16, 3), draw(16, 4), *[draw(16)] * biases
    layout = (1,) * (5 + biases) + (0,) * (4 - biases)
    return nn_rnn.lstm_layer, [draw(5, batch, 3), *state, *weights], (("reverse", reverse),), layout


CASES = {
    "linear": lambda: (
        nn_linear.linear, [draw(3, 4, 5), draw(6, 5), draw(6)], (), (1, 1, 1)
    ),
    "linear, no bias": lambda: (nn_linear.linear, [draw(4, 5), draw(6, 5)], (), (1, 1, 0)),
    "linear, one input": lambda: (nn_linear.linear, [draw(5), draw(6, 5), draw(6)], (), (1, 1, 1)),
    "linear, vector": lambda: (
        nn_linear.linear, [draw(4, 5), draw(5), jnp.float32(2.0)], (), (1, 1, 1)
    ),
    "layer_norm": lambda: (
        nn_norm.layer_norm,
        [draw(3, 4, 5), draw(4, 5), draw(4, 5)],
        (("normalized_shape", (4, 5)), ("eps", 1e-5)),
        (1, 1, 1),
    ),
    "layer_norm, plain": lambda: (
        nn_norm.layer_norm,
        [draw(3, 5)],
        (("normalized_shape", (5,)), ("eps", 1e-5)),
        (1, 0, 0),
    ),
    "batch_norm": lambda: (
        nn_norm.batch_norm_train,
        [draw(4, 3, 2, 5), draw(3), draw(3)],
        (("momentum", 0.1), ("eps", 1e-5)),
        (1, 0, 0, 1, 1, 0),
    ),
    "batch_norm, plain, no images": lambda: (
        nn_norm.batch_norm_train,
        [draw(6, 3)],
        (("momentum", 0.1), ("eps", 1e-5)),
        (1, 0, 0, 0, 0, 0),
    ),
    "convolution_transpose": lambda: (
        nn_conv.convolution_transpose,
        [draw(2, 4, 5, 3), draw(4, 3, 3, 2), draw(6)],
        (
            ("stride", (2, 1)), ("padding", (1, 0)), ("output_padding", (1, 0)), ("groups", 2),
            ("dilation", (1, 2)),
        ),
        (1, 1, 1),
    ),
    "convolution_transpose, 1-D, no bias": lambda: (
        nn_conv.convolution_transpose,
        [draw(2, 3, 4), draw(3, 2, 4)],
        (
            ("stride", (3,)), ("padding", (2,)), ("output_padding", (0,)), ("groups", 1),
            ("dilation", (1,)),
        ),
        (1, 1, 0),
    ),
    "convolution_transpose, padded beyond its stride": lambda: (
        nn_conv.convolution_transpose,
        [draw(2, 3, 4), draw(3, 2, 4)],
        (
            ("stride", (1,)), ("padding", (0,)), ("output_padding", (1,)), ("groups", 1),
            ("dilation", (2,)),
        ),
        (1, 1, 0),
    ),
    "lstm": lambda: lstm(2, 2, False),
    "lstm, backwards, no bias": lambda: lstm(2, 0, True),
    "lstm, two spans of time": lambda: lstm(20, 2, False),
    "lstm, two spans of time, backwards": lambda: lstm(20, 1, True),
    "lstm, no samples": lambda: lstm(0, 2, False),
    "lstm, projected": lambda: (
        nn_rnn.lstm_layer,
        [draw(5, 2, 3), draw(2, 2), draw(2, 4), draw(16, 3), draw(16, 2), draw(2, 4)],
        (("reverse", False),),
        (1, 1, 1, 1, 1, 0, 0, 1, 0),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_by_hand_equals_derived(case):
    by_hand, derived = both(*CASES[case]())
    for a, b in zip(by_hand, derived, strict=True):
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5)


def test_half_types_keep_their_dtype():
    inputs = [draw(3, 5, dtype="bfloat16"), draw(5, dtype="bfloat16"), draw(5, dtype="bfloat16")]
    static = (("normalized_shape", (5,)), ("eps", 1e-5))
    by_hand, derived = both(nn_norm.layer_norm, inputs, static, (1, 1, 1))
    for a, b in zip(by_hand, derived, strict=True):
        assert a.dtype == b.dtype == jnp.bfloat16
        np.testing.assert_allclose(np.float32(a), np.float32(b), rtol=0.05, atol=0.05)


def test_every_row_with_a_gradient_of_its_own_is_compared_here():
    elsewhere = {"scaled_dot_product_attention"}  # test_nn_attention.py, test_target.py
    assert {name for name, op in OPS.items() if op.gradient is not None} == elsewhere | {
        case()[0].name for case in CASES.values()
    }


def test_a_second_derivative_goes_through_the_row():
    def program(lib):
        rng = np.random.default_rng(0)
        x, w = (lib.tensor(rng.standard_normal((3, 3)), requires_grad=True) for _ in range(2))
        y = lib.nn.functional.layer_norm(lib.nn.functional.linear(x, w).tanh(), (3,))
        (g,) = lib.autograd.grad((y**3).sum(), x, create_graph=True)
        (g * g).sum().backward()
        return [g, x.grad, w.grad]

    assert_close(program(flambeau), program(torch), rtol=1e-6, atol=1e-8)
