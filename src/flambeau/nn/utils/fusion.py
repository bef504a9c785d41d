"""Folding a batch norm into the layer before it."""

from __future__ import annotations

import copy
from typing import Any

from flambeau.nn.parameter import Parameter

__all__ = [
    "fuse_conv_bn_eval",
    "fuse_conv_bn_weights",
    "fuse_linear_bn_eval",
    "fuse_linear_bn_weights",
]


def fuse_conv_bn_weights(
    conv_w: Any,
    conv_b: Any,
    bn_rm: Any,
    bn_rv: Any,
    bn_eps: float,
    bn_w: Any,
    bn_b: Any,
    transpose: bool = False,
) -> tuple[Parameter, Parameter]:
    """Weight and bias of a convolution that includes a batch norm.

    Follows ``torch.nn.utils.fuse_conv_bn_weights``.
    """
    bias = bn_rm * 0 if conv_b is None else conv_b
    scale = (bn_rv + bn_eps).rsqrt()
    if bn_w is not None:
        scale = scale * bn_w
    shape = [1, -1] if transpose else [-1, 1]
    weight = conv_w * scale.reshape(shape + [1] * (conv_w.ndim - 2)).to(conv_w.dtype)
    fused = (bias - bn_rm) * scale
    if bn_b is not None:
        fused = fused + bn_b
    return (
        Parameter(weight.detach(), conv_w.requires_grad),
        Parameter(fused.detach(), conv_b.requires_grad if conv_b is not None else True),
    )


def _fused(layer: Any, bn: Any, fuse: Any, **options: Any) -> Any:
    if layer.training or bn.training:
        raise AssertionError("Fusion only for eval!")
    made = copy.deepcopy(layer)
    if bn.running_mean is None or bn.running_var is None:
        raise AssertionError("bn has no running statistics")
    made.weight, made.bias = fuse(
        made.weight,
        made.bias,
        bn.running_mean,
        bn.running_var,
        bn.eps,
        bn.weight,
        bn.bias,
        **options,
    )
    return made


def fuse_conv_bn_eval(conv: Any, bn: Any, transpose: bool = False) -> Any:
    """A convolution that does what `conv` followed by `bn` does in evaluation.

    Follows ``torch.nn.utils.fuse_conv_bn_eval``.
    """
    return _fused(conv, bn, fuse_conv_bn_weights, transpose=transpose)


def fuse_linear_bn_weights(
    linear_w: Any, linear_b: Any, bn_rm: Any, bn_rv: Any, bn_eps: float, bn_w: Any, bn_b: Any
) -> tuple[Parameter, Parameter]:
    """Weight and bias of a linear layer that includes a batch norm.

    Follows ``torch.nn.utils.fuse_linear_bn_weights``.
    """
    return fuse_conv_bn_weights(linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b)


def fuse_linear_bn_eval(linear: Any, bn: Any) -> Any:
    """A linear layer that does what `linear` followed by `bn` does in evaluation.

    Follows ``torch.nn.utils.fuse_linear_bn_eval``.
    """
    if linear.out_features != bn.num_features and bn.num_features != 1:
        raise AssertionError(
            "To fuse, linear.out_features == bn.num_features or bn.num_features == 1"
        )
    return _fused(linear, bn, fuse_linear_bn_weights)
