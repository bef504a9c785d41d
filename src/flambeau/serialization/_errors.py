"""Errors of reading and writing checkpoints.

::

    CheckpointError (RuntimeError)
    ├── CheckpointFormatError (pickle.UnpicklingError, ValueError)   the file is malformed
    │   └── CheckpointIntegrityError                                 a checksum does not match
    ├── CheckpointLimitError (pickle.UnpicklingError)                more than Limits allows
    ├── CheckpointRefusedError (pickle.UnpicklingError)              strict_types met a stranger
    ├── CheckpointDeviceError                                        no such device here
    ├── CheckpointTypeError (TypeError)                              cannot be written
    └── CheckpointWriteError (OSError)                               writing failed
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
]


class CheckpointError(RuntimeError):
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
