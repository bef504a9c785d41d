"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from typing import BinaryIO

from flambeau.errors import CheckpointWriteError

__all__ = ["atomic_file", "remove_leftovers"]

_SUFFIX = ".flambeau-tmp"


@contextlib.contextmanager
def atomic_file(
    path: str | os.PathLike[str], *, expected: int = 0, durable: bool = True
) -> Iterator[BinaryIO]:
    """A file to write that takes ``path``'s place when the block ends without an error.

    It is written beside ``path``, flushed to the disk, and renamed; then the folder is
    flushed too. A crash at any moment leaves what was at ``path`` before, or the new file.

    Args:
        path: where the file shall be.
        expected: about how many bytes will come, so that a full disk is found at once.
        durable: flush to the disk. Without it the file is whole after a crash of the
            program, not necessarily after one of the machine.

    Raises:
        CheckpointWriteError: writing failed (disk full, no such folder, no permission).
    """
    target = os.path.realpath(os.fspath(path))  # through a link, to the file it names
    folder = os.path.dirname(target)
    temporary = os.path.join(
        folder, f".{os.path.basename(target)[:150]}.{os.getpid()}.{secrets.token_hex(4)}{_SUFFIX}"
    )
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)
        fd = os.open(temporary, flags, 0o666)
    except OSError as error:
        raise _failed(path, error) from error
    try:
        with os.fdopen(fd, "wb", buffering=0) as file:
            if expected > 1 << 20:
                _check_room(folder, expected)
            yield file
            if durable:
                os.fsync(fd)
        if os.path.exists(target):
            os.chmod(temporary, os.stat(target).st_mode & 0o7777)
        os.replace(temporary, target)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        if isinstance(error, CheckpointWriteError):
            raise
        raise _failed(path, error) from error
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    if durable:
        _sync_folder(folder)


def _check_room(folder: str, size: int) -> None:
    """A full disk is better found before anything is written."""
    import errno

    if not hasattr(os, "statvfs"):
        return
    stats = os.statvfs(folder)
    free = stats.f_bavail * stats.f_frsize
    if 0 < free < size:
        raise OSError(
            errno.ENOSPC,
            f"{size} bytes are needed and {free} are free ({os.strerror(errno.ENOSPC)})",
        )


def _sync_folder(folder: str) -> None:
    # on systems that cannot open a folder the rename alone has to do
    with contextlib.suppress(OSError):
        fd = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _failed(path: str | os.PathLike[str], error: OSError) -> CheckpointWriteError:
    made = CheckpointWriteError(
        f"could not write {os.fspath(path)!r}: {error.strerror or error}; what was there before "
        "is untouched. Free some space, or give a path in a folder that can be written"
    )
    made.errno = error.errno
    return made


def remove_leftovers(path: str | os.PathLike[str]) -> int:
    """Remove what writers of ``path`` that were killed left behind; how many.

    Files of processes that still run are left alone.
    """
    target = os.path.realpath(os.fspath(path))
    folder, base = os.path.split(target)
    prefix, removed = f".{base[:150]}.", 0
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            if not name.startswith(prefix) or not name.endswith(_SUFFIX):
                continue
            pid = name[len(prefix) :].split(".")[0]
            if pid.isdigit() and not _runs(int(pid)):
                with contextlib.suppress(OSError):
                    os.unlink(os.path.join(folder, name))
                    removed += 1
    return removed


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
