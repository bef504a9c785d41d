"""Memory formats of convolutions' weights."""

from __future__ import annotations

from typing import Any, TypeVar

from flambeau.nn.conv import Conv2d, Conv3d, ConvTranspose2d, ConvTranspose3d
from flambeau.nn.module import Module

__all__ = ["convert_conv2d_weight_memory_format", "convert_conv3d_weight_memory_format"]

M = TypeVar("M", bound=Module)


def _convert(module: M, kinds: tuple[type, ...], memory_format: Any) -> M:
    for part in module.modules():
        if isinstance(part, kinds):
            weight: Any = part.weight
            weight.data = weight.detach().clone().contiguous(memory_format=memory_format)
    return module


def convert_conv2d_weight_memory_format(module: M, memory_format: Any) -> M:
    """Put the weights of all `Conv2d` and `ConvTranspose2d` into a memory format.

    XLA lays arrays out as it sees fit, so neither values nor speed change.

    Args:
        module: it, and all modules in it.
        memory_format: such as ``torch.channels_last``.

    Follows ``torch.nn.utils.convert_conv2d_weight_memory_format``.
    """
    return _convert(module, (Conv2d, ConvTranspose2d), memory_format)


def convert_conv3d_weight_memory_format(module: M, memory_format: Any) -> M:
    """Put the weights of all `Conv3d` and `ConvTranspose3d` into a memory format.

    XLA lays arrays out as it sees fit, so neither values nor speed change.

    Args:
        module: it, and all modules in it.
        memory_format: such as ``torch.channels_last_3d``.

    Follows ``torch.nn.utils.convert_conv3d_weight_memory_format``.
    """
    return _convert(module, (Conv3d, ConvTranspose3d), memory_format)
