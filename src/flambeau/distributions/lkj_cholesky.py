"""The LKJ distribution of correlation matrices, by their Cholesky factors."""

from __future__ import annotations

import math
from typing import Any

from flambeau._autograd.grad_mode import no_grad
from flambeau._tensor.dtypes import finfo
from flambeau._tensor.functions.creation import arange
from flambeau._tensor.functions.random import randn
from flambeau._tensor.functions.special import mvlgamma
from flambeau._tensor.size import Size
from flambeau.distributions import constraints
from flambeau.distributions.beta import Beta
from flambeau.distributions.distribution import Distribution
from flambeau.distributions.utils import broadcast_all

__all__ = ["LKJCholesky"]


class LKJCholesky(Distribution):
    r"""Cholesky factors L of correlation matrices with density :math:`\propto |LL^T|^{\eta - 1}`
    over the matrices.

    Args:
        dim: the size of the matrices.
        concentration: eta; 1 makes all correlation matrices equally probable.
        validate_args: see :class:`Distribution`.

    Raises:
        ValueError: ``dim`` is below 2.

    From Lewandowski, Kurowicka and Joe, *Generating random correlation matrices based on vines
    and extended onion method*, 2009. Follows ``torch.distributions.LKJCholesky``.
    """

    arg_constraints = {"concentration": constraints.positive}
    support = constraints.corr_cholesky
    _params = {"concentration": 0}
    _kept = ("dim",)

    def __init__(
        self, dim: int, concentration: Any = 1.0, validate_args: bool | None = None
    ) -> None:
        if dim < 2:
            raise ValueError(
                f"Expected dim to be an integer greater than or equal to 2. Found dim={dim}."
            )
        self.dim = dim
        (self.concentration,) = broadcast_all(concentration)
        # Of row i + 1 of a factor, what stands left of the diagonal has a beta squared norm;
        # the first row has nothing there.
        like = {"dtype": self.concentration.dtype, "device": self.concentration.device}
        i = (arange(dim, **like) - 1).clamp(min=0)
        most = (self.concentration + 0.5 * (dim - 2)).unsqueeze(-1)
        self._beta = Beta(0.5 * i + 0.5, most - 0.5 * i, validate_args=False)
        super().__init__(self.concentration.size(), Size((dim, dim)), validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = super().expand(batch_shape, _instance)
        new._beta = self._beta.expand(new._batch_shape + (self.dim,))
        return new

    def sample(self, sample_shape: Any = ()) -> Any:
        with no_grad():
            squared = self._beta.sample(sample_shape).unsqueeze(-1)
            shape = self._extended_shape(sample_shape)
            direction = randn(shape, dtype=squared.dtype, device=squared.device).tril(-1)
            length = (direction * direction).sum(-1, keepdim=True)
            tiny = finfo(squared.dtype).tiny
            w = squared.sqrt() * direction / length.clamp(min=tiny).sqrt()
            rest = (1 - (w * w).sum(-1)).clamp(min=tiny)
            return w + rest.sqrt().diag_embed()

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        d = self.dim
        eta = self.concentration
        below = arange(2, d + 1, dtype=eta.dtype, device=eta.device)
        power = 2 * (eta - 1).unsqueeze(-1) + d - below
        diagonal = value.diagonal(dim1=-1, dim2=-2)[..., 1:]
        alpha = eta + 0.5 * (d - 1)
        volume = mvlgamma(alpha - 0.5, d - 1) - (d - 1) * alpha.lgamma()
        volume = volume + 0.5 * (d - 1) * math.log(math.pi)
        return (power * diagonal.log()).sum(-1) - volume
