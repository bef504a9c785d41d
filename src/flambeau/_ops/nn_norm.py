"""Normalization over batches, layers, groups and neighbours."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from flambeau._ops._dims import canonical_dim
from flambeau._ops._nn import absolute, channel_axis, in_float32, widen
from flambeau._ops.registry import Array, Dims, OptArray, op


def _moments(x: jax.Array, axes: tuple[int, ...]) -> tuple[jax.Array, jax.Array]:
    """Mean and biased variance, kept for broadcasting. Two passes: one would cancel."""
    mean = jnp.mean(x, axes, keepdims=True)
    centred = x - mean
    return mean, jnp.mean(centred * centred, axes, keepdims=True)


def _by_channel(v: jax.Array, ndim: int, axis: int = 1) -> jax.Array:
    return widen(v).reshape([-1 if a == axis else 1 for a in range(ndim)])


def _affine(x: jax.Array, weight: OptArray, bias: OptArray, axis: int = 1) -> jax.Array:
    if weight is not None:
        x = x * _by_channel(weight, x.ndim, axis)
    return x if bias is None else x + _by_channel(bias, x.ndim, axis)


def _moved(running: OptArray, batch: jax.Array, momentum: Any) -> OptArray:
    if running is None:
        return None
    step = jnp.asarray(momentum, widen(running).dtype)
    new = (1 - step) * widen(running) + step * lax.stop_gradient(batch).astype(step.dtype)
    return lax.stop_gradient(new.astype(running.dtype))


@op()
def batch_norm_train(
    input: Array,
    running_mean: OptArray = None,
    running_var: OptArray = None,
    weight: OptArray = None,
    bias: OptArray = None,
    factor: OptArray = None,
    *,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> tuple[Array, ...]:
    """Normalize by the batch's statistics; also gives the new running statistics, if any.

    Follows `torch.nn.functional.batch_norm` with ``training=True``. The running variance is
    the unbiased one; they move by `factor` where given, else by `momentum`.
    """
    return _batch_norm_forward(
        input, running_mean, running_var, weight, bias, factor, momentum=momentum, eps=eps
    )[0]


def _batch_norm_forward(
    input: Array,
    running_mean: OptArray,
    running_var: OptArray,
    weight: OptArray,
    bias: OptArray,
    factor: OptArray,
    *,
    momentum: float,
    eps: float,
) -> tuple[tuple[Array, ...], Any]:
    channels = channel_axis(input.ndim)
    x = jnp.moveaxis(widen(input), 1, channels)
    axes = tuple(a for a in range(x.ndim) if a != channels)
    mean, var = _moments(x, axes)
    scale = lax.rsqrt(var + eps)
    out = _affine((x - mean) * scale, weight, bias, channels)
    out = jnp.moveaxis(out, channels, 1).astype(input.dtype)
    saved = (input, mean, scale, weight, bias)
    if running_mean is None and running_var is None:
        return (out,), saved
    step = momentum if factor is None else factor
    count = math.prod(x.shape[a] for a in axes)
    if not count:  # an empty batch says nothing: what is known stays
        return (out, *(s for s in (running_mean, running_var) if s is not None)), saved
    unbiased = var.reshape(-1) * (count / max(count - 1, 1))
    stats = (
        _moved(running_mean, mean.reshape(-1), step),
        _moved(running_var, unbiased, step),
    )
    return (out, *(s for s in stats if s is not None)), saved


def _batch_norm_backward(
    saved: Any, cotangents: tuple[Array, ...], *, momentum: float, eps: float
) -> tuple[Any, ...]:
    input, mean, scale, weight, bias = saved
    channels = channel_axis(input.ndim)
    axes = tuple(a for a in range(input.ndim) if a != channels)
    wide = jnp.moveaxis(widen(cotangents[0]), 1, channels)
    count = math.prod(wide.shape[a] for a in axes)
    normal = (jnp.moveaxis(widen(input), 1, channels) - mean) * scale
    total = jnp.sum(wide, axes, keepdims=True)
    along = jnp.sum(wide * normal, axes, keepdims=True)
    factor = scale if weight is None else scale * _by_channel(weight, input.ndim, channels)
    by_input = (wide - total / count - normal * (along / count)) * factor
    by_input = jnp.moveaxis(by_input, channels, 1)
    return (
        by_input.astype(input.dtype),
        None,
        None,
        None if weight is None else along.reshape(-1).astype(weight.dtype),
        None if bias is None else total.reshape(-1).astype(bias.dtype),
        None,
    )


# Two reductions over the images; the derived rule, through the variance, takes more.
batch_norm_train.set_gradient(_batch_norm_forward, _batch_norm_backward)


@op()
def batch_norm_eval(
    input: Array,
    running_mean: Array,
    running_var: Array,
    weight: OptArray = None,
    bias: OptArray = None,
    eps: float = 1e-5,
) -> Array:
    """Normalize by given statistics.

    Follows `torch.nn.functional.batch_norm` with ``training=False``.
    """
    channels = channel_axis(input.ndim)
    scale = lax.rsqrt(widen(running_var) + eps)
    shift = _by_channel(widen(running_mean), input.ndim, channels)
    x = jnp.moveaxis(widen(input), 1, channels)
    out = (x - shift) * _by_channel(scale, input.ndim, channels)
    out = _affine(out, weight, bias, channels)
    return jnp.moveaxis(out, channels, 1).astype(input.dtype)


@op()
def instance_norm_train(
    input: Array,
    running_mean: OptArray = None,
    running_var: OptArray = None,
    weight: OptArray = None,
    bias: OptArray = None,
    factor: OptArray = None,
    *,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> tuple[Array, ...]:
    """Normalize every channel of every instance; also gives the new running statistics.

    Follows `torch.nn.functional.instance_norm` with ``use_input_stats=True``.
    """
    x = widen(input)
    axes = tuple(range(2, input.ndim))
    mean, var = _moments(x, axes)
    out = _affine((x - mean) * lax.rsqrt(var + eps), weight, bias).astype(input.dtype)
    if running_mean is None and running_var is None:
        return (out,)
    step = momentum if factor is None else factor
    count = math.prod(input.shape[a] for a in axes)
    unbiased = var * (count / max(count - 1, 1))
    stats = (
        _moved(running_mean, jnp.mean(mean, 0).reshape(-1), step),
        _moved(running_var, jnp.mean(unbiased, 0).reshape(-1), step),
    )
    return (out, *(s for s in stats if s is not None))


@op()
def layer_norm(
    input: Array,
    normalized_shape: Dims,
    weight: OptArray = None,
    bias: OptArray = None,
    eps: float = 1e-5,
) -> Array:
    """Normalize over the trailing dimensions. Follows `torch.nn.functional.layer_norm`.

    Shape:
        - input and output ``(*, normalized_shape)``, weight and bias ``normalized_shape``
    """
    return _layer_norm_forward(input, weight, bias, normalized_shape, eps)[0]


def _layer_norm_forward(
    input: Array, weight: OptArray, bias: OptArray, normalized_shape: Dims, eps: float
) -> tuple[Array, Any]:
    x = widen(input)
    mean, var = _moments(x, tuple(range(-len(normalized_shape), 0)))
    scale = lax.rsqrt(var + eps)
    out = (x - mean) * scale
    if weight is not None:
        out = out * widen(weight)
    if bias is not None:
        out = out + widen(bias)
    return out.astype(input.dtype), (input, mean, scale, weight, bias)


def _layer_norm_backward(
    saved: Any, cotangent: Array, normalized_shape: Dims, eps: float
) -> tuple[Any, ...]:
    input, mean, scale, weight, bias = saved
    axes = tuple(range(-len(normalized_shape), 0))
    lead = tuple(range(input.ndim - len(normalized_shape)))
    normal = (widen(input) - mean) * scale
    wide = widen(cotangent)
    inner = wide if weight is None else wide * widen(weight)
    along = jnp.mean(inner * normal, axes, keepdims=True)
    by_input = (inner - jnp.mean(inner, axes, keepdims=True) - normal * along) * scale
    by_weight = None if weight is None else jnp.sum(wide * normal, lead).astype(weight.dtype)
    by_bias = None if bias is None else jnp.sum(wide, lead).astype(bias.dtype)
    return by_input.astype(input.dtype), by_weight, by_bias


# Two reductions fewer over the input than the derived rule, which goes through the variance.
layer_norm.set_gradient(_layer_norm_forward, _layer_norm_backward)


@op()
def rms_norm(
    input: Array, normalized_shape: Dims, weight: OptArray = None, eps: float | None = None
) -> Array:
    """Divide by the root of the mean square. Follows `torch.nn.functional.rms_norm`."""
    x = widen(input)
    if eps is None:
        eps = float(jnp.finfo(x.dtype).eps)
    axes = tuple(range(-len(normalized_shape), 0))
    out = x * lax.rsqrt(jnp.mean(x * x, axes, keepdims=True) + eps)
    if weight is not None:
        out = out * widen(weight)
    return out.astype(input.dtype)


@op()
def group_norm(
    input: Array,
    num_groups: int,
    weight: OptArray = None,
    bias: OptArray = None,
    eps: float = 1e-5,
) -> Array:
    """Normalize over groups of channels. Follows `torch.nn.functional.group_norm`."""
    x = widen(input)
    grouped = x.reshape(x.shape[0], num_groups, -1)
    mean, var = _moments(grouped, (2,))
    out = ((grouped - mean) * lax.rsqrt(var + eps)).reshape(x.shape)
    return _affine(out, weight, bias).astype(input.dtype)


@op(promote="float")
@in_float32
def local_response_norm(
    input: Array, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Array:
    """Divide by a power of the mean square of the neighbouring channels.

    Follows `torch.nn.functional.local_response_norm`.
    """
    window = [1] * input.ndim
    window[1] = size
    pads = [(0, 0)] * input.ndim
    pads[1] = (size // 2, (size - 1) // 2)
    total = lax.reduce_window(
        input * input, np.zeros((), input.dtype), lax.add, window, [1] * input.ndim, pads
    )
    return input / (total * (alpha / size) + k) ** beta


def _safe_power(x: jax.Array, p: float) -> jax.Array:
    """``x ** p`` for ``x >= 0``, with a zero derivative at zero."""
    zero = x == 0
    return jnp.where(zero, 0.0, jnp.where(zero, 1.0, x) ** p)


def norm_along(x: jax.Array, p: float, axis: int, keepdims: bool) -> jax.Array:
    """The p-norm along one dimension; its derivative at zero is zero, as PyTorch's is."""
    if p == 2:
        squares = x.real**2 + x.imag**2 if jnp.iscomplexobj(x) else x * x
        square = jnp.sum(squares, axis, keepdims=keepdims)
        zero = square == 0
        return jnp.where(zero, 0.0, jnp.sqrt(jnp.where(zero, 1.0, square)))
    size = absolute(x)
    if p == 0:
        return jnp.sum((x != 0).astype(size.dtype), axis, keepdims=keepdims)
    if p == 1:
        return jnp.sum(size, axis, keepdims=keepdims)
    if math.isinf(p):
        return (jnp.max if p > 0 else jnp.min)(size, axis, keepdims=keepdims)
    return _safe_power(jnp.sum(_safe_power(size, p), axis, keepdims=keepdims), 1.0 / p)


@op()
@in_float32
def normalize(input: Array, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Array:
    """Divide by the p-norm along `dim`, or by `eps` where that is larger.

    Follows `torch.nn.functional.normalize`.
    """
    axis = canonical_dim(dim, input.ndim)
    if input.ndim == 0:
        return input / jnp.maximum(jnp.abs(input), eps)
    return input / jnp.maximum(norm_along(input, p, axis, keepdims=True), eps)
