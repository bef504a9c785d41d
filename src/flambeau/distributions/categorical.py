"""The categorical distribution."""

from __future__ import annotations

import math
from typing import Any

from flambeau._autograd.grad_mode import no_grad
from flambeau._tensor.dtypes import finfo, int64
from flambeau._tensor.functions.creation import arange, full
from flambeau._tensor.functions.random import multinomial
from flambeau._tensor.functions.shape import broadcast_tensors
from flambeau._tensor.size import Size
from flambeau.distributions import constraints
from flambeau.distributions._odds import Odds, which
from flambeau.distributions.distribution import Distribution

__all__ = ["Categorical"]


class Categorical(Odds, Distribution):
    """The index of a category, 0 to ``K - 1``.

    Args:
        probs: weights of the categories over the last dimension, normalized to sum 1; or
        logits: unnormalized log probabilities.
        validate_args: see :class:`Distribution`.

    Raises:
        ValueError: the parameter has no dimension.

    Example:
        >>> import flambeau as torch
        >>> d = torch.distributions.Categorical(torch.tensor([0.0, 3.0, 0.0]))
        >>> d.sample(), d.log_prob(torch.tensor(1)).exp()
        (tensor(1), tensor(1.0000))

    Follows ``torch.distributions.Categorical``.
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    has_enumerate_support = True
    _binary = False
    _params = {"probs": 1, "logits": 1}
    _kept = ("_given", "_num_events")

    def __init__(
        self, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        self._given = which(probs, logits)
        param = logits if probs is None else probs
        if param.dim() < 1:
            raise ValueError(f"`{self._given}` parameter must be at least one-dimensional.")
        if probs is None:
            param = param - param.logsumexp(-1, keepdim=True)
        else:
            param = param / param.sum(-1, keepdim=True)
        self.__dict__[self._given] = param
        self._num_events = param.shape[-1]
        super().__init__(param.shape[:-1], validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> Any:
        return constraints.integer_interval(0, self._num_events - 1)

    def _undefined(self) -> Any:
        dtype, device = self.probs.dtype, self.probs.device
        return full(self._extended_shape(), math.nan, dtype=dtype, device=device)

    @property
    def mean(self) -> Any:
        return self._undefined()

    @property
    def mode(self) -> Any:
        return self.probs.argmax(-1)

    @property
    def variance(self) -> Any:
        return self._undefined()

    def sample(self, sample_shape: Any = ()) -> Any:
        sample_shape = Size(sample_shape)
        rows = self.probs.detach().reshape(-1, self._num_events)
        with no_grad():
            drawn = multinomial(rows, sample_shape.numel(), True)
        return drawn.T.reshape(self._extended_shape(sample_shape))

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        value = value.to(int64).unsqueeze(-1)
        value, log_probs = broadcast_tensors(value, self.logits)
        return log_probs.gather(-1, value[..., :1]).squeeze(-1)

    def entropy(self) -> Any:
        # A category of probability 0 counts 0, not NaN.
        logits = self.logits.clamp(min=finfo(self.logits.dtype).min)
        return -(logits * self.probs).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Any:
        values = arange(self._num_events, dtype=int64, device=self._param.device)
        values = values.reshape((-1,) + (1,) * len(self._batch_shape))
        return values.expand((-1,) + tuple(self._batch_shape)) if expand else values
