"""What a step costs: by module forward and back, by program, predicted and measured."""

from __future__ import annotations

import re

import numpy as np
import pytest

import flambeau
from flambeau import nn
from flambeau._engine import executor


def test_a_training_step():
    model = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 4))
    optimizer = flambeau.optim.SGD(model.parameters(), lr=0.1)

    def step(x):
        optimizer.zero_grad()
        loss = model(x).square().mean()
        loss.backward()
        optimizer.step()
        return loss

    x = flambeau.ones(8, 16)
    found = flambeau.profile(step, x, repeat=2)
    first, last = 2 * 8 * 16 * 32, 2 * 8 * 32 * 4
    assert found.forward["Sequential.0"].flops == first + 8 * 32
    assert found.forward["Sequential.2"].flops == last + 8 * 4
    # the first layer's input needs no gradient; the second needs both products
    assert first <= found.backward["Sequential.0"].flops < 1.5 * first
    assert 2 * last <= found.backward["Sequential.2"].flops < 2.5 * last
    assert found.forward["(optimizer)"].flops > 0
    assert len(found.programs) == 1
    assert found.programs[0].launches == 1
    assert found.flops >= 2 * first + 3 * last
    parameters = 4 * sum(p.numel() for p in model.parameters())
    assert parameters < found.predicted_peak_bytes < 20 * parameters
    assert found.seconds > 0
    assert any("operations" in line for line in found.compiled)
    text = str(found)
    assert "Sequential.2" in text
    assert "predicted" in text
    assert "\x1b" not in text
    again = flambeau.profile(step, x, repeat=1)
    assert again.compiled == []
    assert again.forward == found.forward


def test_inference_and_mistakes():
    model = nn.Linear(4, 2)
    with flambeau.no_grad():
        found = flambeau.profile(model, flambeau.ones(3, 4), repeat=1)
    assert found.backward == {}
    assert found.forward["Linear"].flops == 2 * 3 * 4 * 2 + 3 * 2
    with pytest.raises(TypeError, match="takes a function and its arguments"):
        flambeau.profile(3)
    with pytest.raises(ValueError, match="repeat is 0"):
        flambeau.profile(model, flambeau.ones(3, 4), repeat=0)


def test_running_out_of_memory_is_told_with_what_was_predicted():
    x = flambeau.from_numpy(np.ones((64, 64), "float32"))

    def step():
        (x @ x).sum().item()
        raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory")

    with pytest.raises(RuntimeError) as caught:
        flambeau.profile(step)
    (note,) = [n for n in caught.value.__notes__ if n.startswith("profile()")]
    assert re.search(r"XLA predicts that this step needs \d\d(\.\d+)? kB at its peak", note)
    with pytest.raises(ZeroDivisionError) as caught:
        flambeau.profile(lambda: 1 / 0)
    assert not getattr(caught.value, "__notes__", [])
    assert flambeau.profile(lambda: flambeau.ones(2) + 1, repeat=1).seconds > 0


def test_programs_are_seen_when_keys_do_not_repeat(monkeypatch):
    monkeypatch.setattr(executor._weather, "misses", executor.STORM)
    model = nn.Linear(11, 3)
    found = flambeau.profile(lambda x: model(x).sum().backward(), flambeau.ones(5, 11))
    assert found.forward["Linear"].flops >= 2 * 5 * 11 * 3
    assert found.programs
