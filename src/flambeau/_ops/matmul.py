"""Products of matrices and vectors.

Products are exact to the dtype: XLA's faster formats for float32 on accelerators are not
used, as they are not in PyTorch by default. An operand with batch dimensions against a
matrix is flattened to two dimensions, where XLA's CPU backend is fastest.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import jax.numpy as jnp
from jax import lax

from flambeau._ops._dims import canonical_dim
from flambeau._ops._numeric import accumulator
from flambeau._ops.registry import Array, Arrays, Op, OptArray, Scalar, op


def _same_dtype(name: str, first: Array, second: Array) -> None:
    if first.dtype != second.dtype:
        raise RuntimeError(
            f"{name}: expected both operands to have the same dtype, but got: {first.dtype} != "
            f"{second.dtype}"
        )


def _dims(name: str, operand: Array, expected: int, which: str) -> None:
    if operand.ndim != expected:
        raise RuntimeError(f"{name}: expected {which} to be {expected}-D, but got {operand.ndim}-D")


def dot_2d(first: Array, second: Array) -> Array:
    """The product of two matrices."""
    return lax.dot(first, second)


def _shapes_fit(first: Array, second: Array, name: str = "mat1 and mat2") -> None:
    if first.shape[-1] != second.shape[0]:
        raise RuntimeError(
            f"{name} shapes cannot be multiplied ({'x'.join(map(str, first.shape))} and "
            f"{'x'.join(map(str, second.shape))})"
        )


@op()
def mm(input: Array, mat2: Array) -> Array:
    """The product of two matrices.

    Shape:
        (n, m) and (m, p) give (n, p).

    Dtypes:
        Integers, floating and complex; the result has the input's.

    Raises:
        RuntimeError: an operand is not a matrix, or sizes or dtypes do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.mm(torch.tensor([[1, 2], [3, 4]]), torch.tensor([[0, 1], [1, 0]]))
        tensor([[2, 1],
                [4, 3]])

    Follows ``torch.mm``.
    """
    _dims("mm", input, 2, "self")
    _dims("mm", mat2, 2, "mat2")
    _same_dtype("mm", input, mat2)
    _shapes_fit(input, mat2)
    return dot_2d(input, mat2)


@op()
def bmm(input: Array, mat2: Array) -> Array:
    """Products of two batches of matrices.

    Shape:
        (b, n, m) and (b, m, p) give (b, n, p).

    Dtypes:
        Integers, floating and complex; the result has the input's.

    Raises:
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.bmm(torch.ones(1, 2, 3), torch.ones(1, 3, 2))
        tensor([[[3., 3.],
                 [3., 3.]]])

    Follows ``torch.bmm``.
    """
    _dims("bmm", input, 3, "batch1")
    _dims("bmm", mat2, 3, "batch2")
    _same_dtype("bmm", input, mat2)
    if input.shape[0] != mat2.shape[0] or input.shape[2] != mat2.shape[1]:
        raise RuntimeError(
            "Expected size for first two dimensions of batch2 tensor to be: "
            f"[{input.shape[0]}, {input.shape[2]}] but got: [{mat2.shape[0]}, {mat2.shape[1]}]."
        )
    return jnp.matmul(input, mat2)


@op()
def grouped_mm(mat_a: Array, mat_b: Array, offs: OptArray = None) -> Array:
    """Products of groups of rows, columns or inner elements, each with its own matrix.

    ``offs`` holds where each group ends; rows and columns after the last end give zeros.

    Shape:
        - (m, k) and (g, k, n) give (m, n): the rows are in groups
        - (g, m, k) and (k, n) give (m, n): the columns are in groups
        - (m, k) and (k, n) give (g, m, n): the inner elements are in groups
        - (g, m, k) and (g, k, n) give (g, m, n), without ``offs``

    Follows ``torch.nn.functional.grouped_mm``.
    """
    kind = jnp.float32

    def product(a: Array, b: Array) -> Array:
        return jnp.matmul(a, b, preferred_element_type=kind)

    if offs is None:
        return product(mat_a, mat_b).astype(mat_a.dtype)
    groups = jnp.arange(offs.shape[0])

    def members(count: int) -> Array:
        """(g, count): which elements are of which group."""
        return jnp.searchsorted(offs, jnp.arange(count), side="right") == groups[:, None]

    if mat_a.ndim == 2 and mat_b.ndim == 2:
        mine = members(mat_a.shape[1])[:, None, :]
        out = product(jnp.where(mine, mat_a, 0), mat_b)
    elif mat_a.ndim == 2:
        mine = members(mat_a.shape[0])[:, :, None]
        out = product(jnp.where(mine, mat_a, 0), mat_b).sum(0)
    else:
        mine = members(mat_b.shape[1])[:, None, :]
        out = product(mat_a, jnp.where(mine, mat_b, 0)).sum(0)
    return out.astype(mat_a.dtype)


@op()
def matmul(input: Array, other: Array) -> Array:
    r"""The matrix product, broadcast over leading dimensions; vectors lose theirs again.

    Shape:
        (\*, n, m) and (\*, m, p) give (\*, n, p); (m) against (m) gives a scalar.

    Dtypes:
        Integers, floating and complex; the result has the input's.

    Raises:
        RuntimeError: an operand is 0-d, or sizes or dtypes do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.matmul(torch.tensor([[1, 2], [3, 4]]), torch.tensor([1, 1]))
        tensor([3, 7])

    Follows ``torch.matmul``.
    """
    if input.ndim == 0 or other.ndim == 0:
        raise RuntimeError(
            "both arguments to matmul need to be at least 1D, but they are "
            f"{input.ndim}D and {other.ndim}D"
        )
    _same_dtype("matmul", input, other)
    if other.ndim <= 2:
        if input.ndim == other.ndim == 1:
            if input.shape != other.shape:
                raise RuntimeError(
                    "inconsistent tensor size, expected tensor "
                    f"{list(input.shape)} and src {list(other.shape)} to have the same number of "
                    f"elements, but got {input.size} and {other.size} elements respectively"
                )
            return lax.dot(input, other)
        rows = input.reshape(math.prod(input.shape[:-1]), input.shape[-1])
        _shapes_fit(rows, other)
        out = dot_2d(rows, other)
        return out.reshape(*input.shape[:-1], *other.shape[1:])
    if input.shape[-1] != other.shape[-2]:
        raise RuntimeError(
            "Expected size for first two dimensions of batch2 tensor to be: "
            f"[{math.prod(other.shape[:-2])}, {input.shape[-1]}] but got: "
            f"[{math.prod(other.shape[:-2])}, {other.shape[-2]}]."
        )
    try:
        jnp.broadcast_shapes(input.shape[:-2], other.shape[:-2])
    except ValueError:
        raise RuntimeError(
            f"The batch dimensions of {list(input.shape)} and {list(other.shape)} do not "
            "broadcast: each size must match the other tensor's, or be 1"
        ) from None
    return jnp.matmul(input, other)


@op()
def mv(input: Array, vec: Array) -> Array:
    """The product of a matrix and a vector.

    Shape:
        ``(N, M)`` and ``(M,)`` to ``(N,)``.

    Dtypes:
        Integers, floating and complex; the result has the input's.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.mv(torch.tensor([[1, 2], [3, 4]]), torch.tensor([1, 1]))
        tensor([3, 7])

    Follows ``torch.mv``.
    """
    if input.ndim != 2 or vec.ndim != 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got 1, {input.ndim}, {vec.ndim}")
    _same_dtype("mv", input, vec)
    if input.shape[1] != vec.shape[0]:
        raise RuntimeError(
            f"size mismatch, got input ({input.shape[0]}), mat "
            f"({input.shape[0]}x{input.shape[1]}), vec ({vec.shape[0]})"
        )
    return lax.dot(input, vec)


def _vectors(name: str, first: Array, second: Array) -> None:
    if first.ndim != 1 or second.ndim != 1:
        raise RuntimeError(f"1D tensors expected, but got {first.ndim}D and {second.ndim}D tensors")
    if first.dtype != second.dtype:
        raise RuntimeError(
            f"{name} : expected both vectors to have same dtype, but found {first.dtype} and "
            f"{second.dtype}"
        )
    if first.shape != second.shape:
        raise RuntimeError(
            "inconsistent tensor size, expected tensor "
            f"{list(first.shape)} and src {list(second.shape)} to have the same number of "
            f"elements, but got {first.size} and {second.size} elements respectively"
        )


@op()
def dot(input: Array, tensor: Array) -> Array:
    """The sum of the products of two vectors.

    Shape:
        ``(N,)`` and ``(N,)`` to ``()``.

    Dtypes:
        Integers, floating and complex; the result has the input's.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.
        RuntimeError: the input has no dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.dot(torch.tensor([1, 2]), torch.tensor([3, 4]))
        tensor(11)

    Follows ``torch.dot``.
    """
    _vectors("dot", input, tensor)
    return lax.dot(input, tensor)


@op()
def vdot(input: Array, other: Array) -> Array:
    """The sum of the products of two vectors, the first one conjugated.

    Shape:
        ``(N,)`` and ``(N,)`` to ``()``.

    Dtypes:
        Integers, floating and complex; the result has the input's.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.
        RuntimeError: the input has no dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.vdot(torch.tensor([1, 2]), torch.tensor([3, 4]))
        tensor(11)

    Follows ``torch.vdot``.
    """
    _vectors("vdot", input, other)
    return lax.dot(jnp.conj(input), other)


@op()
def inner(input: Array, other: Array) -> Array:
    r"""The sums of the products over the last dimensions of both.

    Shape:
        (\*A, m) and (\*B, m) give (\*A, \*B); a 0-d operand multiplies.

    Dtypes:
        Integers, floating and complex; the result has the input's.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.inner(torch.tensor([1, 2]), torch.tensor([3, 4]))
        tensor(11)

    Follows ``torch.inner``.
    """
    _same_dtype("inner", input, other)
    if input.ndim == 0 or other.ndim == 0:
        return input * other
    if input.shape[-1] != other.shape[-1]:
        raise RuntimeError(
            "inner() the last dimension must match on both input tensors but got shapes "
            f"{list(input.shape)} and {list(other.shape)}"
        )
    return contract(input, other, (input.ndim - 1,), (other.ndim - 1,))


@op(promote="numeric")
def outer(input: Array, vec2: Array) -> Array:
    """The products of all pairs of elements of two vectors.

    Shape:
        (n) and (m) give (n, m).

    Dtypes:
        Any; the result has the operands' common dtype.

    Raises:
        RuntimeError: the input has no dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.outer(torch.tensor([1, 2]), torch.tensor([3, 4]))
        tensor([[3, 4],
                [6, 8]])

    Follows ``torch.outer``.
    """
    _dims("outer", input, 1, "self")
    _dims("outer", vec2, 1, "vec2")
    return input[:, None] * vec2[None, :]


def _blend(input: Array, product: Array, beta: Scalar, alpha: Scalar, name: str) -> Array:
    """``beta * input + alpha * product``; a zero ``beta`` silences NaN in the input."""
    dtype = input.dtype
    if accumulator(dtype) == product.dtype:
        input = input.astype(product.dtype)
    if input.dtype != product.dtype:
        raise RuntimeError(
            f"{name}: self and the product must have the same dtype, but got {input.dtype} and "
            f"{product.dtype}"
        )
    if jnp.broadcast_shapes(input.shape, product.shape) != product.shape:
        raise RuntimeError(
            f"{name}: the input of shape {list(input.shape)} cannot be expanded to "
            f"{list(product.shape)}"
        )
    beta, alpha = (jnp.asarray(x).astype(product.dtype) for x in (beta, alpha))
    kept = jnp.where(beta == 0, jnp.zeros((), product.dtype), beta * input)
    return (kept + alpha * product).astype(dtype)


def _unrounded(row: Op, first: Array, second: Array) -> Array:
    """The row's product; of 16-bit floats in float32, so that the sum is rounded once."""
    product = row.impl(first, second)  # checks the operands
    wide = accumulator(product.dtype)
    if wide == product.dtype:
        return product
    if row is outer:
        return first.astype(wide)[:, None] * second.astype(wide)
    return jnp.matmul(first, second, preferred_element_type=wide)


