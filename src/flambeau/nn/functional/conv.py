"""Convolutions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flambeau._ops import nn_conv as rows
from flambeau._tensor.documents import add_example
from flambeau.nn.functional._base import (
    ShapeError,
    Tensor,
    apply,
    ntuple,
    permute,
    require_tensor,
    same_dtype,
    squeeze,
    unsqueeze,
)

__all__ = [
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_tbc",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
]


def _check_shapes(
    name: str,
    n: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    groups: int,
    transposed: bool,
) -> None:
    """Channels, groups and ranks fit.

    Raises:
        RuntimeError: they do not.
    """
    x, w = tuple(input.shape), tuple(weight.shape)
    space = ["", "L", "H, W", "D, H, W"][n]
    layout = (
        "(in_channels, out_channels / groups"
        if transposed
        else "(out_channels, in_channels / groups"
    )
    if len(w) != n + 2:
        raise ShapeError(
            f"{name}: weight is {w} but must be {n + 2}-dimensional, {layout}, *kernel_size)"
        )
    if len(x) not in (n + 1, n + 2):
        raise ShapeError(
            f"Expected {n + 1}D (unbatched) or {n + 2}D (batched) input to {name}, but got input "
            f"of size: {list(x)}; it must be (N, C, {space}) or (C, {space})"
        )
    if groups <= 0:
        raise RuntimeError(f"{name}: non-positive groups is not supported, got {groups}")
    channels = x[-n - 1]
    out = w[1] * groups if transposed else w[0]
    expected = w[0] if transposed else w[1] * groups
    if channels != expected:
        text = (
            f"Given groups={groups}, weight of size {list(w)}, expected input{list(x)} to have "
            f"{expected} channels, but got {channels} channels instead; {name}'s weight is "
            f"{layout}, *kernel_size)"
        )
        other = w[1] * groups if transposed else w[0]
        if groups == 1 and channels == other:
            text += f"; it looks transposed: weight.transpose(0, 1) is {[w[1], w[0], *w[2:]]}"
        raise ShapeError(text)
    if (expected if transposed else out) % groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, "
            f"but got weight of size {list(w)} instead"
        )
    if bias is not None and tuple(bias.shape) != (out,):
        raise ShapeError(
            f"Given {'transposed=1, ' if transposed else ''}weight of size {list(w)}, expected "
            f"bias to be 1-dimensional with {out} elements, but got bias of size "
            f"{list(bias.shape)} instead"
        )
    same_dtype(name, input=input, weight=weight, bias=bias)


def _positive(name: str, argument: str, values: tuple[int, ...]) -> None:
    if any(v <= 0 for v in values):
        raise RuntimeError(f"{name}: non-positive {argument} is not supported, got {values}")


def _conv(
    n: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
) -> Tensor:
    name = f"conv{n}d"
    require_tensor(name, input=input, weight=weight)
    _check_shapes(name, n, input, weight, bias, groups, False)
    steps = ntuple(name, "stride", stride, n)
    gaps = ntuple(name, "dilation", dilation, n)
    _positive(name, "stride", steps)
    _positive(name, "dilation", gaps)
    kernel = tuple(weight.shape[2:])
    reach = [d * (k - 1) for d, k in zip(gaps, kernel, strict=True)]
    if isinstance(padding, str):
        if padding == "same":
            if any(s != 1 for s in steps):
                raise RuntimeError("padding='same' is not supported for strided convolutions")
            pads: tuple[Any, ...] = tuple((r // 2, r - r // 2) for r in reach)
        elif padding == "valid":
            pads = (0,) * n
        else:
            raise RuntimeError(f"Invalid padding string: {padding!r}; use 'valid' or 'same'")
    else:
        pads = ntuple(name, "padding", padding, n)
        if any(p < 0 for p in pads):
            raise RuntimeError(f"{name}: negative padding is not supported, got {pads}")
        size = [s + 2 * p for s, p in zip(input.shape[-n:], pads, strict=True)]
        if any(s <= r for s, r in zip(size, reach, strict=True)):
            raise ShapeError(
                f"Calculated padded input size per channel: {tuple(size)}. Kernel size: "
                f"{kernel}. Kernel size can't be greater than actual input size"
            )
    single = input.ndim == n + 1
    out = apply(
        rows.convolution,
        unsqueeze(input, 0) if single else input,
        weight,
        bias,
        stride=steps,
        padding=pads,
        dilation=gaps,
        groups=int(groups),
    )
    return squeeze(out, 0) if single else out


def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlate a sequence with a kernel.

    Follows `torch.nn.functional.conv1d`. `padding` may be ``"same"`` or ``"valid"``.

    Shape:
        - input ``(N, C, L)`` or ``(C, L)``, weight ``(O, C / groups, K)``, bias ``(O,)``
        - output ``(N, O, L_out)`` or ``(O, L_out)``

    Dtypes:
        Integers, floating and complex; the result has the input's.

    Raises:
        RuntimeError: shapes, dtypes or arguments do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.conv1d(torch.ones(1, 1, 3), torch.ones(1, 1, 2))
        tensor([[[2., 2.]]])
    """
    return _conv(1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlate an image with a kernel.

    Follows `torch.nn.functional.conv2d`. `padding` may be ``"same"`` or ``"valid"``.

    Shape:
        - input ``(N, C, H, W)`` or ``(C, H, W)``, weight ``(O, C / groups, KH, KW)``
        - output ``(N, O, H_out, W_out)`` or ``(O, H_out, W_out)``

    Dtypes:
        Integers, floating and complex; the result has the input's.

    Raises:
        RuntimeError: shapes, dtypes or arguments do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.conv2d(torch.arange(9.0).reshape(1, 1, 3, 3), torch.ones(1, 1, 2, 2))
        tensor([[[[ 8., 12.],
                  [20., 24.]]]])
    """
    return _conv(2, input, weight, bias, stride, padding, dilation, groups)


def conv3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlate a volume with a kernel.

    Follows `torch.nn.functional.conv3d`. `padding` may be ``"same"`` or ``"valid"``.

    Shape:
        - input ``(N, C, D, H, W)`` or ``(C, D, H, W)``, weight ``(O, C / groups, KD, KH, KW)``
        - output ``(N, O, D_out, H_out, W_out)`` or without ``N``

    Dtypes:
        Integers, floating and complex; the result has the input's.

    Raises:
        RuntimeError: shapes, dtypes or arguments do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.conv3d(torch.ones(1, 1, 2, 2, 2), torch.ones(1, 1, 2, 2, 1)).flatten()
        tensor([4., 4.])
    """
    return _conv(3, input, weight, bias, stride, padding, dilation, groups)


def _conv_transpose(
    n: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: int,
    dilation: Any,
) -> Tensor:
    name = f"conv_transpose{n}d"
    require_tensor(name, input=input, weight=weight)
    _check_shapes(name, n, input, weight, bias, groups, True)
    steps = ntuple(name, "stride", stride, n)
    gaps = ntuple(name, "dilation", dilation, n)
    extra = ntuple(name, "output_padding", output_padding, n)
    _positive(name, "stride", steps)
    _positive(name, "dilation", gaps)
    pads = ntuple(name, "padding", padding, n)
    for e, s, d in zip(extra, steps, gaps, strict=True):
        if e >= s and e >= d:
            raise RuntimeError(
                f"output padding must be smaller than either stride or dilation, but got "
                f"output_padding: {extra}, stride: {steps}, dilation: {gaps}"
            )
    single = input.ndim == n + 1
    out = apply(
        rows.convolution_transpose,
        unsqueeze(input, 0) if single else input,
        weight,
        bias,
        stride=steps,
        padding=pads,
        output_padding=extra,
        groups=int(groups),
        dilation=gaps,
    )
    return squeeze(out, 0) if single else out


def _transposed(n: int, space: str) -> Callable[..., Tensor]:
    def conv_transpose(
        input: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        dilation: Any = 1,
    ) -> Tensor:
        return _conv_transpose(
            n, input, weight, bias, stride, padding, output_padding, groups, dilation
        )

    name = f"conv_transpose{n}d"
    conv_transpose.__name__ = conv_transpose.__qualname__ = name
    conv_transpose.__doc__ = f"""The adjoint of :func:`conv{n}d` with respect to its input.

    Follows `torch.nn.functional.{name}`.

    Shape:
        - input ``(N, C, {space})`` or without ``N``, weight ``(C, O / groups, *kernel)``
        - output ``(N, O, *)`` or without ``N``

    Dtypes:
        Integers, floating and complex; the result has the input's.

    Raises:
        RuntimeError: shapes, dtypes or arguments do not fit.
    """
    return conv_transpose


conv_transpose1d = _transposed(1, "L")
conv_transpose2d = _transposed(2, "H, W")
conv_transpose3d = _transposed(3, "D, H, W")


def conv_tbc(input: Tensor, weight: Tensor, bias: Tensor, pad: int = 0) -> Tensor:
    """Convolve sequences laid out as ``(time, batch, channels)``.

    Follows `torch.nn.functional.conv_tbc`.

    Shape:
        - input ``(T, B, C)``, weight ``(K, C, O)``, bias ``(O,)``
        - output ``(T_out, B, O)``

    Dtypes:
        Integers, floating and complex; the result has the input's.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> F = torch.nn.functional
        >>> F.conv_tbc(torch.tensor([[[1.0]], [[2.0]]]), torch.ones(2, 1, 1), torch.zeros(1))
        tensor([[[3.]]])
    """
    moved = permute(input, (1, 2, 0))
    kernel = permute(weight, (2, 1, 0))
    return permute(conv1d(moved, kernel, bias, padding=pad), (2, 0, 1))


_EXAMPLES = {
    "conv_transpose1d": """
        >>> F = torch.nn.functional
        >>> F.conv_transpose1d(torch.tensor([[[1.0, 2.0]]]), torch.tensor([[[1.0, 10.0]]]))
        tensor([[[ 1., 12., 20.]]])
    """,
    "conv_transpose2d": """
        >>> F = torch.nn.functional
        >>> F.conv_transpose2d(torch.tensor([[[[1.0, 2.0]]]]), torch.ones(1, 1, 1, 2), stride=2)
        tensor([[[[1., 1., 2., 2.]]]])
    """,
    "conv_transpose3d": """
        >>> F = torch.nn.functional
        >>> F.conv_transpose3d(torch.ones(1, 1, 1, 1, 2), torch.ones(1, 1, 1, 1, 2)).flatten()
        tensor([1., 2., 1.])
    """,
}
for _name, _text in _EXAMPLES.items():
    add_example(globals()[_name], _text)
