"""Launchers for Xeon machines: not used. Follows `torch.backends.xeon`."""

from __future__ import annotations

__all__: list[str] = []