@op()
def addmm(input: Array, mat1: Array, mat2: Array, *, beta: Scalar = 1, alpha: Scalar = 1) -> Array:
    """``beta * input + alpha * (mat1 @ mat2)``.

    Shape:
        Input: broadcastable to (n, p). mat1: (n, m). mat2: (m, p). Output: (n, p).

    Dtypes:
        Integers, floating and complex; the result has the input's.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.addmm(torch.ones(2, 2), torch.eye(2), torch.ones(2, 2))
        tensor([[2., 2.],
                [2., 2.]])

    Follows ``torch.addmm``.
    """
    return _blend(input, _unrounded(mm, mat1, mat2), beta, alpha, "addmm")


@op()
def addmv(input: Array, mat: Array, vec: Array, *, beta: Scalar = 1, alpha: Scalar = 1) -> Array:
    """``beta * input + alpha * (mat @ vec)``.

    Shape:
        ``(N, M)`` and ``(M,)``, with ``(N,)`` to add; the result is ``(N,)``.

    Dtypes:
        Integers, floating and complex; the result has the input's.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.addmv(torch.ones(2), torch.eye(2), torch.ones(2))
        tensor([2., 2.])

    Follows ``torch.addmv``.
    """
    return _blend(input, _unrounded(mv, mat, vec), beta, alpha, "addmv")


