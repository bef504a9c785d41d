"""Adamax: Adam with the infinity norm."""

from __future__ import annotations

from collections.abc import Hashable

import jax.numpy as jnp

from flambeau._tensor.tensor import Tensor
from flambeau.optim._fused import (
    Number,
    RuleOptimizer,
    check_at_least,
    check_betas,
    check_lr,
    number,
    on,
)
from flambeau.optim._rules import Array, Hyper, State, advance, lerp, rule, scaled, with_decay
from flambeau.optim.optimizer import Group, ParamsT


@rule
def adamax_rule(
    param: Array, grad: Array, state: State, hyper: Hyper, *, decay: bool, maximize: bool
) -> tuple[Array, State]:
    """One step: ``u <- max(beta2 u, |g| + eps)``, ``p <- p - lr m^ / u``."""
    stored, step = advance(state["step"])
    grad = with_decay(grad, param, hyper, decay, maximize)
    exp_avg = lerp(state["exp_avg"], grad, 1 - hyper["beta1"])
    exp_inf = jnp.maximum(
        scaled(hyper["beta2"], state["exp_inf"]),
        jnp.abs(grad) + hyper["eps"].astype(param.dtype),
    )
    rate = hyper["lr"] / (1 - hyper["beta1"] ** step)
    return param - scaled(rate, exp_avg) / exp_inf, {
        **state,
        "step": stored,
        "exp_avg": exp_avg,
        "exp_inf": exp_inf,
    }


class Adamax(RuleOptimizer):
    r"""Adam that divides by a decaying maximum of the gradient's magnitude.

    .. math::
        m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t, \quad
        u_t = \max(\beta_2 u_{t-1}, |g_t| + \epsilon), \quad
        p_t = p_{t-1} - \frac{\gamma}{1 - \beta_1^t} \frac{m_t}{u_t}

    Args:
        params: tensors, ``(name, tensor)`` pairs, or groups of them.
        lr: the learning rate, a number or a tensor of one element.
        betas: the decay rates of the average and of the maximum.
        eps: added to the magnitude.
        weight_decay: added to the gradient times the parameter.
        foreach: accepted; the update is always one program.
        maximize: ascend.
        differentiable: let gradients flow through the update; parameters must be results.
        capturable: accepted; the step never leaves the program.

    Raises:
        ValueError: an option is out of range.

    Follows ``torch.optim.Adamax``; Kingma and Ba, 2014 (arXiv 1412.6980).
    """

    _rule = adamax_rule
    _late = {"foreach": None, "maximize": False, "differentiable": False, "capturable": False}
    _shaped = ("exp_avg", "exp_inf")

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        check_lr(lr)
        check_at_least(eps, "epsilon")
        check_betas(betas)
        check_at_least(weight_decay, "weight_decay")
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
                "capturable": capturable,
            },
        )

    def _hyper(self, group: Group) -> dict[str, Number]:
        beta1, beta2 = group["betas"]
        hyper = {
            "lr": number(group["lr"]),
            "beta1": number(beta1),
            "beta2": number(beta2),
            "eps": number(group["eps"]),
        }
        if on(group["weight_decay"]):
            hyper["weight_decay"] = number(group["weight_decay"])
        return hyper

    def _static(self, group: Group) -> dict[str, Hashable]:
        return {"decay": on(group["weight_decay"]), "maximize": group["maximize"]}
