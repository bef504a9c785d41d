"""Watches steps of training: gradients, updates, statistics, where the first NaN arises.

Values are immutable, so what is watched is kept by reference and read on the host after the
step; the only operations that an observed step has besides its own say whether the outputs of
modules are finite.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from flambeau import _source
from flambeau._autograd.grad_mode import no_grad
from flambeau._compile.function import Compiled
from flambeau._doctor.collect import locate
from flambeau._doctor.facts import Event, Facts, Flow, Trace
from flambeau._engine.recorder import capturing, read
from flambeau._tensor.core import value_of
from flambeau._tensor.tensor import Tensor
from flambeau._warnings import Noted
from flambeau.nn._core import snapshot
from flambeau.nn.module import (
    Module,
    register_module_forward_hook,
    register_module_forward_pre_hook,
)
from flambeau.nn.parameter import Parameter
from flambeau.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

BINS = 24
MOST_EVENTS = 200
MOST_FLOWS = 4000
SINCE = ""  # among the counts of buffers that moved: the first step in which one did


class _Seen(NamedTuple):
    """A parameter in a step, as references."""

    param: Any
    trace: Trace
    step: int
    trainable: bool  # then; it may have been frozen by the time it is read
    held: bool  # by the optimizer that stepped
    before: Any
    grad: Any
    after: Any


class _Passed(NamedTuple):
    """One call of a module: whether what came in and what went out is finite, unread."""

    module: Any
    step: int
    entered: list[Any]
    left: list[Any]


class Observer:
    """Hooks on every module and optimizer while it is attached.

    Args:
        sampled: which steps are looked at closely; all are counted.
        on_step: called with the optimizer after every step that was sampled.
    """

    def __init__(
        self,
        sampled: Callable[[int], bool] = lambda step: True,
        on_step: Callable[[Any], None] | None = None,
    ) -> None:
        self.sampled = sampled
        self.on_step = on_step
        self.steps = 0
        self.tick: Callable[[], None] | None = None
        self.traces = Noted()
        self.covered = Noted()
        self.calls = Noted()
        self.moved = Noted()
        self.frozen = Noted()
        self.order: list[int] = []
        self.first: tuple[Any, _Passed | None, int, str] | None = None
        self._busy = False
        self._handles: list[Any] = []
        self._waiting: list[_Seen] = []
        self._flow: list[_Passed] = []
        self._before: dict[int, Any] = {}

    # ---- attaching

    def attach(self) -> None:
        """Begin."""
        Compiled.observers += 1
        self._handles = [
            register_module_forward_pre_hook(self._entering),
            register_module_forward_hook(self._leaving),
            register_optimizer_step_pre_hook(self._before_step),
            register_optimizer_step_post_hook(self._after_step),
        ]

    def detach(self) -> None:
        """End; what is still unread is read."""
        Compiled.observers -= bool(self._handles)
        for handle in self._handles:
            handle.remove()
        self._handles = []
        self.digest()

    # ---- hooks

    def _entering(self, module: Any, args: Any) -> None:
        if module._buffers and module.training and not self._busy and _is_frozen(module):
            values = {n: value_of(b) for n, b in module._buffers.items() if b is not None}
            self.frozen.add(module, values)

    def _leaving(self, module: Any, args: Any, result: Any) -> None:
        if self._busy or capturing() is not None:
            return
        self.calls.add(module, self.calls.get(module, 0) + 1)
        values = self.frozen.get(module)
        if values is not None:
            self.frozen.discard(module)
            moved = self.moved.get(module) or {}
            for name, value in values.items():
                now = module._buffers.get(name)
                if now is not None and value_of(now) is not value:
                    moved[name] = moved.get(name, 0) + 1
            if moved:
                moved.setdefault(SINCE, self.steps)
                self.moved.add(module, moved)
        if self.sampled(self.steps) and self.first is None and len(self._flow) < MOST_FLOWS:
            self._flow.append(
                _Passed(module, self.steps, list(_finite(args)), list(_finite(result)))
            )

    def _before_step(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        if capturing() is not None:
            return
        self.digest()
        for p in _params(optimizer):
            if p not in self.covered:
                self.covered.add(p)
        if self.sampled(self.steps):
            self._before = {id(p): snapshot(p) for p in self._watched(optimizer)}

    def _after_step(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        if capturing() is not None:
            return
        self.order.append(id(optimizer))
        del self.order[:-64]
        if self.sampled(self.steps):
            held = {id(p) for p in _params(optimizer)}
            for p in self._watched(optimizer):
                before = self._before.get(id(p))
                trace = self.traces.get(p)
                if trace is None:
                    self.traces.add(p, trace := Trace())
                if before is None or len(trace.events) >= MOST_EVENTS:
                    continue
                # a step of another optimizer says nothing of who has no gradient yet
                if id(p) not in held and p.requires_grad and p in self.covered:
                    continue
                grad = p.grad
                self._waiting.append(
                    _Seen(
                        p,
                        trace,
                        self.steps,
                        p.requires_grad,
                        id(p) in held,
                        before,
                        None if grad is None or not p.requires_grad else snapshot(grad),
                        snapshot(p),
                    )
                )
            self._before = {}
            if self.on_step is not None:
                self.on_step(optimizer)
        self.steps += 1
        if self.tick is not None:
            self.tick()

    def _watched(self, optimizer: Any) -> Iterator[Any]:
        """The optimizer's parameters, and the others of the models that they belong to."""
        seen = set()
        for p in _params(optimizer):
            seen.add(id(p))
            yield p
        for root in self.roots(optimizer):
            for p in root.parameters():
                if id(p) not in seen:
                    seen.add(id(p))
                    yield p

    def roots(self, optimizer: Any) -> list[Any]:
        """The models that an optimizer trains; the one who observes says which there are."""
        return []

    # ---- reading

    def digest(self) -> None:
        """Read what was kept."""
        if capturing() is not None or self._busy:
            return
        self._busy = True
        try:
            waiting, self._waiting = self._waiting, []
            for seen in waiting:
                self._read(seen)
            flow, self._flow = self._flow, []
            if self.first is None:
                self._first_bad(flow)
        finally:
            self._busy = False

    def _read(self, seen: _Seen) -> None:
        before, after = _array(seen.before), _array(seen.after)
        moved = before.shape != after.shape or not np.array_equal(before, after, equal_nan=True)
        trace = seen.trace
        if not seen.trainable:
            trace.skipped |= seen.held
            trace.moved_in_step |= moved
            if trace.last is not None and trace.last.shape == before.shape:
                trace.moved_between |= not np.array_equal(trace.last, before, equal_nan=True)
            trace.last = after
            return
        event = Event(seen.step, weight=_norm(before), weight_finite=bool(np.isfinite(after).all()))
        if before.shape == after.shape:
            change = after - before
            event.update = _norm(change)
            trace.update_histogram = _histogram(change) or trace.update_histogram
        if seen.grad is not None:
            grad = _array(seen.grad)
            event.finite = bool(np.isfinite(grad).all())
            event.grad = _norm(grad)
            event.grad_rms = event.grad / max(1.0, np.sqrt(grad.size))
            trace.grad_histogram = _histogram(grad) or trace.grad_histogram
            if grad.ndim >= 2:
                idle = ~grad.reshape(len(grad), -1).any(axis=1)
                known = trace.idle
                if known is not None and known.shape == idle.shape:
                    idle &= known
                trace.idle = idle
            if not event.finite and self.first is None:
                # outputs are looked at first: they come before gradients
                flow, self._flow = self._flow, []
                self._first_bad([p for p in flow if p.step <= seen.step])
                self._flow = flow
                if self.first is None:
                    self.first = (seen.param, None, seen.step, "the gradient of")
        trace.events.append(event)

    def _first_bad(self, flow: Sequence[_Passed]) -> None:
        for passed in flow:
            if all(_true(flag) for flag in passed.left):
                continue
            entered = all(_true(flag) for flag in passed.entered)
            how = "the output of" if entered else "an input of"
            self.first = (passed.module, passed, passed.step, how)
            return

    # ---- results

    def complete(self, facts: Facts, root: Module) -> Facts:
        """Add what was observed to the facts of a model."""
        facts.observed = self.steps
        modules = dict(root.named_modules())
        for fact in facts.modules:
            module = modules[fact.path]
            fact.calls = self.calls.get(module, 0)
            moved = dict(self.moved.get(module) or {})
            fact.moved_since = moved.pop(SINCE, 0)
            fact.moved_buffers = moved
        for name, p in root.named_parameters():
            fact = facts.parameter(name)
            fact.trace = self.traces.get(p) or fact.trace
            fact.covered |= p in self.covered
        facts.nonfinite = self._where(root)
        return facts

    def _where(self, root: Module) -> Flow | None:
        if self.first is None:
            return None
        thing, _, step, how = self.first
        if isinstance(thing, Parameter):
            name = next((n for n, p in root.named_parameters() if p is thing), None)
            if name is None:
                return None
            text = (
                f"step {step}: the gradient of '{name}' is not finite, while the outputs of all "
                "modules are: it arises in the loss or in a backward pass"
            )
            return Flow(step, name, text, locate(root, name))
        path = next((n for n, m in root.named_modules() if m is thing), None)
        if path is None:
            return None
        kind = type(thing).__name__
        who = f"{kind} '{path}'" if path else kind
        text = f"step {step}: first NaN or infinity in {how} {who}"
        place = locate(root, path) if path else None
        if how == "an input of":
            parent = root.get_submodule(path.rpartition(".")[0]) if path else None
            if parent is None:
                text = f"step {step}: NaN or infinity in the data that {kind} is called with"
            else:
                text += f": made in the forward of {type(parent).__name__} before it"
                place = _forward_line(parent)
        else:
            place = place or _forward_line(thing)
            if path and not _source.is_ours(type(thing).__module__):
                place = _forward_line(thing)
        return Flow(step, path, text, place)


