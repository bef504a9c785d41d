"""Function transforms: batching and derivatives as functions of functions.

Follows ``torch.func``. They compose with one another, with modules (:func:`functional_call`),
with ``backward()`` and with ``flambeau.compile``.
"""

from flambeau._tensor.transforms.forward import jvp, linearize
from flambeau._tensor.transforms.jacobians import hessian, jacfwd, jacrev
from flambeau._tensor.transforms.reverse import grad, grad_and_value, vjp
from flambeau._tensor.transforms.vmap import vmap
from flambeau.func._batch_norm import replace_all_batch_norm_modules_
from flambeau.func._functionalize import debug_unwrap, functionalize
from flambeau.func._modules import functional_call, stack_module_state

__all__ = [
    "debug_unwrap",
    "functional_call",
    "functionalize",
    "grad",
    "grad_and_value",
    "hessian",
    "jacfwd",
    "jacrev",
    "jvp",
    "linearize",
    "replace_all_batch_norm_modules_",
    "stack_module_state",
    "vjp",
    "vmap",
]
