"""Rows 11 to 20 of the mistakes page: each mistake with its answer, and a right program with none.

The mistakes that a warning answers are made in these tests' own lines, so that the place in the
answer is theirs. `filterwarnings = error` makes any alarm in a right program a failure.
"""

from __future__ import annotations

import inspect
import io

import pytest

import flambeau
from flambeau import nn
from flambeau.errors import FlambeauWarning

HERE = __file__


def line_here() -> int:
    """The number of the caller's line."""
    return inspect.currentframe().f_back.f_lineno


def one_step(model, optimizer):
    optimizer.zero_grad()
    model(flambeau.ones(2, 3)).square().sum().backward()
    optimizer.step()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.encoder(x))


# -- 11: best = model.state_dict() is an alias -------------------------------------------------


@pytest.mark.parametrize("then", ["loaded", "saved"])
def test_11_kept_state_dict(then):
    model = Net()
    optimizer = flambeau.optim.SGD(model.parameters(), lr=0.1)
    best, line = model.state_dict(), line_here()
    one_step(model, optimizer)
    uses = {
        "loaded": lambda: model.load_state_dict(best),
        "saved": lambda: flambeau.save({"model": best}, io.BytesIO()),
    }
    with pytest.warns(FlambeauWarning) as caught:
        uses[then]()
    assert len(caught) == 1
    assert str(caught[0].message) == (
        f"the state dict that Net.state_dict() gave at {HERE}:{line} is {then} after 1 later "
        "optimizer update(s): it is an alias and holds what the model is now, not what it was "
        "then; keep flambeau.snapshot(model) (or copy.deepcopy(model.state_dict())) instead "
        "[FB011]"
    )
    assert caught[0].filename == HERE


def test_11_right():
    import copy

    model = Net()
    optimizer = flambeau.optim.SGD(model.parameters(), lr=0.1)
    best, deep = flambeau.snapshot(model), copy.deepcopy(model.state_dict())
    cloned = {name: t.clone() for name, t in model.state_dict().items()}
    one_step(model, optimizer)
    for kept in (best, deep, cloned):
        model.load_state_dict(kept)
        flambeau.save(kept, io.BytesIO())
    # what is loaded or saved at once, or was written to on purpose, is no mistake
    flambeau.save(model.state_dict(), io.BytesIO())
    own = model.state_dict()
    for name, t in best.items():
        own[name].copy_(t)
    model.load_state_dict(own)


# -- 12: a prefix, and strict=False that hides it ----------------------------------------------


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod."])
def test_12_prefix(prefix):
    model = Net()
    state = {prefix + name: t for name, t in flambeau.snapshot(model).items()}
    with pytest.raises(RuntimeError, match=f"all 4 keys match after removing '{prefix}'"):
        model.load_state_dict(state)
    with pytest.warns(FlambeauWarning) as caught:
        model.load_state_dict(state, strict=False)
    assert str(caught[0].message) == (
        f"Net.load_state_dict(strict=False): all 4 keys match after removing '{prefix}' from the "
        f"state_dict's keys; skipped 4 keys ({', '.join(state)}) of the state dict and left 4 "
        f"keys ({', '.join(model.state_dict())}) of the model as they were [FB012]"
    )
    assert caught[0].filename == HERE


def test_12_right():
    model = Net()
    state = flambeau.snapshot(model)
    assert not model.load_state_dict(state).missing_keys
    # another head on a pretrained body: strict=False is meant
    body = {name: t for name, t in state.items() if name.startswith("encoder")}
    found = model.load_state_dict({**body, "old_head.weight": state["head.weight"]}, strict=False)
    assert found.missing_keys == ["head.weight", "head.bias"]
    assert found.unexpected_keys == ["old_head.weight"]


# -- 13: optimizer state by position -------------------------------------------------------------


def named_optimizer(model, order=1):
    named = list(model.named_parameters())[::order]
    return flambeau.optim.SGD(named, lr=0.1, momentum=0.9)


def test_13_other_order():
    model = Net()
    before = named_optimizer(model)
    one_step(model, before)
    after = named_optimizer(model, -1)
    after.load_state_dict(before.state_dict())
    for p in model.parameters():
        kept = before.state[p]["momentum_buffer"].tolist()
        assert after.state[p]["momentum_buffer"].tolist() == kept


def test_13_other_names_and_other_shapes():
    model = Net()
    before = named_optimizer(model)
    one_step(model, before)
    other = nn.Sequential(model.encoder, model.head)
    with pytest.raises(ValueError, match=r"not in the state dict.*'0\.0\.weight'"):
        named_optimizer(other).load_state_dict(before.state_dict())
    by_position = flambeau.optim.SGD(list(model.parameters())[::-1], lr=0.1, momentum=0.9)
    with pytest.raises(ValueError, match=r"(?s)momentum_buffer.*\(4, 3\).*\(2,\)|shape"):
        by_position.load_state_dict(before.state_dict())


def test_13_right():
    model = Net()
    before = flambeau.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    one_step(model, before)
    after = flambeau.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    after.load_state_dict(before.state_dict())
    assert len(after.state) == 4


# -- 14: weight tying ------------------------------------------------------------------------------


class Tied(nn.Module):
    def __init__(self, tie=True):
        super().__init__()
        self.embed = nn.Embedding(5, 3)
        self.out = nn.Linear(3, 5, bias=False)
        if tie:
            self.out.weight = self.embed.weight


