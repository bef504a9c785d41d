"""Random programs of views, writes through views, in-place operations, assignments and gradients.

Each program runs on both libraries statement by statement; after each statement everything
that can be read is compared. CI runs a sample: `VIEWS_PROGRAMS=2000` runs as many as asked.
"""

from __future__ import annotations

import os
from typing import Any

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

import flambeau
from tests.oracle import torch

PROGRAMS = int(os.environ.get("VIEWS_PROGRAMS", "25"))

# PyTorch refuses these for reasons of its own bookkeeping; flambeau allows them (its values
# are immutable) and the program ends there.
ONLY_TORCH = (
    "modified by an inplace operation",
    "modified inplace",
    "is a view and is being modified",
    "view was created in",
    "Output 0 of",
)


def known(error: Exception, *words: str) -> bool:
    return any(w in str(error) for w in words or ONLY_TORCH)


def expect(error: Exception, *words: str) -> None:
    assert known(error, *words), error


def agree(ours: Exception, theirs: Exception) -> None:
    assert isinstance(ours, type(theirs)), (ours, theirs)


class Pair:
    """One variable of the program, in both libraries."""

    def __init__(self, theirs: Any, ours: Any):
        self.theirs = theirs
        self.ours = ours

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.theirs.shape)


class Ended(Exception):
    """One library refused a statement that the other allows, for a known reason."""


class Program:
    def __init__(self, data: st.DataObject):
        self.data = data
        self.text: list[str] = []
        self.all: list[Pair] = []
        self.leaves: list[Pair] = []

    def draw(self, strategy: st.SearchStrategy[Any]) -> Any:
        return self.data.draw(strategy)

    def start(self) -> None:
        shape = self.draw(st.sampled_from([(2, 3), (2, 2, 3), (4,)]))
        values = np.arange(1.0, np.prod(shape) + 1).reshape(shape)
        with_grad = self.draw(st.booleans())
        for i in range(2):
            theirs = torch.tensor(values * (i + 1))
            ours = flambeau.tensor(values * (i + 1))
            leaf = Pair(theirs, ours)
            if with_grad and i == 0:
                leaf.theirs.requires_grad_()
                leaf.ours.requires_grad_()
                self.leaves.append(leaf)
                self.all.append(Pair(theirs * 2, ours * 2))
                self.text.append(f"a = tensor({shape}, requires_grad=True) * 2")
            else:
                self.all.append(leaf)
                self.text.append(f"b = tensor({shape})")

    def pick(self) -> Pair:
        return self.data.draw(st.sampled_from(self.all), label="tensor")

    def both(self, text: str, run: Any, *pairs: Pair) -> None:
        """Run a statement on both; a result becomes a new variable."""
        names = [f"v{self.all.index(p)}" for p in pairs]
        self.text.append(text.format(*names))
        hypothesis.note(self.text[-1])
        try:
            theirs = run(torch, *(p.theirs for p in pairs))
        except (RuntimeError, IndexError, ValueError) as error:
            if known(error):
                raise Ended from None
            with pytest.raises((RuntimeError, IndexError, ValueError)) as caught:
                run(flambeau, *(p.ours for p in pairs))
            agree(caught.value, error)
            return
        try:
            ours = run(flambeau, *(p.ours for p in pairs))
        except RuntimeError as error:
            # PyTorch writes to some overlapping views with a warning; flambeau refuses all.
            expect(error, "more than one element of the written-to tensor")
            raise Ended from None
        made = [(t, o) for t, o in _tensors(theirs, ours) if not any(p.theirs is t for p in pairs)]
        self.all += [Pair(t, o) for t, o in made]

    def compare(self) -> None:
        for i, p in enumerate(self.all):
            t, o = p.theirs, p.ours
            where = f"v{i}"
            try:
                t.is_leaf, t.requires_grad
            except RuntimeError as error:  # a piece of a split whose base was written to
                expect(error)
                raise Ended from None
            assert tuple(o.shape) == tuple(t.shape), where
            assert o.requires_grad == t.requires_grad, where
            assert o.is_leaf == t.is_leaf, where
            assert o.stride() == t.stride(), where
            assert o.storage_offset() == t.storage_offset(), where
            assert o.is_contiguous() == t.is_contiguous(), where
            np.testing.assert_allclose(
                o.detach().numpy(), t.detach().numpy(), rtol=1e-12, err_msg=where
            )

    def gradients(self) -> None:
        total = [0.0, 0.0]
        for i, p in enumerate(self.all):
            if p.theirs.requires_grad:
                total[0] = total[0] + (p.theirs * (i + 1.5)).sum()
                total[1] = total[1] + (p.ours * (i + 1.5)).sum()
        if isinstance(total[0], float):
            return
        try:
            total[0].backward()
        except RuntimeError as error:
            expect(error)
            return
        total[1].backward()
        for leaf in self.leaves:
            np.testing.assert_allclose(leaf.ours.grad.numpy(), leaf.theirs.grad.numpy(), rtol=1e-12)


