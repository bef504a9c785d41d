"""Whether fresh memory is filled. Follows `torch.utils.deterministic`."""

__all__ = ["fill_uninitialized_memory"]

fill_uninitialized_memory = True
"""Kept; `torch.empty` gives zeros in any case."""
