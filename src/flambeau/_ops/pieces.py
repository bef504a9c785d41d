"""Gradients of parts, put together again.

Each part that was sliced from a tensor sends back a gradient of the tensor's shape, zero outside
the part, and the tape adds them. XLA writes such a sum element by element, asking of each where
it lies: for queries, keys and values split from one projection that takes three times as long as
writing one after the other. So a program in lowering remembers which arrays are zero but for a
part, and where a sum's parts make up the whole it joins them instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from flambeau._ops._dims import canonical_dim
from flambeau._ops.shape import slice_bounds


class Pieces:
    """The arrays of a program that are zero outside parts of one dimension."""

    def __init__(self) -> None:
        # By identity: the array (kept, so that no other has its identity), the dimension, and
        # the parts by where they start.
        self._known: dict[int, tuple[jax.Array, int, dict[int, jax.Array]]] = {}

    def part(
        self, name: str, static: dict[str, Any], args: Sequence[Any], outs: Sequence[jax.Array]
    ) -> None:
        """Note what the derivative of a row is, if the row takes a part.

        Args:
            name: the row's.
            static: its static arguments.
            args: what it took, and its result's gradient.
            outs: the gradient of what it took.
        """
        if name not in ("select", "slice"):
            return
        whole, given = outs[0], args[-1]
        if name == "select":
            dim = canonical_dim(static["dim"], whole.ndim)
            start, given = static["index"] % whole.shape[dim], jnp.expand_dims(given, dim)
        elif static.get("step", 1) == 1:
            dim = canonical_dim(static.get("dim", 0), whole.ndim)
            start, end, _ = slice_bounds(whole.shape[dim], static.get("start"), static.get("end"))
            if start == end:
                return
        else:
            return
        self._known[id(whole)] = whole, dim, {start: given.astype(whole.dtype)}

    def sum(self, args: Sequence[jax.Array], plain: jax.Array) -> jax.Array:
        """The sum of two arrays: the parts side by side where they make up the whole.

        Args:
            args: the two.
            plain: their sum.
        """
        found = [self._known.get(id(a)) for a in args]
        one, other = found if len(found) == 2 else (None, None)
        if one is None or other is None or one[1] != other[1] or plain.shape != one[0].shape:
            return plain
        dim, parts = one[1], dict(sorted((one[2] | other[2]).items()))
        if len(parts) < len(one[2]) + len(other[2]):
            return plain
        at = 0
        for start, part in parts.items():
            if start < at:
                return plain  # they overlap
            at = start + part.shape[dim]
        if sum(part.shape[dim] for part in parts.values()) == plain.shape[dim]:
            return jnp.concatenate(list(parts.values()), dim)
        self._known[id(plain)] = plain, dim, parts
        return plain
