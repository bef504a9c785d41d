"""View rows: values and gradients, and the inverses that write through them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flambeau._ops import shape as rows
from tests.ops.against_torch import array, check
from tests.oracle import torch

X = array(2, 3, 4)
M = array(4, 5)

CASES = [
    (rows.view, lambda x, s: x.view(s), X, (4, -1)),
    (rows.reshape, torch.reshape, X, (3, 8)),
    (rows.permute, torch.permute, X, (2, 0, -2)),
    (rows.transpose, torch.transpose, X, 0, -1),
    (rows.squeeze, torch.squeeze, array(1, 3, 1), (0, -1)),
    (rows.squeeze, torch.squeeze, array(1, 3, 1), (1,)),
    (rows.unsqueeze, torch.unsqueeze, M, -1),
    (rows.unsqueeze, torch.unsqueeze, M, 0),
    (rows.expand, lambda x, s: x.expand(s), array(3, 1), (2, -1, 4)),
    (rows.select, torch.select, X, 1, -1),
    (rows.slice, lambda x, d, a, b, s: x[:, a:b:s], X, 1, 0, None, 2),
    (rows.slice, lambda x, d, a, b, s: x[..., a:b:s], X, -1, -3, -1, 1),
    (rows.slice, lambda x, d, a, b, s: x[a:b:s], X, 0, 2, 1, 1),
    (rows.diagonal, torch.diagonal, M),
    (rows.diagonal, torch.diagonal, X, 1, 0, 2),
    (rows.diagonal, torch.diagonal, X, -1, -1, 1),
    (rows.unfold, lambda x, *a: x.unfold(*a), M, 1, 3, 1),
    (rows.unfold, lambda x, *a: x.unfold(*a), M, 0, 2, 2),
    (rows.as_strided, torch.as_strided, M, (3, 3), (2, 1), 4),
    (rows.real, torch.real, array(2, 3, dtype="complex128")),
    (rows.imag, torch.imag, array(2, 3, dtype="complex128")),
    (rows.view_as_real, torch.view_as_real, array(2, 3, dtype="complex128")),
    (rows.view_as_complex, torch.view_as_complex, array(3, 2)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c[0].name}{c[3:]}")
def test_values_and_gradients(case):
    check(*case)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("float32", "int32"),
        ("float32", "uint8"),
        ("int16", "int64"),
        ("bool", "uint8"),
        ("uint8", "bool"),
        ("complex64", "float32"),
        ("float32", "complex64"),
        ("complex64", "int64"),
        ("float64", "complex64"),
    ],
)
def test_view_dtype(source, target):
    x = array(2, 4, dtype=source)
    if target == "bool":
        x = (x % 2).astype(source)
    check(
        lambda a: rows.view_dtype(a, np.dtype(target)),
        lambda a: a.view(getattr(torch, target)),
        x,
        grad=False,
    )
    with jax.enable_x64(True):
        base = jnp.asarray(x)
        seen = rows.view_dtype(base, np.dtype(target))
        again = rows.view_dtype.scatter(jnp.zeros_like(base), seen, np.dtype(target))
    np.testing.assert_array_equal(again, x)


@pytest.mark.parametrize(
    ("row", "oracle", "error"),
    [
        (lambda x: rows.view(x, (3, -1)), lambda x: x.view(3, -1), RuntimeError),
        (lambda x: rows.view(x, (-1, -1)), lambda x: x.view(-1, -1), RuntimeError),
        (lambda x: rows.view(x, (3, -2)), lambda x: x.view(3, -2), RuntimeError),
        (lambda x: rows.select(x, 0, 4), lambda x: x.select(0, 4), IndexError),
        (lambda x: rows.select(x, 2, 0), lambda x: x.select(2, 0), IndexError),
        (lambda x: rows.unsqueeze(x, 4), lambda x: x.unsqueeze(4), IndexError),
        (lambda x: rows.permute(x, (0, 0)), lambda x: x.permute(0, 0), RuntimeError),
        (lambda x: rows.unfold(x, 0, 9, 1), lambda x: x.unfold(0, 9, 1), RuntimeError),
        (lambda x: rows.expand(x, (4, 7)), lambda x: x.expand(4, 7), RuntimeError),
        (lambda x: rows.diagonal(x, 0, 1, 1), lambda x: x.diagonal(0, 1, 1), RuntimeError),
        (rows.imag, lambda x: x.imag, RuntimeError),
    ],
)
def test_errors_are_torchs(row, oracle, error):
    with pytest.raises(error) as theirs:
        oracle(torch.from_numpy(M))
    with jax.enable_x64(True), pytest.raises(error) as ours:
        row(jnp.asarray(M))
    assert str(ours.value) == str(theirs.value).split("\n")[0]


def a_view(draw, shape):
    """A row and static arguments that fit an array of this shape, without overlap."""
    ndim = len(shape)
    numel = int(np.prod(shape))
    kinds = ["view", "unsqueeze", "squeeze"]
    if ndim:
        kinds += ["permute", "transpose", "slice"]
        if all(shape):
            kinds += ["select"]
    if ndim >= 2:
        kinds += ["diagonal"]
    kind = draw(st.sampled_from(kinds))
    dim = draw(st.integers(-ndim, ndim - 1)) if ndim else 0
    if kind == "view":
        first = draw(st.sampled_from([d for d in range(1, numel + 1) if numel % d == 0] or [1]))
        return rows.view, ((first, -1) if numel else (0, 3),)
    if kind == "permute":
        return rows.permute, (tuple(draw(st.permutations(range(ndim)))),)
    if kind == "transpose":
        return rows.transpose, (dim, draw(st.integers(-ndim, ndim - 1)))
    if kind == "unsqueeze":
        return rows.unsqueeze, (draw(st.integers(-ndim - 1, ndim)),)
    if kind == "squeeze":
        return rows.squeeze, ()
    if kind == "select":
        return rows.select, (dim, draw(st.integers(-shape[dim], shape[dim] - 1)))
    if kind == "diagonal":
        dims = draw(st.permutations(range(ndim)))
        return rows.diagonal, (draw(st.integers(-2, 2)), dims[0], dims[1])
    bound = st.none() | st.integers(-5, 5)
    return rows.slice, (dim, draw(bound), draw(bound), draw(st.integers(1, 3)))


@given(st.data())
def test_scatter_is_the_inverse_of_the_view(data):
    """Reading after a write gives what was written, and nothing else has changed."""
    shape = tuple(data.draw(st.lists(st.integers(0, 3), max_size=3)))
    row, static = a_view(data.draw, shape)
    with jax.enable_x64(True):
        base = jnp.arange(int(np.prod(shape)), dtype=jnp.int64).reshape(shape)
        seen = row(base, *static)
        written = row.scatter(base, -1 - seen, *static)
        assert written.shape == base.shape
        assert written.dtype == base.dtype
        np.testing.assert_array_equal(row(written, *static), -1 - seen)
        expected = np.asarray(base).copy()
        places = np.isin(expected, np.asarray(seen))
        expected[places] = -1 - expected[places]
        np.testing.assert_array_equal(written, expected)


@pytest.mark.parametrize(
    ("row", "static"),
    [
        (rows.unfold, (1, 2, 2)),
        (rows.as_strided, ((2, 2), (5, 2), 1)),
        (rows.select_at, (1, 2)),
        (rows.slice_at, (1, 2, 2, 1)),
        (rows.slice_at, (1, 0, 2, 3)),
    ],
)
def test_scatter_of_strided_and_dynamic_views(row, static):
    with jax.enable_x64(True):
        base = jnp.arange(20, dtype=jnp.int64).reshape(4, 5)
        seen = np.asarray(row(base, *static))
        written = row.scatter(base, -1 - jnp.asarray(seen), *static)
    expected = np.arange(20)
    expected[seen.ravel()] = -1 - seen.ravel()
    np.testing.assert_array_equal(written, expected.reshape(4, 5))


def test_scatter_of_real_and_imaginary_parts():
    z = array(3, dtype="complex128")
    with jax.enable_x64(True):
        base = jnp.asarray(z)
        real = rows.real.scatter(base, jnp.zeros(3))
        imag = rows.imag.scatter(base, jnp.ones(3))
        pairs = rows.view_as_real.scatter(base, rows.view_as_real(base) * 2)
    np.testing.assert_array_equal(real, 1j * z.imag)
    np.testing.assert_array_equal(imag, z.real + 1j)
    np.testing.assert_array_equal(pairs, 2 * z)


def test_dynamic_start_makes_one_program():
    traced = []

    @jax.jit
    def window(x, start):
        traced.append(1)
        return rows.slice_at.impl(x, 0, start, 2)

    with jax.enable_x64(True):
        x = jnp.arange(6.0)
        assert [float(window(x, i)[0]) for i in range(5)] == [0, 1, 2, 3, 4]
    assert len(traced) == 1
