"""Operations on the bits of integers, and logic on bools."""

from __future__ import annotations

import jax.numpy as jnp
from jax import lax

from flambeau._ops._numeric import dtype_name, is_bool, is_inexact
from flambeau._ops.registry import Array, Operand, op


def _refuse_floats(name: str, *arrays: Array, bools: bool = True) -> None:
    for a in arrays:
        if is_inexact(a) or (is_bool(a) and not bools):
            wanted = "an integer or bool" if bools else "an integer"
            raise NotImplementedError(
                f"{name} is not implemented for '{dtype_name(a.dtype)}'; it takes {wanted} tensor"
            )


@op(differentiable=False)
def bitwise_not(input: Array) -> Array:
    """Every bit flipped; the logical not of a bool.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Bool and integers; the result has the input's.

    Raises:
        NotImplementedError: the tensors are floating or complex.

    Example:
        >>> import flambeau as torch
        >>> torch.bitwise_not(torch.tensor([0, 5]))
        tensor([-1, -6])

    Follows ``torch.bitwise_not``.
    """
    _refuse_floats("bitwise_not", input)
    return jnp.bitwise_not(input)


@op(promote="numeric", differentiable=False)
def bitwise_and(input: Operand, other: Operand) -> Array:
    """The bits set in both.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Bool and integers; the result has the operands' common dtype.

    Raises:
        NotImplementedError: the tensors are floating or complex.
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.bitwise_and(torch.tensor([12, 5]), torch.tensor([2, 3]))
        tensor([0, 1])

    Follows ``torch.bitwise_and``.
    """
    _refuse_floats("bitwise_and", input, other)
    return jnp.bitwise_and(input, other)


@op(promote="numeric", differentiable=False)
def bitwise_or(input: Operand, other: Operand) -> Array:
    """The bits set in either.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Bool and integers; the result has the operands' common dtype.

    Raises:
        NotImplementedError: the tensors are floating or complex.
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.bitwise_or(torch.tensor([12, 5]), torch.tensor([2, 3]))
        tensor([14,  7])

    Follows ``torch.bitwise_or``.
    """
    _refuse_floats("bitwise_or", input, other)
    return jnp.bitwise_or(input, other)


@op(promote="numeric", differentiable=False)
def bitwise_xor(input: Operand, other: Operand) -> Array:
    """The bits set in exactly one.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Bool and integers; the result has the operands' common dtype.

    Raises:
        NotImplementedError: the tensors are floating or complex.
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.bitwise_xor(torch.tensor([12, 5]), torch.tensor([2, 3]))
        tensor([14,  6])

    Follows ``torch.bitwise_xor``.
    """
    _refuse_floats("bitwise_xor", input, other)
    return jnp.bitwise_xor(input, other)


@op(promote="numeric", differentiable=False)
def bitwise_left_shift(input: Operand, other: Operand) -> Array:
    """``input << other``; 0 when the shift is negative or as wide as the dtype.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Integers; the result has the operands' common dtype.

    Raises:
        NotImplementedError: the tensors are floating or complex.
        NotImplementedError: the tensors hold bools.
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.bitwise_left_shift(torch.tensor([12, 5]), torch.tensor([2, 3]))
        tensor([48, 40])

    Follows ``torch.bitwise_left_shift``.
    """
    _refuse_floats("bitwise_left_shift", input, other, bools=False)
    return lax.shift_left(*jnp.broadcast_arrays(input, other))


@op(promote="numeric", differentiable=False)
def bitwise_right_shift(input: Operand, other: Operand) -> Array:
    """``input >> other``, keeping the sign.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Integers; the result has the operands' common dtype.

    Raises:
        NotImplementedError: the tensors are floating or complex.
        NotImplementedError: the tensors hold bools.
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.bitwise_right_shift(torch.tensor([12, 5]), torch.tensor([2, 3]))
        tensor([3, 0])

    Follows ``torch.bitwise_right_shift``.
    """
    _refuse_floats("bitwise_right_shift", input, other, bools=False)
    input, other = jnp.broadcast_arrays(input, other)
    if jnp.issubdtype(input.dtype, jnp.unsignedinteger):
        return lax.shift_right_logical(input, other)
    return lax.shift_right_arithmetic(input, other)
