"""A linear layer and cross entropy in one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from flambeau.nn import functional as F
from flambeau.nn.functional._base import reshape
from flambeau.nn.linear import Linear
from flambeau.nn.loss import _WeightedLoss

__all__ = ["LinearCrossEntropyLoss", "LinearCrossEntropyOptions"]


@dataclass
class LinearCrossEntropyOptions:
    """How PyTorch splits the computation; it changes no result, and nothing here.

    Follows ``torch.nn.LinearCrossEntropyOptions``.
    """

    allow_retain_graph: bool = False
    batch_chunk_size: int | None = None
    chunking_method: str | None = "auto"
    acc_policy: str = "auto"
    acc_dtype: Any = None


class LinearCrossEntropyLoss(_WeightedLoss):
    """Cross entropy of a learned linear map of the input.

    Args:
        in_features: the width of the input.
        num_classes: the number of classes.
        out_features: further dimensions of the target.
        bias: whether the map has a bias.
        device: where the parameters live.
        dtype: their dtype.
        reduction: ``"none"``, ``"mean"`` or ``"sum"``.
        weight: a weight for each class.
        ignore_index: a target that does not count.
        label_smoothing: how much of the target is spread over all classes.
        options: see :class:`LinearCrossEntropyOptions`.

    Follows ``torch.nn.LinearCrossEntropyLoss``.
    """

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        out_features: tuple[int, ...] = (),
        bias: bool = False,
        device: Any = None,
        dtype: Any = None,
        reduction: str = "mean",
        weight: Any = None,
        ignore_index: int | None = None,
        label_smoothing: float = 0.0,
        options: LinearCrossEntropyOptions | None = None,
    ) -> None:
        super().__init__(weight=weight, reduction=reduction)
        self.in_features = in_features
        self.num_classes = num_classes
        self.out_features = out_features
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing
        self.options = options
        self.linear = Linear(
            in_features,
            num_classes * math.prod(out_features),
            bias=bias,
            device=device,
            dtype=dtype,
        )

    def forward(self, input: Any, target: Any) -> Any:
        """The loss of `input`, ``(*, in_features)``, against classes or probabilities."""
        size = (self.num_classes, *self.out_features)
        bias = self.linear.bias
        return F.linear_cross_entropy(
            input,
            reshape(self.linear.weight, (*size, self.in_features)),
            target,
            linear_bias=None if bias is None else reshape(bias, size),
            weight=self.weight,
            reduction=self.reduction,
            ignore_index=self.ignore_index,
            label_smoothing=self.label_smoothing,
            options=self.options,
        )

    def extra_repr(self) -> str:
        """All arguments."""
        return (
            f"in_features={self.in_features}, num_classes={self.num_classes}, "
            f"out_features={self.out_features}, bias={self.linear.bias is not None}, "
            f"reduction={self.reduction}, ignore_index={self.ignore_index}, "
            f"label_smoothing={self.label_smoothing}, options={self.options}"
        )
