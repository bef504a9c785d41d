"""Helpers around modules and parameters."""

from flambeau.nn.utils import rnn

__all__ = ["rnn"]
