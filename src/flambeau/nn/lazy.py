"""Layers that learn the size of their input from the first one they see."""

from __future__ import annotations

import warnings
from typing import Any

from flambeau.nn import _core
from flambeau.nn.batchnorm import BatchNorm1d, BatchNorm2d, BatchNorm3d
from flambeau.nn.conv import (
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose1d,
    ConvTranspose2d,
    ConvTranspose3d,
)
from flambeau.nn.instancenorm import InstanceNorm1d, InstanceNorm2d, InstanceNorm3d
from flambeau.nn.linear import Linear
from flambeau.nn.parameter import UninitializedBuffer, UninitializedParameter, is_lazy

__all__ = [
    "LazyBatchNorm1d",
    "LazyBatchNorm2d",
    "LazyBatchNorm3d",
    "LazyConv1d",
    "LazyConv2d",
    "LazyConv3d",
    "LazyConvTranspose1d",
    "LazyConvTranspose2d",
    "LazyConvTranspose3d",
    "LazyInstanceNorm1d",
    "LazyInstanceNorm2d",
    "LazyInstanceNorm3d",
    "LazyLinear",
    "LazyModuleMixin",
]


class LazyModuleMixin:
    """Makes a module initialize its parameters at the first call.

    A subclass defines `initialize_parameters`, which gets the arguments of the call, and may
    name the class to turn into afterwards in `cls_to_become`.

    Follows ``torch.nn.modules.lazy.LazyModuleMixin``.
    """

    cls_to_become: type[Any] | None = None

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._load_hook = self._register_load_state_dict_pre_hook(self._lazy_load_hook)
        self._initialize_hook = self.register_forward_pre_hook(
            self._infer_parameters, with_kwargs=True
        )
        warnings.warn(
            "Lazy modules are a new feature under heavy development so changes to the API or "
            "functionality can happen at any moment.",
            stacklevel=3,
        )

    def _save_to_state_dict(
        self: Any, destination: dict[str, Any], prefix: str, keep_vars: bool
    ) -> None:
        for table, skip in (
            (self._parameters, set()),
            (self._buffers, self._non_persistent_buffers_set),
        ):
            for name, value in table.items():
                if value is not None and name not in skip:
                    as_is = is_lazy(value) or keep_vars
                    destination[prefix + name] = value if as_is else value.detach()

    def _lazy_load_hook(self: Any, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        """Take the shapes from what is loaded."""
        for table in (self._parameters, self._buffers):
            for name, value in table.items():
                loaded = state_dict.get(prefix + name)
                if loaded is not None and is_lazy(value) and not is_lazy(loaded):
                    with _core.no_grad():
                        value.materialize(loaded.shape)

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Give the parameters their shapes."""
        raise NotImplementedError(
            f"initialize_parameters is not implemented for {type(self).__name__}"
        )

    def has_uninitialized_params(self: Any) -> bool:
        """Whether a parameter or buffer still has no shape."""
        return any(is_lazy(v) for v in (*self._parameters.values(), *self._buffers.values()))

    @staticmethod
    def _infer_parameters(module: Any, args: Any, kwargs: Any = None) -> None:
        module.initialize_parameters(*args, **(kwargs or {}))
        if module.has_uninitialized_params():
            raise RuntimeError(f"module {module._get_name()} has not been fully initialized")
        module._initialize_hook.remove()
        module._load_hook.remove()
        delattr(module, "_initialize_hook")
        delattr(module, "_load_hook")
        if module.cls_to_become is not None:
            module.__class__ = module.cls_to_become


class LazyLinear(LazyModuleMixin, Linear):
    """A :class:`Linear` whose `in_features` comes from its first input.

    Follows ``torch.nn.LazyLinear``.
    """

    cls_to_become = Linear

    def __init__(
        self, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        # The sizes are not known, so that nothing can be drawn yet.
        super().__init__(0, 0, False)
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        self.out_features = out_features
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def reset_parameters(self) -> None:
        """Draw the parameters anew, once they have shapes."""
        if not self.has_uninitialized_params() and self.in_features != 0:
            super().reset_parameters()

    def initialize_parameters(self, input: Any) -> None:
        """Take the width of `input`."""
        if not self.has_uninitialized_params():
            if self.in_features == 0:
                self.in_features = self.weight.shape[-1]
            return
        with _core.no_grad():
            self.in_features = input.shape[-1]
            self.weight.materialize((self.out_features, self.in_features))
            if self.bias is not None:
                self.bias.materialize((self.out_features,))
            self.reset_parameters()


class _LazyConv(LazyModuleMixin):
    """What lazy convolutions share."""

    _dims: int
    transposed: bool

    def _take_channels(self: Any, out_channels: int, bias: bool, device: Any, dtype: Any) -> None:
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        self.out_channels = out_channels
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def reset_parameters(self: Any) -> None:
        """Draw the parameters anew, once they have shapes."""
        if not self.has_uninitialized_params() and self.in_channels != 0:
            super().reset_parameters()

    def initialize_parameters(self: Any, input: Any, *args: Any, **kwargs: Any) -> None:
        """Take the channels of `input`."""
        if not self.has_uninitialized_params():
            if self.in_channels == 0:
                self.in_channels = self.weight.shape[0 if self.transposed else 1] * (
                    1 if self.transposed else self.groups
                )
            return
        with _core.no_grad():
            self.in_channels = self._get_in_channels(input)
            if self.in_channels % self.groups:
                raise ValueError("in_channels must be divisible by groups")
            if self.transposed:
                channels = (self.in_channels, self.out_channels // self.groups)
            else:
                channels = (self.out_channels, self.in_channels // self.groups)
            self.weight.materialize((*channels, *self.kernel_size))
            if self.bias is not None:
                self.bias.materialize((self.out_channels,))
            self.reset_parameters()

    def _get_in_channels(self: Any, input: Any) -> int:
        n = self._get_num_spatial_dims()
        if input.ndim not in (n + 1, n + 2):
            raise RuntimeError(
                f"Expected {n + 1}D (unbatched) or {n + 2}D (batched) input to "
                f"{type(self).__name__}, but got input of size: {input.shape}"
            )
        return input.shape[1] if input.ndim == n + 2 else input.shape[0]

    def _get_num_spatial_dims(self) -> int:
        return self._dims


class _LazyForward(_LazyConv):
    def __init__(
        self: Any,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(0, 0, kernel_size, stride, padding, dilation, groups, False, padding_mode)
        self._take_channels(out_channels, bias, device, dtype)


class _LazyTransposed(_LazyConv):
    def __init__(
        self: Any,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            0,
            0,
            kernel_size,
            stride,
            padding,
            output_padding,
            groups,
            False,
            dilation,
            padding_mode,
        )
        self._take_channels(out_channels, bias, device, dtype)


class LazyConv1d(_LazyForward, Conv1d):
    """A :class:`Conv1d` whose `in_channels` comes from its first input.

    Follows ``torch.nn.LazyConv1d``.
    """

    cls_to_become = Conv1d


class LazyConv2d(_LazyForward, Conv2d):
    """A :class:`Conv2d` whose `in_channels` comes from its first input.

    Follows ``torch.nn.LazyConv2d``.
    """

    cls_to_become = Conv2d


class LazyConv3d(_LazyForward, Conv3d):
    """A :class:`Conv3d` whose `in_channels` comes from its first input.

    Follows ``torch.nn.LazyConv3d``.
    """

    cls_to_become = Conv3d


class LazyConvTranspose1d(_LazyTransposed, ConvTranspose1d):
    """A :class:`ConvTranspose1d` whose `in_channels` comes from its first input.

    Follows ``torch.nn.LazyConvTranspose1d``.
    """

    cls_to_become = ConvTranspose1d


class LazyConvTranspose2d(_LazyTransposed, ConvTranspose2d):
    """A :class:`ConvTranspose2d` whose `in_channels` comes from its first input.

    Follows ``torch.nn.LazyConvTranspose2d``.
    """

    cls_to_become = ConvTranspose2d


class LazyConvTranspose3d(_LazyTransposed, ConvTranspose3d):
    """A :class:`ConvTranspose3d` whose `in_channels` comes from its first input.

    Follows ``torch.nn.LazyConvTranspose3d``.
    """

    cls_to_become = ConvTranspose3d


class _LazyNorm(LazyModuleMixin):
    """What lazy normalizations share."""

    def __init__(
        self: Any,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        where = {"device": device, "dtype": dtype}
        super().__init__(0, eps, momentum, False, False, **where)
        self.affine = affine
        self.track_running_stats = track_running_stats
        if affine:
            self.weight = UninitializedParameter(**where)
            if bias:
                self.bias = UninitializedParameter(**where)
        if track_running_stats:
            self.running_mean = UninitializedBuffer(**where)
            self.running_var = UninitializedBuffer(**where)
            self.num_batches_tracked = _core.tensor(0, dtype=_core.int64, device=device)

    def reset_parameters(self: Any) -> None:
        """Start anew, once there are shapes."""
        if not self.has_uninitialized_params() and self.num_features != 0:
            super().reset_parameters()

    def initialize_parameters(self: Any, input: Any) -> None:
        """Take the channels of `input`."""
        if not self.has_uninitialized_params():
            return
        space = getattr(self, "_space", None)
        axis = 0 if space is not None and input.ndim == space + 1 else 1
        self.num_features = input.shape[axis]
        for name in ("weight", "bias", "running_mean", "running_var"):
            held = getattr(self, name)
            if is_lazy(held):
                held.materialize((self.num_features,))
        self.reset_parameters()


class LazyBatchNorm1d(_LazyNorm, BatchNorm1d):
    """A :class:`BatchNorm1d` whose channels come from its first input.

    Follows ``torch.nn.LazyBatchNorm1d``.
    """

    cls_to_become = BatchNorm1d


class LazyBatchNorm2d(_LazyNorm, BatchNorm2d):
    """A :class:`BatchNorm2d` whose channels come from its first input.

    Follows ``torch.nn.LazyBatchNorm2d``.
    """

    cls_to_become = BatchNorm2d


class LazyBatchNorm3d(_LazyNorm, BatchNorm3d):
    """A :class:`BatchNorm3d` whose channels come from its first input.

    Follows ``torch.nn.LazyBatchNorm3d``.
    """

    cls_to_become = BatchNorm3d


class LazyInstanceNorm1d(_LazyNorm, InstanceNorm1d):
    """An :class:`InstanceNorm1d` whose channels come from its first input.

    Follows ``torch.nn.LazyInstanceNorm1d``.
    """

    cls_to_become = InstanceNorm1d


class LazyInstanceNorm2d(_LazyNorm, InstanceNorm2d):
    """An :class:`InstanceNorm2d` whose channels come from its first input.

    Follows ``torch.nn.LazyInstanceNorm2d``.
    """

    cls_to_become = InstanceNorm2d


class LazyInstanceNorm3d(_LazyNorm, InstanceNorm3d):
    """An :class:`InstanceNorm3d` whose channels come from its first input.

    Follows ``torch.nn.LazyInstanceNorm3d``.
    """

    cls_to_become = InstanceNorm3d
