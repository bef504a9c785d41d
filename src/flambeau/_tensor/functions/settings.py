"""Switches of PyTorch that programs set: accepted, kept, and given back.

XLA chooses its own threads and algorithms, which are deterministic on CPU; what can be
asked is answered with what was set.
"""

from __future__ import annotations

import os
from typing import Any

from flambeau._autograd.tape import mode
from flambeau._engine import recorder
from flambeau._engine.xla import Choices
from flambeau._tensor import dtypes
from flambeau._tensor.core import TensorBase


class _Settings:
    deterministic = "default"
    threads = 0
    interop = 0
    warn_always = False


_MODES = ["default", "warn", "error"]


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Accepted and kept.

    Example:
        >>> import flambeau as torch
        >>> torch.use_deterministic_algorithms(False)

    Follows ``torch.use_deterministic_algorithms``.
    """
    _Settings.deterministic = ("warn" if warn_only else "error") if mode else "default"


def are_deterministic_algorithms_enabled() -> bool:
    """Whether they were asked for.

    Example:
        >>> import flambeau as torch
        >>> torch.are_deterministic_algorithms_enabled()
        False

    Follows ``torch.are_deterministic_algorithms_enabled``.
    """
    return _Settings.deterministic != "default"


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Whether only warnings were asked for.

    Example:
        >>> import flambeau as torch
        >>> torch.is_deterministic_algorithms_warn_only_enabled()
        False

    Follows ``torch.is_deterministic_algorithms_warn_only_enabled``.
    """
    return _Settings.deterministic == "warn"


def set_deterministic_debug_mode(debug_mode: int | str) -> None:
    """Accepted and kept: 0 or "default", 1 or "warn", 2 or "error".

    Raises:
        RuntimeError: it is none of these.
        TypeError: it is neither an int nor a string.

    Example:
        >>> import flambeau as torch
        >>> torch.set_deterministic_debug_mode("default")
        >>> torch.get_deterministic_debug_mode()
        0

    Follows ``torch.set_deterministic_debug_mode``.
    """
    if not isinstance(debug_mode, (int, str)):
        raise TypeError(f"debug_mode must be str or int, but got {type(debug_mode)}")
    names = dict(enumerate(_MODES)) | {m: m for m in _MODES}
    if debug_mode not in names:
        raise RuntimeError(f"debug_mode must be one of {list(names)}, but got {debug_mode!r}")
    _Settings.deterministic = names[debug_mode]


def get_deterministic_debug_mode() -> int:
    """What :func:`set_deterministic_debug_mode` set, as a number.

    Example:
        >>> import flambeau as torch
        >>> torch.get_deterministic_debug_mode()
        0

    Follows ``torch.get_deterministic_debug_mode``.
    """
    return _MODES.index(_Settings.deterministic)


def set_float32_matmul_precision(precision: str) -> None:
    """How exact matrix products of float32 must be on a GPU or TPU.

    ``"highest"`` keeps them exact to float32; the others allow TF32. On a CPU they stay exact
    whatever is set.

    Raises:
        ValueError: not "highest", "high" or "medium".

    Example:
        >>> import flambeau as torch
        >>> torch.set_float32_matmul_precision("highest")
        >>> torch.get_float32_matmul_precision()
        'highest'

    Follows ``torch.set_float32_matmul_precision``.
    """
    if precision not in ("highest", "high", "medium"):
        raise ValueError(f"precision must be 'highest', 'high' or 'medium', got {precision!r}")
    recorder.choose(products=precision)


def get_float32_matmul_precision() -> str:
    """What :func:`set_float32_matmul_precision` set.

    Example:
        >>> import flambeau as torch
        >>> torch.get_float32_matmul_precision()
        'highest'

    Follows ``torch.get_float32_matmul_precision``.
    """
    return Choices.products


def _positive(name: str, value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} expects an int, but got {type(value).__name__}")
    if value < 1:
        raise RuntimeError(f"{name} expects a positive integer, got {value}")
    return value


