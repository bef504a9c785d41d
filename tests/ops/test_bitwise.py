"""Bit operations against PyTorch."""

from __future__ import annotations

import jax.numpy as jnp
import pytest

from flambeau._ops import bitwise as rows
from tests.ops._compare import check, torch


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int8, torch.int32, torch.int64])
def test_logic(dtype):
    a, b = torch.tensor([0, 1, 1, 5]).to(dtype), torch.tensor([0, 1, 0, 3]).to(dtype)
    check(rows.bitwise_not, torch.bitwise_not, a)
    for name in ("bitwise_and", "bitwise_or", "bitwise_xor"):
        check(getattr(rows, name), getattr(torch, name), a, b)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int32, torch.int64])
def test_shifts(dtype):
    a = torch.tensor([1, 100, 7, 1]).to(dtype)
    b = torch.tensor([0, 3, 1, 6]).to(dtype)
    check(rows.bitwise_left_shift, torch.bitwise_left_shift, a, b)
    check(rows.bitwise_right_shift, torch.bitwise_right_shift, a, b)


def test_shift_of_negative_numbers_and_too_far():
    a, b = torch.tensor([-8, -1, 8, -8]), torch.tensor([1, 3, 70, 70])
    check(rows.bitwise_right_shift, torch.bitwise_right_shift, a, b)
    check(rows.bitwise_left_shift, torch.bitwise_left_shift, a, b)


def test_floats_are_refused():
    with pytest.raises(RuntimeError, match="Float"):
        rows.bitwise_not(jnp.zeros(2, jnp.float32))
    with pytest.raises(RuntimeError, match="Float"):
        rows.bitwise_and(jnp.zeros(2, jnp.float32), jnp.zeros(2, jnp.float32))
