"""Every operation that draws follows its law, by Kolmogorov-Smirnov or chi-squared, seeds fixed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import flambeau as torch
import flambeau.nn.functional as F
from flambeau._ops.registry import OPS

N = 4000
ONES = (N,)


def even(low: float, high: float):
    return stats.uniform(low, high - low)


CONTINUOUS = {
    "uniform": (lambda: torch.rand(N), even(0, 1)),
    "uniform_": (lambda: torch.empty(N).uniform_(-1, 3), even(-1, 3)),
    "normal": (lambda: torch.randn(N), stats.norm()),
    "normal_": (lambda: torch.empty(N).normal_(2, 0.5), stats.norm(2, 0.5)),
    "normal_like": (lambda: torch.normal(torch.full(ONES, 1.0), 3.0), stats.norm(1, 3)),
    "exponential": (lambda: torch.empty(N).exponential_(3), stats.expon(scale=1 / 3)),
    "cauchy": (lambda: torch.empty(N).cauchy_(1, 2), stats.cauchy(1, 2)),
    "log_normal": (
        lambda: torch.empty(N).log_normal_(0.5, 0.7),
        stats.lognorm(0.7, scale=np.e**0.5),
    ),
    "trunc_normal": (
        lambda: torch.nn.init.trunc_normal_(torch.empty(N), 0.0, 1.0, -1.0, 2.0),
        stats.truncnorm(-1, 2),
    ),
    "rrelu": (lambda: -F.rrelu(torch.full(ONES, -1.0), 0.1, 0.3, training=True), even(0.1, 0.3)),
    # Of two classes with equal logits the soft sample is the logistic function of a logistic one.
    "gumbel_softmax": (lambda: F.gumbel_softmax(torch.zeros(N, 2))[:, 0], even(0, 1)),
}


@pytest.mark.parametrize("name", CONTINUOUS)
def test_continuous(name):
    draw, law = CONTINUOUS[name]
    torch.manual_seed(3)
    assert stats.kstest(draw().numpy(), law.cdf).pvalue > 1e-3


def shares(p):
    """The law of values 0, 1, … with these probabilities."""
    return np.asarray(p, np.float64) / np.sum(p)


def kept(drop, *shape):
    """1 where an element is kept; in a shape, one for each channel."""
    out = drop(torch.ones(*shape))
    return (out if out.ndim == 1 else out.flatten(2)[:, :, 0]) != out.min()


DISCRETE = {
    "randint": (lambda: torch.randint(0, 6, ONES), shares([1] * 6)),
    "random_": (lambda: torch.empty(N).random_(1, 5), shares([0, 1, 1, 1, 1])),
    "randint_like": (lambda: torch.randint_like(torch.empty(N), 4), shares([1] * 4)),
    "randperm": (lambda: torch.stack([torch.randperm(3)[0] for _ in range(600)]), shares([1] * 3)),
    "bernoulli": (lambda: torch.bernoulli(torch.full(ONES, 0.3)), [0.7, 0.3]),
    "bernoulli_": (lambda: torch.empty(N).bernoulli_(0.8), [0.2, 0.8]),
    "geometric_": (
        lambda: torch.empty(N).geometric_(0.4).clamp(max=8),
        [*stats.geom(0.4).pmf(range(8)), stats.geom(0.4).sf(7)],
    ),
    "poisson": (
        lambda: torch.poisson(torch.full(ONES, 2.5)).clamp(max=8),
        [*stats.poisson(2.5).pmf(range(8)), stats.poisson(2.5).sf(7)],
    ),
    "binomial": (
        lambda: torch.binomial(torch.full(ONES, 6.0), torch.full(ONES, 0.4)),
        stats.binom(6, 0.4).pmf(range(7)),
    ),
    "multinomial": (
        lambda: torch.multinomial(torch.tensor([0.0, 3.0, 1.0, 4.0]), N, True),
        shares([0, 3, 1, 4]),
    ),
    "multinomial, all different": (
        lambda: torch.multinomial(torch.tensor([[2.0, 3.0, 1.0]] * N), 2)[:, 0],
        shares([2, 3, 1]),
    ),
    "gumbel_softmax, hard": (
        lambda: F.gumbel_softmax(torch.tensor([[0.0, 1.0, 0.5]] * N).clone(), hard=True).argmax(1),
        shares(np.exp([0, 1, 0.5])),
    ),
    "dropout": (lambda: kept(lambda x: F.dropout(x, 0.3), N), [0.3, 0.7]),
    "alpha_dropout": (lambda: kept(lambda x: F.alpha_dropout(x, 0.3, True), N), [0.3, 0.7]),
    "feature_alpha_dropout": (
        lambda: kept(lambda x: F.feature_alpha_dropout(x, 0.4, True), 50, 80, 2),
        [0.4, 0.6],
    ),
    "dropout1d": (lambda: kept(lambda x: F.dropout1d(x, 0.25), 50, 80, 2), [0.25, 0.75]),
    "dropout2d": (lambda: kept(lambda x: F.dropout2d(x, 0.25), 50, 80, 1, 2), [0.25, 0.75]),
    "dropout3d": (lambda: kept(lambda x: F.dropout3d(x, 0.25), 50, 80, 1, 1, 2), [0.25, 0.75]),
}


@pytest.mark.parametrize("name", DISCRETE)
def test_discrete(name):
    draw, law = DISCRETE[name]
    torch.manual_seed(5)
    drawn = draw().long().flatten().numpy()
    law = np.asarray(law)
    counts = np.bincount(drawn, minlength=len(law))
    assert counts.size == law.size
    possible = law > 0
    assert not counts[~possible].any()
    assert stats.chisquare(counts[possible], law[possible] * drawn.size).pvalue > 1e-3


ELSEWHERE = {
    "gumbel": "tests/ops/test_random.py",
    "standard_gamma": "tests/ops/test_random.py",
    "orthogonal": "tests/nn/test_init.py, a matrix",
    "sparse_normal": "tests/nn/test_init.py, a matrix",
    "pooling_samples": "places of windows, the same draws as uniform",
    "sample_dirichlet": "tests/distributions",
    "scaled_dot_product_attention_dropout": "tests/ops/test_nn_attention.py",
    "von_mises": "tests/distributions",
}
"""Random rows that have no law of one number, or are tried in another place."""

HERE = {
    "alpha_dropout", "bernoulli", "bernoulli_fill", "binomial", "cauchy", "dropout", "exponential",
    "feature_alpha_dropout", "feature_dropout", "geometric", "gumbel_softmax", "log_normal",
    "multinomial", "normal", "normal_like", "poisson", "randint", "randperm", "rrelu_train",
    "trunc_normal", "uniform",
}  # fmt: skip


def test_no_random_operation_is_left_out():
    drawing = {name for name, row in OPS.items() if row.random}
    assert drawing - HERE - set(ELSEWHERE) == set()
