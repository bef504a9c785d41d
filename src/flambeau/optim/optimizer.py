"""The base class of all optimizers."""

from __future__ import annotations

import functools
import warnings
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from copy import deepcopy
from itertools import chain
from typing import Any, TypeAlias

from flambeau._engine import executor, recorder
from flambeau._engine.changes import changes
from flambeau._tensor import history
from flambeau._tensor.hooks import RemovableHandle, add_hook
from flambeau._tensor.tensor import Tensor
from flambeau._warnings import user_place
from flambeau.nn._module.watch import lost_ids
from flambeau.optim import _state
from flambeau.optim import _watch as watch

ParamsT: TypeAlias = Iterable[Tensor] | Iterable[dict[str, Any]] | Iterable[tuple[str, Tensor]]
StateDict: TypeAlias = dict[str, Any]
Group: TypeAlias = dict[str, Any]

_global_pre_hooks: OrderedDict[int, Callable[..., Any]] = OrderedDict()
_global_post_hooks: OrderedDict[int, Callable[..., Any]] = OrderedDict()

_HOOK_TABLES = (
    "_optimizer_step_pre_hooks",
    "_optimizer_step_post_hooks",
    "_optimizer_state_dict_pre_hooks",
    "_optimizer_state_dict_post_hooks",
    "_optimizer_load_state_dict_pre_hooks",
    "_optimizer_load_state_dict_post_hooks",
)


class _Required:
    """Marks an option that every group has to give; ``required`` is the only instance."""

    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()


def _register(
    table: OrderedDict[int, Callable[..., Any]], hook: Callable[..., Any], prepend: bool = False
) -> RemovableHandle:
    return add_hook(table, hook, prepend=prepend)


def register_optimizer_step_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Register a hook that runs before ``step()`` of every optimizer.

    Args:
        hook: ``hook(optimizer, args, kwargs)``; returns None or new ``(args, kwargs)``.

    Follows ``torch.optim.optimizer.register_optimizer_step_pre_hook``.
    """
    return _register(_global_pre_hooks, hook)


def register_optimizer_step_post_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Register a hook ``hook(optimizer, args, kwargs)`` that runs after every ``step()``.

    Follows ``torch.optim.optimizer.register_optimizer_step_post_hook``.
    """
    return _register(_global_post_hooks, hook)


def _typename(value: object) -> str:
    kind = type(value)
    return (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else (f"{kind.__module__}.{kind.__qualname__}")
    )


