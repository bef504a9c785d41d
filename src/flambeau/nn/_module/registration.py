"""How parameters, buffers and submodules come to belong to a module, and leave it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from flambeau._engine.changes import changes
from flambeau._tensor.hooks import RemovableHandle
from flambeau._traceback import hide
from flambeau.nn._core import Tensor, typename
from flambeau.nn._module import watch
from flambeau.nn._module.state import FIELDS, ModuleState
from flambeau.nn.parameter import Buffer, Parameter

if TYPE_CHECKING:
    from flambeau.nn.module import Module

global_buffer_registration_hooks: OrderedDict[int, Callable[..., Any]] = OrderedDict()
global_module_registration_hooks: OrderedDict[int, Callable[..., Any]] = OrderedDict()
global_parameter_registration_hooks: OrderedDict[int, Callable[..., Any]] = OrderedDict()

watched = set(FIELDS)
"""The attributes of which a change is counted: those that some recording has read."""


def _add_hook(
    table: OrderedDict[int, Callable[..., Any]], hook: Callable[..., Any]
) -> RemovableHandle:
    handle = RemovableHandle(table)
    table[handle.id] = hook
    return handle


def register_module_buffer_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, name, buffer)`` whenever any module registers a buffer.

    What the hook returns, if not None, is registered instead.

    Follows ``torch.nn.modules.module.register_module_buffer_registration_hook``.
    """
    return _add_hook(global_buffer_registration_hooks, hook)


def register_module_module_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, name, submodule)`` whenever any module registers a submodule.

    What the hook returns, if not None, is registered instead.

    Follows ``torch.nn.modules.module.register_module_module_registration_hook``.
    """
    return _add_hook(global_module_registration_hooks, hook)


def register_module_parameter_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, name, parameter)`` whenever any module registers a parameter.

    What the hook returns, if not None, is registered instead.

    Follows ``torch.nn.modules.module.register_module_parameter_registration_hook``.
    """
    return _add_hook(global_parameter_registration_hooks, hook)


def _through(
    hooks: OrderedDict[int, Callable[..., Any]], module: Any, name: str, value: Any
) -> Any:
    for hook in hooks.values():
        replacement = hook(module, name, value)
        if replacement is not None:
            value = replacement
    return value


def _check_name(kind: str, name: Any, *, shown: str = "") -> None:
    if not isinstance(name, str):
        raise TypeError(f"{kind} name should be a string. Got {typename(name)}")
    if "." in name:
        raise KeyError(f'{kind} name can\'t contain "."{shown}')
    if name == "":
        raise KeyError(f'{kind} name can\'t be empty string ""')


