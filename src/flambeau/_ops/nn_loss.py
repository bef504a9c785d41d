"""Losses. `reduction` is ``"none"``, ``"mean"`` or ``"sum"`` everywhere.

Half types are computed in float32 and rounded once at the end.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from flambeau._ops._nn import absolute, log_sigmoid, reduce_loss, same_value, widen
from flambeau._ops.nn_norm import norm_along
from flambeau._ops.registry import Array, OptArray, op
from flambeau._ops.target import current


def _wide_loss(rule: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
    """Give the rule float32 for half arrays, and round its result to the first one's dtype."""

    @functools.wraps(rule)
    def run(*args: Any, **kwargs: Any) -> jax.Array:
        out = rule(*(widen(a) if hasattr(a, "dtype") else a for a in args), **kwargs)
        dtype = args[0].dtype
        return out.astype(dtype) if jnp.issubdtype(dtype, jnp.floating) else out

    return run


def _weighted(loss: jax.Array, weight: OptArray, reduction: str) -> jax.Array:
    if weight is None:
        return reduce_loss(loss, reduction)
    weight = widen(weight)
    loss = loss * weight
    if reduction == "mean":
        return jnp.sum(loss) / jnp.sum(jnp.broadcast_to(weight, loss.shape))
    return reduce_loss(loss, reduction)


@op(promote="numeric")
@_wide_loss
def mse_loss(
    input: Array, target: Array, weight: OptArray = None, reduction: str = "mean"
) -> Array:
    """Squared difference. Follows `torch.nn.functional.mse_loss`."""
    difference = input - target
    square = (
        (difference * difference.conj()).real
        if jnp.iscomplexobj(difference)
        else difference * difference
    )
    return _weighted(square, weight, reduction)


@op(promote="numeric")
@_wide_loss
def l1_loss(input: Array, target: Array, weight: OptArray = None, reduction: str = "mean") -> Array:
    """Absolute difference. Follows `torch.nn.functional.l1_loss`."""
    return _weighted(absolute(input - target), weight, reduction)


@op(promote="numeric")
@_wide_loss
def smooth_l1_loss(
    input: Array, target: Array, reduction: str = "mean", *, beta: float = 1.0
) -> Array:
    """Quadratic below `beta`, linear above. Follows `torch.nn.functional.smooth_l1_loss`."""
    size = absolute(input - target)
    if beta == 0:
        return reduce_loss(size, reduction)
    return reduce_loss(
        jnp.where(size < beta, 0.5 * size * size / beta, size - 0.5 * beta), reduction
    )


@op(promote="numeric")
@_wide_loss
def huber_loss(
    input: Array,
    target: Array,
    weight: OptArray = None,
    reduction: str = "mean",
    *,
    delta: float = 1.0,
) -> Array:
    """Quadratic up to `delta`, linear above. Follows `torch.nn.functional.huber_loss`."""
    size = absolute(input - target)
    loss = jnp.where(size <= delta, 0.5 * size * size, delta * (size - 0.5 * delta))
    # Unlike mse_loss and l1_loss, PyTorch's mean here divides by the number of elements.
    return reduce_loss(loss if weight is None else loss * weight, reduction)


@op()
@_wide_loss
def kl_div(
    input: Array, target: Array, reduction: str = "mean", *, log_target: bool = False
) -> Array:
    """Kullback-Leibler divergence of log-probabilities `input` from `target`.

    Follows `torch.nn.functional.kl_div`; ``reduction="batchmean"`` divides the sum by the
    first dimension.
    """
    if log_target:
        loss = jnp.exp(target) * (target - input)
    else:
        zero = target == 0
        entropy = jnp.where(zero, 0, target * jnp.log(jnp.where(zero, 1, target)))
        loss = entropy - target * input
    if reduction == "batchmean":
        return jnp.sum(loss) / (input.shape[0] if input.ndim else 1)
    return reduce_loss(loss, reduction)


