"""Recurrent layers over a whole sequence, and their cells.

One row is one layer in one direction. The input's projection does not depend on the state,
so it is one large product before the scan; only the state's own product stays inside.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from flambeau._ops._nn import dot_last, dot_rows, turned
from flambeau._ops.registry import Array, OptArray, op
from flambeau._ops.target import current


def _project(input: jax.Array, weight: jax.Array, *biases: OptArray) -> jax.Array:
    out = dot_last(input, weight)
    for bias in biases:
        out = out if bias is None else out + bias
    return out


def _tanh_or_relu(nonlinearity: str) -> Callable[[jax.Array], jax.Array]:
    return jnp.tanh if nonlinearity == "tanh" else jax.nn.relu


def _lstm_gates(gates: jax.Array, c: jax.Array) -> tuple[jax.Array, jax.Array]:
    i, f, g, o = jnp.split(gates, 4, -1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    return jax.nn.sigmoid(o) * jnp.tanh(c), c


def _gru_step(from_input: jax.Array, from_state: jax.Array, h: jax.Array) -> jax.Array:
    r_in, z_in, n_in = jnp.split(from_input, 3, -1)
    r_st, z_st, n_st = jnp.split(from_state, 3, -1)
    r = jax.nn.sigmoid(r_in + r_st)
    z = jax.nn.sigmoid(z_in + z_st)
    n = jnp.tanh(n_in + r * n_st)
    return n + z * (h - n)


def _scan(
    step: Callable[[tuple[jax.Array, ...], jax.Array], tuple[jax.Array, ...]],
    state: tuple[jax.Array, ...],
    projected: jax.Array,
    lengths: OptArray,
    reverse: bool,
) -> tuple[jax.Array, tuple[jax.Array, ...]]:
    """Run `step` over time. Past a sequence's length its state stays and its output is zero."""

    def run(state: tuple[jax.Array, ...], now: tuple[jax.Array, jax.Array]):
        t, x = now
        new = step(state, x)
        if lengths is None:
            return new, new[0]
        inside = (t < lengths)[:, None]
        kept = tuple(jnp.where(inside, n, s) for n, s in zip(new, state, strict=True))
        return kept, jnp.where(inside, new[0], 0)

    times = jnp.arange(projected.shape[0])
    state, output = lax.scan(run, state, (times, projected), reverse=reverse)
    return output, state


@op(residuals=True, returns=("output", "h_n"))
def rnn_layer(
    input: Array,
    hx: Array,
    w_ih: Array,
    w_hh: Array,
    b_ih: OptArray = None,
    b_hh: OptArray = None,
    lengths: OptArray = None,
    *,
    nonlinearity: str = "tanh",
    reverse: bool = False,
) -> tuple[Array, Array]:
    """One direction of one Elman layer. Follows `torch.nn.RNN`.

    Shape:
        - input ``(T, N, I)``, hx ``(N, H)``, w_ih ``(H, I)``, w_hh ``(H, H)``, lengths ``(N,)``
        - output ``(T, N, H)``, h_n ``(N, H)``
    """
    bend = _tanh_or_relu(nonlinearity)
    projected = _project(input, w_ih, b_ih, b_hh)
    output, (h,) = _scan(
        lambda s, x: (bend(x + dot_last(s[0], w_hh)),), (hx,), projected, lengths, reverse
    )
    return output, h


