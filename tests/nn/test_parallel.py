"""Wrappers for several devices, with one."""

from __future__ import annotations

import pickle

import pytest

import flambeau
from flambeau import nn
from tests.oracle import torch


def test_data_parallel_wraps_the_module():
    inner = nn.Linear(3, 2)
    wrapped = nn.DataParallel(inner)
    assert wrapped.module is inner
    assert repr(wrapped) == repr(torch.nn.DataParallel(torch.nn.Linear(3, 2)))
    assert list(wrapped.state_dict()) == ["module.weight", "module.bias"]
    x = flambeau.ones(4, 3)
    assert flambeau.equal(wrapped(x), inner(x))
    assert flambeau.equal(nn.parallel.data_parallel(inner, x), inner(x))
    assert flambeau.equal(pickle.loads(pickle.dumps(wrapped))(x), inner(x))
    with pytest.warns(flambeau.errors.FlambeauWarning, match="one device"):
        nn.DataParallel(inner, device_ids=[0, 1])


def test_distributed_data_parallel_of_one_process(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    inner = nn.Linear(3, 2)
    ddp = nn.parallel.DistributedDataParallel(inner, find_unused_parameters=True)
    assert list(ddp.state_dict()) == ["module.weight", "module.bias"]
    x = flambeau.ones(4, 3)
    with ddp.no_sync():
        ddp(x).sum().backward()
    ddp(x).sum().backward()
    assert inner.bias.grad.tolist() == [8.0, 8.0]
    with pytest.raises(RuntimeError, match="doesn't have any parameters"):
        nn.parallel.DistributedDataParallel(nn.ReLU())
    with pytest.raises(TypeError, match="unexpected arguments buckets"):
        nn.parallel.DistributedDataParallel(inner, buckets=1)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(RuntimeError, match="WORLD_SIZE is 2"):
        nn.parallel.DistributedDataParallel(inner)
