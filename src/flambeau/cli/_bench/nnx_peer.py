"""The cases in Flax NNX with optax, as its guides write them."""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from flambeau.cli._bench import jax_peer


def models(nnx: Any) -> dict[str, Callable[[], Any]]:
    """Makers of the models by case."""
    rngs = nnx.Rngs(0)

    class Mlp(nnx.Module):
        def __init__(self, sizes: tuple[int, ...]) -> None:
            self.layers = nnx.List(
                [nnx.Linear(i, o, rngs=rngs) for i, o in itertools.pairwise(sizes)]
            )

        def __call__(self, x: Any) -> Any:
            for layer in self.layers[:-1]:
                x = nnx.relu(layer(x))
            return self.layers[-1](x)

    class Block(nnx.Module):
        def __init__(self, width: int, heads: int) -> None:
            self.n1, self.n2 = nnx.LayerNorm(width, rngs=rngs), nnx.LayerNorm(width, rngs=rngs)
            self.attention = nnx.MultiHeadAttention(heads, width, decode=False, rngs=rngs)
            self.up = nnx.Linear(width, 4 * width, rngs=rngs)
            self.down = nnx.Linear(4 * width, width, rngs=rngs)

        def __call__(self, x: Any, mask: Any) -> Any:
            x = x + self.attention(self.n1(x), mask=mask)
            return x + self.down(nnx.gelu(self.up(self.n2(x)), approximate=False))

    class Gpt(nnx.Module):
        def __init__(self) -> None:
            self.token, self.place = (nnx.Embed(n, 256, rngs=rngs) for n in (512, 128))
            self.blocks = nnx.List([Block(256, 8) for _ in range(4)])
            self.norm = nnx.LayerNorm(256, rngs=rngs)
            self.head = nnx.Linear(256, 512, use_bias=False, rngs=rngs)

        def __call__(self, ids: Any) -> Any:
            x = self.token(ids) + self.place(jnp.arange(ids.shape[1]))
            mask = nnx.make_causal_mask(ids)
            for block in self.blocks:
                x = block(x, mask)
            return self.head(self.norm(x)).reshape(-1, 512)

    class Unit(nnx.Module):
        def __init__(self, i: int, o: int, kernel: int = 3, stride: int = 1) -> None:
            self.conv = nnx.Conv(i, o, (kernel, kernel), stride, use_bias=False, rngs=rngs)
            self.norm = nnx.BatchNorm(o, momentum=0.9, rngs=rngs)

        def __call__(self, x: Any) -> Any:
            return self.norm(self.conv(x))

    class Cnn(nnx.Module):
        def __init__(self) -> None:
            pairs = itertools.pairwise([3, 32, 32, 64, 64, 128, 128])
            self.units = nnx.List([Unit(i, o) for i, o in pairs])
            self.head = nnx.Linear(128 * 16, 10, rngs=rngs)

        def __call__(self, x: Any) -> Any:
            for k, unit in enumerate(self.units):
                x = nnx.relu(unit(x))
                x = nnx.max_pool(x, (2, 2), (2, 2)) if k % 2 else x
            return self.head(x.reshape(x.shape[0], -1))

    class Residual(nnx.Module):
        def __init__(self, i: int, o: int) -> None:
            stride = 1 if i == o else 2
            self.a, self.b = Unit(i, o, 3, stride), Unit(o, o)
            self.skip = nnx.identity if i == o else Unit(i, o, 1, stride)

        def __call__(self, x: Any) -> Any:
            return nnx.relu(self.b(nnx.relu(self.a(x))) + self.skip(x))

    class ResNet(nnx.Module):
        def __init__(self) -> None:
            widths = [64, 64, 64, 128, 128, 256, 256, 512, 512]
            self.stem = Unit(3, 64)
            self.blocks = nnx.List([Residual(i, o) for i, o in itertools.pairwise(widths)])
            self.head = nnx.Linear(512, 10, rngs=rngs)

        def __call__(self, x: Any) -> Any:
            x = nnx.relu(self.stem(x))
            for block in self.blocks:
                x = block(x)
            return self.head(jnp.mean(x, (1, 2)))

    class Tagger(nnx.Module):
        def __init__(self) -> None:
            self.rnn = nnx.RNN(nnx.OptimizedLSTMCell(64, 128, rngs=rngs))
            self.head = nnx.Linear(128, 10, rngs=rngs)

        def __call__(self, x: Any) -> Any:
            return self.head(self.rnn(x)[:, -1])

    return {
        "tiny MLP": lambda: Mlp((16, 32, 32, 10)), "MLP": lambda: Mlp((784, 256, 256, 10)),
        "GPT": Gpt, "CNN": Cnn, "ResNet-18": ResNet, "LSTM": Tagger,
        "MLP inference": lambda: Mlp((784, 256, 256, 10)), "GPT inference": Gpt,
    }  # fmt: skip


def step_of(case: str) -> Callable[[], jax.Array]:
    """A case's step, or its forward."""
    nnx: Any = importlib.import_module("flax.nnx")
    optax: Any = importlib.import_module("optax")
    model = models(nnx)[case]()
    _, _, x, y, _ = jax_peer.MODELS[case]()
    if case.endswith("inference"):
        model.eval()
        forward = nnx.jit(lambda model, x: model(x))
        return lambda: forward(model, x)
    optimizer = nnx.Optimizer(model, optax.adam(1e-3), wrt=nnx.Param)

    @nnx.jit
    def train(model: Any, optimizer: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        def loss_of(model: Any) -> jax.Array:
            return optax.softmax_cross_entropy_with_integer_labels(model(x), y).mean()

        loss, grads = nnx.value_and_grad(loss_of)(model)
        optimizer.update(model, grads)
        return loss

    return lambda: train(model, optimizer, x, y)
