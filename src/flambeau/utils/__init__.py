"""Helpers around training. Follows `torch.utils`."""

from flambeau.utils import checkpoint, data

__all__ = ["checkpoint", "data"]
