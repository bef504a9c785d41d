"""Entries of PyTorch's operator database that pass stay passing.

By default every sixth gets one sample in float32 and one gradient in float64;
`make parity-full` (`FLAMBEAU_PARITY_FULL=1`) judges all of them with all samples, dtypes and
error inputs. Which ones pass is kept in `results.json`, written by
`python -m tests.parity.run`.
"""

from __future__ import annotations

import json
import os

import pytest

from tests.oracle import torch
from tests.parity import scope
from tests.parity.judge import DTYPES, judge
from tests.parity.run import RESULTS

FULL = os.environ.get("FLAMBEAU_PARITY_FULL", "") not in ("", "0")
PASSING = sorted(name for name, found in json.loads(RESULTS.read_text()).items() if found["passed"])
FLOOR = 0.8
"""The share of judged entries that pass whole: raise it when more do."""
TRIED = PASSING if FULL else PASSING[::6]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", TRIED)
def test_entry(name: str) -> None:
    entry = scope.entries().get(name)
    if entry is None:
        pytest.skip("this torch has no such entry")
    if FULL:
        verdict = judge(entry, samples=None, dtypes=DTYPES, seconds=1200)
    else:
        few = (torch.float32, torch.float64)
        verdict = judge(entry, samples=1, dtypes=few, errors=False)
    told = "\n".join(f"{f.check} {f.dtype}: {f.message}" for f in verdict.failures)
    assert not verdict.failures, told


@pytest.mark.filterwarnings("ignore")
def test_the_goal_is_met() -> None:
    """The share of judged entries that pass whole does not fall."""
    judged = scope.judged()
    passing = [name for name in PASSING if name in judged]
    assert len(passing) / len(judged) >= FLOOR, f"{len(passing)} of {len(judged)}"
