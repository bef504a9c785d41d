"""Types that programs are annotated with. Follows `torch.types`."""

from __future__ import annotations

import os
from typing import Any

from flambeau._tensor.device import device
from flambeau._tensor.dtypes import dtype
from flambeau._tensor.size import Size
from flambeau._tensor.tensor import Tensor

__all__ = ["Device", "FileLike", "Number", "Storage"]

Number = int | float | bool
Device = device | str | int | None
FileLike = str | os.PathLike[str] | Any
Storage = Any

_bool = bool
_int = int
_float = float
_complex = complex
_device = device
_dtype = dtype
_size = Size | list[int] | tuple[int, ...]
_TensorOrTensors = Tensor | tuple[Tensor, ...] | list[Tensor]
