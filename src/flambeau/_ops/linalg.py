r"""Linear algebra on matrices and batches of them.

All matrix rows take (\*, m, n) and work on the last two dimensions. Decompositions keep
the residuals of their forward for the gradient, since computing them twice is dear.
"""

from __future__ import annotations

import functools
import math

import jax
import jax.numpy as jnp
from jax import lax

from flambeau._ops._dims import canonical_dim, canonical_dims
from flambeau._ops._numeric import accumulator
from flambeau._ops.registry import Array, OptArray, OptDims, op


def _matrix(name: str, input: Array) -> None:
    if input.ndim < 2:
        raise RuntimeError(f"linalg.{name}: The input tensor A must have at least 2 dimensions.")
    if not jnp.issubdtype(input.dtype, jnp.inexact):
        raise RuntimeError(
            f"linalg.{name}: Expected a floating point or complex tensor as input. Got "
            f"{input.dtype}"
        )


def _square(name: str, input: Array) -> None:
    _matrix(name, input)
    if input.shape[-1] != input.shape[-2]:
        raise RuntimeError(
            f"linalg.{name}: A must be batches of square matrices, but they are "
            f"{input.shape[-2]} by {input.shape[-1]} matrices"
        )


def _real(dtype: jnp.dtype) -> jnp.dtype:
    return jnp.finfo(dtype).dtype


def _product(first: Array, second: Array) -> Array:
    return jnp.matmul(first, second, precision=lax.Precision.HIGHEST)


def _adjoint(input: Array) -> Array:
    return jnp.conj(jnp.swapaxes(input, -1, -2))


