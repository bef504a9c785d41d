"""Adagrad."""

from __future__ import annotations

from collections.abc import Hashable

import jax.numpy as jnp

from flambeau._tensor.tensor import Tensor
from flambeau.optim import _state
from flambeau.optim._fused import (
    Number,
    RuleOptimizer,
    check_at_least,
    check_fused,
    check_lr,
    number,
    on,
)
from flambeau.optim._rules import Array, Hyper, State, advance, rule, scaled, with_decay
from flambeau.optim.optimizer import Group, ParamsT


@rule
def adagrad_rule(
    param: Array, grad: Array, state: State, hyper: Hyper, *, decay: bool, maximize: bool
) -> tuple[Array, State]:
    """One step: ``p <- p - lr_t g / (sqrt(sum of g^2) + eps)``."""
    stored, step = advance(state["step"])
    grad = with_decay(grad, param, hyper, decay, maximize)
    rate = hyper["lr"] / (1 + (step - 1) * hyper["lr_decay"])
    total = state["sum"] + grad * grad
    move = scaled(rate, grad) / (jnp.sqrt(total) + hyper["eps"].astype(param.dtype))
    return param - move, {**state, "step": stored, "sum": total}


class Adagrad(RuleOptimizer):
    r"""Steps divided by the root of the sum of all squared gradients so far.

    .. math::
        s_t = s_{t-1} + g_t^2, \quad
        p_t = p_{t-1} - \frac{\gamma}{1 + (t - 1) \eta} \frac{g_t}{\sqrt{s_t} + \epsilon}

    Args:
        params: tensors, ``(name, tensor)`` pairs, or groups of them.
        lr: the learning rate, a number or a tensor of one element.
        lr_decay: :math:`\eta`.
        weight_decay: added to the gradient times the parameter.
        initial_accumulator_value: :math:`s_0`.
        eps: added to the denominator.
        foreach: accepted; the update is always one program.
        maximize: ascend.
        differentiable: let gradients flow through the update; parameters must be results.
        fused: accepted; needs floating point parameters.

    Raises:
        ValueError: an option is out of range.

    Follows ``torch.optim.Adagrad``; Duchi, Hazan and Singer, 2011.
    """

    _rule = adagrad_rule
    _late = {"foreach": None, "maximize": False, "differentiable": False, "fused": None}
    _shaped = ("sum",)

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_lr(lr)
        check_at_least(lr_decay, "lr_decay")
        check_at_least(weight_decay, "weight_decay")
        check_at_least(initial_accumulator_value, "initial_accumulator_value")
        check_at_least(eps, "epsilon")
        super().__init__(
            params,
            {
                "lr": lr,
                "lr_decay": lr_decay,
                "eps": eps,
                "weight_decay": weight_decay,
                "initial_accumulator_value": initial_accumulator_value,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
                "fused": fused,
            },
        )
        check_fused(foreach, differentiable, fused)
        # The sums exist from the start, as in PyTorch, whose users set them before training.
        for group in self.param_groups:
            fresh: dict[Hashable, dict[str, Tensor]] = {}
            for param in group["params"]:
                self._begin(group, param, param, self.state[param], fresh)

    def share_memory(self) -> None:
        """Accepted for programs that call it: the sums need nothing to be shared."""

    def _start(self, group: Group, param: Tensor, grad: Tensor) -> dict[str, Tensor]:
        value = group["initial_accumulator_value"]
        return {"sum": _state.filled(param, complex(value, value) if param.is_complex() else value)}

    def _hyper(self, group: Group) -> dict[str, Number]:
        hyper = {name: number(group[name]) for name in ("lr", "lr_decay", "eps")}
        if on(group["weight_decay"]):
            hyper["weight_decay"] = number(group["weight_decay"])
        return hyper

    def _static(self, group: Group) -> dict[str, Hashable]:
        return {"decay": on(group["weight_decay"]), "maximize": group["maximize"]}