def _forward_line(module: Any) -> tuple[str, int] | None:
    code = getattr(type(module).forward, "__code__", None)
    if code is None or _source.is_ours(type(module).__module__):
        return None
    return code.co_filename, code.co_firstlineno


def _params(optimizer: Any) -> Iterator[Any]:
    for group in optimizer.param_groups:
        yield from group["params"]


def _is_frozen(module: Any) -> bool:
    """Whether a module has parameters, of its own or below, and none of them is trained."""
    found = False
    for p in module.parameters():
        if p.requires_grad:
            return False
        found = True
    return found


def _finite(values: Any, depth: int = 0) -> Iterator[Any]:
    """For every tensor in there, a tensor that says whether it is finite."""
    if isinstance(values, Tensor):
        if values.is_floating_point() and not values.is_meta:
            with no_grad():
                yield values.detach().isfinite().all()
    elif depth < 3 and isinstance(values, (tuple, list)):
        for value in values:
            yield from _finite(value, depth + 1)
    elif depth < 3 and isinstance(values, dict):
        for value in values.values():
            yield from _finite(value, depth + 1)


def _true(flag: Any) -> bool:
    return bool(np.asarray(read(value_of(flag))))


def _array(tensor: Any) -> np.ndarray:
    array = np.asarray(read(value_of(tensor)))
    return np.abs(array) if np.iscomplexobj(array) else array.astype(np.float64)


def _norm(array: np.ndarray) -> float:
    with np.errstate(all="ignore"):
        return float(np.sqrt(np.square(array).sum()))


def _histogram(array: np.ndarray) -> tuple[list[float], list[int]] | None:
    good = array[np.isfinite(array)]
    if not good.size:
        return None
    counts, edges = np.histogram(good, bins=BINS)
    return [float(e) for e in edges], [int(c) for c in counts]
