"""Initialisation of parameters, in place and without history.

Every function takes a tensor, overwrites it and returns it.
"""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from flambeau._autograd.grad_mode import no_grad
from flambeau._ops import creation as creation_rows
from flambeau._ops import random as random_rows
from flambeau._ops import shape as shape_rows
from flambeau._tensor.construct import constant as _constant
from flambeau._tensor.core import value_of, wrap
from flambeau._tensor.dispatch import assign, run
from flambeau._tensor.dtypes import from_numpy_dtype
from flambeau._tensor.functions.random import draw, need_floats

__all__ = [
    "calculate_gain",
    "constant",
    "constant_",
    "dirac",
    "dirac_",
    "eye",
    "eye_",
    "kaiming_normal",
    "kaiming_normal_",
    "kaiming_uniform",
    "kaiming_uniform_",
    "normal",
    "normal_",
    "ones_",
    "orthogonal",
    "orthogonal_",
    "sparse",
    "sparse_",
    "trunc_normal_",
    "uniform",
    "uniform_",
    "xavier_normal",
    "xavier_normal_",
    "xavier_uniform",
    "xavier_uniform_",
    "zeros_",
]

_LINEAR = frozenset(
    {
        "linear",
        "conv1d",
        "conv2d",
        "conv3d",
        "conv_transpose1d",
        "conv_transpose2d",
        "conv_transpose3d",
        "sigmoid",
    }
)


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    r"""By how much weights are scaled so that a nonlinearity keeps the variance.

    Args:
        nonlinearity: ``"linear"``, ``"conv2d"``, …: 1; ``"sigmoid"``: 1; ``"tanh"``:
            :math:`5/3`; ``"relu"``: :math:`\sqrt2`; ``"leaky_relu"``:
            :math:`\sqrt{2 / (1 + a^2)}`; ``"selu"``: :math:`3/4`.
        param: the slope :math:`a` of leaky ReLU, 0.01 if None.

    Raises:
        ValueError: another name, or a slope that is no number.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.init.calculate_gain("leaky_relu", 0.2)
        1.3867504905630728

    Follows ``torch.nn.init.calculate_gain``.
    """
    if nonlinearity in _LINEAR:
        return 1
    if nonlinearity == "tanh":
        return 5.0 / 3
    if nonlinearity == "relu":
        return math.sqrt(2.0)
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, (int, float)):
            raise ValueError(f"negative_slope {slope} not a valid number")
        return math.sqrt(2.0 / (1 + slope**2))
    if nonlinearity == "selu":
        return 3.0 / 4
    raise ValueError(f"Unsupported nonlinearity {nonlinearity}")


def _overwrite(name: str, tensor: Any, op: Any, numbers: tuple[Any, ...], generator: Any) -> Any:
    aval = value_of(tensor).aval
    kind = from_numpy_dtype(aval.dtype)
    need_floats(name, kind)
    with no_grad():
        return assign(tensor, draw(op, numbers, aval.shape, kind, aval.device, generator), name)


def uniform_(tensor: Any, a: float = 0.0, b: float = 1.0, generator: Any = None) -> Any:
    r"""Fill with samples of :math:`\mathcal U(a, b)`. Follows ``torch.nn.init.uniform_``."""
    if a > b:
        raise RuntimeError(
            f"uniform_ expects to return a [from, to) range, but found from={a} > to={b}"
        )
    return _overwrite("uniform_", tensor, random_rows.uniform, (float(a), float(b)), generator)


def normal_(tensor: Any, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> Any:
    r"""Fill with samples of :math:`\mathcal N(\text{mean}, \text{std}^2)`.

    Follows ``torch.nn.init.normal_``.
    """
    if not std >= 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    return _overwrite("normal_", tensor, random_rows.normal, (float(mean), float(std)), generator)


def trunc_normal_(
    tensor: Any,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Any = None,
) -> Any:
    r"""Fill with samples of :math:`\mathcal N(\text{mean}, \text{std}^2)` restricted to [a, b].

    Args:
        tensor: what to fill.
        mean: mean of the normal distribution before it is cut.
        std: its standard deviation.
        a: the smallest value; not in units of ``std``.
        b: the largest.
        generator: what to draw from.

    Follows ``torch.nn.init.trunc_normal_``.
    """
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. The distribution of "
            "values may be incorrect.",
            UserWarning,
            stacklevel=2,
        )
    numbers = (float(mean), float(std), float(a), float(b))
    return _overwrite("trunc_normal_", tensor, random_rows.trunc_normal, numbers, generator)


