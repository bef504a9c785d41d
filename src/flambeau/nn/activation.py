"""Activations as modules."""

from __future__ import annotations

import warnings
from typing import Any

from flambeau.nn import _core
from flambeau.nn import functional as F
from flambeau.nn.module import Module
from flambeau.nn.parameter import Parameter

__all__ = [
    "CELU",
    "ELU",
    "GELU",
    "GLU",
    "Hardshrink",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "LeakyReLU",
    "LogSigmoid",
    "LogSoftmax",
    "Mish",
    "PReLU",
    "RReLU",
    "ReLU",
    "ReLU6",
    "SELU",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softmax2d",
    "Softmin",
    "Softplus",
    "Softshrink",
    "Softsign",
    "Tanh",
    "Tanhshrink",
    "Threshold",
]


def _inplace(flag: bool, *before: str) -> str:
    return ", ".join([*before, *(["inplace=True"] if flag else [])])


class CELU(Module):
    r"""The continuous ELU, :math:`\max(0, x) + \min(0, \alpha (e^{x / \alpha} - 1))`.

    Args:
        alpha: :math:`\alpha`.
        inplace: whether to overwrite the input.

    Follows ``torch.nn.CELU``.
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """Apply it to every element."""
        return F.celu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        """The parameter."""
        return _inplace(self.inplace, f"alpha={self.alpha}")


class ELU(Module):
    r"""The exponential linear unit: :math:`x` above zero, :math:`\alpha (e^x - 1)` below.

    Args:
        alpha: :math:`\alpha`.
        inplace: whether to overwrite the input.

    Follows ``torch.nn.ELU``.
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """Apply it to every element."""
        return F.elu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        """The parameter."""
        return _inplace(self.inplace, f"alpha={self.alpha}")


class GELU(Module):
    r"""The Gaussian error linear unit, :math:`x \Phi(x)`.

    Args:
        approximate: ``"none"``, or ``"tanh"`` for the approximation by a tanh.

    Follows ``torch.nn.GELU``.
    """

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Any) -> Any:
        """Apply it to every element."""
        return F.gelu(input, approximate=self.approximate)

    def extra_repr(self) -> str:
        """The kind."""
        return f"approximate={self.approximate!r}"


class GLU(Module):
    r"""The gated linear unit: one half of the input times the sigmoid of the other.

    Args:
        dim: the dimension that is halved.

    Follows ``torch.nn.GLU``.
    """

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Any) -> Any:
        """Gate one half by the other."""
        return F.glu(input, self.dim)

    def extra_repr(self) -> str:
        """The dimension."""
        return f"dim={self.dim}"


class Hardshrink(Module):
    """Zero within ``±lambd``, the input elsewhere.

    Args:
        lambd: the threshold.

    Follows ``torch.nn.Hardshrink``.
    """

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, input: Any) -> Any:
        """Apply it to every element."""
        return F.hardshrink(input, self.lambd)

    def extra_repr(self) -> str:
        """The threshold."""
        return str(self.lambd)


class Hardsigmoid(Module):
    """A piecewise linear sigmoid.

    Args:
        inplace: whether to overwrite the input.

    Follows ``torch.nn.Hardsigmoid``.
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """Apply it to every element."""
        return F.hardsigmoid(input, self.inplace)


class Hardswish(Module):
    """The input times its piecewise linear sigmoid.

    Args:
        inplace: whether to overwrite the input.

    Follows ``torch.nn.Hardswish``.
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """Apply it to every element."""
        return F.hardswish(input, self.inplace)


class Hardtanh(Module):
    """Clips to a range.

    Args:
        min_val: the lower end.
        max_val: the upper end.
        inplace: whether to overwrite the input.
        min_value: the older name of ``min_val``.
        max_value: the older name of ``max_val``.

    Raises:
        AssertionError: the range is empty.

    Follows ``torch.nn.Hardtanh``.
    """

    def __init__(
        self,
        min_val: float = -1.0,
        max_val: float = 1.0,
        inplace: bool = False,
        min_value: float | None = None,
        max_value: float | None = None,
    ) -> None:
        super().__init__()
        for old, new, value in (
            ("min_value", "min_val", min_value),
            ("max_value", "max_val", max_value),
        ):
            if value is not None:
                warnings.warn(
                    f"keyword argument `{old}` is deprecated and rename to `{new}`",
                    FutureWarning,
                    stacklevel=2,
                )
        self.min_val = min_val if min_value is None else min_value
        self.max_val = max_val if max_value is None else max_value
        self.inplace = inplace
        if self.max_val <= self.min_val:
            raise AssertionError("max_val must be larger than min_val")

    def forward(self, input: Any) -> Any:
        """Apply it to every element."""
        return F.hardtanh(input, self.min_val, self.max_val, self.inplace)

    def extra_repr(self) -> str:
        """The range."""
        return _inplace(self.inplace, f"min_val={self.min_val}", f"max_val={self.max_val}")


