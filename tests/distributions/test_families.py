"""Every distribution against PyTorch's: densities, moments, entropies, shapes, reprs, gradients."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import pytest

import flambeau
import flambeau.distributions
from tests.distributions.cases import CASES, REAL, build, dtype_of, wrapped
from tests.oracle import assert_close, to_numpy, torch

pytestmark = pytest.mark.filterwarnings("ignore:Low df values")
CLOSE = {"rtol": 1e-6, "atol": 1e-8}


def outcome(call: Any) -> Any:
    """A result, or the class of the error instead."""
    try:
        return call()
    except (NotImplementedError, AttributeError) as error:
        return type(error)


def close(ours: Any, theirs: Any) -> None:
    """Beyond the rounding of float32, whatever the case's dtype is."""
    single = theirs.dtype is torch.float32
    assert_close(ours, theirs, **({"rtol": 1e-5, "atol": 1e-6} if single else CLOSE))


def same(ours: Any, theirs: Any) -> None:
    ours, theirs = outcome(ours), outcome(theirs)
    if isinstance(theirs, type):
        assert ours is theirs
    else:
        close(ours, theirs)


def score(library: Any, name: str) -> Any:
    return library.tensor(CASES[name][2], dtype=dtype_of(library, name))


def test_mode_of_kumaraswamy() -> None:
    d = flambeau.distributions.Kumaraswamy(2.0, 3.0)
    x = flambeau.linspace(0.01, 0.99, 99)
    assert abs(x[d.log_prob(x).argmax()].item() - d.mode.item()) < 0.01


def answers(library: Any, name: str) -> tuple[Any, dict[str, Any]]:
    """A case's distribution, and all it answers; nothing is read in between."""
    dist, params = build(library, name, grad=True)
    value = score(library, name)
    quantiles = library.tensor([0.1, 0.5, 0.8], dtype=value.dtype)
    found: dict[str, Any] = {"log_prob": dist.log_prob(value)}
    for moment in ("mean", "mode", "variance", "stddev"):
        found[moment] = outcome(lambda m=moment: getattr(dist, m))
    for call in ("entropy", "perplexity"):
        found[call] = outcome(getattr(dist, call))
    found["cdf"] = outcome(lambda: dist.cdf(value))
    found["icdf"] = outcome(lambda: dist.icdf(quantiles))
    for expand in (True, False):
        found[f"support {expand}"] = outcome(lambda e=expand: dist.enumerate_support(expand=e))
    leaves = {k: v for k, v in params.items() if isinstance(v, library.Tensor)}
    if leaves:
        slopes = library.autograd.grad(found["log_prob"].sum(), list(leaves.values()))
        found.update(zip(leaves, slopes, strict=True))
    return dist, found


@pytest.mark.parametrize("name", CASES)
def test_against_pytorch(name: str) -> None:
    (ours, found), (theirs, wanted) = answers(flambeau, name), answers(torch, name)
    for key, want in wanted.items():
        if isinstance(want, type):
            assert found[key] is want, key
        elif (name, key) != ("Kumaraswamy", "mode"):  # PyTorch's is the log of a negative number
            close(found[key], want)
    assert repr(ours) == repr(theirs)
    assert repr(ours.support) == repr(theirs.support)
    assert ours.batch_shape == theirs.batch_shape
    assert ours.event_shape == theirs.event_shape
    assert ours.has_rsample == theirs.has_rsample
    assert ours.has_enumerate_support == theirs.has_enumerate_support

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's Wishart calls sound samples singular
        got, want = ours.sample((2, 4)), theirs.sample((2, 4))
        pathwise = outcome(lambda: theirs.rsample().requires_grad)
    assert got.shape == want.shape
    assert str(got.dtype) == str(want.dtype)
    assert not got.requires_grad
    assert bool(ours.support.check(got).all())
    assert outcome(lambda: ours.rsample().requires_grad) == pathwise


