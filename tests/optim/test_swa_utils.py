"""Averaged models against torch's."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import flambeau
from flambeau import nn, optim
from flambeau._engine.program import stats
from tests.optim.common import arrays, converted, leaf
from tests.oracle import to_numpy, torch

SWA = {flambeau: optim.swa_utils, torch: torch.optim.swa_utils}


def _models():
    out = []
    for lib in (flambeau, torch):
        net = lib.nn.Sequential(lib.nn.Linear(3, 4), lib.nn.BatchNorm1d(4))
        with lib.no_grad():
            for at, p in enumerate(net.parameters()):
                p.copy_(lib.from_numpy(arrays((tuple(p.shape),), at)[0]))
        out.append(net)
    return out


def _drift(net, lib, step):
    with lib.no_grad():
        for at, t in enumerate([*net.parameters(), *net.buffers()]):
            if t.dim():
                t.add_(lib.from_numpy(arrays((tuple(t.shape),), 100 * step + at)[0]))
            else:
                t.add_(step)


MAKERS = {
    "mean": lambda swa: {},
    "ema": lambda swa: {"multi_avg_fn": swa.get_ema_multi_avg_fn(0.9)},
    "swa": lambda swa: {"multi_avg_fn": swa.get_swa_multi_avg_fn()},
    "ema of one": lambda swa: {"avg_fn": swa.get_ema_avg_fn(0.9)},
    "swa of one": lambda swa: {"avg_fn": swa.get_swa_avg_fn()},
    "a function": lambda swa: {"avg_fn": lambda a, b, n: a / 2 + b / 2},
}


@pytest.mark.parametrize("use_buffers", [False, True])
@pytest.mark.parametrize("name", MAKERS)
def test_averages_are_torch_s(name, use_buffers):
    if use_buffers and name == "swa":
        pytest.skip("torch refuses integer buffers here")
    nets = _models()
    averaged = [
        SWA[lib].AveragedModel(net, use_buffers=use_buffers, **MAKERS[name](SWA[lib]))
        for lib, net in zip((flambeau, torch), nets, strict=True)
    ]
    for step in range(1, 5):
        for lib, net, mean in zip((flambeau, torch), nets, averaged, strict=True):
            _drift(net, lib, step)
            mean.update_parameters(net)
        ours, theirs = (mean.state_dict() for mean in averaged)
        assert list(ours) == list(theirs)
        for key, value in theirs.items():
            if use_buffers and key.endswith("num_batches_tracked"):
                continue  # an average of integers: torch truncates as its kernels happen to
            np.testing.assert_allclose(
                to_numpy(ours[key]), to_numpy(value), rtol=1e-5, atol=1e-6, err_msg=key
            )


def test_an_update_makes_no_new_program_and_reads_nothing():
    net = _models()[0]
    ema = optim.swa_utils.AveragedModel(net, multi_avg_fn=optim.swa_utils.get_ema_multi_avg_fn())

    def cycle(step):
        _drift(net, flambeau, step)
        ema.update_parameters(net)
        return ema.n_averaged.item()

    for step in range(1, 4):
        cycle(step)
    before = stats.programs
    for step in range(4, 8):
        assert cycle(step) == step
    assert stats.programs == before


def test_the_average_is_a_model_and_resumes():
    net, theirs = _models()
    ours = optim.swa_utils.AveragedModel(net)
    ours.update_parameters(net)
    x = arrays(((5, 3),))[0]
    ours.eval()
    net.eval()
    np.testing.assert_array_equal(
        to_numpy(ours(flambeau.from_numpy(x))), to_numpy(net(flambeau.from_numpy(x)))
    )
    other = torch.optim.swa_utils.AveragedModel(theirs)
    other.load_state_dict(converted(dict(ours.state_dict()), torch))
    assert other.n_averaged == 1
    assert copy.deepcopy(ours).n_averaged.item() == 1


def test_update_bn():
    nets = _models()
    batches = [arrays(((6, 3),), seed)[0] for seed in range(4)]
    for lib, net in zip((flambeau, torch), nets, strict=True):
        loader = [(lib.from_numpy(b.copy()), None) for b in batches]
        net.eval()
        SWA[lib].update_bn(loader, net)
        assert not net.training
        assert net[1].momentum == 0.1
    for a, b in zip(nets[0].buffers(), nets[1].buffers(), strict=True):
        np.testing.assert_allclose(to_numpy(a), to_numpy(b), rtol=1e-5, atol=1e-6)
    plain = nn.Linear(2, 2)
    optim.swa_utils.update_bn([], plain)


@pytest.mark.parametrize("strategy", ["cos", "linear"])
@pytest.mark.parametrize("epochs", [0, 7])
def test_swalr(strategy, epochs):
    array = arrays()[0]
    pair = (
        optim.SGD([leaf(array)], lr=0.5),
        torch.optim.SGD([torch.nn.Parameter(torch.from_numpy(array))], lr=0.5),
    )
    schedulers = [
        swa.SWALR(opt, 0.05, epochs, strategy) for swa, opt in zip(SWA.values(), pair, strict=True)
    ]
    for _ in range(20):
        for opt, scheduler in zip(pair, schedulers, strict=True):
            opt.step()
            scheduler.step()
        assert schedulers[0].get_last_lr() == schedulers[1].get_last_lr()
    theirs = schedulers[1].state_dict()
    assert schedulers[0].state_dict() == theirs


def test_what_it_refuses():
    swa = optim.swa_utils
    with pytest.raises(ValueError, match="Invalid decay"):
        swa.get_ema_multi_avg_fn(1.5)
    with pytest.raises(ValueError, match="Invalid decay"):
        swa.get_ema_avg_fn(-1)
    net = _models()[0]
    with pytest.raises(AssertionError, match="Only one"):
        swa.AveragedModel(net, avg_fn=swa.get_swa_avg_fn(), multi_avg_fn=swa.get_swa_multi_avg_fn())
    opt = optim.SGD(net.parameters())
    with pytest.raises(ValueError, match="anneal_strategy"):
        swa.SWALR(opt, 0.1, anneal_strategy="steps")
    with pytest.raises(ValueError, match="anneal_epochs"):
        swa.SWALR(opt, 0.1, anneal_epochs=-1)
