"""``flambeau.profile``: what a step costs, by module and by program."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax

from flambeau._autograd.backward import watcher
from flambeau._engine import recorder
from flambeau._engine.executor import begin
from flambeau._engine.program import stats, watch
from flambeau._insight.cost import Cost, analysis, cost_of, quantity, steps_between
from flambeau._progress import waiting
from flambeau._tensor.core import TensorBase, value_of
from flambeau.nn._module.hooks import (
    register_module_forward_hook,
    register_module_forward_pre_hook,
)

__all__ = ["Profile", "ProgramCost", "profile"]

_ELSEWHERE = "(outside modules)"
_UPDATE = "(optimizer)"


@dataclass(slots=True)
class ProgramCost:
    """One compiled program of a step, as XLA's analyses of it say before it runs.

    Args:
        operations: how many recorded operations it holds.
        launches: how often a step runs it.
        flops: floating point operations of one launch.
        bytes: bytes read and written by one launch.
        peak_bytes: arguments, results and temporary memory together; 0 where unknown.
        temporary_bytes: the temporary memory alone.
    """

    operations: int
    launches: int
    flops: float
    bytes: float
    peak_bytes: int
    temporary_bytes: int


@dataclass(slots=True)
class Profile:
    """What :func:`profile` found. ``str()`` is a table.

    Args:
        seconds: the best of the measured steps.
        peak_bytes: how much memory in use grew at most during the measured steps: of the
            device where it tells, else of the process; None where neither does.
        programs: the programs that a step runs, each with its prediction.
        compiled: why each program was compiled, of those compiled during the call.
        forward: by module path, what its own operations cost going forward.
        backward: likewise going back.
    """

    seconds: float
    peak_bytes: int | None
    programs: list[ProgramCost]
    compiled: list[str]
    forward: dict[str, Cost] = field(default_factory=dict)
    backward: dict[str, Cost] = field(default_factory=dict)

    @property
    def flops(self) -> float:
        """Floating point operations of a step, as compiled."""
        return sum(p.flops * p.launches for p in self.programs)

    @property
    def bytes(self) -> float:
        """Bytes read and written by a step, as compiled."""
        return sum(p.bytes * p.launches for p in self.programs)

    @property
    def predicted_peak_bytes(self) -> int:
        """The largest program's memory."""
        return max((p.peak_bytes for p in self.programs), default=0)

    def __rich__(self) -> Any:
        from rich.console import Group
        from rich.table import Table

        table = Table(title="by module (as recorded)", title_justify="left", header_style="bold")
        table.add_column("module", no_wrap=True)
        for name in ("forward FLOPs", "backward FLOPs", "bytes", "share"):
            table.add_column(name, justify="right", no_wrap=True)
        paths = dict.fromkeys([*self.forward, *self.backward])
        total = sum(c.flops for side in (self.forward, self.backward) for c in side.values())
        for path in paths:
            there, back = self.forward.get(path, Cost()), self.backward.get(path, Cost())
            both = there + back
            table.add_row(
                path,
                quantity(there.flops),
                quantity(back.flops),
                quantity(both.bytes, "B"),
                f"{both.flops / total:.1%}" if total else "",
            )
        programs = Table(title="programs (as compiled)", title_justify="left", header_style="bold")
        for name in ("operations", "launches", "FLOPs", "bytes", "peak memory"):
            programs.add_column(name, justify="right", no_wrap=True)
        for p in self.programs:
            programs.add_row(
                str(p.operations),
                str(p.launches),
                quantity(p.flops),
                quantity(p.bytes, "B"),
                quantity(p.peak_bytes, "B"),
            )
        measured = "" if self.peak_bytes is None else f"{quantity(self.peak_bytes, 'B')} measured, "
        rate = quantity(self.flops / self.seconds if self.seconds else 0)
        lines = [
            f"a step: {self.seconds * 1e3:.3f} ms, {quantity(self.flops)} FLOPs ({rate}FLOP/s)",
            f"memory: {measured}{quantity(self.predicted_peak_bytes, 'B')} predicted",
            f"compiled meanwhile: {len(self.compiled)}",
            *(f"  {line}" for line in self.compiled),
        ]
        return Group(table, programs, *lines)

    def __str__(self) -> str:
        from rich.console import Console

        file = io.StringIO()
        Console(file=file, width=110, color_system=None).print(self, markup=False)
        return "\n".join(line.rstrip() for line in file.getvalue().rstrip().splitlines())

    __repr__ = __str__


