"""Methods that copy and convert."""

from __future__ import annotations

from typing import Any

import numpy as np

from flambeau._tensor import dtypes
from flambeau._tensor.construct import from_data
from flambeau._tensor.dispatch import assign
from flambeau._tensor.functions import casts as f
from flambeau._tensor.functions.settings import is_inference


class CastMethods:
    """Copies of tensors, into new ones or in place, and conversions of dtype."""

    clone = f.clone

    def copy_(self, src: Any, non_blocking: Any = False) -> Any:
        """Copy the elements of ``src`` into this tensor, broadcast and cast; returns itself.

        Follows ``torch.Tensor.copy_``.
        """
        return assign(self, f.copy(self, src), "copy_")

    def fill_(self, value: Any) -> Any:
        """Set every element to ``value``, a number or a tensor with one element.

        Shape:
            ``(*)`` to ``(*)``.

        Dtypes:
            Any; the result has the input's.

        Raises:
            RuntimeError: ``value`` is a tensor of more than zero dimensions.

        Example:
            >>> import flambeau as torch
            >>> torch.ones(2).fill_(3)
            tensor([3., 3.])

        Follows ``torch.Tensor.fill_``.
        """
        return assign(self, f.fill(self, value), "fill_")

    def zero_(self) -> Any:
        """Set every element to 0.

        Example:
            >>> import flambeau as torch
            >>> torch.ones(2).zero_()
            tensor([0., 0.])

        Follows ``torch.Tensor.zero_``.
        """
        return assign(self, f.fill(self, 0), "zero_")

    def type_as(self, other: Any) -> Any:
        """The tensor in the dtype of another. Follows ``torch.Tensor.type_as``."""
        return self.to(other.dtype)

    def float(self, memory_format: Any = None) -> Any:
        """The tensor as float32. Follows ``torch.Tensor.float``."""
        return self.to(dtypes.float32)

    def double(self, memory_format: Any = None) -> Any:
        """The tensor as float64. Follows ``torch.Tensor.double``."""
        return self.to(dtypes.float64)

    def half(self, memory_format: Any = None) -> Any:
        """The tensor as float16. Follows ``torch.Tensor.half``."""
        return self.to(dtypes.float16)

    def bfloat16(self, memory_format: Any = None) -> Any:
        """The tensor as bfloat16. Follows ``torch.Tensor.bfloat16``."""
        return self.to(dtypes.bfloat16)

    def int(self, memory_format: Any = None) -> Any:
        """The tensor as int32. Follows ``torch.Tensor.int``."""
        return self.to(dtypes.int32)

    def long(self, memory_format: Any = None) -> Any:
        """The tensor as int64. Follows ``torch.Tensor.long``."""
        return self.to(dtypes.int64)

    def short(self, memory_format: Any = None) -> Any:
        """The tensor as int16. Follows ``torch.Tensor.short``."""
        return self.to(dtypes.int16)

    def char(self, memory_format: Any = None) -> Any:
        """The tensor as int8. Follows ``torch.Tensor.char``."""
        return self.to(dtypes.int8)

    def byte(self, memory_format: Any = None) -> Any:
        """The tensor as uint8. Follows ``torch.Tensor.byte``."""
        return self.to(dtypes.uint8)

    def bool(self, memory_format: Any = None) -> Any:
        """The tensor as bool. Follows ``torch.Tensor.bool``."""
        return self.to(dtypes.bool_)

    def cfloat(self, memory_format: Any = None) -> Any:
        """The tensor as complex64. Follows ``torch.Tensor.cfloat``."""
        return self.to(dtypes.complex64)

    def cdouble(self, memory_format: Any = None) -> Any:
        """The tensor as complex128. Follows ``torch.Tensor.cdouble``."""
        return self.to(dtypes.complex128)

    def is_inference(self) -> bool:
        """Whether inference mode is on. Follows ``torch.Tensor.is_inference``."""
        return is_inference(self)

    def is_pinned(self, device: Any = None) -> bool:
        """False: host memory is JAX's. Follows ``torch.Tensor.is_pinned``."""
        return False

    def pin_memory(self, device: Any = None) -> Any:
        """The tensor itself: host memory is JAX's. Follows ``torch.Tensor.pin_memory``."""
        return self

    def record_stream(self, stream: Any) -> None:
        """Accepted: XLA keeps memory alive by itself. Follows ``torch.Tensor.record_stream``."""

    def apply_(self, callable: Any) -> Any:
        """Replace every element ``x`` by ``callable(x)``, on the host; slow.

        Follows ``torch.Tensor.apply_``.
        """
        return self.map_(self, lambda x, _: callable(x))

    def map_(self, tensor: Any, callable: Any) -> Any:
        """Replace every element ``x`` by ``callable(x, y)`` with ``y`` of ``tensor``.

        It runs on the host and is slow. Follows ``torch.Tensor.map_``.

        Raises:
            TypeError: the tensor requires grad.
        """
        if self.requires_grad:
            raise TypeError("can't call map_() on Variable that requires grad")
        mine = np.asarray(self.detach().numpy())
        other = np.broadcast_to(tensor.detach().numpy(), mine.shape)
        made = np.empty_like(mine)
        for place in np.ndindex(mine.shape):
            made[place] = callable(mine[place].item(), other[place].item())
        return assign(self, from_data(made, self.dtype, self.device), "map_")
