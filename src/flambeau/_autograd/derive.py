"""Backward rules, derived from the forward by JAX.

The default rule is stateless: ``vjp(call)`` recomputes the forward from its inputs, and XLA
removes the recomputation when both sit in one program. Calls marked ``residuals`` save what
their backward needs instead. Either is a call of its own, so it can be derived again.

JAX's cotangents of complex values are the conjugates of PyTorch's gradients; the rules here
take and give PyTorch's.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from flambeau._engine.aval import Aval
from flambeau._engine.call import Call, interned
from flambeau._ops.order import order_of_derivative


def vjp_call(
    call: Call,
    n_inputs: int,
    needs: tuple[int, ...],
    given: tuple[int, ...],
    tracked: bool = False,
) -> Call:
    """The stateless backward of a call.

    Args:
        call: the forward.
        n_inputs: how many flat inputs the forward takes.
        needs: positions of the inputs whose gradients are wanted.
        given: positions of the results whose cotangents are given; the others are zero.
        tracked: the backward is itself differentiated, which a derivative written by hand
            need not allow.

    Returns:
        A call of ``(*inputs, *cotangents)`` giving one gradient per wanted input.
    """
    by_hand = not tracked and call.op is not None and call.op.gradient is not None

    def make() -> Call:
        primal = call.taped if by_hand else call.fn

        def fn(*flat: Any) -> tuple[jax.Array, ...]:
            inputs, given_cts = flat[:n_inputs], flat[n_inputs:]

            def forward(*wanted: Any) -> tuple[jax.Array, ...]:
                full = list(inputs)
                for i, x in zip(needs, wanted, strict=True):
                    full[i] = x
                return primal(*full)

            outs, pull = jax.vjp(forward, *[inputs[i] for i in needs])
            grads = pull(_cotangents(outs, given, given_cts))
            return tuple(map(_conj, grads))

        words = call.signature and f"vjp({call.signature}){n_inputs}{needs}{given}{by_hand}"
        # A derivative has its input's shape. Where deriving might be refused that has to be tried.
        sure = call.op is not None and (by_hand or call.op.promote is not None)
        like = needs if sure else None
        order = order_of_derivative(call.order)
        return Call(
            f"{call.name}_backward", fn, signature=words, like=like, order=order, derives=call
        )

    return interned(("vjp", call, n_inputs, needs, given, by_hand), make)


def jvp_call(call: Call, n_inputs: int, given: tuple[int, ...]) -> Call:
    """A call with its directional derivative.

    Args:
        call: what to differentiate.
        n_inputs: how many flat inputs it takes.
        given: positions of the inputs whose tangents are given; the others are constant.

    Returns:
        A call of ``(*inputs, *tangents)`` giving the results and then one tangent for each, a
        zero that stands for nothing where the result is not differentiable.
    """

    def make() -> Call:
        def fn(*flat: Any) -> tuple[jax.Array, ...]:
            inputs, tangents = flat[:n_inputs], flat[n_inputs:]

            def forward(*wanted: Any) -> tuple[jax.Array, ...]:
                full = list(inputs)
                for i, x in zip(given, wanted, strict=True):
                    full[i] = x
                return call.fn(*full)

            points = [inputs[i] for i in given]
            along = [t.astype(x.dtype) for t, x in zip(tangents, points, strict=True)]
            outs, moved = jax.jvp(forward, points, along)
            return (
                *outs,
                *[
                    d if jnp.issubdtype(o.dtype, jnp.inexact) else jnp.zeros(())
                    for o, d in zip(outs, moved, strict=True)
                ],
            )

        words = call.signature and f"jvp({call.signature}){n_inputs}{given}"
        return Call(call.name, fn, signature=words, residuals=call.residuals)

    return interned(("jvp", call, n_inputs, given), make)


class Saving:
    """A forward that also returns residuals, and the backward that takes them."""

    __slots__ = ("backwards", "call", "n_inputs", "n_outs", "needs", "tree")

    def __init__(self, call: Call, n_inputs: int, needs: tuple[int, ...], avals: tuple[Any, ...]):
        self.needs = needs
        self.n_inputs = n_inputs
        self.tree: Any = None
        self.n_outs = 0
        self.backwards: dict[tuple[int, ...], Call] = {}

        def fn(*inputs: Any) -> tuple[jax.Array, ...]:
            def forward(*wanted: Any) -> tuple[jax.Array, ...]:
                full = list(inputs)
                for i, x in zip(needs, wanted, strict=True):
                    full[i] = x
                return call.taped(*full)

            outs, pull = jax.vjp(forward, *[inputs[i] for i in needs])
            leaves, tree = jax.tree_util.tree_flatten(pull)
            if self.tree is None:  # every tracing makes an equal one that compares unequal
                self.tree, self.n_outs = tree, len(outs)
            return (*outs, *leaves)

        # What is saved follows from the call and its inputs' avals, in any process.
        words = [(a.shape, a.dtype.name) if isinstance(a, Aval) else a.__name__ for a in avals]
        self.call = Call(
            call.name,
            fn,
            signature=call.signature and f"saving({call.signature}){needs}{words}",
            learns=True,  # the backward's structure
        )

    def backward(self, outs: tuple[Any, ...], given: tuple[int, ...]) -> Call:
        """The call of ``(*residuals, *cotangents)`` for these results' avals."""
        tree = self.tree
        key = (tree, outs, given)
        found = self.backwards.get(key)  # pyright: ignore[reportArgumentType]
        if found is None:

            def fn(*flat: Any) -> tuple[jax.Array, ...]:
                n = tree.num_leaves
                pull = jax.tree_util.tree_unflatten(tree, flat[:n])
                grads = pull(_cotangents(outs, given, flat[n:]))
                return tuple(map(_conj, grads))

            words = self.call.signature and f"backward({self.call.signature}){given}"
            made = Call(f"{self.call.name}_backward", fn, signature=words)
            found = self.backwards.setdefault(key, made)  # pyright: ignore[reportArgumentType]
        return found


def saving(call: Call, n_inputs: int, needs: tuple[int, ...], avals: tuple[Any, ...]) -> Saving:
    """The residual-saving forward of a call for inputs of these avals."""
    return interned(("saving", call, needs, avals), lambda: Saving(call, n_inputs, needs, avals))  # type: ignore[arg-type,return-value]


def _cotangents(outs: Any, given: tuple[int, ...], cts: Any) -> tuple[Any, ...]:
    """One cotangent per result: those given, zeros elsewhere."""
    by_position = dict(zip(given, cts, strict=True))
    result = []
    for i, out in enumerate(outs):
        if not jnp.issubdtype(out.dtype, jnp.inexact):
            result.append(np.zeros(out.shape, jax.dtypes.float0))
        elif i in by_position:
            ct = by_position[i]
            result.append(_conj(ct if ct.dtype == out.dtype else ct.astype(out.dtype)))
        else:
            result.append(jnp.zeros(out.shape, out.dtype))
    return tuple(result)


def _conj(x: Any) -> Any:
    return jnp.conj(x) if jnp.issubdtype(x.dtype, jnp.complexfloating) else x
