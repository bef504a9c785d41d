"""Names around `compile`. Follows `torch.compiler`."""

from __future__ import annotations

import contextlib
from typing import Any

from flambeau._compile.api import compile
from flambeau._config import config as _settings
from flambeau._engine.recorder import capturing
from flambeau._scope import namespace

__all__ = [
    "allow_in_graph",
    "assume_constant_result",
    "compile",
    "cudagraph_mark_step_begin",
    "disable",
    "get_default_backend",
    "is_compiling",
    "is_dynamo_compiling",
    "is_exporting",
    "list_backends",
    "nested_compile_region",
    "reset",
    "set_default_backend",
    "set_stance",
    "substitute_in_graph",
]


def is_compiling() -> bool:
    """Whether a compiled function is being recorded.

    Example:
        >>> import flambeau as torch
        >>> torch.compiler.is_compiling()
        False

    Follows ``torch.compiler.is_compiling``.
    """
    return capturing() is not None


def is_dynamo_compiling() -> bool:
    """Whether a compiled function is being recorded. Follows ``torch.compiler``."""
    return is_compiling()


def is_exporting() -> bool:
    """False: programs are not exported. Follows ``torch.compiler.is_exporting``."""
    return False


def reset() -> None:
    """Execute what is pending and forget JAX's in-memory caches; programs are made anew.

    Follows ``torch.compiler.reset``.
    """
    import jax

    from flambeau._engine.recorder import flush

    flush()
    jax.clear_caches()


def list_backends(exclude_tags: Any = ("debug", "experimental")) -> list[str]:
    """The backends of ``compile``: XLA. Follows ``torch.compiler.list_backends``."""
    return ["xla"]


def get_default_backend() -> str:
    """``"xla"``. Follows ``torch.compiler.get_default_backend``."""
    return "xla"


def set_default_backend(backend: Any) -> None:
    """Accepted: XLA is what there is. Follows ``torch.compiler.set_default_backend``."""


def disable(fn: Any = None, recursive: bool = True, *, reason: str | None = None) -> Any:
    """The function itself: it is recorded with what surrounds it.

    Follows ``torch.compiler.disable``.
    """
    return (lambda f: f) if fn is None else fn


def allow_in_graph(fn: Any) -> Any:
    """The function itself. Follows ``torch.compiler.allow_in_graph``."""
    return fn


def assume_constant_result(fn: Any) -> Any:
    """The function itself. Follows ``torch.compiler.assume_constant_result``."""
    return fn


def nested_compile_region(fn: Any = None, **kwargs: Any) -> Any:
    """The function itself. Follows ``torch.compiler.nested_compile_region``."""
    return (lambda f: f) if fn is None else fn


def substitute_in_graph(original_fn: Any, **kwargs: Any) -> Any:
    """A decorator that gives the function back. Follows ``torch.compiler``."""
    return lambda fn: fn


def cudagraph_mark_step_begin() -> None:
    """Accepted: there are no CUDA graphs to mark. Follows ``torch.compiler``."""


_STANCES = ("default", "eager_then_compile", "force_eager", "fail_on_recompile",
            "eager_on_recompile", "aot_eager_then_compile")  # fmt: skip


class set_stance(contextlib.ContextDecorator):
    """How programs run: ``"force_eager"`` runs every operation at once, the others as usual.

    Takes effect at once, and ends with the block if used as a context or decorator.

    Raises:
        RuntimeError: there is no such stance.

    Example:
        >>> import flambeau as torch
        >>> with torch.compiler.set_stance("force_eager"):
        ...     torch.config.mode
        'eager'

    Follows ``torch.compiler.set_stance``.
    """

    def __init__(self, stance: str = "default", **kwargs: Any) -> None:
        if stance not in _STANCES:
            raise RuntimeError(f"invalid torch.compile stance {stance!r}; it is one of {_STANCES}")
        self.stance = stance
        self.before = _settings.mode
        _settings.mode = "eager" if stance == "force_eager" else "lazy"

    def __enter__(self) -> set_stance:
        _settings.mode = "eager" if self.stance == "force_eager" else "lazy"
        return self

    def __exit__(self, *exc: object) -> None:
        _settings.mode = self.before


__getattr__ = namespace(__name__)
