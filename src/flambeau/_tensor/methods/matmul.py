"""Methods of products of matrices and linear algebra."""

from __future__ import annotations

from typing import Any

from flambeau._ops import matmul as rows
from flambeau._tensor.core import TensorBase
from flambeau._tensor.dispatch import inplace, run
from flambeau._tensor.functions import linalg as a
from flambeau._tensor.functions import matmul as f


class MatmulMethods:
    """Products, decompositions and solutions."""

    addbmm = f.addbmm
    addmm = f.addmm
    addmv = f.addmv
    addr = f.addr
    baddbmm = f.baddbmm
    bmm = f.bmm
    cross = f.cross
    dot = f.dot
    ger = f.ger
    inner = f.inner
    kron = f.kron
    matmul = f.matmul
    mm = f.mm
    mv = f.mv
    outer = f.outer
    vdot = f.vdot

    addbmm_ = inplace(f.addbmm)
    addmm_ = inplace(f.addmm)
    addmv_ = inplace(f.addmv)
    addr_ = inplace(f.addr)
    baddbmm_ = inplace(f.baddbmm)

    cholesky = a.old_cholesky
    cholesky_inverse = a.cholesky_inverse
    cholesky_solve = a.cholesky_solve
    det = a.det
    geqrf = a.geqrf
    inverse = a.inverse
    logdet = a.logdet
    lu = a.old_lu
    lu_solve = a.old_lu_solve
    matrix_exp = a.matrix_exp
    matrix_power = a.matrix_power
    orgqr = a.orgqr
    ormqr = a.ormqr
    pinverse = a.pinverse
    qr = a.old_qr
    slogdet = a.slogdet
    svd = a.old_svd
    triangular_solve = a.triangular_solve

    def __matmul__(self, other: Any) -> Any:
        if isinstance(other, TensorBase):
            return run(rows.matmul, (self, other))
        return NotImplemented

    def __rmatmul__(self, other: Any) -> Any:
        if isinstance(other, TensorBase):
            return run(rows.matmul, (other, self))
        return NotImplemented