@op()
@_wide_loss
def binary_cross_entropy(
    input: Array, target: Array, weight: OptArray = None, reduction: str = "mean"
) -> Array:
    """Cross entropy of probabilities; logarithms stop at -100.

    Follows `torch.nn.functional.binary_cross_entropy`.
    """
    # At 0 and 1 the logarithms stop at -100 and PyTorch's quotient at 1e-12; elsewhere the
    # plain formula derives to any order.
    extreme = input * (1 - input) < 1e-12
    p = jnp.where(extreme, 0.5, input)
    plain = -(target * jnp.log(p) + (1 - target) * jnp.log(1 - p))
    held = lax.stop_gradient(input)
    log_p, log_q = (jnp.maximum(jnp.log(jnp.maximum(v, 0)), -100) for v in (held, 1 - held))
    slope = lax.stop_gradient((input - target) * 1e12)
    edge = -(target * log_p + (1 - target) * log_q) + slope * (input - held)
    loss = jnp.where(extreme, edge, plain)
    if weight is not None:
        loss = loss * weight
    return reduce_loss(loss, reduction)


@op()
@_wide_loss
def binary_cross_entropy_with_logits(
    input: Array,
    target: Array,
    weight: OptArray = None,
    pos_weight: OptArray = None,
    reduction: str = "mean",
) -> Array:
    """Cross entropy of the sigmoid of `input`, computed stably.

    Follows `torch.nn.functional.binary_cross_entropy_with_logits`.
    """
    log_not = -log_sigmoid(input)
    if pos_weight is None:
        loss = (1 - target) * input + log_not
    else:
        loss = (1 - target) * input + ((pos_weight - 1) * target + 1) * log_not
    if weight is not None:
        loss = loss * weight
    return reduce_loss(loss, reduction)


def _pick(log_probs: jax.Array, target: jax.Array, valid: jax.Array) -> jax.Array:
    """``log_probs`` at the target class, along dimension 1; zero where not valid."""
    index = jnp.where(valid, target, 0).astype(jnp.int64)
    if not current().on_cpu:
        # Looked up, it would be looked up from an array in memory, and so would its gradient be
        # put into one: compared, both are part of the softmax.
        n_classes = log_probs.shape[1]
        classes = lax.broadcasted_iota(index.dtype, log_probs.shape, 1)
        picked = jnp.sum(jnp.where(classes == index[:, None], log_probs, 0), 1)
        known = valid & (index >= 0) & (index < n_classes)
        return jnp.where(valid, jnp.where(known, picked, jnp.nan), 0)
    picked = jnp.take_along_axis(log_probs, index[:, None], 1, mode="fill")[:, 0]
    return jnp.where(valid, picked, 0)


def _nll(
    log_probs: jax.Array,
    target: jax.Array,
    weight: OptArray,
    ignore_index: int,
    reduction: str,
    smoothing: float,
) -> jax.Array:
    """Negative log-likelihood over dimension 1 of class indices, with label smoothing."""
    n_classes = log_probs.shape[1]
    valid = target != ignore_index
    loss = -_pick(log_probs, target, valid)
    scale = valid.astype(log_probs.dtype)
    shared = jnp.zeros((), log_probs.dtype)
    if weight is not None:
        weight = widen(weight)
        at_target = jnp.take(weight, jnp.where(valid, target, 0).astype(jnp.int64), mode="clip")
        scale = scale * at_target
        loss = loss * scale
    if smoothing > 0:
        by_class = log_probs
        if weight is not None:
            by_class = by_class * weight.reshape(1, -1, *([1] * (log_probs.ndim - 2)))
        shared = jnp.where(valid, -jnp.sum(by_class, 1), 0) * (smoothing / n_classes)
        loss = (1 - smoothing) * loss + shared
    if reduction == "mean":
        return jnp.sum(loss) / jnp.sum(scale)
    return reduce_loss(loss, reduction)


@op()
@_wide_loss
def nll_loss(
    input: Array,
    target: Array,
    weight: OptArray = None,
    reduction: str = "mean",
    ignore_index: int = -100,
) -> Array:
    """Negative log-likelihood of log-probabilities.

    Follows `torch.nn.functional.nll_loss`.

    Shape:
        - input ``(N, C, *)`` or ``(C,)``, target ``(N, *)`` or ``()``
    """
    if input.ndim == 1:
        loss = _nll(input[None], target.reshape(1), weight, ignore_index, reduction, 0.0)
        return loss.reshape(())
    return _nll(input, target, weight, ignore_index, reduction, 0.0)


