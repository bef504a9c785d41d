"""In-place operations as functions: ``torch.exp_(x)`` is ``x.exp_()``."""

from __future__ import annotations

from flambeau._tensor.documents import add_example
from flambeau._tensor.tensor import Tensor

abs_ = Tensor.abs_
acos_ = Tensor.acos_
acosh_ = Tensor.acosh_
addmv_ = Tensor.addmv_
arccos_ = Tensor.arccos_
arccosh_ = Tensor.arccosh_
arcsin_ = Tensor.arcsin_
arcsinh_ = Tensor.arcsinh_
arctan_ = Tensor.arctan_
arctanh_ = Tensor.arctanh_
as_strided_ = Tensor.as_strided_
asin_ = Tensor.asin_
asinh_ = Tensor.asinh_
atan_ = Tensor.atan_
atanh_ = Tensor.atanh_
ceil_ = Tensor.ceil_
clamp_ = Tensor.clamp_
clamp_max_ = Tensor.clamp_max_
clamp_min_ = Tensor.clamp_min_
clip_ = Tensor.clip_
conj_physical_ = Tensor.conj_physical_
cos_ = Tensor.cos_
cosh_ = Tensor.cosh_
deg2rad_ = Tensor.deg2rad_
detach = Tensor.detach
detach_ = Tensor.detach_
erf_ = Tensor.erf_
erfc_ = Tensor.erfc_
exp_ = Tensor.exp_
exp2_ = Tensor.exp2_
expm1_ = Tensor.expm1_
fill_ = Tensor.fill_
fix_ = Tensor.fix_
floor_ = Tensor.floor_
frac_ = Tensor.frac_
gcd_ = Tensor.gcd_
get_device = Tensor.get_device
i0_ = Tensor.i0_
index_put_ = Tensor.index_put_
lcm_ = Tensor.lcm_
ldexp_ = Tensor.ldexp_
log_ = Tensor.log_
log1p_ = Tensor.log1p_
log2_ = Tensor.log2_
log10_ = Tensor.log10_
logit_ = Tensor.logit_
nan_to_num_ = Tensor.nan_to_num_
neg_ = Tensor.neg_
negative_ = Tensor.negative_
rad2deg_ = Tensor.rad2deg_
reciprocal_ = Tensor.reciprocal_
resize_as_ = Tensor.resize_as_
round_ = Tensor.round_
rsqrt_ = Tensor.rsqrt_
sigmoid_ = Tensor.sigmoid_
sin_ = Tensor.sin_
sinc_ = Tensor.sinc_
sinh_ = Tensor.sinh_
sqrt_ = Tensor.sqrt_
square_ = Tensor.square_
tan_ = Tensor.tan_
tanh_ = Tensor.tanh_
trunc_ = Tensor.trunc_
xlogy_ = Tensor.xlogy_

_EXAMPLES = {
    "addmv_": """
        >>> torch.ones(2).addmv_(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.ones(2))
        tensor([4., 8.])
    """,
    "as_strided_": """
        >>> torch.arange(6).as_strided_((2, 2), (1, 2))
        tensor([[0, 2],
                [1, 3]])
    """,
    "clamp_": """
        >>> torch.tensor([-1.0, 0.25, 3.0]).clamp_(0.0, 1.0)
        tensor([0.0000, 0.2500, 1.0000])
    """,
    "clip_": """
        >>> torch.tensor([-1.0, 0.25, 3.0]).clip_(0.0, 1.0)
        tensor([0.0000, 0.2500, 1.0000])
    """,
    "index_put_": """
        >>> torch.zeros(3).index_put_((torch.tensor([0, 2]),), torch.tensor([1.0, 5.0]))
        tensor([1., 0., 5.])
    """,
}
for _name, _text in _EXAMPLES.items():
    add_example(globals()[_name], _text)
