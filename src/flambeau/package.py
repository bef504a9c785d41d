"""Packages of code and weights: out of scope. Asking for a name of `torch.package` says why."""

from flambeau._scope import namespace

__getattr__ = namespace(__name__)
