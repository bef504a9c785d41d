"""Divergences: every registered pair against PyTorch's."""

from __future__ import annotations

import math
from typing import Any

import pytest

import flambeau
import flambeau.distributions as d
from flambeau.distributions import kl
from tests.distributions.cases import MATRIX, OTHER, POSITIVE, REAL, SIMPLEX, TRIL, UNIT
from tests.oracle import assert_close, torch

pytestmark = pytest.mark.usefixtures("eager")
LIBRARIES = (flambeau, torch)

# Two of each family: both sides of a pair of one family, the first where families meet.
PARAMS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "Bernoulli": ({"probs": UNIT}, {"probs": [0.5, 0.1, 0.7]}),
    "Beta": (
        {"concentration1": POSITIVE, "concentration0": OTHER},
        {"concentration1": OTHER, "concentration0": OTHER},
    ),
    "Binomial": ({"total_count": 5, "probs": UNIT}, {"total_count": 5, "probs": [0.5, 0.1, 0.7]}),
    "Categorical": ({"probs": SIMPLEX}, {"logits": [REAL, OTHER]}),
    "Cauchy": ({"loc": REAL, "scale": POSITIVE}, {"loc": OTHER, "scale": OTHER}),
    "ContinuousBernoulli": ({"probs": [0.2, 0.4995, 0.9]}, {"probs": [0.6, 0.3, 0.8]}),
    "Dirichlet": ({"concentration": [POSITIVE, OTHER]}, {"concentration": [OTHER, OTHER]}),
    "Exponential": ({"rate": POSITIVE}, {"rate": OTHER}),
    "Gamma": ({"concentration": POSITIVE, "rate": OTHER}, {"concentration": OTHER, "rate": OTHER}),
    "Geometric": ({"probs": UNIT}, {"probs": [0.5, 0.1, 0.7]}),
    "Gumbel": ({"loc": REAL, "scale": POSITIVE}, {"loc": OTHER, "scale": OTHER}),
    "HalfNormal": ({"scale": POSITIVE}, {"scale": OTHER}),
    "Laplace": ({"loc": REAL, "scale": POSITIVE}, {"loc": OTHER, "scale": OTHER}),
    "LowRankMultivariateNormal": (
        {"loc": REAL, "cov_factor": [[1.0], [0.5], [-0.3]], "cov_diag": POSITIVE},
        {"loc": OTHER, "cov_factor": [[0.2], [0.1], [0.7]], "cov_diag": OTHER},
    ),
    "MultivariateNormal": (
        {"loc": REAL, "covariance_matrix": MATRIX},
        {"loc": OTHER, "scale_tril": TRIL},
    ),
    "Normal": ({"loc": REAL, "scale": POSITIVE}, {"loc": OTHER, "scale": OTHER}),
    "OneHotCategorical": ({"probs": SIMPLEX}, {"logits": [REAL, OTHER]}),
    "Pareto": (
        {"scale": POSITIVE, "alpha": [2.5, 0.9, 3.3]},
        {"scale": [0.6, 1.7, 3.1], "alpha": OTHER},
    ),
    "Poisson": ({"rate": POSITIVE}, {"rate": OTHER}),
    "Uniform": (
        {"low": [0.1, 0.2, -0.5], "high": [0.9, 0.5, 4.0]},
        {"low": [-0.2, 0.3, -0.6], "high": [1.1, 1.5, 4.0]},
    ),
}


def build(library: Any, name: str, which: int) -> Any:
    params = {
        key: library.tensor(value, dtype=library.float64) if isinstance(value, list) else value
        for key, value in PARAMS[name][which].items()
    }
    return getattr(library.distributions, name)(**params)


def pairs() -> list[tuple[str, str]]:
    return [
        (p.__name__, q.__name__)
        for p, q in torch.distributions.kl._KL_REGISTRY
        if p.__name__ in PARAMS and q.__name__ in PARAMS
    ]


def test_the_table_is_pytorchs() -> None:
    def names(module: Any) -> set[tuple[str, str]]:
        return {(p.__name__, q.__name__) for p, q in module._KL_REGISTRY}

    assert names(kl) == names(torch.distributions.kl)


