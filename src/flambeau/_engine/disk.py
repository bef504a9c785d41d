"""Compiled programs on disk, so that the next process starts at once.

A program's key is the recorded graph in words, with the versions of everything that shaped
it: a hit skips tracing and lowering as well as XLA. Files are written whole and renamed, so
several processes may share the folder. They hold machine code: the folder is the user's own,
readable by no one else, and as trustworthy as an installed package.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import pickle
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jaxlib
from jax.experimental import serialize_executable

from flambeau._config import config
from flambeau._engine import xla
from flambeau._engine.device import Place
from flambeau._engine.hardware import features, processor

LIMIT_BYTES = 2 << 30
"""The folder is kept below this size; the least recently used programs go first."""


SHAPES = "shapes"
"""The folder within that of the programs for shapes, a file for each version of their source."""


def program_key(signature: str | None, device: Place, kind: str = "") -> str | None:
    """The name of a program's file; None when it cannot be kept.

    Args:
        signature: the graph in words.
        device: where it runs.
        kind: of which kind it is to XLA.
    """
    if signature is None or config.cache_dir is None:
        return None
    words = f"{signature}|{_surroundings()}|{_hardware(device)}|{xla.options(device, kind)}"
    return hashlib.sha256(words.encode()).hexdigest()


@functools.cache
def _surroundings() -> str:
    """Versions of flambeau's own source, JAX and XLA's options."""
    root = Path(__file__).parent.parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        info = path.stat()
        digest.update(f"{path.relative_to(root)}:{info.st_size}:{info.st_mtime_ns};".encode())
    flags = os.environ.get("XLA_FLAGS", "")
    return f"{digest.hexdigest()}|{jax.__version__}|{jaxlib.__version__}|{flags}"


@functools.cache
def _hardware(device: Place) -> str:
    dev = device.jax_device()
    words = f"{dev.platform}|{dev.device_kind}|{dev.client.platform_version}|{dev.id}"
    if device.kind == "cpu":
        words += f"|{os.cpu_count()}|{processor()}|{sorted(features())}"
    return words


def load(key: str, device: Place) -> Any:
    """The compiled program of this key, or None. A damaged file counts as absent."""
    assert config.cache_dir is not None
    path = config.cache_dir / key
    try:
        payload = path.read_bytes()
    except OSError:
        return None
    try:
        blob, in_tree, out_tree = pickle.loads(payload)
        found = serialize_executable.deserialize_and_load(
            blob,
            in_tree,
            out_tree,
            backend=device.jax_device().client,
            execution_devices=[device.jax_device()],
        )
    except Exception:
        with contextlib.suppress(OSError):
            path.unlink()
        return None
    with contextlib.suppress(OSError):
        os.utime(path)
    return found


def store(key: str, compiled: Any) -> None:
    """Keep a compiled program; failing to is no error."""
    assert config.cache_dir is not None
    try:
        payload = pickle.dumps(serialize_executable.serialize(compiled))
    except Exception:  # what a backend cannot serialize is compiled again next time
        return
    if write(config.cache_dir / key, payload):
        _trim(config.cache_dir)


def shapes_file() -> Path | None:
    """Where shapes are kept (:mod:`flambeau._engine.shapes`); None where nothing is."""
    if config.cache_dir is None:
        return None
    return config.cache_dir / SHAPES / hashlib.sha256(_surroundings().encode()).hexdigest()[:24]


def write(path: Path, payload: bytes) -> bool:
    """Write a file whole, or not at all. Gives whether it is there; failing to is no error."""
    temporary = None
    try:
        for folder in (config.cache_dir, path.parent):
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
        with os.fdopen(handle, "wb") as file:
            file.write(payload)
        Path(temporary).replace(path)
    except OSError:
        if temporary is not None:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
        return False
    return True


class Stored(NamedTuple):
    """A file of the cache."""

    used: float
    size: int
    path: str


def contents(folder: Path) -> list[Stored]:
    """The programs in a folder, the least recently used first."""
    found = []
    with contextlib.suppress(FileNotFoundError):
        for entry in os.scandir(folder):
            with contextlib.suppress(OSError):  # another process may have removed it
                if entry.is_file():
                    info = entry.stat()
                    found.append(Stored(info.st_mtime, info.st_size, entry.path))
    return sorted(found)


def _removed(files: list[Stored]) -> list[Stored]:
    done = []
    for file in files:
        with contextlib.suppress(OSError):
            Path(file.path).unlink()
            done.append(file)
    return done


def clear(folder: Path) -> tuple[int, int]:
    """Remove every program, and what is beside them; gives how many and how many bytes."""
    trim_shapes(folder / SHAPES, 0)
    gone = _removed(contents(folder))
    return len(gone), sum(file.size for file in gone)


def trim_shapes(folder: Path, keep: int) -> None:
    """Remove the files of shapes that are older than the `keep` newest."""
    files = contents(folder)
    _removed(files[: len(files) - keep])


def _trim(folder: Path) -> None:
    """Remove the least recently used programs while the folder is over its limit."""
    files = contents(folder)
    over = sum(file.size for file in files) - LIMIT_BYTES
    for file in files:
        if over <= 0:
            break
        over -= sum(gone.size for gone in _removed([file]))
