"""`flambeau convert IN OUT`: the same tensors in another format."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flambeau._progress import moving
from flambeau.cli._checkpoints import fail, human, opened, stored
from flambeau.errors import CheckpointError
from flambeau.serialization._files import leaves, write_records
from flambeau.serialization._report import LoadReport


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
    total = stored([leaf for _, leaf in leaves(value)])
    try:
        with moving(target.name, total) as advance:
            notes = write_records(value, str(target), advance, key)
    except (CheckpointError, ValueError) as error:
        fail(str(error))
    for note in [*report.notes, *notes]:
        typer.echo(f"note: {note}")
    typer.echo(f"{source} ({report.format}) -> {target}, {human(target.stat().st_size)}")
