"""Normalizations against torch."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from flambeau._ops import nn_norm as rows
from tests.ops.nn_rows import check, normal, uniform
from tests.oracle import torch

F = torch.nn.functional


@pytest.mark.parametrize("shape", [(6, 4), (3, 4, 5), (2, 4, 3, 3)])
def test_batch_norm_normalizes_and_moves_the_statistics(shape):
    mean, var = normal(4, seed=1), uniform(4, low=0.5, high=2, seed=1)

    def reference(x, w, b):
        m, v = torch.from_numpy(mean.copy()), torch.from_numpy(var.copy())
        return F.batch_norm(x, m, v, w, b, training=True, momentum=0.3), m, v

    check(
        lambda x, w, b: rows.batch_norm_train(x, mean, var, w, b, momentum=0.3),
        reference,
        normal(*shape),
        normal(4, seed=2),
        normal(4, seed=3),
        second=len(shape) == 3,
    )


def test_batch_norm_of_an_empty_batch_leaves_the_statistics():
    mean, var = normal(4, seed=1), uniform(4, low=0.5, high=2, seed=1)
    out, new_mean, new_var = rows.batch_norm_train(np.zeros((0, 4, 3), "float32"), mean, var)
    assert out.shape == (0, 4, 3)
    assert np.array_equal(new_mean, mean)
    assert np.array_equal(new_var, var)


def test_batch_norm_without_statistics_or_affine():
    check(rows.batch_norm_train, lambda x: F.batch_norm(x, None, None, training=True), normal(5, 4))


def test_batch_norm_eval():
    mean, var = normal(4, seed=1), uniform(4, low=0.5, high=2, seed=1)
    check(
        lambda x, w, b: rows.batch_norm_eval(x, mean, var, w, b),
        lambda x, w, b: F.batch_norm(x, torch.from_numpy(mean), torch.from_numpy(var), w, b),
        normal(3, 4, 5),
        normal(4, seed=1),
        normal(4, seed=2),
    )


def test_batch_norm_of_half_input_keeps_float_statistics():
    x = normal(8, 4, dtype="float32")
    out, mean, _ = rows.batch_norm_train(
        jnp.asarray(x, "bfloat16"), jnp.zeros(4), jnp.ones(4), jnp.ones(4), jnp.zeros(4)
    )
    assert (str(out.dtype), str(mean.dtype)) == ("bfloat16", "float32")
    np.testing.assert_allclose(mean, 0.1 * x.mean(0), atol=2e-3)


def test_instance_norm():
    mean, var = normal(4, seed=1), uniform(4, low=0.5, high=2, seed=1)

    def reference(x, w, b):
        m, v = torch.from_numpy(mean.copy()), torch.from_numpy(var.copy())
        return F.instance_norm(x, m, v, w, b, True, 0.3), m, v

    check(
        lambda x, w, b: rows.instance_norm_train(x, mean, var, w, b, momentum=0.3),
        reference,
        normal(2, 4, 3, 5),
        normal(4, seed=2),
        normal(4, seed=3),
    )


@pytest.mark.parametrize("over", [(5,), (4, 5)])
def test_layer_and_rms_norm(over):
    x, w, b = normal(2, 4, 5), normal(*over, seed=1), normal(*over, seed=2)
    check(
        lambda x, w, b: rows.layer_norm(x, over, w, b),
        lambda x, w, b: F.layer_norm(x, over, w, b),
        x,
        w,
        b,
        second=True,
    )
    check(lambda x, w: rows.rms_norm(x, over, w), lambda x, w: F.rms_norm(x, over, w), x, w)


def test_group_norm():
    check(
        lambda x, w, b: rows.group_norm(x, 2, w, b),
        lambda x, w, b: F.group_norm(x, 2, w, b),
        normal(2, 4, 3, 3),
        normal(4, seed=1),
        normal(4, seed=2),
        second=True,
    )


@pytest.mark.parametrize("size", [2, 3])
def test_local_response_norm(size):
    check(
        rows.local_response_norm,
        lambda x: F.local_response_norm(x, size, 0.1, 0.75, 1.5),
        normal(2, 5, 4),
        size=size,
        alpha=0.1,
        k=1.5,
    )


@pytest.mark.parametrize("p", [1.0, 2.0, 3.5])
def test_normalize(p):
    x = normal(3, 4, 2)
    x[0, :, 0] = 0
    check(rows.normalize, lambda v: F.normalize(v, p, 1), x, p=p, dim=1)
