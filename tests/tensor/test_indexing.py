"""Indexing, assignment, strides and pieces of tensors against torch."""

import numpy as np
import pytest

import flambeau
from flambeau._engine.executor import stats
from tests.oracle import assert_close, torch

A = np.arange(24.0).reshape(2, 3, 4)
MASK = A % 3 == 0


def both(key):
    """A key for each library: arrays marked by a tuple become tensors."""

    def made(k, m):
        if isinstance(k, np.ndarray):
            return torch.from_numpy(k) if m is torch else m.tensor(k)
        return tuple(made(x, m) for x in k) if isinstance(k, tuple) else k

    return made(key, flambeau), made(key, torch)


KEYS = [
    0,
    -1,
    ...,
    None,
    (),
    True,
    False,
    slice(None),
    slice(1, None),
    slice(-5, 1),
    slice(0, 2, 2),
    (0, 1, 2),
    (..., -1),
    (slice(None), 1),
    (slice(0, 1), slice(1, 3), slice(None, None, 3)),
    (0, None, ..., None),
    (True, 0),
    [0, 1, 1],
    ([0, 1], [2, 0]),
    ([0, 1], slice(None), [3, 0]),
    (slice(None), [0, 2], [3, 0]),
    (0, slice(None), [3, 0]),
    ([[0], [1]], [0, 2]),
    (None, [0], ..., 0),
    np.int64(1),
    np.array([1, 0]),
    np.array([[-1]]),
    np.array(1),
    (np.array(1), np.array([0, 2])),
    (slice(None), np.array(-1)),
    MASK,
    MASK[:, :, 0],
    (0, MASK[0]),
    (slice(None), MASK[0, :, 0]),
    (np.array([True, False]), 0),
    (MASK[:, 0, 0], [0]),
    [True, False],
    (..., [0, 1]),
]


@pytest.mark.parametrize("key", KEYS, ids=repr)
def test_reading_and_assigning(key):
    ours, theirs = both(key)
    x = flambeau.tensor(A)
    expected = torch.from_numpy(A)[theirs]
    found = x[ours]
    assert_close(found, expected)
    assert found.stride() == expected.stride() or not expected.is_contiguous()

    y, t = flambeau.tensor(A), torch.tensor(A)
    y[ours] = 5
    t[theirs] = 5
    assert_close(y, t)
    y[ours] = flambeau.tensor(np.full(expected.shape, 7.0))
    t[theirs] = torch.full(expected.shape, 7.0, dtype=torch.float64)
    assert_close(y, t)


@pytest.mark.parametrize(
    "key", [0, (..., 1), [1, 0], (0, [1, 2]), MASK, (slice(None), [0])], ids=repr
)
def test_gradients(key):
    ours, theirs = both(key)
    grads = []
    for m, k in ((flambeau, ours), (torch, theirs)):
        x = m.tensor(A, requires_grad=True) if m is torch else m.tensor(A).requires_grad_()
        v = m.tensor(3.0).double().requires_grad_()
        y = x * 2
        y[k] = v * y[k].clone()
        ((y[k] ** 2).sum() + y.sum()).backward()
        grads.append((x.grad, v.grad))
    assert_close(grads[0], grads[1])


def test_assignments_broadcast_and_cast():
    for key, value in [
        ((0, slice(None), 1), np.array([1.0, 2.0, 3.0])),
        (0, np.array([1, 2, 3, 4])),
        ((0, 0, 0), np.ones((1, 1, 1))),
        (slice(None), np.ones((1, 1, 1, 3, 1))),
        (MASK[:, :, 0], np.ones(4)),
        (MASK, np.arange(8.0)),
        (MASK, np.ones((1, 1))),
    ]:
        ours, theirs = both(key)
        y, t = flambeau.tensor(A), torch.tensor(A)
        y[ours] = flambeau.tensor(value)
        t[theirs] = torch.tensor(value)
        assert_close(y, t)


@pytest.mark.parametrize(
    "key",
    [5, (0, 0, 0, 0), (0, 7), slice(None, None, -1), 1.5, "a", np.array([0.5]),
     np.array([True, False, True]), ([0, 1], [0, 1, 2])],
    ids=repr,
)  # fmt: skip
def test_bad_keys(key):
    ours, theirs = both(key)
    with pytest.raises(Exception) as expected:
        torch.from_numpy(A)[theirs]
    with pytest.raises(expected.type):
        flambeau.tensor(A)[ours]


@pytest.mark.parametrize(
    ("key", "value"),
    [(0, np.ones(5)), ([0], np.ones(5)), (0, "no"), (0, [1, 2, 3, 4]), (MASK, np.ones(3))],
    ids=repr,
)
def test_bad_values(key, value):
    ours, theirs = both(key)
    made = isinstance(value, np.ndarray)
    with pytest.raises(Exception) as expected:
        torch.tensor(A)[theirs] = torch.tensor(value) if made else value
    with pytest.raises(expected.type):
        flambeau.tensor(A)[ours] = flambeau.tensor(value) if made else value


