"""Execution: donation, reuse of broader programs, keys that stop repeating."""

from __future__ import annotations

import random
import threading
from concurrent.futures import Future

import numpy as np
import pytest

import flambeau as torch
from flambeau._engine import background, executor, recorder, singles
from flambeau._engine.layout import Layout
from flambeau._engine.program import stats


def test_a_dead_input_is_donated():
    x = torch.tensor(np.ones((64, 64), np.float32))
    recorder.flush()
    for _ in range(4):
        x = x + 1
        recorder.flush()
    assert " 1 donated" in stats.log[-1]
    assert x[0, 0].item() == 5.0


def test_an_array_that_numpy_sees_keeps_its_content():
    x = torch.tensor(np.ones((64, 64), np.float32)) * 1
    for i in range(4):
        seen = x.numpy()
        copy = seen.copy()
        x = x + 1
        recorder.flush()
        np.testing.assert_array_equal(seen, copy)
        assert x[0, 0].item() == i + 2


def test_an_array_that_jax_code_holds_keeps_its_content():
    import jax.numpy as jnp

    array = jnp.ones((64, 64))
    for _ in range(3):
        x = torch.from_jax(array)
        x += 1
        recorder.flush()
        assert x[0, 0].item() == 2.0
        assert float(array[0, 0]) == 1.0
    y = torch.tensor(np.ones((64, 64), np.float32)) * 3
    held = y.__jax_array__()
    y += 1
    recorder.flush()
    assert float(held[0, 0]) == 3.0


def test_two_tensors_over_one_value_are_not_donated_apart():
    a = torch.tensor(np.ones((64, 64), np.float32)) * 2
    b = a.detach()
    recorder.flush()
    a = a + 1
    recorder.flush()
    assert b[0, 0].item() == 2.0
    assert a[0, 0].item() == 3.0


def test_a_result_that_is_an_input_has_its_own_memory():
    x = torch.tensor(np.ones((64, 64), np.float32)) * 2
    recorder.flush()
    y = x.clone()
    z = y.reshape(64, 64)
    recorder.flush()
    x += 1
    recorder.flush()
    assert y[0, 0].item() == 2.0
    assert z[0, 0].item() == 2.0
    assert x[0, 0].item() == 3.0


def test_fewer_kept_results_reuse_the_broader_program():
    x = torch.tensor(np.ones((5, 7), np.float32))

    def both():
        a = x.sinh()
        b = a.cosh()
        recorder.flush()
        return a, b

    def one():
        b = x.sinh().cosh()
        recorder.flush()
        return b

    both()
    before = stats.programs
    one()
    assert stats.programs == before


def test_random_depths_cause_no_storm():
    w = torch.tensor(np.full((3, 3), 0.1, np.float32), requires_grad=True)
    x = torch.tensor(np.ones((2, 3), np.float32))
    rng = random.Random(0)
    before = stats.programs
    for _ in range(200):
        depth = rng.randint(1, 12)
        h = x
        for _ in range(depth):
            h = h @ w
        w.grad = None
        h.sum().backward()
        expected = np.ones((2, 3), np.float32)
        for _ in range(depth):
            expected = expected @ np.full((3, 3), 0.1, np.float32)
        np.testing.assert_allclose(h.detach().numpy(), expected, rtol=1e-5)
    assert stats.programs - before <= 30


def test_when_keys_stop_repeating_operations_run_one_by_one():
    executor._weather.misses = 0
    before = stats.programs
    singles = stats.single_calls
    for n in range(1, 40):
        y = torch.tensor(np.ones(3, np.float32))
        for _ in range(n):
            y = y * 1.0
            y = y - 0.5
        y = y.square()
        recorder.flush()
    assert stats.single_calls > singles
    assert stats.programs - before <= executor.STORM + 1
    executor._weather.misses = 0


