"""The wrapper of programs that run one process for each device."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flambeau.nn.module import Module

__all__ = ["DistributedDataParallel"]


class DistributedDataParallel(Module):
    """Calls a module, under the name ``module``, in a program of a single process.

    With one process there are no gradients to average, so this is the module itself.
    Checkpoints' keys begin with ``module.`` as PyTorch's do.

    Args:
        module: the model.
        device_ids: accepted: the module's own device counts.
        kwargs: PyTorch's other arguments, which steer the exchange of gradients.

    Raises:
        RuntimeError: no parameter requires a gradient, or the program was started as several
            processes, which would train apart from each other.

    Follows ``torch.nn.parallel.DistributedDataParallel``.
    """

    def __init__(self, module: Module, device_ids: Any = None, **kwargs: Any) -> None:
        super().__init__()
        unknown = sorted(set(kwargs) - _ARGUMENTS)
        if unknown:
            raise TypeError(
                f"DistributedDataParallel.__init__() got unexpected arguments {', '.join(unknown)}"
            )
        if not any(p.requires_grad for p in module.parameters()):
            raise RuntimeError(
                "DistributedDataParallel is not needed when a module doesn't have any parameters "
                "that require a gradient."
            )
        world = int(os.environ.get("WORLD_SIZE", "1") or 1)
        if world > 1:
            raise RuntimeError(
                f"DistributedDataParallel: WORLD_SIZE is {world}, but gradients are not exchanged "
                "between processes here, so that each would train a model of its own; start the "
                "program as one process"
            )
        self.module = module
        self.device_ids = device_ids
        self.output_device = kwargs.get("output_device")
        self.dim = kwargs.get("dim", 0)
        self.require_backward_grad_sync = True

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """Call the module."""
        return self.module(*inputs, **kwargs)

    @contextmanager
    def no_sync(self) -> Iterator[None]:
        """Inside, gradients add up without an exchange; with one process they always do."""
        before, self.require_backward_grad_sync = self.require_backward_grad_sync, False
        try:
            yield
        finally:
            self.require_backward_grad_sync = before

    @contextmanager
    def join(
        self,
        divide_by_initial_world_size: bool = True,
        enable: bool = True,
        throw_on_early_termination: bool = False,
    ) -> Iterator[None]:
        """Inside, processes may have batches of different number; with one they do not."""
        yield


_ARGUMENTS = frozenset(
    {
        "batched_grad_copy",
        "broadcast_buffers",
        "bucket_cap_mb",
        "bucket_cap_mb_list",
        "check_reduction",
        "delay_all_reduce_named_params",
        "device_mesh",
        "dim",
        "find_unused_parameters",
        "forward_sync_buffers",
        "gradient_as_bucket_view",
        "init_sync",
        "mixed_precision",
        "output_device",
        "param_to_hook_all_reduce",
        "process_group",
        "skip_all_reduce_unused_params",
        "static_graph",
    }
)
