"""Student's t-distribution."""

from __future__ import annotations

import math
from typing import Any

from flambeau._tensor.functions.indexing import where
from flambeau._tensor.functions.random import randn
from flambeau.distributions import constraints
from flambeau.distributions.chi2 import Chi2
from flambeau.distributions.distribution import Distribution
from flambeau.distributions.utils import broadcast_all

__all__ = ["StudentT"]


class StudentT(Distribution):
    """Student's t-distribution, moved and scaled.

    Args:
        df: degrees of freedom.
        loc: the centre.
        scale: the scale.
        validate_args: see :class:`Distribution`.

    Follows ``torch.distributions.StudentT``.
    """

    arg_constraints = {
        "df": constraints.positive,
        "loc": constraints.real,
        "scale": constraints.positive,
    }
    support = constraints.real
    has_rsample = True
    _params = {"df": 0, "loc": 0, "scale": 0}

    def __init__(
        self, df: Any, loc: Any = 0.0, scale: Any = 1.0, validate_args: bool | None = None
    ) -> None:
        self.df, self.loc, self.scale = broadcast_all(df, loc, scale)
        self._chi2 = Chi2(self.df, validate_args=False)
        super().__init__(self.df.size(), validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = super().expand(batch_shape, _instance)
        new._chi2 = self._chi2.expand(batch_shape)
        return new

    @property
    def mean(self) -> Any:
        return self.loc.masked_fill(self.df <= 1, math.nan)

    @property
    def mode(self) -> Any:
        return self.loc

    @property
    def variance(self) -> Any:
        df = self.df
        wide = where(df > 2, self.scale.pow(2) * df / (df - 2), math.inf)
        return where(df > 1, wide, math.nan)

    def rsample(self, sample_shape: Any = ()) -> Any:
        shape = self._extended_shape(sample_shape)
        noise = randn(shape, dtype=self.df.dtype, device=self.df.device)
        return self.loc + self.scale * noise * (self._chi2.rsample(sample_shape) / self.df).rsqrt()

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        df = self.df
        z = (value - self.loc) / self.scale
        half = 0.5 * (df + 1.0)
        constant = half.lgamma() - (0.5 * df).lgamma() - 0.5 * (math.pi * df).log()
        return constant - self.scale.log() - half * (z**2 / df).log1p()

    def entropy(self) -> Any:
        df = self.df
        a, b = 0.5 * df, 0.5 * (df + 1.0)
        beta = a.lgamma() + math.lgamma(0.5) - b.lgamma()
        return self.scale.log() + b * (b.digamma() - a.digamma()) + 0.5 * df.log() + beta
