"""requires_grad: on by default, off means frozen altogether, and back on again."""

from __future__ import annotations

import flambeau
from tests.nn.both import same


def two(torch):
    m = torch.nn.Module()
    m.a = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
    m.b = torch.nn.Parameter(torch.tensor([3.0, 4.0]))
    return m


def step(optimizer, m):
    optimizer.zero_grad()
    (m.a * m.b).sum().backward()
    optimizer.step()


def test_default():
    def program(torch):
        m = two(torch)
        (m.a * m.b).sum().backward()
        return [m.a.requires_grad, m.a.grad, m.b.grad]

    same(program)


def test_frozen_gets_no_gradient_and_no_update():
    def program(torch):
        m = two(torch)
        m.a.requires_grad_(False)
        optimizer = torch.optim.SGD(m.parameters(), lr=0.1, momentum=0.9, weight_decay=0.5)
        for _ in range(3):
            step(optimizer, m)
        return [m.a, m.a.grad, m.b, m.b.grad]

    same(program)


def test_frozen_in_mid_run_stays_where_it_is():
    # Row 9 of the mistakes: here flambeau is stricter than PyTorch, where momentum, weight
    # decay and a stale gradient go on moving the parameter.
    for kind, options in (
        ("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.5}),
        ("Adam", {"lr": 0.1, "weight_decay": 0.5}),
        ("AdamW", {"lr": 0.1}),
    ):
        m = two(flambeau)
        optimizer = getattr(flambeau.optim, kind)(m.parameters(), **options)
        step(optimizer, m)
        m.a.requires_grad_(False)
        before = m.a.tolist()
        (m.a * m.b).sum().backward()  # a's gradient of the first step is still there
        optimizer.step()
        step(optimizer, m)
        assert m.a.tolist() == before


def test_unfreezing():
    def program(torch):
        m = two(torch)
        m.a.requires_grad_(False)
        optimizer = torch.optim.SGD(m.parameters(), lr=0.1)
        step(optimizer, m)
        m.requires_grad_()
        step(optimizer, m)
        return [m.a, m.a.grad, m.b]

    same(program)
