"""compile: the same numbers without running the function's Python."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import flambeau as torch
from flambeau._engine import donation
from flambeau._engine.program import Program, stats
from tests.compile.recorded import step_of


class Net(torch.nn.Module):
    def __init__(self, seed: int = 0):
        super().__init__()
        rng = np.random.default_rng(seed)
        self.w = torch.nn.Parameter(torch.tensor(rng.standard_normal((4, 3)).astype(np.float32)))
        self.b = torch.nn.Parameter(torch.tensor(np.zeros(3, np.float32)))
        self.register_buffer("calls", torch.tensor(0.0))

    def forward(self, x):
        if self.training:
            with torch.no_grad():
                self.calls += 1
        return (x @ self.w + self.b).tanh()


def batch(n=8, seed=1):
    rng = np.random.default_rng(seed)
    return torch.tensor(rng.standard_normal((n, 4)).astype(np.float32))


def training(compiled: bool, make_optimizer, hook=None):
    net = Net()
    optimizer = make_optimizer(net.parameters())

    def step(x):
        optimizer.zero_grad()
        loss = (net(x) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss

    run = torch.compile(step) if compiled else step
    losses = []
    for i in range(8):
        if hook is not None:
            hook(i, net, optimizer)
        losses.append(run(batch(seed=i % 3)).item())
    state = [p.detach().tolist() for p in net.parameters()]
    return losses, state, net.calls.item(), run


@pytest.mark.parametrize(
    "make",
    [
        lambda p: torch.optim.SGD(p, lr=0.1),
        lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
        lambda p: torch.optim.Adam(p, lr=0.01),
        lambda p: torch.optim.AdamW(p, lr=0.01),
    ],
    ids=["sgd", "momentum", "adam", "adamw"],
)
def test_a_training_step_replays_with_the_same_numbers(make):
    plain = training(False, make)
    compiled = training(True, make)
    assert compiled[:3] == plain[:3]
    assert compiled[2] == 8.0
    assert compiled[3].replays == 6
    assert compiled[3].recordings == 1


def test_a_new_learning_rate_is_honoured_at_replay():
    def change(i, net, optimizer):
        optimizer.param_groups[0]["lr"] = 0.01 * (i + 1)

    make = torch.optim.Adam
    plain = training(False, make, change)
    compiled = training(True, make, change)
    assert compiled[:2] == plain[:2]
    assert compiled[3].replays == 6


def test_a_replay_compiles_nothing():
    net = Net()
    optimizer = torch.optim.Adam(net.parameters())

    @torch.compile
    def step(x):
        optimizer.zero_grad()
        loss = net(x).mean()
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(3):
        step(batch())
    before = stats.programs
    for _ in range(5):
        step(batch())
    assert stats.programs == before


def test_another_shape_and_mode_make_other_recordings():
    net = Net()

    @torch.compile
    def forward(x):
        with torch.no_grad():
            return net(x)

    for n in (8, 8, 8, 5, 5, 5):
        forward(batch(n))
    assert forward.recordings == 2
    net.eval()
    before = net.calls.item()
    for _ in range(3):
        out = forward(batch(8))
    assert forward.recordings == 3
    assert net.calls.item() == before
    np.testing.assert_allclose(out.tolist(), net(batch(8)).detach().tolist(), rtol=1e-6)


def test_frozen_parameters_are_noticed():
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)

    step = step_of(net, optimizer)
    for _ in range(3):
        step(batch())
    net.w.requires_grad_(False)
    frozen = net.w.tolist()
    bias = net.b.tolist()
    for _ in range(4):
        step(batch())
    assert net.w.tolist() == frozen
    assert net.b.tolist() != bias


def test_gradients_accumulate_in_a_replay():
    w = torch.ones(3, requires_grad=True)

    @torch.compile
    def accumulate(x):
        (w * x).sum().backward()

    for _ in range(5):
        accumulate(torch.ones(3))
    assert w.grad.tolist() == [5.0] * 3


def test_random_numbers_are_fresh_at_each_replay():
    @torch.compile
    def draw():
        return torch.rand(4)

    seen = [tuple(draw().tolist()) for _ in range(6)]
    assert len(set(seen)) == 6
    torch.manual_seed(5)
    first = draw().tolist()
    torch.manual_seed(5)
    assert draw().tolist() == first


def test_a_hidden_state_kept_on_an_object():
    class Counter:
        h = torch.zeros(2)

    cell = Counter()
    cell.h = torch.zeros(2)

    @torch.compile
    def advance(x):
        with torch.no_grad():
            cell.h = cell.h * 0.5 + x
            return cell.h.sum()

    h = np.zeros(2)
    for _ in range(7):
        h = h * 0.5 + 1
        assert advance(torch.ones(2)).item() == pytest.approx(h.sum())
    assert advance.replays >= 3, advance.reasons
    np.testing.assert_allclose(cell.h.tolist(), h)


def test_reading_a_value_inside_names_the_line():
    @torch.compile
    def bad(x):
        return x * x.sum().item()

    with pytest.raises(
        RuntimeError, match=r"read inside a compiled function, at .*test_compile\.py:\d+"
    ):
        bad(torch.ones(2))
    assert torch.ones(2).sum().item() == 2.0


def test_a_result_that_can_be_differentiated_runs_as_it_is():
    w = torch.ones(2, requires_grad=True)
    double = torch.compile(lambda x: w * x)
    for _ in range(4):
        w.grad = None
        double(torch.ones(2)).sum().backward()
        assert w.grad.tolist() == [1.0, 1.0]
    assert double.replays == 0
    assert "differentiated" in double.reasons[0]


def test_the_result_of_a_training_step_cannot_go_back_twice():
    w = torch.ones(2, requires_grad=True)

    @torch.compile
    def step(x):
        w.grad = None
        loss = (w * x).sum()
        loss.backward()
        return loss

    for _ in range(4):
        loss = step(torch.ones(2))
        with pytest.raises(RuntimeError, match="second time"):
            loss.backward()


def test_a_scheduler_inside_the_step_runs_as_it_is():
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=1.0)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)

    @torch.compile
    def step(x):
        optimizer.zero_grad()
        net(x).sum().backward()
        optimizer.step()
        scheduler.step()

    for _ in range(5):
        step(batch())
    assert optimizer.param_groups[0]["lr"] == 1.0 / 32
    assert "scheduler" in step.reasons[0]


def test_an_array_held_outside_survives_donation():
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)

    @torch.compile
    def step(x):
        optimizer.zero_grad()
        net(x).sum().backward()
        optimizer.step()

    for _ in range(4):
        held = net.w.detach().numpy()
        copy = held.copy()
        alias = net.w.detach()
        step(batch())
        np.testing.assert_array_equal(held, copy)
        assert alias.tolist() == net.w.tolist()


def test_a_module_keeps_its_parameters_and_names():
    net = Net()
    fast = torch.compile(net)
    np.testing.assert_allclose(fast(batch()).tolist(), net(batch()).tolist(), rtol=1e-6)
    assert list(fast.state_dict()) == ["_orig_mod.w", "_orig_mod.b", "_orig_mod.calls"]
    assert fast.w is net.w
    fast(batch()).sum().backward()
    assert net.w.grad is not None


def test_as_a_decorator_with_options_and_disabled():
    @torch.compile(mode="max-autotune", fullgraph=True)
    def f(x):
        return x + 1

    assert [f(torch.ones(1)).item() for _ in range(4)] == [2.0] * 4
    assert f.replays == 2

    def g(x):
        return x

    assert torch.compile(g, disable=True) is g
    with pytest.raises(TypeError, match="function or a module"):
        torch.compile(3)


def descent(p, rate):
    """A compiled step down the square of a parameter."""
    optimizer = torch.optim.SGD([p], lr=rate)

    @torch.compile
    def step():
        optimizer.zero_grad()
        (p * p).sum().backward()
        optimizer.step()

    return step


def test_gradients_that_are_replaced_are_let_go_before_the_program_runs(monkeypatch):
    p = torch.tensor([1.0, 2.0], requires_grad=True)
    step = descent(p, 0.1)
    for _ in range(3):
        step()
    held = p.grad
    before = held.tolist()
    there = []
    run = Program.__call__

    def noting(self, *args):
        there.append(p.grad)
        return run(self, *args)

    monkeypatch.setattr(Program, "__call__", noting)
    step()
    assert there == [None]
    assert p.grad is not held
    assert held.tolist() == before  # what somebody holds stays what it was
    np.testing.assert_allclose(p.grad.numpy(), np.array(before) * 0.8, rtol=1e-6)


@pytest.mark.parametrize("steady", [set(), {"cpu"}])
def test_state_stays_where_it_is_in_memory(steady, monkeypatch):
    monkeypatch.setattr(donation, "STEADY", steady)
    nn = torch.nn
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 4, bias=False))
    optimizer = torch.optim.Adam(model.parameters())
    x = torch.ones(3, 4)

    @torch.compile
    def step():
        optimizer.zero_grad()
        (model(x) ** 2).mean().backward()
        optimizer.step()

    def addresses():
        state = [v for s in optimizer.state.values() for v in s.values()]
        tensors = [*model.parameters(), *model.buffers(), *state]
        return [t._storage.value.array.unsafe_buffer_pointer() for t in tensors]

    for _ in range(3):
        step()
    before = addresses()
    step()
    assert addresses() == before


@pytest.mark.parametrize("holding", ["nobody", "the tensor", "a view", "an array"])
def test_new_gradients_take_the_memory_of_the_old_ones(holding, monkeypatch):
    monkeypatch.setattr(donation, "STEADY", {"cpu"})
    net = Net()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    x = batch()

    @torch.compile
    def step():
        optimizer.zero_grad()
        loss = (net(x) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss

    step()
    losses, held, kept, places = [], [], [], []
    for _ in range(5):
        losses.append(step().item())
        grad = net.w.grad
        if holding == "the tensor":
            held.append(grad)
        elif holding == "a view":
            held.append(grad[0])
        elif holding == "an array":
            held.append(torch.as_tensor(grad.numpy()))
        kept.append(grad.tolist())
        places.append(grad._storage.value.array.unsafe_buffer_pointer())
        del grad
    (program,) = {r.program for k in step._kinds.values() for r in k.replays}  # one recording
    assert len(program.vessels) == 2
    # `numpy()` copies: an array from it holds nothing.
    assert (len(set(places[1:])) == 1) is (holding in ("nobody", "an array"))
    assert losses == sorted(losses, reverse=True)
    for h, k in zip(held, kept, strict=False):
        assert h.tolist() == (k[0] if holding == "a view" else k)
    plain = Net()
    by_hand = (plain.w, plain.b)
    ours = torch.optim.Adam(by_hand, lr=0.01)
    for _ in range(6):
        ours.zero_grad()
        (plain(x) ** 2).mean().backward()
        ours.step()
    np.testing.assert_allclose(net.w.grad.numpy(), plain.w.grad.numpy(), rtol=1e-5, atol=1e-7)


def test_gradients_that_add_up_stay_where_they_are():
    p = torch.tensor([1.0, 2.0], requires_grad=True)

    @torch.compile
    def step():
        (p * p).sum().backward()

    for k in range(1, 6):
        step()
        assert p.grad.tolist() == [2.0 * k, 4.0 * k]
    held = p.grad
    step()
    assert p.grad is held
    assert held.tolist() == [12.0, 24.0]


def test_what_a_tape_saved_stays_what_it_was():
    p = torch.tensor([1.0, 2.0], requires_grad=True)
    step = descent(p, 0.5)
    for _ in range(3):
        p.data.copy_(torch.tensor([1.0, 2.0]))
        step()
    p.data.copy_(torch.tensor([3.0, 5.0]))
    old = (p * p).sum()
    old.item()
    step()
    assert p.tolist() == [0.0, 0.0]
    p.grad = None
    old.backward()
    assert p.grad.tolist() == [6.0, 10.0]


@pytest.mark.parametrize("change", ["freeze", "load"])
def test_an_optimizer_whose_state_was_rearranged_is_recorded_again(change):
    def run(compiled):
        net = Net()
        optimizer = torch.optim.Adam(net.parameters(), lr=0.1)
        x = batch()

        def step():
            optimizer.zero_grad(set_to_none=False)
            (net(x) ** 2).mean().backward()
            optimizer.step()

        steps = torch.compile(step) if compiled else step
        for at in range(10):
            if change == "freeze" and at in (4, 8):
                net.b.requires_grad_(at == 8)
            if change == "load" and at == 5:
                optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
            steps()
        state = [t.tolist() for s in optimizer.state_dict()["state"].values() for t in s.values()]
        return state, [p.tolist() for p in net.parameters()]

    plain, compiled = run(False), run(True)
    for a, b in zip(plain, compiled, strict=True):
        for x, y in zip(a, b, strict=True):
            np.testing.assert_allclose(y, x, rtol=1e-5, atol=1e-6)
