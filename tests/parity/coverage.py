"""Write docs/reference/coverage.md: every documented dense name of PyTorch, and how it stands.

``python -m tests.parity.coverage``
"""

from __future__ import annotations

import inspect
import json
from collections import Counter
from pathlib import Path
from typing import Any

from flambeau._scope import reason
from tests.parity import scope
from tests.parity.run import FORM, RESULTS
from tests.parity.translate import Missing, _walk, documented, lookup

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "coverage.md"

NAMESPACES = {
    "torch": "",
    "torch.Tensor": "Tensor",
    "torch.nn.functional": "nn.functional",
    "torch.linalg": "linalg",
    "torch.fft": "fft",
    "torch.special": "special",
    "torch.signal.windows": "signal.windows",
}


def names(space: str) -> list[str]:
    """The documented callables of a namespace of PyTorch."""
    import torch.signal.windows

    home = _walk(torch, space)
    found = []
    for name in sorted(dir(home)):
        value = getattr(home, name)
        if name.startswith("_") or inspect.ismodule(value) or inspect.isclass(value):
            continue
        if not callable(value) or not (getattr(value, "__doc__", None) or "").strip():
            continue
        if (getattr(value, "__module__", None) or "torch").startswith("typing"):
            continue
        found.append(name)
    return found


def verdicts() -> dict[str, list[dict[str, Any]]]:
    """What the judge found, by the documented path of the function."""
    found: dict[str, list[dict[str, Any]]] = {}
    results = json.loads(RESULTS.read_text())
    for key, entry in scope.judged().items():
        if key not in results:
            continue
        path = documented().get(id(entry.op), entry.name)
        for place in {path, entry.name}:
            found.setdefault(place, []).append(results[key])
        if entry.inplace_variant is not None:
            found.setdefault(f"Tensor.{entry.name}_", []).append(results[key])
        if entry.method_variant is not None:
            found.setdefault(f"Tensor.{entry.name}", []).append(results[key])
    return found


def status(space: str, name: str, known: dict[str, list[dict[str, Any]]]) -> tuple[str, str]:
    """How a name stands, and a remark."""
    path = f"{space}.{name}".lstrip(".")
    try:
        lookup(path)
    except Missing:
        why = reason(f"torch.{path}")
        return ("out of scope", why) if why else ("missing", "")
    judged = known.get(path)
    if not judged:
        return "present", "not in the operator database"
    bad = [v for v in judged if not v["passed"]]
    if not bad:
        return "pass", ""
    first = (bad[0]["failures"] or [{"check": "nothing ran", "dtype": ""}])[0]
    return "differs", f"{bad[0]['name']}: {first['check']} {first['dtype']}".strip()


def page() -> str:
    """The page."""
    known = verdicts()
    results = json.loads(RESULTS.read_text())
    judged = scope.judged()
    passed = sum(1 for k in judged if results.get(k, {}).get("passed"))
    told = (
        f"Of {len(judged)} entries of PyTorch's operator database that are in scope, "
        f"{sum(k in results for k in judged)} were judged and {passed} pass whole "
        f"({100 * passed / len(judged):.1f} % of all): values, dtypes and shapes in float32, "
        "float64, int64, bool, bfloat16 and complex64, first and second derivatives in float64, "
        "in-place forms, `out=`, arguments that are not contiguous, and error inputs."
    )
    counts = Counter(str(results[k].get("samples", 4)) for k in judged if k in results)
    tried = ", ".join(f"{n} entries with {s}" for s, n in sorted(counts.items()))
    old = sum(results[k].get("form", 1) < FORM for k in judged if k in results)
    if old:
        told += (
            f"\n\n{old} of these verdicts are older than the last changes to the judge and to the "
            "operations: arguments that are not contiguous, and `out=` of other shapes and dtypes, "
            "were not tried then."
        )
    told += (
        f"\n\nSamples of each dtype, spread over all that the database has: {tried}. Differences "
        "that are deliberate are listed in [decision 17](../adr/0017-deliberate-differences.md)."
    )
    lines = [
        "# Coverage of PyTorch's operations",
        "",
        "Written by `python -m tests.parity.coverage`; do not edit.",
        "",
        told,
        "",
    ]
    body: list[str] = []
    summary = [
        "| namespace | pass | present | differs | missing | out of scope |",
        "|---|---|---|---|---|---|",
    ]
    for title, space in NAMESPACES.items():
        rows = [(n, *status(space, n, known)) for n in names(space)]
        count = Counter(s for _, s, _ in rows)
        order = ("pass", "present", "differs", "missing", "out of scope")
        summary.append(f"| `{title}` | " + " | ".join(str(count[s]) for s in order) + " |")
        body += ["", f"## {title}", "", "| name | status | remark |", "|---|---|---|"]
        body += [f"| `{n}` | {s} | {r} |" for n, s, r in rows]
    body += ["", "## Entries that are not judged", "", "| entry | why |", "|---|---|"]
    for key, entry in scope.entries().items():
        why = scope.excluded(entry)
        if why:
            body.append(f"| `{key}` | {why} |")
    return "\n".join([*lines, *summary, *body, ""])


def main() -> None:
    text = page()
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(text)
    print("\n".join(line for line in text.splitlines()[:16] if line))


if __name__ == "__main__":
    main()
