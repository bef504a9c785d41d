"""Products of matrices and vectors: over :mod:`flambeau._ops.matmul`."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any

import numpy as np

from flambeau._ops import matmul as rows
from flambeau._tensor.construct import constant
from flambeau._tensor.core import TensorBase, value_of, wrap
from flambeau._tensor.dispatch import public, run, store_out
from flambeau._tensor.functions._shared import need_tensor
from flambeau._tensor.indexing import getitem

mm = public(rows.mm)
bmm = public(rows.bmm)
matmul = public(rows.matmul)
mv = public(rows.mv)
dot = public(rows.dot)
vdot = public(rows.vdot)
inner = public(rows.inner)
outer = public(rows.outer)
addmm = public(rows.addmm)
addmv = public(rows.addmv)
addr = public(rows.addr)
baddbmm = public(rows.baddbmm)
addbmm = public(rows.addbmm)
kron = public(rows.kron)
_cross = public(rows.cross)


def ger(input: Any, vec2: Any, *, out: Any = None) -> Any:
    """The products of all pairs of elements of two vectors.

    Shape:
        ``(N,)`` and ``(M,)`` to ``(N, M)``.

    Dtypes:
        Any; the result has the input's.

    Raises:
        RuntimeError: the input has no dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.ger(torch.tensor([1, 2]), torch.tensor([3, 4]))
        tensor([[3, 4],
                [6, 8]])

    Follows ``torch.ger``.
    """
    return outer(input, vec2, out=out)


def cross(input: Any, other: Any, dim: int | None = None, *, out: Any = None) -> Any:
    """The vector product of vectors of three elements along ``dim``.

    Without ``dim`` the first dimension of size 3 is taken.

    Shape:
        ``(*, 3, *)`` twice, broadcast together, to the same.

    Dtypes:
        Integers, floating and complex; the result has the input's.

    Raises:
        TypeError: the tensors hold bools.
        RuntimeError: the sizes of the tensors do not fit.
        IndexError: ``dim`` is no dimension of the input.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.cross(torch.tensor([1, 0, 0]), torch.tensor([0, 1, 0]))
        tensor([0, 0, 1])

    Follows ``torch.cross``.
    """
    if dim is None:
        shape = value_of(input).aval.shape
        dim = next((d for d, n in enumerate(shape) if n == 3), None)
        if dim is None:
            raise RuntimeError("no dimension of size 3 in input")
    return _cross(input, other, dim=dim, out=out)


def cdist(
    x1: Any,
    x2: Any,
    p: float = 2.0,
    compute_mode: str = "use_mm_for_euclid_dist_if_necessary",
) -> Any:
    r"""The distance in the p-norm of every row of ``x1`` to every row of ``x2``.

    Shape:
        x1: (\*, P, M). x2: (\*, R, M). Output: (\*, P, R).

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.cdist(torch.zeros(1, 2), torch.tensor([[3.0, 4.0]]))
        tensor([[5.]])

    Follows ``torch.cdist``.
    """
    return run(rows.cdist, (x1, x2), (("p", float(p)),))


def pdist(input: Any, p: float = 2.0) -> Any:
    """The distances in the p-norm of all pairs of rows.

    Shape:
        Input: (N, M). Output: (N * (N - 1) / 2).

    Follows ``torch.pdist``.
    """
    if input.ndim != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {input.ndim}D")
    first, second = np.triu_indices(input.shape[0], 1)
    device = value_of(input).aval.device
    at = [wrap(constant(i.astype(np.int64), device)) for i in (first, second)]
    return getitem(cdist(input, input, p), tuple(at))


def chain_matmul(*matrices: Any, out: Any = None) -> Any:
    """The product of several matrices, in the cheapest order.

    Shape:
        ``(N_0, N_1)``, ``(N_1, N_2)``, ... to ``(N_0, N_k)``; the ends may be vectors.

    Dtypes:
        Integers, floating and complex; the result has the input's.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.chain_matmul(torch.eye(2), torch.ones(2, 1))
        tensor([[1.],
                [1.]])

    Follows ``torch.chain_matmul``.
    """
    if len(matrices) == 1:
        return matrices[0]
    result = run(rows.multi_dot, (matrices,), ())
    return result if out is None else store_out(out, result, "chain_matmul", exact=True)


def tensordot(a: Any, b: Any, dims: Any = 2, out: Any = None) -> Any:
    """The sum of products over some dimensions of both tensors.

    Args:
        a: the first tensor.
        b: the second tensor.
        dims: a number n (the last n of ``a`` with the first n of ``b``), or two lists.
        out: where to store the result.

    Shape:
        The dimensions of both that are not contracted.

    Dtypes:
        Integers, floating and complex; the result has the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.tensordot(torch.ones(2, 3), torch.ones(3, 2), dims=1)
        tensor([[3., 3.],
                [3., 3.]])

    Follows ``torch.tensordot``.
    """
    if isinstance(dims, TensorBase):
        dims = dims.tolist()
    if isinstance(dims, int):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > min(a.ndim, b.ndim):
            raise RuntimeError(f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims}")
        first, second = tuple(range(a.ndim - dims, a.ndim)), tuple(range(dims))
    else:
        first, second = ((d,) if isinstance(d, int) else tuple(d) for d in dims)
    result = run(rows.tensordot, (a, b), (("dims1", first), ("dims2", second)))
    return result if out is None else store_out(out, result, "tensordot", exact=True)


def einsum(equation: Any, *operands: Any) -> Any:
    """Sums of products by Einstein's convention.

    Operands and lists of dimension numbers may alternate instead of an equation.

    Shape:
        As the equation says.

    Dtypes:
        Integers, floating and complex; the result has the input's.

    Raises:
        RuntimeError: the equation does not fit the operands.

    Example:
        >>> import flambeau as torch
        >>> torch.einsum("ij,j->i", torch.ones(2, 3), torch.ones(3))
        tensor([3., 3.])

    Follows ``torch.einsum``.
    """
    if not isinstance(equation, str):
        equation, operands = _from_lists((equation, *operands))
    if len(operands) == 1 and isinstance(operands[0], (tuple, list)):
        operands = tuple(operands[0])
    if not operands:
        raise ValueError("einsum(): must specify the equation string and at least one operand")
    for i, x in enumerate(operands):
        need_tensor("einsum", x, f"operands[{i}]", i + 2)
    return run(rows.einsum, (operands,), (("equation", equation),))


def _from_lists(args: Sequence[Any]) -> tuple[str, tuple[Any, ...]]:
    letters = string.ascii_uppercase + string.ascii_lowercase

    def word(places: Sequence[Any]) -> str:
        return "".join("..." if p is Ellipsis else letters[p] for p in places)

    operands, words = args[0 : len(args) - len(args) % 2 : 2], args[1::2]
    equation = ",".join(word(w) for w in words)
    if len(args) % 2:
        equation += "->" + word(args[-1])
    return equation, tuple(operands)


__all__ = [
    "addbmm", "addmm", "addmv", "addr", "baddbmm", "bmm", "cdist", "chain_matmul", "cross", "dot",
    "einsum", "ger", "inner", "kron", "matmul", "mm", "mv", "outer", "pdist", "tensordot", "vdot",
]  # fmt: skip