def _hermitian(A: Array, uplo: str) -> Array:
    if uplo.upper() not in ("L", "U"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {uplo}")
    if uplo.upper() == "L":
        return jnp.tril(A) + _adjoint(jnp.tril(A, -1))
    return jnp.triu(A) + _adjoint(jnp.triu(A, 1))


def _even_halves(A: Array, uplo: str) -> Array:
    """The Hermitian matrix that one half of A gives; both halves share the derivative."""
    delta = A - lax.stop_gradient(A)
    return lax.stop_gradient(_hermitian(A, uplo)) + 0.5 * (delta + _adjoint(delta))


@op(residuals=True)
def det(A: Array) -> Array:
    r"""The determinant of square matrices.

    Shape:
        (\*, n, n) gives (\*).

    Dtypes:
        Floating and complex; the result has the input's.

    Raises:
        RuntimeError: the tensors hold integers or bools.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.linalg.det(torch.tensor([[2.0, 0.0], [0.0, 4.0]]))
        tensor(8.)

    Follows ``torch.linalg.det``.
    """
    _square("det", A)
    if A.shape[-1] == 0:
        return jnp.ones(A.shape[:-2], A.dtype)
    return jnp.linalg.det(A)


@op(residuals=True, returns=("sign", "logabsdet"))
def slogdet(A: Array) -> tuple[Array, Array]:
    """The sign of the determinant and the logarithm of its absolute value.

    Shape:
        ``(*, N, N)`` to the sign and the logarithm, ``(*,)`` each.

    Dtypes:
        Floating and complex; the results: the input's; real for complex numbers, else the
        input's.

    Raises:
        RuntimeError: the tensors hold integers or bools.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.slogdet(torch.tensor([[-2.0, 0.0], [0.0, 1.0]]))
        torch.return_types.slogdet(
        sign=tensor(-1.),
        logabsdet=tensor(0.6931))

    Follows ``torch.linalg.slogdet``.
    """
    _square("slogdet", A)
    sign, logabs = jnp.linalg.slogdet(A)
    return sign, logabs


@op(residuals=True)
def inv(A: Array) -> Array:
    """The inverse of square matrices. That of a singular one holds infinities or NaN.

    Shape:
        ``(*, N, N)`` to the same.

    Dtypes:
        Floating and complex; the result has the input's.

    Raises:
        RuntimeError: the tensors hold integers or bools.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.linalg.inv(torch.tensor([[2.0, 0.0], [0.0, 4.0]]))
        tensor([[0.5000, 0.0000],
                [0.0000, 0.2500]])

    Follows ``torch.linalg.inv``.
    """
    _square("inv", A)
    return jnp.linalg.inv(A)


def _vector_right_side(matrix: Array, other: Array) -> bool:
    """Whether the right-hand side is a (batch of) vectors, by PyTorch's rule."""
    return other.ndim == 1 or (matrix.ndim - 1 == other.ndim and other.shape == matrix.shape[:-1])


@op(residuals=True)
def solve(A: Array, B: Array, *, left: bool = True) -> Array:
    r"""The solution X of ``A @ X = B``, or of ``X @ A = B`` with ``left=False``.

    Shape:
        A: (\*, n, n). B: (\*, n) or (\*, n, k), or (\*, k, n) with ``left=False``.

    Dtypes:
        Floating and complex; the result has the input's.

    Raises:
        RuntimeError: the tensors hold integers or bools.
        RuntimeError: the sizes of the tensors do not fit.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.linalg.solve(torch.tensor([[2.0, 0.0], [0.0, 4.0]]), torch.tensor([2.0, 4.0]))
        tensor([1., 1.])

    Follows ``torch.linalg.solve``.
    """
    _square("solve", A)
    if A.dtype != B.dtype:
        raise RuntimeError(
            f"linalg.solve: Expected A and B to have the same dtype, but found A of type "
            f"{A.dtype} and B of type {B.dtype} instead"
        )
    vector = _vector_right_side(A, B)
    if vector and not left:
        raise RuntimeError(
            "linalg.solve: Vector broadcasting of the left hand side is not supported for "
            "left=False."
        )
    right = B[..., None] if vector else B
    side = -2 if left else -1
    if right.shape[side] != A.shape[-1]:
        raise RuntimeError(
            f"linalg.solve: Incompatible shapes of A and B for the equation "
            f"{'AX = B' if left else 'XA = B'} ({A.shape[-2]}x{A.shape[-1]} and "
            f"{right.shape[-2]}x{right.shape[-1]})"
        )
    batch = jnp.broadcast_shapes(A.shape[:-2], right.shape[:-2])
    A = jnp.broadcast_to(A, batch + A.shape[-2:])
    right = jnp.broadcast_to(right, batch + right.shape[-2:])
    if left:
        out = jnp.linalg.solve(A, right)
    else:
        out = jnp.swapaxes(
            jnp.linalg.solve(jnp.swapaxes(A, -1, -2), jnp.swapaxes(right, -1, -2)), -1, -2
        )
    return out[..., 0] if vector else out


@op(residuals=True)
def solve_triangular(
    A: Array,
    B: Array,
    *,
    upper: bool,
    left: bool = True,
    unitriangular: bool = False,
) -> Array:
    """The solution of a system whose matrix is triangular; its other half is not read.

    Shape:
        ``(*, N, N)`` and ``(*, N, K)`` to ``(*, N, K)``.

    Dtypes:
        Floating and complex; the result has the input's.

    Raises:
        RuntimeError: the tensors hold integers or bools.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> A, B = torch.tensor([[2.0, 0.0], [1.0, 4.0]]), torch.tensor([[2.0], [9.0]])
        >>> torch.linalg.solve_triangular(A, B, upper=False)
        tensor([[1.],
                [2.]])

    Follows ``torch.linalg.solve_triangular``.
    """
    _square("solve_triangular", A)
    batch = jnp.broadcast_shapes(A.shape[:-2], B.shape[:-2])
    A = jnp.broadcast_to(A, batch + A.shape[-2:])
    B = jnp.broadcast_to(B, batch + B.shape[-2:])
    return lax.linalg.triangular_solve(
        A, B, left_side=left, lower=not upper, unit_diagonal=unitriangular
    )


@op(residuals=True)
def cholesky(A: Array, *, upper: bool = False) -> Array:
    """The triangular factor L of a Hermitian positive-definite matrix ``L @ L.mH``.

    A matrix that is not positive-definite gives NaN.

    Shape:
        ``(*, N, N)`` to the same.

    Dtypes:
        Floating and complex; the result has the input's.

    Raises:
        RuntimeError: the tensors hold integers or bools.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.linalg.cholesky(torch.tensor([[2.0, 0.0], [0.0, 4.0]]))
        tensor([[1.4142, 0.0000],
                [0.0000, 2.0000]])

    Follows ``torch.linalg.cholesky``.
    """
    _square("cholesky", A)
    factor = lax.linalg.cholesky(_even_halves(A, "U" if upper else "L"), symmetrize_input=False)
    return _adjoint(factor) if upper else factor


@op(residuals=True, out="cast")
def cholesky_inverse(input: Array, upper: bool = False) -> Array:
    """The inverse of a matrix whose Cholesky factor is given.

    Shape:
        ``(*, N, N)`` to the same.

    Dtypes:
        Floating and complex; the result has the input's.

    Raises:
        RuntimeError: the tensors hold integers or bools.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.cholesky_inverse(torch.tensor([[2.0, 0.0], [0.0, 4.0]])).abs()
        tensor([[0.2500, 0.0000],
                [0.0000, 0.0625]])

    Follows ``torch.cholesky_inverse``.
    """
    _square("cholesky_inverse", input)
    return jnp.linalg.inv(_from_factor(input, upper))


def _from_factor(factor: Array, upper: bool) -> Array:
    """The matrix of a Cholesky factor: values from one half, slopes from both, as in PyTorch."""
    half = jnp.triu(factor) if upper else jnp.tril(factor)
    both = lax.stop_gradient(half) + (factor - lax.stop_gradient(factor))
    return _product(_adjoint(both), both) if upper else _product(both, _adjoint(both))


@op(residuals=True, out="cast")
def cholesky_solve(input: Array, L: Array, upper: bool = False) -> Array:
    """The solution of ``(L @ L.mH) @ X = input``.

    Shape:
        Right side ``(*, N, K)``, factor ``(*, N, N)``; the solution is ``(*, N, K)``.

    Dtypes:
        Floating and complex; the result has the input's.

    Raises:
        TypeError: the tensors hold bools.
        RuntimeError: the input has no dimensions.

    Example:
        >>> import flambeau as torch
        >>> b, L = torch.tensor([[4.0], [8.0]]), torch.tensor([[2.0, 0.0], [0.0, 4.0]])
        >>> torch.cholesky_solve(b, L)
        tensor([[1.0000],
                [0.5000]])

    Follows ``torch.cholesky_solve``.
    """
    matrix = _from_factor(L, upper)
    batch = jnp.broadcast_shapes(input.shape[:-2], matrix.shape[:-2])
    matrix = jnp.broadcast_to(matrix, batch + matrix.shape[-2:])
    return jnp.linalg.solve(matrix, jnp.broadcast_to(input, batch + input.shape[-2:]))


@op(residuals=True, returns=("Q", "R"))
def qr(A: Array, mode: str = "reduced") -> tuple[Array, Array]:
    """``A = Q @ R`` with orthonormal columns in Q and an upper triangular R.

    Args:
        mode: ``"reduced"``, ``"complete"`` or ``"r"`` (Q is empty then).

    Shape:
        ``(*, M, N)`` to ``(*, M, K)`` and ``(*, K, N)``, K being the smaller of M and N.

    Dtypes:
        Floating and complex; the result has the input's.

    Raises:
        RuntimeError: the tensors hold integers or bools.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> q, r = torch.linalg.qr(torch.tensor([[3.0, 1.0], [4.0, 2.0]]))
        >>> (q @ r).round()
        tensor([[3., 1.],
                [4., 2.]])

    Follows ``torch.linalg.qr``.
    """
    _matrix("qr", A)
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(
            f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), "
            "'r', or 'complete'"
        )
    if mode == "r":
        return jnp.zeros((0,), A.dtype), jnp.linalg.qr(A, mode="r")
    q, r = jnp.linalg.qr(A, mode=mode)
    return q, r


