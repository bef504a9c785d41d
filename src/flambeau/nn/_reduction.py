"""The older spelling of how losses are reduced."""

from __future__ import annotations

import warnings
from typing import Any


def legacy_reduction(size_average: Any, reduce: Any, emit_warning: bool = True) -> str:
    """``reduction`` from ``size_average`` and ``reduce``, with PyTorch's warning."""
    average = True if size_average is None else size_average
    wanted = True if reduce is None else reduce
    if not wanted:
        reduction = "none"
    else:
        reduction = "mean" if average else "sum"
    if emit_warning:
        warnings.warn(
            "size_average and reduce args will be deprecated, please use "
            f"reduction='{reduction}' instead.",
            stacklevel=4,
        )
    return reduction
