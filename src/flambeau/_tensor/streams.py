"""Streams and events: PyTorch's names for the order of work on a device.

XLA runs the programs of a device in the order they were given, so each device has one stream.
Waiting is real: it executes what is recorded and blocks until the device is done.
"""

from __future__ import annotations

import time
from typing import Any

import jax
from jax.errors import JaxRuntimeError as OutOfMemoryError

from flambeau._engine.device import Place
from flambeau._engine.recorder import flush
from flambeau._tensor.device import device as device_type
from flambeau._tensor.device import place_for, user_device

__all__ = ["Event", "OutOfMemoryError", "Stream", "StreamContext", "wait_for"]


def wait_for(place: Place) -> None:
    """Execute what is pending and wait until a device is done."""
    flush()
    # Programs run in the order given: when this small array is there, all before it is.
    jax.device_put(0.0, place.jax_device()).block_until_ready()


class Stream:
    """The one stream of a device.

    Args:
        device: which device, the CPU by default.
        priority: accepted; there is nothing to put in order.

    Example:
        >>> import flambeau as torch
        >>> with torch.cpu.stream(torch.cpu.Stream()):
        ...     x = torch.ones(2) + 1
        >>> torch.cpu.current_stream().synchronize()

    Follows ``torch.Stream``.
    """

    _kind = "cpu"

    def __init__(self, device: Any = None, priority: int = 0, **kwargs: Any) -> None:
        if isinstance(device, int):
            device = device_type(self._kind, device)
        self._place = place_for(self._kind if device is None else device)
        self.priority = priority

    @property
    def device(self) -> device_type:
        """The device whose work it orders."""
        return user_device(self._place)

    @property
    def device_index(self) -> int:
        """The number of the device."""
        return self._place.index

    stream_id = 0
    cuda_stream = 0

    def synchronize(self) -> None:
        """Execute what is pending and wait until it is done."""
        wait_for(self._place)

    def query(self) -> bool:
        """Whether all its work is done: it is waited for."""
        wait_for(self._place)
        return True

    def wait_stream(self, stream: Stream) -> None:
        """Let later work wait for another stream's: within one device it does by itself."""
        if stream._place is not self._place:
            stream.synchronize()

    def wait_event(self, event: Event) -> None:
        """Let later work wait for an event."""
        event.synchronize()

    def record_event(self, event: Any = None) -> Any:
        """Mark this moment in the stream."""
        event = Event() if event is None else event
        event.record(self)
        return event

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *exc: object) -> None:
        return None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stream) and other._place is self._place

    def __hash__(self) -> int:
        return hash((self._place.kind, self._place.index))

    def __repr__(self) -> str:
        return f"<torch.{type(self).__name__} device={self.device}>"


class Event:
    """A moment in a stream, to wait for and to measure times between.

    With ``enable_timing`` recording waits until the work before is done and takes the time, so
    that :meth:`elapsed_time` is the time the work took.

    Args:
        enable_timing: whether times are wanted.
        blocking, interprocess: accepted.

    Follows ``torch.Event``.
    """

    def __init__(
        self,
        device: Any = None,
        enable_timing: bool = False,
        blocking: bool = False,
        interprocess: bool = False,
        **kwargs: Any,
    ) -> None:
        if isinstance(device, bool):
            device, enable_timing = None, device
        self.enable_timing = enable_timing
        self._device = device
        self._stream: Stream | None = None
        self._time: float | None = None

    def record(self, stream: Stream | None = None) -> None:
        """Mark this moment."""
        self._stream = stream if stream is not None else Stream(self._device)
        if self.enable_timing:
            self._stream.synchronize()
            self._time = time.perf_counter()

    def synchronize(self) -> None:
        """Wait until the work before it is done."""
        if self._stream is not None:
            self._stream.synchronize()

    def wait(self, stream: Stream | None = None) -> None:
        """Let later work wait for it."""
        self.synchronize()

    def query(self) -> bool:
        """Whether the work before it is done: it is waited for."""
        self.synchronize()
        return True

    def elapsed_time(self, end_event: Event) -> float:
        """Milliseconds from this event to another.

        Raises:
            RuntimeError: one was not recorded, or without ``enable_timing=True``.
        """
        if not (self.enable_timing and end_event.enable_timing):
            raise RuntimeError("Both events must be created with argument 'enable_timing=True'.")
        if self._time is None or end_event._time is None:
            raise RuntimeError("Both events must be recorded before calculating elapsed time.")
        return (end_event._time - self._time) * 1e3


class StreamContext:
    """The context that :func:`stream` of a device's namespace gives."""

    def __init__(self, stream: Stream | None) -> None:
        self.stream = stream

    def __enter__(self) -> Stream | None:
        return self.stream

    def __exit__(self, *exc: object) -> None:
        return None


Stream.__module__ = Event.__module__ = "torch"