def _tensors(theirs: Any, ours: Any) -> list[tuple[Any, Any]]:
    if theirs is None:
        return []
    if isinstance(theirs, (tuple, list)):
        assert len(theirs) == len(ours)
        return list(zip(theirs, ours, strict=True))
    return [(theirs, ours)]


def a_dim(p: Program, x: Pair) -> int:
    return p.draw(st.integers(-len(x.shape), len(x.shape) - 1)) if x.shape else 0


def make_view(p: Program) -> None:
    x = p.pick()
    n = len(x.shape)
    kinds = ["view", "unsqueeze", "squeeze", "flatten", "alias", "detach", "expand"]
    if n:
        kinds += ["select", "slice", "permute", "narrow", "unfold", "chunk", "reshape"]
    if n >= 2:
        kinds += ["transpose", "diagonal", "unbind"]
    kind = p.draw(st.sampled_from(kinds))
    d = a_dim(p, x)
    size = x.shape[d] if n else 1
    if kind == "view":
        p.both("{}.view(-1)", lambda _, a: a.view(-1), x)
    elif kind == "reshape":
        p.both(f"{{}}.reshape({size}, -1)", lambda _, a: a.reshape(size, -1), x)
    elif kind == "unsqueeze":
        p.both("{}.unsqueeze(0)", lambda _, a: a.unsqueeze(0), x)
    elif kind == "squeeze":
        p.both("{}.squeeze()", lambda _, a: a.squeeze(), x)
    elif kind == "flatten":
        p.both("{}.flatten()", lambda _, a: a.flatten() if a.ndim > 1 else a.view(-1), x)
    elif kind == "alias":
        p.both("{}[...]", lambda _, a: a[...], x)
    elif kind == "detach":
        p.both("{}.detach()", lambda _, a: a.detach(), x)
    elif kind == "expand":
        p.both(f"{{}}.expand(2, {x.shape})", lambda _, a: a.expand(2, *a.shape), x)
    elif kind == "select":
        i = p.draw(st.integers(-size, size - 1)) if size else 0
        p.both(f"{{}}.select({d}, {i})", lambda _, a: a.select(d, i), x)
    elif kind == "slice":
        key = a_slice(p)
        p.both(f"{{}}[{key}]", lambda _, a: a[key], x)
    elif kind == "permute":
        order = p.draw(st.permutations(range(n)))
        p.both(f"{{}}.permute({order})", lambda _, a: a.permute(*order), x)
    elif kind == "transpose":
        p.both(f"{{}}.transpose({d}, 0)", lambda _, a: a.transpose(d, 0), x)
    elif kind == "narrow":
        length = p.draw(st.integers(0, size))
        start = p.draw(st.integers(0, size - length))
        p.both(f"{{}}.narrow({d}, {start}, {length})", lambda _, a: a.narrow(d, start, length), x)
    elif kind == "unfold":
        window = p.draw(st.integers(1, max(size, 1)))
        p.both(f"{{}}.unfold({d}, {window}, 2)", lambda _, a: a.unfold(d, window, 2), x)
    elif kind == "diagonal":
        k = p.draw(st.integers(-1, 1))
        p.both(f"{{}}.diagonal({k})", lambda _, a: a.diagonal(k), x)
    elif kind == "chunk":
        p.both(f"{{}}.chunk(2, {d})", lambda _, a: a.chunk(2, d), x)
    else:
        p.both("{}.unbind()", lambda _, a: a.unbind(), x)


def a_slice(p: Program) -> slice:
    bound = st.none() | st.integers(-3, 3)
    return slice(p.draw(bound), p.draw(bound), p.draw(st.sampled_from([None, 1, 2])))


