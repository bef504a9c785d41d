"""The multivariate normal distribution."""

from __future__ import annotations

import math
from typing import Any

from flambeau._tensor.functions.creation import eye
from flambeau._tensor.functions.linalg import cholesky, cholesky_solve, solve_triangular
from flambeau._tensor.functions.random import randn
from flambeau._tensor.functions.shape import broadcast_shapes
from flambeau.distributions import constraints
from flambeau.distributions.distribution import Distribution
from flambeau.distributions.utils import lazy_property

__all__ = ["MultivariateNormal"]


def half_log_det(factor: Any) -> Any:
    """Half the log determinant of the matrix whose Cholesky factor is given."""
    return factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)


def squared_distance(factor: Any, difference: Any) -> Any:
    """The squared Mahalanobis distance, for a covariance matrix's Cholesky factor."""
    # As many right-hand sides of one matrix as share it: a copy of it for each would be larger.
    samples = difference.dim() - factor.dim() + 1
    if samples > 0 and factor.dim() == 2:
        flat = difference.reshape(-1, factor.shape[-1]).T
        return (
            solve_triangular(factor, flat, upper=False).pow(2).sum(0).reshape(difference.shape[:-1])
        )
    shape = broadcast_shapes(factor.shape[:-2], difference.shape[:-1])
    factor = factor.expand(shape + factor.shape[-2:])
    white = solve_triangular(
        factor, difference.expand(shape + difference.shape[-1:]).unsqueeze(-1), upper=False
    )
    return white.pow(2).sum((-2, -1))


def factor_of_inverse(precision: Any) -> Any:
    """The Cholesky factor of a precision matrix's inverse, without forming the inverse."""
    # With P turned upside down = MM', the inverse of M' turned back is lower triangular.
    flipped = cholesky(precision.flip((-2, -1))).flip((-2, -1)).mT
    unit = eye(precision.shape[-1], dtype=precision.dtype, device=precision.device)
    return solve_triangular(flipped, unit.expand(flipped.shape), upper=False)


def inverse_of(factor: Any) -> Any:
    """The inverse of the matrix whose Cholesky factor is given."""
    unit = eye(factor.shape[-1], dtype=factor.dtype, device=factor.device)
    return cholesky_solve(unit.expand(factor.shape), factor)


class MultivariateNormal(Distribution):
    """Normal vectors with a mean and a covariance matrix, given in one of three ways.

    Args:
        loc: the mean.
        covariance_matrix: a positive definite matrix; or
        precision_matrix: its inverse; or
        scale_tril: its lower Cholesky factor, which saves computing it.
        validate_args: see :class:`Distribution`.

    Raises:
        ValueError: not exactly one of the three is given, or one has too few dimensions.

    Example:
        >>> import flambeau as torch
        >>> d = torch.distributions.MultivariateNormal(torch.zeros(2), torch.eye(2))
        >>> d.log_prob(torch.zeros(2))
        tensor(-1.8379)

    Follows ``torch.distributions.MultivariateNormal``.
    """

    arg_constraints = {
        "loc": constraints.real_vector,
        "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite,
        "scale_tril": constraints.lower_cholesky,
    }
    support = constraints.real_vector
    has_rsample = True
    _params = {
        "loc": 1,
        "covariance_matrix": 2,
        "precision_matrix": 2,
        "scale_tril": 2,
    }
    _kept = ("_unbroadcasted_scale_tril",)

    def __init__(
        self,
        loc: Any,
        covariance_matrix: Any = None,
        precision_matrix: Any = None,
        scale_tril: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        name, matrix = one_matrix(covariance_matrix, precision_matrix, scale_tril)
        batch = broadcast_shapes(matrix.shape[:-2], loc.shape[:-1])
        self.__dict__[name] = matrix.expand(batch + matrix.shape[-2:])
        self.loc = loc.expand(batch + loc.shape[-1:])
        super().__init__(batch, self.loc.shape[-1:], validate_args=validate_args)
        self._unbroadcasted_scale_tril = factor_from(name, matrix)

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

    def _whole(self, matrix: Any) -> Any:
        return matrix.expand(self._batch_shape + self._event_shape + self._event_shape)

    @property
    def mean(self) -> Any:
        return self.loc

    @property
    def mode(self) -> Any:
        return self.loc

    @property
    def variance(self) -> Any:
        rows = self._unbroadcasted_scale_tril.pow(2).sum(-1)
        return rows.expand(self._batch_shape + self._event_shape)

    def rsample(self, sample_shape: Any = ()) -> Any:
        shape = self._extended_shape(sample_shape)
        noise = randn(shape, dtype=self.loc.dtype, device=self.loc.device).unsqueeze(-1)
        return self.loc + (self._unbroadcasted_scale_tril @ noise).squeeze(-1)

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        factor = self._unbroadcasted_scale_tril
        distance = squared_distance(factor, value - self.loc)
        k = self._event_shape[0]
        return -0.5 * (k * math.log(2 * math.pi) + distance) - half_log_det(factor)

    def entropy(self) -> Any:
        k = self._event_shape[0]
        each = half_log_det(self._unbroadcasted_scale_tril)
        return (0.5 * k * (1.0 + math.log(2 * math.pi)) + each).expand(self._batch_shape)


def one_matrix(covariance: Any, precision: Any, tril: Any) -> tuple[str, Any]:
    """Which of the three matrices was given, and the matrix.

    Raises:
        ValueError: not exactly one was, or it has too few dimensions.
    """
    every = {"covariance_matrix": covariance, "precision_matrix": precision, "scale_tril": tril}
    given = [(name, matrix) for name, matrix in every.items() if matrix is not None]
    if len(given) != 1:
        raise ValueError(
            "Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified."
        )
    name, matrix = given[0]
    if matrix.dim() < 2:
        raise ValueError(
            f"{name} must be at least two-dimensional, with optional leading batch dimensions"
        )
    return name, matrix


def factor_from(name: str, matrix: Any) -> Any:
    """The lower Cholesky factor of the covariance, whichever of the three matrices is given."""
    if name == "scale_tril":
        return matrix
    return cholesky(matrix) if name == "covariance_matrix" else factor_of_inverse(matrix)
