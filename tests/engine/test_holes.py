"""Free blocks between used ones are taken out of malloc's lists."""

import subprocess
import sys

import pytest

from flambeau._engine import memory
from flambeau._engine.holes import LIMIT, SIZES, Holes

CHILD = """
import ctypes
from flambeau._engine.holes import LIMIT, Holes

libc = ctypes.CDLL(None)
holes = Holes(libc)
libc.mallopt(-4, 0)  # large blocks come from the heap, too
holes.take()
old = holes.taken
sizes = [9_000 + 1_300 * i for i in range(200)]
blocks = [libc.malloc(size) for size in sizes for _ in range(2)]
large = libc.malloc(4 * LIMIT)
libc.malloc(64)  # else the last block would join what is free at the heap's end
for block in [*blocks[::2], large]:
    libc.free(block)
before = holes.count(8192)
holes.take()
again = libc.malloc(4 * LIMIT)
print(before, holes.count(8192), holes.taken - old, again == large)
"""


@pytest.mark.skipif(memory._glibc() is None, reason="needs a glibc that the user leaves alone")
def test_holes_are_taken_and_large_blocks_left():
    child = subprocess.run(
        [sys.executable, "-c", CHILD], capture_output=True, text=True, check=True, timeout=300
    )
    before, after, taken, same = child.stdout.split()
    assert int(before) >= 195  # some may join what was free beside them
    assert int(after) <= 5
    assert int(taken) >= 195
    assert same == "True"


class Told(Holes):
    """Holes of which one knows what glibc tells, and that note what they take."""

    def __init__(self, text):
        self.taken, self.text, self.asked = 0, text, []
        self._libc = self

    def _told(self):
        return self.text

    def malloc(self, size):
        self.asked.append(size)


LISTS = (
    b'<sizes><size from="33" to="48" total="96" count="2"/>'
    b'<size from="8192" to="9000" total="17000" count="2"/>'
    b'<size from="70000" to="90000" total="160000" count="2"/>'
    b'<size from="500000" to="524287" total="524287" count="1"/>'
    b'<size from="600000" to="99999999" total="99999999" count="7"/>'
    b'<unsorted from="16384" to="16384" total="16384" count="1"/></sizes>'
)


def test_they_are_counted_by_their_size():
    holes = Told(LISTS)
    assert [holes.count(size) for size in (8192, 16384, 65536, 262144)] == [6, 4, 3, 1]


def test_each_size_takes_as_many_as_there_are():
    holes = Told(LISTS)
    holes.take()
    assert SIZES[0] == 262144
    assert LIMIT == 524288
    assert [(holes.asked.count(size - 8)) for size in SIZES] == [1, 1, 3, 3, 4, 6]
    assert holes.taken == len(holes.asked) == 18
