"""Losses against torch, in every reduction."""

from __future__ import annotations

import numpy as np
import pytest

from flambeau._ops import nn_loss as rows
from tests.ops.nn_rows import check, ints, normal, uniform
from tests.oracle import torch

F = torch.nn.functional
REDUCTIONS = ["none", "mean", "sum"]
X, Y = normal(4, 5), normal(4, 5, seed=1)
X[1, 2] = Y[1, 2]
SIGN = np.where(normal(4, 5, seed=2) > 0, 1.0, -1.0)
P = uniform(4, 5, low=0.01, high=0.99)
T = uniform(4, 5, seed=1)

ELEMENTWISE = {
    "mse_loss": ((X, Y), {}),
    "l1_loss": ((X, Y), {}),
    "smooth_l1_loss": ((X, Y), {"beta": 0.7}),
    "huber_loss": ((X, Y), {"delta": 0.7}),
    "binary_cross_entropy": ((P, T), {}),
    "binary_cross_entropy_with_logits": ((X, T), {}),
    "kl_div": ((X, T), {}),
    "poisson_nll_loss": ((X, T), {"full": True}),
    "gaussian_nll_loss": ((X, Y, P), {"full": True}),
    "hinge_embedding_loss": ((X, SIGN), {"margin": 0.8}),
    "soft_margin_loss": ((X, SIGN), {}),
    "margin_ranking_loss": ((X, Y, SIGN), {"margin": 0.3}),
    "multilabel_soft_margin_loss": ((X, np.round(T)), {}),
    "triplet_margin_loss": ((X, Y, P), {"swap": True}),
    "cosine_embedding_loss": ((X, Y, SIGN[:, 0].copy()), {"margin": 0.2}),
}


# Piecewise linear ones have nothing to differentiate twice.
ONCE = {"huber_loss", "l1_loss", "hinge_embedding_loss", "margin_ranking_loss"}


@pytest.mark.filterwarnings("ignore:reduction:UserWarning")
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_loss(name, reduction):
    inputs, static = ELEMENTWISE[name]
    row, reference = getattr(rows, name), getattr(F, name)
    differentiable = 2 if name not in ("poisson_nll_loss", "multilabel_soft_margin_loss") else 1
    fixed = (
        inputs[differentiable:] if name not in ("gaussian_nll_loss", "triplet_margin_loss") else ()
    )
    moving = inputs[: len(inputs) - len(fixed)]
    if name in ("hinge_embedding_loss", "soft_margin_loss"):
        moving, fixed = inputs[:1], inputs[1:]
    check(
        lambda *a: row(*a, *fixed, reduction=reduction, **static),
        lambda *a: reference(
            *a, *(torch.from_numpy(f) for f in fixed), reduction=reduction, **static
        ),
        *moving,
        second=reduction == "sum" and name not in ONCE,
        rtol=1e-7,
    )


def test_weighted_losses():
    weight = uniform(5, seed=3)
    full = np.broadcast_to(weight, (4, 5)).copy()
    for name in ("mse_loss", "l1_loss", "huber_loss"):
        reference = getattr(F, name)
        for reduction in REDUCTIONS:
            check(
                lambda a, b, name=name, r=reduction: getattr(rows, name)(a, b, full, r),
                lambda a, b, f=reference, r=reduction: f(
                    a, b, reduction=r, weight=torch.from_numpy(full)
                ),
                X,
                Y,
            )
    check(
        lambda a, b: rows.binary_cross_entropy_with_logits(a, b, weight, weight),
        lambda a, b: F.binary_cross_entropy_with_logits(
            a, b, torch.from_numpy(weight), pos_weight=torch.from_numpy(weight)
        ),
        X,
        T,
    )
    check(
        lambda a, b: rows.binary_cross_entropy(a, b, weight),
        lambda a, b: F.binary_cross_entropy(a, b, torch.from_numpy(weight)),
        P,
        T,
    )


def test_binary_cross_entropy_at_certainty():
    p, t = np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.0, 1.0, 0.0, 1.0])
    check(
        lambda p: rows.binary_cross_entropy(p, t, reduction="none"),
        lambda p: F.binary_cross_entropy(p, torch.from_numpy(t), reduction="none"),
        p,
        rtol=1e-7,
    )


