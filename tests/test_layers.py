"""Rules between files that import-linter does not know."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.programs import ROOT

SOURCE = ROOT / "src" / "flambeau"
FILES = sorted(SOURCE.rglob("*.py"))
# The alias is what stands for torch, so it alone speaks its name.
ALIAS = {SOURCE / "_shim" / "torch" / "__init__.py"}
# Runs above the package: what it imports is the user's view.
ABOVE = {"cli", "_shim", "_doctor"}


def imports(path: Path) -> Iterator[tuple[str, list[str], int]]:
    """Module, names and line of every import in a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, [], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module or "", [alias.name for alias in node.names], node.lineno


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_no_file_imports_torch_or_the_facade(path: Path) -> None:
    for module, names, line in imports(path):
        where = f"{path.relative_to(ROOT)}:{line}"
        assert module.partition(".")[0] != "torch" or path in ALIAS, f"{where} imports torch"
        if path.relative_to(SOURCE).parts[0] in ABOVE:
            continue
        defined = [(SOURCE / f"{n}.py").exists() or (SOURCE / n).is_dir() for n in names]
        assert module != "flambeau" or (defined and all(defined)), (
            f"{where} imports the facade; import the module that defines what it needs"
        )


def test_every_module_of_the_package_has_its_layer() -> None:
    import tomllib

    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    text = " ".join(settings["contracts"][0]["layers"])
    placed = set(text.replace("(", " ").replace(")", " ").replace(":", " ").split())
    present = {
        entry.name.removesuffix(".py")
        for entry in SOURCE.iterdir()
        if (entry.suffix == ".py" or (entry / "__init__.py").exists())
        and entry.name != "__init__.py"
    }
    assert present - placed == set(), "give it its place in [tool.importlinter] in pyproject.toml"
