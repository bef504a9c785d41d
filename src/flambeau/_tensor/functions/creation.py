"""Functions that make tensors from nothing but sizes, numbers and Python data."""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from flambeau._ops import creation as rows
from flambeau._ops import indexing, joining, shape
from flambeau._tensor import construct, dtypes
from flambeau._tensor.core import TensorBase, value_of, wrap
from flambeau._tensor.device import place_for
from flambeau._tensor.dispatch import run, transfer
from flambeau._tensor.functions._making import (
    as_int,
    as_size,
    check_fits,
    check_number,
    check_tensor,
    finish,
    parse_size,
    target,
)
from flambeau._tensor.layout import check_layout, check_memory_format

__all__ = [
    "arange",
    "as_tensor",
    "asarray",
    "bartlett_window",
    "blackman_window",
    "cartesian_prod",
    "combinations",
    "empty",
    "empty_like",
    "empty_permuted",
    "empty_strided",
    "eye",
    "frombuffer",
    "full",
    "full_like",
    "hamming_window",
    "hann_window",
    "kaiser_window",
    "linspace",
    "logspace",
    "meshgrid",
    "ones",
    "ones_like",
    "range_",
    "scalar_tensor",
    "tensor",
    "tril_indices",
    "triu_indices",
    "zero_",
    "zeros",
    "zeros_like",
]


# From data ---------------------------------------------------------------------------


