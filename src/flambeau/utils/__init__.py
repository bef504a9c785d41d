"""Helpers around training. Follows `torch.utils`."""

from flambeau.utils import data

__all__ = ["data"]
