"""Activations against torch, at ordinary points and at the points where they bend."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from flambeau._ops import nn_activation as rows
from tests.ops.nn_rows import check, fresh_key, normal
from tests.oracle import torch

F = torch.nn.functional

BENDS = np.array([-6.0, -3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0, 6.0, 25.0, -25.0, 0.7, -2.3])

PLAIN = {
    "relu6": (rows.relu6, F.relu6, {}),
    "hardtanh": (rows.hardtanh, F.hardtanh, {}),
    "hardtanh-bounds": (rows.hardtanh, F.hardtanh, {"min_val": -0.5, "max_val": 3.0}),
    "leaky_relu": (rows.leaky_relu, F.leaky_relu, {"negative_slope": 0.2}),
    "elu": (rows.elu, F.elu, {"alpha": 1.3}),
    "selu": (rows.selu, F.selu, {}),
    "celu": (rows.celu, F.celu, {"alpha": 0.7}),
    "gelu": (rows.gelu, F.gelu, {}),
    "gelu-tanh": (rows.gelu, F.gelu, {"approximate": "tanh"}),
    "silu": (rows.silu, F.silu, {}),
    "mish": (rows.mish, F.mish, {}),
    "hardswish": (rows.hardswish, F.hardswish, {}),
    "hardsigmoid": (rows.hardsigmoid, F.hardsigmoid, {}),
    "softplus": (rows.softplus, F.softplus, {"beta": 2.0, "threshold": 5.0}),
    "softsign": (rows.softsign, F.softsign, {}),
    "tanhshrink": (rows.tanhshrink, F.tanhshrink, {}),
    "softshrink": (rows.softshrink, F.softshrink, {}),
    "hardshrink": (rows.hardshrink, F.hardshrink, {}),
    "threshold": (rows.threshold, F.threshold, {"threshold": 0.5, "value": 7.0}),
    "logsigmoid": (rows.logsigmoid, F.logsigmoid, {}),
}


# torch computes these with constants rounded to float32.
LOOSE = {"celu": 1e-7, "hardsigmoid": 1e-7}
# At zero itself torch's second derivative is neither side's limit.
KINKED = {"elu", "selu", "celu"}


@pytest.mark.parametrize("name", PLAIN)
def test_value_and_derivatives(name):
    row, reference, static = PLAIN[name]
    rtol = LOOSE.get(name)
    check(row, lambda x: reference(x, **static), BENDS, rtol=rtol, **static)
    if name != "hardsigmoid":  # torch cannot differentiate it twice
        x = BENDS[BENDS != 0] if name in KINKED else BENDS
        check(row, lambda x: reference(x, **static), x, second=True, rtol=rtol, **static)


@pytest.mark.parametrize("name", ["gelu", "elu", "softplus", "hardswish", "logsigmoid"])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_types_round_once(name, dtype):
    row, reference, static = PLAIN[name]
    x = normal(40, dtype="float32")
    expected = reference(torch.from_numpy(x).to(getattr(torch, dtype)), **static)
    actual = row(jax.numpy.asarray(x, dtype), **static)
    assert str(actual.dtype) == dtype
    scale = 1e-3 if dtype == "float16" else 8e-3
    np.testing.assert_allclose(
        np.asarray(actual, "float32"), expected.float().numpy(), rtol=scale, atol=scale
    )


@pytest.mark.parametrize("weight", [1, 3])
def test_prelu_has_one_weight_or_one_for_each_channel(weight):
    check(rows.prelu, F.prelu, normal(2, 3, 4), normal(weight))


def test_glu():
    check(rows.glu, lambda x: F.glu(x, 1), normal(2, 6, 3), dim=1, second=True)


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "softmin"])
def test_softmax_family(name):
    row, reference = getattr(rows, name), getattr(F, name)
    check(row, lambda x: reference(x, dim=1), normal(3, 5, 2), dim=1, second=True)
    check(
        row,
        lambda x: reference(x, dim=-1, dtype=torch.float64),
        normal(3, 4, dtype="float32"),
        dim=-1,
        dtype=np.dtype("float64"),
        rtol=1e-6,
    )


def test_softmax_of_a_scalar_and_of_nothing():
    check(rows.softmax, lambda x: F.softmax(x, dim=0), np.array(3.0), dim=0)
    check(rows.softmax, lambda x: F.softmax(x, dim=1), normal(2, 0), dim=1)


def test_softmax_checks_its_dimension():
    with pytest.raises(IndexError, match="Dimension out of range"):
        rows.softmax(normal(2, 3), dim=2)


@pytest.mark.usefixtures("x64")
def test_gumbel_softmax_sums_to_one_and_is_one_hot_when_hard():
    key = fresh_key(3)
    logits = normal(64, 5, dtype="float32")
    soft = np.asarray(rows.gumbel_softmax(key, logits, 0.7))
    hard = np.asarray(rows.gumbel_softmax(key, logits, 0.7, True))
    np.testing.assert_allclose(soft.sum(-1), 1, rtol=1e-5)
    np.testing.assert_allclose(hard, np.eye(5)[soft.argmax(-1)], atol=1e-6)


@pytest.mark.usefixtures("x64")
def test_gumbel_softmax_passes_the_soft_gradient_when_hard():
    key = fresh_key(3)
    logits, weight = normal(8, 5, dtype="float32"), normal(8, 5, seed=2, dtype="float32")

    def total(x, hard):
        return (rows.gumbel_softmax(key, x, 0.7, hard) * weight).sum()

    np.testing.assert_allclose(
        jax.grad(total)(logits, True), jax.grad(total)(logits, False), rtol=1e-5, atol=1e-6
    )


@pytest.mark.usefixtures("x64")
def test_rrelu_draws_slopes_between_its_bounds():
    key = fresh_key(0)
    x = np.linspace(-2, 2, 101, dtype="float32")
    slope = np.asarray(rows.rrelu_train(key, x, 0.25, 0.5)) / np.where(x == 0, 1, x)
    np.testing.assert_allclose(slope[x > 0], 1)
    assert ((slope[x < 0] >= 0.25) & (slope[x < 0] <= 0.5)).all()
    assert len(np.unique(slope[x < 0])) > 40
