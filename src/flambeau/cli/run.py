"""`flambeau run script.py args…`: run a program with `import torch` meaning flambeau."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from flambeau.cli.program import Program

# Everything after the script belongs to it, options included.
CONTEXT = {"allow_interspersed_args": False, "ignore_unknown_options": False}


def run(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="SCRIPT [ARGS]...", help="The script, and its own arguments."),
    ] = None,
    module: Annotated[
        str | None, typer.Option("-m", metavar="MODULE", help="Run a module instead of a script.")
    ] = None,
) -> None:
    """Run a PyTorch program, unchanged, on flambeau.

    `flambeau run train.py --epochs 3` does what `python train.py --epochs 3` does, except that
    `import torch` gives flambeau; `flambeau run -m package.train` likewise. Child processes
    that the program starts find flambeau as well.
    """
    arguments = list(arguments or ())
    if module is not None:
        Program.chosen = Program(module, arguments, is_module=True)
    elif arguments:
        Program.chosen = Program(arguments[0], arguments[1:])
    else:
        raise typer.BadParameter("give a script, or a module with -m")


def separate(arguments: Sequence[str]) -> list[str]:
    """End flambeau's own options after `-m MODULE`, so that the module gets all that follows."""
    arguments = list(arguments)
    if arguments[:2] == ["run", "-m"] and len(arguments) > 2:
        arguments.insert(3, "--")
    return arguments
