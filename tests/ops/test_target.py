"""Rows that have another form on accelerators: both forms mean the same."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from flambeau._autograd.derive import vjp_call
from flambeau._engine.call import call_of
from flambeau._ops import matmul, nn_attention, nn_conv, nn_loss
from flambeau._ops.target import CPU, Target, current, formulating
from tests.ops.test_gradients import CASES as DERIVED
from tests.ops.test_gradients import draw

GPU = Target("cuda", "highest", fast_convolutions=False, fused_attention=False)
FUSED = GPU._replace(fused_attention=True)


@pytest.fixture(autouse=True)
def wide():
    with jax.enable_x64(True):
        yield


def conv(groups: int, *, stride: int = 1, padding: int = 1) -> Any:
    static = (("stride", (stride,)), ("padding", (padding,)), ("dilation", (1,)))
    return (*static, ("groups", groups))


MEAN = (("reduction", "mean"), ("ignore_index", -100))
CASES = {
    "convolution": lambda: (
        nn_conv.convolution, [draw(2, 8, 6, 6), draw(6, 8, 3, 3), draw(6)], conv(1), (1, 1, 1)
    ),
    "convolution, small windows": lambda: (
        nn_conv.convolution, [draw(2, 3, 6, 6), draw(6, 3, 3, 3)], conv(1, stride=2), (1, 1, 0)
    ),
    "convolution, one element": lambda: (
        nn_conv.convolution, [draw(2, 8, 6, 6), draw(6, 8, 1, 1)], conv(1, padding=0), (1, 1, 0)
    ),
    "convolution, groups": lambda: (
        nn_conv.convolution, [draw(2, 8, 6, 6), draw(6, 4, 3, 3)], conv(2), (1, 1, 0)
    ),
    "convolution, channel by channel": lambda: (
        nn_conv.convolution, [draw(2, 4, 6, 6), draw(8, 1, 3, 3)], conv(4), (1, 1, 0)
    ),
    "convolution_transpose": DERIVED["convolution_transpose"],
    "linear": DERIVED["linear"],
    "lstm": DERIVED["lstm"],
    "lstm, backwards": DERIVED["lstm, backwards, no bias"],
    "cross_entropy": lambda: (
        nn_loss.cross_entropy,
        [draw(5, 4), jnp.array([0, 3, -100, 1, 2])],
        (*MEAN, ("label_smoothing", 0.1)),
        (1, 1, 0),
    ),
    "nll_loss, weighted images": lambda: (
        nn_loss.nll_loss,
        [draw(2, 3, 2, 2), jnp.array([[[0, 1], [2, -100]]] * 2), jnp.array([0.5, 1.0, 2.0])],
        MEAN,
        (1, 1, 1),
    ),
}  # fmt: skip


def values_and_gradients(op, inputs, static, layout, target, tracked=False):
    call = call_of(op, static, layout)
    with formulating(target):
        outs = jax.jit(functools.partial(call.fn))(*inputs)
        needs = tuple(i for i, x in enumerate(inputs) if jnp.issubdtype(x.dtype, jnp.inexact))
        if "loss" in op.name or "entropy" in op.name:
            needs = (0,)
        back = vjp_call(call, len(inputs), needs, tuple(range(len(outs))), tracked)
        cts = [draw(*o.shape).astype(o.dtype) for o in outs]
        return [*outs, *jax.jit(functools.partial(back.fn))(*inputs, *cts)]


@pytest.mark.parametrize("case", CASES)
def test_both_forms_mean_the_same(case):
    op, inputs, static, layout = CASES[case]()
    on_cpu = values_and_gradients(op, inputs, static, layout, CPU)
    elsewhere = values_and_gradients(op, inputs, static, layout, GPU)
    for a, b in zip(on_cpu, elsewhere, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5)


def test_a_class_outside_the_logits_reads_as_nan_in_both_forms():
    call = call_of(nn_loss.nll_loss, (("reduction", "none"), ("ignore_index", -100)), (1, 1, 0))
    for target in (CPU, GPU):
        with formulating(target):
            (out,) = call.fn(draw(3, 4), jnp.array([1, 4, -1]))
        assert np.isnan(out).tolist()[:2] == [False, True]


def test_what_holds_only_for_a_block():
    with formulating(GPU):
        assert current() is GPU
        with formulating(CPU):
            assert current().on_cpu
        assert current() is GPU
        lowered = jax.jit(lambda a: a @ a).lower(draw(4, 4)).as_text()
        assert "HIGHEST" in lowered
    assert current() is CPU
    assert "HIGHEST" not in jax.jit(lambda a: a @ (a + 1)).lower(draw(4, 4)).as_text()


def test_convolutions_may_be_less_exact_than_products():
    conv_of = call_of(nn_conv.convolution, conv(1), (1, 1, 0))
    for fast in (False, True):
        with formulating(GPU._replace(fast_convolutions=fast)):
            text = jax.jit(functools.partial(conv_of.fn)).lower(draw(1, 8, 6, 6), draw(8, 8, 3, 3))
        assert ("HIGHEST" in text.as_text()) is not fast


@pytest.mark.parametrize("op", [matmul.mm, matmul.matmul, matmul.dot, matmul.vdot, matmul.bmm])
@pytest.mark.parametrize("words", ["highest", "default"])
def test_products_are_as_exact_as_was_said(op, words):
    shape = {"bmm": (2, 4, 4), "dot": (4,), "vdot": (4,)}.get(op.name, (4, 4))
    call = call_of(op, (), (1, 1))
    with formulating(GPU._replace(products=words)):
        text = jax.jit(functools.partial(call.fn)).lower(draw(*shape), draw(*shape)).as_text()
    assert "dot_general" in text
    assert ("HIGHEST" in text) is (words == "highest")


@pytest.fixture
def stand_in(monkeypatch):
    """Attention as JAX has it for any device, in the place of cuDNN's; counts its uses."""
    used = []

    def make(is_causal, scale):
        def attend(query, key, value):
            used.append(query.shape)
            last = [jnp.swapaxes(x, 1, 2) for x in (query, key, value)]
            out = jax.nn.dot_product_attention(*last, scale=scale, is_causal=is_causal)
            return jnp.swapaxes(out, 1, 2)

        return attend

    monkeypatch.setattr(nn_attention, "_cudnn", make)
    return used


