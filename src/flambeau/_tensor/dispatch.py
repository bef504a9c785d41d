"""From a public call to a recorded operation: promotion, recording, history, views.

:func:`run` applies a row to tensors and numbers. :func:`public` and :func:`inplace` make the
function and the in-place method of a row, with its signature and docstring.
"""

from __future__ import annotations

import collections
import functools
import inspect
import math
from collections.abc import Callable, Sequence
from types import CodeType
from typing import Any

import numpy as np

from flambeau._autograd import levels
from flambeau._autograd.tape import mode, record_on_tape
from flambeau._engine import recorder
from flambeau._engine.aval import aval_of
from flambeau._engine.call import _CALLS, Call, call_of
from flambeau._engine.device import CPU, Place
from flambeau._engine.random import default_stream
from flambeau._engine.recorder import read, record
from flambeau._engine.value import Value
from flambeau._ops.casts import overwrite
from flambeau._ops.registry import Op, Parameter
from flambeau._tensor import documents, dtypes
from flambeau._tensor.core import (
    Storage,
    TensorBase,
    _Class,
    _new,
    refuse_overlap,
    value_of,
    write,
)
from flambeau._traceback import hide, mark_sealed
from flambeau.errors import DeviceMismatchError, IndexRangeError

autocast: Callable[[Op, list[Any]], list[Any]] | None = None
"""While ``amp.autocast`` is on: gets a row and its arguments, gives the arguments cast."""

_OF_NUMBERS = frozenset({"add", "sub", "mul", "true_divide", "rsub"})
"""Promoting rows that PyTorch also applies to two numbers."""

_FLOAT32 = np.dtype(np.float32)
_HALVES = (dtypes.float16.numpy, dtypes.bfloat16.numpy)

_Number = (int, float, complex, np.number, np.bool_)


class _Row:
    """What dispatch needs of a row, worked out once."""

    __slots__ = (
        "dynamic", "names", "numbers", "op", "plain", "positions", "promoted", "scalars",
        "sequences",
    )  # fmt: skip

    def __init__(self, op: Op):
        self.op = op
        self.dynamic = [p for p in op.parameters if p.dynamic]
        if op.random:
            self.dynamic = self.dynamic[1:]
        self.plain = all(p.kind in ("array", "operand", "scalar") for p in self.dynamic)
        self.sequences = any(p.kind == "arrays" for p in self.dynamic)
        self.names = [p.name for p in self.dynamic]
        self.numbers = [p.kind in ("operand", "scalar", "optscalar") for p in self.dynamic]
        self.scalars = any(p.kind in ("scalar", "optscalar") for p in self.dynamic)
        self.positions = None if op.positions is None else self.names.index(op.positions)
        self.promoted = [p.kind not in ("scalar", "optscalar") for p in self.dynamic]


_rows: dict[Op, _Row] = {}


def _row(op: Op) -> _Row:
    found = _rows.get(op)
    if found is None:
        found = _rows[op] = _Row(op)
    return found