@op(residuals=True, returns=("output", "h_n", "c_n"))
def lstm_layer(
    input: Array,
    hx: Array,
    cx: Array,
    w_ih: Array,
    w_hh: Array,
    b_ih: OptArray = None,
    b_hh: OptArray = None,
    w_hr: OptArray = None,
    lengths: OptArray = None,
    *,
    reverse: bool = False,
) -> tuple[Array, Array, Array]:
    """One direction of one LSTM layer, with gates in the order i, f, g, o.

    Follows `torch.nn.LSTM`; `w_hr` projects the hidden state.

    Shape:
        - input ``(T, N, I)``, hx ``(N, P)``, cx ``(N, H)``, w_ih ``(4H, I)``, w_hh ``(4H, P)``,
          w_hr ``(P, H)``, lengths ``(N,)``
        - output ``(T, N, P)``, h_n ``(N, P)``, c_n ``(N, H)``
    """

    def step(state: tuple[jax.Array, ...], x: jax.Array) -> tuple[jax.Array, ...]:
        h, c = _lstm_gates(x + dot_last(state[0], w_hh), state[1])
        return (h if w_hr is None else dot_last(h, w_hr)), c

    projected = _project(input, w_ih, b_ih, b_hh)
    output, (h, c) = _scan(step, (hx, cx), projected, lengths, reverse)
    return output, h, c


