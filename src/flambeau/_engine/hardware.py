"""What the processor is and can do, as far as the system tells."""

from __future__ import annotations

import contextlib
import functools
import platform
from pathlib import Path

WIDE = "avx512_fp16"
"""A feature that only processors have that work on 512 bits at once as readily as on 256."""


@functools.cache
def _facts() -> dict[str, str]:
    """What Linux says of the first processor; no more than a name on other systems."""
    found: dict[str, str] = {}
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            name, colon, words = line.partition(":")
            if not colon:
                break  # where the second one begins
            found[name.strip()] = words.strip()
    return found or {"model name": platform.processor()}


@functools.cache
def features() -> frozenset[str]:
    """The processor's features by the names that Linux gives them; none on other systems."""
    facts = _facts()
    return frozenset((facts.get("flags") or facts.get("Features") or "").split())


def processor() -> str:
    """The processor in words: its architecture, its name, and which vectors it has."""
    vectors = [name for name in ("avx2", "avx512f", WIDE) if name in features()]
    words = [platform.machine(), _facts().get("model name", ""), vectors[-1] if vectors else ""]
    return " ".join(word for word in words if word)


def wide_vectors() -> bool:
    """Whether what XLA compiles here should use vectors of 512 bits."""
    return WIDE in features()
