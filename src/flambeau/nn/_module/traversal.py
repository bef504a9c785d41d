"""Walking over a module's tree: parameters, buffers and submodules by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Self

from flambeau.nn._module.state import ModuleState

if TYPE_CHECKING:
    from flambeau._tensor.tensor import Tensor
    from flambeau.nn.module import Module
    from flambeau.nn.parameter import Parameter


class Traversal(ModuleState):
    """The iterators, and access by dotted path."""

    def _named_members(
        self,
        get_members_fn: Callable[[Module], Iterable[tuple[str, Any]]],
        prefix: str = "",
        recurse: bool = True,
        remove_duplicate: bool = True,
    ) -> Iterator[tuple[str, Any]]:
        """Names and values that ``get_members_fn`` gives for each module of the tree."""
        seen = set()
        modules: Iterable[tuple[str, Any]] = (
            self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate)
            if recurse
            else [(prefix, self)]
        )
        module: Any
        for module_prefix, module in modules:
            for name, member in get_members_fn(module):
                if member is None or member in seen:
                    continue
                if remove_duplicate:
                    seen.add(member)
                yield f"{module_prefix}.{name}" if module_prefix else name, member

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Iterate over the parameters, each once, in the order of registration.

        Example:
            >>> import flambeau as torch
            >>> [p.shape for p in torch.nn.Linear(5, 2).parameters()]
            [torch.Size([2, 5]), torch.Size([2])]

        Follows ``torch.nn.Module.parameters``.
        """
        for _, param in self.named_parameters(recurse=recurse):
            yield param

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Iterate over names and parameters.

        Args:
            prefix: put before every name.
            recurse: whether submodules are included.
            remove_duplicate: whether a shared parameter is given once, under its first
                name.

        Follows ``torch.nn.Module.named_parameters``.
        """
        yield from self._named_members(
            lambda module: module._parameters.items(),
            prefix=prefix,
            recurse=recurse,
            remove_duplicate=remove_duplicate,
        )

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """Iterate over the buffers. Follows ``torch.nn.Module.buffers``."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """Iterate over names and buffers. Follows ``torch.nn.Module.named_buffers``."""
        yield from self._named_members(
            lambda module: module._buffers.items(),
            prefix=prefix,
            recurse=recurse,
            remove_duplicate=remove_duplicate,
        )

    def children(self) -> Iterator[Module]:
        """Iterate over the direct submodules. Follows ``torch.nn.Module.children``."""
        for _, module in self.named_children():
            yield module

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Iterate over names and direct submodules, each module once.

        Follows ``torch.nn.Module.named_children``.
        """
        seen = set()
        for name, module in self._modules.items():
            if module is not None and module not in seen:
                seen.add(module)
                yield name, module

    def modules(self, remove_duplicate: bool = True) -> Iterator[Module]:
        """Iterate over this module and all below it. Follows ``torch.nn.Module.modules``."""
        for _, module in self.named_modules(remove_duplicate=remove_duplicate):
            yield module

    def named_modules(
        self,
        memo: set[Module] | None = None,
        prefix: str = "",
        remove_duplicate: bool = True,
    ) -> Iterator[tuple[str, Module]]:
        """Iterate over names and modules of the whole tree, this module first.

        Args:
            memo: modules to leave out; those that are given are added to it.
            prefix: put before every name.
            remove_duplicate: whether a shared module is given once, under its first name.

        Follows ``torch.nn.Module.named_modules``.
        """
        if memo is None:
            memo = set()
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)  # type: ignore[arg-type]
        yield prefix, self  # type: ignore[misc]
        for name, module in self._modules.items():
            if module is not None:
                below = f"{prefix}.{name}" if prefix else name
                yield from module.named_modules(memo, below, remove_duplicate)

    def get_submodule(self, target: str) -> Module:
        """The submodule at a dotted path; the module itself for an empty path.

        Raises:
            AttributeError: the path leads nowhere, or not to a module.

        Example:
            >>> import flambeau as torch
            >>> net = torch.nn.Sequential(torch.nn.Sequential(torch.nn.ReLU()))
            >>> net.get_submodule("0.0")
            ReLU()

        Follows ``torch.nn.Module.get_submodule``.
        """
        module: Any = self
        if target == "":
            return module
        for name in target.split("."):
            if not hasattr(module, name):
                raise AttributeError(f"{module._get_name()} has no attribute `{name}`")
            module = getattr(module, name)
            if not isinstance(module, Traversal):
                raise AttributeError(f"`{name}` is not an nn.Module")
        return module  # type: ignore[return-value]

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Put ``module`` at a dotted path.

        Args:
            target: the path; all but its last step must lead to modules.
            module: what to put there.
            strict: whether something must be there already.

        Raises:
            ValueError: the path is empty, or ``module`` is not a module.
            AttributeError: the path leads nowhere, or not to a module.

        Follows ``torch.nn.Module.set_submodule``.
        """
        if target == "":
            raise ValueError("Cannot set the submodule without a target name!")
        *path, name = target.split(".")
        if not isinstance(module, Traversal):
            raise ValueError(f"`module` is not an nn.Module, found {type(module)}")
        parent: Any = self.get_submodule(".".join(path))
        if strict and not hasattr(parent, name):
            raise AttributeError(f"{parent._get_name()} has no attribute `{name}`")
        if hasattr(parent, name) and not isinstance(getattr(parent, name), Traversal):
            raise AttributeError(f"`{name}` is not an nn.Module")
        setattr(parent, name, module)

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a dotted path.

        Raises:
            AttributeError: the path leads nowhere, or not to a parameter.

        Follows ``torch.nn.Module.get_parameter``.
        """
        owner, name = self._owner_of(target)
        if name not in owner._parameters or owner._parameters[name] is None:
            raise AttributeError(f"`{name}` is not an nn.Parameter")
        return owner._parameters[name]

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at a dotted path.

        Raises:
            AttributeError: the path leads nowhere, or not to a buffer.

        Follows ``torch.nn.Module.get_buffer``.
        """
        owner, name = self._owner_of(target)
        if name not in owner._buffers:
            raise AttributeError(f"`{name}` is not a buffer")
        return owner._buffers[name]

    def _owner_of(self, target: str) -> tuple[Any, str]:
        path, _, name = target.rpartition(".")
        owner: Any = self.get_submodule(path)
        if not hasattr(owner, name):
            raise AttributeError(f"{owner._get_name()} has no attribute `{name}`")
        return owner, name

    def apply(self, fn: Callable[[Module], None]) -> Self:
        """Call ``fn`` on every module of the tree, submodules first, this module last.

        Follows ``torch.nn.Module.apply``.
        """
        for module in self.children():
            module.apply(fn)
        fn(self)  # type: ignore[arg-type]
        return self
