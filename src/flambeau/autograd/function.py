"""Operations with a backward written by the user."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np

from flambeau._autograd import levels
from flambeau._autograd.grad_mode import enable_grad, no_grad
from flambeau._autograd.tape import Node, Tracked, mode
from flambeau._engine import recorder
from flambeau._engine.changes import changes
from flambeau._tensor.core import TensorBase, value_of, wrap, write
from flambeau._tensor.dispatch import check_writable


class FunctionCtx:
    """What ``forward`` leaves for ``backward``. Follows ``torch.autograd.function.FunctionCtx``."""

    def __init__(self) -> None:
        self._to_save: tuple[Any, ...] = ()
        self._saved: list[Any] | None = []
        self._dirty: tuple[Any, ...] = ()
        self._non_differentiable: tuple[Any, ...] = ()
        self._materialize = True
        self._node: Any = None
        self.needs_input_grad: tuple[bool, ...] = ()

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep tensors (inputs, outputs or others, or None) for ``backward``."""
        for t in tensors:
            if t is not None and not isinstance(t, TensorBase):
                raise TypeError(
                    f"save_for_backward can only save variables, but argument is of type "
                    f"{type(t).__name__}; keep other things as attributes of ctx"
                )
        self._to_save = tensors

    save_for_forward = save_for_backward

    def mark_dirty(self, *args: Any) -> None:
        """Name the inputs that ``forward`` modified in place."""
        self._dirty = args

    def mark_non_differentiable(self, *args: Any) -> None:
        """Name the outputs that carry no gradient."""
        self._non_differentiable = args

    def set_materialize_grads(self, value: bool) -> None:
        """Whether ``backward`` gets zeros (the default) or None where no gradient arrived."""
        self._materialize = value

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What ``save_for_backward`` kept.

        Raises:
            RuntimeError: it was freed by an earlier backward.
        """
        if self._saved is None:
            raise RuntimeError(
                "Trying to backward through the graph a second time (or directly access saved "
                "tensors after they have already been freed). Specify retain_graph=True if you "
                "need to backward through the graph a second time"
            )
        return tuple(None if s is None else s(self._node) for s in self._saved)


def _keep(t: Any, outputs: Sequence[Any]) -> Callable[[Any], Any] | None:
    """Hold a tensor's Value and history; for an output the history is the node, held weakly."""
    if t is None:
        return None
    value = value_of(t)
    for i, o in enumerate(outputs):
        if o is t:
            return lambda node: wrap(value, (node, i) if value.aval.inexact else None)
    if t._edge is not None and t.is_leaf:
        return lambda node: t
    edge = t._edge
    return lambda node: wrap(value, edge)


class _FunctionNode(Node):
    """The history of one application of a :class:`Function`."""

    __slots__ = ("ctx", "function", "shapes")

    def __init__(self, function: Any, ctx: FunctionCtx, edges: Any, outs: Any, shapes: Any):
        super().__init__(None, (), edges, outs)  # type: ignore[arg-type]
        self.function = function
        self.ctx = ctx
        self.shapes = shapes

    @property
    def label(self) -> str:
        return f"{self.function.__name__}Backward"

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        return self.ctx.saved_tensors

    def release(self) -> None:
        super().release()
        self.ctx._saved = None

    @staticmethod
    def _mode(tracked: bool) -> Any:
        if tracked:
            return enable_grad()
        # Inside a transform the history below goes on; that of this level is dropped.
        return no_grad() if levels.state.active is None else nullcontext()

    def run(self, grads: list[Any], tracked: bool) -> list[Any]:
        self.ctx._node = self
        given: list[Any] = []
        for g, aval in zip(grads, self.outs, strict=True):
            if g is not None:
                given.append(wrap(g.value, g.edge))
            elif self.ctx._materialize:
                given.append(_zeros(aval))
            else:
                given.append(None)
        try:
            with self._mode(tracked):
                results = self.function.backward(self.ctx, *given)
        finally:
            self.ctx._node = None
        results = results if isinstance(results, tuple) else (results,)
        n = len(self.edges)
        if len(results) != n and not (len(results) > n and all(r is None for r in results[n:])):
            raise RuntimeError(
                f"function {self.label} returned an incorrect number of gradients (expected {n}, "
                f"got {len(results)})"
            )
        out: list[Any] = []
        for i, (r, e) in enumerate(zip(results, self.edges, strict=False)):
            if r is None or e is None:
                out.append(None)
                continue
            if not isinstance(r, TensorBase):
                raise TypeError(
                    f"{self.label}: expected a Tensor or None as gradient {i}, got "
                    f"{type(r).__name__}"
                )
            shape, got = self.shapes[i], value_of(r).aval.shape
            if got != shape:
                if not _expands_to(shape, got):
                    raise RuntimeError(
                        f"Function {self.label} returned an invalid gradient at index {i} - got "
                        f"{list(got)} but expected shape compatible with {list(shape)}"
                    )
                r = r.sum_to_size(shape)
            out.append(Tracked(value_of(r), r._edge if tracked else None))
        return out


