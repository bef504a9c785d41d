"""Trading computation for memory: run a part of the forward again in the backward.

Follows ``torch.utils.checkpoint``.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any

import jax
import jax.numpy as jnp

from flambeau._autograd.backward import run_backward
from flambeau._autograd.grad_mode import enable_grad, no_grad
from flambeau._autograd.tape import Node, Sink, mode
from flambeau._engine.call import Call, interned
from flambeau._engine.device import CPU
from flambeau._engine.random import default_stream, streams
from flambeau._engine.recorder import record
from flambeau._tensor import tree
from flambeau._tensor.core import TensorBase, value_of, wrap
from flambeau.amp.autocast_mode import autocast, autocast_state

__all__ = [
    "CheckpointError",
    "check_backward_validity",
    "checkpoint",
    "checkpoint_sequential",
    "detach_variable",
    "get_device_states",
    "noop_context_fn",
    "set_checkpoint_early_stop",
    "set_device_states",
]

Contexts = tuple[AbstractContextManager[Any], AbstractContextManager[Any]]


class CheckpointError(RuntimeError):
    """The recomputation did something else than the forward."""


class _Relay(Node):
    """Where a recomputed part meets the history from before it; gradients pass as they are."""

    __slots__ = ()

    def __init__(self, edge: Any, aval: Any):
        super().__init__(None, (), (edge,), (aval,))  # type: ignore[arg-type]

    @property
    def label(self) -> str:
        return "Relay"

    def run(self, grads: list[Any], tracked: bool) -> list[Any]:
        return grads


class _CheckpointNode(Node):
    """The history of a checkpointed part: how to run it again, and what it took from before."""

    __slots__ = ("again", "sources", "values")

    def __init__(self, again: Any, values: Sequence[Any], edges: Sequence[Any], outs: Any):
        super().__init__(None, (), edges, outs)  # type: ignore[arg-type]
        self.again: Any = again
        self.sources = tuple(edges)  # an outer recomputation puts relays in place of the edges
        self.values = values

    @property
    def label(self) -> str:
        return "CheckpointFunctionBackward"

    def release(self) -> None:
        super().release()
        self.again = None
        self.values = ()

    def run(self, grads: list[Any], tracked: bool) -> list[Any]:
        given = [g for g in grads if g is not None]
        n, total = len(self.values), len(self.values) + len(given)
        barrier = interned(("barrier", n, total), lambda: _barrier_call(n, total))
        values = record(barrier, [*self.values, *[g.value for g in given]])
        start = Node(None, (), (), ()).seq  # type: ignore[arg-type]
        with enable_grad():
            outs = self.again(values)
        if len(outs) != len(self.outs) or any(
            value_of(o).aval is not a for o, a in zip(outs, self.outs, strict=True)
        ):
            raise CheckpointError(
                "torch.utils.checkpoint: Recomputed values for the following tensors have "
                "different metadata than during the forward pass: the results were "
                f"{list(self.outs)} and are now {[value_of(o).aval for o in outs]}"
            )
        pairs = [
            (o._edge, g)
            for o, g in zip(outs, grads, strict=True)
            if g is not None and o._edge is not None
        ]
        relays: dict[tuple[int, int], _Relay] = {}
        roots = [(_cut(edge, start, relays, g.value.aval), g) for edge, g in pairs]
        at = [relays.get((id(e[0]), e[1])) for e in self.sources]
        found = run_backward(
            roots,
            retain=tracked,
            tracked=tracked,
            capture=[(r, 0) for r in at if r is not None],
            accumulate=False,
            on_released=lambda node, user: RuntimeError(
                "a checkpointed function went back through a graph that was freed"
            ),
        )
        rest = iter(found)
        return [None if r is None else next(rest) for r in at]


def _barrier_call(n: int, total: int) -> Call:
    """The inputs as they are, but no earlier than the gradients: XLA keeps the second run.

    An ``optimization_barrier`` alone keeps XLA from merging the two runs, but on CPU it is gone
    when operations are scheduled, and the second run came right after the first: nothing was
    saved. So a zero that XLA cannot see through, made from a gradient, is added to the inputs.
    """

    def barrier(*arrays: Any) -> Any:
        zero = _zero(arrays[n:])
        return tuple(jax.lax.optimization_barrier(tuple(_moved(x, zero) for x in arrays[:n])))

    return Call("checkpoint", barrier, signature=f"barrier{n},{total}")


def _zero(grads: Sequence[Any]) -> Any:
    total = jnp.zeros((), jnp.int32)
    for g in grads:
        if g.size:
            first = jnp.real(g.reshape(-1)[0]).astype(jnp.float32)
            total = total | jax.lax.bitcast_convert_type(first, jnp.int32)
    return jnp.minimum(jnp.maximum(total, 0), 0)


_WORDS = {1: jnp.int8, 2: jnp.int16, 4: jnp.int32, 8: jnp.int64}


def _moved(x: Any, zero: Any) -> Any:
    """``x`` with the zero added to its bits, so that NaN and -0 stay what they are."""
    if x.dtype == jnp.bool_:
        return x ^ (zero != 0)
    if jnp.issubdtype(x.dtype, jnp.integer):
        return x + zero.astype(x.dtype)
    if jnp.issubdtype(x.dtype, jnp.complexfloating):
        return jax.lax.complex(_moved(x.real, zero), _moved(x.imag, zero))
    word = _WORDS[x.dtype.itemsize]
    bits = jax.lax.bitcast_convert_type(x, word) + zero.astype(word)
    return jax.lax.bitcast_convert_type(bits, x.dtype)


def _before(edge: Any, start: int) -> bool:
    return isinstance(edge[0], Sink) or edge[0].seq < start


def _boundary(edges: Iterable[Any], start: int) -> list[Any]:
    """The edges that lead from nodes made since ``start`` to what was there before."""
    found: dict[tuple[int, int], Any] = {}
    seen: set[int] = set()
    stack = [e for e in edges if e is not None]
    while stack:
        edge = stack.pop()
        if _before(edge, start):
            found.setdefault((id(edge[0]), edge[1]), edge)
        elif id(edge[0]) not in seen:
            seen.add(id(edge[0]))
            stack.extend(e for e in edge[0].edges if e is not None)
    return list(found.values())


def _cut(edge: Any, start: int, relays: dict[tuple[int, int], _Relay], aval: Any) -> Any:
    """Put a relay into every edge that leads to what was there before."""

    def relay(e: Any) -> Any:
        made = relays.get((id(e[0]), e[1]))
        if made is None:
            made = relays[id(e[0]), e[1]] = _Relay(e, aval)
            made.seq = start
        return made, 0

    if _before(edge, start):
        return relay(edge)
    seen = {id(edge[0])}
    stack = [edge[0]]
    known = {id(r) for r in relays.values()}
    while stack:
        node = stack.pop()
        if id(node) in known:
            continue
        edges = list(node.edges)
        for i, e in enumerate(edges):
            if e is None or isinstance(e[0], _Relay):
                continue
            if _before(e, start):
                edges[i] = relay(e)
            elif id(e[0]) not in seen:
                seen.add(id(e[0]))
                stack.append(e[0])
        node.edges = edges
    return edge


class _Surroundings:
    """What a function's results depend on besides its arguments: random state and autocast."""

    def __init__(self, preserve_rng_state: bool, tensors: Sequence[Any]):
        for place in {CPU, *[value_of(t).aval.device for t in tensors]}:
            if not place.is_meta:
                default_stream(place)  # made now, if nobody has drawn yet
        self.keys = [(s, s.key, s.seed) for s in streams()] if preserve_rng_state else []
        self.autocast = dict(autocast_state() or ())

    @contextmanager
    def restored(self) -> Iterator[None]:
        now = [(s, s.key, s.seed) for s, _, _ in self.keys]
        with ExitStack() as stack:
            for kind in ("cpu", "cuda"):
                on = kind in self.autocast
                if on or autocast_state():
                    dtype = {"dtype": self.autocast[kind]} if on else {}
                    stack.enter_context(autocast(kind, enabled=on, **dtype))
            for stream, key, seed in self.keys:
                stream.key, stream.seed = key, seed
            try:
                yield
            finally:
                for stream, key, seed in now:
                    stream.key, stream.seed = key, seed


