"""Which implementation of attention runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import Enum

from flambeau.backends import cuda

__all__ = ["SDPBackend", "sdpa_kernel"]


class SDPBackend(Enum):
    """PyTorch's implementations of scaled dot-product attention.

    ``MATH`` is the formulation that XLA compiles for whatever device it runs on; the fused ones
    are one here, cuDNN's kernel, for half precision on NVIDIA GPUs.

    Follows ``torch.nn.attention.SDPBackend``.
    """

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4


@contextmanager
def sdpa_kernel(
    backends: Sequence[SDPBackend] | SDPBackend, set_priority: bool = False
) -> Iterator[None]:
    """Which implementations of attention may run in a block.

    Without one of the fused ones, attention is what XLA compiles; with one, it is cuDNN's kernel
    where that takes the dtype and the shapes. Any of them stands for all three.

    Args:
        backends: one or several that PyTorch may take.
        set_priority: whether their order counts.

    Raises:
        AssertionError: something else than backends is given.

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn.attention import SDPBackend, sdpa_kernel
        >>> q = torch.ones(1, 2, 3)
        >>> with sdpa_kernel(SDPBackend.MATH):
        ...     torch.nn.functional.scaled_dot_product_attention(q, q, q).shape
        torch.Size([1, 2, 3])

    Follows ``torch.nn.attention.sdpa_kernel``.
    """
    known = isinstance(backends, SDPBackend) or (
        isinstance(backends, Sequence) and all(isinstance(b, SDPBackend) for b in backends)
    )
    if not known:
        raise AssertionError(
            "Backend must be an instance of SDPBackend or a list of SDPBackend instances, but got "
            f"{backends!r}"
        )
    some = [backends] if isinstance(backends, SDPBackend) else backends
    with cuda.sdp_kernel(
        enable_flash=SDPBackend.FLASH_ATTENTION in some,
        enable_math=SDPBackend.MATH in some,
        enable_mem_efficient=SDPBackend.EFFICIENT_ATTENTION in some,
        enable_cudnn=SDPBackend.CUDNN_ATTENTION in some,
    ):
        yield
