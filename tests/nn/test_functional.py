"""Every family of `nn.functional` through tensors: values, gradients and errors as torch's."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import flambeau
import flambeau.nn.functional as F
from tests.nn.both import caught
from tests.oracle import assert_close, torch

TF = torch.nn.functional


class Make:
    """Makes the same tensors in either library, and remembers those that need gradients."""

    def __init__(self, library: Any):
        self.library = library
        self.leaves: list[Any] = []

    def __call__(self, *shape: int, low: float | None = None) -> Any:
        """Normal numbers, or uniform ones above `low`."""
        rng = np.random.default_rng([len(self.leaves), *shape])
        array = rng.standard_normal(shape) if low is None else rng.uniform(low, low + 1, shape)
        leaf = self.library.from_numpy(np.asarray(array)).requires_grad_()
        self.leaves.append(leaf)
        return leaf

    def ints(self, high: int, *shape: int) -> Any:
        return self.library.from_numpy(
            np.random.default_rng([high, *shape]).integers(0, high, shape)
        )

    def of(self, values: Any) -> Any:
        return self.library.tensor(values)


CASES: dict[str, Callable[[Any, Make], Any]] = {
    "linear": lambda F, t: F.linear(t(2, 3, 4), t(5, 4), t(5)),
    "bilinear": lambda F, t: F.bilinear(t(2, 3), t(2, 4), t(5, 3, 4), t(5)),
    "embedding": lambda F, t: F.embedding(t.ints(5, 3, 2), t(5, 4), padding_idx=-1),
    "embedding_bag": lambda F, t: F.embedding_bag(
        t.ints(5, 6), t(5, 4), t.of([0, 2, 3]), mode="sum", per_sample_weights=t(6)
    ),
    "conv1d": lambda F, t: F.conv1d(t(4, 7), t(6, 2, 3), t(6), groups=2, padding="same"),
    "conv2d": lambda F, t: F.conv2d(t(2, 3, 6, 5), t(4, 3, 3, 2), t(4), (2, 1), 1),
    "conv3d": lambda F, t: F.conv3d(t(1, 2, 4, 4, 3), t(2, 2, 2, 2, 2), padding="valid"),
    "conv_transpose1d": lambda F, t: F.conv_transpose1d(t(3, 5), t(3, 2, 3), t(2), 2, 1, 1),
    "conv_transpose2d": lambda F, t: F.conv_transpose2d(t(2, 4, 3, 3), t(4, 2, 3, 2), stride=2),
    "conv_tbc": lambda F, t: F.conv_tbc(t(6, 2, 3), t(2, 3, 4), t(4), 1),
    "max_pool1d": lambda F, t: F.max_pool1d(t(2, 3, 9), 3, 2, 1, return_indices=True),
    "max_pool2d": lambda F, t: F.max_pool2d(t(3, 8, 8), (2, 3), dilation=2, ceil_mode=True),
    "max_pool3d": lambda F, t: F.max_pool3d(t(1, 2, 4, 4, 4), 2),
    "avg_pool2d": lambda F, t: F.avg_pool2d(t(1, 2, 5, 5), 3, 2, 1, False, False),
    "adaptive_avg_pool2d": lambda F, t: F.adaptive_avg_pool2d(t(1, 2, 5, 6), (None, 4)),
    "adaptive_max_pool1d": lambda F, t: F.adaptive_max_pool1d(t(2, 2, 7), 3, True),
    "lp_pool1d": lambda F, t: F.lp_pool1d(t(1, 2, 8, low=0.1), 2, 3),
    "max_unpool2d": lambda F, t: F.max_unpool2d(
        *F.max_pool2d(t(1, 2, 5, 4), 2, return_indices=True), 2, output_size=(5, 4)
    ),
    "batch_norm": lambda F, t: F.batch_norm(t(4, 3, 2), None, None, t(3), t(3), True),
    "instance_norm": lambda F, t: F.instance_norm(t(2, 3, 5), weight=t(3), bias=t(3)),
    "layer_norm": lambda F, t: F.layer_norm(t(2, 3, 4), (3, 4), t(3, 4), t(3, 4)),
    "rms_norm": lambda F, t: F.rms_norm(t(2, 4), (4,), t(4), 1e-6),
    "group_norm": lambda F, t: F.group_norm(t(2, 4, 3), 2, t(4), t(4)),
    "local_response_norm": lambda F, t: F.local_response_norm(t(2, 5, 3), 3),
    "normalize": lambda F, t: F.normalize(t(2, 3, 4), dim=(1, 2)),
    "relu": lambda F, t: F.relu(t(5)),
    "relu inplace": lambda F, t: F.relu(t(5) * 1, inplace=True),
    "softmax": lambda F, t: F.softmax(t(2, 3), -1),
    "log_softmax": lambda F, t: F.log_softmax(t(2, 3), 0),
    "glu": lambda F, t: F.glu(t(2, 4)),
    "prelu": lambda F, t: F.prelu(t(2, 3, 2), t(3)),
    "rrelu": lambda F, t: F.rrelu(t(6)),
    "gelu": lambda F, t: F.gelu(t(6), approximate="tanh"),
    "cross_entropy": lambda F, t: F.cross_entropy(
        t(4, 3), t.ints(3, 4), t(3, low=0.1).detach(), ignore_index=1, label_smoothing=0.1
    ),
    "nll_loss": lambda F, t: F.nll_loss(t(2, 3, 4), t.ints(3, 2, 4), reduction="none"),
    "bce": lambda F, t: F.binary_cross_entropy(t(4, low=0), t(4, low=0), reduction="sum"),
    "bce logits": lambda F, t: F.binary_cross_entropy_with_logits(
        t(4, 3), t(4, 3, low=0), pos_weight=t(3, low=0).detach()
    ),
    "mse_loss": lambda F, t: F.mse_loss(t(4), t(4), reduction="none"),
    "kl_div": lambda F, t: F.kl_div(t(4, 2), t(4, 2), reduction="batchmean", log_target=True),
    "gaussian_nll_loss": lambda F, t: F.gaussian_nll_loss(t(4, 2), t(4, 2), 0.5, full=True),
    "triplet": lambda F, t: F.triplet_margin_loss(t(4, 3), t(4, 3), t(4, 3), swap=True),
    "triplet distance": lambda F, t: F.triplet_margin_with_distance_loss(
        t(4, 3), t(4, 3), t(4, 3), swap=True
    ),
    "cosine_embedding": lambda F, t: F.cosine_embedding_loss(t(2, 3), t(2, 3), t.of([1, -1])),
    "ctc_loss": lambda F, t: F.ctc_loss(
        F.log_softmax(t(6, 2, 4), -1), t.of([[1, 2], [3, 3]]), (6, 5), (2, 2)
    ),
    "linear_cross_entropy": lambda F, t: F.linear_cross_entropy(t(4, 3), t(5, 3), t.ints(5, 4)),
    "attention": lambda F, t: F.scaled_dot_product_attention(
        t(2, 4, 3), t(2, 5, 3), t(2, 5, 6), t(4, 5)
    ),
    "pad constant": lambda F, t: F.pad(t(2, 3, 4), (1, -1, 2, 0), value=2.5),
    "pad reflect": lambda F, t: F.pad(t(2, 3, 4), (1, 2), "reflect"),
    "pad circular": lambda F, t: F.pad(t(1, 2, 3, 4), (1, 2, 3, 0), "circular"),
    "interpolate nearest": lambda F, t: F.interpolate(t(1, 2, 3, 3), scale_factor=2),
    "interpolate bilinear": lambda F, t: F.interpolate(t(1, 2, 3, 3), (5, 2), mode="bilinear"),
    "interpolate area": lambda F, t: F.interpolate(t(1, 2, 5), 3, mode="area"),
    "interpolate recomputed": lambda F, t: F.interpolate(
        t(1, 2, 5), scale_factor=1.7, mode="linear", recompute_scale_factor=True
    ),
    "grid_sample": lambda F, t: F.grid_sample(
        t(1, 2, 4, 4), F.affine_grid(t(1, 2, 3), (1, 2, 3, 3), False), align_corners=False
    ),
    "pixel_shuffle": lambda F, t: F.pixel_shuffle(t(4, 2, 3), 2),
    "pixel_unshuffle": lambda F, t: F.pixel_unshuffle(t(1, 2, 4, 6), 2),
    "channel_shuffle": lambda F, t: F.channel_shuffle(t(1, 4, 2), 2),
    "unfold": lambda F, t: F.unfold(t(2, 4, 5), (2, 3), padding=1),
    "fold": lambda F, t: F.fold(t(1, 8, 9), (4, 4), 2),
    "one_hot": lambda F, t: F.one_hot(t.ints(4, 3)),
    "cosine_similarity": lambda F, t: F.cosine_similarity(t(3, 4), t(3, 4)),
    "pairwise_distance": lambda F, t: F.pairwise_distance(t(3, 4), t(3, 4), 1),
    "pdist": lambda F, t: F.pdist(t(4, 3)),
}


def _outcome(library: Any, functional: Any, case: Callable[[Any, Make], Any]) -> Any:
    make = Make(library)
    result = case(functional, make)
    outputs = result if isinstance(result, tuple) else (result,)
    if not outputs[0].dtype.is_floating_point:
        return outputs, ()
    weight = np.random.default_rng(3).standard_normal(tuple(outputs[0].shape))
    outputs[0].backward(library.from_numpy(np.asarray(weight)))
    return outputs, tuple(leaf.grad for leaf in make.leaves)


@pytest.mark.parametrize("name", CASES)
def test_same_as_torch(name):
    ours, our_grads = _outcome(flambeau, F, CASES[name])
    theirs, their_grads = _outcome(torch, TF, CASES[name])
    assert_close(ours, theirs)
    assert_close(our_grads, their_grads)


def _mha(F: Any, t: Make, **kwargs: Any) -> Any:
    width, heads = 8, 2
    q, k = t(3, 2, width), t(4, 2, width)
    return F.multi_head_attention_forward(
        q, k, k, width, heads, t(24, 8), t(24), None, None, False, 0.0, t(8, 8), t(8), **kwargs
    )


ATTENTION = {
    "weights": _mha,
    "each head": lambda F, t: _mha(F, t, average_attn_weights=False),
    "no weights": lambda F, t: _mha(F, t, need_weights=False)[:1],
    "masks": lambda F, t: _mha(
        F,
        t,
        key_padding_mask=t.of([[False, True, False, False], [False, False, False, True]]),
        attn_mask=t(3, 4).detach() > 1,
    ),
    "bias and zero": lambda F, t: F.multi_head_attention_forward(
        *[t(3, 2, 8)] * 3, 8, 2, t(24, 8), None, t(1, 1, 8), t(1, 1, 8), True, 0.0, t(8, 8), None
    ),
    "apart, unbatched": lambda F, t: F.multi_head_attention_forward(
        t(3, 8), t(4, 5), t(4, 6), 8, 2, None, t(24), None, None, False, 0.0, t(8, 8), t(8),
        use_separate_proj_weight=True,
        q_proj_weight=t(8, 8), k_proj_weight=t(8, 5), v_proj_weight=t(8, 6),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTENTION)
def test_multi_head_attention(name):
    ours, our_grads = _outcome(flambeau, F, ATTENTION[name])
    theirs, their_grads = _outcome(torch, TF, ATTENTION[name])
    assert_close(ours, theirs)
    assert_close(our_grads, their_grads)


def test_batch_norm_moves_the_statistics_in_place_and_without_history():
    x = np.random.default_rng(0).standard_normal((8, 3))
    found = []
    for library, functional in ((flambeau, F), (torch, TF)):
        t = library.from_numpy(x.copy()).requires_grad_()
        mean = library.zeros(3, dtype=library.float64)
        var = library.ones(3, dtype=library.float64)
        out = functional.batch_norm(t, mean, var, training=True, momentum=0.2)
        assert not mean.requires_grad
        assert mean.grad_fn is None
        out = functional.batch_norm(out, mean, var, training=False)
        out.sum().backward()
        found.append((mean, var, out, t.grad))
    assert_close(found[0], found[1])


def test_batch_norm_takes_its_momentum_from_a_tensor():
    mean, var = flambeau.zeros(2), flambeau.ones(2)
    x = flambeau.tensor([[1.0, 2.0], [3.0, 6.0]])
    F.batch_norm(x, mean, var, training=True, momentum=flambeau.tensor(0.5))
    np.testing.assert_allclose(mean.numpy(), [1.0, 2.0])


def test_embedding_renorms_the_table_in_place():
    results = []
    for library, functional in ((flambeau, F), (torch, TF)):
        weight = library.from_numpy(np.arange(12.0).reshape(4, 3)).requires_grad_()
        out = functional.embedding(library.tensor([1, 3, 1]), weight, max_norm=2.0)
        out.sum().backward()
        results.append((out, weight, weight.grad))
    assert_close(results[0], results[1], rtol=1e-6)


def test_dropout_draws_from_the_seed_and_keeps_the_mean():
    flambeau.manual_seed(0)
    x = flambeau.ones(1000)
    first, second = F.dropout(x, 0.3), F.dropout(x, 0.3)
    flambeau.manual_seed(0)
    again = F.dropout(x, 0.3)
    assert (first.numpy() == again.numpy()).all()
    assert (first.numpy() != second.numpy()).any()
    assert first.numpy().mean() == pytest.approx(1, abs=0.1)
    assert F.dropout(x, 0.3, training=False) is x


ERRORS: dict[str, Callable[[Any, Make], Any]] = {
    "linear shapes": lambda F, t: F.linear(t(2, 3), t(3, 4)),
    "linear dtypes": lambda F, t: F.linear(t(2, 3), t(4, 3).float()),
    "linear of a list": lambda F, t: F.linear([1.0], t(1, 1)),
    "conv channels": lambda F, t: F.conv2d(t(1, 3, 5, 5), t(4, 2, 3, 3)),
    "conv rank": lambda F, t: F.conv2d(t(3, 5), t(4, 3, 3, 3)),
    "conv too small": lambda F, t: F.conv1d(t(1, 3, 2), t(4, 3, 3)),
    "conv bias": lambda F, t: F.conv1d(t(1, 3, 5), t(4, 3, 3), t(3)),
    "conv same strided": lambda F, t: F.conv1d(t(1, 3, 5), t(4, 3, 3), stride=2, padding="same"),
    "conv transpose": lambda F, t: F.conv_transpose1d(t(1, 3, 5), t(3, 4, 3), output_padding=1),
    "pool padding": lambda F, t: F.max_pool2d(t(1, 1, 5, 5), 2, padding=2),
    "pool too small": lambda F, t: F.avg_pool1d(t(1, 1, 2), 3),
    "batch norm of one": lambda F, t: F.batch_norm(t(1, 3), None, None, training=True),
    "layer norm shape": lambda F, t: F.layer_norm(t(2, 3), (4,)),
    "group norm groups": lambda F, t: F.group_norm(t(2, 3), 2),
    "dropout p": lambda F, t: F.dropout(t(2), 1.5),
    "reduction": lambda F, t: F.mse_loss(t(2), t(2), reduction="average"),
    "cross entropy batch": lambda F, t: F.cross_entropy(t(3, 4), t.ints(4, 2)),
    "cross entropy float classes": lambda F, t: F.cross_entropy(t(3, 4), t(3)),
    "bce size": lambda F, t: F.binary_cross_entropy(t(3), t(2)),
    "bce logits size": lambda F, t: F.binary_cross_entropy_with_logits(t(3), t(2)),
    "embedding of floats": lambda F, t: F.embedding(t(2), t(3, 2)),
    "glu odd": lambda F, t: F.glu(t(3)),
    "pad odd": lambda F, t: F.pad(t(3), (1,)),
    "pad reflect large": lambda F, t: F.pad(t(1, 1, 3), (3, 0), "reflect"),
    "interpolate nothing": lambda F, t: F.interpolate(t(1, 1, 3)),
    "interpolate rank": lambda F, t: F.interpolate(t(1, 1, 3), 2, mode="bilinear"),
    "softmax dim": lambda F, t: F.softmax(t(2, 2), 3),
    "grid sample mode": lambda F, t: F.grid_sample(t(1, 1, 2, 2), t(1, 2, 2, 2), "linear"),
    "pixel shuffle": lambda F, t: F.pixel_shuffle(t(1, 3, 2, 2), 2),
    "fold blocks": lambda F, t: F.fold(t(1, 8, 8), (4, 4), 2),
    "triplet margin": lambda F, t: F.triplet_margin_loss(t(2), t(2), t(2), margin=-1),
    "one hot floats": lambda F, t: F.one_hot(t(2)),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_are_of_the_class_that_torch_raises(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = caught(lambda: ERRORS[name](TF, Make(torch)))
        ours = caught(lambda: ERRORS[name](F, Make(flambeau)))
    assert isinstance(theirs, str)
    assert isinstance(ours, str), "no error"
    assert ours.split(":")[0] == theirs.split(":")[0], (ours, theirs)


def test_a_transposed_weight_is_called_transposed():
    t = Make(flambeau)
    with pytest.raises(RuntimeError, match=r"\(out_features, in_features\).*transposed"):
        F.linear(t(2, 3), t(3, 4))
    with pytest.raises(RuntimeError, match="looks transposed"):
        F.conv2d(t(1, 3, 5, 5), t(3, 4, 3, 3))


@pytest.mark.parametrize("name", F.__all__)
def test_signatures_are_those_of_torch(name):
    theirs = getattr(TF, name)
    try:
        expected = inspect.signature(theirs)
    except (TypeError, ValueError):
        return  # built in, without a signature
    if list(expected.parameters) == ["args", "kwargs"]:
        return
    actual = inspect.signature(getattr(F, name))
    wanted = [(p.name, p.default, p.kind) for p in expected.parameters.values()]
    assert [(p.name, p.default, p.kind) for p in actual.parameters.values()] == wanted


def test_all_is_complete():
    assert sorted(F.__all__) == F.__all__
    missing = {
        n
        for n in dir(TF)
        if n.islower() and not n.startswith("_") and inspect.isfunction(getattr(TF, n))
    } - set(F.__all__)
    machinery = {
        n
        for n in missing
        if "torch_function" in n or n in ("boolean_dispatch", "assert_int_or_pair")
    }
    # Scaled products of 8-bit floats belong to quantization.
    assert missing - machinery == {"scaled_mm", "scaled_grouped_mm"}
