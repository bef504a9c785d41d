"""What every file of ``functional`` uses: rows applied to tensors, and argument checks."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

from flambeau._autograd.grad_mode import no_grad
from flambeau._ops import arithmetic, indexing, joining, reductions, shape
from flambeau._ops.registry import Op
from flambeau._tensor import dispatch
from flambeau._tensor.construct import constant
from flambeau._tensor.core import value_of, wrap
from flambeau._tensor.dispatch import assign, run
from flambeau._tensor.dtypes import as_dtype
from flambeau._tensor.tensor import Tensor
from flambeau.errors import DTypeMismatchError, ShapeError

__all__ = [
    "ShapeError",
    "Tensor",
    "apply",
    "arithmetic",
    "as_dtype",
    "assign",
    "cat",
    "checked",
    "host_array",
    "indexing",
    "maybe_inplace",
    "no_grad",
    "ntuple",
    "permute",
    "reduction_of",
    "reductions",
    "require_tensor",
    "reshape",
    "run",
    "same_dtype",
    "select",
    "set_value",
    "squeeze",
    "static_of",
    "transpose",
    "unsqueeze",
]

_LONG = {
    "float16": "Half",
    "bfloat16": "BFloat16",
    "float32": "Float",
    "float64": "Double",
    "int8": "Char",
    "uint8": "Byte",
    "int16": "Short",
    "int32": "Int",
    "int64": "Long",
    "bool": "Bool",
    "complex64": "ComplexFloat",
    "complex128": "ComplexDouble",
}


_STATICS: dict[Op, tuple[tuple[str, Any], ...]] = {}


def static_of(op: Op, values: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    """Static arguments as the dispatcher wants them: all of them, in the row's order."""
    defaults = _STATICS.get(op)
    if defaults is None:
        defaults = _STATICS[op] = tuple((p.name, p.default) for p in op.parameters if not p.dynamic)
    if not values:
        return defaults
    return tuple([(name, values.get(name, default)) for name, default in defaults])


def apply(op: Op, *tensors: Any, **static: Any) -> Any:
    """Apply a row to tensors, with static arguments that are normalized already."""
    return run(op, tensors, static_of(op, static))


def require_tensor(name: str, **tensors: Any) -> None:
    """Refuse what is no tensor.

    Raises:
        TypeError: one of the arguments is not a Tensor.
    """
    for position, (argument, value) in enumerate(tensors.items(), 1):
        if not isinstance(value, Tensor):
            raise TypeError(
                f"{name}(): argument '{argument}' (position {position}) must be Tensor, "
                f"not {type(value).__name__}"
            )


_sound: set[Any] = set()


def checked(check: Callable[..., None], *tensors: Any, **options: Hashable) -> None:
    """Run a check of shapes and dtypes, once for each kind of tensors that it lets pass.

    Args:
        check: takes the tensors and the options, and raises.
        tensors: tensors, or None; anything else is left to the check.
        options: what else the check looks at.
    """
    try:
        avals = [None if t is None else value_of(t).aval for t in tensors]
    except AttributeError:
        check(*tensors, **options)
        return
    key = (check, *avals, *options.values(), dispatch.autocast is None)
    if key not in _sound:
        check(*tensors, **options)
        if len(_sound) > 10_000:
            _sound.clear()
        _sound.add(key)


def same_dtype(name: str, **tensors: Tensor | None) -> None:
    """Refuse operands of different dtypes, where PyTorch does not promote.

    Raises:
        RuntimeError: the dtypes differ.
    """
    if dispatch.autocast is not None:
        return  # which casts where PyTorch's does
    first_name, first = None, None
    for argument, value in tensors.items():
        if value is None:
            continue
        if first is None:
            first_name, first = argument, value
        elif value.dtype is not first.dtype:
            a, b = (_LONG.get(str(t.dtype)[6:], str(t.dtype)) for t in (first, value))
            raise DTypeMismatchError(
                f"{name}: expected {first_name} and {argument} to have the same dtype, but got "
                f"{a} and {b}; convert one with .to()"
            )


def ntuple(name: str, argument: str, value: Any, n: int) -> tuple[int, ...]:
    """One int for each of `n` dimensions.

    Raises:
        RuntimeError: a sequence of another length was given.
    """
    if isinstance(value, (int, np.integer)):
        return (int(value),) * n
    if isinstance(value, Tensor):
        return (int(value),) * n
    found = tuple(int(v) for v in value)
    if len(found) == 1:
        return found * n
    if len(found) != n:
        raise RuntimeError(f"{name}: {argument} should be one int or {n} ints, but got {found}")
    return found


def maybe_inplace(input: Tensor, result: Tensor, inplace: bool, name: str) -> Tensor:
    """`result`, or `input` holding it."""
    return assign(input, result, f"{name}_") if inplace else result


def set_value(target: Tensor, source: Tensor) -> None:
    """Overwrite a tensor without history: what batch norm does to its statistics."""
    with no_grad():
        assign(target, source.detach(), "copy_")


def reduction_of(
    size_average: bool | None, reduce: bool | None, reduction: str, extra: tuple[str, ...] = ()
) -> str:
    """The reduction, with the two arguments of old programs taken into account.

    Raises:
        ValueError: the name is unknown.
    """
    if size_average is not None or reduce is not None:
        size_average = True if size_average is None else size_average
        reduce = True if reduce is None else reduce
        reduction = ("mean" if size_average else "sum") if reduce else "none"
        warnings.warn(
            "size_average and reduce args will be deprecated, please use "
            f"reduction='{reduction}' instead.",
            stacklevel=3,
        )
    if reduction not in ("none", "mean", "sum", *extra):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return reduction


def host_array(array: np.ndarray, like: Tensor) -> Tensor:
    """A tensor of constants on the device of another one."""
    return wrap(constant(array, value_of(like).aval.device))


def reshape(x: Tensor, size: Sequence[int]) -> Tensor:
    """``x.reshape(size)``."""
    return run(shape.reshape, (x,), (("shape", tuple(size)),))


def unsqueeze(x: Tensor, dim: int) -> Tensor:
    """``x.unsqueeze(dim)``."""
    return run(shape.unsqueeze, (x,), (("dim", dim),))


def squeeze(x: Tensor, dim: int) -> Tensor:
    """``x.squeeze(dim)``."""
    return run(shape.squeeze, (x,), (("dim", (dim,)),))


def transpose(x: Tensor, dim0: int, dim1: int) -> Tensor:
    """``x.transpose(dim0, dim1)``."""
    return run(shape.transpose, (x,), (("dim0", dim0), ("dim1", dim1)))


def permute(x: Tensor, dims: Sequence[int]) -> Tensor:
    """``x.permute(dims)``."""
    return run(shape.permute, (x,), (("dims", tuple(dims)),))


def select(x: Tensor, dim: int, index: int) -> Tensor:
    """``x.select(dim, index)``."""
    return run(shape.select, (x,), (("dim", dim), ("index", index)))


def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """``torch.cat(tensors, dim)``."""
    return run(joining.cat, (tensors,), (("dim", dim),))
