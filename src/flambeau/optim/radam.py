"""RAdam: Adam with a rectified variance."""

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
def radam_rule(
    param: Array,
    grad: Array,
    state: State,
    hyper: Hyper,
    *,
    decay: bool,
    decoupled: bool,
    maximize: bool,
) -> tuple[Array, State]:
    """One step; the adaptive part joins once its variance can be told (``rho_t > 5``)."""
    lr, beta1, beta2 = hyper["lr"], hyper["beta1"], hyper["beta2"]
    stored, step = advance(state["step"])
    if decay and decoupled:
        param = scaled(1 - lr * hyper["weight_decay"], param)
        grad = -grad if maximize else grad
    else:
        grad = with_decay(grad, param, hyper, decay, maximize)
    exp_avg = lerp(state["exp_avg"], grad, 1 - beta1)
    exp_avg_sq = scaled(beta2, state["exp_avg_sq"]) + scaled(1 - beta2, grad * grad)
    correction1, correction2 = 1 - beta1**step, 1 - beta2**step
    rho_inf = 2 / (1 - beta2) - 1
    rho = rho_inf - 2 * step * beta2**step / correction2
    rectify = jnp.sqrt(
        jnp.maximum((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho), 0)
    )
    adaptive = scaled(
        rectify * jnp.sqrt(correction2),
        1 / (jnp.sqrt(exp_avg_sq) + hyper["eps"].astype(param.dtype)),
    )
    move = scaled(lr / correction1, exp_avg) * jnp.where(rho > 5, adaptive, 1)
    return param - move, {
        **state,
        "step": stored,
        "exp_avg": exp_avg,
        "exp_avg_sq": exp_avg_sq,
    }


class RAdam(RuleOptimizer):
    r"""Adam that starts as plain momentum and turns adaptive when its variance is known.

    .. math::
        \rho_t = \rho_\infty - \frac{2 t \beta_2^t}{1 - \beta_2^t}, \quad
        r_t = \sqrt{\frac{(\rho_t - 4)(\rho_t - 2) \rho_\infty}
        {(\rho_\infty - 4)(\rho_\infty - 2) \rho_t}}, \quad
        p_t = p_{t-1} - \gamma \hat m_t r_t \frac{\sqrt{1 - \beta_2^t}}{\sqrt{v_t} + \epsilon}

    for :math:`\rho_t > 5`, and :math:`p_t = p_{t-1} - \gamma \hat m_t` before.

    Args:
        params: tensors, ``(name, tensor)`` pairs, or groups of them.
        lr: the learning rate, a number or a tensor of one element.
        betas: the decay rates of the two averages.
        eps: added to the denominator.
        weight_decay: added to the gradient times the parameter.
        decoupled_weight_decay: shrink the parameter itself, as :class:`AdamW` does.
        foreach: accepted; the update is always one program.
        maximize: ascend.
        capturable: accepted; the step never leaves the program.
        differentiable: let gradients flow through the update; parameters must be results.

    Raises:
        ValueError: an option is out of range.

    Follows ``torch.optim.RAdam``; Liu and others, 2019 (arXiv 1908.03265).
    """

    _rule = radam_rule
    _late = {
        "foreach": None,
        "maximize": False,
        "differentiable": False,
        "decoupled_weight_decay": False,
        "capturable": False,
    }
    _shaped = ("exp_avg", "exp_avg_sq")

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
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
                "maximize": maximize,
                "foreach": foreach,
                "capturable": capturable,
                "decoupled_weight_decay": decoupled_weight_decay,
                "differentiable": differentiable,
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
        return {
            "decay": on(group["weight_decay"]),
            "decoupled": group["decoupled_weight_decay"],
            "maximize": group["maximize"],
        }
