"""Functions that make tensors: the same expressions on both libraries."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest

import flambeau
from tests.oracle import assert_close, dtype_name, torch

VALUES = """
torch.tensor(1.5)
torch.tensor([1, 2, 3])
torch.tensor([[1, 2.5], [3, 4]])
torch.tensor([True, False])
torch.tensor([1 + 2j, 3])
torch.tensor([])
torch.tensor([[], []])
torch.tensor(3, dtype=torch.float64)
torch.tensor([1.7, -1.7], dtype=torch.int64)
torch.tensor([-1], dtype=torch.uint8)
torch.tensor([0.5, 0.0], dtype=torch.bool)
torch.tensor([1e39])
torch.tensor(np.arange(3, dtype=np.int16))
torch.tensor(np.float32(2))
torch.tensor([torch.tensor(1.0), 2])
torch.tensor((1, 2))
torch.tensor([torch.tensor(1, dtype=torch.int32)])
torch.tensor([torch.tensor(1.0, dtype=torch.float16), 2])
torch.tensor([torch.ones(1, 1), 3])
torch.tensor([np.float64(1)])
torch.tensor([np.float32(1), True])
torch.tensor(np.float64(2))
torch.tensor(range(3))
torch.tensor([1, 2.5, True])
torch.tensor([True, 2])
torch.tensor(2**63, dtype=torch.float32)
torch.tensor(np.array([300]), dtype=torch.uint8)
torch.tensor([70000.0], dtype=torch.float16)
torch.tensor([[], []], dtype=torch.int32)
torch.tensor([1.0], requires_grad=True)
torch.as_tensor([1.0, 2.0], dtype=torch.float64)
torch.as_tensor(np.ones((2, 2)))
torch.asarray([1, 2])
torch.asarray(bytearray(b"abc"), dtype=torch.uint8)
torch.frombuffer(bytearray(b"abcdefgh"), dtype=torch.int16, count=2, offset=2)
torch.scalar_tensor(3)
torch.zeros(2, 3)
torch.zeros((2, 3))
torch.zeros([2], dtype=torch.int32)
torch.zeros(size=(2, 0))
torch.zeros(torch.Size([2]))
torch.zeros(np.int64(2), 3)
torch.zeros(torch.tensor(2), 3)
torch.zeros(())
torch.ones(2, dtype=torch.bfloat16, requires_grad=True)
torch.ones(2, layout=torch.strided, pin_memory=False)
torch.full((2,), 3)
torch.full((2,), 3.5)
torch.full((2,), True)
torch.full((2,), 1j)
torch.full((2,), 1.5, dtype=torch.int64)
torch.full((2,), -1, dtype=torch.uint8)
torch.full((2,), 2.0, dtype=torch.bool)
torch.full((2,), float("nan"))
torch.full((2,), float("inf"), dtype=torch.float16)
torch.full((2,), 2**62)
torch.full((2,), torch.tensor(2))
torch.full((2,), torch.tensor(2.0).half())
torch.full([], 7)
torch.zeros_like(torch.ones(2, 3))
torch.ones_like(torch.ones(2, dtype=torch.int8))
torch.ones_like(torch.ones(2), dtype=torch.float64, requires_grad=True)
torch.full_like(torch.ones(2, dtype=torch.int64), 3.7)
torch.zeros_like(torch.ones(2), memory_format=torch.preserve_format)
torch.arange(5)
torch.arange(5.0)
torch.arange(2, 5)
torch.arange(1, 2.5, 0.5)
torch.arange(5, 0, -2)
torch.arange(0)
torch.arange(5, 5)
torch.arange(end=3)
torch.arange(start=1, end=3)
torch.arange(0, 10, 3, dtype=torch.float32)
torch.arange(1.5, 6.7, 1, dtype=torch.int64)
torch.arange(1.5, 6.7, 1, dtype=torch.int32)
torch.arange(5, dtype=torch.uint8)
torch.arange(torch.tensor(3))
torch.arange(0, torch.tensor(3.0))
torch.arange(2**60, 2**60 + 3)
torch.arange(0, 1, 0.1)
torch.arange(3, dtype=torch.bfloat16, requires_grad=True)
torch.linspace(0, 1, 5)
torch.linspace(0, 1, 1)
torch.linspace(0, 1, 0)
torch.linspace(3, -3, 4, dtype=torch.float64)
torch.linspace(0.5, 10.5, 5, dtype=torch.int64)
torch.linspace(-0.9, 3.9, 4, dtype=torch.int32)
torch.linspace(0, 1 + 1j, 3)
torch.linspace(torch.tensor(0.0), torch.tensor(2.0), 3)
torch.linspace(torch.tensor(0.0), 2, 3)
torch.linspace(1, torch.tensor(2.0), 3, dtype=torch.float64)
torch.logspace(0, 2, 3)
torch.logspace(0, 3, 4, base=2)
torch.logspace(-1, 1, 5, base=2.5, dtype=torch.float64)
torch.logspace(torch.tensor(0.0), 2, 3)
torch.eye(3)
torch.eye(2, 4, dtype=torch.int64)
torch.eye(0)
torch.tril_indices(3, 4)
torch.tril_indices(3, 3, -1, dtype=torch.int32)
torch.triu_indices(3, 4, 1)
torch.tril_indices(0, 3)
torch.hann_window(7)
torch.hamming_window(7, periodic=False, alpha=0.5, beta=0.3)
torch.blackman_window(1)
torch.bartlett_window(8, dtype=torch.float64)
torch.kaiser_window(6, True, 3.0)
torch.cartesian_prod(torch.arange(3), torch.arange(2))
torch.cartesian_prod(torch.arange(3))
torch.combinations(torch.arange(4))
torch.combinations(torch.arange(4.0), 3)
torch.combinations(torch.arange(3), with_replacement=True)
torch.combinations(torch.arange(3), 0)
torch.ones(2, dtype=torch.float64).new_tensor([1, 2])
torch.ones(2, dtype=torch.float64).new_full((2,), 3)
torch.ones(2, dtype=torch.int64).new_full((2,), 3.5)
torch.ones(2, dtype=torch.int64).new_zeros(2, 3)
torch.ones(2).new_ones((2, 3), dtype=torch.bool)
torch.ones(2).new_ones(size=(2,), requires_grad=True)
torch.ones(2).new([1, 2])
torch.ones(2, dtype=torch.int16).new_tensor(5.7)
torch.empty_permuted((2, 3), (1, 0)).zero_()
torch.empty_strided((2, 3), (1, 2)).zero_()
""".strip().splitlines()

ERRORS = """
torch.tensor("a")
torch.tensor(None)
torch.tensor([1, None])
torch.tensor([[1], [1, 2]])
torch.tensor([1, "a"])
torch.tensor({1: 2})
torch.tensor([[1, 2], 3])
torch.tensor([[[1]], [[1, 2]]])
torch.tensor([1j], dtype=torch.int64)
torch.tensor(1e20, dtype=torch.int64)
torch.tensor(2**40, dtype=torch.int32)
torch.tensor(-300, dtype=torch.uint8)
torch.tensor(300, dtype=torch.uint8)
torch.tensor([300], dtype=torch.uint8)
torch.tensor([float("nan")], dtype=torch.int64)
torch.tensor([2**64])
torch.tensor(1j, dtype=torch.float32)
torch.tensor([torch.ones(2), torch.ones(2)])
torch.tensor([1], requires_grad=True)
torch.zeros(-1)
torch.zeros(2.0)
torch.zeros("a")
torch.zeros(True)
torch.zeros()
torch.zeros((2,), (3,))
torch.zeros(2, dtype=torch.int64, requires_grad=True)
torch.zeros(2, dtype="float32")
torch.zeros(2, layout="strided")
torch.zeros(2, out=torch.ones(2, dtype=torch.int32), dtype=torch.float32)
torch.ones(2, -3)
torch.ones_like([1])
torch.full(3, 1)
torch.full((-3,), 1)
torch.full((3,), "a")
torch.full((2,), 300, dtype=torch.uint8)
torch.full((2,), 1e39)
torch.full((2,), float("nan"), dtype=torch.int32)
torch.full((2,), 1j, dtype=torch.float32)
torch.full((2,), torch.ones(2))
torch.arange()
torch.arange(5, 1)
torch.arange(0, 5, 0)
torch.arange(float("nan"))
torch.arange(0, float("inf"))
torch.arange("a")
torch.arange(0, 3, dtype=torch.bool)
torch.linspace(0, 1, -1)
torch.linspace(0, 1)
torch.linspace(0, 1, 2.5)
torch.linspace(torch.ones(2), 1, 3)
torch.eye(-1)
torch.eye(2, -1)
torch.eye(2.5)
torch.tril_indices(-1, 3)
torch.triu_indices(3, 3, dtype=torch.float32)
torch.hann_window(-1)
torch.hann_window(3, dtype=torch.int64)
torch.meshgrid(torch.ones(2), torch.ones(2, 2), indexing="ij")
torch.meshgrid(torch.ones(2), torch.ones(2), indexing="ab")
torch.meshgrid(torch.ones(2), torch.ones(2).double(), indexing="ij")
torch.combinations(torch.ones(2, 2))
torch.combinations(torch.ones(2), -1)
torch.empty_strided((2,), (1, 1))
torch.ones(2).new_zeros(2.5)
torch.frombuffer(bytearray(b"abc"), dtype=torch.int16)
""".strip().splitlines()


def evaluate(expression: str, lib):
    return eval(expression, {"torch": lib, "np": np})


@pytest.mark.parametrize("expression", VALUES)
def test_values(expression):
    ours, theirs = evaluate(expression, flambeau), evaluate(expression, torch)
    assert ours.requires_grad == theirs.requires_grad
    assert_close(ours, theirs, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("expression", ERRORS)
def test_errors(expression):
    with pytest.raises(Exception) as theirs:
        evaluate(expression, torch)
    with pytest.raises(theirs.type) as ours:
        evaluate(expression, flambeau)
    # Not an accident inside JAX: the message speaks of the user's call.
    assert "jax" not in str(ours.value)


@pytest.mark.parametrize("expression", ["torch.tensor(t)", "t.new_tensor(t)"])
def test_copies_of_tensors_warn(expression):
    for lib in (torch, flambeau):
        t = lib.ones(2, requires_grad=True)
        with pytest.warns(UserWarning, match="To copy construct from a tensor"):
            copied = eval(expression, {"torch": lib, "t": t})
        assert not copied.requires_grad
        with lib.no_grad():
            t.zero_()
        assert copied.tolist() == [1, 1]


def test_as_tensor_returns_what_fits():
    t = flambeau.ones(2)
    assert flambeau.as_tensor(t) is t
    assert flambeau.as_tensor(t, dtype=flambeau.float32) is t
    assert flambeau.as_tensor(t, dtype=flambeau.float64) is not t
    assert flambeau.asarray(t) is t
    assert flambeau.asarray(t, copy=True) is not t
    with pytest.raises(ValueError, match="copy=False"):
        flambeau.asarray([1], copy=False)


@pytest.mark.parametrize("indexing", ["ij", "xy"])
@pytest.mark.parametrize("sizes", [(2,), (2, 3), (2, 1, 3), (2, 0)])
def test_meshgrid(sizes, indexing):
    def grids(lib):
        return lib.meshgrid(*[lib.arange(float(n)) for n in sizes], indexing=indexing)

    assert_close(grids(flambeau), grids(torch))
    with pytest.warns(UserWarning, match="indexing"):
        flambeau.meshgrid(flambeau.ones(2))


def test_meshgrid_carries_gradients():
    def grad(lib):
        x, y = lib.arange(2.0, requires_grad=True), lib.arange(3.0, requires_grad=True)
        a, b = lib.meshgrid([x, y], indexing="ij")
        (a * b + a * a).sum().backward()
        return x.grad, y.grad

    assert_close(grad(flambeau), grad(torch))


def test_range_is_deprecated():
    with pytest.warns(UserWarning, match="deprecated"):
        ours = flambeau.range(1, 4, 0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert_close(ours, torch.range(1, 4, 0.5))


@pytest.mark.parametrize(
    "expression",
    [
        "torch.zeros(2, out=o)",
        "torch.ones(2, 3, out=o)",
        "torch.full((3,), 7, out=o)",
        "torch.arange(4, out=o)",
        "torch.linspace(0, 8, 5, out=o)",
        "torch.eye(2, out=o)",
    ],
)
@pytest.mark.parametrize("name", ["int32", "float64"])
def test_out(expression, name):
    results = []
    for lib in (flambeau, torch):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch: resized
            out = lib.zeros(4, dtype=getattr(lib, name))
            result = eval(expression, {"torch": lib, "o": out})
        assert result is out
        results.append(out)
    assert_close(*results)


def test_default_dtype():
    for lib in (flambeau, torch):
        lib.set_default_dtype(lib.float64)
    try:
        for expression in (
            "torch.zeros(2)",
            "torch.full((1,), 1.0)",
            "torch.full((1,), 1j)",
            "torch.arange(0, 1, 0.5)",
            "torch.linspace(0, 1, 2)",
            "torch.tensor(1.0)",
            "torch.tensor(1j)",
            "torch.rand(2)",
            "torch.eye(2)",
        ):
            ours, theirs = evaluate(expression, flambeau), evaluate(expression, torch)
            assert dtype_name(ours) == dtype_name(theirs)
    finally:
        for lib in (flambeau, torch):
            lib.set_default_dtype(lib.float32)


def test_default_and_meta_devices():
    t = flambeau.zeros(2, 3, device="meta")
    assert t.is_meta
    assert flambeau.ones_like(t).is_meta
    assert flambeau.rand(2, device="meta").shape == (2,)
    assert t.new_ones(4).is_meta
    with flambeau.device("meta"):
        assert flambeau.empty(3).is_meta
        assert flambeau.arange(3).is_meta
        assert flambeau.tensor([1]).is_meta


def test_a_value_makes_no_new_program():
    """Fill values and the ends of ranges are inputs."""
    stats = flambeau._engine.program.stats
    seen = []
    for step in range(5):
        total = flambeau.full((3,), 0.5 + step) + flambeau.arange(step, step + 3)
        total += flambeau.linspace(step, step + 1, 3)
        total.sum().item()
        seen.append(stats.programs)
    assert seen[-1] == seen[2]


def test_layouts_and_formats():
    for name in ("strided", "sparse_coo", "preserve_format", "channels_last", "contiguous_format"):
        ours = getattr(flambeau, name)
        assert repr(ours) == repr(getattr(torch, name))
        assert pickle.loads(pickle.dumps(ours)) is ours
    assert flambeau.ones(2).layout is flambeau.strided
    assert isinstance(flambeau.strided, flambeau.layout)
    assert isinstance(flambeau.channels_last, flambeau.memory_format)
    with pytest.raises(RuntimeError, match="strided"):
        flambeau.zeros(2, layout=flambeau.sparse_coo)
    with pytest.raises(TypeError, match="memory_format"):
        flambeau.empty(2, memory_format="channels_last")
