r"""Kullback-Leibler divergences. Follows ``torch.distributions.kl``.

Pairs of one family have their own formulas. Across families
:math:`KL(p \| q) = -H(p) - E_p[\log q(x)]`, and the expectation needs nothing of p but a few
moments, which :data:`_MOMENTS` holds: one entry for each p and one for each q instead of one for
each pair.
"""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable
from typing import Any

from flambeau._tensor.functions.creation import full
from flambeau._tensor.functions.indexing import where
from flambeau._tensor.functions.linalg import solve_triangular
from flambeau._tensor.functions.shape import broadcast_shapes
from flambeau._tensor.gradients import grad
from flambeau.distributions._validation import require
from flambeau.distributions.bernoulli import Bernoulli
from flambeau.distributions.beta import Beta
from flambeau.distributions.binomial import Binomial
from flambeau.distributions.categorical import Categorical
from flambeau.distributions.cauchy import Cauchy
from flambeau.distributions.continuous_bernoulli import ContinuousBernoulli
from flambeau.distributions.dirichlet import Dirichlet
from flambeau.distributions.distribution import Distribution
from flambeau.distributions.exp_family import ExponentialFamily
from flambeau.distributions.exponential import Exponential
from flambeau.distributions.gamma import Gamma
from flambeau.distributions.geometric import Geometric
from flambeau.distributions.gumbel import Gumbel
from flambeau.distributions.half_normal import HalfNormal
from flambeau.distributions.independent import Independent
from flambeau.distributions.laplace import Laplace
from flambeau.distributions.lowrank_multivariate_normal import (
    LowRankMultivariateNormal,
    low_rank_distance,
    low_rank_log_det,
)
from flambeau.distributions.multivariate_normal import (
    MultivariateNormal,
    half_log_det,
    squared_distance,
)
from flambeau.distributions.normal import Normal
from flambeau.distributions.one_hot_categorical import OneHotCategorical
from flambeau.distributions.pareto import Pareto
from flambeau.distributions.poisson import Poisson
from flambeau.distributions.transformed_distribution import TransformedDistribution
from flambeau.distributions.uniform import Uniform
from flambeau.distributions.utils import _sum_rightmost, euler_constant
from flambeau.nn.functional import softplus

__all__ = ["kl_divergence", "register_kl"]

_Rule = Callable[[Any, Any], Any]
_KL_REGISTRY: dict[tuple[type, type], _Rule] = {}
_KL_MEMOIZE: dict[tuple[type, type], _Rule | None] = {}


def register_kl(type_p: type, type_q: type) -> Callable[[_Rule], _Rule]:
    """A decorator that registers ``fun(p, q)`` as the divergence of two kinds of distributions.

    :func:`kl_divergence` takes the rule for the most specific classes.

    Args:
        type_p: the class of p.
        type_q: the class of q.

    Raises:
        TypeError: one is no distribution class.

    Follows ``torch.distributions.register_kl``.
    """
    for name, found in (("type_p", type_p), ("type_q", type_q)):
        if not isinstance(found, type) or not issubclass(found, Distribution):
            raise TypeError(f"Expected {name} to be a Distribution subclass but got {found}")

    def decorator(fun: _Rule) -> _Rule:
        _KL_REGISTRY[type_p, type_q] = fun
        _KL_MEMOIZE.clear()
        return fun

    return decorator


def _find(type_p: type, type_q: type) -> _Rule | None:
    """The rule whose classes come first in the method resolution orders, p before q."""
    by_p = [(p, q) for p in type_p.__mro__ for q in type_q.__mro__ if (p, q) in _KL_REGISTRY]
    by_q = [(p, q) for q in type_q.__mro__ for p in type_p.__mro__ if (p, q) in _KL_REGISTRY]
    if not by_p:
        return None
    left, right = _KL_REGISTRY[by_p[0]], _KL_REGISTRY[by_q[0]]
    if left is not right:
        warnings.warn(
            f"Ambiguous kl_divergence({type_p.__name__}, {type_q.__name__}). "
            f"Please register_kl({by_p[0][0].__name__}, {by_q[0][1].__name__})",
            RuntimeWarning,
            stacklevel=3,
        )
    return left


