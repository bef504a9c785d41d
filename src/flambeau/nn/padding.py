"""Layers that widen an input at its borders."""

from __future__ import annotations

from typing import Any

from flambeau.nn import functional as F
from flambeau.nn._sizes import spread
from flambeau.nn.module import Module

__all__ = [
    "CircularPad1d",
    "CircularPad2d",
    "CircularPad3d",
    "ConstantPad1d",
    "ConstantPad2d",
    "ConstantPad3d",
    "ReflectionPad1d",
    "ReflectionPad2d",
    "ReflectionPad3d",
    "ReplicationPad1d",
    "ReplicationPad2d",
    "ReplicationPad3d",
    "ZeroPad1d",
    "ZeroPad2d",
    "ZeroPad3d",
]


class _PadNd(Module):
    """Padding of the last dimensions.

    Args:
        padding: how much to add at each border, the last dimension's two first; one int for
            all of them.
    """

    _dims: int
    _mode: str

    def __init__(self, padding: Any) -> None:
        super().__init__()
        self.padding = spread(padding, 2 * self._dims)

    def forward(self, input: Any) -> Any:
        """Widen ``input``."""
        return F.pad(input, self.padding, self._mode)

    def extra_repr(self) -> str:
        """How much at each border."""
        return f"{self.padding}"


class _ConstantPadNd(_PadNd):
    """Padding by a constant.

    Args:
        padding: how much to add at each border, the last dimension's two first; one int for
            all of them.
        value: the constant.
    """

    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Any) -> Any:
        """Widen ``input``."""
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        """How much, and the constant."""
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPadNd):
    """Pads signals by a constant. Follows ``torch.nn.ConstantPad1d``."""

    _dims = 1


class ConstantPad2d(_ConstantPadNd):
    """Pads images by a constant. Follows ``torch.nn.ConstantPad2d``."""

    _dims = 2


class ConstantPad3d(_ConstantPadNd):
    """Pads volumes by a constant. Follows ``torch.nn.ConstantPad3d``."""

    _dims = 3


class ZeroPad1d(ConstantPad1d):
    """Pads signals by zeros. Follows ``torch.nn.ZeroPad1d``."""

    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        """How much at each border."""
        return f"{self.padding}"


class ZeroPad2d(ConstantPad2d):
    """Pads images by zeros. Follows ``torch.nn.ZeroPad2d``."""

    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        """How much at each border."""
        return f"{self.padding}"


class ZeroPad3d(ConstantPad3d):
    """Pads volumes by zeros. Follows ``torch.nn.ZeroPad3d``."""

    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        """How much at each border."""
        return f"{self.padding}"


class _ReflectionPadNd(_PadNd):
    """Padding by their reflection at the border."""

    _mode = "reflect"


class ReflectionPad1d(_ReflectionPadNd):
    """Pads signals by their reflection at the border. Follows ``torch.nn.ReflectionPad1d``."""

    _dims = 1


class ReflectionPad2d(_ReflectionPadNd):
    """Pads images by their reflection at the border. Follows ``torch.nn.ReflectionPad2d``."""

    _dims = 2


class ReflectionPad3d(_ReflectionPadNd):
    """Pads volumes by their reflection at the border. Follows ``torch.nn.ReflectionPad3d``."""

    _dims = 3


class _ReplicationPadNd(_PadNd):
    """Padding by the value at the border."""

    _mode = "replicate"


class ReplicationPad1d(_ReplicationPadNd):
    """Pads signals by the value at the border. Follows ``torch.nn.ReplicationPad1d``."""

    _dims = 1


class ReplicationPad2d(_ReplicationPadNd):
    """Pads images by the value at the border. Follows ``torch.nn.ReplicationPad2d``."""

    _dims = 2


class ReplicationPad3d(_ReplicationPadNd):
    """Pads volumes by the value at the border. Follows ``torch.nn.ReplicationPad3d``."""

    _dims = 3


class _CircularPadNd(_PadNd):
    """Padding by the other end."""

    _mode = "circular"


class CircularPad1d(_CircularPadNd):
    """Pads signals by the other end. Follows ``torch.nn.CircularPad1d``."""

    _dims = 1


class CircularPad2d(_CircularPadNd):
    """Pads images by the other end. Follows ``torch.nn.CircularPad2d``."""

    _dims = 2


class CircularPad3d(_CircularPadNd):
    """Pads volumes by the other end. Follows ``torch.nn.CircularPad3d``."""

    _dims = 3
