"""The programs that are timed, as the other scripts here take them."""

from __future__ import annotations

from typing import Any

from flambeau.cli._bench import cases

CASES: dict[str, Any] = {
    name: case.make for name, case in cases.CASES.items() if case.training and not case.half
}


def train_step(torch: Any, case: str, **adam: Any) -> Any:
    """A training step of a case with Adam: `step() -> loss`."""
    return cases.step_of(torch, case, **adam)
