"""Resampling, rearranging of channels, patches."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

from flambeau._ops import nn_misc as rows
from flambeau._ops import nn_pool
from flambeau.nn.functional._base import (
    ShapeError,
    Tensor,
    apply,
    ntuple,
    require_tensor,
    squeeze,
    unsqueeze,
)

__all__ = [
    "GRID_SAMPLE_INTERPOLATION_MODES",
    "GRID_SAMPLE_PADDING_MODES",
    "affine_grid",
    "channel_shuffle",
    "fold",
    "grid_sample",
    "interpolate",
    "native_channel_shuffle",
    "pixel_shuffle",
    "pixel_unshuffle",
    "unfold",
    "upsample",
    "upsample_bilinear",
    "upsample_nearest",
]

GRID_SAMPLE_INTERPOLATION_MODES = {"bilinear": 0, "nearest": 1, "bicubic": 2}
GRID_SAMPLE_PADDING_MODES = {"zeros": 0, "border": 1, "reflection": 2}

_RANK = {"linear": 1, "bilinear": 2, "bicubic": 2, "trilinear": 3}


def interpolate(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """Resample the spatial dimensions to `size`, or by `scale_factor`.

    Follows `torch.nn.functional.interpolate`: modes ``nearest``, ``nearest-exact``, ``linear``,
    ``bilinear``, ``bicubic``, ``trilinear`` and ``area``.

    Shape:
        ``(N, C, *)`` to ``(N, C, *)`` with the last sizes ``size``, or times
        ``scale_factor``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        ValueError: the arguments contradict each other or the input.
        NotImplementedError: the mode does not exist for so many dimensions.

    Example:
        >>> import flambeau as torch
        >>> F = torch.nn.functional
        >>> F.interpolate(torch.tensor([[[1.0, 3.0]]]), scale_factor=2, mode="linear")
        tensor([[[1.0000, 1.5000, 2.5000, 3.0000]]])
    """
    require_tensor("interpolate", input=input)
    n = input.ndim - 2
    if mode in ("nearest", "area", "nearest-exact"):
        if align_corners is not None:
            raise ValueError(
                "align_corners option can only be set with the interpolating modes: linear | "
                "bilinear | bicubic | trilinear"
            )
    elif align_corners is None:
        align_corners = False
    if n < 1:
        raise ValueError(f"interpolate: input must be (N, C, *), but got {tuple(input.shape)}")
    if size is not None and scale_factor is not None:
        raise ValueError("only one of size or scale_factor should be defined")
    factors: tuple[float, ...] = ()
    plane = tuple(input.shape[2:])
    if size is not None:
        if isinstance(size, (list, tuple)):
            if len(size) != n:
                raise ValueError(
                    "Input and output must have the same number of spatial dimensions, but got "
                    f"input with spatial dimensions of {list(plane)} and output size of {size}. "
                    "Please provide input tensor in (N, C, d1, d2, ...,dK) format and output size "
                    "in (o1, o2, ...,oK) format."
                )
            output = tuple(int(s) for s in size)
        else:
            output = (int(size),) * n
    elif scale_factor is not None:
        if isinstance(scale_factor, (list, tuple)):
            if len(scale_factor) != n:
                raise ValueError(
                    "Input and scale_factor must have the same number of spatial dimensions, but "
                    f"got input with spatial dimensions of {list(plane)} and scale_factor of "
                    f"shape {scale_factor}. Please provide input tensor in (N, C, d1, d2, ...,dK) "
                    "format and scale_factor in (s1, s2, ...,sK) format."
                )
            factors = tuple(float(f) for f in scale_factor)
        else:
            factors = (float(scale_factor),) * n
        output = tuple(math.floor(p * f) for p, f in zip(plane, factors, strict=True))
    else:
        raise ValueError("either size or scale_factor should be defined")
    if recompute_scale_factor and size is not None:
        raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
    if recompute_scale_factor:
        factors = ()
    if antialias and not (mode in ("bilinear", "bicubic") and n == 2):
        raise ValueError(
            "Anti-alias option is restricted to bilinear and bicubic modes and requires a 4-D "
            "tensor as input"
        )
    if any(o <= 0 for o in output):
        raise RuntimeError(
            "Input and output sizes should be greater than 0, but got input "
            f"{list(plane)} output {list(output)}"
        )
    if mode == "area":
        if n > 3:
            raise NotImplementedError(f"interpolate: mode 'area' with {input.ndim}D input")
        return apply(nn_pool.adaptive_avg_pool, input, output_size=output)
    if mode not in ("nearest", "nearest-exact", *_RANK) or n > 3:
        raise NotImplementedError(
            "Input Error: Only 3D, 4D and 5D input Tensors supported (got "
            f"{input.ndim}D) for the modes: nearest | linear | bilinear | bicubic | trilinear | "
            f"area | nearest-exact (got {mode})"
        )
    if mode in _RANK and n != _RANK[mode]:
        raise NotImplementedError(
            f"Got {input.ndim}D input, but {mode} mode needs {_RANK[mode] + 2}D input"
        )
    return apply(
        rows.interpolate,
        input,
        output_size=output,
        scales=factors,
        mode=mode,
        align_corners=bool(align_corners),
        antialias=bool(antialias),
    )


def upsample(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Tensor:
    """The old name of :func:`interpolate`. Follows `torch.nn.functional.upsample`.

    Shape:
        ``(N, C, *)`` to ``(N, C, *)`` with the last sizes ``size``, or times
        ``scale_factor``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        ValueError: both or neither of ``size`` and ``scale_factor`` are given.

    Example:
        >>> import warnings
        >>> import flambeau as torch
        >>> with warnings.catch_warnings(action="ignore"):
        ...     torch.nn.functional.upsample(torch.tensor([[[1.0, 3.0]]]), scale_factor=2)
        tensor([[[1., 1., 3., 3.]]])
    """
    warnings.warn(
        "`nn.functional.upsample` is deprecated. Use `nn.functional.interpolate` instead.",
        stacklevel=2,
    )
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """:func:`interpolate` with ``mode="nearest"``.

    Shape:
        ``(N, C, *)`` to ``(N, C, *)`` with the last sizes ``size``, or times
        ``scale_factor``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import warnings
        >>> import flambeau as torch
        >>> with warnings.catch_warnings(action="ignore"):
        ...     torch.nn.functional.upsample_nearest(torch.tensor([[[[1.0, 3.0]]]]), scale_factor=2)
        tensor([[[[1., 1., 3., 3.],
                  [1., 1., 3., 3.]]]])

    Follows ``torch.nn.functional.upsample_nearest``.
    """
    warnings.warn(
        "`nn.functional.upsample_nearest` is deprecated. Use `nn.functional.interpolate` instead.",
        stacklevel=2,
    )
    return interpolate(input, size, scale_factor, mode="nearest")


def upsample_bilinear(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """:func:`interpolate` with ``mode="bilinear", align_corners=True``.

    Shape:
        ``(N, C, *)`` to ``(N, C, *)`` with the last sizes ``size``, or times
        ``scale_factor``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import warnings
        >>> import flambeau as torch
        >>> with warnings.catch_warnings(action="ignore"):
        ...     torch.nn.functional.upsample_bilinear(torch.tensor([[[[1.0, 3.0]]]]), size=(1, 3))
        tensor([[[[1., 2., 3.]]]])

    Follows ``torch.nn.functional.upsample_bilinear``.
    """
    warnings.warn(
        "`nn.functional.upsample_bilinear` is deprecated. Use `nn.functional.interpolate` instead.",
        stacklevel=2,
    )
    return interpolate(input, size, scale_factor, mode="bilinear", align_corners=True)


def affine_grid(theta: Tensor, size: Sequence[int], align_corners: bool | None = None) -> Tensor:
    """The sampling grid of a batch of affine maps, for :func:`grid_sample`.

    Follows `torch.nn.functional.affine_grid`.

    Shape:
        - theta ``(N, 2, 3)`` with size ``(N, C, H, W)``, or ``(N, 3, 4)`` with five sizes
        - output ``(N, H, W, 2)`` or ``(N, D, H, W, 3)``

    Dtypes:
        Floating; the result has the input's.

    Raises:
        ValueError: theta is no batch of floating-point maps, or the size is empty.
        NotImplementedError: the size has neither four nor five entries.

    Example:
        >>> import flambeau as torch
        >>> theta = torch.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
        >>> torch.nn.functional.affine_grid(theta, [1, 1, 1, 2], align_corners=True)
        tensor([[[[-1.,  0.],
                  [ 1.,  0.]]]])
    """
    require_tensor("affine_grid", theta=theta)
    if align_corners is None:
        warnings.warn(
            "Default grid_sample and affine_grid behavior has changed to align_corners=False "
            "since 1.3.0. Please specify align_corners=True if the old behavior is desired.",
            stacklevel=2,
        )
        align_corners = False
    if not theta.dtype.is_floating_point:
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype}")
    sizes = tuple(int(s) for s in size)
    n = len(sizes) - 2
    if n not in (2, 3):
        raise NotImplementedError(
            f"affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, "
            f"respectively. Got size {sizes}"
        )
    if theta.ndim != 3 or tuple(theta.shape[1:]) != (n, n + 1):
        raise ValueError(
            f"Expected a batch of {n}D affine matrices of shape Nx{n}x{n + 1} for size {sizes}. "
            f"Got {theta.shape}."
        )
    if min(sizes) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {sizes}")
    return apply(rows.affine_grid, theta, size=sizes, align_corners=bool(align_corners))


def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """Read `input` at the places of `grid`, which run from -1 to 1.

    Follows `torch.nn.functional.grid_sample`.

    Shape:
        - input ``(N, C, H, W)``, grid ``(N, H_out, W_out, 2)``; or with a depth and 3
        - output ``(N, C, H_out, W_out)``

    Dtypes:
        Floating; the result has the input's.

    Raises:
        ValueError: an unknown mode.
        RuntimeError: the shapes do not fit.

    Example:
        >>> import flambeau as torch
        >>> x = torch.tensor([[[[1.0, 3.0]]]])
        >>> torch.nn.functional.grid_sample(x, torch.zeros(1, 1, 1, 2), align_corners=True)
        tensor([[[[2.]]]])
    """
    require_tensor("grid_sample", input=input, grid=grid)
    if mode not in GRID_SAMPLE_INTERPOLATION_MODES:
        raise ValueError(
            "nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', "
            f"but got: '{mode}'"
        )
    if padding_mode not in GRID_SAMPLE_PADDING_MODES:
        raise ValueError(
            "nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or "
            f"'reflection', but got: '{padding_mode}'"
        )
    if align_corners is None:
        warnings.warn(
            "Default grid_sample and affine_grid behavior has changed to align_corners=False "
            "since 1.3.0. Please specify align_corners=True if the old behavior is desired.",
            stacklevel=2,
        )
        align_corners = False
    n = input.ndim - 2
    if n not in (2, 3) or grid.ndim != input.ndim or grid.shape[-1] != n:
        raise ShapeError(
            f"grid_sampler(): expected grid to have size {n} in last dimension and both to have 4 "
            f"or 5 dimensions, but got input {list(input.shape)} and grid {list(grid.shape)}"
        )
    if grid.shape[0] != input.shape[0]:
        raise ShapeError(
            "grid_sampler(): expected grid and input to have same batch size, but got input with "
            f"sizes {list(input.shape)} and grid with sizes {list(grid.shape)}"
        )
    if mode == "bicubic" and n != 2:
        raise RuntimeError("grid_sampler(): bicubic interpolation only supports 4D input")
    return apply(
        rows.grid_sample,
        input,
        grid,
        mode=mode,
        padding_mode=padding_mode,
        align_corners=bool(align_corners),
    )


def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """``(*, C * r * r, H, W)`` to ``(*, C, H * r, W * r)``.

    Follows `torch.nn.functional.pixel_shuffle`.

    Shape:
        ``(*, C * r**2, H, W)`` to ``(*, C, H * r, W * r)``.

    Dtypes:
        Any; the result has the input's.

    Raises:
        RuntimeError: the channels are no multiple of the square of the factor.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.pixel_shuffle(torch.ones(4, 1, 1), 2)
        tensor([[[1., 1.],
                 [1., 1.]]])
    """
    require_tensor("pixel_shuffle", input=input)
    r = int(upscale_factor)
    if input.ndim < 3:
        raise ShapeError(
            "pixel_shuffle expects input to have at least 3 dimensions, but got input with "
            f"{input.ndim} dimension(s)"
        )
    if r <= 0:
        raise RuntimeError(f"pixel_shuffle expects a positive upscale_factor, but got {r}")
    if input.shape[-3] % (r * r):
        raise ShapeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square "
            f"of upscale_factor, but input.size(-3)={input.shape[-3]} is not divisible by {r * r}"
        )
    return apply(rows.pixel_shuffle, input, upscale_factor=r)


def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """``(*, C, H * r, W * r)`` to ``(*, C * r * r, H, W)``.

    Follows `torch.nn.functional.pixel_unshuffle`.

    Dtypes:
        Any; the result has the input's.

    Raises:
        RuntimeError: height or width is no multiple of the factor.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.pixel_unshuffle(torch.arange(4.0).reshape(1, 2, 2), 2).flatten()
        tensor([0., 1., 2., 3.])
    """
    require_tensor("pixel_unshuffle", input=input)
    r = int(downscale_factor)
    if input.ndim < 3:
        raise ShapeError(
            "pixel_unshuffle expects input to have at least 3 dimensions, but got input with "
            f"{input.ndim} dimension(s)"
        )
    if r <= 0:
        raise RuntimeError(f"pixel_unshuffle expects a positive downscale_factor, but got {r}")
    for word, size in (("height", input.shape[-2]), ("width", input.shape[-1])):
        if size % r:
            raise ShapeError(
                f"pixel_unshuffle expects {word} to be divisible by downscale_factor, but "
                f"{size} is not divisible by {r}"
            )
    return apply(rows.pixel_unshuffle, input, downscale_factor=r)


def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """Interleave the channels of groups. Follows `torch.nn.functional.channel_shuffle`.

    Dtypes:
        Any; the result has the input's.

    Raises:
        RuntimeError: the channels cannot be split into so many groups.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.channel_shuffle(torch.arange(4).reshape(1, 4, 1, 1), 2).flatten()
        tensor([0, 2, 1, 3])
    """
    require_tensor("channel_shuffle", input=input)
    if input.ndim < 3:
        raise ShapeError(
            "channel_shuffle expects input with > 2 dims, but got input with sizes "
            f"{list(input.shape)}"
        )
    if groups <= 0:
        raise RuntimeError(
            f"Number of groups to divide channels in must be positive. Value of groups:{groups}"
        )
    if input.shape[1] % groups:
        raise RuntimeError(
            "Number of channels must be divisible by groups. Got "
            f"{input.shape[1]} channels and {groups} groups."
        )
    return apply(rows.channel_shuffle, input, groups=int(groups))


native_channel_shuffle = channel_shuffle


def unfold(
    input: Tensor, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Tensor:
    """Every window of an image as a column. Follows `torch.nn.functional.unfold`.

    Shape:
        - input ``(N, C, H, W)`` or ``(C, H, W)``
        - output ``(N, C * KH * KW, windows)`` or without ``N``

    Dtypes:
        Bool, floating and complex; the result has the input's.

    Raises:
        RuntimeError: the windows do not fit the input.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.unfold(torch.arange(4.0).reshape(1, 1, 2, 2), 2).flatten()
        tensor([0., 1., 2., 3.])
    """
    require_tensor("unfold", input=input)
    if input.ndim not in (3, 4):
        raise ShapeError(
            "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero "
            f"dimensions for input, but got: {list(input.shape)}"
        )
    args = _patches("unfold", kernel_size, dilation, padding, stride)
    for size, k, d, p in zip(
        input.shape[-2:], args["kernel_size"], args["dilation"], args["padding"], strict=True
    ):
        if size + 2 * p < d * (k - 1) + 1:
            raise ShapeError(
                f"Given input with spatial size {tuple(input.shape[-2:])}, kernel_size="
                f"{args['kernel_size']}, dilation={args['dilation']}, padding={args['padding']}, "
                "calculated shape of the array of sliding blocks is not positive"
            )
    single = input.ndim == 3
    out = apply(rows.im2col, unsqueeze(input, 0) if single else input, **args)
    return squeeze(out, 0) if single else out


def _patches(name: str, kernel: Any, dilation: Any, padding: Any, stride: Any) -> dict[str, Any]:
    found = {
        "kernel_size": ntuple(name, "kernel_size", kernel, 2),
        "dilation": ntuple(name, "dilation", dilation, 2),
        "padding": ntuple(name, "padding", padding, 2),
        "stride": ntuple(name, "stride", stride, 2),
    }
    for argument in ("kernel_size", "dilation", "stride"):
        if min(found[argument]) <= 0:
            raise RuntimeError(f"{argument} should be greater than zero, but got {found[argument]}")
    return found


def fold(
    input: Tensor,
    output_size: Any,
    kernel_size: Any,
    dilation: Any = 1,
    padding: Any = 0,
    stride: Any = 1,
) -> Tensor:
    """Add columns of windows back into an image. Follows `torch.nn.functional.fold`.

    Shape:
        - input ``(N, C * KH * KW, windows)`` or without ``N``
        - output ``(N, C, *output_size)`` or without ``N``

    Dtypes:
        Floating and complex; the result has the input's.

    Raises:
        RuntimeError: the columns do not fit the image.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.fold(torch.ones(1, 2, 2), (1, 3), (1, 2))
        tensor([[[[1., 2., 1.]]]])
    """
    require_tensor("fold", input=input)
    if input.ndim not in (2, 3):
        raise ShapeError(
            "Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and "
            f"non-zero dimensions for input, but got: {list(input.shape)}"
        )
    args = _patches("fold", kernel_size, dilation, padding, stride)
    size = ntuple("fold", "output_size", output_size, 2)
    area = math.prod(args["kernel_size"])
    if input.shape[-2] % area:
        raise ShapeError(
            "Expected size of input's dimension 1 to be divisible by the product of kernel_size, "
            f"but got input.size(1)={input.shape[-2]} and kernel_size={args['kernel_size']}."
        )
    blocks = [
        (s + 2 * p - d * (k - 1) - 1) // t + 1
        for s, p, d, k, t in zip(
            size,
            args["padding"],
            args["dilation"],
            args["kernel_size"],
            args["stride"],
            strict=True,
        )
    ]
    if min(blocks) <= 0 or math.prod(blocks) != input.shape[-1]:
        raise ShapeError(
            f"Given output_size={size}, {', '.join(f'{k}={v}' for k, v in args.items())}, expected "
            f"size of input's dimension 2 to match the calculated number of sliding blocks "
            f"{blocks[0]} * {blocks[1]} = {math.prod(blocks)}, but got "
            f"input.size(2)={input.shape[-1]}."
        )
    single = input.ndim == 2
    out = apply(rows.col2im, unsqueeze(input, 0) if single else input, output_size=size, **args)
    return squeeze(out, 0) if single else out
