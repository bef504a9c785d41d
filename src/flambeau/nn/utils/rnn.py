"""Sequences of different lengths: padded, packed, and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from flambeau.nn import _core
from flambeau.nn._core import Tensor
from flambeau.nn._recurrent import cat, index_select, reshape, stack

__all__ = [
    "PackedSequence",
    "invert_permutation",
    "pack_padded_sequence",
    "pack_sequence",
    "pad_packed_sequence",
    "pad_sequence",
    "unpack_sequence",
    "unpad_sequence",
]


class _Fields(NamedTuple):
    data: Any
    batch_sizes: Any
    sorted_indices: Any
    unsorted_indices: Any


class PackedSequence(_Fields):
    """Sequences of different lengths without padding, time step by time step.

    Made by :func:`pack_padded_sequence` and :func:`pack_sequence`; recurrent layers take it.

    Attributes:
        data: the elements, all of the first time step, then all of the second, ....
        batch_sizes: how many sequences reach each time step.
        sorted_indices: how the batch was sorted by length, or None.
        unsorted_indices: how to undo that, or None.

    Follows ``torch.nn.utils.rnn.PackedSequence``.
    """

    def __new__(
        cls,
        data: Any,
        batch_sizes: Any = None,
        sorted_indices: Any = None,
        unsorted_indices: Any = None,
    ) -> PackedSequence:
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        if batch_sizes is None:
            if len(data) != 2:
                raise AssertionError(f"PackedSequence: expected (data, batch_sizes), got {data}")
            data, batch_sizes = data
        elif batch_sizes.device.type != "cpu":
            raise ValueError(
                "batch_sizes should always be on CPU. "
                "Instances of PackedSequence should never be created manually. "
                "They should be instantiated by functions like pack_sequence "
                "and pack_padded_sequences in nn.utils.rnn. "
                "https://pytorch.org/docs/stable/nn.html#torch.nn.utils.rnn.pack_sequence"
            )
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """The sequences on another device or of another dtype."""
        data = self.data.to(*args, **kwargs)
        if data is self.data:
            return self
        kwargs = {k: v for k, v in kwargs.items() if k not in ("device", "dtype")}
        order, back = (
            None if t is None else t.to(data.device, **kwargs)
            for t in (self.sorted_indices, self.unsorted_indices)
        )
        return type(self)(data, self.batch_sizes, order, back)

    def pin_memory(self) -> PackedSequence:
        """Accepted; JAX manages transfers itself."""
        return self

    def cuda(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """The sequences on a GPU."""
        return self.to(*args, device="cuda", **kwargs) if not args else self.to(*args, **kwargs)

    def cpu(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """The sequences in the host's memory."""
        return self.to(*args, device="cpu", **kwargs)

    def double(self) -> PackedSequence:
        """The sequences as ``float64``."""
        return self.to(dtype=self._kind("float64"))

    def float(self) -> PackedSequence:
        """The sequences as ``float32``."""
        return self.to(dtype=self._kind("float32"))

    def half(self) -> PackedSequence:
        """The sequences as ``float16``."""
        return self.to(dtype=self._kind("float16"))

    def long(self) -> PackedSequence:
        """The sequences as ``int64``."""
        return self.to(dtype=self._kind("int64"))

    def int(self) -> PackedSequence:
        """The sequences as ``int32``."""
        return self.to(dtype=self._kind("int32"))

    def short(self) -> PackedSequence:
        """The sequences as ``int16``."""
        return self.to(dtype=self._kind("int16"))

    def char(self) -> PackedSequence:
        """The sequences as ``int8``."""
        return self.to(dtype=self._kind("int8"))

    def byte(self) -> PackedSequence:
        """The sequences as ``uint8``."""
        return self.to(dtype=self._kind("uint8"))

    @staticmethod
    def _kind(name: str) -> Any:
        return _core.dtype_named(name)

    @property
    def is_cuda(self) -> bool:
        """Whether the data is on a GPU."""
        return self.data.is_cuda

    def is_pinned(self) -> bool:
        """Whether the data is in pinned memory: never."""
        return False


