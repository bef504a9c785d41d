"""Resilient backpropagation."""

from __future__ import annotations

from collections.abc import Hashable

import jax.numpy as jnp

from flambeau._tensor.tensor import Tensor
from flambeau.optim import _state
from flambeau.optim._fused import Number, RuleOptimizer, check_lr, number
from flambeau.optim._rules import Array, Hyper, State, advance, rule
from flambeau.optim.optimizer import Group, ParamsT


@rule
def rprop_rule(
    param: Array, grad: Array, state: State, hyper: Hyper, *, maximize: bool
) -> tuple[Array, State]:
    """One step by the sign of the gradient; step sizes follow whether signs agree."""
    scalars = {name: value.astype(param.dtype) for name, value in hyper.items()}
    if maximize:
        grad = -grad
    agree = grad * state["prev"]
    factor = jnp.where(agree > 0, scalars["up"], jnp.where(agree < 0, scalars["down"], 1))
    size = jnp.clip(state["step_size"] * factor, scalars["least"], scalars["most"])
    grad = jnp.where(agree < 0, 0, grad)  # no move just after the sign turned
    return param - jnp.sign(grad) * size, {
        **state,
        "step": advance(state["step"])[0],
        "prev": grad,
        "step_size": size,
    }


class Rprop(RuleOptimizer):
    r"""Steps of adaptive size along the sign of the gradient; for full batches.

    Args:
        params: tensors, ``(name, tensor)`` pairs, or groups of them.
        lr: the size of the first step, a number or a tensor of one element.
        etas: how the size shrinks when the sign turns, and grows when it holds.
        step_sizes: the least and the largest size.
        capturable: accepted; the step never leaves the program.
        foreach: accepted; the update is always one program.
        maximize: ascend.
        differentiable: let gradients flow through the update; parameters must be results.

    Raises:
        ValueError: an option is out of range.

    Follows ``torch.optim.Rprop``; Riedmiller and Braun, 1993.
    """

    _rule = rprop_rule
    _late = {"foreach": None, "maximize": False, "differentiable": False, "capturable": False}
    _shaped = ("prev", "step_size")

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        super().__init__(
            params,
            {
                "lr": lr,
                "etas": etas,
                "step_sizes": step_sizes,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
                "capturable": capturable,
            },
        )

    def _start(self, group: Group, param: Tensor, grad: Tensor) -> dict[str, Tensor]:
        size = float(group["lr"])
        return {
            "prev": _state.filled(param),
            "step_size": _state.filled(param, complex(size, size) if param.is_complex() else size),
        }

    def _hyper(self, group: Group) -> dict[str, Number]:
        down, up = group["etas"]
        least, most = group["step_sizes"]
        return {
            "down": number(down),
            "up": number(up),
            "least": number(least),
            "most": number(most),
        }

    def _static(self, group: Group) -> dict[str, Hashable]:
        return {"maximize": group["maximize"]}