@op(residuals=True, returns=("U", "S", "Vh"))
def svd(A: Array, full_matrices: bool = True) -> tuple[Array, Array, Array]:
    """``A = U @ diag(S) @ Vh`` with singular values in descending order.

    Follows ``torch.linalg.svd``.
    """
    _matrix("svd", A)
    u, s, vh = jnp.linalg.svd(A, full_matrices=full_matrices)
    return u, s, vh


@op(residuals=True)
def svdvals(A: Array) -> Array:
    """The singular values in descending order.

    Shape:
        ``(*, M, N)`` to ``(*, K)``, K being the smaller of M and N.

    Dtypes:
        Floating and complex; the result: real for complex numbers, else the input's.

    Raises:
        RuntimeError: the tensors hold integers or bools.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.linalg.svdvals(torch.tensor([[2.0, 0.0], [0.0, 4.0]]))
        tensor([4., 2.])

    Follows ``torch.linalg.svdvals``.
    """
    _matrix("svdvals", A)
    return jnp.linalg.svd(A, full_matrices=False)[1]


@op(residuals=True, returns=("eigenvalues", "eigenvectors"))
def eigh(A: Array, UPLO: str = "L") -> tuple[Array, Array]:
    """Eigenvalues, ascending, and eigenvectors of Hermitian matrices.

    Shape:
        ``(*, N, N)`` to values ``(*, N)`` and vectors ``(*, N, N)``.

    Dtypes:
        Floating and complex; the results: real for complex numbers, else the input's; the
        input's.

    Raises:
        RuntimeError: the tensors hold integers or bools.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> w, v = torch.linalg.eigh(torch.tensor([[2.0, 1.0], [1.0, 2.0]]))
        >>> w
        tensor([1., 3.])

    Follows ``torch.linalg.eigh``.
    """
    _square("eigh", A)
    w, v = jnp.linalg.eigh(_even_halves(A, UPLO), symmetrize_input=False)
    return w, v


@op(residuals=True)
def eigvalsh(A: Array, UPLO: str = "L") -> Array:
    """Eigenvalues, ascending, of Hermitian matrices.

    Shape:
        ``(*, N, N)`` to ``(*, N)``.

    Dtypes:
        Floating and complex; the result: real for complex numbers, else the input's.

    Raises:
        RuntimeError: the tensors hold integers or bools.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.linalg.eigvalsh(torch.tensor([[2.0, 0.0], [0.0, 4.0]]))
        tensor([2., 4.])

    Follows ``torch.linalg.eigvalsh``.
    """
    _square("eigvalsh", A)
    return jnp.linalg.eigh(_even_halves(A, UPLO), symmetrize_input=False)[0]


@op(residuals=True, returns=("eigenvalues", "eigenvectors"), out="cast")
def eig(A: Array) -> tuple[Array, Array]:
    """Eigenvalues and eigenvectors, complex, of square matrices.

    XLA computes these on the CPU only.

    Shape:
        ``(*, N, N)`` to values ``(*, N)`` and vectors ``(*, N, N)``.

    Dtypes:
        Floating and complex; the result is complex.

    Raises:
        RuntimeError: the tensors hold integers or bools.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> w, v = torch.linalg.eig(torch.tensor([[2.0, 0.0], [0.0, 3.0]]))
        >>> w
        tensor([2.+0.j, 3.+0.j])

    Follows ``torch.linalg.eig``.
    """
    _square("eig", A)
    if A.size == 0:
        kind = jnp.result_type(A.dtype, jnp.complex64)
        return jnp.zeros(A.shape[:-1], kind), jnp.zeros(A.shape, kind)
    # JAX leaves derivatives of eigenvectors to those who know that eigenvalues are distinct,
    # as PyTorch's users have to.
    w, v = lax.linalg.eig(A, compute_left_eigenvectors=False, enable_eigvec_derivs=True)
    return w, v


