"""Rows that make tensors from numbers, against PyTorch."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from flambeau._ops import creation
from tests.oracle import assert_close, torch

FLOATS = ["float16", "bfloat16", "float32", "float64"]
INTEGERS = ["uint8", "int8", "int16", "int32", "int64"]


@pytest.fixture(autouse=True)
def _x64():
    with jax.enable_x64(True):
        yield


def np_dtype(name):
    return np.dtype(jnp.dtype(name))


@pytest.mark.parametrize("name", [*FLOATS, *INTEGERS, "bool", "complex64"])
def test_fills(name):
    dtype, theirs = np_dtype(name), getattr(torch, name)
    assert_close(creation.full((2, 3), 1, dtype=dtype), torch.full((2, 3), 1, dtype=theirs))
    assert_close(creation.zeros((2, 0), dtype=dtype), torch.zeros(2, 0, dtype=theirs))
    assert_close(creation.ones((), dtype=dtype), torch.ones((), dtype=theirs))
    assert_close(creation.eye(2, 4, dtype=dtype), torch.eye(2, 4, dtype=theirs))


def test_full_is_differentiable_in_its_value():
    assert jax.grad(lambda v: creation.full((3, 2), v, dtype=np_dtype("float32")).sum())(2.0) == 6


@pytest.mark.parametrize("name", [*FLOATS, *INTEGERS])
@pytest.mark.parametrize("steps", [0, 1, 2, 7])
def test_ranges(name, steps):
    dtype, theirs = np_dtype(name), getattr(torch, name)
    ours = creation.arange(2, 1, length=steps, out_dtype=dtype)
    assert_close(ours, torch.arange(2, 2 + steps, dtype=theirs))
    assert_close(
        creation.linspace(-3.0, 100.0, steps=steps, out_dtype=dtype)
        if name in FLOATS
        else creation.linspace(3, 100, steps=steps, out_dtype=dtype),
        torch.linspace(-3 if name in FLOATS else 3, 100, steps, dtype=theirs),
    )
    assert_close(
        creation.logspace(0.0, 4.0, 2.5, steps=steps, out_dtype=dtype),
        torch.logspace(0, 4, steps, 2.5, dtype=theirs),
    )


@pytest.mark.parametrize("step", [0.1, -0.7])
def test_fractional_ranges_are_rounded_once(step):
    theirs = torch.arange(0.5, 0.5 + 40 * step, step).numpy()
    ours = np.asarray(creation.arange(0.5, step, length=len(theirs), out_dtype=np_dtype("float32")))
    np.testing.assert_array_equal(ours, (0.5 + np.arange(len(ours)) * step).astype(np.float32))
    # PyTorch's depend on the width of the processor's registers.
    np.testing.assert_array_max_ulp(ours, theirs, 1)


def test_long_integers_are_not_rounded():
    ours = creation.arange(2**60 + 1, 1, length=3, out_dtype=np_dtype("int64"))
    assert ours.tolist() == [2**60 + 1, 2**60 + 2, 2**60 + 3]


def test_complex_linspace():
    theirs = torch.linspace(0, 1 + 2j, 4)
    assert_close(creation.linspace(0, 1 + 2j, steps=4, out_dtype=np_dtype("complex64")), theirs)


@pytest.mark.parametrize("length", [0, 1, 2, 7, 16])
@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("name", ["hann", "hamming", "blackman", "bartlett", "kaiser"])
def test_windows(name, length, periodic):
    row = getattr(creation, f"{name}_window")
    theirs = getattr(torch, f"{name}_window")(length, periodic, dtype=torch.float64)
    assert_close(row(length, periodic, out_dtype=np_dtype("float64")), theirs, atol=1e-7)
