"""Rows of products against torch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from flambeau._ops import matmul as rows
from tests.ops.against_torch import array, check
from tests.oracle import torch

A, B, V = array(3, 4), array(4, 5, seed=1), array(4, seed=2)
BATCH, OTHER = array(2, 3, 4), array(2, 4, 5, seed=1)

CASES = [
    (rows.mm, torch.mm, A, B),
    (rows.mm, torch.mm, array(3, 4, dtype="complex128"), array(4, 2, dtype="complex128")),
    (rows.mm, torch.mm, array(3, 4, dtype="int64"), array(4, 2, dtype="int64")),
    (rows.bmm, torch.bmm, BATCH, OTHER),
    (rows.matmul, torch.matmul, BATCH, B),
    (rows.matmul, torch.matmul, BATCH, V),
    (rows.matmul, torch.matmul, V, B),
    (rows.matmul, torch.matmul, V, V),
    (rows.matmul, torch.matmul, V, OTHER),
    (rows.matmul, torch.matmul, A, OTHER),
    (rows.matmul, torch.matmul, array(5, 1, 3, 4), OTHER),
    (rows.mv, torch.mv, A, V),
    (rows.dot, torch.dot, V, array(4)),
    (rows.vdot, torch.vdot, array(4, dtype="complex128"), array(4, dtype="complex128", seed=3)),
    (rows.inner, torch.inner, BATCH, A),
    (rows.outer, torch.outer, V, array(3)),
    (rows.kron, torch.kron, A, array(2, 2)),
    (rows.multi_dot, torch.linalg.multi_dot, [A, B, array(5, 2)]),
    (rows.multi_dot, torch.linalg.multi_dot, [V, B, array(5)]),
    (rows.cdist, torch.cdist, A, array(5, 4, seed=3), 2.0),
    (rows.cdist, torch.cdist, A, array(5, 4, seed=3), 1.0),
    (rows.cdist, torch.cdist, A, array(5, 4, seed=3), 3.0),
    (rows.cdist, torch.cdist, A, array(5, 4, seed=3), float("inf")),
    (
        lambda a, b: rows.tensordot(a, b, (1, 2), (0, 1)),
        lambda a, b: torch.tensordot(a, b, ([1, 2], [0, 1])),
        array(2, 3, 4),
        array(3, 4, 5),
    ),
    (
        lambda a, b: rows.cross(a, b, dim=0),
        lambda a, b: torch.linalg.cross(a, b, dim=0),
        array(3, 4),
        array(3, 4, seed=1),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda c: getattr(c[0], "name", "other"))
def test_values_and_gradients(case):
    check(*case)


@pytest.mark.parametrize(
    ("row", "oracle", "shapes"),
    [
        (rows.addmm, torch.addmm, [(5,), (3, 4), (4, 5)]),
        (rows.addmv, torch.addmv, [(3,), (3, 4), (4,)]),
        (rows.addr, torch.addr, [(3, 4), (3,), (4,)]),
        (rows.baddbmm, torch.baddbmm, [(2, 3, 5), (2, 3, 4), (2, 4, 5)]),
        (rows.addbmm, torch.addbmm, [(3, 5), (2, 3, 4), (2, 4, 5)]),
    ],
)
@pytest.mark.parametrize("beta", [0.5, 0])
def test_blends(row, oracle, shapes, beta):
    arrays = [array(*s, seed=i) for i, s in enumerate(shapes)]
    check(
        lambda *a: row(*a, beta=beta, alpha=2),
        lambda *a: oracle(*a, beta=beta, alpha=2),
        *arrays,
    )


def test_beta_zero_silences_nan():
    with jax.enable_x64(True):
        out = rows.addmm(jnp.full((3, 5), jnp.nan), jnp.asarray(A), jnp.asarray(B), beta=0)
    np.testing.assert_allclose(out, A @ B)


@pytest.mark.parametrize(
    ("equation", "shapes"),
    [
        ("ij,jk->ik", [(3, 4), (4, 5)]),
        ("bij,jk->bik", [(2, 3, 4), (4, 5)]),
        ("bij,bjk", [(2, 3, 4), (2, 4, 5)]),
        ("ii->i", [(3, 3)]),
        ("ij->", [(3, 4)]),
        ("...ij->...ji", [(2, 3, 4)]),
        ("bhid,bhjd->bhij", [(2, 2, 3, 4), (2, 2, 5, 4)]),
        ("i,j->ji", [(3,), (4,)]),
        ("ab,bc,cd->ad", [(2, 3), (3, 4), (4, 2)]),
        ("bn,anm,bm->ba", [(2, 3), (5, 3, 4), (2, 4)]),
    ],
)
def test_einsum(equation, shapes):
    arrays = [array(*s, seed=i) for i, s in enumerate(shapes)]
    check(
        lambda a: rows.einsum(equation, a), lambda a: torch.einsum(equation, *a), arrays, rtol=1e-8
    )


@pytest.mark.parametrize(
    ("row", "oracle"),
    [
        (lambda a, b: rows.mm(a, a), lambda a, b: torch.mm(a, a)),
        (lambda a, b: rows.matmul(a, a), lambda a, b: torch.matmul(a, a)),
        (rows.bmm, torch.bmm),
        (lambda a, b: rows.mm(a, b.astype("float32")), lambda a, b: torch.mm(a, b.float())),
        (lambda a, b: rows.dot(a[0], b[:, 0][:2]), lambda a, b: torch.dot(a[0], b[:, 0][:2])),
        (
            lambda a, b: rows.einsum("ij,jk->il", [a, b]),
            lambda a, b: torch.einsum("ij,jk->il", a, b),
        ),
    ],
)
def test_errors_are_torchs(row, oracle):
    with pytest.raises(RuntimeError):
        oracle(torch.from_numpy(A), torch.from_numpy(B))
    with jax.enable_x64(True), pytest.raises(RuntimeError):
        row(jnp.asarray(A), jnp.asarray(B))
