"""state_dict, load_state_dict and their hooks, next to torch's."""

from __future__ import annotations

from collections import OrderedDict

import pytest

import flambeau
from tests.nn.both import caught, same

nn = flambeau.nn


def make(torch):
    class Block(torch.nn.Module):
        _version = 3

        def __init__(self, n):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.arange(float(n * 2)).reshape(n, 2))
            self.register_buffer("stats", torch.ones(n))
            self.register_buffer("scratch", torch.ones(n), persistent=False)
            self.register_buffer("count", torch.tensor(0))

    m = torch.nn.Module()
    m.first = Block(2)
    m.second = Block(3)
    m.bias = torch.nn.Parameter(torch.zeros(4))
    return m


def test_contents_and_metadata():
    def program(torch):
        m = make(torch)
        state = m.state_dict()
        kept = m.state_dict(keep_vars=True)
        other = m.state_dict(prefix="net.")
        given = OrderedDict(x=1)
        returned = m.state_dict(destination=given, prefix="p.")
        plain = {}
        m.state_dict(destination=plain)
        return [
            type(state).__name__,
            state,
            dict(state._metadata),
            kept["bias"] is m.bias,
            state["bias"].requires_grad,
            list(other),
            list(other._metadata),
            list(returned),
            returned is given,
            list(plain),
        ]

    same(program)


def test_positional_arguments_warn():
    def program(torch):
        with pytest.warns(FutureWarning) as record:
            state = make(torch).state_dict(OrderedDict(), "p.", True)
        return [list(state), state["p.bias"].requires_grad, len(record)]

    same(program)


def test_the_dictionary_shares_memory():
    def program(torch):
        m = make(torch)
        state = m.state_dict()
        with torch.no_grad():
            m.bias.add_(5)
        return state["bias"]

    same(program)


def test_load_copies_and_keeps_identity():
    m, other = make(flambeau), make(flambeau)
    with flambeau.no_grad():
        other.bias.fill_(3)
        other.first.stats.fill_(7)
    bias, stats = m.bias, m.first.stats
    report = m.load_state_dict(other.state_dict())
    assert repr(report) == str(report) == "<All keys matched successfully>"
    assert m.bias is bias
    assert m.first.stats is stats
    assert bias.tolist() == [3] * 4
    assert stats.tolist() == [7, 7]
    assert bias.requires_grad
    with flambeau.no_grad():
        other.bias.fill_(9)
    assert bias.tolist() == [3] * 4


def test_load_casts_to_the_models_dtype():
    def program(torch):
        m = make(torch)
        m.load_state_dict(make(torch).double().state_dict())
        return [m.bias, m.first.stats]

    same(program)


def test_errors():
    def program(torch):
        saw = []

        def attempt(change, **options):
            m = make(torch)
            state = m.state_dict()
            change(state)
            saw.append(caught(lambda: m.load_state_dict(state, **options)))

        attempt(lambda s: s.pop("bias"))
        attempt(lambda s: (s.pop("first.weight"), s.pop("second.stats")))
        attempt(lambda s: s.update(extra=torch.ones(1)))
        attempt(lambda s: s.update({"third.weight": torch.ones(1), "first.x": torch.ones(1)}))
        attempt(lambda s: s.update({"first.weight": torch.ones(5, 2)}))
        attempt(lambda s: s.update({"first.weight.deeper": torch.ones(5, 2)}))
        attempt(lambda s: s.update({"bias": 3}))
        attempt(lambda s: s.update({"bias": torch.ones(5), "z": torch.ones(1)}))
        attempt(lambda s: (s.pop("bias"), s.update(z=torch.ones(1))), strict=False)
        attempt(lambda s: s.update({"bias": torch.ones(5)}), strict=False)
        saw.append(caught(lambda: make(torch).load_state_dict([1])))
        return saw

    same(program)


def test_what_matches_is_loaded_before_the_error():
    def program(torch):
        m = make(torch)
        state = OrderedDict(bias=torch.full((4,), 6.0))
        caught(lambda: m.load_state_dict(state))
        return m.bias

    same(program)


def test_vector_of_one_loads_into_a_scalar():
    def program(torch):
        m = torch.nn.Module()
        m.scale = torch.nn.Parameter(torch.tensor(1.0))
        m.load_state_dict({"scale": torch.tensor([4.0])})
        return m.scale

    same(program)


def test_transposed_shape_is_called_so():
    m = nn.Module()
    m.weight = nn.Parameter(flambeau.ones(2, 5))
    with pytest.raises(RuntimeError, match=r"size mismatch for weight.*looks transposed"):
        m.load_state_dict({"weight": flambeau.ones(5, 2)})


def test_prefix_of_a_wrapper_is_named():
    m = make(flambeau)
    state = m.state_dict()
    wrapped = OrderedDict((f"module.{k}", v) for k, v in state.items())
    with pytest.raises(RuntimeError, match=r"all 7 keys match after removing 'module\.'"):
        m.load_state_dict(wrapped)
    wrapper = nn.Module()
    wrapper.module = m
    with pytest.raises(RuntimeError, match=r"all 7 keys match after adding 'module\.'"):
        wrapper.load_state_dict(state)
    with pytest.warns(UserWarning, match=r"all 7 keys match after removing 'module\.'"):
        report = m.load_state_dict(wrapped, strict=False)
    assert report.unexpected_keys == list(wrapped)