def kl_divergence(p: Any, q: Any) -> Any:
    r"""The divergence :math:`KL(p \| q) = E_p[\log p(x) - \log q(x)]` of each batch entry.

    Args:
        p: a distribution.
        q: another.

    Raises:
        NotImplementedError: there is no formula for this pair.

    Example:
        >>> import flambeau as torch
        >>> from flambeau.distributions import Normal, kl_divergence
        >>> kl_divergence(Normal(0.0, 1.0), Normal(1.0, 1.0))
        tensor(0.5000)

    Follows ``torch.distributions.kl_divergence``.
    """
    key = type(p), type(q)
    if key not in _KL_MEMOIZE:
        _KL_MEMOIZE[key] = _find(*key)
    rule = _KL_MEMOIZE[key]
    if rule is None:
        raise NotImplementedError(
            f"No KL(p || q) is implemented for p type {type(p).__name__} and q type "
            f"{type(q).__name__}; register one with register_kl"
        )
    return rule(p, q)


# One family --------------------------------------------------------------------------


@register_kl(Bernoulli, Bernoulli)
def _bernoulli(p: Any, q: Any) -> Any:
    one = p.probs * (softplus(-q.logits) - softplus(-p.logits))
    one = where(p.probs == 0, 0.0, where(q.probs == 0, math.inf, one))
    zero = (1 - p.probs) * (softplus(q.logits) - softplus(p.logits))
    return one + where(p.probs == 1, 0.0, where(q.probs == 1, math.inf, zero))


@register_kl(Beta, Beta)
def _beta(p: Any, q: Any) -> Any:
    return _dirichlet(p._dirichlet, q._dirichlet)


@register_kl(Binomial, Binomial)
def _binomial(p: Any, q: Any) -> Any:
    require(
        p.total_count >= q.total_count,
        lambda note: NotImplementedError(
            f"KL between Binomials where q.total_count > p.total_count is not implemented{note}"
        ),
    )
    kl = p.total_count * (p.probs * (p.logits - q.logits) + (-p.probs).log1p() - (-q.probs).log1p())
    return where(p.total_count > q.total_count, math.inf, kl)


@register_kl(Categorical, Categorical)
def _categorical(p: Any, q: Any) -> Any:
    each = p.probs * (p.logits - q.logits)
    each = where(q.probs == 0, math.inf, each)
    return where(p.probs == 0, 0.0, each).sum(-1)


@register_kl(OneHotCategorical, OneHotCategorical)
def _one_hot_categorical(p: Any, q: Any) -> Any:
    return _categorical(p._categorical, q._categorical)


@register_kl(ContinuousBernoulli, ContinuousBernoulli)
def _continuous_bernoulli(p: Any, q: Any) -> Any:
    normalizers = p._cont_bern_log_norm() - q._cont_bern_log_norm()
    return p.mean * (p.logits - q.logits) + normalizers + (-p.probs).log1p() - (-q.probs).log1p()


@register_kl(Dirichlet, Dirichlet)
def _dirichlet(p: Any, q: Any) -> Any:
    a, b = p.concentration, q.concentration
    total = a.sum(-1)
    normalizers = total.lgamma() - b.sum(-1).lgamma() + (b.lgamma() - a.lgamma()).sum(-1)
    return normalizers + ((a - b) * (a.digamma() - total.digamma().unsqueeze(-1))).sum(-1)


@register_kl(Exponential, Exponential)
def _exponential(p: Any, q: Any) -> Any:
    ratio = q.rate / p.rate
    return ratio - ratio.log() - 1


@register_kl(ExponentialFamily, ExponentialFamily)
def _exponential_family(p: Any, q: Any) -> Any:
    if type(p) is not type(q):
        raise NotImplementedError(
            "The cross KL-divergence between different exponential families cannot be computed "
            f"using Bregman divergences; got {type(p).__name__} and {type(q).__name__}"
        )
    thetas = [theta.detach().requires_grad_() for theta in p._natural_params]
    normalizer = p._log_normalizer(*thetas)
    means = grad(normalizer.sum(), thetas, create_graph=True)
    result = q._log_normalizer(*q._natural_params) - normalizer
    for there, here, mean in zip(q._natural_params, thetas, means, strict=True):
        term = (there - here) * mean
        result = result - _sum_rightmost(term, len(q.event_shape))
    return result


@register_kl(Gamma, Gamma)
def _gamma(p: Any, q: Any) -> Any:
    a, b = p.concentration, q.concentration
    return (
        b * (p.rate / q.rate).log()
        + b.lgamma()
        - a.lgamma()
        + (a - b) * a.digamma()
        + (q.rate - p.rate) * (a / p.rate)
    )


