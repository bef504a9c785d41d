"""Twins: the same optimizer in both libraries, over the same parameters and gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import flambeau
from tests.oracle import to_numpy, torch

SHAPES = ((4, 3), (4,), (2, 3, 2))


def arrays(shapes: Sequence[tuple[int, ...]] = SHAPES, seed: int = 0, dtype: str = "float32"):
    """Random arrays of some shapes."""
    rng = np.random.default_rng(seed)
    out = [rng.standard_normal(shape) for shape in shapes]
    if dtype.startswith("complex"):
        out = [a + 1j * rng.standard_normal(a.shape) for a in out]
    return [a.astype(dtype) for a in out]


def leaf(array: np.ndarray) -> Any:
    """A flambeau tensor that requires grad."""
    return flambeau.from_numpy(array).requires_grad_()


class Twins:
    """Parameters in both libraries that get the same gradients."""

    def __init__(self, shapes=SHAPES, dtype: str = "float32", seed: int = 0):
        start = arrays(shapes, seed, dtype)
        self.shapes, self.dtype = shapes, dtype
        self.ours = [leaf(a) for a in start]
        self.theirs = [torch.nn.Parameter(torch.from_numpy(a.copy())) for a in start]
        self.round = 0

    def give_gradients(self, skip: Sequence[int] = ()) -> None:
        """The next gradients; parameters in ``skip`` get none."""
        self.round += 1
        grads = arrays(self.shapes, 1000 + self.round, self.dtype)
        for at, grad in enumerate(grads):
            absent = at in skip
            self.ours[at].grad = None if absent else flambeau.from_numpy(grad)
            self.theirs[at].grad = None if absent else torch.from_numpy(grad.copy())

    def assert_same(self, rtol: float = 2e-5, atol: float = 2e-6) -> None:
        """Parameters are equal."""
        for at, (a, b) in enumerate(zip(self.ours, self.theirs, strict=True)):
            np.testing.assert_allclose(
                to_numpy(a), to_numpy(b), rtol=rtol, atol=atol, err_msg=f"parameter {at}"
            )


def assert_same_state(ours: Any, theirs: Any, rtol: float = 2e-5, atol: float = 2e-6) -> None:
    """Two state dicts have the same structure, order of keys included, and the same values."""
    if isinstance(theirs, dict):
        assert list(ours) == list(theirs)
        for key, value in theirs.items():
            assert_same_state(ours[key], value, rtol, atol)
    elif isinstance(theirs, (list, tuple)):
        assert type(ours) is type(theirs)
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            assert_same_state(a, b, rtol, atol)
    elif isinstance(theirs, torch.Tensor):
        assert isinstance(ours, flambeau.Tensor)
        assert str(ours.dtype) == str(theirs.dtype)
        assert tuple(ours.shape) == tuple(theirs.shape)
        np.testing.assert_allclose(to_numpy(ours), to_numpy(theirs), rtol=rtol, atol=atol)
    elif isinstance(theirs, float):
        np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=atol)
    else:
        assert ours == theirs


def converted(value: Any, to: Any) -> Any:
    """A copy of a state dict with the tensors of the other library, by way of NumPy."""
    if isinstance(value, dict):
        return {k: converted(v, to) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(converted(v, to) for v in value)
    if isinstance(value, (torch.Tensor, flambeau.Tensor)):
        return to.from_numpy(np.array(to_numpy(value)))
    return value
