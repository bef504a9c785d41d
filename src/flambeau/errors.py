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
    ├── DeviceMismatchError (RuntimeError)
    ├── IndexRangeError (IndexError, RuntimeError)
    ├── LinAlgError (RuntimeError)
    ├── NotATensorError (AttributeError)
    ├── OutOfScopeError (NotImplementedError)
    │   ├── OutOfScopeImportError (ImportError)
    │   └── OutOfScopeNameError (AttributeError)
    ├── ShapeError (RuntimeError)
    ├── StateDictError (RuntimeError)
    └── TransformError (RuntimeError)

and the warnings::

    UserWarning
    ├── CheckpointWarning
    └── FlambeauWarning
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
    "DeviceMismatchError",
    "FlambeauError",
    "FlambeauWarning",
    "IndexRangeError",
    "LinAlgError",
    "NotATensorError",
    "OutOfScopeError",
    "OutOfScopeImportError",
    "OutOfScopeNameError",
    "ShapeError",
    "StateDictError",
    "TransformError",
]


class FlambeauError(Exception):
    """The base of every error that flambeau raises on its own account."""


class DTypeError(FlambeauError, TypeError):
    """A tensor has a dtype that the operation does not take."""


class DTypeMismatchError(FlambeauError, RuntimeError):
    """Operands have different dtypes where none is promoted to the other."""


class DeviceMismatchError(FlambeauError, RuntimeError):
    """Operands are on different devices."""


class IndexRangeError(FlambeauError, IndexError, RuntimeError):
    """A position lies outside a tensor. PyTorch raises one or the other, by operation."""


class LinAlgError(FlambeauError, RuntimeError):
    """A decomposition that does not exist or an iteration that does not end.

    Follows ``torch.linalg.LinAlgError``.
    """


class NotATensorError(FlambeauError, AttributeError):
    """A tensor was needed and something else was given."""


class OutOfScopeError(FlambeauError, NotImplementedError):
    """Something of PyTorch that flambeau leaves out on purpose; the text says why."""


class OutOfScopeNameError(AttributeError, OutOfScopeError):
    """A name that flambeau leaves out was asked of a namespace or a tensor."""


class OutOfScopeImportError(ImportError, OutOfScopeError):
    """A name that flambeau leaves out was imported."""


class ShapeError(FlambeauError, RuntimeError):
    """Shapes do not fit together."""


class StateDictError(FlambeauError, RuntimeError):
    """A state dict does not fit the module or optimizer it is loaded into."""


class TransformError(FlambeauError, RuntimeError):
    """Something inside ``vmap``, ``grad`` or ``jvp`` that they cannot transform."""


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


class FlambeauWarning(UserWarning):
    """A mistake that flambeau noticed; :mod:`flambeau._codes` explains its code.

    Attributes:
        code: such as ``"FB003"``; ``flambeau.silence(code)`` silences it.
    """

    def __init__(self, text: str = "", code: str = "") -> None:
        super().__init__(text)
        self.code = code
