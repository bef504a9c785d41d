"""The base class: groups, names, hooks, frozen parameters, saving and loading."""

from __future__ import annotations

import copy
import importlib
import pickle

import numpy as np
import pytest

import flambeau
from flambeau import nn, optim
from flambeau._engine.program import stats
from tests.optim.common import SHAPES, Twins, arrays, assert_same_state, converted, leaf
from tests.oracle import to_numpy, torch


def _both(twins, cls="Adam", **kwargs):
    return (
        getattr(optim, cls)(twins.ours, **kwargs),
        getattr(torch.optim, cls)(twins.theirs, **kwargs),
    )


def _steps(twins, pair, count=1, skip=()):
    for _ in range(count):
        twins.give_gradients(skip)
        for optimizer in pair:
            optimizer.step()


# ---- groups


def test_groups_have_their_own_options():
    twins = Twins()
    pair = [
        lib.SGD([{"params": ps[:1], "lr": 0.5}, {"params": ps[1:], "momentum": 0.9}], lr=0.1)
        for lib, ps in ((optim, twins.ours), (torch.optim, twins.theirs))
    ]
    _steps(twins, pair, 5)
    twins.assert_same()
    assert_same_state(pair[0].state_dict(), pair[1].state_dict())


def test_a_group_may_be_added_later():
    twins = Twins()
    pair = [lib.Adam(ps[:2]) for lib, ps in ((optim, twins.ours), (torch.optim, twins.theirs))]
    _steps(twins, pair, 3)
    pair[0].add_param_group({"params": twins.ours[2], "lr": 0.1})
    pair[1].add_param_group({"params": twins.theirs[2], "lr": 0.1})
    _steps(twins, pair, 3)
    twins.assert_same()
    assert_same_state(pair[0].state_dict(), pair[1].state_dict())


@pytest.mark.parametrize("cls", ["Adam", "SGD", "Adagrad", "Muon", "Adafactor"])
def test_repr_is_torch_s(cls):
    ours, theirs = _both(Twins(((2, 3),)), cls)
    assert repr(ours) == repr(theirs)


BAD_PARAMS = {
    "a tensor": lambda new: new(),
    "nothing": lambda new: [],
    "a number": lambda new: [1],
    "a set": lambda new: [{"params": {new()}}],
    "some names": lambda new: [("a", new()), new()],
    "one group named": lambda new: [{"params": [new()]}, {"params": [("a", new())]}],
}


@pytest.mark.parametrize("name", BAD_PARAMS)
def test_bad_parameters_are_refused_as_in_torch(name):
    with pytest.raises((TypeError, ValueError)) as ours:
        optim.SGD(BAD_PARAMS[name](lambda: leaf(arrays()[0])))
    with pytest.raises((TypeError, ValueError)) as theirs:
        torch.optim.SGD(BAD_PARAMS[name](lambda: torch.nn.Parameter(torch.ones(2))))
    assert type(ours.value) is type(theirs.value)
    assert str(ours.value).split(", but got")[0].split(" (params")[0] in str(theirs.value) or str(
        theirs.value
    ).startswith(str(ours.value).split(", but got")[0])


def test_a_parameter_is_in_one_group_only():
    p = leaf(arrays()[0])
    with pytest.raises(ValueError, match="more than one parameter group"):
        optim.SGD([{"params": [p]}, {"params": [p]}])
    with pytest.warns(UserWarning, match="duplicate parameters"):
        optim.SGD([p, p])


def test_a_result_is_not_a_parameter():
    p = leaf(arrays()[0])
    with pytest.raises(ValueError, match="non-leaf"):
        optim.SGD([p.clone()])


def test_a_required_option():
    class Needs(optim.Optimizer):
        def __init__(self, params):
            super().__init__(params, {"lr": optim.optimizer.required})

    with pytest.raises(ValueError, match="required optimization parameter lr"):
        Needs([leaf(arrays()[0])])
    assert repr(optim.optimizer.required) == "<required parameter>"


# ---- gradients


def test_zero_grad_drops_or_zeroes():
    p = leaf(arrays()[0])
    optimizer = optim.SGD([p])
    p.grad = flambeau.from_numpy(np.ones((4, 3), "float32"))
    optimizer.zero_grad(set_to_none=False)
    np.testing.assert_array_equal(to_numpy(p.grad), np.zeros((4, 3)))
    optimizer.zero_grad()
    assert p.grad is None


