"""The named tuples that operations return. Follows `torch.return_types`."""

from __future__ import annotations

from typing import Any

from flambeau._scope import namespace
from flambeau._tensor.dispatch import named_results

__all__ = ["all_return_types", "pytree_register_structseq"]

_FIELDS = {
    "aminmax": "min max", "cummax": "values indices", "cummin": "values indices",
    "frexp": "mantissa exponent", "geqrf": "a tau", "histogram": "hist bin_edges",
    "histogramdd": "hist bin_edges", "kthvalue": "values indices", "lu_unpack": "P L U",
    "linalg_cholesky_ex": "L info", "linalg_eig": "eigenvalues eigenvectors",
    "linalg_eigh": "eigenvalues eigenvectors", "linalg_inv_ex": "inverse info",
    "linalg_ldl_factor": "LD pivots", "linalg_ldl_factor_ex": "LD pivots info",
    "linalg_lstsq": "solution residuals rank singular_values", "linalg_lu": "P L U",
    "linalg_lu_factor": "LU pivots", "linalg_lu_factor_ex": "LU pivots info",
    "linalg_qr": "Q R", "linalg_slogdet": "sign logabsdet", "linalg_solve_ex": "result info",
    "linalg_svd": "U S Vh", "max": "values indices", "median": "values indices",
    "min": "values indices", "mode": "values indices", "nanmedian": "values indices",
    "qr": "Q R", "slogdet": "sign logabsdet", "sort": "values indices", "svd": "U S V",
    "topk": "values indices", "triangular_solve": "solution cloned_coefficient",
}  # fmt: skip

_outside = namespace(__name__)


def __getattr__(name: str) -> Any:
    base = name.removesuffix("_out")
    if base not in _FIELDS:
        return _outside(name)
    return named_results(base, tuple(_FIELDS[base].split()))


all_return_types = [named_results(name, tuple(fields.split())) for name, fields in _FIELDS.items()]


def pytree_register_structseq(cls: Any) -> None:
    """Accepted: named tuples are trees already. Follows ``torch.return_types``."""
