"""A row against the same function of real PyTorch: values, dtypes, first derivatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from tests.oracle import torch

TOLERANCE = {
    "float16": (2e-3, 2e-3),
    "bfloat16": (1.6e-2, 1.6e-2),
    "float32": (2e-5, 2e-5),
    "float64": (1e-10, 1e-10),
    "complex64": (2e-5, 2e-5),
    "complex128": (1e-10, 1e-10),
}


def to_numpy(value: Any) -> np.ndarray:
    """The elements of a torch tensor or a jax array; bfloat16 as float32."""
    if isinstance(value, torch.Tensor):
        value = value.detach()
        if value.dtype == torch.bfloat16:
            value = value.float()
        return value.numpy(force=True)
    value = np.asarray(value)
    return value.astype(np.float32) if value.dtype == jnp.bfloat16 else value


def to_jax(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        array = jnp.asarray(to_numpy(value))
        return array.astype(jnp.bfloat16) if value.dtype == torch.bfloat16 else array
    return value


def dtype_of(value: Any) -> str:
    return str(value.dtype).removeprefix("torch.")


def assert_same(got: Any, expected: Any, context: str = "", close: float | None = None) -> None:
    if isinstance(expected, (tuple, list)):
        assert len(got) == len(expected), context
        for i, (g, e) in enumerate(zip(got, expected, strict=True)):
            assert_same(g, e, f"{context}[{i}]", close)
        return
    assert dtype_of(got) == dtype_of(expected), context
    assert tuple(got.shape) == tuple(expected.shape), context
    rtol, atol = (close, close) if close else TOLERANCE.get(dtype_of(expected), (0, 0))
    np.testing.assert_allclose(
        to_numpy(got), to_numpy(expected), rtol=rtol, atol=atol, err_msg=context
    )


def _inexact(values: Sequence[Any]) -> list[int]:
    return [
        i
        for i, v in enumerate(values)
        if isinstance(v, torch.Tensor) and (v.is_floating_point() or v.is_complex())
    ]


def _first(result: Any) -> list[Any]:
    parts = result if isinstance(result, (tuple, list)) else [result]
    return [p for p in parts if "float" in dtype_of(p) or "complex" in dtype_of(p)]


def check(
    row: Callable[..., Any],
    oracle: Callable[..., Any],
    *args: Any,
    grad: bool = True,
    close: float | None = None,
    **kwargs: Any,
) -> None:
    """Assert that ``row(*args)`` is what ``oracle(*args)`` is, derivatives included.

    ``close`` replaces the tolerances of the dtype. ``args`` hold torch tensors, which the row
    gets as arrays of the same dtype.
    """
    with jax.enable_x64(True):
        arrays = [to_jax(a) for a in args]
        static = {k: to_jax(v) for k, v in kwargs.items()}
        expected = oracle(*args, **kwargs)
        if isinstance(expected, tuple):
            expected = tuple(expected)
        at = _inexact(args) if grad else []
        if not at or not _first(expected):
            assert_same(row(*arrays, **static), expected, close=close)
            return

        def forward(*chosen: Any) -> Any:
            full = list(arrays)
            for i, value in zip(at, chosen, strict=True):
                full[i] = value
            return row(*full, **static)

        got, pullback = jax.vjp(forward, *[arrays[i] for i in at])
        assert_same(got, expected, close=close)
        leaves = [a.clone().requires_grad_() if i in at else a for i, a in enumerate(args)]
        outputs = _first(oracle(*leaves, **kwargs))
        generator = torch.Generator().manual_seed(7)
        seeds = [
            torch.randn(o.shape, generator=generator, dtype=torch.float64).to(o.dtype)
            for o in outputs
        ]
        wanted = torch.autograd.grad(
            outputs, [leaves[i] for i in at], seeds, allow_unused=True, materialize_grads=True
        )
        given = iter(seeds)

        def cotangent(value: Any) -> Any:
            if jnp.issubdtype(value.dtype, jnp.inexact):
                return to_jax(next(given))
            return np.zeros(value.shape, jax.dtypes.float0)

        several = isinstance(got, (tuple, list))
        cotangents = tuple(cotangent(g) for g in got) if several else cotangent(got)
        if any(o.is_complex() for o in outputs):
            # PyTorch's gradient is the conjugate of what jax.vjp gives and takes.
            cotangents = jax.tree.map(
                lambda c: c if c.dtype == jax.dtypes.float0 else jnp.conj(c), cotangents
            )
        for i, g, w in zip(at, pullback(cotangents), wanted, strict=True):
            assert_same(jnp.conj(g), w, f"gradient of argument {i}", close)
