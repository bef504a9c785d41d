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
    with pytest.warns(FlambeauWarning) as caught:
        if then == "loaded":
            model.load_state_dict(best)
        else:
            flambeau.save({"model": best}, io.BytesIO())
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
