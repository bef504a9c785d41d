"""Which optimizer has which parameter."""

from __future__ import annotations

from collections.abc import Iterator

from flambeau._doctor.checks._common import finding, listed
from flambeau._doctor.facts import Facts
from flambeau._doctor.finding import Finding


def check(facts: Facts) -> Iterator[Finding]:
    """Missing, stale, twice, in two; decay where it does not belong."""
    yield from _missing(facts)
    for optimizer in facts.optimizers:
        for stale in optimizer.stale:
            yield finding("FB006", stale.name, stale.text, stale.place or optimizer.place)
        for index, group in enumerate(optimizer.groups):
            who = f"{optimizer.kind}: group {index}"
            if group.duplicates:
                text = f"{who} holds {listed(group.duplicates)} twice"
                yield finding("FB022", group.duplicates[0], text, optimizer.place)
            if group.weight_decay > 0 and group.small:
                text = (
                    f"{who} decays {len(group.small)} biases and scales by {group.weight_decay:g}: "
                    f"{listed(group.small, 3)}"
                )
                yield finding("FB027", group.small[0], text, optimizer.place)
    for p in facts.parameters:
        places = [
            (o, g) for o, g in p.groups if not facts.whole_program or _in_turns(facts, o, p.groups)
        ]
        if len(places) > 1:
            held = " and ".join(f"group {g} of {facts.optimizers[o].kind} {o}" for o, g in places)
            yield finding("FB021", p.name, f"'{p.name}' is in {held}", p.place)


def _in_turns(facts: Facts, optimizer: int, groups: list[tuple[int, int]]) -> bool:
    """Whether the optimizer and another that has the parameter step by turns, not one after all
    steps of the other."""
    return any(tuple(sorted((optimizer, o))) in facts.taking_turns for o, _ in groups)


def _missing(facts: Facts) -> Iterator[Finding]:
    if not any(p.covered for p in facts.parameters):
        return  # nothing here is trained, or not by what we know
    modules: dict[str, list[str]] = {}
    stale = {s.name for o in facts.optimizers for s in o.stale}
    for p in facts.parameters:
        if p.trainable and not p.covered and p.name not in stale:
            modules.setdefault(p.module, []).append(p.name)
    made = next((o.place for o in facts.optimizers if o.place), None)
    built = f" (built at {made[0]}:{made[1]})" if made else ""
    for names in modules.values():
        first = facts.parameter(names[0])
        verb = "is" if len(names) == 1 else "are"
        text = f"{listed(names)} {verb} trainable and in no optimizer{built}"
        yield finding("FB007", first.name, text, first.place)
