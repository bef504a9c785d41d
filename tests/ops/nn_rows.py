"""Compare one row with torch: values, gradients and, where asked, second derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from flambeau._ops import _prng
from tests.oracle import assert_close, torch

__all__ = ["check", "ints", "normal", "uniform"]


def normal(*shape: int, seed: int = 0, dtype: str = "float64") -> np.ndarray:
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(dtype)


def uniform(*shape: int, low: float = 0.0, high: float = 1.0, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).uniform(low, high, shape)


def ints(high: int, *shape: int, low: int = 0, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).integers(low, high, shape)


def fresh_key(seed: int) -> np.ndarray:
    """A key as the engine hands them to random rows: well mixed."""
    with jax.enable_x64(True):
        return np.asarray(_prng.advance(jnp.asarray([0, seed], jnp.uint32))[1])


def _is_float(x: Any) -> bool:
    return isinstance(x, np.ndarray) and np.issubdtype(x.dtype, np.floating)


def _outputs(result: Any) -> tuple[Any, ...]:
    return tuple(result) if isinstance(result, (tuple, list)) else (result,)


def _cotangents(outputs: tuple[Any, ...]) -> list[np.ndarray]:
    return [normal(*o.shape, seed=7) for o in outputs]


def check(
    row: Callable[..., Any],
    reference: Callable[..., Any],
    *inputs: Any,
    grad: bool = True,
    second: bool = False,
    rtol: float | None = None,
    atol: float | None = None,
    **static: Any,
) -> None:
    """Assert that ``row(*inputs, **static)`` and ``reference(*inputs)`` agree.

    `inputs` are NumPy arrays or None. Derivatives are taken by every floating array, of the
    floating outputs weighted by fixed random numbers.
    """
    wanted = [i for i, x in enumerate(inputs) if _is_float(x)] if grad else []
    theirs = [None if x is None else torch.from_numpy(np.array(x)) for x in inputs]
    leaves = [theirs[i].requires_grad_() for i in wanted]
    expected = _outputs(reference(*theirs))
    expected_grads: tuple[Any, ...] = ()
    expected_second: tuple[Any, ...] = ()
    diff = [o for o in expected if o.is_floating_point() and o.requires_grad]
    weights = _cotangents(tuple(diff))
    if wanted:
        total = sum(
            (o * torch.from_numpy(w).to(o.dtype)).sum() for o, w in zip(diff, weights, strict=True)
        )
        expected_grads = torch.autograd.grad(
            total, leaves, create_graph=second, allow_unused=True, materialize_grads=True
        )
        if second:
            again = sum(
                (g * torch.cos(leaf.detach() * 3)).sum()
                for g, leaf in zip(expected_grads, leaves, strict=True)
            )
            expected_second = torch.autograd.grad(
                again, leaves, allow_unused=True, materialize_grads=True
            )

    def forward(floats: list[jax.Array]) -> tuple[Any, Any]:
        arrays = [None if x is None else jnp.asarray(x) for x in inputs]
        for i, value in zip(wanted, floats, strict=True):
            arrays[i] = value
        outputs = _outputs(row(*arrays, **static))
        floating = [o for o in outputs if jnp.issubdtype(o.dtype, jnp.floating)]
        # The trailing outputs of a row may carry no gradient in torch.
        total = sum(
            jnp.sum(o * jnp.asarray(w, o.dtype)) for o, w in zip(floating, weights, strict=False)
        )
        return jnp.asarray(total, jnp.float64), outputs

    @jax.jit
    def run(floats: list[jax.Array]) -> Any:
        if not wanted:
            return forward(floats)[1], (), ()
        gradient = jax.grad(forward, has_aux=True)
        grads, outputs = gradient(floats)
        if not second:
            return outputs, grads, ()

        def slope(values: list[jax.Array]) -> jax.Array:
            found, _ = gradient(values)
            return sum(
                jnp.sum(g * jnp.cos(jnp.asarray(inputs[i]) * 3))
                for g, i in zip(found, wanted, strict=True)
            )

        return outputs, grads, jax.grad(slope)(floats)

    with jax.enable_x64(True):
        outputs, grads, seconds = run([jnp.asarray(inputs[i]) for i in wanted])
        assert_close(outputs, expected, rtol=rtol, atol=atol)
        assert_close(tuple(grads), tuple(expected_grads), rtol=rtol, atol=atol)
        assert_close(tuple(seconds), tuple(expected_second), rtol=rtol, atol=atol)
