"""Autocast: each operation in the precision that suits it."""

from __future__ import annotations

import functools
import threading
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from flambeau._ops import casts
from flambeau._ops.registry import Op
from flambeau._tensor import dispatch, dtypes
from flambeau._tensor.core import TensorBase, value_of
from flambeau.amp._lists import FLOAT32, FLOAT32_FROM, LOWER, REFUSED, WIDEST

_DEVICES = ("cpu", "cuda", "tpu")
_HALVES = (dtypes.bfloat16, dtypes.float16)
_LISTS = {"cpu": "cpu", "cuda": "cuda", "tpu": "cuda"}


class _Thread(threading.local):
    """What is switched on in this thread, by type of device."""

    def __init__(self) -> None:
        self.enabled: dict[str, bool] = {}
        self.dtype: dict[str, Any] = {"cuda": dtypes.float16}
        self.cache = True
        self.on = False


_thread = _Thread()
_lock = threading.Lock()
_users = 0


def _device(device_type: str) -> str:
    if device_type not in _DEVICES:
        raise RuntimeError(
            f"User specified an unsupported autocast device_type '{device_type}'; "
            f"it must be one of {', '.join(_DEVICES)}"
        )
    return device_type


def is_autocast_available(device_type: str) -> bool:
    """Whether autocast knows a type of device. Follows ``torch.amp.is_autocast_available``."""
    return device_type in _DEVICES


def is_autocast_enabled(device_type: str = "cuda") -> bool:
    """Whether autocast is on in this thread.

    Example:
        >>> import flambeau as torch
        >>> torch.is_autocast_enabled()
        False

    Follows ``torch.is_autocast_enabled``.
    """
    return _thread.enabled.get(_device(device_type), False)


def get_autocast_dtype(device_type: str) -> Any:
    """The lower precision: float16 on GPU, bfloat16 elsewhere, unless set otherwise.

    Example:
        >>> import flambeau as torch
        >>> torch.get_autocast_dtype("cpu")
        torch.bfloat16

    Follows ``torch.get_autocast_dtype``.
    """
    return _thread.dtype.get(_device(device_type), dtypes.bfloat16)


def set_autocast_dtype(device_type: str, dtype: Any) -> None:
    """Set the lower precision of this thread.

    Example:
        >>> import flambeau as torch
        >>> torch.set_autocast_dtype("cpu", torch.bfloat16)

    Follows ``torch.set_autocast_dtype``.
    """
    _thread.dtype[_device(device_type)] = dtype


def set_autocast_enabled(device_type: str, enabled: bool) -> None:
    """Switch autocast on or off in this thread.

    Example:
        >>> import flambeau as torch
        >>> torch.set_autocast_enabled("cpu", False)

    Follows ``torch.set_autocast_enabled``.
    """
    _thread.enabled[_device(device_type)] = enabled
    _switch(any(_thread.enabled.values()))


def autocast_state() -> tuple[Any, ...] | None:
    """What is switched on in this thread, as a key; None where nothing is."""
    if not _users or not _thread.on:
        return None
    return tuple((d, get_autocast_dtype(d)) for d in _DEVICES if _thread.enabled.get(d))


def _switch(on: bool) -> None:
    """Let the dispatcher ask us while any thread has autocast on; otherwise it costs nothing."""
    global _users
    if on == _thread.on:
        return
    _thread.on = on
    with _lock:
        _users += 1 if on else -1
        dispatch.autocast = _cast_arguments if _users else None


def is_autocast_cache_enabled() -> bool:
    """Accepted: a program casts a weight once, however often it is used.

    Example:
        >>> import flambeau as torch
        >>> torch.is_autocast_cache_enabled()
        True

    Follows ``torch.is_autocast_cache_enabled``.
    """
    return _thread.cache


def set_autocast_cache_enabled(enabled: bool) -> None:
    """Accepted, see :func:`is_autocast_cache_enabled`.

    Example:
        >>> import flambeau as torch
        >>> torch.set_autocast_cache_enabled(True)

    Follows ``torch.set_autocast_cache_enabled``.
    """
    _thread.cache = enabled


def clear_autocast_cache() -> None:
    """Accepted, see :func:`is_autocast_cache_enabled`.

    Example:
        >>> import flambeau as torch
        >>> torch.clear_autocast_cache()

    Follows ``torch.clear_autocast_cache``.
    """


def _cast_arguments(op: Op, args: list[Any]) -> list[Any]:
    """The arguments of a row as autocast wants them."""
    if not _thread.on:
        return args
    first = next((a for a in args if isinstance(a, TensorBase)), None)
    if first is None:
        return args
    aval = value_of(first).aval
    kind = aval.device.kind
    if not _thread.enabled.get(kind, False):
        return args
    lists, name = _LISTS[kind], op.name
    if name in LOWER[lists]:
        return _cast(args, kind, get_autocast_dtype(kind).numpy)
    if name in FLOAT32[lists] or aval.ndim >= FLOAT32_FROM[lists].get(name, 1 << 30):
        return _cast(args, kind, dtypes.float32.numpy)
    if name in WIDEST[lists]:
        kept = [_dtype(a, kind) for a in args]
        if any(d == np.float32 for d in kept):
            return _cast(args, kind, dtypes.float32.numpy)
        return args
    if name in REFUSED[lists]:
        raise RuntimeError(
            "torch.nn.functional.binary_cross_entropy and torch.nn.BCELoss are unsafe to "
            "autocast. Compute with logits instead: binary_cross_entropy_with_logits or "
            "BCEWithLogitsLoss"
        )
    return args


