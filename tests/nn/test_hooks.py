"""Forward and backward hooks with all their flags, next to torch's."""

from __future__ import annotations

import pickle

import pytest

import flambeau
from tests.nn.both import caught, same

nn = flambeau.nn


def scaled(torch):
    class Scale(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.w = torch.nn.Parameter(torch.tensor([2.0, 3.0]))

        def forward(self, x, *, shift=0.0):
            return x * self.w + shift

    return Scale()


def hooks_of(torch):
    """Where the global registration functions live."""
    return torch.nn.modules.module if hasattr(torch.nn, "modules") else torch.nn.module


def test_forward_hooks_order_and_replacement():
    def program(torch):
        m = scaled(torch)
        log = []

        def pre(name, change=None):
            def hook(module, args):
                log.append((name, args))
                return change

            return hook

        def post(name, change=None):
            def hook(module, args, out):
                log.append((name, args, out))
                return None if change is None else change(out)

            return hook

        m.register_forward_pre_hook(pre("second"))
        m.register_forward_pre_hook(pre("third", torch.ones(2) * 10))
        m.register_forward_pre_hook(pre("fourth", (torch.ones(2) * 20,)))
        first = m.register_forward_pre_hook(pre("first"), prepend=True)
        m.register_forward_hook(post("b", lambda out: out + 1))
        m.register_forward_hook(post("c"))
        m.register_forward_hook(post("a"), prepend=True)
        out = m(torch.ones(2))
        first.remove()
        with m.register_forward_hook(post("only once")):
            m(torch.ones(2))
        m(torch.ones(2))
        return [out, log]

    same(program)


def test_hooks_with_kwargs():
    def program(torch):
        m = scaled(torch)
        log = []

        def pre(module, args, kwargs):
            log.append(("pre", args, dict(kwargs)))
            return args, {"shift": kwargs.get("shift", 0) + 1}

        def post(module, args, kwargs, out):
            log.append(("post", args, dict(kwargs), out))
            return out * 2

        m.register_forward_pre_hook(pre, with_kwargs=True)
        m.register_forward_hook(post, with_kwargs=True)
        out = m(torch.ones(2), shift=5.0)
        bad = scaled(torch)
        bad.register_forward_pre_hook(lambda m, a, k: 3, with_kwargs=True)
        return [out, log, caught(lambda: bad(torch.ones(2)))]

    same(program)


def test_always_call():
    def program(torch):
        log = []

        class Fails(torch.nn.Module):
            def forward(self, x):
                raise ValueError("forward failed")

        m = Fails()
        m.register_forward_hook(lambda m, a, out: log.append(("plain", out)))
        m.register_forward_hook(lambda m, a, out: log.append(("always", out)), always_call=True)
        saw = [caught(lambda: m(1))]

        good = scaled(torch)

        def breaks(module, args, out):
            raise RuntimeError("hook failed")

        good.register_forward_hook(breaks)
        good.register_forward_hook(lambda m, a, out: log.append(("after", out)), always_call=True)
        saw.append(caught(lambda: good(torch.ones(2))))

        def breaks_too(module, args, out):
            raise RuntimeError("silenced")

        m.register_forward_hook(breaks_too, always_call=True)
        with pytest.warns(UserWarning, match="silenced"):
            saw.append(caught(lambda: m(1)))
        return [saw, log]

    same(program)


def test_global_forward_hooks():
    def program(torch):
        mod = hooks_of(torch)
        log = []
        outer = torch.nn.Module()
        outer.inner = scaled(torch)
        outer.forward = lambda x: outer.inner(x)  # noqa: PLW0108
        handles = [
            mod.register_module_forward_pre_hook(
                lambda m, a: log.append(("pre", type(m).__name__))
            ),
            mod.register_module_forward_hook(
                lambda m, a, out: log.append(("post", type(m).__name__, out))
            ),
            mod.register_module_forward_hook(
                lambda m, a, k, out: log.append(("kw", dict(k))), with_kwargs=True
            ),
            mod.register_module_forward_hook(lambda m, a, out: out + 1, always_call=True),
        ]
        saw = [outer(torch.ones(2))]
        for handle in handles:
            handle.remove()
        return [saw, outer(torch.ones(2)), log]

    same(program)


def test_full_backward_hooks():
    def program(torch):
        m = scaled(torch)
        log = []
        m.register_full_backward_hook(lambda m, gi, go: log.append(("full", gi, go)))
        m.register_full_backward_hook(lambda m, gi, go: log.append(("first", gi)), prepend=True)
        m.register_full_backward_pre_hook(lambda m, go: log.append(("pre", go)))
        x = torch.tensor([1.0, 2.0], requires_grad=True)
        out = m(x)
        (out * torch.tensor([1.0, 10.0])).sum().backward()
        return [out, log, x.grad, m.w.grad]

    same(program)


def test_full_backward_hooks_replace():
    def program(torch):
        m = scaled(torch)
        m.register_full_backward_pre_hook(lambda m, go: (go[0] * 3,))
        handle = m.register_full_backward_hook(lambda m, gi, go: (gi[0] + 100,))
        x = torch.tensor([1.0, 2.0], requires_grad=True)
        m(x).sum().backward()
        saw = [x.grad, m.w.grad]
        handle.remove()
        m(x).sum().backward()
        saw += [x.grad, m.w.grad]
        return saw

    same(program)


def test_backward_hook_with_several_inputs_and_outputs():
    def program(torch):
        log = []

        class Two(torch.nn.Module):
            def forward(self, a, n, b):
                return a * b, a + n, 7

        m = Two()
        m.register_full_backward_hook(lambda m, gi, go: log.append((gi, go)))
        a = torch.tensor([1.0, 2.0], requires_grad=True)
        b = torch.tensor([3.0, 4.0])
        first, second, _ = m(a, 2, b)
        (first.sum() + second.sum()).backward()
        return [log, a.grad]

    same(program)


def test_backward_hook_without_input_gradient():
    def program(torch):
        log = []
        m = scaled(torch)
        m.register_full_backward_hook(lambda m, gi, go: log.append((gi, go)))
        with pytest.warns(UserWarning, match="no inputs require gradients"):
            m(torch.ones(2)).sum().backward()
        return [log, m.w.grad]

    same(program)


def test_backward_hook_errors():
    def program(torch):
        saw = []
        for register, hook in (
            ("register_full_backward_hook", lambda m, gi, go: (gi[0], gi[0])),
            ("register_full_backward_pre_hook", lambda m, go: (go[0], go[0])),
        ):
            m = scaled(torch)
            getattr(m, register)(hook)
            x = torch.ones(2, requires_grad=True)
            saw.append(caught(lambda m=m, x=x: m(x).sum().backward()))
        m = scaled(torch)
        m.register_full_backward_hook(lambda *a: None)
        saw.append(caught(lambda: m.register_backward_hook(lambda *a: None)))
        m = scaled(torch)
        m.register_backward_hook(lambda *a: None)
        saw.append(caught(lambda: m.register_full_backward_hook(lambda *a: None)))
        return saw

    same(program)


def test_backward_hooks_stay_silent_without_gradients():
    def program(torch):
        log = []
        m = scaled(torch)
        m.register_full_backward_hook(lambda m, gi, go: log.append(1))
        with torch.no_grad():
            out = m(torch.ones(2, requires_grad=True))
        return [out, log]

    same(program)


def test_double_backward_through_a_hook():
    def program(torch):
        m = scaled(torch)
        m.register_full_backward_hook(lambda m, gi, go: None)
        x = torch.tensor([1.0, 2.0], requires_grad=True)
        (grad,) = torch.autograd.grad((m(x) ** 3).sum(), x, create_graph=True)
        (second,) = torch.autograd.grad(grad.sum(), x)
        return [grad, second]

    same(program)


def test_global_backward_hooks():
    def program(torch):
        mod = hooks_of(torch)
        log = []
        m = scaled(torch)
        handles = [
            mod.register_module_full_backward_hook(lambda m, gi, go: log.append(("full", gi))),
            mod.register_module_full_backward_pre_hook(lambda m, go: log.append(("pre", go))),
        ]
        x = torch.ones(2, requires_grad=True)
        m(x).sum().backward()
        for handle in handles:
            handle.remove()
        m(x).sum().backward()
        return [
            log,
            x.grad,
            caught(lambda: mod.register_module_backward_hook(lambda m, gi, go: None)),
        ]

    same(program)


def test_older_backward_hook():
    def program(torch):
        log = []

        class Times(torch.nn.Module):
            def forward(self, x):
                return x * x

        m = Times()
        m.register_backward_hook(lambda m, gi, go: log.append((len(gi), go)))
        x = torch.tensor([1.0, 2.0], requires_grad=True)
        with pytest.warns(FutureWarning, match="multiple autograd Nodes"):
            m(x).sum().backward()
        return [log, x.grad]

    same(program)


def test_handle_survives_its_module_and_pickling():
    m = scaled(flambeau)
    handle = m.register_forward_hook(print)
    assert handle.id in m._forward_hooks
    copy = pickle.loads(pickle.dumps(m._forward_hooks))
    assert list(copy) == [handle.id]
    del m
    handle.remove()
    handle.remove()


def test_no_grad_call_is_dispatched_once(monkeypatch):
    from flambeau.nn._module import call

    times = []
    monkeypatch.setattr(call._core, "flush", lambda: times.append(1))
    outer = nn.Module()
    outer.inner = scaled(flambeau)
    outer.forward = lambda x: outer.inner(x)  # noqa: PLW0108
    outer(flambeau.ones(2))
    assert times == []
    with flambeau.no_grad():
        outer(flambeau.ones(2))
    assert times == [1]
