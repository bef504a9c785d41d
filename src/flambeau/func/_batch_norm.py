"""Batch norm without running statistics, which ``vmap`` cannot update."""

from __future__ import annotations

from flambeau.nn.batchnorm import _BatchNorm
from flambeau.nn.module import Module


def replace_all_batch_norm_modules_(root: Module) -> Module:
    """Let every batch norm of a module use the statistics of its batch only, in place.

    Inside ``vmap`` running statistics would differ between the examples of the batch.

    Args:
        root: the module; it is given back.

    Follows ``torch.func.replace_all_batch_norm_modules_``.
    """
    for module in root.modules():
        if isinstance(module, _BatchNorm):
            module.running_mean = None
            module.running_var = None
            module.num_batches_tracked = None
            module.track_running_stats = False
    return root