def tensor(
    data: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Any:
    """A new leaf tensor with a copy of ``data``.

    Args:
        data: a number, nested sequences of numbers, a NumPy or JAX array, a tensor.
        dtype: inferred from the data if None: Python floats become the default dtype, ints
            int64.
        device: the default device if None.
        requires_grad: whether gradients are computed for it.
        pin_memory: accepted; host memory is JAX's.

    Shape:
        That of the data.

    Raises:
        TypeError: the data holds something that is no number.
        ValueError: nested sequences of different lengths.
        RuntimeError: a number does not fit ``dtype``.

    Example:
        >>> import flambeau as torch
        >>> torch.tensor([[0.1, 1.2], [2.2, 3.1]])
        tensor([[0.1000, 1.2000],
                [2.2000, 3.1000]])

    Follows ``torch.tensor``.
    """
    if isinstance(data, TensorBase):
        _warn_copy("torch.tensor", 3)
    result = construct.from_data(data, dtype, device)
    return result.requires_grad_(True) if requires_grad else result


def _warn_copy(caller: str, stacklevel: int) -> None:
    warnings.warn(
        "To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() "
        "or sourceTensor.detach().clone().requires_grad_(True), rather than "
        f"{caller}(sourceTensor).",
        UserWarning,
        stacklevel=stacklevel,
    )


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Any:
    """``data`` as a tensor; a tensor of that dtype on that device is returned itself.

    Shape:
        That of the data.

    Raises:
        RuntimeError: ``data`` holds what is no number.

    Example:
        >>> import flambeau as torch
        >>> t = torch.tensor([1.0])
        >>> torch.as_tensor(t) is t
        True

    Follows ``torch.as_tensor``.
    """
    if not isinstance(data, TensorBase):
        return construct.from_data(data, dtype, device)
    if device is not None:
        data = data.to(device)
    return data if dtype is None else data.to(dtype)


def asarray(
    obj: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    copy: bool | None = None,
    requires_grad: bool = False,
) -> Any:
    """``obj`` as a tensor: a tensor, an array, numbers, or what exports DLPack or a buffer.

    Args:
        obj: the data.
        dtype: the dtype; that of the data if None.
        device: the device; that of the data if None.
        copy: True copies in any case; False refuses to.
        requires_grad: whether gradients are computed for the result.

    Shape:
        That of the data.

    Raises:
        ValueError: ``copy=False`` and the data has to be copied.

    Example:
        >>> import flambeau as torch
        >>> torch.asarray([1, 2])
        tensor([1, 2])

    Follows ``torch.asarray``.
    """
    if isinstance(obj, TensorBase):
        made = as_tensor(obj, dtype, device)
        if made is not obj and copy is False:
            raise ValueError("asarray: the dtype or device needs a copy, but copy=False")
        if made is obj and copy:
            made = obj.clone()
        if not requires_grad:
            return made.detach() if made.requires_grad else made
        return made if made.requires_grad else made.requires_grad_(True)
    if copy is False:
        raise ValueError(
            f"asarray: a {type(obj).__name__} cannot be shared, since JAX's arrays are "
            "immutable; leave out copy=False"
        )
    if isinstance(obj, (bytes, bytearray, memoryview)):
        obj = np.frombuffer(obj, np.uint8 if dtype is None else dtypes.as_dtype(dtype).numpy)
    return tensor(obj, dtype=dtype, device=device, requires_grad=requires_grad)


def frombuffer(
    buffer: Any, *, dtype: Any, count: int = -1, offset: int = 0, requires_grad: bool = False
) -> Any:
    """A vector with the content of a Python buffer, copied.

    Args:
        buffer: bytes, a bytearray, a memoryview.
        dtype: what the bytes hold.
        count: how many elements; -1 takes all.
        offset: how many bytes to leave out at the start.

    Shape:
        ``(count,)``.

    Raises:
        ValueError: the buffer is too short or of an odd length.

    Example:
        >>> import flambeau as torch
        >>> torch.frombuffer(bytearray([1, 0, 2, 0]), dtype=torch.int16)
        tensor([1, 2], dtype=torch.int16)

    Follows ``torch.frombuffer``.
    """
    array = np.frombuffer(buffer, dtypes.as_dtype(dtype).numpy, count, offset)
    return tensor(array, requires_grad=requires_grad)


def scalar_tensor(
    s: Any,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Any:
    """A number as a zero-dimensional tensor of the default dtype.

    Shape:
        ``()``.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.scalar_tensor(2.0)
        tensor(2.)

    Follows ``torch.scalar_tensor``.
    """
    kind, place = target("scalar_tensor", None, dtype, device, layout)
    return finish(
        "scalar_tensor", _filled("scalar_tensor", (), s, kind, place), None, requires_grad
    )


# Filled with one number --------------------------------------------------------------


def _filled(name: str, size: tuple[int, ...], value: Any, kind: dtypes.dtype, place: Any) -> Any:
    if isinstance(value, TensorBase):
        if value_of(value).aval.ndim:
            raise TypeError(
                f"{name}(): argument 'fill_value' (position 2) must be Number, not Tensor of shape "
                f"{list(value.shape)}"
            )
        value = wrap(transfer(value_of(value), place))
    else:
        check_number(name, "fill_value", 2, value)
        check_fits(value, kind)
    return run(rows.full, (value,), (("size", size), ("dtype", kind.numpy)), device=place)


def _plain(op: Any, size: tuple[int, ...], kind: dtypes.dtype, place: Any) -> Any:
    return run(op, (), (("size", size), ("dtype", kind.numpy)), device=place)


def zeros(
    *sizes: Any,
    size: Any = None,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Any:
    """A tensor filled with 0.

    Args:
        sizes: the shape, as ints or one sequence.
        out: a tensor for the result.
        dtype: the default dtype if None.
        layout: only ``torch.strided``.
        device: the default device if None.
        pin_memory: accepted; host memory is JAX's.
        requires_grad: whether gradients are computed for it.

    Raises:
        TypeError: the shape is not made of ints.
        RuntimeError: a dimension is negative.

    Example:
        >>> import flambeau as torch
        >>> torch.zeros(2, 3)
        tensor([[0., 0., 0.],
                [0., 0., 0.]])

    Follows ``torch.zeros``.
    """
    shape_ = parse_size("zeros", sizes, size)
    kind, place = target("zeros", out, dtype, device, layout)
    return finish("zeros", _plain(rows.zeros, shape_, kind, place), out, requires_grad)


def zero_(input: Any) -> Any:
    """Set every element of a tensor to 0; returns it.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Any; the result has the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.zero_(torch.ones(2))
        tensor([0., 0.])

    Follows ``torch.zero_``.
    """
    check_tensor("zero_", input)
    return input.zero_()


def ones(
    *sizes: Any,
    size: Any = None,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Any:
    """A tensor filled with 1; arguments as :func:`zeros`.

    Shape:
        Sizes as given.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.ones(3, dtype=torch.int64)
        tensor([1, 1, 1])

    Follows ``torch.ones``.
    """
    shape_ = parse_size("ones", sizes, size)
    kind, place = target("ones", out, dtype, device, layout)
    return finish("ones", _plain(rows.ones, shape_, kind, place), out, requires_grad)


def empty(
    *sizes: Any,
    size: Any = None,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    memory_format: Any = None,
) -> Any:
    """A tensor whose content does not matter; arguments as :func:`zeros`.

    It holds zeros: the same program gives the same numbers every time.

    Dtypes:
        ``dtype``, or the default dtype.

    Raises:
        RuntimeError: a size is negative.

    Example:
        >>> import flambeau as torch
        >>> torch.empty(2, 3).shape
        torch.Size([2, 3])

    Follows ``torch.empty``.
    """
    shape_ = parse_size("empty", sizes, size)
    check_memory_format("empty", memory_format)
    kind, place = target("empty", out, dtype, device, layout)
    return finish("empty", _plain(rows.zeros, shape_, kind, place), out, requires_grad)


def full(
    size: Any,
    fill_value: Any,
    *,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Any:
    """A tensor filled with ``fill_value``, an input of the program: a new value makes no new one.

    Args:
        size: the shape.
        fill_value: a number or a zero-dimensional tensor.
        dtype: that of the value if None; Python floats become the default dtype.

    Raises:
        RuntimeError: the value does not fit the dtype.

    Example:
        >>> import flambeau as torch
        >>> torch.full((2,), 3.141592)
        tensor([3.1416, 3.1416])

    Follows ``torch.full``.
    """
    shape_ = as_size("full", size)
    kind, place = target("full", out, dtype, device, layout, _dtype_of_number(fill_value))
    if isinstance(fill_value, TensorBase):
        fill_value = fill_value.detach()
    return finish("full", _filled("full", shape_, fill_value, kind, place), out, requires_grad)


def _dtype_of_number(value: Any) -> dtypes.dtype:
    """The dtype of a tensor made of a number: by category alone."""
    if isinstance(value, TensorBase):
        kind = dtypes.from_numpy_dtype(value_of(value).aval.dtype)
        if kind.is_complex:
            return dtypes.get_default_dtype().to_complex()
        if kind.is_floating_point:
            return dtypes.get_default_dtype()
        return kind if kind is dtypes.bool_ else dtypes.int64
    if isinstance(value, (bool, np.bool_)):
        return dtypes.bool_
    if isinstance(value, (int, np.integer)):
        return dtypes.int64
    if isinstance(value, (complex, np.complexfloating)):
        return dtypes.get_default_dtype().to_complex()
    return dtypes.get_default_dtype()


def _like(
    name: str, input: Any, dtype: Any, layout: Any, device: Any, memory_format: Any
) -> tuple[tuple[int, ...], dtypes.dtype, Any]:
    check_tensor(name, input)
    check_layout(name, layout)
    check_memory_format(name, memory_format)
    aval = value_of(input).aval
    kind = dtypes.from_numpy_dtype(aval.dtype) if dtype is None else dtypes.as_dtype(dtype)
    return aval.shape, kind, aval.device if device is None else place_for(device)


def zeros_like(
    input: Any,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
    pin_memory: bool = False,
) -> Any:
    """Zeros of the shape, dtype and device of ``input``, where nothing else is asked for.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.zeros_like(torch.tensor([1, 2]))
        tensor([0, 0])

    Follows ``torch.zeros_like``.
    """
    size, kind, place = _like("zeros_like", input, dtype, layout, device, memory_format)
    return finish("zeros_like", _plain(rows.zeros, size, kind, place), None, requires_grad)


def ones_like(
    input: Any,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
    pin_memory: bool = False,
) -> Any:
    """Ones of the shape, dtype and device of ``input``, where nothing else is asked for.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.ones_like(torch.empty(2))
        tensor([1., 1.])

    Follows ``torch.ones_like``.
    """
    size, kind, place = _like("ones_like", input, dtype, layout, device, memory_format)
    return finish("ones_like", _plain(rows.ones, size, kind, place), None, requires_grad)


def empty_like(
    input: Any,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
    pin_memory: bool = False,
) -> Any:
    """:func:`empty` of the shape, dtype and device of ``input``.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.empty_like(torch.ones(2, 3, dtype=torch.int64)).dtype
        torch.int64

    Follows ``torch.empty_like``.
    """
    size, kind, place = _like("empty_like", input, dtype, layout, device, memory_format)
    return finish("empty_like", _plain(rows.zeros, size, kind, place), None, requires_grad)


def full_like(
    input: Any,
    fill_value: Any,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
    pin_memory: bool = False,
) -> Any:
    """A tensor like ``input``, filled with ``fill_value``.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Any; the result has the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.full_like(torch.empty(2), 3)
        tensor([3., 3.])

    Follows ``torch.full_like``.
    """
    size, kind, place = _like("full_like", input, dtype, layout, device, memory_format)
    if isinstance(fill_value, TensorBase):
        fill_value = fill_value.detach()
    return finish(
        "full_like", _filled("full_like", size, fill_value, kind, place), None, requires_grad
    )


def empty_strided(
    size: Any,
    stride: Any,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Any:
    """:func:`empty` with the given strides.

    Dtypes:
        ``dtype``, or the default dtype.

    Raises:
        RuntimeError: a size is negative.

    Example:
        >>> import flambeau as torch
        >>> torch.empty_strided((2, 3), (1, 2)).shape
        torch.Size([2, 3])

    Follows ``torch.empty_strided``.
    """
    size, stride = as_size("empty_strided", size), as_size("empty_strided", stride, 2)
    if len(size) != len(stride):
        raise RuntimeError(
            f"empty_strided: mismatch in length of strides and shape: {len(stride)} and {len(size)}"
        )
    kind, place = target("empty_strided", None, dtype, device, layout)
    span = 0 if 0 in size else 1 + sum((n - 1) * s for n, s in zip(size, stride, strict=True))
    memory = _plain(rows.zeros, (span,), kind, place)
    static = (("size", size), ("stride", stride), ("storage_offset", 0))
    return finish("empty_strided", run(shape.as_strided, (memory,), static), None, requires_grad)


def empty_permuted(
    size: Any,
    physical_layout: Any,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Any:
    """:func:`empty` whose dimensions lie in memory in the order ``physical_layout``.

    Dtypes:
        ``dtype``, or the default dtype.

    Raises:
        RuntimeError: a size is negative.

    Example:
        >>> import flambeau as torch
        >>> torch.empty_permuted((2, 3), (1, 0)).shape
        torch.Size([2, 3])

    Follows ``torch.empty_permuted``.
    """
    size = as_size("empty_permuted", size)
    order = tuple(physical_layout)
    if sorted(order) != list(range(len(size))):
        raise RuntimeError(
            f"empty_permuted: physical_layout {order} is not an order of {len(size)} dimensions"
        )
    kind, place = target("empty_permuted", None, dtype, device, layout)
    memory = _plain(rows.zeros, tuple(size[d] for d in order), kind, place)
    dims = tuple(order.index(d) for d in range(len(size)))
    result = run(shape.permute, (memory,), (("dims", dims),))
    return finish("empty_permuted", result, None, requires_grad)


# Ranges ------------------------------------------------------------------------------


def _number(name: str, argument: str, position: int, value: Any) -> Any:
    """A number that decides a shape; a zero-dimensional tensor is read."""
    if isinstance(value, TensorBase):
        return value.item()
    check_number(name, argument, position, value)
    return value.item() if isinstance(value, np.generic) else value


def arange(
    start: Any = None,
    end: Any = None,
    step: Any = 1,
    *,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Any:
    """The numbers from ``start`` up to, not including, ``end``, ``step`` apart.

    Called with one number, that is the end.

    Args:
        start: the first number.
        end: where to stop.
        step: the distance; may be negative.
        dtype: int64 if all three are integers, otherwise the default dtype.

    Shape:
        ``(K,)``, K being ``ceil((end - start) / step)``.

    Raises:
        RuntimeError: the step is 0, or leads away from the end.

    Example:
        >>> import flambeau as torch
        >>> torch.arange(1, 2.5, 0.5)
        tensor([1.0000, 1.5000, 2.0000])

    Follows ``torch.arange``.
    """
    if end is None:
        if start is None or (step.__class__ is not int or step != 1):
            raise TypeError("arange() received an invalid combination of arguments: no end")
        start, end = 0, start
    numbers = [
        _number("arange", name, i + 1, value)
        for i, (name, value) in enumerate(
            (("start", 0 if start is None else start), ("end", end), ("step", step))
        )
    ]
    default = None
    if all(isinstance(n, int) for n in numbers):
        default = dtypes.int64
    kind, place = target("arange", out, dtype, device, layout, default)
    if kind.is_complex or kind is dtypes.bool_:
        raise NotImplementedError(f'"arange" not implemented for {kind}')
    return finish("arange", _arange(numbers, kind, place, inclusive=False), out, requires_grad)


def _arange(numbers: list[Any], kind: dtypes.dtype, place: Any, inclusive: bool) -> Any:
    for n in numbers[:2]:
        if not math.isfinite(n):
            raise RuntimeError(f"unsupported range: {numbers[0]} -> {numbers[1]}")
    if numbers[2] == 0:
        raise RuntimeError("step must be nonzero")
    if kind is dtypes.int64:
        numbers = [int(n) for n in numbers]
    start, end, step = numbers
    if step == 0:
        raise ValueError("step must be nonzero: as an integer it is 0")
    if (end - start) * step < 0:
        raise RuntimeError(
            f"upper bound and lower bound inconsistent with step sign: from {start} to {end} by "
            f"{step}"
        )
    if inclusive:
        length = math.floor((end - start) / step) + 1
    elif isinstance(start, int) and isinstance(end, int) and isinstance(step, int):
        length = -((start - end) // step)
    else:
        length = math.ceil((end - start) / step)
    if not (kind.is_floating_point or kind.is_complex):
        start, step = int(start), int(step)
    static = (("length", length), ("out_dtype", kind.numpy))
    return run(rows.arange, (start, step), static, device=place)


def range_(
    start: Any = 0,
    end: Any = None,
    step: Any = 1,
    *,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Any:
    """The numbers from ``start`` to ``end``, both included. Deprecated: use :func:`arange`.

    Shape:
        ``(K,)``, K being ``floor((end - start) / step) + 1``.

    Dtypes:
        ``dtype``, or the default dtype.

    Raises:
        RuntimeError: ``step`` is 0, or leads away from ``end``.

    Example:
        >>> import warnings
        >>> import flambeau as torch
        >>> with warnings.catch_warnings(action="ignore"):
        ...     torch.range(1, 3)
        tensor([1., 2., 3.])

    Follows ``torch.range``.
    """
    warnings.warn(
        "torch.range is deprecated because it includes its end, unlike Python's range; use "
        "torch.arange, which does not.",
        UserWarning,
        stacklevel=2,
    )
    if end is None:
        start, end = 0, start
    numbers = [_number("range", "start", 1, n) for n in (start, end, step)]
    kind, place = target("range", out, dtype, device, layout)
    return finish("range", _arange(numbers, kind, place, inclusive=True), out, requires_grad)


def _ends(
    name: str, start: Any, end: Any, steps: Any, out: Any, dtype: Any, device: Any, layout: Any
) -> tuple[list[Any], dtypes.dtype, Any]:
    if as_int(name, "steps", 3, steps) < 0:
        raise RuntimeError(f"{name}: number of steps must be non-negative, got {steps}")
    values = [start, end]
    complex_ = False
    for i, value in enumerate(values):
        if isinstance(value, TensorBase):
            if value_of(value).aval.ndim:
                raise RuntimeError(
                    f"{name} only supports 0-dimensional start and end tensors, but got "
                    f"{('start', 'end')[i]} with {value_of(value).aval.ndim} dimension(s)."
                )
            complex_ = complex_ or value.is_complex()
        else:
            check_number(name, ("start", "end")[i], i + 1, value)
            complex_ = complex_ or isinstance(value, (complex, np.complexfloating))
    default = dtypes.get_default_dtype()
    kind, place = target(
        name, out, dtype, device, layout, default.to_complex() if complex_ else default
    )
    for i, value in enumerate(values):
        if isinstance(value, TensorBase):
            values[i] = wrap(transfer(value_of(value), place))
            if not (kind.is_floating_point or kind.is_complex):
                values[i] = values[i].to(dtypes.int64)
        elif not (kind.is_floating_point or kind.is_complex):
            values[i] = int(value)
    if isinstance(values[0], TensorBase) != isinstance(values[1], TensorBase):
        # A number beside a tensor would take the tensor's dtype.
        values = [
            v if isinstance(v, TensorBase) else full((), v, dtype=_widest(v), device=device)
            for v in values
        ]
    return values, kind, place


def _widest(value: Any) -> dtypes.dtype:
    """The dtype that holds a Python number exactly."""
    if isinstance(value, (int, np.integer)):
        return dtypes.int64
    return dtypes.complex128 if isinstance(value, complex) else dtypes.float64


range_.__name__ = range_.__qualname__ = "range"


def linspace(
    start: Any,
    end: Any,
    steps: Any,
    *,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Any:
    """``steps`` numbers spread evenly from ``start`` to ``end``, both included.

    Args:
        start: the first number, or a zero-dimensional tensor.
        end: the last one, likewise.
        steps: how many.

    Shape:
        ``(steps,)``.

    Dtypes:
        ``dtype``, or the default dtype.

    Raises:
        RuntimeError: ``steps`` is negative.

    Example:
        >>> import flambeau as torch
        >>> torch.linspace(-1, 1, 5)
        tensor([-1.0000, -0.5000,  0.0000,  0.5000,  1.0000])

    Follows ``torch.linspace``.
    """
    values, kind, place = _ends("linspace", start, end, steps, out, dtype, device, layout)
    static = (("steps", int(steps)), ("out_dtype", kind.numpy))
    result = run(rows.linspace, values, static, device=place)
    return finish("linspace", result, out, requires_grad)


def logspace(
    start: Any,
    end: Any,
    steps: Any,
    base: float = 10.0,
    *,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Any:
    """``steps`` numbers from ``base**start`` to ``base**end``, evenly spaced on a log scale.

    Shape:
        ``(steps,)``.

    Dtypes:
        ``dtype``, or the default dtype.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.logspace(0, 2, 3)
        tensor([  1.,  10., 100.])

    Follows ``torch.logspace``.
    """
    values, kind, place = _ends("logspace", start, end, steps, out, dtype, device, layout)
    check_number("logspace", "base", 4, base)
    if isinstance(values[0], TensorBase):
        values.append(full((), float(base), dtype=dtypes.float64, device=device))
    else:
        values.append(float(base))
    static = (("steps", int(steps)), ("out_dtype", kind.numpy))
    result = run(rows.logspace, values, static, device=place)
    return finish("logspace", result, out, requires_grad)


def eye(
    n: Any,
    m: Any = None,
    *,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Any:
    """An ``n`` by ``m`` matrix with ones on the diagonal; square if ``m`` is left out.

    Shape:
        ``(n, m)``.

    Dtypes:
        ``dtype``, or the default dtype.

    Raises:
        RuntimeError: ``n`` or ``m`` is negative.

    Example:
        >>> import flambeau as torch
        >>> torch.eye(2)
        tensor([[1., 0.],
                [0., 1.]])

    Follows ``torch.eye``.
    """
    n = as_int("eye", "n", 1, n)
    m = n if m is None else as_int("eye", "m", 2, m)
    for letter, value in (("n", n), ("m", m)):
        if value < 0:
            raise RuntimeError(f"{letter} must be greater or equal to 0, got {value}")
    kind, place = target("eye", out, dtype, device, layout)
    static = (("n", n), ("m", m), ("dtype", kind.numpy))
    return finish("eye", run(rows.eye, (), static, device=place), out, requires_grad)


def _triangle_indices(
    name: str, find: Any, row: Any, col: Any, offset: Any, dtype: Any, device: Any, layout: Any
) -> Any:
    row, col = as_int(name, "row", 1, row), as_int(name, "col", 2, col)
    offset = as_int(name, "offset", 3, offset)
    for letter, value in (("row", row), ("col", col)):
        if value < 0:
            raise RuntimeError(f"{name}: {letter} must be non-negative, got {value}")
    kind, place = target(name, None, dtype, device, layout, dtypes.int64)
    if kind not in (dtypes.int32, dtypes.int64):
        raise NotImplementedError(f'"{name}" not implemented for {kind}')
    return wrap(construct.constant(np.stack(find(row, offset, col)).astype(kind.numpy), place))


def tril_indices(
    row: Any,
    col: Any,
    offset: Any = 0,
    *,
    dtype: Any = None,
    device: Any = None,
    layout: Any = None,
    pin_memory: bool = False,
) -> Any:
    """Row and column numbers of the lower triangle of a matrix, as a tensor of two rows.

    Shape:
        ``(2, K)``.

    Dtypes:
        ``dtype``, int64 by default.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.tril_indices(2, 2)
        tensor([[0, 1, 1],
                [0, 0, 1]])

    Follows ``torch.tril_indices``.
    """
    return _triangle_indices(
        "tril_indices", np.tril_indices, row, col, offset, dtype, device, layout
    )


def triu_indices(
    row: Any,
    col: Any,
    offset: Any = 0,
    *,
    dtype: Any = None,
    device: Any = None,
    layout: Any = None,
    pin_memory: bool = False,
) -> Any:
    """Row and column numbers of the upper triangle of a matrix, as a tensor of two rows.

    Shape:
        ``(2, K)``.

    Dtypes:
        ``dtype``, int64 by default.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.triu_indices(2, 2)
        tensor([[0, 0, 1],
                [0, 1, 1]])

    Follows ``torch.triu_indices``.
    """
    return _triangle_indices(
        "triu_indices", np.triu_indices, row, col, offset, dtype, device, layout
    )


# Windows -----------------------------------------------------------------------------


def _window(
    name: str,
    op: Any,
    length: Any,
    periodic: Any,
    numbers: Sequence[Any],
    options: tuple[Any, Any, Any, bool],
) -> Any:
    length = as_int(name, "window_length", 1, length)
    if length < 0:
        raise RuntimeError(
            f"{name} requires non-negative window_length, got window_length={length}"
        )
    dtype, layout, device, requires_grad = options
    kind, place = target(name, None, dtype, device, layout)
    if not kind.is_floating_point:
        raise RuntimeError(f"{name} expects floating point dtypes, got: {kind}")
    static = (
        ("window_length", length),
        ("periodic", bool(periodic)),
        ("out_dtype", kind.numpy),
    )
    return finish(name, run(op, tuple(numbers), static, device=place), None, requires_grad)


def hann_window(
    window_length: Any,
    periodic: bool = True,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Any:
    """The Hann window.

    Shape:
        ``(window_length,)``.

    Dtypes:
        ``dtype``, or the default dtype.

    Raises:
        RuntimeError: the length is negative.

    Example:
        >>> import flambeau as torch
        >>> torch.hann_window(3)
        tensor([0.0000, 0.7500, 0.7500])

    Follows ``torch.hann_window``.
    """
    options = (dtype, layout, device, requires_grad)
    return _window("hann_window", rows.hann_window, window_length, periodic, (), options)


def hamming_window(
    window_length: Any,
    periodic: bool = True,
    alpha: float = 0.54,
    beta: float = 0.46,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Any:
    """The Hamming window.

    Shape:
        ``(window_length,)``.

    Dtypes:
        ``dtype``, or the default dtype.

    Raises:
        RuntimeError: the length is negative.

    Example:
        >>> import flambeau as torch
        >>> torch.hamming_window(3)
        tensor([0.0800, 0.7700, 0.7700])

    Follows ``torch.hamming_window``.
    """
    options = (dtype, layout, device, requires_grad)
    numbers = (float(alpha), float(beta))
    return _window("hamming_window", rows.hamming_window, window_length, periodic, numbers, options)


def blackman_window(
    window_length: Any,
    periodic: bool = True,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Any:
    """The Blackman window.

    Shape:
        ``(window_length,)``.

    Dtypes:
        ``dtype``, or the default dtype.

    Raises:
        RuntimeError: the length is negative.

    Example:
        >>> import flambeau as torch
        >>> torch.blackman_window(4)[1:]
        tensor([0.3400, 1.0000, 0.3400])

    Follows ``torch.blackman_window``.
    """
    options = (dtype, layout, device, requires_grad)
    return _window("blackman_window", rows.blackman_window, window_length, periodic, (), options)


def bartlett_window(
    window_length: Any,
    periodic: bool = True,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Any:
    """The triangular window.

    Shape:
        ``(window_length,)``.

    Dtypes:
        ``dtype``, or the default dtype.

    Raises:
        RuntimeError: the length is negative.

    Example:
        >>> import flambeau as torch
        >>> torch.bartlett_window(3)
        tensor([0.0000, 0.6667, 0.6667])

    Follows ``torch.bartlett_window``.
    """
    options = (dtype, layout, device, requires_grad)
    return _window("bartlett_window", rows.bartlett_window, window_length, periodic, (), options)


def kaiser_window(
    window_length: Any,
    periodic: bool = True,
    beta: float = 12.0,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Any:
    """The Kaiser window of shape ``beta``.

    Dtypes:
        ``dtype``, or the default dtype.

    Raises:
        RuntimeError: the length is negative.

    Example:
        >>> import flambeau as torch
        >>> torch.kaiser_window(4, True, 0.0)
        tensor([1., 1., 1., 1.])

    Follows ``torch.kaiser_window``.
    """
    options = (dtype, layout, device, requires_grad)
    return _window(
        "kaiser_window", rows.kaiser_window, window_length, periodic, (float(beta),), options
    )


# Grids of others ---------------------------------------------------------------------


def meshgrid(*tensors: Any, indexing: str | None = None) -> tuple[Any, ...]:
    """One grid per vector: its values along a dimension of its own, repeated along the others.

    Args:
        tensors: vectors or zero-dimensional tensors, or one sequence of them.
        indexing: ``"ij"`` (the dimensions in the order of the vectors) or ``"xy"`` (the first
            two swapped).

    Shape:
        ``(N_i,)`` each, to ``(N_1, ..., N_k)`` each.

    Dtypes:
        Any; the result has the input's.

    Returns:
        Views, one for each vector.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> x, y = torch.meshgrid(torch.tensor([1, 2]), torch.tensor([3, 4, 5]), indexing="ij")
        >>> x
        tensor([[1, 1, 1],
                [2, 2, 2]])

    Follows ``torch.meshgrid``.
    """
    if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
        tensors = tuple(tensors[0])
    if indexing is None:
        warnings.warn(
            "torch.meshgrid: in an upcoming release, it will be required to pass the indexing "
            "argument.",
            UserWarning,
            stacklevel=2,
        )
        indexing = "ij"
    if indexing not in ("ij", "xy"):
        raise RuntimeError(
            f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}'
        )
    if not tensors:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    sizes = []
    for i, t in enumerate(tensors):
        check_tensor("meshgrid", t, "tensors", i + 1)
        aval = value_of(t).aval
        if aval.ndim > 1:
            raise RuntimeError(
                "torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: "
                f"{aval.ndim} dimensions in tensor {i}"
            )
        if aval.dtype != value_of(tensors[0]).aval.dtype:
            raise RuntimeError("meshgrid expects all tensors to have the same dtype")
        sizes.append(aval.size)
    swapped = indexing == "xy" and len(tensors) >= 2
    order = list(range(len(tensors)))
    if swapped:
        order[:2] = [1, 0]
    grids = []
    for i, t in enumerate(tensors):
        flat = [1] * len(tensors)
        flat[order.index(i)] = sizes[i]
        column = run(shape.view, (t,), (("shape", tuple(flat)),))
        size = tuple(sizes[d] for d in order)
        grids.append(run(shape.expand, (column,), (("size", size),)))
    return tuple(grids)


def cartesian_prod(*tensors: Any) -> Any:
    """All tuples with one element from each vector, as rows.

    Shape:
        ``(N_i,)`` each, to ``(product of N_i, number of them)``; ``(N,)`` alone stays.

    Dtypes:
        Any; the result has the input's.

    Raises:
        RuntimeError: a tensor is not one-dimensional.

    Example:
        >>> import flambeau as torch
        >>> torch.cartesian_prod(torch.tensor([1, 2]), torch.tensor([3]))
        tensor([[1, 3],
                [2, 3]])

    Follows ``torch.cartesian_prod``.
    """
    if len(tensors) == 1:
        return tensors[0]
    columns = [
        run(shape.reshape, (grid,), (("shape", (-1,)),))
        for grid in meshgrid(*tensors, indexing="ij")
    ]
    return run(joining.stack, (columns,), (("dim", 1),))


def combinations(input: Any, r: int = 2, with_replacement: bool = False) -> Any:
    """All ways to choose ``r`` elements of a vector, as rows.

    Args:
        input: a vector.
        r: how many to choose.
        with_replacement: whether an element may be chosen again.

    Shape:
        ``(N,)`` to ``(K, r)``, K being the number of combinations.

    Dtypes:
        Any; the result has the input's.

    Raises:
        RuntimeError: the input has no dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.combinations(torch.tensor([1, 2, 3])).tolist()
        [[1, 2], [1, 3], [2, 3]]

    Follows ``torch.combinations``.
    """
    check_tensor("combinations", input)
    aval = value_of(input).aval
    if aval.ndim != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list(aval.shape)}")
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    if r == 0:
        return empty(0, dtype=dtypes.from_numpy_dtype(aval.dtype))
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    chosen = np.array(list(choose(range(aval.size), r)), np.int64).reshape(-1, r)
    index = wrap(construct.constant(chosen.reshape(-1), aval.device))
    picked = run(indexing.index_select, (input, index), (("dim", 0),))
    return run(shape.reshape, (picked,), (("shape", chosen.shape),))
