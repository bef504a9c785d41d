"""Rows against torch: values, dtypes and gradients of one call on both libraries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from tests.oracle import assert_close, torch


def array(*shape: int, dtype: str = "float64", seed: int = 0) -> np.ndarray:
    """Distinct numbers of both signs, away from 0 and from each other."""
    rng = np.random.default_rng(seed)
    count = int(np.prod(shape))
    values = (rng.permutation(count) - count / 2 + 0.25) / max(count, 1) * 4
    if dtype.startswith("complex"):
        other = (rng.permutation(count) - count / 2 + 0.25) / max(count, 1) * 4
        return (values + 1j * other).reshape(shape).astype(dtype)
    if dtype.startswith(("int", "uint")):
        return rng.permutation(count).reshape(shape).astype(dtype)
    if dtype == "bool":
        return (rng.random(shape) > 0.5).reshape(shape)
    return values.reshape(shape).astype(dtype)


def _tree(f: Callable[[Any], Any], args: Any) -> Any:
    if isinstance(args, list):
        return [_tree(f, a) for a in args]
    return f(args) if isinstance(args, np.ndarray) else args


def _outputs(out: Any) -> list[Any]:
    return list(out) if isinstance(out, (tuple, list)) else [out]


def check(
    row: Callable[..., Any],
    oracle: Callable[..., Any],
    *args: Any,
    grad: bool = True,
    check_dtype: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
) -> None:
    """Call both with the same arrays (tensors for torch) and compare everything.

    Gradients are taken of every floating argument, weighted by fixed random cotangents.
    """
    flat: list[np.ndarray] = []

    def collect(a: np.ndarray) -> np.ndarray:
        flat.append(a)
        return a

    _tree(collect, list(args))
    inexact = [np.issubdtype(a.dtype, np.inexact) for a in flat]

    with jax.enable_x64(True):

        def run(*arrays: Any) -> list[Any]:
            found = iter(arrays)
            return _outputs(row(*_tree(lambda _: next(found), list(args))))

        ours = run(*map(jnp.asarray, flat))

        tensors = [torch.from_numpy(a.copy()) for a in flat]
        for t, wanted in zip(tensors, inexact, strict=True):
            t.requires_grad_(grad and wanted)
        found = iter(tensors)
        theirs = _outputs(oracle(*_tree(lambda _: next(found), list(args))))
        assert_close(ours, theirs, check_dtype=check_dtype, rtol=rtol, atol=atol)
        if not grad or not any(inexact):
            return

        rng = np.random.default_rng(7)
        weights, ours_cts = [], []
        for t, o in zip(theirs, ours, strict=True):
            w = rng.standard_normal(tuple(t.shape)) + 0.5
            if t.requires_grad:
                weights.append((t, torch.from_numpy(np.asarray(w)).to(t.dtype)))
                ours_cts.append(jnp.asarray(w).astype(o.dtype))
            elif jnp.issubdtype(o.dtype, jnp.inexact):
                ours_cts.append(jnp.zeros(o.shape, o.dtype))
            else:
                ours_cts.append(np.zeros(o.shape, jax.dtypes.float0))
        torch.autograd.backward([t for t, _ in weights], [w for _, w in weights])

        places = [i for i, wanted in enumerate(inexact) if wanted]

        def partial(*wanted: Any) -> list[Any]:
            full = [jnp.asarray(a) for a in flat]
            for i, x in zip(places, wanted, strict=True):
                full[i] = x
            return run(*full)

        _, pull = jax.vjp(partial, *[jnp.asarray(flat[i]) for i in places])
        cts = [jnp.conj(c) if hasattr(c, "aval") and jnp.iscomplexobj(c) else c for c in ours_cts]
        grads = pull(cts)
        for i, g in zip(places, grads, strict=True):
            expected = tensors[i].grad
            if expected is None:
                expected = torch.zeros_like(tensors[i])
            assert_close(jnp.conj(g), expected, rtol=rtol, atol=atol)