def _expands_to(shape: tuple[int, ...], other: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(shape, other) == other
    except ValueError:
        return False


def _zeros(aval: Any) -> Any:
    from flambeau._autograd.backward import ones

    return wrap(ones(aval).value) * 0


class Function:
    """An operation whose backward you write yourself.

    Write ``forward(ctx, *args)`` and ``backward(ctx, *grads)`` as static methods (or
    ``forward(*args)`` and ``setup_context(ctx, inputs, output)``), and call ``apply``.

    Example:
        >>> import flambeau as torch
        >>> class Double(torch.autograd.Function):
        ...     @staticmethod
        ...     def forward(ctx, x):
        ...         return x * 2
        ...
        ...     @staticmethod
        ...     def backward(ctx, grad):
        ...         return grad * 2
        >>> x = torch.ones(2, requires_grad=True)
        >>> Double.apply(x).sum().backward()
        >>> x.grad
        tensor([2., 2.])

    Follows ``torch.autograd.Function``.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError(
            f"{type(self).__name__} should not be instantiated: methods on autograd functions "
            "are static. Call .apply()"
        )

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """What the operation computes."""
        raise NotImplementedError(
            "You must implement the forward function for custom autograd.Function."
        )

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        """Leave in ``ctx`` what ``backward`` needs, when ``forward`` takes no ``ctx``."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """One gradient (or None) per argument of ``forward``."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom "
            "autograd.Function to use it with backward mode AD."
        )

    @staticmethod
    def jvp(ctx: Any, *grad_inputs: Any) -> Any:
        """One tangent per result, from those of the arguments (or None), in forward mode."""
        raise NotImplementedError(
            "You must implement the jvp function for custom autograd.Function to use it with "
            "forward mode AD."
        )

    generate_vmap_rule: bool = False
    """Whether ``vmap`` may run ``forward`` and ``backward`` inside itself."""

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *args: Any) -> Any:
        """The results for a batch, and where their batch dimension is."""
        raise NotImplementedError(
            "To use autograd.Function with vmap, you must either override the vmap staticmethod "
            "or set generate_vmap_rule=True."
        )

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run ``forward`` and remember how to go back."""
        if recorder.layers is not None:
            from flambeau.autograd import _function_levels as inside

            level = inside.level_of(args)
            if level is not None:
                return inside.apply(cls, level, args)
        ctx = FunctionCtx()
        edges = []
        for a in args:
            if isinstance(a, TensorBase):
                value_of(a)
            edges.append(a._edge if isinstance(a, TensorBase) else None)
        ctx.needs_input_grad = tuple(e is not None for e in edges)
        separate = cls.setup_context is not Function.setup_context
        with no_grad():
            if separate:
                output = cls.forward(*args, **kwargs)
                cls.setup_context(ctx, args, output)
            else:
                output = cls.forward(ctx, *args, **kwargs)
        return attach(cls, ctx, args, edges, output)


def attach(
    function: Any, ctx: FunctionCtx, args: Sequence[Any], edges: list[Any], output: Any
) -> Any:
    """Give the results of ``forward`` their history: a node that calls ``backward``."""
    tensors = [a if isinstance(a, TensorBase) else None for a in args]
    single = not isinstance(output, tuple)
    raw = (output,) if single else output
    tracking = mode.grad and any(e is not None for e in edges)
    outputs = tuple(_fresh(o, tensors, ctx._dirty) for o in raw)
    kept = ctx._to_save
    if tracking:
        ours = [o for o in outputs if isinstance(o, TensorBase)]
        shapes = [None if t is None else value_of(t).aval.shape for t in tensors]
        avals = tuple(value_of(o).aval for o in ours)
        node = _FunctionNode(function, ctx, edges, avals, shapes)
        fixed = {id(o) for o in ctx._non_differentiable}
        pairs = [(r, o) for r, o in zip(raw, outputs, strict=True) if isinstance(o, TensorBase)]
        for i, (source, o) in enumerate(pairs):
            if not value_of(o).aval.inexact or id(source) in fixed:
                continue
            if _is_in(o, ctx._dirty):
                check_writable(o)
                write(o, value_of(o), (node, i), True)
            else:
                o._edge = (node, i)
                changes.count += 1
        ctx._saved = [_keep(t, ours) for t in kept]
    else:
        ctx._saved = [_keep(t, ()) for t in kept]
    ctx._to_save = ()  # an output among them would lead back here
    return outputs[0] if single else outputs


def _is_in(t: Any, group: Sequence[Any]) -> bool:
    return any(t is g for g in group)


def _fresh(o: Any, inputs: Sequence[Any], dirty: Sequence[Any]) -> Any:
    """An input returned as it is becomes a tensor of its own, unless it was modified."""
    if isinstance(o, TensorBase) and _is_in(o, inputs) and not _is_in(o, dirty):
        return o.detach()
    return o


def once_differentiable(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a ``backward`` that cannot be differentiated itself.

    Follows ``torch.autograd.function.once_differentiable``.
    """

    @functools.wraps(fn)
    def wrapper(ctx: Any, *args: Any) -> Any:
        with no_grad():
            outputs = fn(ctx, *args)
        tracked = [a for a in args if isinstance(a, TensorBase) and a._edge is not None]
        if not (mode.grad and tracked):
            return outputs
        single = not isinstance(outputs, tuple)
        results = []
        for o in (outputs,) if single else outputs:
            if isinstance(o, TensorBase):
                node = _Refusing(tracked[0]._edge, value_of(o).aval)
                o = wrap(value_of(o), (node, 0))
            results.append(o)
        return results[0] if single else tuple(results)

    return wrapper


class _Refusing(Node):
    """A history that ends in an error."""

    __slots__ = ()

    def __init__(self, edge: Any, aval: Any):
        super().__init__(None, (), (edge,), (aval,))  # type: ignore[arg-type]

    @property
    def label(self) -> str:
        return "OnceDifferentiable"

    def run(self, grads: list[Any], tracked: bool) -> list[Any]:
        raise RuntimeError(
            "trying to differentiate twice a function that was marked with @once_differentiable"
        )
