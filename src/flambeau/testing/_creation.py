"""``make_tensor``: random tensors of any dtype for tests."""

from __future__ import annotations

import math
from typing import Any

from flambeau._tensor import dtypes
from flambeau._tensor.functions import random
from flambeau._tensor.functions.arithmetic import complex_

__all__ = ["make_tensor"]

_RANGES = {"uint8": (0, 10), "bool": (0, 2)}


def make_tensor(
    *shape: Any,
    dtype: Any,
    device: Any,
    low: float | None = None,
    high: float | None = None,
    requires_grad: bool = False,
    noncontiguous: bool = False,
    exclude_zero: bool = False,
    memory_format: Any = None,
) -> Any:
    """A tensor of random elements, drawn evenly from ``[low, high)``.

    Args:
        shape: sizes, one by one or as one sequence.
        dtype: any.
        device: where it lies.
        low, high: -9 and 9 for floating point and complex (whose parts are drawn), -9 and 10 for
            integers, 0 and 10 for uint8, 0 and 2 for bool.
        requires_grad: whether gradients are computed for it.
        noncontiguous: leave gaps between the elements (no effect on less than two).
        exclude_zero: replace zeros by the smallest number of the dtype, or by one.
        memory_format: accepted; not together with ``noncontiguous``.

    Raises:
        ValueError: the range is empty or not of the dtype; options exclude one another.

    Example:
        >>> import flambeau as torch
        >>> x = torch.testing.make_tensor(2, 3, dtype=torch.int64, device="cpu", low=0, high=5)
        >>> x.shape, bool((x >= 0).all() and (x < 5).all())
        (torch.Size([2, 3]), True)

    Follows ``torch.testing.make_tensor``.
    """
    size = tuple(shape[0]) if len(shape) == 1 and not isinstance(shape[0], int) else tuple(shape)
    kind = dtypes.as_dtype(dtype)
    if requires_grad and not (kind.is_floating_point or kind.is_complex):
        raise ValueError(
            "`requires_grad=True` is not supported for boolean and integral dtypes, but got "
            f"dtype={kind}"
        )
    if noncontiguous and memory_format is not None:
        raise ValueError("make_tensor(): noncontiguous=True and memory_format= exclude one another")
    inexact = kind.is_floating_point or kind.is_complex
    first, last = _RANGES.get(kind.name, (-9, 9 if inexact else 10))
    low, high = first if low is None else low, last if high is None else high
    if any(isinstance(x, float) and math.isnan(x) for x in (low, high)):
        raise ValueError(f"`low` and `high` cannot be NaN, but got low={low} and high={high}")
    if low == high and inexact:
        pass
    elif low >= high:
        raise ValueError(f"`low` must be less than `high`, but got {low} >= {high}")
    stored = (*size[:-1], 2 * size[-1]) if noncontiguous and _many(size) else size
    if inexact:
        info = dtypes.finfo(kind)
        low, high = max(low, info.min), min(high, info.max)
        real = kind.to_real() if kind.is_complex else kind
        wide = real if real.itemsize >= 4 else dtypes.float32
        parts = [
            random.rand(stored, dtype=wide, device=device) * (high - low) + low
            for _ in range(2 if kind.is_complex else 1)
        ]
        made = complex_(*parts) if kind.is_complex else parts[0].to(kind)
    elif kind.name == "bool":
        made = random.randint(int(low), int(high), stored, device=device).to(kind)
    else:
        info = dtypes.iinfo(kind)
        least, most = max(math.ceil(low), info.min), min(math.ceil(high), info.max + 1)
        most = min(most, 2**63 - 1)
        made = random.randint(least, most, stored, device=device).to(kind)
    if stored is not size:
        made = made[..., ::2]
    if exclude_zero:
        least = dtypes.finfo(kind).tiny if inexact else 1
        made[made == 0] = least
    return made.requires_grad_() if requires_grad else made


def _many(size: tuple[int, ...]) -> bool:
    return bool(size) and math.prod(size) > 1
