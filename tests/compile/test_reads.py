"""Attributes of modules that a compiled function reads: another value makes another recording."""

from __future__ import annotations

import gc
import threading
import types
import weakref

import pytest

import flambeau as torch
from flambeau._compile import reads
from flambeau._compile.wiring import Wiring
from tests.compile.recorded import forward_of


class Settings(torch.nn.Module):
    """Never called, only read."""

    def __init__(self):
        super().__init__()
        self.offset = 1


def twice(x):
    return x * 2


def thrice(x):
    return x * 3


class Net(torch.nn.Module):
    power = 1

    def __init__(self):
        super().__init__()
        self.factor = 2.0
        self.epoch = 0
        self.unread = 0
        self.calls = 0
        self.sizes = [1, 2]
        self.options = {"shift": 1.0}
        self.act = twice
        self.mask = torch.ones(1)
        self.drop = torch.nn.Dropout(0.0)
        self.settings = Settings()

    def added(self, x):
        return x + self.options["shift"] + self.settings.offset

    def forward(self, x):
        self.calls += 1
        x = self.drop(self.act(x * self.factor) * self.mask)
        if self.epoch > 2:
            x = x + 100
        return self.added(x) ** self.power + sum(self.sizes)


MASK = torch.zeros(1)
CHANGES = {
    "number": lambda net: setattr(net, "factor", 3.0),
    "number of another type": lambda net: setattr(net, "power", 2),
    "flag beyond a threshold": lambda net: setattr(net, "epoch", 3),
    "list": lambda net: setattr(net, "sizes", [4]),
    "dictionary": lambda net: setattr(net, "options", {"shift": 5.0}),
    "function": lambda net: setattr(net, "act", thrice),
    "tensor": lambda net: setattr(net, "mask", MASK),
    "probability": lambda net: setattr(net.drop, "p", 1.0),
    "module that is not called": lambda net: setattr(net.settings, "offset", 5),
    "forward": lambda net: setattr(net, "forward", lambda x: x * 50),
    "method": lambda net: setattr(net, "added", types.MethodType(lambda self, x: x + 50, net)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_another_value_of_an_attribute_is_noticed_and_the_first_one_again(change):
    net = Net()
    kept = net.mask, net.act, net.sizes
    forward = forward_of(net)
    assert forward(torch.ones(1)).item() == 9
    fields = dict(vars(net)), dict(vars(net.drop)), dict(vars(net.settings))
    CHANGES[change](net)
    wanted = net(torch.ones(1)).item()
    assert wanted != 9
    for _ in range(4):
        assert forward(torch.ones(1)).item() == wanted
    assert forward.replays == 5
    for m, before in zip((net, net.drop, net.settings), fields, strict=True):
        for name in set(vars(m)) - set(before):
            delattr(m, name)
        for name in ("factor", "epoch", "sizes", "options", "act", "mask", "p", "offset"):
            if name in before:
                setattr(m, name, before[name])
    assert forward(torch.ones(1)).item() == 9
    assert forward.replays == 6
    del kept


def test_what_the_function_changes_itself_makes_no_other_recording():
    net = Net()
    forward = forward_of(net)
    assert forward(torch.ones(1)).item() == 9
    assert net.calls == 2  # the function's Python ran twice
    net.calls = 50
    for _ in range(3):
        assert forward(torch.ones(1)).item() == 9
    assert forward.recordings == 1


def test_an_attribute_that_is_not_read_is_of_no_concern(monkeypatch):
    net = Net()
    forward = forward_of(net)
    assert forward(torch.ones(1)).item() == 9
    looks = []
    look = Wiring._modules_hold
    monkeypatch.setattr(Wiring, "_modules_hold", lambda self: looks.append(1) or look(self))
    for n in range(3):
        net.unread = n
        net.factor = 2.0  # equal, and the same object or not
        assert forward(torch.ones(1)).item() == 9
    assert forward.recordings == 1
    assert len(looks) <= 3


def test_a_value_that_is_equal_holds():
    net = Net()
    forward = forward_of(net)
    assert forward(torch.ones(1)).item() == 9
    net.sizes, net.options, net.factor = [1, 2], {"shift": 1.0}, float("2")
    assert forward(torch.ones(1)).item() == 9
    assert forward.recordings == 1
    net.factor = 2  # an int makes results of another dtype
    forward(torch.ones(1))
    assert forward.recordings == 1  # the first call of the new kind runs as it is
    forward(torch.ones(1))
    assert forward.recordings == 2


def test_modules_read_as_ever_after_a_recording_and_after_one_that_failed():
    forward_of(Net())
    assert "__getattribute__" not in vars(torch.nn.Module)

    @torch.compile
    def fails(x):
        fails.calls += 1
        if fails.calls == 2:
            assert "__getattribute__" in vars(torch.nn.Module)
            raise ValueError("no")

    fails.calls = 0
    fails(torch.ones(1))
    with pytest.raises(ValueError, match="no"):
        fails(torch.ones(1))
    assert "__getattribute__" not in vars(torch.nn.Module)


def test_reads_of_other_threads_are_theirs():
    net, other = Net(), Net()
    with reads.noting() as mine:
        assert net.factor == 2

        def work():
            with reads.noting() as theirs:
                assert other.epoch == 0
            found.append(theirs)

        found = []
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert net.unread == 0
    names = [[n for _, values in r._found.values() for n in values] for r in (mine, *found)]
    assert names == [["factor", "unread"], ["epoch"]]


def test_attributes_are_held_weakly():
    net = Net()
    forward = forward_of(net)
    assert forward(torch.ones(1)).item() == 9
    mask = weakref.ref(net.mask)
    net.mask = MASK
    gc.collect()
    assert mask() is None
    assert forward(torch.ones(1)).item() == net(torch.ones(1)).item()


def test_none_in_the_place_of_an_object_that_is_gone_is_noticed():
    class Chooses(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.act = lambda x: x * 2

        def forward(self, x):
            return x if self.act is None else self.act(x)

    net = Chooses()
    forward = forward_of(net)
    assert forward(torch.ones(1)).item() == 2
    net.act = None
    gc.collect()
    assert forward(torch.ones(1)).item() == 1


def test_under_anomaly_mode_functions_run_as_they_are():
    w = torch.ones(1, requires_grad=True)
    runs = []

    @torch.compile
    def step(x):
        runs.append(1)
        w.grad = None
        (w * x).sqrt().sum().backward()

    for _ in range(4):
        step(torch.ones(1))
    assert len(runs) == 2
    with torch.autograd.detect_anomaly(), pytest.raises(RuntimeError, match="nan"):
        step(-torch.ones(1))
    assert len(runs) == 3
