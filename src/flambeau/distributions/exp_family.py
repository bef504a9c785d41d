"""Exponential families. Follows ``torch.distributions.exp_family``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flambeau._tensor.gradients import grad
from flambeau.distributions.distribution import Distribution

__all__ = ["ExponentialFamily"]


class ExponentialFamily(Distribution):
    r"""Distributions with density :math:`\exp(\langle t(x), \theta \rangle - F(\theta) + k(x))`.

    A subclass gives the natural parameters :math:`\theta`, the log normalizer :math:`F` and the
    mean of the carrier measure :math:`k`; entropy and divergence follow by differentiating
    :math:`F` (Nielsen and Nock, *Entropies and Cross-entropies of Exponential Families*, 2010).

    Follows ``torch.distributions.ExponentialFamily``.
    """

    @property
    def _natural_params(self) -> tuple[Any, ...]:
        raise NotImplementedError

    def _log_normalizer(self, *natural_params: Any) -> Any:
        raise NotImplementedError

    if TYPE_CHECKING:
        _mean_carrier_measure: Any
    else:

        @property
        def _mean_carrier_measure(self) -> float:
            raise NotImplementedError

    def entropy(self) -> Any:
        params = [p.detach().requires_grad_() for p in self._natural_params]
        normalizer = self._log_normalizer(*params)
        slopes = grad(normalizer.sum(), params, create_graph=True)
        result = normalizer - self._mean_carrier_measure
        for theta, mean in zip(params, slopes, strict=True):
            result = result - (theta * mean).reshape(self._batch_shape + (-1,)).sum(-1)
        return result
