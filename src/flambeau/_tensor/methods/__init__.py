"""The methods of Tensor, a mixin per family."""

from __future__ import annotations


class Methods:
    """All families of methods together: a family adds its mixin to the bases."""
