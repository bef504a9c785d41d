"""The Wishart distribution."""

from __future__ import annotations

import math
import warnings
from typing import Any

from flambeau._tensor.construct import from_data
from flambeau._tensor.dtypes import finfo
from flambeau._tensor.functions.creation import arange
from flambeau._tensor.functions.indexing import where
from flambeau._tensor.functions.linalg import cholesky_solve, slogdet
from flambeau._tensor.functions.random import randn
from flambeau._tensor.functions.shape import broadcast_shapes
from flambeau._tensor.functions.special import mvlgamma
from flambeau._tensor.tensor import Tensor
from flambeau.distributions import constraints
from flambeau.distributions._validation import known, require
from flambeau.distributions.chi2 import Chi2
from flambeau.distributions.exp_family import ExponentialFamily
from flambeau.distributions.multivariate_normal import (
    factor_from,
    half_log_det,
    inverse_of,
    one_matrix,
)
from flambeau.distributions.utils import lazy_property

__all__ = ["Wishart"]

_LOG_2 = math.log(2.0)


class Wishart(ExponentialFamily):
    """Scatter matrices of ``df`` normal vectors.

    Args:
        df: degrees of freedom, more than the size of the matrices less 1.
        covariance_matrix: the covariance of the vectors; or
        precision_matrix: its inverse; or
        scale_tril: its lower Cholesky factor.
        validate_args: see :class:`Distribution`.

    Raises:
        ValueError: ``df`` is too small, or not exactly one matrix is given.

    Follows ``torch.distributions.Wishart``.
    """

    support = constraints.positive_definite
    has_rsample = True
    _mean_carrier_measure = 0
    _params = {"df": 0, "covariance_matrix": 2, "precision_matrix": 2, "scale_tril": 2}
    _kept = ("_unbroadcasted_scale_tril",)

    @property
    def arg_constraints(self) -> Any:
        return {
            "covariance_matrix": constraints.positive_definite,
            "precision_matrix": constraints.positive_definite,
            "scale_tril": constraints.lower_cholesky,
            "df": constraints.greater_than(self._event_shape[-1] - 1),
        }

    def __init__(
        self,
        df: Any,
        covariance_matrix: Any = None,
        precision_matrix: Any = None,
        scale_tril: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        name, matrix = one_matrix(covariance_matrix, precision_matrix, scale_tril)
        if not isinstance(df, Tensor):
            df = from_data(df, matrix.dtype, matrix.device)
        batch = broadcast_shapes(matrix.shape[:-2], df.shape)
        event = matrix.shape[-2:]
        p = event[-1]
        self.df = df.expand(batch)
        self.__dict__[name] = matrix.expand(batch + event)
        require(
            self.df > p - 1,
            lambda note: ValueError(
                f"Value of df={df} expected to be greater than ndim - 1 = {p - 1}.{note}"
            ),
        )
        if known(self.df >= p) is False:
            warnings.warn(
                "Low df values detected. Singular samples are highly likely to occur for "
                "ndim - 1 < df < ndim.",
                stacklevel=2,
            )
        super().__init__(batch, event, validate_args=validate_args)
        self._unbroadcasted_scale_tril = factor_from(name, matrix)

    @lazy_property
    def _dist_chi2(self) -> Any:
        df = self.df.unsqueeze(-1)
        less = arange(self._event_shape[-1], dtype=df.dtype, device=df.device)
        return Chi2(df - less, validate_args=False)

    def _whole(self, matrix: Any) -> Any:
        return matrix.expand(self._batch_shape + self._event_shape)

    @lazy_property
    def scale_tril(self) -> Any:
        """The lower Cholesky factor of the covariance matrix."""
        return self._whole(self._unbroadcasted_scale_tril)

    @lazy_property
    def covariance_matrix(self) -> Any:
        """The covariance matrix."""
        factor = self._unbroadcasted_scale_tril
        return self._whole(factor @ factor.mT)

    @lazy_property
    def precision_matrix(self) -> Any:
        """The inverse of the covariance matrix."""
        return self._whole(inverse_of(self._unbroadcasted_scale_tril))

    def _of_batch(self, value: Any) -> Any:
        return value.unsqueeze(-1).unsqueeze(-1)

    @property
    def mean(self) -> Any:
        return self._of_batch(self.df) * self.covariance_matrix

    @property
    def mode(self) -> Any:
        factor = self.df - self._event_shape[-1] - 1
        factor = factor.masked_fill(factor <= 0, math.nan)
        return self._of_batch(factor) * self.covariance_matrix

    @property
    def variance(self) -> Any:
        v = self.covariance_matrix
        d = v.diagonal(dim1=-2, dim2=-1)
        return self._of_batch(self.df) * (v.pow(2) + d.unsqueeze(-1) * d.unsqueeze(-2))

    def _bartlett_sampling(self, sample_shape: Any = ()) -> Any:
        """Samples by Bartlett's decomposition: chi variables on the diagonal, normal below."""
        chi = self._dist_chi2.rsample(sample_shape).sqrt()
        chi = chi.clamp(min=finfo(chi.dtype).eps)
        shape = self._extended_shape(sample_shape)
        below = randn(shape, dtype=chi.dtype, device=chi.device).tril(-1)
        factor = self._unbroadcasted_scale_tril @ (below + chi.diag_embed())
        return factor @ factor.mT

    def rsample(self, sample_shape: Any = (), max_try_correction: int | None = None) -> Any:
        """Samples that carry gradients to the parameters.

        Args:
            sample_shape: the shape of the samples.
            max_try_correction: how often a sample that came out singular by rounding is drawn
                again; once by default.
        """
        sample = self._bartlett_sampling(sample_shape)
        for _ in range(1 if max_try_correction is None else max_try_correction):
            sound = self.support.check(sample).unsqueeze(-1).unsqueeze(-1)
            sample = where(sound, sample, self._bartlett_sampling(sample_shape))
        return sample

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        nu, p = self.df, self._event_shape[-1]
        factor = self._unbroadcasted_scale_tril
        shape = broadcast_shapes(factor.shape, value.shape)
        solved = cholesky_solve(value.expand(shape), factor.expand(shape))
        trace = solved.diagonal(dim1=-2, dim2=-1).sum(-1)
        norm = nu * (p * _LOG_2 / 2 + half_log_det(factor)) + mvlgamma(nu / 2, p)
        return (nu - p - 1) / 2 * slogdet(value)[1] - trace / 2 - norm

    def entropy(self) -> Any:
        nu, p = self.df, self._event_shape[-1]
        a = nu / 2
        steps = arange(p, dtype=a.dtype, device=a.device) / 2
        mean_log = (a.unsqueeze(-1) - steps).digamma().sum(-1)
        return (
            (p + 1) * (p * _LOG_2 / 2 + half_log_det(self._unbroadcasted_scale_tril))
            + mvlgamma(a, p)
            - (nu - p - 1) / 2 * mean_log
            + nu * p / 2
        )

    @property
    def _natural_params(self) -> tuple[Any, ...]:
        return -self.precision_matrix / 2, (self.df - self._event_shape[-1] - 1) / 2

    def _log_normalizer(self, x: Any, y: Any) -> Any:
        p = self._event_shape[-1]
        a = y + (p + 1) / 2
        return a * (p * _LOG_2 - slogdet(-2 * x)[1]) + mvlgamma(a, p)
