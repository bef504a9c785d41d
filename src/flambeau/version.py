"""What `torch.version` tells, for programs that look: the API level and the builds it has.

Follows `torch.version`.
"""

from __future__ import annotations

import functools
import re
from typing import Any

from flambeau._version import API_LEVEL

__all__ = ["TorchVersion", "cuda", "debug", "git_version", "hip", "xpu"]


@functools.total_ordering
class TorchVersion(str):
    """A version that is a string and compares as a version, with strings and tuples too.

    Example:
        >>> from flambeau.version import TorchVersion
        >>> TorchVersion("2.13.0+flambeau") >= "2.2"
        True
        >>> TorchVersion("2.13.0") < (2, 14)
        True
    """

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        key = _key(other)
        return NotImplemented if key is None else _key(self) == key

    def __lt__(self, other: Any) -> bool:
        key = _key(other)
        return NotImplemented if key is None else _key(self) < key

    # `str` defines these four itself, so `total_ordering` would leave them alone.
    def __le__(self, other: Any) -> bool:
        return self < other or self == other

    def __gt__(self, other: Any) -> bool:
        return not self <= other

    def __ge__(self, other: Any) -> bool:
        return not self < other

    __hash__ = str.__hash__


def _key(version: Any) -> Any:
    """Release numbers without trailing zeros, then whether it is final, then the local part."""
    if isinstance(version, (tuple, list)):
        version = ".".join(str(part) for part in version)
    if not isinstance(version, str):
        return None
    public, _, local = str.__str__(version).partition("+")
    match = re.match(r"v?(\d+(?:\.\d+)*)(.*)", public)
    if match is None:
        return None
    release = [int(part) for part in match[1].split(".")]
    while release and release[-1] == 0:
        release.pop()
    return release, not re.match(r"[._-]?(a|b|c|rc|dev|alpha|beta|pre)", match[2]), local


__version__ = TorchVersion(f"{API_LEVEL}+flambeau")
cuda: str | None = None
hip: str | None = None
xpu: str | None = None
debug = False
git_version = "flambeau"
