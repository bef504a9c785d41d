"""`flambeau diff A B`: what differs between two checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from flambeau._progress import moving
from flambeau.cli._checkpoints import opened
from flambeau.serialization._files import leaves
from flambeau.serialization._records import TensorRecord
from flambeau.serialization._report import LoadReport


def diff(
    a: Annotated[Path, typer.Argument(metavar="A")],
    b: Annotated[Path, typer.Argument(metavar="B")],
    names_only: Annotated[
        bool, typer.Option("--names-only", help="Compare names, shapes and dtypes; read no data.")
    ] = False,
) -> None:
    """Compare two checkpoints of any format: names, shapes, dtypes and values.

    Exits with 1 when they differ.
    """
    left, right = (dict(leaves(opened(file, LoadReport()))) for file in (a, b))
    lines = [f"only in {a}: {name}" for name in left if name not in right]
    lines += [f"only in {b}: {name}" for name in right if name not in left]
    same = 0
    common = [name for name in left if name in right]
    sizes = {name: left[name].nbytes for name in common if isinstance(left[name], TensorRecord)}
    with moving("comparing", sum(sizes.values())) as advance:
        for name in common:
            found = difference(left[name], right[name], names_only)
            if found is None:
                same += 1
            else:
                lines.append(f"{name}: {found}")
            advance(sizes.get(name, 0))
    for line in lines:
        typer.echo(line)
    typer.echo(f"{same} the same, {len(lines)} different")
    if lines:
        raise typer.Exit(1)


def difference(a: Any, b: Any, names_only: bool = False) -> str | None:
    """What differs between two values, None when nothing does."""
    if not isinstance(a, TensorRecord) or not isinstance(b, TensorRecord):
        if isinstance(a, TensorRecord) or isinstance(b, TensorRecord):
            return "a tensor on one side only"
        if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
            return None if a.dtype == b.dtype and np.array_equal(a, b) else "the arrays differ"
        if type(a) is not type(b):
            return f"{type(a).__name__} and {type(b).__name__}"
        return None if a == b or a != a or repr(a) == repr(b) else f"{a!r:.50} and {b!r:.50}"
    if a.shape != b.shape:
        transposed = a.shape[::-1] == b.shape and len(a.shape) > 1
        return f"shape {a.shape} and {b.shape}" + (", transposed" if transposed else "")
    changed = [f"dtype {a.dtype} and {b.dtype}"] if a.dtype != b.dtype else []
    if names_only or a.storage is None or b.storage is None:
        return changed[0] if changed else None
    x, y = a.numpy(), b.numpy()
    if not changed and x.tobytes() == y.tobytes():
        return None
    wide = np.complex128 if "c" in (x.dtype.kind, y.dtype.kind) else np.float64
    with np.errstate(all="ignore"):
        distance = np.abs(x.astype(wide) - y.astype(wide))
    unequal = int(np.count_nonzero(~(distance == 0)))
    if unequal:
        # infinities of one sign differ by nothing, numbers and NaN by something
        finite = distance[np.isfinite(distance)]
        most = float(finite.max()) if finite.size else float("nan")
        changed.append(f"{unequal} of {x.size} values differ, by at most {most:.4g}")
    return ", ".join(changed) or "the bits differ, the values do not"