def _dtype(arg: Any, kind: str) -> Any:
    """The dtype of an argument that may be cast: floating point, not float64; else None."""
    if not isinstance(arg, TensorBase):
        return None
    aval = value_of(arg).aval
    if not aval.inexact or aval.device.kind != kind:
        return None
    dtype = aval.dtype
    return None if dtype == np.float64 or dtype.kind == "c" else dtype


def _cast(args: list[Any], kind: str, dtype: Any) -> list[Any]:
    out = []
    for arg in args:
        have = _dtype(arg, kind)
        if have is not None and have != dtype:
            arg = dispatch.run(casts.to_dtype, (arg,), (("dtype", dtype),))
        out.append(arg)
    return out


class autocast:
    """Run matrix products in lower precision and what is delicate in float32.

    A context manager and a decorator. Contexts nest; one that is not enabled switches autocast
    off inside. The lists of operations are PyTorch's. Gradients take the precision of the
    operation they belong to.

    Args:
        device_type: ``"cpu"``, ``"cuda"`` or ``"tpu"``.
        dtype: float16 or bfloat16; by default float16 on GPU, bfloat16 elsewhere.
        enabled: whether to switch it on.
        cache_enabled: accepted; a program casts a weight once in any case.

    Raises:
        RuntimeError: an unknown type of device.
        ValueError: the type of device is not a string.

    Example:
        >>> import flambeau as torch
        >>> a = torch.ones(2, 2)
        >>> with torch.autocast("cpu"):
        ...     b = a @ a
        >>> b.dtype
        torch.bfloat16

    Follows ``torch.autocast``.
    """

    def __init__(
        self,
        device_type: str,
        dtype: Any = None,
        enabled: bool = True,
        cache_enabled: bool | None = None,
    ) -> None:
        if not isinstance(device_type, str):
            raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
        self.device = _device(device_type)
        self.fast_dtype = get_autocast_dtype(device_type) if dtype is None else dtype
        self._cache_enabled = _thread.cache if cache_enabled is None else cache_enabled
        if enabled and self.fast_dtype not in _HALVES:
            warnings.warn(
                f"In {device_type.upper()} autocast, but the target dtype is not supported. "
                f"Disabling autocast.\n{device_type.upper()} Autocast only supports dtypes of "
                f"{', '.join(map(str, _HALVES))} currently.",
                stacklevel=2,
            )
            enabled = False
        self._enabled = enabled
        self._before: list[tuple[bool, Any, bool]] = []

    def __enter__(self) -> autocast:
        device = self.device
        self._before.append(
            (is_autocast_enabled(device), get_autocast_dtype(device), _thread.cache)
        )
        set_autocast_enabled(device, self._enabled)
        set_autocast_dtype(device, self.fast_dtype)
        _thread.cache = self._cache_enabled
        return self

    def __exit__(self, *exc: object) -> None:
        enabled, dtype, cache = self._before.pop()
        set_autocast_enabled(self.device, enabled)
        set_autocast_dtype(self.device, dtype)
        _thread.cache = cache

    def __call__(self, func: Callable[..., Any]) -> Callable[..., Any]:
        if not callable(func):
            raise TypeError(
                f"autocast()(func) requires a callable, but got {type(func).__name__}; as a "
                "context manager it is `with torch.autocast(device_type): ...`"
            )

        @functools.wraps(func)
        def decorated(*args: Any, **kwargs: Any) -> Any:
            with autocast(self.device, self.fast_dtype, self._enabled, self._cache_enabled):
                return func(*args, **kwargs)

        return decorated


def _cast_tree(value: Any, device_type: str, dtype: Any) -> Any:
    if isinstance(value, TensorBase):
        have = _dtype(value, device_type)
        return value if have is None else value.to(dtype)
    if isinstance(value, Mapping):
        return {
            _cast_tree(k, device_type, dtype): _cast_tree(v, device_type, dtype)
            for k, v in value.items()
        }
    if isinstance(value, (list, tuple)):
        return type(value)(_cast_tree(v, device_type, dtype) for v in value)
    return value


def custom_fwd(
    fwd: Callable[..., Any] | None = None, *, device_type: str, cast_inputs: Any = None
) -> Callable[..., Any]:
    """Decorate ``forward`` of an ``autograd.Function`` so that it works under autocast.

    Args:
        fwd: the method.
        device_type: the type of device it is for.
        cast_inputs: cast floating point tensors to this dtype, and run without autocast.

    Follows ``torch.amp.custom_fwd``.
    """
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)

    @functools.wraps(fwd)
    def forward(*args: Any, **kwargs: Any) -> Any:
        on = is_autocast_enabled(device_type)
        args[0]._dtype = get_autocast_dtype(device_type)
        args[0]._fwd_used_autocast = on and cast_inputs is None
        if cast_inputs is None or not on:
            return fwd(*args, **kwargs)
        with autocast(device_type, enabled=False):
            return fwd(
                *_cast_tree(args, device_type, cast_inputs),
                **_cast_tree(kwargs, device_type, cast_inputs),
            )

    return forward


def custom_bwd(bwd: Callable[..., Any] | None = None, *, device_type: str) -> Callable[..., Any]:
    """Decorate ``backward`` of an ``autograd.Function``: it runs as its ``forward`` did.

    Args:
        bwd: the method.
        device_type: the type of device it is for.

    Follows ``torch.amp.custom_bwd``.
    """
    if bwd is None:
        return functools.partial(custom_bwd, device_type=device_type)

    @functools.wraps(bwd)
    def backward(*args: Any, **kwargs: Any) -> Any:
        ctx = args[0]
        with autocast(device_type, ctx._dtype, ctx._fwd_used_autocast):
            return bwd(*args, **kwargs)

    return backward
