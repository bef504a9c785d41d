"""Registering forward and backward hooks, on one module or on all of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from flambeau._tensor.hooks import RemovableHandle
from flambeau.nn._module.state import ModuleState
from flambeau.nn._module.tables import HookTable

Hooks = OrderedDict[int, Callable[..., Any]]

global_forward_hooks: Hooks = HookTable()
global_forward_hooks_with_kwargs: OrderedDict[int, bool] = OrderedDict()
global_forward_hooks_always_called: OrderedDict[int, bool] = OrderedDict()
global_forward_pre_hooks: Hooks = HookTable()
global_backward_hooks: Hooks = HookTable()
global_backward_pre_hooks: Hooks = HookTable()


def global_counts() -> tuple[int, ...]:
    """How many hooks of each kind there are for all modules."""
    return (
        len(global_forward_hooks),
        len(global_forward_pre_hooks),
        len(global_backward_hooks),
        len(global_backward_pre_hooks),
    )


class _GlobalKind:
    """Whether the global backward hooks are full ones; None while there are none."""

    full: bool | None = None


_MIXED = (
    "Cannot use both regular backward hooks and full backward hooks as a "
    "global Module hook. Please use only one of them."
)


def register_module_forward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, args)`` before the forward of every module.

    Follows ``torch.nn.modules.module.register_module_forward_pre_hook``.
    """
    handle = RemovableHandle(global_forward_pre_hooks)
    global_forward_pre_hooks[handle.id] = hook
    return handle


