"""Rates scaled by a factor that follows a simple law."""

from __future__ import annotations

from flambeau.optim.lr_scheduler.scheduler import LRScheduler, Rate, rates
from flambeau.optim.optimizer import Optimizer


class ConstantLR(LRScheduler):
    """Multiply the rate by ``factor`` for the first ``total_iters`` steps.

    Args:
        optimizer: whose rates to set.
        factor: between 0 and 1.
        total_iters: how long.
        last_epoch: the last step of an earlier run.

    Raises:
        ValueError: ``factor`` is out of range.

    Follows ``torch.optim.lr_scheduler.ConstantLR``.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        factor: float = 1.0 / 3,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 <= factor <= 1.0:
            raise ValueError("Constant multiplicative factor expected to be between 0 and 1.")
        self.factor = factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Rate]:
        """The rates at ``last_epoch``."""
        self._warn_if_asked()
        if self.last_epoch == 0:
            return self._scaled(self.factor)
        if self.last_epoch == self.total_iters:
            return self._scaled(1.0 / self.factor)
        return rates(self.optimizer)

    def _get_closed_form_lr(self) -> list[Rate]:
        ended = self.last_epoch >= self.total_iters
        factor = self.factor + ended * (1 - self.factor)
        return [base * factor for base in self.base_lrs]


class LinearLR(LRScheduler):
    """Let the factor go from ``start_factor`` to ``end_factor`` over ``total_iters`` steps.

    Args:
        optimizer: whose rates to set.
        start_factor: above 0, at most 1.
        end_factor: between 0 and 1.
        total_iters: how long.
        last_epoch: the last step of an earlier run.

    Raises:
        ValueError: a factor is out of range.

    Follows ``torch.optim.lr_scheduler.LinearLR``.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 < start_factor <= 1.0:
            raise ValueError(
                "Starting multiplicative factor expected to be greater than 0 and less or "
                "equal to 1."
            )
        if not 0 <= end_factor <= 1.0:
            raise ValueError("Ending multiplicative factor expected to be between 0 and 1.")
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Rate]:
        """The rates at ``last_epoch``."""
        self._warn_if_asked()
        if self.last_epoch == 0:
            return self._scaled(self.start_factor)
        if self._is_initial or self.last_epoch > self.total_iters:
            return rates(self.optimizer)
        rise = self.end_factor - self.start_factor
        before = self.total_iters * self.start_factor + (self.last_epoch - 1) * rise
        return self._scaled(1.0 + rise / before)

    def _get_closed_form_lr(self) -> list[Rate]:
        rise = self.end_factor - self.start_factor
        done = min(self.total_iters, self.last_epoch)
        return [
            base * (self.start_factor + rise * done / self.total_iters) for base in self.base_lrs
        ]


class ExponentialLR(LRScheduler):
    """Multiply the rate by ``gamma`` at every step.

    Args:
        optimizer: whose rates to set.
        gamma: the factor.
        last_epoch: the last step of an earlier run.

    Follows ``torch.optim.lr_scheduler.ExponentialLR``.
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Rate]:
        """The rates at ``last_epoch``."""
        self._warn_if_asked()
        return rates(self.optimizer) if self._is_initial else self._scaled(self.gamma)

    def _get_closed_form_lr(self) -> list[Rate]:
        return [base * self.gamma**self.last_epoch for base in self.base_lrs]


class PolynomialLR(LRScheduler):
    """Let the factor fall from 1 to 0 as a power of the remaining steps.

    Args:
        optimizer: whose rates to set.
        total_iters: how long.
        power: the exponent.
        last_epoch: the last step of an earlier run.

    Follows ``torch.optim.lr_scheduler.PolynomialLR``.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        total_iters: int = 5,
        power: float = 1.0,
        last_epoch: int = -1,
    ) -> None:
        self.total_iters = total_iters
        self.power = power
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Rate]:
        """The rates at ``last_epoch``."""
        self._warn_if_asked()
        if self._is_initial or self.last_epoch > self.total_iters:
            return rates(self.optimizer)
        left = 1.0 - self.last_epoch / self.total_iters
        left_before = 1.0 - (self.last_epoch - 1) / self.total_iters
        return self._scaled((left / left_before) ** self.power)

    def _get_closed_form_lr(self) -> list[Rate]:
        left = 1.0 - min(self.total_iters, self.last_epoch) / self.total_iters
        return [base * left**self.power for base in self.base_lrs]