@pytest.mark.parametrize("pair", pairs(), ids="-".join)
def test_pair(pair: tuple[str, str]) -> None:
    p, q = pair
    for at_q in (0, 1):
        if pair == ("ContinuousBernoulli", "Uniform") and at_q == 1:
            continue
        ours, theirs = (
            library.distributions.kl_divergence(build(library, p, 0), build(library, q, at_q))
            for library in LIBRARIES
        )
        assert_close(ours, theirs, rtol=2e-6, atol=1e-8)


def test_of_families_made_of_others() -> None:
    results = []
    for library in LIBRARIES:
        m, a, b = library.distributions, build(library, "Normal", 0), build(library, "Normal", 1)
        shift = [m.AffineTransform(1.0, 2.0), m.ExpTransform()]
        found = [
            m.kl_divergence(m.Independent(a, 1), m.Independent(b, 1)),
            m.kl_divergence(
                m.TransformedDistribution(a, shift), m.TransformedDistribution(b, shift)
            ),
            m.kl_divergence(m.LogNormal(a.loc, a.scale), m.LogNormal(b.loc, b.scale)),
            m.kl_divergence(m.Chi2(a.scale), m.Chi2(b.scale)),
            m.kl_divergence(
                m.Independent(m.TransformedDistribution(a, shift), 1),
                m.Independent(m.TransformedDistribution(b, shift), 1),
            ),
        ]
        for p, q in ((m.Independent(a, 1), a), (m.LogNormal(0.0, 1.0), m.HalfNormal(1.0))):
            with pytest.raises(NotImplementedError):
                m.kl_divergence(p, q)
        results.append(found)
    assert_close(*results, rtol=1e-6, atol=1e-8)


def test_by_differentiating_the_normalizer() -> None:
    """Bregman divergences agree with the formulas, and so do entropies."""
    for name in ("Normal", "Gamma", "Exponential", "Beta", "Dirichlet", "Bernoulli", "Poisson"):
        p, q = build(flambeau, name, 0), build(flambeau, name, 1)
        assert_close(
            kl._exponential_family(p, q), flambeau.distributions.kl_divergence(p, q), rtol=1e-6
        )
    for name in ("Normal", "Gamma", "Exponential"):
        p = build(flambeau, name, 0)
        assert_close(d.ExponentialFamily.entropy(p), p.entropy(), rtol=1e-6)


def test_impossible_events() -> None:
    bernoulli = d.kl_divergence(
        d.Bernoulli(flambeau.tensor([0.0, 1.0, 0.5])), d.Bernoulli(flambeau.tensor([0.5, 0.0, 1.0]))
    )
    assert bernoulli.tolist() == [pytest.approx(math.log(2)), math.inf, math.inf]
    one = d.Categorical(flambeau.tensor([1.0, 0.0]))
    half = d.Categorical(flambeau.tensor([0.5, 0.5]))
    assert d.kl_divergence(one, half).item() == pytest.approx(math.log(2), rel=1e-5)
    assert d.kl_divergence(half, one).item() == math.inf
    inside = d.kl_divergence(d.ContinuousBernoulli(0.3), d.Uniform(0.0, 1.0))
    assert math.isfinite(inside.item())
    with pytest.raises(NotImplementedError, match="total_count"):
        d.kl_divergence(d.Binomial(3, flambeau.tensor(0.5)), d.Binomial(5, flambeau.tensor(0.5)))


def test_the_most_specific_rule_is_taken() -> None:
    class P(d.Normal):
        pass

    class Q(d.Normal):
        pass

    registry = dict(kl._KL_REGISTRY)
    try:
        assert d.kl_divergence(P(0.0, 1.0), Q(1.0, 1.0)).item() == 0.5
        d.register_kl(P, d.Normal)(lambda p, q: "p")
        assert d.kl_divergence(P(0.0, 1.0), Q(1.0, 1.0)) == "p"
        d.register_kl(d.Normal, Q)(lambda p, q: "q")
        with pytest.warns(RuntimeWarning, match=r"register_kl\(P, Q\)"):
            assert d.kl_divergence(P(0.0, 1.0), Q(1.0, 1.0)) == "p"
        d.register_kl(P, Q)(lambda p, q: "both")
        assert d.kl_divergence(P(0.0, 1.0), Q(1.0, 1.0)) == "both"
        with pytest.raises(TypeError, match="type_p"):
            d.register_kl(int, Q)
    finally:
        kl._KL_REGISTRY.clear()
        kl._KL_REGISTRY.update(registry)
        kl._KL_MEMOIZE.clear()
