"""Write `__all__` of src/flambeau/__init__.py: the sorted public names it imports, now or later.

Run after adding a name to the facade; `tests/test_facade.py` compares.
"""

import ast
from pathlib import Path

FACADE = Path(__file__).parent.parent / "src" / "flambeau" / "__init__.py"
HEAD = "\n# --- public names, written by tools/facade.py\n__all__ = [\n"
TAIL = "\n# --- errors end in the user's line: of the names above\n_seal()\n"


def main() -> None:
    text = FACADE.read_text(encoding="utf-8")
    source = text.partition(HEAD)[0].rstrip() + "\n"
    names = set()
    for node in ast.parse(source).body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.Assign):
            names |= {t.id for t in node.targets if isinstance(t, ast.Name)}
            if any(isinstance(t, ast.Name) and t.id == "_LATER" for t in node.targets):
                names |= set(ast.literal_eval(node.value))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    public = sorted(name for name in names if not name.startswith("_") or name == "__version__")
    listed = "".join(f'    "{name}",\n' for name in public)
    FACADE.write_text(f"{source}{HEAD}{listed}]\n{TAIL}", encoding="utf-8")


if __name__ == "__main__":
    main()
