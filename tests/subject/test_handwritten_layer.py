"""A layer written by hand: it lists its parameters, and it trains."""

from __future__ import annotations

import flambeau
from tests.nn.both import same


def layer(torch):
    class Layer(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.randn(10, 5))
            self.bias = torch.nn.Parameter(torch.randn(5))

        def forward(self, x):
            return x @ self.weight + self.bias

    return Layer()


def test_sizes_are_printed(capsys):
    for p in layer(flambeau).parameters():
        print(p.size())
    assert capsys.readouterr().out == "torch.Size([10, 5])\ntorch.Size([5])\n"


def test_it_trains():
    def program(torch):
        m = layer(torch)
        with torch.no_grad():
            m.weight.copy_(torch.linspace(-1, 1, 50).reshape(10, 5))
            m.bias.zero_()
        optimizer = torch.optim.SGD(m.parameters(), lr=0.1)
        x = torch.linspace(0, 1, 40).reshape(4, 10)
        losses = []
        for _ in range(5):
            optimizer.zero_grad()
            loss = (m(x) - 1).pow(2).mean()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        assert losses == sorted(losses, reverse=True)
        return [torch.tensor(losses), m.weight, m.bias]

    same(program)
