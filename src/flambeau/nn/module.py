"""The base class of everything that owns parameters."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from flambeau.nn._core import Tensor
from flambeau.nn._module.call import Call
from flambeau.nn._module.conversion import Conversion
from flambeau.nn._module.hooks import (
    register_module_backward_hook,
    register_module_forward_hook,
    register_module_forward_pre_hook,
    register_module_full_backward_hook,
    register_module_full_backward_pre_hook,
)
from flambeau.nn._module.registration import (
    Registration,
    register_module_buffer_registration_hook,
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
)
from flambeau.nn._module.state import TABLES, fresh_fields
from flambeau.nn._module.state_dict import IncompatibleKeys as _IncompatibleKeys
from flambeau.nn._module.state_dict import StateDict
from flambeau.nn._module.tables import Table
from flambeau.nn.parameter import Buffer, Parameter

__all__ = [
    "Buffer",
    "Module",
    "Parameter",
    "Tensor",
    "_IncompatibleKeys",
    "factory_kwargs",
    "register_module_backward_hook",
    "register_module_buffer_registration_hook",
    "register_module_forward_hook",
    "register_module_forward_pre_hook",
    "register_module_full_backward_hook",
    "register_module_full_backward_pre_hook",
    "register_module_module_registration_hook",
    "register_module_parameter_registration_hook",
]


class Module(Registration, Conversion, StateDict, Call):
    """The base class of every layer and model.

    Subclasses create parameters and submodules in ``__init__``, after calling
    ``super().__init__()``, by assigning them to attributes, and compute in ``forward``.

    Example:
        >>> import flambeau as torch
        >>> class Net(torch.nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.weight = torch.nn.Parameter(torch.ones(10, 5))
        ...
        ...     def forward(self, x):
        ...         return x @ self.weight
        >>> net = Net()
        >>> [name for name, _ in net.named_parameters()]
        ['weight']
        >>> net(torch.ones(1, 10)).shape
        torch.Size([1, 5])

    Follows ``torch.nn.Module``.
    """

    dump_patches: bool = False
    call_super_init: bool = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if not self.call_super_init:
            if kwargs:
                raise TypeError(
                    f"{type(self).__name__}.__init__() got an unexpected keyword argument "
                    f"'{next(iter(kwargs))}'"
                )
            if args:
                raise TypeError(
                    f"{type(self).__name__}.__init__() takes 1 positional argument but "
                    f"{len(args) + 1} were given"
                )
        self.__dict__.update(fresh_fields())
        if self.call_super_init:
            super().__init__(*args, **kwargs)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take a pickled state; fields that older versions did not have are added."""
        self.__dict__.update(state)
        for name, value in fresh_fields().items():
            held = self.__dict__.setdefault(name, value)
            if name in TABLES and held.__class__ in (dict, OrderedDict):
                self.__dict__[name] = Table(held)
            elif held.__class__ is OrderedDict and not held:
                self.__dict__[name] = value

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Accepted for programs that call it: whole steps are compiled in any case.

        Follows ``torch.nn.Module.compile``.
        """

    def extra_repr(self) -> str:
        """What stands between the parentheses of the repr; subclasses override it.

        Follows ``torch.nn.Module.extra_repr``.
        """
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        own = extra.split("\n") if extra else []
        below = [f"({name}): {indented(repr(module), 2)}" for name, module in self._modules.items()]
        if len(own) == 1 and not below:
            body = own[0]
        elif own or below:
            body = "\n  " + "\n  ".join(own + below) + "\n"
        else:
            body = ""
        return f"{self._get_name()}({body})"

    def _replicate_for_data_parallel(self) -> Module:
        """A shallow copy with tables of its own, for running beside this module."""
        replica = type(self).__new__(type(self))
        replica.__dict__.update(self.__dict__)
        replica._parameters = Table()
        replica._buffers = Table(self._buffers)
        replica._modules = Table(self._modules)
        replica.__dict__["_is_replica"] = True
        return replica


def indented(text: str, spaces: int) -> str:
    """``text`` with all lines but the first moved to the right."""
    first, *rest = text.split("\n")
    return "\n".join([first, *(" " * spaces + line for line in rest)])


def factory_kwargs(kwargs: dict[str, Any] | None) -> dict[str, Any]:
    """Those of a module's arguments that say how to make its tensors.

    Args:
        kwargs: ``device``, ``dtype`` and ``memory_format``, or these as ``factory_kwargs``.

    Raises:
        TypeError: there are others, or one is given both ways.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.factory_kwargs({"device": "cpu"})
        {'device': 'cpu'}

    Follows ``torch.nn.factory_kwargs``.
    """
    if kwargs is None:
        return {}
    known = {"device", "dtype", "memory_format"}
    unknown = kwargs.keys() - known - {"factory_kwargs"}
    if unknown:
        raise TypeError(f"unexpected kwargs {unknown}")
    found = dict(kwargs.get("factory_kwargs", {}))
    for name in known & kwargs.keys():
        if name in found:
            raise TypeError(f"{name} specified twice, in **kwargs and in factory_kwargs")
        found[name] = kwargs[name]
    return found
