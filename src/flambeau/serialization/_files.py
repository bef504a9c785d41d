"""Checkpoints as records: what the command line tools look at, without making tensors."""

from __future__ import annotations

import io
import os
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from flambeau.errors import CheckpointFormatError, CheckpointTypeError, CheckpointWarning
from flambeau.serialization._atomic import atomic_file
from flambeau.serialization._dtypes import name_of
from flambeau.serialization._limits import DEFAULT_LIMITS, Limits
from flambeau.serialization._pt_reader import RecordAdapter, read_pt
from flambeau.serialization._pt_writer import write_pt
from flambeau.serialization._records import Device, DTypeName, Size, StorageRecord, TensorRecord
from flambeau.serialization._report import LoadReport
from flambeau.serialization._safetensors import (
    is_index,
    looks_like_safetensors,
    read_index,
    read_safetensors,
    write_safetensors,
)
from flambeau.serialization._source import Source, open_source
from flambeau.serialization._tree import describe_key
from flambeau.serialization._zip_reader import ZipReader, looks_like_zip

__all__ = ["leaves", "read_records", "tensors_of", "write_records"]


def read_records(
    path: Any, *, limits: Limits | None = None, report: LoadReport | None = None
) -> Any:
    """The object in a file, its tensors as records whose data are not read yet.

    ``.pt`` of every format, safetensors, an index of shards, ``.npz``.

    Raises:
        CheckpointError: as :func:`flambeau.load` raises.
        OSError: the file cannot be opened.
    """
    limits, report = limits or DEFAULT_LIMITS, report or LoadReport()
    adapter = RecordAdapter()
    if is_index(path):
        return read_index(path, adapter, limits=limits, report=report, mmap=True)
    source = open_source(path)
    if looks_like_safetensors(source):
        return read_safetensors(source, adapter, limits=limits, report=report, mmap=True)
    if looks_like_zip(source):
        archive = ZipReader(source, limits)
        if archive.entries and all(name.endswith(".npy") for name in archive.entries):
            return _read_npz(source, archive, report)
    return read_pt(source, adapter, limits=limits, report=report, mmap=True)


def _read_npz(source: Source, archive: ZipReader, report: LoadReport) -> dict[str, Any]:
    report.source, report.format = source.name, "npz"
    held: dict[str, Any] = {}
    for name in archive.entries:
        try:
            array = np.lib.format.read_array(io.BytesIO(archive.read(name)), allow_pickle=False)
        except (ValueError, TypeError, SyntaxError, EOFError, OverflowError) as error:
            raise CheckpointFormatError(f"{source.name}: array {name!r}: {error}") from None
        key = name.removesuffix(".npy")
        held[key] = array if name_of(array.dtype) is None else TensorRecord.of_numpy(array)
        report.tensors += 1
        report.nbytes += array.nbytes
    return held


def leaves(value: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Every value that is no container, with its path; names of a state dict stay dotted."""
    if isinstance(value, Mapping) and depth < 200:
        for name, item in value.items():
            step = name if type(name) is str else describe_key(name)
            yield from leaves(item, f"{path}/{step}" if path else str(step), depth + 1)
    elif isinstance(value, (list, tuple)) and not isinstance(value, Size) and depth < 200:
        for i, item in enumerate(value):
            yield from leaves(item, f"{path}/{i}" if path else str(i), depth + 1)
    else:
        yield path, value


def tensors_of(value: Any, key: str | None = None) -> dict[str, TensorRecord]:
    """The flat dict of tensors in a checkpoint.

    Args:
        value: what :func:`read_records` gave.
        key: where in it the tensors are, such as ``"model"`` or ``"ema/model"``; by default
            the top, or the one entry that is a dict of tensors.

    Raises:
        CheckpointTypeError: there is no such entry, or it holds more than tensors.
    """
    if key is not None:
        for step in key.split("/"):
            if not isinstance(value, Mapping) or step not in value:
                raise CheckpointTypeError(f"there is no {key!r} in the checkpoint")
            value = value[step]
    elif isinstance(value, Mapping) and not _is_flat(value):
        flat = [
            name for name, item in value.items() if isinstance(item, Mapping) and _is_flat(item)
        ]
        if len(flat) != 1:
            raise CheckpointTypeError(
                "the checkpoint is no flat dict of tensors; choose a part with --key"
                + (f" ({', '.join(map(str, flat))})" if flat else "")
            )
        value = value[flat[0]]
    if not isinstance(value, Mapping) or not _is_flat(value):
        raise CheckpointTypeError("this part of the checkpoint is no flat dict of tensors")
    return dict(value)


def _is_flat(value: Mapping[Any, Any]) -> bool:
    return bool(value) and all(
        type(name) is str and isinstance(item, TensorRecord) for name, item in value.items()
    )


def write_records(
    value: Any, path: str, progress: Callable[[int], None] | None = None, key: str | None = None
) -> list[str]:
    """Write records in the format that the path's ending names; remarks on what changed.

    Raises:
        CheckpointTypeError: the format cannot hold the object.
        ValueError: no format has this ending.
    """
    ending = os.path.splitext(path)[1].lower()
    if ending in (".pt", ".pth", ".bin", ".ckpt"):
        part = value if key is None else tensors_of(value, key)
        write_pt(part, path, _describe(progress))
        return []
    if ending == ".safetensors":
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", CheckpointWarning)
            write_safetensors(tensors_of(value, key), path, _describe(progress))
        return [str(warning.message) for warning in caught]
    if ending == ".npz":
        return _write_npz(tensors_of(value, key), path, progress)
    raise ValueError(
        f"{path!r}: the ending names no format; use .pt, .pth, .bin, .safetensors or .npz"
    )


def _describe(progress: Callable[[int], None] | None) -> Callable[[Any], Any]:
    """``describe`` of the writers for records, which tells of each storage that is read."""
    watched: dict[int, StorageRecord] = {}

    def describe(value: Any) -> Any:
        if isinstance(value, TensorRecord):
            storage = value.storage
            if progress is not None and storage is not None and id(storage) not in watched:
                watched[id(storage)] = storage
                if storage._data is None and storage._load is not None:

                    def load(
                        inner: Callable[[], np.ndarray] = storage._load,
                        size: int = storage.nbytes,
                        tell: Callable[[int], None] = progress,
                    ) -> np.ndarray:
                        tell(size)
                        return inner()

                    storage.set_loader(load)
                else:
                    progress(storage.nbytes)
            return value
        return value if isinstance(value, (Size, DTypeName, Device)) else None

    return describe


def _write_npz(
    tensors: dict[str, TensorRecord], path: str, progress: Callable[[int], None] | None
) -> list[str]:
    widened = []
    with atomic_file(path) as file, zipfile.ZipFile(file, "w", allowZip64=True) as archive:
        for name, record in tensors.items():
            array = record.numpy()
            if array.dtype.isbuiltin != 1:  # the format cannot name eight-bit floats or bfloat16
                array = array.astype(np.float32)
                widened.append(name)
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, np.asanyarray(array), allow_pickle=False)
            if progress is not None:
                progress(record.nbytes)
    if not widened:
        return []
    return [f"{len(widened)} tensors were widened to float32, since .npz lacks their dtype"]
