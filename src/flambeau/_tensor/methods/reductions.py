"""Methods that reduce or run along dimensions."""

from __future__ import annotations

from typing import Any

from flambeau._tensor.dispatch import inplace
from flambeau._tensor.functions import reductions as f
from flambeau._tensor.functions import scans as s


class ReductionMethods:
    """Reductions, running reductions and differences."""

    sum = f.sum
    nansum = f.nansum
    mean = f.mean
    nanmean = f.nanmean
    all = f.all
    any = f.any
    amax = f.amax
    amin = f.amin
    aminmax = f.aminmax
    argmax = f.argmax
    argmin = f.argmin
    count_nonzero = f.count_nonzero
    hash_tensor = f.hash_tensor
    logsumexp = f.logsumexp
    mode = f.mode
    cov = f.cov
    corrcoef = f.corrcoef
    dist = f.dist
    renorm = f.renorm
    prod = f.prod
    var = f.var
    std = f.std
    max = f.max
    min = f.min
    median = f.median
    nanmedian = f.nanmedian
    quantile = f.quantile
    nanquantile = f.nanquantile
    norm = f.norm
    cumsum = s.cumsum
    cumprod = s.cumprod
    cummax = s.cummax
    cummin = s.cummin
    logcumsumexp = s.logcumsumexp
    diff = s.diff

    renorm_ = inplace(f.renorm, "renorm")
    cumsum_ = inplace(s.cumsum, "cumsum")
    cumprod_ = inplace(s.cumprod, "cumprod")

    def sum_to_size(self, *size: Any) -> Any:
        """Sums over broadcast dimensions, to a shape that broadcasts to this one.

        Follows ``torch.Tensor.sum_to_size``.
        """
        shape = tuple(size[0]) if len(size) == 1 and not isinstance(size[0], int) else size
        own = tuple(self.shape)
        if not shape:
            return f.sum(self)
        extra = len(own) - len(shape)
        fits = extra >= 0 and all(
            want in (1, have) for want, have in zip(shape, own[extra:], strict=True)
        )
        if not fits:
            raise RuntimeError(f"size {{{list(shape)}}} is not expandable to size {{{list(own)}}}.")
        dims = [*range(extra)]
        dims += [i + extra for i, want in enumerate(shape) if want == 1 and own[i + extra] != 1]
        return f.sum(self, dims, keepdim=True).reshape(shape) if dims else self
