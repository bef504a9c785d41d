"""Type promotion over all pairs of dtypes, tensors of every rank and Python numbers."""

from __future__ import annotations

import itertools
import warnings

import pytest

import flambeau
from tests.oracle import torch

DTYPES = [
    "bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32",
    "float64", "complex64", "complex128",
]  # fmt: skip
NUMBERS = [True, 2, 2.5, 2.5 + 1j]
OPERATIONS = {
    "add": lambda a, b: a + b,
    "mul": lambda a, b: a * b,
    "true_divide": lambda a, b: a / b,
    "eq": lambda a, b: a == b,
    "pow": lambda a, b: a**b,
}


def _ours(name, shape=(2,)):
    return flambeau.ones(shape, dtype=getattr(flambeau, name))


def _theirs(name, shape=(2,)):
    return torch.ones(shape, dtype=getattr(torch, name))


def _dtype(call, *args):
    """The dtype of a result, or the class of error."""
    try:
        with warnings.catch_warnings():  # complex32 warns
            warnings.simplefilter("ignore")
            return str(call(*args).dtype)
    except (RuntimeError, TypeError) as error:
        return RuntimeError if isinstance(error, RuntimeError) else type(error)


def same(got, expected, *operands):
    """Equal, or complex64 where PyTorch has complex32, which neither NumPy nor XLA has."""
    if got == expected:
        return True
    kinds = [str(o) if not isinstance(o, str) else o for o in operands]
    half = "float16" in kinds and any("complex" in k or "j" in k for k in kinds)
    return half and got == "torch.complex64"


@pytest.mark.parametrize("name", OPERATIONS)
def test_two_tensors(name):
    call = OPERATIONS[name]
    for a, b in itertools.product(DTYPES, DTYPES):
        for first, second in (((2,), (2,)), ((2,), ()), ((), (2,))):
            got = _dtype(call, _ours(a, first), _ours(b, second))
            expected = _dtype(call, _theirs(a, first), _theirs(b, second))
            assert same(got, expected, a, b), (a, first, b, second)


@pytest.mark.parametrize("name", OPERATIONS)
def test_tensor_and_number(name):
    call = OPERATIONS[name]
    for a, number, shape in itertools.product(DTYPES, NUMBERS, ((2,), ())):
        for swap in (False, True):
            ours, theirs = _ours(a, shape), _theirs(a, shape)
            got = _dtype(call, *((number, ours) if swap else (ours, number)))
            expected = _dtype(call, *((number, theirs) if swap else (theirs, number)))
            assert same(got, expected, a, number), (a, number, shape, swap)


def test_subtraction_of_bools_is_refused():
    a, b = _ours("bool"), _ours("bool")
    with pytest.raises(RuntimeError, match="bool"):
        a - b
    with pytest.raises(RuntimeError, match="bool"):
        -a


@pytest.mark.parametrize("name", ["sum", "prod", "mean", "amax", "any", "std", "cumsum", "exp"])
def test_one_tensor(name):
    for d in DTYPES:
        extra = (0,) if name == "cumsum" else ()
        got = _dtype(lambda x, n=name, e=extra: getattr(flambeau, n)(x, *e), _ours(d))
        expected = _dtype(lambda x, n=name, e=extra: getattr(torch, n)(x, *e), _theirs(d))
        assert got == expected, d


def test_result_type_and_can_cast():
    for a, b in itertools.product(DTYPES, DTYPES):
        expected = str(torch.promote_types(getattr(torch, a), getattr(torch, b)))
        assert str(flambeau.promote_types(getattr(flambeau, a), getattr(flambeau, b))) == expected
        assert flambeau.can_cast(getattr(flambeau, a), getattr(flambeau, b)) == torch.can_cast(
            getattr(torch, a), getattr(torch, b)
        )
        got = str(flambeau.result_type(_ours(a), _ours(b, ())))
        expected = str(torch.result_type(_theirs(a), _theirs(b, ())))
        assert same(got, expected, a, b), (a, b)


def test_in_place_keeps_the_dtype_or_refuses():
    for a, b in itertools.product(DTYPES, DTYPES):
        got = _dtype(lambda x, y: x.add_(y), _ours(a), _ours(b))
        expected = _dtype(lambda x, y: x.add_(y), _theirs(a), _theirs(b))
        assert got == expected, (a, b)
