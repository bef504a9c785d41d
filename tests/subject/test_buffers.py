"""Buffers: saved when persistent, moved with the module, never learned."""

from __future__ import annotations

import pytest

import flambeau
from tests.nn.both import same


@pytest.mark.parametrize("persistent", [True, False])
def test_a_buffer(persistent):
    def program(torch):
        m = torch.nn.Linear(2, 1)
        with torch.no_grad():
            m.weight.fill_(1.0)
            m.bias.fill_(0.5)
        m.register_buffer("scale", torch.tensor([2.0, 3.0]), persistent=persistent)
        optimizer = torch.optim.Adam(m.parameters(), lr=0.1)
        (m(m.scale * torch.ones(4, 2)).sum()).backward()
        optimizer.step()
        saw = [
            [n for n, _ in m.named_parameters()],
            [n for n, _ in m.named_buffers()],
            "scale" in m.state_dict(),
            m.scale.clone(),  # m.scale itself is still the same object after double()
            m.scale.requires_grad,
            m.scale.grad,
            len(optimizer.param_groups[0]["params"]),
        ]
        m.double()
        return [*saw, m.scale]

    same(program)


def test_batch_norm_statistics_are_buffers():
    def program(torch):
        m = torch.nn.BatchNorm1d(3)
        x = torch.linspace(-2, 2, 12).reshape(4, 3)
        saw = [[n for n, _ in m.named_buffers()], m(x), m.running_mean, m.running_var]
        m.eval()
        saw += [m(x), m.running_mean, m.num_batches_tracked]
        m.requires_grad_(False)
        m.train()
        m(x)
        return [*saw, m.running_mean]

    same(program)


def test_batch_norm_statistics_survive_a_save_and_load(tmp_path):
    m = flambeau.nn.BatchNorm1d(3)
    m(flambeau.linspace(-2, 2, 12).reshape(4, 3))
    flambeau.save(m.state_dict(), tmp_path / "norm.pt")
    fresh = flambeau.nn.BatchNorm1d(3)
    fresh.load_state_dict(flambeau.load(tmp_path / "norm.pt"))
    for name, buffer in m.named_buffers():
        assert fresh.get_buffer(name).tolist() == buffer.tolist()
    x = flambeau.ones(2, 3)
    assert fresh.eval()(x).tolist() == m.eval()(x).tolist()
