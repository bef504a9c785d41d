"""Where bytes are read from: a file on disk, or memory."""

from __future__ import annotations

import io
import mmap
import os
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np

from flambeau.errors import CheckpointFormatError

__all__ = ["BytesSource", "FileSource", "Source", "aligned_empty", "open_source", "pool"]

ALIGNMENT = 64  # XLA takes memory on the CPU without a copy when it is aligned so
_PIECE = 256 << 10
_MAPPED = 4 << 20


def aligned_empty(nbytes: int) -> np.ndarray:
    """A flat uint8 array whose memory XLA can take over without a copy.

    No page is taken before it is written, so that a length which is only claimed costs nothing.
    """
    if nbytes >= _MAPPED and hasattr(mmap, "MAP_PRIVATE"):
        # NumPy would ask for huge pages, which the kernel may have to piece together first; and
        # pages taken all at once (MAP_POPULATE) keep the other reading thread from taking its own
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        return np.frombuffer(mmap.mmap(-1, nbytes, flags=flags), np.uint8)
    raw = np.empty(nbytes + ALIGNMENT, np.uint8)
    shift = -raw.ctypes.data % ALIGNMENT
    return raw[shift : shift + nbytes]


class Source(Protocol):
    """Random access to the bytes of a checkpoint."""

    name: str
    size: int

    def read(self, offset: int, count: int) -> bytes:
        """Exactly so many bytes; an error if the file is shorter."""
        ...

    def load(self, offset: int, count: int) -> np.ndarray:
        """A fresh aligned array of so many bytes."""
        ...

    def load_summed(self, offset: int, count: int) -> tuple[np.ndarray, int]:
        """The same, and the CRC-32 of the bytes."""
        ...

    def view(self, offset: int, count: int) -> np.ndarray:
        """The bytes without copying or reading them (mapped, when they are in a file)."""
        ...

    def close(self) -> None: ...


class FileSource:
    """A file, read by position, so that several threads can read at once."""

    def __init__(self, path: str | os.PathLike[str]):
        self.name = os.fspath(path)
        self._map: mmap.mmap | None = None
        self._fd = -1  # for __del__, should opening fail
        self._fd = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        try:
            self.size = os.fstat(self._fd).st_size
            if os.path.isdir(path):
                raise IsADirectoryError(f"{self.name!r} is a directory, not a checkpoint file")
        except BaseException:
            self.close()
            raise
        self._lock = threading.Lock()

    def _check(self, offset: int, count: int) -> None:
        if offset < 0 or count < 0 or offset + count > self.size:
            raise CheckpointFormatError(
                f"{self.name}: {count} bytes at {offset} are outside the file of {self.size} bytes"
            )

    def read(self, offset: int, count: int) -> bytes:
        self._check(offset, count)
        data = os.pread(self._fd, count, offset)
        while len(data) < count:  # one call reads at most 2 GiB
            more = os.pread(self._fd, count - len(data), offset + len(data))
            if not more:
                raise CheckpointFormatError(f"{self.name}: the file became shorter while read")
            data += more
        return data

    def load(self, offset: int, count: int) -> np.ndarray:
        self._check(offset, count)
        out = aligned_empty(count)
        self._read_into(out.data, offset)
        return out

    def load_summed(self, offset: int, count: int) -> tuple[np.ndarray, int]:
        self._check(offset, count)
        out = aligned_empty(count)
        view, crc = out.data, 0
        # summed piece by piece, while the piece is still in the processor's cache
        for start in range(0, count, _PIECE):
            piece = view[start : start + _PIECE]
            self._read_into(piece, offset + start)
            crc = zlib.crc32(piece, crc)
        return out, crc

    def _read_into(self, view: memoryview, offset: int) -> None:
        done = 0
        while done < len(view):
            got = os.preadv(self._fd, [view[done:]], offset + done)
            if got <= 0:
                raise CheckpointFormatError(f"{self.name}: the file became shorter while read")
            done += got

    def view(self, offset: int, count: int) -> np.ndarray:
        self._check(offset, count)
        if count == 0:
            return np.empty(0, np.uint8)
        with self._lock:
            if self._map is None:
                self._map = mmap.mmap(self._fd, 0, access=mmap.ACCESS_READ)
        return np.frombuffer(self._map, np.uint8, count, offset)

    def close(self) -> None:
        # views keep the mapping alive by themselves
        self._map = None
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __del__(self) -> None:
        self.close()


class BytesSource:
    """Bytes in memory."""

    def __init__(self, data: Any, name: str = "<bytes>"):
        self.name = name
        self._data = np.frombuffer(data, np.uint8)
        self.size = len(self._data)

    def _check(self, offset: int, count: int) -> None:
        if offset < 0 or count < 0 or offset + count > self.size:
            raise CheckpointFormatError(
                f"{self.name}: {count} bytes at {offset} are outside the {self.size} bytes given"
            )

    def read(self, offset: int, count: int) -> bytes:
        self._check(offset, count)
        return self._data[offset : offset + count].tobytes()

    def load(self, offset: int, count: int) -> np.ndarray:
        self._check(offset, count)
        out = aligned_empty(count)
        out[:] = self._data[offset : offset + count]
        return out

    def load_summed(self, offset: int, count: int) -> tuple[np.ndarray, int]:
        out = self.load(offset, count)
        return out, zlib.crc32(out.data)

    def view(self, offset: int, count: int) -> np.ndarray:
        self._check(offset, count)
        view = self._data[offset : offset + count]
        view.flags.writeable = False
        return view

    def close(self) -> None:
        pass


def open_source(f: Any) -> Source:
    """A source for a path, a binary file object or bytes.

    Raises:
        TypeError: ``f`` is none of them.
    """
    if isinstance(f, (str, os.PathLike)):
        return FileSource(os.fspath(f))
    if isinstance(f, (bytes, bytearray, memoryview)):
        return BytesSource(bytes(f) if isinstance(f, bytearray) else f)
    if isinstance(f, io.BytesIO):
        return BytesSource(f.read())
    read = getattr(f, "read", None)
    if read is None:
        raise TypeError(
            f"load() takes a path, a file opened for binary reading or bytes, got "
            f"{type(f).__name__}"
        )
    data = read()
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise TypeError("load() takes a file opened for binary reading; open it with 'rb'")
    return BytesSource(data, str(getattr(f, "name", "<file>")))


_POOLS: dict[str, ThreadPoolExecutor] = {}
_POOL_LOCK = threading.Lock()


def pool(purpose: str) -> ThreadPoolExecutor:
    """Two threads for one purpose, made when first needed (and anew in a forked child).

    Work of one pool may wait for work of another, never for its own.
    """
    with _POOL_LOCK:
        if purpose not in _POOLS:
            _POOLS[purpose] = ThreadPoolExecutor(2, thread_name_prefix=f"flambeau-{purpose}")
        return _POOLS[purpose]


def _forget_pools() -> None:
    global _POOL_LOCK
    _POOLS.clear()
    _POOL_LOCK = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pools)
