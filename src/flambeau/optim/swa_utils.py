"""Averages of a model's parameters over training.

Follows ``torch.optim.swa_utils``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from typing import Any, Literal

import jax.numpy as jnp

from flambeau._autograd.grad_mode import no_grad
from flambeau._engine.recorder import flush
from flambeau._tensor.construct import from_data
from flambeau._tensor.fused import update
from flambeau._tensor.tensor import Tensor
from flambeau.nn.batchnorm import _BatchNorm
from flambeau.nn.module import Module
from flambeau.optim._rules import Array, Hyper, State, rule
from flambeau.optim.lr_scheduler.scheduler import LRScheduler, Rate, per_group
from flambeau.optim.optimizer import Optimizer

__all__ = [
    "AveragedModel",
    "SWALR",
    "get_ema_avg_fn",
    "get_ema_multi_avg_fn",
    "get_swa_avg_fn",
    "get_swa_multi_avg_fn",
    "update_bn",
]

AvgFn = Callable[[Any, Any, Any], Any]
MultiAvgFn = Callable[[Sequence[Any], Sequence[Any], Any], None]


@rule
def average_rule(
    param: Array, grad: Array, state: State, hyper: Hyper, *, first: bool
) -> tuple[Array, State]:
    """Move an average towards the present value, by ``1 - decay`` or ``1 / (n + 1)``.

    With ``first``, the average of nothing (``n`` is 0) becomes the value itself.
    """
    weight = 1 - hyper["decay"] if "decay" in hyper else 1 / (hyper["n"] + 1)
    wide = param if jnp.issubdtype(param.dtype, jnp.inexact) else param.astype(jnp.float64)
    moved = (wide + weight.astype(wide.dtype) * (grad.astype(wide.dtype) - wide)).astype(
        param.dtype
    )
    return (jnp.where(hyper["n"] == 0, grad, moved) if first else moved), state


def _check_decay(decay: float) -> None:
    if not 0.0 <= decay <= 1.0:
        raise ValueError(
            f"Invalid decay value {decay} provided. Please provide a value in [0,1] range."
        )


class _Average:
    """One of the two averages, over lists of tensors and as one operation."""

    def __init__(self, decay: float | None):
        self.decay = decay

    def __call__(
        self, averages: Sequence[Any], values: Sequence[Any], n: Any, first: bool = False
    ) -> None:
        hyper: dict[str, Any] = {}
        if self.decay is not None:
            hyper["decay"] = self.decay
        if self.decay is None or first:
            hyper["n"] = n
        params = [p.detach() for p in averages]
        update(average_rule, params, values, [{}] * len(params), hyper, first=first)


def get_ema_multi_avg_fn(decay: float = 0.999) -> MultiAvgFn:
    """An exponential moving average over lists of tensors, in place and in one operation.

    Args:
        decay: how much of the average is kept.

    Raises:
        ValueError: ``decay`` is outside [0, 1].
    """
    _check_decay(decay)
    return _Average(decay)


def get_swa_multi_avg_fn() -> MultiAvgFn:
    """A mean with equal weights over lists of tensors, in place and in one operation."""
    return _Average(None)


def get_ema_avg_fn(decay: float = 0.999) -> AvgFn:
    """An exponential moving average of one tensor.

    Args:
        decay: how much of the average is kept.

    Raises:
        ValueError: ``decay`` is outside [0, 1].
    """
    _check_decay(decay)

    @no_grad()
    def ema_update(ema_param: Any, current_param: Any, num_averaged: Any) -> Any:
        return decay * ema_param + (1 - decay) * current_param

    return ema_update


def get_swa_avg_fn() -> AvgFn:
    """A mean with equal weights of one tensor."""

    @no_grad()
    def swa_update(averaged_param: Any, current_param: Any, num_averaged: Any) -> Any:
        return averaged_param + (current_param - averaged_param) / (num_averaged + 1)

    return swa_update


class AveragedModel(Module):
    """A copy of a model whose parameters are averages of the model's.

    With the averages of this module (the default is the plain mean) an update is one operation
    of the step's program, and nothing is read on the host.

    Args:
        model: is copied.
        device: where to keep the copy.
        avg_fn: ``(average, value, n) -> average`` for one tensor.
        multi_avg_fn: ``(averages, values, n)`` for lists of tensors, in place.
        use_buffers: average buffers too; otherwise they are copied.

    Raises:
        AssertionError: both functions are given.

    Example:
        >>> import flambeau as torch
        >>> model = torch.nn.Linear(2, 1)
        >>> averaged = torch.optim.swa_utils.AveragedModel(model)
        >>> averaged.update_parameters(model)
        >>> averaged.n_averaged
        tensor(1)

    Follows ``torch.optim.swa_utils.AveragedModel``.
    """

    n_averaged: Tensor

    def __init__(
        self,
        model: Module,
        device: Any = None,
        avg_fn: AvgFn | None = None,
        multi_avg_fn: MultiAvgFn | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", from_data(0, device=device))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers
        # Copies of their own, made by a program of their own: a weight that shared memory with
        # its average could not be updated in place, and the first steps would differ from later.
        for kept in (*self.module.parameters(), *self.module.buffers()):
            kept.data = kept.detach().clone()
        flush()

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The averaged model's answer."""
        return self.module(*args, **kwargs)

    @no_grad()
    def update_parameters(self, model: Module) -> None:
        """Take the model's present parameters into the average."""
        averages: list[Any] = list(self.module.parameters())
        values: list[Any] = list(model.parameters())
        if self.use_buffers:
            averages += self.module.buffers()
            values += model.buffers()
        averages = [p.detach() for p in averages]
        values = [v.detach().to(a.device) for a, v in zip(averages, values, strict=True)]
        multi = self.multi_avg_fn
        if multi is None and self.avg_fn is None:
            multi = get_swa_multi_avg_fn()
        if isinstance(multi, _Average):
            multi(averages, values, self.n_averaged, first=True)
        elif self.n_averaged.item() == 0:
            for average, value in zip(averages, values, strict=True):
                average.copy_(value)
        elif multi is not None:
            for chosen in _by_kind(averages):
                multi(
                    [averages[at] for at in chosen],
                    [values[at] for at in chosen],
                    self.n_averaged.to(averages[chosen[0]].device),
                )
        else:
            assert self.avg_fn is not None
            for average, value in zip(averages, values, strict=True):
                n = self.n_averaged.to(average.device)
                average.copy_(self.avg_fn(average, value, n))
        if not self.use_buffers:
            for kept, buffer in zip(self.module.buffers(), model.buffers(), strict=True):
                kept.detach().copy_(buffer.detach().to(kept.device))
        self.n_averaged += 1


