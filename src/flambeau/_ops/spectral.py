"""The short-time Fourier transform and its inverse."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from flambeau._ops.registry import Array, OptArray, op


def _full_window(window: Array | None, n_fft: int, win_length: int, dtype: np.dtype) -> Array:
    """The window, centred in ``n_fft`` points."""
    made = jnp.ones((win_length,), dtype) if window is None else window
    left = (n_fft - win_length) // 2
    return jnp.pad(made, (left, n_fft - win_length - left))


def _starts(count: int, n_fft: int, hop: int) -> np.ndarray:
    return np.arange(count)[:, None] * hop + np.arange(n_fft)


@op()
def stft(
    input: Array,
    window: OptArray,
    n_fft: int,
    hop_length: int,
    win_length: int,
    center: bool,
    pad_mode: str,
    normalized: bool,
    onesided: bool,
) -> Array:
    """Fourier transforms of overlapping frames: frequencies by frames."""
    if center:
        pads = [(0, 0)] * (input.ndim - 1) + [(n_fft // 2, n_fft // 2)]
        modes = {"replicate": "edge", "circular": "wrap"}
        input = jnp.pad(input, pads, mode=modes.get(pad_mode, pad_mode))
    count = 1 + (input.shape[-1] - n_fft) // hop_length
    real = jnp.finfo(input.dtype).dtype
    frames = input[..., _starts(count, n_fft, hop_length)]
    frames = frames * _full_window(window, n_fft, win_length, real)
    norm = "ortho" if normalized else "backward"
    if onesided:
        result = jnp.fft.rfft(frames, axis=-1, norm=norm)
    else:
        result = jnp.fft.fft(frames, axis=-1, norm=norm)
    return jnp.swapaxes(result, -1, -2)


@op()
def istft(
    input: Array,
    window: OptArray,
    n_fft: int,
    hop_length: int,
    win_length: int,
    center: bool,
    normalized: bool,
    onesided: bool,
    length: int | None,
    return_complex: bool,
) -> Array:
    """The signal whose short-time transform is nearest to ``input``."""
    frames = jnp.swapaxes(input, -1, -2)
    norm = "ortho" if normalized else "backward"
    if return_complex:
        frames = jnp.fft.ifft(frames, n=n_fft, axis=-1, norm=norm)
    else:
        if not onesided:
            frames = frames[..., : n_fft // 2 + 1]
        frames = jnp.fft.irfft(frames, n=n_fft, axis=-1, norm=norm)
    count = frames.shape[-2]
    real = jnp.finfo(frames.dtype).dtype
    shape = _full_window(window, n_fft, win_length, real)
    total = n_fft + hop_length * (count - 1)
    places = _starts(count, n_fft, hop_length)
    signal = jnp.zeros((*frames.shape[:-2], total), frames.dtype)
    signal = signal.at[..., places].add(frames * shape)
    # Of a complex window PyTorch takes the square too, not that of its magnitude.
    square = jnp.broadcast_to(jnp.square(shape), places.shape)
    weight = jnp.zeros((total,), square.dtype).at[places].add(square)
    start = n_fft // 2 if center else 0
    if length is not None:
        stop = start + length
    else:
        stop = total - n_fft // 2 if center else total
    signal, weight = signal[..., start:stop], weight[start:stop]
    result = signal / jnp.where(weight == 0, 1, weight)
    if length is not None and result.shape[-1] < length:
        pads = [(0, 0)] * (result.ndim - 1) + [(0, length - result.shape[-1])]
        result = jnp.pad(result, pads)
    return result
