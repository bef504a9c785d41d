"""`flambeau doctor script.py args…`: run a program and say what is wired wrong in it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from flambeau.cli.program import Program


def doctor(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="SCRIPT [ARGS]...", help="The script, and its own arguments."),
    ] = None,
    module: Annotated[
        str | None, typer.Option("-m", metavar="MODULE", help="Run a module instead of a script.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 if there is more than hints.")
    ] = False,
    json: Annotated[Path | None, typer.Option("--json", help="Write the report as JSON.")] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write it as one page.")] = None,
) -> None:
    """Run a PyTorch program, unchanged, and report what is wired wrong in it.

    The doctor attaches to the modules, optimizers and steps that it sees, and reports when the
    program ends, by itself, by an error or by Ctrl-C. Its own options stand before the script.
    """
    arguments = list(arguments or ())
    if module is not None:
        target, rest = module, arguments
    elif arguments:
        target, rest = arguments[0], arguments[1:]
    else:
        raise typer.BadParameter("give a script, or a module with -m")
    Program.chosen = Examined(target, rest, module is not None, strict, json, html)


class Examined(Program):
    """A program that runs under the doctor's eyes."""

    def __init__(
        self,
        target: str,
        arguments: list[str],
        is_module: bool,
        strict: bool,
        json: Path | None,
        html: Path | None,
    ) -> None:
        super().__init__(target, arguments, is_module=is_module)
        self.strict = strict
        # the program may change the folder it runs in
        self.json = json and json.absolute()
        self.html = html and html.absolute()

    def execute(self) -> int | str | None:
        """Run the program, then report; what to exit with."""
        from flambeau._doctor.session import Session

        session = Session()
        session.start()
        try:
            status = super().execute()
        finally:
            report = session.finish()
        sys.stdout.flush()
        report.print(sys.stderr)
        if self.json is not None:
            report.to_json(self.json)
        if self.html is not None:
            report.to_html(self.html)
        return status or (1 if self.strict and not report.ok else 0)
