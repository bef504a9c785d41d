"""A sound program that looks like several mistakes: a carried state, tied weights, an adapter that
starts at zero, a frozen base, a schedule, the best weights loaded back, a second optimizer."""

import torch
import torch.nn as nn


class Adapter(nn.Module):
    def __init__(self, base, rank=2):
        super().__init__()
        self.base = base.requires_grad_(False)
        self.down = nn.Parameter(torch.randn(rank, base.in_features) * 0.1)
        self.up = nn.Parameter(torch.zeros(base.out_features, rank))

    def forward(self, x):
        return self.base(x) + x @ self.down.t() @ self.up.t()


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(50, 8)
        self.rnn = nn.GRU(8, 8, batch_first=True)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.out = nn.Linear(8, 50)
        self.out.weight = self.embedding.weight
        self.hidden = None
        self.adapter = Adapter(nn.Linear(8, 8))

    def forward(self, x):
        h, self.hidden = self.rnn(self.embedding(x), self.hidden)
        self.hidden = self.hidden.detach()
        h, _ = self.attention(h, h, h)
        return self.out(self.adapter(h))


torch.manual_seed(0)
model = Tagger()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-3)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, total_steps=12)
best = None
for _ in range(12):
    model.train()
    x = torch.randint(0, 50, (4, 7))
    loss = criterion(model(x).flatten(0, 1), x.roll(-1, 1).flatten())
    optimizer.zero_grad(set_to_none=False)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    scheduler.step()
    if best is None or loss.item() < best:
        best = loss.item()
        torch.save(model.state_dict(), "best.pt")
model.load_state_dict(torch.load("best.pt"))
averaged = torch.optim.swa_utils.AveragedModel(model)
averaged.update_parameters(model)
refining = torch.optim.LBFGS(model.out.parameters(), max_iter=3)


def closure():
    model.hidden = None
    refining.zero_grad()
    loss = criterion(model(x).flatten(0, 1), x.roll(-1, 1).flatten())
    loss.backward()
    return loss


for _ in range(3):
    refining.step(closure)
print("done")
