"""Train a small classifier of sequences in two stages. Five mistakes are planted; see the test.

The program is otherwise as people write them: data, model, schedule, evaluation, checkpoints.
"""

import argparse
import copy
import math
import random

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

FEATURES = 6
LENGTH = 5
CLASSES = 3


def seed_everything(seed):
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


# ------------------------------------------------------------------------------------ data


def make_sequences(count, seed):
    """Sequences whose class is the feature that is largest in the mean."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, LENGTH, FEATURES)).astype(np.float32)
    y = rng.integers(CLASSES, size=count)
    x[np.arange(count), :, y] += 1.5
    return torch.from_numpy(x), torch.from_numpy(y)


def make_loaders(batch):
    train = TensorDataset(*make_sequences(96, seed=0))
    held_out = TensorDataset(*make_sequences(32, seed=1))
    return (
        DataLoader(train, batch_size=batch, shuffle=True, drop_last=True),
        DataLoader(held_out, batch_size=batch),
    )


# ----------------------------------------------------------------------------------- model


class FeedForward(nn.Module):
    """Two linear layers with a residual connection."""

    def __init__(self, width, hidden):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, hidden)
        self.down = nn.Linear(hidden, width)

    def forward(self, x):
        return x + self.down(F.gelu(self.up(self.norm(x))))


class Attention(nn.Module):
    """One head of self attention over the sequence."""

    def __init__(self, width):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width)
        self.scale = 1 / math.sqrt(width)

    def forward(self, x):
        h = self.norm(x)
        scores = self.query(h) @ self.key(h).transpose(-2, -1) * self.scale
        return x + scores.softmax(dim=-1) @ self.value(h)


class Encoder(nn.Module):
    """An embedding of the features, positions, attention, feed-forward layers."""

    def __init__(self, width, depth):
        super().__init__()
        self.embed = nn.Linear(FEATURES, width)
        self.positions = self.make_positions(width)  # planted: plain tensor
        self.attention = Attention(width)
        self.blocks = [FeedForward(width, 2 * width) for _ in range(depth)]  # planted: list
        self.batch_norm = nn.BatchNorm1d(width)

    @staticmethod
    def make_positions(width):
        place = torch.arange(LENGTH, dtype=torch.float32).unsqueeze(1)
        rate = torch.exp(torch.arange(0, width, 2, dtype=torch.float32) * (-4.0 / width))
        table = torch.zeros(LENGTH, width)
        table[:, 0::2] = torch.sin(place * rate)
        table[:, 1::2] = torch.cos(place * rate)
        return table

    def forward(self, x):
        x = self.attention(self.embed(x) + self.positions)
        for block in self.blocks:
            x = block(x)
        return self.batch_norm(x.mean(dim=1))


class Classifier(nn.Module):
    """The encoder and a head, with an auxiliary head that was given up."""

    def __init__(self, width=8, depth=2, classes=CLASSES):
        super().__init__()
        self.encoder = Encoder(width, depth)
        self.dropout = nn.Dropout(0.1)
        self.auxiliary = nn.Linear(width, 2)  # planted: unused
        self.head = nn.Linear(width, classes)

    def forward(self, x):
        return self.head(self.dropout(self.encoder(x)))


# -------------------------------------------------------------------------------- training


class Meter:
    """A running mean of numbers."""

    def __init__(self):
        self.total = 0.0
        self.count = 0

    def add(self, value, n=1):
        self.total += value * n
        self.count += n

    @property
    def mean(self):
        return self.total / max(self.count, 1)


def warmup(step, steps, total):
    """A factor for the learning rate: up linearly, down as a cosine."""
    if step < steps:
        return (step + 1) / steps
    part = (step - steps) / max(1, total - steps)
    return 0.5 * (1 + math.cos(math.pi * part))


@torch.no_grad()
def evaluate(model, loader):
    """Mean loss and accuracy on held-out data."""
    model.eval()
    loss, accuracy = Meter(), Meter()
    for x, y in loader:
        logits = model(x)
        loss.add(F.cross_entropy(logits, y).item(), len(y))
        accuracy.add((logits.argmax(dim=1) == y).float().mean().item(), len(y))
    return loss.mean, accuracy.mean


def train_epoch(model, loader, optimizer, scheduler, history):
    model.train()
    accuracy = Meter()
    for x, y in loader:
        optimizer.zero_grad()
        logits = model(x)
        loss = F.cross_entropy(logits, y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        history["loss"].append(loss)  # planted: history
        accuracy.add((logits.argmax(dim=1) == y).float().mean().item(), len(y))
    return accuracy.mean


def fit(model, loaders, epochs, lr):
    """Train, and keep the best weights."""
    train, held_out = loaders
    groups = [
        {"params": [p for p in model.parameters() if p.dim() > 1], "weight_decay": 0.01},
        {"params": [p for p in model.parameters() if p.dim() <= 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=lr)
    model.head = nn.Linear(model.head.in_features, CLASSES)  # planted: replaced
    total = epochs * len(train)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: warmup(s, 4, total))
    history = {"loss": [], "held out": []}
    best, best_loss = None, float("inf")
    for epoch in range(epochs):
        fitted = train_epoch(model, train, optimizer, scheduler, history)
        loss, accuracy = evaluate(model, held_out)
        history["held out"].append(loss)
        if loss < best_loss:
            best, best_loss = copy.deepcopy(model.state_dict()), loss
        print(f"epoch {epoch}: fitted {fitted:.2%}, held out {accuracy:.2%}, loss {loss:.4f}")
    model.load_state_dict(best)
    return history


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--lr", type=float, default=3e-3)
    options = parser.parse_args()
    seed_everything(0)
    model = Classifier()
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters")
    fit(model, make_loaders(options.batch), options.epochs, options.lr)
    print("done")


if __name__ == "__main__":
    main()
