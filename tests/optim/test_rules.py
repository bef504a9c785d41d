"""The update rules by themselves: 20 steps on arrays against torch.optim."""

from __future__ import annotations

import functools

import jax
import numpy as np
import pytest

from flambeau.optim._adafactor import adafactor_rule
from flambeau.optim._muon import muon_rule
from flambeau.optim._rules import guarded
from flambeau.optim.adadelta import adadelta_rule
from flambeau.optim.adagrad import adagrad_rule
from flambeau.optim.adam import adam_rule
from flambeau.optim.adamax import adamax_rule
from flambeau.optim.asgd import asgd_rule
from flambeau.optim.nadam import nadam_rule
from flambeau.optim.radam import radam_rule
from flambeau.optim.rmsprop import rmsprop_rule
from flambeau.optim.rprop import rprop_rule
from flambeau.optim.sgd import sgd_rule
from tests.oracle import torch

STEPS = 20
ADAM = {"lr": 1e-2, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}
ADAM_FLAGS = {"amsgrad": False, "decay": False, "decoupled": False, "maximize": False}
FLAGS = {"decay": False, "maximize": False}
SGD_FLAGS = {"momentum": False, "first": False, "nesterov": False, **FLAGS}


def _case(name, rule, cls, kwargs, hyper, static, state, scalars=("step",), starts=None):
    return pytest.param(
        rule, cls, kwargs, hyper, static, state, scalars, starts or {}, id=f"{cls}-{name}"
    )


