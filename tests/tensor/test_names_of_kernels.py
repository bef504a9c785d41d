"""Functions that PyTorch shows at the top beside the documented ones, against PyTorch."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import flambeau
from tests.oracle import assert_close, torch

R = np.random.default_rng(0)
X = R.standard_normal((2, 4, 6)).astype(np.float32)
M = R.standard_normal((4, 4))
S = M + M.T
W = R.standard_normal((3, 4, 5)).astype(np.float32)


def both(run: Any, *arrays: Any) -> None:
    warnings.simplefilter("ignore")  # PyTorch's own, on what it means to retire
    ours = run(flambeau, *(flambeau.tensor(a) for a in arrays))
    theirs = run(torch, *(torch.tensor(a) for a in arrays))
    assert_close(ours, theirs)


@pytest.mark.parametrize(
    "run",
    [
        lambda m, x: m.alias_copy(x),
        lambda m, x: m.as_strided_copy(x, (2, 3), (1, 2), 1),
        lambda m, x: m.detach_copy(x),
        lambda m, x: m.diagonal_copy(x, 0, 1, 2),
        lambda m, x: m.expand_copy(x[:, :1], (2, 4, 6)),
        lambda m, x: m.narrow_copy(x, 1, 1, 2),
        lambda m, x: m.permute_copy(x, (2, 0, 1)),
        lambda m, x: m.select_copy(x, 1, 2),
        lambda m, x: m.slice_copy(x, 2, 1, 5, 2),
        lambda m, x: tuple(m.split_copy(x, 2, 1)),
        lambda m, x: tuple(m.split_with_sizes_copy(x, (1, 3), 1)),
        lambda m, x: m.squeeze_copy(x[:1]),
        lambda m, x: m.t_copy(x[0]),
        lambda m, x: m.transpose_copy(x, 0, 2),
        lambda m, x: tuple(m.unbind_copy(x, 1)),
        lambda m, x: m.unfold_copy(x, 2, 3, 2),
        lambda m, x: m.unsqueeze_copy(x, 0),
        lambda m, x: m.view_as_real_copy(m.view_as_complex_copy(x.reshape(-1, 2))),
        lambda m, x: m.view_copy(x, (8, 6)),
    ],
)
def test_copies_of_views(run: Any) -> None:
    both(run, X)


def test_a_copy_shares_nothing_and_takes_out() -> None:
    x, out = flambeau.tensor(X), flambeau.empty(0)
    copied = flambeau.permute_copy(x, (2, 1, 0), out=out)
    x.zero_()
    np.testing.assert_array_equal(copied.numpy(), X.transpose(2, 1, 0))
    assert copied is out
    w = flambeau.tensor([[1.0, 2.0]], requires_grad=True)
    (flambeau.t_copy(w) ** 2).sum().backward()
    np.testing.assert_array_equal(w.grad.numpy(), [[2.0, 4.0]])


@pytest.mark.parametrize(
    "run",
    [
        lambda m, x: m.layer_norm(x, (6,)),
        lambda m, x: tuple(m.native_layer_norm(x, (6,), None, None, 1e-5)),
        lambda m, x: m.group_norm(x, 2),
        lambda m, x: tuple(m.native_group_norm(x, None, None, 2, 4, 6, 2, 1e-5)),
        lambda m, x: tuple(m.native_batch_norm(x, None, None, None, None, True, 0.1, 1e-5)),
        lambda m, x: m.batch_norm(x, None, None, None, None, True, 0.1, 1e-5, False),
        lambda m, x: m.instance_norm(x, None, None, None, None, True, 0.1, 1e-5, False),
        lambda m, x: m.kl_div(x, x.softmax(-1), 1),
        lambda m, x: m.kl_div(x, x.softmax(-1), 2),
        lambda m, x: m.hinge_embedding_loss(x, x.sign(), 1.0, 0),
        lambda m, x: m.poisson_nll_loss(x, x.abs(), True, False, 1e-8, 1),
        lambda m, x: m.binary_cross_entropy_with_logits(x, x.sigmoid(), None, None, 2),
        lambda m, x: m.triplet_margin_loss(x[0], x[1], -x[0]),
        lambda m, x: tuple(m.adaptive_max_pool1d(x, 3)),
        lambda m, x: tuple(m.max_pool1d_with_indices(x, 2)),
        lambda m, x: m.native_channel_shuffle(x[..., None], 2),
        lambda m, x: m.frobenius_norm(x, (1, 2)),
        lambda m, x: m.nuclear_norm(x[0]),
        lambda m, x: m.norm_except_dim(x, 2, 1),
        lambda m, x: m.rrelu(x),
        lambda m, x: tuple(m.histogramdd(x.reshape(-1, 2), [3, 4])),
        lambda m, x: m.histogramdd(
            x.reshape(-1, 2),
            3,
            range=(-1.0, 1.0, -2.0, 2.0),
            weight=x.reshape(-1)[::2],
            density=True,
        )[0],
        lambda m, x: m.segment_reduce(x, "mean", lengths=m.tensor([[1, 3], [2, 2]]), axis=1),
        lambda m, x: m.segment_reduce(x[0], "max", offsets=m.tensor([0, 1, 4]), initial=0.5),
        lambda m, x: m.segment_reduce(x[0], "prod", lengths=m.tensor([0, 4])),
    ],
)
def test_kernels(run: Any) -> None:
    both(run, X)


def test_convolution_of_sequences() -> None:
    both(lambda m, x, w: m.conv_tbc(x, w, m.ones(5), 1), X.transpose(2, 0, 1).copy(), W)
    both(
        lambda m, x, w: m.convolution(x, w, None, [2], [1], [1], False, [0], 1),
        X,
        W.transpose(2, 1, 0).copy(),
    )


@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn_tanh"])
def test_recurrent_networks_from_a_list_of_weights(kind: str) -> None:
    module = {"lstm": "LSTM", "gru": "GRU", "rnn_tanh": "RNN"}[kind]
    net = getattr(torch.nn, module)(6, 3, 2, bidirectional=True)
    weights = [p.detach().numpy() for p in net.parameters()]

    def run(m: Any, x: Any, *params: Any) -> Any:
        h = m.zeros(4, 4, 3)
        state = (h, h) if kind == "lstm" else h
        return tuple(getattr(m, kind)(x, state, params, True, 2, 0.0, False, True, False))

    both(run, X, *weights)


@pytest.mark.parametrize("hermitian", [False, True])
def test_ldl(hermitian: bool) -> None:
    a = S.astype(np.complex128) + 1j * (M - M.T if hermitian else S)
    both(lambda m, a: tuple(m.linalg.ldl_factor_ex(a, hermitian=hermitian)), a)

    def solve(m: Any, a: Any) -> Any:
        LD, pivots = m.linalg.ldl_factor(a, hermitian=hermitian)
        return m.linalg.ldl_solve(LD, pivots, a[:, :2] * 2, hermitian=hermitian)

    both(solve, a)
    both(lambda m, s: tuple(m.linalg.ldl_factor(m.stack([s, s * (1 - m.eye(4))]))), S)


def test_lobpcg() -> None:
    a = np.diag(np.arange(1.0, 10.0)) + 0.1
    b = np.diag(np.arange(1.0, 10.0)[::-1].copy()) + 0.2
    both(lambda m, a, b: m.lobpcg(a, 2, B=b, niter=500, tol=1e-12)[0], a, b)
    both(lambda m, a: m.lobpcg(a, 3, largest=False, niter=500, tol=1e-12)[0], a)


def test_storages() -> None:
    def run(m: Any, x: Any) -> Any:
        y = m.zeros(2)
        y.set_(x.untyped_storage(), 1, (2, 2), (6, 1))
        x[0, 0, 1] = 7
        return y

    both(run, X)
    x = flambeau.arange(3)
    assert x.untyped_storage().nbytes() == 24
    assert x.storage().tolist() == [0, 1, 2]
    x.untyped_storage().fill_(0)
    assert x.tolist() == [0, 0, 0]
    assert x[1:].untyped_storage() == x.untyped_storage()


def test_old_types() -> None:
    x = flambeau.FloatTensor([1, 2])
    assert isinstance(x, flambeau.FloatTensor)
    assert not isinstance(x, flambeau.LongTensor)
    assert x.type(flambeau.LongTensor).dtype is flambeau.int64
    assert flambeau.LongTensor(2, 3).shape == (2, 3)


@pytest.mark.parametrize(
    ("actual", "expected", "options"),
    [
        ([1.0, 2.0, 3.0], [1.0, 2.5, 7.0], {}),
        ([[1, 2], [3, 4]], [[1, 2], [5, 4]], {}),
        ([1.0, float("nan")], [1.0, float("nan")], {}),
        (1.0, 1.5, {}),
        ([1.0, 2.0], [1.0, 2.1], {"rtol": 0, "atol": 0}),
    ],
)
def test_messages_of_assert_close(actual: Any, expected: Any, options: Any) -> None:
    texts = []
    for m in (flambeau, torch):
        with pytest.raises(AssertionError) as caught:
            m.testing.assert_close(m.tensor(actual), m.tensor(expected), **options)
        texts.append(str(caught.value))
    assert texts[0] == texts[1]


def test_assert_close_of_containers_and_numbers() -> None:
    for a, e in (
        ([1, 2.0], [1, 2.5]),
        ({"a": 1}, {"b": 1}),
        ([1], [1, 2]),
        (3, 3.0),
        (None, 1),
    ):
        texts = []
        for m in (flambeau, torch):
            with pytest.raises(AssertionError) as caught:
                m.testing.assert_close(a, e)
            texts.append(str(caught.value))
        assert texts[0].splitlines()[0] == texts[1].splitlines()[0]
    flambeau.testing.assert_close({"a": flambeau.ones(2)}, {"a": flambeau.ones(2) + 1e-7})
    with pytest.raises(AssertionError, match="dtype"):
        flambeau.testing.assert_close(flambeau.ones(2), flambeau.ones(2).double())
    with pytest.raises(AssertionError, match="mine: Tensor-likes"):
        flambeau.testing.assert_close(
            flambeau.ones(2), flambeau.zeros(2), msg=lambda text: f"mine: {text}"
        )
    with pytest.raises(ValueError, match="both"):
        flambeau.testing.assert_close(1.0, 1.0, rtol=1.0)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int16", "uint8", "bool", "complex64"])
def test_make_tensor(dtype: str) -> None:
    kind = getattr(flambeau, dtype)
    x = flambeau.testing.make_tensor(
        20, 2, dtype=kind, device="cpu", exclude_zero=True, noncontiguous=True
    )
    assert x.dtype is kind
    assert x.shape == (20, 2)
    assert not x.is_contiguous()
    assert not (x == 0).any()
