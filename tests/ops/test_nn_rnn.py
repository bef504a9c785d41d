"""Recurrent rows against torch's modules with the same weights."""

from __future__ import annotations

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from flambeau._engine import xla
from flambeau._engine.device import CPU
from flambeau._ops import nn_rnn as rows
from tests.ops.nn_rows import check, normal
from tests.oracle import torch

T, N, I, H = 5, 3, 4, 6


def _weights(gates, state=H, seed=1):
    return (
        normal(gates * H, I, seed=seed),
        normal(gates * H, state, seed=seed + 1),
        normal(gates * H, seed=seed + 2),
        normal(gates * H, seed=seed + 3),
    )


def _run(module, weights, x, *state):
    names = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0", "weight_hr_l0"]
    state = tuple(s[None] for s in state)
    hx = state if len(state) == 2 else state[0]
    out, last = torch.func.functional_call(module, dict(zip(names, weights, strict=False)), (x, hx))
    return out, *(s[0] for s in (last if isinstance(last, tuple) else (last,)))


LARGE = 32
"""So many samples, and a layer over T steps goes through two spans of time."""


def _copied_in_loops(program: str, batch: int) -> list[str]:
    """The arrays over all of time that the loops of a compiled program copy in each step."""
    bodies = set(re.findall(r"body=%([\w.]+)", program))
    parts = [part for part in program.split("\n\n") if part.lstrip("%").split(" ")[0] in bodies]
    assert len(parts) == len(bodies) > 0
    return [
        line for part in parts for line in re.findall(rf"= f32\[\d+,{batch},\d+.* copy\(", part)
    ]


@pytest.mark.parametrize(("batch", "loops"), [(N, 2), (LARGE, 4)])
@pytest.mark.parametrize("reverse", [False, True])
def test_the_steps_of_an_lstm_write_in_place(reverse, batch, loops):
    given = normal(T, batch, I), normal(batch, H), normal(batch, H), *_weights(4), None, None
    given = [g if g is None else jnp.float32(g) for g in given]

    def run(*given):
        result, saved = rows.lstm_layer.gradient.forward(*given, reverse=reverse)
        return rows.lstm_layer.gradient.backward(saved, result, reverse=reverse)

    chosen = xla.options(CPU)
    program = jax.jit(run).lower(*given).compile(compiler_options=chosen).as_text()
    assert "dynamic-update-slice" in program
    assert len(re.findall(r"body=", program)) == loops
    assert _copied_in_loops(program, batch) == []


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
def test_rnn_layer(nonlinearity):
    module = torch.nn.RNN(I, H, nonlinearity=nonlinearity).double()
    check(
        lambda *a: rows.rnn_layer(*a, nonlinearity=nonlinearity),
        lambda x, h, *w: _run(module, w, x, h),
        normal(T, N, I),
        normal(N, H),
        *_weights(1),
        second=nonlinearity == "tanh",
    )


def test_lstm_layer():
    module = torch.nn.LSTM(I, H).double()
    check(
        rows.lstm_layer,
        lambda x, h, c, *w: _run(module, w, x, h, c),
        normal(T, N, I),
        normal(N, H),
        normal(N, H, seed=5),
        *_weights(4),
        second=True,
    )


def test_lstm_layer_with_projection():
    module = torch.nn.LSTM(I, H, proj_size=2).double()
    check(
        rows.lstm_layer,
        lambda x, h, c, *w: _run(module, w, x, h, c),
        normal(T, N, I),
        normal(N, 2),
        normal(N, H, seed=5),
        *_weights(4, state=2),
        normal(2, H),
    )


def test_gru_layer():
    module = torch.nn.GRU(I, H).double()
    check(
        rows.gru_layer,
        lambda x, h, *w: _run(module, w, x, h),
        normal(T, N, I),
        normal(N, H),
        *_weights(3),
        second=True,
    )


@pytest.mark.parametrize("reverse", [False, True])
def test_lengths_end_a_sequence_early(reverse):
    lengths = np.array([5, 2, 4])
    x, h, c = normal(T, N, I), normal(N, H), normal(N, H, seed=5)
    weights = [torch.from_numpy(w) for w in _weights(4)]
    out, h_n, c_n = rows.lstm_layer(
        x.astype("f4"),
        h.astype("f4"),
        c.astype("f4"),
        *(w.numpy().astype("f4") for w in weights),
        None,
        lengths,
        reverse=reverse,
    )
    module = torch.nn.LSTM(I, H).double()
    for n, length in enumerate(lengths):
        part = torch.from_numpy(x[:length, n : n + 1].copy())
        part = part.flip(0) if reverse else part
        expected = _run(module, weights, part, *(torch.from_numpy(s[n : n + 1]) for s in (h, c)))
        found = np.asarray(out)[:length, n : n + 1]
        found = found[::-1] if reverse else found
        np.testing.assert_allclose(found, expected[0].detach(), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(np.asarray(out)[length:, n], 0)
        np.testing.assert_allclose(h_n[n], expected[1][0].detach(), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(c_n[n], expected[2][0].detach(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("row", "reference", "gates", "states"),
    [
        (rows.rnn_cell, torch.rnn_tanh_cell, 1, 1),
        (rows.lstm_cell, torch.lstm_cell, 4, 2),
        (rows.gru_cell, torch.gru_cell, 3, 1),
    ],
)
def test_cells(row, reference, gates, states):
    def theirs(x, *rest):
        state = rest[0] if states == 1 else rest[:2]
        return reference(x, state, *rest[states:])

    state = [normal(N, H, seed=s) for s in range(states)]
    check(row, theirs, normal(N, I), *state, *_weights(gates))