CASES = [
    _case("plain", sgd_rule, "SGD", {"lr": 0.1}, {"lr": 0.1}, SGD_FLAGS, (), ()),
    _case(
        "momentum",
        sgd_rule,
        "SGD",
        {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
        {"lr": 0.1, "momentum": 0.9, "dampening": 0.0, "weight_decay": 0.1},
        {**SGD_FLAGS, "momentum": True, "nesterov": True, "decay": True},
        ("momentum_buffer",),
        (),
    ),
    _case("plain", adam_rule, "Adam", {"lr": 1e-2}, ADAM, ADAM_FLAGS, ("exp_avg", "exp_avg_sq")),
    _case(
        "amsgrad-decay-maximize",
        adam_rule,
        "Adam",
        {"lr": 1e-2, "amsgrad": True, "weight_decay": 0.1, "maximize": True},
        {**ADAM, "weight_decay": 0.1},
        {**ADAM_FLAGS, "amsgrad": True, "decay": True, "maximize": True},
        ("exp_avg", "exp_avg_sq", "max_exp_avg_sq"),
    ),
    _case(
        "decoupled",
        adam_rule,
        "AdamW",
        {"lr": 1e-2, "weight_decay": 0.1},
        {**ADAM, "weight_decay": 0.1},
        {**ADAM_FLAGS, "decay": True, "decoupled": True},
        ("exp_avg", "exp_avg_sq"),
    ),
    _case(
        "centered-momentum",
        rmsprop_rule,
        "RMSprop",
        {"lr": 1e-2, "momentum": 0.9, "centered": True, "weight_decay": 0.1},
        {"lr": 1e-2, "alpha": 0.99, "eps": 1e-8, "momentum": 0.9, "weight_decay": 0.1},
        {"momentum": True, "centered": True, "decay": True, "maximize": False},
        ("square_avg", "momentum_buffer", "grad_avg"),
    ),
    _case(
        "decay",
        adagrad_rule,
        "Adagrad",
        {"lr": 0.1, "lr_decay": 0.5, "weight_decay": 0.1, "initial_accumulator_value": 0.1},
        {"lr": 0.1, "lr_decay": 0.5, "eps": 1e-10, "weight_decay": 0.1},
        {"decay": True, "maximize": False},
        ("sum",),
        starts={"sum": 0.1},
    ),
    _case(
        "plain",
        adadelta_rule,
        "Adadelta",
        {"rho": 0.95},
        {"lr": 1.0, "rho": 0.95, "eps": 1e-6},
        FLAGS,
        ("square_avg", "acc_delta"),
    ),
    _case("plain", adamax_rule, "Adamax", {"lr": 1e-2}, ADAM, FLAGS, ("exp_avg", "exp_inf")),
    _case(
        "decoupled",
        nadam_rule,
        "NAdam",
        {"lr": 1e-2, "weight_decay": 0.1, "decoupled_weight_decay": True},
        {**ADAM, "weight_decay": 0.1, "momentum_decay": 4e-3},
        {"decay": True, "decoupled": True, "maximize": False},
        ("exp_avg", "exp_avg_sq"),
        ("step", "mu_product"),
        {"mu_product": 1.0},
    ),
    _case(
        "rectifies-within-the-run",
        radam_rule,
        "RAdam",
        {"lr": 1e-2, "weight_decay": 0.1},
        {**ADAM, "weight_decay": 0.1},
        {"decay": True, "decoupled": False, "maximize": False},
        ("exp_avg", "exp_avg_sq"),
    ),
    _case(
        "averages-within-the-run",
        asgd_rule,
        "ASGD",
        {"lr": 0.1, "t0": 5, "weight_decay": 0.1},
        {"lr": 0.1, "lambd": 1e-4, "alpha": 0.75, "t0": 5, "weight_decay": 0.1},
        {"decay": True, "maximize": False},
        ("ax",),
        ("step", "eta", "mu"),
        {"eta": 0.1, "mu": 1.0},
    ),
    _case(
        "plain",
        rprop_rule,
        "Rprop",
        {"lr": 0.05},
        {"down": 0.5, "up": 1.2, "least": 1e-6, "most": 50},
        {"maximize": False},
        ("prev", "step_size"),
        starts={"step_size": 0.05},
    ),
]


def _gradients(dtype: str) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    out = [rng.standard_normal((4, 3)) for _ in range(STEPS)]
    if dtype == "complex128":
        out = [g + 1j * rng.standard_normal((4, 3)) for g in out]
    return [g.astype(dtype) for g in out]


def _oracle(cls, kwargs, start, gradients):
    param = torch.nn.Parameter(torch.from_numpy(start.copy()))
    optimizer = getattr(torch.optim, cls)([param], **kwargs)
    path = []
    for grad in gradients:
        param.grad = torch.from_numpy(grad.copy())
        optimizer.step()
        path.append(param.detach().numpy().copy())
    return path, optimizer.state[param]


def _run(rule, start, gradients, hyper, static, state):
    with jax.enable_x64(True):
        step = jax.jit(functools.partial(rule, **static))
        hyper = {name: np.float64(value) for name, value in hyper.items()}
        param, path = start, []
        for grad in gradients:
            param, state = step(param, grad, state, hyper)
            path.append(np.asarray(param))
        return path, {name: np.asarray(value) for name, value in state.items()}


def _start_state(start, names, scalars, starts):
    state = {name: np.float32(starts.get(name, 0)) for name in scalars}
    for name in names:
        value = starts.get(name, 0.0)
        if np.iscomplexobj(start):
            value = complex(value, value)
        state[name] = np.full(start.shape, value, start.dtype)
    return state


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
@pytest.mark.parametrize(
    ("rule", "cls", "kwargs", "hyper", "static", "names", "scalars", "starts"), CASES
)
def test_twenty_steps_are_torch_s(rule, cls, kwargs, hyper, static, names, scalars, starts, dtype):
    gradients = _gradients(dtype)
    start = _gradients(dtype)[7]
    want, want_state = _oracle(cls, kwargs, start, gradients)
    state = _start_state(start, names, scalars, starts)
    got, got_state = _run(rule, start, gradients, hyper, static, state)
    rtol, atol = (2e-5, 2e-6) if dtype == "float32" else (1e-7, 1e-8)
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)
    assert set(got_state) == set(want_state)
    for name, value in got_state.items():
        assert value.dtype == want_state[name].numpy().dtype
        np.testing.assert_allclose(
            value, want_state[name].numpy(), rtol=rtol, atol=atol, err_msg=name
        )


def test_sgd_s_first_step_is_not_damped():
    gradients, start = _gradients("float64"), _gradients("float64")[3]
    kwargs = {"lr": 0.1, "momentum": 0.9, "dampening": 0.5}
    want, _ = _oracle("SGD", kwargs, start, gradients)
    hyper = {"lr": 0.1, "momentum": 0.9, "dampening": 0.5}
    static = {**SGD_FLAGS, "momentum": True}
    state = {"momentum_buffer": np.zeros_like(start)}
    first, state = _run(sgd_rule, start, gradients[:1], hyper, {**static, "first": True}, state)
    rest, _ = _run(sgd_rule, first[0], gradients[1:], hyper, static, state)
    np.testing.assert_allclose([*first, *rest], want, rtol=1e-12)