def test_a_program_is_compiled_beside_a_graph_that_runs_one_by_one(monkeypatch):
    def visit():
        x = torch.tensor(np.full(23, 0.5, np.float32))
        y = (x.sin() + 1.25).cos()
        recorder.flush()
        return y.numpy().copy()

    def storm():
        recorder.flush()
        executor._weather.misses = executor.STORM
        return stats.programs, stats.single_calls

    started = []
    start = background.start
    monkeypatch.setattr(background, "start", lambda make: started.append(start(make)) or started[0])
    _, singles = storm()
    first = visit()
    assert stats.single_calls == singles + 3
    assert started == []
    _, singles = storm()
    second = visit()  # every operation is there: no need to wait for the program
    assert stats.single_calls == singles + 3
    assert len(started) == 1
    program = started[0].result()
    assert "in the background" in stats.log[-1]
    programs, singles = storm()
    third = visit()  # the program is used, and waited for if need be
    assert (stats.programs, stats.single_calls) == (programs, singles)
    assert program.uses == 1
    assert executor._weather.misses == 0
    visit()
    assert program.uses == 2
    expected = np.cos(np.sin(np.full(23, 0.5)) + 1.25)
    for found in (first, second, third):
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_a_program_that_others_stand_before_is_not_waited_for(monkeypatch):
    def visit():
        recorder.flush()
        executor._weather.misses = executor.STORM
        x = torch.tensor(np.full(31, 0.5, np.float32))
        y = x.cos().cos() * 0.5
        recorder.flush()
        return y.numpy()

    visit()
    waiting = Future()
    monkeypatch.setattr(background, "start", lambda make: waiting)
    visit()
    programs = stats.programs
    np.testing.assert_allclose(visit(), np.cos(np.cos(np.full(31, 0.5))) * 0.5, rtol=1e-6)
    assert waiting.cancelled()
    assert stats.programs == programs  # counted when it was asked for
    executor._weather.misses = 0


def test_what_fails_in_the_background_is_told_when_it_is_used(monkeypatch):
    def failing(*args):
        raise RuntimeError("no room to compile")

    def visit():
        executor._weather.misses = executor.STORM
        x = torch.tensor(np.full(29, 0.5, np.float32))
        y = x.sin().sin() * 0.5
        recorder.flush()
        return y

    visit()
    monkeypatch.setattr(executor, "compile_graph", failing)
    assert visit().shape == (29,)
    with pytest.raises(RuntimeError, match="no room to compile"):
        visit()
    monkeypatch.undo()
    visit()
    executor._weather.misses = 0


def test_training_begins_in_calm_weather():
    executor._weather.misses = executor.STORM
    singles = stats.single_calls
    w = torch.nn.Parameter(torch.ones(7))
    optimizer = torch.optim.SGD([w], lr=0.5)
    (w * w).sum().backward()
    optimizer.step()
    assert stats.single_calls - singles <= 1  # what made the weights came before
    assert w.tolist() == [0.0] * 7
    executor._weather.misses = 0


def test_the_programs_longest_unused_make_room(monkeypatch):
    def program(n):
        executor._weather.misses = 0
        x = torch.tensor(np.ones(n, np.float32))
        return (x.sin() * 0.0 + n).sum().item()

    monkeypatch.setattr(executor, "_resident", {})
    monkeypatch.setattr(torch.config, "max_programs", 4)
    sizes = [1001, 1002, 1003, 1004]
    for n in sizes:
        assert program(n) == n * n
    made = stats.programs
    assert program(1001) == 1001**2
    assert stats.programs == made
    assert program(1005) == 1005**2  # 1002 and 1003 go
    assert len(executor._resident) == 3
    for n, fresh in ((1001, 0), (1004, 0), (1005, 0), (1002, 1)):
        made = stats.programs
        assert program(n) == n * n
        assert stats.programs - made == fresh, n


def test_operations_compiled_alone_make_room(monkeypatch):
    monkeypatch.setattr(singles, "_made", {})
    monkeypatch.setattr(torch.config, "max_programs", 4)
    monkeypatch.setattr(torch.config, "_mode", "eager")
    for n in range(41, 51):
        x = torch.tensor(np.full(n, 0.25, np.float32))
        np.testing.assert_allclose(x.sqrt().numpy(), np.full(n, 0.5, np.float32))
        assert 1 <= len(singles._made) <= 4


def test_the_verifier_accepts_what_the_recorder_makes():
    x = torch.tensor([1.0])
    y = (x * 2 + x).exp()
    graph = recorder.graph_for(y._storage.value.aval.device)
    executor.verify(Layout(graph.state))
    y.item()


@pytest.fixture
def slow_compiler(monkeypatch):
    """Compilation that waits until it is allowed, and who did it."""
    allowed = threading.Event()
    compile_graph = executor.compile_graph
    threads = []

    def waiting(*args, **kwargs):
        threads.append(threading.current_thread())
        assert allowed.wait(60), "nobody allowed it"
        return compile_graph(*args, **kwargs)

    executor.begin()
    monkeypatch.setattr(executor, "compile_graph", waiting)
    yield allowed, threads
    allowed.set()
    background.start(lambda: None).result()  # what is under way ends


