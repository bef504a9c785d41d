"""What XLA is told when it compiles, per platform, how it is asked, and for what.

Each option rests on a measurement in ``docs/internals/performance.md``. An option that the
user's ``XLA_FLAGS`` name is theirs; one that this version of XLA does not know is left out.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import jax
from jaxlib.mlir.passmanager import PassManager

from flambeau._engine.device import Place
from flambeau._engine.hardware import wide_vectors
from flambeau._ops.target import CPU, Target

_OPTIONS: dict[str, dict[str, Any]] = {
    "cpu": {
        # What YNNPACK runs: all but convolutions, in which Eigen is up to four times faster.
        "xla_cpu_experimental_ynn_fusion_type": (
            "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT,LIBRARY_FUSION_TYPE_REDUCE"
        ),
        # Sees that donated memory is read for the last time, where else it would be copied.
        "xla_cpu_copy_insertion_use_region_analysis": True,
    },
}
_MORE: dict[tuple[str, str], dict[str, Any]] = {
    # One thread runs the operations one after the other: handing a tiny one to another thread
    # takes longer than running it.
    ("cpu", "small"): {"xla_cpu_scheduler_type": "CPU_SCHEDULER_TYPE_MEMORY_OPTIMIZED"},
    # Products by Eigen (see :mod:`flambeau._engine.products`).
    ("cpu", "eigen"): {"xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_REDUCE"},
}
"""What is told of programs of a kind on top: ``"small"`` ones, whose every array is small, and
``"eigen"`` ones, whose products suit Eigen."""

_WIDE: dict[str, Any] = {"xla_cpu_prefer_vector_width": 512}
"""What is told on a CPU whose vectors are wide; XLA's own choice is 256 everywhere."""

_unknown: set[str] = set()
T = TypeVar("T")


class Choices:
    """What users may choose for accelerators, as PyTorch has it by default.

    :func:`flambeau._engine.recorder.choose` sets them.

    Attributes:
        products: ``"highest"``, ``"high"`` or ``"medium"``: how exact matrix products of
            float32 must be. On a CPU they always are.
        fast_convolutions: whether convolutions may round to TF32.
        fused_attention: whether attention in half precision may be one kernel of cuDNN's.
    """

    products = "highest"
    fast_convolutions = True
    fused_attention = True


_PRODUCTS = {
    ("cuda", "high"): "default",  # TF32; by "high" XLA means float32 there
    ("cuda", "medium"): "default",
    ("tpu", "medium"): "default",
}
"""JAX's word for PyTorch's, where it is another one."""


def target_of(device: Place) -> Target:
    """What programs for a device are formulated for, as things are set now."""
    if device.kind == "cpu":
        return CPU
    fused = Choices.fused_attention and device.fuses_attention()
    words = _PRODUCTS.get((device.kind, Choices.products), Choices.products)
    return Target(device.kind, words, Choices.fast_convolutions, fused)


def options(device: Place, kind: str = "") -> dict[str, Any]:
    """The options that programs, or those of some kind, for a device are compiled with."""
    flags = os.environ.get("XLA_FLAGS", "")
    chosen = _OPTIONS.get(device.kind, {}) | _MORE.get((device.kind, kind), {})
    if device.kind == "cpu" and wide_vectors():
        chosen = chosen | _WIDE
    return {k: v for k, v in chosen.items() if k not in flags and k not in _unknown}


def attempt(device: Place, compile: Callable[[dict[str, Any]], T], kind: str = "") -> T:
    """Compile with the options for a device, without those that turn out to be unknown."""
    while True:
        chosen = options(device, kind)
        try:
            return compile(chosen)
        except jax.errors.JaxRuntimeError as error:
            refused = [name for name in chosen if name in str(error)]
            if not refused:
                raise
            _unknown.update(refused)


def without_places(lowered: jax.stages.Lowered) -> jax.stages.Lowered:
    """A lowered program without the places in flambeau's source that its operations come from.

    XLA keeps them with every instruction of the compiled program, and all of that is read again
    with a program from disk: a fifth of the time.
    """
    module = lowered.compiler_ir()
    with module.context:
        PassManager.parse("builtin.module(strip-debuginfo)").run(module.operation)
    return lowered
