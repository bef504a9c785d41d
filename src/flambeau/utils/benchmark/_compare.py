"""Measurements side by side."""

from __future__ import annotations

from typing import Any

from flambeau.utils.benchmark._timer import Measurement, _unit

__all__ = ["Compare"]


class Compare:
    """A table of measurements: a row for each ``sub_label``, a column for each ``description``.

    Follows ``torch.utils.benchmark.Compare``.
    """

    def __init__(self, results: list[Measurement]) -> None:
        self._results = list(results)
        self._digits: int | None = None

    def extend_results(self, results: list[Measurement]) -> None:
        """Add measurements."""
        self._results.extend(results)

    def trim_significant_figures(self) -> None:
        """Show as many digits as the spread of the measurements allows: three at most."""
        self._digits = 3

    def colorize(self, rowwise: bool = False) -> None:
        """Accepted: the table is plain text."""

    def highlight_warnings(self) -> None:
        """Accepted: the table is plain text."""

    def __str__(self) -> str:
        lines: list[str] = []
        for label in dict.fromkeys(r.label for r in self._results):
            part = [r for r in self._results if r.label == label]
            scale, unit = _unit(min(r.median for r in part))
            columns = list(dict.fromkeys(r.description or "" for r in part))
            rows = list(dict.fromkeys((r.num_threads, r.as_row_name) for r in part))

            def cell(row: Any, column: str, part: Any = part, scale: float = scale) -> str:
                found = [
                    r.median / scale
                    for r in part
                    if (r.num_threads, r.as_row_name) == row and (r.description or "") == column
                ]
                return f"{found[-1]:.{self._digits or 4}g}" if found else ""

            body = [[name, *(cell((n, name), c) for c in columns)] for n, name in rows]
            width = [
                max(len(line[i]) for line in [["", *columns], *body])
                for i in range(len(columns) + 1)
            ]
            head = ["", *columns]
            lines.append(f"[{label or ''}]")
            lines += [
                "  |  ".join(x.rjust(w) for x, w in zip(line, width, strict=True))
                for line in [head, *body]
            ]
            lines += ["", f"Times are in {unit}."]
        return "\n".join(lines)

    def print(self) -> None:
        """Print the table."""
        print(self)
