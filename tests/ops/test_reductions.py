"""Reductions against PyTorch."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

import flambeau as lib
from flambeau._ops import reductions as rows
from tests.ops._compare import check, torch
from tests.oracle import assert_close

NAN, INF = float("nan"), float("inf")


def sample(*shape, dtype=torch.float64, seed=0):
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


X = sample(3, 4, 3)
WITH_TIES = torch.tensor([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0], [0.0, -1.0, 5.0]], dtype=torch.float64)
DIMS = [None, 0, -1, (0, 2), (1,)]


def call(name, **kwargs):
    return lambda x: getattr(torch, name)(x, **kwargs)


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("name", ["sum", "mean", "nansum", "nanmean"])
def test_sums(name, dim, keepdim):
    row = getattr(rows, name, None) or getattr(rows, name + "_")
    check(row, getattr(torch, name), X, dim=dim, keepdim=keepdim)


@pytest.mark.parametrize(
    "dtype", [torch.bool, torch.uint8, torch.int32, torch.bfloat16, torch.float16]
)
def test_sum_dtypes(dtype):
    x = torch.arange(12).reshape(3, 4).to(dtype)
    check(rows.sum_, torch.sum, x, dim=1, grad=False)
    check(
        lambda a: rows.sum_(a, dtype=jnp.dtype("float32")),
        lambda a: torch.sum(a, dtype=torch.float32),
        x,
    )


def test_complex_sums():
    z = sample(3, 4, dtype=torch.complex128)
    for row, oracle in ((rows.sum_, torch.sum), (rows.mean, torch.mean)):
        check(row, oracle, z, dim=0)
    for name in ("var", "std"):
        check(lambda a, n=name: getattr(rows, n)(a, (0,)), call(name, dim=0), z)


def test_nan_is_left_out():
    x = torch.tensor([[1.0, NAN, 3.0], [NAN, NAN, NAN]], dtype=torch.float64)
    check(rows.nansum, torch.nansum, x, dim=1)
    check(rows.nanmean, torch.nanmean, x, dim=1, grad=False)


def test_mean_refuses_integers():
    with pytest.raises(RuntimeError, match="Int"):
        rows.mean(jnp.arange(3, dtype=jnp.int32))


def test_prod_and_its_gradient_at_zeros():
    for x in (X, torch.tensor([[1.0, 0.0, 3.0], [0.0, 0.0, 2.0]], dtype=torch.float64)):
        check(rows.prod_all, torch.prod, x)
        check(rows.prod_dim, torch.prod, x, dim=1, keepdim=True)
    check(rows.prod_all, torch.prod, torch.tensor([2, 3]))


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("correction", [0, 1, 2])
@pytest.mark.parametrize("name", ["var", "std", "var_mean", "std_mean"])
def test_moments(name, dim, correction):
    check(getattr(rows, name), getattr(torch, name), X, dim=dim, correction=correction)


def test_std_of_equal_numbers_has_gradient_zero():
    check(rows.std, call("std", correction=1), torch.full((3,), 2.0, dtype=torch.float64))


def test_cov_and_corrcoef():
    x = sample(3, 6)
    check(rows.cov, torch.cov, x)
    check(rows.cov, torch.cov, x[0])
    check(rows.cov, torch.cov, x, correction=0)
    f, a = torch.tensor([1, 2, 1, 3, 1, 2]), sample(6, seed=3).abs()
    check(rows.cov, torch.cov, x, fweights=f, aweights=a)
    check(rows.corrcoef, torch.corrcoef, x)


@pytest.mark.parametrize("name", ["all", "any"])
def test_logic(name):
    row = getattr(rows, name + "_")
    x = torch.tensor([[0, 1], [1, 1]])
    for dtype in (torch.bool, torch.uint8, torch.float32):
        check(row, getattr(torch, name), x.to(dtype))
        check(row, getattr(torch, name), x.to(dtype), dim=1, keepdim=True)


@pytest.mark.parametrize("dim", [0, -1, (0, 1), ()])
@pytest.mark.parametrize("name", ["amax", "amin"])
def test_extremes_share_the_gradient(name, dim):
    check(getattr(rows, name), getattr(torch, name), WITH_TIES, dim=dim)


def test_extremes_of_everything():
    check(rows.max_all, torch.max, WITH_TIES)
    check(rows.min_all, torch.min, WITH_TIES)
    check(rows.aminmax, torch.aminmax, WITH_TIES, dim=1)
    check(rows.aminmax, torch.aminmax, WITH_TIES)


@pytest.mark.parametrize("dtype", [torch.float64, torch.int32, torch.bool])
@pytest.mark.parametrize("name", ["max", "min"])
def test_extremes_with_indices(name, dtype):
    x = sample(3, 5).mul(3).to(dtype)
    if dtype == torch.float64:
        x[1, 2] = NAN
    for keepdim in (False, True):
        check(getattr(rows, name + "_dim"), getattr(torch, name), x, dim=1, keepdim=keepdim)


@pytest.mark.parametrize("name", ["argmax", "argmin"])
def test_positions_of_extremes(name):
    row, oracle = getattr(rows, name), getattr(torch, name)
    for x in (WITH_TIES, X, torch.tensor([1.0, NAN, 3.0, NAN])):
        check(row, oracle, x)
        check(row, oracle, x, dim=-1)
        check(row, oracle, x, dim=0, keepdim=True)
        check(row, oracle, x, keepdim=True)


@pytest.mark.parametrize("size", [5, 6])
def test_medians(size):
    x = sample(3, size)
    y = x.clone()
    y[1, 2] = NAN
    for value in (x, y):
        check(rows.median_all, torch.median, value, grad=value is x)
        check(rows.nanmedian_all, torch.nanmedian, value)
        check(rows.median_dim, torch.median, value, dim=1)
        check(rows.nanmedian_dim, torch.nanmedian, value, dim=1, keepdim=True)


def test_median_shares_its_gradient_among_equals():
    check(rows.median_all, torch.median, torch.tensor([2.0, 1.0, 2.0, 3.0, 2.0]))


def test_mode():
    x = torch.tensor([[1.0, 2.0, 2.0, 1.0, 3.0], [5.0, 4.0, 3.0, 3.0, 3.0]])
    check(rows.mode, torch.mode, x)
    check(rows.mode, torch.mode, x, dim=0, keepdim=True)


@pytest.mark.parametrize("how", ["linear", "lower", "higher", "midpoint", "nearest"])
def test_quantiles(how):
    q = torch.tensor([0.1, 0.5, 0.75], dtype=torch.float64)
    x = sample(4, 5)
    with_nan = x.clone()
    with_nan[1, 2] = NAN
    for value, name in ((x, "quantile"), (with_nan, "nanquantile"), (with_nan, "quantile")):
        row, oracle = getattr(rows, name), getattr(torch, name)
        for dim, keepdim in ((1, False), (0, True), (None, False)):
            check(
                lambda a, r=row, d=dim, k=keepdim: r(
                    a, jnp.asarray(q.numpy()), d, k, interpolation=how
                ),
                lambda a, o=oracle, d=dim, k=keepdim: o(a, q, d, k, interpolation=how),
                value,
                grad=name == "nanquantile" or value is x,
            )
    check(lambda a: rows.quantile(a, 0.3), lambda a: torch.quantile(a, 0.3), x)


def test_logsumexp():
    check(rows.logsumexp, torch.logsumexp, X, dim=(0, 2))
    check(rows.logsumexp, torch.logsumexp, X.reshape(-1)[:4] * 1000, dim=0)
    x = torch.tensor([[-INF, -INF], [0.0, -INF], [INF, 1.0]], dtype=torch.float64)
    check(rows.logsumexp, torch.logsumexp, x, dim=1, grad=False)
    check(rows.logsumexp, torch.logsumexp, x[1:2], dim=1, keepdim=True)


@pytest.mark.parametrize("p", [2, 1, 0, 3, 0.5, INF, -INF, -1])
def test_norms(p):
    x = sample(3, 4)
    check(lambda a: rows.vector_norm(a, p, (1,)), lambda a: torch.linalg.vector_norm(a, p, 1), x)
    check(lambda a: rows.vector_norm(a, p), lambda a: torch.linalg.vector_norm(a, p), x)


@pytest.mark.parametrize("p", [2, 1, 3, INF])
def test_norm_of_zero_has_gradient_zero(p):
    x = torch.zeros(3, dtype=torch.float64)
    check(lambda a: rows.vector_norm(a, p), lambda a: torch.linalg.vector_norm(a, p), x)


def test_norm_of_complex():
    z = sample(3, 4, dtype=torch.complex128)
    for p in (2, 1, INF):
        check(
            lambda a, p=p: rows.vector_norm(a, p, (0,)),
            lambda a, p=p: torch.linalg.vector_norm(a, p, 0),
            z,
        )


def test_dist_and_renorm():
    check(rows.dist, torch.dist, sample(3), sample(3, seed=1))
    check(rows.dist, torch.dist, sample(3), sample(3, seed=1), p=3)
    check(rows.renorm, torch.renorm, X, p=2, dim=0, maxnorm=1.0)


def test_zero_dimensional_input():
    x = torch.tensor(2.0)
    check(rows.sum_, torch.sum, x, dim=0)
    check(rows.max_dim, torch.max, x, dim=-1)
    check(rows.argmax, torch.argmax, x, dim=0)
    check(rows.median_dim, torch.median, x, dim=0)
    check(rows.mode, torch.mode, x)


def test_errors():
    x = jnp.zeros((2, 3))
    with pytest.raises(IndexError, match="Dimension out of range"):
        rows.sum_(x, (2,))
    with pytest.raises(RuntimeError, match="appears multiple times"):
        rows.sum_(x, (0, 0))
    with pytest.raises(RuntimeError, match="numel"):
        rows.max_all(jnp.zeros(0))
    with pytest.raises(IndexError, match="non-zero size"):
        rows.argmax(jnp.zeros((2, 0)), 1)
    with pytest.raises(RuntimeError, match="complex"):
        rows.amax(jnp.zeros(2, jnp.complex64))


def test_count_nonzero():
    check(rows.count_nonzero, torch.count_nonzero, WITH_TIES)
    check(rows.count_nonzero, torch.count_nonzero, WITH_TIES, dim=0)


@pytest.mark.parametrize(
    "dtype", ["float64", "float32", "float16", "int64", "int8", "uint8", "bool"]
)
def test_hash_tensor(dtype):
    values = np.random.default_rng(0).standard_normal((3, 4)) * 9
    ours = lib.tensor(values).to(getattr(lib, dtype))
    theirs = torch.tensor(values).to(getattr(torch, dtype))
    for kwargs in ({}, {"dim": 1}, {"dim": (0, 1), "keepdim": True}, {"dim": 0, "keepdim": True}):
        assert_close(lib.hash_tensor(ours, **kwargs), torch.hash_tensor(theirs, **kwargs))
    assert_close(ours.hash_tensor(), theirs.hash_tensor())


def test_hash_tensor_refuses():
    for bad, error, words in (
        (lambda: lib.hash_tensor(lib.ones(2), mode=1), RuntimeError, "mode: 1"),
        (lambda: lib.hash_tensor(lib.ones(0)), RuntimeError, "Specify the reduction dim"),
        (lambda: lib.hash_tensor(lib.ones(1) * 1j), NotImplementedError, "view_as_real"),
    ):
        with pytest.raises(error, match=words):
            bad()
    assert lib.hash_tensor(lib.ones(0, 2), 0).tolist() == [0, 0]
