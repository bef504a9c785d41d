"""Muon: momentum made orthogonal."""

from __future__ import annotations

import math
from collections.abc import Hashable

import jax.numpy as jnp

from flambeau._tensor.tensor import Tensor
from flambeau.optim import _state
from flambeau.optim._fused import Number, RuleOptimizer, check_lr, number
from flambeau.optim._rules import Array, Hyper, State, rule, scaled
from flambeau.optim.optimizer import Group, ParamsT

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)


def _times(left: Array, right: Array) -> Array:
    return jnp.matmul(left, right, preferred_element_type=jnp.float32)


def _orthogonal(matrix: Array, coefficients: tuple[float, ...], steps: int, eps: float) -> Array:
    """Singular values towards one, by a quintic Newton-Schulz iteration in bfloat16."""
    a, b, c = coefficients
    tall = matrix.shape[0] > matrix.shape[1]
    low = matrix.astype(jnp.bfloat16)
    low = low.T if tall else low
    norm = jnp.sqrt(jnp.sum(jnp.square(low.astype(jnp.float32)))).astype(jnp.bfloat16)
    low = low / jnp.maximum(norm, jnp.asarray(eps, jnp.bfloat16))
    for _ in range(steps):
        gram = _times(low, low.T).astype(jnp.bfloat16)
        mixed = b * gram.astype(jnp.float32) + c * _times(gram, gram)
        mixed = mixed.astype(jnp.bfloat16)
        low = (a * low.astype(jnp.float32) + _times(mixed, low)).astype(jnp.bfloat16)
    return low.T if tall else low


def _lerp(start: Array, end: Array, weight: Array) -> Array:
    # From the nearer end: what follows is rounded to 8 bits, where a last bit counts.
    near = start + scaled(weight, end - start)
    far = end - scaled(1 - weight, end - start)
    return jnp.where(weight < 0.5, near, far)


@rule
def muon_rule(
    param: Array,
    grad: Array,
    state: State,
    hyper: Hyper,
    *,
    nesterov: bool,
    coefficients: tuple[float, float, float],
    eps: float,
    steps: int,
    adjust: str | None,
) -> tuple[Array, State]:
    """One step: ``p <- (1 - lr wd) p - lr' O(momentum)``."""
    lr, momentum = hyper["lr"], hyper["momentum"]
    buffer = _lerp(state["momentum_buffer"], grad, 1 - momentum)
    move = _lerp(grad, buffer, momentum) if nesterov else buffer
    move = _orthogonal(move, coefficients, steps, eps).astype(param.dtype)
    rows, columns = param.shape
    if adjust == "match_rms_adamw":
        ratio = 0.2 * math.sqrt(max(rows, columns))
    else:
        ratio = math.sqrt(max(1, rows / columns))
    param = scaled(1 - lr * hyper["weight_decay"], param)
    return param - scaled(lr * ratio, move), {**state, "momentum_buffer": buffer}


class Muon(RuleOptimizer):
    r"""Momentum whose singular values are brought close to one; for matrices only.

    .. math::
        B_t = \mu B_{t-1} + (1 - \mu) g_t, \quad
        O_t = \mathrm{NS}(B_t) \approx U V^\top, \quad
        p_t = (1 - \gamma \lambda) p_{t-1} - \gamma' O_t

    Args:
        params: matrices, ``(name, matrix)`` pairs, or groups of them.
        lr: the learning rate, a number or a tensor of one element.
        weight_decay: :math:`\lambda`, shrinks the parameter itself.
        momentum: :math:`\mu`.
        nesterov: look ahead along the momentum.
        ns_coefficients: of the Newton-Schulz polynomial.
        eps: the least norm to divide by.
        ns_steps: how many iterations.
        adjust_lr_fn: how the rate follows the shape, ``"original"`` (None) or
            ``"match_rms_adamw"``.

    Raises:
        ValueError: an option is out of range, or a parameter is not a matrix.

    Follows ``torch.optim.Muon``; Jordan, 2024, and Liu and others, 2025 (arXiv 2502.16982).
    """

    _rule = muon_rule
    _complex = False
    _scalars = {}
    _shaped = ("momentum_buffer",)

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = _COEFFICIENTS,
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        check_lr(lr, "Learning rate should be >= 0 but is: {}")
        if not momentum >= 0.0:
            raise ValueError(f"momentum should be >= 0 but is: {momentum}")
        if not weight_decay >= 0.0:
            raise ValueError(f"weight decay should be >= 0 but is: {weight_decay}")
        if adjust_lr_fn not in (None, "original", "match_rms_adamw"):
            raise ValueError(f"Adjust learning rate function {adjust_lr_fn} is not supported")
        super().__init__(
            params,
            {
                "lr": lr,
                "weight_decay": weight_decay,
                "momentum": momentum,
                "nesterov": nesterov,
                "ns_coefficients": ns_coefficients,
                "eps": eps,
                "ns_steps": ns_steps,
                "adjust_lr_fn": adjust_lr_fn,
            },
        )
        for group in self.param_groups:
            for param in group["params"]:
                if param.dim() != 2:
                    raise ValueError(
                        "Muon only supports 2D parameters whereas we found a parameter with "
                        f"size: {param.size()}"
                    )

    def _start(self, group: Group, param: Tensor, grad: Tensor) -> dict[str, Tensor]:
        return {"momentum_buffer": _state.filled(grad)}

    def _hyper(self, group: Group) -> dict[str, Number]:
        return {name: number(group[name]) for name in ("lr", "weight_decay", "momentum")}

    def _static(self, group: Group) -> dict[str, Hashable]:
        if group["ns_steps"] >= 100:
            raise ValueError("Number of steps must be less than 100 for computational efficiency")
        if len(group["ns_coefficients"]) != 3:
            raise ValueError("Coefficients must be a tuple of exactly 3 values")
        return {
            "nesterov": group["nesterov"],
            "coefficients": tuple(group["ns_coefficients"]),
            "eps": group["eps"],
            "steps": group["ns_steps"],
            "adjust": group["adjust_lr_fn"],
        }
