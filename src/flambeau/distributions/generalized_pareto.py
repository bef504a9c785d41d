"""The generalized Pareto distribution."""

from __future__ import annotations

import math
from typing import Any

from flambeau._tensor.functions.indexing import where
from flambeau._tensor.functions.random import rand
from flambeau.distributions import constraints
from flambeau.distributions.distribution import Distribution
from flambeau.distributions.utils import broadcast_all

__all__ = ["GeneralizedPareto"]

_ZERO = 1e-8


class GeneralizedPareto(Distribution):
    """The distribution of what exceeds a high threshold.

    Args:
        loc: the threshold.
        scale: the scale.
        concentration: the shape of the tail; 0 is the exponential distribution.
        validate_args: see :class:`Distribution`.

    Follows ``torch.distributions.GeneralizedPareto``.
    """

    arg_constraints = {
        "loc": constraints.real,
        "scale": constraints.positive,
        "concentration": constraints.real,
    }
    has_rsample = True
    _params = {"loc": 0, "scale": 0, "concentration": 0}

    def __init__(
        self, loc: Any, scale: Any, concentration: Any, validate_args: bool | None = None
    ) -> None:
        self.loc, self.scale, self.concentration = broadcast_all(loc, scale, concentration)
        super().__init__(self.loc.size(), validate_args=validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:
        end = self.loc - self.scale / self.concentration
        upper = where(self.concentration < 0, end, math.inf)
        return constraints.interval(self.loc, upper)

    def _tail(self) -> tuple[Any, Any]:
        """Whether the concentration is 0, and the concentration with 1 in these places."""
        flat = self.concentration.abs() <= _ZERO
        return flat, where(flat, 1.0, self.concentration)

    def _z(self, value: Any) -> Any:
        return (value - self.loc) / self.scale

    @property
    def mean(self) -> Any:
        mean = self.loc + self.scale / (1 - self.concentration)
        return where(self.concentration < 1, mean, math.nan)

    @property
    def mode(self) -> Any:
        return self.loc

    @property
    def variance(self) -> Any:
        c = self.concentration
        valid = c < 0.5
        c = where(valid, c, 0.25)
        return where(valid, self.scale**2 / ((1 - c) ** 2 * (1 - 2 * c)), math.nan)

    def rsample(self, sample_shape: Any = ()) -> Any:
        shape = self._extended_shape(sample_shape)
        return self.icdf(rand(shape, dtype=self.loc.dtype, device=self.loc.device))

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        flat, c = self._tail()
        z = self._z(value)
        power = 1 / c + 1
        # A concentration of -1 is the uniform distribution, up to its very end.
        fall = where(power == 0, 0.0, power * (c * z).log1p())
        return -self.scale.log() - where(flat, z, fall)

    def log_survival_function(self, value: Any) -> Any:
        """The logarithm of the probability of a sample above ``value``."""
        if self._validate_args:
            self._validate_sample(value)
        flat, c = self._tail()
        z = self._z(value)
        return -where(flat, z, (c * z).log1p() / c)

    def log_cdf(self, value: Any) -> Any:
        """The logarithm of :meth:`cdf`."""
        return (-self.log_survival_function(value).exp()).log1p()

    def cdf(self, value: Any) -> Any:
        return self.log_cdf(value).exp()

    def icdf(self, value: Any) -> Any:
        flat, c = self._tail()
        survived = (-value).log1p()
        return self.loc + self.scale * where(flat, -survived, (-c * survived).expm1() / c)

    def entropy(self) -> Any:
        return (self.scale.log() + self.concentration + 1).expand(self._batch_shape)
