"""Methods about memory, and answers about what a tensor is not."""

from __future__ import annotations

from typing import Any

from flambeau._scope import message
from flambeau._tensor.core import TensorBase
from flambeau._tensor.functions import shape, spectral
from flambeau._tensor.functions.view_copies import narrow_copy
from flambeau._tensor.storages import TypedStorage, UntypedStorage, _over, storage_of
from flambeau._tensor.strides import contiguous_strides
from flambeau.errors import OutOfScopeNameError


class MemoryMethods:
    """Storages, and names that only PyTorch's other kinds of tensors answer."""

    is_xla = False
    is_xpu = False
    is_mps = False
    is_mtia = False
    is_ipu = False
    is_maia = False
    is_vulkan = False
    is_sparse_csr = False
    name: str | None = None

    narrow_copy = narrow_copy
    unsafe_split_with_sizes = shape.split_with_sizes
    stft = spectral.stft
    istft = spectral.istft

    def __getattr__(self, name: str) -> Any:
        # Asked only for what is nowhere else.
        if not name.startswith("_"):
            text = message(f"torch.Tensor.{name}")
            if text is not None:
                raise OutOfScopeNameError(text, name=name, obj=self)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def untyped_storage(self) -> UntypedStorage:
        """The bytes behind the tensor. Follows ``torch.Tensor.untyped_storage``."""
        return storage_of(self)  # type: ignore[arg-type]

    def storage(self) -> TypedStorage:
        """The elements behind the tensor. Follows ``torch.Tensor.storage``."""
        dtype = self.dtype
        return TypedStorage(wrap_storage=self.untyped_storage(), dtype=dtype)

    _typed_storage = storage

    def storage_type(self) -> type:
        """The class of :meth:`storage`. Follows ``torch.Tensor.storage_type``."""
        return TypedStorage

    def const_data_ptr(self) -> int:
        """:meth:`data_ptr`. Follows ``torch.Tensor.const_data_ptr``."""
        return self.data_ptr()

    def dim_order(self, *, ambiguity_check: Any = False) -> tuple[int, ...]:
        """The dimensions by falling stride: how the tensor is laid out.

        Args:
            ambiguity_check: raise where dimensions could be told in another order as well.

        Example:
            >>> import flambeau as torch
            >>> torch.zeros(2, 3, 4).transpose(0, 2).dim_order()
            (2, 1, 0)

        Follows ``torch.Tensor.dim_order``.
        """
        steps, sizes = self.stride(), tuple(self.shape)
        order = sorted(range(len(steps)), key=lambda d: -steps[d])
        if ambiguity_check and (len(set(steps)) < len(steps) or any(n == 1 for n in sizes)):
            raise RuntimeError("The tensor does not have unique dim order.")
        return tuple(order)

    def set_(
        self, source: Any = None, storage_offset: int = 0, size: Any = None, stride: Any = None
    ) -> Any:
        """Show another tensor's or storage's memory, and share it; returns itself.

        Args:
            source: a tensor, a storage, or None for no memory.
            storage_offset: the first element, for a source with a ``size``.
            size: sizes of the view over the memory.
            stride: its strides, those of a contiguous tensor if None.

        Raises:
            RuntimeError: the dtypes differ.

        Example:
            >>> import flambeau as torch
            >>> x, y = torch.tensor([0.0]), torch.tensor([1.0, 2.0])
            >>> y_too = x.set_(y)
            >>> y[0] = 5
            >>> x
            tensor([5., 2.])

        Follows ``torch.Tensor.set_``.
        """
        mine: Any = self
        if source is None:
            shown = mine.new_empty(0)
        elif isinstance(source, TensorBase):
            shown = source
        else:
            memory = source.untyped()._memory
            shown = _over(memory)
            if memory.value.aval.dtype != mine.dtype.numpy:
                shown = shown.reshape(-1).view(mine.dtype)
            if size is None:
                size = (shown.numel(),)
        if shown.dtype is not mine.dtype:
            raise RuntimeError(
                f"set_(): the source has dtype {shown.dtype}, but the tensor has {mine.dtype}; "
                "they must be equal"
            )
        if size is not None:
            sizes = shape.sizes_of((size,))
            steps = contiguous_strides(sizes) if stride is None else stride
            shown = shape.as_strided(shown.detach(), sizes, steps, storage_offset)
        mine._set_data(shown.detach())
        return self

    def map2_(self, x: Any, y: Any, callable: Any) -> Any:
        """Replace every element ``a`` by ``callable(a, b, c)`` with ``b``, ``c`` of ``x``, ``y``.

        It runs on the host and is slow.

        Raises:
            TypeError: a tensor requires grad.

        Follows ``torch.Tensor.map2_``.
        """
        mine: Any = self
        if mine.requires_grad or x.requires_grad or y.requires_grad:
            raise TypeError("can't call map2_() on Variable that requires grad")
        rest = iter(y.expand(mine.shape).reshape(-1).tolist())
        return mine.map_(x, lambda a, b: callable(a, b, next(rest)))


__all__ = ["MemoryMethods"]
