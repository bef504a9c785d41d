"""The base class of learning rate schedulers."""

from __future__ import annotations

import functools
import types
import warnings
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

from flambeau._tensor.tensor import Tensor
from flambeau.optim.optimizer import Optimizer

Rate: TypeAlias = Any
"""A number, or a tensor of one element."""

EPOCH_WARNING = (
    "The epoch parameter in `scheduler.step()` was not necessary and is being deprecated where "
    "possible. Please use `scheduler.step()` to step the scheduler. During the deprecation, if "
    "epoch is different from None, the closed form is used instead of the new chainable form, "
    "where available."
)


def rates(optimizer: Optimizer, key: str = "lr") -> list[Any]:
    """What the groups of an optimizer have under a key; tensors are copied."""
    return [copied(group[key]) for group in optimizer.param_groups]


def copied(value: Any) -> Any:
    """A tensor's copy; anything else itself."""
    return value.clone() if isinstance(value, Tensor) else value


def per_group(name: str, optimizer: Optimizer, value: Any) -> list[Any]:
    """One value for each group, from one for all or from a list.

    Raises:
        ValueError: the list has another length.
    """
    count = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        return [copied(value) for _ in range(count)]
    if len(value) != count:
        raise ValueError(
            f"{name} must have the same length as optimizer.param_groups. {name} has "
            f"{len(value)} values, param_groups has {count}."
        )
    return [copied(item) for item in value]


def assign(group: dict[str, Any], key: str, value: Rate) -> None:
    """Set an option of a group; a tensor is filled, so that programs keep reading it."""
    old = group[key]
    if isinstance(old, Tensor):
        if isinstance(value, Tensor):
            old.copy_(value)
        else:
            old.fill_(value)
    else:
        group[key] = value


def need_optimizer(optimizer: object) -> None:
    """Refuse what is not an Optimizer.

    Raises:
        TypeError: so.
    """
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")


class LRScheduler:
    """Base class: sets the learning rate of every group, once per :meth:`step`.

    A subclass gives :meth:`get_lr`, in terms of ``last_epoch``, ``base_lrs`` and the groups'
    present rates.

    Args:
        optimizer: whose rates to set.
        last_epoch: the last step of an earlier run; its groups must hold ``initial_lr``.

    Raises:
        TypeError: not an optimizer.
        KeyError: resuming, and a group has no ``initial_lr``.

    Follows ``torch.optim.lr_scheduler.LRScheduler``.
    """

    _get_lr_called_within_step: bool = False
    _is_initial: bool = False
    _last_lr: list[Rate]
    last_epoch: int
    base_lrs: list[Rate]

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        need_optimizer(optimizer)
        self.optimizer = optimizer
        for index, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", copied(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{index}] when "
                    "resuming scheduler with last_epoch >= 0: load the optimizer's state dict "
                    "first, or start afresh with last_epoch=-1"
                )
        self.base_lrs = rates(optimizer, "initial_lr")
        self.last_epoch = last_epoch
        _watch(optimizer)
        self._initial_step()

    def _initial_step(self) -> None:
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer, as a dict."""
        return {key: value for key, value in self.__dict__.items() if key != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what :meth:`state_dict` gave, here or in PyTorch."""
        self.__dict__.update(state_dict)

    def get_last_lr(self) -> list[Rate]:
        """The rates as last set, one for each group."""
        return self._last_lr

    def get_lr(self) -> list[Rate]:
        """The rates at ``last_epoch``; for subclasses to give, and for :meth:`step` to call."""
        raise NotImplementedError

    def step(self, epoch: int | None = None) -> None:
        """Go on to the next learning rate; call it after ``optimizer.step()``.

        Args:
            epoch: jump to this step instead (deprecated).
        """
        if self._step_count == 1:
            if not hasattr(self.optimizer.step, "_wrapped_by_lr_sched"):
                warnings.warn(
                    "Seems like `optimizer.step()` has been overridden after learning rate "
                    "scheduler initialization. Please, make sure to call `optimizer.step()` "
                    "before `lr_scheduler.step()`.",
                    UserWarning,
                    stacklevel=2,
                )
            elif not getattr(self.optimizer, "_opt_called", False):
                warnings.warn(
                    "Detected call of `lr_scheduler.step()` before `optimizer.step()`. In "
                    "PyTorch 1.1.0 and later, you should call them in the opposite order: "
                    "`optimizer.step()` before `lr_scheduler.step()`.  Failure to do this will "
                    "result in PyTorch skipping the first value of the learning rate schedule.",
                    UserWarning,
                    stacklevel=2,
                )
        self._step_count += 1
        if epoch is not None:
            warnings.warn(EPOCH_WARNING, UserWarning, stacklevel=2)
        self._update_lr(epoch)

    def _update_lr(self, epoch: int | None = None) -> None:
        with self._asking():
            if epoch is None:
                self.last_epoch += 1
                values = self.get_lr()
            else:
                self.last_epoch = epoch
                closed = getattr(self, "_get_closed_form_lr", self.get_lr)
                values = closed()
        self._set(values)

    def _set(self, values: Sequence[Rate]) -> None:
        for group, value in zip(self.optimizer.param_groups, values, strict=True):
            assign(group, "lr", value)
        self._last_lr = rates(self.optimizer)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """While :meth:`step` itself calls :meth:`get_lr`, which warns everyone else."""
        self._get_lr_called_within_step = True
        try:
            yield
        finally:
            self._get_lr_called_within_step = False

    def _warn_if_asked(self) -> None:
        if not self._get_lr_called_within_step:
            warnings.warn(
                "To get the last learning rate computed by the scheduler, please use "
                "`get_last_lr()`.",
                UserWarning,
                stacklevel=3,
            )

    def _scaled(self, factor: float) -> list[Rate]:
        """The groups' present rates times a factor."""
        return [group["lr"] * factor for group in self.optimizer.param_groups]


class _LRScheduler(LRScheduler):
    """The name that older programs subclass."""


def _watch(optimizer: Optimizer) -> None:
    """Let the optimizer remember that ``step()`` was called."""
    step = optimizer.step
    if hasattr(step, "_wrapped_by_lr_sched"):
        return
    # Weak: the optimizer must not hold itself in its own attributes.
    owner = weakref.ref(optimizer)
    func: Callable[..., Any] = getattr(step, "__func__", step)
    bound = func is not step

    @functools.wraps(func)
    def watched(*args: Any, **kwargs: Any) -> Any:
        self: Any = owner()
        self._opt_called = True
        return func(self, *args, **kwargs) if bound else func(*args, **kwargs)

    watched._wrapped_by_lr_sched = True
    optimizer.step = watched


def callable_state(fn: Any) -> dict[str, Any] | None:
    """What to save of a function given by the user: an object's attributes, no function."""
    return None if isinstance(fn, types.FunctionType) else fn.__dict__.copy()
