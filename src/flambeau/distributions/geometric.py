"""The geometric distribution."""

from __future__ import annotations

from typing import Any

from flambeau._autograd.grad_mode import no_grad
from flambeau._tensor.dtypes import finfo
from flambeau._tensor.functions.creation import zeros_like
from flambeau._tensor.functions.indexing import where
from flambeau._tensor.functions.random import rand
from flambeau.distributions import constraints
from flambeau.distributions._odds import Odds, which
from flambeau.distributions.distribution import Distribution
from flambeau.distributions.utils import broadcast_all
from flambeau.nn.functional import binary_cross_entropy_with_logits

__all__ = ["Geometric"]


class Geometric(Odds, Distribution):
    """How many trials fail before the first success: 0, 1, ...

    Args:
        probs: probabilities of success, above 0; or
        logits: their log odds.
        validate_args: see :class:`Distribution`.

    Follows ``torch.distributions.Geometric``.
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.nonnegative_integer
    _params = {"probs": 0, "logits": 0}
    _kept = ("_given",)

    def __init__(
        self, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        self._given = which(probs, logits)
        (self.__dict__[self._given],) = broadcast_all(logits if probs is None else probs)
        super().__init__(self._param.size(), validate_args=validate_args)
        if self._validate_args and probs is not None:
            self._require(self.probs, constraints.positive, "probs")

    @property
    def mean(self) -> Any:
        return 1.0 / self.probs - 1.0

    @property
    def mode(self) -> Any:
        return zeros_like(self.probs)

    @property
    def variance(self) -> Any:
        return (1.0 / self.probs - 1.0) / self.probs

    def sample(self, sample_shape: Any = ()) -> Any:
        shape = self._extended_shape(sample_shape)
        with no_grad():
            u = rand(shape, dtype=self.probs.dtype, device=self.probs.device)
            u = u.clamp(min=finfo(self.probs.dtype).tiny)
            return (u.log() / (-self.probs).log1p()).floor()

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        value, probs = broadcast_all(value, self.probs)
        # No failure among trials that never fail has probability 1, not 0 * -inf.
        sure = (probs == 1) & (value == 0)
        return value * (-where(sure, 0.0, probs)).log1p() + self.probs.log()

    def entropy(self) -> Any:
        each = binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")
        return each / self.probs