@op()
@_wide_loss
def cross_entropy(
    input: Array,
    target: Array,
    weight: OptArray = None,
    reduction: str = "mean",
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> Array:
    """Cross entropy of the softmax of `input`; classes are indices or probabilities.

    Follows `torch.nn.functional.cross_entropy`.

    Shape:
        - input ``(N, C, *)`` or ``(C,)``, target ``(N, *)`` or ``()``, or input's own shape
    """
    single = input.ndim == 1
    soft = target.shape == input.shape
    x = input[None] if single else input
    log_probs = jax.nn.log_softmax(x, 1)
    if not soft:
        picked = target.reshape(1) if single else target
        loss = _nll(log_probs, picked, weight, ignore_index, reduction, label_smoothing)
        return loss.reshape(()) if single else loss
    wanted = target[None] if single else target
    n_classes = x.shape[1]
    if label_smoothing > 0:
        wanted = wanted * (1 - label_smoothing) + label_smoothing / n_classes
    loss = -log_probs * wanted
    if weight is not None:
        loss = loss * widen(weight).reshape(1, -1, *([1] * (x.ndim - 2)))
    loss = jnp.sum(loss, 1)
    if reduction == "mean":
        return jnp.sum(loss) / (x.size // n_classes)
    return reduce_loss(loss.reshape(()) if single else loss, reduction)


@op(promote="float")
@_wide_loss
def poisson_nll_loss(
    input: Array,
    target: Array,
    log_input: bool = True,
    full: bool = False,
    eps: float = 1e-8,
    reduction: str = "mean",
) -> Array:
    """Negative log-likelihood of a Poisson distribution.

    Follows `torch.nn.functional.poisson_nll_loss`.
    """
    if log_input:
        loss = jnp.exp(input) - target * input
    else:
        loss = input - target * jnp.log(input + eps)
    if full:
        many = target > 1
        n = jnp.where(many, target, 1)
        stirling = n * jnp.log(n) - n + 0.5 * jnp.log(2 * math.pi * n)
        loss = loss + jnp.where(many, stirling, 0)
    return reduce_loss(loss, reduction)


@op()
@_wide_loss
def gaussian_nll_loss(
    input: Array,
    target: Array,
    var: Array,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Array:
    """Negative log-likelihood of a normal distribution with variance `var`.

    Follows `torch.nn.functional.gaussian_nll_loss`; the clamping of `var` to `eps` has no
    part in the gradient.
    """
    bounded = same_value(jnp.maximum(var, eps), var)
    loss = 0.5 * (jnp.log(bounded) + (input - target) ** 2 / bounded)
    if full:
        loss = loss + 0.5 * math.log(2 * math.pi)
    return reduce_loss(loss, reduction)


def _hinge(x: jax.Array) -> jax.Array:
    """``max(0, x)`` with PyTorch's derivative of clamp_min: one at zero."""
    return jnp.where(x >= 0, x, 0)


@op(promote="numeric")
@_wide_loss
def hinge_embedding_loss(
    input: Array, target: Array, margin: float = 1.0, reduction: str = "mean"
) -> Array:
    """Distance where the target is 1, its hinge where it is -1.

    Follows `torch.nn.functional.hinge_embedding_loss`.
    """
    apart = jnp.where(target == 1, 0, _hinge(margin - input))
    near = jnp.where(target == -1, 0, input)
    return reduce_loss(apart + near, reduction)


@op(promote="float")
@_wide_loss
def margin_ranking_loss(
    input1: Array, input2: Array, target: Array, margin: float = 0.0, reduction: str = "mean"
) -> Array:
    """Hinge of ``-target * (input1 - input2) + margin``.

    Follows `torch.nn.functional.margin_ranking_loss`.
    """
    return reduce_loss(_hinge(-target * (input1 - input2) + margin), reduction)


@op(promote="numeric")
@_wide_loss
def soft_margin_loss(input: Array, target: Array, reduction: str = "mean") -> Array:
    """``log(1 + exp(-target * input))``. Follows `torch.nn.functional.soft_margin_loss`."""
    return reduce_loss(jnp.logaddexp(-target * input, 0.0), reduction)


@op()
@_wide_loss
def multi_margin_loss(
    input: Array,
    target: Array,
    p: int = 1,
    margin: float = 1.0,
    weight: OptArray = None,
    reduction: str = "mean",
) -> Array:
    """Hinge of every other class against the target class.

    Follows `torch.nn.functional.multi_margin_loss`.

    Shape:
        - input ``(N, C)`` or ``(C,)``, target ``(N,)`` or ``()``
    """
    single = input.ndim < 2
    x = input.reshape(1, -1) if single else input
    index = target.reshape(-1).astype(jnp.int64)
    chosen = jnp.take_along_axis(x, index[:, None], 1, mode="clip")
    gap = jnp.where(margin - chosen + x > 0, margin - chosen + x, 0)
    gap = gap**p if p != 1 else gap
    if weight is not None:
        gap = gap * jnp.take(weight, index, mode="clip")[:, None]
    own = jnp.arange(x.shape[1])[None] == index[:, None]
    loss = jnp.sum(jnp.where(own, 0, gap), 1) / x.shape[1]
    if single:
        loss = loss.reshape(())
    return reduce_loss(loss, reduction)


@op()
@_wide_loss
def multilabel_margin_loss(input: Array, target: Array, reduction: str = "mean") -> Array:
    """Hinge of every class that is no label against every label.

    Follows `torch.nn.functional.multilabel_margin_loss`; a row's labels end at the first -1.
    """
    x = input.reshape(1, -1) if input.ndim < 2 else input
    labels = target.reshape(x.shape).astype(jnp.int64)
    n_classes = x.shape[1]
    listed = jnp.cumsum(labels < 0, 1) == 0
    safe = jnp.where(listed, labels, 0)
    places = jnp.arange(n_classes)
    is_label = jnp.any((safe[:, :, None] == places) & listed[:, :, None], 1)
    chosen = jnp.take_along_axis(x, safe, 1, mode="clip")
    gap = 1 - chosen[:, :, None] + x[:, None, :]
    counts = (gap > 0) & listed[:, :, None] & ~is_label[:, None, :]
    loss = jnp.sum(jnp.where(counts, gap, 0), (1, 2)) / n_classes
    if input.ndim < 2:
        loss = loss.reshape(())
    return reduce_loss(loss, reduction)


@op()
@_wide_loss
def multilabel_soft_margin_loss(
    input: Array, target: Array, weight: OptArray = None, reduction: str = "mean"
) -> Array:
    """Mean binary cross entropy of logits over the classes.

    Follows `torch.nn.functional.multilabel_soft_margin_loss`.
    """
    loss = target * jnp.logaddexp(-input, 0.0) + (1 - target) * jnp.logaddexp(input, 0.0)
    if weight is not None:
        loss = loss * weight
    return reduce_loss(jnp.mean(loss, -1), reduction)


def _distance(x: jax.Array, y: jax.Array, p: float, eps: float) -> jax.Array:
    return norm_along(x - y + eps, p, -1, keepdims=False)


@op(promote="float")
@_wide_loss
def triplet_margin_loss(
    anchor: Array,
    positive: Array,
    negative: Array,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: str = "mean",
) -> Array:
    """Hinge of the distance to the positive against the distance to the negative.

    Follows `torch.nn.functional.triplet_margin_loss`.
    """
    near, far = _distance(anchor, positive, p, eps), _distance(anchor, negative, p, eps)
    if swap:
        other = _distance(positive, negative, p, eps)
        even = jnp.where(far == other, 0.5, (far < other).astype(far.dtype))
        far = same_value(jnp.minimum(far, other), lax.stop_gradient(even) * far) + (
            same_value(jnp.zeros_like(far), lax.stop_gradient(1 - even) * other)
        )
    return reduce_loss(_hinge(margin + near - far), reduction)


@op()
@_wide_loss
def cosine_embedding_loss(
    input1: Array, input2: Array, target: Array, margin: float = 0.0, reduction: str = "mean"
) -> Array:
    """One minus the cosine where the target is 1, the cosine over `margin` where it is -1.

    Follows `torch.nn.functional.cosine_embedding_loss`.
    """
    eps = 1e-12
    product = jnp.sum(input1 * input2, -1)
    first = jnp.sum(input1 * input1, -1) + eps
    second = jnp.sum(input2 * input2, -1) + eps
    cosine = product / jnp.sqrt(first * second)
    near = jnp.where(target == 1, 1 - cosine, 0)
    apart = jnp.where(target == -1, _hinge(cosine - margin), 0)
    return reduce_loss(near + apart, reduction)


@op(residuals=True)
@_wide_loss
def ctc_loss(
    log_probs: Array,
    targets: Array,
    input_lengths: Array,
    target_lengths: Array,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Array:
    """Connectionist temporal classification.

    Follows `torch.nn.functional.ctc_loss`. Concatenated targets are one-dimensional. As in
    PyTorch the gradient takes `log_probs` for the output of a log-softmax.

    Shape:
        - log_probs ``(T, N, C)`` or ``(T, C)``, targets ``(N, S)`` or ``(sum of lengths,)``
    """
    single = log_probs.ndim == 2
    lp = log_probs[:, None] if single else log_probs
    steps, batch, _ = lp.shape
    n_in = input_lengths.reshape(-1).astype(jnp.int32)
    n_out = target_lengths.reshape(-1).astype(jnp.int32)
    if targets.ndim == 1 and not (single and targets.shape[0] == 0):
        longest = targets.shape[0]
        start = jnp.cumsum(n_out) - n_out
        place = jnp.clip(start[:, None] + jnp.arange(longest), 0, max(longest - 1, 0))
        labels = targets[place] if longest else jnp.zeros((batch, 0), targets.dtype)
    else:
        labels = targets.reshape(batch, -1)
    labels = labels.astype(jnp.int32)
    longest = labels.shape[1]
    # Labels with blanks between: blank, l1, blank, l2, ..., blank.
    path = jnp.full((batch, 2 * longest + 1), blank, jnp.int32).at[:, 1::2].set(labels)
    skip = jnp.zeros(path.shape, bool)
    if longest > 1:
        differs = labels[:, 1:] != labels[:, :-1]
        skip = skip.at[:, 3::2].set(differs)
    low = jnp.asarray(-np.inf, lp.dtype)
    emit = jnp.take_along_axis(
        lp, jnp.broadcast_to(path[None], (steps, *path.shape)), 2, mode="clip"
    )

    def add(*terms: jax.Array) -> jax.Array:
        top = lax.stop_gradient(functools.reduce(jnp.maximum, terms))
        dead = top == low
        safe = jnp.where(dead, 0, top)
        total = sum(jnp.exp(jnp.where(dead, low, t) - safe) for t in terms)
        return jnp.where(dead, low, safe + jnp.log(jnp.where(dead, 1, total)))

    def shifted(alpha: jax.Array, by: int) -> jax.Array:
        return jnp.pad(alpha, ((0, 0), (by, 0)), constant_values=-np.inf)[:, : alpha.shape[1]]

    def step(alpha: jax.Array, now: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, None]:
        t, e = now
        jump = jnp.where(skip, shifted(alpha, 2), low)
        new = add(alpha, shifted(alpha, 1), jump) + e
        return jnp.where((t < n_in)[:, None], new, alpha), None

    reach = jnp.arange(path.shape[1])[None]
    start = jnp.where(reach < 2, emit[0], low)
    start = jnp.where((reach == 1) & (n_out[:, None] == 0), low, start)
    alpha, _ = lax.scan(step, start, (jnp.arange(1, steps), emit[1:]))
    last = 2 * n_out[:, None]
    end_blank = jnp.take_along_axis(alpha, last, 1)[:, 0]
    end_label = jnp.take_along_axis(alpha, jnp.maximum(last - 1, 0), 1)[:, 0]
    end_label = jnp.where(n_out > 0, end_label, low)
    total = add(end_blank, end_label)
    # No input at all spells the empty target with certainty, and nothing else.
    loss = jnp.where(n_in > 0, -total, jnp.where(n_out == 0, 0.0, jnp.inf)).astype(lp.dtype)
    used = (jnp.arange(steps)[:, None] < n_in)[..., None]
    mass = jnp.sum(jnp.where(used, jnp.exp(lp), 0), (0, 2))
    finite = ~jnp.isinf(loss)
    if zero_infinity:
        loss, mass = jnp.where(finite, loss, 0), jnp.where(finite, mass, 0)
    loss = loss + (mass - lax.stop_gradient(mass))
    if reduction == "mean":
        return jnp.mean(loss / jnp.maximum(n_out, 1).astype(loss.dtype))
    if reduction == "sum":
        return jnp.sum(loss)
    return loss.reshape(()) if single else loss
