"""Reads ``.pt`` files of every format that PyTorch has written."""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Any

import numpy as np

from flambeau.errors import CheckpointFormatError, CheckpointLimitError, CheckpointRefusedError

from ._builders import Adapter, Builders, storage_kind
from ._dtypes import NUMPY_DTYPES, SWAP_SIZES
from ._interpreter import Interpreter
from ._limits import Limits
from ._records import Device, DTypeName, Size, StorageRecord, Stub, TensorRecord
from ._report import LoadReport
from ._source import BytesSource, Source, pool
from ._tree import survey
from ._zip_reader import ZipReader, looks_like_zip

__all__ = ["RecordAdapter", "read_pt"]

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001


class RecordAdapter:
    """Leaves tensors as records: for looking at a file without reading its data."""

    def tensor(self, record: TensorRecord) -> Any:
        return record

    def size(self, values: tuple[int, ...]) -> Any:
        return Size(values)

    def dtype(self, name: str) -> Any:
        return DTypeName(name)

    def device(self, kind: str, index: int | None) -> Any:
        return Device(kind if index is None else f"{kind}:{index}")


def read_pt(
    source: Source,
    adapter: Adapter,
    *,
    limits: Limits,
    report: LoadReport,
    mmap: bool = False,
    prefetch: bool = True,
    strict_types: bool = False,
) -> Any:
    """The object in a ``.pt`` file.

    Args:
        source: the bytes.
        adapter: makes tensors from records.
        limits: bounds on what reading may cost.
        report: filled in.
        mmap: map the data instead of reading it; nothing is verified then.
        prefetch: read storages in other threads while the pickle is interpreted.
        strict_types: refuse a file that holds anything but plain data.

    Raises:
        CheckpointError: and its subclasses; see :mod:`flambeau.errors`.
    """
    report.source = source.name
    if source.size == 0:
        raise CheckpointFormatError(f"{source.name}: the file is empty")
    try:
        if looks_like_zip(source):
            value = _read_zip(source, adapter, limits, report, mmap, prefetch)
        elif _looks_like_tar(source):
            value = _read_tar(source, adapter, limits, report)
        else:
            value = _read_legacy(source, adapter, limits, report, mmap)
    except (MemoryError, RecursionError) as error:
        raise CheckpointLimitError(f"{source.name}: reading needs too much: {error!r}") from None
    report.refused = survey(value, limits)
    if strict_types and report.refused:
        raise CheckpointRefusedError(
            f"{source.name} holds {len(report.refused)} object(s) that are not plain data: "
            + ", ".join(str(r) for r in report.refused[:10])
            + "; without strict_types=True they load as inert stubs"
        )
    return value


class _Storages:
    """The storages of a file by key, each made once."""

    def __init__(self, report: LoadReport, size_of: Callable[[str, int], None] | None):
        self.found: dict[tuple[str, str | None], StorageRecord] = {}
        self.base: dict[str, StorageRecord] = {}
        self.report = report
        self.size_of = size_of  # checks a claimed size
        self.opaque: dict[tuple[str, str], Stub] = {}

    def get(self, pid: Any) -> Any:
        """What a persistent id stands for."""
        if type(pid) is not tuple or not 5 <= len(pid) <= 6 or pid[0] != "storage":
            if type(pid) is tuple and pid and pid[0] == "module":
                return Stub("", "source of a module", args=()) if len(pid) < 2 else pid[1]
            raise CheckpointFormatError(f"unknown persistent id {type(pid).__name__}")
        _, cls, key, location, numel = pid[:5]
        if type(key) is int:
            key = str(key)
        if type(key) is not str or len(key) > 200 or type(location) is not str:
            raise CheckpointFormatError("a storage is named by what is no name")
        if type(numel) is not int or not 0 <= numel < 1 << 62:
            raise CheckpointFormatError(f"storage {key!r} has {numel!r:.100} elements")
        kind = storage_kind(cls)
        if kind is None:
            name = cls.qualified_name if type(cls) is Stub else type(cls).__name__
            raise CheckpointFormatError(f"storage {key!r} is of the unknown class {name!r:.200}")
        dtype, itemsize = kind
        nbytes = numel * itemsize
        view = pid[5] if len(pid) == 6 else None
        if view is not None:
            return self._view(key, dtype, itemsize, nbytes, location, view)
        return self._record(key, dtype, nbytes, location)

    def _record(self, key: str, dtype: str | None, nbytes: int, location: str) -> StorageRecord:
        record = self.found.get((key, dtype))
        if record is not None:
            if record.nbytes != nbytes:
                raise CheckpointFormatError(
                    f"storage {key!r} has two sizes, {record.nbytes} and {nbytes} bytes"
                )
            return record
        base = self.base.get(key)
        if base is None:
            if self.size_of is not None:
                self.size_of(key, nbytes)
            record = StorageRecord(key, dtype, nbytes, location)
            self.base[key] = record
            self.report.storages += 1
            self.report.nbytes += nbytes
        else:
            if base.nbytes != nbytes:
                raise CheckpointFormatError(
                    f"storage {key!r} has two sizes, {base.nbytes} and {nbytes} bytes"
                )
            record = StorageRecord(key, dtype, nbytes, location, base.data)
        self.found[key, dtype] = record
        return record

    def _view(
        self, key: str, dtype: str | None, itemsize: int, nbytes: int, location: str, view: Any
    ) -> StorageRecord:
        """A part of a storage, as files before 0.4 wrote it."""
        if type(view) is not tuple or len(view) != 3:
            raise CheckpointFormatError(f"storage {key!r} is a damaged view")
        view_key, offset, size = view
        root = self._record(key, dtype, nbytes, location)
        if (
            type(view_key) is not str
            or type(offset) is not int
            or type(size) is not int
            or offset < 0
            or size < 0
            or (offset + size) * itemsize > nbytes
        ):
            raise CheckpointFormatError(f"storage {key!r} is a view outside its root")
        record = self.found.get((view_key, dtype))
        if record is None:
            begin, end = offset * itemsize, (offset + size) * itemsize
            record = StorageRecord(
                view_key, dtype, end - begin, location, lambda: root.data()[begin:end]
            )
            self.found[view_key, dtype] = record
        return record


