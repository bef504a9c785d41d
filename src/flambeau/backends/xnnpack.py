"""XNNPACK: not used. Follows `torch.backends.xnnpack`."""

from __future__ import annotations

__all__: list[str] = []

enabled = False
