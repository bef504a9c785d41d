"""Operations that save residuals: one forward, one backward, the same programs in every step."""

from __future__ import annotations

import numpy as np

import flambeau
from flambeau._engine import executor
from flambeau._engine.program import stats
from tests.oracle import assert_close, torch


def make(lib):
    rng = np.random.default_rng(0)
    layer = lib.nn.LSTM(3, 4)
    with lib.no_grad():
        for p in layer.parameters():
            p.copy_(lib.tensor(rng.standard_normal(tuple(p.shape)).astype(np.float32)))
    return layer, lib.tensor(rng.standard_normal((5, 2, 3)).astype(np.float32))


def test_a_recurrent_layer_compiles_nothing_after_the_second_step(monkeypatch):
    monkeypatch.setattr(executor._weather, "misses", 0)  # whatever ran before in this process
    layer, x = make(flambeau)
    optimizer = flambeau.optim.SGD(layer.parameters(), lr=0.1)
    counts = []
    for _ in range(6):
        optimizer.zero_grad()
        loss = layer(x)[0].pow(2).mean()
        loss.backward()
        optimizer.step()
        loss.item()
        counts.append(stats.programs)
    assert counts[-1] == counts[1]


def test_gradients_across_two_programs_and_a_second_derivative():
    def program(lib):
        layer, x = make(lib)
        x.requires_grad_()
        loss = layer(x)[0].pow(2).sum()
        loss.item()  # the backward is a program of its own
        loss.backward(retain_graph=True)
        first = [p.grad.clone() for p in layer.parameters()]
        (g,) = lib.autograd.grad(loss, x, create_graph=True)
        (second,) = lib.autograd.grad(g.pow(2).sum(), x)
        return [*first, g, second]

    assert_close(program(flambeau), program(torch), rtol=1e-4, atol=1e-5)
