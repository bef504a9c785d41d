"""A distribution seen through transforms."""

from __future__ import annotations

from typing import Any

from flambeau._autograd.grad_mode import no_grad
from flambeau._tensor.size import Size
from flambeau.distributions import constraints
from flambeau.distributions.distribution import Distribution
from flambeau.distributions.independent import Independent
from flambeau.distributions.transforms import ComposeTransform, Transform
from flambeau.distributions.utils import _sum_rightmost

__all__ = ["TransformedDistribution"]


class TransformedDistribution(Distribution):
    r"""The distribution of :math:`y = f(x)` for a sample x of another one.

    Args:
        base_distribution: the distribution of x.
        transforms: f, or a list of transforms, the first applied first.
        validate_args: see :class:`Distribution`.

    Raises:
        ValueError: the transforms are none, or need more dimensions than there are.

    Example:
        >>> import flambeau as torch
        >>> from flambeau.distributions import AffineTransform, Normal, TransformedDistribution
        >>> d = TransformedDistribution(Normal(0.0, 1.0), [AffineTransform(1.0, 2.0)])
        >>> d.log_prob(torch.tensor(1.0))
        tensor(-1.6121)

    Follows ``torch.distributions.TransformedDistribution``.
    """

    arg_constraints = {}
    _params = {}

    def __init__(
        self,
        base_distribution: Any,
        transforms: Any,
        validate_args: bool | None = None,
    ) -> None:
        if isinstance(transforms, Transform):
            transforms = [transforms]
        elif not isinstance(transforms, list):
            raise ValueError(f"transforms must be a Transform or list, but was {transforms}")
        elif not all(isinstance(t, Transform) for t in transforms):
            raise ValueError("transforms must be a Transform or a list of Transforms")
        self.transforms = transforms
        whole = ComposeTransform(transforms)
        takes, gives = whole.domain.event_dim, whole.codomain.event_dim

        event_dim = len(base_distribution.event_shape)
        shape = base_distribution.batch_shape + base_distribution.event_shape
        if len(shape) < takes:
            raise ValueError(
                f"base_distribution needs to have shape with size at least {takes}, "
                f"but got {shape}."
            )
        reached = Size(whole.forward_shape(shape))
        # The transforms' own parameters may have more entries than the base.
        wanted = Size(whole.inverse_shape(reached))
        if shape != wanted:
            base_distribution = base_distribution.expand(wanted[: len(wanted) - event_dim])
        if takes > event_dim:
            base_distribution = Independent(base_distribution, takes - event_dim)
        self.base_dist = base_distribution

        cut = len(reached) - max(gives, event_dim + gives - takes)
        super().__init__(reached[:cut], reached[cut:], validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = super().expand(batch_shape, _instance)
        shape = new._batch_shape + self._event_shape
        for transform in reversed(self.transforms):
            shape = transform.inverse_shape(shape)
        new.base_dist = self.base_dist.expand(
            Size(shape[: len(shape) - len(self.base_dist.event_shape)])
        )
        new.transforms = self.transforms
        return new

    def _reached(self) -> Any:
        if not self.transforms:
            return self.base_dist.support
        support = self.transforms[-1].codomain
        missing = len(self._event_shape) - support.event_dim
        return constraints.independent(support, missing) if missing > 0 else support

    support: Any = constraints.dependent_property(_reached, is_discrete=False)

    has_rsample: Any = property(lambda self: self.base_dist.has_rsample)

    def _through(self, x: Any) -> Any:
        for transform in self.transforms:
            x = transform(x)
        return x

    def sample(self, sample_shape: Any = ()) -> Any:
        with no_grad():
            return self._through(self.base_dist.sample(sample_shape))

    def rsample(self, sample_shape: Any = ()) -> Any:
        return self._through(self.base_dist.rsample(sample_shape))

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        event_dim = len(self._event_shape)
        slopes: Any = 0.0
        y = value
        for transform in reversed(self.transforms):
            x = transform.inv(y)
            takes = transform.domain.event_dim
            event_dim += takes - transform.codomain.event_dim
            slope = transform.log_abs_det_jacobian(x, y)
            slopes = slopes + _sum_rightmost(slope, event_dim - takes)
            y = x
        base = self.base_dist.log_prob(y)
        return _sum_rightmost(base, event_dim - len(self.base_dist.event_shape)) - slopes

    def _rising(self, value: Any) -> Any:
        """A probability, or its complement where the transforms fall."""
        sign: Any = 1
        for transform in self.transforms:
            sign = sign * transform.sign
        if isinstance(sign, int) and sign == 1:
            return value
        return sign * (value - 0.5) + 0.5

    def cdf(self, value: Any) -> Any:
        for transform in reversed(self.transforms):
            value = transform.inv(value)
        if self._validate_args:
            self.base_dist._validate_sample(value)
        return self._rising(self.base_dist.cdf(value))

    def icdf(self, value: Any) -> Any:
        return self._through(self.base_dist.icdf(self._rising(value)))
