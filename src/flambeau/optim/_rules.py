"""What the update rules have in common: scalars, complex parameters, skipped steps.

A rule is a pure function of JAX arrays::

    rule(param, grad, state, hyper, **static) -> (new_param, new_state)

``state`` and ``new_state`` are dicts with the same keys; ``hyper`` holds 0-d float64 arrays, so
that a new learning rate makes no new program. Rules compute their scalars in float64, as
PyTorch does in Python, and cast them where they meet the parameter.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp

Array: TypeAlias = jax.Array
State: TypeAlias = dict[str, Array]
Hyper: TypeAlias = dict[str, Array]
Rule: TypeAlias = Callable[..., tuple[Array, State]]

_WIDE = {jnp.dtype(jnp.float16): jnp.float32, jnp.dtype(jnp.bfloat16): jnp.float32}


def advance(step: Array) -> tuple[Array, Array]:
    """The step counter plus one: as it is stored, and as a float64 scalar to compute with."""
    moved = step + jnp.ones((), step.dtype)
    return moved, moved.astype(jnp.float64)


def lerp(start: Array, end: Array, weight: Array) -> Array:
    """``start + weight * (end - start)`` with a float64 scalar weight."""
    return start + weight.astype(start.dtype) * (end - start)


def scaled(scalar: Array, array: Array) -> Array:
    """A float64 scalar times an array, in the array's dtype."""
    return scalar.astype(array.dtype) * array


def with_decay(grad: Array, param: Array, hyper: Hyper, decay: bool, maximize: bool) -> Array:
    """The gradient to descend: negated for ``maximize``, with the L2 penalty added."""
    if maximize:
        grad = -grad
    if decay:
        grad = grad + scaled(hyper["weight_decay"], param)
    return grad


def _to_real(array: Array) -> Array:
    return jnp.stack([array.real, array.imag], axis=-1)


def _to_complex(array: Array) -> Array:
    return jax.lax.complex(array[..., 0], array[..., 1])


def rule(fn: Rule) -> Rule:
    """Make a rule for real floating point arrays serve every dtype.

    A complex parameter is two independent real ones. Half precision computes in float32 and is
    rounded once at the end, as PyTorch's fused kernels do.
    """

    @functools.wraps(fn)
    def wrapped(
        param: Array, grad: Array, state: State, hyper: Hyper, **static: Any
    ) -> tuple[Array, State]:
        if jnp.iscomplexobj(param):
            states = {k: _to_real(v) if jnp.iscomplexobj(v) else v for k, v in state.items()}
            new, moved = fn(
                _to_real(param), _to_real(grad.astype(param.dtype)), states, hyper, **static
            )
            return _to_complex(new), {
                k: _to_complex(v) if jnp.iscomplexobj(state[k]) else v for k, v in moved.items()
            }
        wide = _WIDE.get(param.dtype)
        if wide is None:
            return fn(param, grad.astype(param.dtype), state, hyper, **static)
        states = {k: v.astype(wide) if v.dtype == param.dtype else v for k, v in state.items()}
        new, moved = fn(param.astype(wide), grad.astype(wide), states, hyper, **static)
        return new.astype(param.dtype), {k: v.astype(state[k].dtype) for k, v in moved.items()}

    return wrapped


@functools.cache
def guarded(fn: Rule) -> Rule:
    """A rule that leaves everything as it was when the gradients overflowed.

    ``hyper`` carries ``found_inf`` (0 or 1) beside the rule's own values; the decision is part
    of the program, and nothing is read on the host.
    """

    @functools.wraps(fn)
    def wrapped(
        param: Array, grad: Array, state: State, hyper: Hyper, **static: Any
    ) -> tuple[Array, State]:
        skip = hyper["found_inf"] > 0
        new, moved = fn(param, grad, state, hyper, **static)
        return jnp.where(skip, param, new), {
            k: jnp.where(skip, state[k], v) for k, v in moved.items()
        }

    return wrapped
