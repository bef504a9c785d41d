"""Methods that read and write at positions that are data, sort and count."""

from __future__ import annotations

from typing import Any

from flambeau._tensor.dispatch import assign, inplace
from flambeau._tensor.functions import indexing as f
from flambeau._tensor.functions import joining as j
from flambeau._tensor.functions import sorting as s


class IndexingMethods:
    """Gathering, scattering, masks, order and counts."""

    argwhere = f.argwhere
    as_strided_scatter = f.as_strided_scatter
    diagonal_scatter = f.diagonal_scatter
    gather = f.gather
    index_add = f.index_add
    index_copy = f.index_copy
    index_fill = f.index_fill
    index_put = f.index_put
    index_reduce = f.index_reduce
    index_select = f.index_select
    masked_fill = f.masked_fill
    masked_scatter = f.masked_scatter
    masked_select = f.masked_select
    nonzero = f.nonzero
    nonzero_static = f.nonzero_static
    put = f.put
    scatter = f.scatter
    scatter_add = f.scatter_add
    scatter_reduce = f.scatter_reduce
    select_scatter = f.select_scatter
    slice_scatter = f.slice_scatter
    take = f.take
    take_along_dim = f.take_along_dim
    where = f.where_method

    index_add_ = inplace(f.index_add, "index_add")
    index_copy_ = inplace(f.index_copy, "index_copy")
    index_fill_ = inplace(f.index_fill, "index_fill")
    index_put_ = inplace(f.index_put, "index_put")
    index_reduce_ = inplace(f.index_reduce, "index_reduce")
    masked_fill_ = inplace(f.masked_fill, "masked_fill")
    masked_scatter_ = inplace(f.masked_scatter, "masked_scatter")
    put_ = inplace(f.put, "put")
    scatter_ = inplace(f.scatter, "scatter")
    scatter_add_ = inplace(f.scatter_add, "scatter_add")
    scatter_reduce_ = inplace(f.scatter_reduce, "scatter_reduce")
    tril_ = inplace(j.tril, "tril")
    triu_ = inplace(j.triu, "triu")

    argsort = s.argsort
    bincount = s.bincount
    bucketize = s.bucketize
    histc = s.histc
    histogram = s.histogram
    kthvalue = s.kthvalue
    msort = s.msort
    sort = s.sort
    topk = s.topk
    unique = s.unique
    unique_consecutive = s.unique_consecutive

    def fill_diagonal_(self, fill_value: Any, wrap: bool = False) -> Any:
        """Set the elements of the main diagonal, in place.

        Follows ``torch.Tensor.fill_diagonal_``.
        """
        shape = tuple(self.shape)
        if len(shape) < 2:
            raise RuntimeError("dimensions must larger than 1")
        if len(shape) > 2 and len(set(shape)) > 1:
            raise RuntimeError("all dimensions of input must be of equal length")
        import numpy as np

        mask = np.zeros(shape, np.bool_)
        np.fill_diagonal(mask, True, wrap=wrap)
        from flambeau._tensor.construct import constant
        from flambeau._tensor.core import value_of
        from flambeau._tensor.core import wrap as wrapped

        where = wrapped(constant(mask, value_of(self).aval.device))  # type: ignore[arg-type]
        return assign(self, f.masked_fill(self, where, fill_value), "fill_diagonal_")
