"""Sliding blocks: taking them out and putting them back."""

from __future__ import annotations

from typing import Any

from flambeau.nn import functional as F
from flambeau.nn.module import Module

__all__ = ["Fold", "Unfold"]


class Fold(Module):
    """Adds up sliding blocks to a batch of images; the transpose of :class:`Unfold`.

    Args:
        output_size: height and width of the images.
        kernel_size: the size of the blocks.
        dilation: the distance between elements of a block.
        padding: zeros around the images.
        stride: the distance between blocks.

    Follows ``torch.nn.Fold``.
    """

    def __init__(
        self,
        output_size: Any,
        kernel_size: Any,
        dilation: Any = 1,
        padding: Any = 0,
        stride: Any = 1,
    ) -> None:
        super().__init__()
        self.output_size = output_size
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, input: Any) -> Any:
        """Add the blocks of ``input`` up."""
        return F.fold(
            input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride
        )

    def extra_repr(self) -> str:
        """All arguments."""
        return (
            f"output_size={self.output_size}, kernel_size={self.kernel_size}, "
            f"dilation={self.dilation}, padding={self.padding}, stride={self.stride}"
        )


class Unfold(Module):
    """Takes sliding blocks out of a batch of images, as columns.

    Args:
        kernel_size: the size of the blocks.
        dilation: the distance between elements of a block.
        padding: zeros around the images.
        stride: the distance between blocks.

    Follows ``torch.nn.Unfold``.
    """

    def __init__(
        self, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, input: Any) -> Any:
        """Take the blocks out of ``input``."""
        return F.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        """All arguments."""
        return (
            f"kernel_size={self.kernel_size}, dilation={self.dilation}, "
            f"padding={self.padding}, stride={self.stride}"
        )
