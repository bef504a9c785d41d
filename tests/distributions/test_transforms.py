"""Transforms, constraints and the registries between them, against PyTorch's."""

from __future__ import annotations

from typing import Any

import pytest

import flambeau
import flambeau.distributions as d
from tests.distributions.cases import MATRIX, POSITIVE, REAL, SIMPLEX, TRIL, UNIT
from tests.oracle import assert_close, to_numpy, torch

pytestmark = pytest.mark.usefixtures("eager")
X = [REAL, [0.4, -1.2, 0.7]]


def transforms(library: Any) -> dict[str, Any]:
    """By name: a transform and an argument."""
    m = library.distributions

    def t(value: Any) -> Any:
        return library.tensor(value, dtype=library.float64)

    x, positive = t(X), t([POSITIVE, POSITIVE])
    square = t([MATRIX, TRIL])
    return {
        "abs": (m.AbsTransform(), positive),
        "affine": (m.AffineTransform(1, -2.0), x),
        "affine-tensors": (m.AffineTransform(t(1.0), t(POSITIVE)), x),
        "affine-event": (m.AffineTransform(t(REAL), t(POSITIVE), event_dim=1), x),
        "cat": (m.CatTransform([m.ExpTransform(), m.TanhTransform()], 1, [1, 2]), x),
        "cat-first": (m.CatTransform([m.ExpTransform(), m.SigmoidTransform()]), x),
        "compose": (m.ComposeTransform([m.TanhTransform(), m.StickBreakingTransform()]), x),
        "compose-independent": (
            m.ComposeTransform(
                [m.IndependentTransform(m.ExpTransform(), 1), m.AffineTransform(0.5, 2.0)]
            ),
            x,
        ),
        "corr-cholesky": (m.CorrCholeskyTransform(), x),
        "cumulative": (m.CumulativeDistributionTransform(m.Normal(t(0.3), t(1.6))), x),
        "exp": (m.ExpTransform(), x),
        "exp-inverse": (m.ExpTransform().inv, positive),
        "identity": (m.identity_transform, x),
        "independent": (m.IndependentTransform(m.SigmoidTransform(), 1), x),
        "lower-cholesky": (m.LowerCholeskyTransform(), square),
        "positive-definite": (m.PositiveDefiniteTransform(), square),
        "power": (m.PowerTransform(t(2.5)), positive),
        "power-negative": (m.PowerTransform(t([-1.0, 2.0, 0.5])), positive),
        "reshape": (m.ReshapeTransform((3,), (3, 1)), x),
        "sigmoid": (m.SigmoidTransform(), x),
        "softmax": (m.SoftmaxTransform(), x),
        "softplus": (m.SoftplusTransform(), x),
        "stack": (m.StackTransform([m.ExpTransform(), m.TanhTransform()]), x),
        "stick-breaking": (m.StickBreakingTransform(), x),
        "tanh": (m.TanhTransform(), x),
    }


def attempt(call: Any) -> Any:
    try:
        return call()
    except (NotImplementedError, ValueError) as error:
        return type(error)


@pytest.mark.parametrize("name", transforms(torch))
def test_transform(name: str) -> None:
    ours, x = transforms(flambeau)[name]
    theirs, their_x = transforms(torch)[name]
    assert repr(ours) == repr(theirs)
    assert repr(ours.domain) == repr(theirs.domain)
    assert repr(ours.codomain) == repr(theirs.codomain)
    assert ours.domain.event_dim == theirs.domain.event_dim
    assert ours.bijective == theirs.bijective
    assert attempt(lambda: ours.event_dim) == attempt(lambda: theirs.event_dim)
    sign = attempt(lambda: theirs.sign)
    if isinstance(sign, torch.Tensor):
        assert_close(ours.sign, sign)
    else:
        assert attempt(lambda: ours.sign) == sign
    y, their_y = ours(x), theirs(their_x)
    assert_close(y, their_y)
    assert ours.forward_shape(x.shape) == theirs.forward_shape(their_x.shape) == y.shape
    assert ours.inverse_shape(y.shape) == theirs.inverse_shape(their_y.shape)
    assert_close(ours.inv(y), theirs.inv(their_y), rtol=1e-7, atol=1e-8)
    assert repr(ours.inv) == repr(theirs.inv)
    slope = attempt(lambda: theirs.log_abs_det_jacobian(their_x, their_y))
    if isinstance(slope, type):
        assert attempt(lambda: ours.log_abs_det_jacobian(x, y)) is slope
    else:
        assert_close(ours.log_abs_det_jacobian(x, y), slope, rtol=1e-7, atol=1e-8)
        assert_close(ours.inv.log_abs_det_jacobian(y, x), -slope, rtol=1e-7, atol=1e-8)
    assert ours.inv.inv is ours
    assert ours == ours.inv.inv
    assert ours.inv != ours or name == "identity"