def _by_kind(tensors: Sequence[Any]) -> list[list[int]]:
    kinds: dict[Any, list[int]] = {}
    for at, tensor in enumerate(tensors):
        kinds.setdefault((tensor.device, tensor.dtype), []).append(at)
    return list(kinds.values())


@no_grad()
def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Compute the running statistics of batch norms afresh, as plain means over a loader.

    Args:
        loader: gives batches; of a list or tuple the first element is the input.
        model: whose batch norms to update.
        device: where to put the inputs.

    Follows ``torch.optim.swa_utils.update_bn``.
    """
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    was_training = model.training
    model.train()
    try:
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None
        for batch in loader:
            inputs = batch[0] if isinstance(batch, (list, tuple)) else batch
            model(inputs if device is None else inputs.to(device))
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        model.train(was_training)


class SWALR(LRScheduler):
    """Move the learning rate to a constant one, and stay there.

    Args:
        optimizer: whose rates to set.
        swa_lr: the last rate, or one for each group.
        anneal_epochs: in how many steps.
        anneal_strategy: along a ``"cos"`` or ``"linear"``.
        last_epoch: the last step of an earlier run.

    Raises:
        ValueError: an option is out of range.

    Follows ``torch.optim.swa_utils.SWALR``.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float | list[float],
        anneal_epochs: int = 10,
        anneal_strategy: Literal["cos", "linear"] = "cos",
        last_epoch: int = -1,
    ) -> None:
        for rate, group in zip(
            per_group("swa_lr", optimizer, swa_lr), optimizer.param_groups, strict=True
        ):
            group["swa_lr"] = rate
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}"
            )
        self._anneal_strategy = anneal_strategy
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def _part(self, step: int) -> float:
        """How far the rate has moved, from 0 to 1."""
        done = max(0, min(1, step / max(1, self.anneal_epochs)))
        return done if self._anneal_strategy == "linear" else (1 - math.cos(math.pi * done)) / 2

    def get_lr(self) -> list[Rate]:
        """The rates after the next step."""
        self._warn_if_asked()
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = self._part(step - 1), self._part(step)
        values = []
        for group in self.optimizer.param_groups:
            last = group["swa_lr"]
            # Other schedulers may have moved the rate: where would it be without us?
            start = last if before == 1 else (group["lr"] - before * last) / (1 - before)
            values.append(last * now + start * (1 - now))
        return values
