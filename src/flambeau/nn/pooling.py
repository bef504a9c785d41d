"""Pooling: windows of an input reduced to one number each."""

from __future__ import annotations

from typing import Any

from flambeau.nn import functional as F
from flambeau.nn._sizes import spread
from flambeau.nn.module import Module

__all__ = [
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "FractionalMaxPool2d",
    "FractionalMaxPool3d",
    "LPPool1d",
    "LPPool2d",
    "LPPool3d",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
    "MaxUnpool1d",
    "MaxUnpool2d",
    "MaxUnpool3d",
]


class _MaxPoolNd(Module):
    """What max pooling shares, whatever the number of dimensions.

    Args:
        kernel_size: the size of the window.
        stride: the step of the window; its size by default.
        padding: minus infinity on both sides.
        dilation: the distance between elements of the window.
        return_indices: whether to give the places of the maxima too, for unpooling.
        ceil_mode: whether a window may start inside and end outside.
    """

    return_indices: bool
    ceil_mode: bool

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride if stride is not None else kernel_size
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def _pool(self, function: Any, input: Any) -> Any:
        return function(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            ceil_mode=self.ceil_mode,
            return_indices=self.return_indices,
        )

    def extra_repr(self) -> str:
        """All arguments."""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPoolNd):
    """The maximum of windows of ``(N, C, L)``. Follows ``torch.nn.MaxPool1d``."""

    def forward(self, input: Any) -> Any:
        """Pool ``input``."""
        return self._pool(F.max_pool1d, input)


class MaxPool2d(_MaxPoolNd):
    """The maximum of windows of ``(N, C, H, W)``.

    Args:
        kernel_size: the size of the window.
        stride: the step of the window; its size by default.
        padding: minus infinity on both sides.
        dilation: the distance between elements of the window.
        return_indices: whether to give the places of the maxima too, for unpooling.
        ceil_mode: whether a window may start inside and end outside.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.MaxPool2d(2)(torch.arange(16.0).reshape(1, 1, 4, 4))
        tensor([[[[ 5.,  7.],
                  [13., 15.]]]])

    Follows ``torch.nn.MaxPool2d``.
    """

    def forward(self, input: Any) -> Any:
        """Pool ``input``."""
        return self._pool(F.max_pool2d, input)


class MaxPool3d(_MaxPoolNd):
    """The maximum of windows of ``(N, C, D, H, W)``. Follows ``torch.nn.MaxPool3d``."""

    def forward(self, input: Any) -> Any:
        """Pool ``input``."""
        return self._pool(F.max_pool3d, input)