@register_kl(Geometric, Geometric)
def _geometric(p: Any, q: Any) -> Any:
    return -p.entropy() - (-q.probs).log1p() / p.probs - q.logits


@register_kl(Gumbel, Gumbel)
def _gumbel(p: Any, q: Any) -> Any:
    ratio = p.scale / q.scale
    apart = (q.loc - p.loc) / q.scale
    far = (apart + (1 + ratio).lgamma()).exp()
    return -ratio.log() - apart + ratio * euler_constant + far - (1 + euler_constant)


@register_kl(HalfNormal, HalfNormal)
def _half_normal(p: Any, q: Any) -> Any:
    return _normal(p.base_dist, q.base_dist)


@register_kl(Laplace, Laplace)
def _laplace(p: Any, q: Any) -> Any:
    ratio = p.scale / q.scale
    apart = (p.loc - q.loc).abs()
    return apart / q.scale + ratio * (-apart / p.scale).exp() - ratio.log() - 1


@register_kl(Normal, Normal)
def _normal(p: Any, q: Any) -> Any:
    ratio = (p.scale / q.scale).pow(2)
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale).pow(2) - 1 - ratio.log())


@register_kl(Pareto, Pareto)
def _pareto(p: Any, q: Any) -> Any:
    ratio = q.alpha / p.alpha
    kl = q.alpha * (p.scale / q.scale).log() - ratio.log() + ratio - 1
    return where(p.support.lower_bound < q.support.lower_bound, math.inf, kl)


@register_kl(Poisson, Poisson)
def _poisson(p: Any, q: Any) -> Any:
    return p.rate * (p.rate.log() - q.rate.log()) - (p.rate - q.rate)


@register_kl(Uniform, Uniform)
def _uniform(p: Any, q: Any) -> Any:
    kl = ((q.high - q.low) / (p.high - p.low)).log()
    return where((q.low > p.low) | (q.high < p.high), math.inf, kl)


@register_kl(Cauchy, Cauchy)
def _cauchy(p: Any, q: Any) -> Any:
    apart = (p.scale + q.scale).pow(2) + (p.loc - q.loc).pow(2)
    return apart.log() - (4 * p.scale * q.scale).log()


@register_kl(Independent, Independent)
def _independent(p: Any, q: Any) -> Any:
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError(
            "KL of Independent distributions with different reinterpreted_batch_ndims: "
            f"{p.reinterpreted_batch_ndims} and {q.reinterpreted_batch_ndims}"
        )
    return _sum_rightmost(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)


@register_kl(TransformedDistribution, TransformedDistribution)
def _transformed(p: Any, q: Any) -> Any:
    if p.transforms != q.transforms:
        raise NotImplementedError("KL of TransformedDistributions with different transforms")
    if p.event_shape != q.event_shape:
        raise NotImplementedError("KL of TransformedDistributions with different event shapes")
    extra = len(p.event_shape) - len(p.base_dist.event_shape)
    return _sum_rightmost(kl_divergence(p.base_dist, q.base_dist), extra)


# Multivariate normal distributions ---------------------------------------------------


def _same_size(p: Any, q: Any) -> None:
    if p.event_shape != q.event_shape:
        raise ValueError(
            "KL-divergence between two Multivariate Normals with different event shapes "
            f"cannot be computed: {p.event_shape} and {q.event_shape}"
        )


def _squares(matrix: Any) -> Any:
    """The trace of ``X X'``."""
    return matrix.pow(2).sum((-2, -1))


def _solved(factor: Any, matrix: Any) -> Any:
    shape = broadcast_shapes(factor.shape[:-2], matrix.shape[:-2])
    factor = factor.expand(shape + factor.shape[-2:])
    return solve_triangular(factor, matrix.expand(shape + matrix.shape[-2:]), upper=False)


def _roots(p: Any) -> list[Any]:
    """Matrices whose products with their transposes sum to the covariance."""
    if isinstance(p, LowRankMultivariateNormal):
        return [p._unbroadcasted_cov_factor, p._unbroadcasted_cov_diag.sqrt().diag_embed()]
    return [p._unbroadcasted_scale_tril]


def _log_det(p: Any) -> Any:
    if isinstance(p, LowRankMultivariateNormal):
        return low_rank_log_det(p._unbroadcasted_cov_diag, p._capacitance_tril)
    return 2 * half_log_det(p._unbroadcasted_scale_tril)


