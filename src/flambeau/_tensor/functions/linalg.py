"""Linear algebra: over :mod:`flambeau._ops.linalg`.

A matrix that has no inverse, or no Cholesky factor, gives infinities or NaN: its values are
not known when the operation is recorded, so no error is raised here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from flambeau._ops import linalg as rows
from flambeau._ops import matmul as products
from flambeau._ops import reductions
from flambeau._tensor import dtypes
from flambeau._tensor.construct import constant
from flambeau._tensor.core import TensorBase, value_of, wrap
from flambeau._tensor.dispatch import named_results, public, run, store_out
from flambeau._tensor.functions import shape

det = public(rows.det)
slogdet = public(rows.slogdet)
inv = public(rows.inv)
solve = public(rows.solve)
solve_triangular = public(rows.solve_triangular)
cholesky = public(rows.cholesky)
cholesky_inverse = public(rows.cholesky_inverse)
cholesky_solve = public(rows.cholesky_solve)
qr = public(rows.qr)
svdvals = public(rows.svdvals)
eigh = public(rows.eigh)
eigvalsh = public(rows.eigvalsh)
eig = public(rows.eig)
eigvals = public(rows.eigvals)
lu = public(rows.lu)
lu_factor = public(rows.lu_factor)
lu_solve = public(rows.lu_solve)
matrix_power = public(rows.matrix_power)
matrix_exp = public(rows.matrix_exp)
householder_product = public(rows.householder_product)
tensorinv = public(rows.tensorinv)
cross = public(products.cross)


def _stored(out: Any, result: Any, name: str, exact: bool = True) -> Any:
    return result if out is None else store_out(out, result, name, exact=exact)


def _bound(value: Any, like: Any) -> Any:
    """A tolerance, a number or None, as a tensor or None."""
    if value is None or isinstance(value, TensorBase):
        return value
    aval = value_of(like).aval
    real = np.dtype(
        np.float64 if aval.dtype.itemsize > 8 - 4 * (aval.dtype.kind == "f") else np.float32
    )
    return wrap(constant(np.asarray(value, real), aval.device))


def svd(A: Any, full_matrices: bool = True, *, driver: str | None = None, out: Any = None) -> Any:
    """``A = U @ diag(S) @ Vh`` with singular values in descending order.

    Shape:
        ``(*, M, N)`` to ``(*, M, M)``, ``(*, K)`` and ``(*, N, N)``, or ``(*, M, K)``,
        ``(*, K)`` and ``(*, K, N)`` without ``full_matrices``; K is the smaller of M and N.

    Dtypes:
        Floating and complex; the results: the input's; real for complex numbers, else the
        input's; the input's.

    Raises:
        RuntimeError: the tensors hold integers or bools.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> u, s, vh = torch.linalg.svd(torch.tensor([[3.0, 0.0], [0.0, 2.0]]))
        >>> s
        tensor([3., 2.])

    Follows ``torch.linalg.svd``.
    """
    result = run(rows.svd, (A,), (("full_matrices", bool(full_matrices)),))
    return _stored(out, result, "linalg_svd")


def pinv(
    A: Any,
    rcond: Any = None,
    hermitian: bool = False,
    *,
    atol: Any = None,
    rtol: Any = None,
    out: Any = None,
) -> Any:
    """The Moore-Penrose inverse, ignoring singular values below a tolerance.

    Shape:
        ``(*, M, N)`` to ``(*, N, M)``.

    Dtypes:
        Floating and complex; the result has the input's.

    Raises:
        RuntimeError: the tensors hold integers or bools.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.linalg.pinv(torch.tensor([[2.0, 0.0], [0.0, 4.0]]))
        tensor([[0.5000, 0.0000],
                [0.0000, 0.2500]])

    Follows ``torch.linalg.pinv``.
    """
    rtol = rcond if rtol is None else rtol
    static = (("hermitian", bool(hermitian)),)
    result = run(rows.pinv, (A, _bound(atol, A), _bound(rtol, A)), static)
    return _stored(out, result, "pinv", exact=False)


def matrix_rank(
    A: Any,
    tol: Any = None,
    hermitian: bool = False,
    *,
    atol: Any = None,
    rtol: Any = None,
    out: Any = None,
) -> Any:
    """The number of singular values above a tolerance.

    Shape:
        ``(*, M, N)`` to ``(*,)``.

    Dtypes:
        Floating and complex; the result is int64.

    Raises:
        RuntimeError: the tensors hold integers or bools.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.linalg.matrix_rank(torch.tensor([[2.0, 0.0], [0.0, 4.0]]))
        tensor(2)

    Follows ``torch.linalg.matrix_rank``.
    """
    if tol is not None:
        atol, rtol = tol, 0.0
    static = (("hermitian", bool(hermitian)),)
    result = run(rows.matrix_rank, (A, _bound(atol, A), _bound(rtol, A)), static)
    return _stored(out, result, "matrix_rank")


def lstsq(A: Any, B: Any, rcond: float | None = None, *, driver: str | None = None) -> Any:
    """The least-squares solution of ``A @ X = B``, with residuals, rank and singular values.

    Shape:
        ``(*, M, N)`` and ``(*, M, K)``; the solution is ``(*, N, K)``.

    Dtypes:
        Floating and complex; the results: the input's; real for complex numbers, else the
        input's; int64; real for complex numbers, else the input's.

    Raises:
        RuntimeError: the tensors hold integers or bools.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> A, B = torch.tensor([[1.0], [1.0]]), torch.tensor([[1.0], [3.0]])
        >>> torch.linalg.lstsq(A, B).solution.round()
        tensor([[2.]])

    Follows ``torch.linalg.lstsq``.
    """
    if driver not in (None, "gels", "gelsy", "gelsd", "gelss"):
        raise RuntimeError(
            "torch.linalg.lstsq: parameter `driver` should be one of (gels, gelsy, gelsd, gelss)"
        )
    solution, residuals, rank, values = run(
        rows.lstsq, (A, B), (("rcond", None if rcond is None else float(rcond)),)
    )
    values = values.detach()
    device = value_of(A).aval.device
    if driver in (None, "gelsy", "gels"):
        dtype = value_of(values).aval.dtype
        values = wrap(constant(np.zeros(0, dtype), device))
    if driver == "gels":
        rank = wrap(constant(np.zeros(0, np.int64), device))
    fields = ("solution", "residuals", "rank", "singular_values")
    return named_results("linalg_lstsq", fields)(solution, residuals, rank, values)


def multi_dot(tensors: Any, *, out: Any = None) -> Any:
    """The product of several matrices, in the order that costs least.

    Shape:
        ``(N_0, N_1)``, ``(N_1, N_2)``, ... to ``(N_0, N_k)``; the ends may be vectors.

    Dtypes:
        Integers, floating and complex; the result has the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.linalg.multi_dot([torch.eye(2), torch.ones(2, 1)])
        tensor([[1.],
                [1.]])

    Follows ``torch.linalg.multi_dot``.
    """
    return _stored(out, run(products.multi_dot, (tensors,), ()), "multi_dot")


def matrix_norm(
    A: Any,
    ord: Any = "fro",
    dim: Any = (-2, -1),
    keepdim: bool = False,
    *,
    dtype: Any = None,
    out: Any = None,
) -> Any:
    """A norm of matrices: ``"fro"``, ``"nuc"``, or of order ±1, ±2 or ±inf.

    Shape:
        ``(*, M, N)`` to ``(*,)``, or with size 1 for each under ``keepdim``.

    Dtypes:
        Floating and complex; the result: real for complex numbers, else the input's.

    Raises:
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.linalg.matrix_norm(torch.tensor([[2.0, 0.0], [0.0, 4.0]]))
        tensor(4.4721)

    Follows ``torch.linalg.matrix_norm``.
    """
    if dtype is not None:
        A = A.to(dtype)
    static = (
        ("ord", ord if isinstance(ord, str) else float(ord)),
        ("dim", tuple(dim)),
        ("keepdim", bool(keepdim)),
    )
    return _stored(out, run(rows.matrix_norm, (A,), static), "matrix_norm")


def vector_norm(
    x: Any,
    ord: Any = 2,
    dim: Any = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    out: Any = None,
) -> Any:
    """A norm of vectors, of any order.

    Shape:
        ``(*)`` to ``(*)`` without the reduced dimensions, or with size 1 for each under
        ``keepdim``.

    Dtypes:
        Floating and complex; the result: real for complex numbers, else the input's.

    Raises:
        RuntimeError: the tensors hold integers or bools.
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.linalg.vector_norm(torch.tensor([3.0, 4.0]))
        tensor(5.)

    Follows ``torch.linalg.vector_norm``.
    """
    static = (
        ("ord", float(ord)),
        ("dim", None if dim is None else shape.sizes_of((dim,), "dim")),
        ("keepdim", bool(keepdim)),
        ("dtype", None if dtype is None else dtypes.as_dtype(dtype).numpy),
    )
    return _stored(out, run(reductions.vector_norm, (x,), static), "vector_norm")


def norm(
    A: Any,
    ord: Any = None,
    dim: Any = None,
    keepdim: bool = False,
    *,
    out: Any = None,
    dtype: Any = None,
) -> Any:
    """A norm of vectors or matrices, by ``ord`` and the number of dimensions.

    Shape:
        ``(*)`` to ``(*)`` without the reduced dimensions, or with size 1 for each under
        ``keepdim``.

    Dtypes:
        Floating and complex; the result: real for complex numbers, else the input's.

    Raises:
        RuntimeError: the tensors hold integers or bools.
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.linalg.norm(torch.tensor([[2.0, 0.0], [0.0, 4.0]]))
        tensor(4.4721)

    Follows ``torch.linalg.norm``.
    """
    if ord is not None:
        pair = dim is not None and not isinstance(dim, int) and len(dim) == 2
        if dim is None and A.ndim not in (1, 2):
            raise RuntimeError(
                "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got "
                f"{A.ndim}D."
            )
        if pair or (dim is None and A.ndim == 2):
            return matrix_norm(
                A, ord, (-2, -1) if dim is None else dim, keepdim, dtype=dtype, out=out
            )
        if isinstance(ord, str):
            raise RuntimeError(
                f"linalg.norm: Order {ord!r} is for matrices, but the input is a vector"
            )
        return vector_norm(A, ord, dim, keepdim, dtype=dtype, out=out)
    return vector_norm(A, 2, dim, keepdim, dtype=dtype, out=out)


def cond(A: Any, p: Any = None, *, out: Any = None) -> Any:
    """The condition number in a norm; None means the 2-norm.

    Shape:
        ``(*, M, N)`` to ``(*,)``.

    Dtypes:
        Floating and complex; the result: real for complex numbers, else the input's.

    Raises:
        RuntimeError: the tensors hold integers or bools.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.linalg.cond(torch.tensor([[2.0, 0.0], [0.0, 4.0]]))
        tensor(2.)

    Follows ``torch.linalg.cond``.
    """
    static = (("p", p if p is None or isinstance(p, str) else float(p)),)
    return _stored(out, run(rows.cond, (A,), static), "cond", exact=False)


def tensorsolve(A: Any, B: Any, dims: Any = None, *, out: Any = None) -> Any:
    """The solution X of ``tensordot(A, X, X.ndim) = B``.

    Dtypes:
        Floating and complex; the result has the input's.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.linalg.tensorsolve(2 * torch.eye(4).reshape(2, 2, 4), torch.ones(2, 2))
        tensor([0.5000, 0.5000, 0.5000, 0.5000])

    Follows ``torch.linalg.tensorsolve``.
    """
    static = (("dims", None if dims is None else tuple(dims)),)
    return _stored(out, run(rows.tensorsolve, (A, B), static), "tensorsolve", exact=False)


def vecdot(x: Any, y: Any, *, dim: int = -1, out: Any = None) -> Any:
    """The sums of products along ``dim``, ``x`` conjugated.

    Shape:
        ``(*, N, *)`` twice, broadcast together, to ``(*)`` without the dimension.

    Dtypes:
        Floating and complex; the result has the input's.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.linalg.vecdot(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0]))
        tensor(11.)

    Follows ``torch.linalg.vecdot``.
    """
    return _stored(out, run(rows.vecdot, (x, y), (("dim", dim),)), "vecdot")


def diagonal(A: Any, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """The diagonals of matrices, as a view.

    Shape:
        ``(*, M, N)`` to ``(*, K)``, K being the length of the diagonal.

    Dtypes:
        Any; the result has the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.linalg.diagonal(torch.tensor([[2.0, 0.0], [0.0, 4.0]]))
        tensor([2., 4.])

    Follows ``torch.linalg.diagonal``.
    """
    return shape.diagonal(A, offset, dim1, dim2)


def vander(x: Any, N: int | None = None) -> Any:
    """Matrices of the powers of vectors, ascending.

    Shape:
        ``(*, N)`` to ``(*, N, K)``.

    Dtypes:
        Integers, floating and complex; the result has the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.linalg.vander(torch.tensor([1, 2, 3]))
        tensor([[1, 1, 1],
                [1, 2, 4],
                [1, 3, 9]])

    Follows ``torch.linalg.vander``.
    """
    count = x.shape[-1] if N is None else N
    if count < 2:
        raise RuntimeError("N must be greater than 1.")
    return run(rows.vandermonde, (x,), (("count", count),))


def matmul(input: Any, other: Any, *, out: Any = None) -> Any:
    """The matrix product.

    Shape:
        ``(*, N, M)`` and ``(*, M, P)`` to ``(*, N, P)``.

    Dtypes:
        Integers, floating and complex; the result has the input's.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.
        RuntimeError: the input has no dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.linalg.matmul(torch.tensor([[2.0, 0.0], [0.0, 4.0]]), torch.eye(2))
        tensor([[2., 0.],
                [0., 4.]])

    Follows ``torch.linalg.matmul``.
    """
    return _stored(out, run(products.matmul, (input, other), ()), "matmul")


def _info(A: Any) -> Any:
    """Zeros where PyTorch reports failures: none is found before the values are known."""
    aval = value_of(A).aval
    return wrap(constant(np.zeros(aval.shape[:-2], np.int32), aval.device))


def inv_ex(A: Any, *, check_errors: bool = False, out: Any = None) -> Any:
    """The inverse and an error code, which is always 0.

    Shape:
        ``(*, N, N)`` to the same and ``(*,)``.

    Dtypes:
        Floating and complex; the results: the input's; int32.

    Raises:
        RuntimeError: the tensors hold integers or bools.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.linalg.inv_ex(torch.tensor([[2.0, 0.0], [0.0, 4.0]]))
        torch.return_types.linalg_inv_ex(
        inverse=tensor([[0.5000, 0.0000],
                [0.0000, 0.2500]]),
        info=tensor(0, dtype=torch.int32))

    Follows ``torch.linalg.inv_ex``.
    """
    result = named_results("linalg_inv_ex", ("inverse", "info"))(inv(A), _info(A))
    return _stored(out, result, "inv_ex")


def cholesky_ex(A: Any, *, upper: bool = False, check_errors: bool = False, out: Any = None) -> Any:
    """The Cholesky factor and an error code: where it failed, from the NaN in the factor.

    Shape:
        ``(*, N, N)`` to the same and ``(*,)``.

    Dtypes:
        Floating and complex; the results: the input's; int32.

    Raises:
        RuntimeError: the tensors hold integers or bools.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.linalg.cholesky_ex(torch.tensor([[2.0, 0.0], [0.0, 4.0]]))
        torch.return_types.linalg_cholesky_ex(
        L=tensor([[1.4142, 0.0000],
                [0.0000, 2.0000]]),
        info=tensor(0, dtype=torch.int32))

    Follows ``torch.linalg.cholesky_ex``.
    """
    factor = cholesky(A, upper=upper)
    bad = shape.diagonal(factor.detach(), 0, -2, -1).isnan()
    info = bad.any(-1).to(dtypes.int32)
    result = named_results("linalg_cholesky_ex", ("L", "info"))(factor, info)
    return _stored(out, result, "cholesky_ex")


def solve_ex(
    A: Any, B: Any, *, left: bool = True, check_errors: bool = False, out: Any = None
) -> Any:
    """The solution and an error code, which is always 0.

    Shape:
        ``(*, N, N)`` and ``(*, N, K)`` or ``(*, N)``; the solution has the shape of the
        second.

    Dtypes:
        Floating and complex; the results: the input's; int32.

    Raises:
        RuntimeError: the tensors hold integers or bools.
        RuntimeError: the sizes of the tensors do not fit.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> A = torch.tensor([[2.0, 0.0], [0.0, 4.0]])
        >>> result, info = torch.linalg.solve_ex(A, torch.tensor([2.0, 8.0]))
        >>> result
        tensor([1., 2.])

    Follows ``torch.linalg.solve_ex``.
    """
    fields = ("result", "info")
    result = named_results("linalg_solve_ex", fields)(solve(A, B, left=left), _info(A))
    return _stored(out, result, "solve_ex")


def lu_factor_ex(A: Any, *, pivot: bool = True, check_errors: bool = False, out: Any = None) -> Any:
    """The compact LU and an error code, always 0.

    Shape:
        ``(*, M, N)`` to factors ``(*, M, N)`` and pivots ``(*, min(M, N))``.

    Dtypes:
        Floating and complex; the results: the input's; int32; int32.

    Raises:
        RuntimeError: the tensors hold integers or bools.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> lu, pivots, info = torch.linalg.lu_factor_ex(torch.tensor([[4.0, 2.0], [2.0, 5.0]]))
        >>> pivots, info
        (tensor([1, 2], dtype=torch.int32), tensor(0, dtype=torch.int32))

    Follows ``torch.linalg.lu_factor_ex``.
    """
    factors, pivots = lu_factor(A, pivot=pivot)
    fields = ("LU", "pivots", "info")
    result = named_results("linalg_lu_factor_ex", fields)(factors, pivots, _info(A))
    return _stored(out, result, "lu_factor_ex")


# -- names of the top namespace, where defaults differ ------------------------------------


def inverse(input: Any, *, out: Any = None) -> Any:
    """The inverse of square matrices.

    Shape:
        ``(*, N, N)`` to the same.

    Dtypes:
        Floating and complex; the result has the input's.

    Raises:
        RuntimeError: the tensors hold integers or bools.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.inverse(torch.tensor([[2.0, 0.0], [0.0, 4.0]]))
        tensor([[0.5000, 0.0000],
                [0.0000, 0.2500]])

    Follows ``torch.inverse``.
    """
    return inv(input, out=out)


def logdet(input: Any) -> Any:
    """The logarithm of the determinant; NaN where it is negative.

    Shape:
        ``(*, N, N)`` to ``(*,)``.

    Dtypes:
        Floating and complex; the result has the input's.

    Raises:
        RuntimeError: the tensors hold integers or bools.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.logdet(torch.tensor([[2.0, 0.0], [0.0, 3.0]]))
        tensor(1.7918)

    Follows ``torch.logdet``.
    """
    return run(rows.logdet, (input,), ())


def pinverse(input: Any, rcond: float = 1e-15) -> Any:
    """The Moore-Penrose inverse.

    Shape:
        ``(*, M, N)`` to ``(*, N, M)``.

    Dtypes:
        Floating and complex; the result has the input's.

    Raises:
        RuntimeError: the tensors hold integers or bools.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.pinverse(torch.tensor([[2.0, 0.0], [0.0, 4.0]]))
        tensor([[0.5000, 0.0000],
                [0.0000, 0.2500]])

    Follows ``torch.pinverse``.
    """
    return pinv(input, rcond)


def old_cholesky(input: Any, upper: bool = False, *, out: Any = None) -> Any:
    """The Cholesky factor.

    Shape:
        ``(*, N, N)`` to the same.

    Dtypes:
        Floating and complex; the result has the input's.

    Raises:
        RuntimeError: the tensors hold integers or bools.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.cholesky(torch.tensor([[4.0, 2.0], [2.0, 5.0]]))
        tensor([[2., 0.],
                [1., 2.]])

    Follows ``torch.cholesky``.
    """
    return _stored(out, cholesky(input, upper=upper), "cholesky", exact=False)


def old_qr(input: Any, some: bool = True, *, out: Any = None) -> Any:
    """``input = Q @ R``.

    Shape:
        ``(*, M, N)`` to ``(*, M, K)`` and ``(*, K, N)``, K being the smaller of M and N.

    Dtypes:
        Floating and complex; the result has the input's.

    Raises:
        RuntimeError: the tensors hold integers or bools.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> q, r = torch.qr(torch.tensor([[3.0, 1.0], [4.0, 2.0]]))
        >>> (q @ r).round()
        tensor([[3., 1.],
                [4., 2.]])

    Follows ``torch.qr``.
    """
    return qr(input, "reduced" if some else "complete", out=out)


def old_svd(input: Any, some: bool = True, compute_uv: bool = True, *, out: Any = None) -> Any:
    """``input = U @ diag(S) @ V.mH``.

    Shape:
        ``(*, M, N)`` to ``(*, M, K)``, ``(*, K)`` and ``(*, N, K)``, K being the smaller of
        M and N.

    Dtypes:
        Floating and complex; the results: the input's; real for complex numbers, else the
        input's; the input's.

    Raises:
        RuntimeError: the tensors hold integers or bools.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> u, s, v = torch.svd(torch.tensor([[3.0, 0.0], [0.0, 2.0]]))
        >>> s
        tensor([3., 2.])

    Follows ``torch.svd``.
    """
    u, s, vh = svd(input, full_matrices=not some)
    v = shape.adjoint(vh)
    if not compute_uv:
        u, v = u.detach() * 0, v.detach() * 0
    return _stored(out, named_results("svd", ("U", "S", "V"))(u, s, v), "svd")


def old_lu_solve(b: Any, LU_data: Any, LU_pivots: Any, *, out: Any = None) -> Any:
    """The solution of a system from its compact LU.

    Shape:
        Factors ``(*, N, N)``, pivots ``(*, N)``, right side ``(*, N, K)``; the result is
        ``(*, N, K)``.

    Dtypes:
        Floating and complex; the result has the input's.

    Raises:
        RuntimeError: the tensors hold integers or bools.
        RuntimeError: the sizes of the tensors do not fit.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> lu, pivots = torch.linalg.lu_factor(torch.tensor([[2.0, 0.0], [0.0, 4.0]]))
        >>> torch.lu_solve(torch.tensor([[2.0], [8.0]]), lu, pivots)
        tensor([[1.],
                [2.]])

    Follows ``torch.lu_solve``.
    """
    return lu_solve(LU_data, LU_pivots, b, out=out)


def lu_unpack(
    LU_data: Any,
    LU_pivots: Any,
    unpack_data: bool = True,
    unpack_pivots: bool = True,
    *,
    out: Any = None,
) -> Any:
    """The matrices P, L and U of a compact LU.

    Shape:
        Factors ``(*, M, N)``, pivots ``(*, K)`` with K the smaller of M and N; ``(*, M,
        M)``, ``(*, M, K)``, ``(*, K, N)``.

    Dtypes:
        Floating and complex; the result has the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> lu, pivots = torch.linalg.lu_factor(torch.tensor([[4.0, 2.0], [2.0, 5.0]]))
        >>> torch.lu_unpack(lu, pivots)[1]
        tensor([[1.0000, 0.0000],
                [0.5000, 1.0000]])

    Follows ``torch.lu_unpack``.
    """
    p, lower, upper = run(rows.lu_unpack, (LU_data, LU_pivots), ())
    empty = wrap(constant(np.zeros(0, value_of(LU_data).aval.dtype), value_of(p).aval.device))
    parts = (p if unpack_pivots else empty, *((lower, upper) if unpack_data else (empty, empty)))
    return _stored(out, named_results("lu_unpack", ("P", "L", "U"))(*parts), "lu_unpack")


def triangular_solve(
    b: Any,
    A: Any,
    upper: bool = True,
    transpose: bool = False,
    unitriangular: bool = False,
    *,
    out: Any = None,
) -> Any:
    """The solution of a triangular system, and the matrix.

    Shape:
        ``(*, N, K)`` and ``(*, N, N)`` to ``(*, N, K)``.

    Dtypes:
        Floating and complex; the result has the input's.

    Raises:
        RuntimeError: the tensors hold integers or bools.
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> b, A = torch.tensor([[2.0], [8.0]]), torch.tensor([[2.0, 0.0], [0.0, 4.0]])
        >>> torch.triangular_solve(b, A)[0]
        tensor([[1.],
                [2.]])

    Follows ``torch.triangular_solve``.
    """
    if transpose:
        found = solve_triangular(
            shape.transpose(A, -1, -2), b, upper=not upper, unitriangular=unitriangular
        )
    else:
        found = solve_triangular(A, b, upper=upper, unitriangular=unitriangular)
    names = ("solution", "cloned_coefficient")
    return _stored(
        out, named_results("triangular_solve", names)(found, A.clone()), "triangular_solve"
    )


geqrf = public(rows.geqrf)
ormqr = public(rows.ormqr)


def orgqr(input: Any, tau: Any, *, out: Any = None) -> Any:
    """The first columns of a product of reflections.

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
        >>> torch.orgqr(a, tau).abs()
        tensor([[1., 0.],
                [0., 1.]])

    Follows ``torch.orgqr``.
    """
    return householder_product(input, tau, out=out)


def old_lu(A: Any, pivot: bool = True, get_infos: bool = False, out: Any = None) -> Any:
    """The LU decomposition in compact form: factors, pivots and, if asked, error codes.

    Shape:
        ``(*, M, N)`` to factors ``(*, M, N)`` and pivots ``(*, min(M, N))``.

    Dtypes:
        Floating and complex; the results: the input's; int32; int32.

    Raises:
        RuntimeError: the tensors hold integers or bools.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.lu(torch.tensor([[4.0, 2.0], [2.0, 5.0]]))[0]
        tensor([[4.0000, 2.0000],
                [0.5000, 4.0000]])

    Follows ``torch.lu``.
    """
    factors, pivots = lu_factor(A, pivot=pivot)
    result = (factors, pivots, _info(A)) if get_infos else (factors, pivots)
    return _stored(out, result, "lu", exact=False)


def svd_lowrank(A: Any, q: int | None = 6, niter: int = 2, M: Any = None) -> Any:
    """The ``q`` largest singular values of a matrix, with their vectors.

    They are exact here: the whole decomposition is computed and cut off.

    Dtypes:
        Floating and complex; the results: the input's; real for complex numbers, else the
        input's; the input's.

    Raises:
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> u, s, v = torch.svd_lowrank(torch.eye(4, 3), q=2)
        >>> u.shape, s.shape, v.shape
        (torch.Size([4, 2]), torch.Size([2]), torch.Size([3, 2]))

    Follows ``torch.svd_lowrank``.
    """
    u, s, vh = svd(A if M is None else A - M, full_matrices=False)
    count = min(6 if q is None else q, *A.shape[-2:])
    v = shape.adjoint(vh)
    return u[..., :count], s[..., :count], v[..., :count]


def pca_lowrank(A: Any, q: int | None = None, center: bool = True, niter: int = 2) -> Any:
    """The first ``q`` principal directions of the rows of a matrix.

    Dtypes:
        Floating and complex; the results: the input's; real for complex numbers, else the
        input's; the input's.

    Raises:
        ValueError: ``q`` is negative, or exceeds the size of the matrix.

    Example:
        >>> import flambeau as torch
        >>> u, s, v = torch.pca_lowrank(torch.eye(4, 3), q=2)
        >>> u.shape, s.shape, v.shape
        (torch.Size([4, 2]), torch.Size([2]), torch.Size([3, 2]))

    Follows ``torch.pca_lowrank``.
    """
    q = min(6, *A.shape[-2:]) if q is None else q
    if not 0 <= q <= min(A.shape[-2:]):
        raise ValueError(
            f"q(={q}) must be non-negative integer and not greater than min(m, n)="
            f"{min(A.shape[-2:])}"
        )
    return svd_lowrank(A - A.mean(-2, True) if center else A, q)


__all__ = [
    "geqrf", "orgqr", "ormqr", "pca_lowrank", "svd_lowrank",
    "cholesky", "cholesky_ex", "cholesky_inverse", "cholesky_solve", "cond", "cross", "det",
    "diagonal", "eig", "eigh", "eigvals", "eigvalsh", "householder_product", "inv",
    "inv_ex", "inverse", "logdet", "lstsq", "lu", "lu_factor", "lu_factor_ex", "lu_solve",
    "lu_unpack", "matmul", "matrix_exp", "matrix_norm", "matrix_power", "matrix_rank",
    "multi_dot", "norm", "pinv", "pinverse", "qr", "slogdet", "solve", "solve_ex",
    "solve_triangular", "svd", "svdvals", "tensorinv", "tensorsolve", "triangular_solve",
    "vander", "vecdot", "vector_norm",
]  # fmt: skip
