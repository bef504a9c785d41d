"""cuDNN's switches: XLA calls cuDNN as it sees fit. Follows `torch.backends.cudnn`.

`allow_tf32` says whether convolutions of float32 may round to TF32. `enabled`, `benchmark`,
`benchmark_limit` and `deterministic` are kept and given back: XLA times its own choices of
convolutions once, at compilation.
"""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from typing import Any

from flambeau._engine import device as engine
from flambeau._engine import recorder
from flambeau._engine.xla import Choices
from flambeau.backends import _switches

__all__ = ["flags", "is_acceptable", "is_available", "set_flags", "version"]

enabled = True
benchmark = False
benchmark_limit: int | None = 10
deterministic = False


def is_available() -> bool:
    """Whether there is a GPU, whose programs may call cuDNN."""
    return engine.count("cuda") > 0


def version() -> int | None:
    """None: which cuDNN XLA uses is not asked."""
    return None


def is_acceptable(tensor: Any) -> bool:
    """Whether a tensor lives where cuDNN may be used and has a dtype that it takes."""
    return bool(tensor.is_cuda and tensor.is_floating_point() and tensor.element_size() <= 8)


def set_flags(
    _enabled: bool | None = None,
    _benchmark: bool | None = None,
    _benchmark_limit: int | None = None,
    _deterministic: bool | None = None,
    _allow_tf32: bool | None = None,
) -> tuple[Any, ...]:
    """Set switches; gives back what they were. None leaves one as it is."""
    tf32 = Choices.fast_convolutions
    before = (enabled, benchmark, benchmark_limit, deterministic, tf32)
    given = (_enabled, _benchmark, _benchmark_limit, _deterministic, _allow_tf32)
    names = ("enabled", "benchmark", "benchmark_limit", "deterministic", "allow_tf32")
    for name, value in zip(names, given, strict=True):
        if value is not None:
            setattr(sys.modules[__name__], name, value)
    return before


def flags(
    enabled: bool = False,
    benchmark: bool = False,
    benchmark_limit: int = 10,
    deterministic: bool = False,
    allow_tf32: bool = True,
) -> AbstractContextManager[None]:
    """Switches that hold for a block.

    Example:
        >>> import flambeau as torch
        >>> with torch.backends.cudnn.flags(enabled=True, benchmark=True):
        ...     torch.backends.cudnn.benchmark
        True
        >>> torch.backends.cudnn.benchmark
        False

    Follows ``torch.backends.cudnn.flags``.
    """
    return _switches.flags(
        __name__,
        enabled=enabled,
        benchmark=benchmark,
        benchmark_limit=benchmark_limit,
        deterministic=deterministic,
        allow_tf32=allow_tf32,
    )


_switches.enliven(
    __name__,
    {
        "allow_tf32": (
            lambda: Choices.fast_convolutions,
            lambda value: recorder.choose(fast_convolutions=bool(value)),
        )
    },
)