def noop_context_fn() -> Contexts:
    """The contexts of a checkpoint that needs none.

    Follows ``torch.utils.checkpoint.noop_context_fn``.
    """
    return nullcontext(), nullcontext()


_no_contexts = noop_context_fn  # public functions are wrapped after this module has been read


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Callable[[], Contexts] = noop_context_fn,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    **kwargs: Any,
) -> Any:
    """Call a function and keep its arguments only; the backward calls it again.

    The program of a training step then computes the function twice, the second time when its
    gradient is wanted, and does not hold what is in between. Random numbers are the same.

    Args:
        function: what to call; it must do the same the second time.
        args: its arguments.
        use_reentrant: PyTorch's two implementations are one here. With True, as there, nothing
            gets a gradient unless some argument requires one, and keywords are refused.
        context_fn: gives two context managers: for the forward and for the recomputation.
        determinism_check: ``"default"`` compares shapes and dtypes of the results,
            ``"none"`` likewise, as gradients could not be computed otherwise.
        debug, early_stop: accepted; what the gradient does not need is not computed anyway.
        kwargs: ``preserve_rng_state`` (True by default) and the function's keywords.

    Raises:
        ValueError: an option is unknown, or does not go with ``use_reentrant=True``.
        CheckpointError: in the backward, if the second call gives other shapes or dtypes.

    Example:
        >>> import flambeau as torch
        >>> from flambeau.utils.checkpoint import checkpoint
        >>> x = torch.ones(2, requires_grad=True)
        >>> checkpoint(lambda x: (x * 2).exp(), x, use_reentrant=False).sum().backward()
        >>> x.grad
        tensor([14.7781, 14.7781])

    Follows ``torch.utils.checkpoint.checkpoint``.
    """
    if use_reentrant is None:
        warnings.warn(
            "torch.utils.checkpoint: the use_reentrant parameter should be passed explicitly. "
            "use_reentrant=False is recommended; True is taken now, as in PyTorch",
            UserWarning,
            stacklevel=2,
        )
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if determinism_check not in ("default", "none"):
        raise ValueError(
            f"determinism_check should be one of ['default', 'none'], but got {determinism_check}"
        )
    if use_reentrant:
        if kwargs:
            raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
        if inspect.unwrap(context_fn) is not _no_contexts or debug:
            raise ValueError(
                "Passing `context_fn` or `debug` is only supported when use_reentrant=False."
            )
        check_backward_validity(args)
        if not any(isinstance(a, TensorBase) and a._edge is not None for a in args):
            with no_grad():
                return function(*args)
    first, second = context_fn()
    if not mode.grad:
        with first:
            return function(*args, **kwargs)
    flat, spec = tree.flatten((args, kwargs))
    around = _Surroundings(preserve, [a for a in flat if isinstance(a, TensorBase)])
    start = Node(None, (), (), ()).seq  # type: ignore[arg-type]
    with first:
        result = function(*args, **kwargs)
    outs, out_spec = tree.flatten(result)
    at = [i for i, o in enumerate(outs) if isinstance(o, TensorBase) and o._edge is not None]
    if not at:
        return result
    edges = _boundary([outs[i]._edge for i in at], start)
    tensors = [isinstance(a, TensorBase) for a in flat]
    kept = [None if t else a for a, t in zip(flat, tensors, strict=True)]
    held = [a for a, t in zip(flat, tensors, strict=True) if t]
    histories = [a._edge for a in held]

    def again(values: Sequence[Any]) -> list[Any]:
        rest = iter(
            wrap(v, e) if e is not None else wrap(v) for v, e in zip(values, histories, strict=True)
        )
        given = [next(rest) if t else a for a, t in zip(kept, tensors, strict=True)]
        own_args, own_kwargs = tree.unflatten(given, spec)
        with around.restored(), second:
            found = tree.flatten(function(*own_args, **own_kwargs))[0]
        return [found[i] for i in at]

    avals = tuple(value_of(outs[i]).aval for i in at)
    node = _CheckpointNode(again, [value_of(a) for a in held], edges, avals)
    for k, i in enumerate(at):
        outs[i] = wrap(value_of(outs[i]), (node, k))
    return tree.unflatten(outs, out_spec)