def test_caching() -> None:
    x = flambeau.tensor(REAL)
    for base in (
        d.ExpTransform(),
        d.AffineTransform(1.0, 2.0),
        d.ComposeTransform([d.ExpTransform()]),
    ):
        cached = base.with_cache(1)
        y = cached(x)
        assert cached(x) is y
        assert cached.inv(y) is x
        assert base.inv(base(x)) is not x
        assert cached.with_cache(1) is cached
        assert cached == base
    with pytest.raises(ValueError, match="cache_size"):
        d.ExpTransform(cache_size=2)
    for t in transforms(flambeau).values():
        if not isinstance(t[0], type(d.ExpTransform().inv)):
            assert type(t[0].with_cache(1)) is type(t[0])


def test_equality() -> None:
    assert d.ExpTransform() == d.ExpTransform()
    assert d.ExpTransform() != d.TanhTransform()
    assert d.AffineTransform(flambeau.tensor(1.0), 2.0) == d.AffineTransform(1.0, 2.0)
    assert d.AffineTransform(1.0, 2.0) != d.AffineTransform(1.0, 3.0)
    assert d.PowerTransform(flambeau.tensor(2.0)) == d.PowerTransform(2.0)
    assert d.ExpTransform().inv == d.ExpTransform().inv


def test_refused() -> None:
    x = flambeau.tensor(REAL)
    with pytest.raises(ValueError, match="different numbers"):
        d.ReshapeTransform((2,), (3,))
    with pytest.raises(ValueError, match="Too few dimensions"):
        d.ReshapeTransform((3,), (1, 3)).forward_shape(())
    with pytest.raises(ValueError, match="lower-diagonal"):
        d.CorrCholeskyTransform().forward_shape((4,))
    with pytest.raises(ValueError, match="Too few dimensions"):
        d.IndependentTransform(d.ExpTransform(), 2)(x)
    with pytest.raises(ValueError, match=r"codomain\.event_dim"):
        _ = d.CorrCholeskyTransform().event_dim


def constraints(library: Any) -> dict[str, Any]:
    c = library.distributions.constraints

    def t(value: Any) -> Any:
        return library.tensor(value, dtype=library.float64)

    mixed = t([-1.0, 0.0, 0.5, 1.0, 2.0, float("nan")])
    simplexes = t([*SIMPLEX, [0.5, 0.6, 0.1], [1.2, -0.4, 0.2]])
    matrices = t([MATRIX, MATRIX, [[1.0, 2.0, 0.0], [2.0, 1.0, 0.0], [0.0, 0.0, 1.0]]])
    factors = t([TRIL, [[1.0, 0, 0], [0.6, 0.8, 0], [0, -0.6, 0.8]], [[-1.0, 0, 0]] * 3])
    return {
        "boolean": (c.boolean, mixed),
        "cat": (c.cat([c.positive, c.real], 0, [2, 4]), mixed),
        "corr_cholesky": (c.corr_cholesky, factors),
        "greater_than": (c.greater_than(0.5), mixed),
        "greater_than_eq": (c.greater_than_eq(0.5), mixed),
        "half_open": (c.half_open_interval(0.0, 1.0), mixed),
        "independent": (c.independent(c.nonnegative, 1), simplexes),
        "integer_interval": (c.integer_interval(0, 1), mixed),
        "interval": (c.interval(0.0, t(1.0)), mixed),
        "less_than": (c.less_than(0.5), mixed),
        "lower_cholesky": (c.lower_cholesky, factors),
        "lower_triangular": (c.lower_triangular, factors),
        "mixture": (c.MixtureSameFamilyConstraint(c.positive), mixed),
        "multinomial": (c.multinomial(3), t([[1.0, 2.0], [-1.0, 2.0], [3.0, 2.0]])),
        "nonnegative": (c.nonnegative, mixed),
        "nonnegative_integer": (c.nonnegative_integer, mixed),
        "one_hot": (c.one_hot, t([[1.0, 0.0], [1.0, 1.0], [0.5, 0.5]])),
        "positive": (c.positive, mixed),
        "positive_definite": (c.positive_definite, matrices),
        "positive_integer": (c.positive_integer, mixed),
        "positive_semidefinite": (c.positive_semidefinite, t(MATRIX)),
        "not-semidefinite": (c.positive_semidefinite, -t(MATRIX)),
        "real": (c.real, mixed),
        "real_vector": (c.real_vector, simplexes),
        "simplex": (c.simplex, simplexes),
        "square": (c.square, matrices),
        "not-square": (c.square, simplexes),
        "stack": (
            c.stack([c.positive, c.real], 0),
            t([UNIT, REAL]),
        ),
        "symmetric": (c.symmetric, t([MATRIX, TRIL])),
        "unit_interval": (c.unit_interval, mixed),
    }


