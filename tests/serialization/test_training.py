"""A run that was interrupted goes on as if it had not been."""

from __future__ import annotations

import os
import random
import warnings

import numpy as np
import pytest

import flambeau
from flambeau.errors import (
    CheckpointFormatError,
    CheckpointRefusedError,
    CheckpointTypeError,
    CheckpointWarning,
    StateDictError,
)
from flambeau.serialization import PendingSave, resume, save_async, save_training
from flambeau.serialization._tensors import host_array, value_of
from tests.oracle import torch
from tests.programs import ROOT

nn, optim = flambeau.nn, flambeau.optim


class Run:
    """A small training with everything that has state: momentum, schedule, dropout, noise."""

    def __init__(self) -> None:
        flambeau.manual_seed(0)
        random.seed(0)
        np.random.seed(0)
        self.model = nn.Sequential(
            nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 1)
        )
        self.optimizer = optim.Adam(self.model.parameters(), lr=0.1, weight_decay=0.01)
        self.scheduler = optim.lr_scheduler.StepLR(self.optimizer, step_size=2, gamma=0.5)
        self.steps = 0

    def parts(self):
        return {"model": self.model, "optimizer": self.optimizer, "scheduler": self.scheduler}

    def step(self) -> None:
        noise = random.random() + np.random.rand()
        x = flambeau.randn(6, 4) + noise
        loss = (self.model(x) ** 2).mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.scheduler.step()
        self.steps += 1

    def bits(self):
        return {n: bits(t) for n, t in self.model.state_dict().items()}


def bits(tensor):
    return host_array(value_of(tensor)).tobytes()


@pytest.mark.parametrize("background", [False, True])
def test_interrupted_at_any_step_is_bit_identical(tmp_path, background):
    whole = Run()
    pending = []
    for i in range(6):
        pending.append(
            save_training(
                tmp_path / f"{i}.ckpt", **whole.parts(), step=i, background=background, note="x"
            )
        )
        whole.step()
    for p in pending:
        if background:
            assert isinstance(p, PendingSave)
            p.wait()
    for i in range(6):
        again = Run()
        again.model[0].weight.data.fill_(7.0)
        state = resume(tmp_path / f"{i}.ckpt", **again.parts())
        assert (state.step, state.extra) == (i, {"note": "x"})
        for _ in range(i, 6):
            again.step()
        assert again.bits() == whole.bits()
        assert again.optimizer.param_groups[0]["lr"] == whole.optimizer.param_groups[0]["lr"]


def test_what_is_saved_in_the_background_does_not_change(tmp_path):
    weight = flambeau.nn.Parameter(flambeau.zeros(200_000))
    optimizer = optim.SGD([weight], lr=1.0)
    handles = []
    for i in range(8):
        handles.append(
            save_async({"w": weight, "v": weight.data[:10], "i": i}, tmp_path / f"{i}.pt")
        )
        weight.sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    for i, handle in enumerate(handles):
        handle.wait()
        held = flambeau.load(tmp_path / f"{i}.pt")
        assert held["i"] == i
        assert held["w"].min().item() == held["w"].max().item() == -float(i)
        assert held["v"].tolist() == [-float(i)] * 10


def test_a_failure_in_the_background_is_told(tmp_path):
    with pytest.raises(CheckpointTypeError):
        save_async({"x": object()}, tmp_path / "x.pt")
    handle = save_async({"x": 1}, tmp_path / "missing" / "x.pt")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it may fail before anybody waits
        with pytest.raises(flambeau.errors.CheckpointWriteError, match="could not write"):
            handle.wait()


def test_torch_reads_the_file(tmp_path):
    run = Run()
    run.step()
    save_training(tmp_path / "x.ckpt", **run.parts(), step=1)
    held = torch.load(tmp_path / "x.ckpt", weights_only=True)
    assert held["step"] == 1
    model = torch.nn.Sequential(
        torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 1)
    )
    model.load_state_dict(held["model"])
    optimizer = torch.optim.Adam(model.parameters())
    optimizer.load_state_dict(held["optimizer"])
    assert optimizer.param_groups[0]["weight_decay"] == 0.01


def test_the_last_ones_are_kept(tmp_path):
    layer = nn.Linear(2, 1)
    other = tmp_path / "run-best.ckpt"
    other.write_text("mine")
    for step in (1, 2, 9, 10, 11):
        save_training(tmp_path / "run-{step}.ckpt", model=layer, step=step, keep_last=2)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "run-10.ckpt", "run-11.ckpt", "run-best.ckpt",
    ]  # fmt: skip
    assert resume(tmp_path / "run-{step}.ckpt", model=layer).step == 11
    with pytest.raises(ValueError, match="keep_last needs a path with"):
        save_training(tmp_path / "run.ckpt", model=layer, keep_last=2)
    with pytest.raises(FileNotFoundError):
        resume(tmp_path / "other-{step}.ckpt", model=layer)


