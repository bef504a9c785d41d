"""`parametrizations.orthogonal`: all maps, square, tall, wide, batched, complex."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import flambeau
from tests.oracle import assert_close, to_numpy, torch

SIZES = [(3, 3), (5, 2), (2, 4), (2, 4, 3)]
MAPS = ["matrix_exp", "cayley", "householder"]


def _drawn(size, dtype="float64", seed=0):
    rng = np.random.default_rng(seed)
    out = rng.standard_normal(size)
    return (out + 1j * rng.standard_normal(size) if dtype == "complex128" else out).astype(dtype)


class _Holder:
    """A module of either library that holds one matrix."""

    def __new__(cls, library, array):
        module = library.nn.Module()
        module.weight = library.nn.Parameter(library.from_numpy(array.copy()))
        return module


def _pair(size, dtype="float64", **options):
    array = _drawn(size, dtype)
    out = []
    for library in (flambeau, torch):
        module = _Holder(library, array)
        out.append(library.nn.utils.parametrizations.orthogonal(module, "weight", **options))
    return out


def _assert_orthonormal(weight):
    w = to_numpy(weight)
    w = w.swapaxes(-1, -2) if w.shape[-2] < w.shape[-1] else w
    gram = w.conj().swapaxes(-1, -2) @ w
    np.testing.assert_allclose(gram, np.broadcast_to(np.eye(w.shape[-1]), gram.shape), atol=1e-10)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("orthogonal_map", MAPS)
def test_without_trivialization_values_and_gradients_are_pytorchs(orthogonal_map, size):
    mine, theirs = _pair(size, orthogonal_map=orthogonal_map, use_trivialization=False)
    assert repr(mine) == repr(theirs)
    assert list(mine.state_dict()) == list(theirs.state_dict())
    assert_close(mine.parametrizations.weight.original, theirs.parametrizations.weight.original)
    assert_close(mine.weight, theirs.weight)
    _assert_orthonormal(mine.weight)
    factor = _drawn(size, seed=1)
    (mine.weight * flambeau.from_numpy(factor)).sum().backward()
    (theirs.weight * torch.from_numpy(factor)).sum().backward()
    assert_close(
        mine.parametrizations.weight.original.grad, theirs.parametrizations.weight.original.grad
    )


@pytest.mark.parametrize("orthogonal_map", MAPS)
@pytest.mark.parametrize("size", SIZES)
def test_with_trivialization_a_swap_of_state_gives_pytorchs_values(orthogonal_map, size):
    mine, theirs = _pair(size, orthogonal_map=orthogonal_map)
    assert list(mine.state_dict()) == list(theirs.state_dict())
    _assert_orthonormal(mine.weight)
    state = {k: flambeau.from_numpy(v.numpy().copy()) for k, v in theirs.state_dict().items()}
    mine.load_state_dict(state)
    assert_close(mine.weight, theirs.weight)
    # Any orthogonal matrix can be assigned.
    other = (
        torch.nn.init.orthogonal_(torch.empty(size, dtype=torch.float64))
        if len(size) == 2
        else theirs.weight.detach().flip(-1)
    )
    mine.weight = flambeau.from_numpy(other.numpy().copy())
    assert_close(mine.weight, other)


@pytest.mark.parametrize("orthogonal_map", ["matrix_exp", "cayley"])
def test_complex_matrices_become_unitary(orthogonal_map):
    mine, theirs = _pair((4, 3), "complex128", orthogonal_map=orthogonal_map)
    _assert_orthonormal(mine.weight)
    state = {k: flambeau.from_numpy(v.numpy().copy()) for k, v in theirs.state_dict().items()}
    mine.load_state_dict(state)
    assert_close(mine.weight, theirs.weight)


def test_the_default_map_depends_on_the_shape():
    for size, dtype in (((3, 3), "float64"), ((4, 3), "float64"), ((4, 3), "complex128")):
        mine, theirs = _pair(size, dtype)
        expected = theirs.parametrizations.weight[0].orthogonal_map.name
        assert mine.parametrizations.weight[0].orthogonal_map == expected


def test_training_keeps_the_weight_orthogonal():
    flambeau.manual_seed(0)
    layer = flambeau.nn.utils.parametrizations.orthogonal(flambeau.nn.Linear(3, 4).double())
    optimizer = flambeau.optim.SGD(layer.parameters(), lr=0.1)
    x = flambeau.from_numpy(_drawn((6, 3)))
    losses = []
    for _ in range(5):
        loss = (layer(x) - 1).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    _assert_orthonormal(layer.weight)
    twin = copy.deepcopy(layer)
    assert_close(twin.weight, torch.from_numpy(to_numpy(layer.weight).copy()))


@pytest.mark.parametrize(
    ("size", "dtype", "options"),
    [
        ((3,), "float64", {}),
        ((3, 3), "float64", {"orthogonal_map": "qr"}),
        ((3, 3), "complex128", {"orthogonal_map": "householder"}),
    ],
)
def test_what_cannot_be_orthogonal(size, dtype, options):
    texts = []
    for library in (flambeau, torch):
        module = _Holder(library, _drawn(size, dtype))
        with pytest.raises(ValueError) as caught:
            library.nn.utils.parametrizations.orthogonal(module, **options)
        texts.append(str(caught.value))
    assert texts[0] == texts[1]


def test_only_reflections_can_be_assigned_without_trivialization():
    for orthogonal_map in ("matrix_exp", "cayley"):
        mine, _ = _pair((3, 3), orthogonal_map=orthogonal_map, use_trivialization=False)
        with pytest.raises(NotImplementedError, match="not possible to assign"):
            mine.weight = flambeau.eye(3, dtype=flambeau.float64)
