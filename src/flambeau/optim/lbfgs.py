"""L-BFGS."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp

from flambeau._autograd.grad_mode import enable_grad, no_grad
from flambeau._tensor.construct import from_data
from flambeau._tensor.core import value_of, write
from flambeau._tensor.jax_ops import wrap_jax
from flambeau._tensor.tensor import Tensor
from flambeau.optim import _state
from flambeau.optim._fused import check_lr
from flambeau.optim._wolfe import Point, strong_wolfe
from flambeau.optim.optimizer import Optimizer, ParamsT

Array: TypeAlias = jax.Array

_LISTS = ("old_dirs", "old_stps", "ro", "al")


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
def _dot(a: Array, b: Array) -> Array:
    return jnp.dot(a, b)


@wrap_jax
def _descent(grad: Array) -> tuple[Array, Array, Array, Array]:
    """The first direction, its slope and largest component, and the gradient's 1-norm."""
    return -grad, -jnp.dot(grad, grad), jnp.max(jnp.abs(grad)), jnp.sum(jnp.abs(grad))


@wrap_jax
def _turn(
    rows: dict[str, Array], grad: Array, before: Array, direction: Array, t: Array, scale: Array
) -> tuple[dict[str, Array], Array, Array, Array, Array]:
    """Remember the last step, then let the inverse Hessian that all kept steps tell of act.

    ``rows`` is a ring: ``cursor`` says where the next step goes and how many are kept. The
    loops run over those only, so one program serves every length.
    """
    y = grad - before
    s = direction * t.astype(direction.dtype)
    ys = jnp.dot(y, s)
    keep = ys > 1e-10
    size = rows["ro"].shape[0]
    head, count = rows["cursor"]

    def put(stack: Array, new: Array) -> Array:
        return stack.at[head].set(jnp.where(keep, new.astype(stack.dtype), stack[head]))

    dirs, steps = put(rows["old_dirs"], y), put(rows["old_stps"], s)
    weigh = put(rows["ro"], 1 / ys)
    scale = jnp.where(keep, ys / jnp.dot(y, y), scale.astype(grad.dtype))
    head = jnp.where(keep, (head + 1) % size, head)
    count = jnp.where(keep, jnp.minimum(count + 1, size), count)

    def back(k: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
        q, al = carry
        at = (head - 1 - k) % size
        weight = jnp.dot(steps[at], q) * weigh[at]
        return q - weight * dirs[at], al.at[at].set(weight)

    def forth(k: Array, q: Array) -> Array:
        at = (head - count + k) % size
        return q + steps[at] * (al[at] - jnp.dot(dirs[at], q) * weigh[at])

    q, al = jax.lax.fori_loop(0, count, back, (-grad, jnp.zeros_like(weigh)))
    q = jax.lax.fori_loop(0, count, forth, q * scale)
    kept = {
        "old_dirs": dirs,
        "old_stps": steps,
        "ro": weigh,
        "al": al,
        "cursor": jnp.stack([head, count]),
    }
    return kept, scale, q, jnp.dot(grad, q), jnp.max(jnp.abs(q))


@wrap_jax
def _grown(rows: dict[str, Array], size: int) -> dict[str, Array]:
    """The same ring with more places; it must not have gone round yet."""
    count = rows["cursor"][1]
    grown = {
        name: jnp.pad(rows[name], [(0, size - len(rows[name]))] + [(0, 0)] * (rows[name].ndim - 1))
        for name in _LISTS
    }
    return {**grown, "cursor": jnp.stack([count, count])}


@wrap_jax
def _row(stack: Array, at: Array) -> Array:
    return stack[at.astype(jnp.int32)]


@wrap_jax
def _stacked(rows: Sequence[Array]) -> Array:
    return jnp.stack(rows)


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
        self._rows: dict[str, Tensor] | None = None

    # ---- the history: rows of a few tensors here, lists of tensors in what is saved

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._params = self.param_groups[0]["params"]
        self._rows = None

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "state": self._listed()}

    def state_dict(self) -> dict[str, Any]:
        """The state in PyTorch's form, the history as lists of tensors."""
        held, self.state = self.state, self._listed()
        try:
            return super().state_dict()
        finally:
            self.state = held

    def _listed(self) -> defaultdict[Any, Any]:
        rows = self._rows
        if rows is None:
            return self.state
        head, count = rows["cursor"].tolist()
        size = rows["ro"].size(0)
        order = [(head - count + k) % size for k in range(count)]
        first = self._params[0]
        lists: dict[str, list[Any]] = {
            name: [_row(rows[name], _number(at, rows[name])) for at in order] for name in _LISTS
        }
        lists["al"] += [None] * (self.param_groups[0]["history_size"] - count)
        state = self.state.copy()
        state[first] = {**state[first], **lists}
        return state

    def _history(self, state: dict[str, Any], like: Tensor) -> dict[str, Tensor]:
        """The rows, with room for one step more."""
        limit = self.param_groups[0]["history_size"]
        rows = self._rows
        if rows is None:
            lists = {name: state.pop(name, None) or [] for name in _LISTS}
            count = len(lists["ro"])
            size = min(limit, max(8, 1 << count.bit_length()))
            n = like.numel()
            rows = {
                "old_dirs": _state.filled(like, shape=(size, n)),
                "old_stps": _state.filled(like, shape=(size, n)),
                "ro": _state.filled(like, shape=(size,)),
                "al": _state.filled(like, shape=(size,)),
            }
            if count:
                begun = {name: _stacked(lists[name]) for name in _LISTS[:3]}
                begun["al"] = _state.filled(like, shape=(count,))
                rows = _grown({**begun, "cursor": from_data([0, count])}, size)
            rows["cursor"] = from_data([count % size, count])
            self._count = count  # at most; pairs of little curvature are not kept
        if self._count >= rows["ro"].size(0) < limit:
            rows = _grown(rows, min(limit, 2 * self._count))
        self._count += 1
        return rows

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
    def step(self, closure: Callable[[], Any]) -> Any:
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
        grad = self._gradient()
        size = _largest(grad)
        loss = float(first_loss)
        evals = 1
        state["func_evals"] += 1
        if size.item() <= group["tolerance_grad"]:
            return first_loss

        for iteration in range(1, group["max_iter"] + 1):
            state["n_iter"] += 1
            if state["n_iter"] == 1:
                direction, slope_now, longest, total = _descent(grad)
                t = min(1.0, 1.0 / total.item()) * lr
                state["H_diag"] = 1
            else:
                self._rows, scale, direction, slope_now, longest = _turn(
                    self._history(state, grad),
                    grad,
                    state["prev_flat_grad"],
                    state["d"],
                    _number(state["t"], grad),
                    _number(state["H_diag"], grad),
                )
                t = lr
                state["H_diag"] = scale
            before = loss
            slope = slope_now.item()
            state.update(d=direction, t=t, prev_flat_grad=grad, prev_loss=loss)
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
                    longest.item(),
                    group["max_eval"] - evals,
                )
                t, loss, grad = point.t, point.loss, point.grad
                self._move(t, direction)
                size = _largest(grad)
            else:
                self._move(t, direction)
                if iteration != group["max_iter"]:
                    raw = evaluate()
                    grad = self._gradient()
                    size = _largest(grad)
                    loss = float(raw)
                    new_evals = 1
            state["t"] = t
            evals += new_evals
            state["func_evals"] += new_evals

            if iteration == group["max_iter"] or evals >= group["max_eval"]:
                break
            if size.item() <= group["tolerance_grad"]:
                break
            if abs(t) * longest.item() <= least_change or abs(loss - before) < least_change:
                break
        return first_loss

    def _search(
        self,
        evaluate: Callable[[], Any],
        direction: Tensor,
        start: Point,
        t: float,
        length: float,
        limit: int,
    ) -> tuple[Point, int]:
        place = self._place()

        def at(t: float) -> Point:
            self._move(t, direction)
            raw = evaluate()
            grad = self._gradient()
            slope = _dot(grad, direction)
            self._restore(place)
            return Point(t, float(raw), grad, slope.item())

        return strong_wolfe(at, start, t, length, limit=limit)


def _number(value: Any, like: Tensor) -> Tensor:
    """A number as a tensor, so that a new one makes no new program."""
    return value if isinstance(value, Tensor) else _state.scalar(value, like.dtype, like)