@op(promote="numeric")
def addr(input: Array, vec1: Array, vec2: Array, *, beta: Scalar = 1, alpha: Scalar = 1) -> Array:
    """``beta * input + alpha * outer(vec1, vec2)``.

    Shape:
        ``(N,)`` and ``(M,)``, with ``(N, M)`` to add; the result is ``(N, M)``.

    Dtypes:
        Any; the result has the operands' common dtype.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.addr(torch.zeros(2, 2), torch.ones(2), torch.ones(2))
        tensor([[1., 1.],
                [1., 1.]])

    Follows ``torch.addr``.
    """
    return _blend(input, _unrounded(outer, vec1, vec2), beta, alpha, "addr")


@op()
def baddbmm(
    input: Array, batch1: Array, batch2: Array, *, beta: Scalar = 1, alpha: Scalar = 1
) -> Array:
    """``beta * input + alpha * (batch1 @ batch2)``, batch by batch.

    Shape:
        ``(B, N, M)`` and ``(B, M, P)``, with ``(B, N, P)`` to add; the result is ``(B, N,
        P)``.

    Dtypes:
        Integers, floating and complex; the result has the input's.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.baddbmm(torch.zeros(1, 1, 1), torch.ones(1, 1, 2), torch.ones(1, 2, 1))
        tensor([[[2.]]])

    Follows ``torch.baddbmm``.
    """
    return _blend(input, _unrounded(bmm, batch1, batch2), beta, alpha, "baddbmm")