class _MaxUnpoolNd(Module):
    """The partial inverse of max pooling: zeros but for the maxima at their places.

    Args:
        kernel_size: the size of the window.
        stride: the step of the window; its size by default.
        padding: what the pooling had on both sides.
    """

    _dims: int

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        super().__init__()
        self.kernel_size = spread(kernel_size, self._dims)
        self.stride = spread(stride if stride is not None else kernel_size, self._dims)
        self.padding = spread(padding, self._dims)

    def forward(self, input: Any, indices: Any, output_size: Any = None) -> Any:
        """Put ``input`` at ``indices``."""
        unpool = (F.max_unpool1d, F.max_unpool2d, F.max_unpool3d)[self._dims - 1]
        return unpool(input, indices, self.kernel_size, self.stride, self.padding, output_size)

    def extra_repr(self) -> str:
        """All arguments."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpoolNd):
    """The partial inverse of :class:`MaxPool1d`. Follows ``torch.nn.MaxUnpool1d``."""

    _dims = 1


class MaxUnpool2d(_MaxUnpoolNd):
    """The partial inverse of :class:`MaxPool2d`. Follows ``torch.nn.MaxUnpool2d``."""

    _dims = 2


class MaxUnpool3d(_MaxUnpoolNd):
    """The partial inverse of :class:`MaxPool3d`. Follows ``torch.nn.MaxUnpool3d``."""

    _dims = 3


class AvgPool1d(Module):
    """The mean of windows of ``(N, C, L)``.

    Args:
        kernel_size: the size of the window.
        stride: the step of the window; its size by default.
        padding: zeros on both sides.
        ceil_mode: whether a window may start inside and end outside.
        count_include_pad: whether the zeros count in the mean.

    Follows ``torch.nn.AvgPool1d``.
    """

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size = spread(kernel_size, 1)
        self.stride = spread(stride if stride is not None else kernel_size, 1)
        self.padding = spread(padding, 1)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input: Any) -> Any:
        """Pool ``input``."""
        return F.avg_pool1d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
        )

    def extra_repr(self) -> str:
        """The sizes."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _AvgPoolNd(Module):
    """What average pooling over images and volumes shares.

    Args:
        kernel_size: the size of the window.
        stride: the step of the window; its size by default.
        padding: zeros on both sides.
        ceil_mode: whether a window may start inside and end outside.
        count_include_pad: whether the zeros count in the mean.
        divisor_override: divide by this instead of the number of elements.
    """

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride if stride is not None else kernel_size
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def _pool(self, function: Any, input: Any) -> Any:
        return function(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )

    def extra_repr(self) -> str:
        """The sizes."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(_AvgPoolNd):
    """The mean of windows of ``(N, C, H, W)``. Follows ``torch.nn.AvgPool2d``."""

    def forward(self, input: Any) -> Any:
        """Pool ``input``."""
        return self._pool(F.avg_pool2d, input)


class AvgPool3d(_AvgPoolNd):
    """The mean of windows of ``(N, C, D, H, W)``. Follows ``torch.nn.AvgPool3d``."""

    def forward(self, input: Any) -> Any:
        """Pool ``input``."""
        return self._pool(F.avg_pool3d, input)


class _FractionalMaxPoolNd(Module):
    """Max pooling over windows whose places are random.

    Args:
        kernel_size: the size of the window.
        output_size: the output's sizes, or
        output_ratio: the output's sizes as fractions of the input's, between 0 and 1.
        return_indices: whether to give the places of the maxima too.

    Raises:
        ValueError: neither or both of ``output_size`` and ``output_ratio`` are given, or a
            ratio is not between 0 and 1.
    """

    _dims: int

    def __init__(
        self,
        kernel_size: Any,
        output_size: Any = None,
        output_ratio: Any = None,
        return_indices: bool = False,
        _random_samples: Any = None,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        n = self._dims
        if isinstance(kernel_size, int) and kernel_size <= 0:
            raise ValueError(f"kernel_size must greater than zero, but got {kernel_size}")
        if not isinstance(kernel_size, int) and any(k <= 0 for k in kernel_size):
            raise ValueError(f"kernel_size must greater than zero, but got {kernel_size}")
        self.kernel_size = spread(kernel_size, n)
        self.return_indices = return_indices
        self.register_buffer("_random_samples", _random_samples)
        self.output_size = spread(output_size, n) if output_size is not None else None
        self.output_ratio = spread(output_ratio, n) if output_ratio is not None else None
        if output_size is None and output_ratio is None:
            raise ValueError(
                f"{name} requires specifying either an output size, or a pooling ratio"
            )
        if output_size is not None and output_ratio is not None:
            raise ValueError(f"only one of output_size and output_ratio may be specified ({name})")
        if self.output_ratio is not None and not all(0 < r < 1 for r in self.output_ratio):
            raise ValueError(f"output_ratio must be between 0 and 1 (got {output_ratio})")

    def forward(self, input: Any) -> Any:
        """Pool ``input``."""
        pool = F.fractional_max_pool2d if self._dims == 2 else F.fractional_max_pool3d
        return pool(
            input,
            self.kernel_size,
            self.output_size,
            self.output_ratio,
            self.return_indices,
            _random_samples=self._random_samples,
        )


class FractionalMaxPool2d(_FractionalMaxPoolNd):
    """Fractional max pooling of images. Follows ``torch.nn.FractionalMaxPool2d``."""

    _dims = 2


class FractionalMaxPool3d(_FractionalMaxPoolNd):
    """Fractional max pooling of volumes. Follows ``torch.nn.FractionalMaxPool3d``."""

    _dims = 3


class _LPPoolNd(Module):
    """The p-norm of windows.

    Args:
        norm_type: the order of the norm.
        kernel_size: the size of the window.
        stride: the step of the window; its size by default.
        ceil_mode: whether a window may start inside and end outside.
    """

    def __init__(
        self, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
    ) -> None:
        super().__init__()
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def _pool(self, function: Any, input: Any) -> Any:
        return function(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)

    def extra_repr(self) -> str:
        """All arguments."""
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, "
            f"stride={self.stride}, ceil_mode={self.ceil_mode}"
        )


class LPPool1d(_LPPoolNd):
    """Power-average pooling of signals. Follows ``torch.nn.LPPool1d``."""

    def forward(self, input: Any) -> Any:
        """Pool ``input``."""
        return self._pool(F.lp_pool1d, input)


class LPPool2d(_LPPoolNd):
    """Power-average pooling of images. Follows ``torch.nn.LPPool2d``."""

    def forward(self, input: Any) -> Any:
        """Pool ``input``."""
        return self._pool(F.lp_pool2d, input)


class LPPool3d(_LPPoolNd):
    """Power-average pooling of volumes. Follows ``torch.nn.LPPool3d``."""

    def forward(self, input: Any) -> Any:
        """Pool ``input``."""
        return self._pool(F.lp_pool3d, input)


class _AdaptiveMaxPoolNd(Module):
    """Max pooling to an output of a given size.

    Args:
        output_size: the output's sizes; None keeps that of the input.
        return_indices: whether to give the places of the maxima too.
    """

    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__()
        self.output_size = output_size
        self.return_indices = return_indices

    def extra_repr(self) -> str:
        """The size."""
        return f"output_size={self.output_size}"


class AdaptiveMaxPool1d(_AdaptiveMaxPoolNd):
    """Max pooling of signals to a given size. Follows ``torch.nn.AdaptiveMaxPool1d``."""

    def forward(self, input: Any) -> Any:
        """Pool ``input``."""
        return F.adaptive_max_pool1d(input, self.output_size, self.return_indices)


class AdaptiveMaxPool2d(_AdaptiveMaxPoolNd):
    """Max pooling of images to a given size. Follows ``torch.nn.AdaptiveMaxPool2d``."""

    def forward(self, input: Any) -> Any:
        """Pool ``input``."""
        return F.adaptive_max_pool2d(input, self.output_size, self.return_indices)


class AdaptiveMaxPool3d(_AdaptiveMaxPoolNd):
    """Max pooling of volumes to a given size. Follows ``torch.nn.AdaptiveMaxPool3d``."""

    def forward(self, input: Any) -> Any:
        """Pool ``input``."""
        return F.adaptive_max_pool3d(input, self.output_size, self.return_indices)


class _AdaptiveAvgPoolNd(Module):
    """Average pooling to an output of a given size.

    Args:
        output_size: the output's sizes; None keeps that of the input.
    """

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def extra_repr(self) -> str:
        """The size."""
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_AdaptiveAvgPoolNd):
    """Average pooling of signals to a given size. Follows ``torch.nn.AdaptiveAvgPool1d``."""

    def forward(self, input: Any) -> Any:
        """Pool ``input``."""
        return F.adaptive_avg_pool1d(input, self.output_size)


class AdaptiveAvgPool2d(_AdaptiveAvgPoolNd):
    """Average pooling of images to a given size. Follows ``torch.nn.AdaptiveAvgPool2d``."""

    def forward(self, input: Any) -> Any:
        """Pool ``input``."""
        return F.adaptive_avg_pool2d(input, self.output_size)


class AdaptiveAvgPool3d(_AdaptiveAvgPoolNd):
    """Average pooling of volumes to a given size. Follows ``torch.nn.AdaptiveAvgPool3d``."""

    def forward(self, input: Any) -> Any:
        """Pool ``input``."""
        return F.adaptive_avg_pool3d(input, self.output_size)
