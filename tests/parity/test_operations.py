"""Entries of PyTorch's operator database that pass stay passing.

By default every sixth gets one sample in float32 and one gradient in float64;
`make parity-full` (`FLAMBEAU_PARITY_FULL=1`) judges all of them with all samples, dtypes and
error inputs. Which ones pass is kept in `results.json`, written by
`python -m tests.parity.run`.
"""

from __future__ import annotations

import dataclasses
import json
import os
from multiprocessing.pool import Pool

import pytest

from tests.oracle import torch
from tests.parity import scope
from tests.parity.judge import judge
from tests.parity.run import RESULTS, judge_one, judging_processes

FULL = os.environ.get("FLAMBEAU_PARITY_FULL", "") not in ("", "0")
PASSING = sorted(name for name, found in json.loads(RESULTS.read_text()).items() if found["passed"])
FLOOR = 0.95
"""The share of judged entries that pass whole: raise it when more do."""
TRIED = PASSING if FULL else PASSING[::6]


@pytest.fixture(scope="module")
def judges():
    """A process that judges, replaced after some entries."""
    with judging_processes(1) as pool:
        yield pool


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", TRIED)
def test_entry(name: str, judges: Pool) -> None:
    entry = scope.entries().get(name)
    if entry is None:
        pytest.skip("this torch has no such entry")
    if FULL:
        failures = judges.apply(judge_one, (name, None))["failures"]
    else:
        few = (torch.float32, torch.float64)
        verdict = judge(entry, samples=1, dtypes=few, errors=False)
        failures = [dataclasses.asdict(f) for f in verdict.failures]
    told = "\n".join(f"{f['check']} {f['dtype']}: {f['message']}" for f in failures)
    assert not failures, told


@pytest.mark.filterwarnings("ignore")
def test_the_goal_is_met() -> None:
    """The share of judged entries that pass whole does not fall."""
    judged = scope.judged()
    passing = [name for name in PASSING if name in judged]
    assert len(passing) / len(judged) >= FLOOR, f"{len(passing)} of {len(judged)}"