def register_module_forward_hook(
    hook: Callable[..., Any], *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Call ``hook(module, args, output)`` after the forward of every module.

    Args:
        hook: what it returns, if not None, replaces the output.
        with_kwargs: call ``hook(module, args, kwargs, output)`` instead.
        always_call: call it also when the forward raises.

    Follows ``torch.nn.modules.module.register_module_forward_hook``.
    """
    handle = RemovableHandle(
        global_forward_hooks,
        extra_dict=[global_forward_hooks_with_kwargs, global_forward_hooks_always_called],
    )
    global_forward_hooks[handle.id] = hook
    if with_kwargs:
        global_forward_hooks_with_kwargs[handle.id] = True
    if always_call:
        global_forward_hooks_always_called[handle.id] = True
    return handle


def register_module_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """The older form of :func:`register_module_full_backward_hook`.

    Follows ``torch.nn.modules.module.register_module_backward_hook``.
    """
    if _GlobalKind.full is True:
        raise RuntimeError(_MIXED)
    _GlobalKind.full = False
    handle = RemovableHandle(global_backward_hooks)
    global_backward_hooks[handle.id] = hook
    return handle


def register_module_full_backward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, grad_output)`` when the gradient reaches any module's output.

    Follows ``torch.nn.modules.module.register_module_full_backward_pre_hook``.
    """
    handle = RemovableHandle(global_backward_pre_hooks)
    global_backward_pre_hooks[handle.id] = hook
    return handle


def register_module_full_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, grad_input, grad_output)`` when any module's gradients are there.

    Follows ``torch.nn.modules.module.register_module_full_backward_hook``.
    """
    if _GlobalKind.full is False:
        raise RuntimeError(_MIXED)
    _GlobalKind.full = True
    handle = RemovableHandle(global_backward_hooks)
    global_backward_hooks[handle.id] = hook
    return handle


def global_backward_hooks_are_full() -> bool | None:
    """True, False, or None when no global backward hook was ever registered."""
    return _GlobalKind.full


class HookRegistration(ModuleState):
    """The ``register_..._hook`` methods that concern forward and backward."""

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args)`` before every forward.

        Args:
            hook: what it returns, if not None, replaces the positional arguments.
            prepend: put it before the module's other hooks of this kind.
            with_kwargs: call ``hook(module, args, kwargs)``; it returns None or
                ``(args, kwargs)``.

        Follows ``torch.nn.Module.register_forward_pre_hook``.
        """
        handle = RemovableHandle(
            self._forward_pre_hooks, extra_dict=self._forward_pre_hooks_with_kwargs
        )
        self._forward_pre_hooks[handle.id] = hook
        if with_kwargs:
            self._forward_pre_hooks_with_kwargs[handle.id] = True
        if prepend:
            self._forward_pre_hooks.move_to_end(handle.id, last=False)
        return handle

    def register_forward_hook(
        self,
        hook: Callable[..., Any],
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:
        """Call ``hook(module, args, output)`` after every forward.

        Args:
            hook: what it returns, if not None, replaces the output.
            prepend: put it before the module's other hooks of this kind.
            with_kwargs: call ``hook(module, args, kwargs, output)`` instead.
            always_call: call it also when the forward raises.

        Example:
            >>> import flambeau as torch
            >>> layer = torch.nn.Linear(3, 2)
            >>> handle = layer.register_forward_hook(lambda m, args, out: print(out.shape))
            >>> _ = layer(torch.zeros(4, 3))
            torch.Size([4, 2])
            >>> handle.remove()

        Follows ``torch.nn.Module.register_forward_hook``.
        """
        handle = RemovableHandle(
            self._forward_hooks,
            extra_dict=[self._forward_hooks_with_kwargs, self._forward_hooks_always_called],
        )
        self._forward_hooks[handle.id] = hook
        if with_kwargs:
            self._forward_hooks_with_kwargs[handle.id] = True
        if always_call:
            self._forward_hooks_always_called[handle.id] = True
        if prepend:
            self._forward_hooks.move_to_end(handle.id, last=False)
        return handle

    def register_full_backward_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, grad_output)`` when the gradient reaches the output.

        What the hook returns, if not None, replaces ``grad_output``.

        Follows ``torch.nn.Module.register_full_backward_pre_hook``.
        """
        handle = RemovableHandle(self._backward_pre_hooks)
        self._backward_pre_hooks[handle.id] = hook
        if prepend:
            self._backward_pre_hooks.move_to_end(handle.id, last=False)
        return handle

    def register_full_backward_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, grad_input, grad_output)`` when both gradients are there.

        What the hook returns, if not None, replaces ``grad_input``.

        Raises:
            RuntimeError: the module has hooks of the older kind.

        Follows ``torch.nn.Module.register_full_backward_hook``.
        """
        if self._is_full_backward_hook is False:
            raise RuntimeError(
                "Cannot use both regular backward hooks and full backward hooks on a "
                "single Module. Please use only one of them."
            )
        self._is_full_backward_hook = True
        handle = RemovableHandle(self._backward_hooks)
        self._backward_hooks[handle.id] = hook
        if prepend:
            self._backward_hooks.move_to_end(handle.id, last=False)
        return handle

    def register_backward_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """The older form of :meth:`register_full_backward_hook`.

        It sees the gradients of the last operation of the forward only.

        Follows ``torch.nn.Module.register_backward_hook``.
        """
        if self._is_full_backward_hook is True:
            raise RuntimeError(
                "Cannot use both regular backward hooks and full backward hooks on a "
                "single Module. Please use only one of them."
            )
        self._is_full_backward_hook = False
        handle = RemovableHandle(self._backward_hooks)
        self._backward_hooks[handle.id] = hook
        return handle

    def _get_backward_hooks(self) -> tuple[list[Any], list[Any]]:
        """The full hooks and those of the older kind, global ones first."""
        full: list[Any] = []
        older: list[Any] = []
        if global_backward_hooks_are_full() is True:
            full += global_backward_hooks.values()
        if self._is_full_backward_hook is True:
            full += self._backward_hooks.values()
        if global_backward_hooks_are_full() is False:
            older += global_backward_hooks.values()
        if self._is_full_backward_hook is False:
            older += self._backward_hooks.values()
        return full, older

    def _get_backward_pre_hooks(self) -> list[Any]:
        return [*global_backward_pre_hooks.values(), *self._backward_pre_hooks.values()]
