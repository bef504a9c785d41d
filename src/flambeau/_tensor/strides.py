"""Strides as PyTorch has them: worked out from a tensor's chain of views when asked for.

XLA lays out arrays as it likes; every storage counts as contiguous here, and each view
changes sizes, strides and offset by PyTorch's rule.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from flambeau._engine.recorder import read
from flambeau._engine.value import Value
from flambeau._ops import shape as rows
from flambeau._ops._dims import canonical_dim, canonical_dims
from flambeau._tensor.core import Bound, TensorBase, value_of


class Layout(NamedTuple):
    """Where the elements of a tensor lie in its storage, counted in elements."""

    size: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int


def contiguous_strides(size: Sequence[int]) -> tuple[int, ...]:
    """Row-major strides; a dimension without elements counts as one element."""
    result: list[int] = []
    step = 1
    for n in reversed(size):
        result.append(step)
        step *= max(n, 1)
    return tuple(reversed(result))


def is_contiguous(size: Sequence[int], stride: Sequence[int]) -> bool:
    """Whether the elements lie in row-major order without gaps."""
    expected = 1
    for n, step in zip(reversed(size), reversed(stride), strict=True):
        if n == 1:
            continue
        if step != expected:
            return 0 in size
        expected *= n
    return True


def viewed_strides(
    size: Sequence[int], stride: Sequence[int], new: Sequence[int]
) -> tuple[int, ...] | None:
    """Strides that show the same elements in shape ``new``; None when a copy is needed.

    The old dimensions fall into blocks that are contiguous within; each block must be the
    product of some neighbouring new dimensions.
    """
    if 0 in size:
        return tuple(stride) if tuple(size) == tuple(new) else contiguous_strides(new)
    if not size:
        return (1,) * len(new)
    result = [0] * len(new)
    place = len(new) - 1
    unit = stride[-1]
    block = 1
    for d in range(len(size) - 1, -1, -1):
        block *= size[d]
        if d and (size[d - 1] == 1 or stride[d - 1] == block * unit):
            continue
        filled = 1
        while place >= 0 and (filled < block or new[place] == 1):
            result[place] = filled * unit
            filled *= new[place]
            place -= 1
        if filled != block:
            return None
        if d:
            unit, block = stride[d - 1], 1
    return tuple(result) if place == -1 else None


def _without(values: Sequence[int], *dims: int) -> tuple[int, ...]:
    return tuple(v for d, v in enumerate(values) if d not in dims)


def _replaced(values: Sequence[int], dim: int, new: int) -> tuple[int, ...]:
    return (*values[:dim], new, *values[dim + 1 :])


def _view(at: Layout, shape: tuple[int, ...]) -> Layout:
    new = rows.infer_shape(shape, math.prod(at.size))
    return Layout(new, viewed_strides(*at[:2], new) or contiguous_strides(new), at.offset)


def _permute(at: Layout, dims: tuple[int, ...]) -> Layout:
    order = canonical_dims(dims, len(at.size))
    return Layout(tuple(at.size[d] for d in order), tuple(at.stride[d] for d in order), at.offset)


def _transpose(at: Layout, dim0: int, dim1: int) -> Layout:
    order = list(range(len(at.size)))
    if not order:
        return at
    a, b = canonical_dim(dim0, len(order)), canonical_dim(dim1, len(order))
    order[a], order[b] = order[b], order[a]
    return _permute(at, tuple(order))


def _squeeze(at: Layout, dim: tuple[int, ...] | None = None) -> Layout:
    gone = rows.squeezed_dims(at.size, dim)
    return Layout(_without(at.size, *gone), _without(at.stride, *gone), at.offset)


def _unsqueeze(at: Layout, dim: int) -> Layout:
    d = canonical_dim(dim, len(at.size) + 1)
    step = at.size[d] * at.stride[d] if d < len(at.size) else 1
    return Layout(
        (*at.size[:d], 1, *at.size[d:]), (*at.stride[:d], step, *at.stride[d:]), at.offset
    )


def _expand(at: Layout, size: tuple[int, ...]) -> Layout:
    new = rows.expanded_shape(at.size, size)
    extra = len(new) - len(at.size)
    stride: list[int] = []
    for i in range(len(new) - 1, -1, -1):
        if i >= extra:
            have, step = at.size[i - extra], at.stride[i - extra]
        else:
            have, step = 1, new[i + 1] * stride[-1] if stride else 1
        stride.append(step if have == new[i] else 0)
    return Layout(new, tuple(reversed(stride)), at.offset)


def _select(at: Layout, dim: int, index: int) -> Layout:
    dim, index = rows.checked_index(index, dim, at.size)
    return Layout(
        _without(at.size, dim), _without(at.stride, dim), at.offset + index * at.stride[dim]
    )


def _slice(
    at: Layout, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Layout:
    dim = canonical_dim(dim, len(at.size))
    start, end, step = rows.slice_bounds(at.size[dim], start, end, step)
    return _slice_at(at, dim, start, max(0, -(-(end - start) // step)), step)


def _slice_at(at: Layout, dim: int, start: int, length: int, step: int = 1) -> Layout:
    return Layout(
        _replaced(at.size, dim, length),
        _replaced(at.stride, dim, at.stride[dim] * step),
        at.offset + start * at.stride[dim],
    )


def _diagonal(at: Layout, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Layout:
    a, b = canonical_dim(dim1, len(at.size)), canonical_dim(dim2, len(at.size))
    length = rows.diagonal_length(at.size[a], at.size[b], offset)
    move = 0
    if length:
        move = offset * at.stride[b] if offset >= 0 else -offset * at.stride[a]
    return Layout(
        (*_without(at.size, a, b), length),
        (*_without(at.stride, a, b), at.stride[a] + at.stride[b]),
        at.offset + move,
    )


def _unfold(at: Layout, dimension: int, size: int, step: int) -> Layout:
    if not at.size:
        return Layout((size,), (1,), at.offset)
    d = canonical_dim(dimension, len(at.size))
    return Layout(
        (*_replaced(at.size, d, (at.size[d] - size) // step + 1), size),
        (*_replaced(at.stride, d, at.stride[d] * step), at.stride[d]),
        at.offset,
    )


def _as_strided(
    at: Layout, size: tuple[int, ...], stride: tuple[int, ...], storage_offset: int = 0
) -> Layout:
    return Layout(size, stride, storage_offset)


def _scaled(at: Layout, ratio: int) -> Layout:
    return Layout(at.size, tuple(s * ratio for s in at.stride), at.offset * ratio)


def _view_as_real(at: Layout) -> Layout:
    wide = _scaled(at, 2)
    return Layout((*wide.size, 2), (*wide.stride, 1), wide.offset)


def _view_as_complex(at: Layout) -> Layout:
    return Layout(at.size[:-1], tuple(s // 2 for s in at.stride[:-1]), at.offset // 2)


def _imag(at: Layout) -> Layout:
    wide = _scaled(at, 2)
    return wide._replace(offset=wide.offset + 1)


_RULES: dict[str, Any] = {
    "detach": lambda at: at,
    "view": _view,
    "permute": _permute,
    "transpose": _transpose,
    "squeeze": _squeeze,
    "unsqueeze": _unsqueeze,
    "expand": _expand,
    "select": _select,
    "select_at": _select,
    "slice": _slice,
    "slice_at": _slice_at,
    "diagonal": _diagonal,
    "unfold": _unfold,
    "as_strided": _as_strided,
    "view_as_real": _view_as_real,
    "view_as_complex": _view_as_complex,
    "imag": _imag,
}


def layout(t: TensorBase) -> Layout:
    """Sizes, strides and storage offset of a tensor, by PyTorch's rules."""
    if t._chain is None:
        shape = t._storage.value.aval.shape
        return Layout(shape, contiguous_strides(shape), 0)
    stored = t._storage.value.aval
    at = Layout(stored.shape, contiguous_strides(stored.shape), 0)
    dtype = stored.dtype
    for step in t._chain:
        call, own = (step.call, step.number) if isinstance(step, Bound) else (step, None)
        if isinstance(own, Value):
            own = int(np.asarray(read(own)))
        static = call.static
        if call.name == "real":
            at = _scaled(at, 2) if dtype.kind == "c" else at
        elif call.name == "view_dtype":
            at = _reinterpreted(at, dtype, static["dtype"])
        elif own is not None:
            name = "index" if call.name == "select_at" else "start"
            at = _RULES[call.name](at, **{name: own}, **static)
        else:
            at = _RULES[call.name](at, **static)
        dtype = _dtype_after(call.name, dtype, static)
    return at


