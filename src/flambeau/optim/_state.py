"""Making, copying and loading the tensors of an optimizer's state."""

from __future__ import annotations

from typing import Any

from flambeau._tensor import creation, dtypes
from flambeau._tensor.tensor import Tensor


def scalar_dtype(group: dict[str, Any]) -> Any:
    """The dtype of step counters: float32, or float64 where that is the default dtype."""
    if group.get("fused"):
        return dtypes.float32
    default = dtypes.get_default_dtype()
    return dtypes.float64 if default is dtypes.float64 else dtypes.float32


def scalar(value: float, dtype: Any, device: Any) -> Tensor:
    """A new 0-d tensor."""
    return creation.full((), value, dtype=dtype, device=device)


def zeros_like(tensor: Tensor) -> Tensor:
    """Zeros of the same shape, dtype and device, without history."""
    return creation.zeros(tensor.shape, dtype=tensor.dtype, device=tensor.device)


def zeros(shape: tuple[int, ...], like: Tensor) -> Tensor:
    """Zeros of another shape."""
    return creation.zeros(shape, dtype=like.dtype, device=like.device)


def full_like(tensor: Tensor, value: complex) -> Tensor:
    """One value everywhere, in the shape, dtype and device of a tensor."""
    return creation.full(tensor.shape, value, dtype=tensor.dtype, device=tensor.device)


def copy(tensor: Tensor) -> Tensor:
    """The same values in a storage of their own."""
    return tensor.detach().clone()


def loaded(value: Tensor, param: Tensor, dtype: str | None) -> Tensor:
    """A copy of a loaded tensor on the parameter's device.

    Args:
        value: what the state dict holds; it is left alone.
        param: the parameter it belongs to.
        dtype: ``"param"`` for the parameter's, ``"float32"``, or None to keep its own.
    """
    target = {"param": param.dtype, "float32": dtypes.float32, None: value.dtype}[dtype]
    moved = value.detach().to(device=param.device, dtype=target)
    return moved.clone()


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
