"""Clipping of gradients, and parameters as a vector, against PyTorch."""

from __future__ import annotations

import math

import numpy as np
import pytest

import flambeau
from tests.oracle import assert_close, torch

SHAPES = [(3, 4), (5,), (), (2, 0)]


def parameters(lib, dtypes=("float32",) * 4, scale=1.0):
    rng = np.random.default_rng(3)
    made = []
    for shape, name in zip(SHAPES, dtypes, strict=True):
        array = np.asarray(rng.normal(size=shape) * scale)
        dtype = getattr(lib, name)
        p = lib.nn.Parameter(lib.tensor(array, dtype=dtype))
        p.grad = lib.tensor(array, dtype=dtype)
        made.append(p)
    made.append(lib.nn.Parameter(lib.ones(3)))  # never got a gradient
    return made


def check(call, dtypes=("float32",) * 4, scale=1.0, atol=1e-6):
    ours, theirs = parameters(flambeau, dtypes, scale), parameters(torch, dtypes, scale)
    grads = [p.grad for p in ours]
    a, b = call(flambeau.nn.utils, ours), call(torch.nn.utils, theirs)
    if b is not None:
        assert_close(a, b, atol=atol)
    for p, q, grad in zip(ours, theirs, grads, strict=True):
        assert p.grad is grad
        if q.grad is not None:
            assert_close(p.grad, q.grad, atol=atol)


@pytest.mark.parametrize("norm", [2.0, 1, 3.5, 0.5])
@pytest.mark.parametrize("limit", [0.5, 100.0])
def test_clip_grad_norm(norm, limit):
    check(lambda u, ps: u.clip_grad_norm_(ps, limit, norm), atol=1e-5)


def test_clip_grad_norm_of_the_largest():
    def call(utils, ps):
        return utils.clip_grad_norm_([p for p in ps if p.numel()], 0.3, math.inf)

    check(call)


@pytest.mark.parametrize(
    "dtypes",
    [("float64",) * 4, ("float32", "float64", "float32", "float32"), ("bfloat16",) * 4],
    ids=str,
)
def test_dtypes(dtypes):
    check(lambda u, ps: u.clip_grad_norm_(ps, 0.5), dtypes, atol=2e-2 if "b" in dtypes[0] else 1e-6)


def test_non_finite_norms():
    check(lambda u, ps: u.clip_grad_norm_(ps, 1.0), scale=math.inf)
    for lib in (torch, flambeau):
        ps = parameters(lib, scale=math.inf)
        with pytest.raises(RuntimeError, match="non-finite"):
            lib.nn.utils.clip_grad_norm_(ps, 1.0, error_if_nonfinite=True)


def test_nothing_to_clip():
    for lib in (torch, flambeau):
        assert lib.nn.utils.clip_grad_norm_([], 1.0).item() == 0
        assert lib.nn.utils.clip_grad_norm_(lib.nn.Parameter(lib.ones(2)), 1.0).item() == 0


def test_one_tensor_and_a_generator():
    check(lambda u, ps: u.clip_grad_norm_(ps[0], 0.1))
    check(lambda u, ps: u.clip_grad_norm_((p for p in ps), 0.1))


def test_clip_grad_value():
    check(lambda u, ps: u.clip_grad_value_(ps, 0.4))


def test_norm_and_scaling_apart():
    def call(utils, ps):
        total = utils.get_total_norm([p.grad for p in ps if p.grad is not None])
        utils.clip_grads_with_norm_(ps, 0.2, total)
        return total

    check(call)


def test_old_name():
    with pytest.warns(FutureWarning, match="clip_grad_norm_"):
        flambeau.nn.utils.clip_grad_norm(parameters(flambeau), 1.0)


def test_a_moving_limit_is_one_program():
    """The limit is an input: after the first steps nothing is compiled."""
    stats = flambeau._engine.program.stats
    ps = parameters(flambeau)
    counts = []
    for step in range(6):
        for p in ps[:4]:
            p.grad.copy_(p.detach() * (step + 1.0))
        flambeau.nn.utils.clip_grad_norm_(ps, 0.1 * (step + 1)).item()
        counts.append(stats.programs)
    assert counts[-1] == counts[2]


def test_parameters_as_a_vector():
    ours, theirs = parameters(flambeau), parameters(torch)
    a = flambeau.nn.utils.parameters_to_vector(ours)
    b = torch.nn.utils.parameters_to_vector(theirs)
    assert_close(a, b)
    (a * a).sum().backward()
    (b * b).sum().backward()
    for p, q in zip(ours, theirs, strict=True):
        assert_close(p.grad, q.grad)
    kept = list(ours)
    flambeau.nn.utils.vector_to_parameters(a * 2, ours)
    torch.nn.utils.vector_to_parameters(b * 2, theirs)
    for p, q, k in zip(ours, theirs, kept, strict=True):
        assert p is k
        assert p.requires_grad
        assert p.is_leaf
        assert_close(p, q)


def test_vector_errors():
    ps = [flambeau.nn.Parameter(flambeau.ones(3))]
    with pytest.raises(TypeError, match="expected torch"):
        flambeau.nn.utils.vector_to_parameters(3, ps)
    with pytest.raises(RuntimeError, match="2 elements"):
        flambeau.nn.utils.vector_to_parameters(flambeau.ones(2), ps)
    with pytest.raises(ValueError, match="non-empty"):
        flambeau.nn.utils.parameters_to_vector([])