def constant_(tensor: Any, val: float) -> Any:
    """Fill with ``val``. Follows ``torch.nn.init.constant_``."""
    with no_grad():
        return tensor.fill_(val)


def ones_(tensor: Any) -> Any:
    """Fill with 1. Follows ``torch.nn.init.ones_``."""
    return constant_(tensor, 1.0)


def zeros_(tensor: Any) -> Any:
    """Fill with 0. Follows ``torch.nn.init.zeros_``."""
    with no_grad():
        return tensor.zero_()


def eye_(tensor: Any) -> Any:
    """Fill a matrix with the identity.

    Raises:
        ValueError: it is no matrix.

    Follows ``torch.nn.init.eye_``.
    """
    aval = value_of(tensor).aval
    if aval.ndim != 2:
        raise ValueError(
            f"eye_: Only tensors with 2 dimensions are supported, got shape {list(aval.shape)}"
        )
    static = (("n", aval.shape[0]), ("m", aval.shape[1]), ("dtype", aval.dtype))
    with no_grad():
        return assign(tensor, run(creation_rows.eye, (), static, device=aval.device), "eye_")


def dirac_(tensor: Any, groups: int = 1) -> Any:
    """Fill a convolution's weight so that it passes on as many channels as it can unchanged.

    Args:
        tensor: of shape (out, in, ...) with one to three dimensions of space.
        groups: of the convolution.

    Raises:
        ValueError: another number of dimensions, or ``groups`` does not divide the first.

    Follows ``torch.nn.init.dirac_``.
    """
    aval = value_of(tensor).aval
    shape = aval.shape
    if aval.ndim not in (3, 4, 5):
        raise ValueError(
            f"dirac_: Only tensors with 3, 4, or 5 dimensions are supported, got {list(shape)}"
        )
    if shape[0] % groups != 0:
        raise ValueError(f"dim 0 must be divisible by groups: got {shape[0]} and {groups}")
    each = shape[0] // groups
    array = np.zeros(shape, aval.dtype)
    centre = tuple(n // 2 for n in shape[2:])
    for group in range(groups):
        for channel in range(min(each, shape[1])):
            array[(group * each + channel, channel, *centre)] = 1
    with no_grad():
        return assign(tensor, wrap(_constant(array, aval.device)), "dirac_")


def _calculate_fan_in_and_fan_out(tensor: Any) -> tuple[int, int]:
    """How many inputs an output of a weight sums, and into how many outputs an input goes."""
    shape = value_of(tensor).aval.shape
    if len(shape) < 2:
        raise ValueError(
            "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions, "
            f"got shape {list(shape)}"
        )
    field = math.prod(shape[2:])
    return shape[1] * field, shape[0] * field


def _calculate_correct_fan(tensor: Any, mode: str) -> int:
    modes = ["fan_in", "fan_out"]
    if mode.lower() not in modes:
        raise ValueError(f"Mode {mode} not supported, please use one of {modes}")
    return _calculate_fan_in_and_fan_out(tensor)[modes.index(mode.lower())]


def xavier_uniform_(tensor: Any, gain: float = 1.0, generator: Any = None) -> Any:
    r"""Fill with :math:`\mathcal U(-a, a)`, :math:`a = g\sqrt{6 / (\text{in}+\text{out})}`, gain g.

    Follows ``torch.nn.init.xavier_uniform_`` (Glorot and Bengio, *Understanding the difficulty
    of training deep feedforward neural networks*, 2010).
    """
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    bound = gain * math.sqrt(6.0 / (fan_in + fan_out))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Any, gain: float = 1.0, generator: Any = None) -> Any:
    r"""Fill with :math:`\mathcal N(0, \text{gain}^2 \cdot 2 / (\text{in} + \text{out}))`.

    Follows ``torch.nn.init.xavier_normal_`` (Glorot and Bengio, 2010).
    """
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / (fan_in + fan_out)), generator)


def _is_empty(tensor: Any) -> bool:
    if 0 in value_of(tensor).aval.shape:
        warnings.warn("Initializing zero-element tensors is a no-op", UserWarning, stacklevel=3)
        return True
    return False


