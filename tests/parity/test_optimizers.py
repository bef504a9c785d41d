"""Every entry and every argument set of torch's ``optim_db``, 20 steps each.

The parameters are equal after each step, the state dicts have the same structure and go both
ways in mid-run, and what torch lists as an error is the same error here.
"""

from __future__ import annotations

import copy
import types
import warnings

import numpy as np
import pytest

import flambeau
from flambeau import optim
from tests.optim.common import Twins, assert_same_state, converted
from tests.oracle import torch

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch.testing._internal.common_optimizers import OptimizerErrorEnum, optim_db

STEPS = 20
INFOS = {info.name: info for info in optim_db}
# What torch runs on CUDA only; the arguments are accepted here, and mean the same, on CPU.
ELSEWHERE = ("capturable",)
# Muon orthogonalises in bfloat16, where a different order of summation shows.
COARSE = {"Muon": (1e-2, 2e-3)}


def _sets(name):
    info = INFOS[name]
    seen, out = set(), []
    for device in ("cpu", "cuda"):
        for given in info.optim_inputs_func(device):
            key = repr(sorted(given.kwargs.items(), key=str))
            if key not in seen:
                seen.add(key)
                out.append(given)
    return out


def _cases():
    for name in INFOS:
        if name in ("SparseAdam", "LBFGS"):
            continue  # sparse gradients do not exist here; a closure has its own test below
        for at, given in enumerate(_sets(name)):
            yield pytest.param(name, at, id=f"{name}-{given.desc or 'default'}")


def _twins(name, dtype):
    return Twins(((4, 3),) if name == "Muon" else ((4, 3), (5,)), dtype)


def _pair(name, twins, kwargs):
    ours = getattr(optim, name)(twins.ours, **converted(kwargs, flambeau))
    known = {k: copy.deepcopy(v) for k, v in kwargs.items() if k not in ELSEWHERE}
    return ours, getattr(torch.optim, name)(twins.theirs, **known)


def _forget(saved):
    for group in saved["param_groups"]:
        for key in ELSEWHERE:
            group.pop(key, None)
    return saved


def _run(name, twins, pair, steps):
    tolerance = COARSE.get(name, {"float32": (1e-4, 1e-5)}.get(twins.dtype, (1e-6, 1e-7)))
    for _ in range(steps):
        twins.give_gradients()
        for optimizer in pair:
            optimizer.step()
        twins.assert_same(*tolerance)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
