"""Parameters computed from other parameters.

``register_parametrization(layer, "weight", f)`` makes ``layer.weight`` mean ``f(original)``,
where the original is the parameter that is learned.
"""

from __future__ import annotations

import copyreg
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

from flambeau._autograd.grad_mode import no_grad
from flambeau._tensor.tensor import Tensor
from flambeau.nn.container import ModuleDict, ModuleList
from flambeau.nn.module import Module
from flambeau.nn.parameter import Parameter

__all__ = [
    "ParametrizationList",
    "cached",
    "is_parametrized",
    "register_parametrization",
    "remove_parametrizations",
    "transfer_parametrizations_and_params",
    "type_before_parametrizations",
]

_cache_enabled = 0
_cache: dict[tuple[int, str], Any] = {}


@contextmanager
def cached() -> Iterator[None]:
    """Inside, each parametrized tensor is computed once and kept.

    Follows ``torch.nn.utils.parametrize.cached``.
    """
    global _cache_enabled
    _cache_enabled += 1
    try:
        yield
    finally:
        _cache_enabled -= 1
        if not _cache_enabled:
            _cache.clear()


def _register(module: Module, name: str, tensor: Any) -> None:
    if isinstance(tensor, Parameter):
        module.register_parameter(name, tensor)
    else:
        module.register_buffer(name, tensor)


def _maybe_set(target: Any, source: Any) -> None:
    """Give a tensor's contents to another one, which stays the same object."""
    if target is not source:
        target.data = source.data if isinstance(source, Tensor) else source


class ParametrizationList(ModuleList):
    """The functions that lead from the original to the parametrized tensor, in order.

    Args:
        modules: the functions; each may have a `right_inverse`.
        original: the tensor that is parametrized.
        unsafe: whether the shape and dtype may change.

    Follows ``torch.nn.utils.parametrize.ParametrizationList``.
    """

    original: Any
    unsafe: bool

    def __init__(self, modules: Sequence[Module], original: Any, unsafe: bool = False) -> None:
        if not modules:
            raise ValueError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        shape, dtype = original.shape, original.dtype
        with no_grad():
            new = original
            for module in reversed(self):
                if hasattr(module, "right_inverse"):
                    try:
                        new = module.right_inverse(new)
                    except NotImplementedError:
                        pass
        if not isinstance(new, Tensor) and not isinstance(new, Sequence):
            raise ValueError(
                "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). "
                f"Got {type(new).__name__}"
            )
        self.is_tensor = isinstance(new, Tensor)
        self.ntensors = 1 if isinstance(new, Tensor) else len(new)
        if isinstance(new, Tensor):
            if original.dtype is not new.dtype:
                raise ValueError(
                    "When `right_inverse` outputs one tensor, it may not change the dtype.\n"
                    f"original.dtype: {original.dtype}\nright_inverse(original).dtype: {new.dtype}"
                )
            with no_grad():
                _maybe_set(original, new)
            _register(self, "original", original)
        else:
            for i, part in enumerate(new):
                if not isinstance(part, Tensor):
                    raise ValueError(
                        "'right_inverse' must return a Tensor or a Sequence of tensors "
                        f"(list, tuple...). Got element {i} of the sequence with type "
                        f"{type(part).__name__}."
                    )
                held = part
                if isinstance(original, Parameter):
                    held = Parameter(part, original.requires_grad)
                _register(self, f"original{i}", held)
        if not unsafe:
            made = self()
            if not isinstance(made, Tensor):
                raise ValueError(
                    f"A parametrization must return a tensor. Got {type(made).__name__}."
                )
            if made.dtype is not dtype:
                raise ValueError(
                    "Registering a parametrization may not change the dtype of the tensor, unless "
                    f"`unsafe` flag is enabled.\nunparametrized dtype: {dtype}\nparametrized "
                    f"dtype: {made.dtype}"
                )
            if made.shape != shape:
                raise ValueError(
                    "Registering a parametrization may not change the shape of the tensor, unless "
                    f"`unsafe` flag is enabled.\nunparametrized shape: {shape}\nparametrized "
                    f"shape: {made.shape}"
                )

    def right_inverse(self, value: Any) -> None:
        """Store the originals that give `value`."""
        with no_grad():
            for module in reversed(self):
                if not hasattr(module, "right_inverse"):
                    raise RuntimeError(
                        f"parametrization {type(module).__name__} does not implement right_inverse."
                    )
                value = module.right_inverse(value)
            if self.is_tensor:
                if not isinstance(value, Tensor):
                    raise ValueError(
                        f"`right_inverse` should return a tensor. Got {type(value).__name__}"
                    )
                _maybe_set(self.original, value)
            else:
                if len(value) != self.ntensors:
                    raise ValueError(
                        "'right_inverse' must return a sequence of tensors of length "
                        f"{self.ntensors}. Got a sequence of length {len(value)}."
                    )
                for i, part in enumerate(value):
                    _maybe_set(getattr(self, f"original{i}"), part)

    def forward(self) -> Any:
        """The parametrized tensor."""
        steps = list(self)
        if self.is_tensor:
            x = steps[0](self.original)
        else:
            x = steps[0](*(getattr(self, f"original{i}") for i in range(self.ntensors)))
        for step in steps[1:]:
            x = step(x)
        return x


