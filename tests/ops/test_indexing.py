"""Indexing rows against torch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from flambeau._ops import indexing as rows
from tests.ops.against_torch import array, check
from tests.oracle import torch

X = array(3, 4)
S = array(3, 4, seed=1)
I = np.array([[0, 2, 1], [2, 2, 0]])
L = np.array([2, 0, 2])
MASK = np.array([[True, False, True, False], [False] * 4, [True] * 4])

CASES = [
    (rows.gather, torch.gather, X, 0, I),
    (rows.gather, torch.gather, X, -1, I),
    (rows.gather, torch.gather, array(5), 0, np.array([4, 4])),
    (rows.scatter_value, torch.scatter, X, 0, I, 0.5),
    (rows.scatter_add, torch.scatter_add, X, 0, I, S[:2, :3]),
    (rows.scatter_add, torch.scatter_add, X, 1, I, S[:2, :3]),
    (rows.index_select, torch.index_select, X, 1, L),
    (rows.index_add, torch.index_add, X, 0, L, S),
    (rows.index_fill, torch.index_fill, X, 1, L, 0.5),
    (rows.index_copy, torch.index_copy, X, 0, np.array([2, 0, 1]), S),
    (rows.take, torch.take, X, np.array([[-1, 3], [0, 0]])),
    (rows.take_along_dim, torch.take_along_dim, X, np.array([[1], [0], [3]]), 1),
    (rows.take_along_dim, torch.take_along_dim, X, np.array([1, 0])),
    (rows.put, torch.put, X, np.array([0, -1]), array(2)),
    (rows.put, torch.put, X, np.array([1, 1]), array(2), True),
    (rows.masked_fill, torch.masked_fill, X, MASK, 2.0),
    (rows.masked_fill, torch.masked_fill, array(1, 4), MASK, 2.0),
    (rows.masked_scatter, torch.masked_scatter, X, MASK, S),
    (rows.where, torch.where, MASK, X, S),
    (rows.where, torch.where, MASK, array(3, 1), array(4)),
    (rows.one_hot, torch.nn.functional.one_hot, np.array([[0, 2], [1, 1]]), 4),
    (rows.select_scatter, torch.select_scatter, X, array(3), 1, -1),
    (rows.slice_scatter, torch.slice_scatter, X, array(3, 2), 1, 0, None, 2),
    (rows.diagonal_scatter, torch.diagonal_scatter, X, array(3), 1),
]


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c[0].name}{c[3:4]}")
def test_values_and_gradients(case):
    check(*case)


def test_scatter_without_repeats():
    index = np.array([[0, 2, 1], [2, 1, 0]])
    check(rows.scatter, torch.scatter, X, 0, index, S[:2, :3])
    check(rows.scatter, torch.scatter, X, 0, index, S, grad=False)


def test_as_strided_scatter():
    args = X, array(2, 2), (2, 2), (4, 1), 1
    check(rows.as_strided_scatter, torch.as_strided_scatter, *args, grad=False)


@pytest.mark.parametrize("reduce", ["sum", "prod", "mean", "amax", "amin"])
@pytest.mark.parametrize("include_self", [True, False])
def test_scatter_reduce(reduce, include_self):
    """Ties share the gradient; a product with zeros keeps the right slopes."""
    base = np.array([1.0, 2.0, 0.0, 3.0])
    src = np.array([3.0, 3.0, 0.0, 2.0, 2.0, 5.0])
    index = np.array([0, 0, 0, 1, 1, 2])
    check(
        lambda x, i, s: rows.scatter_reduce(x, 0, i, s, reduce, include_self=include_self),
        lambda x, i, s: torch.scatter_reduce(x, 0, i, s, reduce, include_self=include_self),
        base,
        index,
        src,
    )
    ints = base.astype(np.int64), index, src.astype(np.int64)
    check(
        lambda x, i, s: rows.scatter_reduce(x, 0, i, s, reduce, include_self=include_self),
        lambda x, i, s: torch.scatter_reduce(x, 0, i, s, reduce, include_self=include_self),
        *ints,
    )


@pytest.mark.filterwarnings("ignore:index_reduce")
@pytest.mark.parametrize("reduce", ["prod", "mean", "amax", "amin"])
def test_index_reduce(reduce):
    check(
        lambda x, i, s: rows.index_reduce(x, 1, i, s, reduce, include_self=False),
        lambda x, i, s: torch.index_reduce(x, 1, i, s, reduce, include_self=False),
        X,
        L,
        array(3, 3),
    )


def test_product_into_groups_has_a_second_derivative():
    at = np.array([0, 0, 1])
    with jax.enable_x64(True):

        def f(x):
            return rows.scatter_reduce(jnp.ones(2), 0, jnp.asarray(at), x, "prod").sum()

        ours = jax.hessian(f)(jnp.array([2.0, 3.0, 4.0]))
    np.testing.assert_allclose(ours, [[0, 1, 0], [1, 0, 0], [0, 0, 0]])


KEYS = [
    ((0,), lambda i: (i,), [np.array([[0, 2], [-1, 1]])]),
    ((1,), lambda i: (slice(None), i), [np.array([3, -4])]),
    ((0, 1), lambda i, j: (i, j), [np.array([0, 2]), np.array([1, 1])]),
    ((0, 2), lambda i, j: (i, slice(None), j), [np.array([0, 2]), np.array([[1], [0]])]),
    ((1, 2), lambda i, j: (slice(None), i, j), [np.array([0, 2]), np.array([1, 1])]),
]


@pytest.mark.parametrize("accumulate", [False, True])
@pytest.mark.parametrize(("dims", "key", "indices"), KEYS)
def test_advanced_indexing(dims, key, indices, accumulate):
    x = array(3, 4, 2)
    check(lambda x, *i: rows.index(x, i, dims), lambda x, *i: x[key(*i)], x, *indices)

    def oracle(x, v, *i):
        slots = [None] * 3
        for d, at in zip(dims, i, strict=True):
            slots[d] = at
        while slots[-1] is None:
            slots.pop()
        return torch.ops.aten.index_put(x, slots, v, accumulate)

    check(lambda x, v, *i: rows.index_put(x, i, v, dims, accumulate), oracle, x, array(1), *indices)


@pytest.mark.parametrize(
    ("row", "oracle", "error"),
    [
        (
            lambda x: rows.gather(x, 0, jnp.zeros((2,), jnp.int64)),
            lambda x: torch.gather(x, 0, torch.zeros(2, dtype=torch.int64)),
            RuntimeError,
        ),
        (
            lambda x: rows.index_select(x, 0, jnp.zeros((2, 2), jnp.int64)),
            lambda x: torch.index_select(x, 0, torch.zeros(2, 2, dtype=torch.int64)),
            IndexError,
        ),
        (
            lambda x: rows.masked_fill(x, jnp.zeros((3, 4), jnp.int32), 0),
            lambda x: torch.masked_fill(x, torch.zeros(3, 4, dtype=torch.int32), 0),
            RuntimeError,
        ),
        (
            lambda x: rows.index(x, [jnp.zeros(2, int), jnp.zeros(3, int)], (0, 1)),
            lambda x: x[torch.zeros(2, dtype=torch.int64), torch.zeros(3, dtype=torch.int64)],
            IndexError,
        ),
        (
            lambda x: rows.index_put(x, [jnp.zeros(2, int)], jnp.zeros(3), (0,)),
            lambda x: x.index_put(
                [torch.zeros(2, dtype=torch.int64)], torch.zeros(3, dtype=torch.float64)
            ),
            RuntimeError,
        ),
    ],
)
def test_errors_are_torchs(row, oracle, error):
    with pytest.raises(error):
        oracle(torch.from_numpy(X))
    with jax.enable_x64(True), pytest.raises(error):
        row(jnp.asarray(X))


def test_positions_out_of_range_never_reach_another_element():
    with jax.enable_x64(True):
        x = jnp.arange(3)
        at = jnp.array([7, -9])
        np.testing.assert_array_equal(rows.gather(x, 0, at), [2, 0])
        np.testing.assert_array_equal(rows.scatter_value(x, 0, at, 5), [0, 1, 2])
        np.testing.assert_array_equal(rows.index_put(x, [at], jnp.array(5), (0,)), [0, 1, 2])
