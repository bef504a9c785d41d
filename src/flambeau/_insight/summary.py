"""``flambeau.summary``: what a model is made of, from shapes alone."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from flambeau._engine.recorder import State
from flambeau._insight.cost import Cost, cost_of, quantity, steps_between
from flambeau._insight.dry import dry_run
from flambeau._tensor import dtypes
from flambeau._tensor.construct import constant
from flambeau._tensor.core import TensorBase, value_of, wrap
from flambeau._tensor.device import place_for
from flambeau.nn._module.hooks import (
    register_module_forward_hook,
    register_module_forward_pre_hook,
)
from flambeau.nn.module import Module

__all__ = ["ModuleRow", "Summary", "summary"]


@dataclass(slots=True)
class ModuleRow:
    """One module of the table.

    Args:
        path: its dotted path, empty for the model itself.
        kind: its class.
        depth: how deep it is nested.
        calls: how often it ran.
        output: the shapes of its last result; None if it was never called.
        dtype: the dtypes of its own parameters and buffers, or of its result.
        own: parameters of its own, in elements; tied ones count where they come first.
        trainable: those that require a gradient.
        tied: its parameters that belong to an earlier module too: name to that name.
        buffers: buffers of its own, in elements.
        nbytes: bytes of its own parameters and buffers.
        flops: of all its calls, everything below it included.
    """

    path: str
    kind: str
    depth: int
    calls: int = 0
    output: Any = None
    dtype: str = ""
    own: int = 0
    trainable: int = 0
    tied: dict[str, str] = field(default_factory=dict)
    buffers: int = 0
    nbytes: int = 0
    flops: float = 0.0

    @property
    def frozen(self) -> int:
        """Parameters of its own that require no gradient."""
        return self.own - self.trainable


@dataclass(slots=True)
class Summary:
    """What :func:`summary` found. ``str()`` is the table, without colour.

    Args:
        model: the model's class.
        rows: its modules, in order of definition.
        input_bytes: bytes of the inputs.
        output_bytes: bytes of the results of the modules that hold no others: about what a
            training step keeps for its backward.
        ran: whether a forward was recorded (without inputs there is none).
    """

    model: str
    rows: list[ModuleRow]
    input_bytes: int = 0
    output_bytes: int = 0
    ran: bool = False

    @property
    def parameters(self) -> int:
        """All parameters, tied ones once."""
        return sum(row.own for row in self.rows)

    @property
    def trainable(self) -> int:
        """Those that require a gradient."""
        return sum(row.trainable for row in self.rows)

    @property
    def frozen(self) -> int:
        """Those that do not."""
        return self.parameters - self.trainable

    @property
    def tied(self) -> dict[str, str]:
        """Names of parameters that are another one."""
        return {name: to for row in self.rows for name, to in row.tied.items()}

    @property
    def buffers(self) -> int:
        """Elements of buffers."""
        return sum(row.buffers for row in self.rows)

    @property
    def flops(self) -> float:
        """Floating point operations of one forward."""
        return self.rows[0].flops

    @property
    def state_bytes(self) -> int:
        """Bytes of parameters and buffers."""
        return sum(row.nbytes for row in self.rows)

    def __rich__(self) -> Any:
        from rich.console import Group
        from rich.table import Table

        table = Table(title=f"{self.model}", title_justify="left", header_style="bold")
        table.add_column("module", no_wrap=True)
        table.add_column("output")
        for name in ("parameters", "buffers", "FLOPs"):
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column("dtype")
        for row in self.rows:
            name = row.path.rpartition(".")[2]
            label = f"{'  ' * row.depth}{name + ': ' if name else ''}{row.kind}"
            if row.calls > 1:
                label += f" (x{row.calls})"
            output = "never called" if self.ran and not row.calls else _shapes(row.output)
            marks = []
            if row.own and row.frozen == row.own:
                marks.append("frozen")
            elif row.frozen:
                marks.append(f"{row.frozen:,} frozen")
            if row.tied:
                marks.append("tied to " + ", ".join(row.tied.values()))
            count = " ".join([f"{row.own:,}" if row.own else "", *marks]).strip()
            flops = quantity(row.flops) if row.flops else ""
            table.add_row(
                label, output, count, f"{row.buffers:,}" if row.buffers else "", flops, row.dtype
            )
        parts = f"{self.trainable:,} trainable, {self.frozen:,} frozen, {len(self.tied)} tied"
        size = quantity(self.state_bytes, "B")
        lines = [f"parameters: {self.parameters:,} ({parts}), buffers: {self.buffers:,}, {size}"]
        if self.ran:
            lines.append(
                f"forward: {quantity(self.flops)} FLOPs, inputs {quantity(self.input_bytes, 'B')},"
                f" results of layers {quantity(self.output_bytes, 'B')}"
            )
        return Group(table, *lines)

    def __str__(self) -> str:
        from rich.console import Console

        file = io.StringIO()
        Console(file=file, width=110, color_system=None).print(self)
        return "\n".join(line.rstrip() for line in file.getvalue().rstrip().splitlines())

    __repr__ = __str__


def _shapes(output: Any) -> str:
    if output is None:
        return ""
    return ", ".join(str(list(shape)) for shape in output)


def summary(
    model: Any,
    input_data: Any = None,
    *,
    input_size: Any = None,
    dtypes: Any = None,
    device: Any = None,
    **kwargs: Any,
) -> Summary:
    """A table of a model's modules: results, parameters, buffers, FLOPs, dtypes.

    Nothing is computed: the forward is recorded, its shapes are inferred, and the record is
    thrown away, together with what it did to buffers, attributes and random state. FLOPs are
    XLA's count of the recorded operations.

    Args:
        model: the module.
        input_data: the arguments of its forward: a tensor, a tuple or list of arguments, or a
            dict of named ones. Their values do not matter.
        input_size: instead of data, the shape of the input, or a list of shapes. With neither,
            the forward columns stay empty.
        dtypes: with ``input_size``, the dtype of each input; the default dtype if None.
        device: with ``input_size``, where the inputs are; where the model is if None.
        kwargs: further named arguments of the forward.

    Raises:
        TypeError: ``model`` is not a module.
        ValueError: both ``input_data`` and ``input_size``.
        RuntimeError: the forward reads a value.

    Example:
        >>> import flambeau as torch
        >>> model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU())
        >>> found = torch.summary(model, input_size=(2, 4))
        >>> found.parameters, found.rows[1].output
        (40, [(2, 8)])
    """
    if not isinstance(model, Module):
        raise TypeError(f"summary() takes an nn.Module, not {type(model).__name__}")
    if input_data is not None and input_size is not None:
        raise ValueError("summary() takes input_data or input_size, not both")
    rows = _rows(model)
    found = Summary(type(model).__name__, rows)
    args: tuple[Any, ...] = ()
    if input_size is not None:
        args = _inputs(model, input_size, dtypes, device)
    elif isinstance(input_data, Mapping):
        kwargs = {**input_data, **kwargs}
    elif isinstance(input_data, (tuple, list)):
        args = tuple(input_data)
    elif input_data is not None:
        args = (input_data,)
    if args or kwargs:
        _record(model, args, kwargs, found)
    return found


def _inputs(model: Any, size: Any, kinds: Any, device: Any) -> tuple[Any, ...]:
    sizes = [tuple(size)] if all(isinstance(n, int) for n in size) else [tuple(s) for s in size]
    given = list(kinds) if isinstance(kinds, (list, tuple)) else [kinds] * len(sizes)
    if len(given) != len(sizes):
        raise ValueError(f"summary(): {len(sizes)} input sizes and {len(given)} dtypes")
    first = next((t for t in [*model.parameters(), *model.buffers()]), None)
    place = value_of(first).aval.device if device is None and first is not None else None
    made = []
    for shape, kind in zip(sizes, given, strict=True):
        dtype = dtypes.get_default_dtype() if kind is None else dtypes.as_dtype(kind)
        array = np.zeros(shape, dtype.numpy)
        made.append(wrap(constant(array, place_for(device) if place is None else place)))
    return tuple(made)


def _rows(model: Any) -> list[ModuleRow]:
    rows = []
    first: dict[int, str] = {}
    for path, module in model.named_modules():
        row = ModuleRow(path, type(module).__name__, path.count(".") + 1 if path else 0)
        kinds: dict[str, None] = {}
        for name, param in module._parameters.items():
            if param is None:
                continue
            full = f"{path}.{name}" if path else name
            kinds[param.dtype.name] = None
            if id(param) in first:
                row.tied[full] = first[id(param)]
                continue
            first[id(param)] = full
            count = _count(param)
            row.own += count
            row.trainable += count if param.requires_grad else 0
            row.nbytes += count * param.dtype.itemsize
        for buffer in module._buffers.values():
            if buffer is not None:
                kinds[buffer.dtype.name] = None
                row.buffers += _count(buffer)
                row.nbytes += _count(buffer) * buffer.dtype.itemsize
        row.dtype = ", ".join(kinds)
        rows.append(row)
    return rows


def _count(t: Any) -> int:
    return math.prod(value_of(t).aval.shape)


def _record(model: Any, args: tuple[Any, ...], kwargs: dict[str, Any], found: Summary) -> None:
    by_module = {id(m): row for (_, m), row in zip(model.named_modules(), found.rows, strict=True)}
    found.ran = True
    found.input_bytes = sum(_nbytes(t) for t in _flat((args, kwargs)))
    starts: list[dict[Any, State]] = []
    with dry_run(model, "summary") as states:

        def before(module: Any, inputs: Any) -> None:
            starts.append(states())

        def after(module: Any, inputs: Any, output: Any) -> None:
            start = starts.pop()
            row = by_module.get(id(module))
            if row is None:
                return
            cost = Cost()
            for device, end in states().items():
                begin = start.get(device) or end.path()[0].parent
                assert begin is not None
                for step in steps_between(begin, end):
                    cost += cost_of(step)
            row.calls += 1
            row.flops += cost.flops
            results = [t for t in _flat(output) if isinstance(t, TensorBase)]
            row.output = [tuple(value_of(t).aval.shape) for t in results]
            row.dtype = row.dtype or ", ".join(dict.fromkeys(t.dtype.name for t in results))
            if not any(module.children()):
                found.output_bytes += sum(map(_nbytes, results))

        handles = [
            register_module_forward_pre_hook(before),
            register_module_forward_hook(after),
        ]
        try:
            model(*args, **kwargs)
        finally:
            for handle in handles:
                handle.remove()


def _flat(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return [x for held in value.values() for x in _flat(held)]
    if isinstance(value, (list, tuple)):
        return [x for held in value for x in _flat(held)]
    return [value]


def _nbytes(t: Any) -> int:
    if not isinstance(t, TensorBase):
        return 0
    aval = value_of(t).aval
    return aval.size * aval.dtype.itemsize
