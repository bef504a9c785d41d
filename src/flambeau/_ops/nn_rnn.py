"""Recurrent layers over a whole sequence, and their cells.

One row is one layer in one direction. The input's projection does not depend on the state,
so it is one large product before the scan; only the state's own product stays inside.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from flambeau._ops._nn import dot_last, turned
from flambeau._ops.registry import Array, OptArray, op


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

    def step(state: tuple[jax.Array, jax.Array], x: jax.Array) -> Any:
        h, c = state
        i, f, g, o = jnp.split(x + lax.dot(h, across), 4, -1)
        gates = jax.nn.sigmoid(i), jax.nn.sigmoid(f), jnp.tanh(g), jax.nn.sigmoid(o)
        i, f, g, o = gates
        c = f * c + i * g
        h = o * jnp.tanh(c)
        return (h, c), (h, c, gates)

    projected = _project(input, w_ih, b_ih, b_hh)
    (h, c), (output, cells, gates) = lax.scan(step, (hx, cx), projected, reverse=reverse)
    saved = (input, hx, cx, w_ih, w_hh, b_ih, b_hh, output, cells, gates)
    return (output, h, c), saved


def _lstm_backward(saved: Any, cotangents: Any, *, reverse: bool) -> tuple[Any, ...]:
    input, hx, cx, w_ih, w_hh, b_ih, b_hh, output, cells, gates = saved

    def before(first: jax.Array, later: jax.Array) -> jax.Array:
        """What each step found: the state that the one before it left."""
        parts = (later[1:], first[None]) if reverse else (first[None], later[:-1])
        return jnp.concatenate(parts)

    # What `h = o tanh(c)` needs does not depend on what comes later: all steps at once.
    *others, o = gates
    bent = jnp.tanh(cells)
    by_cell, by_o = lax.optimization_barrier((o * (1 - bent * bent), bent * o * (1 - o)))

    def step(state: tuple[jax.Array, jax.Array], now: Any) -> Any:
        by_h, by_c = state
        by_output, by_cell, by_o, c_before, (i, f, g) = now
        by_h = by_h + by_output
        by_c = by_c + by_h * by_cell
        by_gates = jnp.concatenate(
            [
                by_c * g * i * (1 - i),
                by_c * c_before * f * (1 - f),
                by_c * i * (1 - g * g),
                by_h * by_o,
            ],
            -1,
        )
        return (lax.dot(by_gates, w_hh), by_c * f), by_gates

    by_output, by_h, by_c = cotangents
    (by_h, by_c), by_gates = lax.scan(
        step,
        (by_h, by_c),
        (by_output, by_cell, by_o, before(cx, cells), others),
        reverse=not reverse,
    )
    flat = by_gates.reshape(-1, w_hh.shape[0])
    across = turned(flat)  # once, for both weights
    found = before(hx, output).reshape(-1, hx.shape[-1])
    by_bias = jnp.sum(flat, 0)
    return (
        lax.dot(flat, w_ih).reshape(input.shape),
        by_h,
        by_c,
        lax.dot(across, input.reshape(-1, input.shape[-1])),
        lax.dot(across, found),
        None if b_ih is None else by_bias,
        None if b_hh is None else by_bias,
        None,
        None,
    )


# The weights' gradients are one product each after the scan, instead of a sum within it.
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