@op(residuals=True, out="cast")
def eigvals(A: Array) -> Array:
    """Eigenvalues, complex, of square matrices.

    Shape:
        ``(*, N, N)`` to ``(*, N)``.

    Dtypes:
        Floating and complex; the result is complex.

    Raises:
        RuntimeError: the tensors hold integers or bools.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.linalg.eigvals(torch.tensor([[0.0, 1.0], [-1.0, 0.0]])).imag.abs()
        tensor([1., 1.])

    Follows ``torch.linalg.eigvals``.
    """
    _square("eigvals", A)
    if A.size == 0:
        return jnp.zeros(A.shape[:-1], jnp.result_type(A.dtype, jnp.complex64))
    # The second derivative goes through the eigenvectors.
    return lax.linalg.eig(A, compute_left_eigenvectors=False, enable_eigvec_derivs=True)[0]


@op(residuals=True, returns=("P", "L", "U"))
def lu(A: Array, *, pivot: bool = True) -> tuple[Array, Array, Array]:
    """``A = P @ L @ U`` with a permutation, a unit lower and an upper triangular matrix.

    Shape:
        ``(*, M, N)`` to ``(*, M, M)``, ``(*, M, K)`` and ``(*, K, N)``, K being the smaller
        of M and N.

    Dtypes:
        Floating and complex; the result has the input's.

    Raises:
        RuntimeError: the tensors hold integers or bools.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> p, l, u = torch.linalg.lu(torch.tensor([[1.0, 2.0], [4.0, 2.0]]))
        >>> u
        tensor([[4.0000, 2.0000],
                [0.0000, 1.5000]])

    Follows ``torch.linalg.lu``.
    """
    _matrix("lu", A)
    if not pivot:
        raise RuntimeError("linalg.lu: LU without pivoting is not implemented on the CPU")
    factors, _, order = lax.linalg.lu(A)
    m, n = A.shape[-2:]
    k = min(m, n)
    lower = jnp.tril(factors[..., :, :k], -1) + jnp.eye(m, k, dtype=A.dtype)
    upper = jnp.triu(factors[..., :k, :])
    rows = jax.nn.one_hot(order, m, dtype=A.dtype, axis=-2)
    return rows, lower, upper


@op(residuals=True, returns=("LU", "pivots"))
def lu_factor(A: Array, *, pivot: bool = True) -> tuple[Array, Array]:
    """The LU decomposition in compact form, with pivots counted from 1.

    Shape:
        ``(*, M, N)`` to factors ``(*, M, N)`` and pivots ``(*, min(M, N))``.

    Dtypes:
        Floating and complex; the results: the input's; int32.

    Raises:
        RuntimeError: the tensors hold integers or bools.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> lu, pivots = torch.linalg.lu_factor(torch.tensor([[4.0, 2.0], [2.0, 5.0]]))
        >>> lu
        tensor([[4.0000, 2.0000],
                [0.5000, 4.0000]])

    Follows ``torch.linalg.lu_factor``.
    """
    _matrix("lu_factor", A)
    if not pivot:
        raise RuntimeError("linalg.lu_factor: LU without pivoting is not implemented on the CPU")
    factors, pivots, _ = lax.linalg.lu(A)
    return factors, pivots.astype(jnp.int32) + 1


def _unpivot(pivots: Array, size: int) -> Array:
    """The permutation that a list of row exchanges (counted from 1) makes."""
    flat = pivots.reshape(math.prod(pivots.shape[:-1]), pivots.shape[-1]).astype(jnp.int64) - 1

    def one(exchanges: Array) -> Array:
        def step(i: Array, order: Array) -> Array:
            j = exchanges[i]
            a, b = order[i], order[j]
            return order.at[i].set(b).at[j].set(a)

        return lax.fori_loop(0, exchanges.shape[0], step, jnp.arange(size, dtype=jnp.int64))

    return jax.vmap(one)(flat).reshape(*pivots.shape[:-1], size)


