"""Small state in one array: the same bits, and whoever looks at a tensor finds it."""

from __future__ import annotations

import copy
import threading
from concurrent.futures import Future

import numpy as np
import pytest

import flambeau as torch
from flambeau import nn
from flambeau._compile import joined, replay
from flambeau._engine.program import stats
from flambeau._insight.dry import dry_run

JOIN_AFTER = 4
STEPS = JOIN_AFTER + 6


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    """Replays join early, and wait for the program."""
    monkeypatch.setattr(replay, "JOIN_AFTER", JOIN_AFTER)
    monkeypatch.setattr(replay.background, "start", in_turn)


def in_turn(make):
    made = Future()
    made.set_result(make())
    return made


class Training:
    """A small model, compiled; `run` makes steps."""

    def __init__(self, compiled: bool = True, make=None, seed: int = 0):
        torch.manual_seed(seed)
        self.net = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 2))
        make = make or (lambda p: torch.optim.Adam(p, lr=0.01))
        self.optimizer = make(self.net.parameters())
        rng = np.random.default_rng(seed)
        self.x = torch.tensor(rng.standard_normal((8, 4)).astype(np.float32))
        self.y = torch.tensor(rng.integers(0, 2, 8))
        self.step = torch.compile(self._step) if compiled else self._step

    def _step(self):
        self.optimizer.zero_grad()
        loss = nn.functional.cross_entropy(self.net(self.x), self.y)
        loss.backward()
        self.optimizer.step()
        return loss

    def run(self, steps: int = STEPS) -> list[float]:
        return [self.step().item() for _ in range(steps)]

    @property
    def joined(self):
        (kind,) = self.step._kinds.values()
        return kind.replays[0].joined

    def state(self) -> dict[str, np.ndarray]:
        found = {n: t.numpy(force=True) for n, t in self.net.state_dict().items()}
        for n, p in self.net.named_parameters():
            found[f"{n}.grad"] = p.grad.numpy()
            for name, t in self.optimizer.state[p].items():
                found[f"{n}.{name}"] = t.numpy()
        return {n: a.copy() for n, a in found.items()}


def assert_same(a: Training, b: Training) -> None:
    ours, theirs = a.state(), b.state()
    assert ours.keys() == theirs.keys()
    for name in ours:
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)


@pytest.fixture
def pair():
    """The same training, compiled with joined state and unmodified, after the same steps."""
    a, b = Training(), Training(compiled=False)
    assert a.run() == b.run()
    assert a.joined is not None
    assert a.joined.array is not None
    return a, b


@pytest.mark.parametrize(
    "make",
    [
        lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
        lambda p: torch.optim.AdamW(p, lr=0.01, amsgrad=True),
    ],
    ids=["momentum", "adamw"],
)
def test_the_bits_are_those_of_the_unmodified_program(make):
    a, b = Training(make=make), Training(compiled=False, make=make)
    assert a.run() == b.run()
    assert a.joined.array is not None
    assert_same(a, b)


def test_all_small_float32_state_is_in_it(pair):
    a, _ = pair
    # 6 parameters with gradient and two averages each, a shared step, two running statistics.
    assert a.joined.array.shape == (4 * sum(p.numel() for p in a.net.parameters()) + 1 + 12,)
    assert a.net[1].num_batches_tracked.item() == STEPS  # an integer: apart
    assert all(p._storage.value.array is None for p in a.net.parameters())


def test_reading_gives_the_arrays_back_and_training_goes_on(pair):
    a, b = pair
    assert_same(a, b)
    assert a.joined.array is None
    assert a.run(3) == b.run(3)
    assert a.joined.array is not None
    assert_same(a, b)


def look_at_a_gradient(t: Training):
    held = t.net[0].weight.grad
    return held.tolist


def look_at_a_view_of_a_gradient(t: Training):
    held = t.net[0].weight.grad[0]
    return held.tolist


def clone(t: Training):
    held = t.net[0].weight.detach().clone()
    return held.tolist


def keep_for_a_backward(t: Training):
    x = torch.ones(4, 4, requires_grad=True)
    out = (x @ t.net[0].weight.detach().clone().T).sum()

    def later():
        out.backward()
        return x.grad.tolist()

    return later