@op()
def addbmm(
    input: Array, batch1: Array, batch2: Array, *, beta: Scalar = 1, alpha: Scalar = 1
) -> Array:
    """``beta * input + alpha * sum over the batch of (batch1 @ batch2)``.

    Shape:
        ``(B, N, M)`` and ``(B, M, P)``, with ``(N, P)`` to add; the result is ``(N, P)``.

    Dtypes:
        Integers, floating and complex; the result has the input's.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.addbmm(torch.zeros(1, 1), torch.ones(2, 1, 1), torch.ones(2, 1, 1))
        tensor([[2.]])

    Follows ``torch.addbmm``.
    """
    bmm.impl(batch1, batch2)
    return _blend(input, contract(batch1, batch2, (0, 2), (0, 1)), beta, alpha, "addbmm")


def contract(first: Array, second: Array, dims1: Sequence[int], dims2: Sequence[int]) -> Array:
    """The sum of products over paired dimensions, as one product of two matrices."""
    free1 = [d for d in range(first.ndim) if d not in dims1]
    free2 = [d for d in range(second.ndim) if d not in dims2]
    shape1 = [first.shape[d] for d in free1]
    shape2 = [second.shape[d] for d in free2]
    inner_size = math.prod(first.shape[d] for d in dims1)
    left = jnp.transpose(first, (*free1, *dims1)).reshape(math.prod(shape1), inner_size)
    right = jnp.transpose(second, (*dims2, *free2)).reshape(inner_size, math.prod(shape2))
    return dot_2d(left, right).reshape(*shape1, *shape2)


@op()
def tensordot(a: Array, b: Array, dims1: tuple[int, ...], dims2: tuple[int, ...]) -> Array:
    """The sum of products over dimensions ``dims1`` of ``a`` and ``dims2`` of ``b``."""
    if len(dims1) != len(dims2):
        raise RuntimeError(
            f"both dimension lists should have same length, got {list(dims1)} and {list(dims2)}"
        )
    _same_dtype("tensordot", a, b)
    axes1 = [canonical_dim(d, a.ndim) for d in dims1]
    axes2 = [canonical_dim(d, b.ndim) for d in dims2]
    for d1, d2 in zip(axes1, axes2, strict=True):
        n1, n2 = a.shape[d1], b.shape[d2]
        if n1 != n2:
            if 1 not in (n1, n2):
                raise RuntimeError(
                    f"contracted dimensions need to match, but first has size {n1} in dim {d1} "
                    f"and second has size {n2} in dim {d2}"
                )
            if n1 == 1:
                b = jnp.sum(b, axis=d2, keepdims=True)
            else:
                a = jnp.sum(a, axis=d1, keepdims=True)
    return contract(a, b, axes1, axes2)


