"""Normalization within one example."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np

from flambeau.nn import _core, init
from flambeau.nn import functional as F
from flambeau.nn.module import Module
from flambeau.nn.parameter import Parameter

__all__ = ["CrossMapLRN2d", "GroupNorm", "LayerNorm", "LocalResponseNorm", "RMSNorm"]


class LocalResponseNorm(Module):
    """Divides each channel by what its neighbours add up to.

    Args:
        size: how many neighbouring channels count.
        alpha: the weight of their squares.
        beta: the exponent.
        k: added to the sum.

    Follows ``torch.nn.LocalResponseNorm``.
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, input: Any) -> Any:
        """Normalize ``input``."""
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        """All arguments."""
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


class CrossMapLRN2d(Module):
    """The older :class:`LocalResponseNorm` for images, whose window is always odd.

    Args:
        size: how many neighbouring channels count; an even number counts as one less.
        alpha: the weight of their squares.
        beta: the exponent.
        k: added to the sum.

    Follows ``torch.nn.CrossMapLRN2d``.
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1) -> None:
        super().__init__()
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, input: Any) -> Any:
        """Normalize ``input``."""
        window = _core.host_tensor(
            _window(input.size(1), self.size).astype(_core.numpy_dtype(input)), input.device
        )
        sums = (input.square().movedim(1, -1) @ window).movedim(-1, 1)
        return input * (self.k + sums * (self.alpha / self.size)) ** -self.beta

    def extra_repr(self) -> str:
        """All arguments."""
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


def _window(channels: int, size: int) -> np.ndarray:
    """Which channels (rows) count for which (columns), as PyTorch's running sum has it.

    That sum takes the first channel in and never out again.
    """
    reach = (size + 1) // 2
    row, column = np.ogrid[:channels, :channels]
    near = abs(row - column) < reach
    return near | ((row == 0) & (column >= reach))


def _as_shape(normalized_shape: Any) -> tuple[int, ...]:
    if isinstance(normalized_shape, numbers.Integral):
        return (int(normalized_shape),)
    return tuple(normalized_shape)


class LayerNorm(Module):
    r"""Normalizes over the last dimensions, and scales and shifts each element.

    Args:
        normalized_shape: the sizes of the last dimensions; one int for the last alone.
        eps: added to the variance.
        elementwise_affine: whether to scale and shift by learned parameters.
        bias: whether to shift, if ``elementwise_affine``.
        device: where the parameters live.
        dtype: their dtype.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.LayerNorm(2)(torch.tensor([[1.0, 3.0]])).detach().round(decimals=3)
        tensor([[-1.,  1.]])

    Follows ``torch.nn.LayerNorm``.
    """

    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self,
        normalized_shape: Any,
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _as_shape(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        where = {"device": device, "dtype": dtype}
        shape = self.normalized_shape
        for name, wanted in (
            ("weight", elementwise_affine),
            ("bias", elementwise_affine and bias),
        ):
            made = Parameter(_core.empty(shape, **where)) if wanted else None
            self.register_parameter(name, made)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the scale to ones and the shift to zeros."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Any) -> Any:
        """Normalize ``input``."""
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """All arguments."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, "
            f"elementwise_affine={self.elementwise_affine}, bias={self.bias is not None}"
        )


class GroupNorm(Module):
    """Normalizes groups of channels, and scales and shifts each channel.

    Args:
        num_groups: how many groups.
        num_channels: how many channels; a multiple of ``num_groups``.
        eps: added to the variance.
        affine: whether to scale and shift by learned parameters.
        device: where the parameters live.
        dtype: their dtype.
        bias: whether to shift, if ``affine``.

    Raises:
        ValueError: the channels cannot be divided into the groups.

    Follows ``torch.nn.GroupNorm``.
    """

    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if num_channels % num_groups != 0:
            raise ValueError(
                f"num_channels ({num_channels}) must be divisible by num_groups ({num_groups})"
            )
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        where = {"device": device, "dtype": dtype}
        for name, wanted in (("weight", affine), ("bias", affine and bias)):
            made = Parameter(_core.empty((num_channels,), **where)) if wanted else None
            self.register_parameter(name, made)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the scale to ones and the shift to zeros."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Any) -> Any:
        """Normalize ``input``."""
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """All arguments."""
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


class RMSNorm(Module):
    """Divides by the root of the mean square over the last dimensions, and scales.

    Args:
        normalized_shape: the sizes of the last dimensions; one int for the last alone.
        eps: added to the mean square; None means the dtype's machine precision.
        elementwise_affine: whether to scale by learned parameters.
        device: where the parameters live.
        dtype: their dtype.

    Follows ``torch.nn.RMSNorm``.
    """

    weight: Parameter | None

    def __init__(
        self,
        normalized_shape: Any,
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _as_shape(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        where = {"device": device, "dtype": dtype}
        shape = self.normalized_shape
        made = Parameter(_core.empty(shape, **where)) if elementwise_affine else None
        self.register_parameter("weight", made)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the scale to ones."""
        if self.weight is not None:
            init.ones_(self.weight)

    def forward(self, x: Any) -> Any:
        """Normalize ``x``."""
        return F.rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        """All arguments."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
        )