def test_a_damaged_file_is_passed_over(tmp_path):
    layer = nn.Linear(2, 1)
    for step in (1, 2):
        save_training(tmp_path / "run-{step:03d}.ckpt", model=layer, step=step)
    path = tmp_path / "run-002.ckpt"
    data = bytearray(path.read_bytes())
    data[data.index(layer.weight.detach().numpy().tobytes())] ^= 1
    path.write_bytes(bytes(data))
    with pytest.warns(CheckpointWarning, match="trying the checkpoint before it"):
        state = resume(tmp_path / "run-{step:03d}.ckpt", model=layer)
    assert state.step == 1
    with pytest.raises(flambeau.errors.CheckpointIntegrityError):
        resume(path, model=layer)


def test_the_wrong_model_is_told_with_a_table_and_left_alone(tmp_path):
    save_training(tmp_path / "x.ckpt", model=nn.Linear(3, 2), step=1)
    other = nn.Linear(2, 3)
    before = bits(other.weight)
    with pytest.raises(StateDictError, match=r"transposed +weight +model \(3, 2\), file \(2, 3\)"):
        resume(tmp_path / "x.ckpt", model=other)
    assert bits(other.weight) == before
    with pytest.raises(CheckpointFormatError, match="holds no optimizer; it holds model"):
        resume(tmp_path / "x.ckpt", optimizer=optim.SGD(other.parameters()))


def test_a_wrapped_model_is_recognised(tmp_path):
    layer = nn.Linear(3, 2)
    save_training(tmp_path / "x.ckpt", model=nn.ModuleDict({"module": layer}), step=1)
    fresh = nn.Linear(3, 2)
    resume(tmp_path / "x.ckpt", model=fresh)
    assert bits(fresh.weight) == bits(layer.weight)


def test_several_models_and_generators(tmp_path):
    parts = {"g": nn.Linear(2, 2), "d": nn.Linear(2, 1)}
    generator = flambeau.Generator().manual_seed(5)
    save_training(tmp_path / "x.ckpt", model=parts, rng={"data": generator}, ema=nn.Linear(1, 1))
    drawn = flambeau.rand(3, generator=generator).tolist()
    fresh = {"g": nn.Linear(2, 2), "d": nn.Linear(2, 1)}
    other, ema = flambeau.Generator(), nn.Linear(1, 1)
    state = resume(tmp_path / "x.ckpt", model=fresh, rng={"data": other}, ema=ema)
    assert bits(fresh["d"].weight) == bits(parts["d"].weight)
    assert flambeau.rand(3, generator=other).tolist() == drawn
    assert bits(ema.weight) == bits(state.extra["ema"]["weight"])


def test_only_its_own_files(tmp_path):
    flambeau.save({"model": 1}, tmp_path / "x.pt")
    with pytest.raises(CheckpointFormatError, match="not written by save_training"):
        resume(tmp_path / "x.pt")
    import argparse

    torch.save({"format": "flambeau-training", "x": argparse.Namespace()}, tmp_path / "y.pt")
    with pytest.raises(CheckpointRefusedError, match="Namespace"):
        resume(tmp_path / "y.pt")


def test_every_part_is_resumed_bit_for_bit_at_any_step(tmp_path):
    from tests.serialization import interrupted

    last = 5
    whole = interrupted.main(str(tmp_path / "whole"), 0, last)
    for stop in range(1, last):
        file = str(tmp_path / f"{stop}")
        interrupted.main(file, 0, stop)
        assert interrupted.main(file, stop, last) == whole, f"interrupted at step {stop}"


def test_the_scaler_is_part_of_it(tmp_path):
    from tests.serialization.interrupted import Run as Scaled

    run = Scaled()
    for _ in range(4):
        run.step()
    # two good steps doubled the scale, the overflow halved it, one good step since
    assert run.scaler.state_dict()["scale"] == 2.0**8
    assert run.scaler.state_dict()["_growth_tracker"] == 1
    save_training(tmp_path / "run", **run.parts(), step=4)
    other = Scaled()
    assert resume(tmp_path / "run", **other.parts()).step == 4
    assert other.scaler.state_dict() == run.scaler.state_dict()
    save_training(tmp_path / "none", model=run.model)
    with pytest.raises(CheckpointFormatError, match="holds no scaler"):
        resume(tmp_path / "none", scaler=other.scaler)


def test_between_processes(tmp_path):
    import subprocess
    import sys

    def process(name, start, stop):
        command = [sys.executable, "-m", "tests.serialization.interrupted"]
        done = subprocess.run(
            [*command, str(tmp_path / name), str(start), str(stop)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    whole = process("whole", 0, 4)
    process("parts", 0, 2)
    assert process("parts", 2, 4) == whole
