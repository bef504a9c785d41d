"""Finding the forward operation behind a bad gradient."""

from __future__ import annotations

from typing import Any

from flambeau._autograd.tape import mode


class set_detect_anomaly:
    """Switch anomaly detection on or off, at once and until the ``with`` block ends.

    Args:
        mode: whether to detect.
        check_nan: raise when a backward gives NaN.

    Follows ``torch.autograd.set_detect_anomaly``.
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self._before = _switch(bool(mode), check_nan)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: Any) -> None:
        _switch(*self._before)


class detect_anomaly(set_detect_anomaly):
    """While it is on, every operation notes the user's line, and a backward that makes NaN raises
    an error that names the line of its forward.

    Follows ``torch.autograd.detect_anomaly``.
    """

    def __init__(self, check_nan: bool = True) -> None:
        self._before = mode.anomaly, mode.check_nan
        self._check_nan = check_nan

    def __enter__(self) -> None:
        _switch(True, self._check_nan)


def is_anomaly_enabled() -> bool:
    """Whether anomaly detection is on.

    Example:
        >>> import flambeau as torch
        >>> torch.is_anomaly_enabled()
        False

    Follows ``torch.is_anomaly_enabled``.
    """
    return mode.anomaly


def _switch(anomaly: bool, check_nan: bool) -> tuple[bool, bool]:
    before = mode.anomaly, mode.check_nan
    mode.anomaly, mode.check_nan = anomaly, check_nan
    return before
