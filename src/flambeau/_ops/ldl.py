r"""The factorization L D Lᵀ of symmetric and Hermitian matrices that need not be definite.

Bunch and Kaufman's pivoting, lower form: D has blocks of one or two rows, and a row of
``pivots`` tells which row was exchanged, negative (and twice) at a block of two.
"""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
from jax import lax

from flambeau._ops.linalg import _square, _vector_right_side
from flambeau._ops.registry import Array, op

# Bunch and Kaufman, Some Stable Methods for Calculating Inertia and Solving Symmetric Linear
# Systems (1977): the bound on growth is least here.
_ALPHA = (1 + 17**0.5) / 8


def _batched(function, *arrays: Array, core: tuple[int, ...]):
    """Apply a function of single matrices and vectors over the leading dimensions."""
    depth = arrays[0].ndim - core[0]
    for _ in range(depth):
        function = jax.vmap(function)
    return function(*arrays)


def _size(x: Array) -> Array:
    """How large LAPACK takes a number to be when it looks for a pivot."""
    if jnp.issubdtype(x.dtype, jnp.complexfloating):
        return jnp.abs(jnp.real(x)) + jnp.abs(jnp.imag(x))
    return jnp.abs(x)


def _exchange(matrix: Array, i: Array, j: Array) -> Array:
    """Rows `i` and `j` exchanged."""
    at = jnp.arange(matrix.shape[0])
    return matrix[jnp.where(at == i, j, jnp.where(at == j, i, at))]


def _factor(A: Array, hermitian: bool) -> tuple[Array, Array, Array]:
    n = A.shape[0]
    at = jnp.arange(n)
    other = jnp.conj if hermitian else lambda x: x
    lower = jnp.tril(A)
    if hermitian:
        lower = jnp.where(jnp.eye(n, dtype=bool), jnp.real(lower).astype(A.dtype), lower)
    whole = lower + other(jnp.tril(lower, -1)).T

    def go(state):
        return state[0] < n

    def step(state):
        k, M, out, pivots, info = state
        column = jnp.where(at > k, _size(M[:, k]), -1.0)
        best = jnp.argmax(column)
        largest = jnp.maximum(column[best], 0.0)
        here = _size(M[k, k])
        row = jnp.where((at >= k) & (at != best), _size(M[best]), -1.0).max()
        zero = jnp.maximum(here, largest) == 0
        keep = zero | (here >= _ALPHA * largest)
        keep = keep | (here * row >= _ALPHA * largest * largest)
        single = keep | (_size(M[best, best]) >= _ALPHA * row)
        chosen = jnp.where(keep, k, best)
        place = jnp.where(single, k, k + 1)  # the row that is exchanged
        M = _exchange(_exchange(M, place, chosen).T, place, chosen).T
        info = jnp.where(zero & (info == 0), k + 1, info)

        # A block of one.
        d = M[k, k]
        below = jnp.where(at > k, M[:, k], 0)
        scaled = jnp.where(zero, 0, below / jnp.where(zero, 1, d))
        M1 = M - jnp.outer(scaled, other(below))
        out1 = out.at[:, k].set(jnp.where(at == k, d, scaled))

        # A block of two.
        k2 = jnp.minimum(k + 1, n - 1)
        a, b, c, e = M[k, k], M[k, k2], M[k2, k], M[k2, k2]
        determinant = a * e - b * c
        safe = jnp.where(single, 1, determinant)
        left = jnp.where(at > k2, M[:, k], 0)
        right = jnp.where(at > k2, M[:, k2], 0)
        first = (left * e - right * c) / safe
        second = (right * a - left * b) / safe
        M2 = M - jnp.outer(first, other(left)) - jnp.outer(second, other(right))
        out2 = out.at[:, k].set(jnp.where(at == k, a, jnp.where(at == k2, c, first)))
        out2 = out2.at[:, k2].set(jnp.where(at == k2, e, second))

        number = (chosen + 1).astype(jnp.int32)
        one = pivots.at[k].set(number)
        two = pivots.at[k].set(-number).at[k2].set(-number)
        return (
            k + jnp.where(single, 1, 2),
            jnp.where(single, M1, M2),
            jnp.where(single, out1, out2),
            jnp.where(single, one, two),
            info,
        )

    start = (
        jnp.asarray(0, jnp.int32), whole, jnp.zeros_like(A), jnp.zeros(n, jnp.int32),
        jnp.asarray(0, jnp.int32),
    )  # fmt: skip
    _, _, out, pivots, info = lax.while_loop(go, step, start)
    return out, pivots, info


@op(differentiable=False)
def ldl_factor_ex(A: Array, *, hermitian: bool = False) -> tuple[Array, Array, Array]:
    r"""The compact factorization, its pivots, and 0 or the first column with a zero block.

    Shape:
        A: (\*, n, n). Results: (\*, n, n), int32 (\*, n) and int32 (\*).
    """
    _square("ldl_factor_ex", A)
    if A.size == 0:
        return A, jnp.zeros(A.shape[:-1], jnp.int32), jnp.zeros(A.shape[:-2], jnp.int32)
    function = functools.partial(_factor, hermitian=hermitian)
    return _batched(function, A, core=(2,))


