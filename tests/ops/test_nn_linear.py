"""Linear maps and embeddings against torch."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from flambeau._ops import nn_linear as rows
from tests.ops.nn_rows import check, ints, normal
from tests.oracle import torch

F = torch.nn.functional


@pytest.mark.parametrize("lead", [(), (3,), (2, 3)])
@pytest.mark.parametrize("bias", [True, False])
def test_linear(lead, bias):
    b = normal(5) if bias else None
    check(rows.linear, F.linear, normal(*lead, 4), normal(5, 4), b, second=True)


def test_linear_with_one_output_row():
    check(rows.linear, F.linear, normal(2, 4), normal(4))


def test_bilinear():
    check(rows.bilinear, F.bilinear, normal(2, 3, 4), normal(2, 3, 5), normal(6, 4, 5), normal(6))


def test_embedding():
    index = ints(7, 2, 5)
    check(rows.embedding, lambda w, i: F.embedding(i, w), normal(7, 3), index)
    check(
        rows.embedding,
        lambda w, i: F.embedding(i, w, padding_idx=2, scale_grad_by_freq=True),
        normal(7, 3),
        index,
        padding_idx=2,
        scale_grad_by_freq=True,
    )


def test_embedding_outside_the_table_reads_as_nan():
    with jax.enable_x64(True):
        out = rows.embedding(jnp.ones((3, 2)), jnp.array([0, 3, -1]))
    np.testing.assert_array_equal(np.isnan(out).any(1), [False, True, True])


def test_embedding_renorm():
    weight, index = normal(6, 4, dtype="float32"), jnp.array([1, 1, 4])
    expected = torch.embedding_renorm_(
        torch.from_numpy(weight.copy()), torch.tensor([1, 1, 4]), 0.7, 2
    )
    np.testing.assert_allclose(rows.embedding_renorm(weight, index, 0.7), expected, rtol=1e-5)


OFFSETS = np.array([0, 2, 2, 5])


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("padding_idx", [None, 1])
def test_embedding_bag(mode, padding_idx):
    static = {"mode": mode, "padding_idx": padding_idx}
    flat, square = np.array([0, 1, 3, 1, 3, 2, 0]), np.array([[0, 1, 3], [1, 1, 1]])

    def reference(w, i, o=None):
        return F.embedding_bag(i, w, o, **static)

    check(rows.embedding_bag, reference, normal(5, 3), flat, OFFSETS, **static)
    check(rows.embedding_bag, reference, normal(5, 3), square, None, **static)


def test_embedding_bag_weights_samples_and_takes_the_last_offset():
    flat = np.array([0, 1, 3, 1, 3])
    check(
        rows.embedding_bag,
        lambda w, i, o, s: F.embedding_bag(
            i, w, o, mode="sum", per_sample_weights=s, include_last_offset=True
        ),
        normal(5, 3),
        flat,
        OFFSETS,
        normal(5),
        mode="sum",
        include_last_offset=True,
    )


def test_linear_is_one_flat_product():
    text = str(jax.make_jaxpr(rows.linear.impl)(normal(2, 3, 4), normal(5, 4)))
    assert "dimension_numbers=(([1], [1]), ([], []))" in text
