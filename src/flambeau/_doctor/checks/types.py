"""Dtypes and devices that do not go together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from flambeau._doctor.checks._common import finding, listed
from flambeau._doctor.facts import Facts, ParameterFact
from flambeau._doctor.finding import Finding


def check(facts: Facts) -> Iterator[Finding]:
    """The parameters that differ from most others; norms may keep a wider dtype."""
    floating = [p for p in facts.parameters if p.floating and not p.norm]
    for code, of, attribute in (
        ("FB025", floating, "dtype"),
        ("FB026", facts.parameters, "device"),
    ):
        yield from _minority(code, of, attribute)


def _minority(code: str, params: list[ParameterFact], attribute: str) -> Iterator[Finding]:
    counts = Counter(getattr(p, attribute) for p in params)
    if len(counts) < 2:
        return
    usual, _ = counts.most_common(1)[0]
    for other in counts:
        if other == usual:
            continue
        odd = [p for p in params if getattr(p, attribute) == other]
        text = f"{listed([p.name for p in odd])}: {attribute} {other}, the others have {usual}"
        yield finding(code, odd[0].name, text, odd[0].place)