class Registration(ModuleState):
    """Attribute access that keeps parameters, buffers and submodules apart."""

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter under ``name``; None reserves the name.

        Raises:
            AttributeError: called before ``super().__init__()``.
            TypeError: ``name`` is not a string, or ``param`` is not a Parameter.
            KeyError: the name is empty, holds a dot, or is taken by something else.
            ValueError: ``param`` was computed from other tensors.

        Follows ``torch.nn.Module.register_parameter``.
        """
        if "_parameters" not in self.__dict__:
            raise AttributeError("cannot assign parameter before Module.__init__() call")
        _check_name("parameter", name)
        if hasattr(self, name) and name not in self._parameters:
            raise KeyError(f"attribute '{name}' already exists")
        if param is None:
            self._parameters[name] = None
            return
        if not isinstance(param, Parameter):
            raise TypeError(
                f"cannot assign '{typename(param)}' object to parameter '{name}' "
                "(torch.nn.Parameter or None required)"
            )
        if param.grad_fn is not None:
            raise ValueError(
                f"Cannot assign non-leaf Tensor to parameter '{name}'. Model "
                f"parameters must be created explicitly. To express '{name}' "
                "as a function of another Tensor, compute the value in "
                "the forward() method."
            )
        if global_parameter_registration_hooks:
            param = _through(global_parameter_registration_hooks, self, name, param)
        old = self._parameters.get(name)
        if old is not None and old is not param:
            watch.replaced(self, name, old)
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that belongs to the module but is not learned.

        Args:
            name: the attribute's name.
            tensor: the buffer; None reserves the name and is not saved.
            persistent: whether it is part of ``state_dict()``.

        Raises:
            AttributeError: called before ``super().__init__()``.
            TypeError: ``name`` is not a string, or ``tensor`` is not a Tensor.
            KeyError: the name is empty, holds a dot, or is taken by something else.

        Follows ``torch.nn.Module.register_buffer``.
        """
        if "_buffers" not in self.__dict__:
            raise AttributeError("cannot assign buffer before Module.__init__() call")
        _check_name("buffer", name)
        if hasattr(self, name) and name not in self._buffers:
            raise KeyError(f"attribute '{name}' already exists")
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign '{typename(tensor)}' object to buffer '{name}' "
                "(torch Tensor or None required)"
            )
        if global_buffer_registration_hooks:
            tensor = _through(global_buffer_registration_hooks, self, name, tensor)
        self._buffers[name] = tensor
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a submodule under ``name``; None reserves the name.

        Raises:
            TypeError: ``name`` is not a string, or ``module`` is not a Module.
            KeyError: the name is empty, holds a dot, or is taken by something else.

        Follows ``torch.nn.Module.add_module``.
        """
        if module is not None and not isinstance(module, Registration):
            raise TypeError(f"{typename(module)} is not a Module subclass")
        if not isinstance(name, str):
            raise TypeError(f"module name should be a string. Got {typename(name)}")
        if hasattr(self, name) and name not in self._modules:
            raise KeyError(f"attribute '{name}' already exists")
        _check_name("module", name, shown=f", got: {name}")
        if global_module_registration_hooks:
            module = _through(global_module_registration_hooks, self, name, module)
        self._modules[name] = module

    def register_module(self, name: str, module: Module | None) -> None:
        """Alias of :meth:`add_module`."""
        self.add_module(name, module)

    def __getattr__(self, name: str) -> Any:
        fields = self.__dict__
        for table in ("_parameters", "_buffers", "_modules"):
            if table in fields and name in fields[table]:
                return fields[table][name]
        try:
            raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")
        except AttributeError as error:
            hide(error)
            raise

    def __setattr__(self, name: str, value: Any) -> None:
        fields = self.__dict__
        is_tensor = isinstance(value, Tensor)
        if is_tensor and isinstance(value, Parameter):
            if "_parameters" not in fields:
                raise AttributeError("cannot assign parameters before Module.__init__() call")
            self._forget(name, "_buffers", "_modules")
            self.register_parameter(name, value)
            return
        params = fields.get("_parameters")
        if params is not None and name in params:
            if value is not None:
                raise TypeError(
                    f"cannot assign '{typename(value)}' as parameter '{name}' "
                    "(torch.nn.Parameter or None expected)"
                )
            self.register_parameter(name, None)
            return
        modules = fields.get("_modules")
        if isinstance(value, Registration):
            if modules is None:
                raise AttributeError("cannot assign module before Module.__init__() call")
            self._forget(name, "_parameters", "_buffers")
            if global_module_registration_hooks:
                value = _through(global_module_registration_hooks, self, name, value)
            old = modules.get(name)
            if old is not None and old is not value:
                watch.replaced(self, name, old)
            modules[name] = value
            return
        if modules is not None and name in modules:
            if value is not None:
                raise TypeError(
                    f"cannot assign '{typename(value)}' as child module '{name}' "
                    "(torch.nn.Module or None expected)"
                )
            if global_module_registration_hooks:
                value = _through(global_module_registration_hooks, self, name, value)
            modules[name] = value
            return
        buffers = fields.get("_buffers")
        known = buffers is not None and name in buffers
        if known or (is_tensor and isinstance(value, Buffer)):
            self._set_buffer(name, value, known)
            return
        if is_tensor and not watch.calls.depth:
            watch.assigned(self, name, value)
        changed = name in watched and fields.get(name) is not value
        super().__setattr__(name, value)
        if changed:
            changes.count += 1

    def _set_buffer(self, name: str, value: Any, known: bool) -> None:
        if value is not None and not isinstance(value, Tensor):
            raise TypeError(
                f"cannot assign '{typename(value)}' as buffer '{name}' "
                "(torch.nn.Buffer, torch.Tensor or None expected)"
            )
        if isinstance(value, Buffer):
            if not known:
                self._forget(name, "_parameters", "_modules")
            self.register_buffer(name, value, value.persistent)
            return
        if global_buffer_registration_hooks:
            value = _through(global_buffer_registration_hooks, self, name, value)
        self._buffers[name] = value

    def _forget(self, name: str, *tables: str) -> None:
        """Drop what else is called ``name``, so that the new owner is the only one."""
        fields = self.__dict__
        fields.pop(name, None)
        for table in tables:
            fields[table].pop(name, None)
        if "_buffers" in tables:
            fields["_non_persistent_buffers_set"].discard(name)

    def __delattr__(self, name: str) -> None:
        if name in self._parameters:
            del self._parameters[name]
        elif name in self._buffers:
            del self._buffers[name]
            self._non_persistent_buffers_set.discard(name)
        elif name in self._modules:
            del self._modules[name]
        else:
            super().__delattr__(name)
            if name in watched:
                changes.count += 1

    def __dir__(self) -> list[str]:
        names = [
            *dir(type(self)),
            *self.__dict__,
            *self._parameters,
            *self._modules,
            *self._buffers,
        ]
        return sorted(name for name in names if not name[0].isdigit())
