"""Findings, and the report that holds them."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from flambeau._codes import CODES, SEVERITIES
from flambeau._config import config


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        code: a row of the table of codes, such as ``"FB007"``.
        path: the parameter, buffer, attribute or module, as a dotted path below the model.
        text: what was found, with names.
        file, line: where the program says it, as far as that is known.
        severity: ``"error"``, ``"warning"`` or ``"hint"``; the code's own if it is empty.
    """

    code: str
    path: str
    text: str
    file: str | None = None
    line: int | None = None
    severity: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "severity", self.severity or CODES[self.code].severity)

    @property
    def meaning(self) -> str:
        """What follows from it."""
        return CODES[self.code].meaning

    @property
    def fix(self) -> str:
        """What to write instead."""
        return CODES[self.code].fix

    @property
    def place(self) -> str:
        """``file:line``, or nothing."""
        return f"{self.file}:{self.line}" if self.file else ""

    def as_dict(self) -> dict[str, Any]:
        """As plain data."""
        row = CODES[self.code]
        return {
            **asdict(self),
            "title": row.title,
            "meaning": row.meaning,
            "fix": row.fix,
            "docs": row.anchor,
        }


@dataclass
class Report:
    """The findings, worst first, and what they rest on.

    Iterating gives the findings. Findings whose code is silenced are left out.
    """

    findings: list[Finding] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        seen = dict.fromkeys(self.findings)
        self.findings = sorted(
            (f for f in seen if f.code not in config.silenced and "all" not in config.silenced),
            key=lambda f: (SEVERITIES.index(f.severity), f.code),
        )

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    @property
    def ok(self) -> bool:
        """Whether there is nothing but hints."""
        return all(f.severity == "hint" for f in self.findings)

    @property
    def codes(self) -> list[str]:
        """The codes of the findings that are no hints."""
        return [f.code for f in self.findings if f.severity != "hint"]

    def to_json(self, path: str | Path | None = None) -> str:
        """The report as JSON, written to ``path`` if one is given."""
        text = json.dumps(self.as_dict(), indent=1, default=str)
        if path is not None:
            Path(path).write_text(text + "\n", encoding="utf-8")
        return text

    def to_html(self, path: str | Path | None = None) -> str:
        """The report as one page that needs nothing else, written to ``path`` if one is given."""
        from flambeau._doctor.page import page

        text = page(self.as_dict())
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def as_dict(self) -> dict[str, Any]:
        """As plain data: findings and everything that was looked at."""
        return {"ok": self.ok, "findings": [f.as_dict() for f in self.findings], **self.data}

    def summary(self) -> str:
        """One line: how many of each kind, or that there is nothing."""
        counts = Counter(f.severity for f in self.findings)
        parts = [f"{n} {kind}{'s' * (n > 1)}" for kind in SEVERITIES if (n := counts[kind])]
        looked = self.data.get("observed", 0)
        steps = f", {looked} steps observed" if looked else ""
        return f"flambeau doctor: {', '.join(parts) or 'nothing found'}{steps}"

    def print(self, file: Any = None) -> None:
        """Print the findings as a table."""
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        console = Console(file=file or sys.stdout)
        if not console.is_terminal and console.width < 100:
            console = Console(file=file or sys.stdout, width=100)
        if self.findings:
            table = Table(show_header=True, header_style="bold", show_lines=True, expand=True)
            table.add_column("code", no_wrap=True, width=7)
            table.add_column("what and where", ratio=3, overflow="fold")
            table.add_column("how to fix it", ratio=2, overflow="fold")
            colors = {"error": "bold red", "warning": "yellow", "hint": "cyan"}
            for f in self.findings:
                what = Text(f.text)
                if f.place:
                    what.append(f"\n{f.place}", style="dim")
                label = Text(f.code, style=colors[f.severity])
                label.append(f"\n{f.severity}", style=colors[f.severity])
                table.add_row(label, what, Text(f.fix))
            console.print(table)
        console.print(Text(self.summary()))

    def __repr__(self) -> str:
        lines = [f"  {f.code} {f.severity}: {f.text}" for f in self.findings]
        return "\n".join([self.summary(), *lines])
