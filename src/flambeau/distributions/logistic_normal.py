"""The logistic-normal distribution."""

from __future__ import annotations

from typing import Any

from flambeau.distributions import constraints
from flambeau.distributions.independent import Independent
from flambeau.distributions.normal import Normal
from flambeau.distributions.transformed_distribution import TransformedDistribution
from flambeau.distributions.transforms import StickBreakingTransform

__all__ = ["LogisticNormal"]


class LogisticNormal(TransformedDistribution):
    """A normal vector, brought to the simplex by :class:`StickBreakingTransform`.

    Args:
        loc: the means.
        scale: the standard deviations.
        validate_args: see :class:`Distribution`.

    Follows ``torch.distributions.LogisticNormal``.
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.simplex
    has_rsample = True
    _params = {}

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        base = Normal(loc, scale, validate_args=validate_args)
        if not base.batch_shape:
            base = base.expand((1,))
        super().__init__(base, StickBreakingTransform(), validate_args=validate_args)

    def _normal(self) -> Any:
        found = self.base_dist
        return found.base_dist if isinstance(found, Independent) else found

    @property
    def loc(self) -> Any:
        """The means."""
        return self._normal().loc

    @property
    def scale(self) -> Any:
        """The standard deviations."""
        return self._normal().scale