@pytest.mark.filterwarnings("ignore:reduction:UserWarning")
def test_kl_div_batchmean_and_log_target():
    check(
        rows.kl_div,
        lambda a, b: F.kl_div(a, b, reduction="batchmean", log_target=True),
        X,
        Y,
        reduction="batchmean",
        log_target=True,
    )
    zeros = T.copy()
    zeros[0] = 0
    check(
        lambda a: rows.kl_div(a, zeros),
        lambda a: F.kl_div(a, torch.from_numpy(zeros), reduction="mean"),
        X,
    )


CLASSES = np.array([0, 4, -100, 2])


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_cross_entropy_of_indices(reduction, weighted, smoothing):
    weight = uniform(5) if weighted else None
    tensor = None if weight is None else torch.from_numpy(weight)
    static = {"reduction": reduction, "label_smoothing": smoothing}
    check(
        lambda x, t: rows.cross_entropy(x, t, weight, **static),
        lambda x, t: F.cross_entropy(x, t, tensor, **static),
        X,
        CLASSES,
        second=weighted,
    )


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_cross_entropy_of_probabilities_and_of_images(reduction):
    weight = uniform(5)
    static = {"reduction": reduction, "label_smoothing": 0.1}
    check(
        lambda x, t: rows.cross_entropy(x, t, weight, **static),
        lambda x, t: F.cross_entropy(x, t, torch.from_numpy(weight), **static),
        normal(2, 5, 3),
        uniform(2, 5, 3),
    )
    check(
        lambda x, t: rows.cross_entropy(x, t, weight, reduction, 1),
        lambda x, t: F.cross_entropy(
            x, t, torch.from_numpy(weight), reduction=reduction, ignore_index=1
        ),
        normal(2, 5, 3, 4),
        ints(5, 2, 3, 4),
    )


def test_cross_entropy_of_one_example():
    check(rows.cross_entropy, F.cross_entropy, normal(5), np.array(3))
    check(rows.cross_entropy, F.cross_entropy, normal(5), uniform(5))


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_nll_loss(reduction):
    weight = uniform(5)
    check(
        lambda x, t: rows.nll_loss(x, t, weight, reduction),
        lambda x, t: F.nll_loss(x, t, torch.from_numpy(weight), reduction=reduction),
        normal(2, 5, 3),
        ints(5, 2, 3),
    )
    check(rows.nll_loss, F.nll_loss, normal(5), np.array(1))


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("p", [1, 2])
def test_multi_margin_loss(reduction, p):
    weight = uniform(5)
    static = {"p": p, "margin": 0.7, "reduction": reduction}
    check(
        lambda x, t: rows.multi_margin_loss(x, t, weight=weight, **static),
        lambda x, t: F.multi_margin_loss(x, t, weight=torch.from_numpy(weight), **static),
        X,
        ints(5, 4),
    )


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_multilabel_margin_loss(reduction):
    labels = np.array([[3, 0, -1, 1, 2], [-1, 0, 0, 0, 0], [4, 3, 2, 1, 0], [2, -1, 2, 2, 2]])
    check(
        rows.multilabel_margin_loss,
        lambda x, t: F.multilabel_margin_loss(x, t, reduction=reduction),
        X,
        labels,
        reduction=reduction,
    )


def _log_probs(t, n, c):
    x = normal(t, n, c)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_ctc_loss(reduction):
    lp, targets = _log_probs(12, 3, 6), ints(6, 3, 5, low=1)
    targets[1, 1] = targets[1, 0]
    n_in, n_out = np.array([12, 10, 7]), np.array([5, 3, 0])

    def reference(lp, t):
        return F.ctc_loss(
            lp, t, torch.from_numpy(n_in), torch.from_numpy(n_out), reduction=reduction
        )

    check(lambda x, t: rows.ctc_loss(x, t, n_in, n_out, 0, reduction), reference, lp, targets)
    joined = np.concatenate([t[:n] for t, n in zip(targets, n_out, strict=True)])
    check(lambda x, t: rows.ctc_loss(x, t, n_in, n_out, 0, reduction), reference, lp, joined)


def test_ctc_loss_that_is_impossible_can_be_zero():
    lp, targets = _log_probs(3, 1, 4), np.array([[1, 1, 2]])
    for zero in (False, True):
        check(
            lambda x, t, z=zero: rows.ctc_loss(x, t, np.array([3]), np.array([3]), 0, "sum", z),
            lambda x, t, z=zero: F.ctc_loss(x, t, (3,), (3,), reduction="sum", zero_infinity=z),
            lp,
            targets,
            grad=zero,
        )