def _pair(equation: str, first: Array, second: Array) -> Array | None:
    """A two-operand contraction without batch labels as one product; None when it is not."""
    inputs, arrow, output = equation.partition("->")
    left, comma, right = inputs.partition(",")
    if not comma or not arrow or "." in equation:
        return None
    if len(set(left)) != len(left) or len(set(right)) != len(right):
        return None
    shared = [c for c in left if c in right]
    if not shared or set(shared) & set(output) or set(output) != set(left) ^ set(right):
        return None
    if any(first.shape[left.index(c)] != second.shape[right.index(c)] for c in shared):
        return None
    out = contract(first, second, [left.index(c) for c in shared], [right.index(c) for c in shared])
    order = [c for c in left + right if c not in shared]
    return jnp.transpose(out, [order.index(c) for c in output])


@op(promote="numeric")
def einsum(equation: str, operands: Arrays) -> Array:
    """Sums of products by Einstein's convention.

    Example:
        >>> import flambeau as torch
        >>> torch.einsum("ij,j->i", torch.tensor([[1, 2], [3, 4]]), torch.tensor([1, 1]))
        tensor([3, 7])

    Follows ``torch.einsum``.
    """
    equation = equation.replace(" ", "")
    items = list(operands)
    if len(items) == 2 and equation.count(",") == 1:
        left, right = equation.partition("->")[0].split(",")
        if len(left) == items[0].ndim and len(right) == items[1].ndim:
            paired = _pair(equation, *items)
            if paired is not None:
                return paired
    try:
        return jnp.einsum(equation, *items)
    except (ValueError, TypeError) as error:
        shapes = ", ".join(str(list(item.shape)) for item in items)
        raise RuntimeError(
            f"einsum(): the equation {equation!r} does not fit operands of shapes {shapes}: {error}"
        ) from error


@op(promote="numeric")
def kron(input: Array, other: Array) -> Array:
    """The Kronecker product: every element of ``input`` times all of ``other``.

    Shape:
        Sizes are multiplied dimension by dimension, the shorter shape filled with ones.

    Dtypes:
        Any; the result has the operands' common dtype.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.kron(torch.eye(2), torch.ones(1, 2))
        tensor([[1., 1., 0., 0.],
                [0., 0., 1., 1.]])

    Follows ``torch.kron``.
    """
    ndim = max(input.ndim, other.ndim)
    first = input.reshape((1,) * (ndim - input.ndim) + input.shape)
    second = other.reshape((1,) * (ndim - other.ndim) + other.shape)
    shape = [a * b for a, b in zip(first.shape, second.shape, strict=True)]
    inner_, outer_ = tuple(range(0, 2 * ndim, 2)), tuple(range(1, 2 * ndim, 2))
    return (jnp.expand_dims(first, outer_) * jnp.expand_dims(second, inner_)).reshape(shape)


def _cross_dim(first: Array, second: Array, dim: int) -> int:
    if first.ndim != second.ndim:
        raise RuntimeError("linalg.cross: inputs must have the same number of dimensions.")
    dim = canonical_dim(dim, first.ndim)
    if first.shape[dim] != 3 or second.shape[dim] != 3:
        raise RuntimeError(
            f"linalg.cross: inputs dimension {dim} must have length 3. Got "
            f"{first.shape[dim]} and {second.shape[dim]}"
        )
    return dim