def run(
    op: Op,
    args: Sequence[Any],
    static: tuple[tuple[str, Any], ...] = (),
    *,
    generator: Any = None,
    device: Place | None = None,
) -> Any:
    """Apply a row.

    Args:
        op: the row.
        args: one argument per dynamic parameter of the row (``key`` excepted): a tensor, a
            number, None, or a sequence of tensors, as the parameter's kind has it.
        static: names and values of the static arguments, hashable.
        generator: for random rows; the device's default stream if None.
        device: where to run when no argument is a tensor.

    Returns:
        A tensor, or a tuple of tensors (named where the row names its results).
    """
    row = _rows.get(op)
    if row is None:
        row = _row(op)
    layout = None
    if not row.plain:
        args, layout = _flatten(row, args)
    if autocast is not None:
        args = autocast(op, list(args))
    values: list[Any] = []
    edges: list[Any] = []
    first: Any = None
    uniform = True
    numbers = False
    track = False
    for a in args:
        if isinstance(a, TensorBase):
            v = a._storage.value if a._chain is None else value_of(a)
            aval = v.aval
            if first is None:
                first = aval
            elif aval.dtype is not first.dtype or aval.device is not first.device:
                uniform = False
            e = a._edge
            if e is not None:
                track = True
            edges.append(e)
            values.append(v)
        else:
            if a is not None:
                numbers = True
            values.append(a)
            edges.append(None)
    cast = None
    scalar_dtype = None
    if first is not None:
        scalar_dtype = first.dtype
    if numbers or not uniform:
        _check_arguments(row, args, layout)
        if first is None and op.promote is not None and op.name not in _OF_NUMBERS:
            raise TypeError(f"{op.name}(): one argument at least must be Tensor, got only numbers")
        if not uniform:
            device = _one_device(op, values)
        if op.promote is not None:
            cast, scalar_dtype = _promotion(row, values, layout)
    elif op.promote == "float" and first is not None and not first.inexact:
        cast = scalar_dtype = dtypes.get_default_dtype().numpy
    if first is None and op.promote is None and scalar_dtype is None:
        scalar_dtype = _dtype_argument(static)
    if numbers and row.scalars and scalar_dtype in _HALVES:
        scalar_dtype = _FLOAT32  # PyTorch multiplies by the number, not by what it rounds to
    if row.positions is not None:
        _check_positions(row, values, layout, static)
    call = _CALLS.get((op, static, layout, cast))
    if call is None:
        call = call_of(op, static, layout, cast)
    if op.random:
        return _run_random(op, call, values, edges, track, scalar_dtype, generator, device)
    node = None
    if track and mode.grad and op.differentiable:
        outs, node = record_on_tape(call, values, edges, scalar_dtype, device)
    else:
        outs = record(call, values, scalar_dtype, device)
    if op.view:
        return _view(args[0], call, outs[0], node)
    return _results(op, call.single, outs, node, 0)


def _results(
    op: Op | None, single: bool | None, outs: Sequence[Value], node: Any, skip: int
) -> Any:
    tensors = []
    for i, v in enumerate(outs):
        t = _new(_Class.tensor)
        t._storage = Storage(v)
        if node is not None and v.aval.inexact:
            t._edge = (node, i + skip)
        tensors.append(t)
    if single:
        return tensors[0]
    if op is not None and op.returns is not None:
        return named_results(op.name, op.returns)(*tensors)
    return tuple(tensors)


def _run_random(
    op: Op,
    call: Call,
    values: list[Any],
    edges: list[Any],
    track: bool,
    scalar_dtype: Any,
    generator: Any,
    device: Place | None,
) -> Any:
    for v in values:
        if v.__class__ is Value:
            device = v.aval.device
            break
    stream = default_stream(device or CPU) if generator is None else generator.stream
    with stream.lock:
        inside = recorder.layers is not None and levels.state.active is not None
        inputs = [levels.draw(stream) if inside else stream.key, *values]
        node = None
        if track and mode.grad and op.differentiable:
            outs, node = record_on_tape(call, inputs, [None, *edges], scalar_dtype, device)
        else:
            outs = record(call, inputs, scalar_dtype, device)
        if not inside:
            stream.key = outs[0] if recorder.layers is None else levels.bottom(outs[0])
    return _results(op, len(outs) == 2, outs[1:], node, 1)


def _flatten(row: _Row, args: Sequence[Any]) -> tuple[list[Any], tuple[int, ...]]:
    if not row.sequences:  # only optional arguments: keep those that are there
        return [a for a in args if a is not None], tuple([0 if a is None else 1 for a in args])
    flat: list[Any] = []
    layout = []
    for p, a in zip(row.dynamic, args, strict=True):
        if p.kind == "arrays":
            if isinstance(a, TensorBase):
                raise TypeError(
                    f"{row.op.name}(): argument '{p.name}' must be tuple of Tensors, not Tensor"
                )
            items = list(a)
            for i, item in enumerate(items):
                if not isinstance(item, TensorBase):
                    raise TypeError(
                        f"{row.op.name}(): expected Tensor as element {i} in argument "
                        f"'{p.name}', but got {type(item).__name__}"
                    )
            flat.extend(items)
            layout.append(len(items))
        elif a is None and p.kind in ("optarray", "optscalar"):
            layout.append(0)
        else:
            flat.append(a)
            layout.append(1)
    return flat, tuple(layout)


