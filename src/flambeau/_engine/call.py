"""Calls: an operation with its static arguments fixed, ready to be recorded.

Calls are interned, so the recorder compares them by identity, and each remembers the shapes
it has inferred.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from flambeau._engine import shapes
from flambeau._engine.aval import Aval, aval_of
from flambeau._engine.device import Place
from flambeau._engine.xla import target_of
from flambeau._ops._prng import advance
from flambeau._ops.order import order_of
from flambeau._ops.registry import Op
from flambeau._ops.target import formulating
from flambeau.errors import DTypeError, FlambeauError, ShapeError

Fn = Callable[..., tuple[jax.Array, ...]]

SUM = "accumulate"
"""The signature of the call that adds one gradient to another."""


class Call:
    """An operation with static arguments.

    Attributes:
        name: for logs, errors and ``grad_fn`` names.
        fn: flat arrays (None where an optional one is absent) to a tuple of arrays.
        single: whether the user gets one result rather than a tuple; known once a shape
            has been inferred.
        replaces: for each result, the position of the input that it is the next state of; None
            where nothing is known.
        like: for each result, the position of the input whose shape and dtype it has, where that
            is known without abstract evaluation.
        view: whether the result is a view of the first input.
        scatter: for views, ``(base, new) -> base``; None to derive it from indices.
        taped: like ``fn``, with the row's own first derivative if it has one.
        order: what it is to images in memory (see :mod:`flambeau._ops.order`).
        derives: the call whose stateless derivative it is, if it is one.
        signature: words that mean this call in any process; None if there are none (a
            user's function), and then programs with it are not kept on disk.
        learns: whether calling ``fn`` tells more than shapes, so that it must be called.
    """

    __slots__ = (
        "_shapes", "derives", "fn", "learns", "like", "name", "op", "order", "random", "replaces",
        "residuals", "scatter", "signature", "single", "static", "taped", "view",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        fn: Callable[..., Any],
        *,
        op: Op | None = None,
        static: dict[str, Any] | None = None,
        view: bool = False,
        scatter: Fn | None = None,
        random: bool = False,
        residuals: bool = False,
        signature: str | None = None,
        taped: Callable[..., Any] | None = None,
        replaces: tuple[int, ...] | None = None,
        like: tuple[int, ...] | None = None,
        order: str | None = None,
        derives: Call | None = None,
        learns: bool = False,
    ):
        self.name = name
        self.learns = learns
        self.derives = derives
        self.order = order
        self.replaces = replaces
        self.like = like if replaces is None else replaces
        self.signature = signature
        self.op = op
        self.static = static or {}
        self.view = view
        self.scatter = scatter
        self.random = random
        self.residuals = residuals
        self.single: bool | None = None
        self._shapes: dict[tuple[Any, ...], tuple[Aval, ...]] = {}

        def flat(*arrays: Any) -> tuple[jax.Array, ...]:
            out = fn(*arrays)
            single = not isinstance(out, (tuple, list))
            self.single = single
            return tuple(map(_strong, (out,) if single else out))

        self.fn: Fn = flat
        self.taped: Fn = flat if taped is None else lambda *arrays: _as_tuple(taped(*arrays))

    def infer(self, inputs: tuple[Aval | None, ...], device: Place) -> tuple[Aval, ...]:
        """The avals of the results, by abstract evaluation; cached."""
        key = (inputs, device)
        found = self._shapes.get(key)
        if found is None and self.like is not None:
            self.single = False
            known: list[Any] = [inputs[i] for i in self.like]
            found = self._shapes[key] = tuple(known)
        if found is None:
            single, outs = self._evaluated(inputs, device)
            self.single = single
            found = tuple(aval_of(shape, np.dtype(dtype), device) for shape, dtype in outs)
            self._shapes[key] = found
        return found

    def _evaluated(self, inputs: tuple[Aval | None, ...], device: Place) -> shapes.Answer:
        """The shapes of the results, from an earlier process or by abstract evaluation."""
        target = target_of(device)
        words = None
        if self.signature is not None and not self.learns:
            words = f"{self.signature}|{inputs}|{target}"
            answer = shapes.known(words)
            if answer is not None:
                return answer
        structs = [a and jax.ShapeDtypeStruct(a.shape, a.dtype) for a in inputs]
        try:
            with jax.enable_x64(True), formulating(target):
                outs = jax.eval_shape(self.fn, *structs)
        except Exception as error:
            raise _plain_error(error, self.name, inputs) from None
        assert self.single is not None  # the function has been called
        answer = self.single, [(o.shape, np.dtype(o.dtype).name) for o in outs]
        if words is not None:
            shapes.note(words, answer)
        return answer

    def __repr__(self) -> str:
        return f"<call {self.name}>"


def _plain_error(error: Exception, name: str, inputs: tuple[Aval | None, ...]) -> Exception:
    """The user's mistake in the user's terms: JAX's frames would bury it.

    A row's own error is kept; one that JAX raised becomes a ShapeError or DTypeError that names
    the operation and what it got.
    """
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    origin = at.tb_frame.f_globals.get("__name__", "") if at is not None else ""
    notes = getattr(error, "__notes__", ())
    # JAX takes its own frames away and leaves a note that says so.
    by_jax = origin.startswith("jax") or any("JAX" in note for note in notes)
    if not (by_jax and isinstance(error, (TypeError, ValueError))):
        error.__cause__ = None
        error.__suppress_context__ = True
        if notes:
            error.__notes__ = [note for note in notes if "JAX" not in note]
        if not isinstance(error, FlambeauError) and f"{name}:" not in str(error):
            got = ", ".join(repr(a) for a in inputs if a is not None)
            error.add_note(f"The operation was {name} of {got}.")
        return error.with_traceback(None)
    arrays = [a for a in inputs if a is not None]
    for i, b in enumerate(arrays):
        for a in arrays[:i]:
            clash = _clash(a.shape, b.shape)
            if clash is not None:
                return ShapeError(
                    f"{name}: The size of tensor a ({clash[0]}) must match the size of tensor b "
                    f"({clash[1]}) at non-singleton dimension {clash[2]}; the shapes are "
                    f"{list(a.shape)} and {list(b.shape)}"
                )
    got = ", ".join(map(repr, arrays))
    first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    kind = DTypeError if "dtype" in first else ShapeError
    return kind(f"{name}: cannot be done with {got}: {first}")


def _clash(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, int, int] | None:
    """The sizes and the dimension at which two shapes do not broadcast."""
    n = max(len(a), len(b))
    for k in range(1, min(len(a), len(b)) + 1):
        x, y = a[-k], b[-k]
        if x != y and 1 not in (x, y):
            return x, y, n - k
    return None


def _as_tuple(out: Any) -> tuple[jax.Array, ...]:
    return tuple(map(_strong, out if isinstance(out, (tuple, list)) else (out,)))


def _strong(x: Any) -> jax.Array:
    """Strip JAX's weak types, so that a result's dtype does not depend on how it was made."""
    x = jnp.asarray(x)
    return jax.lax.convert_element_type(x, x.dtype) if x.aval.weak_type else x


_CALLS: dict[Hashable, Call] = {}


def interned(key: Hashable, make: Callable[[], Call]) -> Call:
    """The one call under this key, made when it is first asked for."""
    found = _CALLS.get(key)
    if found is None:
        found = _CALLS.setdefault(key, make())
    return found


def call_of(
    op: Op,
    static: tuple[tuple[str, Any], ...] = (),
    layout: tuple[int, ...] | None = None,
    cast: np.dtype | None = None,
) -> Call:
    """The call of a row with these static arguments.

    Args:
        op: the row.
        static: names and values of the static arguments.
        layout: how many flat inputs each dynamic parameter takes (0 where an optional one is
            absent, n for a sequence); None when each takes one.
        cast: the dtype that promoted inputs are cast to inside the call; None casts nothing.
    """
    return interned((op, static, layout, cast), lambda: _make(op, dict(static), layout, cast))


def _make(
    op: Op, static: dict[str, Any], layout: tuple[int, ...] | None, cast: np.dtype | None
) -> Call:
    dynamic = [p for p in op.parameters if p.dynamic]
    impl = op.impl
    if op.random and layout is not None:
        layout = (1, *layout)
    lead = next(
        (k for k, p in enumerate(op.parameters) if not p.dynamic or p.kw_only), len(dynamic)
    )

    def fn(*flat: Any, taped: bool = False) -> Any:
        if op.random:
            new, sub = advance(flat[0])
            flat = flat[1:]
        if cast is not None:
            flat = tuple(x if x is None or x.dtype == cast else _cast(x, cast) for x in flat)
        if op.random:
            flat = (sub, *flat)
        leading: list[Any] = []
        named: dict[str, Any] = {}
        i = 0
        for k, p in enumerate(dynamic):
            n = 1 if layout is None else layout[k]
            given = list(flat[i : i + n]) if p.kind == "arrays" else flat[i] if n else None
            if k < lead:
                leading.append(given)
            else:
                named[p.name] = given
            i += n
        rule = op.gradient if taped else None
        given = [*leading, *named.values()]
        if rule is not None and rule.serves(given, static):
            out = rule.applied(given, static)
        else:
            out = impl(*leading, **named, **static)
        if op.random:
            return (new, *out) if isinstance(out, tuple) else (new, out)
        return out

    scatter = None
    if op.scatter is not None:
        inverse = op.scatter
        extra = [p.name for p in dynamic[1:]]
        scatter = lambda base, new, *more: (
            inverse(base, new, **dict(zip(extra, more, strict=True)), **static),
        )
    return Call(
        op.name,
        fn,
        op=op,
        static=static,
        view=op.view,
        scatter=scatter,
        random=op.random,
        residuals=op.residuals,
        taped=None if op.gradient is None else functools.partial(fn, taped=True),
        order=order_of(op.name),
        signature=f"{op.name}{sorted(static.items())!r}{layout}{cast}",
    )


def _cast(x: jax.Array, dtype: np.dtype) -> jax.Array:
    if jnp.issubdtype(x.dtype, jnp.complexfloating) and not jnp.issubdtype(
        dtype, jnp.complexfloating
    ):
        x = x.real
    return x.astype(dtype)
