"""Making, copying and loading the tensors of an optimizer's state."""

from __future__ import annotations

from typing import Any

import numpy as np

from flambeau._tensor import dtypes
from flambeau._tensor.construct import constant
from flambeau._tensor.core import value_of, wrap
from flambeau._tensor.tensor import Tensor


def scalar_dtype(group: dict[str, Any]) -> Any:
    """The dtype of step counters: float32, or float64 where that is the default dtype."""
    if group.get("fused"):
        return dtypes.float32
    default = dtypes.get_default_dtype()
    return dtypes.float64 if default is dtypes.float64 else dtypes.float32


# State starts as arrays, not as recorded operations: the first step is then the same program
# as all that follow.


def scalar(value: float, dtype: Any, like: Tensor) -> Tensor:
    """A new 0-d tensor on a tensor's device."""
    place = value_of(like).aval.device
    return wrap(constant(np.full((), value, dtype.numpy), place))


def filled(tensor: Tensor, value: complex = 0, shape: tuple[int, ...] | None = None) -> Tensor:
    """One value everywhere, in a tensor's dtype, on its device, and in its shape or another."""
    aval = value_of(tensor).aval
    size = aval.shape if shape is None else shape
    array = np.full(size, value, aval.dtype) if value else np.zeros(size, aval.dtype)
    return wrap(constant(array, aval.device))


def copy(tensor: Tensor) -> Tensor:
    """The same values in a storage of their own."""
    return wrap(value_of(tensor))


def loaded(value: Tensor, param: Tensor, dtype: str | None) -> Tensor:
    """A copy of a loaded tensor on the parameter's device.

    Args:
        value: what the state dict holds; it is left alone.
        param: the parameter it belongs to.
        dtype: ``"param"`` for the parameter's, ``"float32"``, or None to keep its own.
    """
    target = {"param": param.dtype, "float32": dtypes.float32, None: value.dtype}[dtype]
    return copy(value.detach().to(device=param.device, dtype=target))


def unshared(entry: Any, seen: set[int]) -> Any:
    """One parameter's state for ``state_dict``, sharing no tensor with those before it.

    Parameters that advance together hold one step counter between them. In a file each needs
    its own: an optimizer that counts in place would count once per parameter.
    """
    if not isinstance(entry, dict):
        return entry
    result = entry
    for key, value in entry.items():
        if isinstance(value, Tensor):
            if id(value) in seen:
                if result is entry:
                    result = dict(entry)
                result[key] = copy(value)
            else:
                seen.add(id(value))
    return result
