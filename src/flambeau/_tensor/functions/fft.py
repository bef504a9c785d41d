"""Fourier transforms: over :mod:`flambeau._ops.fft`."""

from __future__ import annotations

from typing import Any

import numpy as np

from flambeau._ops import fft as rows
from flambeau._tensor import dtypes
from flambeau._tensor.dispatch import public, run

fft = public(rows.fft)
ifft = public(rows.ifft)
rfft = public(rows.rfft)
irfft = public(rows.irfft)
hfft = public(rows.hfft)
ihfft = public(rows.ihfft)
fft2 = public(rows.fft2)
ifft2 = public(rows.ifft2)
rfft2 = public(rows.rfft2)
irfft2 = public(rows.irfft2)
hfft2 = public(rows.hfft2)
ihfft2 = public(rows.ihfft2)
fftn = public(rows.fftn)
ifftn = public(rows.ifftn)
rfftn = public(rows.rfftn)
irfftn = public(rows.irfftn)
hfftn = public(rows.hfftn)
ihfftn = public(rows.ihfftn)
fftshift = public(rows.fftshift)
ifftshift = public(rows.ifftshift)


def _frequencies(row: Any, n: int, d: float, dtype: Any, device: Any, requires_grad: bool) -> Any:
    from flambeau._tensor.device import place_for

    want: np.dtype = (dtypes.as_dtype(dtype) if dtype else dtypes.get_default_dtype()).numpy
    static = (("n", n), ("d", float(d)), ("dtype", want))
    result = run(row, (), static, device=place_for(device))
    return result.requires_grad_() if requires_grad else result


def fftfreq(
    n: int,
    d: float = 1.0,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Any:
    """The frequencies of a transform of ``n`` samples.

    Shape:
        ``(n,)``.

    Dtypes:
        ``dtype``, or the default dtype.

    Raises:
        RuntimeError: ``n`` is not positive.

    Example:
        >>> import flambeau as torch
        >>> torch.fft.fftfreq(4)
        tensor([ 0.0000,  0.2500, -0.5000, -0.2500])

    Follows ``torch.fft.fftfreq``.
    """
    return _frequencies(rows.fftfreq, n, d, dtype, device, requires_grad)


def rfftfreq(
    n: int,
    d: float = 1.0,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Any:
    """The frequencies of a half transform of ``n`` samples.

    Shape:
        ``(n // 2 + 1,)``.

    Dtypes:
        ``dtype``, or the default dtype.

    Raises:
        RuntimeError: ``n`` is not positive.

    Example:
        >>> import flambeau as torch
        >>> torch.fft.rfftfreq(4)
        tensor([0.0000, 0.2500, 0.5000])

    Follows ``torch.fft.rfftfreq``.
    """
    return _frequencies(rows.rfftfreq, n, d, dtype, device, requires_grad)


__all__ = [
    "fft", "fft2", "fftfreq", "fftn", "fftshift", "hfft", "hfft2", "hfftn", "ifft", "ifft2",
    "ifftn", "ifftshift", "ihfft", "ihfft2", "ihfftn", "irfft", "irfft2", "irfftn", "rfft",
    "rfft2", "rfftfreq", "rfftn",
]  # fmt: skip
