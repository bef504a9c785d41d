"""Special functions: the public functions over :mod:`flambeau._ops.special`."""

from __future__ import annotations

from flambeau._ops import special as rows
from flambeau._tensor.dispatch import public

erf = public(rows.erf)
erfc = public(rows.erfc)
erfinv = public(rows.erfinv)
erfcx = public(rows.erfcx)
lgamma = gammaln = public(rows.lgamma)
digamma = psi = public(rows.digamma)
polygamma = public(rows.polygamma)
mvlgamma = multigammaln = public(rows.mvlgamma)
gammainc = igamma = public(rows.gammainc)
gammaincc = igammac = public(rows.gammaincc)
zeta = public(rows.zeta)
i0 = public(rows.i0)
i0e = public(rows.i0e)
i1 = public(rows.i1)
i1e = public(rows.i1e)
ndtr = public(rows.ndtr)
log_ndtr = public(rows.log_ndtr)
ndtri = public(rows.ndtri)
logit = public(rows.logit)
entr = public(rows.entr)
