"""``x[key]`` and ``x[key] = value``.

A key falls into view steps (ints, slices, None, ...) and, after them, index tensors in the
slots of some dimensions. Where an int or the start of a slice may change from call to call it
is an input of the program, so that a loop over ``x[i]`` or ``x[i:i + 64]`` stays one program.
"""

from __future__ import annotations

import operator
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from flambeau._autograd.tape import mode, record_on_tape
from flambeau._engine.call import call_of
from flambeau._engine.recorder import read, record
from flambeau._engine.value import Value
from flambeau._ops import indexing as rows
from flambeau._ops import shape as views
from flambeau._tensor import dtypes
from flambeau._tensor.construct import constant, from_data
from flambeau._tensor.core import Bound, TensorBase, _Class, _new, value_of, wrap, write
from flambeau._tensor.dispatch import _view, check_writable, run

_INT64 = np.dtype(np.int64)
_MASKS = (np.dtype(np.bool_), np.dtype(np.uint8))


def select_view(t: Any, dim: int, index: Any) -> Any:
    """``select`` with an index (a non-negative int, or a Value) that is a program input."""
    return _bound_view(t, views.select_at, (("dim", dim),), index)


def slice_view(t: Any, dim: int, start: int, length: int, step: int) -> Any:
    """A slice whose start is a program input."""
    static = (("dim", dim), ("length", length), ("step", step))
    return _bound_view(t, views.slice_at, static, start)


def _bound_view(t: Any, row: Any, static: Any, number: Any) -> Any:
    call = call_of(row, static)
    value, edge = value_of(t), t._edge
    if edge is not None and mode.grad and value.aval.inexact:
        outs, node = record_on_tape(call, [value, number], [edge, None], _INT64)
    else:
        outs, node = record(call, [value, number], _INT64), None
    return _view(t, Bound(call, number), outs[0], node)  # pyright: ignore[reportArgumentType]