@pytest.mark.parametrize("name", CASES)
def test_expand(name: str) -> None:
    ours, _ = build(flambeau, name)
    theirs, _ = build(torch, name)
    shape = (4, *ours.batch_shape)
    ours, theirs = ours.expand(shape), theirs.expand(shape)
    assert type(ours).__name__ == type(theirs).__name__
    assert ours.batch_shape == theirs.batch_shape == shape
    assert ours.event_shape == theirs.event_shape
    assert repr(ours) == repr(theirs)
    value, their_value = score(flambeau, name), score(torch, name)
    if len(shape) == 1:  # one for each entry of the batch before
        value, their_value = value[0], their_value[0]
    close(ours.log_prob(value), theirs.log_prob(their_value))
    assert ours.sample((2,)).shape == (2, *shape, *ours.event_shape)


@pytest.mark.parametrize("name", wrapped(torch))
def test_made_of_others(name: str) -> None:
    ours, theirs = wrapped(flambeau)[name](), wrapped(torch)[name]()
    assert repr(ours) == repr(theirs)
    assert (ours.batch_shape, ours.event_shape) == (theirs.batch_shape, theirs.event_shape)
    for moment in ("mean", "mode", "variance"):
        same(lambda m=moment: getattr(ours, m), lambda m=moment: getattr(theirs, m))
    same(ours.entropy, theirs.entropy)
    drawn = ours.sample((3,))
    assert drawn.shape == theirs.sample((3,)).shape
    value = torch.tensor(to_numpy(drawn))
    assert_close(ours.log_prob(drawn), theirs.log_prob(value), rtol=1e-5, atol=1e-6)
    same(lambda: ours.cdf(drawn), lambda: theirs.cdf(value))
    if name.startswith("Transformed"):
        quantile = [0.1, 0.5, 0.8]
        same(
            lambda: ours.icdf(flambeau.tensor(quantile, dtype=flambeau.float64)),
            lambda: theirs.icdf(torch.tensor(quantile, dtype=torch.float64)),
        )
    shape = (4, *ours.batch_shape)
    ours, theirs = ours.expand(shape), theirs.expand(shape)
    assert repr(ours) == repr(theirs)
    assert ours.sample((2,)).shape == theirs.sample((2,)).shape
    assert_close(ours.log_prob(drawn[0]), theirs.log_prob(value[0]), rtol=1e-5, atol=1e-6)


def errors_of(library: Any) -> dict[str, Any]:
    d, t = library.distributions, library.tensor
    s, p = t([1.0, 2.0]), t([0.5, 0.3])
    return {
        "negative number": lambda: d.Normal(0.0, -1.0),
        "negative tensor": lambda: d.Normal(s, -s),
        "computed": lambda: d.Normal(library.zeros(2), -library.ones(2)),
        "neither": d.Bernoulli,
        "both": lambda: d.Bernoulli(p, p),
        "no dimension": lambda: d.Categorical(p.sum()),
        "fraction": lambda: d.Poisson(s).log_prob(p),
        "count": lambda: d.Binomial(p, p),
        "number to score": lambda: d.Poisson(s).log_prob(1.0),
        "shape": lambda: d.Normal(s, s).log_prob(library.ones(3)),
        "event": lambda: d.Dirichlet(s).log_prob(library.ones(3) / 3),
        "ends": lambda: d.Uniform(2.0, 1.0),
        "scalar": lambda: d.Dirichlet(t(1.0)),
        "no rsample": lambda: d.Poisson(s).rsample(),
        "no support": lambda: d.Poisson(s).enumerate_support(),
        "no cdf": lambda: d.Poisson(s).cdf(s),
        "no entropy": lambda: d.Poisson(s).entropy(),
        "definite": lambda: d.MultivariateNormal(s, -library.eye(2)),
        "no matrix": lambda: d.MultivariateNormal(s),
        "counts": lambda: d.Multinomial(p, p),
        "kind": lambda: d.Normal("a", 1.0),
        "dim": lambda: d.LKJCholesky(1),
        "wishart": lambda: d.Wishart(t(0.5), library.eye(2)),
        "expand": lambda: d.Gamma(s, 1.0).expand((3,)),
        "independent": lambda: d.Independent(d.Normal(s, s), 3),
        "factor": lambda: d.LowRankMultivariateNormal(s, s, s),
        "default": lambda: d.Distribution.set_default_validate_args(3),
        "mixture": lambda: d.MixtureSameFamily(p, p),
        "dependent": lambda: d.constraints.dependent.check(s),
        "transforms": lambda: d.TransformedDistribution(d.Normal(s, s), 3),
        "needs a vector": lambda: d.TransformedDistribution(
            d.Normal(0.0, 1.0), d.StickBreakingTransform()
        ),
        "kl": lambda: d.kl_divergence(d.Normal(s, s), d.Poisson(s)),
        "biject": lambda: d.biject_to(d.constraints.boolean),
        "geometric": lambda: d.Geometric(t([0.0])),
        "wide": lambda: d.Categorical(t([0.5, 0.5])).log_prob(t(2)),
    }