def _check_arguments(row: _Row, args: Sequence[Any], layout: tuple[int, ...] | None) -> None:
    """Refuse what is neither a tensor nor, where one is allowed, a number."""
    i = 0
    for k, p in enumerate(row.dynamic):
        n = 1 if layout is None else layout[k]
        for a in args[i : i + n]:
            if isinstance(a, TensorBase) and p.kind not in ("scalar", "optscalar"):
                continue
            if isinstance(a, TensorBase) or (row.numbers[k] and isinstance(a, _Number)):
                continue
            want = "Tensor or Number" if row.numbers[k] else "Tensor"
            raise TypeError(
                f"{row.op.name}(): argument '{p.name}' (position {k + 1}) must be {want}, "
                f"not {type(a).__name__}"
            )
        i += n


def known_array(value: Any) -> np.ndarray | None:
    """What a Value holds, if that came from the host and no program has read it yet."""
    array = value.array if value.__class__ is Value else None
    return array if array.__class__ is np.ndarray else None


def check_range(name: str, array: np.ndarray, size: int, dim: int | None, wraps: bool) -> None:
    """Refuse positions outside a dimension (or the flat order, for None) of ``size`` elements.

    Raises:
        IndexRangeError: there is one, an IndexError and a RuntimeError.
    """
    if array.size == 0 or array.dtype.kind not in "iu":
        return
    least, most = int(array.min()), int(array.max())
    if least >= (-size if wraps else 0) and most < size:
        return
    where = f"for dimension {dim} with size {size}" if dim is not None else f"for {size} elements"
    bad = most if most >= size else least
    raise IndexRangeError(f"{name}(): index {bad} is out of bounds {where}")


def _check_positions(
    row: _Row,
    values: list[Any],
    layout: tuple[int, ...] | None,
    static: tuple[tuple[str, Any], ...],
) -> None:
    k = row.positions or 0
    n = 1 if layout is None else layout[k]
    start = k if layout is None else sum(layout[:k])
    arrays = [known_array(v) for v in values[start : start + n]]
    if not any(a is not None for a in arrays):
        return
    shape: tuple[int, ...] = values[0].aval.shape or (1,)
    chosen = dict(static)
    dims = chosen.get("dims") or (chosen.get("dim", row.op.along),)
    for array, dim in zip(arrays, dims, strict=True):
        if array is None:
            continue
        if dim is None:
            check_range(row.op.name, array, math.prod(shape), None, row.op.wraps)
        elif -len(shape) <= dim < len(shape):
            dim %= len(shape)
            check_range(row.op.name, array, shape[dim], dim, row.op.wraps)


def _one_device(op: Op, values: list[Any]) -> Place:
    """The device of all arguments; zero-dimensional CPU tensors follow the others."""
    device: Place | None = None
    for v in values:
        if v.__class__ is Value and not (v.aval.ndim == 0 and v.aval.device is CPU):
            if device is None:
                device = v.aval.device
            elif v.aval.device is not device:
                raise DeviceMismatchError(
                    f"{op.name}: Expected all tensors to be on the same device, but found at "
                    f"least two devices, {device} and {v.aval.device}! {_places(values)}; move "
                    f"the input with x.to({str(v.aval.device)!r}), or the module with "
                    "module.to(device)"
                )
    if device is None:
        return CPU
    for i, v in enumerate(values):
        if v.__class__ is Value and v.aval.device is not device:
            values[i] = transfer(v, device)
    return device


def _places(values: list[Any]) -> str:
    found = [v.aval for v in values if v.__class__ is Value]
    each = (f"argument {i + 1} {list(a.shape)} is on {a.device}" for i, a in enumerate(found))
    return ", ".join(each)


def transfer(value: Value, device: Place) -> Value:
    """The same content on another device; executes what is pending there."""
    if value.aval.device is device:
        return value
    aval = aval_of(value.aval.shape, value.aval.dtype, device)
    if device.is_meta:
        return Value(aval)
    if levels.top(value) is not None:
        return levels.over(value, lambda below: transfer(below, device))
    import jax

    with jax.enable_x64(True):
        return Value(aval, jax.device_put(read(value), device.jax_device()))