def checkpoint_sequential(
    functions: Any, segments: int, input: Any, use_reentrant: bool | None = None, **kwargs: Any
) -> Any:
    """Run functions one after the other, in segments that are checkpointed but for the last.

    Args:
        functions: a ``Sequential``, or a list of modules or functions.
        segments: how many parts to divide them into.
        input: what the first takes.
        use_reentrant: as for :func:`checkpoint`.
        kwargs: ``preserve_rng_state``.

    Follows ``torch.utils.checkpoint.checkpoint_sequential``.
    """
    if use_reentrant is None:
        warnings.warn(
            "torch.utils.checkpoint.checkpoint_sequential: the use_reentrant parameter should be "
            "passed explicitly. use_reentrant=False is recommended; True is taken now, as in "
            "PyTorch",
            UserWarning,
            stacklevel=2,
        )
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    parts = list(functions.children()) if hasattr(functions, "children") else list(functions)
    size = len(parts) // segments

    def run(start: int, end: int) -> Callable[[Any], Any]:
        def forward(x: Any) -> Any:
            for part in parts[start:end]:
                x = part(x)
            return x

        return forward

    end = 0
    for start in range(0, size * (segments - 1), size):
        end = start + size
        input = checkpoint(
            run(start, end), input, use_reentrant=use_reentrant, preserve_rng_state=preserve
        )
    return run(end, len(parts))(input)


