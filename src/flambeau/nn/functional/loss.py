"""Losses."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from flambeau._ops import arithmetic, reductions
from flambeau._ops import nn_loss as rows
from flambeau._tensor.core import value_of
from flambeau._tensor.dispatch import known_array
from flambeau._tensor.dtypes import get_default_dtype
from flambeau.errors import IndexRangeError
from flambeau.nn.functional._base import (
    ShapeError,
    Tensor,
    apply,
    checked,
    host_array,
    permute,
    reduction_of,
    require_tensor,
    reshape,
    same_dtype,
    unsqueeze,
)
from flambeau.nn.functional.distance import pairwise_distance
from flambeau.nn.functional.linear import linear

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cosine_embedding_loss",
    "cross_entropy",
    "ctc_loss",
    "gaussian_nll_loss",
    "hinge_embedding_loss",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "linear_cross_entropy",
    "margin_ranking_loss",
    "mse_loss",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "nll_loss",
    "poisson_nll_loss",
    "smooth_l1_loss",
    "soft_margin_loss",
    "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
]


def _compare_sizes(name: str, input: Tensor, target: Tensor, weight: Tensor | None = None) -> None:
    require_tensor(name, input=input, target=target)
    if input.shape != target.shape:
        warnings.warn(
            f"Using a target size ({target.shape}) that is different to the input size "
            f"({input.shape}). This will likely lead to incorrect results due to broadcasting. "
            "Please ensure they have the same size.",
            stacklevel=3,
        )
        try:
            np.broadcast_shapes(tuple(input.shape), tuple(target.shape))
        except ValueError:
            raise ShapeError(
                f"{name}: The size of tensor a {tuple(input.shape)} must match the size of "
                f"tensor b {tuple(target.shape)}; they cannot be broadcast together"
            ) from None
    if weight is not None and weight.shape != input.shape:
        raise ValueError("Weights and input must have the same size.")


def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """Squared difference.

    Follows `torch.nn.functional.mse_loss`.

    Shape:
        Input and target ``(*)`` that broadcast; ``()``, or ``(*)`` with
        ``reduction="none"``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        TypeError: the tensors hold bools.
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> import flambeau.nn.functional as F
        >>> F.mse_loss(torch.tensor([1.0, 2.0]), torch.tensor([0.0, 0.0]))
        tensor(2.5000)
    """
    reduction = reduction_of(size_average, reduce, reduction)
    _compare_sizes("mse_loss", input, target, weight)
    return apply(rows.mse_loss, input, target, weight, reduction=reduction)


def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """Absolute difference. Follows `torch.nn.functional.l1_loss`.

    Shape:
        Input and target ``(*)`` that broadcast; ``()``, or ``(*)`` with
        ``reduction="none"``.

    Dtypes:
        Floating and complex; the result: real for complex numbers, else the input's.

    Raises:
        TypeError: the tensors hold bools.
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.l1_loss(torch.tensor([1.0, 2.0]), torch.tensor([1.5, 0.0]))
        tensor(1.2500)
    """
    reduction = reduction_of(size_average, reduce, reduction)
    _compare_sizes("l1_loss", input, target, weight)
    return apply(rows.l1_loss, input, target, weight, reduction=reduction)


def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """Quadratic below `beta`, linear above.

    Follows `torch.nn.functional.smooth_l1_loss`.

    Shape:
        Input and target ``(*)`` that broadcast; ``()``, or ``(*)`` with
        ``reduction="none"``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: `beta` is negative.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.smooth_l1_loss(torch.tensor([1.0, 2.0]), torch.tensor([1.5, 0.0]))
        tensor(0.8125)
    """
    reduction = reduction_of(size_average, reduce, reduction)
    _compare_sizes("smooth_l1_loss", input, target)
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.")
    return apply(rows.smooth_l1_loss, input, target, reduction=reduction, beta=float(beta))


def huber_loss(
    input: Tensor,
    target: Tensor,
    reduction: str = "mean",
    delta: float = 1.0,
    weight: Tensor | None = None,
) -> Tensor:
    """Quadratic up to `delta`, linear above.

    Follows `torch.nn.functional.huber_loss`.

    Shape:
        Input and target ``(*)`` that broadcast; ``()``, or ``(*)`` with
        ``reduction="none"``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: `delta` is not positive.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.huber_loss(torch.tensor([1.0, 2.0]), torch.tensor([1.5, 0.0]))
        tensor(0.8125)
    """
    reduction = reduction_of(None, None, reduction)
    _compare_sizes("huber_loss", input, target, weight)
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    return apply(rows.huber_loss, input, target, weight, reduction=reduction, delta=float(delta))


def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """Divergence of log-probabilities `input` from `target`.

    Follows `torch.nn.functional.kl_div`.

    Shape:
        Input and target ``(*)`` that broadcast; ``()``, or ``(*)`` with
        ``reduction="none"``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        TypeError: the tensors hold bools.
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> F = torch.nn.functional
        >>> F.kl_div(torch.tensor([-1.0, -2.0]), torch.tensor([0.5, 0.5]), reduction="sum")
        tensor(0.8069)
    """
    require_tensor("kl_div", input=input, target=target)
    reduction = reduction_of(size_average, reduce, reduction, ("batchmean",))
    if reduction == "mean":
        warnings.warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support "
            "size.'batchmean' divides only by the batch size, and aligns with the KL div math "
            "definition.'mean' will be changed to behave the same as 'batchmean' in the next "
            "major release.",
            stacklevel=2,
        )
    return apply(rows.kl_div, input, target, reduction=reduction, log_target=bool(log_target))


def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Cross entropy of probabilities.

    Follows `torch.nn.functional.binary_cross_entropy`. Values outside ``[0, 1]`` give NaN: a
    recorded program cannot raise.

    Shape:
        Input and target ``(*)`` that broadcast, weight broadcast to them; ``()``, or
        ``(*)`` with ``reduction="none"``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        ValueError: input and target differ in size.

    Example:
        >>> import flambeau as torch
        >>> F = torch.nn.functional
        >>> F.binary_cross_entropy(torch.tensor([0.5, 0.25]), torch.tensor([1.0, 0.0]))
        tensor(0.4904)
    """
    require_tensor("binary_cross_entropy", input=input, target=target)
    reduction = reduction_of(size_average, reduce, reduction)
    if target.shape != input.shape:
        raise ValueError(
            f"Using a target size ({target.shape}) that is different to the input size "
            f"({input.shape}) is deprecated. Please ensure they have the same size."
        )
    same_dtype("binary_cross_entropy", input=input, target=target)
    return apply(rows.binary_cross_entropy, input, target, weight, reduction=reduction)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """Cross entropy of the sigmoid of `input`.

    Follows `torch.nn.functional.binary_cross_entropy_with_logits`.

    Shape:
        Input and target ``(*)`` that broadcast, weight broadcast to them; ``()``, or
        ``(*)`` with ``reduction="none"``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        ValueError: input and target differ in size.

    Example:
        >>> import flambeau as torch
        >>> F = torch.nn.functional
        >>> F.binary_cross_entropy_with_logits(torch.tensor([0.0, 2.0]), torch.tensor([1.0, 0.0]))
        tensor(1.4100)
    """
    require_tensor("binary_cross_entropy_with_logits", input=input, target=target)
    reduction = reduction_of(size_average, reduce, reduction)
    if target.shape != input.shape:
        raise ValueError(
            f"Target size ({target.shape}) must be the same as input size ({input.shape})"
        )
    return apply(
        rows.binary_cross_entropy_with_logits,
        input,
        target,
        weight,
        pos_weight,
        reduction=reduction,
    )


