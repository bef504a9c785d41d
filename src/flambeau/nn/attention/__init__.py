"""Attention: which implementation runs, masks with a name, scores by a function."""

from flambeau.nn.attention import bias, flex_attention
from flambeau.nn.attention._backends import SDPBackend, sdpa_kernel

__all__ = ["SDPBackend", "bias", "flex_attention", "sdpa_kernel"]
