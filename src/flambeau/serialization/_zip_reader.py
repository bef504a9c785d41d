"""A strict reader of zip files: every number in them is checked before it is used."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import numpy as np

from flambeau.errors import CheckpointFormatError, CheckpointIntegrityError, CheckpointLimitError

from ._limits import Limits
from ._source import Source, aligned_empty

__all__ = ["ZipEntry", "ZipReader", "looks_like_zip"]

_EOCD = struct.Struct("<4s4H2LH")
_EOCD64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_STORED, _DEFLATED = 0, 8
_FULL32, _FULL16 = 0xFFFFFFFF, 0xFFFF


@dataclass(frozen=True, slots=True)
class ZipEntry:
    """One file in the archive, and where its bytes are."""

    name: str
    size: int
    compressed: int
    method: int
    crc: int
    header: int
    start: int  # of the data


def looks_like_zip(source: Source) -> bool:
    """Whether the file begins as PyTorch's zip files do."""
    return source.size >= 4 and source.read(0, 4) == b"PK\x03\x04"


class ZipReader:
    """The entries of an archive by name.

    Raises:
        CheckpointFormatError: the archive is damaged or contradicts itself: truncated,
            overlapping or duplicate entries, names that leave the folder, sizes that the
            two headers give differently.
        CheckpointLimitError: too many entries.
    """

    def __init__(self, source: Source, limits: Limits):
        self.source = source
        self.limits = limits
        self.entries: dict[str, ZipEntry] = {}
        try:
            self._read()
        except (struct.error, UnicodeDecodeError) as error:
            raise self._bad(f"has a damaged header ({error})") from None
        # torch.serialization.set_crc32_options(False) writes zeros: nothing to compare
        self.has_checksums = any(entry.crc for entry in self.entries.values())

    def _bad(self, what: str) -> CheckpointFormatError:
        return CheckpointFormatError(f"{self.source.name}: the zip archive {what}")

    def _read(self) -> None:
        count, size, offset, end = self._directory()
        if count > self.limits.max_entries:
            raise CheckpointLimitError(
                f"{self.source.name}: {count} entries, more than "
                f"max_entries={self.limits.max_entries}; if the file is trusted, pass "
                "limits=Limits(max_entries=...)"
            )
        if offset + size > end or count * _CENTRAL.size > size:
            raise self._bad(
                f"has a directory of {count} entries and {size} bytes at {offset}, which does "
                "not fit before its end"
            )
        directory = self.source.read(offset, size)
        pos, found = 0, []
        for _ in range(count):
            entry, pos = self._central(directory, pos)
            found.append(entry)
        self._place(sorted(found, key=lambda e: e[1]), offset)

    def _directory(self) -> tuple[int, int, int, int]:
        """Count, size, offset of the central directory, and where the end records begin."""
        source = self.source
        tail_size = min(source.size, _EOCD.size + _FULL16)
        tail_start = source.size - tail_size
        tail = source.read(tail_start, tail_size)
        at = tail.rfind(b"PK\x05\x06")
        if at < 0 or len(tail) - at < _EOCD.size:
            raise self._bad("has no end record; the file is truncated or no checkpoint")
        _, disk, cd_disk, here, count, size, offset, comment = _EOCD.unpack_from(tail, at)
        end = tail_start + at
        if end + _EOCD.size + comment != source.size:
            raise self._bad("does not end where its end record says")
        locator = end - _LOCATOR.size
        if locator >= 0:
            sig, disk64, at64, disks = _LOCATOR.unpack(source.read(locator, _LOCATOR.size))
            if sig == b"PK\x06\x07":
                if disk64 or disks > 1 or at64 + _EOCD64.size > locator:
                    raise self._bad("points to a zip64 end record outside the file")
                fields = _EOCD64.unpack(source.read(at64, _EOCD64.size))
                if fields[0] != b"PK\x06\x06":
                    raise self._bad("points to a zip64 end record that is none")
                _, _, _, _, disk64, cd_disk64, here64, count64, size64, offset64 = fields
                for small, big, full in (
                    (count, count64, _FULL16),
                    (size, size64, _FULL32),
                    (offset, offset64, _FULL32),
                ):
                    if small not in (full, big):
                        raise self._bad("has two end records that differ")
                if disk64 or cd_disk64 or here64 != count64:
                    raise self._bad("is split over several files")
                return count64, size64, offset64, at64
        if disk or cd_disk or here != count:
            raise self._bad("is split over several files")
        return count, size, offset, end

    def _central(self, data: bytes, pos: int) -> tuple[tuple[str, int, int, int, int, int], int]:
        if pos + _CENTRAL.size > len(data):
            raise self._bad("has a directory shorter than its count of entries")
        (
            sig,
            _,
            _,
            flags,
            method,
            _,
            _,
            crc,
            compressed,
            size,
            n_name,
            n_extra,
            n_comment,
            disk,
            _,
            _,
            header,
        ) = _CENTRAL.unpack_from(data, pos)
        pos += _CENTRAL.size
        if sig != b"PK\x01\x02":
            raise self._bad("has a damaged directory")
        if pos + n_name + n_extra + n_comment > len(data):
            raise self._bad("has a directory entry longer than the directory")
        name = data[pos : pos + n_name].decode("utf-8")
        extra = data[pos + n_name : pos + n_name + n_extra]
        size, compressed, header = self._zip64(extra, size, compressed, header)
        pos += n_name + n_extra + n_comment
        if flags & 0x2041:
            raise self._bad(f"has the encrypted entry {name!r:.200}")
        if disk not in (0, _FULL16):
            raise self._bad("is split over several files")
        if method not in (_STORED, _DEFLATED):
            raise self._bad(f"compresses {name!r:.200} by method {method}, which is not supported")
        if method == _STORED and size != compressed:
            raise self._bad(f"gives {name!r:.200} two different sizes, {size} and {compressed}")
        if size > compressed * self.limits.max_compression:
            raise CheckpointLimitError(
                f"{self.source.name}: entry {name!r:.200} would grow from {compressed} to {size} "
                f"bytes, more than {self.limits.max_compression} times; if the file is trusted, "
                "pass limits=Limits(max_compression=...)"
            )
        self._check_name(name)
        return (name, header, size, compressed, method, crc), pos

    def _zip64(self, extra: bytes, size: int, compressed: int, header: int) -> tuple[int, int, int]:
        pos = 0
        while pos + 4 <= len(extra):
            tag, length = struct.unpack_from("<2H", extra, pos)
            pos += 4
            if pos + length > len(extra):
                raise self._bad("has an extra field longer than its header says")
            if tag == 1:
                field = extra[pos : pos + length]
                values = list(struct.unpack(f"<{len(field) // 8}Q", field[: len(field) // 8 * 8]))
                if size == _FULL32:
                    size = self._next(values)
                if compressed == _FULL32:
                    compressed = self._next(values)
                if header == _FULL32:
                    header = self._next(values)
            pos += length
        return size, compressed, header

    def _next(self, values: list[int]) -> int:
        if not values:
            raise self._bad("lacks a 64-bit size where it announces one")
        return values.pop(0)

    def _check_name(self, name: str) -> None:
        parts = name.replace("\\", "/").split("/")
        if not name or name.startswith("/") or ".." in parts or "\0" in name or ":" in parts[0]:
            raise self._bad(f"has the entry name {name!r:.200}, which leaves the archive")

    def _place(self, found: list[tuple[str, int, int, int, int, int]], directory: int) -> None:
        """Check the local headers, and that no two entries share bytes."""
        for i, (name, header, size, compressed, method, crc) in enumerate(found):
            limit = found[i + 1][1] if i + 1 < len(found) else directory
            if header + _LOCAL.size > limit:
                raise self._bad(f"has overlapping entries ({name!r:.200})")
            raw = self.source.read(header, _LOCAL.size)
            (
                sig,
                _,
                flags,
                local_method,
                _,
                _,
                local_crc,
                local_compressed,
                local_size,
                n_name,
                n_extra,
            ) = _LOCAL.unpack(raw)
            if sig != b"PK\x03\x04":
                raise self._bad(f"has no entry where its directory puts {name!r:.200}")
            start = header + _LOCAL.size + n_name + n_extra
            if start + compressed > limit:
                raise self._bad(f"has overlapping entries ({name!r:.200})")
            rest = self.source.read(header + _LOCAL.size, n_name + n_extra)
            if rest[:n_name].decode("utf-8") != name:
                raise self._bad(f"has two names for one entry ({name!r:.200})")
            if not flags & 8:  # sizes stand here, not behind the data
                local_size, local_compressed, _ = self._zip64(
                    rest[n_name:], local_size, local_compressed, 0
                )
                if (local_size, local_compressed, local_crc) != (size, compressed, crc):
                    raise self._bad(f"gives two sizes or checksums for {name!r:.200}")
            if local_method != method:
                raise self._bad(f"gives two methods of compression for {name!r:.200}")
            if name in self.entries:
                raise self._bad(f"has two entries named {name!r:.200}")
            if not name.endswith("/"):
                self.entries[name] = ZipEntry(name, size, compressed, method, crc, header, start)

    # -- data ------------------------------------------------------------------------------

    def entry(self, name: str) -> ZipEntry:
        try:
            return self.entries[name]
        except KeyError:
            raise self._bad(f"has no entry {name!r:.200}") from None

    def read(self, name: str) -> bytes:
        """The bytes of an entry, checked."""
        entry = self.entry(name)
        if entry.method == _STORED:
            data = self.source.read(entry.start, entry.size)
            self._verify(entry, zlib.crc32(data))
            return data
        return self._inflate(entry).tobytes()

    def load(self, name: str) -> np.ndarray:
        """The bytes of an entry as a fresh aligned array, checked."""
        entry = self.entry(name)
        if entry.method != _STORED:
            return self._inflate(entry)
        data, crc = self.source.load_summed(entry.start, entry.size)
        self._verify(entry, crc)
        return data

    def view(self, name: str) -> np.ndarray:
        """The bytes of an entry without reading them, where they are stored plainly."""
        entry = self.entry(name)
        if entry.method != _STORED:
            return self._inflate(entry)
        return self.source.view(entry.start, entry.size)

    def _inflate(self, entry: ZipEntry) -> np.ndarray:
        out = aligned_empty(entry.size)
        inflater = zlib.decompressobj(-15)
        done, at, end = 0, entry.start, entry.start + entry.compressed
        try:
            while at < end and not inflater.eof:
                raw = self.source.read(at, min(1 << 20, end - at))
                at += len(raw)
                while raw and not inflater.eof:
                    piece = inflater.decompress(raw, 1 << 20)
                    raw = inflater.unconsumed_tail
                    if done + len(piece) > entry.size:
                        raise self._bad(f"holds more in {entry.name!r:.200} than it declares")
                    out[done : done + len(piece)] = np.frombuffer(piece, np.uint8)
                    done += len(piece)
        except zlib.error as error:
            raise self._bad(f"has a damaged entry {entry.name!r:.200} ({error})") from None
        if done != entry.size or not inflater.eof:
            raise self._bad(f"holds less in {entry.name!r:.200} than it declares")
        self._verify(entry, zlib.crc32(out.data))
        return out

    def _verify(self, entry: ZipEntry, crc: int) -> None:
        if self.has_checksums and crc != entry.crc:
            raise CheckpointIntegrityError(
                f"{self.source.name}: entry {entry.name!r:.200} does not match its checksum "
                f"({crc:08x}, recorded {entry.crc:08x}); the file is damaged"
            )
