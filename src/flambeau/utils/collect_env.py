"""What this installation is, for reports. Follows `torch.utils.collect_env`."""

from __future__ import annotations

import platform
import sys

from flambeau import __config__

__all__ = ["get_pretty_env_info", "main"]


def get_pretty_env_info() -> str:
    """Versions of flambeau, JAX, Python and the system.

    Follows ``torch.utils.collect_env.get_pretty_env_info``.
    """
    return f"{__config__.show()}Python {sys.version.split()[0]} on {platform.platform()}"


def main() -> None:
    """Print them."""
    print(get_pretty_env_info())


if __name__ == "__main__":
    main()
