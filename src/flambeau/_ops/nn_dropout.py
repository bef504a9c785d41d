"""The dropout family: random rows, whose probability is an input of the program."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from flambeau._ops._nn import widen
from flambeau._ops.registry import Array, Scalar, op

# The value that a self-normalizing unit saturates at: -scale * alpha of SELU.
_SELU_FLOOR = -1.7580993408473766


def _kept(key: jax.Array, shape: tuple[int, ...], p: jax.Array) -> jax.Array:
    draw = jax.random.uniform(jax.random.wrap_key_data(key), shape, jnp.float32)
    return draw >= p.astype(jnp.float32)


def _inverted(key: jax.Array, input: jax.Array, p: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    p = jnp.asarray(p, widen(input).dtype)
    # With p = 1 nothing is kept, and 1 / 0 must not reach the gradient.
    scale = jnp.where(p < 1, 1 / jnp.where(p < 1, 1 - p, 1), 0).astype(input.dtype)
    return input * jnp.where(_kept(key, shape, p), scale, jnp.zeros_like(scale))


def _feature_shape(input: jax.Array) -> tuple[int, ...]:
    return input.shape[:2] + (1,) * (input.ndim - 2)


@op(random=True)
def dropout(key: Array, input: Array, p: Scalar = 0.5) -> Array:
    """Zero every element with probability `p` and scale the others by ``1 / (1 - p)``.

    Follows `torch.nn.functional.dropout` in training mode.
    """
    return _inverted(key, input, p, input.shape)


@op(random=True)
def feature_dropout(key: Array, input: Array, p: Scalar = 0.5) -> Array:
    """:data:`dropout` of whole channels, the first two dimensions being batch and channel.

    Follows `torch.feature_dropout` in training mode.
    """
    return _inverted(key, input, p, _feature_shape(input))


def _alpha(key: jax.Array, input: jax.Array, p: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    p = jnp.asarray(p, widen(input).dtype)
    keep = jnp.where(p < 1, 1 - p, 1)
    scale = jnp.where(p < 1, (keep * (1 + p * _SELU_FLOOR**2)) ** -0.5, 0)
    shift = (-scale * p * _SELU_FLOOR).astype(input.dtype)
    kept = _kept(key, shape, p)
    dropped = (scale * _SELU_FLOOR).astype(input.dtype)
    zero = jnp.zeros((), input.dtype)
    return (
        input * jnp.where(kept, scale.astype(input.dtype), zero)
        + jnp.where(kept, zero, dropped)
        + shift
    )


@op(random=True)
def alpha_dropout(key: Array, input: Array, p: Scalar = 0.5) -> Array:
    """Dropout that keeps mean and variance of self-normalizing units.

    Follows `torch.nn.functional.alpha_dropout` in training mode.
    """
    return _alpha(key, input, p, input.shape)


@op(random=True)
def feature_alpha_dropout(key: Array, input: Array, p: Scalar = 0.5) -> Array:
    """:data:`alpha_dropout` of whole channels.

    Follows `torch.nn.functional.feature_alpha_dropout` in training mode.
    """
    return _alpha(key, input, p, _feature_shape(input))
