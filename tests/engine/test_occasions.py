"""When what was recorded is executed."""

from __future__ import annotations

import numpy as np

import flambeau as torch
from flambeau._engine.program import stats


def launched(action) -> int:
    before = stats.launches
    action()
    return stats.launches - before


def make():
    model = torch.nn.Linear(4, 2)
    x = torch.tensor(np.ones((3, 4), np.float32))
    model(x).sum().item()
    return model, x


def test_the_end_of_an_optimizer_step_dispatches():
    model, x = make()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    loss = model(x).sum()
    assert launched(loss.backward) == 0
    assert launched(optimizer.step) == 1
    assert launched(loss.item) == 0


def test_a_whole_training_step_is_one_program():
    model, x = make()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)

    def step():
        optimizer.zero_grad()
        loss = model(x).pow(2).mean()
        loss.backward()
        optimizer.step()

    step()
    assert launched(step) == 1


def test_the_outermost_module_call_without_history_dispatches():
    model, x = make()
    outer = torch.nn.Sequential(model, torch.nn.ReLU())
    with torch.no_grad():
        assert launched(lambda: outer(x)) == 1
    with torch.inference_mode():
        assert launched(lambda: outer(x)) == 1
    assert launched(lambda: outer(x)) == 0


def test_what_makes_a_model_is_no_part_of_its_first_forward():
    model = torch.nn.Linear(6, 3)
    x = torch.tensor(np.ones((2, 6), np.float32))
    with torch.no_grad():
        assert launched(lambda: model(x)) == 2
        programs = stats.programs
        assert launched(lambda: model(x)) == 1
    assert stats.programs == programs


def test_printing_executes():
    _, x = make()
    y = x * 2
    assert launched(lambda: repr(y)) == 1


def test_a_branch_on_data_executes():
    _, x = make()
    y = x.sum()
    assert launched(lambda: bool(y > 0)) == 1


def test_a_shape_is_known_without_executing():
    _, x = make()
    y = (x @ x.T).relu()
    assert launched(lambda: (y.shape, y.dtype, y.requires_grad)) == 0
    assert tuple(y.shape) == (3, 3)
