"""What a tensor says of itself, and how it is converted, copied and modified."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import flambeau
from tests.oracle import assert_close, torch

BOTH = pytest.mark.parametrize("lib", [flambeau, torch], ids=["flambeau", "torch"])


@BOTH
def test_attributes(lib):
    t = lib.tensor(np.zeros((2, 3), np.float32))
    assert repr(t.shape) == repr(t.size()) == "torch.Size([2, 3])"
    assert t.size(-1) == 3
    assert (t.ndim, t.dim(), t.numel(), len(t)) == (2, 2, 6, 2)
    assert (t.element_size(), t.itemsize, t.nbytes) == (4, 4, 24)
    assert str(t.device) == "cpu"
    assert repr(t.device) == "device(type='cpu')"
    assert repr(t.dtype) == "torch.float32"
    assert t.is_floating_point()
    assert t.is_leaf
    assert not t.is_cuda
    assert t.type() == "torch.FloatTensor"
    with pytest.raises(IndexError, match="Dimension out of range"):
        t.size(2)
    with pytest.raises(TypeError, match="0-d tensor"):
        len(lib.tensor(1))


@BOTH
def test_reading_one_element(lib):
    assert lib.tensor([2.5]).item() == 2.5
    assert int(lib.tensor(3.7)) == 3
    assert float(lib.tensor(2)) == 2.0
    assert bool(lib.tensor([0.0])) is False
    assert [10, 20, 30][lib.tensor(1)] == 20
    with pytest.raises(RuntimeError, match="cannot be converted to Scalar"):
        lib.ones(2).item()
    with pytest.raises(RuntimeError, match="is ambiguous"):
        bool(lib.ones(2))
    with pytest.raises(TypeError, match="converted to an index"):
        [1, 2][lib.tensor(1.0)]
    assert f"{lib.tensor(1.23456):.2f}" == "1.23"


@BOTH
def test_to(lib):
    t = lib.ones(2)
    assert t.to(lib.float32) is t
    assert t.to("cpu") is t
    assert t.to(lib.float32, copy=True) is not t
    assert t.to(lib.float64).dtype is lib.float64
    assert t.to("cpu", lib.int64).dtype is lib.int64
    assert t.to(lib.zeros(1, dtype=lib.int8)).dtype is lib.int8
    assert t.double().dtype is lib.float64
    assert t.type("torch.LongTensor").dtype is lib.int64
    assert t.to(device="meta").is_meta


def test_a_device_that_is_not_there():
    with pytest.raises(RuntimeError, match="no cuda device"):
        flambeau.ones(1, device="cuda")
    with pytest.raises(RuntimeError, match="Expected one of cpu, cuda"):
        flambeau.device("gpu")
    with pytest.raises(RuntimeError, match="Invalid device string"):
        flambeau.device("cpu:")


@BOTH
def test_in_place_writes_go_through_views(lib):
    base = lib.zeros(2, 3)
    row, column = base[0], base[:, 1]
    row += 1
    column.mul_(10)
    base[1, 2] = 7
    flat = base.view(-1)
    flat[3] = -1
    assert base.tolist() == [[1, 10, 1], [-1, 0, 7]]
    assert row.tolist() == [1, 10, 1]
    assert column.tolist() == [10, 0]
    assert base._version == row._version


@BOTH
def test_gradients_of_writes_through_views(lib):
    x = lib.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x * 2
    view = y[1:]
    view *= x[1:]
    y[0] = 5.0
    (y * lib.tensor([1.0, 10.0, 100.0])).sum().backward()
    assert x.grad.tolist() == [0.0, 80.0, 1200.0]


@BOTH
def test_leaves_are_protected(lib):
    x = lib.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        x += 1
    with pytest.raises(RuntimeError, match="a view of a leaf Variable that requires grad"):
        x[0] = 1
    with lib.no_grad():
        x += 1
        x[0] = 5
    assert x.tolist() == [5.0, 2.0]
    assert x.is_leaf
    assert x.requires_grad


@BOTH
def test_what_an_in_place_operation_refuses(lib):
    with pytest.raises(RuntimeError, match="can't be cast to the desired output type"):
        lib.ones(2, dtype=lib.int64).add_(0.5)
    with pytest.raises(RuntimeError, match="doesn't match the broadcast shape"):
        lib.ones(2).add_(lib.ones(3, 2))


@BOTH
def test_detach_shares_memory(lib):
    x = lib.ones(2, requires_grad=True)
    d = x.detach()
    d.zero_()
    assert x.tolist() == [0.0, 0.0]
    assert not d.requires_grad
    assert x.data.tolist() == [0.0, 0.0]
    x.data = lib.tensor([3.0, 4.0])
    assert x.tolist() == [3.0, 4.0]
    assert x.requires_grad


@BOTH
def test_copies(lib):
    x = lib.ones(2, requires_grad=True)
    (x * 3).sum().backward()
    twin = copy.deepcopy(x)
    with lib.no_grad():
        x += 1
    assert twin.tolist() == [1.0, 1.0]
    assert twin.requires_grad
    assert twin.grad.tolist() == [3.0, 3.0]
    with pytest.raises(RuntimeError, match="deepcopy"):
        copy.deepcopy(x * 2)
    assert pickle.loads(pickle.dumps(x)).tolist() == [2.0, 2.0]


def test_two_views_of_one_storage_stay_together_in_a_deepcopy():
    x = flambeau.zeros(4)
    pair = copy.deepcopy([x, x[:2]])
    pair[0][0] = 9
    assert pair[1].tolist() == [9.0, 0.0]


@BOTH
def test_requires_grad_is_for_leaves_and_floats(lib):
    x = lib.ones(1, requires_grad=True)
    with pytest.raises(RuntimeError, match="leaf variables"):
        (x * 1).requires_grad_(False)
    with pytest.raises(RuntimeError, match="floating point"):
        lib.ones(1, dtype=lib.int64).requires_grad_()
    x.requires_grad = False
    assert not x.requires_grad


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("int32", "float16"),
        ("uint8", "int8"),
        ("bool", "int64"),
        ("float16", "bfloat16"),
        ("complex64", "float64"),
        ("int64", "float32"),
    ],
)
def test_promotion_of_tensors_zero_dim_tensors_and_numbers(left, right):
    def program(t):
        a = t.ones(2, dtype=getattr(t, left))
        b = t.ones(2, dtype=getattr(t, right))
        zero = t.tensor(1, dtype=getattr(t, right))
        return a + b, a * zero, a + 2, a * 1.5, a + True, zero + a

    assert_close(program(flambeau), program(torch))


def test_an_attribute_of_ones_own():
    t = flambeau.ones(1)
    t.note = "mine"
    assert t.note == "mine"


def test_an_operation_refuses_what_is_no_tensor():
    with pytest.raises(
        TypeError, match=r"argument 'other' \(position 2\) must be Tensor or Number, not list"
    ):
        flambeau.mul(flambeau.ones(2), [1, 2])
    with pytest.raises(
        RuntimeError, match=r"size of tensor a \(2\) must match the size of tensor b \(3\)"
    ):
        flambeau.ones(2) + flambeau.ones(3)
