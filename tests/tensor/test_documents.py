"""Docstrings of functions that are made from others."""

from __future__ import annotations

import doctest

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
