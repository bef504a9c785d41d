"""A ``Function`` inside ``grad``, ``vmap`` or ``jvp``: applied below, and known to the level."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from flambeau._autograd import levels
from flambeau._autograd.grad_mode import no_grad
from flambeau._autograd.levels import Forward, Held, Level, Vmap
from flambeau._tensor.core import TensorBase, value_of, wrap
from flambeau._tensor.functions.shape import movedim
from flambeau._tensor.transforms.content import held, tracked
from flambeau.autograd.function import Function, FunctionCtx, attach
from flambeau.errors import TransformError


class VmapInfo(NamedTuple):
    """What ``Function.vmap`` gets to know."""

    batch_size: int
    randomness: str


def level_of(args: Sequence[Any]) -> Level | None:
    """The level at which these arguments meet."""
    return levels.highest([value_of(a) for a in args if isinstance(a, TensorBase)])


def apply(function: Any, level: Level, args: tuple[Any, ...]) -> Any:
    """Apply a function at a level."""
    name = function.__name__
    if function.setup_context is Function.setup_context:
        raise TransformError(
            "In order to use an autograd.Function with functorch transforms (vmap, grad, jvp, "
            f"jacrev, ...), it must override the setup_context staticmethod; {name} does not. "
            "Write forward(*args) without ctx, and setup_context(ctx, inputs, output)"
        )
    contents = [held(level, a) if isinstance(a, TensorBase) else None for a in args]
    below = tuple(
        a if h is None else wrap(h.value, h.edge) for a, h in zip(args, contents, strict=True)
    )
    if isinstance(level, Vmap):
        return _batched(function, level, contents, below)
    with level.below():
        out = function.apply(*below)
    single = not isinstance(out, tuple)
    raw = (out,) if single else out
    tangents: Sequence[Any] = [None] * len(raw)
    if isinstance(level, Forward) and any(h is not None and h.tangent for h in contents):
        tangents = _tangents(function, level, contents, below, out)
    shown = tuple(_shown(level, o, t) for o, t in zip(raw, tangents, strict=True))
    output = shown[0] if single else shown
    values = [value_of(a) if isinstance(a, TensorBase) else None for a in args]
    edges = [a._edge if isinstance(a, TensorBase) else None for a in args]
    lifted, edges = levels.lift(values, edges)
    own = tuple(a if v is None else wrap(v, e) for a, v, e in zip(args, lifted, edges, strict=True))
    ctx = FunctionCtx()
    ctx.needs_input_grad = tuple(e is not None for e in edges)
    with no_grad():
        function.setup_context(ctx, own, output)
    return attach(function, ctx, own, edges, output)


def _shown(level: Level, o: Any, tangent: Any) -> Any:
    if not isinstance(o, TensorBase):
        return o
    along = tracked(tangent) if isinstance(tangent, TensorBase) else None
    return wrap(level.value(Held(value_of(o), o._edge, tangent=along)))


def _tangents(
    function: Any, level: Level, contents: list[Any], below: tuple[Any, ...], out: Any
) -> Sequence[Any]:
    along = [
        wrap(h.tangent.value, h.tangent.edge) if h is not None and h.tangent else None
        for h in contents
    ]
    ctx = FunctionCtx()
    with level.below():
        function.setup_context(ctx, below, out)
        _restore(ctx, ctx._to_save)
        found = function.jvp(ctx, *along)
    return found if isinstance(found, tuple) else (found,)


def _restore(ctx: FunctionCtx, saved: Sequence[Any]) -> None:
    ctx._saved = [None if t is None else (lambda node, t=t: t) for t in saved]


def _batched(function: Any, level: Vmap, contents: list[Any], below: tuple[Any, ...]) -> Any:
    dims = tuple(0 if h is not None and h.batched else None for h in contents)
    custom = function.vmap is not Function.vmap
    if custom and function.generate_vmap_rule:
        raise TransformError(
            f"You tried to vmap over {function.__name__}, but it has both generate_vmap_rule=True "
            "and an overridden vmap staticmethod. Please set generate_vmap_rule=False or delete "
            "the overridden vmap staticmethod to avoid ambiguity."
        )
    if not custom and not function.generate_vmap_rule and 0 in dims:
        raise TransformError(
            f"You tried to vmap over {function.__name__}, but it does not have vmap support. "
            "Please override and implement the vmap staticmethod or set generate_vmap_rule=True."
        )
    with level.below():
        if 0 not in dims:
            out, out_dims = function.apply(*below), None
        elif custom:
            out, out_dims = function.vmap(VmapInfo(level.size, level.randomness), dims, *below)
        else:
            out, out_dims = _generated(function, level, dims).apply(*below), 0
    single = not isinstance(out, tuple)
    raw = (out,) if single else out
    at = out_dims if isinstance(out_dims, tuple) else (out_dims,) * len(raw)
    shown = []
    for o, dim in zip(raw, at, strict=True):
        if not isinstance(o, TensorBase):
            shown.append(o)
            continue
        if dim:
            with level.below():
                o = movedim(o, dim, 0)
        shown.append(wrap(level.value(Held(value_of(o), o._edge, dim is not None))))
    return shown[0] if single else tuple(shown)


def _generated(function: Any, level: Vmap, dims: tuple[int | None, ...]) -> Any:
    """The function for a batch: its ``forward`` and ``backward``, each inside ``vmap``."""
    size = level.size

    def enter(inner: Vmap, t: Any, batched: bool) -> Any:
        if not isinstance(t, TensorBase):
            return t
        return wrap(inner.value(Held(value_of(t), t._edge, batched)))

    def entered(inner: Vmap, args: Sequence[Any]) -> list[Any]:
        return [enter(inner, a, d == 0) for a, d in zip(args, dims, strict=True)]

    def full(inner: Vmap, x: Any) -> Any:
        if not isinstance(x, TensorBase):
            return x
        h = held(inner, x)
        t: Any = wrap(h.value, h.edge)
        return t if h.batched else t.unsqueeze(0).expand(size, *t.shape)

    class Generated(Function):
        @staticmethod
        def forward(*args: Any) -> Any:
            inner = Vmap(size, level.randomness)
            with inner.opened():
                out = function.forward(*entered(inner, args))
            if isinstance(out, tuple):
                return tuple(full(inner, o) for o in out)
            return full(inner, out)

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            inner = Vmap(size, level.randomness)
            single = not isinstance(output, tuple)
            outs = tuple(enter(inner, o, True) for o in ((output,) if single else output))
            own = FunctionCtx()
            own.needs_input_grad = ctx.needs_input_grad
            with inner.opened():
                function.setup_context(
                    own, tuple(entered(inner, inputs)), outs[0] if single else outs
                )
            contents = [None if t is None else held(inner, t) for t in own._to_save]
            ctx.save_for_backward(*[h and wrap(h.value, h.edge) for h in contents])
            ctx.set_materialize_grads(own._materialize)
            own._to_save = ()
            ctx.own = own
            ctx.batched = [h is not None and h.batched for h in contents]

        @staticmethod
        def backward(ctx: Any, *grads: Any) -> Any:
            inner = Vmap(size, level.randomness)
            saved = zip(ctx.saved_tensors, ctx.batched, strict=True)
            _restore(ctx.own, [None if t is None else enter(inner, t, b) for t, b in saved])
            with inner.opened():
                found = function.backward(ctx.own, *[enter(inner, g, True) for g in grads])
            found = found if isinstance(found, tuple) else (found,)
            results = []
            for g, dim in zip(found, dims, strict=False):
                if not isinstance(g, TensorBase):
                    results.append(g)
                    continue
                h = held(inner, g)
                t: Any = wrap(h.value, h.edge)
                if dim is None:  # every example of the batch contributes
                    results.append(t.sum(0) if h.batched else t * size)
                else:
                    results.append(full(inner, g))
            return tuple(results)

    Generated.__name__ = function.__name__
    return Generated
