"""Gradients of convolutions as functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flambeau import autograd
from flambeau._autograd.grad_mode import enable_grad, is_grad_enabled
from flambeau.nn import _core
from flambeau.nn import functional as F

__all__ = [
    "conv1d_input",
    "conv1d_weight",
    "conv2d_input",
    "conv2d_weight",
    "conv3d_input",
    "conv3d_weight",
]


def _gradient(
    conv: Any, size: Sequence[int], other: Any, grad_output: Any, of_input: bool, *options: Any
) -> Any:
    """The gradient with respect to one argument; the convolution is linear in it."""
    outside = is_grad_enabled()
    with enable_grad():
        at = _core.zeros(size, device=other.device, dtype=other.dtype).requires_grad_()
        out = conv(at, other, None, *options) if of_input else conv(other, at, None, *options)
        (found,) = autograd.grad(out, (at,), grad_output, create_graph=outside)
    return found


def conv1d_input(
    input_size: Sequence[int],
    weight: Any,
    grad_output: Any,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Any:
    """The gradient of :func:`conv1d` with respect to its input.

    Follows ``torch.nn.grad.conv1d_input``.
    """
    options = (stride, padding, dilation, groups)
    return _gradient(F.conv1d, input_size, weight, grad_output, True, *options)


def conv1d_weight(
    input: Any,
    weight_size: Sequence[int],
    grad_output: Any,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Any:
    """The gradient of :func:`conv1d` with respect to its weight.

    Follows ``torch.nn.grad.conv1d_weight``.
    """
    options = (stride, padding, dilation, groups)
    return _gradient(F.conv1d, weight_size, input, grad_output, False, *options)


def conv2d_input(
    input_size: Sequence[int],
    weight: Any,
    grad_output: Any,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Any:
    """The gradient of :func:`conv2d` with respect to its input.

    Follows ``torch.nn.grad.conv2d_input``.
    """
    options = (stride, padding, dilation, groups)
    return _gradient(F.conv2d, input_size, weight, grad_output, True, *options)


def conv2d_weight(
    input: Any,
    weight_size: Sequence[int],
    grad_output: Any,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Any:
    """The gradient of :func:`conv2d` with respect to its weight.

    Follows ``torch.nn.grad.conv2d_weight``.
    """
    options = (stride, padding, dilation, groups)
    return _gradient(F.conv2d, weight_size, input, grad_output, False, *options)


def conv3d_input(
    input_size: Sequence[int],
    weight: Any,
    grad_output: Any,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Any:
    """The gradient of :func:`conv3d` with respect to its input.

    Follows ``torch.nn.grad.conv3d_input``.
    """
    options = (stride, padding, dilation, groups)
    return _gradient(F.conv3d, input_size, weight, grad_output, True, *options)


def conv3d_weight(
    input: Any,
    weight_size: Sequence[int],
    grad_output: Any,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Any:
    """The gradient of :func:`conv3d` with respect to its weight.

    Follows ``torch.nn.grad.conv3d_weight``.
    """
    options = (stride, padding, dilation, groups)
    return _gradient(F.conv3d, weight_size, input, grad_output, False, *options)
