"""Window functions. Follows ``torch.signal.windows``.

Each takes the number of points ``M``; ``sym=False`` gives a window for spectral analysis, one
period of a periodic function. ``dtype``, ``device`` and ``requires_grad`` are those of the
result.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from flambeau._tensor import dtypes
from flambeau._tensor.construct import from_data

__all__ = [
    "bartlett",
    "blackman",
    "cosine",
    "exponential",
    "gaussian",
    "general_cosine",
    "general_hamming",
    "hamming",
    "hann",
    "kaiser",
    "nuttall",
]


def _points(name: str, M: int, sym: bool, options: dict[str, Any]) -> np.ndarray:
    """The places ``0 … M - 1``, and a check of the arguments."""
    dtype = options.get("dtype")
    if M < 0:
        raise ValueError(f"{name} requires non-negative window length, got M={M}")
    if str(options.get("layout") or "torch.strided") != "torch.strided":
        raise ValueError(f"{name} is implemented for strided tensors only, got {options['layout']}")
    if dtype is not None and dtype not in (dtypes.float32, dtypes.float64):
        raise ValueError(f"{name} expects float32 or float64 dtypes, got: {dtype}")
    return np.arange(M, dtype=np.float64)


def _span(M: int, sym: bool) -> int:
    """The distance from the first point to the last one of a period."""
    return max(M - 1 if sym else M, 1)


def _make(values: np.ndarray, options: dict[str, Any]) -> Any:
    dtype = dtypes.as_dtype(options.get("dtype"))
    made = from_data(values.astype(dtype.numpy), dtype, options.get("device"))
    return made.requires_grad_(True) if options.get("requires_grad") else made


def _cosines(name: str, M: int, a: Iterable[float], sym: bool, options: dict[str, Any]) -> Any:
    k = _points(name, M, sym, options)
    coefficients = list(a)
    if not coefficients:
        raise ValueError("Coefficients cannot be empty")
    if M == 1:
        return _make(np.ones(1), options)
    angle = 2 * np.pi * k / _span(M, sym)
    total = sum(((-1) ** i) * c * np.cos(i * angle) for i, c in enumerate(coefficients))
    return _make(np.asarray(total), options)


def general_cosine(M: int, *, a: Iterable[float], sym: bool = True, **options: Any) -> Any:
    """A sum of cosines with alternating signs and the coefficients ``a``.

    Shape:
        ``(M,)``.

    Dtypes:
        ``dtype``, or the default dtype.

    Raises:
        ValueError: ``M`` is negative.
    """
    if not isinstance(a, Iterable):
        raise TypeError("Coefficients must be a list/tuple")
    return _cosines("general_cosine", M, a, sym, options)


def general_hamming(M: int, *, alpha: float = 0.54, sym: bool = True, **options: Any) -> Any:
    """``alpha - (1 - alpha) * cos``.

    Shape:
        ``(M,)``.

    Dtypes:
        ``dtype``, or the default dtype.

    Raises:
        ValueError: ``M`` is negative.
    """
    return _cosines("general_hamming", M, [alpha, 1 - alpha], sym, options)


def hamming(M: int, *, sym: bool = True, **options: Any) -> Any:
    """The Hamming window.

    Shape:
        ``(M,)``.

    Dtypes:
        ``dtype``, or the default dtype.

    Raises:
        ValueError: ``M`` is negative.
    """
    return _cosines("hamming", M, [0.54, 0.46], sym, options)


def hann(M: int, *, sym: bool = True, **options: Any) -> Any:
    """The Hann window.

    Shape:
        ``(M,)``.

    Dtypes:
        ``dtype``, or the default dtype.

    Raises:
        ValueError: ``M`` is negative.
    """
    return _cosines("hann", M, [0.5, 0.5], sym, options)


def blackman(M: int, *, sym: bool = True, **options: Any) -> Any:
    """The Blackman window.

    Shape:
        ``(M,)``.

    Dtypes:
        ``dtype``, or the default dtype.

    Raises:
        ValueError: ``M`` is negative.
    """
    return _cosines("blackman", M, [0.42, 0.5, 0.08], sym, options)


def nuttall(M: int, *, sym: bool = True, **options: Any) -> Any:
    """The minimum four-term Blackman-Harris window after Nuttall.

    Shape:
        ``(M,)``.

    Dtypes:
        ``dtype``, or the default dtype.

    Raises:
        ValueError: ``M`` is negative.
    """
    return _cosines("nuttall", M, [0.3635819, 0.4891775, 0.1365995, 0.0106411], sym, options)


def bartlett(M: int, *, sym: bool = True, **options: Any) -> Any:
    """The triangular window that is 0 at both ends.

    Shape:
        ``(M,)``.

    Dtypes:
        ``dtype``, or the default dtype.

    Raises:
        ValueError: ``M`` is negative.
    """
    k = _points("bartlett", M, sym, options)
    if M == 1:
        return _make(np.ones(1), options)
    return _make(1 - np.abs(2 * k / _span(M, sym) - 1), options)


def cosine(M: int, *, sym: bool = True, **options: Any) -> Any:
    """Half a period of the sine, taken between its zeros.

    Shape:
        ``(M,)``.

    Dtypes:
        ``dtype``, or the default dtype.

    Raises:
        ValueError: ``M`` is negative.
    """
    k = _points("cosine", M, sym, options)
    return _make(np.sin(np.pi * (k + 0.5) / (M if sym else M + 1)), options)


def exponential(
    M: int, *, center: float | None = None, tau: float = 1.0, sym: bool = True, **options: Any
) -> Any:
    """``exp(-|k - center| / tau)``; the centre cannot be chosen for a symmetric window.

    Shape:
        ``(M,)``.

    Dtypes:
        ``dtype``, or the default dtype.

    Raises:
        ValueError: ``M`` is negative.
    """
    k = _points("exponential", M, sym, options)
    if tau <= 0:
        raise ValueError(f"Tau must be positive, got: {tau} instead.")
    if sym and center is not None:
        raise ValueError("Center must be None for symmetric windows")
    middle = (_span(M, sym) if M > 1 else 0) / 2 if center is None else center
    return _make(np.exp(-np.abs(k - middle) / tau), options)


def gaussian(M: int, *, std: float = 1.0, sym: bool = True, **options: Any) -> Any:
    """The bell curve of a standard deviation of ``std`` points.

    Shape:
        ``(M,)``.

    Dtypes:
        ``dtype``, or the default dtype.

    Raises:
        ValueError: ``M`` is negative.
    """
    k = _points("gaussian", M, sym, options)
    if std <= 0:
        raise ValueError(f"Standard deviation must be positive, got: {std} instead.")
    middle = (M - 1 if sym else M) / 2 if M > 1 else 0
    return _make(np.exp(-0.5 * ((k - middle) / std) ** 2), options)


def kaiser(M: int, *, beta: float = 12.0, sym: bool = True, **options: Any) -> Any:
    """The Kaiser window of shape ``beta``.

    Shape:
        ``(M,)``.

    Dtypes:
        ``dtype``, or the default dtype.

    Raises:
        ValueError: ``M`` is negative.
    """
    k = _points("kaiser", M, sym, options)
    if beta < 0:
        raise ValueError(f"beta must be non-negative, got: {beta} instead.")
    if M == 1:
        return _make(np.ones(1), options)
    ratio = 2 * k / _span(M, sym) - 1
    scale = np.i0(beta * np.sqrt(np.maximum(1 - ratio * ratio, 0)))
    return _make(scale / float(np.i0(beta)) if math.isfinite(beta) else scale, options)
