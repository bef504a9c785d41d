"""A Parameter is a Tensor, and assigning it to an attribute of a module registers it."""

from __future__ import annotations

import pytest

from tests.nn.both import caught, same


def names(m):
    return [name for name, _ in m.named_parameters()]


def test_a_parameter_is_a_tensor():
    def program(torch):
        p = torch.nn.Parameter(torch.ones(2))
        return [
            isinstance(p, torch.Tensor),
            issubclass(torch.nn.Parameter, torch.Tensor),
            isinstance(torch.ones(2), torch.nn.Parameter),
            (p + 1).sum(),
            repr(p),
        ]

    same(program)


def test_assignment_registers_in_order():
    def program(torch):
        m = torch.nn.Module()
        m.second = torch.nn.Parameter(torch.zeros(2))
        m.child = torch.nn.Linear(1, 1)
        m.first = torch.nn.Parameter(torch.zeros(1))
        return [names(m), m.second, m._parameters.keys() == {"second", "first"}]

    same(program)


@pytest.mark.filterwarnings("ignore:.*FB002")
def test_a_plain_tensor_is_not_registered():
    def program(torch):
        m = torch.nn.Module()
        m.plain = torch.ones(2, requires_grad=True)
        return [names(m), list(m.state_dict()), m.plain]

    same(program)


def test_deleting():
    def program(torch):
        m = torch.nn.Linear(2, 2)
        del m.bias
        return [names(m), caught(lambda: m.bias), list(m.state_dict())]

    same(program)


def test_replacing_by_another_parameter_keeps_the_place():
    def program(torch):
        m = torch.nn.Linear(2, 2)
        m.weight = torch.nn.Parameter(torch.ones(3, 3))
        return [names(m), m.weight]

    same(program)


def test_replacing_by_none():
    def program(torch):
        m = torch.nn.Linear(2, 2)
        m.bias = None
        saw = [names(m), m.bias, list(m.state_dict()), repr(m)]
        m.bias = torch.nn.Parameter(torch.ones(2))
        return [*saw, names(m)]

    same(program)


def test_replacing_by_a_tensor_is_an_error():
    def program(torch):
        m = torch.nn.Linear(2, 2)
        return [caught(lambda: setattr(m, "weight", torch.ones(2, 2))), names(m)]

    same(program)


def test_replacing_by_a_module():
    def program(torch):
        m = torch.nn.Linear(2, 2)
        saw = [caught(lambda: setattr(m, "weight", torch.nn.Identity()))]
        m.extra = torch.nn.Identity()
        m.extra = torch.nn.Parameter(torch.ones(1))
        return [*saw, names(m), [n for n, _ in m.named_children()]]

    same(program)


def test_a_parameter_replaces_a_plain_attribute():
    def program(torch):
        m = torch.nn.Module()
        m.x = 3
        m.x = torch.nn.Parameter(torch.ones(1))
        return [names(m), "x" in vars(m)]

    same(program)
