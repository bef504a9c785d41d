"""Linear layers."""

from __future__ import annotations

import math
from typing import Any

from flambeau.nn import _core, init
from flambeau.nn import functional as F
from flambeau.nn.module import Module
from flambeau.nn.parameter import Parameter

__all__ = ["Bilinear", "Identity", "Linear"]


class Identity(Module):
    """Gives its input back; takes and ignores any arguments.

    Follows ``torch.nn.Identity``.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Any) -> Any:
        """Return ``input``."""
        return input


class Linear(Module):
    r"""An affine map, :math:`y = x W^T + b`.

    Args:
        in_features: size of the last dimension of the input.
        out_features: size of the last dimension of the output.
        bias: whether to add :math:`b`.
        device: where the parameters live.
        dtype: their dtype.

    Shape:
        Input :math:`(*, I)`, output :math:`(*, O)`, weight :math:`(O, I)`, bias :math:`(O)`.
        Both start uniform in :math:`\pm 1/\sqrt{I}`.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.Linear(20, 30)(torch.randn(128, 20)).shape
        torch.Size([128, 30])

    Follows ``torch.nn.Linear``.
    """

    in_features: int
    out_features: int
    weight: Parameter
    bias: Parameter | None

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.in_features = in_features
        self.out_features = out_features
        where = {"device": device, "dtype": dtype}
        self.weight = Parameter(_core.empty((out_features, in_features), **where))
        if bias:
            self.bias = Parameter(_core.empty((out_features,), **where))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        uniform_bias(self.bias, self.in_features)

    def forward(self, input: Any) -> Any:
        """Apply the map to the last dimension of ``input``."""
        # Straight from the table: `self.weight` costs a microsecond, as much as the rest.
        params: Any = self._parameters
        if "weight" in params and "bias" in params:
            return F.linear(input, params["weight"], params["bias"])
        return F.linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        """The sizes."""
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}"
        )


class Bilinear(Module):
    r"""A bilinear form of two inputs, :math:`y = x_1^T A x_2 + b`.

    Args:
        in1_features: size of the last dimension of the first input; must be positive.
        in2_features: likewise of the second.
        out_features: size of the last dimension of the output.
        bias: whether to add :math:`b`.
        device: where the parameters live.
        dtype: their dtype.

    Shape:
        Inputs :math:`(*, I_1)` and :math:`(*, I_2)`, output :math:`(*, O)`, weight
        :math:`(O, I_1, I_2)`.

    Raises:
        ValueError: ``in1_features`` is not positive.

    Follows ``torch.nn.Bilinear``.
    """

    weight: Parameter
    bias: Parameter | None

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if in1_features <= 0:
            raise ValueError(f"in1_features must be > 0, but got (in1_features={in1_features})")
        self.in1_features = in1_features
        self.in2_features = in2_features
        self.out_features = out_features
        where = {"device": device, "dtype": dtype}
        self.weight = Parameter(_core.empty((out_features, in1_features, in2_features), **where))
        if bias:
            self.bias = Parameter(_core.empty((out_features,), **where))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        bound = 1 / math.sqrt(self.weight.size(1))
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input1: Any, input2: Any) -> Any:
        """Apply the form to the last dimensions of the inputs."""
        return F.bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        """The sizes."""
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, "
            f"out_features={self.out_features}, bias={self.bias is not None}"
        )


def uniform_bias(bias: Parameter | None, fan_in: int) -> None:
    """Draw a bias as PyTorch does, uniform in ``±1/sqrt(fan_in)``."""
    if bias is not None:
        bound = 1 / math.sqrt(fan_in) if fan_in > 0 else 0
        init.uniform_(bias, -bound, bound)
