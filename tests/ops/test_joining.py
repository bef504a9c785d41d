"""Joining, repeating and rearranging rows against torch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from flambeau._ops import joining as rows
from tests.ops.against_torch import array, check
from tests.oracle import torch

A, B, V = array(2, 3), array(2, 3, seed=1), array(3)

CASES = [
    (rows.cat, torch.cat, [A, B], 1),
    (rows.cat, torch.cat, [A, np.zeros((0,)), B], 0),
    (rows.stack, torch.stack, [A, B], -1),
    (rows.hstack, torch.hstack, [V, V]),
    (rows.hstack, torch.hstack, [A, B]),
    (rows.vstack, torch.vstack, [V, A]),
    (rows.dstack, torch.dstack, [A, B]),
    (rows.dstack, torch.dstack, [V, V]),
    (rows.column_stack, torch.column_stack, [array(2), A]),
    (rows.block_diag, lambda t: torch.block_diag(*t), [A, V, array(1, 1)]),
    (rows.repeat, lambda x, r: x.repeat(r), A, (2, 1, 3)),
    (rows.tile, torch.tile, A, (2,)),
    (rows.repeat_interleave, torch.repeat_interleave, A, 2),
    (rows.repeat_interleave, torch.repeat_interleave, A, 3, -1),
    (
        lambda x, r: rows.repeat_interleave_counts(x, r, 1, 4),
        lambda x, r: torch.repeat_interleave(x, r, 1),
        A,
        np.array([1, 0, 3]),
    ),
    (rows.flip, torch.flip, A, (0, -1)),
    (rows.fliplr, torch.fliplr, A),
    (rows.flipud, torch.flipud, A),
    (rows.roll, torch.roll, A, (2,)),
    (rows.roll, torch.roll, A, (1, -1), (0, 1)),
    (rows.rot90, torch.rot90, A, 3, (1, 0)),
    (rows.constant_pad_nd, torch.constant_pad_nd, A, (1, -1, 0, 2), 0.5),
    (rows.tril, torch.tril, array(2, 3, 3), -1),
    (rows.triu, torch.triu, array(2, 3, 4), 1),
    (rows.diag_embed, torch.diag_embed, A, 1, 0, -1),
    (rows.diag, torch.diag, V, -1),
    (rows.diag, torch.diag, A, 1),
    (rows.trace, torch.trace, array(3, 4)),
    (rows.trace, torch.trace, array(3, 4, dtype="int32")),
    (rows.vander, torch.vander, array(3, dtype="int32")),
]


@pytest.mark.parametrize("case", CASES, ids=lambda c: getattr(c[0], "name", "counts"))
def test_values_and_gradients(case):
    check(*case)


@pytest.mark.parametrize(
    ("row", "oracle"),
    [
        (lambda a: rows.cat([]), lambda a: torch.cat([])),
        (lambda a: rows.cat([a, a[:1]], 1), lambda a: torch.cat([a, a[:1]], 1)),
        (lambda a: rows.cat([a, a[0]]), lambda a: torch.cat([a, a[0]])),
        (lambda a: rows.stack([a, a[:1]]), lambda a: torch.stack([a, a[:1]])),
        (lambda a: rows.repeat(a, (2,)), lambda a: a.repeat(2)),
        (lambda a: rows.roll(a, (1, 2), (0,)), lambda a: a.roll((1, 2), (0,))),
        (lambda a: rows.constant_pad_nd(a, (1,), 0), lambda a: torch.constant_pad_nd(a, (1,), 0)),
    ],
)
def test_errors_are_torchs(row, oracle):
    with pytest.raises((RuntimeError, ValueError)) as theirs:
        oracle(torch.from_numpy(A))
    with jax.enable_x64(True), pytest.raises((RuntimeError, ValueError)) as ours:
        row(jnp.asarray(A))
    assert ours.type is theirs.type
    assert str(ours.value) == str(theirs.value).split("\n")[0]


def test_vander_of_floats():
    check(rows.vander, torch.vander, V, 4, True, grad=False)
