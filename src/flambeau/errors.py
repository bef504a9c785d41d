"""The one tree of flambeau's errors.

Every class also subclasses the builtin that PyTorch raises in the same situation, so that
``except RuntimeError`` keeps working::

    FlambeauError
    ├── CheckpointError (RuntimeError)
    │   ├── CheckpointDeviceError
    │   ├── CheckpointFormatError (UnpicklingError, ValueError)
    │   │   └── CheckpointIntegrityError
    │   ├── CheckpointLimitError (UnpicklingError)
    │   ├── CheckpointRefusedError (UnpicklingError)
    │   ├── CheckpointTypeError (TypeError)
    │   └── CheckpointWriteError (OSError)
    ├── DTypeError (TypeError)
    ├── DTypeMismatchError (RuntimeError)
    ├── NotATensorError (AttributeError)
    ├── ShapeError (RuntimeError)
    └── StateDictError (RuntimeError)

and one tree of warnings, of which there is one so far: ``CheckpointWarning (UserWarning)``.
"""

from __future__ import annotations

import pickle

__all__ = [
    "CheckpointDeviceError",
    "CheckpointError",
    "CheckpointFormatError",
    "CheckpointIntegrityError",
    "CheckpointLimitError",
    "CheckpointRefusedError",
    "CheckpointTypeError",
    "CheckpointWarning",
    "CheckpointWriteError",
    "DTypeError",
    "DTypeMismatchError",
    "FlambeauError",
    "NotATensorError",
    "ShapeError",
    "StateDictError",
]


class FlambeauError(Exception):
    """The base of every error that flambeau raises on its own account."""


class DTypeError(FlambeauError, TypeError):
    """A tensor has a dtype that the operation does not take."""


class DTypeMismatchError(FlambeauError, RuntimeError):
    """Operands have different dtypes where none is promoted to the other."""


class NotATensorError(FlambeauError, AttributeError):
    """A tensor was needed and something else was given."""


class ShapeError(FlambeauError, RuntimeError):
    """Shapes do not fit together."""


class StateDictError(FlambeauError, RuntimeError):
    """A state dict does not fit the module or optimizer it is loaded into."""


class CheckpointError(FlambeauError, RuntimeError):
    """Something is wrong with a checkpoint."""


class CheckpointFormatError(CheckpointError, pickle.UnpicklingError, ValueError):
    """The file is not a checkpoint, is damaged, or contradicts itself."""


class CheckpointIntegrityError(CheckpointFormatError):
    """A checksum stored in the file does not match the data."""


class CheckpointLimitError(CheckpointError, pickle.UnpicklingError):
    """The file asks for more than :class:`Limits` allows."""


class CheckpointRefusedError(CheckpointError, pickle.UnpicklingError):
    """``strict_types=True`` and the file holds objects that are not plain data."""


class CheckpointDeviceError(CheckpointError):
    """The file's tensors lived on a device that is not here."""


class CheckpointTypeError(CheckpointError, TypeError):
    """The object cannot be written as plain data."""


class CheckpointWriteError(CheckpointError, OSError):
    """Writing failed; the previous file is untouched."""


class CheckpointWarning(UserWarning):
    """Something in a checkpoint was refused, ignored or changed."""