def test_prefix_is_named_for_plain_dictionaries_with_batch_norm():
    m = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    # Without metadata the count of batches is made up, and so is not missing.
    wrapped = {f"module.{k}": v for k, v in m.state_dict().items()}
    with pytest.raises(RuntimeError, match=r"all 7 keys match after removing 'module\.'"):
        m.load_state_dict(wrapped)


def test_prefix_of_a_compiled_part_is_named():
    m = make(flambeau)
    state = OrderedDict(
        (k.replace("first.", "first._orig_mod."), v) for k, v in m.state_dict().items()
    )
    with pytest.raises(RuntimeError, match=r"all 3 keys match after removing '_orig_mod\.'"):
        m.load_state_dict(state)


def test_assign():
    m, other = make(flambeau), make(flambeau).double()
    m.tied = m.bias
    bias = m.bias
    with flambeau.no_grad():
        other.bias.fill_(2)
    state = other.state_dict()
    state["tied"] = state["bias"]
    m.load_state_dict(state, assign=True)
    assert m.bias is bias is m.tied
    assert m.bias.dtype == flambeau.float64
    assert isinstance(m.bias, nn.Parameter)
    assert m.bias.requires_grad
    assert m.first.stats.dtype == flambeau.float64
    with flambeau.no_grad():
        other.bias.fill_(8)
    assert m.bias.tolist() == [8] * 4


def test_assign_fills_a_meta_model():
    m = make(flambeau).to(device="meta")
    m.load_state_dict(make(flambeau).state_dict(), assign=True)
    assert m.first.weight.tolist() == [[0, 1], [2, 3]]


def test_tied_parameters_stay_tied():
    def program(torch):
        m = make(torch)
        m.tied = m.bias
        state = m.state_dict()
        state["bias"] = torch.full((4,), 1.0)
        state["tied"] = torch.full((4,), 2.0)
        m.load_state_dict(state)
        return [m.tied is m.bias, m.bias, len(list(m.parameters()))]

    same(program)


def test_extra_state():
    def program(torch):
        class Extra(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.note = "fresh"

            def get_extra_state(self):
                return {"note": self.note}

            def set_extra_state(self, state):
                self.note = state["note"]

        a, b = torch.nn.Module(), torch.nn.Module()
        a.part, b.part = Extra(), Extra()
        a.part.note = "used"
        state = a.state_dict()
        b.load_state_dict(state)
        return [
            state,
            b.part.note,
            caught(lambda: b.load_state_dict({})),
            caught(lambda: torch.nn.Module().load_state_dict({"_extra_state": 1})),
        ]

    same(program)


def test_hooks():
    def program(torch):
        log = []
        m = make(torch)

        def pre(module, prefix, keep_vars):
            log.append(("pre", module is m.first, prefix, keep_vars))

        def post(module, state, prefix, metadata):
            log.append(("post", prefix, dict(metadata), list(state)))
            state[prefix + "added"] = torch.ones(1)

        def older(module, state, prefix, metadata):
            return OrderedDict((k, v) for k, v in state.items() if "count" not in k)

        def load_pre(module, state, prefix, metadata, strict, missing, unexpected, errors):
            log.append(("load pre", prefix, dict(metadata), strict, list(state)))
            state.pop(prefix + "added", None)

        def load_post(module, incompatible):
            log.append(("load post", module is m.first, list(incompatible.missing_keys)))
            incompatible.missing_keys.clear()

        handles = [
            m.first.register_state_dict_pre_hook(pre),
            m.first.register_state_dict_post_hook(post),
            m._register_state_dict_hook(older),
            m.first.register_load_state_dict_pre_hook(load_pre),
            m.first.register_load_state_dict_post_hook(load_post),
            m.register_load_state_dict_post_hook(load_post),
        ]
        state = m.state_dict()
        saw = [list(state), caught(lambda: m.load_state_dict(state))]
        for handle in handles:
            handle.remove()
        saw += [list(m.state_dict()), log]
        return saw

    same(program)


def test_hook_that_returns_is_an_error():
    def program(torch):
        m, n = make(torch), make(torch)
        m.register_state_dict_post_hook(lambda *args: {})
        n.register_load_state_dict_post_hook(lambda *args: 3)
        return [
            caught(m.state_dict),
            caught(lambda: n.load_state_dict(make(torch).state_dict())),
        ]

    same(program)


def test_overridden_load_sees_the_version():
    def program(torch):
        seen = []

        class Versioned(torch.nn.Module):
            _version = 2

            def __init__(self):
                super().__init__()
                self.w = torch.nn.Parameter(torch.zeros(1))

            def _load_from_state_dict(self, state, prefix, metadata, *rest):
                seen.append(metadata.get("version"))
                if metadata.get("version", 1) < 2:
                    state[prefix + "w"] = state.pop(prefix + "old")
                super()._load_from_state_dict(state, prefix, metadata, *rest)

        m = torch.nn.Module()
        m.v = Versioned()
        m.load_state_dict(m.state_dict())
        m.load_state_dict({"v.old": torch.ones(1)})
        return [seen, m.v.w]

    same(program)
