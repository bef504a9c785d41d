"""The mistakes around parameters: what is answered, with place and name, and what is not.

Rows 11 to 17, 19 and 20 are in `test_mistakes_answers.py`. Every row has a program that makes
the mistake and one that looks similar and is right. Tests run with warnings as errors, so that a
right program that drew a warning would fail.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import flambeau as torch
from flambeau import nn
from flambeau._tensor import history
from flambeau.errors import FlambeauWarning

LINES = Path(__file__).read_text().splitlines()


@pytest.fixture(autouse=True)
def _fresh_history():
    history.afresh()


def line(mark: str) -> int:
    """The line of this file that ends in a mark."""
    (found,) = [i for i, text in enumerate(LINES, 1) if text.endswith(f"# {mark}")]
    return found


def one_step(model, optimizer, x=None):
    optimizer.zero_grad()
    loss = model(torch.ones(2, 3) if x is None else x).square().mean()
    loss.backward()
    optimizer.step()
    return loss


def only(caught, code: str, mark: str) -> str:
    """The text of the one warning that was given, after a look at its code and place."""
    (warning,) = caught
    assert warning.message.code == code
    assert (warning.filename, warning.lineno) == (__file__, line(mark))
    return str(warning.message).removesuffix(f" [{code}]")


# ---- 1: modules in a list


class Listed(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3, 3)
        self.layers = [nn.Linear(3, 2) for _ in range(3)]  # row 1
        self.sizes = [3, 2, "a", None, (1, 2)]

    def forward(self, x):
        return sum(layer(self.first(x)) for layer in self.layers)


class Named(nn.Module):
    def __init__(self):
        super().__init__()
        self.scales = {"a": nn.Parameter(torch.ones(3)), "b": 1}  # row 1, parameters

    def forward(self, x):
        return x * self.scales["a"]


class Right(nn.Module):
    """Lists of what is registered, of frozen and of plain things."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(3, 3) for _ in range(2))
        self.order = [self.layers[1], self.layers[0]]
        self.activations = [nn.ReLU(), torch.tanh]
        self.teacher = [nn.Linear(3, 3).requires_grad_(False)]
        self.sizes = [3, 2, "a", {"b": (1, 2)}]
        self.parent = [self]

    def forward(self, x):
        for layer, activation in zip(self.order, self.activations, strict=True):
            x = activation(layer(x))
        return x


def test_row_1_a_list_of_modules():
    net = Listed()
    with pytest.warns(FlambeauWarning) as caught:
        net(torch.ones(2, 3))
    assert only(caught, "FB001", "row 1") == (
        "Listed.layers is a list of 3 Linear (24 parameters) that are not registered; "
        "use nn.ModuleList"
    )
    net(torch.ones(2, 3))  # once
    (finding,) = torch.doctor(net, print=False)
    assert (finding.code, finding.path, finding.line) == ("FB001", "layers", line("row 1"))


def test_row_1_below_the_root_and_in_a_dict():
    with pytest.warns(FlambeauWarning) as caught:
        nn.Sequential(nn.Identity(), Named())(torch.ones(2, 3))
    assert only(caught, "FB001", "row 1, parameters") == (
        "Sequential.1.scales is a dict that holds 1 Parameter (3 parameters) that are not "
        "registered; use nn.ParameterDict"
    )


def test_row_1_right():
    net = Right()
    net(torch.ones(2, 3))
    assert torch.doctor(net, print=False).ok


# ---- 2: plain tensors


class Masked(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 3)
        self.mask = torch.ones(3)  # row 2

    def forward(self, x):
        return self.fc(x) * self.mask


