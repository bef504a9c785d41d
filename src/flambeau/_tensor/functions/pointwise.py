"""Elementary functions: the public functions over :mod:`flambeau._ops.pointwise`."""

from __future__ import annotations

from flambeau._ops import pointwise as rows
from flambeau._tensor.dispatch import public

exp = public(rows.exp)
exp2 = public(rows.exp2)
expm1 = public(rows.expm1)
log = public(rows.log)
log2 = public(rows.log2)
log10 = public(rows.log10)
log1p = public(rows.log1p)
sin = public(rows.sin)
cos = public(rows.cos)
tan = public(rows.tan)
asin = arcsin = public(rows.asin)
acos = arccos = public(rows.acos)
atan = arctan = public(rows.atan)
sinh = public(rows.sinh)
cosh = public(rows.cosh)
tanh = public(rows.tanh)
asinh = arcsinh = public(rows.asinh)
acosh = arccosh = public(rows.acosh)
atanh = arctanh = public(rows.atanh)
sigmoid = public(rows.sigmoid)
sinc = public(rows.sinc)
relu = public(rows.relu)
