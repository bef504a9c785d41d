"""Running an optimizer over other parameters and another state, for a while."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flambeau._tensor.tensor import Tensor
from flambeau.optim.optimizer import Optimizer

_WHO = "swap_in_optimizer_params_and_state"


@contextmanager
def swap_in_optimizer_params_and_state(
    optimizer: Optimizer, swapin_parameters: dict[str, Tensor], swapin_optim_state: dict[str, Any]
) -> Iterator[None]:
    """Let an optimizer hold other parameters, state and options inside a ``with`` block.

    Args:
        optimizer: has made a step already.
        swapin_parameters: the parameters, in the order of the optimizer's.
        swapin_optim_state: in the form of ``state_dict()``; its tensors are used themselves.

    Raises:
        RuntimeError: something does not have the form or the size of the optimizer's.

    Follows ``torch.optim.swap_in_optimizer_params_and_state``.
    """
    state, groups = _checked(optimizer, swapin_optim_state)
    rest = iter(swapin_parameters.values())
    held: defaultdict[Any, Any] = defaultdict(dict)
    swapped = []
    for group in groups:
        params = [param for _, param in zip(group["params"], rest, strict=False)]
        if len(params) != len(group["params"]):
            raise RuntimeError(
                f"{_WHO}: {len(swapin_parameters)} parameters given, fewer than the optimizer has"
            )
        for key, param in zip(group["params"], params, strict=True):
            held[param] = dict(state.get(key, {}))
        swapped.append({**group, "params": params})
    kept_state = optimizer.state
    kept_groups = [dict(group) for group in optimizer.param_groups]
    try:
        for live, group in zip(optimizer.param_groups, swapped, strict=True):
            live.update(group)
        optimizer.state = held
        yield
    finally:
        for live, group in zip(optimizer.param_groups, kept_groups, strict=True):
            live.clear()
            live.update(group)
        optimizer.state = kept_state


def _checked(
    optimizer: Optimizer, saved: dict[str, Any]
) -> tuple[dict[Any, Any], list[dict[str, Any]]]:
    """The state and the groups of a state dict that fits the optimizer."""

    def need(condition: bool, message: str) -> None:
        if not condition:
            raise RuntimeError(f"{_WHO} {message}")

    need(bool(optimizer.state), "requires initialized optimizer state: make a step first")
    need(isinstance(saved, dict), "requires a state dict")
    state, groups = saved.get("state"), saved.get("param_groups")
    assert_dict = isinstance(state, dict) and not any(isinstance(k, Tensor) for k in state)
    need(assert_dict, "requires state keyed by parameter ids, as state_dict() gives it")
    need(isinstance(groups, list), "requires a list of parameter groups")
    assert isinstance(state, dict)
    assert isinstance(groups, list)
    need(
        len(groups) == len(optimizer.param_groups),
        f"got {len(groups)} parameter groups, the optimizer has {len(optimizer.param_groups)}",
    )
    for index, (live, group) in enumerate(zip(optimizer.param_groups, groups, strict=True)):
        need(
            len(group["params"]) == len(live["params"]),
            f"got {len(group['params'])} parameters in group {index}, the optimizer has "
            f"{len(live['params'])}",
        )
        other = sorted(set(live) ^ set(group))
        need(not other, f"got other options than the optimizer has in group {index}: {other}")
    ids = {key for group in groups for key in group["params"]}
    extra = [key for key in state if key not in ids]
    need(not extra, f"got state of parameters that are in no group: {extra}")
    return state, groups
