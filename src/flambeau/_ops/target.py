"""For what a row is being formulated: the kind of device, and how exact its products must be.

A row that is faster in another form elsewhere asks :func:`current`; the engine says what it is
with :func:`formulating` while it traces. All forms of a row mean the same, and the tests compare
them.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import NamedTuple

import jax
from jax import lax


class Target(NamedTuple):
    """What programs are formulated for.

    Attributes:
        kind: the kind of device.
        products: JAX's word for the precision of float32 products.
        fast_convolutions: whether convolutions of float32 may round to TF32.
        fused_attention: whether attention in half precision may be one kernel of cuDNN's.
    """

    kind: str = "cpu"
    products: str = "highest"
    fast_convolutions: bool = False
    fused_attention: bool = False

    @property
    def on_cpu(self) -> bool:
        """Whether it is a CPU, which is exact whatever was said."""
        return self.kind == "cpu"

    @property
    def of_convolutions(self) -> lax.Precision | None:
        """The precision that convolutions ask for."""
        if self.on_cpu:
            return None
        return lax.Precision.DEFAULT if self.fast_convolutions else lax.Precision.HIGHEST


CPU = Target()


class _Now(threading.local):
    target = CPU


_now = _Now()


def current() -> Target:
    """What the calling thread is formulating for; a CPU unless it was told."""
    return _now.target


@contextlib.contextmanager
def formulating(target: Target) -> Iterator[None]:
    """Formulate for a target while rows are traced."""
    before, _now.target = _now.target, target
    try:
        if target.on_cpu:
            yield
        else:
            with jax.default_matmul_precision(target.products):
                yield
    finally:
        _now.target = before
