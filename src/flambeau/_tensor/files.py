"""Tensors from raw files."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from flambeau._tensor import dtypes
from flambeau._tensor.construct import constant
from flambeau._tensor.core import wrap
from flambeau._tensor.device import place_for
from flambeau._tensor.layout import check_layout

__all__ = ["from_file"]


def from_file(
    filename: str | os.PathLike[str],
    shared: bool | None = None,
    size: int | None = 0,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
) -> Any:
    """A flat tensor of the first elements of a raw file.

    Args:
        filename: the file.
        shared: write changes back: refused, as tensors are replaced at each write.
        size: how many elements.
        dtype: their dtype, the default one if None.
        device: where the tensor lies.

    Shape:
        ``(size,)``.

    Raises:
        RuntimeError: the file is too short, or ``shared=True``.

    Example:
        >>> import flambeau as torch, numpy, tempfile
        >>> with tempfile.NamedTemporaryFile() as file:
        ...     numpy.arange(3.0).tofile(file.name)
        ...     torch.from_file(file.name, size=3, dtype=torch.float64)
        tensor([0., 1., 2.], dtype=torch.float64)

    Follows ``torch.from_file``.
    """
    check_layout("from_file", layout)
    if shared:
        raise RuntimeError(
            "from_file(): shared=True would write changes back to the file, which flambeau's "
            "tensors cannot do; write with tensor.numpy().tofile(filename)"
        )
    kind = (dtypes.get_default_dtype() if dtype is None else dtypes.as_dtype(dtype)).numpy
    wanted = size or 0
    content = np.fromfile(filename, kind, wanted) if wanted else np.empty(0, kind)
    if content.size < wanted:
        raise RuntimeError(
            f"from_file(): {os.fspath(filename)!r} holds {content.size} elements of {kind}, but "
            f"{wanted} are asked for"
        )
    return wrap(constant(content, place_for(device)))
