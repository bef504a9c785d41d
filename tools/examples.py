"""Give docstrings their examples: runs expressions on flambeau and PyTorch, writes what both print.

``python tools/examples.py FILE`` reads lines ``name: expression`` (``|`` parts statements) and puts
each as the Example of the public function of that name, into the source that defines its
docstring, if both libraries print the same. Needs PyTorch; functions that have an example are
left alone.
"""

import ast
import contextlib
import inspect
import io
import sys
import warnings
from pathlib import Path
from typing import Any

import torch

import flambeau

SOURCES = Path(flambeau.__file__).parent


def shown(library: Any, statements: list[str]) -> list[str]:
    """What a prompt would print after each statement."""
    scope: dict[str, Any] = {"torch": library}
    printed = []
    for text in statements:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(text, "<example>", "single"), scope)
        printed.append(out.getvalue().rstrip("\n"))
    return printed


def find(name: str) -> Any:
    """The function whose docstring is shown for a public name."""
    found: Any = flambeau
    for part in name.split("."):
        found = getattr(found, part)
    op = getattr(found, "op", None)
    return inspect.unwrap(op.impl if op is not None else found)


def place(function: Any) -> tuple[Path, ast.Constant]:
    """The file and the docstring of a function."""
    path = Path(function.__code__.co_filename)
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name == function.__code__.co_name:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                return path, first.value
    raise LookupError(f"{function} has no docstring in {path}")


def insert(name: str, statements: list[str], printed: list[str]) -> None:
    """Write an Example into a docstring, before its last sentence if that is the source."""
    path, node = place(find(name))
    assert SOURCES in path.parents
    lines = path.read_text(encoding="utf-8").splitlines()
    start, end = node.lineno - 1, (node.end_lineno or node.lineno) - 1
    pad = " " * node.col_offset
    example = ["Example:", "    >>> import flambeau as torch"]
    for text, output in zip(statements, printed, strict=True):
        example.append(f"    >>> {text}")
        example += [f"    {line}" for line in output.splitlines()]
    source = lines[start : end + 1]
    quote = source[0].lstrip()[: source[0].lstrip().index('"""') + 3]
    # The text as it is written, so that escapes stay.
    text = "\n".join(source)
    text = inspect.cleandoc(text[text.index('"""') + 3 : text.rindex('"""')])
    if ">>>" in text:
        return  # two names share it
    head, _, tail = text.rpartition("Follows ``")
    follows = f"Follows ``{tail}".strip() if head or text.startswith("Follows") else ""
    body = (head if follows else text).rstrip()
    if not follows and "Follows `" not in text:
        follows = f"Follows ``torch.{name}``."
    new = [f"{pad}{quote}{body.splitlines()[0]}"]
    rest = [*body.splitlines()[1:], "", *example, *(["", *follows.splitlines()] if follows else [])]
    new += [f"{pad}{line}" if line else "" for line in rest]
    new.append(f'{pad}"""')
    lines[start : end + 1] = new
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    warnings.simplefilter("ignore")
    for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines():
        name, _, text = line.partition(": ")
        if not text or line.startswith("#"):
            continue
        statements = [part.strip() for part in text.split(" | ")]
        try:
            function = find(name)
            if ">>>" in (function.__doc__ or ""):
                continue
            ours, theirs = shown(flambeau, statements), shown(torch, statements)
        except Exception as error:
            print(f"{name}: {type(error).__name__}: {error}")
            continue
        if ours != theirs:
            print(f"{name}: flambeau prints {ours}, PyTorch {theirs}")
        elif any(len(line) > 88 for part in [*ours, *statements] for line in part.splitlines()):
            print(f"{name}: too wide")
        else:
            try:
                insert(name, statements, ours)
            except LookupError as error:
                print(f"{name}: {error}")


if __name__ == "__main__":
    main()
