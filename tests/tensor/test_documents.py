"""Docstrings of functions that are made from others."""

from __future__ import annotations

import doctest
import functools
import inspect
import re

import pytest

import flambeau
from flambeau._tensor.documents import in_place

NAMES = sorted(
    n
    for n in dir(flambeau.Tensor)
    if n.endswith("_")
    and not n.startswith("_")
    and "In-place version" in (getattr(flambeau.Tensor, n).__doc__ or "")
)


def test_most_in_place_methods_have_an_example():
    with_example = [n for n in NAMES if ">>>" in getattr(flambeau.Tensor, n).__doc__]
    assert len(with_example) >= 94


@pytest.mark.parametrize("name", NAMES)
def test_the_example_holds(name):
    text = getattr(flambeau.Tensor, name).__doc__
    assert f"Follows ``torch.Tensor.{name}``." in text
    test = doctest.DocTestParser().get_doctest(text, {}, name, None, 0)
    said: list[str] = []
    assert doctest.DocTestRunner(verbose=False).run(test, out=said.append).failed == 0, said


def test_only_one_call_on_a_tensor_is_taken_over():
    def double(x):
        """Twice.

        Example:
            >>> torch.double(torch.tensor([1, 2]), 3)
            tensor([2, 4])

        Follows ``torch.double``.
        """

    def pair(x):
        """Two. Follows ``torch.pair``.

        Example:
            >>> x = torch.ones(1)
            >>> torch.pair(x)
            tensor([2, 4])
        """

    assert ">>> torch.tensor([1, 2]).double_(3)\n    tensor([2, 4])" in in_place("double_", double)
    assert ">>>" not in in_place("pair_", pair)
    assert in_place("pair_", pair).startswith("In-place version of :func:`flambeau.pair`: two.\n")


# Settings and questions, which take no tensors or give none.
_NO_ARRAYS = re.compile(
    r"(get|set|is|are|use|clear|can|promote|result)_\w+|\w*_?seed|numel|typename|load|save\w*|resume|"
    r"to_dlpack|doctor|profile|freeze|unfreeze|snapshot|cond|while_loop|wrap_jax|from_jax|vmap|"
    r"broadcast_shapes"
)


@pytest.mark.parametrize(
    "space", ["", "nn.functional", "linalg", "fft", "special", "signal.windows"]
)
def test_every_function_tells_shapes_dtypes_and_errors(space):
    home = functools.reduce(getattr, filter(None, space.split(".")), flambeau)
    functions = {n: getattr(home, n) for n in home.__all__ if not _NO_ARRAYS.fullmatch(n)}
    documents = {
        n: (f.__doc__ or "").lower() for n, f in functions.items() if inspect.isfunction(f)
    }
    assert len(documents) > 5
    assert [n for n, text in documents.items() if "shape" not in text] == []
    assert [n for n, text in documents.items() if "type" not in text] == []
    assert [n for n, text in documents.items() if "raises" not in text] == []