# -- zip -----------------------------------------------------------------------------------


def _read_zip(
    source: Source,
    adapter: Adapter,
    limits: Limits,
    report: LoadReport,
    mmap: bool,
    prefetch: bool,
) -> Any:
    archive = ZipReader(source, limits)
    report.format = "zip"
    roots = [n[: -len("data.pkl")] for n in archive.entries if n.split("/")[1:] == ["data.pkl"]]
    if "data.pkl" in archive.entries:
        roots.append("")
    if len(roots) != 1:
        raise CheckpointFormatError(
            f"{source.name}: the zip archive holds {len(roots)} files named data.pkl where a "
            "checkpoint has one" + _zip_hint(archive)
        )
    root = roots[0]
    swap = _byte_order(archive, root) != sys.byteorder
    for name in (".format_version", "version", ".data/serialization_id"):
        entry = archive.entries.get(root + name)
        if entry is not None and entry.size <= 256:
            text = archive.read(root + name).decode("utf-8", "replace").strip()
            report.metadata[name.rpartition("/")[2].lstrip(".")] = text
    size = archive.entry(root + "data.pkl").size
    if size > limits.max_pickle_bytes:
        raise CheckpointLimitError(
            f"{source.name}: data.pkl has {size} bytes, more than "
            f"max_pickle_bytes={limits.max_pickle_bytes}; if the file is trusted, pass "
            "limits=Limits(max_pickle_bytes=...)"
        )
    stream = archive.read(root + "data.pkl")

    def check_size(key: str, nbytes: int) -> None:
        entry = archive.entry(f"{root}data/{key}")
        if entry.size != nbytes:
            raise CheckpointFormatError(
                f"{source.name}: storage {key!r} should have {nbytes} bytes, its entry has "
                f"{entry.size}"
            )

    fetched: dict[str, Future[np.ndarray]] = {}
    storages = _Storages(report, check_size)

    def persistent_load(pid: Any) -> Any:
        record = storages.get(pid)
        if type(record) is StorageRecord and record._load is None and record._data is None:
            name = f"{root}data/{record.key}"
            record.set_loader(_loader(archive, name, record, mmap, swap, fetched))
        return record

    if prefetch and not mmap:
        for name, entry in archive.entries.items():
            if name.startswith(f"{root}data/") and entry.method == 0 and entry.size:
                fetched[name] = pool("read").submit(archive.load, name)
    try:
        value, _ = _interpret(stream, adapter, limits, report, source.size, persistent_load)
    except BaseException:
        # the file is closed after this: nobody may still be reading it
        wait([future for future in fetched.values() if not future.cancel()])
        raise
    # storages that no tensor asked for are verified all the same
    for name, future in fetched.items():
        if name in archive.entries:
            future.result()
    report.verified = bool(fetched) and archive.has_checksums
    return value


