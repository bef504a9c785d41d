"""Which implementation of attention runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import Enum

__all__ = ["SDPBackend", "sdpa_kernel"]


class SDPBackend(Enum):
    """PyTorch's implementations of scaled dot-product attention.

    Here XLA compiles one formulation for whatever device it runs on.

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
    """Accepted: the values of all implementations are the same, and XLA chooses.

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
    yield
