"""The cases in JAX by hand: `jax.value_and_grad`, `jax.jit`, donation, Adam as plain arithmetic.

Written as one would for speed on a CPU: products on two dimensions, channels last, the input's
projection of the LSTM before the scan.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

Tree = Any


def _draw(*shape: int) -> jax.Array:
    values = np.random.default_rng(0).standard_normal(shape) / math.sqrt(shape[0])
    return jnp.asarray(values.astype(np.float32))


def _linear(p: Tree, x: jax.Array) -> jax.Array:
    out = x.reshape(-1, x.shape[-1]) @ p["w"]
    return (out + p["b"] if "b" in p else out).reshape(*x.shape[:-1], -1)


def _dense(i: int, o: int) -> Tree:
    return {"w": _draw(i, o), "b": jnp.zeros(o)}


def _cross_entropy(logits: jax.Array, y: jax.Array) -> jax.Array:
    logs = jax.nn.log_softmax(logits, -1)
    return -jnp.mean(jnp.take_along_axis(logs, y[:, None], 1))


def _mlp(sizes: tuple[int, ...], batch: int) -> Any:
    params = [_dense(i, o) for i, o in itertools.pairwise(sizes)]

    def model(params: Tree, x: jax.Array) -> jax.Array:
        for p in params[:-1]:
            x = jax.nn.relu(_linear(p, x))
        return _linear(params[-1], x)

    return params, model, _draw(batch, sizes[0]), jnp.arange(batch) % sizes[-1], None


def _norm(p: Tree, x: jax.Array) -> jax.Array:
    dtype, x = x.dtype, x.astype(jnp.float32)
    mean = jnp.mean(x, -1, keepdims=True)
    centred = x - mean
    scaled = centred * lax.rsqrt(jnp.mean(centred**2, -1, keepdims=True) + 1e-5)
    return (scaled * p["w"] + p["b"]).astype(dtype)


def _attention(q: jax.Array, k: jax.Array, v: jax.Array) -> jax.Array:
    b, t, heads, width = q.shape
    if q.dtype == jnp.bfloat16 and jax.default_backend() == "gpu":
        a = jax.nn.dot_product_attention(q, k, v, is_causal=True, implementation="cudnn")
        return a.reshape(b, t, -1)
    q, k, v = (z.transpose(0, 2, 1, 3) for z in (q, k, v))
    mask = np.tril(np.ones((t, t), bool))
    scores = (q @ k.swapaxes(-1, -2)) / math.sqrt(width)
    a = jax.nn.softmax(jnp.where(mask, scores, -jnp.inf), -1) @ v
    return a.transpose(0, 2, 1, 3).reshape(b, t, heads * width)


def _gpt(layers: int, width: int, heads: int, length: int, batch: int, words: int) -> Any:
    norm = lambda: {"w": jnp.ones(width), "b": jnp.zeros(width)}
    params = {
        "token": _draw(words, width), "place": _draw(length, width), "norm": norm(),
        "head": {"w": _draw(width, words)},
        "blocks": [
            {
                "n1": norm(), "n2": norm(), "qkv": _dense(width, 3 * width),
                "out": _dense(width, width), "up": _dense(width, 4 * width),
                "down": _dense(4 * width, width),
            }
            for _ in range(layers)
        ],
    }  # fmt: skip

    def model(params: Tree, ids: jax.Array) -> jax.Array:
        b, t = ids.shape
        x = params["token"][ids] + params["place"]
        for p in params["blocks"]:
            parts = jnp.split(_linear(p["qkv"], _norm(p["n1"], x)), 3, -1)
            x = x + _linear(p["out"], _attention(*(z.reshape(b, t, heads, -1) for z in parts)))
            up = jax.nn.gelu(_linear(p["up"], _norm(p["n2"], x)), approximate=False)
            x = x + _linear(p["down"], up)
        return _linear(params["head"], _norm(params["norm"], x)).reshape(-1, words)

    ids = np.random.default_rng(1).integers(0, words, (batch, length + 1))
    return params, model, jnp.asarray(ids[:, :-1]), jnp.asarray(ids[:, 1:]).reshape(-1), None


def _conv(w: jax.Array, x: jax.Array, stride: int = 1) -> jax.Array:
    pad = w.shape[0] // 2
    return lax.conv_general_dilated(
        x, w, (stride, stride), [(pad, pad)] * 2, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def _unit(i: int, o: int, kernel: int) -> Tree:
    return {"w": _draw(kernel, kernel, i, o) * 0.2, "g": jnp.ones(o), "b": jnp.zeros(o)}


def _batch_norm(p: Tree, x: jax.Array, state: list[Any]) -> jax.Array:
    dtype, x = x.dtype, x.astype(jnp.float32)
    mean = jnp.mean(x, (0, 1, 2))
    centred = x - mean
    var = jnp.mean(centred**2, (0, 1, 2))
    state.append((lax.stop_gradient(mean), lax.stop_gradient(var)))
    return (centred * (lax.rsqrt(var + 1e-5) * p["g"]) + p["b"]).astype(dtype)


def _pool(x: jax.Array) -> jax.Array:
    rows = jnp.maximum(x[:, ::2], x[:, 1::2])
    return jnp.maximum(rows[:, :, ::2], rows[:, :, 1::2])


def _cnn(batch: int) -> Any:
    channels = [3, 32, 32, 64, 64, 128, 128]
    units = [_unit(i, o, 3) for i, o in itertools.pairwise(channels)]
    params = {"units": units, "head": _dense(128 * 16, 10)}

    def model(params: Tree, x: jax.Array, state: list[Any]) -> jax.Array:
        for k, p in enumerate(params["units"]):
            x = jax.nn.relu(_batch_norm(p, _conv(p["w"], x), state))
            x = _pool(x) if k % 2 else x
        return _linear(params["head"], x.reshape(x.shape[0], -1))

    return params, model, _draw(batch, 32, 32, 3), jnp.arange(batch) % 10, channels[1:]


def _resnet(blocks: tuple[int, ...], deep: bool, image: int, batch: int) -> Any:
    params: Tree = {"stem": _unit(3, 64, 7 if deep else 3), "blocks": []}
    sizes, strides = [64], []
    i = 64
    for k, n in enumerate(blocks):
        for b in range(n):
            width = 64 << k
            o = width * (4 if deep else 1)
            widths = [(i, width, 1), (width, width, 3), (width, o, 1)]
            block = {"body": [_unit(*w) for w in (widths if deep else [(i, o, 3), (o, o, 3)])]}
            sizes += [u["g"].shape[0] for u in block["body"]]
            if i != o or (k and not b):
                block["skip"] = _unit(i, o, 1)
                sizes.append(o)
            params["blocks"].append(block)
            strides.append(2 if k and not b else 1)
            i = o
    classes = 1000 if deep else 10
    params["head"] = _dense(i, classes)

    def model(params: Tree, x: jax.Array, state: list[Any]) -> jax.Array:
        unit = lambda p, x, stride=1: _batch_norm(p, _conv(p["w"], x, stride), state)
        x = jax.nn.relu(unit(params["stem"], x, 2 if deep else 1))
        if deep:
            around = ((0, 0), (1, 1), (1, 1), (0, 0))
            x = lax.reduce_window(x, -jnp.inf, lax.max, (1, 3, 3, 1), (1, 2, 2, 1), around)
        for p, stride in zip(params["blocks"], strides, strict=True):
            body = x
            for k, q in enumerate(p["body"]):
                # The 3x3 convolution strides: the first of two, the second of three.
                body = unit(q, body, stride if k == int(deep) else 1)
                body = jax.nn.relu(body) if k < len(p["body"]) - 1 else body
            x = jax.nn.relu(body + (unit(p["skip"], x, stride) if "skip" in p else x))
        return _linear(params["head"], jnp.mean(x, (1, 2)))

    return params, model, _draw(batch, image, image, 3), jnp.arange(batch) % classes, sizes


def _lstm(inputs: int, hidden: int, steps: int, batch: int) -> Any:
    params = {
        "x": _dense(inputs, 4 * hidden), "h": _dense(hidden, 4 * hidden), "head": _dense(hidden, 10)
    }  # fmt: skip

    def model(params: Tree, x: jax.Array) -> jax.Array:
        projected = _linear(params["x"], x.swapaxes(0, 1))

        def step(state: Any, now: jax.Array) -> Any:
            h, c = state
            i, f, g, o = jnp.split(now + _linear(params["h"], h), 4, -1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

        zero = jnp.zeros((x.shape[0], hidden))
        (h, _), _ = lax.scan(step, (zero, zero), projected)
        return _linear(params["head"], h)

    return params, model, _draw(batch, steps, inputs), jnp.arange(batch) % 10, None


_MLP = lambda: _mlp((784, 256, 256, 10), 64)
_GPT = lambda: _gpt(4, 256, 8, 128, 8, 512)
MODELS: dict[str, Callable[[], Any]] = {
    "tiny MLP": lambda: _mlp((16, 32, 32, 10), 8),
    "MLP": _MLP,
    "GPT": _GPT,
    "CNN": lambda: _cnn(32),
    "ResNet-18": lambda: _resnet((2, 2, 2, 2), False, 32, 32),
    "LSTM": lambda: _lstm(64, 128, 64, 32),
    "MLP inference": _MLP,
    "GPT inference": _GPT,
    "GPT-2": lambda: _gpt(12, 768, 12, 1024, 8, 50304),
    "ResNet-50": lambda: _resnet((3, 4, 6, 3), True, 224, 64),
}


def _in_half(model: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
    """The model computed in bfloat16 from parameters in float32; its result in float32."""

    def half(params: Tree, x: jax.Array, *state: list[Any]) -> jax.Array:
        low = lambda a: a.astype(jnp.bfloat16) if a.dtype == jnp.float32 else a
        return model(jax.tree.map(low, params), low(x), *state).astype(jnp.float32)

    return half


def _adam(params: Tree, grads: Tree, m: Tree, v: Tree, t: jax.Array) -> Tree:
    rate = 1e-3 / (1 - 0.9**t)
    root = jnp.sqrt(1 - 0.999**t)
    each = jax.tree.map
    m = each(lambda m, g: m + 0.1 * (g - m), m, grads)
    v = each(lambda v, g: 0.999 * v + 0.001 * g * g, v, grads)
    new = each(lambda p, m, v: p - rate * m / (jnp.sqrt(v) / root + 1e-8), params, m, v)
    return new, m, v


def step_of(case: str, half: bool = False) -> Callable[[], jax.Array]:
    """A case's step, or its forward; `half`: in bfloat16."""
    params, model, x, y, stats = MODELS[case]()
    if half:
        model = _in_half(model)
    if case.endswith("inference"):
        forward = jax.jit(model)
        return lambda: forward(params, x)

    def loss_of(params: Tree, x: jax.Array, y: jax.Array) -> Any:
        seen: list[Any] = []
        out = model(params, x) if stats is None else model(params, x, seen)
        return _cross_entropy(out, y), seen

    def train(state: Tree, x: jax.Array, y: jax.Array) -> Any:
        params, m, v, t, running = state
        (loss, seen), grads = jax.value_and_grad(loss_of, has_aux=True)(params, x, y)
        running = jax.tree.map(lambda r, s: 0.9 * r + 0.1 * s, running, seen)
        return (*_adam(params, grads, m, v, t + 1), t + 1, running), loss

    zeros = lambda: jax.tree.map(jnp.zeros_like, params)
    running = [(jnp.zeros(n), jnp.ones(n)) for n in stats or ()]
    state = (params, zeros(), zeros(), jnp.float32(0), running)
    compiled = jax.jit(train, donate_argnums=0)

    def step() -> jax.Array:
        nonlocal state
        state, loss = compiled(state, x, y)
        return loss

    return step
