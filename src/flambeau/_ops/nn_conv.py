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

import jax
import jax.numpy as jnp
from jax import lax

from flambeau._ops._nn import dot_last, spread, take_windows
from flambeau._ops.registry import Array, Dims, OptArray, op

# Up to how many numbers one window may have, and how much larger than the input the matrix of
# all windows may be, for the convolution to run as one product.
_SMALL_WINDOW = 64
_MAX_GROWTH = 2.5


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
    if groups != 1:
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
