"""The wrapper of programs that split a batch among the GPUs of one process."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from flambeau._tensor.device import device
from flambeau.errors import FlambeauWarning
from flambeau.nn.module import Module

__all__ = ["DataParallel", "data_parallel"]


def _index(where: Any) -> int:
    if isinstance(where, int):
        return where
    found = device(where)
    if found.type == "cpu":
        raise ValueError(f"DataParallel: expected an index or a GPU, but got {where!r}")
    return found.index or 0


def _check(device_ids: Sequence[Any] | None) -> list[int]:
    ids = [_index(d) for d in device_ids or ()]
    if len(ids) > 1:
        warnings.warn(
            f"DataParallel: the whole batch runs on one device; it is not split among {ids}. "
            "Its results are those of one device",
            FlambeauWarning,
            stacklevel=4,
        )
    return ids


class DataParallel(Module):
    """Calls a module on the device where it lives, under the name ``module``.

    Programs that wrap their model run unchanged and their checkpoints, whose keys begin with
    ``module.``, fit. The batch is not split among several GPUs.

    Args:
        module: the model.
        device_ids: GPUs.
        output_device: accepted; outputs are where the module is.
        dim: accepted, as nothing is split.

    Example:
        >>> import flambeau as torch
        >>> list(torch.nn.DataParallel(torch.nn.Linear(2, 1)).state_dict())
        ['module.weight', 'module.bias']

    Follows ``torch.nn.DataParallel``.
    """

    def __init__(
        self,
        module: Module,
        device_ids: Sequence[Any] | None = None,
        output_device: Any = None,
        dim: int = 0,
    ) -> None:
        super().__init__()
        self.module = module
        self.device_ids = _check(device_ids)
        self.output_device = output_device
        self.dim = dim

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """Call the module."""
        return self.module(*inputs, **kwargs)


def data_parallel(
    module: Module,
    inputs: Any,
    device_ids: Sequence[Any] | None = None,
    output_device: Any = None,
    dim: int = 0,
    module_kwargs: dict[str, Any] | None = None,
) -> Any:
    """Call a module on the device where it lives; see :class:`DataParallel`.

    Follows ``torch.nn.parallel.data_parallel``.
    """
    _check(device_ids)
    args = inputs if isinstance(inputs, tuple) else (inputs,)
    return module(*args, **(module_kwargs or {}))
