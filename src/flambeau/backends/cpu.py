"""The host. Follows `torch.backends.cpu`."""

from __future__ import annotations

__all__ = ["get_cpu_capability"]


def get_cpu_capability() -> str:
    """The widest vectors of the machine, by PyTorch's names."""
    from flambeau.cpu import get_capabilities

    found = get_capabilities()
    if found["avx512f"]:
        return "AVX512"
    return "AVX2" if found["avx2"] else "DEFAULT"