@pytest.mark.parametrize(("causal", "groups", "scale"), [(True, 4, None), (False, 2, 0.3)])
def test_attention_in_one_kernel_and_its_derivatives(stand_in, causal, groups, scale):
    op = nn_attention.scaled_dot_product_attention
    half = lambda *shape: draw(*shape, dtype="bfloat16")
    inputs = [half(2, 4, 6, 8), half(2, groups, 6, 8), half(2, groups, 6, 8)]
    static = (("is_causal", causal), ("scale", scale), ("enable_gqa", groups != 4))
    plain = values_and_gradients(op, inputs, static, (1, 1, 1, 0), GPU)
    assert not stand_in
    fused = values_and_gradients(op, inputs, static, (1, 1, 1, 0), FUSED)
    assert len(stand_in) == 2  # forward, and forward with backward
    derived = values_and_gradients(op, inputs, static, (1, 1, 1, 0), FUSED, tracked=True)
    assert len(stand_in) == 3  # only forward: derivatives are those of the plain form
    for a, b, c in zip(plain, fused, derived, strict=True):
        a, b, c = (np.asarray(x, np.float32) for x in (a, b, c))
        np.testing.assert_allclose(b, a, rtol=3e-2, atol=3e-2)
        np.testing.assert_allclose(c, a, rtol=3e-2, atol=3e-2)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"dtype": "float32"}, "float32"),
        ({"width": 12}, "a width that is no multiple of eight"),
        ({"mask": True}, "a mask"),
        ({"causal": True, "steps": 4}, "causal, with two lengths"),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_what_the_kernel_does_not_take_is_written_out(stand_in, change, why):
    dtype, width, steps = (
        change.get("dtype", "bfloat16"), change.get("width", 8), change.get("steps", 6)
    )  # fmt: skip
    causal = change.get("causal", False)
    inputs = [draw(2, 4, 6, width, dtype=dtype), *[draw(2, 4, steps, width, dtype=dtype)] * 2]
    if change.get("mask"):
        inputs.append(jnp.ones((6, steps), bool))
    call = call_of(
        nn_attention.scaled_dot_product_attention, (("is_causal", causal),),
        (1, 1, 1, int("mask" in change)),
    )  # fmt: skip
    with formulating(FUSED):
        call.fn(*inputs)
    assert not stand_in