@op(residuals=True)
def lu_solve(
    LU: Array,
    pivots: Array,
    B: Array,
    *,
    left: bool = True,
    adjoint: bool = False,
) -> Array:
    """The solution of a system from its compact LU decomposition.

    Shape:
        Factors ``(*, N, N)``, pivots ``(*, N)``, right side ``(*, N, K)``; the result is
        ``(*, N, K)``.

    Dtypes:
        Floating and complex; the result has the input's.

    Raises:
        RuntimeError: the tensors hold integers or bools.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> lu, pivots = torch.linalg.lu_factor(torch.tensor([[2.0, 0.0], [0.0, 4.0]]))
        >>> torch.linalg.lu_solve(lu, pivots, torch.tensor([[2.0], [8.0]]))
        tensor([[1.],
                [2.]])

    Follows ``torch.linalg.lu_solve``.
    """
    _square("lu_solve", LU)
    n = LU.shape[-1]
    batch = jnp.broadcast_shapes(LU.shape[:-2], B.shape[:-2])
    if B.size == 0 or LU.size == 0:
        return jnp.zeros(batch + B.shape[-2:], B.dtype)
    order = jnp.broadcast_to(_unpivot(pivots, n), (*batch, n))
    factors = jnp.broadcast_to(LU, batch + LU.shape[-2:])
    right = jnp.broadcast_to(B, batch + B.shape[-2:])
    # X A = B is the system of the transpose: Aᵀ Xᵀ = Bᵀ.
    if not left:
        right = jnp.swapaxes(right, -1, -2)
    transposed = adjoint == left
    top = jnp.conj(factors) if adjoint else factors
    if not transposed:
        right = jnp.take_along_axis(right, order[..., None], axis=-2)
        half = lax.linalg.triangular_solve(
            top, right, left_side=True, lower=True, unit_diagonal=True
        )
        out = lax.linalg.triangular_solve(top, half, left_side=True, lower=False)
    else:
        half = lax.linalg.triangular_solve(
            top, right, left_side=True, lower=False, transpose_a=True
        )
        half = lax.linalg.triangular_solve(
            top, half, left_side=True, lower=True, transpose_a=True, unit_diagonal=True
        )
        back = jnp.argsort(order, axis=-1)
        out = jnp.take_along_axis(half, back[..., None], axis=-2)
    return out if left else jnp.swapaxes(out, -1, -2)


@op(residuals=True)
def pinv(
    A: Array,
    atol: OptArray = None,
    rtol: OptArray = None,
    hermitian: bool = False,
) -> Array:
    """The Moore-Penrose inverse, ignoring singular values below a tolerance.

    Follows ``torch.linalg.pinv``.
    """
    _matrix("pinv", A)
    if A.size == 0:
        return jnp.zeros((*A.shape[:-2], A.shape[-1], A.shape[-2]), A.dtype)
    singular = jnp.linalg.svd(lax.stop_gradient(A), full_matrices=False)[1]
    greatest = jnp.max(singular, axis=-1, keepdims=True)
    bound = _tolerance(A, greatest[..., 0], atol, rtol)[..., None] / greatest
    # jnp counts a singular value as zero at the bound, PyTorch below it; they differ only
    # for values that equal the bound exactly.
    return _pseudo_inverse(A, bound[..., 0], hermitian)


@functools.partial(jax.custom_jvp, nondiff_argnums=(2,))
def _pseudo_inverse(A: Array, bound: Array, hermitian: bool) -> Array:
    half = _hermitian(A, "L") if hermitian else A
    return jnp.linalg.pinv(half, rtol=bound, hermitian=hermitian)


@_pseudo_inverse.defjvp
def _pseudo_inverse_jvp(
    hermitian: bool, primals: tuple[Array, Array], tangents: tuple[Array, Array]
) -> tuple[Array, Array]:
    # JAX's own rule reads both halves of a Hermitian matrix alike; PyTorch's is the general one.
    A, bound = primals
    inverse = _pseudo_inverse(A, bound, hermitian)
    across, back = _adjoint(tangents[0]), _adjoint(inverse)
    left = across - _product(_product(across, A), inverse)
    right = across - _product(inverse, _product(A, across))
    slope = _product(_product(inverse, back), left) + _product(right, _product(back, inverse))
    return inverse, slope - _product(_product(inverse, tangents[0]), inverse)


def _tolerance(
    A: Array,
    greatest: Array,
    atol: OptArray,
    rtol: OptArray,
) -> Array:
    real = _real(A.dtype)
    default = max(A.shape[-2:]) * float(jnp.finfo(A.dtype).eps)
    absolute = jnp.zeros((), real) if atol is None else jnp.asarray(atol).astype(real)
    if rtol is not None:
        relative = jnp.asarray(rtol).astype(real)
    elif atol is None:
        relative = jnp.asarray(default, real)
    else:
        relative = jnp.where(absolute > 0, 0.0, default).astype(real)
    return jnp.maximum(absolute, relative * greatest)


@op(differentiable=False)
def matrix_rank(
    A: Array,
    atol: OptArray = None,
    rtol: OptArray = None,
    hermitian: bool = False,
) -> Array:
    """The number of singular values above a tolerance.

    Follows ``torch.linalg.matrix_rank``.
    """
    _matrix("matrix_rank", A)
    if A.size == 0:
        return jnp.zeros(A.shape[:-2], jnp.int64)
    if hermitian:
        values = jnp.abs(jnp.linalg.eigvalsh(_hermitian(A, "L"), symmetrize_input=False))
    else:
        values = jnp.linalg.svd(A, compute_uv=False)
    bound = _tolerance(A, jnp.max(values, axis=-1), atol, rtol)
    return jnp.sum(values > bound[..., None], axis=-1, dtype=jnp.int64)


@op(residuals=True, returns=("solution", "residuals", "rank", "singular_values"))
def lstsq(
    input: Array,
    B: Array,
    rcond: float | None = None,
) -> tuple[Array, Array, Array, Array]:
    """The least-squares solution of ``input @ X = B``.

    Follows ``torch.linalg.lstsq``.
    """
    _matrix("lstsq", input)
    vector = _vector_right_side(input, B)
    right = B[..., None] if vector else B
    real = _real(input.dtype)
    m, n = input.shape[-2:]
    bound = float(jnp.finfo(input.dtype).eps) * max(m, n) if rcond is None else rcond
    inverse = jnp.linalg.pinv(input, rtol=bound)
    solution = _product(inverse, right)
    values = jnp.linalg.svd(lax.stop_gradient(input), compute_uv=False)
    rank = jnp.sum(values > bound * values[..., :1], axis=-1, dtype=jnp.int64)
    if m > n:
        gap = _product(input, solution) - right
        residuals = jnp.sum(jnp.real(gap * jnp.conj(gap)), axis=-2)
    else:
        residuals = jnp.zeros((0,), real)
    return (solution[..., 0] if vector else solution), residuals, rank, values


