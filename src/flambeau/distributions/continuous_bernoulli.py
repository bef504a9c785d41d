"""The continuous Bernoulli distribution."""

from __future__ import annotations

import math
from typing import Any

from flambeau._autograd.grad_mode import no_grad
from flambeau._tensor.functions.indexing import where
from flambeau._tensor.functions.random import rand
from flambeau.distributions import constraints
from flambeau.distributions._odds import Odds, which
from flambeau.distributions._validation import require
from flambeau.distributions.exp_family import ExponentialFamily
from flambeau.distributions.utils import (
    broadcast_all,
    clamp_probs,
    lazy_property,
    logits_to_probs,
)
from flambeau.nn.functional import binary_cross_entropy_with_logits

__all__ = ["ContinuousBernoulli"]


class ContinuousBernoulli(Odds, ExponentialFamily):
    r"""Density :math:`\propto \lambda^x (1 - \lambda)^{1 - x}` on [0, 1].

    Args:
        probs: lambda, in (0, 1); or
        logits: its log odds.
        lims: between these, where the exact expressions lose digits, series are used.
        validate_args: see :class:`Distribution`.

    From Loaiza-Ganem and Cunningham, *The continuous Bernoulli*, 2019. Follows
    ``torch.distributions.ContinuousBernoulli``.
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    has_rsample = True
    _mean_carrier_measure = 0
    _params = {"probs": 0, "logits": 0}
    _kept = ("_given", "_lims")

    def __init__(
        self,
        probs: Any = None,
        logits: Any = None,
        lims: tuple[float, float] = (0.499, 0.501),
        validate_args: bool | None = None,
    ) -> None:
        self._given = which(probs, logits)
        (param,) = broadcast_all(logits if probs is None else probs)
        if probs is not None:
            # Looked at before it is clamped; afterwards everything but NaN would pass.
            if validate_args is not None:
                inside = self.arg_constraints["probs"].check(param)
                require(
                    inside, lambda note: ValueError(f"The parameter probs has invalid values{note}")
                )
            param = clamp_probs(param)
        self.__dict__[self._given] = param
        self._lims = lims
        super().__init__(param.size(), validate_args=validate_args)

    @lazy_property
    def probs(self) -> Any:
        """Lambda."""
        return clamp_probs(logits_to_probs(self.logits, is_binary=True))

    def _stable(self) -> Any:
        """Where the exact expressions hold."""
        low, high = self._lims
        return (self.probs <= low) | (self.probs > high)

    def _away(self) -> Any:
        """The parameter, replaced where it is too close to a half."""
        return where(self._stable(), self.probs, self._lims[0])

    def _either(self, exact: Any, series: Any) -> Any:
        return where(self._stable(), exact, series)

    def _cont_bern_log_norm(self) -> Any:
        p = self._away()
        odds = (-p).log1p() - p.log()
        exact = (odds / (1.0 - 2.0 * p)).abs().log()
        d = (self.probs - 0.5) ** 2
        return self._either(exact, math.log(2.0) + (4.0 / 3.0 + 104.0 / 45.0 * d) * d)

    @property
    def mean(self) -> Any:
        p = self._away()
        exact = p / (2.0 * p - 1.0) + 1.0 / ((-p).log1p() - p.log())
        d = self.probs - 0.5
        return self._either(exact, 0.5 + (1.0 / 3.0 + 16.0 / 45.0 * d**2) * d)

    @property
    def stddev(self) -> Any:
        return self.variance.sqrt()

    @property
    def variance(self) -> Any:
        p = self._away()
        exact = p * (p - 1.0) / (1.0 - 2.0 * p) ** 2 + 1.0 / ((-p).log1p() - p.log()) ** 2
        d = (self.probs - 0.5) ** 2
        return self._either(exact, 1.0 / 12.0 - (1.0 / 15.0 - 128.0 / 945.0 * d) * d)

    def rsample(self, sample_shape: Any = ()) -> Any:
        shape = self._extended_shape(sample_shape)
        return self.icdf(rand(shape, dtype=self.probs.dtype, device=self.probs.device))

    def sample(self, sample_shape: Any = ()) -> Any:
        with no_grad():
            return self.rsample(sample_shape)

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        fit = -binary_cross_entropy_with_logits(logits, value, reduction="none")
        return fit + self._cont_bern_log_norm()

    def cdf(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        p = self._away()
        exact = (p.pow(value) * (1.0 - p).pow(1.0 - value) + p - 1.0) / (2.0 * p - 1.0)
        inside = self._either(exact, value)
        return where(value <= 0.0, 0.0, where(value >= 1.0, 1.0, inside))

    def icdf(self, value: Any) -> Any:
        p = self._away()
        rest = (-p).log1p()
        exact = ((value * (2.0 * p - 1.0) - p).log1p() - rest) / (p.log() - rest)
        return self._either(exact, value)

    def entropy(self) -> Any:
        zero, one = (-self.probs).log1p(), self.probs.log()
        return self.mean * (zero - one) - self._cont_bern_log_norm() - zero

    @property
    def _natural_params(self) -> tuple[Any, ...]:
        return (self.logits,)

    def _log_normalizer(self, x: Any) -> Any:
        low, high = self._lims[0] - 0.5, self._lims[1] - 0.5
        stable = (x <= low) | (x > high)
        away = where(stable, x, low)
        exact = (away.expm1() / away).abs().log()
        return where(stable, exact, 0.5 * x + x**2 / 24.0 - x**4 / 2880.0)
