"""Changing dtype, device, mode and ``requires_grad`` of all that a module owns."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, Self

from flambeau._warnings import warn
from flambeau.nn import _core
from flambeau.nn._core import Tensor
from flambeau.nn._module import watch
from flambeau.nn._module.traversal import Traversal


class Conversion(Traversal):
    """``to`` and its relatives.

    Parameters, buffers and gradients keep their identity: each is given new contents, so
    ties, aliases and an optimizer that was built earlier all follow.
    """

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Replace the contents of every tensor of the module by what ``fn`` gives."""
        if recurse:
            for module in self.children():
                module._apply(fn)
        for param in self._parameters.values():
            if param is None:
                continue
            with _core.no_grad():
                converted = fn(param)
            if converted is not param:
                param.data = converted
            if param.grad is not None:
                with _core.no_grad():
                    grad = fn(param.grad)
                if grad is not param.grad:
                    param.grad.data = grad
        for name, buffer in self._buffers.items():
            if buffer is None:
                continue
            converted = fn(buffer)
            if converted is buffer:
                continue
            if buffer.grad_fn is None and type(converted) is type(buffer):
                buffer.data = converted
            else:
                self._buffers[name] = converted
        if self in watch.plain:
            with _core.no_grad():
                watch.moved(self, fn)
        return self

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Move the module to a device and cast its floating point tensors to a dtype.

        Called as ``to(device)``, ``to(dtype)``, ``to(device, dtype)``, ``to(tensor)`` or
        ``to(memory_format=...)``. Integer tensors move but keep their dtype. The module is
        changed in place and returned, and every parameter stays the same object.

        Raises:
            TypeError: the dtype is neither floating point nor complex.

        Example:
            >>> import flambeau as torch
            >>> layer = torch.nn.Linear(2, 2)
            >>> weight = layer.weight
            >>> layer.to(torch.float64).weight is weight
            True

        Follows ``torch.nn.Module.to``.
        """
        device, dtype, memory_format = _core.parse_to(*args, **kwargs)
        if dtype is not None:
            if not (dtype.is_floating_point or dtype.is_complex):
                raise TypeError(
                    "nn.Module.to only accepts floating point or complex "
                    f"dtypes, but got desired dtype={dtype}"
                )
            if dtype.is_complex:
                warnings.warn(
                    "Complex modules are a new feature under active development whose design "
                    "may change, and some modules might not work as expected when using "
                    "complex tensors as parameters or buffers. ",
                    stacklevel=2,
                )

        def convert(tensor: Tensor) -> Tensor:
            floating = tensor.is_floating_point() or tensor.is_complex()
            extra: dict[str, Any] = {}
            if memory_format is not None and tensor.dim() in (4, 5):
                extra["memory_format"] = memory_format
            return tensor.to(device=device, dtype=dtype if floating else None, **extra)

        return self._apply(convert)

    def to_empty(self, *, device: Any, recurse: bool = True) -> Self:
        """Move to ``device`` without copying: the contents are then undefined.

        Follows ``torch.nn.Module.to_empty``.
        """
        return self._apply(lambda t: _core.empty_like(t, device=device), recurse=recurse)

    def cpu(self) -> Self:
        """Move to the CPU. Follows ``torch.nn.Module.cpu``."""
        return self._apply(lambda t: t.cpu())

    def cuda(self, device: Any = None) -> Self:
        """Move to a GPU. Follows ``torch.nn.Module.cuda``."""
        return self._apply(lambda t: t.cuda(device))

    def xpu(self, device: Any = None) -> Self:
        """Move to an XPU. Follows ``torch.nn.Module.xpu``."""
        return self.to(_core.device_name("xpu", device))

    def ipu(self, device: Any = None) -> Self:
        """Move to an IPU. Follows ``torch.nn.Module.ipu``."""
        return self.to(_core.device_name("ipu", device))

    def mtia(self, device: Any = None) -> Self:
        """Move to an MTIA device. Follows ``torch.nn.Module.mtia``."""
        return self.to(_core.device_name("mtia", device))

    def type(self, dst_type: Any) -> Self:
        """Cast all parameters and buffers to ``dst_type``, integers included.

        Follows ``torch.nn.Module.type``.
        """
        return self._apply(lambda t: t.type(dst_type))

    def float(self) -> Self:
        """Cast floating point tensors to ``float32``. Follows ``torch.nn.Module.float``."""
        return self._apply(lambda t: t.float() if t.is_floating_point() else t)

    def double(self) -> Self:
        """Cast floating point tensors to ``float64``. Follows ``torch.nn.Module.double``."""
        return self._apply(lambda t: t.double() if t.is_floating_point() else t)

    def half(self) -> Self:
        """Cast floating point tensors to ``float16``. Follows ``torch.nn.Module.half``."""
        return self._apply(lambda t: t.half() if t.is_floating_point() else t)

    def bfloat16(self) -> Self:
        """Cast floating point tensors to ``bfloat16``. Follows ``torch.nn.Module.bfloat16``."""
        return self._apply(lambda t: t.bfloat16() if t.is_floating_point() else t)

    def share_memory(self) -> Self:
        """Accepted for programs that call it; threads share the module's tensors anyway.

        Follows ``torch.nn.Module.share_memory``.
        """
        return self

    def train(self, mode: bool = True) -> Self:
        """Set training mode, which dropout, batch norm and others look at.

        A module that :func:`flambeau.freeze` holds stays in evaluation mode.

        Raises:
            ValueError: ``mode`` is not a bool.

        Follows ``torch.nn.Module.train``.
        """
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        held = self._flambeau_frozen
        if held is None:
            self.training = mode
        else:
            held.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self) -> Self:
        """Set evaluation mode: ``train(False)``. Follows ``torch.nn.Module.eval``."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Set ``requires_grad`` of every parameter; False leaves running statistics moving.

        What :func:`flambeau.freeze` holds stays as it is, with a warning, until it is unfrozen.

        Follows ``torch.nn.Module.requires_grad_``.
        """
        held: dict[int, str] = {}
        for path, module in self.named_modules():
            frozen = module._flambeau_frozen
            if frozen is None:
                continue
            for name, param in module._parameters.items():
                if param is not None:
                    held[id(param)] = path or type(self).__name__
                    frozen.wanted[name] = requires_grad
        for param in self.parameters():
            if id(param) not in held:
                param.requires_grad_(requires_grad)
        if held and requires_grad:
            where = list(dict.fromkeys(held.values()))
            warn(
                "FB037",
                f"{type(self).__name__}.requires_grad_(True): {len(held)} parameters are frozen "
                f"and stay so (in {', '.join(where[:4])}{', ...' if len(where) > 4 else ''}); "
                "call flambeau.unfreeze(module) to train them",
                owner=self,
            )
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clear the gradients of every parameter.

        Args:
            set_to_none: drop the gradients; otherwise they are filled with zeros.

        Follows ``torch.nn.Module.zero_grad``.
        """
        for param in self.parameters():
            if param.grad is None:
                continue
            if set_to_none:
                param.grad = None
                continue
            if param.grad.grad_fn is not None:
                param.grad.detach_()
            else:
                param.grad.requires_grad_(False)
            param.grad.zero_()
