"""Arguments that had to be tensors and are not."""

from __future__ import annotations

import traceback

import pytest

import flambeau as torch


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: torch.adjoint("x"), "adjoint(): argument 'input' (position 1) must be Tensor"),
        (lambda: torch.split([1.0], 1), "split(): argument 'tensor' (position 1) must be Tensor"),
        (lambda: torch.unique(3), "unique(): argument 'input' (position 1) must be Tensor"),
        (lambda: torch.atleast_1d("x"), "must be Tensor, not str"),
        (lambda: torch.searchsorted("x", 1), "argument 'sorted_sequence' (position 1)"),
        (lambda: torch.resolve_conj("x"), "resolve_conj(): argument 'input'"),
    ],
)
def test_composites_tell_what_is_no_tensor(call, told):
    with pytest.raises(TypeError) as caught:
        call()
    assert told in str(caught.value)
    last = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert last.filename == __file__
    assert not isinstance(caught.value.__context__, AttributeError) or (
        caught.value.__suppress_context__
    )


def test_an_attribute_error_of_the_user_stays():
    class Odd:
        @property
        def shape(self):
            raise AttributeError("mine")

    with pytest.raises((AttributeError, TypeError), match=r"mine|Odd"):
        torch.adjoint(Odd())


def test_sizes_that_do_not_fit_are_told_as_such():
    with pytest.raises(torch.errors.ShapeError, match="gru_cell") as caught:
        torch.gru_cell(torch.ones(1, 5), torch.ones(1, 3), torch.ones(9, 4), torch.ones(9, 3))
    assert isinstance(caught.value, RuntimeError)


def test_norm_except_dim_refuses_a_dimension_that_is_none():
    with pytest.raises(IndexError, match="Dimension out of range"):
        torch.norm_except_dim(torch.ones(3, 2), 2, 9)
    assert torch.norm_except_dim(torch.ones(2, 4), 2, -2).tolist() == [[2.0], [2.0]]