class _Time(NamedTuple):
    """The steps of a layer in one direction, and the arrays that keep what each step leaves.

    Such an array has a row more than there are steps: what the first step finds. What it finds
    and what it leaves are then views of one array, and each step writes into its row of it.
    """

    steps: int
    reverse: bool

    def at(self, n: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        """The `n`-th step's place in time, the row that it finds and the row that it leaves."""
        if self.reverse:
            now = self.steps - 1 - n
            return now, now + 1, now
        return n, n, n + 1

    def kept(self, first: jax.Array) -> jax.Array:
        """Room for what each step leaves, with what the first one finds."""
        rows = jnp.zeros((self.steps + 1, *first.shape), first.dtype)
        return rows.at[self.steps if self.reverse else 0].set(first)

    def found(self, kept: jax.Array) -> jax.Array:
        """What each step found."""
        return kept[1:] if self.reverse else kept[:-1]

    def left(self, kept: jax.Array) -> jax.Array:
        """What each step left."""
        return kept[:-1] if self.reverse else kept[1:]

    def last(self, kept: jax.Array) -> jax.Array:
        """What the last step left."""
        return kept[0 if self.reverse else self.steps]


def _row(rows: jax.Array, n: jax.Array, part: int = 0, parts: int = 1) -> jax.Array:
    """The `n`-th row, or one of several equal parts of its last dimension."""
    width = rows.shape[-1] // parts
    start, sizes = (n, 0, part * width), (1, rows.shape[1], width)
    return lax.dynamic_slice(rows, start, sizes, allow_negative_indices=False)[0]


def _with_row(rows: jax.Array, row: jax.Array, n: jax.Array) -> jax.Array:
    return lax.dynamic_update_slice(rows, row[None], (n, 0, 0), allow_negative_indices=False)


class _Saved(NamedTuple):
    """What the backward of a span of time needs of its forward."""

    input: jax.Array
    outputs: jax.Array
    cells: jax.Array
    gates: jax.Array


def _spans(input: jax.Array, hidden: int) -> list[slice]:
    """The spans of time that a layer goes through, the earliest first.

    On a CPU a loop occupies one core; products for one span run on others beside the loop of
    the next. That pays where a span has enough rows beside the size of its weights.
    """
    steps, batch, _ = input.shape
    if current().on_cpu and steps > 1 and steps * batch >= 16 * hidden:
        return [slice(0, steps // 2), slice(steps // 2, steps)]
    return [slice(0, steps)]


def _lstm_forward(
    input: Array,
    hx: Array,
    cx: Array,
    w_ih: Array,
    w_hh: Array,
    b_ih: OptArray,
    b_hh: OptArray,
    w_hr: OptArray,
    lengths: OptArray,
    *,
    reverse: bool,
) -> tuple[Any, Any]:
    across = turned(w_hh)  # once, where each step would do it
    state = hx, cx
    results, saved = [], []
    for span in _spans(input, hx.shape[-1])[:: -1 if reverse else 1]:
        # The gates take the place of the projections that they are computed from.
        projected = _project(input[span], w_ih, b_ih, b_hh)
        output, state, kept = _lstm_span(projected, *state, across, reverse)
        results.append(output)
        saved.append(_Saved(input[span], *kept))
    output = jnp.concatenate(results[:: -1 if reverse else 1])
    return (output, *state), (w_ih, w_hh, b_ih, b_hh, saved)


def _lstm_span(
    projected: jax.Array, hx: jax.Array, cx: jax.Array, across: jax.Array, reverse: bool
) -> tuple[jax.Array, tuple[jax.Array, jax.Array], tuple[jax.Array, ...]]:
    """The output of a span of time, the last state, and what is kept for the backward."""
    time = _Time(len(projected), reverse)

    def step(n: jax.Array, state: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
        outputs, cells, gates = state
        now, found, left = time.at(n)
        by_state = jnp.split(lax.dot(_row(outputs, found), across), 4, -1)
        i, f, g, o = (_row(gates, now, k, 4) + x for k, x in enumerate(by_state))
        made = jax.nn.sigmoid(i), jax.nn.sigmoid(f), jnp.tanh(g), jax.nn.sigmoid(o)
        gates = _with_row(gates, jnp.concatenate(made, -1), now)
        i, f, g, o = (_row(gates, now, k, 4) for k in range(4))
        cells = _with_row(cells, f * _row(cells, found) + i * g, left)
        outputs = _with_row(outputs, o * jnp.tanh(_row(cells, left)), left)
        return outputs, cells, gates

    state = (time.kept(hx), time.kept(cx), projected)
    outputs, cells, gates = lax.fori_loop(0, time.steps, step, state)
    return time.left(outputs), (time.last(outputs), time.last(cells)), (outputs, cells, gates)


def _lstm_backward(saved: Any, cotangents: Any, *, reverse: bool) -> tuple[Any, ...]:
    w_ih, w_hh, b_ih, b_hh, spans = saved
    by_output, *by_state = cotangents
    by_input, by_weights = [], []
    # The forward's last span is first, which is the latest one unless it went in reverse.
    past = 0
    for span in reversed(spans):
        start = past if reverse else len(by_output) - past - len(span.input)
        past += len(span.input)
        by_gates, by_state = _lstm_span_backward(
            span, w_hh, by_output[start : start + len(span.input)], *by_state, reverse
        )
        by_input.append(lax.dot(by_gates, w_ih).reshape(span.input.shape))
        by_weights.append(_lstm_weights(by_gates, span, reverse))
    by_w_ih, by_w_hh, by_bias = (
        sum(parts[1:], parts[0]) for parts in zip(*by_weights, strict=True)
    )
    return (
        jnp.concatenate(by_input[:: 1 if reverse else -1]),
        *by_state,
        by_w_ih,
        by_w_hh,
        None if b_ih is None else by_bias,
        None if b_hh is None else by_bias,
        None,
        None,
    )


def _lstm_span_backward(
    saved: _Saved,
    w_hh: jax.Array,
    by_output: jax.Array,
    by_h: jax.Array,
    by_c: jax.Array,
    reverse: bool,
) -> tuple[jax.Array, list[jax.Array]]:
    """The gradients of a span's gates, one row for each step and sample, and of its first state."""
    _, _, cells, gates = saved
    time = _Time(len(by_output), reverse)
    # On a CPU gradients take the place of the gates that they are computed from.
    in_place = current().on_cpu

    # What `h = o tanh(c)` needs does not depend on what comes later: all steps at once.
    o = gates[..., -cells.shape[-1] :]
    bent = jnp.tanh(time.left(cells))
    by_cell, by_o = lax.optimization_barrier((o * (1 - bent * bent), bent * o * (1 - o)))

    def step(n: jax.Array, state: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
        by_h, by_c, by_gates = state
        now, found, _ = time.at(time.steps - 1 - n)
        i, f, g = (_row(by_gates if in_place else gates, now, k, 4) for k in range(3))
        by_h = by_h + _row(by_output, now)
        by_c = by_c + by_h * _row(by_cell, now)
        parts = (
            by_c * g * i * (1 - i),
            by_c * _row(cells, found) * f * (1 - f),
            by_c * i * (1 - g * g),
            by_h * _row(by_o, now),
        )
        row = jnp.concatenate(parts, -1)
        return lax.dot(row, w_hh), by_c * f, _with_row(by_gates, row, now)

    room = gates if in_place else jnp.zeros_like(gates)
    by_h, by_c, by_gates = lax.fori_loop(0, time.steps, step, (by_h, by_c, room))
    return by_gates.reshape(-1, w_hh.shape[0]), [by_h, by_c]


def _lstm_weights(
    by_gates: jax.Array, saved: _Saved, reverse: bool
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The gradients of both weights and of a bias, from those of a span's gates."""
    found = _Time(len(saved.input), reverse).found(saved.outputs)
    input, found = (a.reshape(len(by_gates), a.shape[-1]) for a in (saved.input, found))
    if not current().on_cpu:
        return dot_rows(by_gates, input), dot_rows(by_gates, found), jnp.sum(by_gates, 0)
    # One product for all: its smaller operand is the one that is transposed in memory.
    ones = jnp.ones((len(input), 1), input.dtype)
    beside = turned(jnp.concatenate([input, found, ones], 1))
    by_all = lax.optimization_barrier(lax.dot(beside, by_gates))
    cut = input.shape[1]
    return by_all[:cut].T, by_all[cut:-1].T, by_all[-1]


# The weights' gradients are products after the loop, instead of sums within it.
lstm_layer.set_gradient(
    _lstm_forward,
    _lstm_backward,
    lambda input, hx, cx, w_ih, w_hh, b_ih, b_hh, w_hr, lengths, reverse: (
        w_hr is None and lengths is None
    ),
)


@op(residuals=True, returns=("output", "h_n"))
def gru_layer(
    input: Array,
    hx: Array,
    w_ih: Array,
    w_hh: Array,
    b_ih: OptArray = None,
    b_hh: OptArray = None,
    lengths: OptArray = None,
    *,
    reverse: bool = False,
) -> tuple[Array, Array]:
    """One direction of one GRU layer, with gates in the order r, z, n.

    Follows `torch.nn.GRU`.

    Shape:
        - input ``(T, N, I)``, hx ``(N, H)``, w_ih ``(3H, I)``, w_hh ``(3H, H)``, lengths ``(N,)``
        - output ``(T, N, H)``, h_n ``(N, H)``
    """
    projected = _project(input, w_ih, b_ih)
    output, (h,) = _scan(
        lambda s, x: (_gru_step(x, _project(s[0], w_hh, b_hh), s[0]),),
        (hx,),
        projected,
        lengths,
        reverse,
    )
    return output, h


@op()
def rnn_cell(
    input: Array,
    hx: Array,
    w_ih: Array,
    w_hh: Array,
    b_ih: OptArray = None,
    b_hh: OptArray = None,
    *,
    nonlinearity: str = "tanh",
) -> Array:
    """One step of an Elman network. Follows `torch.nn.RNNCell`."""
    total = _project(input, w_ih, b_ih, b_hh) + dot_last(hx, w_hh)
    return _tanh_or_relu(nonlinearity)(total)


@op(returns=("h", "c"))
def lstm_cell(
    input: Array,
    hx: Array,
    cx: Array,
    w_ih: Array,
    w_hh: Array,
    b_ih: OptArray = None,
    b_hh: OptArray = None,
) -> tuple[Array, Array]:
    """One step of an LSTM. Follows `torch.nn.LSTMCell`."""
    return _lstm_gates(_project(input, w_ih, b_ih, b_hh) + dot_last(hx, w_hh), cx)


@op()
def gru_cell(
    input: Array,
    hx: Array,
    w_ih: Array,
    w_hh: Array,
    b_ih: OptArray = None,
    b_hh: OptArray = None,
) -> Array:
    """One step of a GRU. Follows `torch.nn.GRUCell`."""
    return _gru_step(_project(input, w_ih, b_ih), _project(hx, w_hh, b_hh), hx)
