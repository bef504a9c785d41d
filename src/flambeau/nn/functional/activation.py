"""Activations."""

from __future__ import annotations

import warnings
from typing import Any

from flambeau._ops import nn_activation as rows
from flambeau._ops import pointwise
from flambeau.nn.functional._base import (
    Tensor,
    apply,
    as_dtype,
    checked,
    maybe_inplace,
    require_tensor,
)

__all__ = [
    "celu",
    "celu_",
    "elu",
    "elu_",
    "gelu",
    "glu",
    "gumbel_softmax",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "hardtanh_",
    "leaky_relu",
    "leaky_relu_",
    "log_softmax",
    "logsigmoid",
    "mish",
    "prelu",
    "relu",
    "relu6",
    "relu_",
    "rrelu",
    "rrelu_",
    "selu",
    "selu_",
    "sigmoid",
    "silu",
    "softmax",
    "softmin",
    "softplus",
    "softshrink",
    "softsign",
    "tanh",
    "tanhshrink",
    "threshold",
    "threshold_",
]


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """``max(0, x)`` elementwise.

    Follows `torch.nn.functional.relu`.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Integers and floating; the result has the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> import flambeau.nn.functional as F
        >>> F.relu(torch.tensor([-1.0, 2.0]))
        tensor([0., 2.])
    """
    checked(_check_relu, input)
    return maybe_inplace(input, apply(pointwise.relu, input), inplace, "relu")


def _check_relu(input: Tensor) -> None:
    require_tensor("relu", input=input)


def relu_(input: Tensor) -> Tensor:
    """In-place :func:`relu`.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Integers and floating; the result has the input's.

    Raises:
        RuntimeError: the tensor is a leaf that requires a gradient.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.relu_(torch.tensor([-1.0, 2.0]))
        tensor([0., 2.])

    Follows ``torch.nn.functional.relu_``.
    """
    return relu(input, inplace=True)


def sigmoid(input: Tensor) -> Tensor:
    """``1 / (1 + exp(-x))``. Follows `torch.nn.functional.sigmoid`.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Any; the result: the default dtype for bools and integers, else the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.sigmoid(torch.tensor([-1.0, 0.0, 2.0]))
        tensor([0.2689, 0.5000, 0.8808])
    """
    return apply(pointwise.sigmoid, input)


def tanh(input: Tensor) -> Tensor:
    """Hyperbolic tangent. Follows `torch.nn.functional.tanh`.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Any; the result: the default dtype for bools and integers, else the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.tanh(torch.tensor([-1.0, 0.0, 2.0]))
        tensor([-0.7616,  0.0000,  0.9640])
    """
    return apply(pointwise.tanh, input)


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """``min(max(0, x), 6)``. Follows `torch.nn.functional.relu6`.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Integers and floating; the result has the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.relu6(torch.tensor([-1.0, 0.0, 2.0]))
        tensor([0., 0., 2.])
    """
    require_tensor("relu6", input=input)
    return maybe_inplace(input, apply(rows.relu6, input), inplace, "relu6")


