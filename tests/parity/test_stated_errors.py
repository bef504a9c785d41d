"""What the docstrings of functions say under "Raises" about common mistakes, made on purpose.

The sentences below are the ones that docstrings use; each stands for a change of a good call,
taken from the database, that must raise the class that the docstring names.
"""

from __future__ import annotations

import functools
import inspect
import re
import warnings
from collections.abc import Callable
from typing import Any

import pytest

import flambeau
from tests.oracle import torch
from tests.parity import scope
from tests.parity.translate import to_flambeau
from tests.parity.wrong_calls import WRONG_CALLS

Call = tuple[Any, list[Any], dict[str, Any]]


def _tensor(call: Call) -> Any:
    if not isinstance(call[0], flambeau.Tensor):
        raise LookupError("the first argument of the sample is no tensor")
    return call[0].detach()


def _as(dtype: Any) -> Callable[[Call, Any], Call]:
    """All tensors of the first one's dtype, in another."""

    def change(call: Call, function: Any) -> Call:
        input = _tensor(call)

        def turn(x: Any) -> Any:
            same = isinstance(x, flambeau.Tensor) and x.dtype == input.dtype
            return x.detach().to(dtype) if same else x

        return turn(input), [turn(x) for x in call[1]], {k: turn(x) for k, x in call[2].items()}

    return change


def _other_shape(call: Call, function: Any) -> Call:
    input = _tensor(call)
    if not call[1] or not isinstance(call[1][0], flambeau.Tensor):
        raise LookupError("the second argument of the sample is no tensor")
    other = call[1][0]
    shape = (*other.shape[:-1], 13)
    if input.ndim == 0:
        input = flambeau.ones(7, dtype=input.dtype)
    return input, [flambeau.ones(shape, dtype=other.dtype), *call[1][1:]], call[2]


def _no_dim(call: Call, function: Any) -> Call:
    at = list(inspect.signature(function).parameters).index("dim") - 1
    args, kwargs = list(call[1]), dict(call[2])
    if at < len(args):
        args[at] = 99
    else:
        kwargs["dim"] = 99
    return call[0], args, kwargs


def _shaped(*shape: int) -> Callable[[Call, Any], Call]:
    def change(call: Call, function: Any) -> Call:
        return flambeau.ones(shape, dtype=_tensor(call).dtype), call[1], call[2]

    return change


MISTAKES: dict[str, list[Callable[[Call, Any], Call]]] = {
    "the first argument is no tensor.": [lambda call, function: ("x", call[1], call[2])],
    "the tensors are complex.": [_as(flambeau.complex64)],
    "the tensors are floating or complex.": [_as(flambeau.float32), _as(flambeau.complex64)],
    "the tensors hold bools.": [_as(flambeau.bool)],
    "the tensors hold integers.": [_as(flambeau.int64)],
    "the tensors hold integers or bools.": [_as(flambeau.int64), _as(flambeau.bool)],
    "the sizes of the tensors do not fit.": [_other_shape],
    "``dim`` is no dimension of the input.": [_no_dim],
    "the input has no dimensions.": [_shaped()],
    "the input has fewer than two dimensions.": [_shaped(), _shaped(3)],
}
"""What a docstring says, and the changes that bring it about."""


@functools.cache
def _entries() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for entry in scope.entries().values():
        for name in (entry.name, *(alias.name for alias in entry.aliases)):
            found.setdefault(name, entry)
    return found


def entry_of(name: str) -> Any:
    """The database's entry about a function, or None."""
    last = name.rpartition(".")[2]
    tried = (name, last, f"nn.functional.{name}", f"linalg.{name}", f"special.{name}")
    return next((_entries()[n] for n in tried if n in _entries()), None)


def sample_of(entry: Any) -> Any:
    """A good call's arguments: one with a tensor of some size first, if there is one."""
    for dtype in (torch.float32, torch.int64, torch.complex64, torch.bool):
        if dtype not in entry.supported_dtypes("cpu"):
            continue
        try:
            samples = list(entry.sample_inputs("cpu", dtype))
        except Exception:
            continue  # the database has none of this dtype
        sized = [
            s
            for s in samples
            if isinstance(s.input, torch.Tensor) and s.input.ndim and s.input.numel() > 1
        ]
        if samples:
            return (sized or samples)[0]
    return None


def good_call(sample: Any) -> Call:
    """Fresh arguments of a good call."""
    input, args, kwargs = to_flambeau((sample.input, sample.args, sample.kwargs), {})
    return input, list(args), dict(kwargs)


def functions() -> dict[str, Any]:
    """The public functions on tensors, each once."""
    found: dict[str, Any] = {}
    seen: set[Any] = set()
    for space in ("", "nn.functional", "linalg", "fft", "special", "signal.windows"):
        home = functools.reduce(getattr, filter(None, space.split(".")), flambeau)
        for name in sorted(home.__all__):
            function = getattr(home, name)
            if inspect.isfunction(function) and function not in seen:
                seen.add(function)
                found[f"{space}.{name}".lstrip(".")] = function
    return found


def run(function: Any, call: Call) -> None:
    """Call it, and wait for its results."""
    results = function(call[0], *call[1], **call[2])
    for result in results if isinstance(results, (tuple, list)) else [results]:
        if isinstance(result, flambeau.Tensor):
            result.detach().to(flambeau.complex64).numpy()


_STATED = re.compile(r"^ +(\w+): (.+)$", re.MULTILINE)


def stated(function: Any) -> list[tuple[str, str]]:
    """What the docstring says of the mistakes above: class and sentence."""
    text = (function.__doc__ or "").partition("Raises:")[2].partition("\n\n")[0]
    return [(cls, said) for cls, said in _STATED.findall(text) if said in MISTAKES]


TOLD = {n: f for n, f in functions().items() if n not in WRONG_CALLS and stated(f)}


def test_most_functions_say_what_they_raise() -> None:
    assert len(TOLD) >= 400


@pytest.mark.parametrize("name", sorted(TOLD))
def test_raises_what_it_says(name: str) -> None:
    function, entry = TOLD[name], entry_of(name)
    sample = None if entry is None else sample_of(entry)
    if sample is None:
        pytest.skip("the database has no call of it")
    for cls, said in stated(function):
        for change in MISTAKES[said]:
            try:
                call = change(good_call(sample), function)
            except LookupError:
                continue
            with warnings.catch_warnings(), pytest.raises(Exception) as caught:
                warnings.simplefilter("ignore")  # deprecated names, doubtful sizes
                run(function, call)
            assert cls in {c.__name__ for c in type(caught.value).__mro__}, (said, caught.value)


@pytest.mark.parametrize("name", sorted(WRONG_CALLS))
def test_wrong_calls_raise_what_is_said(name: str) -> None:
    said, arguments = WRONG_CALLS[name]
    function = functools.reduce(getattr, name.split("."), flambeau)
    text = function.__doc__.partition("Raises:")[2].partition("\n\n")[0]
    classes = [cls for cls, sentence in _STATED.findall(text) if sentence.startswith(said[:60])]
    assert classes, f"{said!r} is not in the docstring"
    with warnings.catch_warnings(), pytest.raises(Exception) as caught:
        warnings.simplefilter("ignore")
        result = eval(f"function{arguments}", {"function": function, "torch": flambeau})
        result.detach().numpy()
    assert set(classes) & {c.__name__ for c in type(caught.value).__mro__}, caught.value
