"""The fields every module holds."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from flambeau.nn._module.tables import HookTable, Table

if TYPE_CHECKING:
    from flambeau._tensor.tensor import Tensor
    from flambeau.nn._freezing import Frozen
    from flambeau.nn.module import Module
    from flambeau.nn.parameter import Parameter


class ModuleState:
    """What the parts of ``Module`` share: the fields, under PyTorch's names."""

    training: bool
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Module | None]
    _non_persistent_buffers_set: set[str]
    _is_full_backward_hook: bool | None
    _backward_pre_hooks: OrderedDict[int, Callable[..., Any]]
    _backward_hooks: OrderedDict[int, Callable[..., Any]]
    _forward_hooks: OrderedDict[int, Callable[..., Any]]
    _forward_hooks_with_kwargs: OrderedDict[int, bool]
    _forward_hooks_always_called: OrderedDict[int, bool]
    _forward_pre_hooks: OrderedDict[int, Callable[..., Any]]
    _forward_pre_hooks_with_kwargs: OrderedDict[int, bool]
    _state_dict_hooks: OrderedDict[int, Callable[..., Any]]
    _state_dict_pre_hooks: OrderedDict[int, Callable[..., Any]]
    _load_state_dict_pre_hooks: OrderedDict[int, Callable[..., Any]]
    _load_state_dict_post_hooks: OrderedDict[int, Callable[..., Any]]

    _flambeau_frozen: Frozen | None = None

    def _get_name(self) -> str:
        return type(self).__name__


_HOOK_TABLES = (
    "_backward_pre_hooks",
    "_backward_hooks",
    "_forward_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs",
    "_state_dict_hooks",
    "_state_dict_pre_hooks",
    "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks",
)


TABLES = ("_parameters", "_buffers", "_modules")


def fresh_fields() -> dict[str, Any]:
    """The fields of a module on which nothing has been registered."""
    fields: dict[str, Any] = {
        "training": True,
        "_parameters": Table(),
        "_buffers": Table(),
        "_non_persistent_buffers_set": set(),
        "_is_full_backward_hook": None,
    }
    for table in _HOOK_TABLES:
        fields[table] = HookTable()
    fields["_modules"] = Table()
    return fields


FIELDS = frozenset(fresh_fields())
