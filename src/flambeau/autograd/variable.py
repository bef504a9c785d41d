"""``Variable``, the name that tensors with history had before 2018."""

from __future__ import annotations

from typing import Any

from flambeau._tensor.core import TensorBase
from flambeau._tensor.tensor import Tensor


class _VariableMeta(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, TensorBase)


class Variable(metaclass=_VariableMeta):
    """A tensor, by its old name: ``Variable(x, requires_grad=True)``.

    Args:
        data: a tensor; the result shares its memory.
        requires_grad: compute gradients for it.
        volatile: had the meaning of ``no_grad``; PyTorch ignores it with a warning today.

    Follows ``torch.autograd.Variable``.
    """

    def __new__(cls, data: Any = None, requires_grad: bool = False, volatile: Any = None) -> Any:
        if volatile:
            import warnings

            warnings.warn(
                "volatile was removed (Variable.volatile is always False); use torch.no_grad()",
                UserWarning,
                stacklevel=2,
            )
        result = Tensor(0) if data is None else data.detach()
        if requires_grad:
            result.requires_grad_(True)
        return result