_PROMOTIONS: dict[Any, tuple[Any, Any]] = {}


def _promotion(row: _Row, values: list[Any], layout: tuple[int, ...] | None) -> tuple[Any, Any]:
    """The dtype to cast promoted arguments to (None when they have it), and that of numbers."""
    key: list[Any] = [row.op, layout, dtypes.get_default_dtype()]
    for v in values:
        if v.__class__ is Value:
            key.append((v.aval.dtype, v.aval.ndim == 0))
        else:
            key.append(None if v is None else v.__class__)
    frozen = tuple(key)
    found = _PROMOTIONS.get(frozen)
    if found is None:
        found = _PROMOTIONS[frozen] = _promote(row, values, layout)
    return found


def _promote(row: _Row, values: list[Any], layout: tuple[int, ...] | None) -> tuple[Any, Any]:
    groups: tuple[list[Any], list[Any], list[Any]] = ([], [], [])
    seen = []
    i = 0
    for k, _ in enumerate(row.dynamic):
        n = 1 if layout is None else layout[k]
        for v in values[i : i + n]:
            if v is None or not row.promoted[k]:
                continue
            if v.__class__ is Value:
                seen.append(v.aval.dtype)
                d = dtypes.from_numpy_dtype(v.aval.dtype)
                groups[1 if v.aval.ndim == 0 else 0].append(d)
            else:
                groups[2].append(dtypes.scalar_dtype(number_type(v)))
        i += n
    result = dtypes.combine(*groups)
    if row.op.promote == "float" and result.category < 2:
        result = dtypes.get_default_dtype()
    target = result.numpy
    return (None if all(d == target for d in seen) else target), target


def number_type(value: Any) -> type:
    """Which Python number a number counts as."""
    if isinstance(value, (bool, np.bool_)):
        return bool
    if isinstance(value, (int, np.integer)):
        return int
    return complex if isinstance(value, (complex, np.complexfloating)) else float


def _dtype_argument(static: tuple[tuple[str, Any], ...]) -> Any:
    for name, value in static:
        if name == "dtype" and value is not None:
            return np.dtype(value)
    return None


def _view(source: Any, call: Call, value: Value, node: Any) -> Any:
    t = _new(_Class.tensor)
    t._storage = source._storage
    chain = source._chain
    t._chain = (call,) if chain is None else (*chain, call)
    base = source if chain is None or source._base is None else source._base
    if node is not None:
        t._edge = (node, 0)
        t._base = base
    elif base._edge is None:
        t._base = base
    t._seen = (value, source._storage.version)
    return t


_NAMED: dict[Any, Any] = {}


def named_results(name: str, fields: tuple[str, ...]) -> Any:
    """The named tuple class of an operation's results, PyTorch's ``torch.return_types.name``."""
    found = _NAMED.get((name, fields))
    if found is None:
        base = collections.namedtuple(name, fields)  # noqa: PYI024
        base.__module__ = "torch.return_types"

        def show(self: Any) -> str:
            pad = ",\n"
            parts = pad.join(f"{f}={v!r}" for f, v in zip(fields, self, strict=True))
            return f"torch.return_types.{name}(\n{parts})"

        base.__repr__ = show
        found = _NAMED[name, fields] = base
    return found


def assign(target: Any, result: Any, name: str) -> Any:
    """Store an operation's result into a tensor, in place, and return the tensor.

    Raises:
        RuntimeError: shape or dtype does not fit, or the tensor is a leaf that requires grad.
    """
    old = value_of(target).aval
    new = value_of(result).aval
    tracking = mode.grad
    if tracking:
        check_writable(target)
    if new.shape != old.shape:
        raise RuntimeError(
            f"{name}: output with shape {list(old.shape)} doesn't match the broadcast shape "
            f"{list(new.shape)}"
        )
    if new.dtype is not old.dtype:
        a, b = dtypes.from_numpy_dtype(new.dtype), dtypes.from_numpy_dtype(old.dtype)
        if not dtypes.can_cast(a, b):
            raise RuntimeError(
                f"{name}: result type {a.name} can't be cast to the desired output type {b.name}"
            )
        result = result.to(b)
    if tracking and target._edge is not None and result._edge is None:
        # It goes on requiring grad; what it held before gets a gradient of zero.
        result = run(overwrite, (target, result))
    write(target, value_of(result), result._edge, tracking)
    return target


