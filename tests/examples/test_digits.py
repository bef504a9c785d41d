"""The digits example, briefly: on flambeau through its command, and on PyTorch as it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.programs import ROOT, flambeau, run

SCRIPT = ROOT / "examples" / "digits.py"


def test_the_source_names_torch_only() -> None:
    assert "flambeau" not in SCRIPT.read_text().split('"""', 2)[2]


@pytest.mark.parametrize("library", ["flambeau", "torch"])
def test_a_short_run(library: str, tmp_path: Path) -> None:
    if library == "torch" and os.environ.get("PARITY", "") in ("", "0"):
        pytest.importorskip("torch")
    runner = (lambda *a: flambeau("run", *a)) if library == "flambeau" else run
    done = runner(SCRIPT, "--steps", "45", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    text = done.stdout
    assert ("2.13.0+flambeau" in text) == (library == "flambeau")
    scores = [float(line.split()[-1][:-1]) for line in text.splitlines() if "accuracy" in line]
    assert len(scores) == 2
    assert min(scores) > 85
    assert "second process: 450 predictions, all identical" in text
    assert "36,010 parameters, 17,098 of them trained" in text
    assert (tmp_path / "loss.png").read_bytes().startswith(b"\x89PNG")


def test_the_loss_falls(tmp_path: Path) -> None:
    program = (
        "import sys, numpy as np; sys.path.insert(0, sys.argv[1]); import digits\n"
        "losses, score = digits.main(steps=30, out=sys.argv[2])\n"
        "assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:5]), losses\n"
        "assert 0.8 < score <= 1\n"
    )
    script = tmp_path / "program.py"
    script.write_text(program)
    done = flambeau("run", script, SCRIPT.parent, tmp_path / "out")
    assert done.returncode == 0, done.stderr
