"""NAdam: Adam with Nesterov momentum."""

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
def nadam_rule(
    param: Array,
    grad: Array,
    state: State,
    hyper: Hyper,
    *,
    decay: bool,
    decoupled: bool,
    maximize: bool,
) -> tuple[Array, State]:
    """One step along a mixture of the gradient and the next momentum."""
    lr, beta1, beta2 = hyper["lr"], hyper["beta1"], hyper["beta2"]
    stored, step = advance(state["step"])
    if decay and decoupled:
        param = scaled(1 - lr * hyper["weight_decay"], param)
        grad = -grad if maximize else grad
    else:
        grad = with_decay(grad, param, hyper, decay, maximize)
    warmth = hyper["momentum_decay"]
    mu = beta1 * (1 - 0.5 * 0.96 ** (step * warmth))
    mu_next = beta1 * (1 - 0.5 * 0.96 ** ((step + 1) * warmth))
    mu_product = state["mu_product"] * mu.astype(state["mu_product"].dtype)
    product = mu_product.astype(jnp.float64)
    exp_avg = lerp(state["exp_avg"], grad, 1 - beta1)
    exp_avg_sq = scaled(beta2, state["exp_avg_sq"]) + scaled(1 - beta2, grad * grad)
    root = jnp.sqrt(exp_avg_sq / (1 - beta2**step).astype(param.dtype))
    denom = root + hyper["eps"].astype(param.dtype)
    param = param - scaled(lr * (1 - mu) / (1 - product), grad) / denom
    param = param - scaled(lr * mu_next / (1 - product * mu_next), exp_avg) / denom
    return param, {
        **state,
        "step": stored,
        "mu_product": mu_product,
        "exp_avg": exp_avg,
        "exp_avg_sq": exp_avg_sq,
    }


class NAdam(RuleOptimizer):
    r"""Adam whose step uses the momentum it is about to have.

    .. math::
        \mu_t = \beta_1 (1 - \tfrac12 0.96^{t \psi}), \quad
        \hat m_t = \frac{\mu_{t+1} m_t}{1 - \prod_{i \le t+1} \mu_i}
        + \frac{(1 - \mu_t) g_t}{1 - \prod_{i \le t} \mu_i}, \quad
        p_t = p_{t-1} - \gamma \frac{\hat m_t}{\sqrt{\hat v_t} + \epsilon}

    Args:
        params: tensors, ``(name, tensor)`` pairs, or groups of them.
        lr: the learning rate, a number or a tensor of one element.
        betas: the decay rates of the two averages.
        eps: added to the denominator.
        weight_decay: added to the gradient times the parameter.
        momentum_decay: :math:`\psi`.
        decoupled_weight_decay: shrink the parameter itself, as :class:`AdamW` does.
        foreach: accepted; the update is always one program.
        maximize: ascend.
        capturable: accepted; the step never leaves the program.
        differentiable: let gradients flow through the update; parameters must be results.

    Raises:
        ValueError: an option is out of range.

    Follows ``torch.optim.NAdam``; Dozat, 2016.
    """

    _rule = nadam_rule
    _late = {
        "maximize": False,
        "foreach": None,
        "capturable": False,
        "differentiable": False,
        "decoupled_weight_decay": False,
    }
    _scalars = {"step": 0.0, "mu_product": 1.0}
    _shaped = ("exp_avg", "exp_avg_sq")

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
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
        check_at_least(momentum_decay, "momentum_decay")
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "momentum_decay": momentum_decay,
                "decoupled_weight_decay": decoupled_weight_decay,
                "maximize": maximize,
                "foreach": foreach,
                "capturable": capturable,
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
            "momentum_decay": number(group["momentum_decay"]),
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