def test_a_read_of_what_is_known_does_not_wait_for_a_compiler(slow_compiler):
    allowed, threads = slow_compiler
    known = torch.tensor(np.full(37, 2.0, np.float32))
    y = known.sin() * 3.5
    z = known - 1
    programs = stats.programs
    assert known.tolist() == [2.0] * 37  # compiling has not been allowed yet
    assert stats.programs == programs + 1
    assert y._storage.value.array is None
    del z
    allowed.set()
    np.testing.assert_allclose(y.numpy(), np.full(37, np.sin(2.0) * 3.5), rtol=1e-6)
    assert threads[0] is not threading.main_thread()
    assert len(threads) == 1


def test_reads_in_a_row_wait_for_no_compiler(slow_compiler):
    allowed, threads = slow_compiler
    known = torch.tensor(np.full(61, 2.0, np.float32))
    known.tolist()  # its array is the device's from here on
    y = known.asinh() * 3.5
    assert known.tolist() == [2.0] * 61
    z = known.acosh() * 3.5  # of the same array, while the first graph has not run
    assert known.tolist() == [2.0] * 61
    assert y._storage.value.array is None
    assert z._storage.value.array is None
    allowed.set()
    np.testing.assert_allclose(y.numpy(), np.full(61, np.arcsinh(2.0) * 3.5), rtol=1e-6)
    np.testing.assert_allclose(z.numpy(), np.full(61, np.arccosh(2.0) * 3.5), rtol=1e-6)
    assert threading.main_thread() not in threads


def test_what_needs_a_program_on_its_way_waits_for_it(slow_compiler):
    allowed, threads = slow_compiler
    known = torch.tensor(np.full(41, 2.0, np.float32))
    y = known.cos() * 3.5
    known.tolist()
    allowed.set()
    z = y + known
    np.testing.assert_allclose(z.numpy(), np.full(41, np.cos(2.0) * 3.5 + 2), rtol=1e-6)
    assert len(threads) == 2


def test_the_same_graph_again_uses_the_program_on_its_way(slow_compiler):
    allowed, threads = slow_compiler
    found = []
    known = torch.tensor(np.full(43, 2.0, np.float32))
    for _ in range(3):
        y = known.tan() * 3.5
        if found:
            allowed.set()
            recorder.flush()  # not aside: it is waited for
        else:
            known.tolist()
        found.append(y)
    for y in found:
        np.testing.assert_allclose(y.numpy(), np.full(43, np.tan(2.0) * 3.5), rtol=1e-5)
    assert len(threads) == 1


def test_what_fails_on_its_way_is_told_to_who_needs_it(monkeypatch):
    executor.begin()
    known = torch.tensor(np.full(47, 2.0, np.float32))
    y = known.exp() * 3.5

    def failing(*args):
        raise RuntimeError("no room to compile")

    monkeypatch.setattr(executor, "compile_graph", failing)
    assert known.tolist() == [2.0] * 47
    for _ in range(2):
        with pytest.raises(RuntimeError, match="no room to compile"):
            y.numpy()
    monkeypatch.undo()
    np.testing.assert_allclose((known.exp() * 3.5).numpy(), np.exp(2.0) * 3.5, rtol=1e-6)


def test_memory_on_its_way_is_reused_only_where_nobody_holds_it(slow_compiler):
    allowed, _ = slow_compiler
    x = torch.tensor(np.ones((64, 53), np.float32)) * 1
    allowed.set()
    recorder.flush()
    allowed.clear()
    known = torch.tensor(np.zeros(2, np.float32))
    seen = x.numpy()
    held = x
    x = x + 1
    known.tolist()
    allowed.set()
    assert x[0, 0].item() == 2.0
    assert held[0, 0].item() == seen[0, 0] == 1.0


def test_another_thread_reads_what_is_on_its_way(slow_compiler):
    allowed, _ = slow_compiler
    known = torch.tensor(np.full(59, 2.0, np.float32))
    y = known.sinh() * 3.5
    known.tolist()
    found = []
    reader = threading.Thread(target=lambda: found.append(y.numpy()))
    reader.start()
    allowed.set()
    reader.join(60)
    np.testing.assert_allclose(found[0], np.full(59, np.sinh(2.0) * 3.5), rtol=1e-6)
