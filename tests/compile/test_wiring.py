"""What a compiled function was recorded with: noticed when it changes, not looked at until then."""

from __future__ import annotations

import collections
import copy
import gc
import weakref

import pytest

import flambeau as torch
from flambeau._compile.wiring import Wiring
from flambeau._engine.changes import changes
from flambeau._engine.program import Program
from flambeau.nn._module import hooks as module_hooks
from tests.compile.recorded import forward_of, step_of


class Block(torch.nn.Module):
    """Scales, shifts by a buffer, and goes through layers of its own."""

    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.tensor([2.0]))
        self.register_buffer("shift", torch.tensor([1.0]))
        self.head = Double()
        self.layers = torch.nn.Sequential(torch.nn.Identity(), Double())

    def forward(self, x):
        return self.layers(self.head(x * self.scale + self.shift))


class Double(torch.nn.Module):
    def forward(self, x):
        return x * 2 if self.training else x


class Triple(torch.nn.Module):
    def forward(self, x):
        return x * 3


def plus_one(module, args, out):
    return out + 1


five, seven = torch.nn.Parameter(torch.tensor([5.0])), torch.tensor([7.0])
"""Made before: to make a parameter is a change too."""


def other_parameter(net):
    net.scale = five


def other_parameter_in_the_table(net):
    net._parameters["scale"] = five


def other_buffer(net):
    net.shift = seven


def other_data(net):
    net.scale.data = seven


def swapped(net):
    torch.utils.swap_tensors(net.shift, seven.clone())


def other_module(net):
    net.head = Triple()


def other_module_by_index(net):
    net.layers[1] = Triple()


def one_more_layer(net):
    net.layers.append(Triple())


def one_layer_less(net):
    del net.layers[1]


def layers_in_another_order(net):
    net.layers._modules.popitem()
    net.layers.add_module("1", Triple())


def replaced_table(net):
    net._modules = dict(net._modules, head=Triple())


def evaluated(net):
    net.eval()


def one_evaluated(net):
    net.head.training = False


def hooked(net):
    net.head.register_forward_hook(plus_one)


def hooked_in_the_table(net):
    net.head._forward_hooks[-1] = plus_one


def hooked_ahead(net):
    net.head.register_forward_pre_hook(lambda module, args: (args[0] + 1,))


CHANGES = [
    other_parameter, other_parameter_in_the_table, other_buffer, other_data, swapped,
    other_module, other_module_by_index, one_more_layer, one_layer_less, layers_in_another_order,
    replaced_table, evaluated, one_evaluated, hooked, hooked_in_the_table, hooked_ahead,
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda c: c.__name__)
def test_a_change_is_noticed_at_the_next_call(change):
    net = Block()
    kept = [net.scale, net.shift, *net.modules()]  # what is replaced lives on elsewhere
    forward = forward_of(net)
    before = forward(torch.ones(1)).item()
    change(net)
    wanted = net(torch.ones(1)).item()
    assert wanted != before
    for _ in range(4):
        assert forward(torch.ones(1)).item() == wanted
    assert forward.replays == 5
    del kept


@pytest.mark.parametrize("change", CHANGES, ids=lambda c: c.__name__)
def test_a_change_is_noticed_in_a_copy_and_in_what_was_pickled(change):
    net = copy.deepcopy(Block())
    net.__setstate__({**copy.copy(vars(net)), "_modules": dict(net._modules)})
    forward = forward_of(net)
    change(net)
    wanted = net(torch.ones(1)).item()
    for _ in range(3):
        assert forward(torch.ones(1)).item() == wanted


def test_tables_that_are_plain_dictionaries_are_looked_at_each_time():
    net = Block()
    net._modules = table = dict(net._modules)
    net.head._forward_hooks = hooks = collections.OrderedDict()
    forward = forward_of(net)
    before = forward(torch.ones(1)).item()
    hooks[1] = plus_one
    assert forward(torch.ones(1)).item() == before + 2
    del hooks[1]
    assert forward(torch.ones(1)).item() == before
    table["head"] = Triple()
    assert forward(torch.ones(1)).item() == before / 2 * 3