@pytest.mark.parametrize(("name", "at"), list(_cases()))
def test_twenty_steps_and_a_swap_of_state_in_mid_run(name, at, dtype):
    if dtype.startswith("complex") and not INFOS[name].supports_complex:
        pytest.skip("torch has no complex parameters for it either")
    kwargs = _sets(name)[at].kwargs
    twins = _twins(name, dtype)
    pair = _pair(name, twins, kwargs)
    _run(name, twins, pair, STEPS // 2)
    tolerance = COARSE.get(name, (1e-4, 1e-5))
    ours, theirs = (_forget(optimizer.state_dict()) for optimizer in pair)
    assert_same_state(ours, theirs, *tolerance)
    pair = _pair(name, twins, kwargs)
    pair[0].load_state_dict(converted(theirs, flambeau))
    pair[1].load_state_dict(converted(ours, torch))
    _run(name, twins, pair, STEPS // 2)
    assert_same_state(*(_forget(optimizer.state_dict()) for optimizer in pair), *tolerance)


@pytest.mark.parametrize(("name", "at"), list(_cases()))
def test_a_resumed_run_is_an_uninterrupted_one(name, at):
    kwargs = converted(_sets(name)[at].kwargs, flambeau)
    # In float64, loading rounds ASGD's and NAdam's float32 scalars another way, as in torch.
    whole, parts = _twins(name, "float32"), _twins(name, "float32")
    make = getattr(optim, name)

    def advance(twins, optimizer, steps):
        for _ in range(steps):
            twins.give_gradients()
            optimizer.step()

    first = make(whole.ours, **copy.deepcopy(kwargs))
    advance(whole, first, STEPS)
    second = make(parts.ours, **copy.deepcopy(kwargs))
    advance(parts, second, STEPS // 2)
    saved = copy.deepcopy(second.state_dict())
    third = make(parts.ours, **copy.deepcopy(kwargs))
    third.load_state_dict(saved)
    advance(parts, third, STEPS // 2)
    for a, b in zip(whole.ours, parts.ours, strict=True):
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())


@pytest.mark.parametrize("flag", ["foreach", "fused"])
@pytest.mark.parametrize("name", [n for n, i in INFOS.items() if i.supported_impls])
def test_flags_of_implementation_change_nothing(name, flag):
    if flag not in INFOS[name].supported_impls:
        pytest.skip("torch does not take the flag either")
    twins = _twins(name, "float32")
    pair = _pair(name, twins, {flag: True})
    _run(name, twins, pair, 5)
    assert_same_state(*(_forget(optimizer.state_dict()) for optimizer in pair), 1e-4, 1e-5)


def _errors():
    for name, info in INFOS.items():
        for at, _ in enumerate(info.optim_error_inputs_func("cpu", torch.float32)):
            yield pytest.param(name, at, id=f"{name}-{at}")


def _any_sparse(value):
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, (list, tuple)):
        return isinstance(value, torch.Tensor) and value.is_sparse
    return any(_any_sparse(item) for item in value)


def _ours(value):
    """The same arguments with our tensors; one torch tensor stays one tensor of ours."""
    memo: dict[int, object] = {}

    def swap(x):
        if isinstance(x, torch.Tensor):
            if id(x) not in memo:
                t = converted(x.detach(), flambeau)
                memo[id(x)] = t.requires_grad_() if x.requires_grad else t
            return memo[id(x)]
        if isinstance(x, dict):
            return {k: swap(v) for k, v in x.items()}
        return type(x)(swap(v) for v in x) if isinstance(x, (list, tuple)) else x

    return swap(value)


@pytest.mark.parametrize(("name", "at"), list(_errors()))
def test_what_torch_refuses(name, at):
    listed = INFOS[name].optim_error_inputs_func("cpu", torch.float32)[at]
    given = listed.optimizer_error_input
    if _any_sparse(given.params):
        pytest.skip("sparse tensors do not exist here")
    params = _ours(given.params)
    if params is None:
        params = [flambeau.tensor([[1.0, 2.0]]).requires_grad_()]
    make = getattr(optim, name)
    if listed.error_type is UserWarning:
        with pytest.warns(UserWarning, match=listed.error_regex):
            make(params, **_ours(given.kwargs))
        return
    if listed.error_on is OptimizerErrorEnum.CONSTRUCTION_ERROR:
        with pytest.raises(listed.error_type, match=listed.error_regex):
            make(params, **_ours(given.kwargs))
        return
    optimizer = make(params, **_ours(given.kwargs))
    for p in optimizer.param_groups[0]["params"]:
        p.requires_grad_()  # torch's are plain tensors; one that is frozen is skipped here
        p.grad = p.detach().clone()
    with pytest.raises(listed.error_type, match=listed.error_regex):
        optimizer.step()


def _with_our_schedulers(make):
    names = {n: getattr(optim.lr_scheduler, n) for n in optim.lr_scheduler.__all__}
    return types.FunctionType(make.__code__, {**make.__globals__, **names})


@pytest.mark.parametrize(
    ("name", "at"),
    [(name, at) for name, info in INFOS.items() for at, _ in enumerate(info.scheduler_inputs)],
)
def test_the_schedulers_listed_with_it(name, at):
    """Learning rates over 50 steps, with torch's own constructors of the schedulers."""
    makers = INFOS[name].scheduler_inputs[at]
    twins = _twins("Muon" if name == "Muon" else name, "float32")
    pair = _pair(name, twins, {})
    ours = [_with_our_schedulers(make)(pair[0]) for make in makers]
    theirs = [make(pair[1]) for make in makers]
    for optimizer in pair:
        optimizer._opt_called = True
    for step in range(50):
        for scheduler in (*ours, *theirs):
            plateau = type(scheduler).__name__ == "ReduceLROnPlateau"
            scheduler.step(1.0 + step % 3) if plateau else scheduler.step()
        assert [g["lr"] for g in pair[0].param_groups] == [g["lr"] for g in pair[1].param_groups]


def _loss(lib, params):
    a, b = params
    return ((a * a - b).square()).sum() + ((a - 1) ** 2).sum() / 4 + lib.cos(b).sum() / 8


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
@pytest.mark.parametrize("at", range(len(_sets("LBFGS"))))
def test_lbfgs(at, search):
    kwargs = {"line_search_fn": search, "max_iter": 6, "lr": 0.3, **_sets("LBFGS")[at].kwargs}
    if search is None:
        kwargs.setdefault("history_size", 3)
    twins = Twins(((4, 3), (3,)), "float64")

    def advance(pair, steps):
        for _ in range(steps):
            for optimizer, params, lib in zip(
                pair, (twins.ours, twins.theirs), (flambeau, torch), strict=True
            ):

                def closure(optimizer=optimizer, params=params, lib=lib):
                    optimizer.zero_grad()
                    loss = _loss(lib, params)
                    loss.backward()
                    return loss

                loss = optimizer.step(closure)
                assert isinstance(loss, lib.Tensor)
            twins.assert_same(1e-7, 1e-9)

    # torch computes with a tensor rate in the tensor's float32, here it is read once: give torch
    # the same number.
    known = {**kwargs, "lr": float(kwargs["lr"])}
    pair = _pair("LBFGS", twins, kwargs)[0], _pair("LBFGS", twins, known)[1]
    advance(pair, STEPS // 2)
    ours, theirs = (optimizer.state_dict() for optimizer in pair)
    assert set(ours["state"][0]) == set(theirs["state"][0])
    for name in ("func_evals", "n_iter"):
        assert ours["state"][0][name] == theirs["state"][0][name]
    assert len(ours["state"][0]["old_dirs"]) == len(theirs["state"][0]["old_dirs"])
    pair = _pair("LBFGS", twins, kwargs)[0], _pair("LBFGS", twins, known)[1]
    pair[0].load_state_dict(converted(theirs, flambeau))
    ours["param_groups"][0]["lr"] = known["lr"]
    pair[1].load_state_dict(converted(ours, torch))
    advance(pair, STEPS // 2)
