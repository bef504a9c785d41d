"""Mixtures of distributions of one family."""

from __future__ import annotations

from typing import Any

from flambeau._autograd.grad_mode import no_grad
from flambeau._tensor.functions.special import log_softmax
from flambeau._tensor.size import Size
from flambeau.distributions import constraints
from flambeau.distributions.categorical import Categorical
from flambeau.distributions.constraints import MixtureSameFamilyConstraint
from flambeau.distributions.distribution import Distribution

__all__ = ["MixtureSameFamily"]


class MixtureSameFamily(Distribution):
    """A component drawn at random, then a sample of it.

    Args:
        mixture_distribution: a :class:`Categorical` over the components.
        component_distribution: a distribution whose last batch dimension is the component.
        validate_args: see :class:`Distribution`.

    Raises:
        ValueError: one is of another kind, or their shapes do not fit.

    Follows ``torch.distributions.MixtureSameFamily``.
    """

    arg_constraints = {}
    has_rsample = False
    _params = {}
    _kept = ("_num_component", "_event_ndims")

    def __init__(
        self,
        mixture_distribution: Any,
        component_distribution: Any,
        validate_args: bool | None = None,
    ) -> None:
        self._mixture_distribution = mixture_distribution
        self._component_distribution = component_distribution
        if not isinstance(mixture_distribution, Categorical):
            raise ValueError(
                "The Mixture distribution needs to be an instance of "
                f"torch.distributions.Categorical, got {type(mixture_distribution).__name__}"
            )
        if not isinstance(component_distribution, Distribution):
            raise ValueError(
                "The Component distribution needs to be an instance of "
                f"torch.distributions.Distribution, got {type(component_distribution).__name__}"
            )
        mixing = mixture_distribution.batch_shape
        batch = component_distribution.batch_shape[:-1]
        for i, j in zip(reversed(mixing), reversed(batch), strict=False):
            if i not in (1, j) and j != 1:
                raise ValueError(
                    f"`mixture_distribution.batch_shape` ({mixing}) is not compatible with "
                    f"`component_distribution.batch_shape`({batch})"
                )
        count = mixture_distribution.logits.shape[-1]
        if count != component_distribution.batch_shape[-1]:
            raise ValueError(
                f"`mixture_distribution component` ({count}) does not equal "
                f"`component_distribution.batch_shape[-1]` "
                f"({component_distribution.batch_shape[-1]})"
            )
        event = component_distribution.event_shape
        self._num_component = count
        self._event_ndims = len(event)
        super().__init__(batch, event, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = super().expand(batch_shape, _instance)
        shape = new._batch_shape
        new._component_distribution = self._component_distribution.expand(
            shape + (self._num_component,)
        )
        new._mixture_distribution = self._mixture_distribution.expand(shape)
        return new

    @constraints.dependent_property
    def support(self) -> Any:
        return MixtureSameFamilyConstraint(self._component_distribution.support)

    @property
    def mixture_distribution(self) -> Any:
        """The distribution over the components."""
        return self._mixture_distribution

    @property
    def component_distribution(self) -> Any:
        """The components."""
        return self._component_distribution

    def _mixed(self, of_components: Any) -> Any:
        """The mean over the components."""
        probs = self._mixture_distribution.probs
        return (probs.reshape(probs.shape + (1,) * self._event_ndims) * of_components).sum(
            -1 - self._event_ndims
        )

    def _pad(self, x: Any) -> Any:
        return x.unsqueeze(-1 - self._event_ndims)

    @property
    def mean(self) -> Any:
        return self._mixed(self._component_distribution.mean)

    @property
    def variance(self) -> Any:
        component = self._component_distribution
        between = (component.mean - self._pad(self.mean)).pow(2.0)
        return self._mixed(component.variance + between)

    def cdf(self, x: Any) -> Any:
        return (
            self._component_distribution.cdf(self._pad(x)) * self._mixture_distribution.probs
        ).sum(-1)

    def log_prob(self, x: Any) -> Any:
        if self._validate_args:
            self._validate_sample(x)
        each = self._component_distribution.log_prob(self._pad(x))
        weights = log_softmax(self._mixture_distribution.logits, -1)
        return (each + weights).logsumexp(-1)

    def sample(self, sample_shape: Any = ()) -> Any:
        with no_grad():
            dim = len(sample_shape) + len(self._batch_shape)
            chosen = self._mixture_distribution.sample(sample_shape)
            samples = self._component_distribution.sample(sample_shape)
            # A mixture with fewer batch dimensions chooses once for all entries it covers.
            shape = Size(sample_shape) + self._batch_shape
            missing = len(shape) - chosen.dim()
            head = Size(chosen.shape[: len(sample_shape)])
            tail = Size(chosen.shape[len(sample_shape) :])
            chosen = chosen.reshape(head + (1,) * missing + tail).expand(shape)
            index = chosen.reshape(shape + (1,) * (self._event_ndims + 1))
            index = index.expand(shape + (1,) + self._event_shape)
            return samples.gather(dim, index).squeeze(dim)

    def __repr__(self) -> str:
        return (
            f"MixtureSameFamily(\n  {self.mixture_distribution},\n  {self.component_distribution})"
        )