def set_num_threads(int: int) -> None:
    """Accepted and kept: XLA sizes its own pool of threads.

    Example:
        >>> import flambeau as torch
        >>> torch.set_num_threads(torch.get_num_threads())

    Follows ``torch.set_num_threads``.
    """
    _Settings.threads = _positive("set_num_threads", int)


def get_num_threads() -> int:
    """What was set, the number of cores by default.

    Example:
        >>> import flambeau as torch
        >>> torch.get_num_threads() >= 1
        True

    Follows ``torch.get_num_threads``.
    """
    return _Settings.threads or os.cpu_count() or 1


def set_num_interop_threads(int: int) -> None:
    """Accepted and kept.

    Example:
        >>> import flambeau as torch
        >>> torch.set_num_interop_threads(1)

    Follows ``torch.set_num_interop_threads``.
    """
    _Settings.interop = _positive("set_num_interop_threads", int)


def get_num_interop_threads() -> int:
    """What was set, the number of cores by default.

    Example:
        >>> import flambeau as torch
        >>> torch.get_num_interop_threads() >= 1
        True

    Follows ``torch.get_num_interop_threads``.
    """
    return _Settings.interop or os.cpu_count() or 1


def set_flush_denormal(mode: bool) -> bool:
    """False: how denormal numbers are treated cannot be changed here.

    Example:
        >>> import flambeau as torch
        >>> torch.set_flush_denormal(True)
        False

    Follows ``torch.set_flush_denormal``.
    """
    return False


def set_warn_always(b: bool, /) -> None:
    """Accepted and kept: Python's own filters decide how often a warning shows.

    Example:
        >>> import flambeau as torch
        >>> torch.set_warn_always(False)

    Follows ``torch.set_warn_always``.
    """
    if not isinstance(b, bool):
        raise TypeError(f"setWarnOnlyOnce expects a bool, but got {type(b).__name__}")
    _Settings.warn_always = b


def is_warn_always_enabled() -> bool:
    """What :func:`set_warn_always` set.

    Example:
        >>> import flambeau as torch
        >>> torch.is_warn_always_enabled()
        False

    Follows ``torch.is_warn_always_enabled``.
    """
    return _Settings.warn_always


def set_default_tensor_type(t: Any, /) -> None:
    """Set the default dtype by an old type name, such as ``"torch.DoubleTensor"``.

    Raises:
        TypeError: it is not the name of a floating point type.

    Example:
        >>> import flambeau as torch
        >>> torch.set_default_tensor_type("torch.FloatTensor")
        >>> torch.get_default_dtype()
        torch.float32

    Follows ``torch.set_default_tensor_type``.
    """
    from flambeau._tensor.tensor import legacy_dtype

    if isinstance(t, dtypes.dtype):
        dtypes.set_default_dtype(t)
        return
    name = t if isinstance(t, str) else getattr(t, "__name__", "")
    try:
        dtypes.set_default_dtype(legacy_dtype(name))
    except ValueError:
        raise TypeError(f"invalid type object: {t!r} is not the type of a tensor") from None


def typename(obj: Any, /) -> str:
    """The name of an object's type; of a tensor its old type name.

    Example:
        >>> import flambeau as torch
        >>> torch.typename([1])
        'list'

    Follows ``torch.typename``.
    """
    if isinstance(obj, TensorBase):
        return obj.type()
    if isinstance(obj, dtypes.dtype):
        return repr(obj)
    cls = obj if isinstance(obj, type) or callable(obj) else type(obj)
    module = getattr(cls, "__module__", None) or ""
    name = getattr(cls, "__qualname__", type(obj).__qualname__)
    return name if module in ("", "builtins") else f"{module}.{name}"


def is_inference(input: Any) -> bool:
    """Whether the tensor was made under ``inference_mode``: asked of the mode in force.

    Example:
        >>> import flambeau as torch
        >>> torch.is_inference(torch.tensor([1.0]))
        False

    Follows ``torch.is_inference``.
    """
    if not isinstance(input, TensorBase):
        raise TypeError(f"is_inference(): expected Tensor, got {type(input).__name__}")
    return bool(mode.inference)
