"""Convolution in any number of dimensions, plain and transposed.

PyTorch's layout has channels second; XLA:CPU is up to twice as fast, gradients included, with
channels last, so the rows transpose, and neighbouring layers' transposes cancel. Where the
windows gathered into a matrix are small (one-element kernels, very few channels, kernels hardly
larger than their stride) one product is faster still, 2 to 6 times
(docs/internals/performance.md).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from flambeau._ops._nn import dot_last, spread, take_windows
from flambeau._ops.registry import Array, Dims, OptArray, op
from flambeau._ops.target import current

# Up to how many numbers one window may have, and how much larger than the input the matrix of
# all windows may be, for the convolution to run as one product.
_SMALL_WINDOW = 64
_MAX_GROWTH = 2.5

# Up to how many groups, or places of a window of single channels, are written out one by one:
# each is an operation to compile.
_MOST_APART = 64


def _spatial(n: int) -> str:
    return "DHW"[-n:]


def _channels_last(x: jax.Array) -> jax.Array:
    return jnp.moveaxis(x, 1, -1)


def _channels_second(x: jax.Array) -> jax.Array:
    return jnp.moveaxis(x, -1, 1)


def _conv(
    input: jax.Array,
    weight: jax.Array,
    stride: Sequence[int],
    padding: Sequence[tuple[int, int]],
    dilation: Sequence[int],
    groups: int,
    lhs_dilation: Sequence[int] | None = None,
) -> jax.Array:
    """Convolve; on a CPU group by group, which has no kernels for several at once."""
    single = weight.shape[1] == 1 and lhs_dilation is None
    pieces = math.prod(weight.shape[2:]) if single else groups
    fits = groups == math.gcd(groups, input.shape[1], weight.shape[0])
    # What does not fit is told at once.
    if groups == 1 or pieces > _MOST_APART or not fits or not current().on_cpu:
        return _conv_at_once(input, weight, stride, padding, dilation, groups, lhs_dilation)
    if single:
        return _depthwise(input, weight, stride, padding, dilation)
    pieces = zip(jnp.split(input, groups, 1), jnp.split(weight, groups, 0), strict=True)
    parts = [_conv_at_once(x, w, stride, padding, dilation, 1, lhs_dilation) for x, w in pieces]
    return jnp.concatenate(parts, 1)


def _depthwise(
    input: jax.Array,
    weight: jax.Array,
    stride: Sequence[int],
    padding: Sequence[tuple[int, int]],
    dilation: Sequence[int],
) -> jax.Array:
    """Convolve each channel by itself: one product and sum for each place of the window."""
    padded = lax.pad(
        input, jnp.zeros((), input.dtype), [(0, 0, 0), (0, 0, 0), *[(a, b, 0) for a, b in padding]]
    )
    each = weight.shape[0] // input.shape[1]
    windows = take_windows(_channels_last(padded), weight.shape[2:], stride, dilation, 1)
    kernel = weight.reshape(weight.shape[0], -1)
    total = None
    for place, window in enumerate(windows):
        window = window if each == 1 else jnp.repeat(window, each, -1)
        part = window * kernel[:, place]
        total = part if total is None else total + part
    assert total is not None
    return _channels_second(total)


def _conv_at_once(
    input: jax.Array,
    weight: jax.Array,
    stride: Sequence[int],
    padding: Sequence[tuple[int, int]],
    dilation: Sequence[int],
    groups: int,
    lhs_dilation: Sequence[int] | None = None,
) -> jax.Array:
    """Convolve channels-last, and give channels second."""
    n = weight.ndim - 2
    space = _spatial(n)
    layout = ("N" + space + "C", space + "IO", "N" + space + "C")
    out = lax.conv_general_dilated(
        _channels_last(input),
        weight.transpose(*range(2, n + 2), 1, 0),
        stride,
        padding,
        lhs_dilation=lhs_dilation,
        rhs_dilation=dilation,
        dimension_numbers=layout,
        feature_group_count=groups,
        precision=current().of_convolutions,
    )
    return _channels_second(out)


def _as_product(
    input: jax.Array,
    weight: jax.Array,
    stride: Sequence[int],
    padding: Sequence[tuple[int, int]],
    dilation: Sequence[int],
) -> jax.Array:
    """Convolve as one matrix product over all windows."""
    n = weight.ndim - 2
    kernel = weight.shape[2:]
    padded = jnp.pad(input, [(0, 0), (0, 0), *padding]) if any(map(any, padding)) else input
    windows = [_channels_last(w) for w in take_windows(padded, kernel, stride, dilation)]
    columns = windows[0] if len(windows) == 1 else jnp.concatenate(windows, -1)
    matrix = weight.transpose(0, *range(2, n + 2), 1).reshape(weight.shape[0], -1)
    return _channels_second(dot_last(columns, matrix))


def _is_small(weight: jax.Array, stride: Sequence[int], groups: int) -> bool:
    if groups != 1 or not current().on_cpu:
        return False
    area = math.prod(weight.shape[2:])
    return (
        area == 1
        or area * weight.shape[1] <= _SMALL_WINDOW
        or area <= _MAX_GROWTH * math.prod(stride)
    )


def _with_bias(out: Array, bias: OptArray) -> Array:
    return out if bias is None else out + bias.reshape(-1, *([1] * (out.ndim - 2)))


@op()
def convolution(
    input: Array,
    weight: Array,
    bias: OptArray = None,
    stride: Dims = (1,),
    padding: tuple = (0,),
    dilation: Dims = (1,),
    groups: int = 1,
) -> Array:
    """Cross-correlate `input` with `weight` over the trailing dimensions.

    Follows `torch.nn.functional.conv1d`, `conv2d` and `conv3d`. `padding` holds an int, or a
    pair of ints, for each dimension.

    Shape:
        - input ``(N, C, *)``, weight ``(O, C / groups, *)``, bias ``(O,)``
        - output ``(N, O, *)``
    """
    n = weight.ndim - 2
    pads = padding * n if len(padding) == 1 else padding
    pads = [(p, p) if isinstance(p, int) else p for p in pads]
    steps, spacing = spread(stride, n), spread(dilation, n)
    if _is_small(weight, steps, groups):
        out = _as_product(input, weight, steps, pads, spacing)
    else:
        out = _conv(input, weight, steps, pads, spacing, groups)
    return _with_bias(out, bias)


@op()
def convolution_transpose(
    input: Array,
    weight: Array,
    bias: OptArray = None,
    stride: Dims = (1,),
    padding: Dims = (0,),
    output_padding: Dims = (0,),
    groups: int = 1,
    dilation: Dims = (1,),
) -> Array:
    """The adjoint of :data:`convolution` with respect to its input.

    Follows `torch.nn.functional.conv_transpose1d`, `conv_transpose2d`, `conv_transpose3d`.

    Shape:
        - input ``(N, C, *)``, weight ``(C, O / groups, *)``, bias ``(O,)``
        - output ``(N, O, *)``
    """
    n = weight.ndim - 2
    kernel = weight.shape[2:]
    steps, spacing = spread(stride, n), spread(dilation, n)
    pads, extra = spread(padding, n), spread(output_padding, n)
    n_in, per_group = weight.shape[:2]
    # (groups, C / groups, O / groups, *) -> (O, C / groups, *), with the kernel turned round.
    turned = weight.reshape(groups, n_in // groups, per_group, *kernel)
    turned = jnp.swapaxes(turned, 1, 2).reshape(groups * per_group, n_in // groups, *kernel)
    turned = jnp.flip(turned, range(2, 2 + n))
    reach = [d * (k - 1) for d, k in zip(spacing, kernel, strict=True)]
    out = _conv(
        input,
        turned,
        (1,) * n,
        [(r - p, r - p + e) for r, p, e in zip(reach, pads, extra, strict=True)],
        spacing,
        groups,
        lhs_dilation=steps,
    )
    return _with_bias(out, bias)


def _transpose_forward(
    input: Array, weight: Array, bias: OptArray, **static: Any
) -> tuple[Array, Any]:
    out = convolution_transpose.impl(input, weight, bias, **static)
    return out, (input, weight, bias)


def _transpose_backward(
    saved: Any,
    cotangent: Array,
    *,
    stride: Dims,
    padding: Dims,
    output_padding: Dims,
    groups: int,
    dilation: Dims,
) -> tuple[Any, ...]:
    input, weight, bias = saved
    n = weight.ndim - 2
    pads = tuple((p, p) for p in spread(padding, n))

    def adjoint(weight: Array) -> Array:
        return convolution.impl(cotangent, weight, None, stride, pads, dilation, groups)

    by_input, pull = jax.vjp(adjoint, weight)
    (by_weight,) = pull(input.astype(by_input.dtype))
    by_bias = None
    if bias is not None:
        by_bias = jnp.sum(cotangent, (0, *range(2, n + 2))).astype(bias.dtype)
    return by_input, by_weight, by_bias


def _transpose_serves(
    input: Array, weight: Array, bias: OptArray, *, stride: Dims, output_padding: Dims, **_: Any
) -> bool:
    """Whether the convolution of the output has the input's size again."""
    n = weight.ndim - 2
    pairs = zip(spread(output_padding, n), spread(stride, n), strict=True)
    return not jnp.iscomplexobj(weight) and all(extra < step for extra, step in pairs)


# Derived, the gradient of the weight convolves with a kernel as large as the dilated input.
convolution_transpose.set_gradient(_transpose_forward, _transpose_backward, _transpose_serves)
