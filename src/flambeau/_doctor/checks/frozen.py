"""What is frozen and carries traces of training, or moves all the same."""

from __future__ import annotations

from collections.abc import Iterator

from flambeau._doctor.checks._common import finding, listed
from flambeau._doctor.facts import Facts, ModuleFact, ParameterFact
from flambeau._doctor.finding import Finding


def check(facts: Facts) -> Iterator[Finding]:
    """Gradients and state left over; statistics, parameters that moved."""
    yield from _left_over(facts)
    for p in facts.parameters:
        if p.trainable:
            continue
        if p.trace.moved_in_step:
            text = f"'{p.name}' is frozen and an optimizer's step() changed it"
            yield finding("FB035", p.name, text, p.place)
        elif p.trace.moved_between and not p.trace.events:
            text = f"'{p.name}' requires no gradient and is written to between steps"
            yield finding("FB024", p.name, text, p.place)
    for module in facts.modules:
        if module.moved_buffers and not _trained_later(facts, module):
            names = [f"{module.path}.{n}".removeprefix(".") for n in module.moved_buffers]
            many = max(module.moved_buffers.values())
            text = (
                f"{listed(names)} of {module.kind} moved in {many} forwards in training mode, "
                "while the module's parameters are frozen"
            )
            yield finding("FB010", names[0], text, module.place)


def _trained_later(facts: Facts, module: ModuleFact) -> bool:
    """Whether it is frozen by turns only, as the discriminator while the generator steps."""
    prefix = f"{module.path}." if module.path else ""
    own = [p for p in facts.parameters if p.name.startswith(prefix)]
    return any(
        p.trainable or (p.trace.events[-1:] and p.trace.events[-1].step > module.moved_since)
        for p in own
    )


def _left_over(facts: Facts) -> Iterator[Finding]:
    held: dict[tuple[int, int], list[ParameterFact]] = {}
    loose: list[ParameterFact] = []
    for p in facts.parameters:
        if p.trainable or not (p.has_grad or p.has_state):
            continue
        # One that was trained in every step of its optimizer is frozen by turns, or just now.
        if p.groups and (p.trace.skipped or not p.trace.events):
            held.setdefault(p.groups[0], []).append(p)
        else:
            loose.append(p)
    for (o, g), params in held.items():
        grads = listed([p.name for p in params if p.has_grad])
        states = listed([p.name for p in params if p.has_state])
        left = [f"a .grad ({grads})"] * bool(grads) + [f"optimizer state ({states})"] * bool(states)
        text = (
            f"group {g} of {facts.optimizers[o].kind} holds {len(params)} frozen parameters that "
            f"have {' and '.join(left)} left over"
        )
        yield finding("FB009", params[0].name, text, params[0].place)
    if loose:
        # No optimizer steps with them, so nothing can move them.
        text = f"{len(loose)} frozen parameters keep a .grad: {listed([p.name for p in loose])}"
        yield finding("FB009", loose[0].name, text, loose[0].place, "hint")
