"""An RNN whose hidden state is kept on the module between steps, as a plain tensor."""

from __future__ import annotations

import os

import psutil
import pytest

import flambeau
from flambeau._engine.program import stats
from tests.nn.both import same


def cached(torch):
    class Cached(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = torch.nn.RNNCell(3, 4)
            self.head = torch.nn.Linear(4, 1)
            self.hidden = torch.zeros(2, 4)
            with torch.no_grad():
                for i, p in enumerate(self.parameters()):
                    p.copy_(torch.linspace(-0.5, 0.5, p.numel()).reshape(p.shape) * (i + 1) / 4)

        def forward(self, x):
            self.hidden = self.cell(x, self.hidden)
            return self.head(self.hidden)

    return Cached()


def test_it_is_neither_parameter_nor_state():
    def program(torch):
        m = cached(torch)
        m(torch.ones(2, 3))
        return [[n for n, _ in m.named_parameters()], list(m.state_dict()), list(m.buffers())]

    same(program)


def test_truncated_backpropagation():
    def program(torch):
        m = cached(torch)
        optimizer = torch.optim.SGD(m.parameters(), lr=0.05)
        for t in range(6):
            m.hidden = m.hidden.detach()
            optimizer.zero_grad()
            (m(torch.full((2, 3), t / 6)) - 1).pow(2).mean().backward()
            optimizer.step()
        return [m.hidden.detach(), *m.parameters()]

    same(program)


def test_a_thousand_steps_in_constant_memory_without_new_programs():
    m = cached(flambeau)
    optimizer = flambeau.optim.SGD(m.parameters(), lr=0.05)
    x = flambeau.ones(2, 3)
    process = psutil.Process(os.getpid())
    programs = memory = 0
    for t in range(1000):
        m.hidden = m.hidden.detach()
        optimizer.zero_grad()
        loss = (m(x) - 1).pow(2).mean()
        loss.backward()
        optimizer.step()
        if t == 2:
            programs = stats.programs
        if t == 200:
            memory = process.memory_info().rss
    assert stats.programs == programs
    assert process.memory_info().rss < memory * 1.05
    assert loss.item() < 0.1


def test_without_detach_the_error_names_the_cached_tensor():
    m = cached(flambeau)
    x = flambeau.ones(2, 3)
    m(x).sum().backward()
    with pytest.raises(RuntimeError, match=r"backward through the graph a second time") as info:
        m(x).sum().backward()
    assert "'hidden' of Cached" in str(info.value)
    assert ".detach()" in str(info.value)
