"""The text of a tensor against PyTorch's, on thousands of arrays nobody chose."""

from __future__ import annotations

import math

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import flambeau
from flambeau._tensor import printing
from flambeau._tensor.printing import PrintOptions, format_tensor, set_printoptions
from tests.oracle import torch

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
FLOATS = [np.dtype(np.float16), BFLOAT16, np.dtype(np.float32), np.dtype(np.float64)]
INTEGERS = [np.dtype(t) for t in ("bool", "uint8", "int8", "int16", "int32", "int64")]
COMPLEX = [np.dtype(t) for t in ("complex64", "complex128")]


@pytest.fixture(autouse=True)
def _restore_options():
    yield
    torch.set_printoptions(profile="default")
    set_printoptions(profile="default")


def to_torch(array: np.ndarray):
    if array.dtype == BFLOAT16:
        return torch.from_numpy(array.astype(np.float32)).to(torch.bfloat16)
    return torch.from_numpy(np.array(array))


def check(array: np.ndarray, **options):
    """Both libraries' text under the same options."""
    torch.set_printoptions(profile="default")
    torch.set_printoptions(**options)
    ours = format_tensor(array, options=PrintOptions(**options))
    assert ours == repr(to_torch(array))


SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=7)
LONG_SHAPES = hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=40)
# Whole numbers, numbers of one magnitude, and numbers of all magnitudes are written
# differently, so each kind is drawn as a whole array.
REALS = st.sampled_from(
    [
        st.integers(-20, 20).map(float),
        st.sampled_from([0.0, -0.0, 1.0, -1.0, 1e3, 1e4, 12345678.0, 1e8, 2e8]),
        st.floats(-10, 10, width=16),
        st.floats(2.0**-17, 2.0**-10, width=32),
        st.floats(90, 110, width=32),
        st.floats(width=16),
        st.floats(width=32),
        st.sampled_from([math.nan, math.inf, -math.inf, 0.0, 1.0, 0.5, -0.25]),
    ]
)


@st.composite
def real_arrays(draw, shapes=SHAPES):
    dtype = draw(st.sampled_from(FLOATS))
    values = draw(hnp.arrays(np.float64, draw(shapes), elements=draw(REALS)))
    with np.errstate(over="ignore"):
        return values.astype(dtype)


@st.composite
def complex_arrays(draw, shapes=SHAPES):
    shape = draw(shapes)
    real = draw(hnp.arrays(np.float64, shape, elements=draw(REALS)))
    imag = draw(hnp.arrays(np.float64, shape, elements=draw(REALS)))
    out = np.empty(shape, np.complex128)
    out.real, out.imag = real, imag
    with np.errstate(over="ignore"):
        return out.astype(draw(st.sampled_from(COMPLEX)))


@st.composite
def integer_arrays(draw, shapes=SHAPES):
    dtype = draw(st.sampled_from(INTEGERS))
    return draw(hnp.arrays(dtype, draw(shapes)))


OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "precision": st.integers(0, 8),
        "threshold": st.sampled_from([0, 3, 20, math.inf]),
        "edgeitems": st.integers(0, 4),
        "linewidth": st.integers(10, 130),
        "sci_mode": st.sampled_from([True, False]),
    },
)


@settings(max_examples=300)
@given(st.one_of(real_arrays(), complex_arrays(), integer_arrays()))
def test_text_under_default_options(array):
    check(array)


@settings(max_examples=60)
@given(
    st.one_of(real_arrays(LONG_SHAPES), complex_arrays(LONG_SHAPES), integer_arrays(LONG_SHAPES))
)
def test_text_of_long_arrays(array):
    check(array)
    check(array, threshold=30, edgeitems=2)


@settings(max_examples=300)
@given(st.one_of(real_arrays(), complex_arrays(), integer_arrays()), OPTIONS)
def test_text_under_any_options(array, options):
    check(array, **options)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(1001),
        np.arange(1002, dtype=np.float32).reshape(2, 501),
        np.zeros((1001, 1), np.float32),
        np.zeros((7, 11, 14), np.complex64),
        np.float32(1e-5),
        np.array(True),
        np.array(5, np.int8),
        np.zeros((2, 0, 3), np.complex64),
        np.zeros(0, np.int64),
        np.zeros(0, bool),
        np.array([5e-324]),
    ],
    ids=lambda a: f"{np.shape(a)}-{a.dtype}",
)
def test_text_of_chosen_arrays(array):
    check(np.asarray(array))


@pytest.mark.parametrize("size", [1, 4, 9, 10, 11, 12, 30])
@pytest.mark.parametrize("dtype", FLOATS + COMPLEX, ids=str)
def test_notes_break_the_line_where_pytorch_breaks_it(size, dtype):
    array = np.linspace(-1, 1, size).astype(dtype)
    theirs = to_torch(array).requires_grad_()
    assert format_tensor(array, requires_grad=True) == repr(theirs)
    assert format_tensor(array + dtype.type(1), grad_fn="AddBackward0") == repr(theirs + 1)


def test_default_dtype_goes_without_saying():
    torch.set_default_dtype(torch.float64)
    try:
        for dtype in FLOATS + COMPLEX + INTEGERS:
            for shape in ((2,), (0,)):
                array = np.zeros(shape, dtype)
                assert format_tensor(array, default_dtype="float64") == repr(to_torch(array))
    finally:
        torch.set_default_dtype(torch.float32)


