"""Sequences that fill the unit cube more evenly than random numbers do.

Over :class:`scipy.stats.qmc.Sobol`, whose direction numbers (Joe and Kuo, 2008) are PyTorch's.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from flambeau._scope import namespace as _namespace
from flambeau._tensor.construct import from_numpy
from flambeau._tensor.dispatch import store_out
from flambeau._tensor.dtypes import get_default_dtype
from flambeau._tensor.tensor import Tensor

__all__ = ["SobolEngine"]


class SobolEngine:
    """Draws points of a Sobol sequence in ``[0, 1)``.

    Follows ``torch.quasirandom.SobolEngine``. A scrambled sequence (Owen's scrambling, by a
    random linear matrix and a shift) is reproducible by its seed, and has other numbers than
    PyTorch's.

    Args:
        dimension: of the points, 1 to 21,201.
        scramble: scramble the sequence.
        seed: of the scrambling; drawn from the system if None.

    Raises:
        ValueError: ``dimension`` is outside its range.

    Example:
        >>> import flambeau as torch
        >>> torch.quasirandom.SobolEngine(2).draw(3)
        tensor([[0.0000, 0.0000],
                [0.5000, 0.5000],
                [0.7500, 0.2500]])
    """

    MAXBIT = 30
    MAXDIM = 21201

    def __init__(self, dimension: int, scramble: bool = False, seed: int | None = None) -> None:
        from scipy.stats import qmc

        if not 1 <= dimension <= self.MAXDIM:
            raise ValueError(
                f"Supported range of dimensionality for SobolEngine is [1, {self.MAXDIM}], "
                f"got {dimension}"
            )
        self.dimension = dimension
        self.scramble = scramble
        self.seed = seed
        rng = np.random.default_rng(None if seed is None else np.uint64(seed))
        self._points = qmc.Sobol(dimension, scramble=scramble, bits=self.MAXBIT, rng=rng)

    @property
    def num_generated(self) -> int:
        """How many points were drawn or skipped."""
        return self._points.num_generated

    def draw(self, n: int = 1, out: Any = None, dtype: Any = None) -> Tensor:
        """The next points.

        Args:
            n: how many.
            out: a tensor for the result.
            dtype: a floating dtype; the default dtype if None.

        Returns:
            Shape ``(n, dimension)``, on the CPU.

        Raises:
            ValueError: the sequence has no so many points left.
        """
        left = (1 << self.MAXBIT) - self.num_generated
        if n > left:
            raise ValueError(
                f"SobolEngine.draw: {n} points asked for, but the sequence of 2**{self.MAXBIT} "
                f"points has {left} left"
            )
        with warnings.catch_warnings():
            # said when the first points are no power of two: PyTorch's does not say it
            warnings.filterwarnings("ignore", "The balance properties", UserWarning)
            points = self._points.random(n)
        result = from_numpy(points).to(get_default_dtype() if dtype is None else dtype)
        return result if out is None else store_out(out, result, "SobolEngine.draw")

    def draw_base2(self, m: int, out: Any = None, dtype: Any = None) -> Tensor:
        """The next ``2**m`` points, so that all points drawn are a power of two.

        Raises:
            ValueError: with the points drawn before, they would not be.
        """
        n = 1 << m
        total = self.num_generated + n
        if total & (total - 1):
            raise ValueError(
                "The balance properties of Sobol' points require n to be a power of 2: "
                f"{self.num_generated} points have been drawn, and with 2**{m} more they are "
                f"{total}. Use draw() if that does not matter"
            )
        return self.draw(n, out, dtype)

    def reset(self) -> SobolEngine:
        """Begin again at the first point."""
        self._points.reset()
        return self

    def fast_forward(self, n: int) -> SobolEngine:
        """Skip ``n`` points.

        Example:
            >>> import flambeau as torch
            >>> torch.quasirandom.SobolEngine(1).fast_forward(2).draw()
            tensor([[0.7500]])
        """
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The balance properties", UserWarning)
            self._points.fast_forward(n)
        return self

    def __repr__(self) -> str:
        said = [f"dimension={self.dimension}"]
        if self.scramble:
            said.append("scramble=True")
        if self.seed is not None:
            said.append(f"seed={self.seed}")
        return f"{type(self).__name__}({', '.join(said)})"


__getattr__ = _namespace(__name__)
