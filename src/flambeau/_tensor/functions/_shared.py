"""What hand-written public functions share: numbers, NumPy's argument names, overload errors."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from flambeau._tensor import dtypes
from flambeau._tensor.arguments import not_a_tensor
from flambeau._tensor.core import TensorBase, value_of
from flambeau._tensor.dispatch import number_type
from flambeau._traceback import hide, mark_sealed

F = TypeVar("F", bound=Callable[..., Any])

NUMBERS = (int, float, complex, np.number, np.bool_)
OPERANDS = (TensorBase, *NUMBERS)

_NUMPY_NAMES = {"axis": "dim", "keepdims": "keepdim", "x": "input", "a": "input", "x1": "input",
                "x2": "other"}  # fmt: skip


def numpy_names(function: F) -> F:
    """Let a function take ``axis`` for ``dim`` and ``keepdims`` for ``keepdim``, as in PyTorch."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            if kwargs and not _NUMPY_NAMES.keys().isdisjoint(kwargs):
                kwargs = {_NUMPY_NAMES.get(k, k): v for k, v in kwargs.items()}
            try:
                return function(*args, **kwargs)
            except AttributeError as error:
                refused = not_a_tensor(error, function, args, kwargs)
                if refused is not None:
                    raise refused from None
                raise
        except Exception as error:
            hide(error)
            raise

    mark_sealed(call)
    return call  # type: ignore[return-value]


def is_number(value: Any) -> bool:
    """Whether it is a Python or NumPy number (bool included), not a tensor."""
    return isinstance(value, NUMBERS)


def result_dtype(*operands: Any) -> dtypes.dtype:
    """The dtype that tensors and numbers promote to.

    Example:
        >>> import flambeau as torch
        >>> torch.result_type(torch.tensor([1], dtype=torch.int32), 1.5)
        torch.float32

    Follows ``torch.result_type``.
    """
    groups: tuple[list[Any], list[Any], list[Any]] = ([], [], [])
    for o in operands:
        if isinstance(o, TensorBase):
            aval = value_of(o).aval
            groups[1 if aval.ndim == 0 else 0].append(dtypes.from_numpy_dtype(aval.dtype))
        elif is_number(o):
            groups[2].append(dtypes.scalar_dtype(number_type(o)))
        else:
            raise TypeError(f"result_type(): expected a Tensor or Number, got {type(o).__name__}")
    return dtypes.combine(*groups)


def cast(tensor: Any, dtype: dtypes.dtype) -> Any:
    """The tensor in a dtype, itself when it has it."""
    return tensor if value_of(tensor).aval.dtype is dtype.numpy else tensor.to(dtype)


def need_tensor(name: str, value: Any, argument: str = "input", position: int = 1) -> None:
    """Raise PyTorch's TypeError unless the argument is a tensor."""
    if not isinstance(value, TensorBase):
        raise TypeError(
            f"{name}(): argument '{argument}' (position {position}) must be Tensor, "
            f"not {type(value).__name__}"
        )
