"""Layers that drop elements or channels at random while training."""

from __future__ import annotations

from typing import Any

from flambeau.nn import functional as F
from flambeau.nn.module import Module

__all__ = [
    "AlphaDropout",
    "Dropout",
    "Dropout1d",
    "Dropout2d",
    "Dropout3d",
    "FeatureAlphaDropout",
]


class _DropoutNd(Module):
    """What the family shares: a probability, and whether to work in place.

    Args:
        p: the probability of dropping, between 0 and 1.
        inplace: whether to overwrite the input.

    Raises:
        ValueError: ``p`` is not a probability.
    """

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if p < 0 or p > 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p = p
        self.inplace = inplace

    def extra_repr(self) -> str:
        """The probability."""
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_DropoutNd):
    """Sets elements to zero with probability ``p`` and scales the others by ``1 / (1 - p)``.

    In evaluation mode it does nothing.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.Dropout(0.5).eval()(torch.ones(2))
        tensor([1., 1.])

    Follows ``torch.nn.Dropout``.
    """

    def forward(self, input: Any) -> Any:
        """Drop elements of ``input``."""
        return F.dropout(input, self.p, self.training, self.inplace)


class Dropout1d(_DropoutNd):
    """Drops whole channels of ``(N, C, L)``. Follows ``torch.nn.Dropout1d``."""

    def forward(self, input: Any) -> Any:
        """Drop channels of ``input``."""
        return F.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(_DropoutNd):
    """Drops whole channels of ``(N, C, H, W)``. Follows ``torch.nn.Dropout2d``."""

    def forward(self, input: Any) -> Any:
        """Drop channels of ``input``."""
        return F.dropout2d(input, self.p, self.training, self.inplace)


class Dropout3d(_DropoutNd):
    """Drops whole channels of ``(N, C, D, H, W)``. Follows ``torch.nn.Dropout3d``."""

    def forward(self, input: Any) -> Any:
        """Drop channels of ``input``."""
        return F.dropout3d(input, self.p, self.training, self.inplace)


class AlphaDropout(_DropoutNd):
    """Dropout that keeps mean and variance of SELU's output.

    Follows ``torch.nn.AlphaDropout``.
    """

    def forward(self, input: Any) -> Any:
        """Drop elements of ``input``."""
        return F.alpha_dropout(input, self.p, self.training)


class FeatureAlphaDropout(_DropoutNd):
    """Alpha dropout of whole channels. Follows ``torch.nn.FeatureAlphaDropout``."""

    def forward(self, input: Any) -> Any:
        """Drop channels of ``input``."""
        return F.feature_alpha_dropout(input, self.p, self.training)
