"""``torch.layout`` and ``torch.memory_format``: names that programs pass along.

XLA chooses how arrays lie in memory, so formats other than the contiguous one are accepted
where PyTorch takes them and change nothing that a program can read.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "channels_last",
    "channels_last_3d",
    "check_layout",
    "check_memory_format",
    "contiguous_format",
    "layout",
    "memory_format",
    "preserve_format",
    "sparse_coo",
    "strided",
]


class _Named:
    __slots__ = ("_name",)

    def __init__(self, name: str):
        self._name = name

    def __repr__(self) -> str:
        return f"torch.{self._name}"

    def __reduce__(self) -> Any:
        return _by_name, (self._name,)


class layout(_Named):
    """How the elements are kept: ``torch.strided`` is the only one there is here.

    Follows ``torch.layout``.
    """

    __slots__ = ()


class memory_format(_Named):
    """The order of dimensions in memory that a program prefers. Follows ``torch.memory_format``."""

    __slots__ = ()


layout.__module__ = memory_format.__module__ = "torch"

strided = layout("strided")
sparse_coo = layout("sparse_coo")
contiguous_format = memory_format("contiguous_format")
preserve_format = memory_format("preserve_format")
channels_last = memory_format("channels_last")
channels_last_3d = memory_format("channels_last_3d")

_ALL = {
    x._name: x
    for x in (
        strided,
        sparse_coo,
        contiguous_format,
        preserve_format,
        channels_last,
        channels_last_3d,
    )
}


def _by_name(name: str) -> Any:
    return _ALL[name]


def check_layout(name: str, value: Any) -> None:
    """Refuse a ``layout=`` that is not strided.

    Raises:
        TypeError: it is no layout.
        RuntimeError: it is a sparse one, which flambeau does not have.
    """
    if value is None or value is strided:
        return
    if not isinstance(value, layout):
        raise TypeError(
            f"{name}(): argument 'layout' must be torch.layout, not {type(value).__name__}"
        )
    raise RuntimeError(
        f"{name}(): layout {value!r} is not supported; flambeau's tensors are torch.strided"
    )


def check_memory_format(name: str, value: Any) -> None:
    """Refuse a ``memory_format=`` that is none.

    Raises:
        TypeError: it is no memory format.
    """
    if value is not None and not isinstance(value, memory_format):
        raise TypeError(
            f"{name}(): argument 'memory_format' must be torch.memory_format, "
            f"not {type(value).__name__}"
        )
