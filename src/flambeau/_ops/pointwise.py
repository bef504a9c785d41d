"""Elementary functions of one tensor, elementwise; integers give the default float dtype."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from flambeau._ops._numeric import in_float32, is_complex
from flambeau._ops.registry import Array, op


@op(promote="float")
def exp(input: Array) -> Array:
    """The exponential.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Any; the result: the default dtype for bools and integers, else the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.exp(torch.tensor([-1.5, 0.0, 2.0]))
        tensor([0.2231, 1.0000, 7.3891])

    Follows ``torch.exp``.
    """
    return jnp.exp(input)


@op(promote="float")
@in_float32
def exp2(input: Array) -> Array:
    """``2 ** input``.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Any; the result: the default dtype for bools and integers, else the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.exp2(torch.tensor([-1.5, 0.0, 2.0]))
        tensor([0.3536, 1.0000, 4.0000])

    Follows ``torch.exp2``.
    """
    return jnp.exp2(input)


@op(promote="float")
@in_float32
def expm1(input: Array) -> Array:
    """``exp(input) - 1``, accurate near 0.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Any; the result: the default dtype for bools and integers, else the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.expm1(torch.tensor([-1.5, 0.0, 2.0]))
        tensor([-0.7769,  0.0000,  6.3891])

    Follows ``torch.expm1``.
    """
    return jnp.expm1(input)


@op(promote="float")
def log(input: Array) -> Array:
    """The natural logarithm.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Any; the result: the default dtype for bools and integers, else the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.log(torch.tensor([1.0, 2.0, 4.0]))
        tensor([0.0000, 0.6931, 1.3863])

    Follows ``torch.log``.
    """
    return jnp.log(input)


@op(promote="float")
def log2(input: Array) -> Array:
    """The logarithm to base 2.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Any; the result: the default dtype for bools and integers, else the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.log2(torch.tensor([1.0, 2.0, 4.0]))
        tensor([0., 1., 2.])

    Follows ``torch.log2``.
    """
    return jnp.log2(input)


@op(promote="float")
def log10(input: Array) -> Array:
    """The logarithm to base 10.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Any; the result: the default dtype for bools and integers, else the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.log10(torch.tensor([1.0, 2.0, 4.0]))
        tensor([0.0000, 0.3010, 0.6021])

    Follows ``torch.log10``.
    """
    return jnp.log10(input)


@op(promote="float")
@in_float32
def log1p(input: Array) -> Array:
    """``log(1 + input)``, accurate near 0.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Any; the result: the default dtype for bools and integers, else the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.log1p(torch.tensor([1.0, 2.0, 4.0]))
        tensor([0.6931, 1.0986, 1.6094])

    Follows ``torch.log1p``.
    """
    return jnp.log1p(input)


@op(promote="float")
def sin(input: Array) -> Array:
    """Sine.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Any; the result: the default dtype for bools and integers, else the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.sin(torch.tensor([-1.5, 0.0, 2.0]))
        tensor([-0.9975,  0.0000,  0.9093])

    Follows ``torch.sin``.
    """
    return jnp.sin(input)


@op(promote="float")
def cos(input: Array) -> Array:
    """Cosine.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Any; the result: the default dtype for bools and integers, else the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.cos(torch.tensor([-1.5, 0.0, 2.0]))
        tensor([ 0.0707,  1.0000, -0.4161])

    Follows ``torch.cos``.
    """
    return jnp.cos(input)


@op(promote="float")
@in_float32
def tan(input: Array) -> Array:
    """Tangent.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Any; the result: the default dtype for bools and integers, else the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.tan(torch.tensor([-1.5, 0.0, 2.0]))
        tensor([-14.1014,   0.0000,  -2.1850])

    Follows ``torch.tan``.
    """
    return jnp.tan(input)


@op(promote="float")
def asin(input: Array) -> Array:
    """Inverse sine, in ``[-pi/2, pi/2]``; nan outside ``[-1, 1]``.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Any; the result: the default dtype for bools and integers, else the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.asin(torch.tensor([-0.5, 0.0, 0.5]))
        tensor([-0.5236,  0.0000,  0.5236])

    Follows ``torch.asin``.
    """
    return jnp.arcsin(input)


@op(promote="float")
def acos(input: Array) -> Array:
    """Inverse cosine, in ``[0, pi]``; nan outside ``[-1, 1]``.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Any; the result: the default dtype for bools and integers, else the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.acos(torch.tensor([-0.5, 0.0, 0.5]))
        tensor([2.0944, 1.5708, 1.0472])

    Follows ``torch.acos``.
    """
    return jnp.arccos(input)


@op(promote="float")
def atan(input: Array) -> Array:
    """Inverse tangent, in ``[-pi/2, pi/2]``.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Any; the result: the default dtype for bools and integers, else the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.atan(torch.tensor([-1.5, 0.0, 2.0]))
        tensor([-0.9828,  0.0000,  1.1071])

    Follows ``torch.atan``.
    """
    return jnp.arctan(input)


@op(promote="float")
@in_float32
def sinh(input: Array) -> Array:
    """Hyperbolic sine.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Any; the result: the default dtype for bools and integers, else the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.sinh(torch.tensor([-1.5, 0.0, 2.0]))
        tensor([-2.1293,  0.0000,  3.6269])

    Follows ``torch.sinh``.
    """
    return jnp.sinh(input)


@op(promote="float")
@in_float32
def cosh(input: Array) -> Array:
    """Hyperbolic cosine.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Any; the result: the default dtype for bools and integers, else the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.cosh(torch.tensor([-1.5, 0.0, 2.0]))
        tensor([2.3524, 1.0000, 3.7622])

    Follows ``torch.cosh``.
    """
    return jnp.cosh(input)


@op(promote="float")
def tanh(input: Array) -> Array:
    """Hyperbolic tangent.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Any; the result: the default dtype for bools and integers, else the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.tanh(torch.tensor([-1.5, 0.0, 2.0]))
        tensor([-0.9051,  0.0000,  0.9640])

    Follows ``torch.tanh``.
    """
    return jnp.tanh(input)


@op(promote="float")
@in_float32
def asinh(input: Array) -> Array:
    """Inverse hyperbolic sine.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Any; the result: the default dtype for bools and integers, else the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.asinh(torch.tensor([-1.5, 0.0, 2.0]))
        tensor([-1.1948,  0.0000,  1.4436])

    Follows ``torch.asinh``.
    """
    return jnp.arcsinh(input)


@op(promote="float")
@in_float32
def acosh(input: Array) -> Array:
    """Inverse hyperbolic cosine; nan below 1.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Any; the result: the default dtype for bools and integers, else the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.acosh(torch.tensor([1.0, 2.0, 4.0]))
        tensor([0.0000, 1.3170, 2.0634])

    Follows ``torch.acosh``.
    """
    if is_complex(input):
        # The product of the two roots keeps the right branch, in the derivative as well.
        return jnp.log(input + jnp.sqrt(input + 1) * jnp.sqrt(input - 1))
    return jnp.arccosh(input)


@op(promote="float")
@in_float32
def atanh(input: Array) -> Array:
    """Inverse hyperbolic tangent; infinite at -1 and 1, nan beyond.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Any; the result: the default dtype for bools and integers, else the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.atanh(torch.tensor([-0.5, 0.0, 0.5]))
        tensor([-0.5493,  0.0000,  0.5493])

    Follows ``torch.atanh``.
    """
    return jnp.arctanh(input)


@op(promote="float")
@in_float32
def sigmoid(input: Array) -> Array:
    """``1 / (1 + exp(-input))``.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Any; the result: the default dtype for bools and integers, else the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.sigmoid(torch.tensor([-1.5, 0.0, 2.0]))
        tensor([0.1824, 0.5000, 0.8808])

    Follows ``torch.sigmoid``.
    """
    if is_complex(input):
        return 1 / (1 + jnp.exp(-input))
    return jax.nn.sigmoid(input)


@op(promote="float")
@in_float32
def sinc(input: Array) -> Array:
    """``sin(pi * input) / (pi * input)``, and 1 at 0.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Any; the result: the default dtype for bools and integers, else the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.sinc(torch.tensor([-1.5, 0.0, 2.0]))
        tensor([-2.1221e-01,  1.0000e+00,  2.7828e-08])

    Follows ``torch.sinc``.
    """
    return jnp.sinc(input)


@op()
def relu(input: Array) -> Array:
    """``max(input, 0)``; nan stays nan. Its derivative at 0 is 0.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Integers and floating; the result has the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.relu(torch.tensor([-1.5, 0.0, 2.0]))
        tensor([0., 0., 2.])

    Follows ``torch.relu``.
    """
    return jnp.where(input <= 0, jnp.zeros((), input.dtype), input)
