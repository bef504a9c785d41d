"""What fits and what does not, when a state dict meets a model."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flambeau.errors import StateDictError

__all__ = ["StateDictReport", "check_state_dict", "ties_of"]

_PREFIXES: tuple[str, ...] = ("module.", "_orig_mod.", "model.", "net.")


@dataclass(slots=True)
class StateDictReport:
    """How a state dict fits a model. ``str(report)`` is a table; it is true when all fits.

    Args:
        model: the model's class.
        matched: names that fit.
        missing: names of the model that the state dict lacks.
        unexpected: names of the state dict that the model lacks.
        mismatched: names whose shapes differ: the model's shape, the file's.
        transposed: those of them that would fit transposed.
        dtypes: names whose dtypes differ: the model's, the file's.
        prefix: what has to be removed from the state dict's names (or, with a leading ``+``,
            added to them) for names to match; empty when nothing.
        model_ties: groups of the model's names that are one tensor.
        file_ties: groups of the state dict's names that are one tensor.
        refused: names whose value is no tensor.
    """

    model: str = "model"
    matched: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    mismatched: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = field(default_factory=dict)
    transposed: list[str] = field(default_factory=list)
    dtypes: dict[str, tuple[str, str]] = field(default_factory=dict)
    prefix: str = ""
    model_ties: list[tuple[str, ...]] = field(default_factory=list)
    file_ties: list[tuple[str, ...]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    @property
    def lost_ties(self) -> list[tuple[str, ...]]:
        """Groups that are one tensor in the file and several in the model."""
        held = [set(group) for group in self.model_ties]
        return [g for g in self.file_ties if not any(set(g) <= group for group in held)]

    def __bool__(self) -> bool:
        return not (
            self.missing or self.unexpected or self.mismatched or self.prefix or self.refused
        )

    def rows(self) -> list[tuple[str, str, str]]:
        """The table: what is the matter, the name, the details."""
        rows = [("missing", name, "not in the state dict") for name in self.missing]
        rows += [("unexpected", name, "not in the model") for name in self.unexpected]
        for name, (ours, theirs) in self.mismatched.items():
            detail = f"model {ours}, file {theirs}"
            if name in self.transposed:
                rows.append(("transposed", name, f"{detail}: it looks transposed"))
            else:
                rows.append(("shape", name, detail))
        rows += [("refused", name, "no tensor") for name in self.refused]
        rows += [("dtype", n, f"model {a}, file {b}") for n, (a, b) in self.dtypes.items()]
        for group in self.lost_ties:
            rows.append(
                ("tie", group[0], f"one tensor with {', '.join(group[1:])} in the file only")
            )
        return rows

    def _prefix_line(self) -> str:
        count = len(self.matched) + len(self.mismatched)
        whole = not self.missing and not self.unexpected
        keys = f"all {count} keys match" if whole else f"{count} keys match"
        if self.prefix.startswith("+"):
            return f"{keys} after adding {self.prefix[1:]!r}"
        return f"{keys} after removing {self.prefix!r}"

    def __str__(self) -> str:
        head = (
            f"{self.model}: {len(self.matched)} match, {len(self.missing)} missing, "
            f"{len(self.unexpected)} unexpected, {len(self.mismatched)} of another shape "
            f"({len(self.transposed)} transposed), {len(self.dtypes)} of another dtype; ties: "
            f"{len(self.model_ties)} in the model, {len(self.file_ties)} in the file"
        )
        lines = [head]
        if self.prefix:
            lines.append(self._prefix_line())
        rows = self.rows()
        if rows:
            width = [max(len(row[i]) for row in rows) for i in range(2)]
            lines += [f"  {a:<{width[0]}}  {b:<{width[1]}}  {c}" for a, b, c in rows]
        return "\n".join(lines)

    def check(self) -> StateDictReport:
        """Raise unless all fits; returns itself.

        Raises:
            StateDictError: with this report as its text.
        """
        if self:
            return self
        raise StateDictError(f"the state dict does not fit {self}")


def check_state_dict(model: Any, state_dict: Mapping[str, Any]) -> StateDictReport:
    """Compare a state dict with a model (or with another state dict) without loading it.

    Args:
        model: a module, or a mapping of tensors by name.
        state_dict: tensors by name.

    Example:
        >>> import flambeau as torch
        >>> from flambeau.serialization import check_state_dict
        >>> layer = torch.nn.Linear(3, 2)
        >>> report = check_state_dict(layer, {"module.weight": torch.ones(3, 2)})
        >>> report.prefix, report.missing, report.transposed
        ('module.', ['bias'], ['weight'])
    """
    own = dict(model if isinstance(model, Mapping) else _named(model))
    report = StateDictReport(
        model="state dict" if isinstance(model, Mapping) else type(model).__name__
    )
    report.prefix = _find_prefix(list(own), list(state_dict))
    theirs = rename(state_dict, report.prefix)
    for name, tensor in own.items():
        if name not in theirs:
            report.missing.append(name)
            continue
        given = theirs[name]
        if not hasattr(given, "shape") or not hasattr(given, "dtype"):
            report.refused.append(name)
            continue
        ours_shape, their_shape = _shape(tensor), _shape(given)
        if ours_shape != their_shape:
            report.mismatched[name] = (ours_shape, their_shape)
            if len(ours_shape) >= 2 and ours_shape[::-1] == their_shape:
                report.transposed.append(name)
        else:
            report.matched.append(name)
        ours, other = (str(t.dtype).removeprefix("torch.") for t in (tensor, given))
        if ours != other:
            report.dtypes[name] = (ours, other)
    report.unexpected = [name for name in theirs if name not in own]
    report.model_ties = ties_of(own)
    report.file_ties = ties_of(theirs)
    return report


def rename(state_dict: Mapping[str, Any], prefix: str) -> Mapping[str, Any]:
    """The state dict with a prefix removed from its names, or (``+…``) added to them."""
    if not prefix:
        return state_dict
    if prefix.startswith("+"):
        return OrderedDict((prefix[1:] + name, value) for name, value in state_dict.items())
    return OrderedDict(
        (name.replace(prefix, "", 1) if prefix in name else name, value)
        for name, value in state_dict.items()
    )


def _named(model: Any) -> Iterable[tuple[str, Any]]:
    return model.state_dict(keep_vars=True).items()


def _shape(tensor: Any) -> tuple[int, ...]:
    return tuple(int(n) for n in tensor.shape)


def _find_prefix(own: list[str], theirs: list[str]) -> str:
    """The prefix whose removal (or addition) makes more names match than they do."""
    wanted, given = set(own), set(theirs)
    best, score = "", len(wanted & given)
    candidates = list(_PREFIXES)
    if theirs:
        head = theirs[0].partition(".")[0] + "."
        if head not in candidates and all(name.startswith(head) for name in theirs):
            candidates.append(head)
    for prefix in candidates:
        stripped = {n.replace(prefix, "", 1) if prefix in n else n for n in theirs}
        if len(stripped & wanted) > score:
            best, score = prefix, len(stripped & wanted)
    for prefix in _PREFIXES:
        if len({prefix + n for n in theirs} & wanted) > score:
            best, score = f"+{prefix}", len({prefix + n for n in theirs} & wanted)
    return best


def ties_of(tensors: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Groups of names that stand for one tensor, or for the same view of one storage."""
    groups: dict[Any, list[str]] = {}
    for name, tensor in tensors.items():
        storage = getattr(tensor, "_storage", None)
        if storage is not None:
            key: Any = (id(storage), getattr(tensor, "_chain", None))
        else:
            record = getattr(tensor, "storage", None)
            view = (getattr(tensor, "shape", None), getattr(tensor, "offset", None))
            key = (id(record), *view) if record is not None else id(tensor)
        groups.setdefault(key, []).append(name)
    return [tuple(group) for group in groups.values() if len(group) > 1]
