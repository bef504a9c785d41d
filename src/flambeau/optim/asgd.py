"""Averaged stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Hashable

import jax.numpy as jnp

from flambeau._tensor.tensor import Tensor
from flambeau.optim import _state
from flambeau.optim._fused import Number, RuleOptimizer, check_at_least, check_lr, number, on
from flambeau.optim._rules import Array, Hyper, State, advance, rule, scaled, with_decay
from flambeau.optim.optimizer import Group, ParamsT


@rule
def asgd_rule(
    param: Array, grad: Array, state: State, hyper: Hyper, *, decay: bool, maximize: bool
) -> tuple[Array, State]:
    """One step: ``p <- (1 - lambd eta) p - eta g``, and ``ax`` averages ``p``."""
    stored, step = advance(state["step"])
    grad = with_decay(grad, param, hyper, decay, maximize)
    eta, mu = state["eta"].astype(jnp.float64), state["mu"].astype(jnp.float64)
    lr, lambd = hyper["lr"], hyper["lambd"]
    param = scaled(1 - lambd * eta, param) - scaled(eta, grad)
    ax = state["ax"]
    ax = jnp.where(mu == 1, param, ax + scaled(mu, param - ax))
    eta = lr / (1 + lambd * lr * step) ** hyper["alpha"]
    mu = 1 / jnp.maximum(1, step - hyper["t0"])
    return param, {
        **state,
        "step": stored,
        "eta": eta.astype(state["eta"].dtype),
        "mu": mu.astype(state["mu"].dtype),
        "ax": ax,
    }


class ASGD(RuleOptimizer):
    r"""Stochastic gradient descent that also averages the parameters (``state[p]["ax"]``).

    .. math::
        p_t = (1 - \lambda \eta_t) p_{t-1} - \eta_t g_t, \quad
        \eta_{t+1} = \frac{\gamma}{(1 + \lambda \gamma t)^\alpha}, \quad
        a_t = a_{t-1} + \mu_t (p_t - a_{t-1})

    Args:
        params: tensors, ``(name, tensor)`` pairs, or groups of them.
        lr: the learning rate, a number or a tensor of one element.
        lambd: :math:`\lambda`.
        alpha: the power of the decay of :math:`\eta`.
        t0: the step at which averaging starts.
        weight_decay: added to the gradient times the parameter.
        foreach: accepted; the update is always one program.
        maximize: ascend.
        differentiable: let gradients flow through the update; parameters must be results.
        capturable: accepted; the step never leaves the program.

    Raises:
        ValueError: an option is out of range.

    Follows ``torch.optim.ASGD``; Polyak and Juditsky, 1992.
    """

    _rule = asgd_rule
    _late = {"foreach": None, "maximize": False, "differentiable": False, "capturable": False}
    _scalars = {"step": 0.0, "eta": 0.0, "mu": 1.0}
    _shaped = ("ax",)

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        check_lr(lr)
        check_at_least(weight_decay, "weight_decay")
        super().__init__(
            params,
            {
                "lr": lr,
                "lambd": lambd,
                "alpha": alpha,
                "t0": t0,
                "weight_decay": weight_decay,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
                "capturable": capturable,
            },
        )

    def _counters(self, group: Group, param: Tensor) -> dict[str, Tensor]:
        counters = super()._counters(group, param)
        eta = float(group["lr"])
        counters["eta"] = _state.scalar(eta, counters["eta"].dtype, param)
        return counters

    def _hyper(self, group: Group) -> dict[str, Number]:
        hyper = {name: number(group[name]) for name in ("lr", "lambd", "alpha", "t0")}
        if on(group["weight_decay"]):
            hyper["weight_decay"] = number(group["weight_decay"])
        return hyper

    def _static(self, group: Group) -> dict[str, Hashable]:
        return {"decay": on(group["weight_decay"]), "maximize": group["maximize"]}
