"""Order, search and counts: over :mod:`flambeau._ops.sorting`."""

from __future__ import annotations

from typing import Any

import numpy as np

from flambeau._engine.recorder import read
from flambeau._ops import sorting as rows
from flambeau._ops._dims import canonical_dim
from flambeau._tensor.construct import constant
from flambeau._tensor.core import value_of, wrap
from flambeau._tensor.dispatch import named_results, public, run, store_out
from flambeau._tensor.functions._shared import is_number
from flambeau._tensor.functions.indexing import index_select

msort = public(rows.msort)
topk = public(rows.topk)
kthvalue = public(rows.kthvalue)
histc = public(rows.histc)


def sort(
    input: Any,
    dim: int = -1,
    descending: bool = False,
    stable: bool = False,
    *,
    out: Any = None,
) -> Any:
    """The elements in order along ``dim``, and where each came from.

    The order of equal elements is always kept, whether or not ``stable`` asks for it.

    Dtypes:
        Bool, integers and floating; the results: the input's; int64.

    Returns:
        ``(values, indices)``, both of the input's shape.

    Raises:
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.sort(torch.tensor([3, 1, 2])).indices
        tensor([1, 2, 0])

    Follows ``torch.sort``.
    """
    static = (("dim", dim), ("descending", bool(descending)), ("stable", bool(stable)))
    result = run(rows.sort, (input,), static)
    return result if out is None else store_out(out, result, "sort", exact=True)


