"""Random rows: distributions by Kolmogorov-Smirnov at fixed seeds, ends, dtypes, gradients."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from flambeau._ops import random as rows
from tests.oracle import torch

N = 20_000
KEY = np.array([17, 4], np.uint32)
F32, F64, I64 = np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.int64)
FLOATS = [np.dtype(np.float16), np.dtype(jnp.bfloat16), F32, F64]


@pytest.fixture(autouse=True)
def _x64():
    with jax.enable_x64(True):
        yield


def key(n: int = 0):
    return jnp.asarray(KEY + np.uint32(n))


def follows(sample, cdf) -> bool:
    """A sample that is not of this distribution passes once in a thousand seeds."""
    return stats.kstest(np.asarray(sample, np.float64).ravel(), cdf).pvalue > 1e-3


CONTINUOUS = {
    "uniform": (rows.uniform, (-2.0, 3.0), stats.uniform(-2, 5)),
    "normal": (rows.normal, (1.0, 2.5), stats.norm(1, 2.5)),
    "exponential": (rows.exponential, (1.7,), stats.expon(scale=1 / 1.7)),
    "cauchy": (rows.cauchy, (0.5, 2.0), stats.cauchy(0.5, 2)),
    "log_normal": (rows.log_normal, (0.3, 0.8), stats.lognorm(0.8, scale=np.exp(0.3))),
    "trunc_normal": (rows.trunc_normal, (1.0, 2.0, 0.0, 2.5), stats.truncnorm(-0.5, 0.75, 1, 2)),
    "gumbel": (rows.gumbel, (), stats.gumbel_r()),
}


@pytest.mark.parametrize("dtype", [F32, F64], ids=str)
@pytest.mark.parametrize("name", CONTINUOUS)
def test_distribution(name, dtype):
    row, scalars, law = CONTINUOUS[name]
    sample = row(key(), (N,), *scalars, out_dtype=dtype)
    assert sample.dtype == dtype
    assert follows(sample, law.cdf)
    assert not follows(sample * 1.1 + 0.1, law.cdf)


@pytest.mark.parametrize("dtype", FLOATS[:2], ids=str)
@pytest.mark.parametrize("name", CONTINUOUS)
def test_half_precision_keeps_the_moments(name, dtype):
    row, scalars, law = CONTINUOUS[name]
    sample = row(key(), (N,), *scalars, out_dtype=dtype)
    assert sample.dtype == dtype
    quartiles = np.quantile(np.asarray(sample, np.float64), [0.25, 0.5, 0.75])
    np.testing.assert_allclose(quartiles, law.ppf([0.25, 0.5, 0.75]), atol=0.07, rtol=0.03)


def test_keys_decide():
    a, b = (rows.normal(key(), (8,), out_dtype=F32) for _ in range(2))
    c = rows.normal(key(1), (8,), out_dtype=F32)
    assert (a == b).all()
    assert (a != c).all()


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_uniform_leaves_out_its_upper_end(dtype):
    sample = np.asarray(rows.uniform(key(), (N * 10,), out_dtype=dtype), np.float64)
    assert sample.min() >= 0
    assert sample.max() < 1


def test_complex_samples():
    z = np.asarray(rows.normal(key(), (N,), out_dtype=np.dtype(np.complex64)))
    assert follows(z.real, stats.norm(0, 0.5**0.5).cdf)
    assert follows(z.imag, stats.norm(0, 0.5**0.5).cdf)
    z = np.asarray(rows.uniform(key(), (N,), out_dtype=np.dtype(np.complex128)))
    assert follows(z.real, stats.uniform().cdf)
    assert follows(z.imag, stats.uniform().cdf)
    assert abs(np.corrcoef(z.real, z.imag)[0, 1]) < 0.03


@pytest.mark.parametrize("name", ["uint8", "int8", "int32", "int64", "float32", "bfloat16"])
def test_randint(name):
    dtype = np.dtype(jnp.dtype(name))
    sample = np.asarray(rows.randint(key(), (N,), -3 if name != "uint8" else 0, 7, out_dtype=dtype))
    low = -3 if name != "uint8" else 0
    assert sample.dtype == dtype
    values, counts = np.unique(sample.astype(np.int64), return_counts=True)
    assert values.tolist() == list(range(low, 7))
    assert stats.chisquare(counts).pvalue > 1e-3


def test_randint_reaches_the_ends_of_its_type():
    byte = np.asarray(rows.randint(key(), (N,), 0, 256, out_dtype=np.dtype(np.uint8)))
    assert byte.min() == 0
    assert byte.max() == 255
    wide = np.asarray(rows.randint(key(), (N,), -(2**62), 2**62, out_dtype=I64))
    assert follows(wide / 2.0**63 + 0.5, stats.uniform().cdf)


def test_randperm():
    perm = np.asarray(rows.randperm(key(), 500, out_dtype=np.dtype(np.int32)))
    assert perm.dtype == np.int32
    assert sorted(perm) == list(range(500))
    firsts = [int(rows.randperm(key(i), 4, out_dtype=I64)[0]) for i in range(200)]
    assert stats.chisquare(np.bincount(firsts, minlength=4)).pvalue > 1e-3


def test_bernoulli():
    p = jnp.tile(jnp.array([0.0, 0.2, 0.7, 1.0], F32), (N, 1))
    sample = rows.bernoulli(key(), p, out_dtype=F32)
    rates = np.asarray(sample).mean(0)
    assert rates[0] == 0
    assert rates[3] == 1
    np.testing.assert_allclose(rates, [0, 0.2, 0.7, 1], atol=0.012)
    filled = rows.bernoulli_fill(key(), (N,), 0.3, out_dtype=np.dtype(bool))
    assert filled.dtype == bool
    assert abs(float(filled.mean()) - 0.3) < 0.012


def test_multinomial_with_replacement():
    weights = jnp.array([0.0, 3.0, 1.0, 0.0, 4.0, 0.0], F32)
    sample = np.asarray(rows.multinomial(key(), weights, N, True))
    assert sample.dtype == np.int64
    counts = np.bincount(sample, minlength=6)
    assert counts[[0, 3, 5]].tolist() == [0, 0, 0]
    assert stats.chisquare(counts[[1, 2, 4]], np.array([3, 1, 4]) / 8 * N).pvalue > 1e-3
    assert rows.multinomial(key(), jnp.ones((3, 4), jnp.float16), 7, True).shape == (3, 7)


def test_multinomial_without_replacement():
    weights = jnp.tile(jnp.array([1.0, 0.0, 2.0, 5.0], F64), (N, 1))
    sample = np.asarray(rows.multinomial(key(), weights, 3))
    assert (np.sort(sample, -1) == [0, 2, 3]).all()
    first = np.bincount(sample[:, 0], minlength=4)[[0, 2, 3]]
    assert stats.chisquare(first, np.array([1, 2, 5]) / 8 * N).pvalue > 1e-3
    # Given that 3 came first, 2 comes next twice as often as 0.
    second = np.bincount(sample[sample[:, 0] == 3, 1], minlength=4)[[0, 2]]
    assert stats.chisquare(second, np.array([1, 2]) / 3 * second.sum()).pvalue > 1e-3


@pytest.mark.parametrize(
    ("weights", "count", "replacement"),
    [
        (np.ones((2, 2, 2), np.float32), 1, True),
        (np.ones(3, np.int64), 1, True),
        (np.ones(3, np.float32), 0, True),
        (np.ones(3, np.float32), 4, False),
    ],
    ids=["3d", "integer", "none", "too many"],
)
def test_multinomial_errors(weights, count, replacement):
    with pytest.raises(RuntimeError):
        torch.multinomial(torch.from_numpy(weights), count, replacement)
    with pytest.raises(RuntimeError):
        rows.multinomial(key(), jnp.asarray(weights), count, replacement)


def test_discrete_distributions():
    sample = np.asarray(rows.geometric(key(), (N,), 0.3, out_dtype=I64))
    law = stats.geom(0.3)
    counts = np.bincount(sample, minlength=12)[1:12]
    assert sample.min() == 1
    assert (
        stats.chisquare(
            [*counts, N - counts.sum()], N * np.array([*law.pmf(range(1, 12)), law.sf(11)])
        ).pvalue
        > 1e-3
    )

    rates = jnp.full(N, 2.5, F32)
    sample = np.asarray(rows.poisson(key(), rates))
    assert sample.dtype == np.float32
    law = stats.poisson(2.5)
    counts = np.bincount(sample.astype(int), minlength=9)[:9]
    assert (
        stats.chisquare(
            [*counts, N - counts.sum()], N * np.array([*law.pmf(range(9)), law.sf(8)])
        ).pvalue
        > 1e-3
    )
    assert (rows.poisson(key(), jnp.zeros(5, jnp.bfloat16)) == 0).all()

    sample = np.asarray(rows.binomial(key(), jnp.full(N, 6.0, F32), jnp.full(N, 0.4, F32)))
    expected = N * stats.binom(6, 0.4).pmf(range(7))
    assert stats.chisquare(np.bincount(sample.astype(int), minlength=7), expected).pvalue > 1e-3


def test_exponential_is_never_zero():
    assert float(rows.exponential(key(), (2_000_000,), out_dtype=F32).min()) > 0


def test_trunc_normal_stays_inside():
    sample = rows.trunc_normal(key(), (N,), 0.0, 1.0, -0.5, 0.25, out_dtype=F32)
    assert float(sample.min()) >= -0.5
    assert float(sample.max()) <= 0.25


def test_standard_gamma_and_its_gradient():
    shape = jnp.full(N, 2.3, F64)
    assert follows(rows.standard_gamma(key(), shape), stats.gamma(2.3).cdf)
    # The mean of the samples is the shape, so its derivative is 1.
    grad = jax.grad(lambda a: rows.standard_gamma(key(), jnp.full(2000, a)).mean())(2.3)
    assert abs(float(grad) - 1) < 0.05


def test_normal_of_tensors_broadcasts():
    mean = jnp.array([[0.0], [10.0]], F32)
    std = jnp.full((1, N), 2.0, F32)
    sample = np.asarray(rows.normal_like(key(), mean, std))
    assert sample.shape == (2, N)
    for row, centre in zip(sample, (0, 10), strict=True):
        assert follows(row, stats.norm(centre, 2).cdf)


DROPOUTS = {
    "dropout": (rows.dropout, (N,)),
    "alpha_dropout": (rows.alpha_dropout, (N,)),
    "feature_dropout": (rows.feature_dropout, (50, N // 50, 2, 3)),
    "feature_alpha_dropout": (rows.feature_alpha_dropout, (50, N // 50, 2, 3)),
}


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.93, 1.0])
@pytest.mark.parametrize("name", DROPOUTS)
def test_dropout(name, p):
    row, shape = DROPOUTS[name]
    x = rows.normal(key(5), shape, out_dtype=F32)
    out = np.asarray(row(key(), x, p))
    theirs = getattr(torch, name)(torch.from_numpy(np.array(x)), p, True).numpy()
    assert out.dtype == np.float32
    if p in (0, 1):
        np.testing.assert_allclose(out, theirs, atol=1e-6)
        return
    # What is dropped has one value; what is kept is one affine function of the input.
    low = np.unique(theirs)[np.unique(theirs, return_counts=True)[1].argmax()]
    dropped, their_dropped = np.isclose(out, low, atol=1e-6), np.isclose(theirs, low, atol=1e-6)
    assert abs(dropped.mean() - p) < 0.015
    fit = np.polyfit(np.asarray(x)[~dropped], out[~dropped], 1)
    their_fit = np.polyfit(np.asarray(x)[~their_dropped], theirs[~their_dropped], 1)
    np.testing.assert_allclose(fit, their_fit, rtol=1e-4, atol=1e-5)
    if "feature" in name:
        channels = dropped.reshape(*shape[:2], -1)
        assert (channels.all(-1) | ~channels.any(-1)).all()


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_dropout_keeps_the_dtype(dtype):
    x = jnp.ones((4, 5), dtype)
    for row in (rows.dropout, rows.alpha_dropout, rows.feature_dropout):
        assert row(key(), x, 0.5).dtype == dtype


def test_dropout_gradient_is_its_mask():
    x = jnp.array([[1.0, jnp.inf, 3.0, jnp.nan] * 4], F32)
    out, pull = jax.vjp(lambda x: rows.dropout(key(), x, 0.5), jnp.ones_like(x))
    (grad,) = pull(jnp.ones_like(out))
    assert (grad == out).all()
    # A dropped infinity is gone.
    out = np.asarray(rows.dropout(key(), x, 0.5))
    mask = np.asarray(grad) == 0
    assert (out[mask] == 0).all()


def test_channel_dropout_needs_channels():
    with pytest.raises(RuntimeError, match="at least 2 dimensions"):
        rows.feature_dropout(key(), jnp.ones(3), 0.5)
