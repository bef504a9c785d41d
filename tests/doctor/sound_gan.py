"""A sound program that looks like several mistakes: networks by turns, one frozen meanwhile, an
average that moves, gradients of two passes, losses kept detached."""

import copy

import torch
import torch.nn as nn
import torch.nn.functional as F


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3))

    def forward(self, z):
        return self.net(z)


class Critic(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(3, 16), nn.BatchNorm1d(16), nn.LeakyReLU(0.2), nn.Linear(16, 1)
        )

    def forward(self, x):
        return self.net(x)


torch.manual_seed(0)
generator, critic = Generator(), Critic()
average = copy.deepcopy(generator).requires_grad_(False)
for_generator = torch.optim.Adam(generator.parameters(), lr=1e-3)
for_critic = torch.optim.Adam(critic.parameters(), lr=1e-3)
losses = {"critic": [], "generator": []}
for step in range(12):
    critic.requires_grad_(True)
    real = torch.randn(8, 3)
    fake = generator(torch.randn(8, 4)).detach()
    for_critic.zero_grad()
    for _ in range(2):
        loss = (F.softplus(-critic(real)).mean() + F.softplus(critic(fake)).mean()) / 2
        loss.backward()
    for_critic.step()
    losses["critic"].append(float(loss))
    critic.requires_grad_(False)
    for_generator.zero_grad()
    loss = F.softplus(-critic(generator(torch.randn(8, 4)))).mean()
    loss.backward()
    for_generator.step()
    losses["generator"].append(loss.detach())
    with torch.no_grad():
        for a, b in zip(average.parameters(), generator.parameters(), strict=True):
            a.lerp_(b, 0.1)
        for a, b in zip(average.buffers(), generator.buffers(), strict=True):
            a.copy_(b)
        if step % 5 == 0:
            average.eval()(torch.randn(2, 4))
print("done")
