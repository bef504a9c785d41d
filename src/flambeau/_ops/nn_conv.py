"""Convolution in any number of dimensions, plain and transposed."""

from __future__ import annotations

import jax.numpy as jnp
from jax import lax

from flambeau._ops._nn import spread
from flambeau._ops.registry import Array, Dims, OptArray, op

_SPATIAL = "DHW"


def _layout(n: int) -> tuple[str, str, str]:
    space = _SPATIAL[-n:]
    return ("NC" + space, "OI" + space, "NC" + space)


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
    out = lax.conv_general_dilated(
        input,
        weight,
        spread(stride, n),
        [(p, p) if isinstance(p, int) else p for p in pads],
        rhs_dilation=spread(dilation, n),
        dimension_numbers=_layout(n),
        feature_group_count=groups,
    )
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
    out = lax.conv_general_dilated(
        input,
        turned,
        (1,) * n,
        [(r - p, r - p + e) for r, p, e in zip(reach, pads, extra, strict=True)],
        lhs_dilation=steps,
        rhs_dilation=spacing,
        dimension_numbers=_layout(n),
        feature_group_count=groups,
    )
    return _with_bias(out, bias)
