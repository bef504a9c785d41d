"""Graphs of Python code: out of scope. Asking for a name of `torch.fx` says why."""

from flambeau._scope import namespace

__getattr__ = namespace(__name__)