def test_parameters_without_gradient_wait():
    twins = Twins()
    pair = _both(twins, lr=0.1)
    for skip in ((), (1,), (1,), (), (0, 2), ()):
        _steps(twins, pair, 1, skip)
    twins.assert_same()
    assert_same_state(pair[0].state_dict(), pair[1].state_dict())
    steps = [pair[0].state[p]["step"].item() for p in twins.ours]
    assert steps == [5, 4, 5]


def test_parameters_that_advance_together_share_a_counter():
    twins = Twins()
    ours, theirs = _both(twins)
    _steps(twins, (ours, theirs))
    counters = {id(ours.state[p]["step"]) for p in twins.ours}
    assert len(counters) == 1
    saved = ours.state_dict()["state"]
    assert len({id(entry["step"]) for entry in saved.values()}) == 3
    theirs.load_state_dict(converted(ours.state_dict(), torch))
    _steps(twins, (ours, theirs))
    assert [theirs.state[p]["step"].item() for p in twins.theirs] == [2, 2, 2]


@pytest.mark.parametrize("cls", ["SGD", "Adam", "AdamW", "RMSprop"])
def test_a_frozen_parameter_does_not_move(cls):
    momentum = {"momentum": 0.9} if cls in ("SGD", "RMSprop") else {}
    twins = Twins()
    ours, theirs = _both(twins, cls, lr=0.1, weight_decay=0.1, **momentum)
    _steps(twins, (ours, theirs), 2)
    before = to_numpy(twins.ours[0]).copy()
    state = copy.deepcopy(ours.state_dict()["state"][0])
    # Frozen with a stale gradient: torch is told so by having none.
    twins.ours[0].requires_grad_(False)
    for _ in range(3):
        twins.give_gradients()
        twins.theirs[0].grad = None
        ours.step()
        theirs.step()
    np.testing.assert_array_equal(to_numpy(twins.ours[0]), before)
    assert_same_state(
        converted(ours.state_dict()["state"][0], flambeau), converted(state, torch), 0, 0
    )
    twins.assert_same()
    twins.ours[0].requires_grad_(True)
    _steps(twins, (ours, theirs), 2)
    twins.assert_same()


def test_closures_compute_with_grad_and_return_the_loss():
    p = leaf(np.ones(2, "float32"))
    optimizer = optim.SGD([p], lr=0.5)

    def closure():
        assert flambeau.is_grad_enabled()
        p.grad = flambeau.from_numpy(np.ones(2, "float32"))
        return 7

    with flambeau.no_grad():
        assert optimizer.step(closure) == 7
    np.testing.assert_array_equal(to_numpy(p), [0.5, 0.5])


def test_a_new_rate_makes_no_new_program():
    twins = Twins(((3, 5), (5,)))
    ours = optim.AdamW(twins.ours)
    _steps(twins, (ours,), 2)
    before = stats.programs
    for step in range(5):
        ours.param_groups[0]["lr"] = 0.1 / (step + 1)
        ours.param_groups[0]["betas"] = (0.8 + step / 100, 0.99)
        _steps(twins, (ours,))
    assert stats.programs == before


def test_the_first_step_is_the_same_program_as_the_others():
    twins = Twins(((7, 5), (5,)))
    ours = optim.Adam(twins.ours)
    before = stats.programs
    _steps(twins, (ours,), 3)
    assert stats.programs == before + 1


# ---- tensors as options


def test_rates_and_betas_may_be_tensors():
    twins = Twins()
    pair = [
        lib.Adam(
            ps,
            lr=new(np.array([0.1], "float32")),
            betas=(new(np.array(0.8, "float32")), new(np.array(0.9, "float32"))),
        )
        for lib, ps, new in (
            (optim, twins.ours, flambeau.from_numpy),
            (torch.optim, twins.theirs, torch.from_numpy),
        )
    ]
    _steps(twins, pair, 3)
    twins.assert_same()


def test_a_tensor_rate_is_filled_by_schedulers():
    twins = Twins()
    pair = [
        lib.SGD(ps, lr=new(np.array(0.1, "float32")))
        for lib, ps, new in (
            (optim, twins.ours, flambeau.from_numpy),
            (torch.optim, twins.theirs, torch.from_numpy),
        )
    ]
    rate = pair[0].param_groups[0]["lr"]
    schedulers = [
        lib.lr_scheduler.ExponentialLR(opt, 0.5)
        for lib, opt in zip((optim, torch.optim), pair, strict=True)
    ]
    for _ in range(3):
        _steps(twins, pair)
        for scheduler in schedulers:
            scheduler.step()
    assert pair[0].param_groups[0]["lr"] is rate
    assert rate.item() == pytest.approx(0.0125)
    twins.assert_same()


# ---- hooks


