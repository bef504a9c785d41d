"""The checks: each file has pure functions from facts to findings, one per subject."""

from __future__ import annotations

from collections.abc import Iterator

from flambeau._doctor.checks import activity, frozen, gradients, optimizers, registration, types
from flambeau._doctor.facts import Facts
from flambeau._doctor.finding import Finding

SUBJECTS = (registration, types, optimizers, frozen, gradients, activity)


def findings(facts: Facts) -> Iterator[Finding]:
    """Everything that is wrong, by subject."""
    for subject in SUBJECTS:
        yield from subject.check(facts)
