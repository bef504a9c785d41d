"""The binomial distribution."""

from __future__ import annotations

from typing import Any

from flambeau._autograd.grad_mode import no_grad
from flambeau._tensor.functions.creation import arange
from flambeau._tensor.functions.random import binomial
from flambeau.distributions import constraints
from flambeau.distributions._odds import Odds, which
from flambeau.distributions.distribution import Distribution
from flambeau.distributions.utils import broadcast_all
from flambeau.nn.functional import softplus

__all__ = ["Binomial"]


class Binomial(Odds, Distribution):
    """The number of successes among ``total_count`` trials.

    Args:
        total_count: how many trials; a number, or a tensor.
        probs: probabilities of success; or
        logits: their log odds.
        validate_args: see :class:`Distribution`.

    ``enumerate_support`` and ``entropy`` have as many terms as there are trials: a ``total_count``
    given as a tensor is read for them.

    Follows ``torch.distributions.Binomial``.
    """

    arg_constraints = {
        "total_count": constraints.nonnegative_integer,
        "probs": constraints.unit_interval,
        "logits": constraints.real,
    }
    has_enumerate_support = True
    _params = {"total_count": 0, "probs": 0, "logits": 0}
    _kept = ("_given", "_trials")

    def __init__(
        self,
        total_count: Any = 1,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        self._given = which(probs, logits)
        self._trials = int(total_count) if isinstance(total_count, (int, float)) else None
        param = logits if probs is None else probs
        count, self.__dict__[self._given] = broadcast_all(total_count, param)
        self.total_count = count.type_as(self._param)
        super().__init__(self._param.size(), validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> Any:
        return constraints.integer_interval(0, self.total_count)

    @property
    def mean(self) -> Any:
        return self.total_count * self.probs

    @property
    def mode(self) -> Any:
        return ((self.total_count + 1) * self.probs).floor().clamp(max=self.total_count)

    @property
    def variance(self) -> Any:
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Any:
        shape = self._extended_shape(sample_shape)
        with no_grad():
            return binomial(self.total_count.expand(shape), self.probs.expand(shape))

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        n = self.total_count
        ways = (n + 1).lgamma() - (value + 1).lgamma() - (n - value + 1).lgamma()
        return ways + value * self.logits - n * softplus(self.logits)

    def _same_trials(self) -> int:
        if self._trials is None:
            counts = self.total_count.detach()
            most = int(counts.max().item())
            if counts.min().item() != most:
                raise NotImplementedError(
                    "Inhomogeneous total count not supported by `entropy` and `enumerate_support`."
                )
            return most
        return self._trials

    def entropy(self) -> Any:
        self._same_trials()
        log_prob = self.log_prob(self.enumerate_support(False))
        return -(log_prob.exp() * log_prob).sum(0)

    def enumerate_support(self, expand: bool = True) -> Any:
        count = self._same_trials() + 1
        values = arange(count, dtype=self._param.dtype, device=self._param.device)
        values = values.reshape((-1,) + (1,) * len(self._batch_shape))
        return values.expand((-1,) + tuple(self._batch_shape)) if expand else values