def test_what_was_before_is_replayed_again():
    net = Block()
    forward = forward_of(net)
    handle = net.head.register_forward_hook(plus_one)
    hooked = [forward(torch.ones(1)).item() for _ in range(3)]
    handle.remove()
    recordings, replays = forward.recordings, forward.replays
    assert forward(torch.ones(1)).item() == hooked[0] - 2
    net.head._forward_hooks[0] = plus_one
    assert forward(torch.ones(1)).item() == hooked[0]
    net.head._forward_hooks.clear()
    assert forward(torch.ones(1)).item() == hooked[0] - 2
    assert forward.recordings == recordings
    assert forward.replays == replays + 3


def test_a_hook_on_all_modules_is_noticed():
    net = Block()
    forward = forward_of(net)
    before = forward(torch.ones(1)).item()
    handle = module_hooks.register_module_forward_hook(
        lambda module, args, out: out + 1 if module is net else None
    )
    try:
        assert forward(torch.ones(1)).item() == before + 1
    finally:
        handle.remove()
    assert forward(torch.ones(1)).item() == before


def test_a_tensor_that_is_gone_is_noticed():
    held = [torch.ones(1)]

    @torch.compile
    def forward(x):
        return x + held[0]

    for _ in range(4):
        assert forward(torch.ones(1)).item() == 2
    held[0] = torch.zeros(1)
    gc.collect()
    assert forward(torch.ones(1)).item() == 1


class Held(torch.autograd.Function):
    """Gives a tensor that was there before."""

    held = None

    @staticmethod
    def forward(ctx, x):
        return Held.held

    @staticmethod
    def backward(ctx, grad):
        return grad


@pytest.mark.parametrize("how", ["requires_grad_", "attribute", "in place", "detach_", "function"])
def test_whether_gradients_go_through_a_tensor_is_noticed(how):
    w, tracked = torch.ones(1, requires_grad=how == "detach_"), torch.ones(1, requires_grad=True)
    Held.held = w
    seen = []

    @torch.compile
    def forward(x):
        seen.append(w.requires_grad)
        with torch.no_grad():
            return x * w

    for _ in range(4):
        forward(torch.ones(1))
    assert len(seen) == 2
    if how == "requires_grad_":
        w.requires_grad_()
    elif how == "attribute":
        w.requires_grad = True
    elif how == "in place":
        w.mul_(tracked)
    elif how == "detach_":
        w.detach_()
    else:
        Held.apply(tracked)
    Held.held = None
    assert w.requires_grad == (how != "detach_")
    forward(torch.ones(1))
    assert seen[2:] == [how != "detach_"]


def test_another_shape_of_a_tensor_in_place_is_noticed():
    w = torch.ones(2, 3)

    @torch.compile
    def forward(x):
        return w + x

    for _ in range(4):
        forward(torch.ones(1))
    w.t_()
    assert forward(torch.ones(1)).shape == (3, 2)


def grads_seen(w):
    """A function that tells whether a leaf has a gradient, by what it gives: 2 or 3."""

    @torch.compile
    def forward(x):
        with torch.no_grad():
            return x * w.detach() * (3 if w.grad is None else 2)

    for _ in range(4):
        assert forward(torch.ones(1)).item() == 3
    return forward


def present(w):
    w.grad = torch.ones(1)


def absent(w):
    w.grad = None


def deleted(w):
    del w.grad


def zeroed(w):
    optimizer.zero_grad()


def back(w):
    (w * w).sum().backward()


optimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)])


@pytest.mark.parametrize("come", [present, back])
@pytest.mark.parametrize("go", [absent, deleted, zeroed])
def test_whether_there_is_a_gradient_is_noticed(come, go):
    w = torch.ones(1, requires_grad=True)
    optimizer.param_groups[0]["params"] = [w]
    for _ in range(4):  # a backward that comes again takes a shorter way
        back(w)
        w.grad = None
    forward = grads_seen(w)
    for _ in range(4):
        come(w)
        assert [forward(torch.ones(1)).item() for _ in range(3)] == [2, 2, 2]
        go(w)
        assert [forward(torch.ones(1)).item() for _ in range(3)] == [3, 3, 3]
    assert forward.recordings == 2


def test_gradients_that_a_replay_makes_and_drops_are_noticed():
    w = torch.ones(1, requires_grad=True)

    @torch.compile
    def come(x):
        (w * x).sum().backward()

    @torch.compile
    def go(x):
        w.grad = None
        with torch.no_grad():
            return x * 2

    for _ in range(4):
        come(torch.ones(1))
        go(torch.ones(1))
    forward = grads_seen(w)
    for _ in range(3):
        come(torch.ones(1))
        assert forward(torch.ones(1)).item() == 2
        assert forward(torch.ones(1)).item() == 2
        go(torch.ones(1))
        assert forward(torch.ones(1)).item() == 3
    assert come.replays >= 3
    assert go.replays >= 3


