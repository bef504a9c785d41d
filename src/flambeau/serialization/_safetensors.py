"""safetensors files, whole and sharded.

The format is a JSON header and bytes. Reading and writing go straight between the file and
aligned arrays: the library of the same name hands out copies, and NumPy arrays without the
eight-bit floats. It is the oracle of the tests.
"""

from __future__ import annotations

import json
import math
import os
import struct
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from flambeau.errors import (
    CheckpointFormatError,
    CheckpointLimitError,
    CheckpointTypeError,
    CheckpointWarning,
)

from ._atomic import atomic_file
from ._builders import Adapter
from ._dtypes import NUMPY_DTYPES, SAFETENSORS_NAMES
from ._limits import Limits
from ._records import StorageRecord, Stub, TensorRecord, contiguous_strides
from ._report import LoadReport, RefusedObject
from ._source import FileSource, Source, pool

__all__ = [
    "is_index",
    "looks_like_safetensors",
    "read_header",
    "read_index",
    "read_safetensors",
    "write_safetensors",
    "write_sharded",
]

_DTYPE_NAMES = {dtype: name for name, dtype in SAFETENSORS_NAMES.items()}
# sizes of the dtypes that the format has and flambeau has not, in bits
_OTHER_BITS = {"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6}
_MAX_DIM = (1 << 63) - 1


def looks_like_safetensors(source: Source) -> bool:
    """Whether the file begins with a length and an opening brace."""
    if source.size < 10:
        return False
    head = source.read(0, 9)
    return head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= source.size


def is_index(path: Any) -> bool:
    """Whether a path names the JSON index of a sharded checkpoint."""
    return os.fspath(path).endswith(".index.json")


class Header:
    """The header of a file: its tensors' records by name, and its metadata."""

    def __init__(self, source: Source, limits: Limits):
        self.source = source
        self.entries: dict[str, tuple[str, tuple[int, ...], int, int]] = {}
        self.metadata: dict[str, str] = {}
        if source.size < 8:
            raise self._bad("is shorter than its header's length field")
        length = int.from_bytes(source.read(0, 8), "little")
        if length > limits.max_header_bytes:
            raise CheckpointLimitError(
                f"{source.name}: the header claims {length} bytes, more than "
                f"max_header_bytes={limits.max_header_bytes}; if the file is trusted, pass "
                "limits=Limits(max_header_bytes=...)"
            )
        if 8 + length > source.size:
            raise self._bad(f"claims a header of {length} bytes and has {source.size} in all")
        self.start = 8 + length
        self._parse(parse_json(source.read(8, length), source.name), limits)

    def _bad(self, what: str) -> CheckpointFormatError:
        return CheckpointFormatError(f"{self.source.name}: the safetensors file {what}")

    def _parse(self, header: Any, limits: Limits) -> None:
        if type(header) is not dict:
            raise self._bad("has a header that is no object")
        if len(header) > limits.max_entries:
            raise CheckpointLimitError(
                f"{self.source.name}: {len(header)} tensors, more than "
                f"max_entries={limits.max_entries}"
            )
        metadata = header.pop("__metadata__", None)
        if metadata is not None:
            if type(metadata) is not dict or any(type(v) is not str for v in metadata.values()):
                raise self._bad("has metadata that do not map strings to strings")
            self.metadata = metadata
        for name, entry in header.items():
            self.entries[name] = self._entry(name, entry, limits)
        end = 0
        for name, (_, _, first, last) in sorted(
            self.entries.items(), key=lambda item: (item[1][2], item[1][3])
        ):
            if first != end:
                raise self._bad(
                    f"has overlapping tensors or a hole before {name!r:.200} (byte {end})"
                )
            end = last
        if self.start + end != self.source.size:
            raise self._bad(f"holds {self.source.size - self.start} bytes of data, not {end}")

    def _entry(
        self, name: str, entry: Any, limits: Limits
    ) -> tuple[str, tuple[int, ...], int, int]:
        if type(entry) is not dict or set(entry) != {"dtype", "shape", "data_offsets"}:
            raise self._bad(f"describes {name!r:.200} with other fields than the format has")
        dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
        if type(dtype) is not str or (dtype not in SAFETENSORS_NAMES and dtype not in _OTHER_BITS):
            raise self._bad(f"gives {name!r:.200} the unknown dtype {dtype!r:.50}")
        for numbers, most in ((shape, limits.max_dims), (offsets, 2)):
            if (
                type(numbers) is not list
                or len(numbers) > most
                or any(type(n) is not int or not 0 <= n <= _MAX_DIM for n in numbers)
            ):
                raise self._bad(f"describes {name!r:.200} with numbers that are none")
        if len(offsets) != 2:
            raise self._bad(f"gives {name!r:.200} {len(offsets)} offsets")
        first, last = offsets
        bits = _OTHER_BITS.get(dtype) or 8 * NUMPY_DTYPES[SAFETENSORS_NAMES[dtype]].itemsize
        if last < first or 8 * (last - first) != math.prod(shape) * bits:
            raise self._bad(
                f"gives {name!r:.200} {last - first} bytes, which do not fit dtype {dtype} and "
                f"shape {shape}"
            )
        return dtype, tuple(shape), first, last

    def record(self, name: str, mmap: bool) -> TensorRecord | None:
        """The record of one tensor, None when its dtype is not supported."""
        dtype, shape, first, last = self.entries[name]
        if dtype not in SAFETENSORS_NAMES:
            return None
        at, count, source = self.start + first, last - first, self.source

        def load() -> np.ndarray:
            return source.view(at, count) if mmap else source.load(at, count)

        torch_name = SAFETENSORS_NAMES[dtype]
        storage = StorageRecord(name, torch_name, count, "cpu", load)
        return TensorRecord(storage, torch_name, shape, contiguous_strides(shape))

    def ties(self) -> dict[str, str]:
        """Names that stand for another tensor of the file, as the metadata have it."""
        return {
            name: kept
            for name, kept in self.metadata.items()
            if name not in self.entries and kept in self.entries
        }


def parse_json(raw: bytes, name: str) -> Any:
    """JSON, with every way in which it can be wrong as one error."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) != len(pairs):
            raise ValueError("a key stands twice")
        return made

    def refuse(text: str) -> Any:
        raise ValueError(f"{text} is no number of a checkpoint")

    try:
        return json.loads(raw.decode("utf-8"), object_pairs_hook=unique, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise CheckpointFormatError(f"{name}: damaged JSON ({str(error)[:200]})") from None


def read_header(source: Source, limits: Limits) -> Header:
    """The header of a safetensors file.

    Raises:
        CheckpointFormatError: it is damaged or contradicts itself.
        CheckpointLimitError: it is larger than the limits allow.
    """
    return Header(source, limits)


def read_safetensors(
    source: Source,
    adapter: Adapter,
    *,
    limits: Limits,
    report: LoadReport,
    mmap: bool = False,
    names: Iterable[str] | None = None,
) -> dict[str, Any]:
    """The tensors of a file by name; tied names give one tensor.

    Args:
        source: the bytes.
        adapter: makes tensors from records.
        limits: bounds on the header.
        report: filled in.
        mmap: map the data instead of reading it.
        names: only these.
    """
    header = Header(source, limits)
    report.source = report.source or source.name
    report.format = report.format or "safetensors"
    report.metadata.update(header.metadata)
    wanted = list(header.entries) if names is None else [n for n in names if n in header.entries]
    records = {name: header.record(name, mmap) for name in wanted}
    if not mmap:
        _fetch([r.storage for r in records.values() if r is not None and r.storage is not None])
    made: dict[str, Any] = {}
    for name, record in records.items():
        if record is None:
            dtype = header.entries[name][0]
            made[name] = Stub("safetensors", dtype, args=())
            report.refused.append(RefusedObject(f"[{name!r}]", "safetensors", dtype))
            continue
        made[name] = adapter.tensor(record)
        report.tensors += 1
        report.storages += 1
        report.nbytes += record.nbytes
    ties = header.ties()
    for name, kept in ties.items():
        if kept in made and (names is None or name in names):
            made[name] = made[kept]
    return made


def _fetch(storages: list[StorageRecord]) -> None:
    """Read storages in two threads, the larger ones apart."""
    futures = [pool("read").submit(storage.data) for storage in storages if storage.nbytes]
    error: BaseException | None = None
    for future in futures:
        try:
            future.result()
        except BaseException as raised:  # wait for all: the file is closed after this
            error = error or raised
    if error is not None:
        raise error


def read_index(
    path: Any, adapter: Adapter, *, limits: Limits, report: LoadReport, mmap: bool = False
) -> dict[str, Any]:
    """A sharded checkpoint by its ``….index.json``: safetensors or ``.bin`` shards.

    Raises:
        CheckpointFormatError: the index is damaged, names files outside its folder, or its
            shards do not hold what it says.
    """
    from ._pt_reader import read_pt

    path = os.fspath(path)
    files, metadata = parse_index(path, limits)
    report.source, report.format = path, "sharded"
    report.metadata.update(metadata)
    folder = os.path.dirname(path)
    made: dict[str, Any] = {}
    for file in dict.fromkeys(files.values()):
        names = [name for name, where in files.items() if where == file]
        source = _open_shard(os.path.join(folder, file), path)
        try:
            part = LoadReport()
            if looks_like_safetensors(source):
                held = read_safetensors(
                    source, _fresh(adapter), limits=limits, report=part, mmap=mmap
                )
            else:
                held = read_pt(source, _fresh(adapter), limits=limits, report=part, mmap=mmap)
        finally:
            source.close()
        missing = [n for n in names if not isinstance(held, dict) or n not in held]
        if missing:
            raise CheckpointFormatError(
                f"{path}: shard {file!r} lacks {len(missing)} tensors that the index puts there: "
                + ", ".join(missing[:5])
            )
        made.update((name, held[name]) for name in names)
        report.tensors += part.tensors
        report.storages += part.storages
        report.nbytes += part.nbytes
        report.refused.extend(part.refused)
        report.notes.extend(n for n in part.notes if n not in report.notes)
    ordered = {name: made[name] for name in files}
    for name, kept in report.metadata.items():
        if name not in ordered and kept in ordered:
            ordered[name] = ordered[kept]
    return ordered


def _fresh(adapter: Adapter) -> Adapter:
    """An adapter that does not take one shard's storages for another's."""
    renew = getattr(adapter, "renew", None)
    return adapter if renew is None else renew()


def _open_shard(path: str, index: str) -> FileSource:
    try:
        return FileSource(path)
    except OSError as error:
        raise CheckpointFormatError(
            f"{index}: the shard {os.path.basename(path)!r} cannot be opened ({error.strerror}); "
            "all shards must lie in the folder of the index"
        ) from None


def parse_index(path: str, limits: Limits) -> tuple[dict[str, str], dict[str, str]]:
    """The file of each tensor, and the metadata, of an index."""
    size = os.path.getsize(path)
    if size > limits.max_header_bytes:
        raise CheckpointLimitError(
            f"{path}: an index of {size} bytes, more than "
            f"max_header_bytes={limits.max_header_bytes}"
        )
    with open(path, "rb") as file:
        index = parse_json(file.read(), path)
    files = index.get("weight_map") if type(index) is dict else None
    if type(files) is not dict or any(type(f) is not str for f in files.values()):
        raise CheckpointFormatError(f"{path}: no index of a sharded checkpoint (no weight_map)")
    for file in set(files.values()):
        if file != os.path.basename(file) or file in ("", ".", "..") or "\\" in file:
            raise CheckpointFormatError(
                f"{path}: the index names {file!r:.200}, which is not in its folder"
            )
    metadata = index.get("metadata") or {}
    plain = (
        {k: v if type(v) is str else json.dumps(v) for k, v in metadata.items()}
        if type(metadata) is dict
        else {}
    )
    return files, plain


# -- writing -----------------------------------------------------------------------------------


class Plan:
    """What goes into a file: each stored tensor once, other names of it as ties."""

    def __init__(self, tensors: Mapping[str, Any], describe: Callable[[Any], Any]):
        self.records: dict[str, TensorRecord] = {}
        self.ties: dict[str, str] = {}
        self.copied: list[str] = []
        seen: dict[Any, str] = {}
        storages: dict[int, str] = {}
        for name, tensor in tensors.items():
            record = describe(tensor)
            if type(name) is not str:
                raise CheckpointTypeError(
                    f"safetensors: the key {name!r:.100} is a {type(name).__name__}, not a string"
                )
            if isinstance(tensor, np.ndarray) and record is None:
                record = TensorRecord.of_numpy(tensor)
            if not isinstance(record, TensorRecord):
                raise CheckpointTypeError(
                    f"safetensors: {name!r} is a {type(tensor).__name__}; the format holds a flat "
                    "dict of tensors. Use save() for nested containers and other values"
                )
            if record.storage is None:
                raise CheckpointTypeError(f"safetensors: {name!r} is a meta tensor without data")
            if record.dtype not in _DTYPE_NAMES:
                raise CheckpointTypeError(
                    f"safetensors: {name!r} has dtype {record.dtype}, which the format lacks"
                )
            view = (id(record.storage), record.dtype, record.shape, record.strides, record.offset)
            kept = seen.get(view) if record.numel else None
            if kept is not None:
                self.ties[name] = kept
                continue
            seen[view] = name
            self.records[name] = record
            if id(record.storage) in storages and record.numel:
                self.copied.append(name)
            storages[id(record.storage)] = name

    def warn(self) -> None:
        """Say which tensors share memory in a way that the format cannot express."""
        if self.copied:
            import warnings

            warnings.warn(
                "safetensors cannot hold views that share a part of their memory: "
                f"{', '.join(self.copied[:5])} {'are' if len(self.copied) > 1 else 'is'} written "
                "as copies; save() keeps them shared",
                CheckpointWarning,
                stacklevel=4,
            )


def write_safetensors(
    tensors: Mapping[str, Any],
    f: Any,
    describe: Callable[[Any], Any],
    *,
    metadata: Mapping[str, str] | None = None,
    durable: bool = True,
) -> None:
    """Write one file. Tied tensors are written once; the metadata map the other names."""
    plan = Plan(tensors, describe)
    plan.warn()
    _write_plan(f, plan.records, plan.ties, metadata, durable)


def _write_plan(
    f: Any,
    records: dict[str, TensorRecord],
    ties: dict[str, str],
    metadata: Mapping[str, str] | None,
    durable: bool,
) -> None:
    header, order = _header(records, ties, metadata)
    if isinstance(f, (str, os.PathLike)):
        expected = len(header) + sum(r.nbytes for r in records.values())
        with atomic_file(f, expected=expected, durable=durable) as file:
            _write_all(file, header, [records[name] for name in order])
    elif hasattr(f, "write"):
        _write_all(f, header, [records[name] for name in order])
    else:
        raise TypeError(f"safetensors: expected a path or a binary file, got {type(f).__name__}")


def _header(
    records: dict[str, TensorRecord], ties: dict[str, str], metadata: Mapping[str, str] | None
) -> tuple[bytes, list[str]]:
    held = dict(metadata or {})
    for key, value in held.items():
        if type(key) is not str or type(value) is not str:
            raise CheckpointTypeError(
                f"safetensors: metadata map strings to strings, {key!r:.100} is a "
                f"{type(value).__name__}"
            )
    clash = set(held) & set(ties)
    if clash:
        raise CheckpointTypeError(f"safetensors: metadata key {clash.pop()!r} is a tensor's name")
    held.update(ties)
    # wide elements first, as the library does: every tensor lies aligned to its own elements
    order = sorted(records, key=lambda n: (-NUMPY_DTYPES[records[n].dtype].itemsize, n))
    described: dict[str, Any] = {"__metadata__": held} if held else {}
    at = 0
    for name in order:
        record = records[name]
        described[name] = {
            "dtype": _DTYPE_NAMES[record.dtype],
            "shape": list(record.shape),
            "data_offsets": [at, at + record.nbytes],
        }
        at += record.nbytes
    raw = json.dumps(described, separators=(",", ":"), ensure_ascii=False).encode()
    # data begin at a multiple of 64: the first tensors can be mapped without a copy
    raw += b" " * (-(8 + len(raw)) % 64)
    return struct.pack("<Q", len(raw)) + raw, order


def _write_all(file: Any, header: bytes, records: list[TensorRecord]) -> None:
    _write_bytes(file, memoryview(header))
    for record in records:
        if record.nbytes:
            array = np.ascontiguousarray(record.numpy())
            _write_bytes(file, array.reshape(-1).view(np.uint8).data)


def _write_bytes(file: Any, view: memoryview) -> None:
    while len(view):
        piece = view[: 1 << 30]
        written = file.write(piece)
        view = view[len(piece) if written is None else written :]


def parse_size(size: int | str) -> int:
    """Bytes of ``5GB``, ``500MiB`` or a number."""
    if isinstance(size, int):
        return size
    units = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30}
    text = size.strip().upper()
    for unit, factor in sorted(units.items(), key=lambda item: -len(item[0])):
        if text.endswith(unit) and text[: -len(unit)].strip().replace(".", "", 1).isdigit():
            return int(float(text[: -len(unit)]) * factor)
    if text.isdigit():
        return int(text)
    raise ValueError(f"a size is a number or such as '5GB' or '500MiB', got {size!r}")


def write_sharded(
    tensors: Mapping[str, Any],
    path: Any,
    describe: Callable[[Any], Any],
    *,
    max_shard_size: int | str = "5GB",
    metadata: Mapping[str, str] | None = None,
    durable: bool = True,
) -> list[str]:
    """Write shards ``name-00001-of-00003.safetensors`` and ``name.safetensors.index.json``.

    Each file is written atomically and the index last; shards of an earlier, larger set that
    the index no longer names are left alone. Returns the paths written.
    """
    limit = parse_size(max_shard_size)
    plan = Plan(tensors, describe)
    plan.warn()
    shards: list[dict[str, TensorRecord]] = [{}]
    filled = 0
    for name, record in plan.records.items():
        if shards[-1] and filled + record.nbytes > limit:
            shards.append({})
            filled = 0
        shards[-1][name] = record
        filled += record.nbytes
    stem = os.fspath(path).removesuffix(".index.json").removesuffix(".safetensors")
    written, files = [], {}
    for i, shard in enumerate(shards, 1):
        file = f"{stem}-{i:05d}-of-{len(shards):05d}.safetensors"
        ties = {n: k for n, k in plan.ties.items() if k in shard}
        _write_plan(file, shard, ties, metadata, durable)
        written.append(file)
        for name in [*shard, *ties]:
            files[name] = os.path.basename(file)
    index = {
        "metadata": {
            **(metadata or {}),
            "total_size": sum(r.nbytes for r in plan.records.values()),
        },
        "weight_map": {name: files[name] for name in tensors},
    }
    target = f"{stem}.safetensors.index.json"
    with atomic_file(target, durable=durable) as file:
        _write_bytes(file, memoryview(json.dumps(index, indent=2).encode()))
    return [*written, target]
