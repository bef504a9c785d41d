"""Which library is to run the matrix products of a program on a CPU.

XLA:CPU hands products to YNNPACK or to Eigen, all of a program's to one of them. Eigen packs the
second matrix anew in each call. Where many rows meet a small matrix that is little beside the
product and Eigen is faster; where few rows meet a large one it takes up to four times as long
(``docs/internals/performance.md``). YNNPACK also prepares each kernel when it first runs. On
processors with wide vectors YNNPACK is ahead either way, but for a few sizes.
"""

from __future__ import annotations

import math

import numpy as np

from flambeau._engine.aval import Aval
from flambeau._engine.hardware import wide_vectors
from flambeau._engine.layout import Layout

ROWS = 512
"""A product that suits Eigen has so many rows at least."""

REACH = 256
"""The matrix that they meet has at most so many elements for each of them."""

WORK = 1 << 23
"""It takes so many multiplications at least."""

SHARE = 0.75
"""So much of a program's multiplications must be in such products, or YNNPACK has them all."""

_MATRICES = {
    "linear": (0, 1), "mm": (0, 1), "bmm": (0, 1), "matmul": (0, 1), "addmm": (1, 2),
    "baddbmm": (1, 2),
}  # fmt: skip
"""The inputs that are multiplied, by operation. What derives from these has products alike."""

_IN_LOOPS = {"lstm_layer", "gru_layer", "rnn_layer"}
"""Operations that multiply few rows again and again."""


def suit_eigen(layout: Layout) -> bool:
    """Whether most of the multiplications in a program are in products that suit Eigen."""
    if wide_vectors():
        return False
    suited = total = 0
    for step, avals in zip(layout.steps, layout.inputs, strict=True):
        name = step.call.name
        if name in _IN_LOOPS:
            return False
        where = _MATRICES.get(name)
        if where is None:
            continue
        first, second = (avals[i] for i in where)
        if first is None or second is None or min(len(first.shape), len(second.shape)) < 2:
            continue
        rows, elements, times = _sizes(first, second)
        work = rows * elements * times
        total += work
        enough = rows >= ROWS and elements <= REACH * rows and work >= WORK
        suited += work * (enough and first.dtype == np.float32)
    return suited > 0 and suited >= SHARE * total


def _sizes(first: Aval, second: Aval) -> tuple[int, int, int]:
    """The rows of a product, the elements of the matrix they meet, and how many such there are."""
    *batch, height, width = second.shape
    times = max(1, math.prod(batch))
    return math.prod(first.shape[:-1]) // times, height * width, times
