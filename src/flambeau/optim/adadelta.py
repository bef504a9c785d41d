"""Adadelta."""

from __future__ import annotations

from collections.abc import Hashable

import jax.numpy as jnp

from flambeau._tensor.tensor import Tensor
from flambeau.optim._fused import Number, RuleOptimizer, check_at_least, check_lr, number, on
from flambeau.optim._rules import Array, Hyper, State, advance, rule, scaled, with_decay
from flambeau.optim.optimizer import Group, ParamsT


@rule
def adadelta_rule(
    param: Array, grad: Array, state: State, hyper: Hyper, *, decay: bool, maximize: bool
) -> tuple[Array, State]:
    """One step: ``d = g sqrt(u + eps) / sqrt(v + eps)``, ``p <- p - lr d``."""
    grad = with_decay(grad, param, hyper, decay, maximize)
    rho, eps = hyper["rho"], hyper["eps"].astype(param.dtype)
    square_avg = scaled(rho, state["square_avg"]) + scaled(1 - rho, grad * grad)
    delta = jnp.sqrt(state["acc_delta"] + eps) / jnp.sqrt(square_avg + eps) * grad
    acc_delta = scaled(rho, state["acc_delta"]) + scaled(1 - rho, delta * delta)
    return param - scaled(hyper["lr"], delta), {
        **state,
        "step": advance(state["step"])[0],
        "square_avg": square_avg,
        "acc_delta": acc_delta,
    }


class Adadelta(RuleOptimizer):
    r"""Steps scaled by the ratio of running averages of past steps and of past gradients.

    .. math::
        v_t = \rho v_{t-1} + (1 - \rho) g_t^2, \quad
        d_t = \frac{\sqrt{u_{t-1} + \epsilon}}{\sqrt{v_t + \epsilon}} g_t, \quad
        u_t = \rho u_{t-1} + (1 - \rho) d_t^2, \quad
        p_t = p_{t-1} - \gamma d_t

    Args:
        params: tensors, ``(name, tensor)`` pairs, or groups of them.
        lr: scales the step, a number or a tensor of one element.
        rho: the decay rate of the averages.
        eps: added under both roots.
        weight_decay: added to the gradient times the parameter.
        foreach: accepted; the update is always one program.
        capturable: accepted; the step never leaves the program.
        maximize: ascend.
        differentiable: let gradients flow through the update; parameters must be results.

    Raises:
        ValueError: an option is out of range.

    Follows ``torch.optim.Adadelta``; Zeiler, 2012 (arXiv 1212.5701).
    """

    _rule = adadelta_rule
    _late = {"foreach": None, "maximize": False, "differentiable": False, "capturable": False}
    _shaped = ("square_avg", "acc_delta")

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        check_at_least(eps, "epsilon")
        check_at_least(weight_decay, "weight_decay")
        super().__init__(
            params,
            {
                "lr": lr,
                "rho": rho,
                "eps": eps,
                "weight_decay": weight_decay,
                "maximize": maximize,
                "capturable": capturable,
                "foreach": foreach,
                "differentiable": differentiable,
            },
        )

    def _hyper(self, group: Group) -> dict[str, Number]:
        hyper = {name: number(group[name]) for name in ("lr", "rho", "eps")}
        if on(group["weight_decay"]):
            hyper["weight_decay"] = number(group["weight_decay"])
        return hyper

    def _static(self, group: Group) -> dict[str, Hashable]:
        return {"decay": on(group["weight_decay"]), "maximize": group["maximize"]}
