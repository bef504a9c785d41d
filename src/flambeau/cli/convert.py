"""`flambeau convert IN OUT`: the same tensors in another format."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flambeau.cli._checkpoints import fail, human, opened
from flambeau.errors import CheckpointError
from flambeau.serialization._files import leaves, write_records
from flambeau.serialization._records import TensorRecord
from flambeau.serialization._report import LoadReport

LARGE = 64 << 20


def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="The file to read.")],
    target: Annotated[
        Path, typer.Argument(metavar="OUT", help="The file to write: .pt, .safetensors or .npz.")
    ],
    key: Annotated[
        str | None, typer.Option(help="The part to write, such as model or ema/model.")
    ] = None,
) -> None:
    """Convert a checkpoint between .pt, safetensors and NumPy's .npz.

    Nothing in the file is executed. The result appears whole or not at all.
    """
    report = LoadReport()
    value = opened(source, report)
    storages = {
        id(t.storage): t.storage.nbytes
        for _, t in leaves(value)
        if isinstance(t, TensorRecord) and t.storage is not None
    }
    total = sum(storages.values())
    try:
        if total > LARGE:
            notes = _with_progress(value, target, total, key)
        else:
            notes = write_records(value, str(target), key=key)
    except (CheckpointError, ValueError) as error:
        fail(str(error))
    for note in [*report.notes, *notes]:
        typer.echo(f"note: {note}")
    typer.echo(f"{source} ({report.format}) -> {target}, {human(target.stat().st_size)}")


def _with_progress(value: object, target: Path, total: int, key: str | None) -> list[str]:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

    columns = (BarColumn(), DownloadColumn(binary_units=True), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(target.name, total=total)
        return write_records(value, str(target), lambda n: bar.advance(task, n), key)
