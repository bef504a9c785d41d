"""The one tree of flambeau's errors.

Every class also subclasses the builtin that PyTorch raises in the same situation, so that
``except RuntimeError`` keeps working::

    FlambeauError
    ├── DTypeError (TypeError)
    ├── NotATensorError (AttributeError)
    ├── ShapeError (RuntimeError)
    └── StateDictError (RuntimeError)
"""

from __future__ import annotations

__all__ = ["DTypeError", "FlambeauError", "NotATensorError", "ShapeError", "StateDictError"]


class FlambeauError(Exception):
    """The base of every error that flambeau raises on its own account."""


class DTypeError(FlambeauError, TypeError):
    """A tensor has a dtype that the operation does not take."""


class NotATensorError(FlambeauError, AttributeError):
    """A tensor was needed and something else was given."""


class ShapeError(FlambeauError, RuntimeError):
    """Shapes do not fit together."""


class StateDictError(FlambeauError, RuntimeError):
    """A state dict does not fit the module or optimizer it is loaded into."""