def copy_of_the_model(t: Training):
    held = copy.deepcopy(t.net)
    return lambda: [p.tolist() for p in held.parameters()]


def state_dict_of_the_optimizer(t: Training):
    held = copy.deepcopy(t.optimizer.state_dict())
    return lambda: [s["exp_avg"].tolist() for s in held["state"].values()]


@pytest.mark.parametrize(
    "hold",
    [
        look_at_a_gradient,
        look_at_a_view_of_a_gradient,
        clone,
        keep_for_a_backward,
        copy_of_the_model,
        state_dict_of_the_optimizer,
    ],
)
def test_what_is_held_keeps_its_content(pair, hold):
    a, b = pair
    ours, theirs = hold(a), hold(b)
    assert a.run(2) == b.run(2)
    assert ours() == theirs()
    assert_same(a, b)


def test_what_shares_a_parameters_memory_sees_its_update(pair):
    a, b = pair
    ours, theirs = a.net[0].weight.detach(), b.net[0].weight.detach()
    a.run(2)
    b.run(2)
    assert ours.tolist() == theirs.tolist() == b.net[0].weight.tolist()


def assign_data(t: Training) -> None:
    t.net[0].weight.data = torch.ones(6, 4)


def write_in_place(t: Training) -> None:
    with torch.no_grad():
        t.net[0].weight.mul_(0.5)


def load(t: Training) -> None:
    t.net.load_state_dict({n: torch.ones_like(p) for n, p in t.net.state_dict().items()})


def new_rate(t: Training) -> None:
    t.optimizer.param_groups[0]["lr"] = 0.5


def other_gradient(t: Training) -> None:
    t.net[0].weight.grad = torch.ones(6, 4)


@pytest.mark.parametrize("change", [assign_data, write_in_place, load, new_rate, other_gradient])
def test_changes_from_outside_count(pair, change):
    a, b = pair
    change(a)
    change(b)
    assert a.run(3) == b.run(3)
    assert_same(a, b)


def test_a_dry_run_leaves_it_as_it_is(pair):
    a, b = pair
    with dry_run(a.net, "summary"):
        pass
    assert a.joined.array is not None
    assert_same(a, b)


def test_gradients_dropped_between_steps():
    a, b = Training(), Training(compiled=False)
    for t in (a, b):
        for _ in range(STEPS):
            t.run(1)
            t.optimizer.zero_grad()
    a.run(1)
    b.run(1)
    assert any(r.joined is not None for k in a.step._kinds.values() for r in k.replays)
    assert_same(a, b)


def test_history_from_before_keeps_what_it_saved(pair):
    grads = []
    for t in pair:
        x = torch.ones(3, 4, requires_grad=True)
        out = nn.functional.linear(x, t.net[0].weight).sum()
        version = t.net[0].weight._version
        t.run(1)
        assert t.net[0].weight._version == version + 1
        out.backward()
        grads.append(x.grad.tolist())
    assert grads[0] == grads[1]


def test_who_reads_after_every_step_has_the_arrays_apart_again():
    a, b = Training(), Training(compiled=False)
    for _ in range(JOIN_AFTER + 2 + replay.PATIENCE + 4):
        assert a.run(1) == b.run(1)
        for p, q in zip(a.net.parameters(), b.net.parameters(), strict=True):
            assert p.tolist() == q.tolist()
    assert a.joined is None
    assert_same(a, b)


def read(p):
    return p.tolist()


def norm_of_the_gradient(p):
    return p.grad.norm().item()


def gradient_times_two(p):
    return p.grad.mul_(2).tolist()


def detached(p):
    return p.detach()


def sum_with_history(p):
    return (p * p).sum()


@pytest.mark.parametrize(
    "look", [read, norm_of_the_gradient, gradient_times_two, detached, sum_with_history]
)
def test_who_looks_at_one_is_given_a_copy(pair, look):
    a, b = pair
    array = a.joined
    for _ in range(replay.PATIENCE + 3):
        ours, theirs = (look(t.net[0].weight) for t in pair)
        if look in (read, norm_of_the_gradient, gradient_times_two):
            assert ours == theirs
        assert a.run(1) == b.run(1)
        if look is detached:  # the same memory: it sees the update
            assert ours.tolist() == theirs.tolist() == b.net[0].weight.tolist()
    assert a.joined is array
    assert a.joined.array is not None
    assert a.joined.disturbed == 0
    if look is sum_with_history:
        assert ours.item() == theirs.item()
    assert_same(a, b)


