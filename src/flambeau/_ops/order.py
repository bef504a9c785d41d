"""The order of images in memory, carried through a program.

PyTorch's images have their channels second; on a CPU convolutions and what goes with them work
with channels last, and turn their images at both ends. XLA cancels what is turned to and fro, but
does not take the turns past what stands between: activations, sums, and the derivatives of both.
So a program in lowering remembers which arrays come from such an operation, and runs what acts on
each element alone on the array as it lies, channels last. What it computes is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

IMAGES = frozenset({
    "convolution", "convolution_transpose", "batch_norm_train", "batch_norm_eval", "max_pool",
    "avg_pool",
})  # fmt: skip
"""Rows that have channels last while they work."""

POINTWISE = frozenset({
    "add", "add_scaled", "celu", "clamp", "elu", "gelu", "hardsigmoid", "hardswish", "hardtanh",
    "leaky_relu", "mish", "mul", "neg", "relu", "relu6", "rsub", "selu", "sigmoid", "silu",
    "softplus", "sub", "tanh", "to_dtype", "true_divide",
})  # fmt: skip
"""Rows whose every element depends on those at its place alone."""

Fn = Callable[..., tuple[jax.Array, ...]]


def order_of(name: str) -> str | None:
    """``"images"`` or ``"pointwise"`` for a row of such a kind."""
    return "images" if name in IMAGES else "pointwise" if name in POINTWISE else None


def order_of_derivative(kind: str | None) -> str | None:
    """The kind of what goes back through an operation of a kind."""
    return {"images": "images, derived", "pointwise": "pointwise"}.get(kind or "")


class Turned:
    """The arrays of a program that have their channels last in memory."""

    def __init__(self) -> None:
        self._known: dict[int, jax.Array] = {}  # by identity; kept, so that none is used twice

    def _note(self, arrays: Iterable[jax.Array]) -> None:
        self._known.update((id(a), a) for a in arrays if a.ndim > 2)

    def run(self, kind: str | None, fn: Fn, args: Sequence[Any]) -> tuple[jax.Array, ...]:
        """Run an operation of a kind (see :func:`order_of`) on these arrays (or None)."""
        if kind == "images":
            outs = fn(*args)
            self._note(outs)
            return outs
        if kind == "images, derived":
            outs = fn(*args)
            self._note(o for o in outs if o.shape == args[0].shape)  # not the kernel's gradient
            return outs
        image = next((a for a in args if id(a) in self._known), None)
        if kind != "pointwise" or image is None or not _alike(image, args):
            return fn(*args)
        outs = fn(*[a if a is None or a.ndim == 0 else jnp.moveaxis(a, 1, -1) for a in args])
        if any(o.ndim and o.ndim != image.ndim for o in outs):
            return fn(*args)
        results = tuple(o if o.ndim == 0 else jnp.moveaxis(o, -1, 1) for o in outs)
        self._note(results)
        return results


def _alike(image: jax.Array, args: Sequence[Any]) -> bool:
    """Whether all have the image's shape, or none."""
    return all(a is None or a.ndim == 0 or a.shape == image.shape for a in args)
