"""Idioms of older PyTorch: Variable, volatile, `.data`."""

from __future__ import annotations

import pytest

import flambeau
from tests.nn.both import caught, same


def test_variable():
    def program(torch):
        from_name = torch.autograd.Variable
        x = from_name(torch.ones(2), requires_grad=True)
        (x * 3).sum().backward()
        plain = from_name(torch.ones(2))
        return [
            x.grad,
            x.requires_grad,
            isinstance(x, torch.Tensor),
            isinstance(torch.ones(1), from_name),
            plain.requires_grad,
            type(x).__name__,
        ]

    same(program)


def test_data_shares_memory_and_has_no_history():
    def program(torch):
        w = torch.ones(3, requires_grad=True)
        y = w * 2
        y.data.mul_(10)
        w.data -= 0.5
        w.data[0] = 7.0
        saw = [w, y.data, w.data.requires_grad, w.data.is_leaf, y.requires_grad]
        w.data = torch.zeros(2)
        return [*saw, w, w.requires_grad]

    same(program)


def test_a_training_loop_of_2017():
    def program(torch):
        from_name = torch.autograd.Variable
        x = from_name(torch.linspace(-1, 1, 6).reshape(3, 2))
        y = from_name(torch.ones(3, 1), requires_grad=False)
        w = from_name(torch.zeros(2, 1), requires_grad=True)
        for _ in range(3):
            loss = (x.mm(w) - y).pow(2).sum()
            loss.backward()
            w.data -= 0.1 * w.grad.data
            w.grad.data.zero_()
        return [w, w.grad, loss.data.item() > 0]

    same(program)


@pytest.mark.filterwarnings("ignore:volatile was removed:UserWarning")
def test_volatile_means_what_it_means_today():
    def program(torch):
        return caught(lambda: torch.autograd.Variable(torch.ones(1), volatile=True).requires_grad)

    same(program)


def test_volatile_of_flambeau_is_no_surprise():
    assert flambeau.autograd.Variable is not None
