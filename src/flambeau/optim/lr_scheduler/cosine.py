"""Rates that fall along half a cosine."""

from __future__ import annotations

import math

from flambeau.optim.lr_scheduler.scheduler import LRScheduler, Rate, rates
from flambeau.optim.optimizer import Optimizer


class CosineAnnealingLR(LRScheduler):
    r"""Follow a cosine from the initial rate to ``eta_min`` in ``T_max`` steps, and back.

    .. math::
        \gamma_t = \gamma_{\min} + \tfrac12 (\gamma_0 - \gamma_{\min})
        (1 + \cos(\pi t / T_{\max}))

    computed from the rate before, so that it works together with other schedulers.

    Args:
        optimizer: whose rates to set.
        T_max: half the period.
        eta_min: the lowest rate.
        last_epoch: the last step of an earlier run.

    Follows ``torch.optim.lr_scheduler.CosineAnnealingLR``; Loshchilov and Hutter, 2016
    (arXiv 1608.03983).
    """

    def __init__(
        self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Rate]:
        """The rates at ``last_epoch``."""
        self._warn_if_asked()
        low, now, half = self.eta_min, self.last_epoch, self.T_max
        groups = self.optimizer.param_groups
        if self._is_initial:
            return rates(self.optimizer)
        if self._step_count == 1 and now > 0:
            wave = 1 + math.cos(now * math.pi / half)
            return [low + (base - low) * wave / 2 for base in self.base_lrs]
        if (now - 1 - half) % (2 * half) == 0:
            # The step after the bottom, where the ratio below would be 0 / 0.
            rise = 1 - math.cos(math.pi / half)
            return [
                group["lr"] + (base - low) * rise / 2
                for base, group in zip(self.base_lrs, groups, strict=True)
            ]
        ratio = (1 + math.cos(math.pi * now / half)) / (1 + math.cos(math.pi * (now - 1) / half))
        return [ratio * (group["lr"] - low) + low for group in groups]

    def _get_closed_form_lr(self) -> list[Rate]:
        wave = 1 + math.cos(math.pi * self.last_epoch / self.T_max)
        return [self.eta_min + (base - self.eta_min) * wave / 2 for base in self.base_lrs]


class CosineAnnealingWarmRestarts(LRScheduler):
    """Fall along half a cosine, then start again from the top with a longer period.

    Args:
        optimizer: whose rates to set.
        T_0: the first period.
        T_mult: how much longer each period is than the one before.
        eta_min: the lowest rate.
        last_epoch: the last step of an earlier run.

    Raises:
        ValueError: a period or its factor is not a positive integer.

    Follows ``torch.optim.lr_scheduler.CosineAnnealingWarmRestarts``; Loshchilov and Hutter,
    2016 (arXiv 1608.03983).
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_0: int,
        T_mult: int = 1,
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        if T_0 <= 0 or not isinstance(T_0, int):
            raise ValueError(f"Expected positive integer T_0, but got {T_0}")
        if T_mult < 1 or not isinstance(T_mult, int):
            raise ValueError(f"Expected integer T_mult >= 1, but got {T_mult}")
        if not isinstance(eta_min, (float, int)):
            raise ValueError(
                f"Expected float or int eta_min, but got {eta_min} of type {type(eta_min)}"
            )
        self.T_0 = T_0
        self.T_i = T_0
        self.T_mult = T_mult
        self.eta_min = eta_min
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Rate]:
        """The rates at ``T_cur`` within the present period."""
        self._warn_if_asked()
        wave = 1 + math.cos(math.pi * self.T_cur / self.T_i)
        return [self.eta_min + (base - self.eta_min) * wave / 2 for base in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        """Go on by one step, or to a step that may be a fraction (``epoch + i / batches``).

        Args:
            epoch: where to go.

        Raises:
            ValueError: ``epoch`` is negative.
        """
        if epoch is None and self.last_epoch < 0:
            epoch = 0
        if epoch is None:
            epoch = self.last_epoch + 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur %= self.T_i
                self.T_i *= self.T_mult
        elif epoch < 0:
            raise ValueError(f"Expected non-negative epoch, but got {epoch}")
        else:
            self._jump(epoch)
        self.last_epoch = math.floor(epoch)
        with self._asking():
            values = self.get_lr()
        self._set(values)

    def _jump(self, epoch: float) -> None:
        if epoch < self.T_0:
            self.T_i, self.T_cur = self.T_0, epoch
        elif self.T_mult == 1:
            self.T_cur = epoch % self.T_0
        else:
            # Periods form a geometric series: n of them lie behind.
            grown = epoch / self.T_0 * (self.T_mult - 1) + 1
            n = int(math.log(grown, self.T_mult))
            self.T_cur = epoch - self.T_0 * (self.T_mult**n - 1) / (self.T_mult - 1)
            self.T_i = self.T_0 * self.T_mult**n
