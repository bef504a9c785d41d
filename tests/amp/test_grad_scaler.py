"""The gradient scaler against torch's on CPU."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import flambeau
from flambeau import optim
from flambeau._engine.program import stats
from flambeau.amp import GradScaler
from tests.oracle import to_numpy, torch

START = np.linspace(-1, 1, 6).astype("float32").reshape(2, 3)
LIBS = (flambeau, torch)


def _scaler(lib, **kwargs):
    kwargs = {"init_scale": 8.0, "growth_interval": 3, **kwargs}
    return lib.amp.GradScaler("cpu", **kwargs)


def _run(lib, cls="Adam", steps=10, unscale=False, bad=(2, 6), **kwargs):
    w = lib.nn.Parameter(lib.from_numpy(START.copy()))
    optimizer = getattr(lib.optim, cls)([w], lr=0.1, **kwargs)
    scaler = _scaler(lib)
    path = []
    for step in range(steps):
        optimizer.zero_grad()
        factor = float("inf") if step in bad else 1.0 + step
        loss = (w * w).sum() * factor
        scaler.scale(loss).backward()
        if unscale:
            scaler.unscale_(optimizer)
        scaler.step(optimizer)
        scaler.update()
        path.append((to_numpy(w).copy(), scaler.get_scale(), scaler._get_growth_tracker()))
    return path, optimizer, w, scaler


@pytest.mark.parametrize("unscale", [False, True])
@pytest.mark.parametrize(("cls", "kwargs"), [("Adam", {}), ("SGD", {"momentum": 0.9})])
def test_a_run_with_overflows_is_torch_s(cls, kwargs, unscale):
    ours, opt, w, scaler = _run(flambeau, cls, unscale=unscale, **kwargs)
    theirs, other, v, reference = _run(torch, cls, unscale=unscale, **kwargs)
    for (a, scale, count), (b, want, tracker) in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
        assert scale == want
        assert count == tracker
    if cls == "Adam":
        assert opt.state[w]["step"].item() == other.state[v]["step"].item()
    assert scaler.state_dict() == reference.state_dict()


def test_a_skipped_step_is_decided_in_the_program():
    w = flambeau.nn.Parameter(flambeau.from_numpy(START.copy()))
    optimizer = optim.Adam([w])
    scaler = _scaler(flambeau, growth_interval=1000)

    def step(factor):
        optimizer.zero_grad()
        scaler.scale((w * w).sum() * factor).backward()
        scaler.step(optimizer)
        scaler.update()

    for _ in range(4):
        step(1.0)
    before = stats.programs, stats.launches
    for factor in (1.0, float("inf"), 2.0, float("nan")):
        step(factor)
    assert stats.programs == before[0]
    assert np.isfinite(to_numpy(w)).all()
    assert optimizer.state[w]["step"].item() == 6


def test_another_optimizer_is_not_called_after_an_overflow():
    calls = []

    class Plain(optim.Optimizer):
        def __init__(self, params):
            super().__init__(params, {})

        def step(self, closure=None):
            calls.append(1)

    w = flambeau.nn.Parameter(flambeau.from_numpy(START.copy()))
    optimizer, scaler = Plain([w]), _scaler(flambeau)
    for factor in (1.0, float("inf"), 1.0):
        optimizer.zero_grad()
        scaler.scale(w.sum() * factor).backward()
        scaler.step(optimizer)
        scaler.update()
    assert calls == [1, 1]


def test_scaling_containers():
    for lib in LIBS:
        scaler = _scaler(lib)
        out = scaler.scale([lib.ones(2), (lib.ones(1), lib.ones(1))])
        assert isinstance(out, list)
        assert isinstance(out[1], tuple)
        assert out[1][0].item() == 8.0
        with pytest.raises(ValueError, match="iterable of Tensors"):
            scaler.scale(3)


def test_state_goes_to_torch_and_back():
    _, _, _, ours = _run(flambeau)
    theirs = _scaler(torch)
    theirs.load_state_dict(ours.state_dict())
    assert theirs.state_dict() == ours.state_dict()
    again = _scaler(flambeau)
    again.scale(flambeau.ones(1))
    again.load_state_dict(theirs.state_dict())
    assert again.state_dict() == ours.state_dict()
    assert pickle.loads(pickle.dumps(ours)).state_dict() == ours.state_dict()
    with pytest.raises(RuntimeError, match="source state dict is empty"):
        again.load_state_dict({})


def test_a_new_scale_may_be_set():
    scaler = _scaler(flambeau)
    scaler.scale(flambeau.ones(1))
    scaler.update(32.0)
    assert scaler.get_scale() == 32.0
    scaler.update(flambeau.tensor([4.0]))
    assert scaler.get_scale() == 4.0


@pytest.mark.parametrize("lib", LIBS)
def test_the_order_of_calls(lib):
    w = lib.nn.Parameter(lib.from_numpy(START.copy()))
    optimizer, scaler = lib.optim.SGD([w], lr=0.1), _scaler(lib)
    with pytest.raises(AssertionError, match="_scale is None"):
        scaler.step(optimizer)
    scaler.scale(w.sum()).backward()
    with pytest.raises(AssertionError, match="No inf checks"):
        scaler.update()
    scaler.unscale_(optimizer)
    with pytest.raises(RuntimeError, match="already been called on this optimizer"):
        scaler.unscale_(optimizer)
    scaler.step(optimizer)
    with pytest.raises(RuntimeError, match="already been called since the last update"):
        scaler.step(optimizer)
    with pytest.raises(RuntimeError, match="after step"):
        scaler.unscale_(optimizer)
    with pytest.raises(RuntimeError, match="Closure"):
        scaler.step(optimizer, closure=lambda: 0)
    scaler.update()
    optimizer.zero_grad()
    with pytest.raises(AssertionError, match="No inf checks"):
        scaler.step(optimizer)


def test_a_scaler_that_is_off_does_nothing():
    with pytest.warns(UserWarning, match="CUDA is not available"):
        scaler = GradScaler()
    assert not scaler.is_enabled()
    x = flambeau.ones(1)
    assert scaler.scale(x) is x
    assert scaler.get_scale() == 1.0
    assert scaler.state_dict() == {}
    w = flambeau.nn.Parameter(flambeau.ones(1))
    w.grad = flambeau.ones(1)
    scaler.step(optim.SGD([w], lr=0.5))
    scaler.update()
    assert w.item() == 0.5


def test_factors_are_checked():
    with pytest.raises(AssertionError, match="growth factor"):
        GradScaler("cpu", growth_factor=1.0)
    with pytest.raises(AssertionError, match="backoff factor"):
        GradScaler("cpu", backoff_factor=1.0)


def test_float16_gradients_are_refused():
    w = flambeau.nn.Parameter(flambeau.ones(2, dtype=flambeau.float16))
    scaler, optimizer = _scaler(flambeau), optim.SGD([w])
    scaler.scale(w.sum()).backward()
    with pytest.raises(ValueError, match="FP16"):
        scaler.unscale_(optimizer)
