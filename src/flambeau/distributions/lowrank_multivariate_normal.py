"""Multivariate normal distributions whose covariance is of low rank but for its diagonal."""

from __future__ import annotations

import math
from typing import Any

from flambeau._tensor.functions.creation import eye
from flambeau._tensor.functions.linalg import cholesky, solve_triangular
from flambeau._tensor.functions.random import randn
from flambeau._tensor.functions.shape import broadcast_shapes
from flambeau.distributions import constraints
from flambeau.distributions.distribution import Distribution
from flambeau.distributions.multivariate_normal import half_log_det, squared_distance
from flambeau.distributions.utils import lazy_property

__all__ = ["LowRankMultivariateNormal"]


def capacitance_factor(w: Any, d: Any) -> Any:
    r"""The Cholesky factor of :math:`I + W^T D^{-1} W`."""
    unit = eye(w.shape[-1], dtype=w.dtype, device=w.device)
    return cholesky(unit + (w / d.unsqueeze(-1)).mT @ w)


def low_rank_log_det(d: Any, capacitance: Any) -> Any:
    r"""The log determinant of :math:`D + WW^T`."""
    return 2 * half_log_det(capacitance) + d.log().sum(-1)


def low_rank_distance(w: Any, d: Any, difference: Any, capacitance: Any) -> Any:
    r"""The squared Mahalanobis distance for :math:`D + WW^T`, by Woodbury's identity."""
    scaled = difference / d
    inside = (w.mT @ scaled.unsqueeze(-1)).squeeze(-1)
    return (difference * scaled).sum(-1) - squared_distance(capacitance, inside)


class LowRankMultivariateNormal(Distribution):
    r"""Normal vectors with covariance :math:`WW^T + D`, at a cost that grows with the rank.

    Args:
        loc: the mean.
        cov_factor: W, with as many columns as the rank.
        cov_diag: the diagonal of D.
        validate_args: see :class:`Distribution`.

    Raises:
        ValueError: something has too few dimensions, or sizes do not fit.

    Follows ``torch.distributions.LowRankMultivariateNormal``.
    """

    arg_constraints = {
        "loc": constraints.real_vector,
        "cov_factor": constraints.independent(constraints.real, 2),
        "cov_diag": constraints.independent(constraints.positive, 1),
    }
    support = constraints.real_vector
    has_rsample = True
    _params = {
        "loc": 1,
        "cov_factor": 2,
        "cov_diag": 1,
        "covariance_matrix": 2,
        "precision_matrix": 2,
        "scale_tril": 2,
    }
    _kept = ("_unbroadcasted_cov_factor", "_unbroadcasted_cov_diag", "_capacitance_tril")

    def __init__(
        self, loc: Any, cov_factor: Any, cov_diag: Any, validate_args: bool | None = None
    ) -> None:
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        event = loc.shape[-1:]
        if cov_factor.dim() < 2:
            raise ValueError(
                "cov_factor must be at least two-dimensional, with optional leading batch "
                "dimensions"
            )
        if cov_factor.shape[-2:-1] != event:
            raise ValueError(
                f"cov_factor must be a batch of matrices with shape {event[0]} x m, "
                f"got {cov_factor.shape}"
            )
        if cov_diag.shape[-1:] != event:
            raise ValueError(
                f"cov_diag must be a batch of vectors with shape {event}, got {cov_diag.shape}"
            )
        try:
            batch = broadcast_shapes(loc.shape[:-1], cov_factor.shape[:-2], cov_diag.shape[:-1])
        except RuntimeError as error:
            raise ValueError(
                f"Incompatible batch shapes: loc {loc.shape}, cov_factor {cov_factor.shape}, "
                f"cov_diag {cov_diag.shape}"
            ) from error
        self.loc = loc.expand(batch + event)
        self.cov_factor = cov_factor.expand(batch + cov_factor.shape[-2:])
        self.cov_diag = cov_diag.expand(batch + event)
        super().__init__(batch, event, validate_args=validate_args)
        self._unbroadcasted_cov_factor = cov_factor
        self._unbroadcasted_cov_diag = cov_diag
        self._capacitance_tril = capacitance_factor(cov_factor, cov_diag)

    @property
    def mean(self) -> Any:
        return self.loc

    @property
    def mode(self) -> Any:
        return self.loc

    @lazy_property
    def variance(self) -> Any:
        rows = self._unbroadcasted_cov_factor.pow(2).sum(-1) + self._unbroadcasted_cov_diag
        return rows.expand(self._batch_shape + self._event_shape)

    def _whole(self, matrix: Any) -> Any:
        return matrix.expand(self._batch_shape + self._event_shape + self._event_shape)

    @lazy_property
    def scale_tril(self) -> Any:
        """The lower Cholesky factor of the covariance matrix."""
        root = self._unbroadcasted_cov_diag.sqrt().unsqueeze(-1)
        scaled = self._unbroadcasted_cov_factor / root
        unit = eye(scaled.shape[-2], dtype=scaled.dtype, device=scaled.device)
        return self._whole(root * cholesky(scaled @ scaled.mT + unit))

    @lazy_property
    def covariance_matrix(self) -> Any:
        """The covariance matrix."""
        w, d = self._unbroadcasted_cov_factor, self._unbroadcasted_cov_diag
        return self._whole(w @ w.mT + d.diag_embed())

    @lazy_property
    def precision_matrix(self) -> Any:
        """The inverse of the covariance matrix."""
        w, d = self._unbroadcasted_cov_factor, self._unbroadcasted_cov_diag
        scaled = (w / d.unsqueeze(-1)).mT
        factor = self._capacitance_tril.expand(scaled.shape[:-1] + scaled.shape[-2:-1])
        root = solve_triangular(factor, scaled, upper=False)
        return self._whole(d.reciprocal().diag_embed() - root.mT @ root)

    def rsample(self, sample_shape: Any = ()) -> Any:
        shape = self._extended_shape(sample_shape)
        like = {"dtype": self.loc.dtype, "device": self.loc.device}
        common = randn(shape[:-1] + self.cov_factor.shape[-1:], **like).unsqueeze(-1)
        own = randn(shape, **like)
        shared = (self._unbroadcasted_cov_factor @ common).squeeze(-1)
        return self.loc + shared + self._unbroadcasted_cov_diag.sqrt() * own

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        w, d = self._unbroadcasted_cov_factor, self._unbroadcasted_cov_diag
        distance = low_rank_distance(w, d, value - self.loc, self._capacitance_tril)
        log_det = low_rank_log_det(d, self._capacitance_tril)
        return -0.5 * (self._event_shape[0] * math.log(2 * math.pi) + log_det + distance)

    def entropy(self) -> Any:
        log_det = low_rank_log_det(self._unbroadcasted_cov_diag, self._capacitance_tril)
        each = 0.5 * (self._event_shape[0] * (1.0 + math.log(2 * math.pi)) + log_det)
        return each.expand(self._batch_shape)