def test_hooks_run_in_torch_s_order():
    calls = {}
    for lib in (optim, torch.optim):
        seen = calls[lib] = []
        twins = Twins()
        params = twins.ours if lib is optim else twins.theirs
        base = importlib.import_module(f"{lib.__name__}.optimizer")
        optimizer = lib.SGD(params)

        def note(name, seen=seen, optimizer=optimizer):
            def hook(opt, args, kwargs):
                assert opt is optimizer
                assert args[0] is opt
                seen.append((name, len(args), sorted(kwargs)))

            return hook

        handles = [
            base.register_optimizer_step_pre_hook(note("global pre")),
            base.register_optimizer_step_post_hook(note("global post")),
            optimizer.register_step_pre_hook(note("pre")),
            optimizer.register_step_post_hook(note("post")),
        ]
        twins.give_gradients()
        optimizer.step()
        optimizer.step(closure=None)
        for handle in handles:
            handle.remove()
        optimizer.step()
    assert calls[optim] == calls[torch.optim]


def test_a_pre_hook_may_replace_the_arguments():
    p = leaf(np.ones(2, "float32"))
    optimizer = optim.SGD([p])
    optimizer.register_step_pre_hook(lambda opt, args, kwargs: ((opt, lambda: 3), {}))
    assert optimizer.step() == 3
    optimizer.register_step_pre_hook(lambda opt, args, kwargs: 5)
    with pytest.raises(RuntimeError, match="tuple of"):
        optimizer.step()


def test_state_dict_hooks():
    twins = Twins()
    optimizer = optim.SGD(twins.ours, momentum=0.9)
    order = []
    optimizer.register_state_dict_pre_hook(lambda o: order.append("pre"))
    optimizer.register_state_dict_pre_hook(lambda o: order.append("first"), prepend=True)
    optimizer.register_state_dict_post_hook(lambda o, d: {**d, "more": 1})
    saved = optimizer.state_dict()
    assert order == ["first", "pre"]
    assert saved["more"] == 1

    def doubled(o, d):
        d["param_groups"][0]["lr"] *= 2

    optimizer.register_load_state_dict_pre_hook(doubled)
    optimizer.register_load_state_dict_post_hook(lambda o: order.append("post"))
    optimizer.load_state_dict(copy.deepcopy(saved))
    assert optimizer.param_groups[0]["lr"] == 2e-3
    assert order[-1] == "post"


# ---- saving and loading

EVERY = {
    "SGD": {"momentum": 0.9, "dampening": 0.1},
    "Adam": {"amsgrad": True},
    "AdamW": {},
    "RMSprop": {"momentum": 0.9, "centered": True},
    "Adagrad": {"lr_decay": 0.1},
    "Adadelta": {},
    "Adamax": {},
    "NAdam": {},
    "RAdam": {},
    "ASGD": {},
    "Rprop": {},
    "Adafactor": {},
}


@pytest.mark.parametrize("cls", EVERY)
def test_state_goes_to_torch_and_back_in_mid_run(cls):
    kwargs = {"lr": 0.05, **EVERY[cls]}
    twins = Twins()
    ours, theirs = _both(twins, cls, **kwargs)
    _steps(twins, (ours, theirs), 5)
    assert_same_state(ours.state_dict(), theirs.state_dict())
    # Each goes on from what the other saved.
    from_ours, from_theirs = ours.state_dict(), theirs.state_dict()
    ours, theirs = _both(twins, cls, **kwargs)
    ours.load_state_dict(converted(from_theirs, flambeau))
    theirs.load_state_dict(converted(from_ours, torch))
    _steps(twins, (ours, theirs), 5)
    twins.assert_same()
    assert_same_state(ours.state_dict(), theirs.state_dict())


@pytest.mark.parametrize("how", ["state dict", "pickle", "deepcopy"])
def test_a_resumed_run_is_an_uninterrupted_one(how):
    twins = Twins()
    ours = optim.Adam(twins.ours, lr=0.05)
    _steps(twins, (ours,), 4)
    if how == "state dict":
        params = [leaf(to_numpy(p)) for p in twins.ours]
        resumed = optim.Adam(params)
        resumed.load_state_dict(pickle.loads(pickle.dumps(ours.state_dict())))
    else:
        resumed = pickle.loads(pickle.dumps(ours)) if how == "pickle" else copy.deepcopy(ours)
        params = resumed.param_groups[0]["params"]
        assert all(a is not b for a, b in zip(params, twins.ours, strict=True))
    for _ in range(4):
        twins.give_gradients()
        for p, q in zip(params, twins.ours, strict=True):
            p.grad = flambeau.from_numpy(to_numpy(q.grad))
        ours.step()
        resumed.step()
    for p, q in zip(params, twins.ours, strict=True):
        np.testing.assert_array_equal(to_numpy(p), to_numpy(q))


