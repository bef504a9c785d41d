"""Methods of elementary and special functions."""

from __future__ import annotations

from typing import Any

from flambeau._tensor.dispatch import assign, inplace
from flambeau._tensor.functions import pointwise as f
from flambeau._tensor.functions import special as s


class PointwiseMethods:
    """Functions of one tensor, elementwise."""

    exp = f.exp
    exp2 = f.exp2
    expm1 = f.expm1
    log = f.log
    log2 = f.log2
    log10 = f.log10
    log1p = f.log1p
    sin = f.sin
    cos = f.cos
    tan = f.tan
    asin = f.asin
    arcsin = f.arcsin
    acos = f.acos
    arccos = f.arccos
    atan = f.atan
    arctan = f.arctan
    sinh = f.sinh
    cosh = f.cosh
    tanh = f.tanh
    asinh = f.asinh
    arcsinh = f.arcsinh
    acosh = f.acosh
    arccosh = f.arccosh
    atanh = f.atanh
    arctanh = f.arctanh
    sigmoid = f.sigmoid
    sinc = f.sinc
    relu = f.relu

    exp_ = inplace(f.exp, "exp")
    exp2_ = inplace(f.exp2, "exp2")
    expm1_ = inplace(f.expm1, "expm1")
    log_ = inplace(f.log, "log")
    log2_ = inplace(f.log2, "log2")
    log10_ = inplace(f.log10, "log10")
    log1p_ = inplace(f.log1p, "log1p")
    sin_ = inplace(f.sin, "sin")
    cos_ = inplace(f.cos, "cos")
    tan_ = inplace(f.tan, "tan")
    asin_ = inplace(f.asin, "asin")
    arcsin_ = inplace(f.arcsin, "arcsin")
    acos_ = inplace(f.acos, "acos")
    arccos_ = inplace(f.arccos, "arccos")
    atan_ = inplace(f.atan, "atan")
    arctan_ = inplace(f.arctan, "arctan")
    sinh_ = inplace(f.sinh, "sinh")
    cosh_ = inplace(f.cosh, "cosh")
    tanh_ = inplace(f.tanh, "tanh")
    asinh_ = inplace(f.asinh, "asinh")
    arcsinh_ = inplace(f.arcsinh, "arcsinh")
    acosh_ = inplace(f.acosh, "acosh")
    arccosh_ = inplace(f.arccosh, "arccosh")
    atanh_ = inplace(f.atanh, "atanh")
    arctanh_ = inplace(f.arctanh, "arctanh")
    sigmoid_ = inplace(f.sigmoid, "sigmoid")
    sinc_ = inplace(f.sinc, "sinc")
    relu_ = inplace(f.relu, "relu")

    erf = s.erf
    erfc = s.erfc
    erfinv = s.erfinv
    lgamma = s.lgamma
    digamma = s.digamma
    mvlgamma = s.mvlgamma
    igamma = s.igamma
    igammac = s.igammac
    i0 = s.i0
    logit = s.logit
    softmax = s.softmax
    log_softmax = s.log_softmax

    erf_ = inplace(s.erf, "erf")
    erfc_ = inplace(s.erfc, "erfc")
    erfinv_ = inplace(s.erfinv, "erfinv")
    lgamma_ = inplace(s.lgamma, "lgamma")
    digamma_ = inplace(s.digamma, "digamma")
    mvlgamma_ = inplace(s.mvlgamma, "mvlgamma")
    igamma_ = inplace(s.igamma, "igamma")
    igammac_ = inplace(s.igammac, "igammac")
    i0_ = inplace(s.i0, "i0")
    logit_ = inplace(s.logit, "logit")

    hardshrink = s.hardshrink

    def polygamma(self, n: int) -> Any:
        """The n-th derivative of the digamma function. Follows ``torch.Tensor.polygamma``."""
        return s.polygamma(n, self)

    def polygamma_(self, n: int) -> Any:
        """:meth:`polygamma`, written into ``self``. Follows ``torch.Tensor.polygamma_``."""
        return assign(self, s.polygamma(n, self), "polygamma_")