class Stateful(nn.Module):
    """Buffers, a state that is reset, an activation that is kept: none is lost by mistake."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 3)
        self.register_buffer("mask", torch.ones(3))
        self.register_buffer("cache", torch.ones(3), persistent=False)
        self.state = None
        self.size = torch.Size([3])

    def reset(self):
        self.state = torch.zeros(3)

    def forward(self, x):
        self.seen = x
        self.state = self.fc(x) * self.mask
        return self.state


MASK = (
    "Masked.mask is a plain tensor, neither parameter nor buffer: .to() does not move it and "
    "state_dict() does not save it; use self.register_buffer('mask', ...)"
)


@pytest.mark.parametrize("then", [lambda net: net.to(torch.float64), lambda net: net.state_dict()])
def test_row_2_a_plain_tensor(then):
    net = Masked()
    with pytest.warns(FlambeauWarning) as caught:
        then(net)
    assert only(caught, "FB002", "row 2") == MASK
    net.state_dict()  # once
    (finding,) = torch.doctor(net, print=False)
    assert (finding.code, finding.path, finding.line) == ("FB002", "mask", line("row 2"))


def test_row_2_below_the_root():
    with pytest.warns(FlambeauWarning, match=r"^Sequential\.0\.mask is a plain tensor"):
        nn.Sequential(Masked()).double()


def test_row_2_right():
    net = Stateful()
    net(torch.ones(2, 3))
    net.reset()
    net.state_dict()
    assert net.double().mask.dtype is torch.float64
    assert torch.doctor(net, print=False).ok
    Masked().to("cpu")  # nothing moves


# ---- 3: a parameter that became a plain tensor


class Converted(nn.Module):
    def __init__(self, x):
        super().__init__()
        self.weight = nn.Parameter(x).to(torch.float64)  # row 3


class ConvertedFirst(nn.Module):
    def __init__(self, x):
        super().__init__()
        self.weight = nn.Parameter(x.to(torch.float64))
        self.same = nn.Parameter(x).to(torch.float32)  # nothing to convert: the parameter itself
        self.double = self.weight * 2  # computed from a parameter that is there


def test_row_3_a_parameter_that_was_moved():
    with pytest.warns(FlambeauWarning) as caught:
        net = Converted(torch.ones(3))
    text = only(caught, "FB003", "row 3")
    assert text.startswith("Converted.weight is a plain tensor and will not be trained")
    assert text.endswith("write nn.Parameter(x.to(torch.float64))")
    assert list(net.parameters()) == []
    assert [(f.code, f.line) for f in torch.doctor(net, print=False)] == [("FB003", line("row 3"))]


def test_row_3_right():
    net = ConvertedFirst(torch.ones(3))
    assert [name for name, _ in net.named_parameters()] == ["weight", "same"]
    nn.utils.parametrizations.weight_norm(nn.Linear(3, 3))(torch.ones(2, 3))


# ---- 4 and 5: cannot happen


def test_row_4_an_alias_of_a_buffer_follows():
    net = nn.BatchNorm1d(3)
    alias, copy = net.running_mean, net.running_mean.clone()
    net.double()
    assert alias is net.running_mean
    assert alias.dtype is torch.float64
    assert copy.dtype is torch.float32


def test_row_5_an_optimizer_built_before_the_move():
    net = nn.Linear(3, 3)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    one_step(net, optimizer)
    net.to(torch.float64)
    before = net.weight.detach().clone()
    one_step(net, optimizer, torch.ones(2, 3, dtype=torch.float64))
    assert not torch.equal(before, net.weight)
    assert optimizer.param_groups[0]["params"][0] is net.weight
    assert torch.doctor(net, optimizer, print=False).ok


# ---- 6: a parameter that was replaced


class Tuned(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(3, 3)
        self.fc = nn.Linear(3, 3)

    def forward(self, x):
        return self.fc(self.body(x))


def test_row_6_replaced_after_the_optimizer_was_built():
    net = Tuned()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    net.fc = nn.Linear(3, 3)  # row 6, replaced
    with pytest.warns(FlambeauWarning) as caught:
        for _ in range(2):
            optimizer.zero_grad()
            net(torch.ones(2, 3)).sum().backward()
            optimizer.step()  # row 6
    text = only(caught, "FB006", "row 6")
    assert (
        "group 0 holds a tensor that was 'fc.weight' and is no longer in the model (and 1 more: "
        "'fc.bias')"
    ) in text
    assert f"replaced at {__file__}:{line('row 6, replaced')}" in text
    found = [(f.code, f.path, f.line) for f in torch.doctor(net, optimizer, print=False)]
    at = line("row 6, replaced")
    assert found == [("FB006", "fc.weight", at), ("FB006", "fc.bias", at)]


def test_row_6_right():
    net = Tuned()
    net.fc = nn.Linear(3, 3)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    one_step(net, optimizer)
    net.fc, kept = nn.Linear(3, 3), net.fc
    optimizer.add_param_group({"params": list(net.fc.parameters())})
    one_step(net, optimizer)  # the new one is trained
    del kept
    other = Tuned()
    optimizer = torch.optim.SGD(other.parameters(), lr=0.1)
    other.body, other.fc = other.fc, other.body  # the same parameters in other places
    one_step(other, optimizer)
    assert torch.doctor(other, optimizer, print=False).ok


# ---- 7 and 8: not trained


def test_row_7_a_parameter_in_no_optimizer():
    net = Tuned()
    optimizer = torch.optim.SGD(net.body.parameters(), lr=0.1)
    report = torch.doctor(net, optimizer, print=False)
    (finding,) = report
    assert finding.code == "FB007"
    assert finding.text.startswith("'fc.weight', 'fc.bias' are trainable and in no optimizer")
    assert (finding.file, finding.line) == (
        __file__,
        Tuned.__init__.__code__.co_firstlineno + 3,
    )
    net.fc.requires_grad_(False)
    assert len(torch.doctor(net, optimizer, print=False)) == 0


class Partly(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 3)
        self.aux = nn.Linear(3, 3)  # row 8, never called
        self.scale = nn.Parameter(torch.ones(3))  # row 8, never used
        self.cut = nn.Linear(3, 3)  # row 8, detached

    def forward(self, x):
        return self.fc(x) + self.cut(x).detach()


def test_row_8_parameters_that_get_no_gradient():
    net = Partly()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    report = torch.doctor(net, optimizer, lambda: one_step(net, optimizer), steps=2, print=False)
    assert {(f.code, f.text, f.line) for f in report} == {
        (
            "FB008",
            "'scale' got no gradient in 2 observed steps: the forward of Partly never used it",
            line("row 8, never used"),
        ),
        (
            "FB008",
            (
                "'aux.weight', 'aux.bias' got no gradient in 2 observed steps: "
                "Linear 'aux' is never called"
            ),
            line("row 8, never called"),
        ),
        (
            "FB008",
            (
                "'cut.weight', 'cut.bias' got no gradient in 2 observed steps: "
                "Linear 'cut' is called, and its result does not reach the loss"
            ),
            line("row 8, detached"),
        ),
    }


def test_row_8_right():
    """By turns, through a tie, and by a weight used without its module."""

    class Turns(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(3, 3), nn.Linear(3, 3)
            self.tied = nn.Linear(3, 3)
            self.tied.weight = self.a.weight
            self.count = 0

        def forward(self, x):
            self.count += 1
            x = self.a(x) if self.count % 2 else self.b(x)
            return nn.functional.linear(x, self.tied.weight, self.tied.bias)

    net = Turns()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    report = torch.doctor(net, optimizer, lambda: one_step(net, optimizer), steps=4, print=False)
    assert list(report) == []


# ---- 9 and 10: frozen


def test_row_9_a_frozen_parameter_does_not_move_and_the_rest_is_named():
    net = Tuned()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)
    one_step(net, optimizer)
    net.body.requires_grad_(False)  # with a .grad and a momentum
    before = net.body.weight.numpy().copy()
    loss = net(torch.ones(2, 3)).sum()
    loss.backward()
    optimizer.step()
    np.testing.assert_array_equal(net.body.weight.numpy(), before)
    (finding,) = [f for f in torch.doctor(net, optimizer, print=False) if f.severity != "hint"]
    assert finding.code == "FB009"
    assert finding.text == (
        "group 0 of SGD holds 2 frozen parameters that have a .grad ('body.weight', 'body.bias') "
        "and optimizer state ('body.weight', 'body.bias') left over"
    )


def test_row_9_right():
    net = Tuned()
    net.body.requires_grad_(False)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)  # holds, skips them
    one_step(net, optimizer)
    assert list(torch.doctor(net, optimizer, print=False)) == []


class Normed(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(3)  # row 10
        self.fc = nn.Linear(3, 3)

    def forward(self, x):
        return self.fc(self.norm(x))


def normed(freeze):
    net = Normed()
    freeze(net.norm)
    net.train()
    optimizer = torch.optim.SGD(net.fc.parameters(), lr=0.1)
    x = torch.tensor([[1.0, 2.0, 3.0], [3.0, 1.0, 2.0]])
    return torch.doctor(net, optimizer, lambda: one_step(net, optimizer, x), steps=3, print=False)


def test_row_10_statistics_of_a_frozen_norm_move():
    (finding,) = normed(lambda norm: norm.requires_grad_(False))
    assert (finding.code, finding.line) == ("FB010", line("row 10"))
    assert finding.text == (
        "'norm.running_mean', 'norm.running_var', 'norm.num_batches_tracked' of BatchNorm1d moved "
        "in 3 forwards in training mode, while the module's parameters are frozen"
    )


def test_row_10_right():
    assert list(normed(torch.freeze)) == []


# ---- 18: history


def trained(keep, steps=8):
    net = nn.Linear(3, 3)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    kept = None
    for _ in range(steps):
        kept = keep(kept, one_step(net, optimizer))
    return kept


def test_row_18_losses_in_a_list():
    losses = []
    net = nn.Linear(3, 3)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    with pytest.warns(FlambeauWarning) as caught:
        for _ in range(8):
            loss = one_step(net, optimizer)
            losses.append(loss)  # row 18
    text = only(caught, "FB018", "row 18")
    assert text.startswith("'losses', a list, holds 4 tensors with the graphs of 4 steps, 12 nodes")
    assert f"kept at {__file__}:{line('row 18')}" in text


def test_row_18_a_sum_of_losses():
    total = 0
    net = nn.Linear(3, 3)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    with pytest.warns(FlambeauWarning) as caught:
        for _ in range(8):
            total = total + one_step(net, optimizer)  # row 18, sum
    text = only(caught, "FB018", "row 18, sum")
    assert text.startswith("'total' holds the graphs of 4 steps")


def test_row_18_right():
    best = trained(lambda old, new: new if old is None or new < old else old)
    assert best.grad_fn is not None  # one graph is no leak
    assert len(trained(lambda old, new: [*(old or []), new.item()])) == 8
    assert len(trained(lambda old, new: [*(old or []), new.detach()])) == 8
    assert len(trained(lambda old, new: [*(old or []), new][-2:])) == 2
