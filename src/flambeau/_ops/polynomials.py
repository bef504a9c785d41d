"""Orthogonal polynomials of a degree per element, by their recurrences."""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
from jax import lax

from flambeau._ops.registry import Array, Operand, op


def _recur(x: Array, n: Array, first: Array, step: Callable[[Array, Array, Array], Array]) -> Array:
    """The polynomial of degree ``n``: 0 below degree 0, 1 at 0, ``first`` at 1.

    ``step(k, p, q)`` gives degree ``k + 1`` from ``p`` (degree ``k``) and ``q`` (``k - 1``).
    """
    x, n, first = jnp.broadcast_arrays(x, n, first)
    degree = jnp.where(jnp.isnan(n), -1, jnp.trunc(n))
    one = jnp.ones_like(x)

    def body(k: Array, state: tuple[Array, Array]) -> tuple[Array, Array]:
        p, q = state
        new = step(k.astype(x.dtype), p, q)
        return jnp.where(k < degree, new, p), jnp.where(k < degree, p, q)

    top = jnp.max(degree, initial=1).astype(jnp.int64)
    reached, _ = lax.fori_loop(1, top, body, (first, one))
    result = jnp.where(degree >= 1, reached, one)
    return jnp.where(degree < 0, 0, jnp.where(degree == 0, one, result)).astype(x.dtype)


def _chebyshev(x: Array, n: Array, first: Array) -> Array:
    return _recur(x, n, first, lambda k, p, q: 2 * x * p - q)


@op(promote="float", differentiable=False)
def chebyshev_polynomial_t(input: Operand, n: Operand) -> Array:
    """Chebyshev's polynomial of the first kind of degree ``n``.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Bool, integers and floating; the result: the default dtype for bools and integers,
        else the operands' common dtype.

    Raises:
        TypeError: the tensors are complex.
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.special.chebyshev_polynomial_t(torch.tensor([0.5]), torch.tensor([2]))
        tensor([-0.5000])

    Follows ``torch.special.chebyshev_polynomial_t``.
    """
    return _chebyshev(input, n, input)


@op(promote="float", differentiable=False)
def chebyshev_polynomial_u(input: Operand, n: Operand) -> Array:
    """Chebyshev's polynomial of the second kind of degree ``n``.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Bool, integers and floating; the result: the default dtype for bools and integers,
        else the operands' common dtype.

    Raises:
        TypeError: the tensors are complex.
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.special.chebyshev_polynomial_u(torch.tensor([0.5]), torch.tensor([2]))
        tensor([0.])

    Follows ``torch.special.chebyshev_polynomial_u``.
    """
    return _chebyshev(input, n, 2 * input)


@op(promote="float", differentiable=False)
def chebyshev_polynomial_v(input: Operand, n: Operand) -> Array:
    """Chebyshev's polynomial of the third kind of degree ``n``.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Bool, integers and floating; the result: the default dtype for bools and integers,
        else the operands' common dtype.

    Raises:
        TypeError: the tensors are complex.
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.special.chebyshev_polynomial_v(torch.tensor([0.5]), torch.tensor([2]))
        tensor([-1.])

    Follows ``torch.special.chebyshev_polynomial_v``.
    """
    return _chebyshev(input, n, 2 * input - 1)


@op(promote="float", differentiable=False)
def chebyshev_polynomial_w(input: Operand, n: Operand) -> Array:
    """Chebyshev's polynomial of the fourth kind of degree ``n``.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Bool, integers and floating; the result: the default dtype for bools and integers,
        else the operands' common dtype.

    Raises:
        TypeError: the tensors are complex.
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.special.chebyshev_polynomial_w(torch.tensor([0.5]), torch.tensor([2]))
        tensor([1.])

    Follows ``torch.special.chebyshev_polynomial_w``.
    """
    return _chebyshev(input, n, 2 * input + 1)


@op(promote="float", differentiable=False)
def shifted_chebyshev_polynomial_t(input: Operand, n: Operand) -> Array:
    """Chebyshev's polynomial of the first kind at ``2 * input - 1``.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Bool, integers and floating; the result: the default dtype for bools and integers,
        else the operands' common dtype.

    Raises:
        TypeError: the tensors are complex.
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.special.shifted_chebyshev_polynomial_t(torch.tensor([0.5]), torch.tensor([2]))
        tensor([-1.])

    Follows ``torch.special.shifted_chebyshev_polynomial_t``.
    """
    return _chebyshev(2 * input - 1, n, 2 * input - 1)