def argsort(input: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    """The positions that put the elements in order along ``dim``.

    Shape:
        ``(*, N, *)`` with N the size of ``dim``, to the same.

    Dtypes:
        Bool, integers and floating; the result is int64.

    Raises:
        RuntimeError: the tensors are complex.
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.argsort(torch.tensor([3, 1, 2]))
        tensor([1, 2, 0])

    Follows ``torch.argsort``.
    """
    static = (("dim", dim), ("descending", bool(descending)), ("stable", bool(stable)))
    return run(rows.argsort, (input,), static)


def _scalar(value: Any, like: Any) -> Any:
    dtype = np.dtype(np.int64 if isinstance(value, int) else np.float64)
    return wrap(constant(np.asarray(value, dtype), value_of(like).aval.device))


def searchsorted(
    sorted_sequence: Any,
    input: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Any = None,
    out: Any = None,
) -> Any:
    r"""Where each value would go in a sorted sequence, along the last dimension.

    Shape:
        sorted_sequence: (N) or (\*, N). Input: (\*, M), or any shape for a 1-d sequence.
        Output: the shape of the input, int64 or int32.

    Dtypes:
        Integers and floating; the result is int64.

    Raises:
        RuntimeError: the input has no dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.searchsorted(torch.tensor([1, 3, 5]), torch.tensor([3, 6]))
        tensor([1, 3])

    Follows ``torch.searchsorted``.
    """
    if is_number(input):
        input = _scalar(input, sorted_sequence)
    elif value_of(input).aval.dtype != value_of(sorted_sequence).aval.dtype:
        raise RuntimeError(
            "torch.searchsorted(): boundary tensor and input value tensor should have same "
            f"dtype, but got boundary tensor dtype {sorted_sequence.dtype} and input value tensor "
            f"dtype {input.dtype}"
        )
    static = (("out_int32", bool(out_int32)), ("right", bool(right)), ("side", side))
    result = run(rows.searchsorted, (sorted_sequence, input, sorter), static)
    return result if out is None else store_out(out, result, "searchsorted", exact=True)


def bucketize(
    input: Any, boundaries: Any, *, out_int32: bool = False, right: bool = False, out: Any = None
) -> Any:
    """The number of the bucket, between sorted boundaries, that holds each value.

    Shape:
        ``(*)``, boundaries ``(K,)``; the result is ``(*)``.

    Dtypes:
        Integers and floating.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.bucketize(torch.tensor([3, 6]), torch.tensor([1, 3, 5]))
        tensor([1, 3])

    Follows ``torch.bucketize``.
    """
    if is_number(input):
        input = _scalar(input, boundaries)
    static = (("out_int32", bool(out_int32)), ("right", bool(right)))
    result = run(rows.bucketize, (input, boundaries), static)
    return result if out is None else store_out(out, result, "bucketize", exact=True)


def bincount(input: Any, weights: Any = None, minlength: int = 0) -> Any:
    """Counts (or sums of weights) of each value of a vector. Reads the largest value.

    Shape:
        ``(N,)`` to ``(K,)``, K being the larger of ``minlength`` and the largest value plus
        one.

    Dtypes:
        Integers, weights floating; the result is int64, or has the weights'.

    Raises:
        RuntimeError: the tensors are floating or complex.
        RuntimeError: the tensors hold bools.

    Example:
        >>> import flambeau as torch
        >>> torch.bincount(torch.tensor([0, 1, 1]))
        tensor([1, 2])

    Follows ``torch.bincount``.
    """
    aval = value_of(input).aval
    if aval.ndim != 1 or aval.dtype.kind not in "iu":
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    if minlength < 0:
        raise RuntimeError("minlength should be >= 0")
    if weights is not None and value_of(weights).aval.shape != aval.shape:
        raise RuntimeError("weights should be 1-d and have the same length as input")
    found = np.asarray(read(value_of(input)))
    if found.size and found.min() < 0:
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    length = max(minlength, int(found.max()) + 1 if found.size else 0)
    return run(rows.bincount, (input, weights), (("length", length),))


def _constants(device: Any, *arrays: np.ndarray) -> list[Any]:
    return [wrap(constant(np.ascontiguousarray(a), device)) for a in arrays]


def unique(
    input: Any,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The different elements (or slices along ``dim``), in order. Reads the tensor.

    Shape:
        ``(*)`` to ``(K,)``, or ``(*, K, *)`` along ``dim``, K being the number of different
        ones.

    Dtypes:
        Bool, integers and floating.

    Returns:
        The elements; with them, as asked, the place of each input element among them and the
        number of times each occurs.

    Raises:
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.unique(torch.tensor([3, 1, 3]))
        tensor([1, 3])

    Follows ``torch.unique``.
    """
    device = value_of(input).aval.device
    array = np.asarray(read(value_of(input)))
    axis = None if dim is None else canonical_dim(dim, array.ndim)
    kept, inverse, counts = _unique(array, axis)
    if axis is not None:
        found = index_select(input.detach(), axis, _constants(device, kept)[0])
    else:
        found = index_select(input.detach().reshape(-1), 0, _constants(device, kept)[0])
        inverse = inverse.reshape(array.shape)
    return _with_extras(found, device, inverse, counts, return_inverse, return_counts)


def _with_extras(
    found: Any, device: Any, inverse: Any, counts: Any, return_inverse: bool, return_counts: bool
) -> Any:
    if not return_inverse and not return_counts:
        return found
    result = [found]
    if return_inverse:
        result += _constants(device, inverse.astype(np.int64))
    if return_counts:
        result += _constants(device, counts.astype(np.int64))
    return tuple(result)


def _comparable(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float32) if array.dtype.kind == "V" else array


def _slices(array: np.ndarray, axis: int) -> np.ndarray:
    """The slices along a dimension, each as one row."""
    count = array.shape[axis]
    return np.moveaxis(array, axis, 0).reshape(count, array.size // count if count else 0)


def _unique(array: np.ndarray, axis: int | None) -> tuple[Any, Any, Any]:
    """Places of the first occurrences in order, the inverse, and counts."""
    array = _comparable(array)
    if axis is None:
        _, kept, inverse, counts = np.unique(
            array.reshape(-1),
            return_index=True,
            return_inverse=True,
            return_counts=True,
            equal_nan=False,
        )
    else:
        moved = _slices(array, axis)
        if moved.shape[1] == 0:
            n = min(1, moved.shape[0])
            return (
                np.zeros(n, np.int64),
                np.zeros(moved.shape[0], np.int64),
                np.full(n, moved.shape[0]),
            )
        _, kept, inverse, counts = np.unique(
            moved, axis=0, return_index=True, return_inverse=True, return_counts=True
        )
    return kept.astype(np.int64), inverse.reshape(-1), counts


def unique_consecutive(
    input: Any, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """The elements (or slices along ``dim``) without direct repetitions. Reads the tensor.

    Shape:
        ``(*)`` to ``(K,)``, or ``(*, K, *)`` along ``dim``, K being the number of different
        ones.

    Dtypes:
        Bool, integers and floating.

    Raises:
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.unique_consecutive(torch.tensor([1, 1, 2]))
        tensor([1, 2])

    Follows ``torch.unique_consecutive``.
    """
    device = value_of(input).aval.device
    array = _comparable(np.asarray(read(value_of(input))))
    axis = None if dim is None else canonical_dim(dim, array.ndim)
    if axis is None:
        flat = array.reshape(-1, 1)
    else:
        flat = _slices(array, axis)
    starts = np.ones(flat.shape[0], np.bool_)
    starts[1:] = (flat[1:] != flat[:-1]).any(axis=1)
    kept = np.flatnonzero(starts).astype(np.int64)
    inverse = np.cumsum(starts) - 1
    counts = np.diff(np.append(kept, flat.shape[0]))
    source = input.detach().reshape(-1) if axis is None else input.detach()
    found = index_select(source, axis or 0, _constants(device, kept)[0])
    if axis is None:
        inverse = inverse.reshape(array.shape)
    return _with_extras(found, device, inverse, counts, return_inverse, return_counts)


def histogram(
    input: Any,
    bins: Any,
    *,
    range: Any = None,
    weight: Any = None,
    density: bool = False,
    out: Any = None,
) -> Any:
    """Counts of the elements in bins, and the edges of the bins.

    Args:
        input: a floating point tensor.
        bins: how many bins of one size, or their edges.
        range: the lowest and the highest edge; those of the data by default.
        weight: what each element counts, 1 by default.
        density: divide so that the integral over the range is 1.
        out: two tensors for the results.

    Shape:
        ``(*)`` to ``(bins,)`` and ``(bins + 1,)``.

    Dtypes:
        Floating; the result has the input's.

    Returns:
        ``(hist, bin_edges)``.

    Raises:
        RuntimeError: the tensors hold bools.

    Example:
        >>> import flambeau as torch
        >>> torch.histogram(torch.tensor([1.0, 2.0, 2.5]), 2, range=(1.0, 3.0))
        torch.return_types.histogram(
        hist=tensor([1., 2.]),
        bin_edges=tensor([1., 2., 3.]))

    Follows ``torch.histogram``.
    """
    if isinstance(bins, int):
        if bins <= 0:
            raise RuntimeError(f"torch.histogram(): bins must be > 0, but got {bins}")
        low, high = (None, None) if range is None else (float(range[0]), float(range[1]))
        edges = run(rows.bin_edges, (input,), (("bins", bins), ("low", low), ("high", high)))
    else:
        edges = bins
    counts = run(rows.histogram, (input, edges, weight), (("density", bool(density)),))
    result = named_results("histogram", ("hist", "bin_edges"))(counts, edges)
    return result if out is None else store_out(out, result, "histogram", exact=True)


__all__ = [
    "argsort", "bincount", "bucketize", "histc", "histogram", "kthvalue", "msort", "searchsorted",
    "sort", "topk", "unique", "unique_consecutive",
]  # fmt: skip
