"""Nested tensors: out of scope. Asking for a name of `torch.nested` says why."""

from flambeau._scope import namespace

__getattr__ = namespace(__name__)
