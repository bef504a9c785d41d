"""The results as Markdown tables and as a picture."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from flambeau.cli._bench.child import CONTENDERS

BEGIN, END = "<!-- flambeau bench: begin -->", "<!-- flambeau bench: end -->"

_STEPS = (
    "Time of a step (or of a forward), median over interleaved rounds; torch with its fused Adam."
)
_STARTS = (
    "Time from the start of a fresh process to the first result, imports included, with an "
    "empty and a filled disk cache; for torch.compile with an empty one. Memory is the most that "
    "the process ever held, in MiB, the libraries included. Programs are those that the "
    "unmodified program compiled."
)


def duration(seconds: float | None) -> str:
    """Three figures with a unit."""
    if seconds is None:
        return "-"
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}" if seconds < 1000 * size else f"{seconds:.0f} s"
    return f"{seconds * 1e6:.0f} µs"


def ratio(a: float | None, b: float | None) -> str:
    """How often `b` goes into `a`."""
    return "-" if a is None or b is None else f"{a / b:.2f}"


def best_torch(times: dict[str, float]) -> float | None:
    """The faster of the two ways to run torch."""
    return min((times[n] for n in ("torch", "torch.compile") if n in times), default=None)


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def markdown(results: dict[str, Any]) -> str:
    """The tables, with the machine and what was missing."""
    cases = results["cases"]
    steps, ratios, starts = [], [], []
    for case, found in cases.items():
        t = found.get("seconds", {})
        steps.append([case, *[duration(t.get(n)) for n in CONTENDERS]])
        peers = {"torch": best_torch(t), "JAX": t.get("JAX")}
        ours = [t.get("flambeau"), t.get("flambeau.compile")]
        ratios.append([case, *[ratio(o, peers[p]) for p in peers for o in ours]])
        s = found.get("start", {})
        at = lambda n, s=s: duration(s.get(n, {}).get("seconds"))
        mib = lambda n, s=s: f"{s[n]['peak_mib']:.0f}" if n in s else "-"
        starts.append([
            case, at("cold"), at("warm"), at("torch"), at("JAX"), at("torch.compile"),
            mib("cold"), mib("torch"), mib("JAX"), str(found.get("programs") or "-"),
        ])  # fmt: skip
    missing = sorted(
        f"{name}, {case}: {why}"
        for case, found in cases.items()
        for name, why in found.get("missing", {}).items()
    )
    parts = [
        f"{results['machine']}. On {results['device']}. {results['date']}.",
        _STEPS,
        _table(["case", *CONTENDERS], steps),
        "Ratios of the medians: to the faster of torch and torch.compile, and to JAX by hand.",
        _table(
            ["case", "unmodified / torch", "compiled / torch", "unmodified / JAX",
             "compiled / JAX"], ratios,
        ),
        _STARTS,
        _table(
            ["case", "start, cold", "start, warm", "torch", "JAX", "torch.compile", "memory",
             "torch", "JAX", "programs"], starts,
        ),
    ]  # fmt: skip
    if missing:
        parts.append("Not measured:\n\n" + "\n".join(f"- {line}" for line in missing))
    return "\n\n".join(parts)


def insert(page: Path, text: str) -> None:
    """Replace what stands between the two marks of a page; append it where there are none."""
    old = page.read_text(encoding="utf-8") if page.exists() else ""
    block = f"{BEGIN}\n\n{text}\n\n{END}"
    if BEGIN in old and END in old:
        before, rest = old.split(BEGIN, 1)
        page.write_text(before + block + rest.split(END, 1)[1], encoding="utf-8")
    else:
        page.write_text((old.rstrip() + "\n\n" + block).lstrip() + "\n", encoding="utf-8")


def plot(results: dict[str, Any], file: Path) -> str | None:
    """Draw the ratios; says why when it cannot."""
    try:
        matplotlib: Any = importlib.import_module("matplotlib")
        matplotlib.use("Agg")
        pyplot: Any = importlib.import_module("matplotlib.pyplot")
    except ImportError:
        return "matplotlib is not installed"
    names = [n for n in results["cases"] if results["cases"][n].get("seconds")]
    if not names:
        return "nothing was measured"
    figure, axes = pyplot.subplots(figsize=(1.3 * len(names) + 3, 4))
    width = 0.8 / len(CONTENDERS)
    for k, contender in enumerate(CONTENDERS):
        for i, case in enumerate(names):
            times = results["cases"][case]["seconds"]
            base = best_torch(times) or min(times.values())
            if contender in times:
                axes.bar(
                    i + k * width, times[contender] / base, width, color=f"C{k}",
                    label=contender if i == 0 else None,
                )  # fmt: skip
    axes.axhline(1, color="black", linewidth=0.8)
    axes.set_xticks([i + 0.4 for i in range(len(names))], names, rotation=15)
    axes.set_ylabel("time, best torch = 1")
    handles = [pyplot.Rectangle((0, 0), 1, 1, color=f"C{k}") for k in range(len(CONTENDERS))]
    axes.legend(handles, CONTENDERS, fontsize=8)
    figure.tight_layout()
    figure.savefig(file, dpi=130)
    pyplot.close(figure)
    return None
