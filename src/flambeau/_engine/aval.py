"""Abstract values: shape, dtype and device, interned so that they compare by identity."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


class Aval:
    """Shape, dtype and device of a value. Equal ones are the same object (see :func:`aval_of`).

    ``kind`` is None for arrays; for a Python number that is an input of the program it is
    ``"f"``, ``"i"`` or ``"c"``: the packed vector that carries it.
    """

    __slots__ = ("device", "dtype", "inexact", "kind", "ndim", "shape", "size", "struct")

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype, device: Any, kind: str | None):
        self.shape = shape
        self.dtype = dtype
        self.device = device
        self.kind = kind
        self.ndim = len(shape)
        self.size = math.prod(shape)
        self.inexact = dtype.kind in "fcV" and dtype != np.bool_
        self.struct: Any = None

    def __repr__(self) -> str:
        dims = ",".join(map(str, self.shape))
        return f"{self.dtype.name}[{dims}]" if self.kind is None else f"scalar {self.dtype.name}"

    def __reduce__(self) -> Any:
        return aval_of, (self.shape, self.dtype, self.device, self.kind)


_AVALS: dict[Any, Aval] = {}


def aval_of(shape: tuple[int, ...], dtype: np.dtype, device: Any, kind: str | None = None) -> Aval:
    """The one Aval of this shape, dtype and device."""
    key = (shape, dtype, device, kind)
    found = _AVALS.get(key)
    if found is None:
        own = np.dtype(np.dtype(dtype).type)  # NumPy makes several equal dtypes; keep to one
        found = _AVALS.setdefault(key, Aval(tuple(map(int, shape)), own, device, kind))
    return found
