"""Samples follow their distributions, and carry the gradients that PyTorch's carry."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

import flambeau
import flambeau.distributions as d
from flambeau._engine.program import stats as programs
from tests.distributions.cases import OTHER, POSITIVE, REAL
from tests.oracle import to_numpy, torch

N = 4000


def t(value: Any) -> Any:
    return flambeau.tensor(value)


# Scalars, so that each is one column of samples; the reference is scipy's.
CONTINUOUS: dict[str, tuple[Any, Any]] = {
    "Beta": (lambda: d.Beta(0.7, 2.5), stats.beta(0.7, 2.5)),
    "Cauchy": (lambda: d.Cauchy(0.3, 1.6), stats.cauchy(0.3, 1.6)),
    "Chi2": (lambda: d.Chi2(t(3.2)), stats.chi2(3.2)),
    "Exponential": (lambda: d.Exponential(1.6), stats.expon(scale=1 / 1.6)),
    "FisherSnedecor": (lambda: d.FisherSnedecor(2.5, 5.0), stats.f(2.5, 5.0)),
    "Gamma": (lambda: d.Gamma(0.7, 2.5), stats.gamma(0.7, scale=1 / 2.5)),
    "GeneralizedPareto": (
        lambda: d.GeneralizedPareto(0.3, 1.6, 0.2),
        stats.genpareto(0.2, loc=0.3, scale=1.6),
    ),
    "Gumbel": (lambda: d.Gumbel(0.3, 1.6), stats.gumbel_r(0.3, 1.6)),
    "HalfCauchy": (lambda: d.HalfCauchy(1.6), stats.halfcauchy(scale=1.6)),
    "HalfNormal": (lambda: d.HalfNormal(1.6), stats.halfnorm(scale=1.6)),
    "InverseGamma": (lambda: d.InverseGamma(2.5, 1.6), stats.invgamma(2.5, scale=1.6)),
    "Laplace": (lambda: d.Laplace(0.3, 1.6), stats.laplace(0.3, 1.6)),
    "LogNormal": (lambda: d.LogNormal(0.3, 0.7), stats.lognorm(0.7, scale=np.exp(0.3))),
    "Normal": (lambda: d.Normal(0.3, 1.6), stats.norm(0.3, 1.6)),
    "Pareto": (lambda: d.Pareto(1.6, 2.5), stats.pareto(2.5, scale=1.6)),
    "StudentT": (lambda: d.StudentT(2.5, 0.3, 1.6), stats.t(2.5, 0.3, 1.6)),
    "Uniform": (lambda: d.Uniform(-0.8, 1.4), stats.uniform(-0.8, 2.2)),
    "VonMises": (lambda: d.VonMises(0.3, 1.6), stats.vonmises(1.6, loc=0.3)),
    "VonMises-flat": (lambda: d.VonMises(0.0, 1e-6), stats.uniform(-np.pi, 2 * np.pi)),
    "Weibull": (lambda: d.Weibull(1.6, 2.5), stats.weibull_min(2.5, scale=1.6)),
}
DISCRETE: dict[str, tuple[Any, Any]] = {
    "Bernoulli": (lambda: d.Bernoulli(0.3), stats.bernoulli(0.3)),
    "Binomial": (lambda: d.Binomial(5, t(0.3)), stats.binom(5, 0.3)),
    "Categorical": (
        lambda: d.Categorical(t([0.2, 0.3, 0.5])),
        stats.rv_discrete(values=([0, 1, 2], [0.2, 0.3, 0.5])),
    ),
    "Geometric": (lambda: d.Geometric(0.3), stats.geom(0.3, loc=-1)),
    "NegativeBinomial": (lambda: d.NegativeBinomial(4.0, t(0.3)), stats.nbinom(4.0, 0.7)),
    "Poisson": (lambda: d.Poisson(2.5), stats.poisson(2.5)),
}


def draws(make: Any) -> np.ndarray:
    flambeau.manual_seed(7)
    return to_numpy(make().sample((N,))).astype(np.float64)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_continuous(name: str) -> None:
    make, reference = CONTINUOUS[name]
    assert stats.kstest(draws(make), reference.cdf).pvalue > 1e-4


@pytest.mark.parametrize("name", DISCRETE)
def test_discrete(name: str) -> None:
    make, reference = DISCRETE[name]
    found = draws(make)
    values = np.arange(found.max() + 1)
    expected = N * reference.pmf(values)
    counts = np.array([(found == v).sum() for v in values])
    assert counts.sum() == N
    often = expected > 5
    counts = np.append(counts[often], counts[~often].sum())
    expected = np.append(expected[often], N - expected[often].sum())
    chi2 = ((counts - expected) ** 2 / np.maximum(expected, 1e-9))[expected > 0.5].sum()
    assert stats.chi2(max(len(counts) - 1, 1)).sf(chi2) > 1e-4


def test_continuous_bernoulli_and_kumaraswamy_by_their_own_cdf() -> None:
    for dist in (d.ContinuousBernoulli(0.8), d.Kumaraswamy(0.7, 2.5)):
        x = draws(lambda dist=dist: dist)
        if isinstance(dist, d.Kumaraswamy):
            p = 1 - (1 - x**0.7) ** 2.5
        else:
            p = to_numpy(dist.cdf(t(x.astype(np.float32))))
        assert stats.kstest(p, "uniform").pvalue > 1e-4


def test_dirichlet_and_multinomial_marginals() -> None:
    a = np.array([0.7, 1.6, 3.2])
    x = draws(lambda: d.Dirichlet(t(a.tolist())))
    for i in range(3):
        assert stats.kstest(x[:, i], stats.beta(a[i], a.sum() - a[i]).cdf).pvalue > 1e-4
    counts = draws(lambda: d.Multinomial(4, t([0.2, 0.3, 0.5])))
    assert (counts.sum(1) == 4).all()
    np.testing.assert_allclose(counts.mean(0), [0.8, 1.2, 2.0], atol=0.06)
    np.testing.assert_allclose(counts.var(0), [0.64, 0.84, 1.0], atol=0.08)
    hot = draws(lambda: d.OneHotCategorical(t([0.2, 0.3, 0.5])))
    np.testing.assert_allclose(hot.mean(0), [0.2, 0.3, 0.5], atol=0.04)


def test_correlations_of_lkj() -> None:
    """Each correlation is Beta(eta + (d - 2) / 2) distributed on (-1, 1)."""
    factors = draws(lambda: d.LKJCholesky(3, 2.0))
    matrices = factors @ factors.transpose(0, 2, 1)
    np.testing.assert_allclose(np.diagonal(matrices, axis1=1, axis2=2), 1, atol=1e-5)
    marginal = stats.beta(2.5, 2.5, loc=-1, scale=2)
    for i, j in ((1, 0), (2, 0), (2, 1)):
        assert stats.kstest(matrices[:, i, j], marginal.cdf).pvalue > 1e-4


def test_multivariate_normal_and_wishart_moments() -> None:
    matrix = np.array([[2.0, 0.3, 0.1], [0.3, 1.5, -0.2], [0.1, -0.2, 1.0]])
    x = draws(lambda: d.MultivariateNormal(t(REAL), t(matrix.tolist())))
    np.testing.assert_allclose(x.mean(0), REAL, atol=0.1)
    np.testing.assert_allclose(np.cov(x.T), matrix, atol=0.15)
    w, diag = [[1.0], [0.5], [-0.3]], [0.7, 1.6, 3.2]
    x = draws(lambda: d.LowRankMultivariateNormal(t(REAL), t(w), t(diag)))
    np.testing.assert_allclose(np.cov(x.T), np.array(w) @ np.array(w).T + np.diag(diag), atol=0.25)
    x = draws(lambda: d.Wishart(t(4.5), t(matrix.tolist())))
    np.testing.assert_allclose(x.mean(0), 4.5 * matrix, atol=0.35)


def test_mixture_and_relaxations() -> None:
    mixture = d.MixtureSameFamily(d.Categorical(t([0.3, 0.7])), d.Normal(t([-2.0, 1.0]), 0.5))
    x = draws(lambda: mixture)
    cdf = 0.3 * stats.norm(-2, 0.5).cdf(x) + 0.7 * stats.norm(1, 0.5).cdf(x)
    assert stats.kstest(cdf, "uniform").pvalue > 1e-4
    for soft in (
        draws(lambda: d.RelaxedBernoulli(t(0.3), t(0.7))) > 0.5,
        draws(lambda: d.RelaxedOneHotCategorical(t(0.3), t([0.7, 0.3])))[:, 0] > 0.5,
    ):
        assert abs(soft.mean() - 0.7) < 0.04


# Gradients of samples ----------------------------------------------------------------


def implicit(samples: Any, params: list[Any]) -> list[np.ndarray]:
    samples.sum().backward()
    return [to_numpy(p.grad) for p in params]


def leaf(value: Any, library: Any = flambeau) -> Any:
    return library.tensor(value, dtype=library.float64, requires_grad=True)


def test_gradient_of_a_gamma_sample() -> None:
    a = leaf(POSITIVE)
    x = d.Gamma(a, 1.0).rsample()
    (found,) = implicit(x, [a])
    expected = torch._standard_gamma_grad(
        torch.tensor(POSITIVE).double(), torch.tensor(to_numpy(x))
    )
    np.testing.assert_allclose(found, expected.numpy(), rtol=2e-3)


def dirichlet_gradient(x: np.ndarray, a: np.ndarray, cotangent: np.ndarray) -> np.ndarray:
    total = a.sum(-1, keepdims=True)
    whole = np.broadcast_to(total, a.shape)
    slope = torch._dirichlet_grad(*(torch.tensor(np.array(v)) for v in (x, a, whole))).numpy()
    return slope * (cotangent - (x * cotangent).sum(-1, keepdims=True))


def test_gradient_of_a_dirichlet_sample() -> None:
    a = leaf([POSITIVE, OTHER])
    x = d.Dirichlet(a).rsample()
    weights = np.array([[1.0, -2.0, 0.5], [0.3, 1.0, 2.0]])
    (x * flambeau.tensor(weights)).sum().backward()
    expected = dirichlet_gradient(to_numpy(x), np.array([POSITIVE, OTHER]), weights)
    np.testing.assert_allclose(to_numpy(a.grad), expected, rtol=3e-3)


def test_gradient_of_a_beta_sample() -> None:
    a, b = leaf(POSITIVE), leaf(OTHER)
    x = d.Beta(a, b).rsample()
    found = np.stack(implicit(x, [a, b]), -1)
    both = np.stack([to_numpy(x), 1 - to_numpy(x)], -1)
    params = np.stack([POSITIVE, OTHER], -1)
    expected = dirichlet_gradient(both, params, np.array([1.0, 0.0]))
    np.testing.assert_allclose(found, expected, rtol=3e-3)


def test_gradient_of_a_mean_is_the_mean_of_the_gradients() -> None:
    """The same in distribution, for what mixes several draws."""
    df = leaf(5.0)
    x = d.StudentT(df.expand(N), 0.0, 1.0).rsample()
    flambeau.manual_seed(3)
    x = d.StudentT(df, 0.0, 1.0).rsample((N,))
    x.square().mean().backward()
    # E[x^2] = df / (df - 2)
    assert abs(df.grad.item() - (-2 / 9)) < 0.15
    loc = leaf(0.5)
    assert implicit(d.Normal(loc, 2.0).rsample((4,)), [loc])[0] == 4.0


def test_a_second_derivative_through_a_sample() -> None:
    a = leaf([0.7, 1.6])
    x = d.Dirichlet(a).rsample()
    (slope,) = flambeau.autograd.grad(x[0], a, create_graph=True)
    (again,) = flambeau.autograd.grad(slope[0], a)
    assert np.isfinite(to_numpy(again)).all()


def test_straight_through() -> None:
    logits = leaf([REAL])
    x = d.OneHotCategoricalStraightThrough(logits=logits).rsample()
    assert sorted(to_numpy(x)[0]) == [0, 0, 1]
    (x[0, 0] * 1.0).backward()
    p = np.exp(REAL) / np.exp(REAL).sum()
    np.testing.assert_allclose(to_numpy(logits.grad)[0], p[0] * (np.eye(3)[0] - p), rtol=1e-6)


def test_the_seed_decides() -> None:
    beta = d.Beta(t(POSITIVE), t(OTHER))
    flambeau.manual_seed(1)
    first = to_numpy(beta.sample((5,)))
    flambeau.manual_seed(1)
    np.testing.assert_array_equal(first, to_numpy(beta.sample((5,))))
    assert (first != to_numpy(beta.sample((5,)))).all()


def vae() -> tuple[Any, list[float]]:
    """Steps of a variational autoencoder, and the programs compiled in each."""
    flambeau.manual_seed(0)
    encoder, decoder = flambeau.nn.Linear(6, 4), flambeau.nn.Linear(2, 6)
    optimizer = flambeau.optim.SGD([*encoder.parameters(), *decoder.parameters()], lr=0.5)
    x = flambeau.bernoulli(flambeau.full((16, 6), 0.3))
    x[:, 0] = 1.0
    losses = []

    def step() -> None:
        mean, raw = encoder(x).chunk(2, -1)
        q = d.Normal(mean, flambeau.nn.functional.softplus(raw))
        z = q.rsample()
        prior = d.Normal(flambeau.zeros_like(mean), flambeau.ones_like(mean))
        fit = d.Bernoulli(logits=decoder(z)).log_prob(x).sum(-1)
        loss = (d.kl_divergence(q, prior).sum(-1) - fit).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

    return step, losses


def test_a_training_step_stays_one_program() -> None:
    step, losses = vae()
    for _ in range(3):
        step()
    compiled, launched = programs.programs, programs.launches
    for _ in range(20):
        step()
    assert programs.programs == compiled
    assert programs.launches - launched == 20
    assert losses[-1] < losses[0] - 0.5
