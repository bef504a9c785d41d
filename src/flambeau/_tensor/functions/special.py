"""Special functions: the public functions over :mod:`flambeau._ops.special`."""

from __future__ import annotations

from flambeau._ops import bessel, nn_activation, polynomials
from flambeau._ops import special as rows
from flambeau._tensor.dispatch import public
from flambeau._tensor.functions._shared import numpy_names

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

bessel_j0 = public(bessel.bessel_j0)
bessel_j1 = public(bessel.bessel_j1)
bessel_y0 = public(bessel.bessel_y0)
bessel_y1 = public(bessel.bessel_y1)
modified_bessel_i0 = public(bessel.modified_bessel_i0)
modified_bessel_i1 = public(bessel.modified_bessel_i1)
modified_bessel_k0 = public(bessel.modified_bessel_k0)
modified_bessel_k1 = public(bessel.modified_bessel_k1)
scaled_modified_bessel_k0 = public(bessel.scaled_modified_bessel_k0)
scaled_modified_bessel_k1 = public(bessel.scaled_modified_bessel_k1)
spherical_bessel_j0 = public(bessel.spherical_bessel_j0)
airy_ai = public(bessel.airy_ai)

chebyshev_polynomial_t = public(polynomials.chebyshev_polynomial_t)
chebyshev_polynomial_u = public(polynomials.chebyshev_polynomial_u)
chebyshev_polynomial_v = public(polynomials.chebyshev_polynomial_v)
chebyshev_polynomial_w = public(polynomials.chebyshev_polynomial_w)
shifted_chebyshev_polynomial_t = public(polynomials.shifted_chebyshev_polynomial_t)
shifted_chebyshev_polynomial_u = public(polynomials.shifted_chebyshev_polynomial_u)
shifted_chebyshev_polynomial_v = public(polynomials.shifted_chebyshev_polynomial_v)
shifted_chebyshev_polynomial_w = public(polynomials.shifted_chebyshev_polynomial_w)
hermite_polynomial_h = public(polynomials.hermite_polynomial_h)
hermite_polynomial_he = public(polynomials.hermite_polynomial_he)
laguerre_polynomial_l = public(polynomials.laguerre_polynomial_l)
legendre_polynomial_p = public(polynomials.legendre_polynomial_p)

softmax = numpy_names(public(nn_activation.softmax))
log_softmax = numpy_names(public(nn_activation.log_softmax))
hardshrink = public(nn_activation.hardshrink)
