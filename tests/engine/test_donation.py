"""Which inputs give their memory to which results."""

import re

import numpy as np
import pytest

import flambeau as torch
from flambeau._engine import executor, recorder
from flambeau._engine.donation import pair
from flambeau._engine.layout import Layout
from flambeau._engine.program import watch


def recorded(*results):
    """The layout of what is pending, and the ordinals of these results in it."""
    graph = recorder.graph_for(results[0]._storage.value.aval.device)
    at = {id(ref()): k for k, ref in enumerate(graph.outs)}
    return Layout(graph.state), [at[id(r._storage.value)] for r in results]


def leaf(n):
    recorder.flush()  # nothing else is pending
    return torch.tensor(np.full(n, 0.5, np.float32))


def test_a_result_takes_the_memory_of_what_it_was_computed_from():
    a, b = leaf(5), leaf(5)
    new_b = (b * 2).sin()
    new_a = a + 1
    layout, live = recorded(new_b, new_a)
    # The leaves are in the order of their first use: b, a.
    assert pair(layout, live, [0, 1]) == {0: live[0], 1: live[1]}
    assert pair(layout, live, [1]) == {1: live[1]}
    assert pair(layout, live, []) == {}


def test_an_update_comes_before_a_gradient():
    w = leaf(6)
    gradient = w.cos()
    updated = w - 0.1 * gradient
    layout, live = recorded(gradient, updated)
    assert pair(layout, live, [0]) == {0: live[1]}


def test_what_is_left_over_is_paired_in_order_by_shape():
    a, b, c = leaf(3), leaf(4), leaf(3)
    total = a.sum() + b.sum() + c.sum()
    one, two, four = torch.zeros(3) + total, torch.ones(3) * total, torch.ones(4) * total
    layout, live = recorded(one, two, four)
    found = pair(layout, live, [0, 1, 2])
    assert found == {0: live[0], 1: live[2], 2: live[1]}


def test_a_result_takes_the_memory_of_its_place():
    a, b = leaf(3), leaf(3)
    new_a, new_b = b * 2, a * 3  # swapped
    layout, live = recorded(new_a, new_b)
    # The leaves are in the order of their first use: b, a.
    assert pair(layout, live, [0, 1]) == {0: live[0], 1: live[1]}
    places = {live[0]: 1, live[1]: 0}
    assert pair(layout, live, [0, 1], places) == {1: live[0], 0: live[1]}
    assert pair(layout, live, [0, 1], {live[1]: 0}) == {0: live[1], 1: live[0]}


def test_a_place_of_another_shape_gives_no_memory():
    a = leaf(3)
    grown = torch.cat([a, a])
    layout, live = recorded(grown)
    assert pair(layout, live, [0], {live[0]: 0}) == {}


def test_running_statistics_come_before_gradients():
    norm, x = torch.nn.BatchNorm1d(4), leaf((3, 4)).requires_grad_()
    recorder.flush()
    old = [norm.running_mean._storage.value.array, norm.running_var._storage.value.array]
    (norm(x) ** 3).sum().backward()
    results = norm.running_mean, norm.running_var, norm.weight.grad, norm.bias.grad
    arrays = recorder.graph_for(results[0]._storage.value.aval.device).leaf_arrays
    free = [i for i, a in enumerate(arrays) if any(a is b for b in old)]
    assert len(free) == 2
    layout, live = recorded(*results)
    assert set(pair(layout, live, free).values()) == set(live[:2])


def aliases(compiled):
    text = compiled.as_text()
    found = re.search(r"input_output_alias=\{(.*?) \}, entry", text)
    assert found is not None
    pairs = re.findall(r"\{(\d*)\}: \((\d+), ", found[1])
    return {int(i): int(o or 0) for o, i in pairs}


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW"])
def test_a_training_step_updates_parameters_and_state_in_place(monkeypatch, name):
    monkeypatch.setattr(executor._weather, "misses", 0)
    model = torch.nn.Sequential(torch.nn.Linear(6, 6, bias=False), torch.nn.Linear(6, 6))
    options = {"momentum": 0.9} if name == "SGD" else {}
    optimizer = getattr(torch.optim, name)(model.parameters(), lr=0.1, **options)
    x = torch.ones(2, 6)
    launched = []
    for _ in range(4):
        monkeypatch.setattr(watch, "launched", launched)
        optimizer.zero_grad()
        model(x).square().sum().backward()
        optimizer.step()
    program, layout = launched[-1]
    step = next(s for s in layout.steps if s.call.replaces is not None)
    assert len(step.call.replaces) == {"SGD": 6, "Adam": 10, "AdamW": 10}[name]
    found = aliases(program.compiled)
    leaves = {slot: i for i, slot in enumerate(layout.leaf_slots)}
    results = compiled_order(program)
    for j, place in enumerate(step.call.replaces):
        if step.outs[j].shape:
            result = results.index(layout.out_slots.index(step.first_out + j))
            assert found[leaves[step.inputs[place]]] == result


def compiled_order(program):
    """The ordinals of the results as the compiled program gives them."""
    live = list(program.live)
    if program.sorted is None:
        return live
    places = program.sorted(range(len(live)))
    return [k for _, k in sorted(zip(places, live, strict=True))]
