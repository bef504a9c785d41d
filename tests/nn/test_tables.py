"""The tables of a module: every way to change one is counted, copies and pickles are as usual."""

from __future__ import annotations

import copy
import pickle
from collections import OrderedDict

import pytest

import flambeau as torch
from flambeau._engine.changes import changes
from flambeau.nn._module.tables import HookTable, Table

MUTATIONS = {
    "__setitem__": lambda t: t.__setitem__("c", 3),
    "__delitem__": lambda t: t.__delitem__("a"),
    "__ior__": lambda t: t.__ior__({"c": 3}),
    "clear": lambda t: t.clear(),
    "pop": lambda t: t.pop("a"),
    "pop with a default": lambda t: t.pop("z", None),
    "popitem": lambda t: t.popitem(),
    "setdefault": lambda t: t.setdefault("c", 3),
    "update": lambda t: t.update(c=3),
}


@pytest.mark.parametrize("base", [dict, OrderedDict], ids=lambda b: b.__name__)
@pytest.mark.parametrize("how", MUTATIONS)
def test_each_way_to_change_a_table_is_counted_and_does_what_it_did(base, how):
    table = (Table if base is dict else HookTable)(a=1, b=2)
    plain = base(a=1, b=2)
    before = changes.count
    assert MUTATIONS[how](table) == MUTATIONS[how](plain)
    assert changes.count > before
    assert table == plain
    assert list(table) == list(plain)


def test_moving_to_the_end_is_counted():
    table = HookTable(a=1, b=2)
    before = changes.count
    table.move_to_end("a")
    assert changes.count > before
    assert list(table) == ["b", "a"]


def test_no_mutator_of_a_dictionary_was_forgotten():
    # Whatever dict or OrderedDict can do beyond an immutable mapping is one of these.
    reading = {
        "__contains__", "__eq__", "__getitem__", "__iter__", "__len__", "__or__", "__reversed__",
        "__ror__", "copy", "fromkeys", "get", "items", "keys", "values",
    }  # fmt: skip
    general = set(dir(object)) | {"__class_getitem__", "__dict__"}
    for cls, base in ((Table, dict), (HookTable, OrderedDict)):
        for name in set(dir(base)) - general - reading:
            assert name in vars(cls), name


def test_a_failed_change_raises_what_it_did():
    with pytest.raises(KeyError):
        Table().pop("a")
    with pytest.raises(KeyError):
        del HookTable()[1]


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda t: t.copy()])
def test_a_copy_is_a_table_of_its_own(copied):
    for table in (Table(a=1), HookTable(a=1)):
        other = copied(table)
        assert type(other) is type(table)
        other["b"] = 2
        assert dict(table) == {"a": 1}


def test_a_deep_copy_copies_what_is_in_it_and_may_hold_itself():
    inner = [1]
    table = Table(inner=inner)
    table["self"] = table
    other = copy.deepcopy(table)
    assert other["inner"] == inner
    assert other["inner"] is not inner
    assert other["self"] is other


def test_pickles_hold_plain_dictionaries_and_modules_make_tables_of_them():
    net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU())
    data = pickle.dumps(net)
    assert b"tables" not in data
    for table in (net._parameters, net[0]._forward_hooks):
        assert type(pickle.loads(pickle.dumps(table))) in (dict, OrderedDict)
    back = pickle.loads(data)
    for m in back.modules():
        assert type(m._parameters) is type(m._buffers) is type(m._modules) is Table
        assert type(m._forward_hooks) is HookTable
    assert list(back._modules) == ["0", "1"]


def test_a_handle_that_was_pickled_with_its_module_still_removes_its_hook():
    net = torch.nn.Linear(2, 2)
    handle = net.register_forward_hook(print)
    net, handle = pickle.loads(pickle.dumps((net, handle)))
    assert len(net._forward_hooks) == 1
    handle.remove()
    assert len(net._forward_hooks) == 0


def test_containers_keep_tables():
    layers = torch.nn.ModuleList([torch.nn.ReLU() for _ in range(3)])
    del layers[0]
    layers.insert(0, torch.nn.ReLU())
    assert type(layers._modules) is Table
    assert type(torch.nn.Sequential(*layers)[:2]._modules) is Table