def check_writable(target: Any) -> None:
    """Refuse to modify a leaf that requires grad, or a view of one, while history is recorded."""
    edge = target._edge
    if edge is not None and edge[0].label == "AccumulateGrad":
        raise RuntimeError(
            "a leaf Variable that requires grad is being used in an in-place operation. "
            "Wrap the operation in torch.no_grad()"
        )
    base = target._base
    if base is not None and base._edge is not None and base._edge[0].label == "AccumulateGrad":
        raise RuntimeError(
            "a view of a leaf Variable that requires grad is being used in an in-place "
            "operation. Wrap the operation in torch.no_grad()"
        )


def store_out(
    out: Any, result: Any, name: str, *, exact: bool = False, apart: Sequence[Any] = ()
) -> Any:
    """Put a result into ``out=``: tensors are resized, dtypes must be castable.

    Args:
        out: the tensor to write to, or a sequence of them for several results.
        result: what to write.
        name: of the function, for errors.
        exact: the dtype must be the result's.
        apart: arguments whose memory ``out`` must not share, sequences of tensors included.

    Raises:
        RuntimeError: an argument requires grad, the dtype cannot take the result, or ``out``
            shares memory where it must not, with an argument or within itself.
    """
    if isinstance(result, tuple):
        if not isinstance(out, (tuple, list)):
            raise TypeError(
                f"{name}(): argument 'out' must be tuple of Tensors, not {type(out).__name__}"
            )
        if len(out) != len(result):
            raise TypeError(f"{name}: out= needs {len(result)} tensors, got {len(out)}")
        stored = [
            store_out(o, r, name, exact=exact, apart=apart)
            for o, r in zip(out, result, strict=True)
        ]
        return type(result)(*stored) if hasattr(result, "_fields") else tuple(stored)
    if not isinstance(out, TensorBase):
        raise TypeError(f"{name}(): argument 'out' must be Tensor, not {type(out).__name__}")
    if mode.grad and (result._edge is not None or out._edge is not None):
        raise RuntimeError(
            f"{name}(): functions with out=... arguments don't support automatic "
            "differentiation, but one of the arguments requires grad."
        )
    old, new = value_of(out).aval, value_of(result).aval
    a, b = dtypes.from_numpy_dtype(new.dtype), dtypes.from_numpy_dtype(old.dtype)
    if exact and a is not b:
        raise RuntimeError(
            f"{name}: Expected out tensor to have dtype {a.name}, but got {b.name} instead"
        )
    if not dtypes.can_cast(a, b):
        raise RuntimeError(
            f"{name}: result type {a.name} can't be cast to the desired output type {b.name}"
        )
    if a is not b:
        result = result.to(b)
    if old.device is not new.device:
        raise RuntimeError(
            f"{name}: Expected out tensor to have device {new.device}, but got {old.device} instead"
        )
    for argument in apart:
        _refuse_sharing(name, out, argument)
    if old.shape != new.shape:
        if out._chain is not None:
            out._storage, out._chain = Storage(value_of(result)), None
            out._base, out._seen = None, None
            return out
    elif out._chain is not None:
        refuse_overlap(out)
    write(out, value_of(result), None, False)
    return out


def _refuse_sharing(name: str, out: Any, argument: Any) -> None:
    if isinstance(argument, (tuple, list)):
        for item in argument:
            _refuse_sharing(name, out, item)
    elif isinstance(argument, TensorBase) and argument._storage is out._storage:
        raise RuntimeError(
            f"{name}: unsupported operation: some elements of the input tensor and the "
            "written-to tensor refer to a single memory location. Please clone() the tensor "
            "before performing the operation."
        )