def _check_classes(name: str, input: Tensor, target: Tensor, weight: Tensor | None) -> None:
    x, t = tuple(input.shape), tuple(target.shape)
    if len(x) == 0:
        raise ShapeError(f"{name}: input is a scalar but must be (C,), (N, C) or (N, C, *)")
    if target.dtype.is_floating_point or target.dtype.is_complex:
        raise RuntimeError(
            f"expected scalar type Long but found {str(target.dtype)[6:].capitalize()}: {name} "
            "takes class indices as int64, or probabilities of the input's own shape "
            f"{x}, but the target is {t}"
        )
    if str(target.dtype) not in ("torch.int64", "torch.uint8"):
        raise RuntimeError(
            f'"{name}_out_frame" not implemented for {target.dtype}; convert with target.long()'
        )
    expected = (x[0], *x[2:]) if len(x) > 1 else ()
    if len(x) == 1 and t == (1,):
        expected = (1,)
    if t != expected:
        if len(x) > 1 and (not t or t[0] != x[0]):
            raise ValueError(
                f"Expected input batch_size ({x[0]}) to match target batch_size "
                f"({t[0] if t else 1})."
            )
        raise ShapeError(
            f"{name}: Expected target size {list(expected)}, got {list(t)}; input is (N, C, *) = "
            f"{x}"
        )
    classes = x[1] if len(x) > 1 else x[0]
    if weight is not None and tuple(weight.shape) != (classes,):
        raise ShapeError(
            "weight tensor should be defined either for all "
            f"{classes} classes or no classes but got weight tensor of shape: "
            f"{list(weight.shape)}"
        )


