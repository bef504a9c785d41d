"""Swapping parameters and state in, and out again."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from flambeau import optim
from tests.optim.common import Twins, leaf
from tests.oracle import to_numpy


def test_the_step_moves_what_was_swapped_in():
    twins = Twins()
    optimizer = optim.Adam(twins.ours, lr=0.1)
    twins.give_gradients()
    optimizer.step()
    before = [to_numpy(p).copy() for p in twins.ours]
    others = [leaf(b) for b in before]
    for p, q in zip(others, twins.ours, strict=True):
        p.grad = q.grad
    saved = copy.deepcopy(optimizer.state_dict())
    saved["param_groups"][0]["lr"] = 0.5
    names = {str(at): p for at, p in enumerate(others)}
    with optim.swap_in_optimizer_params_and_state(optimizer, names, saved):
        assert optimizer.param_groups[0]["params"][0] is others[0]
        assert optimizer.param_groups[0]["lr"] == 0.5
        optimizer.step()
    assert optimizer.param_groups[0]["params"] is not None
    assert optimizer.param_groups[0]["lr"] == 0.1
    for p, q, b in zip(others, twins.ours, before, strict=True):
        assert np.abs(to_numpy(p) - b).max() > 1e-3
        np.testing.assert_array_equal(to_numpy(q), b)
    assert optimizer.state[twins.ours[0]]["step"].item() == 1
    assert saved["state"][0]["step"].item() == 2


def test_what_does_not_fit_is_refused():
    twins = Twins()
    optimizer = optim.Adam(twins.ours)
    swap = optim.swap_in_optimizer_params_and_state
    names = {str(at): p for at, p in enumerate(twins.ours)}
    with pytest.raises(RuntimeError, match="initialized"), swap(optimizer, names, {}):
        pass
    twins.give_gradients()
    optimizer.step()
    saved = optimizer.state_dict()
    for wrong, match in (
        ({"state": {}, "param_groups": []}, "parameter groups"),
        ({"state": {9: {}}, "param_groups": saved["param_groups"]}, "in no group"),
    ):
        with pytest.raises(RuntimeError, match=match), swap(optimizer, names, wrong):
            pass
    with pytest.raises(RuntimeError, match="fewer"), swap(optimizer, {}, saved):
        pass