def _zip_hint(archive: ZipReader) -> str:
    names = list(archive.entries)
    if any(name.endswith(".npy") for name in names):
        return "; it looks like a NumPy .npz file: use numpy.load"
    if any(name.endswith(("/data.json", "Constants")) for name in names):
        return "; it looks like a TorchScript or package archive, which is a program"
    return ""


def _byte_order(archive: ZipReader, root: str) -> str:
    entry = archive.entries.get(root + "byteorder")
    if entry is None:
        return "little"
    order = archive.read(root + "byteorder") if entry.size <= 16 else b"?"
    if order not in (b"little", b"big"):
        raise CheckpointFormatError(f"{archive.source.name}: unknown byte order {order!r}")
    return order.decode()


def _loader(
    archive: ZipReader,
    name: str,
    record: StorageRecord,
    mmap: bool,
    swap: bool,
    fetched: dict[str, Future[np.ndarray]],
) -> Callable[[], np.ndarray]:
    def load() -> np.ndarray:
        if mmap:
            data = archive.view(name)
        elif name in fetched:
            data = fetched[name].result()
        else:
            data = archive.load(name)
        return swapped(data, record.dtype) if swap else data

    return load


def swapped(data: np.ndarray, dtype: str | None) -> np.ndarray:
    """Numbers of the other byte order, turned round."""
    size = 1 if dtype is None else SWAP_SIZES[dtype]
    if dtype is None:
        raise CheckpointFormatError(
            "an untyped storage of the other byte order cannot be read: its dtype is not known"
        )
    return data if size == 1 else data.view(f"u{size}").byteswap().view(np.uint8)


def _interpret(
    stream: Any,
    adapter: Adapter,
    limits: Limits,
    report: LoadReport,
    file_size: int,
    persistent_load: Callable[[Any], Any],
    start: int = 0,
    stop: int | None = None,
) -> tuple[Any, int]:
    builders = Builders(adapter, limits, file_size, report)
    machine = Interpreter(
        stream,
        limits=limits,
        reduce=builders.reduce,
        build=builders.build,
        find=builders.find,
        persistent_load=persistent_load,
        start=start,
        stop=stop,
    )
    return machine.run(), machine.end


# -- plain pickle stream ---------------------------------------------------------------------


def _no_ids(pid: Any) -> Any:
    raise CheckpointFormatError("a persistent id where none belongs")


def _read_legacy(
    source: Source, adapter: Adapter, limits: Limits, report: LoadReport, mmap: bool
) -> Any:
    whole = source.view(0, source.size)
    view = whole.data
    if view[0] != 0x80:
        raise CheckpointFormatError(
            f"{source.name}: no checkpoint format begins with {bytes(view[:8])!r}"
        )
    plain = RecordAdapter()

    def step(at: int) -> tuple[Any, int]:
        scratch = LoadReport()
        return _interpret(
            view, plain, limits, scratch, source.size, _no_ids, at, min(len(view), at + 65536)
        )

    # a stream without the magic number is what pickle.dump writes
    try:
        magic, at = step(0)
    except (CheckpointFormatError, CheckpointLimitError):
        magic, at = None, 0
    if type(magic) is not int or magic != _MAGIC:
        report.format = "pickle"
        value, end = _interpret(view, adapter, limits, report, source.size, _no_ids)
        if end != len(view):
            raise CheckpointFormatError(f"{source.name}: {len(view) - end} bytes follow the pickle")
        return value
    report.format = "legacy"
    protocol, at = step(at)
    if protocol != _PROTOCOL:
        raise CheckpointFormatError(f"{source.name}: unknown protocol {protocol!r:.50}")
    info, at = step(at)
    if type(info) is not dict:
        raise CheckpointFormatError(f"{source.name}: the description of the system is damaged")
    big = info.get("little_endian") is False
    # where a storage lies is known only behind the object: interpreted twice
    scratch = LoadReport()
    storages = _Storages(scratch, _fits(source))
    _, after = _interpret(view, plain, limits, scratch, source.size, storages.get, at)
    keys, pos = _interpret(view, plain, limits, LoadReport(), source.size, _no_ids, after)
    if type(keys) is not list or any(type(key) is not str for key in keys):
        raise CheckpointFormatError(f"{source.name}: the list of storages is damaged")
    if len(set(keys)) != len(keys) or set(keys) != set(storages.base):
        raise CheckpointFormatError(f"{source.name}: the list of storages is not the one used")
    for key in keys:
        record = storages.base[key]
        pos = _place(source, record, pos, mmap, big)
    if pos != source.size:
        report.note(f"{source.size - pos} bytes follow the checkpoint and were not read")
    report.storages, report.nbytes = scratch.storages, scratch.nbytes
    value, _ = _interpret(view, adapter, limits, report, source.size, storages.get, at)
    return value


