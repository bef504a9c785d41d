"""Switches of PyTorch's backends. Follows `torch.backends`.

XLA stands in the place of all of them: what is switched is kept and given back.
"""

from flambeau._scope import namespace as _namespace

__all__: list[str] = []

__getattr__ = _namespace(
    __name__,
    lazy=(
        "cpu", "cuda", "cudnn", "cusparselt", "kleidiai", "mha", "miopen", "mkl", "mkldnn", "mps",
        "nnpack", "openmp", "opt_einsum", "xeon", "xnnpack",
    ),
)  # fmt: skip