class _Plan:
    """A key, taken apart: view steps, then index tensors by dimension.

    Attributes:
        steps: ``(row, static, number)``; the number is None where the step takes none.
        slots: index tensors (or masks) by dimension of what the steps show.
        shape: the shape that the steps show.
    """

    __slots__ = ("shape", "slots", "steps")

    def __init__(self, shape: Sequence[int]):
        self.shape = list(shape)
        self.steps: list[tuple[Any, Any, Any]] = []
        self.slots: dict[int, Any] = {}

    def select(self, dim: int, index: Any) -> None:
        if isinstance(index, Value) or index > 0:
            self.steps.append((views.select_at, (("dim", dim),), index))
        else:
            self.steps.append((views.select, (("dim", dim), ("index", index)), None))
        del self.shape[dim]

    def slice(self, dim: int, key: slice) -> None:
        size = self.shape[dim]
        start, end, step = (None if x is None else operator.index(x) for x in _parts(key))
        first, last, step = views.slice_bounds(size, start, end, 1 if step is None else step)
        length = -(-(last - first) // step)
        if length == size and step == 1:
            if start is None and end is None:
                return
        moving = start is not None and start >= 0 and end is not None and end >= 0 and length
        if moving:
            static = (("dim", dim), ("length", length), ("step", step))
            self.steps.append((views.slice_at, static, first))
        else:
            static = (("dim", dim), ("start", start), ("end", end), ("step", step))
            self.steps.append((views.slice, static, None))
        self.shape[dim] = length

    def insert(self, dim: int) -> None:
        self.steps.append((views.unsqueeze, (("dim", dim),), None))
        self.shape.insert(dim, 1)


def _parts(key: slice) -> tuple[Any, Any, Any]:
    return key.start, key.stop, key.step


def _as_tuple(key: Any) -> tuple[Any, ...]:
    if isinstance(key, tuple):
        return key
    if isinstance(key, list) and len(key) < 32:
        odd = (TensorBase, slice, list, tuple, np.ndarray, type(None), type(Ellipsis))
        if any(isinstance(k, odd) for k in key):
            warnings.warn(
                "Using a non-tuple sequence for multidimensional indexing is deprecated; use "
                "x[tuple(seq)] instead of x[seq]",
                UserWarning,
                stacklevel=4,
            )
            return tuple(key)
    return (key,)


def _normal(key: Any) -> Any:
    """One entry of a key: int, bool, slice, None, Ellipsis or a tensor."""
    if key is None or key is Ellipsis or isinstance(key, (slice, TensorBase, bool, int)):
        return key
    if isinstance(key, np.bool_):
        return bool(key)
    if isinstance(key, np.integer):
        return int(key)
    if isinstance(key, (list, tuple, range, np.ndarray)):
        made = from_data(list(key) if isinstance(key, range) else key)
        if value_of(made).aval.size == 0 and value_of(made).aval.dtype.kind == "f":
            made = wrap(constant(np.zeros(made.shape, _INT64), value_of(made).aval.device))
        return made
    if isinstance(key, str):
        raise TypeError("new(): invalid data type 'str'")
    if hasattr(key, "__index__"):
        return operator.index(key)
    raise IndexError(
        "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid "
        f"indices (got {type(key).__name__})"
    )


def _is_mask(t: Any) -> bool:
    return value_of(t).aval.dtype in _MASKS


def _plan(shape: tuple[int, ...], key: Any) -> _Plan:
    entries = [_normal(k) for k in _as_tuple(key)]
    named = 0
    for k in entries:
        if k is None or k is Ellipsis or isinstance(k, bool):
            continue
        named += value_of(k).aval.ndim if isinstance(k, TensorBase) and _is_mask(k) else 1
    if named > len(shape):
        if not shape and isinstance(entries[0], int):
            raise IndexError(
                "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or "
                "`tensor.item<T>()` in C++ to convert a 0-dim tensor to a number"
            )
        raise IndexError(f"too many indices for tensor of dimension {len(shape)}")
    plan = _Plan(shape)
    dim = real = 0
    for position, k in enumerate(entries):
        if k is Ellipsis:
            dim += len(shape) - named
            real += len(shape) - named
        elif k is None:
            plan.insert(dim)
            dim += 1
        elif isinstance(k, bool):
            plan.insert(dim)
            plan.slots[dim] = wrap(constant(np.arange(int(k)), _cpu()))
            dim += 1
        elif isinstance(k, int):
            size = plan.shape[dim]
            if not -size <= k < size:
                raise IndexError(
                    f"index {k} is out of bounds for dimension {real} with size {size}"
                )
            plan.select(dim, k)
            real += 1
        elif isinstance(k, slice):
            plan.slice(dim, k)
            dim += 1
            real += 1
        else:
            dim, taken = _tensor_entry(plan, k, dim, position)
            real += taken
    return plan


def _cpu() -> Any:
    from flambeau._engine.device import CPU

    return CPU


def _tensor_entry(plan: _Plan, k: Any, dim: int, position: int) -> tuple[int, int]:
    """Put an index tensor into the plan; gives the next dimension and how many it used."""
    aval = value_of(k).aval
    if _is_mask(k):
        if aval.ndim == 0:
            plan.insert(dim)
            plan.slots[dim] = wrap(constant(np.arange(int(bool(k.item()))), _cpu()))
            return dim + 1, 0
        shown = tuple(plan.shape[dim : dim + aval.ndim])
        for i, (have, want) in enumerate(zip(aval.shape, shown, strict=True)):
            if have != want:
                raise IndexError(
                    f"The shape of the mask {list(aval.shape)} at index {i} does not match the "
                    f"shape of the indexed tensor {plan.shape} at index {dim + i}"
                )
        for i in range(aval.ndim):
            plan.slots[dim + i] = (k, i)
        return dim + aval.ndim, aval.ndim
    if aval.dtype.kind not in "iu":
        raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
    if aval.ndim == 0:
        plan.select(dim, value_of(k))
        return dim, 1
    plan.slots[dim] = k
    return dim + 1, 1


def _indices(plan: _Plan, device: Any) -> tuple[list[Any], tuple[int, ...]]:
    """Index tensors and their dimensions; masks become positions, which reads them."""
    found: dict[int, list[Any]] = {}
    tensors = []
    for dim in sorted(plan.slots):
        entry = plan.slots[dim]
        if isinstance(entry, tuple):
            mask, i = entry
            if id(mask) not in found:
                found[id(mask)] = positions(mask)
            entry = found[id(mask)][i]
        if value_of(entry).aval.device is not device:
            entry = entry.to(_user(device))
        tensors.append(entry)
    return tensors, tuple(sorted(plan.slots))


def _user(place: Any) -> Any:
    from flambeau._tensor.device import user_device

    return user_device(place)


def positions(mask: Any) -> list[Any]:
    """Where a tensor is not zero: one int64 vector per dimension. Executes what is pending."""
    value = value_of(mask)
    found = np.nonzero(np.asarray(read(value)))
    return [wrap(constant(p.astype(_INT64), value.aval.device)) for p in found]


def _apply(t: Any, steps: list[tuple[Any, Any, Any]]) -> Any:
    for row, static, number in steps:
        if number is None:
            t = run(row, (t,), static)
        else:
            t = _bound_view(t, row, static, number)
    return t


def alias(t: Any) -> Any:
    """A view of the whole tensor, with its strides."""
    if value_of(t).aval.ndim == 0:
        return run(views.view, (t,), (("shape", ()),))
    static = (("dim", 0), ("start", None), ("end", None), ("step", 1))
    return run(views.slice, (t,), static)


def _lazy(t: Any, steps: list[tuple[Any, Any, Any]]) -> Any:
    """What :func:`_apply` gives, without recording the reads: for a write through it."""
    if not steps:
        return t
    chain = []
    for row, static, number in steps:
        call = call_of(row, static)
        chain.append(call if number is None else Bound(call, number))
    target = _new(_Class.tensor)
    target._storage = t._storage
    target._chain = (*(t._chain or ()), *chain)
    target._base = t if t._chain is None or t._base is None else t._base
    return target


def getitem(t: Any, key: Any) -> Any:
    """The elements that a key names: a view where the key holds no index tensor.

    Raises:
        IndexError: the key does not fit the tensor.
        ValueError: a slice with a step that is not positive.

    Follows ``torch.Tensor.__getitem__``.
    """
    plan = _plan(value_of(t).aval.shape, key)
    shown = _apply(t, plan.steps)
    if not plan.slots:
        return alias(t) if shown is t else shown
    indices, dims = _indices(plan, value_of(t).aval.device)
    return run(rows.index, (shown, indices), (("dims", dims),))


def setitem(t: Any, key: Any, value: Any) -> None:
    """Assign to the elements that a key names, through views where ``t`` is one.

    Raises:
        IndexError: the key does not fit the tensor.
        RuntimeError: the value does not broadcast to the elements.
        TypeError: the value is neither a tensor nor a number.

    Follows ``torch.Tensor.__setitem__``.
    """
    aval = value_of(t).aval
    if isinstance(value, np.generic):
        value = value.item()
    if not isinstance(value, (TensorBase, int, float, complex)):
        raise TypeError(f"can't assign a {_type_name(value)} to a {_tensor_name(aval)}")
    plan = _plan(aval.shape, key)
    target = _lazy(t, plan.steps)
    if mode.grad:
        check_writable(target)
    if not plan.slots:
        new = _filled(value, tuple(plan.shape), aval)
        write(target, value_of(new), new._edge, mode.grad)
        return
    new = _masked(target, plan, value, aval)
    if new is None:
        indices, dims = _indices(plan, aval.device)
        if not isinstance(value, TensorBase):
            value = _filled(value, (), aval)
        elif value_of(value).aval.device is not aval.device:
            value = value.to(_user(aval.device))
        static = (("dims", dims), ("accumulate", False))
        new = run(rows.index_put, (target, indices, value), static)
    write(target, value_of(new), new._edge, mode.grad)


def _type_name(value: Any) -> str:
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def _tensor_name(aval: Any) -> str:
    from flambeau._tensor.tensor import legacy_name

    return legacy_name(dtypes.from_numpy_dtype(aval.dtype), aval.device.kind)


def _filled(value: Any, shape: tuple[int, ...], aval: Any) -> Any:
    if isinstance(value, TensorBase) and value_of(value).aval.device is not aval.device:
        value = value.to(_user(aval.device))
    static = (("shape", shape), ("dtype", aval.dtype))
    return run(rows.filled, (value,), static, device=aval.device)


def _masked(target: Any, plan: _Plan, value: Any, aval: Any) -> Any:
    """An assignment through one mask of a value that broadcasts, without reading the mask."""
    entries = list(plan.slots.values())
    if not isinstance(entries[0], tuple) or any(
        not isinstance(e, tuple) or e[0] is not entries[0][0] for e in entries
    ):
        return None
    mask = entries[0][0]
    first = min(plan.slots)
    rest = tuple(plan.shape[first + len(entries) :])
    if first and isinstance(value, TensorBase) and value_of(value).aval.size != 1:
        return None
    if isinstance(value, TensorBase):
        given = value_of(value).aval
        if given.dtype != aval.dtype and given.ndim:
            return None  # index_put refuses it
        shape = given.shape
        while len(shape) > len(rest) and shape[0] == 1:
            shape = shape[1:]
        if len(shape) > len(rest):
            return None
        if shape != given.shape:
            value = run(views.view, (value,), (("shape", shape),))
    if value_of(mask).aval.dtype != np.bool_:
        mask = mask.to(dtypes.bool_)
    if value_of(mask).aval.device is not aval.device:
        mask = mask.to(_user(aval.device))
    if rest:
        wide = (*value_of(mask).aval.shape, *(1 for _ in rest))
        mask = run(views.view, (mask,), (("shape", wide),))
    new = _filled(value, tuple(plan.shape), aval)
    return run(rows.where, (mask, new, target), ())
