"""Functions under the names of ``torch.functional``; each is the same as under ``torch``."""

from flambeau._scope import namespace as _namespace
from flambeau._tensor.functions.creation import cartesian_prod, meshgrid
from flambeau._tensor.functions.indexing import unravel_index
from flambeau._tensor.functions.joining import block_diag
from flambeau._tensor.functions.linalg import old_lu as lu
from flambeau._tensor.functions.linalg import pca_lowrank, svd_lowrank
from flambeau._tensor.functions.matmul import cdist, chain_matmul, einsum, tensordot
from flambeau._tensor.functions.reductions import norm
from flambeau._tensor.functions.shape import (
    atleast_1d,
    atleast_2d,
    atleast_3d,
    broadcast_shapes,
    broadcast_tensors,
    split,
)
from flambeau._tensor.functions.sorting import unique, unique_consecutive
from flambeau._tensor.functions.spectral import istft, stft

__all__ = [
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "block_diag",
    "broadcast_shapes",
    "broadcast_tensors",
    "cartesian_prod",
    "cdist",
    "chain_matmul",
    "einsum",
    "istft",
    "lu",
    "meshgrid",
    "norm",
    "pca_lowrank",
    "split",
    "stft",
    "svd_lowrank",
    "tensordot",
    "unique",
    "unique_consecutive",
    "unravel_index",
]

__getattr__ = _namespace(__name__)