def make_result(p: Program) -> None:
    """Results of ordinary operations are contiguous here; PyTorch may keep an input's strides."""
    x = p.pick()
    same = [q for q in p.all if q.shape == x.shape]
    y = p.draw(st.sampled_from(same))
    kind = p.draw(st.sampled_from(["add", "scale", "clone", "contiguous", "mask", "where", "list"]))
    if kind == "add":
        p.both("({} + {}).contiguous()", lambda _, a, b: (a + b).contiguous(), x, y)
    elif kind == "scale":
        p.both("({} * 3).contiguous()", lambda _, a: (a * 3).contiguous(), x)
    elif kind == "clone":
        p.both("({} + 0).contiguous()", lambda _, a: (a + 0).contiguous(), x)
    elif kind == "contiguous":
        if not x.theirs.is_contiguous():
            p.both("{}.contiguous()", lambda _, a: a.contiguous(), x)
    elif kind == "mask":
        p.both("{0}[{0} > 3]", lambda _, a: a[a.detach() > 3], x)
    elif kind == "where":
        p.both(
            "where({} > 3, {}, {})",
            lambda m, a, b, c: m.where(a.detach() > 3, b, c).contiguous(),
            x,
            y,
            x,
        )
    elif x.shape and x.shape[0]:
        p.both("{}[[0, -1]]", lambda _, a: a[[0, -1]].contiguous(), x)


def write_in_place(p: Program) -> None:
    x = p.pick()
    same = [q for q in p.all if q.shape == x.shape]
    y = p.draw(st.sampled_from(same))
    kind = p.draw(st.sampled_from(["add_", "mul_", "fill_", "copy_", "masked_fill_", "sub_"]))
    if kind == "add_":
        p.both("{}.add_(1)", lambda _, a: a.add_(1), x)
    elif kind == "mul_":
        p.both("{}.mul_(2)", lambda _, a: a.mul_(2), x)
    elif kind == "fill_":
        p.both("{}.fill_(7)", lambda _, a: a.fill_(7), x)
    elif kind == "copy_":
        p.both("{}.copy_({}.clone())", lambda _, a, b: a.copy_(b.clone()), x, y)
    elif kind == "sub_":
        p.both("{}.sub_({}.clone())", lambda _, a, b: a.sub_(b.clone()), x, y)
    else:
        p.both(
            "{}.masked_fill_({} > 3, 0)", lambda _, a, b: a.masked_fill_(b.detach() > 3, 0), x, y
        )


def a_key(p: Program, x: Pair) -> Any:
    n = len(x.shape)
    kinds = ["...", "none"]
    if n:
        kinds += ["int", "slice", "list", "list"]
    if n >= 2:
        kinds += ["pair", "last", "both"]
    kind = p.draw(st.sampled_from(kinds))
    size = x.shape[0] if n else 0
    at = st.integers(-size, size - 1) if size else st.just(0)
    if kind == "int":
        return p.draw(at)
    if kind == "slice":
        return a_slice(p)
    if kind == "list":
        return p.draw(st.lists(at, min_size=1, max_size=2, unique_by=lambda i: i % max(size, 1)))
    if kind == "none":
        return (None, ...)
    if kind == "last":
        return (..., a_slice(p))
    if kind == "both":
        return (a_slice(p), [0] if x.shape[1] else [])
    if kind == "pair":
        return (p.draw(at), a_slice(p))
    return ...


def assign(p: Program) -> None:
    x = p.pick()
    if p.draw(st.booleans()):
        y = p.draw(st.sampled_from([q for q in p.all if q.shape == x.shape]))
        number = p.draw(st.sampled_from([0.5, -4]))

        def masked(_: Any, a: Any, b: Any) -> None:
            a[b.detach() > 3] = number

        p.both(f"{{}}[{{}} > 3] = {number}", masked, x, y)
        return
    key = a_key(p, x)
    if p.draw(st.booleans()):

        def number(_: Any, a: Any) -> None:
            a[key] = 9.0

        p.both(f"{{}}[{key}] = 9", number, x)
    else:
        y = p.pick()

        def tensor(_: Any, a: Any, b: Any) -> None:
            a[key] = b.clone()

        p.both(f"{{}}[{key}] = {{}}", tensor, x, y)


def without_grad(p: Program) -> None:
    x = p.pick()

    def run(m: Any, a: Any) -> None:
        with m.no_grad():
            a.mul_(3)

    p.both("with no_grad(): {}.mul_(3)", run, x)


STATEMENTS = [make_view, make_view, make_view, make_result, write_in_place, assign, without_grad]


@pytest.mark.filterwarnings("ignore:.*")
@hypothesis.settings(
    max_examples=PROGRAMS,
    # Programs are short, and a failure prints its statements: shrinking would compile for long.
    phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
    report_multiple_bugs=False,
    suppress_health_check=list(hypothesis.HealthCheck),
    deadline=None,
)
@hypothesis.given(st.data())
def test_random_programs_agree(data):
    program = Program(data)
    program.start()
    looks = program.draw(st.booleans())
    try:
        for _ in range(program.draw(st.integers(1, 7))):
            program.draw(st.sampled_from(STATEMENTS))(program)
            if looks:
                program.compare()
        program.compare()
    except Ended:
        return
    program.gradients()
