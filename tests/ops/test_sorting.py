"""Sorting, searching and counting rows against torch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from flambeau._ops import sorting as rows
from tests.ops.against_torch import array, check
from tests.oracle import torch

X = array(3, 4)
TIES = np.array([[2.0, 1.0, 2.0, np.nan], [0.0, -np.inf, 0.0, np.inf]])


def stable(x, dim, descending):
    return torch.sort(x, dim=dim, descending=descending, stable=True)


CASES = [
    (rows.sort, stable, X, 0, True),
    (rows.sort, stable, X, -1, False),
    (rows.sort, stable, array(4, 3, dtype="int8"), 1, True),
    (rows.sort, stable, array(9, dtype="bool"), 0, True),
    (rows.argsort, lambda x, d: torch.argsort(x, dim=d, stable=True), X, 0),
    (rows.msort, torch.msort, X),
    (rows.topk, torch.topk, X, 2, 1),
    (rows.topk, torch.topk, X, 2, 0, False),
    (rows.topk, torch.topk, array(8, dtype="int64"), 3),
    (rows.topk, torch.topk, X, 4, 1),
    (rows.kthvalue, torch.kthvalue, X, 2, 0, True),
    (rows.kthvalue, torch.kthvalue, X, 3),
    (rows.searchsorted, torch.searchsorted, np.array([1.0, 3, 3, 5]), np.array([[3.0, 9], [0, 5]])),
    (
        rows.searchsorted,
        torch.searchsorted,
        np.sort(X, axis=1),
        array(3, 2, seed=4),
    ),
    (rows.bucketize, torch.bucketize, X, np.array([-1.0, 0, 1])),
    (rows.histc, torch.histc, X, 4, -1, 1),
    (rows.histc, torch.histc, X, 5, 0, 0),
]


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c[0].name}{c[3:]}"[:40])
def test_values_and_gradients(case):
    check(*case, grad=case[0].name not in ("searchsorted", "bucketize", "histc"))


@pytest.mark.parametrize("descending", [False, True])
def test_ties_keep_their_order_and_nan_is_greatest(descending):
    check(rows.sort, stable, TIES, 1, descending, grad=False)
    largest = torch.topk(torch.from_numpy(TIES), 2)[0]
    with jax.enable_x64(True):
        ours = rows.topk(jnp.asarray(TIES), 2)[0]
    np.testing.assert_array_equal(ours, largest)


def test_searchsorted_options():
    seq, values = np.array([1.0, 3, 3, 5]), np.array([3.0, 1.0])
    order = np.array([1, 0, 2, 3])
    for options in ({"right": True}, {"side": "right"}, {"out_int32": True}):
        check(
            lambda s, v, o=options: rows.searchsorted(s, v, **o),
            lambda s, v, o=options: torch.searchsorted(s, v, **o),
            seq,
            values,
            grad=False,
        )
    check(
        lambda s, v, o: rows.searchsorted(s, v, sorter=o),
        lambda s, v, o: torch.searchsorted(s, v, sorter=o),
        seq[order],
        values,
        order,
        grad=False,
    )


def test_bincount():
    values, weights = np.array([1, 0, 1, 3]), np.array([0.5, 1, 2, 4], np.float32)
    check(lambda v: rows.bincount(v, None, 4), torch.bincount, values)
    check(
        lambda v, w: rows.bincount(v, w, 5),
        lambda v, w: torch.bincount(v, w, 5),
        values,
        weights,
        grad=False,
    )


@pytest.mark.parametrize(
    ("row", "oracle"),
    [
        (lambda x: rows.topk(x, 9), lambda x: torch.topk(x, 9)),
        (lambda x: rows.kthvalue(x, 0), lambda x: torch.kthvalue(x, 0)),
        (lambda x: rows.bucketize(x, x), lambda x: torch.bucketize(x, x)),
    ],
)
def test_errors_are_torchs(row, oracle):
    with pytest.raises(RuntimeError):
        oracle(torch.from_numpy(X))
    with jax.enable_x64(True), pytest.raises(RuntimeError):
        row(jnp.asarray(X))