def profile(step: Callable[..., Any], *args: Any, repeat: int = 5, **kwargs: Any) -> Profile:
    """What a training (or inference) step costs.

    The step is run ``repeat + 3`` times for real: twice so that its programs are compiled, once
    under observation, and then to be measured. FLOPs, bytes and the peak of memory are XLA's
    predictions from the compiled programs, made before they run; by module they are its counts
    for the operations as they were recorded, before fusion. Time and memory are measured.

    Args:
        step: a function; it may hold forward, backward and the optimizer's step.
        args: its arguments.
        repeat: how many steps are measured.
        kwargs: its named arguments.

    Raises:
        TypeError: ``step`` cannot be called.
        ValueError: ``repeat`` is below 1.

    Example:
        >>> import flambeau as torch
        >>> model = torch.nn.Linear(16, 4)
        >>> found = torch.profile(lambda x: model(x).sum().backward(), torch.ones(8, 16))
        >>> found.forward["Linear"].flops >= 2 * 8 * 16 * 4
        True
    """
    if not callable(step):
        raise TypeError(f"profile() takes a function and its arguments, not {step!r}")
    if repeat < 1:
        raise ValueError(f"profile(): repeat is {repeat} but must be at least 1")

    def run() -> None:
        _finish(step(*args, **kwargs))

    recorder.flush()
    known = len(stats.log)
    with waiting(f"profiling: the step is run {repeat + 3} times"):
        begin()  # its graphs are to be seen as programs, whatever came before
        _foretold(run)
        begin()
        run()
        begin()
        paths, launched = _observed(run)
        best = float("inf")
        before = _memory_before()
        for _ in range(repeat):
            start = time.perf_counter()
            run()
            best = min(best, time.perf_counter() - start)
        peak = _memory_grown(before)
    found = Profile(best, peak, _programs(launched), stats.log[known:])
    for _, layout in launched:
        for state in layout.steps:
            path, back = paths.get(id(state), (_ELSEWHERE, False))
            if (state.call.signature or "").startswith("fused "):
                path = _UPDATE
            side = found.backward if back else found.forward
            side[path] = side.get(path, Cost()) + cost_of(state)
    return found


def _foretold(run: Callable[[], None]) -> None:
    """Run once; running out of memory is told with what had been predicted before it ran."""
    watch.launched = launched = []
    try:
        run()
    except Exception as error:
        if "RESOURCE_EXHAUSTED" in str(error) and launched:
            need = max(p.peak_bytes for p in _programs(launched))
            error.add_note(
                f"profile(): XLA predicts that this step needs {quantity(need, 'B')} at its peak. "
                "Smaller batches, torch.utils.checkpoint or autocast need less"
            )
        raise
    finally:
        watch.launched = None


def _finish(result: Any) -> None:
    """Execute what is pending and wait for it."""
    recorder.flush()
    arrays = [value_of(t).array for t in jax.tree_util.tree_leaves(result) if _is_tensor(t)]
    jax.block_until_ready([a for a in arrays if a is not None])


def _is_tensor(value: Any) -> bool:
    return isinstance(value, TensorBase)


def _observed(run: Callable[[], None]) -> tuple[dict[int, tuple[str, bool]], list[Any]]:
    """Run once; the module path of every recorded operation, and the programs that ran."""
    me = threading.get_ident()
    paths: dict[int, tuple[str, bool]] = {}
    stack: list[tuple[Any, str, dict[Any, Any]]] = []

    def states() -> dict[Any, Any]:
        return {d: g.state for d, g in recorder._thread.graphs.items()}

    def name_new(start: dict[Any, Any], path: str, back: bool) -> None:
        for device, end in states().items():
            for state in steps_between(start.get(device, end), end):
                paths.setdefault(id(state), (path, back))

    def before(module: Any, inputs: Any) -> None:
        if threading.get_ident() == me:
            stack.append((module, _path(stack, module), states()))

    def after(module: Any, inputs: Any, output: Any) -> None:
        if threading.get_ident() == me and stack:
            _, path, start = stack.pop()
            name_new(start, path, False)

    def run_node(node: Any, grads: list[Any], tracked: bool) -> list[Any]:
        start = states()
        result = node.run(grads, tracked)
        if threading.get_ident() == me:
            name_new(start, paths.get(id(node.state), (_ELSEWHERE, False))[0], True)
        return result

    handles = [register_module_forward_pre_hook(before), register_module_forward_hook(after)]
    watcher.run, watch.launched = run_node, []
    try:
        run()
        return paths, watch.launched
    finally:
        watcher.run, watch.launched = None, None
        for handle in handles:
            handle.remove()


def _path(stack: list[Any], module: Any) -> str:
    if not stack:
        return type(module).__name__
    parent, path, _ = stack[-1]
    for name, child in parent.named_modules():
        if child is module:
            return f"{path}.{name}"
    return f"{path}.<{type(module).__name__}>"


def _programs(launched: list[Any]) -> list[ProgramCost]:
    found: dict[int, ProgramCost] = {}
    for program, layout in launched:
        if id(program) in found:
            found[id(program)].launches += 1
            continue
        cost = analysis(program.compiled)
        memory = program.compiled.memory_analysis()
        peak = temporary = 0
        if memory is not None:
            temporary = int(memory.temp_size_in_bytes)
            peak = temporary + int(
                memory.argument_size_in_bytes
                + memory.output_size_in_bytes
                - memory.alias_size_in_bytes
            )
        found[id(program)] = ProgramCost(
            len(layout.steps), 1, cost.flops, cost.bytes, peak, temporary
        )
    return list(found.values())


def _device_memory() -> dict[str, int] | None:
    try:
        return jax.devices()[0].memory_stats()
    except (RuntimeError, NotImplementedError):
        return None


def _memory_before() -> int | None:
    """The memory in use now; the process's peak starts anew where the system can do that."""
    found = _device_memory()
    if found and "peak_bytes_in_use" in found:
        return found["bytes_in_use"]
    try:
        Path("/proc/self/clear_refs").write_text("5")
        return _status("VmRSS")
    except OSError:
        return None


def _memory_grown(before: int | None) -> int | None:
    if before is None:
        return None
    found = _device_memory()
    if found and "peak_bytes_in_use" in found:
        return max(0, found["peak_bytes_in_use"] - before)
    return max(0, _status("VmHWM") - before)


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise OSError(f"no {name} in /proc/self/status")