def _default_source(p: Parameter) -> str:
    return "" if p.default is inspect.Parameter.empty else f"=_d_{p.name}"


@functools.cache
def _compiled(source: str) -> CodeType:
    """Compiled once for all rows that have the same parameters: that takes longest of it."""
    return compile(source, "<public function>", "exec")


def public(op: Op) -> Callable[..., Any]:
    """The public function of a row: its signature and docstring, plus ``out=``.

    It serves as the method too, its first parameter being ``self``.
    """
    scope: dict[str, Any] = {
        "__name__": __name__, "_run": run, "_op": op, "_store": store_out, "_exact": op.exact_out,
        "_hide": hide, "_name": op.name, "_dtype_of": dtype_of_out,
    }  # fmt: skip
    params = [p for p in op.parameters if not (op.random and p.name == "key")]
    head, kw = [], []
    statics, dynamics = [], []
    for p in params:
        scope[f"_d_{p.name}"] = p.default
        (kw if p.kw_only else head).append(f"{p.name}{_default_source(p)}")
        if p.dynamic:
            dynamics.append(p.name)
        else:
            value = p.name
            if p.kind in ("dtype", "optdtype"):
                scope["_dt"] = _numpy_dtype
                value = f"_dt({p.name})"
            elif p.normalize is not None:
                scope[f"_n_{p.name}"] = p.normalize
                value = f"_n_{p.name}({p.name})"
            statics.append(f"({p.name!r}, {value}),")
    if op.random:
        kw.append("generator=None")
    if not op.view:
        kw.append("out=None")
    signature = ", ".join([*head, *(["*", *kw] if kw else [])])
    static = f"({''.join(statics)})" if statics else "()"
    dyn = f"({''.join(d + ',' for d in dynamics)})"
    generator = ", generator=generator" if op.random else ""
    body = f"_run(_op, {dyn}, {static}{generator})"
    apart = dyn if op.distinct else "()"
    lines = [f"return {body}"]
    if not op.view:
        lines = ["if out is None:", *(f"    {line}" for line in lines)]
        if not op.exact_out and any(p.kind == "optdtype" and p.name == "dtype" for p in params):
            # What sums is summed in the dtype of ``out``.
            lines.append("dtype = _dtype_of(out, dtype)")
        lines.append(f"return _store(out, {body}, _name, exact=_exact, apart={apart})")
    source = f"def public({signature}):\n    try:\n"
    source += "".join(f"        {line}\n" for line in lines)
    source += "    except Exception as error:\n        _hide(error)\n        raise\n"
    exec(_compiled(source), scope)
    function = scope["public"]
    function.__name__ = function.__qualname__ = op.name
    function.__code__ = function.__code__.replace(co_name=op.name, co_qualname=op.name)
    function.__doc__ = op.__doc__
    function.__module__ = "flambeau"
    function.op = op
    mark_sealed(function)
    return function


def dtype_of_out(out: Any, dtype: Any) -> Any:
    """``dtype=``, or the dtype of the tensor that is to hold the result."""
    return out.dtype if dtype is None and isinstance(out, TensorBase) else dtype


def _numpy_dtype(d: Any) -> np.dtype | None:
    return None if d is None else dtypes.as_dtype(d).numpy


def inplace(
    function: Callable[..., Any], name: str | None = None, *, example: bool = True
) -> Callable[..., Any]:
    """The in-place method of a public function (or of a row): ``name_``, which returns ``self``.

    ``example=False`` where the function's example does not hold in place.
    """
    if isinstance(function, Op):
        function = public(function)
    base = name or getattr(function, "__name__", "op")
    title = base if base.endswith("_") else f"{base}_"

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return assign(self, function(self, *args, **kwargs), title)
        except Exception as error:
            hide(error)
            raise

    method.__name__ = method.__qualname__ = title
    method.__doc__ = documents.in_place(title, function, example=example)
    parameters = [p for p in inspect.signature(function).parameters.values() if p.name != "out"]
    if parameters:
        parameters[0] = parameters[0].replace(name="self")
    mark_sealed(method)
    method.__signature__ = inspect.Signature(parameters)
    return method
