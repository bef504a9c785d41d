"""Switches of computation on GPUs. Follows `torch.backends.cuda`.

`matmul.allow_tf32` and `matmul.fp32_precision` are one with
:func:`flambeau.set_float32_matmul_precision`. Attention in half precision is one kernel of cuDNN's
where it takes the shapes, unless all of the flash, the memory-efficient and the cuDNN kernel are
switched off. The other switches are kept and given back.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from flambeau._engine import device as engine
from flambeau._engine import recorder
from flambeau._tensor.functions import settings

__all__ = [
    "allow_fp16_bf16_reduction_math_sdp",
    "can_use_cudnn_attention",
    "can_use_efficient_attention",
    "can_use_flash_attention",
    "cuBLASModule",
    "cuFFTPlanCache",
    "cudnn_sdp_enabled",
    "enable_cudnn_sdp",
    "enable_flash_sdp",
    "enable_math_sdp",
    "enable_mem_efficient_sdp",
    "flash_sdp_enabled",
    "fp16_bf16_reduction_math_sdp_allowed",
    "is_built",
    "is_ck_sdpa_available",
    "is_flash_attention_available",
    "math_sdp_enabled",
    "mem_efficient_sdp_enabled",
    "preferred_blas_library",
    "preferred_linalg_library",
    "preferred_rocm_fa_library",
    "sdp_kernel",
]


def is_built() -> bool:
    """Whether programs can run on GPUs here: whether JAX sees one.

    Follows ``torch.backends.cuda.is_built``.
    """
    return engine.count("cuda") > 0


class cuBLASModule:
    """The switches of matrix products, ``torch.backends.cuda.matmul``.

    Example:
        >>> import flambeau as torch
        >>> torch.backends.cuda.matmul.allow_tf32
        False
        >>> torch.backends.cuda.matmul.allow_tf32 = True
        >>> torch.get_float32_matmul_precision()
        'high'
        >>> torch.set_float32_matmul_precision("highest")
    """

    allow_fp16_reduced_precision_reduction: Any = True
    allow_bf16_reduced_precision_reduction: Any = True
    allow_fp16_accumulation = False

    @property
    def allow_tf32(self) -> bool:
        """Whether TF32 is allowed for float32 products."""
        return settings.get_float32_matmul_precision() != "highest"

    @allow_tf32.setter
    def allow_tf32(self, value: bool) -> None:
        settings.set_float32_matmul_precision("high" if value else "highest")

    @property
    def fp32_precision(self) -> str:
        """``"ieee"`` or ``"tf32"``."""
        return "tf32" if self.allow_tf32 else "ieee"

    @fp32_precision.setter
    def fp32_precision(self, value: str) -> None:
        if value not in ("ieee", "tf32", "none"):
            raise RuntimeError(f"fp32_precision must be 'ieee', 'tf32' or 'none', got {value!r}")
        settings.set_float32_matmul_precision("high" if value == "tf32" else "highest")


class cuFFTPlanCache:
    """What is asked of cuFFT's plans, ``torch.backends.cuda.cufft_plan_cache``: XLA keeps them."""

    size = 0
    max_size = 0

    def clear(self) -> None:
        """Accepted: there is nothing to clear."""

    def __getitem__(self, device: Any) -> cuFFTPlanCache:
        return self


matmul = cuBLASModule()
cufft_plan_cache = cuFFTPlanCache()

_kept = {"flash": True, "mem_efficient": True, "math": True, "cudnn": True, "reduce": False}
_FUSED = ("flash", "mem_efficient", "cudnn")
_libraries = {"linalg": "default", "blas": "default", "rocm_fa": "default"}


def _keep(**switches: bool) -> None:
    _kept.update(switches)
    recorder.choose(fused_attention=any(_kept[name] for name in _FUSED))


def enable_flash_sdp(enabled: bool) -> None:
    """Whether attention may be one kernel: if any of the three fused ones may.

    Follows ``torch.backends.cuda.enable_flash_sdp``.
    """
    _keep(flash=bool(enabled))