def _check_known_classes(name: str, input: Tensor, target: Tensor, ignore_index: int) -> None:
    """Classes that came from the host are checked now; others give NaN in the program."""
    array = known_array(value_of(target))
    if array is None or not array.size:
        return
    classes = input.shape[1] if input.ndim > 1 else input.shape[0]
    wrong = (array != ignore_index) & ((array < 0) | (array >= classes))
    if wrong.any():
        raise IndexRangeError(
            f"{name}: Target {array[wrong].flat[0]} is out of bounds for {classes} classes"
        )


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Negative log-likelihood of log-probabilities.

    Follows `torch.nn.functional.nll_loss`. A class outside the range gives NaN.

    Shape:
        - input ``(C,)``, ``(N, C)`` or ``(N, C, *)``, target ``()``, ``(N,)`` or ``(N, *)``

    Dtypes:
        Floating; the result has the input's.

    Raises:
        ValueError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.nll_loss(torch.tensor([[0.0, 1.0]]), torch.tensor([1]))
        tensor(-1.)
    """
    require_tensor("nll_loss", input=input, target=target)
    reduction = reduction_of(size_average, reduce, reduction)
    _check_classes("nll_loss", input, target, weight)
    _check_known_classes("nll_loss", input, target, ignore_index)
    return apply(
        rows.nll_loss, input, target, weight, reduction=reduction, ignore_index=int(ignore_index)
    )


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Cross entropy of the softmax of `input`.

    Follows `torch.nn.functional.cross_entropy`. Classes are indices, or probabilities when the
    target has the input's shape. An index outside the range gives NaN.

    Shape:
        - input ``(C,)``, ``(N, C)`` or ``(N, C, *)``, target ``()``, ``(N,)``, ``(N, *)``, or
          input's shape

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: shapes or dtypes do not fit.
        ValueError: batch sizes differ.

    Example:
        >>> import flambeau as torch
        >>> import flambeau.nn.functional as F
        >>> F.cross_entropy(torch.tensor([[0.0, 0.0]]), torch.tensor([1]))
        tensor(0.6931)
    """
    reduction = reduction_of(size_average, reduce, reduction)
    checked(
        _check_cross_entropy, input, target, weight,
        ignore_index=ignore_index, label_smoothing=label_smoothing,
    )  # fmt: skip
    if value_of(target).aval.shape != value_of(input).aval.shape:
        _check_known_classes("cross_entropy", input, target, ignore_index)
    return apply(
        rows.cross_entropy,
        input,
        target,
        weight,
        reduction=reduction,
        ignore_index=int(ignore_index),
        label_smoothing=float(label_smoothing),
    )


