"""Reductions and tensors with elements left out, against PyTorch."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import flambeau
from tests.oracle import assert_close, torch

X = np.array([[1.0, -2.0, 3.0], [4.0, 5.0, 6.0], [0.5, 7.0, 2.0]], np.float32)
KEEP = np.array([[True, False, True], [False, False, False], [True, True, True]])
REDUCTIONS = [
    "sum",
    "prod",
    "mean",
    "amax",
    "amin",
    "argmax",
    "argmin",
    "var",
    "std",
    "logsumexp",
    "median",
    "norm",
]


def both(run: Any) -> None:
    warnings.simplefilter("ignore")  # PyTorch calls its masked tensors a prototype
    assert_close(*(run(m, m.tensor(X), m.tensor(KEEP)) for m in (flambeau, torch)))


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions(name: str) -> None:
    key = {"dim": 1, "keepdim": True}
    both(lambda m, x, k: getattr(m.masked, name)(x, mask=k, **key))
    both(lambda m, x, k: getattr(m.masked, name)(x, **key))
    if name not in ("argmax", "argmin", "median"):
        both(lambda m, x, k: getattr(m.masked, name)(x, dim=(0, 1), mask=k))


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "softmin", "cumsum", "cumprod"])
def test_functions_of_the_same_shape(name: str) -> None:
    both(lambda m, x, k: getattr(m.masked, name)(x, 1, mask=k))


def test_normalize_and_logaddexp() -> None:
    both(lambda m, x, k: m.masked.normalize(x, 2.0, 1, mask=k))
    both(lambda m, x, k: m.masked.logaddexp(x, x * 2, input_mask=k, other_mask=~k))
    both(lambda m, x, k: m.masked.var(x, 1, False, mask=k))


@pytest.mark.parametrize(
    "run",
    [
        lambda t: t + t,
        lambda t: t * 2.0,
        lambda t: t.exp(),
        lambda t: t.abs().sqrt(),
        lambda t: t.sum(1),
        lambda t: t.mean(),
        lambda t: t.amax(1),
    ],
)
def test_masked_tensors(run: Any) -> None:
    def filled(m: Any, x: Any, k: Any) -> Any:
        t = run(m.masked.masked_tensor(x, k))
        return t.to_tensor(-1.0), t.get_mask()

    both(filled)


def test_masked_tensors_show_themselves_as_pytorch_shows_them() -> None:
    warnings.simplefilter("ignore")
    shown = []
    for m in (flambeau, torch):
        t = m.masked.masked_tensor(m.tensor(X), m.tensor(KEEP))
        shown.append((repr(t), repr(t.sum(1)), repr(t.sum())))
    assert shown[0] == shown[1]


def test_gradients_reach_what_is_kept() -> None:
    t = flambeau.masked.masked_tensor(flambeau.tensor(X), flambeau.tensor(KEEP), requires_grad=True)
    (t * t).sum().backward()
    np.testing.assert_array_equal(t.grad.to_tensor(0).numpy(), np.where(KEEP, 2 * X, 0))


def test_masks_must_match() -> None:
    x, k = flambeau.tensor(X), flambeau.tensor(KEEP)
    a, b = flambeau.masked.masked_tensor(x, k), flambeau.masked.masked_tensor(x, ~k)
    with pytest.raises(ValueError, match="masks must match"):
        a + b
    with pytest.raises(TypeError, match="bool"):
        flambeau.masked.masked_tensor(x, x)
