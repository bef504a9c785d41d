"""Real PyTorch, the oracle of the tests: `from tests.oracle import torch`.

A test module that imports this is skipped where torch is not installed, and fails there when
`PARITY=1` is set. The package itself never imports torch.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

if os.environ.get("PARITY", "") not in ("", "0"):
    import torch
else:
    torch = pytest.importorskip("torch")

# Workers of one session share the cores.
torch.set_num_threads(1)

__all__ = ["assert_close", "dtype_name", "to_numpy", "to_torch", "torch"]

# Relative and absolute tolerance: a few roundings of the type.
TOLERANCES = {
    "float16": (2e-3, 2e-3),
    "bfloat16": (1.6e-2, 1.6e-2),
    "float32": (2e-5, 2e-6),
    "float64": (1e-9, 1e-10),
    "complex64": (2e-5, 2e-6),
    "complex128": (1e-9, 1e-10),
}


def dtype_name(x: Any) -> str:
    """`float32` for an array or tensor of either library."""
    return str(x.dtype).removeprefix("torch.")


def to_numpy(x: Any) -> np.ndarray:
    """A NumPy array of a torch or flambeau tensor, a JAX array or a number."""
    if hasattr(x, "detach"):
        x = x.detach()
    if isinstance(x, torch.Tensor):
        x = x.cpu().resolve_conj().resolve_neg()
        return x.float().numpy() if x.dtype == torch.bfloat16 else x.numpy()
    if hasattr(x, "detach") and dtype_name(x) == "bfloat16":
        return x.float().numpy()
    array = x.numpy() if hasattr(x, "detach") else np.asarray(x)
    return array.astype(np.float32) if array.dtype.name == "bfloat16" else array


def to_torch(x: Any) -> Any:
    """A torch tensor with the values and dtype of a flambeau tensor or an array."""
    array = to_numpy(x)
    dtype = getattr(torch, dtype_name(x)) if hasattr(x, "dtype") else None
    return torch.from_numpy(np.array(array)).to(dtype)


def assert_close(
    actual: Any,
    expected: Any,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    check_dtype: bool = True,
) -> None:
    """Assert that flambeau's answer is torch's: structure, shape, dtype and values."""
    if isinstance(expected, (tuple, list)):
        assert len(actual) == len(expected), f"{len(actual)} results, expected {len(expected)}"
        for a, e in zip(actual, expected, strict=True):
            assert_close(a, e, rtol=rtol, atol=atol, check_dtype=check_dtype)
        return
    if expected is None:
        assert actual is None
        return
    assert tuple(actual.shape) == tuple(expected.shape)
    name = dtype_name(expected)
    if check_dtype:
        assert dtype_name(actual) == name
    default = TOLERANCES.get(name, (0, 0))
    np.testing.assert_allclose(
        to_numpy(actual),
        to_numpy(expected),
        rtol=default[0] if rtol is None else rtol,
        atol=default[1] if atol is None else atol,
    )
