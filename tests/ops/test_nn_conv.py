"""Convolutions against torch."""

from __future__ import annotations

import numpy as np
import pytest

import flambeau
from flambeau._ops import nn_conv as rows
from tests.ops.nn_rows import check, normal
from tests.oracle import assert_close, torch

F = torch.nn.functional
SIZES = {1: (9,), 2: (9, 7), 3: (5, 6, 4)}


@pytest.mark.parametrize(
    ("n", "static"),
    [
        (1, {}),
        (1, {"stride": (2,), "padding": (1,), "dilation": (2,)}),
        (2, {}),
        (2, {"stride": (2, 1), "padding": (0, 2)}),
        (2, {"groups": 2, "dilation": (2,)}),
        (2, {"groups": 4}),
        (2, {"stride": (3, 2), "padding": (1,)}),
        (3, {"stride": (2,), "padding": (1,)}),
    ],
)
def test_convolution(n, static):
    reference = getattr(F, f"conv{n}d")
    weight = normal(8, 4 // static.get("groups", 1), *((3, 2, 2)[:n]))
    check(
        rows.convolution,
        lambda x, w, b: reference(x, w, b, **static),
        normal(2, 4, *SIZES[n]),
        weight,
        normal(8),
        second=n == 2,
        **static,
    )


def test_convolution_takes_pairs_of_padding():
    check(
        rows.convolution,
        lambda x, w: F.conv1d(x, w, padding="same", dilation=2),
        normal(2, 3, 9),
        normal(4, 3, 3),
        padding=((2, 2),),
        dilation=(2,),
    )


@pytest.mark.parametrize(
    ("n", "static"),
    [
        (1, {}),
        (1, {"stride": (3,), "padding": (1,), "output_padding": (2,)}),
        (2, {"stride": (2, 1), "padding": (1, 0), "dilation": (1, 2)}),
        (2, {"groups": 2, "stride": (2,), "output_padding": (1,)}),
        (3, {"padding": (1,)}),
    ],
)
def test_convolution_transpose(n, static):
    reference = getattr(F, f"conv_transpose{n}d")
    groups = static.get("groups", 1)
    check(
        rows.convolution_transpose,
        lambda x, w, b: reference(x, w, b, **static),
        normal(2, 4, *SIZES[n]),
        normal(4, 6 // groups, *((3, 2, 2)[:n])),
        normal(6),
        second=n == 1,
        **static,
    )


@pytest.mark.parametrize("channels", [1, 3, 30])
@pytest.mark.parametrize("kernel", [(1, 1), (3, 3)])
def test_each_formulation_gives_the_same(channels, kernel):
    check(
        rows.convolution,
        lambda x, w: F.conv2d(x, w, padding=1),
        normal(2, channels, 5, 5),
        normal(4, channels, *kernel),
        padding=(1,),
    )


@pytest.mark.parametrize(
    ("shape", "kernel", "groups"),
    [
        ((1, 4, 40), (4, 1, 65), 4),  # more places of the window than are written out
        ((1, 130, 6), (130, 2, 3), 65),  # more groups
        ((2, 4, 9, 9), (8, 1, 3, 3), 4),  # two results for each channel
    ],
)
def test_groups_however_many(shape, kernel, groups):
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal(shape), rng.standard_normal(kernel)

    def program(lib):
        function = lib.nn.functional.conv1d if len(shape) == 3 else lib.nn.functional.conv2d
        a, b = (lib.tensor(v, requires_grad=True) for v in (x, w))
        out = function(a, b, padding=kernel[-1] // 2, groups=groups)
        out.square().sum().backward()
        return out, a.grad, b.grad

    assert_close(program(flambeau), program(torch), rtol=1e-9, atol=1e-9)