@pytest.mark.parametrize("name", constraints(torch))
def test_constraint(name: str) -> None:
    (ours, x), (theirs, their_x) = constraints(flambeau)[name], constraints(torch)[name]
    assert repr(ours) == repr(theirs)
    assert (ours.event_dim, ours.is_discrete) == (theirs.event_dim, theirs.is_discrete)
    assert_close(ours.check(x), theirs.check(their_x))


def test_dependent_constraints() -> None:
    c = d.constraints
    assert c.is_dependent(d.Uniform.support)
    assert not c.is_dependent(d.Normal.support)
    assert d.Uniform.support.event_dim == 0
    with pytest.raises(NotImplementedError, match="event_dim"):
        _ = c.dependent.event_dim
    assert c.dependent(is_discrete=True, event_dim=2).event_dim == 2


REGISTERED = [
    "positive", "nonnegative", "unit_interval", "real", "real_vector", "simplex", "corr_cholesky",
    "less_than", "greater_than", "interval", "half_open", "cat", "stack", "independent",
]  # fmt: skip


@pytest.mark.parametrize("name", REGISTERED)
def test_registries(name: str) -> None:
    """Unconstrained numbers go where PyTorch sends them."""
    for registry in ("biject_to", "transform_to"):
        found = []
        for library in (flambeau, torch):
            constraint = constraints(library)[name][0]
            transform = getattr(library.distributions, registry)(constraint)
            size = 2 if name == "stack" else 6
            x = library.linspace(-1, 1, size, dtype=library.float64)
            y = transform(x)
            assert bool(constraint.check(y).all())
            found.append(y)
        assert_close(*found)


def test_registries_of_matrices_and_of_ones_own() -> None:
    x = flambeau.tensor([MATRIX, TRIL])
    for constraint in (d.constraints.positive_definite, d.constraints.lower_cholesky):
        assert bool(constraint.check(d.transform_to(constraint)(x)).all())
        with pytest.raises(NotImplementedError, match="Cannot transform"):
            d.biject_to(constraint)

    class Big(d.constraints.Constraint):
        pass

    d.biject_to.register(Big, lambda constraint: d.ExpTransform())
    assert d.biject_to(Big()) == d.ExpTransform()
    with pytest.raises(TypeError, match="Constraint subclass"):
        d.biject_to.register(3, lambda constraint: d.ExpTransform())


def test_utils() -> None:
    for library in (flambeau, torch):
        u = library.distributions.utils
        vec = library.arange(6.0)
        mat = u.vec_to_tril_matrix(vec)
        assert mat.tolist() == [[0, 0, 0], [1, 2, 0], [3, 4, 5]]
        assert u.tril_matrix_to_vec(mat).tolist() == vec.tolist()
        assert u.vec_to_tril_matrix(vec[:3], -1).shape == (3, 3)
        assert u.tril_matrix_to_vec(mat, -1).tolist() == [1, 3, 4]
        with pytest.raises(ValueError, match="diag"):
            u.tril_matrix_to_vec(mat, 7)
        a, b = u.broadcast_all(1, library.zeros(2, dtype=library.float64))
        assert str(a.dtype) == "torch.float64"
        assert a.shape == b.shape == (2,)
        probs = library.tensor(UNIT)
        assert to_numpy(u.logits_to_probs(u.probs_to_logits(probs, True), True)) == pytest.approx(
            UNIT, rel=1e-5
        )
    with pytest.raises(ValueError, match="cannot be expressed"):
        d.utils.vec_to_tril_matrix(flambeau.arange(4.0))
