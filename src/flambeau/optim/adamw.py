"""AdamW: Adam with decoupled weight decay."""

from __future__ import annotations

from typing import Any

from flambeau._tensor.tensor import Tensor
from flambeau.optim.adam import Adam
from flambeau.optim.optimizer import ParamsT


class AdamW(Adam):
    r"""Adam whose weight decay shrinks the parameter and never enters the averages.

    .. math::
        p \leftarrow (1 - \gamma \lambda) p - \gamma \hat m / (\sqrt{\hat v} + \epsilon)

    Args:
        params: tensors, ``(name, tensor)`` pairs, or groups of them.
        lr: the learning rate, a number or a tensor of one element.
        betas: the decay rates of the two averages.
        eps: added to the denominator.
        weight_decay: :math:`\lambda`.
        amsgrad: divide by the largest :math:`v` so far.
        maximize: ascend.
        foreach: accepted; the update is always one program.
        capturable: accepted; the step never leaves the program.
        differentiable: let gradients flow through the update; parameters must be results.
        fused: accepted; needs floating point parameters.

    Follows ``torch.optim.AdamW``; Loshchilov and Hutter, 2017 (arXiv 1711.05101).
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:  # an Adam's state dict loads as AdamW's
            group["decoupled_weight_decay"] = True
