"""L-BFGS by itself: its line search, its history, what it compiles."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import flambeau
from flambeau import optim
from flambeau._engine.program import stats
from flambeau.optim._wolfe import Point, cubic_minimum, strong_wolfe
from tests.optim.common import leaf
from tests.oracle import to_numpy, torch


def _problem(optimizer, x):
    def closure():
        optimizer.zero_grad()
        loss = (x * x * 2 - x).sum() + ((x * x - 1) ** 2).sum()
        loss.backward()
        return loss

    return closure


def _start():
    return np.linspace(-2, 2, 6)


def _optimizer(**kwargs):
    x = leaf(_start())
    optimizer = optim.LBFGS([x], **{"line_search_fn": "strong_wolfe", "max_iter": 4, **kwargs})
    return x, optimizer, _problem(optimizer, x)


def test_cubic_minimum_of_a_cubic():
    # x^3 - 3x has its minimum at 1.
    def at(t):
        return Point(t, t**3 - 3 * t, None, 3 * t**2 - 3)

    assert cubic_minimum(at(0.2), at(3.0)) == pytest.approx(1.0)
    assert cubic_minimum(at(3.0), at(0.2)) == pytest.approx(1.0)
    assert cubic_minimum(at(0.2), at(3.0), (1.5, 2.0)) == 1.5
    assert cubic_minimum(at(-3.0), at(-2.0)) in (-3.0, -2.0)
    assert cubic_minimum(at(1.0), at(1.0)) == 1.0


@pytest.mark.parametrize("first", [1e-3, 0.5, 50.0])
def test_the_search_ends_where_the_wolfe_conditions_hold(first):
    def at(t):
        return Point(t, (t - 2) ** 2 + 0.3 * np.sin(3 * t), None, 2 * (t - 2) + 0.9 * np.cos(3 * t))

    start = at(0.0)
    point, evals = strong_wolfe(at, start, first, 1.0)
    assert point.loss <= start.loss + 1e-4 * point.t * start.slope
    assert abs(point.slope) <= 0.9 * abs(start.slope)
    assert evals <= 10


def test_it_stops_when_the_gradient_is_flat():
    x, optimizer, closure = _optimizer(max_iter=100, tolerance_grad=1e-5)
    optimizer.step(closure)
    optimizer.step(closure)
    before = optimizer.state[x]["func_evals"]
    at = to_numpy(x).copy()
    optimizer.step(closure)
    assert optimizer.state[x]["func_evals"] == before + 1
    np.testing.assert_array_equal(to_numpy(x), at)


def test_a_long_history_needs_few_programs():
    _, optimizer, closure = _optimizer(tolerance_grad=0, tolerance_change=0)
    for _ in range(3):
        optimizer.step(closure)
    before = stats.programs
    for _ in range(4):
        optimizer.step(closure)
    assert stats.programs - before <= 2


@pytest.mark.parametrize("size", [1, 2, 9])
def test_a_full_history_drops_its_oldest_as_torch_does(size):
    x, optimizer, closure = _optimizer(history_size=size, tolerance_change=0, lr=0.5)
    y = torch.from_numpy(_start()).requires_grad_()
    theirs = torch.optim.LBFGS(
        [y],
        history_size=size,
        max_iter=4,
        line_search_fn="strong_wolfe",
        tolerance_change=0,
        lr=0.5,
    )
    for _ in range(4):
        optimizer.step(closure)
        theirs.step(_problem(theirs, y))
        np.testing.assert_allclose(to_numpy(x), to_numpy(y), rtol=1e-7)
    ours = optimizer.state_dict()["state"][0]
    want = theirs.state_dict()["state"][0]
    for name in ("old_dirs", "old_stps", "ro"):
        assert len(ours[name]) == len(want[name])
        for a, b in zip(ours[name], want[name], strict=True):
            np.testing.assert_allclose(to_numpy(a), to_numpy(b), rtol=1e-5, atol=1e-9)
    assert len(ours["al"]) == len(want["al"]) == size


@pytest.mark.parametrize("how", ["state dict", "pickle", "deepcopy"])
def test_a_resumed_run_is_an_uninterrupted_one(how):
    x, optimizer, closure = _optimizer(tolerance_change=0, lr=0.5)
    optimizer.step(closure)
    optimizer.step(closure)
    if how == "state dict":
        y, resumed, _ = _optimizer(tolerance_change=0, lr=0.5)
        y.data = flambeau.from_numpy(to_numpy(x))
        resumed.load_state_dict(pickle.loads(pickle.dumps(optimizer.state_dict())))
    else:
        resumed = (
            pickle.loads(pickle.dumps(optimizer)) if how == "pickle" else copy.deepcopy(optimizer)
        )
        y = resumed.param_groups[0]["params"][0]
    for _ in range(3):
        optimizer.step(closure)
        resumed.step(_problem(resumed, y))
        np.testing.assert_allclose(to_numpy(x), to_numpy(y), rtol=1e-12)


def test_a_frozen_parameter_does_not_move():
    x, z = leaf(_start()), leaf(_start())
    z.grad = flambeau.from_numpy(_start())
    z.requires_grad_(False)
    optimizer = optim.LBFGS([x, z])

    def closure():
        x.grad = None
        loss = (x * x).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    np.testing.assert_array_equal(to_numpy(z), _start())
    assert np.abs(to_numpy(x)).max() < 1e-3


def test_complex_parameters_are_pairs():
    start = _start() + 1j * _start()[::-1]
    x = leaf(start)
    y = torch.from_numpy(start.copy()).requires_grad_()
    ours = optim.LBFGS([x], lr=0.1, max_iter=5)
    theirs = torch.optim.LBFGS([y], lr=0.1, max_iter=5)
    for optimizer, p in ((ours, x), (theirs, y)):

        def closure(optimizer=optimizer, p=p):
            optimizer.zero_grad()
            loss = ((p.abs() ** 2 - 1) ** 2).sum()
            loss.backward()
            return loss

        optimizer.step(closure)
        optimizer.step(closure)
    np.testing.assert_allclose(to_numpy(x), to_numpy(y), rtol=1e-9)


def test_what_it_refuses():
    x = leaf(_start())
    with pytest.raises(ValueError, match="parameter groups"):
        optim.LBFGS([{"params": [x]}, {"params": [leaf(_start())]}])
    optimizer = optim.LBFGS([x], line_search_fn="golden")
    with pytest.raises(RuntimeError, match="strong_wolfe"):
        optimizer.step(_problem(optimizer, x))
