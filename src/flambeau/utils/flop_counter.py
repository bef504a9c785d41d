"""Counting operations: out of scope by this path. Asking for a name says where it is done."""

from flambeau._scope import namespace

__getattr__ = namespace(__name__)