def test_who_looks_at_many_has_them_back(pair):
    a, b = pair
    for n, (p, q) in enumerate(zip(a.net.parameters(), b.net.parameters(), strict=True), 1):
        assert p.tolist() == q.tolist()
        assert p.tolist() == q.tolist()  # it has its array by now
        assert (a.joined.array is None) is (n > joined.FEW)
    assert a.run(2) == b.run(2)
    assert a.joined.array is not None
    assert_same(a, b)


def test_the_program_is_compiled_in_the_background(monkeypatch):
    monkeypatch.setattr(replay.background, "start", start := Start())
    a, b = Training(), Training(compiled=False)
    assert a.run() == b.run()
    (make,) = start.asked
    assert a.joined is None
    start.made.set_result(make())
    assert a.run(2) == b.run(2)
    assert a.joined.array is not None


def test_without_the_program_training_goes_on(monkeypatch):
    monkeypatch.setattr(replay.background, "start", start := Start())
    a, b = Training(), Training(compiled=False)
    assert a.run() == b.run()
    start.made.set_exception(RuntimeError("RESOURCE_EXHAUSTED: no room"))
    assert a.run(2) == b.run(2)
    assert a.joined is None
    assert any(line.endswith("stays apart: RESOURCE_EXHAUSTED: no room") for line in stats.log)


class Start:
    """Stands for the background's: notes what it was asked for."""

    def __init__(self):
        self.asked = []
        self.made = Future()

    def __call__(self, make):
        self.asked.append(make)
        return self.made


def test_another_function_that_uses_the_state(pair):
    a, b = pair

    @torch.compile
    def evaluate(x):
        with torch.no_grad():
            return a.net(x).sum()

    for _ in range(4):
        out = evaluate(a.x).item()
        with torch.no_grad():
            assert out == pytest.approx(b.net(b.x).sum().item(), abs=1e-6)
        assert a.run(2) == b.run(2)


def test_threads_read_while_it_trains(pair, monkeypatch):
    monkeypatch.setattr(replay, "PATIENCE", 10**9)
    a, b = pair
    seen: list[float] = []
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            seen.append(float(np.abs(a.net[0].weight.detach().numpy()).max()))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        losses = a.run(60)
    finally:
        done.set()
        thread.join()
    assert losses == b.run(60)
    assert seen
    assert np.isfinite(seen).all()


@pytest.mark.parametrize(("name", "bound"), [("LEAST", 10**6), ("LARGEST", 10), ("LEFT", 0.05)])
def test_few_or_large_arrays_stay_apart(monkeypatch, name, bound):
    monkeypatch.setattr(joined, name, bound)
    t = Training()
    t.run()
    assert t.joined is None


@pytest.fixture
def failing(pair, monkeypatch):
    """As `pair`; the first launch of the joined program fails."""
    a, b = pair
    (kind,) = a.step._kinds.values()
    program = kind.replays[0]._joined_form.program
    compiled = program.compiled

    def fail(overwrites: bool):
        def fails(array, *rest):
            if overwrites:
                array.delete()
            program.compiled = compiled
            raise ValueError("no memory")

        program.compiled = fails

    return a, b, fail


@pytest.mark.parametrize("apart", [False, True])
def test_a_launch_that_fails_before_it_overwrites_loses_nothing(failing, apart):
    a, b, fail = failing
    if apart:
        assert_same(a, b)
    fail(overwrites=False)
    with pytest.raises(ValueError, match="no memory"):
        a.step()
    assert a.net[0].weight.tolist() == b.net[0].weight.tolist()
    assert a.run(2) == b.run(2)
    assert_same(a, b)


def test_state_that_a_failed_launch_has_overwritten_is_told(failing):
    a, _, fail = failing
    fail(overwrites=True)
    with pytest.raises(ValueError, match="no memory"):
        a.step()
    with pytest.raises(RuntimeError, match="lost its graph"):
        a.net[0].weight.tolist()
    a.net.load_state_dict({n: torch.ones_like(p) for n, p in Training().net.state_dict().items()})
    assert a.net[0].weight.tolist() == torch.ones(6, 4).tolist()
