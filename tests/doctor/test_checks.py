"""What the doctor finds beyond the twenty mistakes; of each what is wrong and what is right."""

from __future__ import annotations

import json

import pytest

import flambeau as torch
from flambeau import nn
from flambeau._doctor.checks import gradients
from flambeau._doctor.facts import Event, Facts, ParameterFact, Trace


def codes(report) -> list[str]:
    return [finding.code for finding in report]


class Wide(nn.Module):
    """One program for many tests: two layers with something between them."""

    def __init__(self, between=torch.relu):
        super().__init__()
        self.first = nn.Linear(3, 8)
        self.second = nn.Linear(8, 2)
        self.between = between

    def forward(self, x):
        return self.second(self.between(self.first(x)))


X = torch.tensor([[1.0, 2.0, 3.0], [3.0, -1.0, 2.0], [0.5, 0.1, -2.0]])


def observed(net, lr=0.01, steps=4, optimizer=None, change=None):
    torch.manual_seed(0)
    optimizer = optimizer or torch.optim.SGD(net.parameters(), lr=lr)

    def step():
        optimizer.zero_grad()
        net(X).square().mean().backward()
        optimizer.step()
        if change is not None:
            change()

    return torch.doctor(net, optimizer, step, steps=steps, print=False)


# ---- as it stands


def test_a_parameter_in_two_optimizers():
    net = nn.Linear(3, 2)
    one, two = (torch.optim.SGD(net.parameters(), lr=0.1) for _ in range(2))
    report = torch.doctor(net, [one, two], print=False)
    assert codes(report) == ["FB021", "FB021"]
    assert report.findings[0].text == "'weight' is in group 0 of SGD 0 and group 0 of SGD 1"
    assert codes(torch.doctor(net, one, print=False)) == []


def test_a_parameter_twice_in_a_group():
    net = nn.Linear(3, 2)
    with pytest.warns(UserWarning, match="duplicate"):
        optimizer = torch.optim.SGD([net.weight, net.bias, net.weight], lr=0.1)
    (finding,) = torch.doctor(net, optimizer, print=False)
    assert (finding.code, finding.path, finding.file) == ("FB022", "weight", __file__)


def test_a_buffer_that_requires_a_gradient():
    net = nn.BatchNorm1d(3)
    assert codes(torch.doctor(net, print=False)) == []
    net.running_mean.requires_grad_()
    (finding,) = torch.doctor(net, print=False)
    assert (finding.code, finding.path) == ("FB023", "running_mean")


def test_mixed_dtypes_and_devices():
    net = nn.Sequential(nn.Linear(3, 3), nn.LayerNorm(3), nn.Linear(3, 3))
    net[0].half()
    net[2].half()
    assert codes(torch.doctor(net, print=False)) == []  # norms may stay wide
    net[2].float()
    (finding,) = torch.doctor(net, print=False)
    assert finding.code == "FB025"
    assert "dtype" in finding.text
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3, bias=False, device="meta"))
    (finding,) = torch.doctor(net, print=False)
    assert finding.text == "'1.weight': device meta, the others have cpu"


def test_decay_on_biases_is_a_hint():
    net = nn.Linear(3, 2)
    report = torch.doctor(net, torch.optim.AdamW(net.parameters()), print=False)
    (finding,) = report
    assert (finding.code, finding.severity) == ("FB027", "hint")
    assert report.ok
    groups = [{"params": [net.weight]}, {"params": [net.bias], "weight_decay": 0.0}]
    assert codes(torch.doctor(net, torch.optim.AdamW(groups), print=False)) == []


def closing(layer):
    class Around(nn.Module):
        def __init__(self):
            super().__init__()
            self.own = nn.Linear(3, 3)
            self.helper = None

        def forward(self, x):
            return layer(self.own(x))

    return Around()


def test_a_module_in_a_closure():
    (finding,) = torch.doctor(closing(nn.Linear(3, 3)), print=False)
    assert finding.code == "FB036"
    assert "'layer', a Linear (12 parameters)" in finding.text
    assert codes(torch.doctor(closing(nn.ReLU()), print=False)) == []
    layer = nn.Linear(3, 3)
    net = closing(layer)
    net.helper_layer = layer
    assert codes(torch.doctor(net, print=False)) == []


# ---- in steps


def test_a_sound_model_is_left_alone():
    report = observed(Wide())
    assert codes(report) == []
    assert report.data["observed"] == 4
    (first, *_) = report.data["models"][0]["parameters"]
    assert sum(first["grad_histogram"][1]) == first["elements"] == 24
    assert 0 < first["update"] < 0.1


def test_a_gradient_of_zero():
    report = observed(Wide(between=lambda h: h * 0.0))
    assert {f.path for f in report if f.code == "FB029"} == {
        "first.weight",
        "first.bias",
        "second.weight",
    }


def test_dead_units():
    net = Wide()
    with torch.no_grad():
        net.first.bias[:5] = -100.0
        net.first.bias[5:] = 5.0
    (finding,) = observed(net)
    assert finding.code == "FB034"
    assert finding.text == (
        "5 of the 8 units of Linear 'first' got no gradient in 4 observed steps"
    )


def test_updates_out_of_proportion():
    net = Wide()
    optimizer = torch.optim.Adam(net.parameters(), lr=30.0)
    assert set(codes(observed(net, optimizer=optimizer, steps=5))) >= {"FB033"}
    assert set(codes(observed(Wide(), lr=1e-12))) == {"FB033"}