def test_14_ties_survive_and_are_counted(tmp_path):
    from flambeau.serialization import check_state_dict, load_safetensors, save_safetensors

    model = Tied().to(flambeau.float64)
    assert model.out.weight is model.embed.weight
    flambeau.save(model.state_dict(), tmp_path / "tied.pt")
    save_safetensors(model.state_dict(), tmp_path / "tied.safetensors")
    for state in (
        flambeau.load(tmp_path / "tied.pt"),
        load_safetensors(tmp_path / "tied.safetensors"),
    ):
        report = check_state_dict(Tied(), state)
        assert "ties: 1 in the model, 1 in the file" in str(report)
        other = Tied()
        other.load_state_dict(state)
        assert other.out.weight is other.embed.weight
        # the mistake: a model that does not tie them
        untied = check_state_dict(Tied(tie=False), state)
        assert "ties: 0 in the model, 1 in the file" in str(untied)
        assert untied.lost_ties == [("embed.weight", "out.weight")]
        assert "one tensor with out.weight in the file only" in str(untied)


# -- 15: .grad of what is no leaf ------------------------------------------------------------------


def test_15_grad_of_a_result():
    x = flambeau.ones(2, requires_grad=True)
    y, line = x * 3, line_here()
    y.sum().backward()
    with pytest.warns(FlambeauWarning) as caught:
        assert y.grad is None
    text = str(caught[0].message)
    assert f"MulBackward0 at {HERE}:{line} made it" in text
    assert "Call .retain_grad() on it before backward" in text
    assert text.endswith("[FB015]")
    assert caught[0].filename == HERE


def test_15_right():
    x = flambeau.ones(2, requires_grad=True)
    y = x * 3
    y.retain_grad()
    y.sum().backward()
    assert y.grad.tolist() == [1, 1]
    assert x.grad.tolist() == [3, 3]
    assert flambeau.ones(2).grad is None


# -- 16: modified by an inplace operation ----------------------------------------------------------


def test_16_cannot_happen():
    x = flambeau.tensor([1.0, 2.0], requires_grad=True)
    y = x.exp()
    z = y * y
    y.add_(100)  # exp and mul saved y as it was
    z.sum().backward()
    assert x.grad.allclose(2 * (2 * x.detach()).exp())
    model = nn.Linear(2, 1)
    loss = model(flambeau.ones(1, 2)).sum()
    with flambeau.no_grad():
        model.weight.zero_()  # an optimizer's step between forward and backward
    loss.backward()
    assert model.weight.grad.tolist() == [[1, 1]]


# -- 17: backward a second time --------------------------------------------------------------------


def test_17_carried_state():
    cell = nn.RNNCell(2, 2)
    hidden = flambeau.zeros(1, 2)
    for i in range(2):
        hidden = cell(flambeau.ones(1, 2), hidden); line = line_here()  # fmt: skip  # noqa: E702
        if i == 0:
            hidden.sum().backward()
    with pytest.raises(RuntimeError, match="a second time") as caught:
        hidden.sum().backward()
    text = str(caught.value)
    assert "was carried here by the variable 'hidden'" in text
    assert f" at {HERE}:{line}" in text
    assert text.index("`.detach()`") < text.index("retain_graph=True")


def test_17_right():
    cell = nn.RNNCell(2, 2)
    hidden = flambeau.zeros(1, 2)
    for _ in range(2):
        hidden = cell(flambeau.ones(1, 2), hidden.detach())
        hidden.sum().backward()
    y = cell(flambeau.ones(1, 2)).sum()
    y.backward(retain_graph=True)
    y.backward()


# -- 19: Linear's weight is (out, in) --------------------------------------------------------------


def test_19_transposed():
    model = Net()
    model.encoder[0].weight = nn.Parameter(flambeau.ones(3, 4))
    with pytest.raises(RuntimeError) as caught:
        model(flambeau.ones(2, 3))
    text = str(caught.value)
    assert text.startswith("Linear 'encoder.0': ")
    assert "input is (2, 3) and weight is (3, 4)" in text
    assert "weight must be (out_features, in_features)" in text
    assert "it looks transposed" in text


def test_19_wrong_but_not_transposed():
    with pytest.raises(RuntimeError) as caught:
        Net()(flambeau.ones(2, 7))
    assert "Linear 'encoder.0': " in str(caught.value)
    assert "transposed" not in str(caught.value)


def test_19_right():
    model = Net()
    model.encoder[0].weight = nn.Parameter(flambeau.ones(3, 4).T)
    assert model(flambeau.ones(2, 3)).shape == (2, 2)


# -- 20: weights_only ------------------------------------------------------------------------------


def test_20_tensors_load_and_objects_are_listed():
    from collections import Counter

    from flambeau.errors import CheckpointWarning
    from tests.oracle import torch

    file = io.BytesIO()
    config = Namespace()
    config.lr = 0.5
    torch.save({"model": {"weight": torch.ones(2)}, "args": config, "seen": Counter("aab")}, file)
    with pytest.warns(CheckpointWarning) as caught:
        loaded = flambeau.load(io.BytesIO(file.getvalue()), weights_only=True)
    assert loaded["model"]["weight"].tolist() == [1, 1]
    stub = loaded["args"]
    assert (stub.qualified_name, stub.lr) == (f"{__name__}.Namespace", 0.5)
    text = str(caught[0].message)
    assert "object(s) were not made, they stand as inert stubs" in text
    assert f"{__name__}.Namespace" in text


class Namespace:
    """Somebody's own class in a checkpoint."""


def test_20_right():
    file = io.BytesIO()
    flambeau.save({"model": Net().state_dict(), "epoch": 3, "sizes": [1, (2, 3)]}, file)
    loaded = flambeau.load(io.BytesIO(file.getvalue()), weights_only=True, strict_types=True)
    assert loaded["sizes"] == [1, (2, 3)]
