"""What is used as part of the model and does not belong to it."""

from __future__ import annotations

from collections.abc import Iterator

from flambeau._doctor.checks._common import finding
from flambeau._doctor.facts import Facts
from flambeau._doctor.finding import Finding


def check(facts: Facts) -> Iterator[Finding]:
    """Containers, plain tensors, closures; buffers that are learned."""
    for loose in facts.loose:
        severity = "" if loose.trainable else "hint"
        yield finding(loose.code, loose.path, loose.text, loose.place, severity)
    for buffer in facts.buffers:
        if buffer.requires_grad:
            yield finding(
                "FB023",
                buffer.name,
                f"'{buffer.name}' is a buffer and requires a gradient",
                buffer.place,
            )