@op(residuals=True, out="cast")
def matrix_power(A: Array, n: int) -> Array:
    """The ``n``-th power of square matrices; a negative one powers the inverse.

    Shape:
        ``(*, N, N)`` to the same.

    Dtypes:
        Floating and complex; the result has the input's.

    Raises:
        RuntimeError: the tensors hold integers or bools.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.linalg.matrix_power(torch.tensor([[2.0, 0.0], [0.0, 4.0]]), 2)
        tensor([[ 4.,  0.],
                [ 0., 16.]])

    Follows ``torch.linalg.matrix_power``.
    """
    _square("matrix_power", A)
    base = jnp.linalg.inv(A) if n < 0 else A
    n = abs(n)
    result = jnp.broadcast_to(jnp.eye(A.shape[-1], dtype=A.dtype), A.shape)
    first = True
    while n:
        if n & 1:
            result = base if first else _product(result, base)
            first = False
        n >>= 1
        if n:
            base = _product(base, base)
    return result


_TAYLOR_DEGREE = 18
_TAYLOR_REACH = {8: 1.09, 4: 3.01}  # the 1-norm up to which 18 terms suffice, by bytes
_SQUARINGS = 32


@op(residuals=True)
def matrix_exp(A: Array) -> Array:
    """The matrix exponential: a Taylor polynomial of the matrix scaled down, squared up again.

    Unlike a rational approximation it solves no system, which costs digits in float32.

    Shape:
        ``(*, N, N)`` to the same.

    Dtypes:
        Floating and complex; the result has the input's.

    Raises:
        RuntimeError: the tensors hold integers or bools.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.linalg.matrix_exp(torch.zeros(2, 2))
        tensor([[1., 0.],
                [0., 1.]])

    Follows ``torch.linalg.matrix_exp``.
    """
    _square("matrix_exp", A)
    if A.size == 0:
        return A
    x = A.astype(accumulator(A.dtype))
    norm = jnp.max(jnp.sum(jnp.abs(lax.stop_gradient(x)), axis=-2), axis=-1)
    least = jnp.log2(
        jnp.maximum(norm, jnp.finfo(norm.dtype).tiny) / _TAYLOR_REACH[norm.dtype.itemsize]
    )
    squarings = jnp.maximum(jnp.ceil(least), 0)
    squarings = jnp.where(jnp.isfinite(squarings), squarings, 0)[..., None, None]
    x = x * (2.0**-squarings).astype(x.dtype)
    result = _taylor(x)

    def square(now: Array, step: Array) -> tuple[Array, None]:
        wanted = step < squarings
        again = lax.cond(jnp.any(wanted), lambda m: _product(m, m), lambda m: m, now)
        return jnp.where(wanted, again, now), None

    result, _ = lax.scan(square, result, jnp.arange(_SQUARINGS, dtype=squarings.dtype))
    return jnp.where(squarings <= _SQUARINGS, result, jnp.nan).astype(A.dtype)


def _taylor(x: Array) -> Array:
    """The sum of ``x**k / k!``: blocks of three powers, joined by Horner's rule in ``x**3``."""
    eye = jnp.broadcast_to(jnp.eye(x.shape[-1], dtype=x.dtype), x.shape)
    square = _product(x, x)
    cube = _product(square, x)

    def block(k: int) -> Array:
        first, second, third = (1 / math.factorial(k + i) for i in range(3))
        return eye * first + x * second + square * third

    last = _TAYLOR_DEGREE // 3
    total = block(3 * (last - 1)) + cube * (1 / math.factorial(_TAYLOR_DEGREE))
    for k in reversed(range(last - 1)):
        total = block(3 * k) + _product(cube, total)
    return total


def _norm_of(x: Array, ord: float, dim: tuple[int, ...], keepdim: bool) -> Array:
    size = jnp.where(x == 0, 0, jnp.abs(jnp.where(x == 0, 1, x)))
    if ord == 0:
        return jnp.sum(x != 0, axis=dim, keepdims=keepdim).astype(size.dtype)
    if math.isinf(ord):
        pick = jnp.max if ord > 0 else jnp.min
        return pick(size, axis=dim, keepdims=keepdim)
    if ord == 1:
        return jnp.sum(size, axis=dim, keepdims=keepdim)
    if ord == 2:
        total = jnp.sum(jnp.square(size), axis=dim, keepdims=keepdim)
        return jnp.where(total == 0, 0, jnp.sqrt(jnp.where(total == 0, 1, total)))
    if ord < 0:
        return jnp.sum(size**ord, axis=dim, keepdims=keepdim) ** (1 / ord)
    total = jnp.sum(
        jnp.where(size == 0, 0, jnp.where(size == 0, 1, size) ** ord), axis=dim, keepdims=keepdim
    )
    return jnp.where(total == 0, 0, jnp.where(total == 0, 1, total) ** (1 / ord))


