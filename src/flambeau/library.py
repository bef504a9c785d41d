"""PyTorch's dispatcher: out of scope. Asking for a name of `torch.library` says why."""

from flambeau._scope import namespace

__getattr__ = namespace(__name__)
