"""The public functions for safetensors files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flambeau.serialization._limits import DEFAULT_LIMITS, Limits
from flambeau.serialization._report import LoadReport
from flambeau.serialization._safetensors import (
    read_header,
    read_safetensors,
    write_safetensors,
    write_sharded,
)
from flambeau.serialization._source import open_source

__all__ = ["load_safetensors", "safetensors_metadata", "save_safetensors", "save_sharded"]


def save_safetensors(
    tensors: Mapping[str, Any],
    f: Any,
    metadata: Mapping[str, str] | None = None,
    *,
    durable: bool = True,
) -> None:
    """Write a flat dict of tensors to a safetensors file, atomically.

    Tensors that are one tensor under several names are written once; the metadata map the
    other names to it, as the library's ``save_model`` does, and :func:`load_safetensors`
    makes them one again.

    Args:
        tensors: tensors (or NumPy arrays) by name.
        f: a path, or a file opened for binary writing.
        metadata: strings to strings.
        durable: wait until the disk has it.

    Raises:
        CheckpointTypeError: a value is no tensor, or of a dtype that the format lacks.
        CheckpointWriteError: the disk is full, or the path cannot be written.

    Example:
        >>> import flambeau as torch, io
        >>> from flambeau.serialization import load_safetensors, save_safetensors
        >>> file = io.BytesIO()
        >>> save_safetensors({"w": torch.tensor([1, 2])}, file)
        >>> load_safetensors(file.getvalue())
        {'w': tensor([1, 2])}
    """
    from flambeau.serialization._tensors import TensorDescriber

    write_safetensors(tensors, f, TensorDescriber(), metadata=metadata, durable=durable)


def save_sharded(
    tensors: Mapping[str, Any],
    path: Any,
    max_shard_size: int | str = "5GB",
    metadata: Mapping[str, str] | None = None,
    *,
    durable: bool = True,
) -> list[str]:
    """Write a flat dict of tensors as safetensors shards with an index, as Hugging Face does.

    ``path`` ``"model.safetensors"`` gives ``model-00001-of-00003.safetensors`` and so on and,
    last, ``model.safetensors.index.json``, which :func:`flambeau.load` reads.

    Args:
        tensors: tensors by name.
        path: the name that the shards' names are made from.
        max_shard_size: bytes, or such as ``"5GB"``; a larger tensor gets a shard of its own.
        metadata: strings to strings, for every shard and the index.
        durable: wait until the disk has it.

    Returns:
        The paths written, the index last.
    """
    from flambeau.serialization._tensors import TensorDescriber

    return write_sharded(
        tensors,
        path,
        TensorDescriber(),
        max_shard_size=max_shard_size,
        metadata=metadata,
        durable=durable,
    )


def load_safetensors(
    f: Any,
    map_location: Any = None,
    *,
    names: Iterable[str] | None = None,
    mmap: bool = False,
    limits: Limits | None = None,
    report: LoadReport | None = None,
) -> dict[str, Any]:
    """The tensors of a safetensors file by name.

    Args:
        f: a path, a file opened for binary reading, or bytes.
        map_location: where tensors go; see :func:`flambeau.load`.
        names: read only these.
        mmap: map the file instead of reading it.
        limits: bounds on the header.
        report: filled in.

    Raises:
        CheckpointFormatError: the file is damaged.
        KeyError: it has no tensor of one of the ``names``.
    """
    from flambeau.serialization._tensors import TensorAdapter

    found = LoadReport() if report is None else report
    wanted = None if names is None else list(names)
    source = open_source(f)
    try:
        held = read_safetensors(
            source,
            TensorAdapter(map_location, found, borrowed=mmap),
            limits=limits or DEFAULT_LIMITS,
            report=found,
            mmap=mmap,
            names=wanted,
        )
    finally:
        source.close()
    for name in wanted or ():
        if name not in held:
            raise KeyError(f"{source.name} has no tensor {name!r}")
    return held


def safetensors_metadata(f: Any, *, limits: Limits | None = None) -> dict[str, str]:
    """The metadata of a safetensors file; its data are not read."""
    source = open_source(f)
    try:
        return read_header(source, limits or DEFAULT_LIMITS).metadata
    finally:
        source.close()
