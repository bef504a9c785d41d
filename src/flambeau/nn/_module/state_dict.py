"""Saving and loading: ``state_dict`` and ``load_state_dict``."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

from flambeau._tensor import aliases
from flambeau._tensor.hooks import RemovableHandle
from flambeau._warnings import warn
from flambeau.nn import _core
from flambeau.nn._core import Tensor
from flambeau.nn._module import watch
from flambeau.nn._module.state import ModuleState
from flambeau.nn.parameter import Parameter

EXTRA_STATE_KEY_SUFFIX = "_extra_state"


class IncompatibleKeys(
    NamedTuple("IncompatibleKeys", [("missing_keys", list[str]), ("unexpected_keys", list[str])])
):
    """What ``load_state_dict`` could not match."""

    __slots__ = ()

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return super().__repr__()

    __str__ = __repr__


class _ModulePreHook:
    """A load hook that is also given its module."""

    def __init__(self, hook: Callable[..., Any], module: Any) -> None:
        self.hook = hook
        self.module = module

    def __call__(self, *args: Any) -> Any:
        return self.hook(self.module, *args)


class StateDict(ModuleState):
    """Writing a module's state into a flat dictionary and reading it back."""

    _version: int = 1
    T_destination = TypeVar("T_destination", bound=dict[str, Any])

    def get_extra_state(self) -> Any:
        """What else to put into ``state_dict()``; override together with the setter.

        Follows ``torch.nn.Module.get_extra_state``.
        """
        raise RuntimeError(
            f"{type(self).__name__} has no extra state: define get_extra_state() to save some."
        )

    def set_extra_state(self, state: Any) -> None:
        """Take back what :meth:`get_extra_state` gave.

        Follows ``torch.nn.Module.set_extra_state``.
        """
        raise RuntimeError(
            f"{type(self).__name__} cannot take extra state: define set_extra_state() "
            "to match its get_extra_state()."
        )

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(module, prefix, keep_vars)`` before ``state_dict()`` is made.

        Follows ``torch.nn.Module.register_state_dict_pre_hook``.
        """
        handle = RemovableHandle(self._state_dict_pre_hooks)
        self._state_dict_pre_hooks[handle.id] = hook
        return handle

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(module, state_dict, prefix, local_metadata)`` after it is made.

        The hook changes the dictionary in place and returns None.

        Follows ``torch.nn.Module.register_state_dict_post_hook``.
        """
        hook._from_public_api = True
        handle = RemovableHandle(self._state_dict_hooks)
        self._state_dict_hooks[handle.id] = hook
        return handle

    def _register_state_dict_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """The older form, whose hook may return another dictionary."""
        if getattr(hook, "_from_public_api", False):
            raise RuntimeError(
                "Cannot register the same function as the state dict post hook that was "
                "previously registered via register_state_dict_post_hook"
            )
        handle = RemovableHandle(self._state_dict_hooks)
        self._state_dict_hooks[handle.id] = hook
        return handle

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(module, state_dict, prefix, local_metadata, strict, missing_keys,
        unexpected_keys, error_msgs)`` before this module's own state is loaded.

        Follows ``torch.nn.Module.register_load_state_dict_pre_hook``.
        """
        return self._register_load_state_dict_pre_hook(hook, with_module=True)

    def _register_load_state_dict_pre_hook(
        self, hook: Callable[..., Any], with_module: bool = False
    ) -> RemovableHandle:
        handle = RemovableHandle(self._load_state_dict_pre_hooks)
        self._load_state_dict_pre_hooks[handle.id] = (
            _ModulePreHook(hook, self) if with_module else hook
        )
        return handle

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(module, incompatible_keys)`` after this module's state is loaded.

        The hook may change the two lists in place and returns None.

        Follows ``torch.nn.Module.register_load_state_dict_post_hook``.
        """
        handle = RemovableHandle(self._load_state_dict_post_hooks)
        self._load_state_dict_post_hooks[handle.id] = hook
        return handle

    def _own_state(self) -> Iterator[tuple[str, Tensor]]:
        """Names and tensors of this module alone that are saved."""
        for name, param in self._parameters.items():
            if param is not None:
                yield name, param
        for name, buffer in self._buffers.items():
            if buffer is not None and name not in self._non_persistent_buffers_set:
                yield name, buffer

    def _state_keys(self, prefix: str = "") -> set[str]:
        """The names of all tensors that are saved, of this module and all below it."""
        keys = {prefix + name for name, _ in self._own_state()}
        for name, module in self._modules.items():
            if module is not None:
                keys |= module._state_keys(f"{prefix}{name}.")
        return keys

    def _save_to_state_dict(
        self, destination: dict[str, Any], prefix: str, keep_vars: bool
    ) -> None:
        """Write this module's own state; subclasses override it to save more."""
        for name, tensor in self._own_state():
            destination[prefix + name] = tensor if keep_vars else tensor.detach()
        if type(self).get_extra_state is not StateDict.get_extra_state:
            destination[prefix + EXTRA_STATE_KEY_SUFFIX] = self.get_extra_state()

    def state_dict(
        self, *args: Any, destination: Any = None, prefix: str = "", keep_vars: bool = False
    ) -> dict[str, Any]:
        """All parameters and persistent buffers of the tree, by dotted name.

        The tensors share their memory with the module's: they change when it is trained.

        Args:
            destination: the dictionary to write into; a new one by default.
            prefix: put before every key.
            keep_vars: give the parameters themselves instead of detached tensors.

        Example:
            >>> import flambeau as torch
            >>> list(torch.nn.Linear(5, 2).state_dict())
            ['weight', 'bias']

        Follows ``torch.nn.Module.state_dict``.
        """
        if args:
            warnings.warn(
                "Positional args are being deprecated, use kwargs instead. Refer to "
                "https://pytorch.org/docs/main/generated/torch.nn.Module.html"
                "#torch.nn.Module.state_dict for details.",
                FutureWarning,
                stacklevel=2,
            )
            if destination is None:
                destination = args[0]
            if len(args) > 1 and prefix == "":
                prefix = args[1]
            if len(args) > 2 and keep_vars is False:
                keep_vars = args[2]
        outermost = destination is None
        if destination is None:
            destination = OrderedDict()
            destination._metadata = OrderedDict()
            if watch.plain:
                watch.saved(self)
        local_metadata = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = local_metadata
        for hook in self._state_dict_pre_hooks.values():
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(
                    destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars
                )
        for hook in self._state_dict_hooks.values():
            replaced = hook(self, destination, prefix, local_metadata)
            if replaced is None:
                continue
            if getattr(hook, "_from_public_api", False):
                raise RuntimeError("state_dict post-hook must return None")
            destination = replaced
        if outermost:
            aliases.mark(type(self).__name__, destination.values())
        return destination

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> IncompatibleKeys:
        """Copy parameters and buffers from a dictionary that ``state_dict()`` made.

        Args:
            state_dict: tensors by dotted name.
            strict: whether the keys must be exactly this module's.
            assign: share the dictionary's tensors, taking over their dtype and device,
                instead of copying their values.

        Returns:
            the missing and the unexpected keys.

        Raises:
            TypeError: ``state_dict`` is not a mapping.
            RuntimeError: keys do not match, or shapes differ. What matches is loaded all
                the same.

        Follows ``torch.nn.Module.load_state_dict``.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        metadata = getattr(state_dict, "_metadata", None)
        state: Any = OrderedDict(state_dict)
        if metadata is not None:
            # The hooks of old checkpoints read it from the dictionary.
            state._metadata = metadata
        missing: list[str] = []
        unexpected: list[str] = []
        errors: list[str] = []

        def load(module: StateDict, local_state: dict[str, Any], prefix: str) -> None:
            local_metadata = {} if metadata is None else metadata.get(prefix[:-1], {})
            if assign:
                local_metadata["assign_to_params_buffers"] = assign
            module._load_from_state_dict(
                local_state, prefix, local_metadata, True, missing, unexpected, errors
            )
            for name, child in module._modules.items():
                if child is not None:
                    below = f"{prefix}{name}."
                    load(
                        child, {k: v for k, v in local_state.items() if k.startswith(below)}, below
                    )
            incompatible = IncompatibleKeys(missing, unexpected)
            for hook in module._load_state_dict_post_hooks.values():
                if hook(module, incompatible) is not None:
                    raise AssertionError(
                        "Hooks registered with ``register_load_state_dict_post_hook`` are not"
                        " expected to return new values, if incompatible_keys need to be"
                        " modified, it should be done inplace."
                    )

        load(self, state, "")
        hint = _prefix_hint(missing, unexpected, self._state_keys() if unexpected else set())
        if strict:
            notes = []
            if missing:
                notes.append(f"Missing key(s) in state_dict: {_quoted(missing)}. ")
            if unexpected:
                notes.append(f"Unexpected key(s) in state_dict: {_quoted(unexpected)}. ")
            if hint:
                notes.append(hint)
            errors[:0] = notes
        elif hint or (missing and unexpected and len(unexpected) == len(state)):
            hint = hint or "no key of the state dict is one of the model's"
            warn(
                "FB012",
                f"{type(self).__name__}.load_state_dict(strict=False): {hint}; skipped "
                f"{_listed(unexpected)} of the state dict and left {_listed(missing)} of the "
                "model as they were",
                owner=self,
            )
        if errors:
            raise _core.StateDictError(
                f"Error(s) in loading state_dict for {type(self).__name__}:\n\t"
                + "\n\t".join(errors)
            )
        return IncompatibleKeys(missing, unexpected)

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """Load this module's own state; subclasses override it to read older versions."""
        for hook in self._load_state_dict_pre_hooks.values():
            hook(
                state_dict,
                prefix,
                local_metadata,
                strict,
                missing_keys,
                unexpected_keys,
                error_msgs,
            )
        own = dict(self._own_state())
        assign = local_metadata.get("assign_to_params_buffers", False)
        for name, target in own.items():
            key = prefix + name
            if key in state_dict:
                problem = self._load_one(name, target, state_dict[key], key, assign)
                if problem is not None:
                    error_msgs.append(problem)
            elif strict:
                missing_keys.append(key)

        extra_key = prefix + EXTRA_STATE_KEY_SUFFIX
        if type(self).set_extra_state is not StateDict.set_extra_state:
            if extra_key in state_dict:
                self.set_extra_state(state_dict[extra_key])
            elif strict:
                missing_keys.append(extra_key)
        elif strict and extra_key in state_dict:
            unexpected_keys.append(extra_key)

        if not strict:
            return
        for key in state_dict:
            if not key.startswith(prefix) or key == extra_key:
                continue
            name, dot, _ = key[len(prefix) :].partition(".")
            if name not in (self._modules if dot else own):
                unexpected_keys.append(key)

    def _load_one(
        self, name: str, target: Tensor, source: Any, key: str, assign: bool
    ) -> str | None:
        """Load one tensor; the text of the problem if there is one."""
        if not _core.is_tensor_like(source):
            return (
                f'While copying the parameter named "{key}", '
                "expected torch.Tensor or Tensor-like object from checkpoint but "
                f"received {type(source)}"
            )
        if target.dim() == 0 and source.dim() == 1 and source.shape[0] > 0:
            # Checkpoints of PyTorch before 0.4 hold scalars as vectors of one element.
            source = source[0]
        if source.shape != target.shape:
            return _size_mismatch(key, source.shape, target.shape)
        if target.is_meta and not source.is_meta and not assign:
            warnings.warn(
                f"for {key}: copying from a non-meta parameter in the checkpoint to a meta "
                "parameter in the current model, which is a no-op. (Did you mean to "
                "pass `assign=True` to assign items in the state dictionary to their "
                "corresponding key in the module instead of copying them in place?)",
                stacklevel=4,
            )
        aliases.look_for_alias(source, "loaded")
        try:
            with _core.no_grad():
                if assign:
                    self._assign(name, target, source)
                else:
                    target.copy_(source)
        except Exception as error:
            return (
                f'While copying the parameter named "{key}", '
                f"whose dimensions in the model are {target.size()} and "
                f"whose dimensions in the checkpoint are {source.size()}, "
                f"an exception occurred : {error.args}."
            )
        return None

    def _assign(self, name: str, target: Tensor, source: Tensor) -> None:
        """Share ``source``; the module's own object stays, so that ties and optimizers do."""
        own_class = type(target) is Tensor or type(target) is Parameter
        if own_class and (type(source) is Tensor or type(source) is Parameter):
            target.data = source
        elif isinstance(target, Parameter):
            if not isinstance(source, Parameter):
                source = Parameter(source, requires_grad=target.requires_grad)
            else:
                source.requires_grad_(target.requires_grad)
            setattr(self, name, source)
        else:
            setattr(self, name, source)