def test_leaves_are_protected():
    x = flambeau.tensor(A).requires_grad_()
    with pytest.raises(RuntimeError, match="a view of a leaf Variable"):
        x[0] = 1
    with pytest.raises(RuntimeError, match="a leaf Variable"):
        x[[0]] = 1
    with flambeau.no_grad():
        x[0, 0] = 9
    assert x[0, 0, 0].item() == 9
    assert x.is_leaf


def test_writes_reach_the_base_and_other_views():
    x = flambeau.tensor(A)
    rows, column, turned = x[0], x[:, 1], x.permute(2, 0, 1)
    rows[1, 2] = -1
    assert column[0, 2].item() == -1
    turned[2, 0] += 100
    assert column[0, 2].item() == 99
    x[:, 1].t()[2] = 5
    assert rows[1, 2].item() == 5
    x.view(-1)[6] = 8
    assert rows[1, 2].item() == 8


def test_expanded_tensors_refuse_writes():
    x = flambeau.tensor([[1.0], [2.0]]).expand(2, 3)
    with pytest.raises(RuntimeError, match="more than one element"):
        x.add_(1)
    x[0].clone().add_(1)


def test_view_needs_fitting_strides():
    x = flambeau.tensor(A).transpose(0, 1)
    with pytest.raises(RuntimeError, match="view size is not compatible"):
        x.view(-1)
    copy = x.reshape(-1)
    copy[0] = 50
    assert x[0, 0, 0].item() == 0
    assert x.contiguous().view(-1).shape == (24,)


STRIDED = [
    lambda x: x.transpose(0, 2),
    lambda x: x[:, 1:, ::2],
    lambda x: x[1].t().unsqueeze(1),
    lambda x: x.unsqueeze(0).unsqueeze(-1),
    lambda x: x.expand(5, 2, 3, 4),
    lambda x: x[:, :1].expand(2, 7, 4),
    lambda x: x.diagonal(1, 1, 2),
    lambda x: x.unfold(2, 2, 1),
    lambda x: x.permute(1, 0, 2)[1:].flatten(1),
    lambda x: x.transpose(1, 2).reshape(2, 2, 2, 3),
    lambda x: x[:, :, 1:3].select(1, 2),
    lambda x: x.as_strided((2, 2), (1, 2), 3),
    lambda x: x[1].as_strided((2, 2), (1, 2)),
    lambda x: x.squeeze().movedim(0, -1),
    lambda x: x.chunk(2, 2)[1],
    lambda x: x.unbind(1)[2],
    lambda x: x[:0].view(3, 0),
]


@pytest.mark.parametrize("view", STRIDED)
def test_strides(view):
    ours, theirs = view(flambeau.tensor(A)), view(torch.tensor(A))
    assert_close(ours, theirs)
    assert ours.stride() == theirs.stride()
    assert ours.storage_offset() == theirs.storage_offset()
    assert ours.is_contiguous() == theirs.is_contiguous()


def test_in_place_views():
    for change in (
        lambda x: x.transpose_(0, 1),
        lambda x: x.squeeze_(),
        lambda x: x.unsqueeze_(0),
        lambda x: x.swapaxes_(0, 2),
    ):
        x, t = flambeau.tensor(A), torch.tensor(A)
        assert change(x) is x
        change(t)
        assert_close(x, t)


def test_loops_over_indices_make_no_new_programs():
    data = flambeau.tensor(np.arange(400.0).reshape(100, 4))
    seen = flambeau.tensor(np.zeros((100, 4)))

    def step(i):
        batch = data[i : i + 8]
        seen[i] = batch.sum(0) + data[i]
        return seen[i].sum().item()

    step(1), step(2)
    programs = stats.programs
    assert [step(i) for i in range(3, 40)] == [
        float((A4[i : i + 8].sum(0) + A4[i]).sum()) for i in range(3, 40)
    ]
    assert stats.programs == programs


A4 = np.arange(400.0).reshape(100, 4)


def test_a_tensor_of_one_index_stays_in_the_graph():
    x = flambeau.tensor(A)
    i = flambeau.tensor(1)
    launches = stats.launches
    row = x[i]
    x[i - 1] = 3
    assert stats.launches == launches
    assert_close(row, torch.from_numpy(A)[1])
    assert x[0].sum().item() == 36


def test_masks_assign_without_being_read():
    x = flambeau.tensor(A)
    launches = stats.launches
    x[x > 5] = 0
    x[x.sum(-1) > 3] = flambeau.tensor([1.0, 2.0, 3.0, 4.0]).double()
    assert stats.launches == launches
    t = torch.tensor(A)
    t[t > 5] = 0
    t[t.sum(-1) > 3] = torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.float64)
    assert_close(x, t)