def test_parameters():
    array = np.float32([[1, 2], [3, 4.5]])
    parameter = torch.nn.Parameter(to_torch(array))
    assert format_tensor(array, requires_grad=True, is_parameter=True) == repr(parameter)


@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0), (4, 5)])
@pytest.mark.parametrize("name", ["float32", "float64", "int64", "bool", "complex64"])
@pytest.mark.parametrize("grad", [False, True])
def test_meta_tensors_have_no_values(shape, name, grad):
    grad = grad and name.startswith("float")
    theirs = torch.empty(shape, dtype=getattr(torch, name), device="meta", requires_grad=grad)
    ours = format_tensor(None, shape=shape, dtype=np.dtype(name), device="meta", requires_grad=grad)
    assert ours == repr(theirs)


def test_other_devices_are_named():
    assert format_tensor(np.float32([1]), device="cuda:0") == "tensor([1.], device='cuda:0')"
    expected = "tensor([1.], device='tpu:1', dtype=torch.float64, requires_grad=True)"
    assert format_tensor(np.float64([1]), device="tpu:1", requires_grad=True) == expected


@pytest.mark.parametrize(
    "options",
    [
        {"precision": 2},
        {"profile": "short"},
        {"profile": "full"},
        {"profile": "short", "precision": 7},
        {"sci_mode": True},
        {"linewidth": 40, "threshold": 5, "edgeitems": 1},
    ],
    ids=str,
)
def test_set_printoptions(options):
    torch.set_printoptions(**options)
    set_printoptions(**options)
    assert printing.get_printoptions() == torch._tensor_str.get_printoptions()
    array = np.linspace(0, 1, 1100).astype(np.float32)
    assert format_tensor(array) == repr(to_torch(array))
    # sci_mode is the one option that leaving out resets.
    torch.set_printoptions(edgeitems=4)
    set_printoptions(edgeitems=4)
    assert printing.get_printoptions() == torch._tensor_str.get_printoptions()


def test_printoptions_restores():
    with printing.printoptions(precision=1, sci_mode=True):
        assert format_tensor(np.float32([0.5])) == "tensor([5.0e-01])"
    assert format_tensor(np.float32([0.5])) == "tensor([0.5000])"


def test_unknown_profile():
    with pytest.raises(ValueError, match="'default', 'full', 'short'"):
        set_printoptions(profile="loud")


# Through Tensor ----------------------------------------------------------------------

PROGRAMS = [
    "torch.tensor([[1.0, 2.5], [3.0, -4.0]])",
    "torch.tensor([[1.0, 2.5], [3.0, -4.0]], requires_grad=True)",
    "torch.ones(2, requires_grad=True) + 1",
    "torch.ones(3, requires_grad=True).double() * 2",
    "torch.ones(3, 3, requires_grad=True).sum()",
    "torch.ones(2, requires_grad=True).exp()",
    "torch.ones(2, 2, requires_grad=True) @ torch.ones(2, 2)",
    "torch.ones(2, 2, requires_grad=True).mean()",
    "-torch.ones(2, requires_grad=True)",
    "torch.ones(2, requires_grad=True) / 3",
    "torch.ones(2, requires_grad=True) - 3",
    "torch.ones(2, requires_grad=True) ** 2",
    "torch.ones(2, requires_grad=True).relu()",
    "torch.ones(2, requires_grad=True).clone()",
    "torch.ones(2, requires_grad=True).detach()",
    "torch.ones(2, 3, requires_grad=True).transpose(0, 1)",
    "torch.ones(2, 3, requires_grad=True).view(3, 2)",
    "torch.ones(2, 3, requires_grad=True)[0]",
    "torch.ones(2, dtype=torch.float64, device='meta')",
    "torch.nn.Parameter(torch.tensor([[1.0, 2], [3, 4]]))",
    "torch.nn.Parameter(torch.ones(2), requires_grad=False)",
    "[torch.tensor(1), torch.tensor([2.5])]",
    "{'loss': torch.tensor(0.25)}",
    "torch.arange(2000).reshape(40, 50)",
    "torch.Size([3, 4])",
    "torch.float32",
    "torch.device('cpu')",
    "f'{torch.tensor(1.23456):.2f} {torch.tensor(7)} {torch.tensor([1.0])}'",
    "'{:>8.3f}|{:5d}'.format(torch.tensor(2.5), torch.tensor(42))",
    "'%.3f %d %s' % (torch.tensor(2.5), torch.tensor(42), torch.tensor(True))",
    "str(torch.tensor([0.1], dtype=torch.bfloat16))",
    "torch.tensor([1 + 1j]).real",
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_tensors_print_alike(program):
    ours, theirs = (eval(program, {"torch": lib}) for lib in (flambeau, torch))
    assert repr(ours) == repr(theirs)
    assert str(ours) == str(theirs)


@pytest.mark.parametrize(
    "program", ["f'{torch.ones(2):.2f}'", "f'{torch.nn.Parameter(torch.ones(())):.2f}'"]
)
def test_formats_for_one_number_only(program):
    for lib in (flambeau, torch):
        with pytest.raises(TypeError, match="unsupported format string"):
            eval(program, {"torch": lib})


def test_options_reach_tensors():
    for lib in (flambeau, torch):
        lib.set_printoptions(precision=2, linewidth=30, threshold=4, edgeitems=1)
    assert repr(flambeau.arange(6.0) / 7) == repr(torch.arange(6.0) / 7)