def _against_dense(p: Any, q: Any) -> Any:
    _same_size(p, q)
    factor = q._unbroadcasted_scale_tril
    trace = sum(_squares(_solved(factor, root)) for root in _roots(p))
    distance = squared_distance(factor, q.loc - p.loc)
    return 0.5 * (_log_det(q) - _log_det(p) + trace + distance - p.event_shape[0])


def _against_low_rank(p: Any, q: Any) -> Any:
    _same_size(p, q)
    w, d, capacitance = q._unbroadcasted_cov_factor, q._unbroadcasted_cov_diag, q._capacitance_tril
    scale = d.rsqrt().unsqueeze(-1)
    projected = _solved(capacitance, (w / d.unsqueeze(-1)).mT)
    trace = sum(_squares(root * scale) - _squares(projected @ root) for root in _roots(p))
    distance = low_rank_distance(w, d, q.loc - p.loc, capacitance)
    return 0.5 * (_log_det(q) - _log_det(p) + trace + distance - p.event_shape[0])


for _type in (MultivariateNormal, LowRankMultivariateNormal):
    register_kl(_type, MultivariateNormal)(_against_dense)
    register_kl(_type, LowRankMultivariateNormal)(_against_low_rank)


# Two families ------------------------------------------------------------------------


def _gumbel_moment(p: Any, rate: Any) -> Any:
    return (-p.loc * rate + (1 + p.scale * rate).lgamma()).exp()


def _uniform_log(p: Any) -> Any:
    # Only asked for above 0; outside, the divergence is infinite whatever comes out here.
    low = p.low.clamp(min=0)
    return (p.high.xlogy(p.high) - low.xlogy(low)) / (p.high - p.low) - 1


def _uniform_log_rest(p: Any) -> Any:
    low, high = 1 - p.low, (1 - p.high).clamp(min=0)
    return (low.xlogy(low) - high.xlogy(high)) / (p.high - p.low) - 1


def _normal_distance(p: Any, point: Any) -> Any:
    apart = p.loc - point
    z = apart / p.scale
    spread = p.scale * math.sqrt(2 / math.pi) * (-0.5 * z.pow(2)).exp()
    return spread + apart * (z / math.sqrt(2)).erf()


# By class: the means of log x, log(1 - x), exp(-rate x) and |x - point|.
_MOMENTS: dict[str, dict[type, Callable[..., Any]]] = {
    "log": {
        Beta: lambda p: (
            p.concentration1.digamma() - (p.concentration1 + p.concentration0).digamma()
        ),
        Exponential: lambda p: -euler_constant - p.rate.log(),
        Gamma: lambda p: p.concentration.digamma() - p.rate.log(),
        Pareto: lambda p: p.scale.log() + p.alpha.reciprocal(),
        Uniform: _uniform_log,
    },
    "log_rest": {Uniform: _uniform_log_rest},
    "decay": {
        Exponential: lambda p, rate: p.rate / (p.rate + rate),
        Gamma: lambda p, rate: (-p.concentration * (rate / p.rate).log1p()).exp(),
        Gumbel: _gumbel_moment,
        Normal: lambda p, rate: (0.5 * (p.scale * rate).pow(2) - p.loc * rate).exp(),
        Uniform: lambda p, rate: (
            ((-p.low * rate).exp() - (-p.high * rate).exp()) / (rate * (p.high - p.low))
        ),
    },
    "distance": {Normal: _normal_distance},
}


def _moment(name: str, p: Any, *args: Any) -> Any:
    table = _MOMENTS[name]
    return next(table[cls] for cls in type(p).__mro__ if cls in table)(p, *args)


def _under_beta(p: Any, q: Any) -> Any:
    a, b = q.concentration1, q.concentration0
    inside = (a - 1) * _moment("log", p) + (b - 1) * _moment("log_rest", p)
    return inside + (a + b).lgamma() - a.lgamma() - b.lgamma()


def _under_continuous_bernoulli(p: Any, q: Any) -> Any:
    return p.mean * q.logits + (-q.probs).log1p() + q._cont_bern_log_norm()


def _under_exponential(p: Any, q: Any) -> Any:
    return q.rate.log() - q.rate * p.mean


def _under_gamma(p: Any, q: Any) -> Any:
    a, rate = q.concentration, q.rate
    return a * rate.log() - a.lgamma() + (a - 1) * _moment("log", p) - rate * p.mean


def _under_gumbel(p: Any, q: Any) -> Any:
    far = (q.loc / q.scale).exp() * _moment("decay", p, q.scale.reciprocal())
    return (q.loc - p.mean) / q.scale - far - q.scale.log()


