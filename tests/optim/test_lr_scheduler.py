"""Every scheduler against torch's: 50 steps, saved and resumed, with the same warnings."""

from __future__ import annotations

import pickle
import warnings

import pytest

from flambeau import optim
from tests.optim.common import arrays, leaf
from tests.oracle import torch

STEPS = 50


class Halving:
    """A law with something to save."""

    def __init__(self, every):
        self.every = every

    def __call__(self, step):
        return 0.5 ** (step // self.every)


def _optimizers(cls="SGD", **kwargs):
    kwargs = kwargs or {"momentum": 0.9}
    groups = [[a] for a in arrays(((2,), (2,)))]
    ours = [{"params": [leaf(a)], "lr": lr} for (a,), lr in zip(groups, (0.5, 0.1), strict=True)]
    theirs = [
        {"params": [torch.nn.Parameter(torch.from_numpy(a))], "lr": lr}
        for (a,), lr in zip(groups, (0.5, 0.1), strict=True)
    ]
    return getattr(optim, cls)(ours, **kwargs), getattr(torch.optim, cls)(theirs, **kwargs)


def _sequential(lib, opt):
    return lib.SequentialLR(
        opt,
        [
            lib.ConstantLR(opt, 0.1, 3),
            lib.ExponentialLR(opt, 0.9),
            lib.CosineAnnealingLR(opt, 7),
        ],
        milestones=[4, 20],
    )


def _nested(lib, opt):
    chain = lib.ChainedScheduler([lib.LinearLR(opt, 0.2), lib.StepLR(opt, 4, 0.7)])
    last = lib.MultiStepLR(opt, [3, 5])
    # Taking back the chain's first step looks like a step in the wrong order, to torch as well.
    with pytest.warns(UserWarning, match="before `optimizer.step"):
        return lib.SequentialLR(opt, [chain, last], milestones=[12])


MAKERS = {
    "StepLR": lambda lib, opt: lib.StepLR(opt, 7, 0.5),
    "MultiStepLR": lambda lib, opt: lib.MultiStepLR(opt, [3, 10, 10, 30], 0.5),
    "ConstantLR": lambda lib, opt: lib.ConstantLR(opt, 0.25, 9),
    "LinearLR": lambda lib, opt: lib.LinearLR(opt, 0.1, 0.8, 20),
    "ExponentialLR": lambda lib, opt: lib.ExponentialLR(opt, 0.93),
    "PolynomialLR": lambda lib, opt: lib.PolynomialLR(opt, 30, 2.0),
    "CosineAnnealingLR": lambda lib, opt: lib.CosineAnnealingLR(opt, 12, 0.01),
    "CosineAnnealingWarmRestarts": lambda lib, opt: lib.CosineAnnealingWarmRestarts(opt, 5, 2),
    "CosineAnnealingWarmRestarts-1": lambda lib, opt: lib.CosineAnnealingWarmRestarts(
        opt, 6, 1, 0.01
    ),
    "LambdaLR": lambda lib, opt: lib.LambdaLR(opt, [lambda n: 0.9**n, Halving(5)]),
    "MultiplicativeLR": lambda lib, opt: lib.MultiplicativeLR(opt, lambda n: 1 - n / 200),
    "ChainedScheduler": lambda lib, opt: lib.ChainedScheduler(
        [lib.ConstantLR(opt, 0.1, 5), lib.ExponentialLR(opt, 0.9)]
    ),
    "SequentialLR": _sequential,
    "SequentialLR-nested": _nested,
    "CyclicLR": lambda lib, opt: lib.CyclicLR(opt, 0.01, [0.5, 0.2], 4, 7),
    "CyclicLR-triangular2": lambda lib, opt: lib.CyclicLR(opt, 0.01, 0.5, 4, mode="triangular2"),
    "CyclicLR-exp_range": lambda lib, opt: lib.CyclicLR(
        opt, 0.01, 0.5, 4, mode="exp_range", gamma=0.99
    ),
    "CyclicLR-scale_fn": lambda lib, opt: lib.CyclicLR(
        opt, 0.01, 0.5, 4, scale_fn=Halving(2), scale_mode="cycle", cycle_momentum=False
    ),
    "OneCycleLR": lambda lib, opt: lib.OneCycleLR(opt, [0.5, 0.1], total_steps=60),
    "OneCycleLR-three_phase": lambda lib, opt: lib.OneCycleLR(
        opt, 0.5, epochs=6, steps_per_epoch=10, three_phase=True, anneal_strategy="linear"
    ),
}


def _options(opt):
    keys = ("lr", "initial_lr", "momentum", "betas", "max_momentum", "base_momentum")
    return [{k: g[k] for k in keys if k in g} for g in opt.param_groups]


def _same(ours, theirs):
    assert _options(ours.optimizer) == _options(theirs.optimizer)
    assert ours.get_last_lr() == theirs.get_last_lr()


@pytest.mark.parametrize("name", MAKERS)
def test_fifty_steps_are_torch_s_to_the_bit(name):
    a, b = _optimizers()
    ours = MAKERS[name](optim.lr_scheduler, a)
    theirs = MAKERS[name](torch.optim.lr_scheduler, b)
    _same(ours, theirs)
    for _ in range(STEPS):
        a.step()
        b.step()
        ours.step()
        theirs.step()
        _same(ours, theirs)


@pytest.mark.parametrize("name", ["CyclicLR", "OneCycleLR"])
def test_momentum_of_adam_is_its_first_beta(name):
    a, b = _optimizers("Adam", lr=0.1)
    ours = MAKERS[name](optim.lr_scheduler, a)
    theirs = MAKERS[name](torch.optim.lr_scheduler, b)
    for _ in range(STEPS):
        a.step()
        b.step()
        ours.step()
        theirs.step()
        _same(ours, theirs)


@pytest.mark.parametrize("kwargs", [{}, {"mode": "max", "threshold_mode": "abs", "cooldown": 2}])
def test_plateau(kwargs):
    a, b = _optimizers()
    ours = optim.lr_scheduler.ReduceLROnPlateau(a, factor=0.5, patience=2, min_lr=0.02, **kwargs)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(
        b, factor=0.5, patience=2, min_lr=0.02, **kwargs
    )
    for step in range(STEPS):
        measure = 1.0 / (step + 1) if step < 10 else 0.3 + 0.01 * (step % 5)
        ours.step(measure)
        theirs.step(measure)
        _same(ours, theirs)
        assert ours.num_bad_epochs == theirs.num_bad_epochs
        assert ours.in_cooldown == theirs.in_cooldown


@pytest.mark.parametrize("name", MAKERS)
def test_a_resumed_run_is_an_uninterrupted_one(name):
    a, b = _optimizers()
    whole = MAKERS[name](optim.lr_scheduler, a)
    first = MAKERS[name](optim.lr_scheduler, b := _optimizers()[0])
    for _ in range(17):
        for opt, scheduler in ((a, whole), (b, first)):
            opt.step()
            scheduler.step()
    c = _optimizers()[0]
    second = MAKERS[name](optim.lr_scheduler, c)
    second.load_state_dict(pickle.loads(pickle.dumps(first.state_dict())))
    c.load_state_dict(b.state_dict())
    for _ in range(20):
        for opt, scheduler in ((a, whole), (c, second)):
            opt.step()
            scheduler.step()
        assert whole.get_last_lr() == second.get_last_lr()
        assert _options(a) == _options(c)


@pytest.mark.parametrize("name", MAKERS)
def test_state_dicts_go_to_torch_and_come_back(name):
    a, b = _optimizers()
    ours = MAKERS[name](optim.lr_scheduler, a)
    theirs = MAKERS[name](torch.optim.lr_scheduler, b)
    for _ in range(9):
        a.step()
        b.step()
        ours.step()
        theirs.step()
    assert ours.state_dict() == theirs.state_dict()
    theirs.load_state_dict(ours.state_dict())
    ours.load_state_dict(theirs.state_dict())
    for _ in range(9):
        ours.step()
        theirs.step()
        _same(ours, theirs)


@pytest.mark.parametrize(
    "name", ["StepLR", "MultiStepLR", "ConstantLR", "LinearLR", "PolynomialLR"]
)
def test_a_step_to_an_epoch_uses_the_closed_form(name):
    a, b = _optimizers()
    ours = MAKERS[name](optim.lr_scheduler, a)
    theirs = MAKERS[name](torch.optim.lr_scheduler, b)
    a.step()
    b.step()
    for epoch in (1, 12, 4, 40):
        with pytest.warns(UserWarning, match="The epoch parameter"):
            ours.step(epoch)
        with pytest.warns(UserWarning, match="The epoch parameter"):
            theirs.step(epoch)
        _same(ours, theirs)


def test_warm_restarts_take_fractions():
    a, b = _optimizers()
    ours = optim.lr_scheduler.CosineAnnealingWarmRestarts(a, 3, 2)
    theirs = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(b, 3, 2)
    for i in range(100):
        ours.step(i / 4)
        theirs.step(i / 4)
        _same(ours, theirs)
    with pytest.raises(ValueError, match="non-negative"):
        ours.step(-1)


def test_starting_at_a_later_epoch_needs_initial_lr():
    a, b = _optimizers()
    with pytest.raises(KeyError, match="initial_lr"):
        optim.lr_scheduler.StepLR(a, 3, last_epoch=5)
    for opt, lib in ((a, optim), (b, torch.optim)):
        for group in opt.param_groups:
            group["initial_lr"] = group["lr"]
        for cls, args in (("CosineAnnealingLR", (9,)), ("ExponentialLR", (0.5,))):
            getattr(lib.lr_scheduler, cls)(opt, *args, last_epoch=5)
    assert _options(a) == _options(b)


def test_a_wrong_order_is_warned_of():
    a, b = _optimizers()
    for opt, lib in ((a, optim), (b, torch.optim)):
        scheduler = lib.lr_scheduler.StepLR(opt, 3)
        with pytest.warns(
            UserWarning, match=r"`lr_scheduler.step\(\)` before `optimizer.step\(\)`"
        ):
            scheduler.step()


def test_the_right_order_is_not():
    a, _ = _optimizers()
    scheduler = optim.lr_scheduler.StepLR(a, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        a.step()
        scheduler.step()


def test_an_overridden_step_is_warned_of():
    a, _ = _optimizers()
    scheduler = optim.lr_scheduler.StepLR(a, 3)
    a.step = lambda: None
    with pytest.warns(UserWarning, match="has been overridden"):
        scheduler.step()


def test_get_lr_is_not_for_users():
    a, _ = _optimizers()
    scheduler = optim.lr_scheduler.StepLR(a, 3)
    with pytest.warns(UserWarning, match="get_last_lr"):
        scheduler.get_lr()


ERRORS = {
    "not an optimizer": (lambda lib, opt: lib.StepLR(object(), 3), TypeError),
    "factor": (lambda lib, opt: lib.ConstantLR(opt, 1.5), ValueError),
    "start factor": (lambda lib, opt: lib.LinearLR(opt, 0.0), ValueError),
    "end factor": (lambda lib, opt: lib.LinearLR(opt, 0.5, 1.5), ValueError),
    "lambdas": (lambda lib, opt: lib.LambdaLR(opt, [lambda n: 1.0]), ValueError),
    "not callable": (lambda lib, opt: lib.MultiplicativeLR(opt, [1, 2]), TypeError),
    "period": (lambda lib, opt: lib.CosineAnnealingWarmRestarts(opt, 0), ValueError),
    "period factor": (lambda lib, opt: lib.CosineAnnealingWarmRestarts(opt, 3, 0.5), ValueError),
    "plateau factor": (lambda lib, opt: lib.ReduceLROnPlateau(opt, factor=1.0), ValueError),
    "plateau mode": (lambda lib, opt: lib.ReduceLROnPlateau(opt, mode="low"), ValueError),
    "min lrs": (lambda lib, opt: lib.ReduceLROnPlateau(opt, min_lr=[0.1]), ValueError),
    "cycle mode": (lambda lib, opt: lib.CyclicLR(opt, 0.1, 1.0, mode="round"), ValueError),
    "max lrs": (lambda lib, opt: lib.CyclicLR(opt, 0.1, [1.0]), ValueError),
    "length": (lambda lib, opt: lib.OneCycleLR(opt, 0.1), ValueError),
    "total steps": (lambda lib, opt: lib.OneCycleLR(opt, 0.1, total_steps=0), ValueError),
    "pct_start": (lambda lib, opt: lib.OneCycleLR(opt, 0.1, 10, pct_start=2), ValueError),
    "anneal": (lambda lib, opt: lib.OneCycleLR(opt, 0.1, 10, anneal_strategy="up"), ValueError),
    "no scheduler": (lambda lib, opt: lib.ChainedScheduler([]), ValueError),
    "milestones": (
        lambda lib, opt: lib.SequentialLR(opt, [lib.StepLR(opt, 1)], [1, 2]),
        ValueError,
    ),
    "plateau inside": (
        lambda lib, opt: lib.ChainedScheduler([lib.ReduceLROnPlateau(opt)]),
        ValueError,
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_are_torch_s(name):
    make, error = ERRORS[name]
    a, b = _optimizers()
    with pytest.raises(error) as ours:
        make(optim.lr_scheduler, a)
    with pytest.raises(error) as theirs:
        make(torch.optim.lr_scheduler, b)
    assert str(ours.value) == str(theirs.value)


def test_too_many_steps_of_one_cycle():
    a, _ = _optimizers()
    scheduler = optim.lr_scheduler.OneCycleLR(a, 0.1, total_steps=3)
    a.step()
    for _ in range(3):
        scheduler.step()
    with pytest.raises(ValueError, match="Tried to step 4 times"):
        scheduler.step()


def test_an_optimizer_without_momentum_cannot_cycle_it():
    a = optim.Adagrad([leaf(arrays()[0])])
    with pytest.raises(ValueError, match="must support momentum"):
        optim.lr_scheduler.CyclicLR(a, 0.1, 1.0)


def test_lr_scheduler_is_for_subclasses():
    class Tenth(optim.lr_scheduler.LRScheduler):
        def get_lr(self):
            return [base / 10 for base in self.base_lrs]

    a, _ = _optimizers()
    assert Tenth(a).get_last_lr() == [0.05, 0.01]
    assert issubclass(optim.lr_scheduler._LRScheduler, optim.lr_scheduler.LRScheduler)
