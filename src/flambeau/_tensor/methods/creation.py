"""Methods that make tensors of this one's dtype and device."""

from __future__ import annotations

from typing import Any

from flambeau._tensor import dtypes
from flambeau._tensor.core import TensorBase, value_of
from flambeau._tensor.functions import creation as functions
from flambeau._tensor.functions._making import parse_size


def _made_by(
    self: Any, make: Any, args: tuple[Any, ...], dtype: Any, device: Any, **rest: Any
) -> Any:
    aval = value_of(self).aval
    return make(
        *args,
        dtype=dtypes.from_numpy_dtype(aval.dtype) if dtype is None else dtype,
        device=self.device if device is None else device,
        **rest,
    )


class CreationMethods:
    """``new_*``."""

    def new_tensor(
        self,
        data: Any,
        *,
        dtype: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        layout: Any = None,
        pin_memory: bool = False,
    ) -> Any:
        """A new tensor with a copy of ``data``, of this one's dtype and on its device.

        Follows ``torch.Tensor.new_tensor``.
        """
        if isinstance(data, TensorBase):
            functions._warn_copy("tensor.new_tensor", 3)
            data = data.detach()
            made = functions.as_tensor(
                data,
                dtype=self.dtype if dtype is None else dtype,
                device=self.device if device is None else device,
            )
            made = made.clone() if made is data else made
            return made.requires_grad_(True) if requires_grad else made
        rest = {"requires_grad": requires_grad}
        return _made_by(self, functions.tensor, (data,), dtype, device, **rest)

    def new_full(
        self,
        size: Any,
        fill_value: Any,
        *,
        dtype: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        layout: Any = None,
        pin_memory: bool = False,
    ) -> Any:
        """:func:`flambeau.full` of this tensor's dtype and device.

        Follows ``torch.Tensor.new_full``.
        """
        rest = {"requires_grad": requires_grad, "layout": layout}
        return _made_by(self, functions.full, (size, fill_value), dtype, device, **rest)

    def new_zeros(
        self,
        *sizes: Any,
        size: Any = None,
        dtype: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        layout: Any = None,
        pin_memory: bool = False,
    ) -> Any:
        """:func:`flambeau.zeros` of this tensor's dtype and device.

        Follows ``torch.Tensor.new_zeros``.
        """
        rest = {"requires_grad": requires_grad, "layout": layout}
        shape_ = parse_size("new_zeros", sizes, size)
        return _made_by(self, functions.zeros, (shape_,), dtype, device, **rest)

    def new_ones(
        self,
        *sizes: Any,
        size: Any = None,
        dtype: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        layout: Any = None,
        pin_memory: bool = False,
    ) -> Any:
        """:func:`flambeau.ones` of this tensor's dtype and device.

        Follows ``torch.Tensor.new_ones``.
        """
        rest = {"requires_grad": requires_grad, "layout": layout}
        shape_ = parse_size("new_ones", sizes, size)
        return _made_by(self, functions.ones, (shape_,), dtype, device, **rest)

    def new_empty(
        self,
        *sizes: Any,
        size: Any = None,
        dtype: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        layout: Any = None,
        pin_memory: bool = False,
    ) -> Any:
        """:func:`flambeau.empty` of this tensor's dtype and device.

        Follows ``torch.Tensor.new_empty``.
        """
        rest = {"requires_grad": requires_grad, "layout": layout}
        shape_ = parse_size("new_empty", sizes, size)
        return _made_by(self, functions.empty, (shape_,), dtype, device, **rest)

    def new_empty_strided(
        self,
        size: Any,
        stride: Any,
        dtype: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        layout: Any = None,
        pin_memory: bool = False,
    ) -> Any:
        """:func:`flambeau.empty_strided` of this tensor's dtype and device.

        Follows ``torch.Tensor.new_empty_strided``.
        """
        rest = {"requires_grad": requires_grad, "layout": layout}
        return _made_by(self, functions.empty_strided, (size, stride), dtype, device, **rest)

    def new(self, *args: Any, device: Any = None) -> Any:
        """The old constructor: a tensor of this one's dtype from data or sizes.

        Follows ``torch.Tensor.new``.
        """
        from flambeau._tensor.tensor import _legacy

        return _legacy(args, self.dtype, self.device if device is None else device)
