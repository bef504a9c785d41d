"""What the checks go by: plain data about a model, its optimizers and the observed steps.

Collecting (:mod:`collect`, :mod:`observe`) touches the program; checking touches only this.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Place = tuple[str, int]


@dataclass
class Event:
    """A parameter in one observed step. Norms are Euclidean; None where there is no gradient."""

    step: int
    grad: float | None = None
    grad_rms: float = 0.0
    finite: bool = True
    weight: float = 0.0
    weight_finite: bool = True
    update: float | None = None


@dataclass
class Trace:
    """A parameter over the observed steps."""

    events: list[Event] = field(default_factory=list)
    idle: Any = None  # per unit (row): no gradient in any observed step
    grad_histogram: tuple[list[float], list[int]] | None = None
    update_histogram: tuple[list[float], list[int]] | None = None
    skipped: bool = False  # frozen while an optimizer that holds it stepped
    moved_in_step: bool = False  # while frozen, by an optimizer
    moved_between: bool = False  # while frozen, by something else
    last: Any = None  # what a frozen one was after the last observed step


@dataclass
class ParameterFact:
    """A parameter of the model."""

    name: str
    shape: tuple[int, ...]
    elements: int
    dtype: str
    device: str
    trainable: bool
    floating: bool
    module: str  # path of the module that owns it
    kind: str  # class of that module
    place: Place | None
    aliases: list[str] = field(default_factory=list)
    groups: list[tuple[int, int]] = field(default_factory=list)  # (optimizer, group)
    covered: bool = False  # was in an optimizer at some time
    has_grad: bool = False
    has_state: bool = False
    trace: Trace = field(default_factory=Trace)

    @property
    def norm(self) -> bool:
        """Whether it belongs to a normalisation."""
        return "Norm" in self.kind


@dataclass
class BufferFact:
    """A buffer of the model."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    requires_grad: bool
    place: Place | None


@dataclass
class ModuleFact:
    """A module of the tree."""

    path: str
    kind: str
    place: Place | None
    parent: str | None
    callable: bool  # has a forward of its own
    training: bool
    calls: int = 0
    moved_buffers: dict[str, int] = field(default_factory=dict)  # in forwards while frozen
    moved_since: int = 0


@dataclass
class LooseFact:
    """Something that is used as part of the model and not registered."""

    code: str
    path: str
    text: str
    place: Place | None
    trainable: bool = True


@dataclass
class GroupFact:
    """A parameter group."""

    weight_decay: float
    lr: float
    small: list[str]  # trainable parameters of fewer than two dimensions
    duplicates: list[str]


@dataclass
class StaleFact:
    """A tensor in an optimizer that no module has."""

    group: int
    name: str
    text: str
    place: Place | None


@dataclass
class OptimizerFact:
    """An optimizer."""

    kind: str
    place: Place | None
    groups: list[GroupFact]
    stale: list[StaleFact]


@dataclass
class Flow:
    """Where the first value that is not finite was seen."""

    step: int
    path: str
    text: str
    place: Place | None


@dataclass
class Facts:
    """Everything that is known of one model."""

    root: str
    parameters: list[ParameterFact] = field(default_factory=list)
    buffers: list[BufferFact] = field(default_factory=list)
    modules: list[ModuleFact] = field(default_factory=list)
    loose: list[LooseFact] = field(default_factory=list)
    optimizers: list[OptimizerFact] = field(default_factory=list)
    taking_turns: set[tuple[int, int]] = field(default_factory=set)  # pairs of optimizers
    nonfinite: Flow | None = None
    observed: int = 0
    whole_program: bool = False  # optimizers come and go: hold what was, not what is

    def parameter(self, name: str) -> ParameterFact:
        """The parameter of this name."""
        return next(p for p in self.parameters if p.name == name)
