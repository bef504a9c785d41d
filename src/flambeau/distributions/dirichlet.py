"""The Dirichlet distribution."""

from __future__ import annotations

from typing import Any

from flambeau._ops.distributions import sample_dirichlet
from flambeau._tensor.dispatch import run
from flambeau._tensor.functions.indexing import where
from flambeau.distributions import constraints
from flambeau.distributions.exp_family import ExponentialFamily
from flambeau.nn.functional import one_hot

__all__ = ["Dirichlet"]


class Dirichlet(ExponentialFamily):
    r"""Density :math:`\propto \prod_i x_i^{\alpha_i - 1}` on the simplex.

    Args:
        concentration: alpha, over the last dimension.
        validate_args: see :class:`Distribution`.

    Raises:
        ValueError: the concentration has no dimension.

    Follows ``torch.distributions.Dirichlet``.
    """

    arg_constraints = {"concentration": constraints.independent(constraints.positive, 1)}
    support = constraints.simplex
    has_rsample = True
    _params = {"concentration": 1}

    def __init__(self, concentration: Any, validate_args: bool | None = None) -> None:
        if concentration.dim() < 1:
            raise ValueError("`concentration` parameter must be at least one-dimensional.")
        self.concentration = concentration
        shape = concentration.shape
        super().__init__(shape[:-1], shape[-1:], validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return self.concentration / self.concentration.sum(-1, True)

    @property
    def mode(self) -> Any:
        a = self.concentration
        peak = (a - 1).clamp(min=0.0)
        peak = peak / peak.sum(-1, True)
        corner = one_hot(peak.argmax(-1), peak.shape[-1]).to(peak)
        return where((a < 1).all(-1, True), corner, peak)

    @property
    def variance(self) -> Any:
        a = self.concentration
        total = a.sum(-1, True)
        return a * (total - a) / (total.pow(2) * (total + 1))

    def rsample(self, sample_shape: Any = ()) -> Any:
        shape = self._extended_shape(sample_shape)
        return run(sample_dirichlet, (self.concentration.expand(shape),))

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        a = self.concentration
        density = (a - 1.0).xlogy(value).sum(-1)
        return density + a.sum(-1).lgamma() - a.lgamma().sum(-1)

    def entropy(self) -> Any:
        a = self.concentration
        k, total = a.shape[-1], a.sum(-1)
        spread = (k - total) * total.digamma() + ((a - 1.0) * a.digamma()).sum(-1)
        return a.lgamma().sum(-1) - total.lgamma() - spread

    @property
    def _natural_params(self) -> tuple[Any, ...]:
        return (self.concentration,)

    def _log_normalizer(self, x: Any) -> Any:
        return x.lgamma().sum(-1) - x.sum(-1).lgamma()
