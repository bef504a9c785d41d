"""Modules, layers and losses."""

from flambeau.nn.module import Module
from flambeau.nn.parameter import Buffer, Parameter

__all__ = ["Buffer", "Module", "Parameter"]
