"""Methods of shapes and views, and indexing."""

from __future__ import annotations

from typing import Any

from flambeau._autograd.tape import mode
from flambeau._engine.changes import changes
from flambeau._tensor import documents, indexing
from flambeau._tensor.core import Storage, value_of
from flambeau._tensor.dispatch import check_writable
from flambeau._tensor.functions import indexing as picks
from flambeau._tensor.functions import joining as j
from flambeau._tensor.functions import shape as f


def _rebound(name: str, function: Any) -> Any:
    """The in-place form of a view: the tensor itself shows its memory in another shape."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        if mode.grad:
            check_writable(self)
        return _become(self, function(self, *args, **kwargs))

    method.__name__ = method.__qualname__ = name
    method.__doc__ = documents.in_place(name, function)
    return method


def _become(self: Any, shown: Any) -> Any:
    """Make a tensor show what a view of it shows."""
    if shown is self:
        return self
    value = value_of(shown)
    if self._chain is not None:
        # The same memory: what was seen through other views stays connected.
        self._chain, self._seen = shown._chain, (value, self._storage.version)
    else:
        self._storage = Storage(value)
    self._edge = shown._edge
    changes.count += 1
    return self


class ShapeMethods:
    """Views of tensors in other shapes, and their pieces."""

    __getitem__ = indexing.getitem
    __setitem__ = indexing.setitem
    __iter__ = picks.iterate

    adjoint = f.adjoint
    as_strided = f.as_strided
    broadcast_to = f.broadcast_to
    chunk = f.chunk
    contiguous = f.contiguous
    diagonal = f.diagonal
    dsplit = f.dsplit
    expand = f.expand
    expand_as = f.expand_as
    flatten = f.flatten
    hsplit = f.hsplit
    is_contiguous = f.is_contiguous
    moveaxis = f.moveaxis
    movedim = f.movedim
    narrow = f.narrow
    permute = f.permute
    ravel = f.ravel
    reshape = f.reshape
    reshape_as = f.reshape_as
    select = f.select
    split = f.split
    split_with_sizes = f.split_with_sizes
    unsafe_split = f.split
    unsafe_chunk = f.chunk
    squeeze = f.squeeze
    storage_offset = f.storage_offset
    stride = f.stride
    swapaxes = f.swapaxes
    swapdims = f.swapdims
    t = f.t
    tensor_split = f.tensor_split
    transpose = f.transpose
    unbind = f.unbind
    unflatten = f.unflatten
    unfold = f.unfold
    unsqueeze = f.unsqueeze
    view = f.view
    view_as = f.view_as
    vsplit = f.vsplit

    as_strided_ = _rebound("as_strided_", f.as_strided)
    moveaxis_ = _rebound("moveaxis_", f.moveaxis)
    movedim_ = _rebound("movedim_", f.movedim)
    squeeze_ = _rebound("squeeze_", f.squeeze)
    swapaxes_ = _rebound("swapaxes_", f.swapaxes)
    swapdims_ = _rebound("swapdims_", f.swapdims)
    t_ = _rebound("t_", f.t)
    transpose_ = _rebound("transpose_", f.transpose)
    unsqueeze_ = _rebound("unsqueeze_", f.unsqueeze)

    block_diag = j.block_diag
    diag = j.diag
    diag_embed = j.diag_embed
    diagflat = j.diagflat
    flip = j.flip
    fliplr = j.fliplr
    flipud = j.flipud
    repeat = j.repeat
    repeat_interleave = j.repeat_interleave
    roll = j.roll
    rot90 = j.rot90
    tile = j.tile
    trace = j.trace
    tril = j.tril
    triu = j.triu

    @property
    def T(self) -> Any:
        """All dimensions in reverse order."""
        return f.permute(self, tuple(range(self.ndim - 1, -1, -1)))

    @property
    def mT(self) -> Any:
        """The last two dimensions exchanged."""
        if self.ndim < 2:
            raise RuntimeError(
                "tensor.mT is only supported on matrices or batches of matrices. Got "
                f"{self.ndim}-D tensor."
            )
        return f.transpose(self, -2, -1)

    @property
    def H(self) -> Any:
        """A matrix transposed and conjugated."""
        ndim = self.ndim
        if ndim not in (0, 2):
            raise RuntimeError(
                f"tensor.H is only supported on matrices (2-D tensors). Got {ndim}-D tensor."
            )
        return self if ndim == 0 else f.adjoint(self)

    @property
    def mH(self) -> Any:
        """The last two dimensions exchanged, and conjugated."""
        return f.adjoint(self)

    @property
    def real(self) -> Any:
        """The real part, as a view; a real tensor is its own."""
        if value_of(self).aval.dtype.kind != "c":  # type: ignore[arg-type]
            return self
        return f.real(self)

    @real.setter
    def real(self, value: Any) -> None:
        f.real(self).copy_(value) if hasattr(value, "shape") else f.real(self).fill_(value)

    @property
    def imag(self) -> Any:
        """The imaginary part, as a view."""
        return f.imag(self)

    @imag.setter
    def imag(self, value: Any) -> None:
        f.imag(self).copy_(value) if hasattr(value, "shape") else f.imag(self).fill_(value)

    def resize_(self, *size: Any, memory_format: Any = None) -> Any:
        """Give the tensor another size: elements in order, zeros where there were none.

        Follows ``torch.Tensor.resize_``.
        """
        if self._edge is not None:
            raise RuntimeError("cannot resize variables that require grad")
        wanted = f.sizes_of(size)
        count = 1
        for n in wanted:
            count *= n
        flat = f.reshape(self, -1)
        missing = count - flat.shape[0]
        flat = j.constant_pad_nd(flat, (0, missing), 0)
        return _become(self, f.reshape(flat, wanted).clone())

    def resize_as_(self, other: Any, *, memory_format: Any = None) -> Any:
        """Give the tensor the size of another; elements beyond the old ones are undefined.

        Shape:
            ``(*)`` to ``(*)`` with the other's sizes.

        Dtypes:
            Any; the result has the input's.

        Raises:
            TypeError: the first argument is no tensor.

        Example:
            >>> import flambeau as torch
            >>> torch.arange(4).resize_as_(torch.ones(2, 2))
            tensor([[0, 1],
                    [2, 3]])

        Follows ``torch.Tensor.resize_as_``.
        """
        return self.resize_(other.shape)

    def is_set_to(self, tensor: Any) -> bool:
        """Whether both tensors show the same memory. Follows ``torch.Tensor.is_set_to``."""
        from flambeau._tensor.strides import same_memory

        return same_memory(self, tensor)  # type: ignore[arg-type]

    def alias(self) -> Any:
        """A view of the whole tensor."""
        return indexing.alias(self)


__all__ = ["ShapeMethods"]