class Layout:
    """Where each element of a packed sequence lies in the padded one; known on the host.

    Args:
        batch_sizes: how many sequences reach each time step.

    Attributes:
        lengths: of each sequence, longest first.
        valid: for each packed element, its place in the padded ``(T, N)``, flat.
        packed: for each place of the padded ``(T, N)``, a packed element; those beyond a
            sequence's end repeat an existing one.
    """

    def __init__(self, batch_sizes: Sequence[int]) -> None:
        sizes = np.asarray(batch_sizes, np.int64)
        steps, batch = len(sizes), int(sizes[0])
        inside = np.arange(batch)[None, :] < sizes[:, None]
        self.steps = steps
        self.batch = batch
        self.inside = inside
        self.lengths = inside.sum(0)
        self.valid = np.flatnonzero(inside)
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        self.packed = np.where(inside, starts[:, None] + np.arange(batch)[None, :], 0).ravel()

    def padded(self, data: Tensor) -> Tensor:
        """``(T, N, *)`` from packed data; what stands beyond a sequence's end is arbitrary."""
        flat = index_select(data, 0, _core.host_tensor(self.packed, data.device))
        return reshape(flat, (self.steps, self.batch, *data.shape[1:]))

    def pack(self, padded: Tensor) -> Tensor:
        """Packed data from ``(T, N, *)``."""
        flat = reshape(padded, (self.steps * self.batch, *padded.shape[2:]))
        return index_select(flat, 0, _core.host_tensor(self.valid, padded.device))


def layout_of(batch_sizes: Tensor) -> Layout:
    """The layout behind a packed sequence's ``batch_sizes``."""
    found = getattr(batch_sizes, "_layout", None)
    if found is None:
        found = Layout(_core.on_host(batch_sizes).tolist())
        batch_sizes._layout = found
    return found


def invert_permutation(permutation: Any) -> Any:
    """The permutation that undoes another.

    Follows ``torch.nn.utils.rnn.invert_permutation``.
    """
    if permutation is None:
        return None
    order = _core.on_host(permutation)
    return _core.host_tensor(np.argsort(order, kind="stable").astype(np.int64), permutation.device)


