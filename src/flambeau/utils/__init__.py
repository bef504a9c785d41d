"""Helpers around training. Follows `torch.utils`."""

from flambeau._scope import namespace as _namespace
from flambeau._tensor.swap import set_module, swap_tensors
from flambeau.utils import checkpoint, data

__all__ = ["checkpoint", "data", "set_module", "swap_tensors"]

__getattr__ = _namespace(
    __name__,
    lazy=(
        "benchmark", "checkpoint", "collect_env", "deterministic", "dlpack", "flop_counter",
        "hooks", "model_zoo", "tensorboard", "weak",
    ),
)  # fmt: skip
