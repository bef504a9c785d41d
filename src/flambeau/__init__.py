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
    float8_e5m2,
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
from flambeau._tensor.construct import from_data as tensor
from flambeau._tensor.printing import set_printoptions
from flambeau._tensor.size import Size
from flambeau._tensor.tensor import Tensor, is_tensor

# --- creation

# --- random

# --- arithmetic, pointwise, comparison, reductions

# --- shape, joining, indexing, sorting, matmul

# --- namespaces
