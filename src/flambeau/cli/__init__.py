"""The command `flambeau`: one file per command, put together here.

A command is a function in a module of its own that :data:`app` registers. A command that ends
by running somebody's program (`run`) returns it instead, and :func:`main` runs it after the
command line is done with, so that the program stands alone on the stack.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer

from flambeau._version import API_LEVEL, __version__
from flambeau.cli import bench, cache, convert, diff, doctor, inspect, run
from flambeau.cli.program import Program

__all__ = ["app", "main"]

app = typer.Typer(
    name="flambeau",
    help="PyTorch's programming model on JAX/XLA.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command(name="run", context_settings=run.CONTEXT)(run.run)
app.command(name="doctor", context_settings=run.CONTEXT)(doctor.doctor)
app.command(name="inspect")(inspect.inspect)
app.command(name="convert")(convert.convert)
app.command(name="diff")(diff.diff)
app.command(name="bench")(bench.bench)
app.command(name="cache")(cache.cache)


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"flambeau {__version__} (PyTorch {API_LEVEL}'s names and behaviour)")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    pass


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with its status."""
    Program.chosen = None
    try:
        app(
            args=run.separate(sys.argv[1:] if arguments is None else arguments),
            prog_name="flambeau",
        )
    except SystemExit as stop:
        if Program.chosen is None:
            raise
        if stop.code not in (None, 0):
            raise
    program, Program.chosen = Program.chosen, None
    sys.exit(program.execute() if program is not None else 0)