def _fits(source: Source) -> Callable[[str, int], None]:
    def check(key: str, nbytes: int) -> None:
        if nbytes > source.size:
            raise CheckpointFormatError(
                f"{source.name}: storage {key!r} claims {nbytes} bytes in a file of {source.size}"
            )

    return check


def _place(source: Source, record: StorageRecord, pos: int, mmap: bool, big: bool) -> int:
    """Note where a storage lies, with its length before it; the place after it."""
    itemsize = 1 if record.dtype is None else NUMPY_DTYPES[record.dtype].itemsize
    (numel,) = struct.unpack(">q" if big else "<q", source.read(pos, 8))
    # quantized storages are kept as bytes, but counted in elements
    if numel < 0 or (numel * itemsize != record.nbytes and record.dtype is not None):
        raise CheckpointFormatError(
            f"{source.name}: storage {record.key!r} should have {record.nbytes} bytes, "
            f"{numel * itemsize} are announced"
        )
    start, end = pos + 8, pos + 8 + record.nbytes
    if end > source.size:
        raise CheckpointFormatError(
            f"{source.name}: storage {record.key!r} ends at {end}, the file at {source.size}"
        )

    def load() -> np.ndarray:
        if mmap:
            data = source.view(start, record.nbytes)
        else:
            data = source.load(start, record.nbytes)
        return swapped(data, record.dtype) if big and record.dtype is not None else data

    record.set_loader(load)
    return end


# -- tar -------------------------------------------------------------------------------------


def _looks_like_tar(source: Source) -> bool:
    if source.size < 1024 or source.read(0, 1) == b"\x80":
        return False
    return source.read(257, 5) == b"ustar" or bool(_tar_size(source.read(0, 512)) is not None)


def _tar_size(block: bytes) -> int | None:
    digits = block[124:136].strip(b" \0")
    if not digits or not all(48 <= c < 56 for c in digits) or not block[:1].strip(b"\0"):
        return None
    return int(digits, 8)


