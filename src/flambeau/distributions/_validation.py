"""Looking at data for the sake of an error message, without breaking a training step in two.

A check is recorded like any operation. Outside a step it is read on the spot, and the error is
raised where PyTorch raises it. While a step is under way (what is pending will be
differentiated), reading would cut the step's program in two; there the check becomes one more
boolean among the program's results, and the first read after it raises the error. Inside
``flambeau.compile``, whose recordings cannot read, nothing is checked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from flambeau._engine.recorder import capturing, expect, in_a_step, read, user_line
from flambeau._tensor.core import value_of


def can_look() -> bool:
    """Whether a check would ever be looked at here."""
    return capturing() is None


def known(holds: Any) -> bool | None:
    """Whether all of a boolean tensor is True; None where reading would cost a program."""
    if capturing() is not None:
        return None
    value = value_of(holds if holds.dim() == 0 else holds.all())
    place = value.aval.device
    if place.is_meta or (value.array is None and in_a_step(place)):
        return None
    return bool(np.asarray(read(value)))


def require(holds: Any, complaint: Callable[[str], Exception]) -> None:
    """Raise ``complaint(note)`` if a boolean tensor is not all True: now, or when it is known.

    Args:
        holds: the condition.
        complaint: makes the error; its argument is a note on when the error was found, empty
            if it is raised at once.
    """
    if capturing() is not None:
        return
    value = value_of(holds if holds.dim() == 0 else holds.all())
    place = value.aval.device
    if place.is_meta:
        return
    if value.array is None and in_a_step(place):
        line = user_line()
        note = f"\nThis was computed in the step at {line}, and is found now that a value is read."
        expect(value, lambda: complaint(note))
    elif not np.asarray(read(value)):
        raise complaint("")
