"""`flambeau inspect FILE`: what a checkpoint holds, without reading its data."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from flambeau._progress import moving
from flambeau.cli._checkpoints import human, opened
from flambeau.serialization._files import leaves
from flambeau.serialization._records import StorageRecord, Stub, TensorRecord
from flambeau.serialization._report import LoadReport


def inspect(
    file: Annotated[Path, typer.Argument(help="A .pt, safetensors, .npz or .index.json file.")],
    stats: Annotated[
        bool, typer.Option("--stats", help="Read the data: minimum, maximum, mean, deviation.")
    ] = False,
    tree: Annotated[
        bool, typer.Option("--tree", help="Show the nesting, other values too.")
    ] = False,
) -> None:
    """Show names, shapes, dtypes and sizes of a checkpoint, and what it holds besides tensors.

    Nothing in the file is executed, and without --stats its data are not read.
    """
    report = LoadReport()
    value = opened(file, report)
    found = list(leaves(value))
    tensors = [(name, leaf) for name, leaf in found if isinstance(leaf, TensorRecord)]
    typer.echo(f"{file}: {report.format}, {human(file.stat().st_size)}")
    for key, text in report.metadata.items():
        typer.echo(f"  {key}: {text[:200]}")
    if tree:
        typer.echo("\n".join(_tree(value)))
    if tensors:
        typer.echo(_table(_rows(tensors, stats)))
    seen: dict[int, StorageRecord] = {
        id(t.storage): t.storage for _, t in tensors if t.storage is not None
    }
    unique = {id(t): t for _, t in tensors}.values()
    typer.echo(
        f"{len(tensors)} tensors, {sum(t.numel for t in unique):,} elements, "
        f"{human(sum(s.nbytes for s in seen.values()))} in {len(seen)} storages"
    )
    others = len(found) - len(tensors)
    if others and not tree:
        typer.echo(f"{others} other values (--tree shows them)")
    for refused in report.refused:
        typer.echo(f"refused: {refused}")
    for note in report.notes:
        typer.echo(f"note: {note}")


def _rows(tensors: list[tuple[str, TensorRecord]], stats: bool) -> list[list[str]]:
    first: dict[int, str] = {}
    rows = [["name", "shape", "dtype", "size", ""]]
    if stats:
        rows[0][4:] = ["min", "max", "mean", "std", ""]
    total = sum(t.nbytes for _, t in tensors) if stats else 0
    with moving("reading", total) as advance:
        for name, tensor in tensors:
            rows.append(_row(name, tensor, stats, first))
            advance(tensor.nbytes)
    return rows


def _row(name: str, tensor: TensorRecord, stats: bool, first: dict[int, str]) -> list[str]:
    remark = []
    if id(tensor) in first:
        remark.append(f"= {first[id(tensor)]}")
    elif tensor.storage is not None and id(tensor.storage) in first:
        remark.append(f"shares memory with {first[id(tensor.storage)]}")
    first.setdefault(id(tensor), name)
    if tensor.storage is not None:
        first.setdefault(id(tensor.storage), name)
    if tensor.kind != "tensor":
        remark.append(tensor.kind)
    shape = "x".join(map(str, tensor.shape)) or "scalar"
    row = [name, shape, tensor.dtype, human(tensor.nbytes)]
    if stats:
        row += _statistics(tensor, remark)
    return [*row, ", ".join(remark)]


def _statistics(tensor: TensorRecord, remark: list[str]) -> list[str]:
    if tensor.storage is None or tensor.numel == 0:
        return ["-"] * 4
    array = tensor.numpy().reshape(-1)
    low, high, total, squares, count = math.inf, -math.inf, 0.0, 0.0, 0
    for start in range(0, len(array), 1 << 22):
        part = array[start : start + (1 << 22)]
        part = np.abs(part) if part.dtype.kind == "c" else part
        part = part.astype(np.float64)
        good = part[np.isfinite(part)]
        count += len(good)
        if len(good):
            low, high = min(low, float(good.min())), max(high, float(good.max()))
            total += float(good.sum())
            squares += float(np.square(good).sum())
    if count < len(array):
        remark.append(f"{len(array) - count} not finite")
    if not count:
        return ["-"] * 4
    mean = total / count
    return [f"{x:.4g}" for x in (low, high, mean, math.sqrt(max(squares / count - mean**2, 0)))]


def _table(rows: list[list[str]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  "
        + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _tree(value: Any, name: str = "", depth: int = 1) -> list[str]:
    indent = "  " * depth
    label = f"{indent}{name}: " if name else indent
    if depth > 100:
        return [f"{label}…"]
    if isinstance(value, dict):
        lines = [f"{label}{type(value).__name__} of {len(value)}"]
        for key, item in value.items():
            lines += _tree(item, str(key)[:100], depth + 1)
        return lines
    if isinstance(value, (list, tuple)) and any(
        isinstance(v, (dict, list, TensorRecord)) for v in value
    ):
        lines = [f"{label}{type(value).__name__} of {len(value)}"]
        for i, item in enumerate(value):
            lines += _tree(item, str(i), depth + 1)
        return lines
    if isinstance(value, TensorRecord):
        return [f"{label}{value.dtype} {list(value.shape)}"]
    if isinstance(value, Stub):
        return [f"{label}{value!r}"]
    text = repr(value)
    return [f"{label}{text if len(text) <= 100 else text[:97] + '...'}"]
