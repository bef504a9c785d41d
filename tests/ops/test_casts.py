"""Conversions between dtypes against PyTorch."""

from __future__ import annotations

import itertools

import jax.numpy as jnp
import numpy as np
import pytest

from flambeau._ops import casts as rows
from tests.ops._compare import check, torch

DTYPES = [
    torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64,
    torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64,
    torch.complex128,
]  # fmt: skip


def numpy_dtype(dtype):
    name = str(dtype).removeprefix("torch.")
    return np.dtype(jnp.bfloat16 if name == "bfloat16" else name)


@pytest.mark.filterwarnings("ignore:Casting complex values to real")
@pytest.mark.parametrize(("source", "target"), list(itertools.product(DTYPES, DTYPES)))
def test_every_pair(source, target):
    x = torch.tensor([0, 1, 1, 3, 100]).to(source)
    if source.is_signed:
        x = torch.cat([x, torch.tensor([-1, -7]).to(source)])
    if source.is_floating_point:
        x = torch.cat([x, torch.tensor([0.75, -1.5, 2.25]).to(source)])
    check(
        lambda a: rows.to_dtype(a, numpy_dtype(target)),
        lambda a: a.to(target),
        x,
        grad=target.is_floating_point or target.is_complex,
    )


def test_floats_outside_the_range():
    x = torch.tensor([1e10, -1e10, float("inf"), -float("inf"), float("nan")])
    for target in (torch.int32, torch.int64):
        check(
            lambda a, t=target: rows.to_dtype(a, numpy_dtype(t)),
            lambda a, t=target: a.to(t),
            x,
            grad=False,
        )


def test_small_integers_wrap():
    x = torch.tensor([300.0, -1.0, 128.0, -129.0])
    for target in (torch.uint8, torch.int8):
        check(
            lambda a, t=target: rows.to_dtype(a, numpy_dtype(t)),
            lambda a, t=target: a.to(t),
            x,
            grad=False,
        )
    y = torch.tensor([300, -1, 128, -129])
    check(lambda a: rows.to_dtype(a, np.dtype(np.uint8)), lambda a: a.to(torch.uint8), y)


def test_clone():
    check(rows.clone, torch.clone, torch.arange(3.0))
