"""The von Mises distribution."""

from __future__ import annotations

import math
from typing import Any

from flambeau._autograd.grad_mode import no_grad
from flambeau._ops.distributions import von_mises
from flambeau._tensor.dispatch import run
from flambeau._tensor.functions.special import i0e, i1e
from flambeau.distributions import constraints
from flambeau.distributions.distribution import Distribution
from flambeau.distributions.utils import broadcast_all, lazy_property

__all__ = ["VonMises"]


class VonMises(Distribution):
    """Angles around ``loc``, the more concentrated the greater ``concentration``.

    Samples lie between -pi and pi; values are taken modulo 2 pi.

    Args:
        loc: the centre, an angle.
        concentration: the concentration.
        validate_args: see :class:`Distribution`.

    Follows ``torch.distributions.VonMises``.
    """

    arg_constraints = {"loc": constraints.real, "concentration": constraints.positive}
    support = constraints.real
    has_rsample = False
    _params = {"loc": 0, "concentration": 0}

    def __init__(self, loc: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.loc, self.concentration = broadcast_all(loc, concentration)
        super().__init__(self.loc.size(), validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return self.loc

    @property
    def mode(self) -> Any:
        return self.loc

    @lazy_property
    def variance(self) -> Any:
        """The circular variance."""
        return 1 - i1e(self.concentration) / i0e(self.concentration)

    def sample(self, sample_shape: Any = ()) -> Any:
        shape = tuple(self._extended_shape(sample_shape))
        with no_grad():
            angle = run(von_mises, (self.concentration,), (("size", shape),))
            return (angle + self.loc + math.pi) % (2 * math.pi) - math.pi

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        k = self.concentration
        # i0e is exp(-k) times the Bessel function, which would overflow.
        return k * ((value - self.loc).cos() - 1) - math.log(2 * math.pi) - i0e(k).log()
