"""Functions of order, counts and compact decompositions whose results depend on the data."""

import numpy as np
import pytest

import flambeau
from tests.oracle import assert_close, torch

X = np.array([[3.0, 1.0, 3.0], [2.0, 2.0, 1.0]])
N = np.array([1, 0, 1, 4])


def check(run, *arrays):
    ours = run(flambeau, *(flambeau.tensor(a) for a in arrays))
    theirs = run(torch, *(torch.tensor(a) for a in arrays))
    assert_close(ours, theirs)


@pytest.mark.parametrize(
    "run",
    [
        lambda m, x: m.unique(x),
        lambda m, x: m.unique(x, return_inverse=True, return_counts=True),
        lambda m, x: m.unique(x, dim=1, return_inverse=True),
        lambda m, x: m.unique_consecutive(x, return_inverse=True, return_counts=True),
        lambda m, x: m.nonzero(x > 1),
        lambda m, x: m.nonzero(x > 1, as_tuple=True),
        lambda m, x: m.where(x > 2),
        lambda m, x: m.masked_select(x, x[0] > 1),
        lambda m, x: m.argwhere(x > 5),
        lambda m, x: tuple(m.histogram(x, 4)),
        lambda m, x: tuple(m.histogram(x, 3, range=(0.0, 2.5), density=True)),
        lambda m, x: m.pdist(x),
        lambda m, x: m.repeat_interleave(x, m.tensor([2, 0, 1]), 1),
        lambda m, x: tuple(x.sort(1, descending=True)),
        lambda m, x: tuple(m.geqrf(x)),
        lambda m, x: m.ormqr(*m.geqrf(x), x, True, True),
    ],
)
def test_results_are_torchs(run):
    check(run, X)


def test_counts():
    check(lambda m, n: m.bincount(n), N)
    check(lambda m, n: m.bincount(n, minlength=8), N)
    check(lambda m, n: m.unravel_index(n, (2, 3)), N)
    check(lambda m, n: m.repeat_interleave(n), N)
    with pytest.raises(RuntimeError):
        flambeau.bincount(flambeau.tensor([-1]))


def test_low_rank():
    a = np.random.default_rng(0).standard_normal((5, 2)) @ np.ones((2, 4))
    u, s, v = flambeau.svd_lowrank(flambeau.tensor(a), 2)
    np.testing.assert_allclose((u @ s.diag() @ v.T).numpy(), a, atol=1e-12)
