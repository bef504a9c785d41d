"""freeze holds, through train(), copies and nesting; snapshot does not follow the model."""

from __future__ import annotations

import copy
import pickle

import pytest

import flambeau
from flambeau import nn
from flambeau._tensor.core import value_of
from flambeau.errors import FlambeauWarning


def net() -> nn.Sequential:
    flambeau.manual_seed(0)
    return nn.Sequential(
        nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout()), nn.Linear(4, 2)
    )


def step(model, optimizer, x):
    optimizer.zero_grad()
    model(x).square().sum().backward()
    optimizer.step()


def state(model):
    return {name: t.tolist() for name, t in model.state_dict().items()}


def test_parameters_and_statistics_stay_through_train():
    model = net()
    x = flambeau.randn(8, 3)
    optimizer = flambeau.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)
    step(model, optimizer, x)  # momentum and gradients from before
    assert flambeau.freeze(model[0]) is model[0]
    before = state(model)
    model.train()
    step(model, optimizer, x)
    after = state(model)
    moved = {name for name in after if after[name] != before[name]}
    assert moved == {"1.weight", "1.bias"}
    assert model[0][0].weight.grad is None
    flambeau.unfreeze(model[0])
    assert model[0][1].training
    step(model, optimizer, x)
    assert {name for name in after if state(model)[name] != after[name]} == set(after)


@pytest.mark.parametrize("again", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_are_frozen(again):
    model = again(flambeau.freeze(net()))
    model.train()
    assert not any(m.training for m in model.modules())
    flambeau.unfreeze(model)
    assert all(m.training for m in model.modules())
    assert all(p.requires_grad for p in model.parameters())


def test_a_state_dict_neither_carries_nor_undoes_it():
    model, other = flambeau.freeze(net()), net()
    assert list(model.state_dict()) == list(other.state_dict())
    for assign in (False, True):
        model.load_state_dict(other.state_dict(), assign=assign)
        assert flambeau.is_frozen(model)
        assert not any(p.requires_grad for p in model.parameters())


def test_it_nests():
    model = net()
    flambeau.freeze(model[0])
    flambeau.freeze(model)
    flambeau.unfreeze(model)
    assert flambeau.is_frozen(model[0])
    assert not flambeau.is_frozen(model)
    assert [n for n, p in model.named_parameters() if p.requires_grad] == ["1.weight", "1.bias"]
    flambeau.unfreeze(model[0])
    assert all(p.requires_grad for p in model.parameters())
    flambeau.unfreeze(model)  # nothing to undo
    assert not flambeau.is_frozen(model)


def test_one_part_can_be_freed():
    model = flambeau.freeze(net())
    flambeau.unfreeze(model[1])
    model.train()
    assert [m.training for m in (model, model[0], model[1])] == [False, False, True]
    assert [n for n, p in model.named_parameters() if p.requires_grad] == ["1.weight", "1.bias"]


def test_what_was_off_stays_off():
    model = net()
    model[1].bias.requires_grad_(False)
    model.eval()
    flambeau.unfreeze(flambeau.freeze(model))
    assert not model.training
    assert not model[1].bias.requires_grad
    assert model[1].weight.requires_grad


def test_a_tied_parameter_is_held_by_either():
    a, b = nn.Linear(2, 2), nn.Linear(2, 2)
    b.weight = a.weight
    flambeau.freeze(a)
    flambeau.freeze(b)
    flambeau.unfreeze(a)
    assert not a.weight.requires_grad
    assert a.bias.requires_grad
    flambeau.unfreeze(b)
    assert a.weight.requires_grad


def test_requires_grad_of_what_is_frozen_waits():
    model = net()
    flambeau.freeze(model[0])
    with pytest.warns(FlambeauWarning, match=r"4 parameters are frozen.*0\.0, 0\.1.*\[FB037\]"):
        model.requires_grad_(True)
    assert not model[0][0].weight.requires_grad
    model.requires_grad_(False)
    flambeau.unfreeze(model)
    assert not any(p.requires_grad for p in model.parameters())


def test_what_is_no_module():
    with pytest.raises(TypeError, match=r"param.requires_grad_\(False\)"):
        flambeau.freeze(nn.Parameter(flambeau.ones(1)))


def test_a_snapshot_does_not_follow():
    model = nn.Linear(3, 2)
    optimizer = flambeau.optim.Adam(model.parameters(), lr=0.1)
    x = flambeau.ones(4, 3)
    step(model, optimizer, x)
    kept, moments = flambeau.snapshot(model), flambeau.snapshot(optimizer)
    before, first = state(model), optimizer.state[model.weight]["exp_avg"].tolist()
    assert value_of(kept["weight"]) is value_of(model.weight)  # nothing was copied
    step(model, optimizer, x)
    assert state(model) != before
    assert {name: t.tolist() for name, t in kept.items()} == before
    assert moments["state"][0]["exp_avg"].tolist() == first
    assert kept._metadata == model.state_dict()._metadata
    model.load_state_dict(kept)  # no warning
    assert state(model) == before
    with flambeau.no_grad():
        kept["weight"].add_(1)
    assert state(model) == before


def test_a_snapshot_keeps_ties():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[1].weight = model[0].weight
    kept = flambeau.snapshot(model)
    assert kept["0.weight"] is kept["1.weight"]
    with pytest.raises(TypeError, match="a module, an optimizer or a state dict, not int"):
        flambeau.snapshot(3)
