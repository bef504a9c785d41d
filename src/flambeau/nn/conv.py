"""Convolutions and their transposes."""

from __future__ import annotations

import math
from typing import Any

from flambeau.nn import _core, init
from flambeau.nn import functional as F
from flambeau.nn._sizes import spread
from flambeau.nn.linear import uniform_bias
from flambeau.nn.module import Module
from flambeau.nn.parameter import Parameter

__all__ = [
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
]

_PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class _ConvNd(Module):
    """What all convolutions share: sizes, parameters and how they start.

    Args:
        in_channels: channels of the input; a multiple of ``groups``.
        out_channels: channels of the output; a multiple of ``groups``.
        kernel_size: the size of the window.
        stride: the step of the window.
        padding: zeros (or what ``padding_mode`` says) on both sides, or ``"valid"`` for
            none and ``"same"`` for as many as keep the size.
        dilation: the distance between elements of the window.
        groups: how many groups of channels are kept apart.
        bias: whether to add a learned bias per output channel.
        padding_mode: ``"zeros"``, ``"reflect"``, ``"replicate"`` or ``"circular"``.
        device: where the parameters live.
        dtype: their dtype.

    Raises:
        ValueError: the numbers of channels and groups do not fit, or a mode is unknown.
    """

    weight: Parameter
    bias: Parameter | None
    padding: Any

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: tuple[int, ...],
        stride: tuple[int, ...],
        padding: Any,
        dilation: tuple[int, ...],
        transposed: bool,
        output_padding: tuple[int, ...],
        groups: int,
        bias: bool,
        padding_mode: str,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        _check(in_channels, out_channels, stride, padding, groups, padding_mode)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = kernel_size
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.transposed = transposed
        self.output_padding = output_padding
        self.groups = groups
        self.padding_mode = padding_mode
        self._reversed_padding_repeated_twice = self._around()
        if transposed:
            shape = (in_channels, out_channels // groups, *kernel_size)
        else:
            shape = (out_channels, in_channels // groups, *kernel_size)
        where = {"device": device, "dtype": dtype}
        self.weight = Parameter(_core.empty(shape, **where))
        if bias:
            self.bias = Parameter(_core.empty((out_channels,), **where))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def _around(self) -> list[int]:
        """The padding of each side as ``F.pad`` takes it, last dimension first."""
        sides: list[int] = []
        for i in reversed(range(len(self.kernel_size))):
            if self.padding == "valid":
                sides += [0, 0]
            elif self.padding == "same":
                total = self.dilation[i] * (self.kernel_size[i] - 1)
                sides += [total // 2, total - total // 2]
            else:
                sides += [self.padding[i], self.padding[i]]
        return sides

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        fan_in = self.weight.size(1) * math.prod(self.weight.shape[2:])
        uniform_bias(self.bias, fan_in)

    def extra_repr(self) -> str:
        """The sizes and what differs from the defaults."""
        zeros = (0,) * len(self.kernel_size)
        parts = [
            f"{self.in_channels}, {self.out_channels}",
            f"kernel_size={self.kernel_size}",
            f"stride={self.stride}",
        ]
        if self.padding != zeros:
            parts.append(f"padding={self.padding}")
        if self.dilation != (1,) * len(self.dilation):
            parts.append(f"dilation={self.dilation}")
        if self.output_padding != zeros:
            parts.append(f"output_padding={self.output_padding}")
        if self.groups != 1:
            parts.append(f"groups={self.groups}")
        if self.bias is None:
            parts.append("bias=False")
        if self.padding_mode != "zeros":
            parts.append(f"padding_mode={self.padding_mode}")
        return ", ".join(parts)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take a pickled state; very old ones have no ``padding_mode``."""
        super().__setstate__(state)
        self.__dict__.setdefault("padding_mode", "zeros")

    def _conv_forward(self, input: Any, weight: Any, bias: Any) -> Any:
        conv = (F.conv1d, F.conv2d, F.conv3d)[len(self.kernel_size) - 1]
        padding = self.padding
        if self.padding_mode != "zeros":
            input = F.pad(input, self._reversed_padding_repeated_twice, mode=self.padding_mode)
            padding = 0
        return conv(input, weight, bias, self.stride, padding, self.dilation, self.groups)


def _check(
    in_channels: int,
    out_channels: int,
    stride: tuple[int, ...],
    padding: Any,
    groups: int,
    padding_mode: str,
) -> None:
    if groups <= 0:
        raise ValueError("groups must be a positive integer")
    if in_channels % groups != 0:
        raise ValueError("in_channels must be divisible by groups")
    if out_channels % groups != 0:
        raise ValueError("out_channels must be divisible by groups")
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            raise ValueError(
                f"Invalid padding string {padding!r}, should be one of {{'valid', 'same'}}"
            )
        if padding == "same" and any(s != 1 for s in stride):
            raise ValueError("padding='same' is not supported for strided convolutions")
    if padding_mode not in _PADDING_MODES:
        raise ValueError(
            f"padding_mode must be one of {_PADDING_MODES}, but got padding_mode='{padding_mode}'"
        )


class _Forward(_ConvNd):
    """A convolution over a number of dimensions."""

    _dims: int

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        n = self._dims
        super().__init__(
            in_channels,
            out_channels,
            spread(kernel_size, n),
            spread(stride, n),
            padding if isinstance(padding, str) else spread(padding, n),
            spread(dilation, n),
            False,
            (0,) * n,
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )

    def forward(self, input: Any) -> Any:
        """Convolve ``input``."""
        return self._conv_forward(input, self.weight, self.bias)


class Conv1d(_Forward):
    """A convolution over signals ``(N, C, L)`` or ``(C, L)``.

    See :class:`Conv2d` for the arguments.

    Follows ``torch.nn.Conv1d``.
    """

    _dims = 1


class Conv2d(_Forward):
    r"""A convolution over images ``(N, C, H, W)`` or ``(C, H, W)``.

    Args:
        in_channels: channels of the input; a multiple of ``groups``.
        out_channels: channels of the output; a multiple of ``groups``.
        kernel_size: the size of the window.
        stride: the step of the window.
        padding: zeros (or what ``padding_mode`` says) on both sides, or ``"valid"`` for
            none and ``"same"`` for as many as keep the size.
        dilation: the distance between elements of the window.
        groups: how many groups of channels are kept apart.
        bias: whether to add a learned bias per output channel.
        padding_mode: ``"zeros"``, ``"reflect"``, ``"replicate"`` or ``"circular"``.
        device: where the parameters live.
        dtype: their dtype.

    Shape:
        Weight :math:`(O, I / groups, K_H, K_W)`, bias :math:`(O)`.

    Raises:
        ValueError: the numbers of channels and groups do not fit, or a mode is unknown.

    Example:
        >>> import flambeau as torch
        >>> conv = torch.nn.Conv2d(16, 33, 3, stride=2)
        >>> conv(torch.randn(20, 16, 50, 100)).shape
        torch.Size([20, 33, 24, 49])

    Follows ``torch.nn.Conv2d``.
    """

    _dims = 2


class Conv3d(_Forward):
    """A convolution over volumes ``(N, C, D, H, W)`` or ``(C, D, H, W)``.

    See :class:`Conv2d` for the arguments.

    Follows ``torch.nn.Conv3d``.
    """

    _dims = 3


class _ConvTransposeNd(_ConvNd):
    """The transpose of a convolution over a number of dimensions."""

    _dims: int

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}')
        n = self._dims
        super().__init__(
            in_channels,
            out_channels,
            spread(kernel_size, n),
            spread(stride, n),
            spread(padding, n),
            spread(dilation, n),
            True,
            spread(output_padding, n),
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )

    def _output_padding(self, input: Any, output_size: Any) -> tuple[int, ...]:
        """How much to add on one side so that the output has the size asked for."""
        if output_size is None:
            return self.output_padding
        n = self._dims
        batched = input.dim() == n + 2
        sizes = list(output_size)
        if len(sizes) == n + (2 if batched else 1):
            sizes = sizes[-n:]
        if len(sizes) != n:
            raise ValueError(
                f"ConvTranspose{n}D: for {input.dim()}D input, output_size must have {n} or "
                f"{input.dim()} elements (got {len(output_size)})"
            )
        least = [
            (input.size(i - n) - 1) * self.stride[i]
            - 2 * self.padding[i]
            + self.dilation[i] * (self.kernel_size[i] - 1)
            + 1
            for i in range(n)
        ]
        most = [least[i] + self.stride[i] - 1 for i in range(n)]
        for size, low, high in zip(sizes, least, most, strict=True):
            if not low <= size <= high:
                raise ValueError(
                    f"requested an output size of {output_size}, but valid sizes range "
                    f"from {least} to {most} (for an input of {input.size()[-n:]})"
                )
        return tuple(size - low for size, low in zip(sizes, least, strict=True))

    def forward(self, input: Any, output_size: Any = None) -> Any:
        """Apply the transpose to ``input``.

        Args:
            input: the input.
            output_size: the output's spatial sizes, where the stride leaves a choice.
        """
        conv = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[self._dims - 1]
        return conv(
            input,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            self._output_padding(input, output_size),
            self.groups,
            self.dilation,
        )


class ConvTranspose1d(_ConvTransposeNd):
    """The transpose of a convolution over signals.

    See :class:`ConvTranspose2d` for the arguments.

    Follows ``torch.nn.ConvTranspose1d``.
    """

    _dims = 1


class ConvTranspose2d(_ConvTransposeNd):
    """The transpose (gradient) of a convolution over images.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        kernel_size: the size of the window.
        stride: the step of the window over the output.
        padding: how much is cut off on both sides.
        output_padding: how much is added on one side.
        groups: how many groups of channels are kept apart.
        bias: whether to add a learned bias per output channel.
        dilation: the distance between elements of the window.
        padding_mode: only ``"zeros"``.
        device: where the parameters live.
        dtype: their dtype.

    Shape:
        Weight :math:`(I, O / groups, K_H, K_W)`, bias :math:`(O)`.

    Raises:
        ValueError: the numbers of channels and groups do not fit, or a mode is unknown.

    Follows ``torch.nn.ConvTranspose2d``.
    """

    _dims = 2


class ConvTranspose3d(_ConvTransposeNd):
    """The transpose of a convolution over volumes.

    See :class:`ConvTranspose2d` for the arguments.

    Follows ``torch.nn.ConvTranspose3d``.
    """

    _dims = 3
