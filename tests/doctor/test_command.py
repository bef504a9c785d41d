"""`flambeau doctor script.py`: whole programs, unmodified."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.programs import ROOT, flambeau

PLANTED = Path(__file__).parent / "planted.py"
MISTAKES = {
    "FB001": "planted: list",
    "FB002": "planted: plain tensor",
    "FB006": "planted: replaced",
    "FB008": "planted: unused",
    "FB018": "planted: history",
}
# Small, so that what takes long is the compiler.
EXAMPLES = {
    "digits": ("--steps", "5"),
    "gpt2": ("--steps", "5", "--layers", "1", "--width", "16"),
    "lstm_tagger": ("--steps", "5", "--hidden", "8", "--batches", "2"),
    "resnet18": ("--steps", "5", "--width", "4"),
    "unet": ("--steps", "5", "--width", "4"),
    "vae": ("--steps", "5", "--hidden", "8"),
}


def test_five_planted_mistakes_are_found_with_file_and_line(tmp_path) -> None:
    path, page = tmp_path / "report.json", tmp_path / "report.html"
    done = flambeau(
        "doctor", "--strict", "--json", path, "--html", page, PLANTED, "--epochs", "2", cwd=tmp_path
    )
    assert "done" in done.stdout, done.stderr
    assert done.returncode == 1
    report = json.loads(path.read_text())
    lines = PLANTED.read_text().splitlines()
    found = {
        (f["code"], f["file"], lines[f["line"] - 1].partition("# ")[2])
        for f in report["findings"]
        if f["severity"] != "hint"
    }
    assert found == {(code, str(PLANTED), mark) for code, mark in MISTAKES.items()}
    for code in MISTAKES:
        assert code in done.stderr
    assert report["observed"] == 12
    assert report["timeline"][-1]["step"] == 12
    assert "planted.py" in page.read_text()


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_no_false_alarm_on_the_examples(name, tmp_path) -> None:
    script = ROOT / "examples" / f"{name}.py"
    done = flambeau("doctor", "--strict", script, *EXAMPLES[name], cwd=tmp_path, timeout=500)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["sound_gan", "sound_rnn"])
def test_no_false_alarm_on_what_only_looks_wrong(name, tmp_path) -> None:
    script = Path(__file__).parent / f"{name}.py"
    done = flambeau("doctor", "--strict", script, cwd=tmp_path)
    assert done.stdout.endswith("done\n")
    assert done.returncode == 0, done.stderr


TINY = """
import sys, torch
net = torch.nn.Linear(2, 2)
net.extra = torch.nn.Parameter(torch.ones(1))
optimizer = torch.optim.SGD([net.weight], lr=0.1)
for i in range(3):
    optimizer.zero_grad()
    net(torch.ones(1, 2)).sum().backward()
    optimizer.step()
"""


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "tiny.py"
    path.write_text(TINY)
    return path


def test_without_strict_the_program_says_how_it_ended(script) -> None:
    done = flambeau("doctor", script)
    assert done.returncode == 0
    assert "FB007" in done.stderr


def test_it_reports_after_an_error(script) -> None:
    script.write_text(TINY + "raise ValueError('too late')\n")
    done = flambeau("doctor", script)
    assert done.returncode == 1
    assert "ValueError: too late" in done.stderr
    assert "FB007" in done.stderr


def test_it_reports_at_ctrl_c(script) -> None:
    script.write_text(TINY + "print('ready', flush=True)\nimport time\ntime.sleep(600)\n")
    # Where the tests run in the background Ctrl-C is ignored, and children inherit that.
    listening = (
        "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "runpy.run_module('flambeau', run_name='__main__', alter_sys=True)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", listening, "doctor", str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    with process:
        try:
            _, errors = process.communicate(timeout=300)
        finally:
            process.kill()
    assert process.returncode == 130
    assert "FB007" in errors


def test_a_script_is_needed() -> None:
    done = flambeau("doctor")
    assert done.returncode == 2
    assert "give a script" in done.stderr
