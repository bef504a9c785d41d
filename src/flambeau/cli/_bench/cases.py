"""The programs that are timed: plain PyTorch, written once, given the library as `torch`.

A maker gives ``(model, loss_of, x, y)``.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


def _array(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def mlp(torch: Any, sizes: tuple[int, ...], batch: int) -> Any:
    """Linear layers with ReLU between them."""
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
    """A decoder of pre-norm blocks with causal attention."""
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
            x = self.token(ids) + self.place(torch.arange(ids.shape[1], device=ids.device))
            for block in self.blocks:
                x = block(x)
            return self.head(self.norm(x))

    torch.manual_seed(0)
    ids = np.random.default_rng(1).integers(0, words, (batch, length + 1))
    x, y = torch.from_numpy(ids[:, :-1].copy()), torch.from_numpy(ids[:, 1:].copy())
    cross_entropy = nn.CrossEntropyLoss()
    return Gpt(), lambda out, t: cross_entropy(out.view(-1, words), t.reshape(-1)), x, y


def cnn(torch: Any, batch: int) -> Any:
    """Six 3x3 convolutions with batch norm, pooled after every second."""
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
    """One LSTM layer and a classifier on its last step."""
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


def resnet(torch: Any, *, blocks: tuple[int, ...], deep: bool, image: int, batch: int) -> Any:
    """A residual network; `deep` takes bottleneck blocks and the ImageNet stem."""
    nn, functional = torch.nn, torch.nn.functional
    grown = 4 if deep else 1

    def unit(i: int, o: int, kernel: int, stride: int = 1) -> Any:
        conv = nn.Conv2d(i, o, kernel, stride, padding=kernel // 2, bias=False)
        return nn.Sequential(conv, nn.BatchNorm2d(o))

    class Block(nn.Module):
        def __init__(self, i: int, width: int, stride: int) -> None:
            super().__init__()
            o = width * grown
            if deep:
                units = [unit(i, width, 1), nn.ReLU(), unit(width, width, 3, stride), nn.ReLU()]
                self.body = nn.Sequential(*units, unit(width, o, 1))
            else:
                self.body = nn.Sequential(
                    unit(i, width, 3, stride), nn.ReLU(), unit(width, width, 3)
                )
            same = i == o and stride == 1
            self.skip = nn.Identity() if same else unit(i, o, 1, stride)

        def forward(self, x: Any) -> Any:
            return functional.relu(self.body(x) + self.skip(x))

    torch.manual_seed(0)
    layers = [unit(3, 64, 7, 2) if deep else unit(3, 64, 3), nn.ReLU()]
    if deep:
        layers.append(nn.MaxPool2d(3, 2, 1))
    i = 64
    for k, n in enumerate(blocks):
        for b in range(n):
            layers.append(Block(i, 64 << k, 2 if k and not b else 1))
            i = (64 << k) * grown
    classes = 1000 if deep else 10
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(i, classes))
    x = torch.from_numpy(_array(1, batch, 3, image, image))
    return model, nn.CrossEntropyLoss(), x, torch.from_numpy(np.arange(batch) % classes)


class Case(NamedTuple):
    """A program to time.

    Attributes:
        make: the model, its loss and its data, from the library.
        training: a step with Adam, or the forward alone without gradients.
        half: under autocast to bfloat16, always on the GPU; left out where there is none.
    """

    make: Callable[[Any], Any]
    training: bool = True
    half: bool = False


def _mlp(t: Any) -> Any:
    return mlp(t, (784, 256, 256, 10), 64)


def _gpt(t: Any) -> Any:
    return gpt(t, layers=4, width=256, heads=8, length=128, batch=8, words=512)


def _gpt2(t: Any) -> Any:
    return gpt(t, layers=12, width=768, heads=12, length=1024, batch=8, words=50304)


CASES: dict[str, Case] = {
    "tiny MLP": Case(lambda t: mlp(t, (16, 32, 32, 10), 8)),
    "MLP": Case(_mlp),
    "GPT": Case(_gpt),
    "CNN": Case(lambda t: cnn(t, 32)),
    "ResNet-18": Case(lambda t: resnet(t, blocks=(2, 2, 2, 2), deep=False, image=32, batch=32)),
    "LSTM": Case(lambda t: lstm(t, inputs=64, hidden=128, steps=64, batch=32)),
    "MLP inference": Case(_mlp, training=False),
    "GPT inference": Case(_gpt, training=False),
    "GPT-2": Case(_gpt2, half=True),
    "ResNet-50": Case(
        lambda t: resnet(t, blocks=(3, 4, 6, 3), deep=True, image=224, batch=64), half=True
    ),
}


def step_of(
    torch: Any, case: str, wrap: Any = None, device: str = "cpu", **adam: Any
) -> Callable[[], Any]:
    """What is timed of a case: it gives the loss, or the model's output.

    Args:
        torch: the library.
        case: its name.
        wrap: what to put around the model, such as ``torch.compile``.
        device: where it runs.
        adam: further options of the optimizer.
    """
    chosen = CASES[case]
    model, loss_of, x, y = chosen.make(torch)
    if device != "cpu":
        model, x, y = model.to(device), x.to(device), y.to(device)
    called = model if wrap is None else wrap(model)
    if not chosen.training:
        model.eval()

        def forward() -> Any:
            with torch.no_grad():
                return called(x)

        return forward
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, **adam)

    def step() -> Any:
        optimizer.zero_grad()
        if chosen.half:
            with torch.autocast(device, dtype=torch.bfloat16):
                loss = loss_of(called(x), y)
        else:
            loss = loss_of(called(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step
