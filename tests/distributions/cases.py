"""One set of parameters for each distribution, as plain data both libraries are built from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

POSITIVE = [0.7, 1.6, 3.2]
OTHER = [2.5, 0.9, 1.3]
REAL = [-0.8, 0.3, 1.4]
UNIT = [0.2, 0.55, 0.9]
SIMPLEX = [[0.2, 0.3, 0.5], [0.6, 0.1, 0.3]]
MATRIX = [[2.0, 0.3, 0.1], [0.3, 1.5, -0.2], [0.1, -0.2, 1.0]]
TRIL = [[1.2, 0.0, 0.0], [0.3, 0.9, 0.0], [-0.2, 0.4, 1.1]]

# name -> (class, parameters, values to score)
Case = tuple[str, dict[str, Any], Any]
CASES: dict[str, Case] = {
    "Bernoulli": ("Bernoulli", {"probs": UNIT}, [0.0, 1.0, 1.0]),
    "Bernoulli-logits": ("Bernoulli", {"logits": REAL}, [0.0, 1.0, 1.0]),
    "Beta": ("Beta", {"concentration1": POSITIVE, "concentration0": OTHER}, UNIT),
    "Binomial": ("Binomial", {"total_count": 5, "probs": UNIT}, [0.0, 3.0, 5.0]),
    "Binomial-logits": ("Binomial", {"total_count": 5, "logits": REAL}, [0.0, 3.0, 5.0]),
    "Categorical": ("Categorical", {"probs": SIMPLEX}, [2.0, 0.0]),
    "Categorical-logits": ("Categorical", {"logits": [REAL, OTHER]}, [2.0, 0.0]),
    "Cauchy": ("Cauchy", {"loc": REAL, "scale": POSITIVE}, OTHER),
    "Chi2": ("Chi2", {"df": POSITIVE}, OTHER),
    "ContinuousBernoulli": ("ContinuousBernoulli", {"probs": [0.2, 0.4995, 0.9]}, UNIT),
    "Dirichlet": ("Dirichlet", {"concentration": [POSITIVE, OTHER]}, SIMPLEX),
    "Exponential": ("Exponential", {"rate": POSITIVE}, OTHER),
    "FisherSnedecor": ("FisherSnedecor", {"df1": OTHER, "df2": [5.0, 2.5, 8.0]}, POSITIVE),
    "Gamma": ("Gamma", {"concentration": POSITIVE, "rate": OTHER}, OTHER),
    "GeneralizedPareto": (
        "GeneralizedPareto",
        {"loc": REAL, "scale": POSITIVE, "concentration": [0.3, 0.0, -0.2]},
        [1.0, 2.0, 3.0],
    ),
    "Geometric": ("Geometric", {"probs": UNIT}, [0.0, 3.0, 1.0]),
    "Geometric-logits": ("Geometric", {"logits": REAL}, [0.0, 3.0, 1.0]),
    "Gumbel": ("Gumbel", {"loc": REAL, "scale": POSITIVE}, OTHER),
    "HalfCauchy": ("HalfCauchy", {"scale": POSITIVE}, OTHER),
    "HalfNormal": ("HalfNormal", {"scale": POSITIVE}, OTHER),
    "InverseGamma": ("InverseGamma", {"concentration": [2.5, 1.6, 3.2], "rate": OTHER}, OTHER),
    "Kumaraswamy": ("Kumaraswamy", {"concentration1": POSITIVE, "concentration0": OTHER}, UNIT),
    "LKJCholesky": (
        "LKJCholesky",
        {"dim": 3, "concentration": [0.8, 2.0]},
        [[1.0, 0.0, 0.0], [0.6, 0.8, 0.0], [0.0, -0.6, 0.8]],
    ),
    "Laplace": ("Laplace", {"loc": REAL, "scale": POSITIVE}, OTHER),
    "LogNormal": ("LogNormal", {"loc": REAL, "scale": POSITIVE}, OTHER),
    "LogisticNormal": (
        "LogisticNormal",
        {"loc": [REAL, OTHER], "scale": [POSITIVE, OTHER]},
        [[0.1, 0.2, 0.3, 0.4], [0.4, 0.3, 0.2, 0.1]],
    ),
    "LowRankMultivariateNormal": (
        "LowRankMultivariateNormal",
        {"loc": REAL, "cov_factor": [[1.0], [0.5], [-0.3]], "cov_diag": POSITIVE},
        [OTHER, REAL],
    ),
    "Multinomial": ("Multinomial", {"total_count": 4, "probs": SIMPLEX}, [[1, 1, 2.0], [4, 0, 0]]),
    "MultivariateNormal": (
        "MultivariateNormal",
        {"loc": REAL, "covariance_matrix": MATRIX},
        [OTHER, REAL],
    ),
    "MultivariateNormal-precision": (
        "MultivariateNormal",
        {"loc": REAL, "precision_matrix": MATRIX},
        [OTHER, REAL],
    ),
    "MultivariateNormal-batch": (
        "MultivariateNormal",
        {"loc": [REAL, OTHER], "scale_tril": TRIL},
        [OTHER, REAL],
    ),
    "NegativeBinomial": ("NegativeBinomial", {"total_count": 4.0, "probs": UNIT}, [0.0, 2.0, 7.0]),
    "NegativeBinomial-logits": (
        "NegativeBinomial",
        {"total_count": 4.0, "logits": REAL},
        [0.0, 2.0, 7.0],
    ),
    "Normal": ("Normal", {"loc": REAL, "scale": POSITIVE}, OTHER),
    "Normal-numbers": ("Normal", {"loc": 0.5, "scale": 2.0}, OTHER),
    "OneHotCategorical": ("OneHotCategorical", {"probs": SIMPLEX}, [[0.0, 0, 1], [1, 0, 0]]),
    "OneHotCategoricalStraightThrough": (
        "OneHotCategoricalStraightThrough",
        {"logits": [REAL, OTHER]},
        [[0.0, 0, 1], [1, 0, 0]],
    ),
    "Pareto": ("Pareto", {"scale": POSITIVE, "alpha": [2.5, 0.9, 3.3]}, [4.0, 5.0, 6.0]),
    "Poisson": ("Poisson", {"rate": OTHER}, [0.0, 2.0, 7.0]),
    "RelaxedBernoulli": ("RelaxedBernoulli", {"temperature": [0.6], "probs": UNIT}, UNIT),
    "RelaxedOneHotCategorical": (
        "RelaxedOneHotCategorical",
        {"temperature": [0.6], "probs": SIMPLEX},
        SIMPLEX,
    ),
    "StudentT": ("StudentT", {"df": [2.5, 0.9, 3.3], "loc": REAL, "scale": POSITIVE}, OTHER),
    "Uniform": ("Uniform", {"low": REAL, "high": [1.0, 2.0, 4.0]}, [0.0, 1.0, 3.0]),
    "VonMises": ("VonMises", {"loc": REAL, "concentration": POSITIVE}, OTHER),
    "Weibull": ("Weibull", {"scale": POSITIVE, "concentration": OTHER}, OTHER),
    "Wishart": ("Wishart", {"df": [4.5, 6.0], "covariance_matrix": MATRIX}, MATRIX),
    "Wishart-precision": ("Wishart", {"df": [4.5, 6.0], "precision_matrix": MATRIX}, MATRIX),
}


# PyTorch scores these in float32 only.
SINGLE = {"GeneralizedPareto", "Normal-numbers"}


def dtype_of(library: Any, name: str) -> Any:
    """The dtype of a case."""
    return library.float32 if name in SINGLE else library.float64


def tensors(library: Any, params: dict[str, Any], dtype: Any, grad: bool) -> dict[str, Any]:
    """The parameters as tensors of a library; numbers stay numbers."""
    return {
        name: library.tensor(value, dtype=dtype, requires_grad=grad)
        if isinstance(value, list)
        else value
        for name, value in params.items()
    }


def build(library: Any, name: str, grad: bool = False) -> tuple[Any, dict[str, Any]]:
    """A case's distribution in a library, and its parameters."""
    cls, params, _ = CASES[name]
    made = tensors(library, params, dtype_of(library, name), grad)
    return getattr(library.distributions, cls)(**made), made


def wrapped(library: Any) -> dict[str, Callable[[], Any]]:
    """Distributions made of others."""
    d = library.distributions

    def t(value: Any) -> Any:
        return library.tensor(value, dtype=library.float64)

    def normal() -> Any:
        return d.Normal(t([REAL, OTHER]), t([POSITIVE, OTHER]))

    return {
        "Independent": lambda: d.Independent(normal(), 1),
        "MixtureSameFamily": lambda: d.MixtureSameFamily(d.Categorical(t(SIMPLEX)), normal()),
        "MixtureSameFamily-vectors": lambda: d.MixtureSameFamily(
            d.Categorical(t([0.3, 0.7])), d.Independent(normal(), 1)
        ),
        "TransformedDistribution": lambda: d.TransformedDistribution(
            normal(), [d.AffineTransform(t(1.0), t(POSITIVE)), d.SigmoidTransform()]
        ),
        "TransformedDistribution-coupled": lambda: d.TransformedDistribution(
            normal(), [d.TanhTransform(), d.StickBreakingTransform()]
        ),
    }
