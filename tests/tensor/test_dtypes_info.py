"""finfo and iinfo against PyTorch."""

from __future__ import annotations

import pytest

import flambeau
from tests.oracle import torch

FLOATS = ["float16", "bfloat16", "float32", "float64", "complex64", "complex128"]
INTEGERS = ["uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64"]


@pytest.mark.parametrize("name", FLOATS)
def test_finfo(name):
    ours, theirs = flambeau.finfo(getattr(flambeau, name)), torch.finfo(getattr(torch, name))
    for field in ("bits", "eps", "max", "min", "tiny", "smallest_normal", "resolution", "dtype"):
        assert getattr(ours, field) == getattr(theirs, field), field
    assert repr(ours) == repr(theirs)


def test_finfo_of_the_default():
    assert repr(flambeau.finfo()) == repr(torch.finfo())


@pytest.mark.parametrize("name", INTEGERS)
def test_iinfo(name):
    ours, theirs = flambeau.iinfo(getattr(flambeau, name)), torch.iinfo(getattr(torch, name))
    for field in ("bits", "max", "min", "dtype"):
        assert getattr(ours, field) == getattr(theirs, field), field
    assert repr(ours) == repr(theirs)


@pytest.mark.parametrize(
    "expression",
    ["finfo(lib.int8)", "finfo(lib.bool)", "iinfo(lib.float32)", "iinfo(lib.bool)", "iinfo()"],
)
def test_wrong_kind(expression):
    for lib in (torch, flambeau):
        with pytest.raises(TypeError):
            eval(f"lib.{expression}", {"lib": lib})
