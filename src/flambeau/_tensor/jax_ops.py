"""Any JAX function as a differentiable operation."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax

from flambeau._autograd.tape import mode, record_on_tape
from flambeau._engine.call import Call, interned
from flambeau._engine.recorder import record
from flambeau._engine.value import Value
from flambeau._tensor.construct import from_jax
from flambeau._tensor.core import TensorBase, value_of, wrap


def wrap_jax(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Turn a JAX function into an operation on tensors, part of the recorded program.

    Args:
        fn: takes and gives trees (dicts, lists, tuples) of arrays. Arguments that are neither
            tensors, arrays nor containers are static and must be hashable.

    Returns:
        A function of tensors with gradients of any order, derived by JAX.

    Example:
        >>> import flambeau, jax.numpy as jnp
        >>> softplus = flambeau.wrap_jax(lambda x: jnp.log1p(jnp.exp(x)))
        >>> x = flambeau.zeros(2, requires_grad=True)
        >>> softplus(x).sum().backward()
        >>> x.grad
        tensor([0.5000, 0.5000])
    """

    @functools.wraps(fn)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        flat, tree = jax.tree_util.tree_flatten((args, kwargs), is_leaf=_is_tensor)
        flat = [from_jax(a) if isinstance(a, jax.Array) else a for a in flat]
        tensors = [a for a in flat if isinstance(a, TensorBase)]
        fixed = tuple(None if isinstance(a, TensorBase) else (a,) for a in flat)
        call, shape = interned(("jax", fn, tree, fixed), lambda: _make(fn, tree, fixed))  # type: ignore[arg-type,return-value]
        values = [value_of(t) for t in tensors]
        edges = [t._edge for t in tensors]
        node = None
        if mode.grad and any(e is not None for e in edges):
            outs, node = record_on_tape(call, values, edges, None)
        else:
            outs = record(call, values)
        results = [_result(v, node, i) for i, v in enumerate(outs)]
        return jax.tree_util.tree_unflatten(shape[0], results)

    return wrapped


def _is_tensor(x: Any) -> bool:
    return isinstance(x, TensorBase)


def _result(value: Value, node: Any, i: int) -> Any:
    return wrap(value, (node, i) if node is not None and value.aval.inexact else None)


def _make(fn: Callable[..., Any], tree: Any, fixed: tuple[Any, ...]) -> tuple[Call, list[Any]]:
    shape: list[Any] = [None]

    def flat(*arrays: Any) -> tuple[Any, ...]:
        rest = iter(arrays)
        leaves = [next(rest) if f is None else f[0] for f in fixed]
        args, kwargs = jax.tree_util.tree_unflatten(tree, leaves)
        outs, shape[0] = jax.tree_util.tree_flatten(fn(*args, **kwargs))
        return tuple(outs)

    return Call(getattr(fn, "__name__", "jax"), flat), shape
