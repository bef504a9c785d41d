"""Rates that a function of the user's gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flambeau.optim.lr_scheduler.scheduler import LRScheduler, Rate, callable_state, rates
from flambeau.optim.optimizer import Optimizer

Law = Callable[[int], float]


class _Lambdas(LRScheduler):
    """One function of the step for each group; functions themselves are not saved."""

    def __init__(
        self, optimizer: Optimizer, lr_lambda: Law | list[Law], last_epoch: int = -1
    ) -> None:
        self.optimizer = optimizer
        count = len(optimizer.param_groups)
        if not isinstance(lr_lambda, (list, tuple)):
            self.lr_lambdas: list[Any] = [lr_lambda] * count
        else:
            if len(lr_lambda) != count:
                raise ValueError(f"Expected {count} lr_lambdas, but got {len(lr_lambda)}")
            self.lr_lambdas = list(lr_lambda)
        self._check()
        super().__init__(optimizer, last_epoch)

    def _check(self) -> None:
        pass

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer; of callable objects their attributes, of functions None."""
        state = super().state_dict()
        del state["lr_lambdas"]
        state["lr_lambdas"] = [callable_state(law) for law in self.lr_lambdas]
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what :meth:`state_dict` gave; functions stay this scheduler's own."""
        self.__dict__.update({k: v for k, v in state_dict.items() if k != "lr_lambdas"})
        for law, saved in zip(self.lr_lambdas, state_dict["lr_lambdas"], strict=False):
            if saved is not None:
                law.__dict__.update(saved)


class LambdaLR(_Lambdas):
    """The initial rate times a function of the step.

    Args:
        optimizer: whose rates to set.
        lr_lambda: the function, or one for each group.
        last_epoch: the last step of an earlier run.

    Raises:
        ValueError: another number of functions than of groups.

    Follows ``torch.optim.lr_scheduler.LambdaLR``.
    """

    def get_lr(self) -> list[Rate]:
        """The rates at ``last_epoch``."""
        self._warn_if_asked()
        return [
            base * law(self.last_epoch)
            for law, base in zip(self.lr_lambdas, self.base_lrs, strict=True)
        ]


class MultiplicativeLR(_Lambdas):
    """The present rate times a function of the step, every step.

    Args:
        optimizer: whose rates to set.
        lr_lambda: the function, or one for each group.
        last_epoch: the last step of an earlier run.

    Raises:
        ValueError: another number of functions than of groups.
        TypeError: not a function.

    Follows ``torch.optim.lr_scheduler.MultiplicativeLR``.
    """

    def _check(self) -> None:
        for law in self.lr_lambdas:
            if not callable(law):
                raise TypeError(f"lr_lambda should be a function, but got {type(law).__name__}")

    def get_lr(self) -> list[Rate]:
        """The rates at ``last_epoch``."""
        self._warn_if_asked()
        if self._is_initial:
            return rates(self.optimizer)
        return [
            group["lr"] * law(self.last_epoch)
            for law, group in zip(self.lr_lambdas, self.optimizer.param_groups, strict=True)
        ]
