"""Adafactor: second moments kept as a row and a column."""

from __future__ import annotations

import functools
from collections.abc import Hashable

import jax.numpy as jnp

from flambeau._tensor.tensor import Tensor
from flambeau.optim import _state
from flambeau.optim._fused import Number, RuleOptimizer, check_lr, number, on
from flambeau.optim._rules import Array, Hyper, State, advance, lerp, rule, scaled
from flambeau.optim.optimizer import Group, ParamsT


@rule
def _adafactor(
    param: Array, grad: Array, state: State, hyper: Hyper, *, decay: bool, maximize: bool
) -> tuple[Array, State]:
    if maximize:
        grad = -grad
    stored, step = advance(state["step"])
    lr, floor = hyper["lr"], hyper["eps1"]
    weight = step ** hyper["beta2_decay"]
    size = _rms(param)
    alpha = jnp.maximum(hyper["eps2"], size) * jnp.minimum(lr, 1 / jnp.sqrt(step))
    if decay:
        param = scaled(1 - lr * hyper["weight_decay"], param)
    squares = grad * grad
    state = {**state, "step": stored}
    if grad.ndim > 1:
        row = lerp(state["row_var"], squares.mean(-1, keepdims=True), weight)
        column = lerp(state["col_var"], squares.mean(-2, keepdims=True), weight)
        state |= {"row_var": row, "col_var": column}
        mean = jnp.maximum(row.mean(-2, keepdims=True), floor.astype(row.dtype))
        variance = row * column / mean
    else:
        variance = lerp(state["variance"], squares, weight)
        state["variance"] = variance
    variance = jnp.maximum(variance, (floor * floor).astype(variance.dtype))
    update = grad / jnp.sqrt(variance)
    clip = jnp.maximum(1, _rms(update) / hyper["d"])
    return param - scaled(alpha / clip, update), state


def _rms(array: Array) -> Array:
    return jnp.sqrt(jnp.mean(jnp.square(array))).astype(jnp.float64)


@functools.wraps(_adafactor)
def adafactor_rule(
    param: Array, grad: Array, state: State, hyper: Hyper, *, decay: bool, maximize: bool
) -> tuple[Array, State]:
    """One step; without ``eps1`` the floor is the resolution of the parameter's own dtype."""
    if "eps1" not in hyper:
        hyper = {**hyper, "eps1": jnp.asarray(jnp.finfo(param.dtype).eps, jnp.float64)}
    return _adafactor(param, grad, state, hyper, decay=decay, maximize=maximize)


class Adafactor(RuleOptimizer):
    r"""Adam's scaling in sublinear memory: the squares of a matrix as a row times a column.

    .. math::
        R_t = (1 - w) R_{t-1} + w \overline{g_t^2}^{(-1)}, \quad
        C_t = (1 - w) C_{t-1} + w \overline{g_t^2}^{(-2)}, \quad
        \hat V_t = R_t C_t / \max(\overline{R_t}, \epsilon_1)

    with :math:`w = t^{\tau}`; the step is clipped to the root mean square ``d`` and scaled by
    the parameter's own size.

    Args:
        params: tensors, ``(name, tensor)`` pairs, or groups of them.
        lr: the largest relative step, a number or a tensor of one element.
        beta2_decay: :math:`\tau`.
        eps: the floor of the variance (None: the dtype's resolution) and of the size.
        d: the clipping threshold.
        weight_decay: shrinks the parameter itself.
        foreach: accepted; the update is always one program.
        maximize: ascend.

    Raises:
        ValueError: an option is out of range.
        RuntimeError: a parameter is complex (at ``step()``).

    Follows ``torch.optim.Adafactor``; Shazeer and Stern, 2018 (arXiv 1804.04235).
    """

    _rule = adafactor_rule
    _late = {"foreach": None}
    _complex = False
    _shaped = ("variance",)

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        check_lr(lr, "Learning rate should be >= 0 but is: {}")
        if not beta2_decay <= 0.0:
            raise ValueError(f"beta2_decay should be <= 0 but is: {beta2_decay}")
        if eps[0] is not None and not eps[0] >= 0.0:
            raise ValueError(f"epsilon1 should be >= 0 but is: {eps[0]}")
        if not eps[1] >= 0.0:
            raise ValueError(f"epsilon2 should be >= 0 but is: {eps[1]}")
        if not d >= 1.0:
            raise ValueError(f"Clipping threshold d should be >= 1 but is: {d}")
        if not weight_decay >= 0.0:
            raise ValueError(f"weight_decay should be >= 0 but is: {weight_decay}")
        super().__init__(
            params,
            {
                "lr": lr,
                "beta2_decay": beta2_decay,
                "eps": eps,
                "d": d,
                "weight_decay": weight_decay,
                "foreach": foreach,
                "maximize": maximize,
            },
        )

    def _start(self, group: Group, param: Tensor, grad: Tensor) -> dict[str, Tensor]:
        shape = tuple(grad.shape)
        if len(shape) > 1:
            return {
                "row_var": _state.filled(grad, shape=(*shape[:-1], 1)),
                "col_var": _state.filled(grad, shape=(*shape[:-2], 1, shape[-1])),
            }
        return {"variance": _state.filled(grad)}

    def _hyper(self, group: Group) -> dict[str, Number]:
        eps1, eps2 = group["eps"]
        hyper = {name: number(group[name]) for name in ("lr", "beta2_decay", "d")}
        hyper["eps2"] = number(eps2)
        if eps1 is not None:
            hyper["eps1"] = number(eps1)
        if on(group["weight_decay"]):
            hyper["weight_decay"] = number(group["weight_decay"])
        return hyper

    def _static(self, group: Group) -> dict[str, Hashable]:
        return {"decay": on(group["weight_decay"]), "maximize": group["maximize"]}
