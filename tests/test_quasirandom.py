"""Sobol sequences, against PyTorch's."""

from __future__ import annotations

import numpy as np
import pytest

import flambeau
from flambeau.quasirandom import SobolEngine
from tests.oracle import assert_close, torch


@pytest.mark.parametrize("dimension", [1, 3, 1111])
def test_points_are_pytorchs(dimension: int) -> None:
    ours, theirs = SobolEngine(dimension), torch.quasirandom.SobolEngine(dimension)
    for n in (1, 5, 8):
        assert_close(ours.draw(n), theirs.draw(n))
    ours.fast_forward(7)
    theirs.fast_forward(7)
    assert_close(ours.draw(2, dtype=flambeau.float64), theirs.draw(2, dtype=torch.float64))
    assert ours.num_generated == theirs.num_generated == 23
    assert_close(ours.reset().draw_base2(3), theirs.reset().draw_base2(3))


def test_a_scrambled_sequence_keeps_to_its_seed_and_stays_even() -> None:
    engine = SobolEngine(2, scramble=True, seed=3)
    points = engine.draw(64).numpy()
    assert np.array_equal(points, SobolEngine(2, scramble=True, seed=3).draw(64).numpy())
    assert np.array_equal(points, engine.reset().draw(64).numpy())
    assert not np.array_equal(points, SobolEngine(2, scramble=True, seed=4).draw(64).numpy())
    # each eighth of either axis holds an eighth of the points
    assert (np.stack([np.bincount((p * 8).astype(int)) for p in points.T]) == 8).all()


def test_out_and_repr() -> None:
    out = flambeau.empty(2, 2)
    assert SobolEngine(2).draw(2, out=out) is out
    assert out.tolist() == [[0.0, 0.0], [0.5, 0.5]]
    for args in ((3,), (2, True), (2, True, 5)):
        assert repr(SobolEngine(*args)) == repr(torch.quasirandom.SobolEngine(*args))


def test_what_it_refuses() -> None:
    with pytest.raises(ValueError, match=r"\[1, 21201\], got 0"):
        SobolEngine(0)
    engine = SobolEngine(1)
    engine.draw(3)
    with pytest.raises(ValueError, match="3 points have been drawn"):
        engine.draw_base2(2)
    with pytest.raises(ValueError, match="has 1073741821 left"):
        engine.draw(1 << 30)
    assert engine.num_generated == 3