def test_loading_copies():
    twins = Twins()
    ours = optim.SGD(twins.ours, momentum=0.9)
    _steps(twins, (ours,))
    saved = ours.state_dict()
    other = optim.SGD([leaf(to_numpy(p)) for p in twins.ours], momentum=0.9)
    other.load_state_dict(saved)
    kept = to_numpy(saved["state"][0]["momentum_buffer"]).copy()
    p = other.param_groups[0]["params"][0]
    p.grad = flambeau.from_numpy(np.ones((4, 3), "float32"))
    other.step()
    np.testing.assert_array_equal(to_numpy(saved["state"][0]["momentum_buffer"]), kept)


def test_old_state_dicts_with_plain_numbers_load():
    twins = Twins()
    ours, theirs = _both(twins)
    _steps(twins, (ours, theirs), 3)
    saved = ours.state_dict()
    for entry in saved["state"].values():
        entry["step"] = int(entry["step"].item())
    for name in ("amsgrad", "foreach", "maximize", "decoupled_weight_decay"):
        del saved["param_groups"][0][name]
    ours.load_state_dict(saved)
    _steps(twins, (ours, theirs), 2)
    twins.assert_same()


def test_an_adam_s_state_loads_into_adamw():
    twins = Twins()
    adam, adamw = optim.Adam(twins.ours), optim.AdamW(twins.ours)
    adamw.load_state_dict(adam.state_dict())
    assert adamw.param_groups[0]["decoupled_weight_decay"] is True


class Net(nn.Module):
    def __init__(self, order=("a", "b")):
        super().__init__()
        for name in order:
            setattr(self, name, nn.Parameter(flambeau.from_numpy(np.ones((2, 2), "float32"))))


def _train(net, optimizer, steps=2):
    for step in range(steps):
        for at, p in enumerate((net.a, net.b)):
            p.grad = flambeau.from_numpy(np.full((2, 2), at + step + 1, "float32"))
        optimizer.step()


def test_names_are_saved_and_state_is_matched_by_them():
    one, two = Net(), Net(("b", "a"))
    first = optim.SGD(one.named_parameters(), lr=0.1, momentum=0.9)
    _train(one, first)
    saved = first.state_dict()
    assert saved["param_groups"][0]["param_names"] == ["a", "b"]
    second = optim.SGD(two.named_parameters(), lr=0.1, momentum=0.9)
    second.load_state_dict(saved)
    assert second.param_groups[0]["param_names"] == ["b", "a"]
    for name in "ab":
        np.testing.assert_array_equal(
            to_numpy(second.state[getattr(two, name)]["momentum_buffer"]),
            to_numpy(first.state[getattr(one, name)]["momentum_buffer"]),
        )


def test_other_names_are_reported():
    one = Net()
    first = optim.SGD(one.named_parameters(), momentum=0.9)
    _train(one, first)
    saved = first.state_dict()
    saved["param_groups"][0]["param_names"] = ["module.a", "module.b"]
    with pytest.raises(ValueError, match=r"all 2 names match after removing 'module.'") as error:
        first.load_state_dict(saved)
    assert "not in this optimizer (2): 'module.a', 'module.b'" in str(error.value)
    saved["param_groups"][0]["param_names"] = ["a", "c"]
    with pytest.raises(ValueError, match=r"not in the state dict \(1\): 'b'"):
        first.load_state_dict(saved)
    del saved["param_groups"][0]["param_names"]
    first.load_state_dict(saved)
    assert first.param_groups[0]["param_names"] == ["a", "b"]


def test_state_that_does_not_fit_is_reported():
    twins, others = Twins(), Twins(SHAPES[::-1])
    ours = optim.Adam(twins.ours)
    _steps(twins, (ours,))
    with pytest.raises(ValueError, match=r"parameter 0: exp_avg is \(4, 3\), .* \(2, 3, 2\)"):
        optim.Adam(others.ours).load_state_dict(ours.state_dict())


def test_another_number_of_groups_or_parameters_is_refused():
    twins = Twins()
    saved = optim.SGD(twins.ours).state_dict()
    with pytest.raises(ValueError, match="doesn't match the size of optimizer's group"):
        optim.SGD(twins.ours[:2]).load_state_dict(saved)
    two = optim.SGD([{"params": twins.ours[:1]}, {"params": twins.ours[1:]}])
    with pytest.raises(ValueError, match="different number of parameter groups"):
        two.load_state_dict(saved)


