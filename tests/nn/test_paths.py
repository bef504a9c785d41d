"""PyTorch's deep paths lead to the same objects."""

from __future__ import annotations

from collections import OrderedDict
from importlib import import_module

import pytest

import flambeau
from tests.nn.both import same
from tests.oracle import torch

nn = flambeau.nn


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("activation", ["ReLU", "Softmax"]),
        ("batchnorm", ["_BatchNorm", "_NormBase", "BatchNorm1d"]),
        ("container", ["Sequential", "ModuleList", "ParameterDict"]),
        ("conv", ["_ConvNd", "Conv2d", "_ConvTransposeNd"]),
        ("dropout", ["_DropoutNd", "Dropout"]),
        ("instancenorm", ["_InstanceNorm"]),
        ("linear", ["Linear", "Identity"]),
        ("loss", ["_Loss", "_WeightedLoss", "CrossEntropyLoss"]),
        ("module", ["Module", "register_module_forward_hook", "_IncompatibleKeys"]),
        ("normalization", ["LayerNorm"]),
        ("padding", ["_ConstantPadNd"]),
        ("pooling", ["_MaxPoolNd", "_AdaptiveAvgPoolNd"]),
        ("rnn", ["RNNBase", "RNNCellBase", "LSTM"]),
        ("sparse", ["Embedding", "EmbeddingBag"]),
        ("upsampling", ["Upsample"]),
        ("utils", ["_pair", "consume_prefix_in_state_dict_if_present"]),
    ],
)
def test_modules(path, names):
    ours = import_module(f"flambeau.nn.modules.{path}")
    theirs = import_module(f"torch.nn.modules.{path}")
    for name in names:
        assert hasattr(theirs, name)
        found = getattr(ours, name)
        if hasattr(nn, name):
            assert found is getattr(nn, name)
    assert getattr(nn.modules, path) is ours


def test_bases_are_shared():
    from flambeau.nn.modules.batchnorm import _BatchNorm
    from flambeau.nn.modules.conv import _ConvNd

    assert isinstance(nn.BatchNorm2d(2), _BatchNorm)
    assert isinstance(nn.ConvTranspose1d(1, 1, 1), _ConvNd)
    assert not isinstance(nn.InstanceNorm2d(2), _BatchNorm)


def test_tuples():
    def program(torch):
        u = import_module(f"{torch.__name__}.nn.modules.utils")
        return [
            u._pair(3),
            u._triple((1, 2, 3)),
            u._single(4),
            u._ntuple(2)([5, 6]),
            u._reverse_repeat_tuple((1, 2), 2),
            u._list_with_default([None, 3], [7, 8, 9]),
        ]

    same(program)


def test_prefix_is_consumed():
    def program(torch):
        u = import_module(f"{torch.__name__}.nn.modules.utils")
        wrapper = torch.nn.Module()
        wrapper.module = torch.nn.Linear(2, 1)
        state = wrapper.state_dict()
        u.consume_prefix_in_state_dict_if_present(state, "module.")
        plain = OrderedDict([("module.a", 1), ("b", 2)])
        u.consume_prefix_in_state_dict_if_present(plain, "module.")
        target = torch.nn.Linear(2, 1)
        return [list(state), sorted(plain), str(target.load_state_dict(state))]

    same(program)


def test_common_types_have_torchs_names():
    ours = import_module("flambeau.nn.common_types")
    theirs = import_module("torch.nn.common_types")
    for name in vars(theirs):
        if name.startswith(("_size", "_ratio")):
            assert hasattr(ours, name)
    assert torch is not None
