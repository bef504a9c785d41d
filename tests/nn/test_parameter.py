"""Parameter and Buffer next to torch's."""

from __future__ import annotations

import copy
import pickle

import pytest

import flambeau
from tests.nn.both import caught, same

nn = flambeau.nn


def test_construction():
    def program(torch):
        Parameter, Buffer = torch.nn.Parameter, torch.nn.Buffer
        t = torch.arange(4.0)
        p = Parameter(t)
        t[0] = 7.0  # the parameter shares memory with what it was made from
        frozen = Parameter(t, requires_grad=False)
        source = torch.ones(2, requires_grad=True) * 2
        detached = Parameter(source)
        return [
            p,
            p.requires_grad,
            p.is_leaf,
            p.grad_fn,
            frozen.requires_grad,
            detached.is_leaf,
            detached,
            Parameter().shape,
            Parameter(torch.tensor(1.0)).shape,
            Parameter(torch.ones(2, dtype=torch.float64)).dtype,
            caught(lambda: Parameter(torch.tensor([1, 2]))),
            Parameter(torch.tensor([1, 2]), requires_grad=False),
            Parameter(data=t, requires_grad=True),
            Buffer(t),
            Buffer(t).requires_grad,
            Buffer().shape,
        ]

    same(program)


@pytest.mark.parametrize("value", [[1.0, 2.0], 3.0, "x"])
def test_only_tensors_become_parameters(value):
    with pytest.raises(AttributeError, match="Parameter"):
        nn.Parameter(value)


def test_isinstance():
    def program(torch):
        nn = torch.nn
        p = nn.Parameter(torch.ones(1))
        b = nn.Buffer(torch.ones(1))

        class Special(nn.Parameter):
            pass

        class Sub(torch.Tensor):
            pass

        special = Special(torch.ones(1))
        marked = torch.ones(1)
        marked._is_param = True
        return [
            isinstance(p, torch.Tensor),
            isinstance(p, nn.Parameter),
            isinstance(torch.ones(1), nn.Parameter),
            isinstance(p.data, nn.Parameter),
            isinstance(p * 1, nn.Parameter),
            isinstance(p.detach(), nn.Parameter),
            isinstance(p.clone(), nn.Parameter),
            isinstance(special, Special),
            isinstance(special, nn.Parameter),
            isinstance(p, Special),
            isinstance(marked, nn.Parameter),
            isinstance(marked, Special),
            isinstance(b, nn.Buffer),
            isinstance(p, nn.Buffer),
            isinstance(torch.ones(1), nn.Buffer),
            isinstance(3, nn.Parameter),
            isinstance(None, nn.Buffer),
            issubclass(nn.Parameter, torch.Tensor),
            type(special).__name__,
        ]

    same(program)


def test_repr():
    def program(torch):
        Parameter = torch.nn.Parameter
        return [
            repr(Parameter(torch.ones(2, 3))),
            str(Parameter(torch.tensor(1.5))),
            repr(Parameter()),
            repr(Parameter(torch.ones(2), requires_grad=False)),
            repr(Parameter(torch.ones(2, dtype=torch.float64))),
            repr(torch.nn.Buffer(torch.ones(2))),
            repr(Parameter(torch.ones(2)).data),
        ]

    same(program)


def test_training_reaches_grad():
    def program(torch):
        p = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
        (p * p).sum().backward()
        (p * p).sum().backward()
        return [p.grad, p.grad.requires_grad, (p + 1).requires_grad]

    same(program)


@pytest.mark.parametrize("how", [copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))])
def test_copies_are_parameters(how):
    p = nn.Parameter(flambeau.arange(3.0), requires_grad=False)
    other = how(p)
    assert type(other) is nn.Parameter
    assert other.requires_grad is False
    with flambeau.no_grad():
        other.add_(1)
    assert p.tolist() == [0, 1, 2]
    assert other.tolist() == [1, 2, 3]


def test_deepcopy_keeps_ties():
    p = nn.Parameter(flambeau.ones(1))
    a, b = copy.deepcopy([p, p])
    assert a is b


def test_attributes_survive_pickling():
    p = nn.Parameter(flambeau.ones(1))
    p.tag = "mine"
    assert pickle.loads(pickle.dumps(p)).tag == "mine"
