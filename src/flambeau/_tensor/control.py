"""Control flow as functions, and the namespace of a device."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from flambeau._tensor.device import device as device_type

__all__ = ["cond", "get_device_module", "while_loop"]


def cond(
    pred: Any, true_fn: Callable[..., Any], false_fn: Callable[..., Any], operands: Any = ()
) -> Any:
    """``true_fn(*operands)`` if `pred`, else ``false_fn(*operands)``.

    A tensor `pred` is read, as an ``if`` reads it.

    Example:
        >>> import flambeau as torch
        >>> x = torch.tensor([-2.0])
        >>> torch.cond(x.sum() > 0, lambda x: x, lambda x: -x, (x,))
        tensor([2.])

    Follows ``torch.cond``.
    """
    if not (callable(true_fn) and callable(false_fn)):
        raise RuntimeError("Expect both branches to be callable.")
    return (true_fn if bool(pred) else false_fn)(*operands)


def while_loop(
    cond_fn: Callable[..., Any], body_fn: Callable[..., Any], carried_inputs: Sequence[Any]
) -> Any:
    """``carried = body_fn(*carried)`` as long as ``cond_fn(*carried)``, which is read each time.

    Example:
        >>> import flambeau as torch
        >>> torch.while_loop(lambda x: x < 10, lambda x: (x * 3,), (torch.tensor(2),))
        (tensor(18),)

    Follows ``torch.while_loop``.
    """
    carried = tuple(carried_inputs)
    while bool(cond_fn(*carried)):
        carried = tuple(body_fn(*carried))
    return carried


def get_device_module(device: Any = None) -> ModuleType:
    """The namespace of a device, such as ``torch.cuda``; the accelerator's, or the host's.

    Example:
        >>> import flambeau as torch
        >>> torch.get_device_module("cpu").device_count()
        1

    Follows ``torch.get_device_module``.
    """
    kind = device_type(device).type if device is not None else None
    if kind is None:
        from flambeau._engine.device import count

        kind = "cuda" if count("cuda") else "cpu"
    if kind not in ("cpu", "cuda"):
        raise RuntimeError(
            f"Invalid value of device_type: {kind}; the devices with a namespace are cpu and cuda"
        )
    return importlib.import_module(f"flambeau.{kind}")