def _check_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None,
    *,
    ignore_index: int,
    label_smoothing: float,
) -> None:
    require_tensor("cross_entropy", input=input, target=target)
    if not 0.0 <= label_smoothing <= 1.0:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    if target.shape == input.shape and input.ndim:
        if not target.dtype.is_floating_point:
            raise RuntimeError(
                "Expected floating point type for target with class probabilities, got "
                f"{target.dtype}"
            )
        if ignore_index >= 0:
            raise RuntimeError("ignore_index is not supported for floating point target")
        classes = input.shape[1] if input.ndim > 1 else input.shape[0]
        if weight is not None and tuple(weight.shape) != (classes,):
            raise ShapeError(
                "cross_entropy: weight tensor should be defined either for all "
                f"{classes} classes or no classes but got weight tensor of shape: "
                f"{list(weight.shape)}"
            )
    else:
        _check_classes("cross_entropy", input, target, weight)


def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: Any = None,
) -> Tensor:
    """:func:`cross_entropy` of :func:`linear`.

    Follows `torch.nn.functional.linear_cross_entropy`; `options`, which steer PyTorch's
    chunking, change nothing here.

    Shape:
        Input ``(N, D)``, weight ``(V, D)``, target ``(N,)``; ``()``, or ``(N,)`` with
        ``reduction="none"``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        TypeError: the tensors hold bools.
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> F = torch.nn.functional
        >>> F.linear_cross_entropy(torch.eye(2), torch.eye(2), torch.tensor([0, 1]))
        tensor(0.3133)
    """
    size = tuple(linear_weight.shape[:-1])
    if len(size) > 1:
        linear_weight = reshape(linear_weight, (-1, linear_weight.shape[-1]))
        linear_bias = None if linear_bias is None else reshape(linear_bias, (-1,))
    logits = linear(input, linear_weight, linear_bias)
    if len(size) > 1:
        logits = reshape(logits, (*logits.shape[:-1], *size))
    elif logits.ndim > 2:
        logits = permute(logits, (0, logits.ndim - 1, *range(1, logits.ndim - 1)))
    return cross_entropy(
        logits,
        target,
        weight,
        ignore_index=-100 if ignore_index is None else ignore_index,
        reduction=reduction,
        label_smoothing=label_smoothing,
    )


def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Negative log-likelihood of a Poisson distribution.

    Follows `torch.nn.functional.poisson_nll_loss`.

    Shape:
        Input and target ``(*)`` that broadcast; ``()``, or ``(*)`` with
        ``reduction="none"``.

    Dtypes:
        Integers and floating; the result: the default dtype for integers, else the input's.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.poisson_nll_loss(torch.tensor([1.0, 2.0]), torch.tensor([1.5, 0.0]))
        tensor(4.3037)
    """
    require_tensor("poisson_nll_loss", input=input, target=target)
    reduction = reduction_of(size_average, reduce, reduction)
    return apply(
        rows.poisson_nll_loss,
        input,
        target,
        log_input=bool(log_input),
        full=bool(full),
        eps=float(eps),
        reduction=reduction,
    )


def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """Negative log-likelihood of a normal distribution with variance `var`.

    Follows `torch.nn.functional.gaussian_nll_loss`. A negative tensor of variances is not
    noticed: that would need a read of its values.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        ValueError: shapes do not fit, or a variance given as a number is negative.

    Example:
        >>> import flambeau as torch
        >>> F = torch.nn.functional
        >>> F.gaussian_nll_loss(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4.0]), torch.ones(2))
        tensor(1.)
    """
    require_tensor("gaussian_nll_loss", input=input, target=target)
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not valid")
    if isinstance(var, (int, float)):
        if var < 0:
            raise ValueError("var has negative entry/entries")
        var = host_array(np.full(tuple(input.shape), var, input.dtype.numpy), input)
    if var.shape != input.shape:
        if tuple(input.shape[:-1]) == tuple(var.shape):
            var = unsqueeze(var, -1)
        elif not (
            input.ndim == var.ndim
            and sum(a != b for a, b in zip(input.shape, var.shape, strict=True)) == 1
            and any(a != b and b == 1 for a, b in zip(input.shape, var.shape, strict=True))
        ):
            raise ValueError("var is of incorrect size")
    return apply(
        rows.gaussian_nll_loss,
        input,
        target,
        var,
        full=bool(full),
        eps=float(eps),
        reduction=reduction,
    )


def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Distance where the target is 1, its hinge where it is -1.

    Follows `torch.nn.functional.hinge_embedding_loss`.

    Shape:
        Input and target ``(*)`` that broadcast; ``()``, or ``(*)`` with
        ``reduction="none"``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.hinge_embedding_loss(torch.tensor([0.5]), torch.tensor([-1.0]))
        tensor(0.5000)
    """
    require_tensor("hinge_embedding_loss", input=input, target=target)
    reduction = reduction_of(size_average, reduce, reduction)
    return apply(
        rows.hinge_embedding_loss, input, target, margin=float(margin), reduction=reduction
    )


