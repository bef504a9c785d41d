"""Tied parameters are one parameter: counted once, one gradient, tied for good."""

from __future__ import annotations

import copy

import flambeau
from tests.nn.both import same


def tied(torch):
    m = torch.nn.Module()
    m.encoder = torch.nn.Embedding(6, 3)
    m.decoder = torch.nn.Linear(3, 6, bias=False)
    m.decoder.weight = m.encoder.weight
    with torch.no_grad():
        m.encoder.weight.copy_(torch.arange(-9.0, 9.0).reshape(6, 3) / 8)
    return m


def test_counted_once_with_one_gradient():
    def program(torch):
        m = tied(torch)
        optimizer = torch.optim.SGD(m.parameters(), lr=0.1)
        m.decoder(m.encoder(torch.tensor([1, 2, 2]))).pow(2).sum().backward()
        grad = m.encoder.weight.grad
        optimizer.step()
        return [
            [n for n, _ in m.named_parameters()],
            list(m.state_dict()),
            m.decoder.weight.grad is grad,
            grad,
            m.encoder.weight,
            m.decoder.weight,
        ]

    same(program)


def test_tied_through_conversion_loading_and_copying():
    def program(torch):
        m = tied(torch)
        saw = []
        m.to(torch.float64)
        saw.append(m.encoder.weight is m.decoder.weight)
        m.load_state_dict(tied(torch).state_dict())
        saw += [m.encoder.weight is m.decoder.weight, m.encoder.weight]
        other = copy.deepcopy(m)
        saw += [other.encoder.weight is other.decoder.weight]
        with torch.no_grad():
            m.decoder.weight.mul_(2)
        return [*saw, m.encoder.weight, other.encoder.weight]

    same(program)


def test_tied_through_loading_with_assign():
    m = tied(flambeau)
    m.load_state_dict(tied(flambeau).double().state_dict(), assign=True)
    assert m.encoder.weight is m.decoder.weight
    assert m.encoder.weight.dtype == flambeau.float64


def test_data_ptr_tells_shared_memory():
    def program(torch):
        m = tied(torch)
        w = m.encoder.weight
        seen = {p.data_ptr() for _, p in m.named_parameters(remove_duplicate=False)}
        return [
            len(seen),
            w.data_ptr() == m.decoder.weight.data_ptr() == w.detach().data_ptr(),
            w.data_ptr() == w[0].data_ptr() == w.t().data_ptr(),
            w[1].data_ptr() - w.data_ptr(),
            w.data_ptr() == w.clone().data_ptr(),
            torch.empty(0).data_ptr(),
        ]

    same(program)
