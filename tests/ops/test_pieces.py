"""Gradients of parts: where they make up the whole they are joined, else they are added."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

import flambeau
from flambeau._engine import executor
from flambeau._ops.pieces import Pieces
from tests.oracle import assert_close, torch

LENGTH = 6


def slices(*bounds):
    """Derivatives of slices of a row of six: name, static arguments, their gradients."""
    found = []
    for start, end in bounds:
        static = {"dim": -1, "start": start, "end": end}
        found.append(("slice", static, jnp.full((2, end - start), 1.0 + start), start))
    return found


def added(parts):
    """The sum of some derivatives, joined where that can be, and whether it was."""
    pieces, total = Pieces(), None
    for name, static, given, start in parts:
        whole = jnp.zeros((2, LENGTH)).at[:, start : start + given.shape[-1]].set(given)
        pieces.part(name, static, [jnp.zeros((2, LENGTH)), given], [whole])
        plain = whole if total is None else total + whole
        total = whole if total is None else pieces.sum([total, whole], plain)
    return total, total is not plain


@pytest.mark.parametrize(
    ("bounds", "joined"),
    [
        ([(0, 2), (2, 6)], True),
        ([(4, 6), (0, 1), (1, 4)], True),
        ([(0, 2), (2, 5)], False),
        ([(0, 3), (2, 6)], False),
        ([(0, 6), (0, 6)], False),
        ([(0, 2), (3, 6)], False),
        ([(0, 0), (0, 6)], False),
    ],
    ids=str,
)
def test_parts_of_a_row(bounds, joined):
    out, was = added(slices(*bounds))
    expected = np.zeros((2, LENGTH), np.float32)
    for start, end in bounds:
        expected[:, start:end] += 1.0 + start
    np.testing.assert_array_equal(out, expected)
    assert was is joined


def test_what_is_no_part_or_has_a_step_is_added():
    for name, static in (("relu", {}), ("slice", {"dim": 1, "start": 0, "end": 6, "step": 2})):
        pieces = Pieces()
        first, second = jnp.ones((2, 3)), jnp.ones((2, 3)) * 2
        pieces.part(name, static, [first, first], [first])
        pieces.part(name, static, [second, second], [second])
        plain = first + second
        assert pieces.sum([first, second], plain) is plain


def programs(lib, make):
    """Gradients of what `make` computes from parts of one tensor."""
    rng = np.random.default_rng(0)
    x = lib.from_numpy(rng.standard_normal((4, LENGTH)).astype("float32")).requires_grad_()
    make(lib, x).backward()
    return x.grad


def squares(parts):
    return sum((k + 1) * (part**2).sum() for k, part in enumerate(parts))


FORMS = {
    "split": lambda lib, x: squares(x.split(2, dim=1)),
    "chunk, last first": lambda lib, x: squares(x.chunk(3, dim=-1)[::-1]),
    "unbind": lambda lib, x: squares(x.unbind(0)),
    "indices": lambda lib, x: squares([x[:, 0], x[:, 1:-1], x[:, -1]]),
    "overlapping": lambda lib, x: squares([x[:, :4], x[:, 2:]]),
    "twice": lambda lib, x: squares([x[0], x[0], x[1], x[2], x[3]]),
    "two dimensions": lambda lib, x: squares([x[:2], x[2:], x[:, :3], x[:, 3:]]),
    "whole as well": lambda lib, x: squares([x[:2], x, x[2:]]),
}


@pytest.mark.parametrize("form", FORMS)
def test_gradients_are_those_of_torch(form):
    assert_close(programs(flambeau, FORMS[form]), programs(torch, FORMS[form]), rtol=1e-6)


def test_a_program_writes_the_parts_side_by_side():
    executor.begin()
    x = flambeau.ones(5, 9, requires_grad=True)  # a shape that no other test has
    squares(x.split(3, dim=1)).backward()
    x.grad.tolist()
    texts = [p.compiled.as_text() for p in list(executor._resident.values())]
    text = "".join(t for t in texts if "f32[5,9]" in t)
    assert "concatenate" in text
    assert "pad(" not in text


def test_second_derivatives_go_through():
    x = flambeau.randn(2, 4, dtype=flambeau.float64, requires_grad=True)
    function = lambda x: squares([p.tanh() for p in x.split(2, dim=1)])
    assert flambeau.autograd.gradcheck(function, (x,))
    assert flambeau.autograd.gradgradcheck(function, (x,))
