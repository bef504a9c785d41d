"""Joining, repeating and rearranging: over :mod:`flambeau._ops.joining`."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from flambeau._engine.recorder import read
from flambeau._ops import joining as rows
from flambeau._tensor.construct import constant
from flambeau._tensor.core import TensorBase, value_of, wrap
from flambeau._tensor.dispatch import public, run
from flambeau._tensor.functions import shape
from flambeau._tensor.functions.shape import sizes_of

cat = public(rows.cat)
stack = public(rows.stack)
hstack = public(rows.hstack)
vstack = public(rows.vstack)
dstack = public(rows.dstack)
column_stack = public(rows.column_stack)
rot90 = public(rows.rot90)
roll = public(rows.roll)
fliplr = public(rows.fliplr)
flipud = public(rows.flipud)
constant_pad_nd = public(rows.constant_pad_nd)
tril = public(rows.tril)
triu = public(rows.triu)
diag_embed = public(rows.diag_embed)
diag = public(rows.diag)
trace = public(rows.trace)
vander = public(rows.vander)


def concat(tensors: Any, dim: int = 0, *, out: Any = None) -> Any:
    """The tensors one after the other.

    Shape:
        ``(*, N_i, *)`` each, to ``(*, sum of N_i, *)``.

    Dtypes:
        Any; the result has the input's.

    Raises:
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.concat((torch.tensor([1]), torch.tensor([2, 3])))
        tensor([1, 2, 3])

    Follows ``torch.concat``.
    """
    return cat(tensors, dim, out=out)


def concatenate(tensors: Any, dim: int = 0, *, out: Any = None) -> Any:
    """The tensors one after the other.

    Shape:
        ``(*, N_i, *)`` each, to ``(*, sum of N_i, *)``.

    Dtypes:
        Any; the result has the input's.

    Raises:
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.concatenate((torch.tensor([1]), torch.tensor([2, 3])))
        tensor([1, 2, 3])

    Follows ``torch.concatenate``.
    """
    return cat(tensors, dim, out=out)


def row_stack(tensors: Any, *, out: Any = None) -> Any:
    """The tensors joined along dimension 0.

    Shape:
        ``(*, N_i, *)`` each, to ``(*, sum of N_i, *)``.

    Dtypes:
        Any; the result has the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.row_stack((torch.tensor([1, 2]), torch.tensor([3, 4])))
        tensor([[1, 2],
                [3, 4]])

    Follows ``torch.row_stack``.
    """
    return vstack(tensors, out=out)


def block_diag(*tensors: Any) -> Any:
    """One matrix with the given matrices along its diagonal.

    Shape:
        ``(M_i, N_i)`` each, to ``(sum of M_i, sum of N_i)``.

    Dtypes:
        Any.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.block_diag(torch.ones(1, 1), torch.ones(1, 2))
        tensor([[1., 0., 0.],
                [0., 1., 1.]])

    Follows ``torch.block_diag``.
    """
    return run(rows.block_diag, (tensors,), ())


def _given(args: tuple[Any, ...], named: Any) -> tuple[int, ...]:
    return sizes_of(args if named is None else (named,), "dims")


def repeat(input: Any, *args: Any, repeats: Any = None) -> Any:
    """The tensor repeated along its dimensions. Follows ``torch.Tensor.repeat``."""
    return run(rows.repeat, (input,), (("repeats", _given(args, repeats)),))


def tile(input: Any, *args: Any, dims: Any = None) -> Any:
    """The tensor repeated along its dimensions; missing counts are 1.

    Shape:
        ``(N_1, ...)`` to ``(N_1 * dims_1, ...)``, ones filled in before.

    Dtypes:
        Any; the result has the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.tile(torch.tensor([1, 2]), (2,))
        tensor([1, 2, 1, 2])

    Follows ``torch.tile``.
    """
    return run(rows.tile, (input,), (("dims", _given(args, dims)),))


def flip(input: Any, *args: Any, dims: Any = None) -> Any:
    """The order of the elements reversed along ``dims``.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Any; the result has the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.flip(torch.tensor([1, 2, 3]), (0,))
        tensor([3, 2, 1])

    Follows ``torch.flip``.
    """
    return run(rows.flip, (input,), (("dims", _given(args, dims)),))


def repeat_interleave(
    input: Any, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> Any:
    """Each element repeated in its place: ``repeats`` times, or by a count of its own.

    Counts in a tensor are read to know the size of the result, unless ``output_size`` is given.

    Shape:
        ``(*, N, *)`` to ``(*, K, *)``, K being the sum of the repeats; without ``dim``, to
        ``(K,)``.

    Dtypes:
        Any; the result has the input's.

    Raises:
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.repeat_interleave(torch.tensor([1, 2]), 2)
        tensor([1, 1, 2, 2])

    Follows ``torch.repeat_interleave``.
    """
    if repeats is None:
        counts = input
        size = int(counts.sum().item()) if output_size is None else output_size
        device = value_of(counts).aval.device
        each = wrap(constant(np.arange(counts.numel()), device))
        static = (("dim", 0), ("output_size", size))
        return run(rows.repeat_interleave_counts, (each, counts), static)
    if not isinstance(repeats, TensorBase):
        if isinstance(repeats, (tuple, list)):
            repeats = wrap(constant(np.asarray(repeats, np.int64), value_of(input).aval.device))
        else:
            static = (("repeats", operator.index(repeats)), ("dim", dim))
            return run(rows.repeat_interleave, (input,), static)
    if output_size is None:
        total = int(np.asarray(read(value_of(repeats))).sum())
        if value_of(repeats).aval.size == 1:
            length = input.numel() if dim is None else input.size(dim)
            total *= length
        output_size = total
    static = (("dim", dim), ("output_size", output_size))
    return run(rows.repeat_interleave_counts, (input, repeats), static)


def diagflat(input: Any, offset: int = 0) -> Any:
    """A matrix with all elements of a tensor on a diagonal.

    Shape:
        ``(*)`` of N elements to ``(N + |offset|, N + |offset|)``.

    Dtypes:
        Any; the result has the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.diagflat(torch.tensor([1, 2]))
        tensor([[1, 0],
                [0, 2]])

    Follows ``torch.diagflat``.
    """
    return diag_embed(shape.reshape(input, -1), offset)


__all__ = [
    "block_diag", "cat", "column_stack", "concat",
    "concatenate", "constant_pad_nd", "diag", "diag_embed", "diagflat", "dstack", "flip", "fliplr",
    "flipud", "hstack", "repeat", "repeat_interleave", "roll", "rot90", "row_stack",
    "stack", "tile", "trace", "tril", "triu",
    "vander", "vstack",
]  # fmt: skip
