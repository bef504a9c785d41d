"""Fourier transforms against torch."""

import numpy as np
import pytest

from flambeau._ops import fft as rows
from tests.ops.against_torch import array, check
from tests.oracle import torch

REAL = array(3, 4)
COMPLEX = array(3, 4, dtype="complex128")


@pytest.mark.parametrize("norm", [None, "ortho", "forward"])
@pytest.mark.parametrize("name", ["fft", "ifft", "irfft", "hfft"])
def test_complex_in(name, norm):
    row, oracle = getattr(rows, name), getattr(torch.fft, name)
    check(row, oracle, COMPLEX, None, 0, norm, rtol=1e-8)
    check(row, oracle, COMPLEX, 5, -1, norm, rtol=1e-8)


@pytest.mark.parametrize("norm", [None, "ortho"])
@pytest.mark.parametrize("name", ["fft", "rfft", "ihfft"])
def test_real_in(name, norm):
    check(getattr(rows, name), getattr(torch.fft, name), REAL, 3, 1, norm, rtol=1e-8)


@pytest.mark.parametrize("name", ["fft2", "ifftn", "irfft2", "hfftn", "irfftn"])
def test_several_dimensions(name):
    check(getattr(rows, name), getattr(torch.fft, name), COMPLEX, rtol=1e-8)
    check(getattr(rows, name), getattr(torch.fft, name), COMPLEX, (4, 3), (0, 1), rtol=1e-8)


@pytest.mark.parametrize("name", ["rfft2", "rfftn", "ihfftn"])
def test_several_dimensions_of_reals(name):
    check(getattr(rows, name), getattr(torch.fft, name), REAL, rtol=1e-8)


@pytest.mark.parametrize("name", ["fftshift", "ifftshift"])
def test_shifts(name):
    check(getattr(rows, name), getattr(torch.fft, name), REAL)
    check(getattr(rows, name), getattr(torch.fft, name), REAL, (1,))


@pytest.mark.parametrize("name", ["fftfreq", "rfftfreq"])
def test_frequencies(name):
    ours = getattr(rows, name)(5, 0.5, dtype=np.dtype("float32"))
    np.testing.assert_array_equal(ours, getattr(torch.fft, name)(5, 0.5))


def test_errors_are_torchs():
    for call in (
        lambda m, x: m.fft(x, 0),
        lambda m, x: m.fft(x, None, 0, "none"),
        lambda m, x: m.fftn(x, None, (0, 0)),
    ):
        with pytest.raises(RuntimeError):
            call(torch.fft, torch.from_numpy(REAL))
        with pytest.raises(RuntimeError):
            call(rows, REAL)
    with pytest.raises(RuntimeError):
        rows.rfft(COMPLEX)
