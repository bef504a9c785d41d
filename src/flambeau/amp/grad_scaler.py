"""Loss scaling, so that float16 gradients do not vanish."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from flambeau._engine import recorder
from flambeau._engine.aval import aval_of
from flambeau._engine.value import Value
from flambeau._tensor import dtypes
from flambeau._tensor.construct import constant
from flambeau._tensor.core import value_of, wrap, write
from flambeau._tensor.device import place_for
from flambeau._tensor.jax_ops import wrap_jax
from flambeau._tensor.tensor import Tensor


class OptState(Enum):
    """How far an optimizer is within an iteration."""

    READY = 0
    UNSCALED = 1
    STEPPED = 2


@wrap_jax
def _unscaled(grads: Sequence[Any], scale: Any) -> tuple[list[Any], jax.Array]:
    """Gradients without the scale, and whether any of them is not finite."""
    inverse = (1 / scale.astype(jnp.float64)).astype(jnp.float32)
    bad = [jnp.logical_not(jnp.isfinite(g)).any() for g in grads]
    found = jnp.stack(bad).any().astype(jnp.float32)
    return [g * inverse.astype(g.dtype) for g in grads], found


@wrap_jax
def _next_scale(
    scale: Any, tracker: Any, found: Sequence[Any], growth: Any, backoff: Any, interval: Any
) -> tuple[jax.Array, jax.Array]:
    """Back off after an overflow; grow after ``interval`` steps without one."""
    overflow = jnp.stack(found).max() > 0
    count = tracker + 1
    grow = count == interval
    grown = (scale * growth).astype(scale.dtype)
    risen = jnp.where(grow & jnp.isfinite(grown), grown, scale)
    new = jnp.where(overflow, (scale * backoff).astype(scale.dtype), risen)
    return new, jnp.where(overflow | grow, 0, count).astype(tracker.dtype)


def _scalar(value: float, dtype: Any, place: Any) -> Tensor:
    return wrap(constant(np.full((), value, dtype), place))


def _held(value: float, dtype: Any, place: Any) -> Tensor:
    """A number on the device from the start, as it is after every update.

    A number of the host would make the first step another program than the later ones.
    """
    array = np.full((), value, dtype)
    aval = aval_of(array.shape, array.dtype, place)
    return wrap(Value(aval, jax.device_put(array, place.jax_device())))


def _available(device: str) -> bool:
    try:
        place_for(device)
    except (RuntimeError, AssertionError):
        return False
    return True


def _fresh() -> dict[str, Any]:
    return {"stage": OptState.READY, "found_inf_per_device": {}}


class GradScaler:
    """Scales the loss before ``backward``, takes the scale out again, skips what overflowed.

    A step whose gradients overflowed leaves parameters and state alone. With the optimizers of
    this package that is decided inside the program: nothing is read on the host. Other
    optimizers are simply not called then, which needs one number on the host.

    Args:
        device: where the scale lives.
        init_scale: the first scale.
        growth_factor: what the scale is multiplied by when all went well for long.
        backoff_factor: what it is multiplied by after an overflow.
        growth_interval: how many steps is long.
        enabled: if False, every method does nothing, or just what it wraps.

    Raises:
        AssertionError: a factor is on the wrong side of 1, or a method comes too early.

    Example:
        >>> import flambeau as torch
        >>> w = torch.nn.Parameter(torch.ones(2))
        >>> optimizer = torch.optim.SGD([w], lr=0.5)
        >>> scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
        >>> scaler.scale(w.sum()).backward()
        >>> scaler.step(optimizer)
        >>> scaler.update()
        >>> w
        Parameter containing:
        tensor([0.5000, 0.5000], requires_grad=True)

    Follows ``torch.amp.GradScaler``.
    """

    def __init__(
        self,
        device: str = "cuda",
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        self._device = device
        self._enabled = enabled
        if enabled and device == "cuda" and not _available(device):
            warnings.warn(
                "torch.cuda.amp.GradScaler is enabled, but CUDA is not available.  Disabling.",
                stacklevel=2,
            )
            self._enabled = False
        if not self._enabled:
            return
        if growth_factor <= 1.0:
            raise AssertionError("The growth factor must be > 1.0.")
        if backoff_factor >= 1.0:
            raise AssertionError("The backoff factor must be < 1.0.")
        self._init_scale = init_scale
        self._scale: Tensor | None = None
        self._growth_factor = growth_factor
        self._backoff_factor = backoff_factor
        self._growth_interval = growth_interval
        self._init_growth_tracker = 0
        self._growth_tracker: Tensor | None = None
        self._per_optimizer_states: dict[int, dict[str, Any]] = defaultdict(_fresh)

    def _started(self, who: str) -> tuple[Tensor, Tensor]:
        if self._scale is None or self._growth_tracker is None:
            raise AssertionError(
                f"Attempted {who} but _scale is None.  This may indicate your script did not use "
                "scaler.scale(loss or outputs) earlier in the iteration."
            )
        return self._scale, self._growth_tracker

    def scale(self, outputs: Any) -> Any:
        """Tensors, or containers of them, times the scale.

        Raises:
            ValueError: something else.
        """
        if not self._enabled:
            return outputs
        if isinstance(outputs, Tensor):
            if self._scale is None:
                place = value_of(outputs).aval.device
                self._scale = _held(self._init_scale, np.float32, place)
                self._growth_tracker = _held(self._init_growth_tracker, np.int32, place)
            return outputs * self._scale.to(outputs.device)
        if isinstance(outputs, Iterable):
            scaled = map(self.scale, outputs)
            return type(outputs)(scaled) if isinstance(outputs, (list, tuple)) else scaled
        raise ValueError("outputs must be a Tensor or an iterable of Tensors")

    def unscale_(self, optimizer: Any) -> None:
        """Take the scale out of the gradients of an optimizer's parameters, say to clip them.

        Raises:
            RuntimeError: for the second time in an iteration, or after ``step``.
            ValueError: a gradient is float16.
        """
        if not self._enabled:
            return
        scale, _ = self._started("unscale_")
        state = self._per_optimizer_states[id(optimizer)]
        if state["stage"] is OptState.UNSCALED:
            raise RuntimeError(
                "unscale_() has already been called on this optimizer since the last update()."
            )
        if state["stage"] is OptState.STEPPED:
            raise RuntimeError("unscale_() is being called after step().")
        by_device: dict[Any, list[Any]] = {}
        for group in optimizer.param_groups:
            for param in group["params"]:
                grad = param.grad
                if grad is None:
                    continue
                if grad.dtype is dtypes.float16:
                    raise ValueError("Attempting to unscale FP16 gradients.")
                by_device.setdefault(grad.device, []).append(grad)
        for device, grads in by_device.items():
            new, found = _unscaled([g.detach() for g in grads], scale.to(device))
            for grad, value in zip(grads, new, strict=True):
                write(grad, value_of(value), None, False)
            state["found_inf_per_device"][device] = found
        state["stage"] = OptState.UNSCALED

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """``optimizer.step()``, unless a gradient overflowed.

        Raises:
            RuntimeError: for the second time in an iteration, or with a closure.
            AssertionError: no parameter has a gradient.
        """
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs:
            raise RuntimeError("Closure use is not currently supported if GradScaler is enabled.")
        self._started("step")
        state = self._per_optimizer_states[id(optimizer)]
        if state["stage"] is OptState.STEPPED:
            raise RuntimeError("step() has already been called since the last update().")
        if state["stage"] is OptState.READY:
            self.unscale_(optimizer)
        found = list(state["found_inf_per_device"].values())
        if not found:
            raise AssertionError("No inf checks were recorded for this optimizer.")
        result = None
        if getattr(optimizer, "_skips_overflow", False):
            optimizer.found_inf = found[0] if len(found) == 1 else self._any(found)
            try:
                result = optimizer.step(*args, **kwargs)
            finally:
                del optimizer.found_inf
        elif not any(f.item() for f in found):
            result = optimizer.step(*args, **kwargs)
        state["stage"] = OptState.STEPPED
        return result

    def _any(self, found: list[Any]) -> Any:
        total = found[0]
        for other in found[1:]:
            total = total + other.to(total.device)
        return total

    def update(self, new_scale: float | Tensor | None = None) -> None:
        """End an iteration: adapt the scale.

        Args:
            new_scale: set this scale instead.

        Raises:
            AssertionError: no step was tried since the last update.
        """
        if not self._enabled:
            return
        scale, tracker = self._started("update")
        if new_scale is not None:
            if isinstance(new_scale, Tensor):
                if new_scale.numel() != 1 or new_scale.requires_grad:
                    raise AssertionError(
                        "new_scale should be a float or a 1-element torch.cuda.FloatTensor or "
                        "torch.FloatTensor with requires_grad=False."
                    )
                moved = new_scale.to(device=scale.device, dtype=scale.dtype).reshape(())
                write(scale, value_of(moved), None, False)
            else:
                self._set(scale, new_scale)
        else:
            found = [
                f.to(scale.device)
                for state in self._per_optimizer_states.values()
                for f in state["found_inf_per_device"].values()
            ]
            if not found:
                raise AssertionError("No inf checks were recorded prior to update.")
            place = value_of(scale).aval.device
            numbers = [
                _scalar(value, dtype, place)
                for value, dtype in (
                    (self._growth_factor, np.float64),
                    (self._backoff_factor, np.float64),
                    (self._growth_interval, np.int64),
                )
            ]
            new, count = _next_scale(scale, tracker, found, *numbers)
            write(scale, value_of(new), None, False)
            write(tracker, value_of(count), None, False)
        self._per_optimizer_states = defaultdict(_fresh)
        recorder.flush()  # the optimizers' steps and this are one program, and no later one

    def _set(self, tensor: Tensor, value: float) -> None:
        aval = value_of(tensor).aval
        write(tensor, value_of(_held(value, aval.dtype, aval.device)), None, False)

    def get_scale(self) -> float:
        """The scale, read on the host; 1 if not enabled."""
        if not self._enabled:
            return 1.0
        return self._init_scale if self._scale is None else self._scale.item()

    def get_growth_factor(self) -> float:
        """What the scale is multiplied by when all went well for long."""
        return self._growth_factor

    def set_growth_factor(self, new_factor: float) -> None:
        """Set what :meth:`get_growth_factor` gives."""
        self._growth_factor = new_factor

    def get_backoff_factor(self) -> float:
        """What the scale is multiplied by after an overflow."""
        return self._backoff_factor

    def set_backoff_factor(self, new_factor: float) -> None:
        """Set what :meth:`get_backoff_factor` gives."""
        self._backoff_factor = new_factor

    def get_growth_interval(self) -> int:
        """How many steps without overflow let the scale grow."""
        return self._growth_interval

    def set_growth_interval(self, new_interval: int) -> None:
        """Set what :meth:`get_growth_interval` gives."""
        self._growth_interval = new_interval

    def _get_growth_tracker(self) -> int:
        if not self._enabled:
            return 0
        tracker = self._growth_tracker
        return self._init_growth_tracker if tracker is None else tracker.item()

    def is_enabled(self) -> bool:
        """Whether it does anything."""
        return self._enabled

    def state_dict(self) -> dict[str, Any]:
        """The scale and its settings, as plain numbers; empty if not enabled."""
        if not self._enabled:
            return {}
        return {
            "scale": self.get_scale(),
            "growth_factor": self._growth_factor,
            "backoff_factor": self._backoff_factor,
            "growth_interval": self._growth_interval,
            "_growth_tracker": self._get_growth_tracker(),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what :meth:`state_dict` gave, here or in PyTorch.

        Raises:
            RuntimeError: it comes from a scaler that was not enabled.
        """
        if not self._enabled:
            return
        if not state_dict:
            raise RuntimeError(
                "The source state dict is empty, possibly because it was saved from a disabled "
                "instance of GradScaler."
            )
        self._init_scale = state_dict["scale"]
        self._growth_factor = state_dict["growth_factor"]
        self._backoff_factor = state_dict["backoff_factor"]
        self._growth_interval = state_dict["growth_interval"]
        self._init_growth_tracker = state_dict["_growth_tracker"]
        if self._scale is not None and self._growth_tracker is not None:
            self._set(self._scale, self._init_scale)
            self._set(self._growth_tracker, self._init_growth_tracker)

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        if self._enabled:
            if self._per_optimizer_states:
                raise AssertionError(
                    "A GradScaler instance may only be pickled at the beginning of an "
                    "iteration, or at the end after scaler.update()."
                )
            state["_init_scale"] = self.get_scale()
            state["_init_growth_tracker"] = self._get_growth_tracker()
            state["_scale"] = None
            state["_growth_tracker"] = None
        return state
