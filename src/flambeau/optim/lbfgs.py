"""L-BFGS."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from flambeau._autograd.grad_mode import enable_grad, no_grad
from flambeau._tensor.core import value_of, write
from flambeau._tensor.jax_ops import wrap_jax
from flambeau._tensor.tensor import Tensor
from flambeau.optim import _state
from flambeau.optim._fused import check_lr
from flambeau.optim._wolfe import Point, strong_wolfe
from flambeau.optim.optimizer import Optimizer, ParamsT

Array = jax.Array


def _real(array: Array) -> Array:
    if jnp.iscomplexobj(array):
        array = jnp.stack([array.real, array.imag], axis=-1)
    return array.ravel()


@wrap_jax
def _joined(arrays: Sequence[Array]) -> Array:
    """All parameters as one vector; complex ones as pairs."""
    return jnp.concatenate([_real(array) for array in arrays])


@wrap_jax
def _moved(arrays: Sequence[Array], t: Array, direction: Array) -> list[Array]:
    """Parameters after a step along a direction."""
    out, at = [], 0
    for array in arrays:
        pair = jnp.iscomplexobj(array)
        count = array.size * (2 if pair else 1)
        part = (t.astype(direction.dtype) * direction[at : at + count]).astype(array.real.dtype)
        at += count
        if pair:
            part = part.reshape(*array.shape, 2)
            part = jax.lax.complex(part[..., 0], part[..., 1])
        out.append(array + part.reshape(array.shape))
    return out


@wrap_jax
def _largest(vector: Array) -> Array:
    return jnp.max(jnp.abs(vector))


@wrap_jax
def _size(vector: Array) -> Array:
    return jnp.sum(jnp.abs(vector))


@wrap_jax
def _dot(a: Array, b: Array) -> Array:
    return jnp.dot(a, b)


@wrap_jax
def _negative(vector: Array) -> Array:
    return -vector


@wrap_jax
def _change(
    grad: Array, before: Array, direction: Array, t: Array
) -> tuple[Array, Array, Array, Array, Array]:
    """What the last step changed: gradient, place, their product, and the scales."""
    y = grad - before
    s = direction * t.astype(direction.dtype)
    ys = jnp.dot(y, s)
    return y, s, ys, 1 / ys, ys / jnp.dot(y, y)


@wrap_jax
def _direction(
    grad: Array,
    dirs: Sequence[Array],
    steps: Sequence[Array],
    scales: Sequence[Array],
    diagonal: Array,
) -> tuple[Array, list[Array]]:
    """The inverse Hessian that past steps tell of, times the negative gradient."""
    q = -grad
    weights: list[Any] = [None] * len(dirs)
    for i in reversed(range(len(dirs))):
        weights[i] = jnp.dot(steps[i], q) * scales[i]
        q = q - weights[i] * dirs[i]
    q = q * diagonal.astype(q.dtype)
    for y, s, scale, weight in zip(dirs, steps, scales, weights, strict=True):
        q = q + s * (weight - jnp.dot(y, q) * scale)
    return q, weights


class LBFGS(Optimizer):
    """L-BFGS: steps by an inverse Hessian that recent gradients tell of.

    For full batches; ``step`` needs a closure and calls it several times. There is one group.
    Each call reads the loss and a few numbers on the host.

    Args:
        params: tensors or ``(name, tensor)`` pairs.
        lr: the length of the first trial step.
        max_iter: the largest number of iterations per ``step``.
        max_eval: the largest number of evaluations per ``step``; 1.25 times ``max_iter`` if None.
        tolerance_grad: stop when no component of the gradient is larger.
        tolerance_change: stop when loss or parameters change by less.
        history_size: how many past steps are kept.
        line_search_fn: ``"strong_wolfe"`` or None.

    Raises:
        ValueError: several groups, or ``lr`` is negative.
        RuntimeError: an unknown line search (at ``step()``).

    Example:
        >>> import flambeau as torch
        >>> x = torch.nn.Parameter(torch.tensor([3.0, -1.0]))
        >>> optimizer = torch.optim.LBFGS([x], line_search_fn="strong_wolfe")
        >>> def closure():
        ...     optimizer.zero_grad()
        ...     loss = ((x - 1) ** 2).sum()
        ...     loss.backward()
        ...     return loss
        >>> optimizer.step(closure).item()
        8.0
        >>> closure().item() < 1e-6
        True

    Follows ``torch.optim.LBFGS``; Nocedal, 1980.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        check_lr(lr)
        super().__init__(
            params,
            {
                "lr": lr,
                "max_iter": max_iter,
                "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
                "tolerance_grad": tolerance_grad,
                "tolerance_change": tolerance_change,
                "history_size": history_size,
                "line_search_fn": line_search_fn,
            },
        )
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")
        self._params: list[Tensor] = self.param_groups[0]["params"]

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._params = self.param_groups[0]["params"]

    # ---- the parameters as one vector

    def _gradient(self) -> Tensor:
        parts = []
        for param in self._params:
            grad = param.grad if param.requires_grad else None
            parts.append(_state.filled(param) if grad is None else grad.detach())
        return _joined(parts)

    def _place(self) -> list[Any]:
        return [value_of(param) for param in self._params]

    def _restore(self, place: list[Any]) -> None:
        for param, value in zip(self._params, place, strict=True):
            write(param, value, None, False)

    def _move(self, t: float, direction: Tensor) -> None:
        moved = _moved([p.detach() for p in self._params], _number(t, direction), direction)
        self._restore([value_of(new) for new in moved])

    # ---- the step

    @no_grad()
    def step(self, closure: Callable[[], Any]) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Minimise for up to ``max_iter`` iterations.

        Args:
            closure: clears the gradients, computes the loss, calls ``backward`` and returns
                the loss.

        Returns:
            The loss before the step.
        """
        evaluate = enable_grad()(closure)
        group = self.param_groups[0]
        lr = float(group["lr"])
        search = group["line_search_fn"]
        least_change = group["tolerance_change"]
        state = self.state[self._params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)

        first_loss = evaluate()
        loss = float(first_loss)
        evals = 1
        state["func_evals"] += 1
        grad = self._gradient()
        if _largest(grad).item() <= group["tolerance_grad"]:
            return first_loss

        kept = ("d", "t", "old_dirs", "old_stps", "ro", "H_diag", "prev_flat_grad", "prev_loss")
        memory = {name: state.get(name) for name in kept}
        for iteration in range(1, group["max_iter"] + 1):
            state["n_iter"] += 1
            self._turn(state, memory, grad, group["history_size"])
            direction = memory["d"]
            memory["prev_flat_grad"] = _state.copy(grad)
            memory["prev_loss"] = loss

            t = lr
            if state["n_iter"] == 1:
                t *= min(1.0, 1.0 / _size(grad).item())
            memory["t"] = t
            slope = _dot(grad, direction).item()
            if slope > -least_change:
                break

            new_evals = 0
            if search is not None:
                if search != "strong_wolfe":
                    raise RuntimeError("only 'strong_wolfe' is supported")
                point, new_evals = self._search(
                    evaluate,
                    direction,
                    Point(0.0, loss, grad, slope),
                    t,
                    group["max_eval"] - evals,
                )
                t, loss, grad = point.t, point.loss, point.grad
                self._move(t, direction)
            else:
                self._move(t, direction)
                if iteration != group["max_iter"]:
                    loss = float(evaluate())
                    grad = self._gradient()
                    new_evals = 1
            memory["t"] = t
            evals += new_evals
            state["func_evals"] += new_evals

            if iteration == group["max_iter"] or evals >= group["max_eval"]:
                break
            if _largest(grad).item() <= group["tolerance_grad"]:
                break
            if abs(t) * _largest(direction).item() <= least_change:
                break
            if abs(loss - memory["prev_loss"]) < least_change:
                break

        state.update(memory)
        return first_loss

    def _turn(
        self, state: dict[str, Any], memory: dict[str, Any], grad: Tensor, limit: int
    ) -> None:
        """Remember the last step and set the next direction."""
        if state["n_iter"] == 1:
            memory.update(d=_negative(grad), old_dirs=[], old_stps=[], ro=[], H_diag=1)
            return
        dirs, steps, scales = memory["old_dirs"], memory["old_stps"], memory["ro"]
        y, s, ys, scale, diagonal = _change(
            grad, memory["prev_flat_grad"], memory["d"], _number(memory["t"], grad)
        )
        if ys.item() > 1e-10:
            for past, new in ((dirs, y), (steps, s), (scales, scale)):
                if len(past) == limit:
                    past.pop(0)
                past.append(new)
            memory["H_diag"] = diagonal
        # Histories of many lengths would be many programs: fill up to a power of two with
        # steps that weigh nothing.
        pad = (1 << (len(dirs) - 1).bit_length()) - len(dirs) if dirs else 0
        none = [_state.filled(grad)] * pad
        zero = [_state.filled(grad, shape=())] * pad
        memory["d"], weights = _direction(
            grad, none + dirs, none + steps, zero + scales, _number(memory["H_diag"], grad)
        )
        weighed = state.setdefault("al", [None] * limit)
        weighed[: len(dirs)] = weights[pad:]

    def _search(
        self, evaluate: Callable[[], Any], direction: Tensor, start: Point, t: float, limit: int
    ) -> tuple[Point, int]:
        place = self._place()

        def at(t: float) -> Point:
            self._move(t, direction)
            loss = float(evaluate())
            grad = self._gradient()
            self._restore(place)
            return Point(t, loss, grad, _dot(grad, direction).item())

        return strong_wolfe(at, start, t, _largest(direction).item(), limit=limit)


def _number(value: Any, like: Tensor) -> Tensor:
    """A number as a tensor, so that a new one makes no new program."""
    return value if isinstance(value, Tensor) else _state.scalar(value, like.dtype, like)