def pack_padded_sequence(
    input: Any, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Pack a padded batch of sequences.

    Args:
        input: ``(T, N, *)``, or ``(N, T, *)`` if ``batch_first``.
        lengths: of each sequence.
        batch_first: see ``input``.
        enforce_sorted: whether the lengths must be in decreasing order already.

    Raises:
        RuntimeError: a length is not positive, the lengths are not sorted, or there is not
            one per sequence.

    Follows ``torch.nn.utils.rnn.pack_padded_sequence``.
    """
    sizes = _core.on_host(lengths) if isinstance(lengths, Tensor) else np.asarray(lengths)
    sizes = sizes.astype(np.int64)
    if batch_first:
        input = input.transpose(0, 1)
    batch = input.shape[1]
    if len(sizes) != batch:
        raise RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {len(sizes)} "
            f"(batch_size={batch})"
        )
    if (sizes <= 0).any():
        raise RuntimeError(
            "Length of all samples has to be greater than 0, but found an element in "
            "'lengths' that is <= 0"
        )
    order = None
    if enforce_sorted:
        if (np.diff(sizes) > 0).any():
            raise RuntimeError(
                "`lengths` array must be sorted in decreasing order when `enforce_sorted` is "
                "True. You can pass `enforce_sorted=False` to pack_padded_sequence and/or "
                "pack_sequence to sidestep this requirement if you do not need ONNX "
                "exportability."
            )
    else:
        sorting = np.argsort(-sizes, kind="stable").astype(np.int64)
        sizes = sizes[sorting]
        order = _core.host_tensor(sorting, input.device)
        input = index_select(input, 1, order)
    steps = int(sizes[0])
    if steps > input.shape[0]:
        raise RuntimeError(
            f"pack_padded_sequence: a length of {steps} was given, but the sequences are "
            f"padded to {input.shape[0]}"
        )
    batch_sizes = (sizes[None, :] > np.arange(steps)[:, None]).sum(1).astype(np.int64)
    where = Layout(batch_sizes.tolist())
    made = _core.host_tensor(batch_sizes, None)
    made._layout = where
    return PackedSequence(where.pack(input[:steps]), made, order, None)


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Pad a packed batch of sequences.

    Args:
        sequence: the batch.
        batch_first: whether the result is ``(N, T, *)``.
        padding_value: what stands beyond a sequence's end.
        total_length: pad to this length instead of the longest.

    Returns:
        the padded batch and the lengths.

    Raises:
        ValueError: ``total_length`` is shorter than the longest sequence.

    Follows ``torch.nn.utils.rnn.pad_packed_sequence``.
    """
    where = layout_of(sequence.batch_sizes)
    if total_length is not None and total_length < where.steps:
        raise ValueError(
            "Expected total_length to be at least the length of the longest sequence in input, "
            f"but got total_length={total_length} and max sequence length being {where.steps}"
        )
    data = sequence.data
    padded = where.padded(data)
    trailing = (1,) * (data.dim() - 1)
    outside = _core.host_tensor(
        ~where.inside.reshape(where.steps, where.batch, *trailing), data.device
    )
    padded = padded.masked_fill(outside, padding_value)
    extra = (total_length or where.steps) - where.steps
    if extra:
        shape = (extra, *padded.shape[1:])
        fill = _core.full(shape, padding_value, device=data.device, dtype=data.dtype)
        padded = cat([padded, fill], 0)
    lengths = _core.host_tensor(where.lengths.astype(np.int64), None)
    if sequence.unsorted_indices is not None:
        padded = index_select(padded, 1, sequence.unsorted_indices)
        lengths = index_select(lengths, 0, sequence.unsorted_indices.cpu())
    return (padded.transpose(0, 1) if batch_first else padded), lengths


def pad_sequence(
    sequences: Any,
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """Stack sequences of different lengths, padded to the longest.

    Args:
        sequences: tensors ``(L, *)``.
        batch_first: whether the result is ``(N, T, *)`` rather than ``(T, N, *)``.
        padding_value: what stands beyond a sequence's end.
        padding_side: ``"right"`` or ``"left"``.

    Raises:
        RuntimeError: ``sequences`` is not iterable, or the side is unknown.

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn.utils.rnn import pad_sequence
        >>> pad_sequence([torch.ones(1), torch.ones(2)], batch_first=True)
        tensor([[1., 0.],
                [1., 1.]])

    Follows ``torch.nn.utils.rnn.pad_sequence``.
    """
    if not isinstance(sequences, Iterable):
        raise RuntimeError(
            "pad_sequence: Expected iterable for input sequences, but got arg of type: "
            f"{type(sequences)}"
        )
    if padding_side not in ("left", "right"):
        raise RuntimeError(
            f"Expected padding_side to be one of left or right, but got {padding_side}."
        )
    items = list(sequences)
    longest = max(item.shape[0] for item in items)
    rows = []
    for item in items:
        missing = longest - item.shape[0]
        if missing:
            shape = (missing, *item.shape[1:])
            fill = _core.full(shape, padding_value, device=item.device, dtype=item.dtype)
            item = cat([item, fill] if padding_side == "right" else [fill, item], 0)
        rows.append(item)
    return stack(rows, 0 if batch_first else 1)


def unpad_sequence(padded_sequences: Any, lengths: Any, batch_first: bool = False) -> list[Tensor]:
    """The sequences of a padded batch, each without its padding.

    Follows ``torch.nn.utils.rnn.unpad_sequence``.
    """
    if not batch_first:
        padded_sequences = padded_sequences.transpose(0, 1)
    return [
        padded_sequences[i][:length] for i, length in enumerate(_core.on_host(lengths).tolist())
    ]


def pack_sequence(sequences: Any, enforce_sorted: bool = True) -> PackedSequence:
    """Pack a list of sequences of different lengths.

    Follows ``torch.nn.utils.rnn.pack_sequence``.
    """
    lengths = [item.size(0) for item in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The sequences of a packed batch.

    Follows ``torch.nn.utils.rnn.unpack_sequence``.
    """
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