def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Hinge of ``-target * (input1 - input2) + margin``.

    Follows `torch.nn.functional.margin_ranking_loss`.

    Shape:
        Both inputs and the target ``(*)`` that broadcast; ``()``, or ``(*)`` with
        ``reduction="none"``.

    Dtypes:
        Integers and floating; the result: the default dtype for integers, else the input's.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.
        RuntimeError: the input has no dimensions.

    Example:
        >>> import flambeau as torch
        >>> a, b, y = torch.tensor([1.0]), torch.tensor([3.0]), torch.tensor([1.0])
        >>> torch.nn.functional.margin_ranking_loss(a, b, y, margin=0.5)
        tensor(2.5000)
    """
    require_tensor("margin_ranking_loss", input1=input1, input2=input2, target=target)
    reduction = reduction_of(size_average, reduce, reduction)
    if not input1.ndim == input2.ndim == target.ndim:
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: "
            f"input1: {input1.shape}, input2: {input2.shape}, target: {target.shape} "
        )
    return apply(
        rows.margin_ranking_loss,
        input1,
        input2,
        target,
        margin=float(margin),
        reduction=reduction,
    )


def soft_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """``log(1 + exp(-target * input))``. Follows `torch.nn.functional.soft_margin_loss`.

    Shape:
        Input and target ``(*)`` that broadcast; ``()``, or ``(*)`` with
        ``reduction="none"``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        TypeError: the tensors hold bools.
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.soft_margin_loss(torch.tensor([0.0, 1.0]), torch.tensor([1.0, 0.0]))
        tensor(0.6931)
    """
    require_tensor("soft_margin_loss", input=input, target=target)
    reduction = reduction_of(size_average, reduce, reduction)
    return apply(rows.soft_margin_loss, input, target, reduction=reduction)


def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Hinge of every other class against the target class.

    Follows `torch.nn.functional.multi_margin_loss`.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        ValueError: `p` is neither 1 nor 2, or the weight does not fit.
        RuntimeError: the shapes do not fit.

    Example:
        >>> import flambeau as torch
        >>> F = torch.nn.functional
        >>> F.multi_margin_loss(torch.tensor([[0.1, 0.4, 0.8]]), torch.tensor([2]))
        tensor(0.3000)
    """
    require_tensor("multi_margin_loss", input=input, target=target)
    reduction = reduction_of(size_average, reduce, reduction)
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    if weight is not None and weight.ndim != 1:
        raise ValueError("weight must be one-dimensional")
    if str(target.dtype) != "torch.int64":
        raise RuntimeError(
            f"multi_margin_loss: expected scalar type Long but found {target.dtype}; the target "
            "holds class indices"
        )
    batch = 1 if input.ndim < 2 else input.shape[0]
    if input.ndim > 2 or not input.numel() > 0:
        raise ShapeError(
            "Expected non-empty vector or matrix with optional 0-dim batch size, but got: "
            f"{list(input.shape)}"
        )
    if target.ndim > 1 or target.numel() != batch:
        raise ShapeError(f"inconsistent target size, expected {batch} but got {list(target.shape)}")
    return apply(
        rows.multi_margin_loss,
        input,
        target,
        weight,
        p=int(p),
        margin=float(margin),
        reduction=reduction,
    )


