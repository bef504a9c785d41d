"""`flambeau bench` and `flambeau cache`."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import jax
import pytest
from typer.testing import CliRunner

import flambeau
from flambeau._config import config
from flambeau.cli import app
from flambeau.cli._bench import cases, child, jax_peer, report


def run(*args, code=0):
    result = CliRunner().invoke(app, [str(a) for a in args])
    assert result.exit_code == code, result.output
    return result.output


def test_bench_writes_json_and_the_section_of_a_page(tmp_path, monkeypatch):
    def measured(arguments, env, limit):
        assert arguments[:2] == ["turns", "tiny MLP"]
        times = {"flambeau": 2e-3, "flambeau.compile": 1e-3, "torch": 4e-3, "JAX": 1e-3}
        return {"seconds": times, "missing": {"Flax NNX": "flax is not installed"}, "first": {}}

    monkeypatch.setattr("flambeau.cli.bench._child", measured)
    page = tmp_path / "page.md"
    page.write_text(f"before\n\n{report.BEGIN}\nformer\n{report.END}\n\nafter\n")
    run("bench", "tiny MLP", "--no-start", "--json", tmp_path / "x.json", "--into", page)
    text = page.read_text()
    assert "| tiny MLP | 0.50 | 0.25 | 2.00 | 1.00 |" in text
    assert "Flax NNX, tiny MLP: flax is not installed" in text
    assert text.startswith("before")
    assert text.endswith("after\n")
    assert "former" not in text
    assert json.loads((tmp_path / "x.json").read_text())["cases"]["tiny MLP"]["seconds"]


def test_a_case_that_fails_with_the_compiler_runs_again_without_it(monkeypatch):
    asked = []

    def measured(arguments, env, limit):
        asked.append(arguments)
        if "torch.compile" in arguments:
            return {"failed": "not done within 1 s"}
        return {"seconds": {"flambeau": 1.0}, "missing": {}, "first": {}}

    monkeypatch.setattr("flambeau.cli.bench._child", measured)
    out = run("bench", "MLP", "--no-start", "--quick")
    assert len(asked) == 2
    assert "torch.compile, MLP: not done within 1 s" in out


def test_starts_of_all_are_taken_alike(monkeypatch):
    """In a process each; a second one of flambeau's finds what the first kept, nobody else's."""
    asked = []

    def measured(arguments, env, limit):
        asked.append((*arguments[::2], env["FLAMBEAU_CACHE_DIR"], env["TORCHINDUCTOR_CACHE_DIR"]))
        if arguments[0] == "start":
            return {"seconds": float(len(asked)), "peak_mib": 100.0}
        times = {"flambeau": 1.0, "torch": 1.0, "torch.compile": 1.0}
        return {"seconds": times, "missing": {}, "first": {"torch.compile": 9.0}}

    monkeypatch.setattr("flambeau.cli.bench._child", measured)
    out = run("bench", "MLP", "--quick")
    turns, *starts = asked
    assert [s[:2] for s in starts] == [
        ("start", name) for name in ("flambeau", "flambeau", "torch", "torch.compile")
    ]
    assert len({s[2:] for s in starts}) == 1
    assert turns[-2] != starts[0][-2]
    assert turns[-1] != starts[0][-1]
    assert "| MLP | 2 s | 3 s | 4 s | - | 5 s | 100 | 100 | - | - |" in out


def test_bench_refuses_an_unknown_case():
    assert "is not one of tiny MLP" in run("bench", "nothing", code=2)


def test_bench_refuses_a_device_that_is_not_there():
    assert "neither 'cpu' nor 'cuda'" in run("bench", "--device", "tpu", code=2)
    if not flambeau.cuda.is_available():
        assert "JAX sees no GPU here" in run("bench", "--device", "cuda", code=2)


def test_each_case_is_told_its_device(monkeypatch):
    told = []

    def measured(arguments, env, limit):
        told.append((env["FLAMBEAU_BENCH_DEVICE"], env.get("JAX_PLATFORMS")))
        return {"seconds": {"flambeau": 1.0}, "missing": {}, "first": {}}

    monkeypatch.setattr("flambeau.cli.bench._child", measured)
    monkeypatch.setattr("flambeau.cli.bench._has_gpu", lambda: True)
    monkeypatch.delenv("JAX_PLATFORMS", raising=False)
    assert "On cpu." in run("bench", "MLP", "--no-start", "--quick")
    assert "On cuda." in run("bench", "MLP", "--no-start", "--quick", "--device", "cuda")
    assert told == [("cpu", "cpu"), ("cuda", None)]


@pytest.mark.parametrize(
    ("steps", "taken", "seconds"),
    [
        ([0.01, 0.002, 0.003, *[0.004] * 20], 10, 0.002),  # the first one found its caches cold
        ([0.15, 0.14, 0.13, 0.12], 2, 0.14),  # a step so long is not asked for ten times
    ],
)
def test_how_long_a_step_takes(monkeypatch, steps, taken, seconds):
    clock, left = [0.0], iter(steps)
    monkeypatch.setattr(child.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(child, "wait", lambda n: clock.append(clock.pop() + n))
    assert child.once(lambda: next(left)) == pytest.approx(seconds)
    assert len(list(left)) == len(steps) - taken


def test_a_child_measures_in_a_process_of_its_own():
    done = subprocess.run(
        [sys.executable, child.__file__, "turns", "tiny MLP", "0", "flambeau", "JAX"],
        env={**os.environ, "FLAMBEAU_CACHE_DIR": "", "PYTHONPATH": "src"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = json.loads(done.stdout.splitlines()[-1])
    assert set(found["seconds"]) == {"flambeau", "JAX"}
    assert found["programs"] == 2


def test_a_missing_peer_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "flax", None)
    monkeypatch.setitem(sys.modules, "optax", None)
    with pytest.raises(LookupError, match="optax is not installed"):
        child.build("Flax NNX", "tiny MLP")


@pytest.mark.parametrize("case", ["tiny MLP", "LSTM"])
def test_the_loss_of_the_hand_written_peer_falls(case):
    step = jax_peer.step_of(case)
    losses = [float(step()) for _ in range(8)]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(
    ("case", "small"),
    [
        ("GPT-2", lambda: jax_peer._gpt(1, 16, 2, 8, 2, 32)),
        ("ResNet-50", lambda: jax_peer._resnet((1, 1, 1, 1), True, 32, 4)),
    ],
)
def test_the_peer_of_a_case_for_the_gpu_learns_in_half_precision(monkeypatch, case, small):
    monkeypatch.setitem(jax_peer.MODELS, case, small)
    step = jax_peer.step_of(case, half=True)
    losses = [float(step()) for _ in range(8)]
    assert losses[-1] < losses[0]


def test_the_residual_peers_have_the_parameters_of_the_published_nets():
    count = lambda model: sum(a.size for a in jax.tree.leaves(model[0]))
    assert count(jax_peer._resnet((3, 4, 6, 3), True, 32, 1)) == 25_557_032
    assert count(jax_peer._resnet((2, 2, 2, 2), False, 32, 1)) == 11_173_962


def test_every_case_has_a_peer():
    assert set(jax_peer.MODELS) == set(cases.CASES)


def test_cache_shows_and_clears(tmp_path, monkeypatch):
    monkeypatch.setattr(config, "cache_dir", tmp_path)
    (tmp_path / "a").write_bytes(b"x" * 1024)
    (tmp_path / "b").write_bytes(b"x")
    assert "programs: 2" in run("cache", "--info")
    assert "removed 2 programs" in run("cache", "--clear")
    assert list(tmp_path.iterdir()) == []
    assert "programs: 0" in run("cache")
    monkeypatch.setattr(config, "cache_dir", None)
    assert "is off" in run("cache")
