"""Calling a module: hooks around ``forward``, and the path in errors."""

from __future__ import annotations

import warnings
from typing import Any

from flambeau._traceback import hide
from flambeau.nn import _core
from flambeau.nn._core import Tensor
from flambeau.nn._module import hooks as _hooks
from flambeau.nn._module.backward_hook import BackwardHooks
from flambeau.nn._module.error_path import name_module
from flambeau.nn._module.hooks import (
    HookRegistration,
    global_backward_hooks,
    global_backward_pre_hooks,
    global_forward_hooks,
    global_forward_pre_hooks,
)
from flambeau.nn._module.watch import calls as _calls
from flambeau.nn._module.watch import examine
from flambeau.nn._module.watch import examined_ids as examined


class _Frame:
    """One call with hooks: what the hooks may replace, and which of them have run."""

    __slots__ = ("args", "called", "kwargs", "result")

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.args = args
        self.kwargs = kwargs
        self.result: Any = None
        self.called: set[int] = set()


class Call(HookRegistration):
    """``module(...)``."""

    def forward(self, *input: Any) -> Any:
        """What the module computes; every subclass defines it.

        Follows ``torch.nn.Module.forward``.
        """
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function'
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        calls = _calls
        depth = calls.depth
        if depth == 0 and id(self) not in examined:
            examine(self)
            if not _core.is_grad_enabled():
                _core.flush()  # what made the module is no part of each forward
        calls.depth = depth + 1
        try:
            if (
                self._forward_hooks
                or self._forward_pre_hooks
                or self._backward_hooks
                or self._backward_pre_hooks
                or global_forward_hooks
                or global_forward_pre_hooks
                or global_backward_hooks
                or global_backward_pre_hooks
            ):
                result = self._call_with_hooks(args, kwargs)
            else:
                result = self.forward(*args, **kwargs)
        except Exception as error:
            name_module(error, self, outermost=depth == 0)
            if depth == 0:
                hide(error)
            raise
        finally:
            calls.depth = depth
        if depth == 0 and not _core.is_grad_enabled():
            _core.flush()
        return result

    def _call_impl(self, *args: Any, **kwargs: Any) -> Any:
        return self(*args, **kwargs)

    def _call_with_hooks(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        frame = _Frame(args, kwargs)
        try:
            return self._run_hooks(frame)
        except Exception:
            self._always_call(frame)
            raise

    def _run_hooks(self, frame: _Frame) -> Any:
        self._run_forward_pre_hooks(frame)
        full, older = self._get_backward_hooks()
        pre = self._get_backward_pre_hooks()
        gates = BackwardHooks(self, full, pre) if full or pre else None
        if gates is not None:
            frame.args = gates.on_inputs(frame.args)

        frame.result = self.forward(*frame.args, **frame.kwargs)

        for key, hook in (*global_forward_hooks.items(), *self._forward_hooks.items()):
            frame.called.add(key)
            self._run_forward_hook(key, hook, frame)

        if gates is not None:
            if isinstance(frame.result, (Tensor, tuple)):
                frame.result = gates.on_outputs(frame.result)
            else:
                warnings.warn(
                    "For backward hooks to be called, module output should be a Tensor or a "
                    f"tuple of Tensors but received {type(frame.result)}",
                    stacklevel=4,
                )
        if older:
            self._hook_last_node(older, frame.args, frame.result)
        return frame.result

    def _run_forward_pre_hooks(self, frame: _Frame) -> None:
        for key, hook in (*global_forward_pre_hooks.items(), *self._forward_pre_hooks.items()):
            if key in self._forward_pre_hooks_with_kwargs:
                changed = hook(self, frame.args, frame.kwargs)
                if changed is None:
                    continue
                if not (isinstance(changed, tuple) and len(changed) == 2):
                    raise RuntimeError(
                        "forward pre-hook must return None or a tuple "
                        f"of (new_args, new_kwargs), but got {changed}."
                    )
                frame.args, frame.kwargs = changed
            else:
                changed = hook(self, frame.args)
                if changed is not None:
                    frame.args = changed if isinstance(changed, tuple) else (changed,)

    def _run_forward_hook(self, key: int, hook: Any, frame: _Frame) -> None:
        if key in self._forward_hooks_with_kwargs or key in _hooks.global_forward_hooks_with_kwargs:
            changed = hook(self, frame.args, frame.kwargs, frame.result)
        else:
            changed = hook(self, frame.args, frame.result)
        if changed is not None:
            frame.result = changed

    def _always_call(self, frame: _Frame) -> None:
        """After an error: the hooks that asked to be called all the same."""
        for where, table, hooks in (
            ("global ", _hooks.global_forward_hooks_always_called, global_forward_hooks),
            ("", self._forward_hooks_always_called, self._forward_hooks),
        ):
            for key, hook in list(hooks.items()):
                if key not in table or key in frame.called:
                    continue
                try:
                    self._run_forward_hook(key, hook, frame)
                except Exception as error:
                    warnings.warn(
                        f"{where}module forward hook with ``always_call=True`` raised an "
                        "exception that was silenced as another error was raised in forward: "
                        f"{error}",
                        stacklevel=5,
                    )

    def _hook_last_node(self, older: list[Any], args: tuple[Any, ...], result: Any) -> None:
        """Put the older kind of backward hooks on the node that made the result."""
        value = result
        while not isinstance(value, Tensor):
            if isinstance(value, dict):
                value = next(v for v in value.values() if isinstance(v, Tensor))
            else:
                value = value[0]
        node = value.grad_fn
        if node is None:
            return
        for hook in older:
            node.register_hook(_WithModule(hook, self))
        self._maybe_warn_non_full_backward_hook(args, result, node)

    def _maybe_warn_non_full_backward_hook(self, inputs: Any, result: Any, grad_fn: Any) -> None:
        problem = _non_full_problem(inputs, result, grad_fn)
        if problem:
            warnings.warn(
                "Using a non-full backward hook when "
                f"{problem} is deprecated and will be removed in future versions. "
                "This hook will be missing some grad_input. Please use "
                "register_full_backward_hook to get the documented behavior.",
                FutureWarning,
                stacklevel=5,
            )


class _WithModule:
    """A hook on a node that is given the module first."""

    def __init__(self, hook: Any, module: Any) -> None:
        self.hook = hook
        self.module = module

    def __call__(self, *args: Any) -> Any:
        return self.hook(self.module, *args)


def _non_full_problem(inputs: Any, result: Any, node: Any) -> str | None:
    """Why a hook of the older kind would not see what its name promises."""
    results = (result,) if isinstance(result, Tensor) else result
    if not (isinstance(results, tuple) and all(isinstance(r, Tensor) for r in results)):
        return "the forward output is not a single Tensor or a tuple of Tensors"
    arguments = (inputs,) if isinstance(inputs, Tensor) else inputs
    if not (isinstance(arguments, tuple) and all(isinstance(a, Tensor) for a in arguments)):
        return "the forward input is not a single Tensor or a tuple of Tensors"
    if len({r.grad_fn for r in results}) > 1:
        return "the forward outputs come from several autograd Nodes"
    before = {n[0] for n in node.next_functions}
    if {a.grad_fn for a in arguments if a.grad_fn is not None} != before:
        return "the forward contains multiple autograd Nodes"
    return None