class LeakyReLU(Module):
    """The input above zero, a small multiple of it below.

    Args:
        negative_slope: the multiple.
        inplace: whether to overwrite the input.

    Follows ``torch.nn.LeakyReLU``.
    """

    def __init__(self, negative_slope: float = 1e-2, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope = negative_slope
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """Apply it to every element."""
        return F.leaky_relu(input, self.negative_slope, self.inplace)

    def extra_repr(self) -> str:
        """The slope."""
        return _inplace(self.inplace, f"negative_slope={self.negative_slope}")


class LogSigmoid(Module):
    """The logarithm of the sigmoid.

    Follows ``torch.nn.LogSigmoid``.
    """

    def forward(self, input: Any) -> Any:
        """Apply it to every element."""
        return F.logsigmoid(input)


class LogSoftmax(Module):
    """The logarithm of the softmax.

    Args:
        dim: the dimension; None picks one by the rank, with a warning.

    Follows ``torch.nn.LogSoftmax``.
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take a pickled state; very old ones have no ``dim``."""
        super().__setstate__(state)
        self.__dict__.setdefault("dim", None)

    def forward(self, input: Any) -> Any:
        """Apply it along the dimension."""
        return F.log_softmax(input, self.dim, _stacklevel=5)

    def extra_repr(self) -> str:
        """The dimension."""
        return f"dim={self.dim}"


class Mish(Module):
    """``x tanh(softplus(x))``.

    Args:
        inplace: whether to overwrite the input.

    Follows ``torch.nn.Mish``.
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """Apply it to every element."""
        return F.mish(input, self.inplace)

    def extra_repr(self) -> str:
        """Whether it works in place."""
        return _inplace(self.inplace)


class PReLU(Module):
    """A leaky ReLU whose slope is learned.

    Args:
        num_parameters: 1, or the number of channels.
        init: the slope to start with.
        device: where the slope lives.
        dtype: its dtype.

    Follows ``torch.nn.PReLU``.
    """

    weight: Parameter

    def __init__(
        self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.init = init
        where = {"device": device, "dtype": dtype}
        self.weight = Parameter(_core.empty((num_parameters,), **where))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the slopes to the value to start with."""
        with _core.no_grad():
            self.weight.fill_(self.init)

    def forward(self, input: Any) -> Any:
        """Apply it to every element."""
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        """How many slopes there are."""
        return f"num_parameters={self.num_parameters}"


class RReLU(Module):
    """A leaky ReLU whose slope is random while training, and the middle of its range else.

    Args:
        lower: the least slope.
        upper: the greatest.
        inplace: whether to overwrite the input.

    Follows ``torch.nn.RReLU``.
    """

    def __init__(
        self, lower: float = 1.0 / 8, upper: float = 1.0 / 3, inplace: bool = False
    ) -> None:
        super().__init__()
        self.lower = lower
        self.upper = upper
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """Apply it to every element."""
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self) -> str:
        """The range of slopes."""
        return _inplace(self.inplace, f"lower={self.lower}", f"upper={self.upper}")


class ReLU(Module):
    """The input above zero, zero below.

    Args:
        inplace: whether to overwrite the input.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.ReLU()(torch.tensor([-1.0, 2.0]))
        tensor([0., 2.])

    Follows ``torch.nn.ReLU``.
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """Apply it to every element."""
        return F.relu(input, self.inplace)

    def extra_repr(self) -> str:
        """Whether it works in place."""
        return _inplace(self.inplace)


class ReLU6(Hardtanh):
    """Clips to the range from 0 to 6.

    Args:
        inplace: whether to overwrite the input.

    Follows ``torch.nn.ReLU6``.
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(0.0, 6.0, inplace)

    def forward(self, input: Any) -> Any:
        """Apply it to every element."""
        return F.relu6(input, self.inplace)

    def extra_repr(self) -> str:
        """Whether it works in place."""
        return _inplace(self.inplace)