def _extreme(values: Array, axis: int, greatest: bool) -> Array:
    """The greatest or least of numbers that are not negative; of none, the greatest is 0."""
    if values.shape[axis] == 0 and not greatest:
        raise IndexError(f"amin(): Expected reduction dim {axis} to have non-zero size.")
    return jnp.max(values, axis=axis, initial=0) if greatest else jnp.min(values, axis=axis)


_MATRIX_NORMS = ("fro", "nuc", math.inf, -math.inf, 1.0, -1.0, 2.0, -2.0)


@op(residuals=True)
def matrix_norm(
    A: Array,
    ord: float | str = "fro",
    dim: tuple[int, ...] = (-2, -1),
    keepdim: bool = False,
) -> Array:
    """A norm of matrices: ``"fro"``, ``"nuc"``, or of order ±1, ±2 or ±inf.

    Follows ``torch.linalg.matrix_norm``.
    """
    if ord not in _MATRIX_NORMS:
        raise RuntimeError(
            f"linalg.matrix_norm: Order {ord} not supported."
            if not isinstance(ord, str)
            else f"linalg.matrix_norm: Order '{ord}' not supported."
        )
    if A.ndim < 2:
        raise RuntimeError(
            "linalg.matrix_norm: The input tensor A must have at least 2 dimensions."
        )
    if len(dim) != 2:
        raise RuntimeError("linalg.matrix_norm: dim must be a 2-tuple. Got " + str(list(dim)))
    rows, columns = canonical_dims(dim, A.ndim)
    if ord == "fro":
        return _norm_of(A, 2, (rows, columns), keepdim)
    if ord in ("nuc", 2.0, -2.0):
        moved = jnp.moveaxis(A, (rows, columns), (-2, -1))
        values = jnp.linalg.svd(moved, full_matrices=False)[1]
        if ord == "nuc":
            out = jnp.sum(values, axis=-1)
        else:
            out = _extreme(values, -1, ord > 0)
    else:
        assert not isinstance(ord, str)
        along, across = (rows, columns) if abs(ord) == 1 else (columns, rows)
        sums = _norm_of(A, 1, (along,), keepdim=True)
        out = jnp.squeeze(jnp.expand_dims(_extreme(sums, across, ord > 0), across), (rows, columns))
    return jnp.expand_dims(out, tuple(sorted((rows, columns)))) if keepdim else out


@op(residuals=True)
def cond(A: Array, p: float | str | None = None) -> Array:
    """The condition number in a norm; None means the 2-norm.

    Follows ``torch.linalg.cond``.
    """
    _matrix("cond", A)
    if p is None or p in (2.0, -2.0):
        values = jnp.linalg.svd(A, full_matrices=False)[1]
        low, high = values[..., -1], values[..., 0]
        return low / high if p == -2.0 else high / low
    _square("cond", A)
    return matrix_norm.impl(A, p) * matrix_norm.impl(jnp.linalg.inv(A), p)


@jax.custom_jvp
def _reflected(A: Array, tau: Array) -> Array:
    return lax.linalg.householder_product(A, tau)


@_reflected.defjvp
def _reflected_jvp(
    primals: tuple[Array, Array], tangents: tuple[Array, Array]
) -> tuple[Array, Array]:
    # LAPACK's routine has no derivative in JAX: take that of the product written out.
    return _reflected(*primals), jax.jvp(_reflections, primals, tangents)[1]


def _reflections(A: Array, tau: Array) -> Array:
    """The first columns of the product of ``I - tau v v*``, the vectors below A's diagonal."""
    m, n = A.shape[-2:]
    count = tau.shape[-1]
    eye = jnp.eye(m, n, dtype=A.dtype)
    vectors = (jnp.tril(A, -1) + eye)[..., :count]
    result = jnp.broadcast_to(eye, A.shape)
    for k in reversed(range(count)):
        v = vectors[..., k, None]
        result = result - tau[..., k, None, None] * _product(v, _product(_adjoint(v), result))
    return result


@op(out="cast")
def householder_product(A: Array, tau: Array) -> Array:
    """The product of the first columns of the Householder matrices.

    Shape:
        ``(*, M, K)`` and reflectors ``(*, K)`` to ``(*, M, K)``.

    Dtypes:
        Floating and complex; the result has the input's.

    Raises:
        RuntimeError: the tensors hold integers or bools.
        RuntimeError: the sizes of the tensors do not fit.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> a, tau = torch.geqrf(torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
        >>> torch.linalg.householder_product(a, tau).abs()
        tensor([[1., 0.],
                [0., 1.]])

    Follows ``torch.linalg.householder_product``.
    """
    _matrix("householder_product", A)
    return _reflected(A, tau)


