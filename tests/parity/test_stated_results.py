"""What docstrings say of the results' shapes and dtypes, against what comes out.

Only the sentences below are checked, which many functions share; the judge compares every
result's shape and dtype with PyTorch's.
"""

from __future__ import annotations

import functools
import re
import warnings
from collections.abc import Callable
from typing import Any

import pytest

import flambeau
from tests.oracle import torch
from tests.parity.test_stated_errors import Call, entry_of, functions, good_call
from tests.parity.wrong_calls import WRONG_CALLS


def tensors_of(call: Call) -> list[Any]:
    """The tensors among the arguments."""
    given = (call[0], *call[1], *call[2].values())
    return [x for x in given if isinstance(x, flambeau.Tensor)]


def _common(call: Call) -> Any:
    operands = [x for x in (call[0], *call[1][:1]) if not isinstance(x, (str, type(None)))]
    return functools.reduce(
        lambda a, b: a if b is None else flambeau.result_type(a, b), operands
    ) if len(operands) > 1 else operands[0].dtype  # fmt: skip


def _or_default(dtype: Any) -> Any:
    inexact = dtype.is_floating_point or dtype.is_complex
    return dtype if inexact else flambeau.get_default_dtype()


DTYPES: dict[str, Callable[[Call], Any]] = {
    "the result has the input's.": lambda call: call[0].dtype,
    "the result has the operands' common dtype.": _common,
    "the result is bool.": lambda call: flambeau.bool,
    "the result is int64.": lambda call: flambeau.int64,
    "the result: the default dtype for bools and integers, else the input's.": (
        lambda call: _or_default(call[0].dtype)
    ),
    "the result: the default dtype for bools and integers, else the operands' common dtype.": (
        lambda call: _or_default(_common(call))
    ),
}
"""What a docstring says after the dtypes that are taken, and what it means."""

SHAPES: dict[str, Callable[[Call], tuple[int, ...]]] = {
    "(*) to (*).": lambda call: tuple(call[0].shape),
    "(*) and (*) that broadcast together, to their common shape.": (
        lambda call: tuple(flambeau.broadcast_shapes(*[x.shape for x in tensors_of(call)[:2]]))
    ),
}


def section(function: Any, title: str) -> str:
    """A section of a docstring on one line, without marks of literals."""
    text = (function.__doc__ or "").partition(f"{title}:\n")[2].partition("\n\n")[0]
    return re.sub(r"[`\\]", "", " ".join(text.split()))


def stated(function: Any) -> dict[str, Any]:
    """The rules that hold for a function: by ``"dtype"`` and ``"shape"``."""
    found: dict[str, Any] = {}
    dtype = section(function, "Dtypes").rpartition("; ")[2]
    if dtype in DTYPES:
        found["dtype"] = DTYPES[dtype]
    shape = section(function, "Shape")
    if shape in SHAPES:
        found["shape"] = SHAPES[shape]
    return found


OTHER_ORDER = {"nn.functional.embedding", "nn.functional.embedding_bag", "polygamma"}
"""Functions whose arguments the database has in another order."""

SKIPPED = OTHER_ORDER | {"poisson_nll_loss"} | WRONG_CALLS.keys()

TOLD = {n: f for n, f in functions().items() if n not in SKIPPED and stated(f)}


def test_many_functions_are_checked() -> None:
    assert len([f for f in TOLD.values() if "shape" in stated(f)]) >= 100
    assert len([f for f in TOLD.values() if "dtype" in stated(f)]) >= 250


@pytest.mark.parametrize("name", sorted(TOLD))
def test_results_are_as_stated(name: str) -> None:
    function, entry, rules = TOLD[name], entry_of(name), stated(TOLD[name])
    if entry is None:
        pytest.skip("the database has no call of it")
    checked = 0
    for dtype in (torch.float32, torch.int64, torch.bool, torch.complex64):
        if dtype not in entry.supported_dtypes("cpu"):
            continue
        try:
            sample = next(
                s
                for s in entry.sample_inputs("cpu", dtype)
                if isinstance(s.input, torch.Tensor) and not {"dtype", "out"} & s.kwargs.keys()
            )
        except Exception:
            continue  # the database has none of this dtype
        call = good_call(sample)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = function(call[0], *call[1], **call[2])
        if not isinstance(result, flambeau.Tensor):
            continue
        for what, rule in rules.items():
            assert (tuple(result.shape) if what == "shape" else result.dtype) == rule(call), dtype
        checked += 1
    if not checked:
        pytest.skip("no call with one result")
