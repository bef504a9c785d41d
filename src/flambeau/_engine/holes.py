"""Holes in the heap, kept out of malloc's way.

Compiling a model leaves ten thousand free blocks of all sizes between what lives on. glibc keeps
those of similar sizes in lists in the order of their sizes, and who frees such a block goes through
one, from cache miss to cache miss, while the other threads wait for the heap: a tenth of a GPT's
step. So holes are taken, as one takes memory, and never given back. Their pages have gone back to
the system before (``malloc_trim``): they cost addresses.
"""

from __future__ import annotations

import ctypes
import re
from typing import Any

SIZES = tuple(1 << n for n in range(18, 12, -1))
"""Bytes that are taken from a hole, the most first; what remains is looked at again, for less."""

LIMIT = 2 * SIZES[0]
"""From so many bytes on free memory is no hole: programs take it for what they compute."""

_BLOCKS = re.compile(rb'<(?:size|unsorted) from="(\d+)" to="(\d+)" total="\d+" count="(\d+)"/>')


class Holes:
    """The holes of the first heap.

    Args:
        libc: glibc.

    Attributes:
        taken: how many blocks were taken from them.
    """

    def __init__(self, libc: Any):
        self.taken = 0
        self._libc = libc
        libc.malloc.argtypes, libc.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
        libc.free.argtypes, libc.free.restype = [ctypes.c_void_p], None
        libc.open_memstream.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
        libc.open_memstream.restype = ctypes.c_void_p
        libc.malloc_info.argtypes = [ctypes.c_int, ctypes.c_void_p]
        libc.fclose.argtypes = [ctypes.c_void_p]

    def take(self) -> None:
        """Take those that are there."""
        for size in SIZES:
            number = self.count(size)
            for _ in range(number):
                self._libc.malloc(size - 8)  # 8 bytes are malloc's: all of a hole of this size
            self.taken += number

    def count(self, size: int) -> int:
        """How many there are in malloc's lists of `size` bytes and more."""
        return sum(
            int(number)
            for least, most, number in _BLOCKS.findall(self._told())
            if int(least) >= size and int(most) < LIMIT
        )

    def _told(self) -> bytes:
        """What glibc tells of the first heap."""
        text, length = ctypes.c_void_p(), ctypes.c_size_t()
        stream = self._libc.open_memstream(ctypes.byref(text), ctypes.byref(length))
        if not stream:
            return b""
        self._libc.malloc_info(0, stream)
        self._libc.fclose(stream)
        told = ctypes.string_at(text, length.value) if text.value else b""
        self._libc.free(text)
        return told.partition(b"</heap>")[0]