def hardtanh(
    input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Tensor:
    """Clip to ``[min_val, max_val]``.

    Follows `torch.nn.functional.hardtanh`.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Integers and floating; the result has the input's.

    Raises:
        ValueError: the lower bound is above the upper one.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.hardtanh(torch.tensor([-1.0, 0.0, 2.0]))
        tensor([-1.,  0.,  1.])
    """
    require_tensor("hardtanh", input=input)
    if min_val > max_val:
        raise ValueError(
            f"hardtanh: min_val cannot be greater than max_val, but got {min_val} > {max_val}"
        )
    out = apply(rows.hardtanh, input, min_val=float(min_val), max_val=float(max_val))
    return maybe_inplace(input, out, inplace, "hardtanh")


def hardtanh_(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """In-place :func:`hardtanh`.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: the tensor is a leaf that requires a gradient.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.hardtanh_(torch.tensor([-3.0, 0.5, 2.0]))
        tensor([-1.0000,  0.5000,  1.0000])

    Follows ``torch.nn.functional.hardtanh_``.
    """
    return hardtanh(input, min_val, max_val, inplace=True)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """``x`` where positive, ``negative_slope * x`` elsewhere.

    Follows `torch.nn.functional.leaky_relu`.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.leaky_relu(torch.tensor([-1.0, 0.0, 2.0]))
        tensor([-0.0100,  0.0000,  2.0000])
    """
    require_tensor("leaky_relu", input=input)
    out = apply(rows.leaky_relu, input, negative_slope=float(negative_slope))
    return maybe_inplace(input, out, inplace, "leaky_relu")


def leaky_relu_(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """In-place :func:`leaky_relu`.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: the tensor is a leaf that requires a gradient.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.leaky_relu_(torch.tensor([-1.0, 2.0]))
        tensor([-0.0100,  2.0000])

    Follows ``torch.nn.functional.leaky_relu_``.
    """
    return leaky_relu(input, negative_slope, inplace=True)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """``x`` where positive, ``alpha * (exp(x) - 1)`` elsewhere.

    Follows `torch.nn.functional.elu`.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.elu(torch.tensor([-1.0, 0.0, 2.0]))
        tensor([-0.6321,  0.0000,  2.0000])
    """
    require_tensor("elu", input=input)
    return maybe_inplace(input, apply(rows.elu, input, alpha=float(alpha)), inplace, "elu")


def elu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """In-place :func:`elu`.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: the tensor is a leaf that requires a gradient.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.elu_(torch.tensor([-1.0, 2.0]))
        tensor([-0.6321,  2.0000])

    Follows ``torch.nn.functional.elu_``.
    """
    return elu(input, alpha, inplace=True)


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """The self-normalizing exponential unit. Follows `torch.nn.functional.selu`.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.selu(torch.tensor([-1.0, 0.0, 2.0]))
        tensor([-1.1113,  0.0000,  2.1014])
    """
    require_tensor("selu", input=input)
    return maybe_inplace(input, apply(rows.selu, input), inplace, "selu")


def selu_(input: Tensor) -> Tensor:
    """In-place :func:`selu`.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: the tensor is a leaf that requires a gradient.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.selu_(torch.tensor([-1.0, 2.0]))
        tensor([-1.1113,  2.1014])

    Follows ``torch.nn.functional.selu_``.
    """
    return selu(input, inplace=True)


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """``max(0, x) + min(0, alpha * (exp(x / alpha) - 1))``.

    Follows `torch.nn.functional.celu`.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: `alpha` is zero.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.celu(torch.tensor([-1.0, 0.0, 2.0]))
        tensor([-0.6321,  0.0000,  2.0000])
    """
    require_tensor("celu", input=input)
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    return maybe_inplace(input, apply(rows.celu, input, alpha=float(alpha)), inplace, "celu")


def celu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """In-place :func:`celu`.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: ``alpha`` is 0.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.celu_(torch.tensor([-1.0, 2.0]))
        tensor([-0.6321,  2.0000])

    Follows ``torch.nn.functional.celu_``.
    """
    return celu(input, alpha, inplace=True)


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """``x`` times the normal distribution's cumulative function.

    Follows `torch.nn.functional.gelu`.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: `approximate` is neither ``"none"`` nor ``"tanh"``.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.gelu(torch.tensor([-1.0, 0.0, 2.0]))
        tensor([-0.1587,  0.0000,  1.9545])
    """
    require_tensor("gelu", input=input)
    if approximate not in ("none", "tanh"):
        raise RuntimeError(
            f"approximate argument must be either none or tanh, but got {approximate!r}."
        )
    return apply(rows.gelu, input, approximate=approximate)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """``x * sigmoid(x)``. Follows `torch.nn.functional.silu`.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        TypeError: the tensors hold integers or bools.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.silu(torch.tensor([-1.0, 0.0, 2.0]))
        tensor([-0.2689,  0.0000,  1.7616])
    """
    require_tensor("silu", input=input)
    return maybe_inplace(input, apply(rows.silu, input), inplace, "silu")


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """``x * tanh(softplus(x))``. Follows `torch.nn.functional.mish`.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.mish(torch.tensor([-1.0, 0.0, 2.0]))
        tensor([-0.3034,  0.0000,  1.9440])
    """
    require_tensor("mish", input=input)
    return maybe_inplace(input, apply(rows.mish, input), inplace, "mish")


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """``x * relu6(x + 3) / 6``. Follows `torch.nn.functional.hardswish`.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.hardswish(torch.tensor([-1.0, 0.0, 2.0]))
        tensor([-0.3333,  0.0000,  1.6667])
    """
    require_tensor("hardswish", input=input)
    return maybe_inplace(input, apply(rows.hardswish, input), inplace, "hardswish")


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """``relu6(x + 3) / 6``. Follows `torch.nn.functional.hardsigmoid`.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.hardsigmoid(torch.tensor([-1.0, 0.0, 2.0]))
        tensor([0.3333, 0.5000, 0.8333])
    """
    require_tensor("hardsigmoid", input=input)
    return maybe_inplace(input, apply(rows.hardsigmoid, input), inplace, "hardsigmoid")


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """``log(1 + exp(beta * x)) / beta``, linear where ``beta * x > threshold``.

    Follows `torch.nn.functional.softplus`.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.softplus(torch.tensor([-1.0, 0.0, 2.0]))
        tensor([0.3133, 0.6931, 2.1269])
    """
    return apply(rows.softplus, input, beta=float(beta), threshold=float(threshold))


def softsign(input: Tensor) -> Tensor:
    """``x / (1 + |x|)``. Follows `torch.nn.functional.softsign`.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Integers, floating and complex; the result: the default dtype for integers, else the
        input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.softsign(torch.tensor([-1.0, 0.0, 2.0]))
        tensor([-0.5000,  0.0000,  0.6667])
    """
    return apply(rows.softsign, input)


def tanhshrink(input: Tensor) -> Tensor:
    """``x - tanh(x)``. Follows `torch.nn.functional.tanhshrink`.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Integers, floating and complex; the result: the default dtype for integers, else the
        input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.tanhshrink(torch.tensor([-1.0, 0.0, 2.0]))
        tensor([-0.2384,  0.0000,  1.0360])
    """
    return apply(rows.tanhshrink, input)


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """Move every element by `lambd` towards zero.

    Follows `torch.nn.functional.softshrink`.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: `lambd` is negative.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.softshrink(torch.tensor([-1.0, 0.0, 2.0]))
        tensor([-0.5000,  0.0000,  1.5000])
    """
    require_tensor("softshrink", input=input)
    if lambd < 0:
        raise RuntimeError(
            f"softshrink: lambda must be greater or equal to 0, but found to be {lambd}."
        )
    return apply(rows.softshrink, input, lambd=float(lambd))


def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """Zero where ``|x| <= lambd``. Follows `torch.nn.functional.hardshrink`.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.hardshrink(torch.tensor([-1.0, 0.0, 2.0]))
        tensor([-1.,  0.,  2.])
    """
    return apply(rows.hardshrink, input, lambd=float(lambd))


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """``x`` where greater than `threshold`, `value` elsewhere.

    Follows `torch.nn.functional.threshold`.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Integers and floating; the result has the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.threshold(torch.tensor([-1.0, 2.0]), 0.0, 5.0)
        tensor([5., 2.])
    """
    require_tensor("threshold", input=input)
    out = apply(rows.threshold, input, threshold=float(threshold), value=float(value))
    return maybe_inplace(input, out, inplace, "threshold")


def threshold_(input: Tensor, threshold: float, value: float) -> Tensor:
    """In-place :func:`threshold`.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: the tensor is a leaf that requires a gradient.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.threshold_(torch.tensor([-1.0, 2.0]), 0.0, 9.0)
        tensor([9., 2.])

    Follows ``torch.nn.functional.threshold_``.
    """
    out = apply(rows.threshold, input, threshold=float(threshold), value=float(value))
    return maybe_inplace(input, out, True, "threshold")


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """``x`` where positive, ``weight * x`` elsewhere.

    Follows `torch.nn.functional.prelu`.

    Shape:
        ``(N, C, *)`` or ``(*)``, weight ``(C,)`` or ``(1,)``; the result is the input's.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: there is neither one weight nor one for each channel.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.prelu(torch.tensor([-1.0, 2.0]), torch.tensor([0.25]))
        tensor([-0.2500,  2.0000])
    """
    require_tensor("prelu", input=input, weight=weight)
    if weight.numel() != 1:
        if input.ndim == 0:
            raise RuntimeError("prelu: Not allow zero-dim input tensor.")
        channels = input.shape[1] if input.ndim > 1 else 1
        if weight.numel() != channels:
            raise RuntimeError(
                "prelu: Mismatch of parameter numbers and input channel size. Found parameter "
                f"numbers = {weight.numel()} and channel size = {channels}."
            )
    if weight.ndim > 1:
        raise RuntimeError(
            f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight.ndim}"
        )
    return apply(rows.prelu, input, weight)


def rrelu(
    input: Tensor,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    inplace: bool = False,
) -> Tensor:
    """Leaky ReLU with a random slope while training, with the mean slope otherwise.

    Follows `torch.nn.functional.rrelu`.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: the tensors are complex.
        RuntimeError: the tensors hold integers or bools.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.rrelu(torch.tensor([-1.0, 2.0]), 0.25, 0.25)
        tensor([-0.2500,  2.0000])
    """
    require_tensor("rrelu", input=input)
    if lower > upper:
        raise RuntimeError("Lower bound should be less than or equal to the upper bound")
    if training:
        out = apply(rows.rrelu_train, input, lower=float(lower), upper=float(upper))
    else:
        out = apply(rows.leaky_relu, input, negative_slope=(lower + upper) / 2)
    return maybe_inplace(input, out, inplace, "rrelu")


def rrelu_(
    input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False
) -> Tensor:
    """In-place :func:`rrelu`.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: the tensor is a leaf that requires a gradient.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.rrelu_(torch.tensor([-1.0, 2.0]), 0.25, 0.25)
        tensor([-0.2500,  2.0000])

    Follows ``torch.nn.functional.rrelu_``.
    """
    return rrelu(input, lower, upper, training, inplace=True)


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """``a * sigmoid(b)`` of the two halves along `dim`.

    Follows `torch.nn.functional.glu`.

    Shape:
        ``(*, N, *)`` to ``(*, N / 2, *)``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: the input is a scalar, or the dimension cannot be halved.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.glu(torch.tensor([1.0, 0.0]))
        tensor([0.5000])
    """
    require_tensor("glu", input=input)
    if input.ndim == 0:
        raise RuntimeError("glu does not support scalars because halving size must be even")
    if input.size(dim) % 2:
        raise RuntimeError(
            f"Halving dimension must be even, but dimension {dim} is size {input.size(dim)}"
        )
    return apply(rows.glu, input, dim=int(dim))


def logsigmoid(input: Tensor) -> Tensor:
    """``log(sigmoid(x))``. Follows `torch.nn.functional.logsigmoid`.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        TypeError: the tensors hold bools.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.logsigmoid(torch.tensor([-1.0, 0.0, 2.0]))
        tensor([-1.3133, -0.6931, -0.1269])
    """
    return apply(rows.logsigmoid, input)


def _implicit_dim(name: str, ndim: int, stacklevel: int) -> int:
    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. Change the call to include "
        "dim=X as an argument.",
        stacklevel=stacklevel,
    )
    return 0 if ndim in (0, 1, 3) else 1


def _softmax(op: Any, name: str, input: Tensor, dim: int | None, level: int, dtype: Any) -> Tensor:
    require_tensor(name, input=input)
    if dim is None:
        dim = _implicit_dim(name, input.ndim, level + 1)
    kind = None if dtype is None else as_dtype(dtype).numpy
    if kind is None and not input.dtype.is_floating_point:
        raise RuntimeError(
            f"{name}: not implemented for {input.dtype}; give dtype=, such as torch.float32"
        )
    return apply(op, input, dim=int(dim), dtype=kind)


def softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    """Exponentials normalized to sum to one along `dim`.

    Follows `torch.nn.functional.softmax`.

    Shape:
        ``(*, N, *)`` with N the size of ``dim``, to the same.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: the tensors are complex.
        RuntimeError: the tensors hold integers or bools.
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> import flambeau.nn.functional as F
        >>> F.softmax(torch.tensor([1.0, 1.0]), dim=0)
        tensor([0.5000, 0.5000])
    """
    return _softmax(rows.softmax, "softmax", input, dim, _stacklevel, dtype)


def log_softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    """The logarithm of :func:`softmax`, computed stably.

    Follows `torch.nn.functional.log_softmax`.

    Shape:
        ``(*, N, *)`` with N the size of ``dim``, to the same.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: the tensors are complex.
        RuntimeError: the tensors hold integers or bools.
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.log_softmax(torch.tensor([0.0, 1.0]), 0)
        tensor([-1.3133, -0.3133])
    """
    return _softmax(rows.log_softmax, "log_softmax", input, dim, _stacklevel, dtype)


def softmin(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    """:func:`softmax` of ``-x``. Follows `torch.nn.functional.softmin`.

    Shape:
        ``(*, N, *)`` with N the size of ``dim``, to the same.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: the tensors are complex.
        RuntimeError: the tensors hold integers or bools.
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.softmin(torch.tensor([0.0, 1.0]), 0)
        tensor([0.7311, 0.2689])
    """
    return _softmax(rows.softmin, "softmin", input, dim, _stacklevel, dtype)


def gumbel_softmax(
    logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1
) -> Tensor:
    """A sample of the Gumbel-softmax distribution along `dim`.

    Follows `torch.nn.functional.gumbel_softmax`; `eps` has no effect.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        IndexError: ``dim`` is no dimension of the logits.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.gumbel_softmax(torch.zeros(2, 3), hard=True).sum(1)
        tensor([1., 1.])
    """
    require_tensor("gumbel_softmax", logits=logits)
    if eps != 1e-10:
        warnings.warn("`eps` parameter is deprecated and has no effect.", stacklevel=2)
    return apply(rows.gumbel_softmax, logits, float(tau), hard=bool(hard), dim=int(dim))