def test_gradients_that_a_failed_replay_lost_are_noticed(monkeypatch):
    w, x = torch.ones(1, requires_grad=True), torch.ones(1)
    forward = grads_seen(w)

    @torch.compile
    def step(x):
        w.grad = None
        (w * x).sum().backward()

    for _ in range(4):
        step(x)
    assert [forward(torch.ones(1)).item() for _ in range(4)] == [2] * 4
    assert x.item() == 1  # nothing is pending

    def fail(self, *args):
        raise MemoryError

    monkeypatch.setattr(Program, "__call__", fail)
    with pytest.raises(MemoryError):
        step(x)
    monkeypatch.undo()
    assert w.grad is None
    assert forward(torch.ones(1)).item() == 3
    step(x)
    assert w.grad.item() == 1
    assert forward(torch.ones(1)).item() == 2


def test_what_users_choose_for_accelerators_is_counted():
    before, precision = changes.count, torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        assert changes.count > before
    finally:
        torch.set_float32_matmul_precision(precision)


def test_nothing_is_looked_at_while_nothing_changes(monkeypatch):
    net = Block()
    forward = forward_of(net)
    looks = []
    look = Wiring._modules_hold
    monkeypatch.setattr(Wiring, "_modules_hold", lambda self: looks.append(1) or look(self))
    forward(torch.ones(1))
    looks.clear()
    net.of_no_concern = 3
    net.train()  # as it was
    net.scale.requires_grad_()
    for _ in range(3):
        forward(torch.ones(1))
    assert looks == []
    net.head.register_forward_hook(lambda *args: None).remove()
    for _ in range(3):
        forward(torch.ones(1))
    assert looks == [1]


def test_a_training_step_is_not_looked_at_again_for_its_own_gradients(monkeypatch):
    net = Block()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)

    step = step_of(net, optimizer)
    for _ in range(4):
        step(torch.ones(1))
    looks = []
    look = Wiring._modules_hold
    monkeypatch.setattr(Wiring, "_modules_hold", lambda self: looks.append(1) or look(self))
    for _ in range(3):
        step(torch.ones(1))
    assert step.replays == 5
    assert looks == []


def test_a_recording_keeps_no_module_alive():
    net = Block()
    forward = forward_of(net)
    old = weakref.ref(net.head), weakref.ref(net.scale)
    net.head = Triple()
    net.scale = torch.nn.Parameter(torch.ones(1))
    gc.collect()
    assert [ref() for ref in old] == [None, None]
    assert forward(torch.ones(1)).item() == net(torch.ones(1)).item()


def test_recordings_of_what_is_no_more_are_let_go():
    net = Block()
    forward = forward_of(net)
    for n in range(20):  # more than there may be recordings
        old = weakref.ref(net.scale._storage)
        net.scale = torch.nn.Parameter(torch.tensor([float(n)]))
        for _ in range(3):
            assert forward(torch.ones(1)).item() == net(torch.ones(1)).item()
        gc.collect()
        assert old() is None
    assert forward.recordings == 21
    assert forward.replays == 22


def test_a_buffer_that_the_function_replaces_is_no_change():
    class Memory(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("state", torch.zeros(1))

        def forward(self, x):
            self.state = self.state * 0.5 + x
            return self.state * 1

    net = Memory()

    @torch.compile
    def step(x):
        with torch.no_grad():
            return net(x)

    wanted, state = [], 0.0
    for _ in range(8):
        state = state * 0.5 + 1
        wanted.append(state)
    assert [step(torch.ones(1)).item() for _ in range(8)] == wanted
    assert step.replays >= 4


def test_what_changes_meanwhile_is_looked_at_the_next_time(monkeypatch):
    net = Block()
    forward = forward_of(net)
    look = Wiring._tensors_hold

    def looked(self):
        found = look(self)
        net.head.training = False  # as another thread may do it
        return found

    net.register_forward_hook(lambda *args: None)
    count = changes.count
    monkeypatch.setattr(Wiring, "_tensors_hold", looked)
    forward(torch.ones(1))
    monkeypatch.setattr(Wiring, "_tensors_hold", look)
    assert changes.count > count
    assert forward(torch.ones(1)).item() == net(torch.ones(1)).item()
