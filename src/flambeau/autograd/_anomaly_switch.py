"""Anomaly detection by PyTorch's switch at the top."""

from __future__ import annotations

from flambeau.autograd.anomaly_mode import set_detect_anomaly


def set_anomaly_enabled(mode: bool, check_nan: bool = True) -> None:
    """Switch anomaly detection on or off.

    Example:
        >>> import flambeau as torch
        >>> torch.set_anomaly_enabled(False)

    Follows ``torch.set_anomaly_enabled``.
    """
    set_detect_anomaly(mode, check_nan)


def is_anomaly_check_nan_enabled() -> bool:
    """True: detection always looks for NaN.

    Example:
        >>> import flambeau as torch
        >>> torch.is_anomaly_check_nan_enabled()
        True

    Follows ``torch.is_anomaly_check_nan_enabled``.
    """
    return True
