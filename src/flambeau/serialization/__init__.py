"""Checkpoints: PyTorch's ``.pt`` and safetensors, read without executing anything.

Follows ``torch.serialization``, as far as the names are the same.
"""

from flambeau.errors import (
    CheckpointDeviceError,
    CheckpointError,
    CheckpointFormatError,
    CheckpointIntegrityError,
    CheckpointLimitError,
    CheckpointRefusedError,
    CheckpointTypeError,
    CheckpointWarning,
    CheckpointWriteError,
)
from flambeau.serialization._api import load, save
from flambeau.serialization._background import PendingSave, save_async
from flambeau.serialization._limits import Limits
from flambeau.serialization._records import Stub
from flambeau.serialization._report import LoadReport, RefusedObject
from flambeau.serialization._safetensors_api import (
    load_safetensors,
    safetensors_metadata,
    save_safetensors,
    save_sharded,
)
from flambeau.serialization._state_dict import StateDictReport, check_state_dict
from flambeau.serialization._training import TrainingState, resume, save_training

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
    "Limits",
    "LoadReport",
    "PendingSave",
    "RefusedObject",
    "StateDictReport",
    "Stub",
    "TrainingState",
    "check_state_dict",
    "load",
    "load_safetensors",
    "resume",
    "safetensors_metadata",
    "save",
    "save_async",
    "save_safetensors",
    "save_sharded",
    "save_training",
]
