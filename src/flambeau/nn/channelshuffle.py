"""A layer that mixes channels between groups."""

from __future__ import annotations

from typing import Any

from flambeau.nn import functional as F
from flambeau.nn.module import Module

__all__ = ["ChannelShuffle"]


class ChannelShuffle(Module):
    """Divides channels into groups and interleaves them.

    Args:
        groups: how many groups.

    Follows ``torch.nn.ChannelShuffle``.
    """

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, input: Any) -> Any:
        """Interleave the channels of ``input``."""
        return F.channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        """The number of groups."""
        return f"groups={self.groups}"
