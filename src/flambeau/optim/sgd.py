"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Hashable

from flambeau._tensor.tensor import Tensor
from flambeau.optim import _state
from flambeau.optim._fused import Number, RuleOptimizer, check_fused, number, on
from flambeau.optim._rules import Array, Hyper, State, rule, scaled, with_decay
from flambeau.optim.optimizer import Group, ParamsT


@rule
def sgd_rule(
    param: Array,
    grad: Array,
    state: State,
    hyper: Hyper,
    *,
    momentum: bool,
    first: bool,
    nesterov: bool,
    decay: bool,
    maximize: bool,
) -> tuple[Array, State]:
    """One step: ``b <- mu b + (1 - dampening) g``, ``p <- p - lr b``.

    On the first step (``first``) the buffer is the gradient itself, undamped.
    """
    grad = with_decay(grad, param, hyper, decay, maximize)
    if momentum:
        buffer = grad
        if not first:
            damped = scaled(1 - hyper["dampening"], grad)
            buffer = scaled(hyper["momentum"], state["momentum_buffer"]) + damped
        state = {**state, "momentum_buffer": buffer}
        grad = grad + scaled(hyper["momentum"], buffer) if nesterov else buffer
    return param - scaled(hyper["lr"], grad), state


class SGD(RuleOptimizer):
    r"""Stochastic gradient descent, with momentum if asked for.

    .. math::
        g_t = \nabla f(p_{t-1}) + \lambda p_{t-1}, \quad
        b_t = \mu b_{t-1} + (1 - \tau) g_t, \quad
        p_t = p_{t-1} - \gamma b_t

    where :math:`b_1 = g_1`; with ``nesterov`` the step is along :math:`g_t + \mu b_t`.

    Args:
        params: tensors, ``(name, tensor)`` pairs, or groups of them.
        lr: the learning rate, a number or a tensor of one element.
        momentum: :math:`\mu`.
        dampening: :math:`\tau`.
        weight_decay: :math:`\lambda`, added to the gradient.
        nesterov: look ahead along the momentum.
        maximize: ascend.
        foreach: accepted; the update is always one program.
        differentiable: let gradients flow through the update; parameters must be results.
        fused: accepted; needs floating point parameters.

    Raises:
        ValueError: an option is out of range.

    Example:
        >>> import flambeau as torch
        >>> w = torch.nn.Parameter(torch.ones(2))
        >>> optimizer = torch.optim.SGD([w], lr=0.5)
        >>> w.sum().backward()
        >>> optimizer.step()
        >>> w
        Parameter containing:
        tensor([0.5000, 0.5000], requires_grad=True)

    Follows ``torch.optim.SGD``.
    """

    _rule = sgd_rule
    _late = {
        "nesterov": False,
        "maximize": False,
        "foreach": None,
        "differentiable": False,
        "fused": False,
    }
    _scalars = {}
    _shaped = ("momentum_buffer",)

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float | Tensor = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        if isinstance(lr, Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        if float(lr) < 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if momentum < 0.0:
            raise ValueError(f"Invalid momentum value: {momentum}")
        if float(weight_decay) < 0.0:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "dampening": dampening,
                "weight_decay": weight_decay,
                "nesterov": nesterov,
                "maximize": maximize,
                "foreach": foreach,
                "differentiable": differentiable,
                "fused": fused,
            },
        )
        check_fused(foreach, differentiable, fused)

    def _hyper(self, group: Group) -> dict[str, Number]:
        hyper = {"lr": number(group["lr"])}
        if group["momentum"] != 0:
            hyper["momentum"] = number(group["momentum"])
            hyper["dampening"] = number(group["dampening"])
        if on(group["weight_decay"]):
            hyper["weight_decay"] = number(group["weight_decay"])
        return hyper

    def _static(self, group: Group) -> dict[str, Hashable]:
        return {
            "momentum": group["momentum"] != 0,
            "nesterov": group["nesterov"],
            "decay": on(group["weight_decay"]),
            "maximize": group["maximize"],
        }

    def _step_group(self, index: int, group: Group) -> None:
        params: list[Tensor] = []
        grads: list[Tensor] = []
        for param in group["params"]:
            grad = param.grad
            if grad is not None and param.requires_grad:
                params.append(param)
                grads.append(grad)
        if not params:
            return
        if group["fused"]:
            for param in params:
                self._check(group, param)
        if group["momentum"] == 0:
            self._update(group, params, grads, [{} for _ in params], first=False)
            return
        states = [self.state[param] for param in params]
        fresh = [at for at, entry in enumerate(states) if entry.get("momentum_buffer") is None]
        for at in fresh:
            states[at]["momentum_buffer"] = _state.filled(params[at])
        # From a buffer of zeros an undamped first step is the same as any other.
        if not fresh or group["dampening"] == 0:
            self._update(group, params, grads, states, first=False)
            return
        new = set(fresh)
        for first in (True, False):
            chosen = [at for at in range(len(params)) if (at in new) is first]
            if chosen:
                self._update(
                    group,
                    [params[at] for at in chosen],
                    [grads[at] for at in chosen],
                    [states[at] for at in chosen],
                    first=first,
                )
