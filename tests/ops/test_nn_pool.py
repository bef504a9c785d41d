"""Pooling against torch, ties, indices, ceil_mode and gradients included."""

from __future__ import annotations

import numpy as np
import pytest

from flambeau._ops import nn_pool as rows
from tests.ops.nn_rows import check, ints, normal, uniform
from tests.oracle import torch

F = torch.nn.functional
SIZES = {1: (11,), 2: (9, 8), 3: (6, 5, 7)}

MAX = [
    (1, {"kernel_size": (3,)}),
    (1, {"kernel_size": (20,), "stride": (1,), "padding": (5,)}),
    (2, {"kernel_size": (2, 2)}),
    (2, {"kernel_size": (3, 2), "stride": (2, 1), "padding": (1, 1), "ceil_mode": True}),
    (2, {"kernel_size": (2, 3), "stride": (2,), "dilation": (2, 1)}),
    (3, {"kernel_size": (2, 2, 3), "stride": (1, 2, 2), "padding": (1, 0, 1)}),
]


@pytest.mark.parametrize(("n", "static"), MAX)
@pytest.mark.parametrize("tied", [False, True])
def test_max_pool(n, static, tied):
    x = normal(2, 3, *SIZES[n])
    x = np.round(x) if tied else x  # among equals torch takes the first
    reference = getattr(F, f"max_pool{n}d")
    check(
        rows.max_pool_with_indices,
        lambda v: reference(v, return_indices=True, **static),
        x,
        **static,
    )
    check(rows.max_pool, lambda v: reference(v, **static), x, second=not tied, **static)


def test_max_pool_keeps_nan_and_its_place():
    x = normal(1, 1, 4, 4)
    x[0, 0, 0, 1] = x[0, 0, 2, 2] = x[0, 0, 3, 3] = np.nan
    check(
        rows.max_pool_with_indices,
        lambda v: F.max_pool2d(v, 2, return_indices=True),
        x,
        grad=False,
        kernel_size=(2, 2),
    )


def test_max_pool_of_integers():
    x = ints(50, 1, 2, 8, 6, low=-50)
    static = {"kernel_size": (3, 2), "stride": (2, 1), "padding": (1,)}
    check(rows.max_pool, lambda v: F.max_pool2d(v, **static), x, **static)


AVG = [
    (1, {"kernel_size": (3,), "stride": (2,), "padding": (1,), "ceil_mode": True}),
    (1, {"kernel_size": (17,), "stride": (1,), "padding": (7,)}),
    (2, {"kernel_size": (2, 3)}),
    (2, {"kernel_size": (3, 3), "stride": (2,), "padding": (1,), "count_include_pad": False}),
    (2, {"kernel_size": (3, 3), "stride": (2,), "padding": (1,), "ceil_mode": True}),
    (2, {"kernel_size": (2, 2), "divisor_override": 3}),
    (2, {"kernel_size": (9, 8)}),
    (3, {"kernel_size": (2, 3, 2), "padding": (1,)}),
]


@pytest.mark.parametrize(("n", "static"), AVG)
def test_avg_pool(n, static):
    reference = getattr(F, f"avg_pool{n}d")
    check(rows.avg_pool, lambda v: reference(v, **static), normal(2, 3, *SIZES[n]), **static)


@pytest.mark.parametrize(
    ("n", "p", "static"),
    [
        (1, 2.0, {"kernel_size": 3, "ceil_mode": True}),
        (2, 3.0, {"kernel_size": (2, 3), "stride": (2,)}),
        (3, 1.5, {"kernel_size": (2, 2, 2)}),
    ],
)
def test_lp_pool(n, p, static):
    reference = getattr(F, f"lp_pool{n}d")
    x = np.abs(normal(2, 3, *SIZES[n]))
    kernel = np.atleast_1d(static["kernel_size"]).tolist()
    check(
        lambda v: rows.lp_pool(v, p, **(static | {"kernel_size": kernel})),
        lambda v: reference(v, p, **static),
        x,
    )


@pytest.mark.parametrize(("n", "size"), [(1, (4,)), (2, (3, 5)), (2, (1, 1)), (3, (6, 2, 7))])
def test_adaptive_pools(n, size):
    x = np.round(normal(2, 3, *SIZES[n]), 1)
    average, maximum = (getattr(F, f"adaptive_{k}_pool{n}d") for k in ("avg", "max"))
    check(rows.adaptive_avg_pool, lambda v: average(v, size), x, output_size=size)
    check(
        rows.adaptive_max_pool,
        lambda v: maximum(v, size, return_indices=True),
        x,
        output_size=size,
    )


def test_max_unpool():
    x = normal(2, 3, 8, 6)
    out, index = F.max_pool2d(torch.from_numpy(x), 2, return_indices=True)
    check(
        rows.max_unpool,
        lambda v, i: F.max_unpool2d(v, i, 2),
        out.numpy(),
        index.numpy(),
        output_size=(8, 6),
    )


@pytest.mark.parametrize("n", [2, 3])
def test_fractional_max_pool(n):
    plane, size, kernel = (9, 8, 7)[:n], (5, 4, 1)[:n], (2, 3, 2)[:n]
    reference = getattr(F, f"fractional_max_pool{n}d")
    samples = uniform(2, 3, n)
    check(
        lambda x, **k: rows.fractional_max_pool(x, samples=samples, **k),
        lambda v: reference(
            v, kernel, size, return_indices=True, _random_samples=torch.from_numpy(samples)
        ),
        normal(2, 3, *plane),
        kernel_size=kernel,
        output_size=size,
    )
