"""flambeau: the PyTorch programming model on JAX/XLA.

``import flambeau as torch`` runs the program you already have; every training step is
recorded as it runs and executed as one compiled XLA program.
"""

# Blocks: one per family, so that each is found (and edited) on its own.
# --- engine and settings
from flambeau import errors
from flambeau._autograd.grad_mode import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from flambeau._config import config

# --- dtypes, sizes, devices
from flambeau._tensor.device import (
    device,
    get_default_device,
    set_default_device,
)
from flambeau._tensor.dtypes import (
    bfloat16,
    complex64,
    complex128,
    dtype,
    finfo,
    float8_e4m3fn,
    float8_e4m3fnuz,
    float8_e5m2,
    float8_e5m2fnuz,
    float8_e8m0fnu,
    float16,
    float32,
    float64,
    get_default_dtype,
    iinfo,
    int8,
    int16,
    int32,
    int64,
    promote_types,
    set_default_dtype,
    uint8,
    uint16,
    uint32,
    uint64,
)
from flambeau._tensor.dtypes import bool_ as bool
from flambeau._tensor.dtypes import complex64 as cfloat
from flambeau._tensor.dtypes import complex128 as cdouble
from flambeau._tensor.dtypes import float16 as half
from flambeau._tensor.dtypes import float32 as float
from flambeau._tensor.dtypes import float64 as double
from flambeau._tensor.dtypes import int16 as short
from flambeau._tensor.dtypes import int32 as int
from flambeau._tensor.dtypes import int64 as long

# --- tensors
from flambeau._tensor.construct import from_dlpack, from_jax, from_numpy
from flambeau._tensor.layout import (
    channels_last,
    channels_last_3d,
    contiguous_format,
    layout,
    memory_format,
    preserve_format,
    sparse_coo,
    strided,
)
from flambeau._tensor.printing import set_printoptions
from flambeau._tensor.size import Size
from flambeau._tensor.tensor import Tensor, is_tensor

# --- creation
from flambeau._tensor.functions.creation import (
    arange,
    as_tensor,
    asarray,
    bartlett_window,
    blackman_window,
    cartesian_prod,
    combinations,
    empty,
    empty_like,
    empty_permuted,
    empty_strided,
    eye,
    frombuffer,
    full,
    full_like,
    hamming_window,
    hann_window,
    kaiser_window,
    linspace,
    logspace,
    meshgrid,
    ones,
    ones_like,
    scalar_tensor,
    tensor,
    tril_indices,
    triu_indices,
    zeros,
    zeros_like,
)
from flambeau._tensor.functions.creation import range_ as range

# --- random
from flambeau import random
from flambeau._tensor.functions.random import (
    alpha_dropout,
    alpha_dropout_,
    bernoulli,
    binomial,
    dropout,
    dropout_,
    feature_alpha_dropout,
    feature_alpha_dropout_,
    feature_dropout,
    feature_dropout_,
    multinomial,
    normal,
    poisson,
    rand,
    rand_like,
    randint,
    randint_like,
    randn,
    randn_like,
    randperm,
)
from flambeau._tensor.generator import (
    Generator,
    default_generator,
    get_rng_state,
    initial_seed,
    manual_seed,
    seed,
    set_rng_state,
)

# --- arithmetic, pointwise, comparison, reductions
from flambeau._tensor.functions.arithmetic import (
    abs,
    absolute,
    add,
    addcdiv,
    addcmul,
    angle,
    arctan2,
    atan2,
    ceil,
    clamp,
    clamp_max,
    clamp_min,
    clip,
    conj,
    conj_physical,
    copysign,
    deg2rad,
    div,
    divide,
    fix,
    float_power,
    floor,
    floor_divide,
    fmax,
    fmin,
    fmod,
    frac,
    frexp,
    gcd,
    heaviside,
    hypot,
    is_conj,
    is_neg,
    lcm,
    ldexp,
    lerp,
    logaddexp,
    logaddexp2,
    maximum,
    minimum,
    mul,
    multiply,
    nan_to_num,
    neg,
    negative,
    nextafter,
    polar,
    positive,
    pow,
    rad2deg,
    reciprocal,
    remainder,
    resolve_conj,
    resolve_neg,
    round,
    rsqrt,
    rsub,
    sgn,
    sign,
    sqrt,
    square,
    sub,
    subtract,
    true_divide,
    trunc,
    xlogy,
)
from flambeau._tensor.functions.bitwise import (
    bitwise_and,
    bitwise_left_shift,
    bitwise_not,
    bitwise_or,
    bitwise_right_shift,
    bitwise_xor,
)
from flambeau._tensor.functions.comparison import (
    allclose,
    can_cast,
    eq,
    equal,
    ge,
    greater,
    greater_equal,
    gt,
    is_complex,
    is_floating_point,
    is_nonzero,
    is_same_size,
    is_signed,
    is_storage,
    isclose,
    isfinite,
    isin,
    isinf,
    isnan,
    isneginf,
    isposinf,
    isreal,
    le,
    less,
    less_equal,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    lt,
    ne,
    not_equal,
    numel,
    signbit,
    result_type,
)
from flambeau._tensor.functions.pointwise import (
    acos,
    acosh,
    arccos,
    arccosh,
    arcsin,
    arcsinh,
    arctan,
    arctanh,
    asin,
    asinh,
    atan,
    atanh,
    cos,
    cosh,
    exp,
    exp2,
    expm1,
    log,
    log10,
    log1p,
    log2,
    relu,
    sigmoid,
    sin,
    sinc,
    sinh,
    tan,
    tanh,
)
from flambeau._tensor.functions.reductions import (
    all,
    amax,
    amin,
    aminmax,
    any,
    argmax,
    argmin,
    corrcoef,
    count_nonzero,
    cov,
    dist,
    logsumexp,
    max,
    mean,
    median,
    min,
    mode,
    nanmean,
    nanmedian,
    nanquantile,
    nansum,
    norm,
    prod,
    quantile,
    renorm,
    std,
    std_mean,
    sum,
    var,
    var_mean,
)
from flambeau._tensor.functions.scans import (
    cummax,
    cummin,
    cumprod,
    cumsum,
    cumulative_trapezoid,
    diff,
    gradient,
    logcumsumexp,
    trapezoid,
    trapz,
)
from flambeau._tensor.functions.arithmetic import complex_ as complex
from flambeau._tensor.functions.casts import (
    clone,
    fill,
)
from flambeau._tensor.functions.special import (
    digamma,
    erf,
    erfc,
    erfinv,
    i0,
    igamma,
    igammac,
    lgamma,
    logit,
    mvlgamma,
    polygamma,
)

# --- shape, joining, indexing, sorting, matmul

# --- saving
from flambeau.serialization._api import load, save

# --- namespaces
from flambeau import autograd, nn, optim, special
from flambeau._compile.api import compile
from flambeau._tensor.jax_ops import wrap_jax
