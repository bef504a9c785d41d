"""The programs that are timed: plain PyTorch, written once, given the library as `torch`."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np


def _array(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def mlp(torch: Any, sizes: tuple[int, ...], batch: int) -> Any:
    nn = torch.nn
    torch.manual_seed(0)
    layers: list[Any] = []
    for i, o in itertools.pairwise(sizes):
        layers += [nn.Linear(i, o), nn.ReLU()]
    model = nn.Sequential(*layers[:-1])
    x = torch.from_numpy(_array(1, batch, sizes[0]))
    y = torch.from_numpy(np.arange(batch) % sizes[-1])
    return model, nn.CrossEntropyLoss(), x, y


def gpt(
    torch: Any, *, layers: int, width: int, heads: int, length: int, batch: int, words: int
) -> Any:
    nn, functional = torch.nn, torch.nn.functional

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

        def forward(self, x: Any) -> Any:
            b, t, c = x.shape
            q, k, v = self.qkv(self.norm1(x)).split(c, dim=2)
            q, k, v = (z.view(b, t, heads, c // heads).transpose(1, 2) for z in (q, k, v))
            a = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.out(a.transpose(1, 2).reshape(b, t, c))
            return x + self.down(functional.gelu(self.up(self.norm2(x))))

    class Gpt(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.token, self.place = nn.Embedding(words, width), nn.Embedding(length, width)
            self.blocks = nn.ModuleList([Block() for _ in range(layers)])
            self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, words, bias=False)

        def forward(self, ids: Any) -> Any:
            x = self.token(ids) + self.place(torch.arange(ids.shape[1]))
            for block in self.blocks:
                x = block(x)
            return self.head(self.norm(x))

    torch.manual_seed(0)
    ids = np.random.default_rng(1).integers(0, words, (batch, length + 1))
    x, y = torch.from_numpy(ids[:, :-1].copy()), torch.from_numpy(ids[:, 1:].copy())
    cross_entropy = nn.CrossEntropyLoss()
    return Gpt(), lambda out, t: cross_entropy(out.view(-1, words), t.reshape(-1)), x, y


def cnn(torch: Any, batch: int) -> Any:
    nn = torch.nn
    torch.manual_seed(0)
    layers: list[Any] = []
    channels = [3, 32, 32, 64, 64, 128, 128]
    for k, (i, o) in enumerate(itertools.pairwise(channels)):
        layers += [nn.Conv2d(i, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU()]
        if k % 2:
            layers.append(nn.MaxPool2d(2))
    model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(128 * 16, 10))
    x = torch.from_numpy(_array(1, batch, 3, 32, 32))
    return model, nn.CrossEntropyLoss(), x, torch.from_numpy(np.arange(batch) % 10)


def lstm(torch: Any, *, inputs: int, hidden: int, steps: int, batch: int) -> Any:
    nn = torch.nn

    class Tagger(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm, self.head = nn.LSTM(inputs, hidden, batch_first=True), nn.Linear(hidden, 10)

        def forward(self, x: Any) -> Any:
            return self.head(self.lstm(x)[0][:, -1])

    torch.manual_seed(0)
    x = torch.from_numpy(_array(1, batch, steps, inputs))
    return Tagger(), nn.CrossEntropyLoss(), x, torch.from_numpy(np.arange(batch) % 10)


CASES: dict[str, Any] = {
    "tiny MLP": lambda t: mlp(t, (16, 32, 32, 10), 8),
    "MLP": lambda t: mlp(t, (784, 256, 256, 10), 64),
    "GPT": lambda t: gpt(t, layers=4, width=256, heads=8, length=128, batch=8, words=512),
    "CNN": lambda t: cnn(t, 32),
    "LSTM": lambda t: lstm(t, inputs=64, hidden=128, steps=64, batch=32),
}


def train_step(torch: Any, case: str, **adam: Any) -> Any:
    """A training step of a case with Adam: `step() -> loss`."""
    model, loss_of, x, y = CASES[case](torch)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, **adam)

    def step() -> Any:
        optimizer.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step