def _tar_members(source: Source) -> dict[str, tuple[int, int]]:
    members: dict[str, tuple[int, int]] = {}
    pos = 0
    while pos + 512 <= source.size and len(members) < 64:
        block = source.read(pos, 512)
        if not block.strip(b"\0"):
            break
        size = _tar_size(block)
        if size is None or pos + 512 + size > source.size:
            raise CheckpointFormatError(f"{source.name}: the tar archive is damaged at byte {pos}")
        name = block[:100].split(b"\0")[0].decode("utf-8", "replace").removeprefix("./")
        if block[156:157] in (b"0", b"\0"):
            if name in members:
                raise CheckpointFormatError(f"{source.name}: two members are named {name!r}")
            members[name] = (pos + 512, size)
        pos += 512 + -(-size // 512) * 512
    return members


def _read_tar(source: Source, adapter: Adapter, limits: Limits, report: LoadReport) -> Any:
    """The format of PyTorch before 0.1.2: storages, tensors and the pickle apart."""
    members = _tar_members(source)
    report.format = "tar"
    missing = {"storages", "tensors", "pickle"} - set(members)
    if missing:
        raise CheckpointFormatError(
            f"{source.name}: a tar archive without {', '.join(sorted(missing))} is no checkpoint"
        )
    parts = {
        name: BytesSource(source.view(*members[name]).data, f"{source.name}:{name}")
        for name in ("storages", "tensors", "pickle")
    }
    for part in parts.values():
        if part.size == 0:
            raise CheckpointFormatError(f"{part.name} is empty")
    storages = _tar_storages(parts["storages"], limits, report)
    # every builder's checks apply to these tensors as well
    builders = Builders(adapter, limits, source.size, report)
    tensors = _tar_tensors(parts["tensors"], limits, storages, builders)

    def persistent_load(pid: Any) -> Any:
        if type(pid) is tuple and pid:
            return pid[0]
        key = _tar_key(pid)
        if key in tensors:
            return tensors[key]
        if key in storages:
            return storages[key]
        raise CheckpointFormatError(f"{source.name}: the pickle asks for an unknown id {key!r}")

    machine = Interpreter(
        parts["pickle"].read(0, parts["pickle"].size),
        limits=limits,
        reduce=builders.reduce,
        build=builders.build,
        find=builders.find,
        persistent_load=persistent_load,
    )
    return machine.run()


def _tar_key(value: Any) -> str:
    if type(value) is int and value.bit_length() <= 64:
        return str(value)
    if type(value) is str and len(value) <= 40:
        return value
    raise CheckpointFormatError("a tar checkpoint names a storage by what is no number")


def _tar_count(part: BytesSource, limits: Limits) -> tuple[int, int]:
    count, pos = _tar_pickle(part, 0, limits)
    if type(count) is not int or not 0 <= count <= part.size // 8:
        raise CheckpointFormatError(f"{part.name} claims {count!r:.50} members")
    return count, pos


def _tar_pickle(part: BytesSource, pos: int, limits: Limits) -> tuple[Any, int]:
    view = part.view(0, part.size).data
    return _interpret(view, RecordAdapter(), limits, LoadReport(), part.size, _no_ids, pos)


def _tar_storages(
    part: BytesSource, limits: Limits, report: LoadReport
) -> dict[str, StorageRecord]:
    found: dict[str, StorageRecord] = {}
    count, pos = _tar_count(part, limits)
    for _ in range(count):
        args, pos = _tar_pickle(part, pos, limits)
        if type(args) is not tuple or len(args) != 3 or type(args[1]) is not str:
            raise CheckpointFormatError(f"{part.name}: a storage's description is damaged")
        key, kind = _tar_key(args[0]), storage_kind(args[2])
        if kind is None or kind[0] is None:
            raise CheckpointFormatError(f"{part.name}: storage {key!r} is of an unknown class")
        (numel,) = struct.unpack("<q", part.read(pos, 8))
        nbytes = numel * kind[1]
        if numel < 0 or pos + 8 + nbytes > part.size:
            raise CheckpointFormatError(f"{part.name}: storage {key!r} claims {numel} elements")
        record = StorageRecord(key, kind[0], nbytes, args[1])
        start = pos + 8
        record.set_loader(lambda start=start, nbytes=nbytes: part.load(start, nbytes))
        found[key] = record
        report.storages += 1
        report.nbytes += nbytes
        pos = start + nbytes
    views, _ = _tar_pickle(part, pos, limits) if pos < part.size else ([], pos)
    if type(views) is not list:
        raise CheckpointFormatError(f"{part.name}: the list of views is damaged")
    for view in views:
        if type(view) is not tuple or len(view) != 4:
            raise CheckpointFormatError(f"{part.name}: a view's description is damaged")
        target, root_key, offset, size = view
        root = found.get(_tar_key(root_key))
        if root is None or root.dtype is None:
            raise CheckpointFormatError(f"{part.name}: a view of an unknown storage")
        itemsize = NUMPY_DTYPES[root.dtype].itemsize
        if type(offset) is not int or type(size) is not int or offset < 0 or size < 0:
            raise CheckpointFormatError(f"{part.name}: a view outside its storage")
        begin, end = offset * itemsize, (offset + size) * itemsize
        if end > root.nbytes:
            raise CheckpointFormatError(f"{part.name}: a view outside its storage")
        found[_tar_key(target)] = StorageRecord(
            _tar_key(target),
            root.dtype,
            end - begin,
            root.location,
            lambda root=root, begin=begin, end=end: root.data()[begin:end],
        )
    return found


def _tar_tensors(
    part: BytesSource,
    limits: Limits,
    storages: dict[str, StorageRecord],
    builders: Builders,
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    count, pos = _tar_count(part, limits)
    for _ in range(count):
        args, pos = _tar_pickle(part, pos, limits)
        if type(args) is not tuple or len(args) != 3:
            raise CheckpointFormatError(f"{part.name}: a tensor's description is damaged")
        key, storage = _tar_key(args[0]), storages.get(_tar_key(args[1]))
        if storage is None:
            raise CheckpointFormatError(f"{part.name}: tensor {key!r} has an unknown storage")
        (ndim,) = struct.unpack("<i", part.read(pos, 4))
        if not 0 <= ndim <= limits.max_dims:
            raise CheckpointFormatError(f"{part.name}: tensor {key!r} has {ndim} dimensions")
        numbers = struct.unpack(f"<{2 * ndim + 1}q", part.read(pos + 8, 8 * (2 * ndim + 1)))
        pos += 8 + 8 * (2 * ndim + 1)
        found[key] = builders._tensor(
            storage, numbers[-1], tuple(numbers[:ndim]), tuple(numbers[ndim : 2 * ndim])
        )
    return found
