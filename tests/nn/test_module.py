"""Registration, traversal, conversion and repr of Module, next to torch's."""

from __future__ import annotations

import copy
import pickle

import pytest

import flambeau
from tests.nn.both import caught, same

nn = flambeau.nn


def layer(torch, **params):
    m = torch.nn.Module()
    for name, shape in params.items():
        setattr(m, name, torch.nn.Parameter(torch.ones(shape)))
    return m


def tree(torch):
    m = torch.nn.Module()
    m.a = layer(torch, w=(2, 3), b=(3,))
    m.own = torch.nn.Parameter(torch.zeros(4))
    m.b = torch.nn.Module()
    m.b.inner = layer(torch, w=(1,))
    m.b.register_buffer("stats", torch.arange(3.0))
    m.b.register_buffer("scratch", torch.zeros(2), persistent=False)
    m.again = m.a
    m.nothing = None
    m.register_parameter("missing", None)
    m.register_buffer("absent", None)
    m.register_module("gone", None)
    return m


def test_registration_order_and_names():
    def program(torch):
        m = tree(torch)
        return [
            [(n, p) for n, p in m.named_parameters()],
            [n for n, _ in m.named_parameters(remove_duplicate=False)],
            [n for n, _ in m.named_parameters(prefix="x", recurse=False)],
            [n for n, _ in m.named_buffers()],
            [n for n, _ in m.named_children()],
            [n for n, _ in m.named_modules()],
            [n for n, _ in m.named_modules(remove_duplicate=False)],
            [n for n, _ in m.named_modules(prefix="root")],
            len(list(m.modules())),
            len(list(m.modules(remove_duplicate=False))),
            len(list(m.children())),
            len(list(m.parameters())),
            len(list(m.buffers())),
            list(m.state_dict()),
            sorted(n for n in dir(m) if not n.startswith("_"))
            == sorted({*(n for n in dir(m) if not n.startswith("_"))}),
            repr(m),
        ]

    same(program)


def test_assignment_rules():
    def program(torch):
        nn = torch.nn
        m = nn.Module()
        m.x = nn.Parameter(torch.ones(2))
        saw = [caught(lambda: setattr(m, "x", torch.ones(2)))]
        saw.append(caught(lambda: setattr(m, "x", 3)))
        m.x = None
        saw += [m.x, list(m.parameters()), "x" in m._parameters]
        m.x = nn.Parameter(torch.zeros(1))
        saw.append([n for n, _ in m.named_parameters()])
        m.y = nn.Parameter(torch.zeros(1))
        saw.append(caught(lambda: setattr(m, "x", nn.Module())))
        del m.x
        m.x = nn.Module()
        saw += [[n for n, _ in m.named_parameters()], [n for n, _ in m.named_children()]]
        saw.append(caught(lambda: setattr(m, "x", 5)))
        saw.append(caught(lambda: setattr(m, "x", torch.ones(1))))
        m.x = None
        saw.append(list(m._modules))
        m.x = nn.Parameter(torch.zeros(1))
        saw += [[n for n, _ in m.named_parameters()], list(m._modules)]
        m.plain = torch.ones(3)
        saw += [[n for n, _ in m.named_parameters()], [n for n, _ in m.named_buffers()]]
        m.plain = nn.Parameter(torch.ones(3))
        saw += [[n for n, _ in m.named_parameters()], "plain" in m.__dict__]
        m.register_buffer("buf", torch.ones(1))
        m.buf = torch.zeros(2)
        saw += [m.buf, [n for n, _ in m.named_buffers()]]
        saw.append(caught(lambda: setattr(m, "buf", "no")))
        m.buf = None
        saw += [m.buf, list(m.state_dict()), list(m._buffers)]
        m.buf = nn.Parameter(torch.zeros(2))
        saw += [[n for n, _ in m.named_buffers()], [n for n, _ in m.named_parameters()]]
        m.other = nn.Buffer(torch.ones(1), persistent=False)
        saw += [[n for n, _ in m.named_buffers()], list(m.state_dict())]
        saw.append(caught(lambda: setattr(m, "other", nn.Module())))
        del m.other
        m.other = nn.Module()
        saw += [[n for n, _ in m.named_buffers()], list(m._modules), m._non_persistent_buffers_set]
        del m.x, m.buf, m.other
        saw += [[n for n, _ in m.named_parameters()], caught(lambda: delattr(m, "x"))]
        saw.append(caught(lambda: m.x))
        return saw

    same(program)


