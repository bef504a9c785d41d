"""Padding."""

from __future__ import annotations

from collections.abc import Sequence

from flambeau._ops import joining
from flambeau._ops import nn_misc as rows
from flambeau.nn.functional._base import ShapeError, Tensor, apply, require_tensor

__all__ = ["pad"]

_COPIES = {
    "reflect": rows.pad_reflect,
    "replicate": rows.pad_replicate,
    "circular": rows.pad_circular,
}


def pad(
    input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None
) -> Tensor:
    """Pad the last dimensions: `pad` lists (before, after) from the last one backwards.

    Follows `torch.nn.functional.pad`.

    Shape:
        ``(*)`` to ``(*)`` with the sizes grown by ``pad``, the last dimension first.

    Dtypes:
        Any; the result has the input's.

    Raises:
        RuntimeError: the padding is too long or too large for the input.
        NotImplementedError: a mode that the number of dimensions does not have.

    Example:
        >>> import flambeau as torch
        >>> import flambeau.nn.functional as F
        >>> F.pad(torch.tensor([1.0, 2.0]), (1, 0))
        tensor([0., 1., 2.])
    """
    require_tensor("pad", input=input)
    amounts = tuple(int(p) for p in pad)
    if len(amounts) % 2:
        raise RuntimeError(
            f"Padding length must be divisible by 2, but got {len(amounts)}: {amounts}"
        )
    n = len(amounts) // 2
    if n > input.ndim:
        raise RuntimeError(
            "Padding length should be less than or equal to two times the input dimension but got "
            f"padding length {len(amounts)} and input of dimension {input.ndim}"
        )
    if mode == "constant":
        for d in range(n):
            size = input.shape[-1 - d]
            new = size + amounts[2 * d] + amounts[2 * d + 1]
            if new < 0:
                raise RuntimeError(
                    f"The input size {size}, plus negative padding {amounts[2 * d]} and "
                    f"{amounts[2 * d + 1]} resulted in a negative output size, which is invalid."
                )
        return apply(joining.constant_pad_nd, input, 0 if value is None else value, pad=amounts)
    if mode not in _COPIES:
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    if value is not None and value != 0:
        raise ValueError(f'Padding mode "{mode}" doesn\'t take in value argument')
    if not 1 <= n <= 3 or input.ndim not in (n + 1, n + 2):
        raise NotImplementedError(
            "Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now: the "
            f"last {n} dimensions of {tuple(input.shape)} cannot be padded in mode {mode!r}"
        )
    for d in range(n):
        size, low, high = input.shape[-1 - d], amounts[2 * d], amounts[2 * d + 1]
        if mode == "reflect" and (low >= size or high >= size):
            raise ShapeError(
                "Argument #4: Padding size should be less than the corresponding input "
                f"dimension, but got: padding ({low}, {high}) at dimension "
                f"{input.ndim - 1 - d} of input {list(input.shape)}"
            )
        if mode == "circular" and (low > size or high > size):
            raise ShapeError(
                "Padding value causes wrapping around more than once: padding "
                f"({low}, {high}) at dimension {input.ndim - 1 - d} of input {list(input.shape)}"
            )
        if size + low + high <= 0:
            raise ShapeError(
                f"pad: input of shape {list(input.shape)} is too small for padding {amounts}"
            )
    return apply(_COPIES[mode], input, pad=amounts)
