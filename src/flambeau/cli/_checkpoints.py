"""What the commands on checkpoints share."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

import typer

from flambeau.errors import CheckpointError
from flambeau.serialization._files import read_records
from flambeau.serialization._records import TensorRecord
from flambeau.serialization._report import LoadReport

__all__ = ["fail", "human", "opened", "stored"]


def opened(file: Path, report: LoadReport) -> Any:
    """The object in a file as records; an error ends the command."""
    try:
        return read_records(str(file), report=report)
    except CheckpointError as error:
        fail(str(error))
    except OSError as error:
        fail(f"cannot open {file}: {error.strerror or error}")


def stored(values: Iterable[Any]) -> int:
    """How many bytes the storages of tensors hold, each counted once."""
    storages = {
        id(t.storage): t.storage.nbytes
        for t in values
        if isinstance(t, TensorRecord) and t.storage is not None
    }
    return sum(storages.values())


def fail(message: str) -> NoReturn:
    """End the command with a message."""
    typer.echo(f"flambeau: {message}", err=True)
    raise typer.Exit(2)


def human(size: float) -> str:
    """A size in bytes for people."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return ""