def _reinterpreted(at: Layout, old: np.dtype, new: np.dtype) -> Layout:
    have, want = old.itemsize, np.dtype(new).itemsize
    if have == want or not at.size:
        return at
    size = (*at.size[:-1], at.size[-1] * have // want)
    stride = (*(s * have // want for s in at.stride[:-1]), 1)
    return Layout(size, stride, at.offset * have // want)


def _dtype_after(name: str, dtype: np.dtype, static: dict[str, Any]) -> np.dtype:
    if name == "view_dtype":
        return np.dtype(static["dtype"])
    if name in ("real", "imag", "view_as_real") and dtype.kind == "c":
        return np.dtype(np.float32 if dtype.itemsize == 8 else np.float64)
    if name == "view_as_complex":
        return np.dtype(np.complex64 if dtype.itemsize == 4 else np.complex128)
    return dtype


def overlaps(t: TensorBase) -> bool:
    """Whether some element surely shows in more than one place, as after ``expand``."""
    if t._chain is None:
        return False
    at = layout(t)
    return 0 not in at.size and any(
        n > 1 and step == 0 for n, step in zip(at.size, at.stride, strict=True)
    )


def same_memory(a: TensorBase, b: TensorBase) -> bool:
    """Whether two tensors show the same elements of one storage in the same places."""
    return a is b or (
        a._storage is b._storage
        and layout(a) == layout(b)
        and value_of(a).aval.dtype == value_of(b).aval.dtype
    )
