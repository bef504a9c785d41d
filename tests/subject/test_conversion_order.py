"""Adam follows its parameters through `.to()`, whichever comes first."""

from __future__ import annotations

import pytest

from tests.nn.both import same


@pytest.mark.parametrize("to", ["dtype", "device"])
@pytest.mark.parametrize("first", ["optimizer", "to"])
def test_either_order(to, first):
    def program(torch):
        m = torch.nn.Linear(3, 2)
        m.weight = torch.nn.Parameter(torch.ones(2, 3))
        m.bias = torch.nn.Parameter(torch.zeros(2))
        weight = m.weight
        target = torch.float64 if to == "dtype" else torch.device("cpu")
        if first == "to":
            m.to(target)
        optimizer = torch.optim.Adam(m.parameters(), lr=0.1)
        if first == "optimizer":
            m.to(target)
        x = torch.ones(4, 3, dtype=m.weight.dtype)
        for _ in range(3):
            optimizer.zero_grad()
            m(x).pow(2).mean().backward()
            optimizer.step()
        return [
            m.weight is weight,
            optimizer.param_groups[0]["params"][0] is weight,
            m.weight,
            m.bias,
        ]

    same(program)


def test_conversion_in_mid_run():
    def program(torch):
        m = torch.nn.Linear(3, 2)
        with torch.no_grad():
            m.weight.fill_(1.0)
            m.bias.zero_()
        optimizer = torch.optim.SGD(m.parameters(), lr=0.1)
        for dtype in (torch.float32, torch.float64, torch.float32):
            m.to(dtype)
            optimizer.zero_grad()
            m(torch.ones(4, 3, dtype=dtype)).pow(2).mean().backward()
            optimizer.step()
        return [m.weight, m.bias]

    same(program)
