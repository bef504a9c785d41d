"""The shape of a tensor."""

from __future__ import annotations

import math
from typing import Any


class Size(tuple[int, ...]):
    """A shape: a tuple of ints. Follows ``torch.Size``.

    Example:
        >>> import flambeau as torch
        >>> torch.Size([2, 3]).numel()
        6
    """

    __slots__ = ()

    def numel(self) -> int:
        """How many elements a tensor of this shape has."""
        return math.prod(self)

    def __repr__(self) -> str:
        return f"torch.Size([{', '.join(map(str, self))}])"

    def __getitem__(self, index: Any) -> Any:
        found = tuple.__getitem__(self, index)
        return Size(found) if isinstance(index, slice) else found

    def __add__(self, other: Any) -> Size:
        return Size(tuple.__add__(self, tuple(other)))

    def __mul__(self, n: Any) -> Size:
        return Size(tuple.__mul__(self, n))

    __rmul__ = __mul__

    def __reduce__(self) -> Any:
        return _rebuild, (tuple(self),)


Size.__module__ = "torch"


def _rebuild(sizes: tuple[int, ...]) -> Size:
    """For pickles: by name, the class itself would be looked up in PyTorch."""
    return Size(sizes)
