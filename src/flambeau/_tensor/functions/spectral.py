"""Short-time Fourier transforms: the public functions over :mod:`flambeau._ops.spectral`."""

from __future__ import annotations

from typing import Any

from flambeau._ops import spectral as rows
from flambeau._tensor.core import value_of
from flambeau._tensor.dispatch import run
from flambeau._tensor.functions._shared import need_tensor


def stft(
    input: Any,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Any = None,
    center: bool = True,
    pad_mode: str = "reflect",
    normalized: bool = False,
    onesided: bool | None = None,
    return_complex: bool | None = None,
    align_to_window: bool | None = None,
) -> Any:
    """The short-time Fourier transform: spectra of overlapping frames of a signal.

    Args:
        input: one signal, or a batch of them.
        n_fft: the length of a frame's transform.
        hop_length: the distance between frames, ``n_fft // 4`` by default.
        win_length: the length of the window, ``n_fft`` by default.
        window: a 1-d tensor, ones by default.
        center: pad so that a frame is centred at each multiple of ``hop_length``.
        pad_mode: how to pad then.
        normalized: divide by the root of ``n_fft``.
        onesided: only the frequencies up to half; the default for real input.
        return_complex: required to be True for real input.
        align_to_window: not taken.

    Shape:
        (B?, L) gives (B?, N, T) with N frequencies and T frames.

    Dtypes:
        Floating and complex.

    Raises:
        RuntimeError: a size does not fit, or ``return_complex`` is missing.

    Example:
        >>> import flambeau as torch
        >>> x, w = torch.tensor([1.0, 0.0, 1.0, 0.0]), torch.ones(4)
        >>> torch.stft(x, 4, window=w, center=False, return_complex=True).real
        tensor([[2.],
                [0.],
                [2.]])

    Follows ``torch.stft``.
    """
    need_tensor("stft", input)
    aval = value_of(input).aval
    hop = n_fft // 4 if hop_length is None else int(hop_length)
    width = n_fft if win_length is None else int(win_length)
    is_complex = input.is_complex() or (window is not None and window.is_complex())
    half = (not is_complex) if onesided is None else bool(onesided)
    if not (input.is_floating_point() or input.is_complex()):
        raise RuntimeError(
            f"stft: expected a tensor of floating point or complex values, got {input.dtype}"
        )
    if aval.ndim not in (1, 2):
        raise RuntimeError(f"stft: expected a 1D or 2D tensor, got {aval.ndim}D")
    length = aval.shape[-1] + (2 * (n_fft // 2) if center else 0)
    if n_fft <= 0 or n_fft > length:
        raise RuntimeError(f"stft: expected 0 < n_fft <= {length}, but got n_fft={n_fft}")
    if hop <= 0:
        raise RuntimeError(f"stft: expected hop_length > 0, but got hop_length={hop}")
    _check_window("stft", window, width, n_fft)
    if half and is_complex:
        raise RuntimeError("stft: cannot have onesided output if window or input is complex")
    if return_complex is None and not is_complex:
        raise RuntimeError(
            "stft requires the return_complex parameter be given for real inputs, and return "
            "complex tensors: pass return_complex=True and use torch.view_as_real if needed"
        )
    static = (
        ("n_fft", int(n_fft)),
        ("hop_length", hop),
        ("win_length", width),
        ("center", bool(center)),
        ("pad_mode", pad_mode),
        ("normalized", bool(normalized)),
        ("onesided", half),
    )
    result = run(rows.stft, (input, window), static)
    if return_complex is False:
        from flambeau._tensor.functions.shape import view_as_real

        return view_as_real(result)
    return result


def _check_window(name: str, window: Any, width: int, n_fft: int) -> None:
    if width <= 0 or width > n_fft:
        raise RuntimeError(
            f"{name}: expected 0 < win_length <= n_fft, but got win_length={width}, n_fft={n_fft}"
        )
    if window is None:
        return
    shape = value_of(window).aval.shape
    if shape != (width,):
        raise RuntimeError(
            f"{name}: expected a 1D window tensor of size equal to win_length={width}, but got "
            f"window with size {list(shape)}"
        )


def istft(
    input: Any,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Any = None,
    center: bool = True,
    normalized: bool = False,
    onesided: bool | None = None,
    length: int | None = None,
    return_complex: bool = False,
) -> Any:
    """The inverse of :func:`stft` in the sense of least squares.

    Args:
        input: the complex spectra, (B?, N, T).
        n_fft: the length of a frame's transform.
        hop_length: the distance between frames, ``n_fft // 4`` by default.
        win_length: the length of the window, ``n_fft`` by default.
        window: a 1-d tensor, ones by default.
        center: whether the frames were centred.
        normalized: whether the transform was divided by the root of ``n_fft``.
        onesided: whether only the frequencies up to half are there; known from N by default.
        length: cut or pad the signal to it.
        return_complex: give a complex signal, for spectra of all frequencies.

    Shape:
        ``(B, F, K)`` or ``(F, K)`` to ``(B, L)`` or ``(L,)``: F frequencies, K windows, L
        samples.

    Dtypes:
        Complex; the result is real.

    Raises:
        RuntimeError: a size does not fit, or the input is real.

    Example:
        >>> import flambeau as torch
        >>> x, w = torch.tensor([1.0, 2.0, 3.0, 4.0]), torch.ones(4)
        >>> s = torch.stft(x, 4, window=w, return_complex=True)
        >>> torch.istft(s, 4, window=w).round()
        tensor([1., 2., 3., 4.])

    Follows ``torch.istft``.
    """
    need_tensor("istft", input)
    aval = value_of(input).aval
    if not input.is_complex():
        raise RuntimeError(
            "istft requires a complex-valued input tensor matching the output from stft with "
            "return_complex=True."
        )
    if aval.ndim not in (2, 3):
        raise RuntimeError(f"istft: expected a tensor with 2 or 3 dimensions, but got {aval.ndim}")
    if aval.size == 0:
        raise RuntimeError("istft: input tensor cannot be empty.")
    hop = n_fft // 4 if hop_length is None else int(hop_length)
    width = n_fft if win_length is None else int(win_length)
    found = aval.shape[-2]
    half = found != n_fft if onesided is None else bool(onesided)
    expected = n_fft // 2 + 1 if half else n_fft
    if found != expected:
        raise RuntimeError(
            f"istft: expected the frequency dimension (3rd to the last) of the input tensor to "
            f"match n_fft {'/ 2 + 1 ' if half else ''}when onesided={half}, {expected}, but got "
            f"{found}"
        )
    if not 0 < hop <= width:
        raise RuntimeError(f"istft: expected 0 < hop_length <= win_length, but got {hop}")
    _check_window("istft", window, width, n_fft)
    if half and return_complex:
        raise RuntimeError("istft: cannot have onesided input with return_complex=True")
    static = (
        ("n_fft", int(n_fft)),
        ("hop_length", hop),
        ("win_length", width),
        ("center", bool(center)),
        ("normalized", bool(normalized)),
        ("onesided", half),
        ("length", None if length is None else int(length)),
        ("return_complex", bool(return_complex)),
    )
    return run(rows.istft, (input, window), static)
