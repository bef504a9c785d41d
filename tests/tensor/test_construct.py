"""Tensors from and to other libraries."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import flambeau
from tests.oracle import assert_close, torch

BOTH = pytest.mark.parametrize("lib", [flambeau, torch], ids=["flambeau", "torch"])


@pytest.mark.parametrize(
    "data",
    [1, 2.5, True, 1 + 2j, [], [[]], [1, 2], [1.0, 2], [[True], [False]], (1, (2,))[:1], [1, 2j]],
    ids=repr,
)
def test_the_inferred_dtype(data):
    assert_close(flambeau.tensor(data), torch.tensor(data))


@BOTH
def test_data_that_is_no_tensor_is_refused(lib):
    with pytest.raises(ValueError, match="expected sequence of length 2 at dim 1"):
        lib.tensor([[1, 2], [3]])
    with pytest.raises(TypeError, match="invalid data type 'str'"):
        lib.tensor("abc")
    with pytest.raises(RuntimeError):
        lib.tensor(None)
    with pytest.raises((TypeError, ValueError, RuntimeError)):
        lib.tensor([object()])


@pytest.mark.parametrize(
    "dtype",
    [
        "bool",
        "uint8",
        "int8",
        "int16",
        "int32",
        "int64",
        "float16",
        "float32",
        "float64",
        "complex64",
        "complex128",
    ],
)
def test_numpy_round_trip(dtype):
    array = np.arange(6).reshape(2, 3).astype(dtype)
    t = flambeau.from_numpy(array)
    assert str(t.dtype) == f"torch.{dtype}"
    back = t.numpy()
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)


def test_from_numpy_copies():
    array = np.zeros(2)
    t = flambeau.from_numpy(array)
    array[0] = 5
    assert t.tolist() == [0.0, 0.0]


@BOTH
def test_from_numpy_refuses_other_things(lib):
    with pytest.raises(TypeError, match=r"expected np\.ndarray"):
        lib.from_numpy([1, 2])
    with pytest.raises(TypeError, match=r"can't convert np\.ndarray of type"):
        lib.from_numpy(np.array(["a"]))


@BOTH
def test_numpy_of_what_requires_grad_is_refused(lib):
    t = lib.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="Can't call numpy"):
        t.numpy()
    assert t.detach().numpy().tolist() == [1.0, 1.0]


def test_dlpack_in_both_directions():
    ours = flambeau.tensor([1.0, 2.0]) * 2
    theirs = torch.from_dlpack(ours)
    assert theirs.tolist() == [2.0, 4.0]
    back = flambeau.from_dlpack(torch.arange(3))
    assert back.dtype is flambeau.int64
    assert back.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(np.from_dlpack(ours), [2.0, 4.0])


def test_jax_arrays_are_not_copied():
    array = jnp.arange(4.0)
    t = flambeau.from_jax(array)
    assert jnp.asarray(t) is array or t.__jax_array__() is array
    assert float(jnp.sum(flambeau.ones(3).__jax_array__())) == 3.0
    with pytest.raises(TypeError, match=r"expected a jax\.Array"):
        flambeau.from_jax(np.ones(2))


def test_a_jax_function_becomes_a_differentiable_operation():
    f = flambeau.wrap_jax(lambda x, y: {"out": jnp.sin(x) * y["scale"], "n": jnp.argmax(x)})
    x = flambeau.tensor([0.5, 1.0], requires_grad=True)
    scale = flambeau.tensor(2.0, requires_grad=True)
    result = f(x, {"scale": scale})
    assert result["n"].item() == 1
    (g,) = flambeau.autograd.grad(result["out"].sum(), x, create_graph=True)
    np.testing.assert_allclose(g.tolist(), 2 * np.cos([0.5, 1.0]), rtol=1e-6)
    g.sum().backward()
    np.testing.assert_allclose(x.grad.tolist(), -2 * np.sin([0.5, 1.0]), rtol=1e-6)
    np.testing.assert_allclose(scale.grad.item(), np.cos([0.5, 1.0]).sum(), rtol=1e-6)


def test_jax_code_of_the_user_keeps_its_settings():
    flambeau.ones(2, dtype=flambeau.float64).sum().item()
    assert jnp.ones(2).dtype == np.float32
    assert not jax.config.jax_enable_x64
