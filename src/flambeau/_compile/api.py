"""The public ``compile``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flambeau._compile.function import Compiled
from flambeau.nn.module import Module


class OptimizedModule(Module):
    """A module whose calls are recorded once and replayed where they carry no history.

    Attributes:
        _orig_mod: the module; state dicts carry its name as a prefix, as PyTorch's do.
    """

    def __init__(self, mod: Module):
        super().__init__()
        self._orig_mod = mod
        self.__dict__["_compiled"] = Compiled(mod)
        self.training = mod.training

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.__dict__["_compiled"](*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name in ("_orig_mod", "training"):
            return super().__getattr__(name)
        return getattr(self._modules["_orig_mod"], name)


def compile(
    model: Any = None,
    *,
    fullgraph: bool = False,
    dynamic: bool | None = None,
    backend: Any = "xla",
    mode: str | None = None,
    options: dict[str, Any] | None = None,
    disable: bool = False,
) -> Any:
    """Record a function once and replay it without running its Python.

    Programs are compiled whole without this too; ``compile`` saves the recording. The function
    may hold the whole training step: forward, ``backward()`` and ``optimizer.step()``. What it
    reads and writes (parameters, buffers, gradients, optimizer state, random state, tensors it
    keeps on objects) is found by itself; learning rates are read anew at each call; other
    shapes, dtypes, flags, ``train()``/``eval()``, hooks or gradients present make another
    recording. Its Python runs in the first two calls of a kind only, so side effects other
    than on tensors happen then only.

    Args:
        model: a function, or a module (as PyTorch has it; its call is compiled).
        fullgraph, dynamic, backend, mode, options: accepted; the engine decides.
        disable: return ``model`` as it is.

    Returns:
        A function of the same signature; with ``model=None`` a decorator.

    Raises:
        RuntimeError: at a call, if a value is read inside the function.

    Example:
        >>> import flambeau as torch
        >>> w = torch.ones(2, requires_grad=True)
        >>> optimizer = torch.optim.SGD([w], lr=0.5)
        >>> @torch.compile
        ... def step(x):
        ...     optimizer.zero_grad()
        ...     loss = (w * x).sum()
        ...     loss.backward()
        ...     optimizer.step()
        ...     return loss
        >>> [step(x).item() for x in [torch.ones(2)] * 4]
        [2.0, 1.0, 0.0, -1.0]

    Follows ``torch.compile``.
    """

    def decorate(target: Any) -> Any:
        if disable:
            return target
        if isinstance(target, Module):
            return OptimizedModule(target)
        if not isinstance(target, Callable):
            raise TypeError(
                f"compile: expected a function or a module, got {type(target).__name__}"
            )
        return Compiled(target)

    return decorate if model is None else decorate(model)