def test_registration_errors():
    def program(torch):
        nn = torch.nn
        m = nn.Module()
        p = nn.Parameter(torch.ones(1))
        m.taken = 1
        m.p = p
        calls = [
            lambda: m.register_parameter("taken", p),
            lambda: m.register_parameter("a.b", p),
            lambda: m.register_parameter("", p),
            lambda: m.register_parameter(3, p),
            lambda: m.register_parameter("q", torch.ones(1)),
            lambda: m.register_parameter("q", 3),
            lambda: m.register_parameter("q", p * 2),
            lambda: m.register_buffer("taken", torch.ones(1)),
            lambda: m.register_buffer("p", torch.ones(1)),
            lambda: m.register_buffer("a.b", torch.ones(1)),
            lambda: m.register_buffer("", torch.ones(1)),
            lambda: m.register_buffer(3, torch.ones(1)),
            lambda: m.register_buffer("q", [1]),
            lambda: m.add_module("taken", nn.Module()),
            lambda: m.add_module("a.b", nn.Module()),
            lambda: m.add_module("", nn.Module()),
            lambda: m.add_module(3, nn.Module()),
            lambda: m.add_module("q", 3),
            lambda: m.get_submodule("no"),
            lambda: m.get_submodule("p"),
            lambda: m.get_parameter("no"),
            lambda: m.get_parameter("taken"),
            lambda: m.get_buffer("no"),
            lambda: m.get_buffer("p"),
            lambda: m.get_submodule("a.b.c"),
            lambda: m.missing_attribute,
            lambda: m.train("yes"),
            lambda: nn.Module(3),
            lambda: nn.Module(width=3),
            lambda: m.set_submodule("", nn.Module()),
            lambda: m.set_submodule("q.r", nn.Module()),
            lambda: m.set_submodule("taken", nn.Module()),
        ]
        return [caught(call) for call in calls]

    same(program)


def test_before_super_init():
    def program(torch):
        nn = torch.nn

        class Early(nn.Module):
            def __init__(self, value, how):
                how(self, value)

        p = nn.Parameter(torch.ones(1))
        return [
            caught(lambda: Early(p, lambda m, v: setattr(m, "x", v))),
            caught(lambda: Early(nn.Module(), lambda m, v: setattr(m, "x", v))),
            caught(lambda: Early(p, lambda m, v: m.register_parameter("x", v))),
            caught(lambda: Early(torch.ones(1), lambda m, v: m.register_buffer("x", v))),
        ]

    same(program)


def test_plain_attributes_before_super_init():
    class Early(nn.Module):
        def __init__(self):
            self.width = 3
            super().__init__()

    assert Early().width == 3


def test_paths():
    def program(torch):
        m = tree(torch)
        m.set_submodule("b.inner", layer(torch, v=(7,)))
        return [
            m.get_submodule("b.inner") is m.b.inner,
            m.get_submodule("") is m,
            m.get_parameter("a.w"),
            m.get_buffer("b.stats"),
            [n for n, _ in m.named_parameters()],
            caught(lambda: m.set_submodule("b.fresh", torch.nn.Module(), strict=True)),
        ]

    same(program)


def test_apply_visits_children_first():
    def program(torch):
        order = []
        m = tree(torch)
        names = {id(x): n for n, x in m.named_modules()}
        assert m.apply(lambda x: order.append(names[id(x)])) is m
        return order

    same(program)


def test_train_eval_requires_grad():
    def program(torch):
        m = tree(torch)
        saw = [m.eval() is m, [x.training for x in m.modules()]]
        saw += [m.train() is m, [x.training for x in m.modules()]]
        saw += [m.requires_grad_(False) is m, [p.requires_grad for p in m.parameters()]]
        m.requires_grad_()
        saw.append([p.requires_grad for p in m.parameters()])
        return saw

    same(program)


def test_zero_grad():
    def program(torch):
        m = layer(torch, w=(2,), b=(2,))
        (m.w * m.w).sum().backward()
        before = m.w.grad
        m.zero_grad(set_to_none=False)
        saw = [m.w.grad, m.w.grad is before, m.b.grad]
        m.zero_grad()
        return [*saw, m.w.grad]

    same(program)


def test_conversion_keeps_identity_ties_and_gradients():
    m = tree(flambeau)
    m.b.register_buffer("count", flambeau.tensor([1, 2]))
    m.tied = m.a.w
    (m.a.w.sum() + m.own.sum()).backward()
    before = dict(m.named_parameters(remove_duplicate=False))
    buffers = dict(m.named_buffers())
    grad = m.a.w.grad
    alias = m.b.stats
    assert m.to(flambeau.float64) is m
    after = dict(m.named_parameters(remove_duplicate=False))
    assert all(after[k] is before[k] for k in before)
    assert all(v is buffers[k] for k, v in m.named_buffers())
    assert m.tied is m.a.w
    assert {p.dtype for p in m.parameters()} == {flambeau.float64}
    assert m.a.w.grad is grad
    assert grad.dtype == flambeau.float64
    assert alias is m.b.stats
    assert m.b.stats.dtype == flambeau.float64
    assert m.b.count.dtype == flambeau.int64
    assert m.a.w.requires_grad
    assert m.a.w.is_leaf


