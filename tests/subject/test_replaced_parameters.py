"""Replacing the weights of ready-made layers before the optimizer is built."""

from __future__ import annotations

import pytest

import flambeau
from tests.nn.both import same


def net(torch):
    m = torch.nn.Sequential(torch.nn.Linear(2, 5), torch.nn.Tanh(), torch.nn.Linear(5, 1))
    m[0].weight = torch.nn.Parameter(torch.zeros(5, 2))
    m[0].bias = torch.nn.Parameter(torch.ones(5))
    m[2].weight = torch.nn.Parameter(torch.ones(1, 5))
    m[2].bias = torch.nn.Parameter(torch.zeros(1))
    return m


def test_adam_sees_exactly_the_new_ones():
    def program(torch):
        m = net(torch)
        optimizer = torch.optim.Adam(m.parameters(), lr=0.01)
        held = optimizer.param_groups[0]["params"]
        wanted = [m[0].weight, m[0].bias, m[2].weight, m[2].bias]
        return [len(held), all(a is b for a, b in zip(held, wanted, strict=True))]

    same(program)


def test_training_moves_them():
    def program(torch):
        m = net(torch)
        optimizer = torch.optim.Adam(m.parameters(), lr=0.01)
        x = torch.tensor([[1.0, 2.0], [3.0, -1.0]])
        for _ in range(5):
            optimizer.zero_grad()
            m(x).pow(2).mean().backward()
            optimizer.step()
        return list(m.parameters())

    same(program)


def test_transposed_replacement_fails_with_a_telling_error():
    m = net(flambeau)
    m[0].weight = flambeau.nn.Parameter(flambeau.zeros(2, 5))
    with pytest.raises(RuntimeError) as info:
        m(flambeau.ones(3, 2))
    text = str(info.value)
    assert text.startswith("Linear '0': ")
    for part in ("(2, 5)", "(5, 2)", "(out_features, in_features)", "transposed"):
        assert part in text