@pytest.mark.parametrize("shape", [(6,), (4, 3), (2, 3, 4)])
@pytest.mark.parametrize("eps1", [None, 1e-4])
def test_adafactor(shape, eps1):
    rng = np.random.default_rng(0)
    gradients = [rng.standard_normal(shape) for _ in range(STEPS)]
    start = rng.standard_normal(shape)
    kwargs = {"lr": 0.1, "weight_decay": 0.1, "eps": (eps1, 1e-3), "maximize": True}
    want, want_state = _oracle("Adafactor", kwargs, start, gradients)
    hyper = {"lr": 0.1, "beta2_decay": -0.8, "eps2": 1e-3, "d": 1.0, "weight_decay": 0.1}
    if eps1 is not None:
        hyper["eps1"] = eps1
    state = {name: np.zeros_like(value.numpy()) for name, value in want_state.items()}
    static = {"decay": True, "maximize": True}
    got, got_state = _run(adafactor_rule, start, gradients, hyper, static, state)
    np.testing.assert_allclose(got, want, rtol=1e-9)
    for name, value in got_state.items():
        np.testing.assert_allclose(value, want_state[name].numpy(), rtol=1e-9)


@pytest.mark.parametrize("shape", [(4, 6), (6, 4)])
@pytest.mark.parametrize("adjust", [None, "match_rms_adamw"])
def test_muon(shape, adjust):
    rng = np.random.default_rng(0)
    gradients = [rng.standard_normal(shape).astype("float32") for _ in range(STEPS)]
    start = rng.standard_normal(shape).astype("float32")
    kwargs = {"lr": 0.02, "adjust_lr_fn": adjust, "nesterov": shape == (4, 6)}
    want, want_state = _oracle("Muon", kwargs, start, gradients)
    hyper = {"lr": 0.02, "weight_decay": 0.1, "momentum": 0.95}
    static = {
        "nesterov": shape == (4, 6),
        "coefficients": (3.4445, -4.7750, 2.0315),
        "eps": 1e-7,
        "steps": 5,
        "adjust": adjust,
    }
    state = {"momentum_buffer": np.zeros_like(start)}
    got, got_state = _run(muon_rule, start, gradients, hyper, static, state)
    # Orthogonalised in bfloat16, 8 bits: each step of about lr may be off by some of them.
    np.testing.assert_allclose(got, want, atol=20 * 0.02 * 2**-6)
    np.testing.assert_allclose(
        got_state["momentum_buffer"], want_state["momentum_buffer"].numpy(), rtol=1e-5, atol=1e-7
    )


def test_half_precision_computes_in_float32():
    start = np.ones((2, 2), jax.numpy.bfloat16)
    state = {
        "step": np.float32(0),
        "exp_avg": np.zeros_like(start),
        "exp_avg_sq": np.zeros_like(start),
    }
    grad = np.full((2, 2), 0.5, jax.numpy.bfloat16)
    path, state = _run(adam_rule, start, [grad], ADAM, ADAM_FLAGS, state)
    assert path[0].dtype == jax.numpy.bfloat16
    np.testing.assert_allclose(path[0].astype("float32"), 0.99, atol=2**-8)
    np.testing.assert_allclose(state["exp_avg_sq"].astype("float32"), 0.25e-3, rtol=2**-8)


def test_guarded_leaves_everything_where_the_gradient_overflowed():
    start, grad = np.ones(3), np.array([1.0, np.inf, np.nan])
    state = {"step": np.float32(4), "exp_avg": np.ones(3), "exp_avg_sq": np.ones(3)}
    hyper = {**ADAM, "found_inf": 1.0}
    path, after = _run(guarded(adam_rule), start, [grad], hyper, ADAM_FLAGS, state)
    np.testing.assert_array_equal(path[0], start)
    for name, value in after.items():
        np.testing.assert_array_equal(value, state[name])
    path, after = _run(
        guarded(adam_rule), start, [np.ones(3)], {**ADAM, "found_inf": 0.0}, ADAM_FLAGS, state
    )
    assert (path[0] != start).all()
    assert after["step"] == 5
