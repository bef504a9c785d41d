"""Write the codes into docs/doctor.md, below its marker, from the table in flambeau._codes."""

from __future__ import annotations

from pathlib import Path

from flambeau._codes import CODES

MARKER = "<!-- codes: written by tools/doctor_codes.py -->"
PAGE = Path(__file__).parent.parent / "docs" / "doctor.md"


def section(code: str) -> str:
    """What the page says of one code."""
    row = CODES[code]
    title = f"({code.lower()})=\n### {code}: {row.title}"
    return f"{title}\n\n*{row.severity}.* {row.meaning}\n\n{row.fix}\n"


def main() -> None:
    head = PAGE.read_text(encoding="utf-8").partition(MARKER)[0]
    text = head + MARKER + "\n\n" + "\n".join(map(section, CODES))
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