class Optimizer:
    """Base class: parameter groups, state, hooks, and saving both.

    A subclass gives ``step()``; the optimizers of this package give one pure update rule, which
    the engine runs over all parameters of a group as one node.

    Args:
        params: tensors, ``(name, tensor)`` pairs, or dicts with ``"params"`` and options.
        defaults: the options of groups that do not give their own.

    Raises:
        TypeError: ``params`` is a single tensor, or holds something that is not a tensor.
        ValueError: ``params`` is empty, a tensor is not a leaf, or is in two groups.

    Follows ``torch.optim.Optimizer``.
    """

    defaults: dict[str, Any]
    state: defaultdict[Any, Any]
    param_groups: list[Group]

    _optimizer_step_pre_hooks: OrderedDict[int, Callable[..., Any]]
    _optimizer_step_post_hooks: OrderedDict[int, Callable[..., Any]]
    _optimizer_state_dict_pre_hooks: OrderedDict[int, Callable[..., Any]]
    _optimizer_state_dict_post_hooks: OrderedDict[int, Callable[..., Any]]
    _optimizer_load_state_dict_pre_hooks: OrderedDict[int, Callable[..., Any]]
    _optimizer_load_state_dict_post_hooks: OrderedDict[int, Callable[..., Any]]
    _stepping = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        step = cls.__dict__.get("step")
        if step is not None and not getattr(step, "hooked", False):
            cls.step = cls.profile_hook_step(step)

    def __init__(self, params: ParamsT, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        for name in _HOOK_TABLES:
            setattr(self, name, OrderedDict())
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or "
                f"dicts, but got {_typename(params)}; write [param]"
            )
        self.state = defaultdict(dict)
        self.param_groups = []
        watch.made.add(self, user_place())
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)  # pyright: ignore[reportArgumentType]
        # What made the weights runs on its own, so that the first step is like all others.
        executor.begin()

    # ---- copying and printing

    def __getstate__(self) -> dict[str, Any]:
        return {
            "defaults": self.defaults,
            "state": self.state,
            "param_groups": self.param_groups,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        for name in _HOOK_TABLES:
            if name not in self.__dict__:
                setattr(self, name, OrderedDict())
        self.defaults.setdefault("differentiable", False)

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for index, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {index}")
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
        return "\n".join(lines) + "\n)"

    # ---- hooks

    @staticmethod
    def profile_hook_step(func: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a ``step`` so that hooks run around it and the step's work is dispatched."""

        @functools.wraps(func)
        def step(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
            if self._stepping:  # a subclass's step calling its parent's
                return func(self, *args, **kwargs)
            self._stepping = True
            if lost_ids:
                watch.look_for_lost(self)
            try:
                hooked = _global_pre_hooks or self._optimizer_step_pre_hooks
                if hooked:
                    args, kwargs = self._run_pre_hooks(func, args, kwargs)
                result = func(self, *args, **kwargs)
                if _global_post_hooks or self._optimizer_step_post_hooks:
                    for hook in chain(
                        tuple(self._optimizer_step_post_hooks.values()),
                        tuple(_global_post_hooks.values()),
                    ):
                        hook(self, (self, *args), kwargs)
            finally:
                self._stepping = False
            if getattr(self, "found_inf", None) is None:
                recorder.flush()  # under a scaler it is its update that ends the program
            history.stepped()
            return result

        step.hooked = True
        return step

    def _run_pre_hooks(
        self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        full = (self, *args)  # PyTorch's hooks see the optimizer itself as args[0]
        for hook in chain(
            tuple(_global_pre_hooks.values()), tuple(self._optimizer_step_pre_hooks.values())
        ):
            result = hook(self, full, kwargs)
            if result is None:
                continue
            if not (isinstance(result, tuple) and len(result) == 2):
                raise RuntimeError(
                    f"{func} must return None or a tuple of (new_args, new_kwargs), "
                    f"but got {result}."
                )
            full, kwargs = result
        return tuple(full[1:]), kwargs

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Register ``hook(optimizer, args, kwargs)`` to run before ``step()``.

        It may return new ``(args, kwargs)``, where ``args[0]`` is the optimizer.
        """
        return _register(self._optimizer_step_pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Register ``hook(optimizer, args, kwargs)`` to run after ``step()``."""
        return _register(self._optimizer_step_post_hooks, hook)

    def register_state_dict_pre_hook(
        self, hook: Callable[[Optimizer], None], prepend: bool = False
    ) -> RemovableHandle:
        """Register ``hook(optimizer)`` to run before ``state_dict()``."""
        return _register(self._optimizer_state_dict_pre_hooks, hook, prepend)

    def register_state_dict_post_hook(
        self, hook: Callable[[Optimizer, StateDict], StateDict | None], prepend: bool = False
    ) -> RemovableHandle:
        """Register ``hook(optimizer, state_dict)``, which may return another dict."""
        return _register(self._optimizer_state_dict_post_hooks, hook, prepend)

    def register_load_state_dict_pre_hook(
        self, hook: Callable[[Optimizer, StateDict], StateDict | None], prepend: bool = False
    ) -> RemovableHandle:
        """Register ``hook(optimizer, state_dict)``; gets a shallow copy, may return another."""
        return _register(self._optimizer_load_state_dict_pre_hooks, hook, prepend)

    def register_load_state_dict_post_hook(
        self, hook: Callable[[Optimizer], None], prepend: bool = False
    ) -> RemovableHandle:
        """Register ``hook(optimizer)`` to run after ``load_state_dict()``."""
        return _register(self._optimizer_load_state_dict_post_hooks, hook, prepend)

    # ---- groups

    def add_param_group(self, param_group: Group) -> None:
        """Add a group of parameters with its own options.

        Args:
            param_group: a dict with ``"params"`` and any options; it is completed from the
                defaults and becomes the group itself.

        Raises:
            TypeError: not a dict, an unordered collection, or something that is not a tensor.
            ValueError: a tensor that is not a leaf or is in another group, a required option is
                missing, or only some parameters have names.
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        params = param_group["params"]
        if isinstance(params, Tensor):
            params = [params]
        elif isinstance(params, (set, frozenset)):
            raise TypeError(
                "optimizer parameters need to be organized in ordered collections, but the "
                "ordering of tensors in sets will change between runs. Please use a list instead."
            )
        entries = list(params)
        names = [entry[0] for entry in entries if isinstance(entry, tuple)]
        params = [entry[1] if isinstance(entry, tuple) else entry for entry in entries]
        param_group["params"] = params
        if names:
            if len(names) != len(params):
                raise ValueError(
                    "all optimizer params should be with/without names. "
                    "Some param names are missing"
                )
            param_group["param_names"] = names

        for index, param in enumerate(params):
            if not isinstance(param, Tensor):
                raise TypeError(
                    "optimizer can only optimize Tensors, but one of the params is "
                    f"{_typename(param)} (params[{index}])"
                )
            if not self.defaults.get("differentiable") and not (
                param.is_leaf or param.retains_grad
            ):
                raise ValueError("can't optimize a non-leaf Tensor")

        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(
                    "parameter group didn't specify a value of required optimization "
                    f"parameter {name}"
                )
            param_group.setdefault(name, default)

        ids = {id(param) for param in params}
        if len(ids) != len(params):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; in future, "
                "this will cause an error; see github.com/pytorch/pytorch/issues/40967 for more "
                "information",
                stacklevel=3,
            )
        for group in self.param_groups:
            if ("param_names" in param_group) != ("param_names" in group):
                kind = "with names" if "param_names" in param_group else "without names"
                raise ValueError(
                    "all optimizer param groups should be with/without names. "
                    f"cannot add param group {kind} to the optimizer"
                )
            if any(id(param) in ids for param in group["params"]):
                raise ValueError("some parameters appear in more than one parameter group")
        self.param_groups.append(param_group)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop the gradients of all parameters, or set them to zero.

        Args:
            set_to_none: drop them (the default); a parameter without a gradient is skipped by
                ``step()``, one with a gradient of zeros is not.
        """
        for group in self.param_groups:
            for param in group["params"]:
                if set_to_none:
                    if param._leaf is not None:
                        param._leaf.grad = None
                    continue
                grad = param.grad
                if grad is not None:
                    if grad.grad_fn is not None:
                        grad.detach_()
                    else:
                        grad.requires_grad_(False)
                    grad.zero_()
        if set_to_none:
            changes.count += 1

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters from their gradients.

        Args:
            closure: recomputes the loss and its gradients; its result is returned.
        """
        raise NotImplementedError

    # ---- saving and loading

    def state_dict(self) -> StateDict:
        """The state and the options of all groups, as plain containers and tensors.

        Returns:
            ``{"state": {id: {...}}, "param_groups": [{..., "params": [ids]}]}`` in PyTorch's
            form. The tensors of the state are the optimizer's own.
        """
        for hook in tuple(self._optimizer_state_dict_pre_hooks.values()):
            hook(self)
        ids: dict[int, int] = {}
        groups: list[Group] = []
        start = 0
        for group in self.param_groups:
            packed = {key: value for key, value in group.items() if key != "params"}
            for index, param in enumerate(group["params"], start):
                ids.setdefault(id(param), index)
            packed["params"] = [ids[id(param)] for param in group["params"]]
            start += len(packed["params"])
            groups.append(packed)
        seen: set[int] = set()
        state = {
            ids[id(key)] if isinstance(key, Tensor) else key: _state.unshared(value, seen)
            for key, value in self.state.items()
        }
        result: StateDict = {"state": state, "param_groups": groups}
        for hook in tuple(self._optimizer_state_dict_post_hooks.values()):
            replaced = hook(self, result)
            if replaced is not None:
                result = replaced
        return result

    def load_state_dict(self, state_dict: StateDict) -> None:
        """Take over a state made by :meth:`state_dict`, here or in PyTorch.

        Where both sides know the parameters' names, state is matched by name and the names must
        be the same; otherwise it is matched by position, and must fit the shapes.

        Raises:
            ValueError: another number of groups or of parameters, other names, or state that
                does not fit the parameters.
        """
        state_dict = state_dict.copy()
        for hook in tuple(self._optimizer_load_state_dict_pre_hooks.values()):
            replaced = hook(self, state_dict)
            if replaced is not None:
                state_dict = replaced
        groups = self.param_groups
        saved = deepcopy(state_dict["param_groups"])
        if len(groups) != len(saved):
            raise ValueError(
                "loaded state dict has a different number of parameter groups: "
                f"{len(saved)}, and this optimizer has {len(groups)}"
            )
        owners = self._match(groups, saved)
        entries = {key: value for key, value in state_dict["state"].items() if key in owners}
        self._check_shapes(owners, entries)
        flags: dict[Any, Group] = {key: group for group in saved for key in group["params"]}
        state: defaultdict[Any, Any] = defaultdict(dict)
        for key, value in state_dict["state"].items():
            if key in owners:
                state[owners[key]] = self._cast(owners[key], value, flags[key])
            else:
                state[key] = value
        for group, loaded in zip(groups, saved, strict=True):
            loaded["params"] = group["params"]
            if "param_names" in group:
                loaded["param_names"] = group["param_names"]
        self.__setstate__({"state": state, "param_groups": saved})
        for hook in tuple(self._optimizer_load_state_dict_post_hooks.values()):
            hook(self)

    def _match(self, groups: list[Group], saved: list[Group]) -> dict[Any, Tensor]:
        """Which parameter each saved id belongs to."""
        if all("param_names" in group for group in chain(groups, saved)):
            ours = dict(_named(groups))
            theirs = dict(_named(saved))
            if ours.keys() == theirs.keys():
                return {theirs[name]: param for name, param in ours.items()}
            raise ValueError(_names_report(type(self).__name__, ours.keys(), theirs.keys()))
        for index, (group, loaded) in enumerate(zip(groups, saved, strict=True)):
            if len(group["params"]) != len(loaded["params"]):
                raise ValueError(
                    "loaded state dict contains a parameter group that doesn't match the size "
                    f"of optimizer's group: group {index} has {len(loaded['params'])} parameters "
                    f"in the state dict and {len(group['params'])} here"
                )
        return {
            key: param
            for group, loaded in zip(groups, saved, strict=True)
            for key, param in zip(loaded["params"], group["params"], strict=True)
        }

    def _check_shapes(self, owners: dict[Any, Tensor], entries: dict[Any, Any]) -> None:
        """Refuse state that cannot belong to its parameter; a subclass knows which must fit."""

    def _cast(self, param: Tensor, value: Any, group: Group, key: Hashable = None) -> Any:
        if isinstance(value, Tensor):
            if key == "step":
                wide = group.get("capturable") or group.get("fused")
                return _state.loaded(value, param, "float32" if wide else None)
            return _state.loaded(value, param, "param" if param.is_floating_point() else None)
        if isinstance(value, dict):
            return {k: self._cast(param, v, group, k) for k, v in value.items()}
        if isinstance(value, (list, tuple, set)):
            return type(value)(self._cast(param, v, group) for v in value)
        return value


def _named(groups: list[Group]) -> Iterator[tuple[str, Any]]:
    for group in groups:
        yield from zip(group["param_names"], group["params"], strict=True)


def _names_report(who: str, ours: Iterable[str], theirs: Iterable[str]) -> str:
    here, there = list(ours), list(theirs)
    missing = [name for name in here if name not in set(there)]
    extra = [name for name in there if name not in set(here)]
    lines = [f"{who}: the state dict names other parameters than this optimizer has:"]
    if missing:
        lines.append(f"  not in the state dict ({len(missing)}): {_listed(missing)}")
    if extra:
        lines.append(f"  not in this optimizer ({len(extra)}): {_listed(extra)}")
    for prefix in ("module.", "_orig_mod."):
        if {name.removeprefix(prefix) for name in there} == set(here):
            lines.append(f"  all {len(here)} names match after removing {prefix!r}")
        elif {name.removeprefix(prefix) for name in here} == set(there):
            lines.append(f"  all {len(here)} names match after adding {prefix!r}")
    lines.append(
        "rename them in state_dict['param_groups'][i]['param_names'], or delete 'param_names' "
        "there to match by position"
    )
    return "\n".join(lines)


def _listed(names: list[str], limit: int = 8) -> str:
    shown = ", ".join(repr(name) for name in names[:limit])
    return shown if len(names) <= limit else f"{shown}, ... and {len(names) - limit} more"