def multilabel_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Hinge of every class that is no label against every label.

    Follows `torch.nn.functional.multilabel_margin_loss`.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: the shapes do not fit.

    Example:
        >>> import flambeau as torch
        >>> x, y = torch.tensor([[0.1, 0.2, 0.4, 0.8]]), torch.tensor([[3, 0, -1, 1]])
        >>> torch.nn.functional.multilabel_margin_loss(x, y)
        tensor(0.8500)
    """
    require_tensor("multilabel_margin_loss", input=input, target=target)
    reduction = reduction_of(size_average, reduce, reduction)
    if input.ndim > 2 or (input.ndim and input.shape[-1] == 0):
        raise ShapeError(
            "multilabel_margin_loss: Expected non-empty vector or matrix with optional 0-dim "
            f"batch size, but got: {list(input.shape)}"
        )
    if input.shape != target.shape:
        raise ShapeError(
            f"multilabel_margin_loss: inconsistent target size: {list(target.shape)} for input of "
            f"size: {list(input.shape)}"
        )
    return apply(rows.multilabel_margin_loss, input, target, reduction=reduction)


def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Mean binary cross entropy of logits over the classes.

    Follows `torch.nn.functional.multilabel_soft_margin_loss`.

    Shape:
        ``(N, C)`` twice; ``()``, or ``(N,)`` with ``reduction="none"``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        TypeError: the tensors hold bools.
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> F = torch.nn.functional
        >>> F.multilabel_soft_margin_loss(torch.tensor([[0.0, 2.0]]), torch.tensor([[1.0, 0.0]]))
        tensor(1.4100)
    """
    require_tensor("multilabel_soft_margin_loss", input=input, target=target)
    reduction = reduction_of(size_average, reduce, reduction)
    return apply(rows.multilabel_soft_margin_loss, input, target, weight, reduction=reduction)


def _as_float(input: Tensor) -> Tensor:
    """Integers in the default dtype."""
    kind = input.dtype
    return input if kind.is_floating_point or kind.is_complex else input.to(get_default_dtype())