class SELU(Module):
    """The self-normalizing ELU.

    Args:
        inplace: whether to overwrite the input.

    Follows ``torch.nn.SELU``.
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """Apply it to every element."""
        return F.selu(input, self.inplace)

    def extra_repr(self) -> str:
        """Whether it works in place."""
        return _inplace(self.inplace)


class SiLU(Module):
    """The input times its sigmoid.

    Args:
        inplace: whether to overwrite the input.

    Follows ``torch.nn.SiLU``.
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """Apply it to every element."""
        return F.silu(input, self.inplace)

    def extra_repr(self) -> str:
        """Whether it works in place."""
        return _inplace(self.inplace)


class Sigmoid(Module):
    """The logistic function, ``1 / (1 + exp(-x))``.

    Follows ``torch.nn.Sigmoid``.
    """

    def forward(self, input: Any) -> Any:
        """Apply it to every element."""
        return input.sigmoid()


class Softmax(Module):
    """Exponentials, scaled to add up to 1 along a dimension.

    Args:
        dim: the dimension; None picks one by the rank, with a warning.

    Follows ``torch.nn.Softmax``.
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take a pickled state; very old ones have no ``dim``."""
        super().__setstate__(state)
        self.__dict__.setdefault("dim", None)

    def forward(self, input: Any) -> Any:
        """Apply it along the dimension."""
        return F.softmax(input, self.dim, _stacklevel=5)

    def extra_repr(self) -> str:
        """The dimension."""
        return f"dim={self.dim}"


class Softmax2d(Module):
    """The softmax over the channels of images.

    Raises:
        ValueError: the input is neither ``(N, C, H, W)`` nor ``(C, H, W)``.

    Follows ``torch.nn.Softmax2d``.
    """

    def forward(self, input: Any) -> Any:
        """Apply it to the channels."""
        if input.dim() not in (3, 4):
            raise ValueError(
                f"Softmax2d: expected input to be 3D or 4D, got {input.dim()}D instead"
            )
        return F.softmax(input, -3, _stacklevel=5)


class Softmin(Module):
    """The softmax of the negated input.

    Args:
        dim: the dimension; None picks one by the rank, with a warning.

    Follows ``torch.nn.Softmin``.
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take a pickled state; very old ones have no ``dim``."""
        super().__setstate__(state)
        self.__dict__.setdefault("dim", None)

    def forward(self, input: Any) -> Any:
        """Apply it along the dimension."""
        return F.softmin(input, self.dim, _stacklevel=5)

    def extra_repr(self) -> str:
        """The dimension."""
        return f"dim={self.dim}"


class Softplus(Module):
    r"""A smooth ReLU, :math:`\log(1 + e^{\beta x}) / \beta`.

    Args:
        beta: :math:`\beta`.
        threshold: above this value of :math:`\beta x` it is the identity.

    Follows ``torch.nn.Softplus``.
    """

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta = beta
        self.threshold = threshold

    def forward(self, input: Any) -> Any:
        """Apply it to every element."""
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        """The parameters."""
        return f"beta={self.beta}, threshold={self.threshold}"


class Softshrink(Module):
    """Moves the input by ``lambd`` towards zero, and no further.

    Args:
        lambd: the threshold.

    Follows ``torch.nn.Softshrink``.
    """

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, input: Any) -> Any:
        """Apply it to every element."""
        return F.softshrink(input, self.lambd)

    def extra_repr(self) -> str:
        """The threshold."""
        return str(self.lambd)


class Softsign(Module):
    """``x / (1 + |x|)``.

    Follows ``torch.nn.Softsign``.
    """

    def forward(self, input: Any) -> Any:
        """Apply it to every element."""
        return F.softsign(input)


class Tanh(Module):
    """The hyperbolic tangent.

    Follows ``torch.nn.Tanh``.
    """

    def forward(self, input: Any) -> Any:
        """Apply it to every element."""
        return input.tanh()


class Tanhshrink(Module):
    """``x - tanh(x)``.

    Follows ``torch.nn.Tanhshrink``.
    """

    def forward(self, input: Any) -> Any:
        """Apply it to every element."""
        return F.tanhshrink(input)


class Threshold(Module):
    """The input above a threshold, a constant below.

    Args:
        threshold: the threshold.
        value: the constant.
        inplace: whether to overwrite the input.

    Follows ``torch.nn.Threshold``.
    """

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__()
        self.threshold = threshold
        self.value = value
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """Apply it to every element."""
        return F.threshold(input, self.threshold, self.value, self.inplace)

    def extra_repr(self) -> str:
        """Threshold and constant."""
        return _inplace(self.inplace, f"threshold={self.threshold}", f"value={self.value}")