# ---- other optimizers


def test_a_user_s_optimizer():
    class Plain(optim.Optimizer):
        def __init__(self, params, lr):
            super().__init__(params, {"lr": lr})

        @flambeau.no_grad()
        def step(self, closure=None):
            for group in self.param_groups:
                for p in group["params"]:
                    p.data = flambeau.from_numpy(to_numpy(p) - group["lr"] * to_numpy(p.grad))

    p = leaf(np.ones(2, "float32"))
    optimizer = Plain([p], 0.25)
    seen = []
    optimizer.register_step_post_hook(lambda *a: seen.append(1))
    p.grad = flambeau.from_numpy(np.ones(2, "float32"))
    optimizer.step()
    np.testing.assert_array_equal(to_numpy(p), [0.75, 0.75])
    assert seen == [1]


def test_a_subclass_that_calls_its_parent_runs_hooks_once():
    class Loud(optim.SGD):
        def step(self, closure=None):
            return super().step(closure)

    p = leaf(np.ones(2, "float32"))
    optimizer = Loud([p])
    seen = []
    optimizer.register_step_post_hook(lambda *a: seen.append(1))
    optimizer.step()
    assert seen == [1]


def test_an_optimizer_without_step():
    with pytest.raises(NotImplementedError):
        optim.Optimizer([leaf(np.ones(2, "float32"))], {}).step()


def test_sparse_adam_says_why_not():
    p = leaf(np.ones(2, "float32"))
    optimizer = optim.SparseAdam([p])
    p.grad = flambeau.from_numpy(np.ones(2, "float32"))
    with pytest.raises(RuntimeError, match="does not support dense gradients"):
        optimizer.step()


def test_muon_wants_matrices():
    with pytest.raises(ValueError, match="only supports 2D"):
        optim.Muon([leaf(np.ones(2, "float32"))])


DIFFERENTIABLE = {
    "SGD": {"weight_decay": 0.1},
    "Adam": {"amsgrad": True, "weight_decay": 0.1},
    "AdamW": {},
    "RMSprop": {"momentum": 0.9, "centered": True},
    "Adagrad": {"weight_decay": 0.1},
    "Adadelta": {},
    "Adamax": {},
    "NAdam": {},
    "RAdam": {},
    "ASGD": {},
    "Rprop": {},
}


@pytest.mark.parametrize("cls", DIFFERENTIABLE)
def test_gradients_flow_through_a_differentiable_step(cls):
    # One step: torch writes in place over what it saved, and cannot go back through two.
    found = []
    for lib in (flambeau, torch):
        start, grad = (
            lib.from_numpy(a.copy()).requires_grad_() for a in arrays(((4, 3),) * 2, 5, "float64")
        )
        p = start.clone()
        optimizer = getattr(lib.optim, cls)([p], lr=0.1, differentiable=True, **DIFFERENTIABLE[cls])
        p.grad = grad
        optimizer.step()
        (p**3).sum().backward()
        found.append([start.grad, grad.grad])
        if lib is flambeau:
            step = optimizer.state[p].get("step")
            assert step is None or not step.requires_grad
    for ours, theirs in zip(*found, strict=True):
        theirs = np.zeros((4, 3)) if theirs is None else to_numpy(theirs)
        # torch's bias corrections are float32 tensors here
        np.testing.assert_allclose(to_numpy(ours), theirs, rtol=1e-4, atol=1e-9)


def test_gradients_flow_through_several_differentiable_steps():
    # d p2 / d g1 of momentum: -lr (1 + mu); torch detaches its first buffer.
    start, first, second = (leaf(a) for a in arrays(((3,),) * 3, 5, "float64"))
    p = start.clone()
    optimizer = optim.SGD([p], lr=0.1, momentum=0.9, differentiable=True)
    for grad in (first, second):
        p.grad = grad
        optimizer.step()
    p.sum().backward()
    np.testing.assert_allclose(to_numpy(first.grad), np.full(3, -0.1 * 1.9))
    np.testing.assert_allclose(to_numpy(second.grad), np.full(3, -0.1))
    np.testing.assert_allclose(to_numpy(start.grad), np.ones(3))


def test_a_differentiable_step_of_a_leaf_is_refused_as_in_torch():
    for lib in (flambeau, torch):
        p = lib.ones(2).requires_grad_()
        optimizer = lib.optim.SGD([p], lr=0.1, differentiable=True)
        p.grad = lib.ones(2)
        with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
            optimizer.step()
