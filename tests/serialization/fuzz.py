"""Coverage-guided fuzzing of everything that reads checkpoints: `make fuzz`.

Every exception that is not one of flambeau's own ends it, and so does an input that takes
longer than five seconds or more than 2 GiB. The corpus is seeded with the hostile files of the
tests and with honest ones.
"""

from __future__ import annotations

import io
import struct
import sys
import tempfile
import zipfile
import zlib
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["flambeau.serialization"]):
    import flambeau.serialization._builders
    import flambeau.serialization._interpreter
    import flambeau.serialization._pt_reader
    import flambeau.serialization._safetensors
    import flambeau.serialization._source
    import flambeau.serialization._tree
    import flambeau.serialization._zip_reader  # noqa: F401

from flambeau.errors import CheckpointError
from flambeau.serialization import Limits, LoadReport
from flambeau.serialization._files import leaves
from flambeau.serialization._pt_reader import RecordAdapter, read_pt
from flambeau.serialization._records import Stub, TensorRecord
from flambeau.serialization._safetensors import looks_like_safetensors, read_safetensors
from flambeau.serialization._source import BytesSource

LIMITS = Limits(max_opcodes=200_000)


def archive(stream: bytes, data: bytes) -> bytes:
    """A correct zip around a pickle: the fuzzer need not find checksums by luck."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr("a/data.pkl", stream)
        for key in "012":
            z.writestr(f"a/data/{key}", data)
    return out.getvalue()


def look(value: object) -> None:
    """Use what was read, as a program would."""
    for _, leaf in leaves(value):
        if isinstance(leaf, TensorRecord) and leaf.storage is not None:
            assert leaf.numpy().shape == leaf.shape
        elif isinstance(leaf, Stub):
            repr(leaf)


def read(data: bytes) -> None:
    source = BytesSource(data)
    for mmap in (False, True):
        options = {"limits": LIMITS, "report": LoadReport(), "mmap": mmap}
        try:
            if looks_like_safetensors(source):
                look(read_safetensors(source, RecordAdapter(), **options))
            else:
                look(read_pt(source, RecordAdapter(), **options, prefetch=False))
        except CheckpointError:
            pass


def one_input(data: bytes) -> None:
    """The first byte says what the rest is."""
    kind, data = (data[0] % 4, data[1:]) if data else (0, data)
    if kind == 1:
        read(archive(data, bytes(64)))
    elif kind == 2:
        read(struct.pack("<Q", len(data)) + data + bytes(64))
    elif kind == 3:
        read(b"\x80\x02" + data)
    else:
        read(data)


def seeds(folder: Path) -> None:
    """Honest and hostile files, and their pickles bare."""
    from tests.serialization import hostile

    files = [build() for build in hostile.CORPUS.values()] + list(hostile.honest().values())
    for data in files:
        if len(data) > 20_000:
            continue
        inputs = [b"\0" + data]
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as z:
                inputs += [b"\1" + z.read(n) for n in z.namelist() if n.endswith("data.pkl")]
        except Exception:
            pass
        if data[8:9] == b"{":
            inputs.append(b"\2" + data[8:])
        for seed in inputs:
            (folder / f"{zlib.crc32(seed):08x}").write_bytes(seed)


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="flambeau-fuzz-"))
    seeds(folder)
    atheris.Setup(
        [
            *sys.argv, str(folder), "-timeout=5", "-rss_limit_mb=2048", "-max_len=4096",
            f"-artifact_prefix={folder}/found-", "-print_final_stats=1",
        ],
        one_input,
    )  # fmt: skip
    atheris.Fuzz()


if __name__ == "__main__":
    main()
