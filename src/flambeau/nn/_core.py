"""What modules need of the layers below, in one place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from flambeau._autograd.grad_mode import is_grad_enabled, no_grad
from flambeau._autograd.tape import Node, Tracked
from flambeau._engine.recorder import flush
from flambeau._tensor.construct import constant
from flambeau._tensor.construct import from_data as tensor
from flambeau._tensor.core import value_of, wrap
from flambeau._tensor.device import place_for, user_device
from flambeau._tensor.dtypes import as_dtype, get_default_dtype, int64
from flambeau._tensor.size import Size
from flambeau._tensor.tensor import _STATE, Tensor
from flambeau._tensor.tensor import parse_to as _parse_to
from flambeau.errors import NotATensorError, ShapeError, StateDictError

__all__ = [
    "ShapeError",
    "Size",
    "StateDictError",
    "Tensor",
    "alias",
    "attributes",
    "device_name",
    "dtype_named",
    "empty",
    "empty_like",
    "flush",
    "full",
    "gate",
    "host_tensor",
    "int64",
    "is_grad_enabled",
    "is_tensor_like",
    "no_grad",
    "not_a_tensor",
    "numpy_dtype",
    "on_host",
    "ones",
    "parse_to",
    "snapshot",
    "tensor",
    "tensor_repr",
    "typename",
    "zeros",
    "zeros_like",
]


def full(size: Sequence[int], value: Any, *, device: Any = None, dtype: Any = None) -> Tensor:
    """A tensor filled with one number, without recording an operation."""
    kind = get_default_dtype() if dtype is None else as_dtype(dtype)
    shape = tuple(size)
    array = np.zeros(shape, kind.numpy) if not value else np.full(shape, value, kind.numpy)
    return wrap(constant(array, place_for(device)))


def empty(*size: Any, device: Any = None, dtype: Any = None) -> Tensor:
    """A tensor whose contents do not matter: zeros, so that a program is the same twice."""
    shape = size[0] if len(size) == 1 and isinstance(size[0], (tuple, list)) else size
    return full(shape, 0, device=device, dtype=dtype)


def zeros(*size: Any, device: Any = None, dtype: Any = None) -> Tensor:
    """Zeros."""
    return empty(*size, device=device, dtype=dtype)


def ones(*size: Any, device: Any = None, dtype: Any = None) -> Tensor:
    """Ones."""
    shape = size[0] if len(size) == 1 and isinstance(size[0], (tuple, list)) else size
    return full(shape, 1, device=device, dtype=dtype)


def zeros_like(other: Tensor) -> Tensor:
    """Zeros of the shape, dtype and device of another tensor."""
    return full(other.shape, 0, device=other.device, dtype=other.dtype)


def empty_like(other: Tensor, *, device: Any = None) -> Tensor:
    """A tensor of the same shape and dtype whose contents do not matter."""
    return full(other.shape, 0, device=device or other.device, dtype=other.dtype)


def alias(cls: type, data: Tensor, requires_grad: bool) -> Any:
    """``data`` without its history as an instance of ``cls``, sharing its memory."""
    if requires_grad and not value_of(data).aval.inexact:
        raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
    made = data.detach().as_subclass(cls)
    return made.requires_grad_(True) if requires_grad else made


def snapshot(data: Tensor) -> Tensor:
    """A tensor of its own with the same contents; values are immutable, so nothing is copied."""
    return wrap(value_of(data))


def attributes(t: Tensor) -> dict[str, Any]:
    """What the user has set on a tensor."""
    return {k: v for k, v in t.__dict__.items() if k not in _STATE}


def host_tensor(array: np.ndarray, device: Any) -> Any:
    """A tensor over an array that was computed on the host."""
    return wrap(constant(array, place_for(device)))


def on_host(t: Tensor) -> np.ndarray:
    """The elements; what is pending is executed only if they are not there yet."""
    array = value_of(t).array
    return np.asarray(t.detach().numpy() if array is None else array)


def numpy_dtype(t: Tensor) -> Any:
    """The NumPy dtype of a tensor's elements."""
    return t.dtype.numpy


def dtype_named(name: str) -> Any:
    """The dtype of a name such as ``"float32"``."""
    return as_dtype(np.dtype(name))


def parse_to(*args: Any, **kwargs: Any) -> tuple[Any, Any, Any]:
    """The arguments of ``Module.to``: device, dtype and memory format."""
    memory_format = kwargs.pop("memory_format", None)
    place, dtype, _ = _parse_to(*args, **kwargs)
    return (None if place is None else user_device(place)), dtype, memory_format


def device_name(kind: str, device: Any) -> str:
    """``"xpu"`` and an index, or whatever device was named."""
    if device is None:
        return kind
    return f"{kind}:{device}" if isinstance(device, int) else str(device)


def tensor_repr(t: Tensor) -> str:
    """The repr of a plain tensor with these contents."""
    return Tensor.__repr__(t)


def is_tensor_like(value: Any) -> bool:
    """Whether a value of a state dict can be loaded."""
    return isinstance(value, Tensor)


def typename(value: Any) -> str:
    """What PyTorch's errors call a value's type, such as ``torch.FloatTensor``."""
    if isinstance(value, Tensor):
        return value.type()
    named = value if hasattr(value, "__qualname__") else type(value)
    module = getattr(named, "__module__", "") or ""
    return named.__qualname__ if module in ("", "builtins") else f"{module}.{named.__qualname__}"


def not_a_tensor(who: str, value: Any) -> NotATensorError:
    """The error for data that should have been a tensor."""
    return NotATensorError(
        f"{who}: expected a Tensor but got {type(value).__name__}; "
        f"write {who}(torch.tensor(...)) (a '{type(value).__name__}' object has no attribute "
        "'detach')"
    )


class _Gate(Node):
    """An identity whose backward hands the gradients to a function."""

    __slots__ = ("materialize", "on_grads")

    def __init__(
        self,
        tensors: Sequence[Tensor],
        on_grads: Callable[[tuple[Any, ...]], tuple[Any, ...]],
        materialize: bool,
    ) -> None:
        avals = tuple(value_of(t).aval for t in tensors)
        super().__init__(None, (), tuple(t._edge for t in tensors), avals)  # type: ignore[arg-type]
        self.on_grads = on_grads
        self.materialize = materialize

    @property
    def label(self) -> str:
        return "BackwardHookFunctionBackward"

    def run(self, grads: list[Any], tracked: bool) -> list[Any]:
        given: list[Any] = []
        for grad, aval in zip(grads, self.outs, strict=True):
            if grad is not None:
                given.append(wrap(grad.value, grad.edge if tracked else None))
            elif self.materialize:
                given.append(wrap(constant(np.zeros(aval.shape, aval.dtype), aval.device)))
            else:
                given.append(None)
        back = self.on_grads(tuple(given))
        return [None if g is None else Tracked(value_of(g), g._edge) for g in back]


def gate(
    on_grads: Callable[[tuple[Any, ...]], tuple[Any, ...]],
    tensors: Sequence[Tensor],
    *,
    materialize: bool,
) -> list[Tensor]:
    """The tensors, behind an identity that shows their gradients to ``on_grads``.

    Args:
        on_grads: gets the gradients and gives those that go on.
        tensors: each requires a gradient.
        materialize: give zeros instead of None where no gradient arrived.
    """
    node = _Gate(tensors, on_grads, materialize)
    return [wrap(value_of(t), (node, i)) for i, t in enumerate(tensors)]