@op(promote="float", differentiable=False)
def shifted_chebyshev_polynomial_u(input: Operand, n: Operand) -> Array:
    """Chebyshev's polynomial of the second kind at ``2 * input - 1``.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Bool, integers and floating; the result: the default dtype for bools and integers,
        else the operands' common dtype.

    Raises:
        TypeError: the tensors are complex.
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.special.shifted_chebyshev_polynomial_u(torch.tensor([0.5]), torch.tensor([2]))
        tensor([-1.])

    Follows ``torch.special.shifted_chebyshev_polynomial_u``.
    """
    return _chebyshev(2 * input - 1, n, 4 * input - 2)


@op(promote="float", differentiable=False)
def shifted_chebyshev_polynomial_v(input: Operand, n: Operand) -> Array:
    """Chebyshev's polynomial of the third kind at ``2 * input - 1``.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Bool, integers and floating; the result: the default dtype for bools and integers,
        else the operands' common dtype.

    Raises:
        TypeError: the tensors are complex.
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.special.shifted_chebyshev_polynomial_v(torch.tensor([0.5]), torch.tensor([2]))
        tensor([-1.])

    Follows ``torch.special.shifted_chebyshev_polynomial_v``.
    """
    return _chebyshev(2 * input - 1, n, 4 * input - 3)


@op(promote="float", differentiable=False)
def shifted_chebyshev_polynomial_w(input: Operand, n: Operand) -> Array:
    """Chebyshev's polynomial of the fourth kind at ``2 * input - 1``.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Bool, integers and floating; the result: the default dtype for bools and integers,
        else the operands' common dtype.

    Raises:
        TypeError: the tensors are complex.
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.special.shifted_chebyshev_polynomial_w(torch.tensor([0.5]), torch.tensor([2]))
        tensor([-1.])

    Follows ``torch.special.shifted_chebyshev_polynomial_w``.
    """
    return _chebyshev(2 * input - 1, n, 4 * input - 1)


@op(promote="float", differentiable=False)
def hermite_polynomial_h(input: Operand, n: Operand) -> Array:
    """The physicist's Hermite polynomial of degree ``n``.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Bool, integers and floating; the result: the default dtype for bools and integers,
        else the operands' common dtype.

    Raises:
        TypeError: the tensors are complex.
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.special.hermite_polynomial_h(torch.tensor([0.5]), torch.tensor([2]))
        tensor([-1.])

    Follows ``torch.special.hermite_polynomial_h``.
    """
    return _recur(input, n, 2 * input, lambda k, p, q: 2 * input * p - 2 * k * q)


@op(promote="float", differentiable=False)
def hermite_polynomial_he(input: Operand, n: Operand) -> Array:
    """The probabilist's Hermite polynomial of degree ``n``.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Bool, integers and floating; the result: the default dtype for bools and integers,
        else the operands' common dtype.

    Raises:
        TypeError: the tensors are complex.
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.special.hermite_polynomial_he(torch.tensor([0.5]), torch.tensor([2]))
        tensor([-0.7500])

    Follows ``torch.special.hermite_polynomial_he``.
    """
    return _recur(input, n, input, lambda k, p, q: input * p - k * q)


@op(promote="float", differentiable=False)
def laguerre_polynomial_l(input: Operand, n: Operand) -> Array:
    """The Laguerre polynomial of degree ``n``.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Bool, integers and floating; the result: the default dtype for bools and integers,
        else the operands' common dtype.

    Raises:
        TypeError: the tensors are complex.
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.special.laguerre_polynomial_l(torch.tensor([0.5]), torch.tensor([2]))
        tensor([0.1250])

    Follows ``torch.special.laguerre_polynomial_l``.
    """
    return _recur(input, n, 1 - input, lambda k, p, q: ((2 * k + 1 - input) * p - k * q) / (k + 1))


@op(promote="float", differentiable=False)
def legendre_polynomial_p(input: Operand, n: Operand) -> Array:
    """The Legendre polynomial of degree ``n``.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Bool, integers and floating; the result: the default dtype for bools and integers,
        else the operands' common dtype.

    Raises:
        TypeError: the tensors are complex.
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.special.legendre_polynomial_p(torch.tensor([0.5]), torch.tensor([2]))
        tensor([-0.1250])

    Follows ``torch.special.legendre_polynomial_p``.
    """
    return _recur(input, n, input, lambda k, p, q: ((2 * k + 1) * input * p - k * q) / (k + 1))
