"""Sequential, ModuleList, ModuleDict, ParameterList and ParameterDict next to torch's."""

from __future__ import annotations

from collections import OrderedDict

from tests.nn.both import caught, same


def item(torch, tag):
    class Item(torch.nn.Module):
        def __init__(self, tag):
            super().__init__()
            self.tag = tag
            self.w = torch.nn.Parameter(torch.full((1,), float(tag)))

        def forward(self, x):
            return x * 10 + self.tag

        def extra_repr(self):
            return f"tag={self.tag}"

    return Item(tag)


def tags(container):
    return [(name, m.tag) for name, m in container._modules.items()]


def test_sequential():
    def program(torch):
        nn = torch.nn
        s = nn.Sequential(*(item(torch, i) for i in range(4)))
        other = nn.Sequential(item(torch, 8), item(torch, 9))
        named = nn.Sequential(OrderedDict(a=item(torch, 1), b=item(torch, 2)))
        saw = [s(0), len(s), [m.tag for m in s], tags(s), s[1].tag, s[-1].tag, tags(s[1:3])]
        saw += [named(1), tags(named), tags(named[:1]), named[0].tag, repr(named), repr(s)]
        saw += [tags(s + other), tags(s), tags(other * 2), tags(2 * other)]
        s[0] = item(torch, 7)
        del s[1]
        saw.append(tags(s))
        del s[1:]
        saw.append(tags(s))
        s.append(item(torch, 5)).append(item(torch, 6))
        s.insert(1, item(torch, 4))
        s.insert(-1, item(torch, 3))
        saw += [tags(s), s.pop(0).tag, tags(s), tags(s.extend(other))]
        s += other
        saw.append(tags(s))
        other *= 2
        saw += [tags(other), [n for n, _ in s.named_parameters()], repr(nn.Sequential())]
        saw += [
            caught(lambda: s[20]),
            caught(lambda: s[-20]),
            caught(lambda: s["a"]),
            caught(lambda: s.insert(99, item(torch, 1))),
            caught(lambda: s + [1]),
            caught(lambda: s * 1.5),
            caught(lambda: s * 0),
            caught(lambda: s.__iadd__(3)),
            caught(lambda: s.append(3)),
            caught(lambda: nn.Sequential(3)),
            caught(lambda: nn.Sequential([item(torch, 1)])),
            caught(lambda: s.insert(0, 3)),
            caught(lambda: setattr(s, "0", 3)),
        ]
        saw.append([n for n in dir(s) if n.isdigit()])
        saw.append(nn.Sequential()(3))
        return saw

    same(program)


def test_module_list():
    def program(torch):
        nn = torch.nn
        m = nn.ModuleList(item(torch, i) for i in (0, 0, 1, 2, 2, 2))
        saw = [repr(m), repr(nn.ModuleList()), len(m), tags(m), m[-1].tag, tags(m[::2])]
        m[0] = item(torch, 9)
        del m[1]
        saw.append(tags(m))
        del m[0:2]
        saw.append(tags(m))
        m.insert(0, item(torch, 4))
        m.insert(1, item(torch, 5))
        saw += [tags(m), m.pop(1).tag, tags(m)]
        m += [item(torch, 3)]
        saw += [tags(m), tags(m + [item(torch, 8)]), tags(m.append(item(torch, 1)))]
        saw += [type(m[1:]).__name__, [n for n, _ in m.named_parameters()]]
        saw += [
            caught(lambda: m[50]),
            caught(lambda: m[-50]),
            caught(lambda: m.extend(3)),
            caught(lambda: m.append(3)),
            caught(lambda: nn.ModuleList([3])),
            caught(lambda: m(1)),
            caught(lambda: m["x"]),
        ]
        return saw

    same(program)


def test_module_dict():
    def program(torch):
        nn = torch.nn
        d = nn.ModuleDict({"b": item(torch, 1), "a": item(torch, 2)})
        d["c"] = item(torch, 3)
        saw = [repr(d), len(d), list(d), list(d.keys()), "a" in d, "z" in d, d["c"].tag]
        d.update([("e", item(torch, 4)), ["a", item(torch, 5)]])
        d.update(nn.ModuleDict({"f": item(torch, 6)}))
        saw += [tags(d), d.pop("b").tag, [v.tag for v in d.values()], [k for k, _ in d.items()]]
        del d["e"]
        saw += [tags(d), [n for n, _ in d.named_parameters()]]
        saw += [
            caught(lambda: d["none"]),
            caught(lambda: d.update(3)),
            caught(lambda: d.update([3])),
            caught(lambda: d.update([(1, 2, 3)])),
            caught(lambda: d.update({"forward": item(torch, 1)})),
            caught(lambda: d.update({"x": 3})),
        ]
        d.clear()
        return [*saw, tags(d), repr(d)]

    same(program)


def test_parameter_list():
    def program(torch):
        nn = torch.nn
        p = nn.ParameterList([torch.ones(2), nn.Parameter(torch.zeros(3, 2)), 5, "x"])
        saw = [repr(p), len(p), [type(v).__name__ for v in p], [n for n, _ in p.named_parameters()]]
        p.append(torch.ones(1, dtype=torch.float64))
        p[0] = torch.zeros(4)
        p += [torch.ones(7)]
        p.extend([nn.Parameter(torch.ones(1))])
        saw += [[tuple(v.shape) for v in p.parameters()], p[-1], p[1:3], len(p[::2])]
        saw += [list(p.state_dict()), repr(nn.ParameterList())]
        saw += [
            caught(lambda: p[50]),
            caught(lambda: p(1)),
            caught(lambda: p.extend(3)),
            caught(lambda: p.extend(torch.ones(2))),
        ]
        return saw

    same(program)


def test_parameter_dict():
    def program(torch):
        nn = torch.nn
        d = nn.ParameterDict({"b": torch.ones(2), "a": nn.Parameter(torch.zeros(1)), "n": 3})
        saw = [repr(d), len(d), list(d), "a" in d, d["n"], type(d["b"]).__name__]
        d["c"] = torch.ones(3)
        d.update([("e", torch.ones(1)), ("b", torch.zeros(5))])
        saw += [list(d.keys()), [tuple(p.shape) for p in d.parameters()], d.get("no", 4)]
        saw += [d.setdefault("b", 1), d.setdefault("new", torch.ones(1)), d.pop("a")]
        saw += [d.popitem()[0], list(reversed(d)), list((d | nn.ParameterDict({"q": 1})).keys())]
        e = d.copy()
        e["only"] = 1
        d |= nn.ParameterDict({"r": torch.ones(1)})
        saw += [list(d), list(e), list(d.fromkeys(["x", "y"], 2).items())]
        saw += [[k for k, _ in d.items()], [type(v).__name__ for v in d.values()]]
        saw += [
            caught(lambda: d["none"]),
            caught(lambda: d(1)),
            caught(lambda: d.update(3)),
            caught(lambda: d.update([3])),
            caught(lambda: d.update([(1, 2, 3)])),
            caught(lambda: d[3]),
        ]
        d.clear()
        return [*saw, list(d), repr(d), list(d.state_dict())]

    same(program)
