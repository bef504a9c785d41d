"""Padding, resampling, rearranging, patches and distances against torch."""

from __future__ import annotations

import numpy as np
import pytest

from flambeau._ops import nn_misc as rows
from tests.ops.nn_rows import check, normal
from tests.oracle import torch

F = torch.nn.functional


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
@pytest.mark.parametrize(
    ("shape", "pad"),
    [((2, 3, 6), (2, 3)), ((2, 2, 5, 4), (1, 3, 2, 0)), ((1, 2, 4, 3, 5), (2, 1, 0, 2, 1, 1))],
)
def test_padding(mode, shape, pad):
    check(getattr(rows, f"pad_{mode}"), lambda x: F.pad(x, pad, mode), normal(*shape), pad=pad)


RESAMPLE = [
    ("nearest", (6,), {}),
    ("nearest", (9, 2), {}),
    ("nearest", (10, 8), {}),
    ("nearest-exact", (7, 3), {}),
    ("linear", (9,), {}),
    ("linear", (3,), {"align_corners": True}),
    ("bilinear", (9, 3), {}),
    ("bilinear", (9, 3), {"align_corners": True}),
    ("bilinear", (2, 9), {"antialias": True}),
    ("bicubic", (9, 3), {}),
    ("bicubic", (9, 3), {"align_corners": True}),
    ("bicubic", (2, 9), {"antialias": True}),
    ("trilinear", (2, 7, 4), {}),
]


@pytest.mark.parametrize(("mode", "size", "static"), RESAMPLE)
def test_interpolate(mode, size, static):
    shape = (2, 2, *(5, 4, 3)[: len(size)])
    check(
        lambda x: rows.interpolate(x, size, (), mode, **static),
        lambda x: F.interpolate(x, size, mode=mode, **static),
        normal(*shape),
        rtol=1e-6,
        atol=1e-6,
    )


@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic"])
def test_interpolate_by_a_factor(mode):
    check(
        lambda x: rows.interpolate(x, (8, 5), (1.7, 1.3), mode),
        lambda x: F.interpolate(x, scale_factor=(1.7, 1.3), mode=mode),
        normal(2, 2, 5, 4),
        rtol=1e-6,
        atol=1e-6,
    )


@pytest.mark.parametrize("align", [False, True])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
def test_grid_sample(mode, padding, align):
    check(
        rows.grid_sample,
        lambda x, g: F.grid_sample(x, g, mode, padding, align),
        normal(2, 3, 5, 4),
        normal(2, 3, 6, 2),
        mode=mode,
        padding_mode=padding,
        align_corners=align,
    )


def test_grid_sample_of_volumes():
    check(
        rows.grid_sample,
        lambda x, g: F.grid_sample(x, g, align_corners=False),
        normal(2, 2, 3, 4, 5),
        normal(2, 2, 3, 2, 3),
    )


@pytest.mark.filterwarnings("ignore:Since version 1.3.0:UserWarning")
@pytest.mark.parametrize("align", [False, True])
@pytest.mark.parametrize("size", [(2, 1, 4, 5), (2, 1, 3, 1, 2)])
def test_affine_grid(size, align):
    n = len(size) - 2
    check(
        rows.affine_grid,
        lambda t: F.affine_grid(t, list(size), align_corners=align),
        normal(2, n, n + 1),
        size=size,
        align_corners=align,
    )


def test_shuffles():
    x = normal(2, 8, 4, 6)
    check(rows.pixel_shuffle, lambda v: F.pixel_shuffle(v, 2), x, upscale_factor=2)
    check(rows.pixel_unshuffle, lambda v: F.pixel_unshuffle(v, 2), x, downscale_factor=2)
    check(rows.channel_shuffle, lambda v: F.channel_shuffle(v, 4), x, groups=4)


def test_patches_and_back():
    static = {"kernel_size": (2, 3), "dilation": (1, 2), "padding": (1, 0), "stride": (2, 1)}
    x = normal(2, 3, 5, 7)
    check(rows.im2col, lambda v: F.unfold(v, **static), x, **static)
    columns = F.unfold(torch.from_numpy(x), **static).numpy()
    check(
        rows.col2im,
        lambda v: F.fold(v, (5, 7), **static),
        columns,
        second=False,
        output_size=(5, 7),
        **static,
    )


def test_cosine_similarity():
    check(
        rows.cosine_similarity,
        lambda a, b: F.cosine_similarity(a, b, dim=1),
        normal(3, 4, 2),
        normal(1, 4, 2, seed=1),
        second=True,
    )


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, float("inf")])
def test_distances(p):
    check(
        rows.pairwise_distance,
        lambda a, b: F.pairwise_distance(a, b, p, keepdim=True),
        normal(4, 3),
        normal(4, 3, seed=1),
        p=p,
        keepdim=True,
    )
    x = normal(5, 3)
    x[1] = x[0]
    if p != float("inf"):
        check(rows.pdist, lambda v: F.pdist(v, p), x, p=p)
    else:
        np.testing.assert_allclose(
            rows.pdist(x.astype("f4"), p), F.pdist(torch.from_numpy(x), p), rtol=1e-5
        )