# Words of ours that say more than PyTorch's.
_FREE = {"counts", "default", "kind", "mixture", "independent", "kl", "geometric", "expand"}


@pytest.mark.parametrize("name", errors_of(torch))
def test_errors(name: str) -> None:
    with pytest.raises(Exception) as theirs:
        errors_of(torch)[name]()
    with pytest.raises(theirs.type) as ours:
        errors_of(flambeau)[name]()
    if name not in _FREE:
        assert str(ours.value).startswith(str(theirs.value))


def test_validation_can_be_off() -> None:
    d = flambeau.distributions
    bad = d.Normal(flambeau.zeros(2), -flambeau.ones(2), validate_args=False)
    assert bad.expand((3, 2))._validate_args is False
    bad.log_prob(flambeau.full((2,), float("nan")))
    assert d.Distribution._validate_args is True
    d.Distribution.set_default_validate_args(False)
    try:
        d.Normal(0.0, -1.0)
        d.Bernoulli(0.5).log_prob(flambeau.tensor(3.0))
    finally:
        d.Distribution.set_default_validate_args(True)
    with pytest.raises(ValueError, match="found invalid values"):
        d.Normal(0.0, -1.0)


def test_a_class_of_ones_own() -> None:
    """With ``expand`` as PyTorch's own classes write it, and without."""
    d = flambeau.distributions

    class Shifted(d.Normal):
        def __init__(self, shift: Any) -> None:
            super().__init__(shift, 1.0)

    with pytest.raises(NotImplementedError, match=re.escape("custom .expand()")):
        Shifted(flambeau.zeros(2)).expand((3, 2))

    class Point(d.Distribution):
        arg_constraints = {"at": d.constraints.real}
        support = d.constraints.real

        def __init__(self, at: Any, validate_args: Any = None) -> None:
            self.at = at
            super().__init__(at.shape, validate_args=validate_args)

        def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
            new = self._get_checked_instance(Point, _instance)
            new.at = self.at.expand(batch_shape)
            super(Point, new).__init__(flambeau.Size(batch_shape), validate_args=False)
            new._validate_args = self._validate_args
            return new

        def rsample(self, sample_shape: Any = ()) -> Any:
            return self.at.expand(self._extended_shape(sample_shape))

    point = Point(flambeau.tensor(REAL)).expand((2, 3))
    assert repr(point) == "Point(at: torch.Size([2, 3]))"
    assert point.sample((4,)).shape == (4, 2, 3)
    with pytest.raises(ValueError, match="parameter at"):
        Point(flambeau.tensor([float("nan")]))

    class Bare(d.Distribution):
        pass

    with pytest.warns(UserWarning, match="does not define `arg_constraints`"):
        bare = Bare()
    with pytest.raises(NotImplementedError):
        bare.expand((2,))


def test_shapes_of_samples_and_scores_broadcast() -> None:
    d = flambeau.distributions.Normal(flambeau.zeros(3, 1), flambeau.ones(4))
    assert d.batch_shape == (3, 4)
    assert d.log_prob(flambeau.zeros(2, 1, 4)).shape == (2, 3, 4)
    with pytest.warns(FutureWarning, match="sample_n"):
        assert d.sample_n(5).shape == (5, 3, 4)


def test_float32_and_numbers_keep_the_default_dtype() -> None:
    d = flambeau.distributions
    assert d.Normal(0.0, 1.0).sample().dtype is flambeau.float32
    mixed = d.Normal(flambeau.zeros(2, dtype=flambeau.float64), 1)
    assert mixed.scale.dtype is flambeau.float64
    assert np.isfinite(d.Beta(1e-3, 1e-3).log_prob(d.Beta(1e-3, 1e-3).sample((64,))).numpy()).all()
