"""Pooling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flambeau._ops import nn_pool as rows
from flambeau._ops._nn import pooled_size
from flambeau._tensor.documents import add_example
from flambeau.nn.functional._base import (
    ShapeError,
    Tensor,
    apply,
    ntuple,
    require_tensor,
    select,
)

_SPACE = ["", "L", "H, W", "D, H, W"]
_NUMBERS = ["no", "one", "two", "three", "four", "five"]


def _check_rank(name: str, input: Tensor, n: int) -> None:
    require_tensor(name, input=input)
    if input.ndim not in (n + 1, n + 2):
        raise ShapeError(
            f"{name}(): Expected {n + 1}D or {n + 2}D input, (N, C, {_SPACE[n]}) or "
            f"(C, {_SPACE[n]}), but got {tuple(input.shape)}"
        )


def _windows(
    name: str,
    input: Tensor,
    kernel: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil: bool,
    n: int,
) -> tuple[tuple[int, ...], ...]:
    size = ntuple(name, "kernel_size", kernel, n)
    empty = stride is None or (isinstance(stride, (tuple, list)) and not stride)
    steps = size if empty else ntuple(name, "stride", stride, n)
    pads = ntuple(name, "padding", padding, n)
    gaps = ntuple(name, "dilation", dilation, n)
    if any(k <= 0 for k in size):
        raise RuntimeError(f"{name}: kernel size should be greater than zero, but got {size}")
    if any(s <= 0 for s in steps):
        raise RuntimeError(f"{name}: stride should be greater than zero, but got {steps}")
    if any(g <= 0 for g in gaps):
        raise RuntimeError(f"{name}: dilation should be greater than zero, but got {gaps}")
    for p, k, g in zip(pads, size, gaps, strict=True):
        if p < 0:
            raise RuntimeError(f"{name}: pad must be non-negative, but got pad: {p}")
        if p > (g * (k - 1) + 1) // 2:
            raise RuntimeError(
                f"{name}: pad should be at most half of effective kernel size, but got pad={p}, "
                f"kernel_size={k} and dilation={g}"
            )
    if 0 in input.shape[-n - 1 :]:
        raise ShapeError(
            f"{name}(): Expected input's non-batch dimensions to have positive length, but input "
            f"has a shape of {tuple(input.shape)}"
        )
    plane = tuple(input.shape[-n:])
    out = [pooled_size(*part, ceil) for part in zip(plane, size, steps, pads, gaps, strict=True)]
    if any(o <= 0 for o in out):
        raise ShapeError(
            f"{name}: Given input size: {tuple(input.shape)[-n - 1 :]}. Calculated output size: "
            f"{(input.shape[-n - 1], *out)}. Output size is too small"
        )
    return size, steps, pads, gaps


def _max_pool(n: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    name = f"max_pool{n}d"

    def with_indices(
        input: Tensor,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> tuple[Tensor, Tensor]:
        _check_rank(name, input, n)
        size, steps, pads, gaps = _windows(
            name, input, kernel_size, stride, padding, dilation, ceil_mode, n
        )
        out, indices = apply(
            rows.max_pool_with_indices,
            input,
            kernel_size=size,
            stride=steps,
            padding=pads,
            dilation=gaps,
            ceil_mode=bool(ceil_mode),
        )
        return out, indices

    def pool(
        input: Tensor,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Any:
        if return_indices:
            return with_indices(input, kernel_size, stride, padding, dilation, ceil_mode)
        _check_rank(name, input, n)
        size, steps, pads, gaps = _windows(
            name, input, kernel_size, stride, padding, dilation, ceil_mode, n
        )
        return apply(
            rows.max_pool,
            input,
            kernel_size=size,
            stride=steps,
            padding=pads,
            dilation=gaps,
            ceil_mode=bool(ceil_mode),
        )

    pool.__name__ = pool.__qualname__ = name
    pool.__doc__ = f"""The maximum of every window; with `return_indices` also its place.

    Shape:
        - input ``(N, C, {_SPACE[n]})`` or without ``N``
        - output likewise, with fewer places

    Dtypes:
        Integers and floating; the results: the input's; int64.

    Raises:
        RuntimeError: the input has neither {_NUMBERS[n + 1]} nor {_NUMBERS[n + 2]} dimensions,
            or the windows do not fit it.

    Follows `torch.nn.functional.{name}`.
    """
    with_indices.__name__ = with_indices.__qualname__ = f"{name}_with_indices"
    with_indices.__doc__ = f"""Both results of :func:`{name}`: maxima and places.

    Shape:
        ``(N, C, {_SPACE[n]})`` or without ``N``; the results likewise, with fewer places.

    Dtypes:
        Integers and floating; the results: the input's; int64.

    Raises:
        RuntimeError: the input has neither {_NUMBERS[n + 1]} nor {_NUMBERS[n + 2]} dimensions.

    Follows `torch.nn.functional.{name}_with_indices`.
    """
    return pool, with_indices


max_pool1d, max_pool1d_with_indices = _max_pool(1)
max_pool2d, max_pool2d_with_indices = _max_pool(2)
max_pool3d, max_pool3d_with_indices = _max_pool(3)


def _avg_pool(
    n: int,
    input: Tensor,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> Tensor:
    name = f"avg_pool{n}d"
    _check_rank(name, input, n)
    size, steps, pads, _ = _windows(name, input, kernel_size, stride, padding, 1, ceil_mode, n)
    if divisor_override == 0:
        raise RuntimeError("divisor must be not zero")
    return apply(
        rows.avg_pool,
        input,
        kernel_size=size,
        stride=steps,
        padding=pads,
        ceil_mode=bool(ceil_mode),
        count_include_pad=bool(count_include_pad),
        divisor_override=divisor_override,
    )


def avg_pool1d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """The mean of every window of ``(N, C, L)``.

    Follows `torch.nn.functional.avg_pool1d`.

    Shape:
        ``(N, C, L)`` or ``(C, L)`` to ``(N, C, L_out)`` or ``(C, L_out)``.

    Dtypes:
        Integers and floating; the result has the input's.

    Raises:
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.avg_pool1d(torch.tensor([[1.0, 3.0, 2.0, 4.0]]), 2)
        tensor([[2., 3.]])
    """
    return _avg_pool(1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


def avg_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of every window of ``(N, C, H, W)``.

    Follows `torch.nn.functional.avg_pool2d`.

    Dtypes:
        Integers and floating; the result has the input's.

    Raises:
        RuntimeError: the input has neither three nor four dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.avg_pool2d(torch.arange(16.0).reshape(1, 4, 4), 2)
        tensor([[[ 2.5000,  4.5000],
                 [10.5000, 12.5000]]])
    """
    return _avg_pool(
        2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


def avg_pool3d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of every window of ``(N, C, D, H, W)``.

    Follows `torch.nn.functional.avg_pool3d`.

    Dtypes:
        Integers and floating; the result has the input's.

    Raises:
        RuntimeError: the input has neither four nor five dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.avg_pool3d(torch.arange(8.0).reshape(1, 2, 2, 2), 2)
        tensor([[[[3.5000]]]])
    """
    return _avg_pool(
        3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


def _lp_pool(n: int) -> Callable[..., Tensor]:
    name = f"lp_pool{n}d"

    def pool(
        input: Tensor,
        norm_type: float,
        kernel_size: Any,
        stride: Any = None,
        ceil_mode: bool = False,
    ) -> Tensor:
        _check_rank(name, input, n)
        size, steps, _, _ = _windows(name, input, kernel_size, stride, 0, 1, ceil_mode, n)
        return apply(
            rows.lp_pool,
            input,
            norm_type=float(norm_type),
            kernel_size=size,
            stride=steps,
            ceil_mode=bool(ceil_mode),
        )

    pool.__name__ = pool.__qualname__ = name
    pool.__doc__ = f"""The p-norm of every window.

    Shape:
        ``(N, C, {_SPACE[n]})`` or without ``N``; the result likewise, with fewer places.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: the input has neither {_NUMBERS[n + 1]} nor {_NUMBERS[n + 2]} dimensions.

    Follows `torch.nn.functional.{name}`.
    """
    return pool


lp_pool1d = _lp_pool(1)
lp_pool2d = _lp_pool(2)
lp_pool3d = _lp_pool(3)


def _adaptive_size(name: str, input: Tensor, output_size: Any, n: int) -> tuple[int, ...]:
    if isinstance(output_size, (tuple, list)) and 1 < len(output_size) >= input.ndim:
        raise ValueError(
            f"{name}: Input dimension should be at least {len(output_size) + 1}, but the input "
            f"has shape {tuple(input.shape)}"
        )
    _check_rank(name, input, n)
    if isinstance(output_size, (tuple, list)):
        asked: Sequence[Any] = tuple(output_size)
        asked = asked * n if len(asked) == 1 and n > 1 else asked
    else:
        asked = (output_size,) * n
    if len(asked) != n:
        raise RuntimeError(f"{name}: output_size must be {n} ints, but got {output_size}")
    plane = input.shape[-n:]
    size = tuple(int(p if a is None else a) for a, p in zip(asked, plane, strict=True))
    if any(s < 0 for s in size):
        raise RuntimeError(
            f"{name}: elements of output_size must be greater than or equal to 0, got {size}"
        )
    if any(s == 0 for s in input.shape[-n - 1 :]):
        raise ShapeError(
            f"{name}(): Expected input to have non-zero size for non-batch dimensions, but "
            f"input has sizes {list(input.shape)}"
        )
    return size


def adaptive_avg_pool1d(input: Tensor, output_size: Any) -> Tensor:
    """Means over `output_size` bins. Follows `torch.nn.functional.adaptive_avg_pool1d`.

    Shape:
        ``(N, C, L)`` or ``(C, L)`` to ``(N, C, output_size)`` or ``(C, output_size)``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.adaptive_avg_pool1d(torch.tensor([[1.0, 3.0, 2.0, 4.0]]), 2)
        tensor([[2., 3.]])
    """
    size = _adaptive_size("adaptive_avg_pool1d", input, output_size, 1)
    return apply(rows.adaptive_avg_pool, input, output_size=size)


def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """Means over bins; None keeps a size. Follows `torch.nn.functional.adaptive_avg_pool2d`.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: the input has neither three nor four dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.adaptive_avg_pool2d(torch.arange(16.0).reshape(1, 4, 4), 2)
        tensor([[[ 2.5000,  4.5000],
                 [10.5000, 12.5000]]])
    """
    size = _adaptive_size("adaptive_avg_pool2d", input, output_size, 2)
    return apply(rows.adaptive_avg_pool, input, output_size=size)


def adaptive_avg_pool3d(input: Tensor, output_size: Any) -> Tensor:
    """Means over bins; None keeps a size. Follows `torch.nn.functional.adaptive_avg_pool3d`.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: the input has neither four nor five dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.adaptive_avg_pool3d(torch.arange(8.0).reshape(1, 2, 2, 2), 1)
        tensor([[[[3.5000]]]])
    """
    size = _adaptive_size("adaptive_avg_pool3d", input, output_size, 3)
    return apply(rows.adaptive_avg_pool, input, output_size=size)


def _adaptive_max(n: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    name = f"adaptive_max_pool{n}d"

    def with_indices(
        input: Tensor, output_size: Any, return_indices: bool = False
    ) -> tuple[Tensor, Tensor]:
        size = _adaptive_size(name, input, output_size, n)
        out, indices = apply(rows.adaptive_max_pool, input, output_size=size)
        return out, indices

    def pool(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
        out, indices = with_indices(input, output_size)
        return (out, indices) if return_indices else out

    pool.__name__ = pool.__qualname__ = name
    pool.__doc__ = f"""The maximum of each bin, and with `return_indices` its place.

    Shape:
        ``(N, C, {_SPACE[n]})`` or without ``N``; the results likewise, with ``output_size`` places.

    Dtypes:
        Floating; the results: the input's; int64.

    Raises:
        RuntimeError: the input has neither {_NUMBERS[n + 1]} nor {_NUMBERS[n + 2]} dimensions.

    Follows `torch.nn.functional.{name}`.
    """
    with_indices.__name__ = with_indices.__qualname__ = f"{name}_with_indices"
    with_indices.__doc__ = f"""Both results of :func:`{name}`: maxima and places.

    Shape:
        ``(N, C, {_SPACE[n]})`` or without ``N``; the results likewise, with ``output_size`` places.

    Dtypes:
        Floating; the results: the input's; int64.

    Raises:
        RuntimeError: the input has neither {_NUMBERS[n + 1]} nor {_NUMBERS[n + 2]} dimensions.

    Follows `torch.nn.functional.{name}_with_indices`.
    """
    return pool, with_indices


adaptive_max_pool1d, adaptive_max_pool1d_with_indices = _adaptive_max(1)
adaptive_max_pool2d, adaptive_max_pool2d_with_indices = _adaptive_max(2)
adaptive_max_pool3d, adaptive_max_pool3d_with_indices = _adaptive_max(3)


def _fractional(n: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    name = f"fractional_max_pool{n}d"

    def with_indices(
        input: Tensor,
        kernel_size: Any,
        output_size: Any = None,
        output_ratio: Any = None,
        return_indices: bool = False,
        _random_samples: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        _check_rank(name, input, n)
        if output_size is None and output_ratio is None:
            raise ValueError(f"{name} requires specifying either an output_size or an output_ratio")
        plane = tuple(input.shape[-n:])
        if output_size is None:
            ratios = (output_ratio,) * n if isinstance(output_ratio, float) else output_ratio
            if len(ratios) != n:
                raise ValueError(f"{name} requires output_ratio to be {n} floats, got {ratios}")
            output_size = [int(p * r) for p, r in zip(plane, ratios, strict=True)]
        size = ntuple(name, "output_size", output_size, n)
        kernel = ntuple(name, "kernel_size", kernel_size, n)
        for p, k, s in zip(plane, kernel, size, strict=True):
            if s + k - 1 > p:
                raise RuntimeError(
                    f"{name}(): pool size {kernel} too large relative to input size {plane}"
                )
        samples = _random_samples
        if samples is None:
            samples = apply(rows.pooling_samples, input.detach(), n=n)
        if input.ndim == n + 1 and samples.ndim == 3:
            samples = select(samples, 0, 0)
        out, indices = apply(
            rows.fractional_max_pool, input, samples, kernel_size=kernel, output_size=size
        )
        return out, indices

    def pool(
        input: Tensor,
        kernel_size: Any,
        output_size: Any = None,
        output_ratio: Any = None,
        return_indices: bool = False,
        _random_samples: Tensor | None = None,
    ) -> Any:
        out, indices = with_indices(
            input, kernel_size, output_size, output_ratio, True, _random_samples
        )
        return (out, indices) if return_indices else out

    pool.__name__ = pool.__qualname__ = name
    pool.__doc__ = f"""Maxima over windows whose places are drawn at random.

    Shape:
        ``(N, C, {_SPACE[n]})`` or without ``N``; the result likewise, with ``output_size`` places
        or ``output_ratio`` times as many.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        ValueError: neither the size of the output nor its ratio is given.

    Follows `torch.nn.functional.{name}` (Graham, *Fractional Max-Pooling*, 2014).
    """
    with_indices.__name__ = with_indices.__qualname__ = f"{name}_with_indices"
    with_indices.__doc__ = f"""Both results of :func:`{name}`: maxima and places.

    Shape:
        ``(N, C, {_SPACE[n]})`` or without ``N``; the results likewise, with ``output_size`` places.

    Dtypes:
        Floating; the results: the input's; int64.

    Raises:
        ValueError: neither the size of the output nor its ratio is given.

    Follows `torch.nn.functional.{name}_with_indices`.
    """
    return pool, with_indices


fractional_max_pool2d, fractional_max_pool2d_with_indices = _fractional(2)
fractional_max_pool3d, fractional_max_pool3d_with_indices = _fractional(3)


def _unpool_size(
    input: Tensor,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    padding: tuple[int, ...],
    output_size: Any,
) -> tuple[int, ...]:
    n = len(kernel)
    default = [
        (size - 1) * s - 2 * p + k
        for size, s, p, k in zip(input.shape[-n:], stride, padding, kernel, strict=True)
    ]
    if output_size is None:
        return tuple(default)
    wanted = list(output_size)
    if len(wanted) == n + 2:
        wanted = wanted[2:]
    if len(wanted) != n:
        raise ValueError(
            "output_size should be a sequence containing "
            f"{n} or {n + 2} elements, but it has a length of '{len(wanted)}'"
        )
    for d, (w, base, s) in enumerate(zip(wanted, default, stride, strict=True)):
        if not base - s < w < base + s:
            raise ValueError(
                f'invalid output_size "{wanted}" (dim {d} must be between {base - s} and '
                f"{base + s})"
            )
    return tuple(int(w) for w in wanted)


def _unpool(n: int) -> Callable[..., Tensor]:
    name = f"max_unpool{n}d"

    def unpool(
        input: Tensor,
        indices: Tensor,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        output_size: Any = None,
    ) -> Tensor:
        _check_rank(name, input, n)
        kernel = ntuple(name, "kernel_size", kernel_size, n)
        steps = kernel if stride is None else ntuple(name, "stride", stride, n)
        pads = ntuple(name, "padding", padding, n)
        if indices.shape != input.shape:
            raise ShapeError(
                f"{name}: Expected shape of indices to be same as that of the input tensor "
                f"({list(input.shape)}) but got indices tensor with shape: {list(indices.shape)}"
            )
        size = _unpool_size(input, kernel, steps, pads, output_size)
        return apply(rows.max_unpool, input, indices, output_size=size)

    unpool.__name__ = unpool.__qualname__ = name
    unpool.__doc__ = f"""Put maxima back at their places, with zeros between them.

    Shape:
        Maxima and places ``(N, C, {_SPACE[n]})`` or without ``N``; the result likewise, with
        ``output_size`` places.

    Dtypes:
        Floating, places int64; the result has the maxima's.

    Raises:
        RuntimeError: the places do not have the shape of the input.

    Follows `torch.nn.functional.{name}`.
    """
    return unpool


max_unpool1d = _unpool(1)
max_unpool2d = _unpool(2)
max_unpool3d = _unpool(3)

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool1d_with_indices",
    "adaptive_max_pool2d",
    "adaptive_max_pool2d_with_indices",
    "adaptive_max_pool3d",
    "adaptive_max_pool3d_with_indices",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "fractional_max_pool2d",
    "fractional_max_pool2d_with_indices",
    "fractional_max_pool3d",
    "fractional_max_pool3d_with_indices",
    "lp_pool1d",
    "lp_pool2d",
    "lp_pool3d",
    "max_pool1d",
    "max_pool1d_with_indices",
    "max_pool2d",
    "max_pool2d_with_indices",
    "max_pool3d",
    "max_pool3d_with_indices",
    "max_unpool1d",
    "max_unpool2d",
    "max_unpool3d",
]


_EXAMPLES = {
    "adaptive_max_pool1d": """
        >>> torch.nn.functional.adaptive_max_pool1d(torch.tensor([[1.0, 3.0, 2.0, 5.0]]), 2)
        tensor([[3., 5.]])
    """,
    "adaptive_max_pool1d_with_indices": """
        >>> F = torch.nn.functional
        >>> F.adaptive_max_pool1d_with_indices(torch.tensor([[1.0, 3.0, 2.0, 5.0]]), 2)
        (tensor([[3., 5.]]), tensor([[1, 3]]))
    """,
    "adaptive_max_pool2d": """
        >>> torch.nn.functional.adaptive_max_pool2d(torch.arange(16.0).reshape(1, 4, 4), 2)
        tensor([[[ 5.,  7.],
                 [13., 15.]]])
    """,
    "adaptive_max_pool2d_with_indices": """
        >>> x = torch.arange(16.0).reshape(1, 4, 4)
        >>> torch.nn.functional.adaptive_max_pool2d_with_indices(x, 2)[1]
        tensor([[[ 5,  7],
                 [13, 15]]])
    """,
    "adaptive_max_pool3d": """
        >>> F = torch.nn.functional
        >>> F.adaptive_max_pool3d(torch.arange(8.0).reshape(1, 2, 2, 2), 1)
        tensor([[[[7.]]]])
    """,
    "adaptive_max_pool3d_with_indices": """
        >>> x = torch.arange(8.0).reshape(1, 2, 2, 2)
        >>> torch.nn.functional.adaptive_max_pool3d_with_indices(x, 1)[1]
        tensor([[[[7]]]])
    """,
    "fractional_max_pool2d": """
        >>> F = torch.nn.functional
        >>> F.fractional_max_pool2d(torch.ones(1, 1, 4, 4), 2, output_size=2)
        tensor([[[[1., 1.],
                  [1., 1.]]]])
    """,
    "fractional_max_pool2d_with_indices": """
        >>> x = torch.ones(1, 1, 4, 4)
        >>> torch.nn.functional.fractional_max_pool2d_with_indices(x, 2, output_size=2)[0]
        tensor([[[[1., 1.],
                  [1., 1.]]]])
    """,
    "fractional_max_pool3d": """
        >>> x = torch.ones(1, 1, 4, 4, 4)
        >>> torch.nn.functional.fractional_max_pool3d(x, 2, output_size=1)
        tensor([[[[[1.]]]]])
    """,
    "fractional_max_pool3d_with_indices": """
        >>> x = torch.ones(1, 1, 4, 4, 4)
        >>> torch.nn.functional.fractional_max_pool3d_with_indices(x, 2, output_size=1)[0]
        tensor([[[[[1.]]]]])
    """,
    "lp_pool1d": """
        >>> torch.nn.functional.lp_pool1d(torch.tensor([[[3.0, 4.0]]]), 2, 2)
        tensor([[[5.]]])
    """,
    "lp_pool2d": """
        >>> torch.nn.functional.lp_pool2d(torch.tensor([[[[3.0, 4.0], [0.0, 0.0]]]]), 2, 2)
        tensor([[[[5.]]]])
    """,
    "lp_pool3d": """
        >>> torch.nn.functional.lp_pool3d(torch.ones(1, 1, 2, 2, 1), 2, (2, 2, 1))
        tensor([[[[[2.]]]]])
    """,
    "max_pool1d": """
        >>> torch.nn.functional.max_pool1d(torch.tensor([[1.0, 3.0, 2.0, 5.0]]), 2)
        tensor([[3., 5.]])
    """,
    "max_pool1d_with_indices": """
        >>> F = torch.nn.functional
        >>> F.max_pool1d_with_indices(torch.tensor([[1.0, 3.0, 2.0, 5.0]]), 2)
        (tensor([[3., 5.]]), tensor([[1, 3]]))
    """,
    "max_pool2d": """
        >>> torch.nn.functional.max_pool2d(torch.arange(16.0).reshape(1, 4, 4), 2)
        tensor([[[ 5.,  7.],
                 [13., 15.]]])
    """,
    "max_pool2d_with_indices": """
        >>> x = torch.arange(16.0).reshape(1, 4, 4)
        >>> torch.nn.functional.max_pool2d_with_indices(x, 2)[1]
        tensor([[[ 5,  7],
                 [13, 15]]])
    """,
    "max_pool3d": """
        >>> torch.nn.functional.max_pool3d(torch.arange(8.0).reshape(1, 2, 2, 2), 2)
        tensor([[[[7.]]]])
    """,
    "max_pool3d_with_indices": """
        >>> x = torch.arange(8.0).reshape(1, 2, 2, 2)
        >>> torch.nn.functional.max_pool3d_with_indices(x, 2)[1]
        tensor([[[[7]]]])
    """,
    "max_unpool1d": """
        >>> F = torch.nn.functional
        >>> F.max_unpool1d(torch.tensor([[[3.0, 5.0]]]), torch.tensor([[[1, 3]]]), 2)
        tensor([[[0., 3., 0., 5.]]])
    """,
    "max_unpool2d": """
        >>> F = torch.nn.functional
        >>> F.max_unpool2d(torch.tensor([[[[5.0]]]]), torch.tensor([[[[3]]]]), 2)
        tensor([[[[0., 0.],
                  [0., 5.]]]])
    """,
    "max_unpool3d": """
        >>> F = torch.nn.functional
        >>> F.max_unpool3d(torch.tensor([[[[[5.0]]]]]), torch.tensor([[[[[7]]]]]), 2).flatten()
        tensor([0., 0., 0., 0., 0., 0., 0., 5.])
    """,
}
for _name, _text in _EXAMPLES.items():
    add_example(globals()[_name], _text)
