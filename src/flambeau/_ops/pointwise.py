"""Elementary functions of one tensor, elementwise; integers give the default float dtype."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from flambeau._ops._numeric import in_float32, is_complex
from flambeau._ops.registry import Array, op


@op(promote="float")
def exp(input: Array) -> Array:
    """The exponential."""
    return jnp.exp(input)


@op(promote="float")
@in_float32
def exp2(input: Array) -> Array:
    """``2 ** input``."""
    return jnp.exp2(input)


@op(promote="float")
@in_float32
def expm1(input: Array) -> Array:
    """``exp(input) - 1``, accurate near 0."""
    return jnp.expm1(input)


@op(promote="float")
def log(input: Array) -> Array:
    """The natural logarithm."""
    return jnp.log(input)


@op(promote="float")
def log2(input: Array) -> Array:
    """The logarithm to base 2."""
    return jnp.log2(input)


@op(promote="float")
def log10(input: Array) -> Array:
    """The logarithm to base 10."""
    return jnp.log10(input)


@op(promote="float")
@in_float32
def log1p(input: Array) -> Array:
    """``log(1 + input)``, accurate near 0."""
    return jnp.log1p(input)


@op(promote="float")
def sin(input: Array) -> Array:
    """Sine."""
    return jnp.sin(input)


@op(promote="float")
def cos(input: Array) -> Array:
    """Cosine."""
    return jnp.cos(input)


@op(promote="float")
@in_float32
def tan(input: Array) -> Array:
    """Tangent."""
    return jnp.tan(input)


@op(promote="float")
def asin(input: Array) -> Array:
    """Inverse sine, in ``[-pi/2, pi/2]``; nan outside ``[-1, 1]``."""
    return jnp.arcsin(input)


@op(promote="float")
def acos(input: Array) -> Array:
    """Inverse cosine, in ``[0, pi]``; nan outside ``[-1, 1]``."""
    return jnp.arccos(input)


@op(promote="float")
def atan(input: Array) -> Array:
    """Inverse tangent, in ``[-pi/2, pi/2]``."""
    return jnp.arctan(input)


@op(promote="float")
@in_float32
def sinh(input: Array) -> Array:
    """Hyperbolic sine."""
    return jnp.sinh(input)


@op(promote="float")
@in_float32
def cosh(input: Array) -> Array:
    """Hyperbolic cosine."""
    return jnp.cosh(input)


@op(promote="float")
def tanh(input: Array) -> Array:
    """Hyperbolic tangent."""
    return jnp.tanh(input)


@op(promote="float")
@in_float32
def asinh(input: Array) -> Array:
    """Inverse hyperbolic sine."""
    return jnp.arcsinh(input)


@op(promote="float")
@in_float32
def acosh(input: Array) -> Array:
    """Inverse hyperbolic cosine; nan below 1."""
    if is_complex(input):
        # The product of the two roots keeps the right branch, in the derivative as well.
        return jnp.log(input + jnp.sqrt(input + 1) * jnp.sqrt(input - 1))
    return jnp.arccosh(input)


@op(promote="float")
@in_float32
def atanh(input: Array) -> Array:
    """Inverse hyperbolic tangent; infinite at -1 and 1, nan beyond."""
    return jnp.arctanh(input)


@op(promote="float")
@in_float32
def sigmoid(input: Array) -> Array:
    """``1 / (1 + exp(-input))``."""
    if is_complex(input):
        return 1 / (1 + jnp.exp(-input))
    return jax.nn.sigmoid(input)


@op(promote="float")
@in_float32
def sinc(input: Array) -> Array:
    """``sin(pi * input) / (pi * input)``, and 1 at 0."""
    return jnp.sinc(input)


@op()
def relu(input: Array) -> Array:
    """``max(input, 0)``; nan stays nan. Its derivative at 0 is 0."""
    return jnp.where(input <= 0, jnp.zeros((), input.dtype), input)
