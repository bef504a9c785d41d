"""Dropout rows: what is dropped, by how much the rest grows, and the limits of p."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from flambeau._ops import random as rows
from tests.ops.nn_rows import fresh_key, normal


@pytest.fixture(autouse=True)
def _wide():
    with jax.enable_x64(True):
        yield


KEY = fresh_key(11)


def test_dropout_keeps_the_scaled_element_or_nothing():
    x = normal(100, 100, dtype="float32")
    out = np.asarray(rows.dropout(KEY, x, 0.25))
    dropped = out == 0
    assert dropped.mean() == pytest.approx(0.25, abs=0.02)
    np.testing.assert_allclose(out[~dropped], x[~dropped] / 0.75, rtol=1e-6)


def test_dropout_of_everything_and_of_nothing_has_finite_gradients():
    x = normal(4, 3, dtype="float32")
    for p, value in ((0.0, x), (1.0, np.zeros_like(x))):
        out, pull = jax.vjp(lambda v, p=p: rows.dropout(KEY, v, p), x)
        np.testing.assert_allclose(out, value)
        np.testing.assert_allclose(pull(np.ones_like(x))[0], np.full_like(x, p == 0))


def test_feature_dropout_drops_whole_channels():
    out = np.asarray(rows.feature_dropout(KEY, np.ones((50, 8, 3, 3), "float32"), 0.5))
    plane = out.reshape(50, 8, -1)
    assert (plane == plane[..., :1]).all()
    assert set(np.unique(out)) == {0.0, 2.0}


@pytest.mark.parametrize("row", [rows.alpha_dropout, rows.feature_alpha_dropout])
def test_alpha_dropout_keeps_mean_and_variance(row):
    x = normal(200, 300, dtype="float32")
    out = np.asarray(row(KEY, x, 0.3))
    assert out.mean() == pytest.approx(0, abs=0.02)
    assert out.std() == pytest.approx(1, abs=0.02)
    a = ((1.7580993408473766**2 * 0.3 + 1) * 0.7) ** -0.5
    kept = a * x + a * 1.7580993408473766 * 0.3
    assert np.isclose(out, kept, atol=1e-5).mean() == pytest.approx(0.7, abs=0.02)


def test_half_input_gives_half_output():
    assert rows.dropout(KEY, np.ones(5, "float16"), 0.5).dtype == np.float16
