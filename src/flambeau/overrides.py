"""Questions of libraries that wrap PyTorch. Follows `torch.overrides`.

``__torch_function__`` is not called here, so nothing ever overrides: the answers say so.
"""

from __future__ import annotations

from typing import Any

from flambeau._scope import namespace
from flambeau._tensor.core import TensorBase
from flambeau.errors import OutOfScopeError

__all__ = [
    "handle_torch_function",
    "has_torch_function",
    "has_torch_function_unary",
    "has_torch_function_variadic",
    "is_tensor_like",
]


def has_torch_function(relevant_args: Any) -> bool:
    """False: nothing overrides operations. Follows ``torch.overrides.has_torch_function``."""
    return False


def has_torch_function_unary(arg: Any) -> bool:
    """False. Follows ``torch.overrides.has_torch_function_unary``."""
    return False


def has_torch_function_variadic(*args: Any) -> bool:
    """False. Follows ``torch.overrides.has_torch_function_variadic``."""
    return False


def handle_torch_function(public_api: Any, relevant_args: Any, *args: Any, **kwargs: Any) -> Any:
    """Raises OutOfScopeError: it is called only where something overrides."""
    raise OutOfScopeError(
        "`torch.overrides.handle_torch_function` is not in flambeau on purpose: operations are "
        "not overridden; wrap the function, or subclass torch.Tensor and its methods"
    )


def is_tensor_like(inp: Any) -> bool:
    """Whether an object is a tensor. Follows ``torch.overrides.is_tensor_like``."""
    return isinstance(inp, TensorBase)


__getattr__ = namespace(__name__)