def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """One minus the cosine where the target is 1, the cosine over `margin` where it is -1.

    Follows `torch.nn.functional.cosine_embedding_loss`.

    Dtypes:
        Bool, integers and floating; the result: the default dtype for bools and integers,
        else the input's.

    Raises:
        RuntimeError: the shapes do not fit.

    Example:
        >>> import flambeau as torch
        >>> a, b = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
        >>> torch.nn.functional.cosine_embedding_loss(a, b, torch.tensor([1]))
        tensor(1.)
    """
    require_tensor("cosine_embedding_loss", input1=input1, input2=input2, target=target)
    reduction = reduction_of(size_average, reduce, reduction)
    if target.ndim > 1 or input1.ndim != target.ndim + 1 or input2.ndim != target.ndim + 1:
        raise ShapeError(
            f"{target.ndim}D target tensor expects {target.ndim + 1}D input tensors, but found "
            f"inputs with sizes {list(input1.shape)} and {list(input2.shape)}."
        )
    return apply(
        rows.cosine_embedding_loss,
        _as_float(input1),
        _as_float(input2),
        target,
        margin=float(margin),
        reduction=reduction,
    )


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Hinge of the distance to the positive against that to the negative.

    Follows `torch.nn.functional.triplet_margin_loss`.

    Shape:
        Three of ``(N, D)`` or ``(D,)``; ``()``, or ``(N,)`` with ``reduction="none"``.

    Dtypes:
        Integers, floating and complex; the result: the default dtype for integers, real for
        complex numbers, else the input's.

    Raises:
        ValueError: `margin` is not positive.
        RuntimeError: the ranks differ.

    Example:
        >>> import flambeau as torch
        >>> a, b, c = torch.tensor([[[0.0]], [[1.0]], [[1.5]]])
        >>> torch.nn.functional.triplet_margin_loss(a, b, c)
        tensor(0.5000)
    """
    require_tensor("triplet_margin_loss", anchor=anchor, positive=positive, negative=negative)
    reduction = reduction_of(size_average, reduce, reduction)
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of "
            f"dimensions, but got: anchor {anchor.ndim}D, positive {positive.ndim}D, and negative "
            f"{negative.ndim}D inputs"
        )
    return apply(
        rows.triplet_margin_loss,
        anchor,
        positive,
        negative,
        margin=float(margin),
        p=float(p),
        eps=float(eps),
        swap=bool(swap),
        reduction=reduction,
    )


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """:func:`triplet_margin_loss` with a distance of the caller's.

    Follows `torch.nn.functional.triplet_margin_with_distance_loss`.

    Shape:
        Three of ``(N, D)`` or ``(D,)``; ``()``, or ``(N,)`` with ``reduction="none"``.

    Dtypes:
        Integers, floating and complex; the result: the default dtype for integers, real for
        complex numbers, else the input's.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> a, b, c = torch.tensor([[[0.0]], [[1.0]], [[1.5]]])
        >>> torch.nn.functional.triplet_margin_with_distance_loss(a, b, c)
        tensor(0.5000)
    """
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of "
            f"dimensions, but got: anchor {anchor.ndim}D, positive {positive.ndim}D, and negative "
            f"{negative.ndim}D inputs"
        )
    if distance_function is None:
        distance_function = pairwise_distance
    near = distance_function(anchor, positive)
    far = distance_function(anchor, negative)
    if swap:
        far = apply(arithmetic.minimum, far, distance_function(positive, negative))
    gap = apply(arithmetic.add, apply(arithmetic.sub, near, far), margin)
    loss = apply(arithmetic.clamp_min, gap, 0)
    if reduction == "none":
        return loss
    return apply(reductions.mean if reduction == "mean" else reductions.sum_, loss)


def _lengths(name: str, argument: str, value: Any, like: Tensor) -> Tensor:
    if isinstance(value, Tensor):
        if value.dtype.is_floating_point:
            raise RuntimeError(f"{argument} must be integral")
        return value
    return host_array(np.asarray(value, np.int64), like)


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor | Sequence[int],
    target_lengths: Tensor | Sequence[int],
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """Connectionist temporal classification.

    Follows `torch.nn.functional.ctc_loss` (Graves et al., 2006).

    Shape:
        - log_probs ``(T, N, C)`` or ``(T, C)``, targets ``(N, S)`` or ``(sum(lengths),)``
        - lengths ``(N,)`` or ``()``

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: shapes or the blank do not fit.

    Example:
        >>> import flambeau as torch
        >>> F = torch.nn.functional
        >>> lp = torch.zeros(3, 1, 2).log_softmax(2)
        >>> F.ctc_loss(lp, torch.tensor([[1]]), torch.tensor([3]), torch.tensor([1]))
        tensor(0.2877)
    """
    require_tensor("ctc_loss", log_probs=log_probs, targets=targets)
    reduction = reduction_of(None, None, reduction)
    if log_probs.ndim not in (2, 3):
        raise ShapeError(
            f"ctc_loss: log_probs must be (T, N, C) or (T, C), but got {tuple(log_probs.shape)}"
        )
    if not 0 <= blank < log_probs.shape[-1]:
        raise RuntimeError(f"blank must be in label range: got {blank}")
    batch = log_probs.shape[1] if log_probs.ndim == 3 else 1
    lengths = []
    for argument, value in (("input_lengths", input_lengths), ("target_lengths", target_lengths)):
        found = _lengths("ctc_loss", argument, value, log_probs)
        if found.numel() != batch:
            raise RuntimeError(f"{argument} must be of size batch_size")
        if not isinstance(value, Tensor):
            limit = log_probs.shape[0] if argument == "input_lengths" else None
            for n in np.ravel(np.asarray(value)):
                if n < 0 or (limit is not None and n > limit):
                    raise RuntimeError(
                        f"Expected {argument} to have value between 0 and {limit}, but got "
                        f"value {n}"
                    )
        lengths.append(found)
    return apply(
        rows.ctc_loss,
        log_probs,
        targets,
        *lengths,
        blank=int(blank),
        reduction=reduction,
        zero_infinity=bool(zero_infinity),
    )
