"""Running reductions and differences: the public functions over :mod:`flambeau._ops.scans`."""

from __future__ import annotations

from typing import Any

from flambeau._ops import scans as rows
from flambeau._tensor.core import TensorBase, value_of
from flambeau._tensor.dispatch import public, run
from flambeau._tensor.dtypes import get_default_dtype
from flambeau._tensor.functions._shared import is_number, need_tensor, numpy_names

cumsum = numpy_names(public(rows.cumsum))
cumprod = numpy_names(public(rows.cumprod))
cummax = numpy_names(public(rows.cummax))
cummin = numpy_names(public(rows.cummin))
logcumsumexp = numpy_names(public(rows.logcumsumexp))
diff = numpy_names(public(rows.diff))


def _integral(row: Any, y: Any, x: Any, dx: Any, dim: int) -> Any:
    need_tensor(row.name, y, "y")
    if dx is not None and x is not None:
        raise TypeError(f"{row.name}() takes x or dx, not both")
    if dx is not None and not is_number(dx):
        raise TypeError(
            f"{row.name}(): Currently, we only support dx as a real number, got {type(dx).__name__}"
        )
    return run(row, (y, x), (("dx", float(1 if dx is None else dx)), ("dim", int(dim))))


def trapezoid(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Any:
    """The integral along ``dim`` by the trapezoidal rule.

    Args:
        y: the values.
        x: where they were taken; 1-d or of a shape that broadcasts with ``y``.
        dx: the distance between them when ``x`` is not given, 1 by default.
        dim: the dimension to integrate along.

    Dtypes:
        Integers, floating and complex; the result: the default dtype for integers, else the
        input's.

    Raises:
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.trapezoid(torch.tensor([1.0, 5.0, 10.0]))
        tensor(10.5000)

    Follows ``torch.trapezoid``.
    """
    return _integral(rows.trapezoid, y, x, dx, dim)


trapz = trapezoid


def cumulative_trapezoid(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Any:
    """The running integral along ``dim``; arguments as :func:`trapezoid`.

    Shape:
        ``(*, N, *)`` to ``(*, N - 1, *)``.

    Dtypes:
        Integers, floating and complex; the result: the default dtype for integers, else the
        input's.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.cumulative_trapezoid(torch.tensor([1.0, 2.0, 3.0]))
        tensor([1.5000, 4.0000])

    Follows ``torch.cumulative_trapezoid``.
    """
    return _integral(rows.cumulative_trapezoid, y, x, dx, dim)


def gradient(
    input: Any, *, spacing: Any = None, dim: Any = None, edge_order: int = 1
) -> tuple[Any, ...]:
    """The derivative of samples in each dimension, by central differences.

    Args:
        input: the samples.
        spacing: the distance between them (1), one number for all dimensions, or per dimension
            a number or a 1-d tensor of coordinates.
        dim: the dimensions to differentiate along; all by default.
        edge_order: 1 or 2, the order of the formula at both ends.

    Shape:
        ``(*)``, the same for each of the dimensions.

    Dtypes:
        Integers, floating and complex; the result: the default dtype for integers, else the
        input's.

    Returns:
        One tensor per dimension.

    Raises:
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.gradient(torch.tensor([1.0, 4.0, 9.0]))
        (tensor([3., 4., 5.]),)

    Follows ``torch.gradient``.
    """
    need_tensor("gradient", input)
    if not (input.is_floating_point() or input.is_complex()):
        input = input.to(get_default_dtype())
    ndim = value_of(input).aval.ndim
    if dim is None:
        dims: tuple[int, ...] = tuple(range(ndim))
    else:
        dims = tuple(dim) if isinstance(dim, (tuple, list)) else (dim,)
    if edge_order not in (1, 2):
        raise RuntimeError(
            f"torch.gradient only supports edge_order=1 and edge_order=2, got {edge_order}"
        )
    if spacing is None:
        spacing = 1
    if isinstance(spacing, (tuple, list)):
        steps = list(spacing)
    elif isinstance(spacing, TensorBase):
        steps = [spacing]
    else:
        steps = [spacing] * len(dims)
    if len(steps) != len(dims):
        raise RuntimeError(
            f"torch.gradient expected spacing to be unspecified, a scalar or a list of length "
            f"{len(dims)}, but got a list of length {len(steps)}"
        )
    if len({d % ndim if ndim else d for d in dims}) != len(dims):
        raise RuntimeError(f"dim {dims} appears multiple times in the list of dims")
    return tuple(
        run(rows.gradient_along, (input, s), (("dim", int(d)), ("edge_order", int(edge_order))))
        for s, d in zip(steps, dims, strict=True)
    )
