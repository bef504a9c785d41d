"""compile against the unmodified program, over random training programs.

Each program is drawn: layers, loss, optimizer, what happens in a step (several backwards,
clipping, an average of the weights, a schedule, an in-place change of a buffer) and, between
steps, new learning rates, evaluation, frozen layers, other batch sizes and new seeds, layers,
parameters and memory exchanged for others, other attributes, hooks. Both must give the same losses
and the same state after every step: to 1e-7, and where a program magnifies rounding (layers that
normalize twice have gradients of nearly zero, by whose size RMSprop divides) to what inputs larger
by 1e-15 of themselves make of it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

import flambeau as torch
from flambeau import nn
from flambeau._compile import joined, replay

FULL = os.environ.get("FLAMBEAU_PARITY_FULL", "") not in ("", "0")
WIDTH = 6

LAYERS = {
    "linear": lambda: nn.Linear(WIDTH, WIDTH),
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "norm": lambda: nn.LayerNorm(WIDTH),
    "batch": lambda: nn.BatchNorm1d(WIDTH),
    "dropout": lambda: nn.Dropout(0.3),
}
OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.05),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True),
    "adam": lambda p: torch.optim.Adam(p, lr=0.01),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.01, amsgrad=True),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.01, momentum=0.5),
}
EVENTS = (
    "none", "rate", "evaluate", "freeze", "small", "seed", "scale", "keep",
    "layer", "parameter", "data", "attribute", "hook",
)  # fmt: skip

programs = st.fixed_dictionaries(
    {
        "layers": st.lists(st.sampled_from(sorted(LAYERS)), min_size=1, max_size=4),
        "optimizer": st.sampled_from(sorted(OPTIMIZERS)),
        "parts": st.sampled_from((1, 2)),
        "clip": st.booleans(),
        "average": st.booleans(),
        "schedule": st.booleans(),
        "to_none": st.booleans(),
        "events": st.lists(st.sampled_from(EVENTS), min_size=4, max_size=7),
    }
)


def batch(step: int, rows: int) -> torch.Tensor:
    rng = np.random.default_rng(step)
    return torch.from_numpy(rng.standard_normal((rows, WIDTH)))


def trained(
    program: dict[str, Any], compiled: bool, nudge: float = 0.0
) -> tuple[list[dict[str, Any]], int]:
    """The loss and the whole state after each step, and how many steps were replayed.

    `nudge` is by which part of itself every input is larger.
    """
    torch.manual_seed(0)
    # double: Adam divides by the size of gradients, which blows rounding up where they are zero
    net = nn.Sequential(nn.Linear(WIDTH, WIDTH), *(LAYERS[n]() for n in program["layers"]))
    net.double()
    net.register_buffer("scale", torch.ones(()))
    net.factor = 1.0
    net.append(nn.Tanh())
    replaced: list[Any] = []  # lives on
    hooks: list[Any] = []
    optimizer = OPTIMIZERS[program["optimizer"]](net.parameters())
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
    average = [p.detach().clone() for p in net.parameters()]

    def step(x: torch.Tensor) -> torch.Tensor:
        optimizer.zero_grad(set_to_none=program["to_none"])
        for _ in range(program["parts"]):
            loss = (net(x) * net.scale * net.factor).square().mean() / program["parts"]
            loss.backward()
        if program["clip"]:
            nn.utils.clip_grad_norm_(net.parameters(), 0.5)
        optimizer.step()
        with torch.no_grad():
            net.scale.mul_(1.01)
            if program["average"]:
                for a, p in zip(average, net.parameters(), strict=True):
                    a.lerp_(p, 0.1)
        return loss

    run: Any = torch.compile(step) if compiled else step
    seen = []
    # a replay needs a call that warms up and one that is recorded
    for at, event in enumerate(["none", "none", "none", *program["events"]]):
        rows = 4
        if event == "rate":
            optimizer.param_groups[0]["lr"] *= 0.7
        elif event == "evaluate":
            net.train(not net.training)
        elif event == "freeze":
            net[0].bias.requires_grad_(not net[0].bias.requires_grad)
        elif event == "small":
            rows = 3
        elif event == "seed":
            torch.manual_seed(at)
        elif event == "scale":
            net.scale.fill_(0.9)
        elif event == "layer":
            replaced.append(net[-1])
            net[-1] = nn.Sigmoid() if isinstance(net[-1], nn.Tanh) else nn.Tanh()
        elif event == "parameter":
            replaced.append(net[0].bias)
            net[0].bias = nn.Parameter(net[0].bias.detach() + 0.5)
        elif event == "data":
            replaced.append(net[0].weight.detach())
            net[0].weight.data = net[0].weight.detach() * 0.5
        elif event == "attribute":
            net.factor *= 0.9
            for m in net:
                if isinstance(m, nn.Dropout):
                    m.p = 0.8 - m.p
        elif event == "hook":
            if hooks:
                hooks.pop().remove()
            else:
                hooks.append(net[0].register_forward_hook(lambda m, args, out: out * 0.5))
        elif event == "keep":
            kept = net[0].weight.detach()
            before = kept.clone()
            run(batch(at, rows) * (1 + nudge))
            # what shares the parameter's memory sees its update
            assert not torch.equal(kept, before)
            continue
        loss = run(batch(at, rows) * (1 + nudge))
        if program["schedule"]:
            scheduler.step()
        seen.append(
            {
                "event": event,
                "loss": loss.item(),
                "drawn": torch.rand(()).item(),
                **{n: t.numpy(force=True).copy() for n, t in net.state_dict().items()},
                **{f"average.{i}": t.numpy(force=True).copy() for i, t in enumerate(average)},
                **{
                    f"{i}.{key}": np.array(value.numpy(force=True))
                    for i, state in optimizer.state_dict()["state"].items()
                    for key, value in state.items()
                    if isinstance(value, torch.Tensor)
                },
            }
        )
    return seen, run.replays if compiled else 0


def same(program: dict[str, Any]) -> None:
    """Train with the program unmodified and compiled, and compare all that can be seen."""
    with torch.silence("FB006"):  # the optimizer goes on with a parameter that was replaced
        plain, _ = trained(program, compiled=False)
        replayed, replays = trained(program, compiled=True)
    assert replays >= 1
    apart = list(differences(plain, replayed))
    if apart:
        with torch.silence("FB006"):
            nudged, _ = trained(program, compiled=False, nudge=1e-15)
        rounding = {(at, name): size for at, name, size in differences(plain, nudged, 0.1)}
        beyond = [d for d in apart if not d[2] <= 10 * rounding.get(d[:2], 0.0)]  # nor NaN
        assert not beyond


def differences(
    one: list[dict[str, Any]], other: list[dict[str, Any]], part: float = 1.0
) -> Iterator[tuple[int, str, float]]:
    """What differs after which step, and by how much at most, beyond a part of the tolerance."""
    for at, (a, b) in enumerate(zip(one, other, strict=True)):
        assert a.keys() == b.keys(), (at, a["event"])
        for name in a.keys() - {"event"}:
            x, y = np.asarray(a[name]), np.asarray(b[name])
            if not np.allclose(y, x, rtol=part * 1e-7, atol=part * 1e-9, equal_nan=True):
                yield at, f"{name} ({a['event']})", float(np.max(np.abs(x - y)))


@hypothesis.settings(max_examples=300 if FULL else 6)
@hypothesis.given(programs)
def test_compiled_is_as_unmodified(program: dict[str, Any]) -> None:
    same(program)


def at_once(make: Callable[[], Any]) -> Future[Any]:
    made: Future[Any] = Future()
    made.set_result(make())
    return made


@hypothesis.settings(max_examples=60 if FULL else 2)
@hypothesis.given(programs)
def test_with_its_state_in_one_array_too(program: dict[str, Any]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replay, "JOIN_AFTER", 1)
        patch.setattr(replay.background, "start", at_once)
        patch.setattr(replay, "PATIENCE", 10**9)
        patch.setattr(joined, "LEAST", 2)
        same(program)