def _inject_class(module: Module) -> None:
    """Give the module a class of its own, which can hold properties."""
    cls = type(module)

    def state(self: Any) -> Any:
        raise RuntimeError(
            "Serialization of parametrized modules is only supported through state_dict()."
        )

    def copied(self: Any, memo: dict[int, Any]) -> Any:
        found = memo.get(id(self))
        if found is not None:
            return found
        replica = self.__new__(self.__class__)
        memo[id(self)] = replica
        replica.__dict__ = deepcopy(self.__dict__, memo)
        # The new class's slots, if any, are the old one's.
        for slot in copyreg._slotnames(type(self)):
            if hasattr(self, slot):
                setattr(replica, slot, deepcopy(getattr(self, slot), memo))
        return replica

    members: dict[str, Any] = {"__getstate__": state}
    if not hasattr(cls, "__deepcopy__"):
        members["__deepcopy__"] = copied
    module.__class__ = type(f"Parametrized{cls.__name__}", (cls,), members)


def _inject_property(module: Module, name: str) -> None:
    def get(self: Any) -> Any:
        if _cache_enabled:
            key = (id(self), name)
            found = _cache.get(key)
            if found is None:
                found = _cache[key] = self.parametrizations[name]()
            return found
        return self.parametrizations[name]()

    def put(self: Any, value: Any) -> None:
        self.parametrizations[name].right_inverse(value)

    setattr(type(module), name, property(get, put))


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether a module, or one tensor of it, is parametrized.

    Follows ``torch.nn.utils.parametrize.is_parametrized``.
    """
    table = getattr(module, "parametrizations", None)
    if not isinstance(table, ModuleDict):
        return False
    return len(table) > 0 if tensor_name is None else tensor_name in table


def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Module:
    """Make a parameter or buffer mean a function of what is stored.

    Follows ``torch.nn.utils.parametrize.register_parametrization``.

    Args:
        module: the owner.
        tensor_name: which of its tensors.
        parametrization: a module from the stored tensor to the one that is used; its
            `right_inverse`, if any, finds the first stored one.
        unsafe: whether shape and dtype may change.

    Raises:
        ValueError: there is no such tensor, or shape or dtype changes.
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        table: Any = module.parametrizations
        steps = table[tensor_name]
        if unsafe:
            steps.append(parametrization)
            steps.unsafe = True
            return module
        with no_grad():
            before = getattr(module, tensor_name)
            after = parametrization(before)
            if after.shape != before.shape or after.dtype is not before.dtype:
                raise ValueError(
                    "Registering a parametrization may not change the shape or dtype of the "
                    "tensor, unless the `unsafe` flag is enabled: "
                    f"{before.shape}, {before.dtype} became {after.shape}, {after.dtype}"
                )
            if hasattr(parametrization, "right_inverse"):
                try:
                    inverse = parametrization.right_inverse(before)
                except NotImplementedError:
                    inverse = before
                steps.right_inverse(inverse) if inverse is not before else None
        steps.append(parametrization)
        return module
    if tensor_name not in module._buffers and tensor_name not in module._parameters:
        raise ValueError(
            f"Module '{module}' does not have a parameter, a buffer, or a parametrized element "
            f"with name '{tensor_name}'"
        )
    original = getattr(module, tensor_name)
    steps = ParametrizationList([parametrization], original, unsafe=unsafe)
    delattr(module, tensor_name)
    if not is_parametrized(module):
        _inject_class(module)
        module.parametrizations = ModuleDict()
    _inject_property(module, tensor_name)
    module.parametrizations[tensor_name] = steps
    return module


def remove_parametrizations(
    module: Module, tensor_name: str, leave_parametrized: bool = True
) -> Module:
    """Make a parametrized tensor an ordinary one again.

    Follows ``torch.nn.utils.parametrize.remove_parametrizations``.

    Args:
        module: the owner.
        tensor_name: which tensor.
        leave_parametrized: keep the value as it is used, rather than the stored one.

    Raises:
        ValueError: it is not parametrized, or several stored tensors cannot be one.
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    table: Any = module.parametrizations
    steps = table[tensor_name]
    if steps.is_tensor:
        original = steps.original
        if leave_parametrized:
            with no_grad():
                _maybe_set(original, steps().detach())
    elif leave_parametrized:
        value = steps()
        original = Parameter(value.detach()) if value.requires_grad else value
    else:
        raise ValueError(
            "Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is "
            "parametrized in terms of a sequence of tensors."
        )
    delattr(type(module), tensor_name)
    del table[tensor_name]
    _register(module, tensor_name, original)
    if not is_parametrized(module):
        delattr(module, "parametrizations")
        module.__class__ = type(module).__bases__[0]
    return module


def type_before_parametrizations(module: Module) -> type:
    """The class that a module had before it was parametrized.

    Follows ``torch.nn.utils.parametrize.type_before_parametrizations``.
    """
    return type(module).__bases__[0] if is_parametrized(module) else type(module)


def transfer_parametrizations_and_params(
    from_module: Module, to_module: Module, tensor_name: str | None = None
) -> Module:
    """Give another module the same parametrizations and stored tensors.

    Follows ``torch.nn.utils.parametrize.transfer_parametrizations_and_params``.
    """
    if not is_parametrized(from_module):
        return to_module
    table: Any = from_module.parametrizations
    for name in [tensor_name] if tensor_name is not None else list(table):
        if not hasattr(to_module, name):
            setattr(to_module, name, Parameter(getattr(from_module, name).detach().clone()))
        for step in table[name]:
            register_parametrization(to_module, name, step, unsafe=True)
        theirs: Any = to_module.parametrizations[name]
        if table[name].is_tensor:
            theirs.original = table[name].original
        else:
            for i in range(table[name].ntensors):
                setattr(theirs, f"original{i}", getattr(table[name], f"original{i}"))
    return to_module
