"""Functions that the tests of what a replay notices compile."""

from __future__ import annotations

import flambeau as torch


def forward_of(net):
    """A forward without gradients, replayed twice already."""

    @torch.compile
    def forward(x):
        with torch.no_grad():
            return net(x)

    for _ in range(4):
        forward(torch.ones(1))
    assert forward.replays == 2
    return forward


def step_of(net, optimizer):
    """A training step whose loss is the sum of the results."""

    @torch.compile
    def step(x):
        optimizer.zero_grad()
        loss = net(x).sum()
        loss.backward()
        optimizer.step()

    return step
