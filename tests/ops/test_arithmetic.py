"""Arithmetic rows against PyTorch."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import pytest

from flambeau._ops import arithmetic as rows
from tests.ops._compare import check, torch

FLOATS = (torch.float32, torch.float64)
SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, 7.25, -7.25, 100.0]


def sample(dtype, values=SPECIAL, roll=0):
    return torch.tensor(values, dtype=torch.float64).roll(roll).to(dtype)


def complex_sample(dtype=torch.complex128, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(5, 3, dtype=dtype, generator=generator)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(
    "name",
    [
        "abs",
        "sign",
        "sgn",
        "square",
        "ceil",
        "floor",
        "trunc",
        "frac",
        "round",
        "neg",
        "positive",
        "deg2rad",
        "rad2deg",
        "angle",
        "frexp",
    ],
)
def test_unary(name, dtype):
    row = getattr(rows, name, None) or getattr(rows, name + "_")
    check(row, getattr(torch, name), sample(dtype))


@pytest.mark.parametrize("name", ["sqrt", "rsqrt", "reciprocal"])
@pytest.mark.parametrize("dtype", FLOATS)
def test_positive_domain(name, dtype):
    check(getattr(rows, name), getattr(torch, name), sample(dtype, [0.25, 1.0, 3.0, 1e4]))


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.uint8])
@pytest.mark.parametrize("name", ["abs", "sign", "ceil", "floor", "trunc", "square", "neg"])
def test_unary_integers(name, dtype):
    row = getattr(rows, name, None) or getattr(rows, name + "_")
    check(row, getattr(torch, name), torch.tensor([0, 1, 5, 100]).to(dtype))


@pytest.mark.parametrize(
    "name", ["abs", "sgn", "square", "sqrt", "rsqrt", "reciprocal", "neg", "angle"]
)
def test_unary_complex(name):
    row = getattr(rows, name, None) or getattr(rows, name + "_")
    check(row, getattr(torch, name), complex_sample())


@pytest.mark.parametrize("decimals", [0, 1, 3, -1, -2])
def test_round_decimals(decimals):
    values = sample(torch.float64, [0.25, 0.35, 125.0, -135.55, 1234.5678])
    check(rows.round_, torch.round, values, decimals=decimals)


BINARY = {
    "add": rows.add,
    "sub": rows.sub,
    "mul": rows.mul,
    "remainder": rows.remainder,
    "fmod": rows.fmod,
    "maximum": rows.maximum,
    "minimum": rows.minimum,
    "fmax": rows.fmax,
    "fmin": rows.fmin,
    "copysign": rows.copysign,
    "logaddexp": rows.logaddexp,
    "logaddexp2": rows.logaddexp2,
    "atan2": rows.atan2,
    "hypot": rows.hypot,
    "nextafter": rows.nextafter,
    "heaviside": rows.heaviside,
    "ldexp": rows.ldexp,
}


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", BINARY)
def test_binary(name, dtype):
    a = sample(dtype, [0.5, -0.5, 1.5, 2.5, -2.5, 7.25, -7.25, 3.0])
    b = sample(dtype, [0.5, 1.0, -1.5, 0.7, 0.7, -3.0, 2.0, 3.0])
    grad = name not in ("nextafter", "heaviside")
    check(BINARY[name], getattr(torch, name), a, b, grad=grad)
    check(BINARY[name], getattr(torch, name), a.reshape(4, 2), b[:2], grad=grad)


@pytest.mark.parametrize("mode", ["floor", "trunc"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.int64, torch.int32])
def test_rounded_division(mode, dtype):
    a = torch.tensor([7, -7, 7, -7, 0, 9]).to(dtype)
    b = torch.tensor([2, 2, -2, -2, 3, 3]).to(dtype)
    row = rows.floor_divide if mode == "floor" else rows.trunc_divide
    check(row, lambda x, y: torch.div(x, y, rounding_mode=mode), a, b)


def test_floor_division_by_zero_is_infinite():
    a = torch.tensor([1.0, -1.0, 0.0])
    check(rows.floor_divide, torch.floor_divide, a, torch.zeros(3), grad=False)


@pytest.mark.parametrize("name", ["remainder", "fmod"])
def test_remainder_of_special_values(name):
    a = torch.tensor([float("inf"), 1.0, float("nan"), -0.0, 5.0, -5.0])
    b = torch.tensor([1.0, 0.0, 1.0, 1.0, float("inf"), float("inf")])
    check(BINARY[name], getattr(torch, name), a, b, grad=False)


@pytest.mark.parametrize("name", ["maximum", "minimum", "fmax", "fmin"])
def test_extremes_and_nan(name):
    nan = float("nan")
    a, b = torch.tensor([1.0, nan, 2.0, nan]), torch.tensor([nan, 1.0, 2.0, nan])
    check(BINARY[name], getattr(torch, name), a, b, grad=False)
    check(BINARY[name], getattr(torch, name), a[2:3], b[2:3])


@pytest.mark.parametrize("dtype", [torch.int64, torch.int16, torch.bool])
@pytest.mark.parametrize("name", ["add", "mul", "maximum", "minimum"])
def test_binary_integers(name, dtype):
    a, b = torch.tensor([0, 1, 5, 0]).to(dtype), torch.tensor([1, 1, 3, 0]).to(dtype)
    check(BINARY[name], getattr(torch, name), a, b)


@pytest.mark.parametrize("name", ["gcd", "lcm"])
def test_common_divisors(name):
    a, b = torch.tensor([12, -12, 0, 7]), torch.tensor([18, 18, 5, -21])
    check(getattr(rows, name), getattr(torch, name), a, b)


def test_alpha_scales_the_second():
    a, b = sample(torch.float64), sample(torch.float64, roll=3)
    check(rows.add_scaled, torch.add, a, b, alpha=2.5)
    check(rows.sub_scaled, torch.sub, a, b, alpha=2.5)
    check(rows.rsub, torch.rsub, a, b)


def test_pow_of_tensors():
    base = torch.tensor([0.5, 2.0, 3.0, 0.0, 0.0, -2.0], dtype=torch.float64)
    power = torch.tensor([2.0, -1.5, 0.0, 2.0, 0.0, 3.0], dtype=torch.float64)
    check(lambda x: rows.pow_(x, jnp.asarray(power.numpy())), lambda x: torch.pow(x, power), base)
    positive = torch.tensor([0.5, 2.0, 3.0], dtype=torch.float64)
    check(rows.pow_, torch.pow, positive, power[:3])
    check(rows.pow_, torch.pow, complex_sample(), complex_sample(seed=1))


def test_pow_of_integers():
    base = torch.tensor([2, -3, 1, -1, 0, -1])
    power = torch.tensor([5, 3, -2, -3, 0, -2])
    check(rows.pow_, torch.pow, base, power)


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, -1, -2, 0.5, -0.5, 1.7, 7, 20])
def test_pow_scalar(exponent):
    base = torch.tensor([0.5, 2.0, 3.25], dtype=torch.float64)
    check(lambda x: rows.pow_scalar(x, exponent), lambda x: x**exponent, base)
    check(lambda x: rows.pow_scalar(x, exponent), lambda x: x**exponent, complex_sample())


def test_pow_scalar_has_no_derivative_trouble_at_zero():
    zero = torch.zeros(2, dtype=torch.float64)
    for exponent in (0, 1, 2, 3, 2.5):
        check(lambda x, e=exponent: rows.pow_scalar(x, e), lambda x, e=exponent: x**e, zero)


def test_xlogy():
    a = torch.tensor([0.0, 0.0, 0.0, 1.0, 2.0], dtype=torch.float64)
    b = torch.tensor([2.0, float("nan"), float("inf"), 3.0, 0.5], dtype=torch.float64)
    check(rows.xlogy, torch.xlogy, a, b, grad=False)
    check(rows.xlog1py, torch.special.xlog1py, a, b, grad=False)
    check(rows.xlogy, torch.xlogy, a[3:], b[3:])
    check(rows.xlog1py, torch.special.xlog1py, a[3:], b[3:])
    assert rows.xlogy(jnp.zeros(1), jnp.zeros(1)) == 0


def test_clamp_passes_the_gradient_at_its_bounds():
    x = torch.tensor([-2.0, -1.0, 0.0, 1.0, 2.0], dtype=torch.float64)
    low, high = torch.full_like(x, -1), torch.full_like(x, 1)
    check(rows.clamp, torch.clamp, x, low, high)
    check(rows.clamp_min, lambda a, b: torch.clamp(a, min=b), x, low)
    check(rows.clamp_max, lambda a, b: torch.clamp(a, max=b), x, high)
    check(rows.clamp, torch.clamp, x, high, low)


def test_addcmul_addcdiv_lerp():
    a, b, c = (sample(torch.float64, [0.5, -2.0, 3.0], roll=r) for r in range(3))
    check(rows.addcmul, torch.addcmul, a, b, c, value=0.5)
    check(rows.addcdiv, torch.addcdiv, a, b, c, value=0.5)
    check(rows.addcmul, torch.addcmul, a, b, c)
    check(rows.lerp, torch.lerp, a, b, torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64))


def test_nan_to_num():
    inf = float("inf")
    x = torch.tensor([1.0, float("nan"), inf, -inf], dtype=torch.float64)
    check(rows.nan_to_num, torch.nan_to_num, x)
    check(rows.nan_to_num, torch.nan_to_num, x, nan=2.0, posinf=3.0, neginf=-4.0)


def test_complex_builders():
    a, b = sample(torch.float64), sample(torch.float64, roll=1)
    check(rows.complex_, torch.complex, a, b)
    check(rows.polar, torch.polar, sample(torch.float64, [0.5, 1.0, 3.0]), b[:3])
    check(rows.conj, lambda x: torch.conj(x).resolve_conj(), complex_sample())


def test_refusals():
    flags = jnp.array([True, False])
    for call in (
        lambda: rows.sub(flags, flags),
        lambda: rows.neg(flags),
        lambda: rows.addcdiv(*[jnp.arange(2)] * 3),
        lambda: rows.sign(jnp.zeros(1, jnp.complex64)),
        lambda: rows.frexp(jnp.arange(2)),
        lambda: rows.complex_(jnp.zeros(1), jnp.zeros(1, jnp.float16)),
    ):
        with pytest.raises(RuntimeError):
            call()


def test_second_derivatives():
    with jax.enable_x64(True):
        for row in (rows.abs_, rows.square, rows.sqrt, rows.rsqrt, rows.reciprocal, rows.frac):
            second = jax.grad(jax.grad(lambda x, r=row: r(x).sum()))(1.75)
            x = torch.tensor(1.75, dtype=torch.float64, requires_grad=True)
            name = row.__name__
            (first,) = torch.autograd.grad(getattr(torch, name)(x), x, create_graph=True)
            expected = torch.autograd.grad(first, x)[0] if first.requires_grad else torch.zeros(())
            assert second == pytest.approx(float(expected), rel=1e-10), name
