"""Samples of distributions that need more than one pass over uniform numbers."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy import special

from flambeau._ops._prng import generator
from flambeau._ops.registry import Array, Dims, op

_WIDE = np.dtype(np.float64)


def _quadrature() -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights on (0, inf) for functions that decay exponentially.

    The trapezoidal rule after ``w = exp(t - exp(-t))`` (Takahasi and Mori, *Double exponential
    formulas for numerical integration*, 1974).
    """
    t, step = np.linspace(-3.6, 7.2, 97, retstep=True)
    nodes = np.exp(t - np.exp(-t))
    return nodes, nodes * (1 + np.exp(-t)) * step


_NODES, _WEIGHTS = _quadrature()


def _simplex_slope(x: Array, a: Array, b: Array) -> Array:
    r"""How a Beta(a, b) sample moves with ``a`` when its quantile is kept, over ``1 - x``.

    That is :math:`-\partial_a F(x; a, b) / f(x; a, b) / (1 - x)`. The integral behind
    :math:`\partial_a F` is taken in log-odds, from ``x`` away from the mode, where its integrand
    only decays.
    """
    y = jnp.log(x) - jnp.log1p(-x)
    below = x <= a / (a + b)
    away = jnp.where(below, -1.0, 1.0)
    fall = jnp.abs(a * (1 - x) - b * x)
    length = 1 / (fall + jnp.sqrt((a + b) * x * (1 - x)))
    shape = (-1,) + (1,) * x.ndim
    w = _NODES.reshape(shape) * length
    up, down = jax.nn.softplus(-y), jax.nn.softplus(y)
    at = y + away * w
    log_t, log_1mt = -jax.nn.softplus(-at), -jax.nn.softplus(at)
    weight = jnp.exp(a * (log_t + up) + b * (log_1mt + down)) * _WEIGHTS.reshape(shape)
    centre = special.digamma(a) - special.digamma(a + b)
    return away * x * length * jnp.sum(weight * (log_t - centre), 0)


def _draw_simplex(key: Array, concentration: Array) -> Array:
    logs = jax.random.loggamma(generator(key), concentration, dtype=concentration.dtype)
    x = jax.nn.softmax(logs, -1)
    info = jnp.finfo(x.dtype)
    return jnp.clip(x, info.tiny, 1 - info.epsneg)


_simplex = jax.custom_jvp(_draw_simplex)


@_simplex.defjvp
def _simplex_jvp(
    primals: tuple[Array, Array], tangents: tuple[Array, Array]
) -> tuple[Array, Array]:
    key, concentration = primals
    x = _simplex(key, concentration)
    wide, a = x.astype(_WIDE), concentration.astype(_WIDE)
    # Each marginal is Beta distributed; the other components share what is left in proportion.
    slope = _simplex_slope(wide, a, jnp.sum(a, -1, keepdims=True) - a)
    moved = slope * tangents[1].astype(_WIDE)
    return x, (moved - wide * jnp.sum(moved, -1, keepdims=True)).astype(x.dtype)


@op(random=True)
def sample_dirichlet(key: Array, input: Array) -> Array:
    """Samples of the Dirichlet distribution, pathwise differentiable (Figurnov et al., *Implicit
    Reparameterization Gradients*, 2018; Jankowiak and Obermeyer, *Pathwise Derivatives*, 2018).

    Follows ``torch._sample_dirichlet``.
    """
    drawn = input.dtype if input.dtype == _WIDE else np.dtype(np.float32)
    return _simplex(key, input.astype(drawn)).astype(input.dtype)


@op(random=True, differentiable=False)
def von_mises(key: Array, concentration: Array, size: Dims) -> Array:
    """Angles of the von Mises distribution around zero, by rejection from a wrapped Cauchy
    distribution (Best and Fisher, *Efficient simulation of the von Mises distribution*, 1979).
    """
    drawn = concentration.dtype if concentration.dtype == _WIDE else np.dtype(np.float32)
    k = concentration.astype(_WIDE)
    tau = 1 + jnp.sqrt(1 + 4 * k**2)
    rho = (tau - jnp.sqrt(2 * tau)) / (2 * k)
    # Below 1e-5 the exact expression loses all its digits.
    r = jnp.where(k < 1e-5, 1 / k + k, (1 + rho**2) / (2 * rho))
    r, k = (jnp.broadcast_to(v, size).astype(drawn) for v in (r, k))

    def unfinished(state: tuple[Array, Array, Array]) -> Array:
        return ~jnp.all(state[2])

    def attempt(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        keys, angle, done = state
        kept, fresh = jax.random.split(generator(keys))
        u = jax.random.uniform(fresh, (3, *size), drawn)
        z = jnp.cos(jnp.pi * u[0])
        f = jnp.clip((1 + r * z) / (r + z), -1, 1)
        c = k * (r - f)
        accepted = (c * (2 - c) > u[1]) | (jnp.log(c) - jnp.log(u[1]) + 1 - c >= 0)
        side = jnp.where(u[2] < 0.5, -1, 1)
        angle = jnp.where(done | ~accepted, angle, side * jnp.arccos(f))
        return jax.random.key_data(kept), angle, done | accepted

    start = (key, jnp.zeros(size, drawn), jnp.zeros(size, bool))
    return lax.while_loop(unfinished, attempt, start)[1].astype(concentration.dtype)
