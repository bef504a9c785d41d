"""SparseAdam, which needs gradients that flambeau does not make."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flambeau._autograd.grad_mode import enable_grad
from flambeau._tensor.tensor import Tensor
from flambeau.optim._fused import check_betas
from flambeau.optim.optimizer import Optimizer, ParamsT


class SparseAdam(Optimizer):
    """Adam for sparse gradients; here every gradient is dense, so ``step()`` refuses it.

    Args:
        params: tensors, ``(name, tensor)`` pairs, or groups of them.
        lr: the learning rate, a number or a tensor of one element.
        betas: the decay rates of the two averages.
        eps: added to the denominator.
        maximize: ascend.

    Raises:
        ValueError: an option is out of range, or a parameter is complex.
        RuntimeError: a gradient is dense (at ``step()``), as in PyTorch.

    Follows ``torch.optim.SparseAdam``.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        maximize: bool = False,
    ) -> None:
        if isinstance(lr, Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        if not float(lr) > 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if not eps > 0.0:
            raise ValueError(f"Invalid epsilon value: {eps}")
        check_betas(betas)
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "maximize": maximize})
        complex_params = [
            [index, at]
            for index, group in enumerate(self.param_groups)
            for at, param in enumerate(group["params"])
            if param.is_complex()
        ]
        if complex_params:
            raise ValueError(
                f"Complex params at indices {complex_params}: SparseAdam does not support "
                "complex parameters"
            )

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Refuse dense gradients.

        Raises:
            RuntimeError: any parameter has a gradient.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        for group in self.param_groups:
            for param in group["params"]:
                if param.grad is not None and param.requires_grad:
                    raise RuntimeError(
                        "SparseAdam does not support dense gradients, please consider Adam instead"
                    )
        return loss