def kaiming_uniform_(
    tensor: Any,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Any:
    r"""Fill with :math:`\mathcal U(-b, b)`, :math:`b = \text{gain} \sqrt{3 / \text{fan}}`.

    Args:
        tensor: what to fill.
        a: the slope of the leaky ReLU that follows.
        mode: ``"fan_in"`` keeps the variance in the forward pass, ``"fan_out"`` in the backward.
        nonlinearity: for :func:`calculate_gain`.
        generator: what to draw from.

    Example:
        >>> import flambeau as torch
        >>> w = torch.nn.init.kaiming_uniform_(torch.empty(3, 24), nonlinearity="relu")
        >>> bool(w.abs().max() <= 0.5)
        True

    Follows ``torch.nn.init.kaiming_uniform_`` (He et al., *Delving deep into rectifiers*, 2015).
    """
    if _is_empty(tensor):
        return tensor
    fan = _calculate_correct_fan(tensor, mode)
    bound = math.sqrt(3.0) * calculate_gain(nonlinearity, a) / math.sqrt(fan)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Any,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Any:
    r"""Fill with :math:`\mathcal N(0, \text{gain}^2 / \text{fan})`; see :func:`kaiming_uniform_`.

    Follows ``torch.nn.init.kaiming_normal_`` (He et al., 2015).
    """
    if _is_empty(tensor):
        return tensor
    fan = _calculate_correct_fan(tensor, mode)
    return normal_(tensor, 0.0, calculate_gain(nonlinearity, a) / math.sqrt(fan), generator)


def orthogonal_(tensor: Any, gain: float = 1, generator: Any = None) -> Any:
    """Fill with an orthogonal matrix, dimensions after the first taken together.

    Raises:
        ValueError: fewer than two dimensions.

    Follows ``torch.nn.init.orthogonal_`` (Saxe et al., *Exact solutions to the nonlinear
    dynamics of learning in deep linear neural networks*, 2013).
    """
    aval = value_of(tensor).aval
    if aval.ndim < 2:
        raise ValueError(
            "orthogonal_: Only tensors with 2 or more dimensions are supported, got shape "
            f"{list(aval.shape)}"
        )
    if aval.size == 0:
        return tensor
    kind = from_numpy_dtype(aval.dtype)
    need_floats("orthogonal_", kind)
    static = (
        ("rows", aval.shape[0]),
        ("columns", aval.size // aval.shape[0]),
        ("out_dtype", aval.dtype),
    )
    with no_grad():
        matrix = run(
            random_rows.orthogonal, (float(gain),), static, generator=generator, device=aval.device
        )
        shaped = run(shape_rows.reshape, (matrix,), (("shape", aval.shape),))
        return assign(tensor, shaped, "orthogonal_")


def sparse_(tensor: Any, sparsity: float, std: float = 0.01, generator: Any = None) -> Any:
    r"""Fill a matrix with :math:`\mathcal N(0, \text{std}^2)`, a share of each column being 0.

    Args:
        tensor: a matrix.
        sparsity: the share of zeros in each column.
        std: of the others.
        generator: what to draw from.

    Raises:
        ValueError: it is no matrix.

    Follows ``torch.nn.init.sparse_`` (Martens, *Deep learning via Hessian-free optimization*,
    2010).
    """
    aval = value_of(tensor).aval
    if aval.ndim != 2:
        raise ValueError(
            f"sparse_: Only tensors with 2 dimensions are supported, got shape {list(aval.shape)}"
        )
    need_floats("sparse_", from_numpy_dtype(aval.dtype))
    rows, columns = aval.shape
    static = (
        ("rows", rows),
        ("columns", columns),
        ("zeros", math.ceil(sparsity * rows)),
        ("out_dtype", aval.dtype),
    )
    with no_grad():
        matrix = run(
            random_rows.sparse_normal,
            (float(std),),
            static,
            generator=generator,
            device=aval.device,
        )
        return assign(tensor, matrix, "sparse_")


def _old_name(function: Callable[..., Any]) -> Callable[..., Any]:
    """The name from before in-place functions ended in an underscore."""
    new = function.__name__
    old = new[:-1]

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        warnings.warn(
            f"`nn.init.{old}` is now deprecated in favor of `nn.init.{new}`.",
            FutureWarning,
            stacklevel=2,
        )
        return function(*args, **kwargs)

    call.__name__ = call.__qualname__ = old
    call.__doc__ = f"Deprecated name of :func:`{new}`."
    return call


uniform = _old_name(uniform_)
normal = _old_name(normal_)
constant = _old_name(constant_)
eye = _old_name(eye_)
dirac = _old_name(dirac_)
xavier_uniform = _old_name(xavier_uniform_)
xavier_normal = _old_name(xavier_normal_)
kaiming_uniform = _old_name(kaiming_uniform_)
kaiming_normal = _old_name(kaiming_normal_)
orthogonal = _old_name(orthogonal_)
sparse = _old_name(sparse_)
