"""Many samples into one batch. Follows `torch.utils.data.default_collate`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from flambeau._tensor.construct import from_data, from_numpy
from flambeau._tensor.core import TensorBase
from flambeau._tensor.dtypes import float64
from flambeau._tensor.functions.joining import stack


def default_collate(batch: Sequence[Any]) -> Any:
    """Stack samples: tensors, arrays and numbers into a tensor with a new first dimension.

    Containers keep their form and are collated entry by entry; strings and bytes stay a list.

    Raises:
        TypeError: samples hold something else.
        RuntimeError: sequences of the samples have different lengths.

    Example:
        >>> from flambeau.utils.data import default_collate
        >>> default_collate([{"x": 1.5, "name": "a"}, {"x": 2.5, "name": "b"}])
        {'x': tensor([1.5000, 2.5000], dtype=torch.float64), 'name': ['a', 'b']}
    """
    first = batch[0]
    kind = type(first)
    if isinstance(first, TensorBase):
        return stack(list(batch), 0)
    if isinstance(first, (np.ndarray, np.generic)):
        if first.dtype.kind not in "biufc":
            raise _unknown(kind, f"numpy {first.dtype}")
        if isinstance(first, np.ndarray):
            return from_numpy(np.stack(batch))
        return from_numpy(np.array(batch))
    if isinstance(first, float):
        return from_data(list(batch), dtype=float64)
    if isinstance(first, int):
        return from_data(list(batch))
    if isinstance(first, (str, bytes)):
        return batch
    if isinstance(first, Mapping):
        return _like(first, {key: default_collate([b[key] for b in batch]) for key in first})
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return kind(*(default_collate(column) for column in zip(*batch, strict=True)))
    if isinstance(first, Sequence):
        if any(len(sample) != len(first) for sample in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        columns = [default_collate(column) for column in zip(*batch, strict=True)]
        return columns if isinstance(first, tuple) else _like(first, columns)
    raise _unknown(kind, str(kind))


def default_convert(data: Any) -> Any:
    """Arrays into tensors, and containers entry by entry; the rest as it is."""
    if isinstance(data, TensorBase):
        return data
    if isinstance(data, (np.ndarray, np.generic)):
        return from_numpy(np.asarray(data)) if np.asarray(data).dtype.kind in "biufc" else data
    if isinstance(data, Mapping):
        return _like(data, {key: default_convert(value) for key, value in data.items()})
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*(default_convert(value) for value in data))
    if isinstance(data, tuple):
        return [default_convert(value) for value in data]
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return _like(data, [default_convert(value) for value in data])
    return data


def _like(container: Any, content: Any) -> Any:
    """`content` in a container of the same class, where that takes it."""
    try:
        return type(container)(content)
    except TypeError:
        return content


def _unknown(kind: type, found: str) -> TypeError:
    return TypeError(
        "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; "
        f"found {found}. Give the DataLoader a collate_fn that handles {kind.__name__}"
    )