def _solve(LD: Array, pivots: Array, B: Array, hermitian: bool) -> Array:
    n = LD.shape[0]
    at = jnp.arange(n)
    other = jnp.conj if hermitian else lambda x: x

    def mark(before: Array, pivot: Array) -> tuple[Array, Array]:
        first = (pivot < 0) & ~before
        return first, first

    _, pairs = lax.scan(mark, jnp.asarray(False), pivots)

    def forward(k, B):
        pair = pairs[k]
        second = (pivots[k] < 0) & ~pair
        k2 = jnp.minimum(k + 1, n - 1)
        moved = _exchange(B, jnp.where(pair, k2, k), jnp.abs(pivots[k]) - 1)
        end = jnp.where(pair, k2, k)
        one = jnp.where(at > end, LD[:, k], 0)
        two = jnp.where(pair & (at > end), LD[:, k2], 0)
        less = moved - jnp.outer(one, moved[k]) - jnp.outer(two, moved[k2])
        a, c, e = LD[k, k], LD[k2, k], LD[k2, k2]
        b = other(c)
        safe = jnp.where(pair, a * e - b * c, 1)
        x = (e * less[k] - b * less[k2]) / safe
        y = (a * less[k2] - c * less[k]) / safe
        both = less.at[k].set(x).at[k2].set(y)
        alone = less.at[k].set(less[k] / jnp.where(pair | second, 1, a))
        return jnp.where(second, B, jnp.where(pair, both, alone))

    def backward(i, B):
        k = n - 1 - i
        pair = pairs[k]
        second = (pivots[k] < 0) & ~pair
        k2 = jnp.minimum(k + 1, n - 1)
        end = jnp.where(pair, k2, k)
        one = jnp.where(at > end, other(LD[:, k]), 0)
        two = jnp.where(at > end, other(LD[:, k2]), 0)
        alone = B.at[k].add(-(one @ B))
        both = alone.at[k2].add(-(two @ B))
        less = _exchange(jnp.where(pair, both, alone), end, jnp.abs(pivots[k]) - 1)
        return jnp.where(second, B, less)

    return lax.fori_loop(0, n, backward, lax.fori_loop(0, n, forward, B))


@op(differentiable=False)
def ldl_solve(LD: Array, pivots: Array, B: Array, *, hermitian: bool = False) -> Array:
    r"""The solution X of ``A @ X = B`` from the factorization that ``ldl_factor`` made of A.

    Shape:
        LD: (\*, n, n). pivots: (\*, n). B: (\*, n, k). Result: (\*, n, k).

    Dtypes:
        Floating and complex; the result has the input's.

    Raises:
        RuntimeError: the shapes or dtypes do not fit.

    Example:
        >>> import flambeau as torch
        >>> ld, p = torch.linalg.ldl_factor(torch.tensor([[2.0, 0.0], [0.0, 4.0]]))
        >>> torch.linalg.ldl_solve(ld, p, torch.tensor([[2.0], [8.0]]))
        tensor([[1.],
                [2.]])

    Follows ``torch.linalg.ldl_solve``.
    """
    _square("ldl_solve", LD)
    if B.ndim < 2 or _vector_right_side(LD, B):
        raise RuntimeError(
            "torch.linalg.ldl_solve: Expected B to have at least 2 dimensions, but it has "
            f"{B.ndim} dimensions instead"
        )
    if LD.shape[-1] != B.shape[-2]:
        raise RuntimeError(
            "torch.linalg.ldl_solve: LD and B must have the same number of rows, got "
            f"{LD.shape[-1]} and {B.shape[-2]}"
        )
    if not jnp.issubdtype(pivots.dtype, jnp.integer):
        raise RuntimeError(
            f"torch.linalg.ldl_solve: Expected pivots to be integers. Got {pivots.dtype}"
        )
    if pivots.shape != LD.shape[:-1]:
        raise RuntimeError(
            f"torch.linalg.ldl_solve: Expected LD.shape[:-1] and pivots.shape to be the same, "
            f"but got pivots with shape {list(pivots.shape)}"
        )
    if LD.dtype != B.dtype:
        raise RuntimeError(
            f"torch.linalg.ldl_solve: LD and B must have one dtype, got {LD.dtype} and {B.dtype}"
        )
    batch = jnp.broadcast_shapes(LD.shape[:-2], B.shape[:-2])
    LD = jnp.broadcast_to(LD, (*batch, *LD.shape[-2:]))
    pivots = jnp.broadcast_to(pivots, (*batch, pivots.shape[-1]))
    B = jnp.broadcast_to(B, (*batch, *B.shape[-2:]))
    if B.size == 0:
        return B
    function = functools.partial(_solve, hermitian=hermitian)
    return _batched(function, LD, pivots.astype(jnp.int32), B, core=(2,))
