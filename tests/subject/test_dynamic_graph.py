"""A module whose depth depends on the data, call by call."""

from __future__ import annotations

import numpy as np

import flambeau
from flambeau._engine.program import stats
from tests.nn.both import same


def deep(torch):
    class Deep(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.step = torch.nn.Linear(3, 3)
            with torch.no_grad():
                self.step.weight.copy_(torch.linspace(-0.6, 0.6, 9).reshape(3, 3))
                self.step.bias.fill_(0.1)

        def forward(self, x, depth):
            for _ in range(depth):
                x = torch.tanh(self.step(x))
            return x

    return Deep()


def test_gradients_at_every_depth():
    def program(torch):
        m = deep(torch)
        saw = []
        for depth in (1, 4, 2, 3, 1):
            m.zero_grad()
            m(torch.ones(2, 3), depth).sum().backward()
            saw += [m.step.weight.grad, m.step.bias.grad]
        return saw

    same(program)


def test_depth_decided_by_values():
    def program(torch):
        m = deep(torch)
        x = torch.ones(1, 3) * 5
        count = 0
        while x.norm() > 0.2 and count < 20:
            x = m(x, 1)
            count += 1
        x.sum().backward()
        return [count, x, m.step.weight.grad]

    same(program)


def test_no_compile_storm_over_200_random_depths():
    m = deep(flambeau)
    optimizer = flambeau.optim.SGD(m.parameters(), lr=0.01)
    x = flambeau.ones(2, 3)
    before = stats.programs
    for depth in np.random.default_rng(0).integers(1, 60, 200).tolist():
        optimizer.zero_grad()
        m(x, depth).sum().backward()
        optimizer.step()
    flambeau.ones(1).item()
    assert stats.programs - before <= 80
