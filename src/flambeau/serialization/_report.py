"""What a load found out besides the values."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["LoadReport", "RefusedObject"]


@dataclass(frozen=True, slots=True)
class RefusedObject:
    """A place in the loaded object where a stub stands, and what the file wanted there."""

    path: str
    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.path}: {self.module}.{self.name}"


@dataclass(slots=True)
class LoadReport:
    """What :func:`flambeau.load` found in a file.

    Pass one to have it filled in: ``load(f, report=report)``.

    Args:
        source: the file.
        format: ``"zip"``, ``"legacy"``, ``"tar"``, ``"safetensors"`` or ``"sharded"``.
        tensors: how many tensors were made.
        storages: how many storages they share.
        nbytes: bytes of those storages.
        refused: objects that became stubs, with their places.
        notes: other changes: widened dtypes, attributes that were dropped.
        metadata: what the file says about itself.
        verified: whether checksums were compared.
    """

    source: str = ""
    format: str = ""
    tensors: int = 0
    storages: int = 0
    nbytes: int = 0
    refused: list[RefusedObject] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    metadata: dict[str, str] = field(default_factory=dict)
    verified: bool = False

    def note(self, text: str) -> None:
        """Remember a remark once."""
        if text not in self.notes and len(self.notes) < 1000:
            self.notes.append(text)

    def summary(self) -> str:
        """One paragraph: what was refused and what was changed."""
        lines = []
        if self.refused:
            shown = ", ".join(str(r) for r in self.refused[:5])
            more = len(self.refused) - 5
            lines.append(
                f"{self.source or 'checkpoint'}: {len(self.refused)} object(s) were not made, "
                f"they stand as inert stubs: {shown}" + (f" and {more} more" if more > 0 else "")
            )
        lines.extend(self.notes)
        return "; ".join(lines)
