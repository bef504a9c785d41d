"""Gradients and updates over the observed steps: absent, zero, out of proportion."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator

import numpy as np

from flambeau._doctor.checks._common import finding, listed
from flambeau._doctor.facts import Event, Facts, ParameterFact
from flambeau._doctor.finding import Finding

ENOUGH = 3  # steps, to call something always
TOO_LARGE = 1e4  # times the median of the layers, or of the first steps
TOO_SMALL = 1e-5  # of the largest of the layers
UPDATE_HIGH, UPDATE_LOW = 0.5, 1e-9  # of the weights' norm, per step
STARTS_AT_ZERO = 1e-3  # root mean square
DEAD_PART, DEAD_UNITS = 0.5, 4


def check(facts: Facts) -> Iterator[Finding]:
    """Every check below."""
    if facts.nonfinite is not None:
        flow = facts.nonfinite
        yield finding("FB032", flow.path, flow.text, flow.place)
    trained = [p for p in facts.parameters if p.trainable and p.trace.events]
    yield from _absent(facts, trained)
    yield from _zero(trained)
    if facts.nonfinite is None:
        yield from _scale(trained)
        yield from _updates(facts, trained)
    yield from _dead(trained)


def _absent(facts: Facts, trained: list[ParameterFact]) -> Iterator[Finding]:
    calls = {m.path: m.calls for m in facts.modules}
    modules: dict[str, list[ParameterFact]] = {}
    for p in trained:
        if len(p.trace.events) >= 2 and all(e.grad is None for e in p.trace.events):
            modules.setdefault(p.module, []).append(p)
    for path, params in modules.items():
        names = [p.name for p in params]
        kind = params[0].kind
        who = f"{kind} '{path}'" if path else kind
        if calls.get(path):
            why = f"the forward of {who} never used {'it' if len(names) == 1 else 'them'}"
            if len(names) == sum(p.module == path for p in facts.parameters) and path:
                why = f"{who} is called, and its result does not reach the loss"
        elif path:
            why = f"{who} is never called"
        else:
            why = f"the forward of {who} never used {'it' if len(names) == 1 else 'them'}"
        steps = len(params[0].trace.events)
        text = f"{listed(names)} got no gradient in {steps} observed steps: {why}"
        yield finding("FB008", names[0], text, params[0].place)


def _grads(p: ParameterFact) -> list[Event]:
    return [e for e in p.trace.events if e.grad is not None]


def _zero(trained: list[ParameterFact]) -> Iterator[Finding]:
    for p in trained:
        events = _grads(p)
        if len(events) >= ENOUGH and all(e.grad == 0 for e in events):
            text = (
                f"the gradient of '{p.name}' was exactly zero in all {len(events)} observed steps"
            )
            yield finding("FB029", p.name, text, p.place)


def _scale(trained: list[ParameterFact]) -> Iterator[Finding]:
    """Exploding and vanishing, among weights of two dimensions and more."""
    sizes: dict[str, list[float]] = {}
    by_name = {p.name: p for p in trained}
    for p in trained:
        values = [e.grad_rms for e in _grads(p) if e.finite]
        if len(p.shape) >= 2 and len(values) >= ENOUGH and any(values):
            sizes[p.name] = values
    typical = {name: statistics.median(values) for name, values in sizes.items()}
    for name, values in sizes.items():
        start = statistics.median(values[:2])
        if start and values[-1] > TOO_LARGE * start and values[-1] > 1:
            text = (
                f"the gradient of '{name}' grew from {start:.1e} to {values[-1]:.1e} "
                "(root mean square)"
            )
            yield finding("FB030", name, text, by_name[name].place)
    if len(typical) < 3:
        return
    middle = statistics.median(typical.values())
    largest = max(typical, key=lambda name: typical[name])
    small = [n for n, v in typical.items() if v and v < TOO_SMALL * typical[largest]]
    if middle and typical[largest] > TOO_LARGE * middle and typical[largest] > 1:
        text = (
            f"the gradient of '{largest}' is {typical[largest]:.1e} (root mean square), "
            f"{typical[largest] / middle:.0e} times that of the middle layer"
        )
        yield finding("FB030", largest, text, by_name[largest].place)
    elif small:
        least = min(small, key=lambda name: typical[name])
        text = (
            f"the gradients of {listed(small)} are down to {typical[least]:.1e} (root mean "
            f"square), those of '{largest}' are {typical[largest]:.1e}"
        )
        yield finding("FB031", least, text, by_name[least].place)


def _updates(facts: Facts, trained: list[ParameterFact]) -> Iterator[Finding]:
    for p in trained:
        # the first steps of adaptive optimizers are full ones whatever the gradient is
        ratios = [
            e.update / e.weight
            for e in _grads(p)[1:]
            if e.update is not None and e.weight > 0 and e.grad and math.isfinite(e.update)
        ]
        if len(p.shape) < 2 or len(ratios) < ENOUGH:
            continue
        if p.trace.events[0].weight < STARTS_AT_ZERO * math.sqrt(p.elements):
            continue  # whatever it grows to is much, measured by zero
        middle = statistics.median(ratios)
        if middle > UPDATE_HIGH:
            text = f"each step changes '{p.name}' by {middle:.0%} of its norm"
            yield finding("FB033", p.name, text, p.place)
        elif middle < UPDATE_LOW and any(facts.optimizers[o].groups[g].lr for o, g in p.groups):
            by = f"{middle:.0e} of its norm" if middle else "less than rounding"
            text = f"each step changes '{p.name}' by {by}, although its gradient is not zero"
            yield finding("FB033", p.name, text, p.place)


def _dead(trained: list[ParameterFact]) -> Iterator[Finding]:
    for p in trained:
        idle = p.trace.idle
        if idle is None or "Embedding" in p.kind or "Transpose" in p.kind:
            continue
        dead = int(np.count_nonzero(idle))
        if len(_grads(p)) < ENOUGH or dead == idle.size:
            continue  # all of it: another finding says so
        if dead >= DEAD_UNITS and dead >= DEAD_PART * idle.size:
            text = (
                f"{dead} of the {idle.size} units of {p.kind} '{p.module}' got no gradient in "
                f"{len(_grads(p))} observed steps"
            )
            yield finding("FB034", p.name, text, p.place)
