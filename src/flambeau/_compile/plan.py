"""Plans: what a recording found out about a compiled function."""

from __future__ import annotations

from typing import Any

from flambeau._compile.cells import GradCell, place
from flambeau._compile.wiring import Wiring
from flambeau._tensor.core import Leaf


class Plan:
    """What a replay reads, writes, checks and returns.

    Attributes:
        moves_grads: some leaf has a gradient afterwards and had none, or the other way round.
    """

    wiring: Wiring

    def __init__(self) -> None:
        self.sources: list[tuple[str, Any]] = []
        self.writes: list[tuple[Any, int]] = []
        self.clears: list[GradCell] = []
        self.results: list[tuple[str, Any, Any]] = []
        self.tree: Any = None
        self.live: tuple[int, ...] = ()
        self.avals: list[tuple[Any, Any]] = []
        self.moves_grads = False
        self.hypers: list[tuple[Any, Any, int, tuple[str, ...]]] = []
        self.groups: list[tuple[Any, Any, Any, int, int, int, Any]] = []

    def outlived(self) -> list[tuple[Leaf, int]]:
        """The leaves whose gradient is replaced unread, and by which result."""
        read = {place(s) for kind, s in self.sources if kind == "cell"}
        return [
            (c.leaf, k)
            for c, k in self.writes
            if isinstance(c, GradCell) and c.fresh and place(c) not in read
        ]
