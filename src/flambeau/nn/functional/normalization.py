"""Normalization."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from flambeau._ops import arithmetic, reductions
from flambeau._ops import nn_norm as rows
from flambeau._tensor.dispatch import store_out
from flambeau.nn.functional._base import ShapeError, Tensor, apply, require_tensor, set_value

__all__ = [
    "batch_norm",
    "group_norm",
    "instance_norm",
    "layer_norm",
    "local_response_norm",
    "normalize",
    "rms_norm",
]


def _check_channels(name: str, input: Tensor, **parts: Tensor | None) -> None:
    channels = input.shape[1]
    for argument, value in parts.items():
        if value is not None and tuple(value.shape) != (channels,):
            raise ShapeError(
                f"{name}: {argument} should contain {channels} elements, one for each channel of "
                f"input {tuple(input.shape)}, not {value.numel()}"
            )


def _momentum(momentum: Any) -> tuple[Tensor | None, float]:
    """A tensor (a cumulative average's weight) stays in the program, a number is part of it."""
    if isinstance(momentum, Tensor):
        return momentum.detach(), 0.0
    return None, float(momentum)


def _keep(stats: Sequence[Tensor], *running: Tensor | None) -> None:
    targets = [r for r in running if r is not None]
    for target, new in zip(targets, stats, strict=True):
        set_value(target, new)


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalize every channel over batch and space.

    Follows `torch.nn.functional.batch_norm`: in training by the batch's statistics, which also
    move the running ones (in place, without history), else by the running ones.

    Shape:
        - input and output ``(N, C, *)``, all others ``(C,)``

    Dtypes:
        Floating; the result has the input's.

    Raises:
        ValueError: there is one value per channel only, in training.
        RuntimeError: the shapes do not fit.

    Example:
        >>> import flambeau as torch
        >>> x = torch.tensor([[1.0], [3.0]])
        >>> torch.nn.functional.batch_norm(x, None, None, training=True).round()
        tensor([[-1.],
                [ 1.]])
    """
    require_tensor("batch_norm", input=input)
    if input.ndim < 2:
        raise ShapeError(f"batch_norm: expected (N, C, *), but got {tuple(input.shape)}")
    if training:
        count = math.prod(input.shape) // max(input.shape[1], 1)
        if count == 1:
            raise ValueError(
                "Expected more than 1 value per channel when training, got input size "
                f"{input.shape}"
            )
    _check_channels(
        "batch_norm",
        input,
        running_mean=running_mean,
        running_var=running_var,
        weight=weight,
        bias=bias,
    )
    if not training:
        if running_mean is None or running_var is None:
            raise RuntimeError(
                "batch_norm: Expected running_mean and running_var to be defined when "
                "training=False"
            )
        return apply(
            rows.batch_norm_eval, input, running_mean, running_var, weight, bias, eps=float(eps)
        )
    factor, step = _momentum(momentum)
    out, *stats = apply(
        rows.batch_norm_train,
        input,
        running_mean,
        running_var,
        weight,
        bias,
        factor,
        momentum=step,
        eps=float(eps),
    )
    _keep(stats, running_mean, running_var)
    return out


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalize every channel of every instance over space.

    Follows `torch.nn.functional.instance_norm`.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        ValueError: there is one spatial element only.
        RuntimeError: the shapes do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.instance_norm(torch.tensor([[[1.0, 3.0]]]), eps=0.0)
        tensor([[[-1.,  1.]]])
    """
    require_tensor("instance_norm", input=input)
    if use_input_stats and math.prod(input.shape[2:]) == 1:
        raise ValueError(
            f"Expected more than 1 spatial element when training, got input size {input.shape}"
        )
    _check_channels(
        "instance_norm",
        input,
        running_mean=running_mean,
        running_var=running_var,
        weight=weight,
        bias=bias,
    )
    if not use_input_stats:
        if running_mean is None or running_var is None:
            raise RuntimeError(
                "Expected running_mean and running_var to be defined when use_input_stats is false"
            )
        return apply(
            rows.batch_norm_eval, input, running_mean, running_var, weight, bias, eps=float(eps)
        )
    factor, step = _momentum(momentum)
    out, *stats = apply(
        rows.instance_norm_train,
        input,
        running_mean,
        running_var,
        weight,
        bias,
        factor,
        momentum=step,
        eps=float(eps),
    )
    _keep(stats, running_mean, running_var)
    return out


def _normalized_shape(
    name: str, input: Tensor, normalized_shape: Any, **parts: Tensor | None
) -> tuple[int, ...]:
    shape = (
        (int(normalized_shape),)
        if isinstance(normalized_shape, int)
        else tuple(int(s) for s in normalized_shape)
    )
    if not shape:
        raise RuntimeError(
            "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least "
            "one element, but got normalized_shape = []"
        )
    for argument, value in parts.items():
        if value is not None and tuple(value.shape) != shape:
            raise ShapeError(
                f"Expected {argument} to be of same shape as normalized_shape, but got {argument} "
                f"of shape {list(value.shape)} and normalized_shape = {list(shape)}"
            )
    if tuple(input.shape[-len(shape) :]) != shape:
        sizes = ", ".join(map(str, shape))
        raise ShapeError(
            f"{name}: Given normalized_shape={list(shape)}, expected input with shape "
            f"[*, {sizes}], but got input of size{list(input.shape)}"
        )
    return shape


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Normalize over the last dimensions.

    Follows `torch.nn.functional.layer_norm`.

    Shape:
        - input and output ``(*, *normalized_shape)``, weight and bias ``normalized_shape``

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: the shapes do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.layer_norm(torch.tensor([1.0, 3.0]), (2,))
        tensor([-1.0000,  1.0000])
    """
    require_tensor("layer_norm", input=input)
    shape = _normalized_shape("layer_norm", input, normalized_shape, weight=weight, bias=bias)
    return apply(rows.layer_norm, input, weight, bias, normalized_shape=shape, eps=float(eps))


def rms_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    eps: float | None = None,
) -> Tensor:
    """Divide by the root mean square over the last dimensions.

    Follows `torch.nn.functional.rms_norm`; `eps` is the dtype's own when None.

    Shape:
        ``(*, D)`` to the same, D being ``normalized_shape``.

    Dtypes:
        Floating and complex; the result has the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.rms_norm(torch.tensor([1.0, 3.0]), (2,))
        tensor([0.4472, 1.3416])
    """
    require_tensor("rms_norm", input=input)
    shape = _normalized_shape("rms_norm", input, normalized_shape, weight=weight)
    return apply(
        rows.rms_norm,
        input,
        weight,
        normalized_shape=shape,
        eps=None if eps is None else float(eps),
    )


def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Normalize over groups of channels.

    Follows `torch.nn.functional.group_norm`.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: the channels cannot be split, or shapes do not fit.
        ValueError: there is one value per group only.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.group_norm(torch.tensor([[1.0, 3.0, 5.0, 9.0]]), 2, eps=0.0)
        tensor([[-1.,  1., -1.,  1.]])
    """
    require_tensor("group_norm", input=input)
    if input.ndim < 2:
        raise RuntimeError(
            f"Expected at least 2 dimensions for input tensor but received {input.ndim}"
        )
    if num_groups <= 0 or input.shape[1] % num_groups:
        raise RuntimeError(
            "Expected number of channels in input to be divisible by num_groups, but got input of "
            f"shape {list(input.shape)} and num_groups={num_groups}"
        )
    if math.prod(input.shape) == input.shape[0] * num_groups and input.shape[0] == 1:
        raise ValueError(
            "Expected more than 1 value per channel when training, got input size "
            f"{list(input.shape)}"
        )
    _check_channels("group_norm", input, weight=weight, bias=bias)
    return apply(rows.group_norm, input, weight, bias, num_groups=int(num_groups), eps=float(eps))


def local_response_norm(
    input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """Divide by the energy of neighbouring channels.

    Follows `torch.nn.functional.local_response_norm`.

    Shape:
        ``(N, C, *)`` to the same.

    Dtypes:
        Integers and floating; the result: the default dtype for integers, else the input's.

    Raises:
        ValueError: the input has fewer than 3 dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.local_response_norm(torch.ones(1, 2, 2), 2, alpha=1.0)
        tensor([[[0.7378, 0.7378],
                 [0.5946, 0.5946]]])
    """
    require_tensor("local_response_norm", input=input)
    if input.ndim < 3:
        raise ValueError(
            f"Expected 3D or higher dimensionality input (got {input.ndim} dimensions)"
        )
    return apply(
        rows.local_response_norm,
        input,
        size=int(size),
        alpha=float(alpha),
        beta=float(beta),
        k=float(k),
    )


def normalize(
    input: Tensor,
    p: float = 2.0,
    dim: int = 1,
    eps: float = 1e-12,
    out: Tensor | None = None,
) -> Tensor:
    """Divide by the p-norm along `dim`.

    Follows `torch.nn.functional.normalize`.

    Shape:
        ``(*, N, *)`` with N the size of ``dim``, to the same.

    Dtypes:
        Floating and complex; the result has the input's.

    Raises:
        TypeError: the tensors hold bools.
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> import flambeau.nn.functional as F
        >>> F.normalize(torch.tensor([3.0, 4.0]), dim=0)
        tensor([0.6000, 0.8000])
    """
    require_tensor("normalize", input=input)
    if isinstance(dim, (tuple, list)):
        norm = apply(reductions.vector_norm, input, ord=float(p), dim=tuple(dim), keepdim=True)
        result = apply(arithmetic.true_divide, input, apply(arithmetic.clamp_min, norm, eps))
    else:
        result = apply(rows.normalize, input, p=float(p), dim=int(dim), eps=float(eps))
    if out is None:
        return result
    return store_out(out, result, "normalize")
