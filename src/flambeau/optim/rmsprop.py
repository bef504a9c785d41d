"""RMSprop."""

from __future__ import annotations

from collections.abc import Hashable

import jax.numpy as jnp

from flambeau._tensor.tensor import Tensor
from flambeau.optim import _state
from flambeau.optim._fused import Number, RuleOptimizer, check_at_least, check_lr, number, on
from flambeau.optim._rules import Array, Hyper, State, advance, lerp, rule, scaled, with_decay
from flambeau.optim.optimizer import Group, ParamsT


@rule
def rmsprop_rule(
    param: Array,
    grad: Array,
    state: State,
    hyper: Hyper,
    *,
    momentum: bool,
    centered: bool,
    decay: bool,
    maximize: bool,
) -> tuple[Array, State]:
    """One step: ``p <- p - lr g / (sqrt(v) + eps)``."""
    grad = with_decay(grad, param, hyper, decay, maximize)
    alpha = hyper["alpha"]
    square_avg = scaled(alpha, state["square_avg"]) + scaled(1 - alpha, grad * grad)
    state = {**state, "step": advance(state["step"])[0], "square_avg": square_avg}
    spread = square_avg
    if centered:
        grad_avg = state["grad_avg"] = lerp(state["grad_avg"], grad, 1 - alpha)
        spread = square_avg - grad_avg * grad_avg
    move = grad / (jnp.sqrt(spread) + hyper["eps"].astype(param.dtype))
    if momentum:
        move = scaled(hyper["momentum"], state["momentum_buffer"]) + move
        state["momentum_buffer"] = move
    return param - scaled(hyper["lr"], move), state


class RMSprop(RuleOptimizer):
    r"""Steps divided by the root of a running average of the squared gradient.

    .. math::
        v_t = \alpha v_{t-1} + (1 - \alpha) g_t^2, \quad
        p_t = p_{t-1} - \gamma g_t / (\sqrt{v_t} + \epsilon)

    Args:
        params: tensors, ``(name, tensor)`` pairs, or groups of them.
        lr: the learning rate, a number or a tensor of one element.
        alpha: the decay rate of the average.
        eps: added to the denominator.
        weight_decay: added to the gradient times the parameter.
        momentum: accumulate the steps with this factor.
        centered: divide by an estimate of the standard deviation instead.
        capturable: accepted; the step never leaves the program.
        foreach: accepted; the update is always one program.
        maximize: ascend.
        differentiable: let gradients flow through the update; parameters must be results.

    Raises:
        ValueError: an option is out of range.

    Follows ``torch.optim.RMSprop``; Hinton's lecture notes and Graves, 2013 (arXiv 1308.0850).
    """

    _rule = rmsprop_rule
    _late = {
        "momentum": 0,
        "centered": False,
        "foreach": None,
        "maximize": False,
        "differentiable": False,
        "capturable": False,
    }
    _shaped = ("square_avg", "momentum_buffer", "grad_avg")

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        check_at_least(eps, "epsilon")
        check_at_least(momentum, "momentum")
        check_at_least(weight_decay, "weight_decay")
        check_at_least(alpha, "alpha")
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "alpha": alpha,
                "eps": eps,
                "centered": centered,
                "weight_decay": weight_decay,
                "capturable": capturable,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
            },
        )

    def _start(self, group: Group, param: Tensor, grad: Tensor) -> dict[str, Tensor]:
        names = ["square_avg"]
        if group["momentum"] > 0:
            names.append("momentum_buffer")
        if group["centered"]:
            names.append("grad_avg")
        return {name: _state.filled(param) for name in names}

    def _hyper(self, group: Group) -> dict[str, Number]:
        hyper = {name: number(group[name]) for name in ("lr", "alpha", "eps")}
        for name in ("momentum", "weight_decay"):
            if on(group[name]):
                hyper[name] = number(group[name])
        return hyper

    def _static(self, group: Group) -> dict[str, Hashable]:
        return {
            "momentum": on(group["momentum"]),
            "centered": group["centered"],
            "decay": on(group["weight_decay"]),
            "maximize": group["maximize"],
        }