class Logarithm(nn.Module):
    def forward(self, x):
        return torch.log(x)


class Bad(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3, 3)
        self.log = Logarithm()
        self.second = nn.Linear(3, 2)

    def forward(self, x):
        return self.second(self.log(-self.first(x).abs()))


def test_the_first_nan_is_in_a_module():
    report = observed(Bad(), steps=2)
    (finding,) = [f for f in report if f.code == "FB032"]
    assert finding.text == "step 0: first NaN or infinity in the output of Logarithm 'log'"
    assert (finding.file, finding.line) == (
        __file__,
        Logarithm.forward.__code__.co_firstlineno,
    )


def test_the_first_nan_is_between_modules():
    report = observed(Wide(between=lambda h: (h - h) / (h - h)), steps=2)
    (finding,) = [f for f in report if f.code == "FB032"]
    assert finding.text == (
        "step 0: first NaN or infinity in an input of Linear 'second': made in the forward of "
        "Wide before it"
    )
    assert finding.line == Wide.forward.__code__.co_firstlineno


def test_a_parameter_that_behaves_like_a_buffer():
    net = Wide()
    net.average = nn.Parameter(torch.zeros(1), requires_grad=False)

    def change():
        with torch.no_grad():
            net.average += 1

    (finding,) = observed(net, change=change)
    assert (finding.code, finding.path, finding.severity) == ("FB024", "average", "hint")


class Careless(torch.optim.SGD):
    """Decays whatever it holds."""

    def step(self, closure=None):
        result = super().step(closure)
        with torch.no_grad():
            for p in self.param_groups[0]["params"]:
                p.mul_(0.99)
        return result


def test_a_frozen_parameter_that_an_optimizer_moves():
    net = Wide()
    net.first.requires_grad_(False)
    report = observed(net, optimizer=Careless(net.parameters(), lr=0.01))
    assert {(f.code, f.path) for f in report} == {
        ("FB035", "first.weight"),
        ("FB035", "first.bias"),
    }
    net = Wide()
    net.first.requires_grad_(False)
    assert codes(observed(net)) == []


def test_modules_that_are_never_called():
    net = Wide()
    net.dropout = nn.Dropout()
    net.frozen = nn.Linear(2, 2).requires_grad_(False)
    report = observed(net)
    assert {(f.code, f.path, f.severity) for f in report} == {
        ("FB028", "dropout", "hint"),
        ("FB028", "frozen", "hint"),
    }


# ---- by facts alone


def layers(*sizes: list[float]) -> list[ParameterFact]:
    found = []
    for i, values in enumerate(sizes):
        events = [
            Event(s, grad=v, grad_rms=v, weight=1.0, update=1e-3) for s, v in enumerate(values)
        ]
        name = f"layers.{i}.weight"
        place = ("net.py", i + 1)
        fact = ParameterFact(
            name, (4, 4), 16, "float32", "cpu", True, True, f"layers.{i}", "Linear", place
        )
        fact.trace = Trace(events)
        found.append(fact)
    return found


def scale(*sizes: list[float]) -> list[tuple[str, str]]:
    facts = Facts("Net", layers(*sizes))
    return [(f.code, f.path) for f in gradients.check(facts)]


def test_vanishing_and_exploding_gradients():
    even = [1e-2, 2e-2, 1e-2]
    small = [1e-9, 2e-9, 1e-9]
    assert scale(even, even, even) == []
    assert scale(even, even, [v / 1000 for v in even]) == []
    assert scale(small, even, even) == [("FB031", "layers.0.weight")]
    assert scale(even, even, [1e3, 1e3, 1e3]) == [("FB030", "layers.2.weight")]
    assert scale([1e-3, 1e-3, 1.0, 1e3]) == [("FB030", "layers.0.weight")]
    assert scale(small, small, small) == []  # small all over is a matter of the loss's scale


# ---- the report


def test_a_report_is_printed_and_written(tmp_path, capsys):
    net = nn.Linear(3, 2)
    optimizer = torch.optim.SGD([net.weight], lr=0.1)
    report = torch.doctor(net, optimizer)
    printed = capsys.readouterr().out
    assert "FB007" in printed
    assert "flambeau doctor: 1 warning" in printed
    assert not report.ok
    data = json.loads(report.to_json(tmp_path / "report.json"))
    assert data == json.loads((tmp_path / "report.json").read_text())
    assert data["findings"][0]["code"] == "FB007"
    assert data["findings"][0]["docs"] == "docs/doctor.md#fb007"
    with torch.silence("FB007"):
        assert list(torch.doctor(net, optimizer, print=False)) == []


def test_every_step_of_a_compiled_function_is_seen():
    torch.manual_seed(0)
    net = Wide()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)

    def train(x):
        optimizer.zero_grad()
        net(x).square().mean().backward()
        optimizer.step()

    compiled = torch.compile(train)
    for _ in range(4):
        compiled(X)  # type: ignore[operator]
    replays = compiled.replays  # type: ignore[attr-defined]
    assert replays
    seen = []
    handle = net.register_forward_hook(lambda *_: seen.append(1))
    report = torch.doctor(net, optimizer, lambda: compiled(X), steps=5, print=False)  # type: ignore[operator]
    handle.remove()
    assert report.ok
    assert len(seen) == 5
    assert compiled.replays == replays  # type: ignore[attr-defined]
    compiled(X)  # type: ignore[operator]
    assert compiled.replays == replays + 1  # type: ignore[attr-defined]
