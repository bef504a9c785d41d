"""The factorization L D Lᵀ, a few eigenvalues of many, and reductions by stretches and boxes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flambeau._ops import ldl, segments
from flambeau._ops._dims import canonical_dim
from flambeau._ops.sorting import bin_edges
from flambeau._tensor.core import TensorBase
from flambeau._tensor.dispatch import named_results, public, run, store_out
from flambeau._tensor.functions import linalg

ldl_solve = public(ldl.ldl_solve)


def ldl_factor_ex(
    A: Any, *, hermitian: bool = False, check_errors: bool = False, out: Any = None
) -> Any:
    r"""The factors of ``A = L D Lᵀ`` (or ``L D Lᴴ``) in compact form, and an error code.

    Args:
        A: symmetric, or with ``hermitian=True`` Hermitian; its lower half is read. float32,
            float64, complex64 or complex128.
        hermitian: how a complex matrix is mirrored.
        check_errors: accepted; the code is a tensor, known when it is read.
        out: three tensors for the results.

    Returns:
        ``(LD, pivots, info)``; ``info`` is 0, or the first column whose block of D is 0.

    Shape:
        A: (\*, n, n). Results: (\*, n, n), int32 (\*, n), int32 (\*).

    Dtypes:
        Floating and complex; the results: the input's; int32; int32.

    Raises:
        RuntimeError: the tensors hold integers or bools.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.linalg.ldl_factor_ex(torch.tensor([[4.0, 2.0], [2.0, 3.0]])).LD
        tensor([[4.0000, 0.0000],
                [0.5000, 2.0000]])

    Follows ``torch.linalg.ldl_factor_ex``.
    """
    found = run(ldl.ldl_factor_ex, (A,), (("hermitian", bool(hermitian)),))
    result = named_results("linalg_ldl_factor_ex", ("LD", "pivots", "info"))(*found)
    return result if out is None else store_out(out, result, "ldl_factor_ex")


def ldl_factor(A: Any, *, hermitian: bool = False, out: Any = None) -> Any:
    r"""The factors of ``A = L D Lᵀ`` (or ``L D Lᴴ``) in compact form, for :func:`ldl_solve`.

    Takes the arguments of :func:`ldl_factor_ex`.

    Shape:
        A: (\*, n, n). Results ``(LD, pivots)``: (\*, n, n), int32 (\*, n).

    Dtypes:
        Floating and complex; the results: the input's; int32.

    Raises:
        RuntimeError: the tensors hold integers or bools.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> A = torch.tensor([[0.0, 1.0], [1.0, 0.0]])  # has no Cholesky factor
        >>> LD, pivots = torch.linalg.ldl_factor(A)
        >>> pivots
        tensor([-2, -2], dtype=torch.int32)
        >>> torch.linalg.ldl_solve(LD, pivots, torch.tensor([[3.0], [5.0]])).flatten()
        tensor([5., 3.])

    Follows ``torch.linalg.ldl_factor``.
    """
    LD, pivots, _ = ldl_factor_ex(A, hermitian=hermitian)
    result = named_results("linalg_ldl_factor", ("LD", "pivots"))(LD, pivots)
    return result if out is None else store_out(out, result, "ldl_factor")


def lobpcg(
    A: Any,
    k: int | None = None,
    B: Any = None,
    X: Any = None,
    n: int | None = None,
    iK: Any = None,
    niter: int | None = None,
    tol: float | None = None,
    largest: bool | None = None,
    method: str | None = None,
    tracker: Any = None,
    ortho_iparams: Any = None,
    ortho_fparams: Any = None,
    ortho_bparams: Any = None,
) -> tuple[Any, Any]:
    r"""The k largest (or smallest) eigenvalues of ``A x = λ B x``, and their vectors.

    The matrices are dense here, so the whole problem is solved and the k asked for are kept:
    what steers PyTorch's iteration (``X`` but for its width, ``iK``, ``niter``, ``tol``,
    ``method``, ``ortho_*``) is accepted and not needed.

    Args:
        A: symmetric. B: symmetric and positive definite; the identity if None.
        k: how many; the width of ``X`` if None, else 1.
        largest: the largest ones (the default) in falling order, or the smallest in rising order.

    Shape:
        A, B: (\*, m, m). Results: (\*, k) and (\*, m, k).

    Dtypes:
        Floating; the result has the input's.

    Raises:
        ValueError: k does not fit.
        RuntimeError: ``tracker`` is given, there being no iteration to follow.

    Example:
        >>> import flambeau as torch
        >>> torch.lobpcg(torch.diag(torch.arange(1.0, 7.0)), k=2)[0]
        tensor([6., 5.])

    Follows ``torch.lobpcg``.
    """
    if tracker is not None:
        raise RuntimeError("lobpcg(): tracker= cannot be called, as nothing is iterated here")
    m = A.shape[-1]
    count = k if k is not None else (X.shape[-1] if X is not None else 1)
    if not 1 <= count <= m:
        raise ValueError(f"lobpcg(): k={count} must lie between 1 and the size of A, {m}")
    if m < 3 * count:
        raise ValueError(
            f"LPBPCG algorithm is not applicable when the number of A rows (={m}) is smaller than "
            f"3 x the number of requested eigenpairs (={count})"
        )
    if B is None:
        values, vectors = linalg.eigh(A)
    else:
        # With B = L Lᴴ the problem is L⁻¹ A L⁻ᴴ y = λ y for y = Lᴴ x.
        factor = linalg.cholesky(B)
        left = linalg.solve_triangular(factor, A, upper=False)
        inner = linalg.solve_triangular(factor, left.mH, upper=False)
        values, vectors = linalg.eigh(inner)
        vectors = linalg.solve_triangular(factor.mH, vectors, upper=True)
    if largest is None or largest:
        return values[..., -count:].flip(-1), vectors[..., -count:].flip(-1)
    return values[..., :count], vectors[..., :count]


def segment_reduce(
    data: Any,
    reduce: str,
    *,
    lengths: Any = None,
    indices: Any = None,
    offsets: Any = None,
    axis: int = 0,
    unsafe: bool = False,
    initial: Any = None,
) -> Any:
    r"""Reduce consecutive stretches of an axis.

    Args:
        data: floating point.
        reduce: ``"sum"``, ``"mean"``, ``"max"``, ``"min"`` or ``"prod"``.
        lengths: how long each stretch is. offsets: where each begins and the last one ends.
            One of the two; ``indices`` are not supported, as in PyTorch.
        axis: the axis.
        unsafe: accepted; lengths are not checked against the data.
        initial: what each reduction starts with.

    Shape:
        data: (\*, n, \*\*). lengths: (\*, s). Result: (\*, s, \*\*).

    Dtypes:
        Floating and complex; the result has the input's.

    Raises:
        RuntimeError: ``reduce`` is none of the names.

    Example:
        >>> import flambeau as torch
        >>> x = torch.tensor([1.0, 2.0, 3.0, 4.0])
        >>> torch.segment_reduce(x, "sum", lengths=torch.tensor([3, 1]))
        tensor([6., 4.])

    Follows ``torch.segment_reduce``.
    """
    if indices is not None:
        raise RuntimeError(
            "segment_reduce(): indices based reduction is not supported yet; give lengths or "
            "offsets"
        )
    return run(
        segments.segment_reduce,
        (data, lengths, offsets, initial),
        (("reduce", reduce), ("axis", int(axis))),
    )


def histogramdd(
    input: Any,
    bins: Any,
    *,
    range: Any = None,
    weight: Any = None,
    density: bool = False,
    out: Any = None,
) -> Any:
    r"""Counts of points in boxes, and the edges of the boxes in each dimension.

    Args:
        input: floating point; its last dimension holds the coordinates of the points.
        bins: how many bins in all dimensions, or a list of numbers, or a list of edges.
        range: lowest and highest edge of each dimension, one after the other; those of the data
            by default.
        weight: what each point counts.
        density: divide so that the integral is 1.

    Shape:
        input: (\*, d). hist: (b_1, …, b_d). bin_edges: d tensors (b_i + 1).

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: the tensors hold bools.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> points = torch.tensor([[0.0, 1.0], [1.0, 0.0], [2.0, 0.0], [2.0, 2.0]])
        >>> torch.histogramdd(points, bins=[3, 2]).hist
        tensor([[0., 1.],
                [1., 0.],
                [1., 1.]])

    Follows ``torch.histogramdd``.
    """
    if not isinstance(input, TensorBase) or input.ndim < 2:
        raise RuntimeError(
            "torch.histogramdd: input tensor should have at least 2 dimensions, but got "
            f"{getattr(input, 'ndim', type(input).__name__)}"
        )
    d = input.shape[-1]
    if isinstance(bins, int):
        bins = [bins] * d
    if not isinstance(bins, Sequence) or len(bins) != d:
        raise RuntimeError(
            f"torch.histogramdd: expected {d} sequences of bin edges or numbers of bins for a {d}-"
            f"dimensional histogram but got {len(bins)}"
        )
    if range is not None and len(range) != 2 * d:
        raise RuntimeError(
            f"torch.histogramdd: for a {d}-dimensional histogram range should have {2 * d} "
            f"elements, but got {len(range)}"
        )
    edges = []
    for i, wanted in enumerate(bins):
        if isinstance(wanted, TensorBase):
            edges.append(wanted)
            continue
        if wanted <= 0:
            raise RuntimeError(f"torch.histogramdd: bins must be > 0, but got {wanted}")
        low, high = (None, None) if range is None else (range[2 * i], range[2 * i + 1])
        static = (
            ("bins", int(wanted)),
            ("low", None if low is None else float(low)),
            ("high", None if high is None else float(high)),
        )
        edges.append(run(bin_edges, (input[..., i],), static))
    counts = run(segments.histogramdd, (input, edges, weight), (("density", bool(density)),))
    result = named_results("histogramdd", ("hist", "bin_edges"))(counts, tuple(edges))
    if out is None:
        return result
    store_out(out[0], counts, "histogramdd")
    store_out(tuple(out[1]), tuple(edges), "histogramdd")
    return out


def norm_except_dim(v: Any, pow: int = 2, dim: int = 0) -> Any:
    """The norm over all dimensions but one (all of them for -1), which stay with size 1.

    Shape:
        ``(*)``; the result keeps ``dim`` and has size 1 elsewhere.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.norm_except_dim(torch.tensor([[3.0, 4.0], [6.0, 8.0]]))
        tensor([[ 5.],
                [10.]])

    Follows ``torch.norm_except_dim``.
    """
    if dim == -1:
        return linalg.vector_norm(v, pow)
    kept = canonical_dim(dim, v.ndim)
    others = [d for d in range_(v.ndim) if d != kept]
    return linalg.vector_norm(v, pow, others, True) if others else v.abs()


range_ = range


def frobenius_norm(input: Any, dim: Any = (), keepdim: bool = False, *, out: Any = None) -> Any:
    """The root of the sum of squares over dimensions, all by default.

    Shape:
        ``(*)`` to ``(*)`` without the reduced dimensions, or with size 1 for each under
        ``keepdim``.

    Dtypes:
        Floating and complex; the result: real for complex numbers, else the input's.

    Raises:
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.frobenius_norm(torch.tensor([[3.0, 4.0]]), 1)
        tensor([5.])

    Follows ``torch.frobenius_norm``.
    """
    where = (dim,) if isinstance(dim, int) else tuple(dim)
    return linalg.vector_norm(input, 2, where or None, keepdim, out=out)


def nuclear_norm(input: Any, dim: Any = (-2, -1), keepdim: bool = False, *, out: Any = None) -> Any:
    """The sum of the singular values of matrices.

    Shape:
        ``(*, M, N)`` to ``(*,)``.

    Dtypes:
        Floating and complex; the result: real for complex numbers, else the input's.

    Raises:
        IndexError: a dimension is none of the input's.

    Example:
        >>> import flambeau as torch
        >>> torch.nuclear_norm(torch.tensor([[3.0, 0.0], [0.0, 4.0]]))
        tensor(7.)

    Follows ``torch.nuclear_norm``.
    """
    if isinstance(dim, bool):
        dim, keepdim = (-2, -1), dim
    return linalg.matrix_norm(input, "nuc", dim, keepdim, out=out)


__all__ = [
    "frobenius_norm", "histogramdd", "ldl_factor", "ldl_factor_ex", "ldl_solve", "lobpcg",
    "norm_except_dim", "nuclear_norm", "segment_reduce",
]  # fmt: skip