def _under_laplace(p: Any, q: Any) -> Any:
    return -_moment("distance", p, q.loc) / q.scale - (2 * q.scale).log()


def _under_normal(p: Any, q: Any) -> Any:
    spread = (p.variance + (p.mean - q.loc).pow(2)) / q.scale.pow(2)
    return -0.5 * (spread + math.log(2 * math.pi)) - q.scale.log()


def _under_pareto(p: Any, q: Any) -> Any:
    return q.alpha.log() + q.alpha * q.scale.log() - (q.alpha + 1) * _moment("log", p)


def _under_poisson(p: Any, q: Any) -> Any:
    return p.mean.xlogy(q.rate) - q.rate  # of a variable that is 0 or 1


def _under_uniform(p: Any, q: Any) -> Any:
    return -(q.high - q.low).log()


def _cross(under: Callable[[Any, Any], Any], p: Any, q: Any) -> Any:
    return -p.entropy() - under(p, q)


def _never(p: Any, q: Any) -> Any:
    """Some samples of p are impossible under q."""
    shape = broadcast_shapes(p.batch_shape, q.batch_shape)
    like = p.mean
    return full(shape, math.inf, dtype=like.dtype, device=like.device)


_EVERYWHERE: dict[type, tuple[tuple[type, Any], ...]] = {
    Bernoulli: ((Poisson, _under_poisson),),
    Beta: (
        (ContinuousBernoulli, _under_continuous_bernoulli),
        (Exponential, _under_exponential),
        (Gamma, _under_gamma),
        (Normal, _under_normal),
    ),
    ContinuousBernoulli: ((Exponential, _under_exponential), (Normal, _under_normal)),
    Exponential: ((Gamma, _under_gamma), (Gumbel, _under_gumbel), (Normal, _under_normal)),
    Gamma: (
        (Exponential, _under_exponential),
        (Gumbel, _under_gumbel),
        (Normal, _under_normal),
    ),
    Gumbel: ((Normal, _under_normal),),
    Laplace: ((Normal, _under_normal),),
    Normal: ((Gumbel, _under_gumbel), (Laplace, _under_laplace)),
    Pareto: (
        (Exponential, _under_exponential),
        (Gamma, _under_gamma),
        (Normal, _under_normal),
    ),
    Uniform: ((Gumbel, _under_gumbel), (Normal, _under_normal)),
}
_NOWHERE: dict[type, tuple[type, ...]] = {
    Beta: (Pareto,),
    ContinuousBernoulli: (Pareto,),
    Exponential: (Beta, ContinuousBernoulli, Pareto, Uniform),
    Gamma: (Beta, ContinuousBernoulli, Pareto, Uniform),
    Gumbel: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Laplace: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Normal: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Pareto: (Beta, ContinuousBernoulli, Uniform),
    Poisson: (Bernoulli, Binomial),
}
for _p, _rules in _EVERYWHERE.items():
    for _q, _under in _rules:
        register_kl(_p, _q)(functools.partial(_cross, _under))
for _p, _others in _NOWHERE.items():
    for _q in _others:
        register_kl(_p, _q)(_never)


# Where the support of q depends on its parameters, or that of p does.
@register_kl(Beta, Uniform)
@register_kl(ContinuousBernoulli, Uniform)
def _unit_interval_uniform(p: Any, q: Any) -> Any:
    return where((q.low > 0) | (q.high < 1), math.inf, _cross(_under_uniform, p, q))


@register_kl(Uniform, Beta)
def _uniform_beta(p: Any, q: Any) -> Any:
    return where((p.low < 0) | (p.high > 1), math.inf, _cross(_under_beta, p, q))


@register_kl(Uniform, ContinuousBernoulli)
def _uniform_continuous_bernoulli(p: Any, q: Any) -> Any:
    kl = _cross(_under_continuous_bernoulli, p, q)
    return where((p.low < 0) | (p.high > 1), math.inf, kl)


@register_kl(Uniform, Exponential)
def _uniform_exponential(p: Any, q: Any) -> Any:
    return where(p.low < 0, math.inf, _cross(_under_exponential, p, q))


@register_kl(Uniform, Gamma)
def _uniform_gamma(p: Any, q: Any) -> Any:
    return where(p.low < 0, math.inf, _cross(_under_gamma, p, q))


@register_kl(Uniform, Pareto)
def _uniform_pareto(p: Any, q: Any) -> Any:
    return where(p.low < q.scale, math.inf, _cross(_under_pareto, p, q))
