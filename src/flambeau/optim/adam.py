"""Adam, with AMSGrad and decoupled weight decay as options."""

from __future__ import annotations

from collections.abc import Hashable

import jax.numpy as jnp

from flambeau._tensor.tensor import Tensor
from flambeau.optim import _state
from flambeau.optim._fused import (
    Number,
    RuleOptimizer,
    check_at_least,
    check_betas,
    check_fused,
    check_lr,
    number,
    on,
)
from flambeau.optim._rules import (
    Array,
    Hyper,
    State,
    advance,
    lerp,
    rule,
    scaled,
    with_decay,
)
from flambeau.optim.optimizer import Group, ParamsT

_NO_FOREACH = "{} as a Tensor is not supported for capturable=False and foreach=True"


@rule
def adam_rule(
    param: Array,
    grad: Array,
    state: State,
    hyper: Hyper,
    *,
    amsgrad: bool,
    decay: bool,
    decoupled: bool,
    maximize: bool,
) -> tuple[Array, State]:
    """One step of Adam: ``p <- p - lr m^ / (sqrt(v^) + eps)``."""
    lr, beta1, beta2 = hyper["lr"], hyper["beta1"], hyper["beta2"]
    stored, step = advance(state["step"])
    if decay and decoupled:
        param = scaled(1 - lr * hyper["weight_decay"], param)
    grad = with_decay(grad, param, hyper, decay and not decoupled, maximize)
    exp_avg = lerp(state["exp_avg"], grad, 1 - beta1)
    exp_avg_sq = scaled(beta2, state["exp_avg_sq"]) + scaled(1 - beta2, grad * grad)
    state = {**state, "step": stored, "exp_avg": exp_avg, "exp_avg_sq": exp_avg_sq}
    if amsgrad:
        exp_avg_sq = jnp.maximum(state["max_exp_avg_sq"], exp_avg_sq)
        state["max_exp_avg_sq"] = exp_avg_sq
    root = scaled(1 / jnp.sqrt(1 - beta2**step), jnp.sqrt(exp_avg_sq))
    move = scaled(lr / (1 - beta1**step), exp_avg) / (root + hyper["eps"].astype(param.dtype))
    return param - move, state


class Adam(RuleOptimizer):
    r"""Adam: steps scaled by running averages of the gradient and of its square.

    .. math::
        m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t, \quad
        v_t = \beta_2 v_{t-1} + (1 - \beta_2) g_t^2, \quad
        p_t = p_{t-1} - \gamma \frac{m_t / (1 - \beta_1^t)}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon}

    Args:
        params: tensors, ``(name, tensor)`` pairs, or groups of them.
        lr: the learning rate, a number or a tensor of one element.
        betas: the decay rates of the two averages, both numbers or both tensors.
        eps: added to the denominator.
        weight_decay: added to the gradient times the parameter.
        amsgrad: divide by the largest :math:`v` so far.
        foreach: accepted; the update is always one program.
        maximize: ascend.
        capturable: accepted; the step never leaves the program.
        differentiable: let gradients flow through the update; parameters must be results.
        fused: accepted; needs floating point parameters.
        decoupled_weight_decay: shrink the parameter itself, as :class:`AdamW` does.

    Raises:
        ValueError: an option is out of range.

    Example:
        >>> import flambeau as torch
        >>> w = torch.nn.Parameter(torch.ones(2))
        >>> optimizer = torch.optim.Adam([w], lr=0.5)
        >>> w.sum().backward()
        >>> optimizer.step()
        >>> w
        Parameter containing:
        tensor([0.5000, 0.5000], requires_grad=True)

    Follows ``torch.optim.Adam``; Kingma and Ba, 2014 (arXiv 1412.6980).
    """

    _rule = adam_rule
    _late = {
        "amsgrad": False,
        "maximize": False,
        "foreach": None,
        "capturable": False,
        "differentiable": False,
        "decoupled_weight_decay": False,
        "fused": None,
    }
    _shaped = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        if isinstance(lr, Tensor) and foreach and not capturable:
            raise ValueError(_NO_FOREACH.format("lr"))
        check_lr(lr)
        check_at_least(eps, "epsilon")
        check_betas(betas)
        check_at_least(weight_decay, "weight_decay")
        if not (
            all(isinstance(beta, float) for beta in betas)
            or all(isinstance(beta, Tensor) for beta in betas)
        ):
            raise ValueError("betas must be either both floats or both Tensors")
        for index, beta in enumerate(betas):
            if isinstance(beta, Tensor):
                if foreach and not capturable:
                    raise ValueError(_NO_FOREACH.format(f"betas[{index}]"))
                if beta.numel() != 1:
                    raise ValueError(f"Tensor betas[{index}] must be 1-element")
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": tuple(
                    beta.squeeze() if isinstance(beta, Tensor) and beta.dim() else beta
                    for beta in betas
                ),
                "eps": eps,
                "weight_decay": weight_decay,
                "amsgrad": amsgrad,
                "maximize": maximize,
                "foreach": foreach,
                "capturable": capturable,
                "differentiable": differentiable,
                "fused": fused,
                "decoupled_weight_decay": decoupled_weight_decay,
            },
        )
        check_fused(foreach, differentiable, fused)

    def _start(self, group: Group, param: Tensor, grad: Tensor) -> dict[str, Tensor]:
        names = self._shaped if group["amsgrad"] else self._shaped[:2]
        return {name: _state.filled(param) for name in names}

    def _hyper(self, group: Group) -> dict[str, Number]:
        beta1, beta2 = group["betas"]
        lr = group["lr"]
        if group["foreach"] and not group["capturable"] and isinstance(lr, Tensor):
            raise RuntimeError(_NO_FOREACH.format("lr"))
        hyper = {
            "lr": number(lr),
            "beta1": number(beta1),
            "beta2": number(beta2),
            "eps": number(group["eps"]),
        }
        if on(group["weight_decay"]):
            hyper["weight_decay"] = number(group["weight_decay"])
        return hyper

    def _static(self, group: Group) -> dict[str, Hashable]:
        return {
            "amsgrad": group["amsgrad"],
            "decay": on(group["weight_decay"]),
            "decoupled": group["decoupled_weight_decay"],
            "maximize": group["maximize"],
        }
