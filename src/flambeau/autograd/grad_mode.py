"""Whether gradients are recorded: the names of ``torch.autograd.grad_mode``."""

from flambeau._autograd.grad_mode import (
    enable_grad,
    inference_mode,
    no_grad,
    set_grad_enabled,
)
from flambeau._scope import namespace as _namespace

__all__ = ["enable_grad", "inference_mode", "no_grad", "set_grad_enabled"]

__getattr__ = _namespace(__name__)
