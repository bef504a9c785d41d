"""Activations of ``torch.nn.functional`` that are not plain ``torch`` functions.

Slopes, bounds and exponents are part of an architecture, so they are static here;
`gumbel_softmax`'s temperature, which programs anneal, is an input.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax import lax

from flambeau._ops._dims import canonical_dim
from flambeau._ops._nn import absolute, in_float32, log_sigmoid, same_value, widen
from flambeau._ops._prng import generator
from flambeau._ops.registry import Array, OptDType, Scalar, op

_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946


@op()
def hardtanh(input: Array, min_val: float = -1.0, max_val: float = 1.0) -> Array:
    """Clip to ``[min_val, max_val]``, without gradient at the bounds.

    Follows `torch.nn.functional.hardtanh`.
    """
    return _clip(input, min_val, max_val)


def _clip(input: jax.Array, low: float, high: float) -> jax.Array:
    # Written as selections: the derivative of jnp.clip at the bounds is not PyTorch's zero.
    lo, hi = (jnp.asarray(v, input.dtype) for v in (low, high))
    return jnp.where(input <= lo, lo, jnp.where(input >= hi, hi, input))


@op()
def relu6(input: Array) -> Array:
    """``min(max(x, 0), 6)``. Follows `torch.nn.functional.relu6`."""
    return _clip(input, 0, 6)


@op()
def leaky_relu(input: Array, negative_slope: float = 0.01) -> Array:
    """``x`` where positive, ``negative_slope * x`` elsewhere.

    Follows `torch.nn.functional.leaky_relu`.
    """
    return jnp.where(input > 0, input, input * negative_slope)


def _elu(input: jax.Array, alpha: float, scale: float, input_scale: float) -> jax.Array:
    negative = input <= 0
    bent = jnp.expm1(jnp.where(negative, input, 0) * input_scale)
    return jnp.where(negative, bent * (alpha * scale), input * scale)


@op()
@in_float32
def elu(input: Array, alpha: float = 1.0) -> Array:
    """``x`` where positive, ``alpha * (exp(x) - 1)`` elsewhere.

    Follows `torch.nn.functional.elu`.
    """
    return _elu(input, alpha, 1.0, 1.0)


@op()
@in_float32
def selu(input: Array) -> Array:
    """The self-normalizing exponential unit. Follows `torch.nn.functional.selu`."""
    return _elu(input, _SELU_ALPHA, _SELU_SCALE, 1.0)


@op()
@in_float32
def celu(input: Array, alpha: float = 1.0) -> Array:
    """``max(0, x) + min(0, alpha * (exp(x / alpha) - 1))``.

    Follows `torch.nn.functional.celu`.
    """
    return _elu(input, alpha, 1.0, 1.0 / alpha)


@op()
@in_float32
def gelu(input: Array, *, approximate: str = "none") -> Array:
    """``x`` times the normal distribution's cumulative function at ``x``.

    Follows `torch.nn.functional.gelu`; ``approximate="tanh"`` takes the tanh formula.
    """
    if approximate == "tanh":
        inner = math.sqrt(2.0 / math.pi) * (input + 0.044715 * input * input * input)
        return 0.5 * input * (1.0 + jnp.tanh(inner))
    return 0.5 * input * (1.0 + lax.erf(input * math.sqrt(0.5)))


@op()
@in_float32
def silu(input: Array) -> Array:
    """``x * sigmoid(x)``. Follows `torch.nn.functional.silu`."""
    return input * jax.nn.sigmoid(input)


@op()
@in_float32
def mish(input: Array) -> Array:
    """``x * tanh(log(1 + exp(x)))``. Follows `torch.nn.functional.mish`."""
    return input * jnp.tanh(jnp.logaddexp(input, 0.0))


@op()
@in_float32
def hardswish(input: Array) -> Array:
    """``x * relu6(x + 3) / 6``. Follows `torch.nn.functional.hardswish`."""
    bend = input * (input + 3.0) / 6.0
    return jnp.where(input <= -3, 0.0, jnp.where(input >= 3, input, bend))


@op()
@in_float32
def hardsigmoid(input: Array) -> Array:
    """``relu6(x + 3) / 6``. Follows `torch.nn.functional.hardsigmoid`."""
    return _clip(input + 3.0, 0, 6) / 6.0


@op()
@in_float32
def softplus(input: Array, beta: float = 1.0, threshold: float = 20.0) -> Array:
    """``log(1 + exp(beta * x)) / beta``, and ``x`` once ``beta * x`` is over `threshold`.

    Follows `torch.nn.functional.softplus`.
    """
    scaled = input * beta
    linear = scaled > threshold
    return jnp.where(linear, input, jnp.log1p(jnp.exp(jnp.where(linear, 0, scaled))) / beta)


@op(promote="float")
@in_float32
def softsign(input: Array) -> Array:
    """``x / (1 + |x|)``. Follows `torch.nn.functional.softsign`."""
    return input / (1.0 + absolute(input))


@op(promote="float")
@in_float32
def tanhshrink(input: Array) -> Array:
    """``x - tanh(x)``. Follows `torch.nn.functional.tanhshrink`."""
    return input - jnp.tanh(input)


@op()
def softshrink(input: Array, lambd: float = 0.5) -> Array:
    """Move every element by `lambd` towards zero, stopping there.

    Follows `torch.nn.functional.softshrink`.
    """
    inner = jnp.where(jnp.isnan(input), input, jnp.zeros_like(input))
    return jnp.where(input > lambd, input - lambd, jnp.where(input < -lambd, input + lambd, inner))


@op()
def hardshrink(input: Array, lambd: float = 0.5) -> Array:
    """Zero where ``|x| <= lambd``. Follows `torch.nn.functional.hardshrink`."""
    return jnp.where((input >= -lambd) & (input <= lambd), jnp.zeros_like(input), input)


@op()
def threshold(input: Array, threshold: float, value: float) -> Array:
    """``x`` where greater than `threshold`, `value` elsewhere.

    Follows `torch.nn.functional.threshold`.
    """
    return jnp.where(input <= threshold, jnp.asarray(value, input.dtype), input)


@op()
def prelu(input: Array, weight: Array) -> Array:
    """``x`` where positive, ``weight * x`` elsewhere; one weight, or one for each channel.

    Follows `torch.nn.functional.prelu`.
    """
    if weight.size != 1 and input.ndim > 1:
        weight = weight.reshape(-1, *([1] * (input.ndim - 2)))
    else:
        weight = weight.reshape(()) if weight.size == 1 else weight
    return jnp.where(input > 0, input, weight * input)


@op(random=True)
def rrelu_train(key: Array, input: Array, lower: float = 0.125, upper: float = 1 / 3) -> Array:
    """Leaky ReLU whose slope is drawn for every element from ``[lower, upper]``.

    Follows `torch.nn.functional.rrelu` in training mode.
    """
    draw = jax.random.uniform(generator(key), input.shape, widen(input).dtype, lower, upper)
    return jnp.where(input > 0, input, input * draw.astype(input.dtype))


@op()
@in_float32
def glu(input: Array, dim: int = -1) -> Array:
    """``a * sigmoid(b)``, where ``a`` and ``b`` are the halves of the input along `dim`.

    Follows `torch.nn.functional.glu`.
    """
    axis = canonical_dim(dim, input.ndim)
    first, second = jnp.split(input, 2, axis)
    return first * jax.nn.sigmoid(second)


@op()
@in_float32
def logsigmoid(input: Array) -> Array:
    """``log(sigmoid(x))``. Follows `torch.nn.functional.logsigmoid`."""
    return log_sigmoid(input)


def _normalized(input: jax.Array, dim: int, dtype: object, log: bool) -> jax.Array:
    x = input if dtype is None else input.astype(dtype)  # pyright: ignore[reportArgumentType]
    axis = canonical_dim(dim, x.ndim)
    wide = widen(x)
    wide = wide.reshape(1) if x.ndim == 0 else wide
    if wide.shape[axis] == 0:
        return x
    out = jax.nn.log_softmax(wide, axis) if log else jax.nn.softmax(wide, axis)
    return out.reshape(x.shape).astype(x.dtype)


@op(out="exact")
def softmax(input: Array, dim: int, *, dtype: OptDType = None) -> Array:
    """``exp(x)`` normalized to sum to one along `dim`. Follows `torch.nn.functional.softmax`.

    Shape:
        ``(*, N, *)`` with N the size of ``dim``, to the same.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        TypeError: the tensors hold bools.
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.softmax(torch.tensor([0.0, 1.0]), 0)
        tensor([0.2689, 0.7311])
    """
    return _normalized(input, dim, dtype, log=False)


@op(out="exact")
def log_softmax(input: Array, dim: int, *, dtype: OptDType = None) -> Array:
    """The logarithm of :data:`softmax`. Follows `torch.nn.functional.log_softmax`.

    Shape:
        ``(*, N, *)`` with N the size of ``dim``, to the same.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        TypeError: the tensors hold bools.
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.log_softmax(torch.tensor([0.0, 1.0]), 0)
        tensor([-1.3133, -0.3133])
    """
    return _normalized(input, dim, dtype, log=True)


@op()
def softmin(input: Array, dim: int, *, dtype: OptDType = None) -> Array:
    """:data:`softmax` of ``-x``. Follows `torch.nn.functional.softmin`."""
    return _normalized(-input, dim, dtype, log=False)


@op(random=True)
def gumbel_softmax(
    key: Array, logits: Array, tau: Scalar = 1.0, hard: bool = False, *, dim: int = -1
) -> Array:
    """A sample from the Gumbel-softmax distribution along `dim`.

    Follows `torch.nn.functional.gumbel_softmax`; with `hard` the sample is one-hot going
    forward and the soft one going backward.
    """
    axis = canonical_dim(dim, logits.ndim)
    wide = widen(logits)
    noise = jax.random.gumbel(generator(key), logits.shape, wide.dtype)
    soft = jax.nn.softmax((wide + noise) / jnp.asarray(tau, wide.dtype), axis)
    if hard:
        picked = jnp.argmax(soft, axis, keepdims=True)
        places = lax.broadcasted_iota(picked.dtype, soft.shape, axis)
        soft = same_value((places == picked).astype(soft.dtype), soft)
    return soft.astype(logits.dtype)