@op(promote="numeric", out="exact")
def cross(input: Array, other: Array, *, dim: int = -1) -> Array:
    """The vector product of vectors of three elements along ``dim``.

    Shape:
        ``(*, 3, *)`` twice, broadcast together, to the same.

    Dtypes:
        Integers, floating and complex; the result has the operands' common dtype.

    Raises:
        TypeError: the tensors hold bools.
        RuntimeError: the sizes of the tensors do not fit.
        IndexError: ``dim`` is no dimension of the input.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.linalg.cross(torch.tensor([1, 0, 0]), torch.tensor([0, 1, 0]))
        tensor([0, 0, 1])

    Follows ``torch.linalg.cross``.
    """
    dim = _cross_dim(input, other, dim)
    a, b = jnp.broadcast_arrays(input, other)
    forward = jnp.roll(a, -1, dim) * jnp.roll(b, -2, dim)
    return forward - jnp.roll(a, -2, dim) * jnp.roll(b, -1, dim)


@op(promote="float")
def cdist(x1: Array, x2: Array, p: float = 2.0) -> Array:
    r"""The distance in the p-norm of every row of ``x1`` to every row of ``x2``.

    Shape:
        x1: (\*, P, M). x2: (\*, R, M). Output: (\*, P, R).

    The gradient where two rows coincide is 0.

    Follows ``torch.cdist``.
    """
    if x1.ndim < 2 or x2.ndim < 2:
        raise RuntimeError("cdist only supports at least 2D tensors")
    if x1.shape[-1] != x2.shape[-1]:
        raise RuntimeError(
            f"X1 and X2 must have the same number of columns. X1: {x1.shape[-1]} X2: {x2.shape[-1]}"
        )
    if p < 0:
        raise RuntimeError("cdist only supports non-negative p values")
    gap = x1[..., :, None, :] - x2[..., None, :, :]
    if gap.shape[-1] == 0:
        return jnp.zeros(gap.shape[:-1], gap.dtype)
    if p == 0:
        return jnp.sum(gap != 0, axis=-1).astype(gap.dtype)
    size = jnp.where(gap == 0, 0, jnp.abs(jnp.where(gap == 0, 1, gap)))
    if p == 1:
        return jnp.sum(size, axis=-1)
    if math.isinf(p):
        return jnp.max(size, axis=-1)
    if p == 2:
        total = jnp.sum(jnp.square(gap), axis=-1)
        return jnp.where(total == 0, 0, jnp.sqrt(jnp.where(total == 0, 1, total)))
    total = jnp.sum(jnp.where(gap == 0, 0, jnp.where(gap == 0, 1, size) ** p), axis=-1)
    return jnp.where(total == 0, 0, jnp.where(total == 0, 1, total) ** (1 / p))


@op()
def multi_dot(tensors: Arrays) -> Array:
    """The product of several matrices, in the order that costs least.

    Shape:
        (a, b), (b, c), (c, d)… give (a, d); the first and last may be vectors.

    Follows ``torch.linalg.multi_dot``.
    """
    if len(tensors) < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {len(tensors)}")
    for i, item in enumerate(tensors):
        if item.ndim != 2 and not (item.ndim == 1 and i in (0, len(tensors) - 1)):
            raise RuntimeError(f"multi_dot(): tensor {i} must be 2D but got {item.ndim}D")
        _same_dtype("multi_dot", tensors[0], item)
    items = list(tensors)
    items[0] = jnp.atleast_2d(items[0])
    if items[-1].ndim == 1:
        items[-1] = items[-1][:, None]
    for left, right in itertools.pairwise(items):
        if left.shape[1] != right.shape[0]:
            raise RuntimeError(
                "multi_dot(): tensors cannot be multiplied "
                f"({left.shape[0]}x{left.shape[1]} and {right.shape[0]}x{right.shape[1]})"
            )
    out = _cheapest(items)
    if tensors[0].ndim == 1:
        out = out[0]
    return out[..., 0] if tensors[-1].ndim == 1 else out


def _cheapest(items: list[Array]) -> Array:
    """The chain multiplied in the optimal order, found by dynamic programming."""
    sizes = [items[0].shape[0], *(item.shape[1] for item in items)]
    count = len(items)
    cost = [[0.0] * count for _ in range(count)]
    split = [[0] * count for _ in range(count)]
    for span in range(1, count):
        for i in range(count - span):
            j = i + span
            options = [
                cost[i][k] + cost[k + 1][j] + sizes[i] * sizes[k + 1] * sizes[j + 1]
                for k in range(i, j)
            ]
            cost[i][j] = min(options)
            split[i][j] = i + options.index(cost[i][j])

    def product(i: int, j: int) -> Array:
        if i == j:
            return items[i]
        return dot_2d(product(i, split[i][j]), product(split[i][j] + 1, j))

    return product(0, count - 1)