class set_checkpoint_early_stop:
    """Accepted: a recomputation never computes what the gradient does not need.

    Follows ``torch.utils.checkpoint.set_checkpoint_early_stop``.
    """

    def __init__(self, enable: bool) -> None:
        self.enable = bool(enable)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: object) -> None:
        pass


def check_backward_validity(inputs: Iterable[Any]) -> None:
    """Warn when no input requires grad.

    Follows ``torch.utils.checkpoint.check_backward_validity``.
    """
    if not any(isinstance(x, TensorBase) and x._edge is not None for x in inputs):
        warnings.warn(
            "None of the inputs have requires_grad=True. Gradients will be None", stacklevel=3
        )


def detach_variable(inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """The tensors without their history, requiring grad as before.

    Follows ``torch.utils.checkpoint.detach_variable``.
    """
    if not isinstance(inputs, tuple):
        raise RuntimeError(
            "Only tuple of tensors is supported. Got Unsupported input type: "
            f"{type(inputs).__name__}"
        )
    found = []
    for x in inputs:
        if not isinstance(x, TensorBase):
            found.append(x)
            continue
        t: Any = x.detach()
        found.append(t.requires_grad_() if x._edge is not None else t)
    return tuple(found)


def get_device_states(*args: Any) -> tuple[list[int], list[Any]]:
    """The GPUs of some tensors and the random states there.

    Follows ``torch.utils.checkpoint.get_device_states``.
    """
    from flambeau.cuda import get_rng_state

    found: set[int] = set()
    for x in tree.flatten(args)[0]:
        if isinstance(x, TensorBase) and value_of(x).aval.device.kind == "cuda":
            found.add(value_of(x).aval.device.index)
    devices = sorted(found)
    return devices, [get_rng_state(d) for d in devices]


def set_device_states(devices: Sequence[int], states: Sequence[Any], **kwargs: Any) -> None:
    """Restore what :func:`get_device_states` gave.

    Follows ``torch.utils.checkpoint.set_device_states``.
    """
    from flambeau.cuda import set_rng_state

    for device, state in zip(devices, states, strict=True):
        set_rng_state(state, device)
