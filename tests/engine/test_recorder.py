"""Recording: what makes a program new, and what does not."""

from __future__ import annotations

import numpy as np
import pytest

import flambeau as torch
from flambeau._engine import recorder
from flambeau._engine.program import stats


def run_twice_and_count(step):
    """Programs compiled by the third and fourth call of a step."""
    step(0)
    step(1)
    before = stats.programs
    step(2)
    step(3)
    return stats.programs - before


def test_a_repeated_computation_makes_no_new_program():
    x = torch.tensor([1.0, 2.0])

    def step(i):
        assert (x * 2 + 1).sum().item() == 8.0

    assert run_twice_and_count(step) == 0


def test_numbers_are_inputs_of_the_program():
    x = torch.tensor([1.0, 2.0])

    def step(i):
        assert (x * (i + 0.5)).sum().item() == 3 * (i + 0.5)

    assert run_twice_and_count(step) == 0


def test_negative_zero_is_another_number_than_zero():
    x = torch.tensor([1.0])
    signs = [np.signbit((x * s).item()) for s in (0.0, -0.0, 0.0, -0.0)]
    assert signs == [False, True, False, True]


def test_another_shape_makes_a_new_program_and_the_log_says_so():
    def step(n):
        return (torch.ones(n).exp() * 3).sum().item()

    step(11)
    before = stats.programs
    step(12)
    assert stats.programs == before + 1
    x = torch.tensor(np.ones((3, 517), np.float32))
    (x.cos() * x).sum().item()
    y = torch.tensor(np.ones((4, 517), np.float32))
    (y.cos() * y).sum().item()
    assert "input 0 is float32[4,517], was float32[3," in stats.log[-1]


def test_what_nobody_holds_is_not_a_result():
    x = torch.tensor([3.0])
    kept = (x * x).sqrt()
    kept.item()
    assert " 1 results" in stats.log[-1] or stats.launches


def test_recording_executes_nothing():
    x = torch.tensor([3.0])
    launches = stats.launches
    y = x * x + x
    assert stats.launches == launches
    y.item()
    assert stats.launches == launches + 1


def test_a_read_executes_all_that_is_pending():
    a = torch.tensor([3.0]) * 2
    b = torch.tensor([4.0]) * 2
    a.item()
    launches = stats.launches
    assert b.item() == 8.0
    assert stats.launches == launches


def test_a_refused_operation_leaves_the_graph_as_it_was():
    x = torch.tensor(np.ones((2, 3), np.float32))
    y = x + 1
    with pytest.raises(RuntimeError):
        torch.tensor(np.ones(4, np.float32)) + x
    z = y * 2
    assert z.tolist() == [[4.0] * 3] * 2


def test_a_long_pending_graph_is_executed(monkeypatch):
    monkeypatch.setattr(torch.config, "max_pending", 5)
    launches = stats.launches
    x = torch.tensor([1.0])
    for _ in range(6):
        x = x + 1
    assert stats.launches > launches
    assert x.item() == 7.0


def test_integers_beyond_int64_are_refused():
    x = torch.tensor([1])
    with pytest.raises((RuntimeError, OverflowError)):
        x + 2**70
    assert (x + 1).item() == 2


@pytest.mark.parametrize("mode", ["eager", "debug"])
def test_the_modes_give_the_same_numbers(mode, monkeypatch):
    def program():
        torch.manual_seed(3)
        x = torch.randn(4, 4, requires_grad=True)
        loss = (x.tanh() @ x).pow(2).mean() + torch.rand(1).sum()
        loss.backward()
        return loss.item(), x.grad.tolist()

    lazy = program()
    monkeypatch.setattr(torch.config, "mode", mode)
    other = program()
    np.testing.assert_allclose(lazy[0], other[0], rtol=1e-6)
    np.testing.assert_allclose(lazy[1], other[1], rtol=1e-5, atol=1e-7)


def test_debug_mode_names_the_line_that_makes_nan(monkeypatch):
    monkeypatch.setattr(torch.config, "mode", "debug")
    x = torch.tensor([-1.0])
    with pytest.raises(FloatingPointError, match=r"log at .*test_recorder\.py:\d+"):
        x.log()


def test_an_unknown_mode_is_refused():
    with pytest.raises(ValueError, match="must be one of lazy, eager, debug"):
        torch.config.mode = "fast"


def test_flush_runs_what_is_pending_without_reading():
    x = torch.tensor([1.0]) + 1
    launches = stats.launches
    recorder.flush()
    assert stats.launches == launches + 1
    recorder.flush()
    assert stats.launches == launches + 1
    assert x.item() == 2.0


def test_meta_tensors_have_shapes_and_no_data():
    x = torch.ones(3, 4, device="meta")
    y = (x * 2).sum(0)
    assert tuple(y.shape) == (4,)
    with pytest.raises(NotImplementedError, match="no data"):
        y.tolist()
