"""Writes ``.pt`` files (PyTorch's zip format)."""

from __future__ import annotations

import io
import os
import struct
import sys
import zlib
from collections.abc import Callable
from typing import Any

from ._atomic import atomic_file
from ._emitter import Emitter
from ._records import StorageRecord
from ._source import ALIGNMENT, pool

__all__ = ["write_emitted", "write_pt"]

_LARGE = 1 << 20
_LIMIT32 = 0xFFFFFFFF
_UTF8 = 0x0800


def write_pt(
    value: Any,
    f: Any,
    describe: Callable[[Any], Any],
    *,
    durable: bool = True,
) -> None:
    """Write one object.

    Args:
        value: plain data and tensors.
        f: a path (written atomically) or a file object (written as it comes).
        describe: see :class:`Emitter`.
        durable: flush to the disk before the file takes its place.

    Raises:
        CheckpointTypeError: the object holds something that is no plain data.
        CheckpointWriteError: writing failed.
    """
    emitter = Emitter(describe)
    write_emitted(emitter, emitter.dump(value), f, durable=durable)


def write_emitted(emitter: Emitter, stream: bytes, f: Any, *, durable: bool = True) -> None:
    """Write a pickle and its storages; see :func:`write_pt`."""
    storages = [(emitter.keys[i], s) for i, s in emitter.storages.items()]
    if isinstance(f, (str, os.PathLike)):
        name = os.path.splitext(os.path.basename(os.fspath(f)))[0] or "archive"
        # room for the headers of one entry is below 512 bytes
        expected = len(stream) + sum(s.nbytes + 512 for _, s in storages) + 4096
        with atomic_file(f, expected=expected, durable=durable) as file:
            _write(file, name, stream, storages)
        return
    if not hasattr(f, "write"):
        raise TypeError(
            f"save() takes a path or a file opened for binary writing, got {type(f).__name__}"
        )
    _write(f, "archive", stream, storages)


def _write(
    file: Any,
    root: str,
    stream: bytes,
    storages: list[tuple[str, StorageRecord]],
) -> None:
    writer = ZipWriter(file, root)
    writer.add("data.pkl", stream)
    writer.add(".format_version", b"1")
    writer.add(".storage_alignment", str(ALIGNMENT).encode())
    writer.add("byteorder", sys.byteorder.encode())
    for key, storage in storages:
        writer.add(f"data/{key}", storage.data().data)
    writer.add("version", b"3\n")
    writer.add(".data/serialization_id", _identity(stream, writer))
    writer.finish()


def _identity(stream: bytes, writer: ZipWriter) -> bytes:
    total = zlib.crc32(stream)
    for entry in writer.entries:
        total = zlib.crc32(struct.pack("<I", entry[1]), total)
    return f"{zlib.crc32(stream):020d}{total:020d}".encode()


class ZipWriter:
    """A zip file of plainly stored entries, their data aligned for mapping."""

    def __init__(self, file: Any, root: str):
        self.file = file
        self.root = root
        self.pos = 0
        self.entries: list[tuple[bytes, int, int, int]] = []  # name, crc, size, offset

    def _write(self, data: Any) -> None:
        view = memoryview(data).cast("B") if len(data) else memoryview(b"")
        while len(view):
            # raw files may take less than they are given
            written = self.file.write(view[: 1 << 30])
            self.pos += len(view[: 1 << 30]) if written is None else written
            view = view[len(view[: 1 << 30]) if written is None else written :]

    def add(self, name: str, data: Any) -> None:
        raw_name = f"{self.root}/{name}".encode()
        size, offset = len(data), self.pos
        # the sum stands before the data: where the file can seek, another thread takes it while
        # the data are written (neither holds the GIL), and it is filled in afterwards
        patch = size > _LARGE and isinstance(self.file, io.FileIO) and self.file.seekable()
        crc = 0 if patch else zlib.crc32(data)
        wide = size >= _LIMIT32
        extra = struct.pack("<2H2Q", 1, 16, size, size) if wide else b""
        header = 30 + len(raw_name) + len(extra)
        padding = -(offset + header + 4) % ALIGNMENT
        extra += struct.pack("<2H", 0x4246, padding) + b"Z" * padding
        small = _LIMIT32 if wide else size
        self._write(
            struct.pack(
                "<4s5H3L2H", b"PK\x03\x04", 45 if wide else 20, _UTF8, 0, 0, 0x21,
                crc, small, small, len(raw_name), len(extra),
            )
            + raw_name
            + extra
        )  # fmt: skip
        if patch:
            pending = pool("checksum").submit(zlib.crc32, data)
            try:
                self._write(data)
            finally:
                crc = pending.result()
            os.pwrite(self.file.fileno(), struct.pack("<L", crc), offset + 14)
        else:
            self._write(data)
        self.entries.append((raw_name, crc, size, offset))

    def finish(self) -> None:
        start = self.pos
        for name, crc, size, offset in self.entries:
            wide = [n for n in (size, size, offset) if n >= _LIMIT32]
            if size < _LIMIT32:
                wide = [offset] if offset >= _LIMIT32 else []
            extra = struct.pack(f"<2H{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
            small = min(size, _LIMIT32)
            self._write(
                struct.pack(
                    "<4s6H3L5H2L",
                    b"PK\x01\x02",
                    45 if wide else 20,
                    45 if wide else 20,
                    _UTF8,
                    0,
                    0,
                    0x21,
                    crc,
                    small,
                    small,
                    len(name),
                    len(extra),
                    0,
                    0,
                    0,
                    0,
                    min(offset, _LIMIT32),
                )
                + name
                + extra
            )
        size, count, end = self.pos - start, len(self.entries), self.pos
        self._write(
            struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, start)
        )
        self._write(struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1))
        self._write(
            struct.pack(
                "<4s4H2LH",
                b"PK\x05\x06",
                0,
                0,
                min(count, 0xFFFF),
                min(count, 0xFFFF),
                min(size, _LIMIT32),
                min(start, _LIMIT32),
                0,
            )
        )