def flash_sdp_enabled() -> bool:
    """What was set. Follows ``torch.backends.cuda.flash_sdp_enabled``."""
    return _kept["flash"]


def enable_mem_efficient_sdp(enabled: bool) -> None:
    """Whether attention may be one kernel: if any of the three fused ones may.

    Follows ``torch.backends.cuda.enable_mem_efficient_sdp``.
    """
    _keep(mem_efficient=bool(enabled))


def mem_efficient_sdp_enabled() -> bool:
    """What was set. Follows ``torch.backends.cuda.mem_efficient_sdp_enabled``."""
    return _kept["mem_efficient"]


def enable_math_sdp(enabled: bool) -> None:
    """Kept. Follows ``torch.backends.cuda.enable_math_sdp``."""
    _keep(math=bool(enabled))


def math_sdp_enabled() -> bool:
    """What was set. Follows ``torch.backends.cuda.math_sdp_enabled``."""
    return _kept["math"]


def enable_cudnn_sdp(enabled: bool) -> None:
    """Whether attention may be one kernel: if any of the three fused ones may.

    Follows ``torch.backends.cuda.enable_cudnn_sdp``.
    """
    _keep(cudnn=bool(enabled))


def cudnn_sdp_enabled() -> bool:
    """What was set. Follows ``torch.backends.cuda.cudnn_sdp_enabled``."""
    return _kept["cudnn"]


def allow_fp16_bf16_reduction_math_sdp(enabled: bool) -> None:
    """Kept. Follows ``torch.backends.cuda.allow_fp16_bf16_reduction_math_sdp``."""
    _kept["reduce"] = bool(enabled)


def fp16_bf16_reduction_math_sdp_allowed() -> bool:
    """What was set. Follows ``torch.backends.cuda.fp16_bf16_reduction_math_sdp_allowed``."""
    return _kept["reduce"]


@contextlib.contextmanager
def sdp_kernel(
    enable_flash: bool = True,
    enable_math: bool = True,
    enable_mem_efficient: bool = True,
    enable_cudnn: bool = True,
) -> Iterator[None]:
    """Switches of attention that hold for a block. Follows ``torch.backends.cuda.sdp_kernel``."""
    before = dict(_kept)
    _keep(
        flash=enable_flash, math=enable_math, mem_efficient=enable_mem_efficient,
        cudnn=enable_cudnn,
    )  # fmt: skip
    try:
        yield
    finally:
        _keep(**before)


def is_flash_attention_available() -> bool:
    """False: PyTorch's kernel is not here. Follows ``torch.backends.cuda``."""
    return False


def can_use_flash_attention(params: Any, debug: bool = False) -> bool:
    """False: PyTorch's kernel is not here. Follows ``torch.backends.cuda``."""
    return False


def can_use_efficient_attention(params: Any, debug: bool = False) -> bool:
    """False: PyTorch's kernel is not here. Follows ``torch.backends.cuda``."""
    return False


def can_use_cudnn_attention(params: Any, debug: bool = False) -> bool:
    """False: PyTorch's kernel is not here. Follows ``torch.backends.cuda``."""
    return False


def is_ck_sdpa_available() -> bool:
    """False: PyTorch's kernel is not here. Follows ``torch.backends.cuda``."""
    return False


def _library(kind: str, backend: Any) -> str:
    if backend is not None:
        _libraries[kind] = str(backend)
    return _libraries[kind]


def preferred_linalg_library(backend: Any = None) -> str:
    """Kept and given back; XLA chooses. Follows ``torch.backends.cuda``."""
    return _library("linalg", backend)


def preferred_blas_library(backend: Any = None) -> str:
    """Kept and given back; XLA chooses. Follows ``torch.backends.cuda``."""
    return _library("blas", backend)


def preferred_rocm_fa_library(backend: Any = None) -> str:
    """Kept and given back; XLA chooses. Follows ``torch.backends.cuda``."""
    return _library("rocm_fa", backend)
