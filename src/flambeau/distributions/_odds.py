"""Distributions that take either probabilities or logits."""

from __future__ import annotations

from typing import Any

from flambeau._tensor.size import Size
from flambeau._tensor.tensor import Tensor
from flambeau.distributions.utils import lazy_property, logits_to_probs, probs_to_logits


class Odds:
    """``probs`` and ``logits``: one is given, the other computed when asked for."""

    _binary = True
    _given: str

    @lazy_property
    def logits(self) -> Any:
        """The log odds (or, of several categories, the log probabilities)."""
        return probs_to_logits(self.probs, is_binary=self._binary)

    @lazy_property
    def probs(self) -> Any:
        """The probabilities."""
        return logits_to_probs(self.logits, is_binary=self._binary)

    @property
    def _param(self) -> Tensor:
        return self.__dict__[self._given]

    @property
    def param_shape(self) -> Size:
        """The shape of the parameter that was given."""
        return self._param.size()

    def _new(self, *args: Any, **kwargs: Any) -> Any:
        return self._param.new(*args, **kwargs)


def which(probs: Any, logits: Any) -> str:
    """Which of the two was given.

    Raises:
        ValueError: both were, or neither.
    """
    if (probs is None) == (logits is None):
        raise ValueError("Either `probs` or `logits` must be specified, but not both.")
    return "logits" if probs is None else "probs"