@op(residuals=True, out="cast")
def tensorinv(A: Array, ind: int = 2) -> Array:
    """The inverse of a tensor as a linear map over its first ``ind`` dimensions.

    Dtypes:
        Floating and complex; the result has the input's.

    Raises:
        RuntimeError: the sizes before and after ``ind`` have different products.

    Example:
        >>> import flambeau as torch
        >>> torch.linalg.tensorinv(torch.eye(4).reshape(2, 2, 2, 2), 2)
        tensor([[[[1., 0.],
                  [0., 0.]],

                 [[0., 1.],
                  [0., 0.]]],


                [[[0., 0.],
                  [1., 0.]],

                 [[0., 0.],
                  [0., 1.]]]])

    Follows ``torch.linalg.tensorinv``.
    """
    if ind <= 0:
        raise RuntimeError("Expected a strictly positive integer for 'ind', but got " + str(ind))
    rows = math.prod(A.shape[:ind])
    if rows != math.prod(A.shape[ind:]):
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[ind:]) == "
            f"prod(self.shape[:ind]), but got {math.prod(A.shape[ind:])} != {rows}"
        )
    return jnp.linalg.inv(A.reshape(rows, rows)).reshape(*A.shape[ind:], *A.shape[:ind])


@op(residuals=True)
def tensorsolve(A: Array, B: Array, dims: OptDims = None) -> Array:
    """The solution X of ``tensordot(A, X, X.ndim) = B``.

    Follows ``torch.linalg.tensorsolve``.
    """
    if dims is not None:
        moved = canonical_dims(dims, A.ndim)
        A = jnp.transpose(A, [d for d in range(A.ndim) if d not in moved] + list(moved))
    shape = A.shape[B.ndim :]
    if math.prod(shape) != B.size:
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == "
            f"prod(self.shape[:other.ndim]), but got {math.prod(shape)} != {B.size}"
        )
    return jnp.linalg.solve(A.reshape(B.size, B.size), B.reshape(-1)).reshape(shape)


@op()
def vecdot(x: Array, y: Array, *, dim: int = -1) -> Array:
    """The sums of the products of ``x``, conjugated, and ``y`` along ``dim``.

    Follows ``torch.linalg.vecdot``.
    """
    product = jnp.conj(x) * y
    return jnp.sum(product, axis=canonical_dim(dim, product.ndim), dtype=product.dtype)


@op(residuals=True)
def logdet(input: Array) -> Array:
    """The logarithm of the determinant; NaN where it is negative.

    Follows ``torch.logdet``.
    """
    _square("logdet", input)
    sign, logabs = jnp.linalg.slogdet(input)
    if jnp.iscomplexobj(input):
        return jnp.log(sign) + logabs
    return jnp.where(sign < 0, jnp.asarray(jnp.nan, logabs.dtype), logabs)


@op()
def vandermonde(x: Array, count: int) -> Array:
    """The powers 0 to ``count - 1`` of vectors.

    Follows ``torch.linalg.vander``.
    """
    x = jnp.atleast_1d(x)
    base = jnp.broadcast_to(x[..., None], (*x.shape, count - 1))
    ones = jnp.ones((*x.shape, 1), x.dtype)
    return jnp.concatenate([ones, jnp.cumprod(base, axis=-1)], axis=-1)


@op(returns=("P", "L", "U"))
def lu_unpack(LU: Array, pivots: Array) -> tuple[Array, Array, Array]:
    """The matrices of a compact LU decomposition."""
    m, n = LU.shape[-2:]
    k = min(m, n)
    lower = jnp.tril(LU[..., :, :k], -1) + jnp.eye(m, k, dtype=LU.dtype)
    upper = jnp.triu(LU[..., :k, :])
    rows = jax.nn.one_hot(_unpivot(pivots, m), m, dtype=LU.dtype, axis=-2)
    return rows, lower, upper


@op(residuals=True, returns=("a", "tau"), out="cast")
def geqrf(input: Array) -> tuple[Array, Array]:
    """The QR decomposition in compact form: R above the diagonal, reflections below it.

    Dtypes:
        Floating and complex; the result has the input's.

    Raises:
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> a, tau = torch.geqrf(torch.tensor([[3.0, 1.0], [4.0, 2.0]]))
        >>> a.shape, tau.shape
        (torch.Size([2, 2]), torch.Size([2]))

    Follows ``torch.geqrf``.
    """
    _matrix("geqrf", input)
    packed, tau = jnp.linalg.qr(input, mode="raw")
    return jnp.swapaxes(packed, -1, -2), tau


@op(residuals=True)
def ormqr(
    input: Array, tau: Array, other: Array, left: bool = True, transpose: bool = False
) -> Array:
    """A matrix multiplied by the orthogonal matrix of a compact QR decomposition.

    Shape:
        Reflectors ``(*, M, K)`` and ``(*, K)``, other ``(*, M, N)``; the result is ``(*, M,
        N)``.

    Dtypes:
        Floating and complex; the result has the input's.

    Raises:
        RuntimeError: the tensors hold integers or bools.
        RuntimeError: the sizes of the tensors do not fit.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> a, tau = torch.geqrf(torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
        >>> torch.ormqr(a, tau, torch.ones(2, 1)).abs()
        tensor([[1.],
                [1.]])

    Follows ``torch.ormqr``.
    """
    _matrix("ormqr", input)
    size = input.shape[-2]
    wide = [(0, 0)] * (input.ndim - 1)
    input = input[..., :size]
    padded = jnp.pad(input, [*wide, (0, size - input.shape[-1])])
    q = _reflected(padded, tau)
    q = _adjoint(q) if transpose else q
    return _product(q, other) if left else _product(other, q)