def test_conversions():
    def program(torch):
        saw = []
        for how in (
            lambda m: m.half(),
            lambda m: m.bfloat16(),
            lambda m: m.double(),
            lambda m: m.float(),
            lambda m: m.to(torch.float16),
            lambda m: m.to("cpu"),
            lambda m: m.to(torch.device("cpu"), torch.float64),
            lambda m: m.to(device="cpu", dtype=torch.float64, non_blocking=True),
            lambda m: m.to(torch.ones(1, dtype=torch.float64)),
            lambda m: m.type(torch.float64),
            lambda m: m.cpu(),
            lambda m: m.share_memory(),
        ):
            m = tree(torch)
            m.register_buffer("count", torch.tensor([3]))
            assert how(m) is m
            saw += [str(t.dtype) for t in (*m.parameters(), *m.buffers())]
            saw.append(m.a.w.requires_grad)
        m = tree(torch)
        saw.append(caught(lambda: m.to(torch.int64)))
        return saw

    same(program)


def test_to_empty_and_meta():
    m = layer(flambeau, w=(2, 3))
    w = m.w
    m.to(device="meta")
    assert m.w is w
    assert w.is_meta
    m.to_empty(device="cpu")
    assert m.w is w
    assert tuple(w.shape) == (2, 3)
    assert not w.is_meta


def test_repr():
    def program(torch):
        nn = torch.nn

        class Named(nn.Module):
            def __init__(self, text, **children):
                super().__init__()
                self.text = text
                for name, child in children.items():
                    setattr(self, name, child)

            def extra_repr(self):
                return self.text

        one = Named("width=3")
        return [
            repr(nn.Module()),
            repr(one),
            repr(Named("two\nlines")),
            repr(Named("", child=one)),
            repr(Named("own", child=one, other=Named("", deep=one))),
            repr(tree(torch)),
        ]

    same(program)


def test_dir_leaves_out_numbers():
    def program(torch):
        m = tree(torch)
        setattr(m, "7", torch.nn.Module())
        names = dir(m)
        wanted = ["a", "again", "own", "b", "missing", "absent", "7", "forward", "parameters"]
        return [name in names for name in wanted]

    same(program)


def test_forward_is_required():
    def program(torch):
        return caught(lambda: torch.nn.Module()(1))

    same(program)


class Picklable(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(flambeau.arange(3.0))
        self.register_buffer("s", flambeau.ones(2))
        self.child = nn.Module()
        self.tied = self.w

    def forward(self, x):
        return x * self.w


@pytest.mark.parametrize("how", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies(how):
    m = Picklable()
    m.w.requires_grad_(False)
    other = how(m)
    assert other.w is not m.w
    assert other.tied is other.w
    assert isinstance(other.w, nn.Parameter)
    assert other.w.requires_grad is False
    assert other.w.tolist() == [0, 1, 2]
    assert other.s.tolist() == [1, 1]
    with flambeau.no_grad():
        other.w.add_(1)
    assert m.w.tolist() == [0, 1, 2]
    assert other(flambeau.ones(3)).tolist() == [1, 2, 3]


def test_setstate_adds_new_fields():
    m = Picklable()
    state = dict(m.__dict__)
    del state["_forward_hooks"], state["_non_persistent_buffers_set"]
    old = Picklable.__new__(Picklable)
    old.__setstate__(state)
    assert old._forward_hooks == {}
    assert old(flambeau.ones(3)).tolist() == [0, 1, 2]


def test_call_super_init():
    def program(torch):
        class Other:
            def __init__(self, *args, **kwargs):
                self.got = (args, kwargs)

        class Both(torch.nn.Module, Other):
            call_super_init = True

            def __init__(self):
                super().__init__(1, two=2)

        return Both().got

    same(program)


def test_error_names_the_layer():
    class Inner(nn.Module):
        def forward(self, x):
            raise ValueError("no good")

    class Outer(nn.Module):
        def __init__(self):
            super().__init__()
            self.block = nn.Module()
            self.block.deep = Inner()

        def forward(self, x):
            return self.block.deep(x)

    with pytest.raises(ValueError, match="no good") as info:
        Outer()(1)
    assert info.value.__notes__ == ["This happened in Inner 'block.deep' of Outer."]


def test_own_error_gets_the_path_in_front():
    class Fails(nn.Module):
        def forward(self, x):
            raise flambeau.errors.ShapeError("linear: weight is (5, 2)")

    outer = nn.Module()
    outer.fc = Fails()
    outer.forward = lambda x: outer.fc(x)  # noqa: PLW0108
    with pytest.raises(RuntimeError, match=r"^Fails 'fc': weight is \(5, 2\)$"):
        outer(1)
    with pytest.raises(RuntimeError, match=r"^Fails: weight is \(5, 2\)$"):
        outer.fc(1)


def test_global_registration_hooks():
    def program(torch):
        mod = torch.nn.modules.module if hasattr(torch.nn, "modules") else torch.nn.module
        names = []
        handles = [
            mod.register_module_parameter_registration_hook(lambda m, n, p: names.append(n)),
            mod.register_module_buffer_registration_hook(lambda m, n, b: names.append(n)),
            mod.register_module_module_registration_hook(lambda m, n, c: names.append(n)),
        ]
        tree(torch)
        for handle in handles:
            handle.remove()
        tree(torch)
        return names

    same(program)
