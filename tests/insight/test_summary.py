"""The table of a model: counts, shapes and FLOPs, and nothing that it leaves behind."""

from __future__ import annotations

import pytest

import flambeau
from flambeau import nn
from flambeau._engine.program import stats


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout())
        self.head = nn.Linear(8, 8, bias=False)
        self.out = nn.Linear(8, 8)
        self.out.weight = self.head.weight
        self.spare = nn.Linear(2, 2)
        self.last = None

    def forward(self, x, scale=1.0):
        self.last = self.head(self.body(x)) * scale
        return self.out(self.out(self.last)), x


def rows(found):
    return {row.path: row for row in found.rows}


def test_counts_and_shapes():
    model = Net()
    flambeau.freeze(model.body[0])
    found = flambeau.summary(model, input_size=(3, 4))
    by = rows(found)
    assert list(by) == [name for name, _ in model.named_modules()]
    assert (found.parameters, found.trainable, found.frozen) == (40 + 16 + 64 + 8 + 6, 94, 40)
    assert found.tied == {"out.weight": "head.weight"}
    assert found.buffers == 17
    assert found.state_bytes == 4 * (134 + 16) + 8
    assert by[""].output == [(3, 8), (3, 4)]
    assert by["body.0"].output == [(3, 8)]
    assert by["body.0"].depth == 2
    assert by["body"].calls == 1
    assert (by["out"].calls, by["spare"].calls) == (2, 0)
    assert by["body.1"].dtype == "float32, int64"
    # a product of matrices is 2 n m k, a bias n m
    assert by["head"].flops == 2 * 3 * 8 * 8
    assert by["out"].flops == 2 * (2 * 3 * 8 * 8 + 3 * 8)
    assert by["body"].flops == sum(by[f"body.{i}"].flops for i in range(3))
    assert found.flops > by["body"].flops + by["head"].flops + by["out"].flops
    assert found.input_bytes == 3 * 4 * 4
    text = str(found)
    assert "40 frozen" in text
    assert "tied to head.weight" in text
    assert "never called" in text
    assert "out: Linear (x2)" in text
    assert "\x1b" not in text


def test_it_leaves_nothing_behind():
    model = Net()
    flambeau.manual_seed(3)
    expected = flambeau.rand(2).tolist()
    flambeau.manual_seed(3)
    before = {name: t.tolist() for name, t in model.state_dict().items()}
    x = flambeau.tensor([[1.0] * 4] * 3)
    programs, single = stats.programs, stats.single_calls
    flambeau.summary(model, x, scale=2.0)
    assert (stats.programs, stats.single_calls) == (programs, single)
    assert {name: t.tolist() for name, t in model.state_dict().items()} == before
    assert flambeau.rand(2).tolist() == expected
    assert model.last is None
    assert model.training
    model(x)[0].sum().backward()


def test_the_ways_to_give_inputs():
    model = Net()
    x = flambeau.ones(3, 4)
    for found in (
        flambeau.summary(model, (x, 2.0)),
        flambeau.summary(model, {"x": x}),
        flambeau.summary(model, input_size=[(3, 4)], dtypes=[flambeau.float32]),
    ):
        assert rows(found)[""].output == [(3, 8), (3, 4)]
    table = nn.Embedding(5, 2)
    found = flambeau.summary(table, input_size=(7,), dtypes=flambeau.int64)
    assert found.rows[0].output == [(7, 2)]
    alone = flambeau.summary(model)
    assert not alone.ran
    assert alone.flops == 0
    assert "never called" not in str(alone)


def test_what_it_refuses():
    class Reads(nn.Module):
        def forward(self, x):
            return x if x.sum() > 0 else -x

    x = flambeau.ones(2)
    with pytest.raises(RuntimeError, match=r"summary: a value is read at .*test_summary\.py:\d+"):
        flambeau.summary(Reads(), x)
    assert x.tolist() == [1, 1]  # and reading works again
    with pytest.raises(RuntimeError, match=r"Linear 'body\.0': .*input is \(3, 5\)"):
        flambeau.summary(Net(), input_size=(3, 5))
    with pytest.raises(TypeError, match=r"takes an nn\.Module, not int"):
        flambeau.summary(3)
    with pytest.raises(ValueError, match="not both"):
        flambeau.summary(Net(), x, input_size=(2,))