def _quoted(keys: Iterable[str]) -> str:
    return ", ".join(f'"{key}"' for key in keys)


def _listed(keys: list[str], limit: int = 6) -> str:
    """How many keys, and which."""
    shown = ", ".join(keys[:limit]) + (", ..." if len(keys) > limit else "")
    return f"{len(keys)} {'key' if len(keys) == 1 else 'keys'} ({shown})"


def _size_mismatch(key: str, source: Any, target: Any) -> str:
    text = (
        f"size mismatch for {key}: copying a param with shape {source} from checkpoint, "
        f"the shape in current model is {target}."
    )
    if len(target) >= 2 and tuple(source) == (target[1], target[0], *target[2:]):
        text += (
            " It looks transposed: flambeau and PyTorch keep weights as "
            "(out_features, in_features)."
        )
    return text


def _prefix_hint(missing: list[str], unexpected: list[str], own: set[str]) -> str | None:
    """Say so when the two sides differ by a prefix only, as ``module.`` of a wrapper.

    Args:
        missing: keys that the module has and the state dict lacks.
        unexpected: the reverse.
        own: all keys that the module has.
    """
    if not missing or not unexpected:
        return None
    n = len(unexpected)
    how_many = "the 1 key matches" if n == 1 else f"all {n} keys match"
    for longer, verb, where in (
        (unexpected, "removing", "from the state_dict's keys"),
        (missing, "adding", "to the state_dict's keys"),
    ):
        # A wrapper's prefix may stand in the middle of a path, too.
        for prefix in (longer[0].partition(".")[0] + ".", "module.", "_orig_mod."):
            if not all(prefix in key for key in longer):
                continue
            stripped = {key.replace(prefix, "", 1) for key in longer}
            if longer is unexpected:
                fits = own >= stripped >= set(missing)
            else:
                fits = stripped <= set(unexpected) <= {k.replace(prefix, "", 1) for k in own}
            if fits:
                return f"{how_many} after {verb} '{prefix}' {where}"
    return None
