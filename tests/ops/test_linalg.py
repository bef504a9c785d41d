"""Rows of linear algebra against torch, up to the signs that decompositions leave free."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from flambeau._ops import linalg as rows
from tests.ops.against_torch import array, check
from tests.oracle import torch

rng = np.random.default_rng(0)
S = rng.standard_normal((2, 3, 3)) + 3 * np.eye(3)
P = S @ np.swapaxes(S, -1, -2) + np.eye(3)
M = rng.standard_normal((4, 3))
B = rng.standard_normal((2, 3, 2))
LA = torch.linalg

CASES = [
    (rows.det, LA.det, S),
    (rows.slogdet, LA.slogdet, S),
    (rows.logdet, torch.logdet, P),
    (rows.inv, LA.inv, S),
    (rows.solve, LA.solve, S, B),
    (rows.solve, LA.solve, S, B[..., 0]),
    (rows.cholesky, LA.cholesky, P),
    (rows.svdvals, LA.svdvals, M),
    (rows.eigvalsh, LA.eigvalsh, P),
    (rows.pinv, LA.pinv, M),
    (rows.matrix_power, LA.matrix_power, S, 3),
    (rows.matrix_power, LA.matrix_power, S, -2),
    (rows.matrix_exp, LA.matrix_exp, S / 4),
    (rows.matrix_rank, LA.matrix_rank, S),
    (rows.matrix_norm, LA.matrix_norm, S, "fro"),
    (rows.matrix_norm, LA.matrix_norm, S, "nuc"),
    (rows.matrix_norm, LA.matrix_norm, S, 1.0),
    (rows.matrix_norm, LA.matrix_norm, S, -2.0),
    (rows.matrix_norm, LA.matrix_norm, S, float("inf"), (0, 2), True),
    (rows.cond, LA.cond, S),
    (rows.tensorinv, LA.tensorinv, rng.standard_normal((2, 3, 6)), 2),
    (rows.tensorsolve, LA.tensorsolve, rng.standard_normal((2, 3, 6)), array(2, 3)),
    (rows.vecdot, LA.vecdot, M, M + 1),
    (rows.cholesky_inverse, torch.cholesky_inverse, np.tril(P)),
    (rows.cholesky_solve, torch.cholesky_solve, B, np.linalg.cholesky(P)),
    (rows.vandermonde, lambda x, n: LA.vander(x, N=n), array(3), 4),
]


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c[0].name}{c[3:]}"[:40])
def test_values_and_gradients(case):
    check(*case, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("left", [False, True])
def test_solve_triangular(upper, left):
    right = B if left else np.swapaxes(B, -1, -2)
    check(
        lambda a, b: rows.solve_triangular(a, b, upper=upper, left=left),
        lambda a, b: LA.solve_triangular(a, b, upper=upper, left=left),
        S,
        right,
        rtol=1e-7,
    )


@pytest.mark.parametrize("mode", ["reduced", "complete"])
def test_qr(mode):
    matrix = M if mode == "reduced" else S
    with jax.enable_x64(True):
        q, r = (np.asarray(x) for x in rows.qr(jnp.asarray(matrix), mode))
    np.testing.assert_allclose(q @ r, matrix, atol=1e-12)
    np.testing.assert_allclose(
        np.abs(r), LA.qr(torch.from_numpy(matrix), mode)[1].abs().numpy(), atol=1e-10
    )


def test_gradients_of_decompositions_do_not_depend_on_signs():
    check(
        lambda a: abs(rows.qr(a)[1]).sum(),
        lambda a: LA.qr(a)[1].abs().sum(),
        M,
        rtol=1e-7,
    )
    check(
        lambda a: (rows.svd(a, full_matrices=False)[0] ** 2)[:, 0],
        lambda a: (LA.svd(a, full_matrices=False)[0] ** 2)[:, 0],
        M,
        rtol=1e-7,
    )
    check(
        lambda a: (rows.eigh(a)[1] ** 2)[..., 0],
        lambda a: (LA.eigh(a)[1] ** 2)[..., 0],
        P,
        rtol=1e-7,
    )


def test_condition_number_in_the_1_norm():
    check(rows.cond, LA.cond, S, 1.0, grad=False, rtol=1e-8)


def test_eig():
    with jax.enable_x64(True):
        w, v = rows.eig(jnp.asarray(S[0]))
        np.testing.assert_allclose(S[0] @ v, v * w, atol=1e-10)
    np.testing.assert_allclose(
        np.sort_complex(w), np.sort_complex(LA.eigvals(torch.from_numpy(S[0])).numpy()), atol=1e-10
    )


def test_lu():
    check(rows.lu, LA.lu, S, rtol=1e-8)
    check(rows.lu_factor, LA.lu_factor, S, grad=False)
    packed, pivots = LA.lu_factor(torch.from_numpy(S))
    check(rows.lu_unpack, torch.lu_unpack, packed.numpy(), pivots.numpy(), grad=False)
    for left in (True, False):
        for adjoint in (True, False):
            right = B if left else np.swapaxes(B, -1, -2).copy()
            check(
                lambda f, p, b, left=left, adjoint=adjoint: rows.lu_solve(
                    f, p, b, left=left, adjoint=adjoint
                ),
                lambda f, p, b, left=left, adjoint=adjoint: LA.lu_solve(
                    f, p, b, left=left, adjoint=adjoint
                ),
                packed.numpy(),
                pivots.numpy(),
                right,
                grad=False,
                rtol=1e-8,
            )


def test_lstsq():
    right = rng.standard_normal((4, 2))
    with jax.enable_x64(True):
        ours = rows.lstsq(jnp.asarray(M), jnp.asarray(right))
    theirs = LA.lstsq(torch.from_numpy(M), torch.from_numpy(right), driver="gelsd")
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b.numpy(), atol=1e-10)


@pytest.mark.parametrize(
    ("row", "oracle"),
    [
        (rows.det, LA.det),
        (rows.inv, LA.inv),
        (rows.cholesky, LA.cholesky),
        (lambda m: rows.matrix_norm(m, 3.0), lambda m: LA.matrix_norm(m, 3.0)),
        (lambda m: rows.qr(m, "fast"), lambda m: LA.qr(m, "fast")),
    ],
)
def test_errors_are_torchs(row, oracle):
    with pytest.raises(RuntimeError):
        oracle(torch.from_numpy(M))
    with jax.enable_x64(True), pytest.raises(RuntimeError):
        row(jnp.asarray(M))
