r"""The random bits behind every random row: a counter and a key, mixed.

Element ``i`` of a draw is Squares (Widynski, *Squares: A Fast Counter-Based RNG*, 2020) of the
counter ``i`` under the draw's own 64-bit key, and keys follow each other as in SplitMix64
(Steele, Lea and Flood, *Fast Splittable Pseudorandom Number Generators*, 2014). Both are a few
64-bit multiplications without carried state: the numbers do not depend on the device, on the
order of execution or on how an array is divided, and they fuse with what uses them.

JAX's own Threefry has the same properties and costs more on CPU, above all in compilation,
where every draw of a model's initialisation is a loop of its own. Measured on two cores: 20
draws of different shapes compile in 2.3 s against 14.8 s, a million uniform numbers take
0.6 ms against 8.0 ms.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Hashable

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_HALF = np.uint64(32)


def _joined(key: jax.Array) -> jax.Array:
    wide = key.astype(jnp.uint64)
    return (wide[0] << _HALF) | wide[1]


def _words(x: jax.Array) -> jax.Array:
    return jnp.stack([(x >> _HALF).astype(jnp.uint32), x.astype(jnp.uint32)], axis=-1)


def _mixed(z: jax.Array) -> jax.Array:
    """The finaliser of SplitMix64: a bijection that spreads every bit over all."""
    z = (z ^ (z >> np.uint64(30))) * _FIRST
    z = (z ^ (z >> np.uint64(27))) * _SECOND
    return z ^ (z >> np.uint64(31))


def _swapped(x: jax.Array) -> jax.Array:
    return (x >> _HALF) | (x << _HALF)


def advance(key: jax.Array) -> tuple[jax.Array, jax.Array]:
    """What a stream keeps after a draw, and the key for that draw; both ``uint32[2]``."""
    after = _joined(key) + _STEP
    return _words(after), _words(_mixed(after))


def _seed(seed: jax.Array) -> jax.Array:
    return _words(jnp.asarray(seed).astype(jnp.uint64))


def _split(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    index = lax.iota(jnp.uint64, math.prod(shape)).reshape(shape) + np.uint64(1)
    return _words(_mixed(_joined(key) + index * _STEP))


def _fold_in(key: jax.Array, data: int | jax.Array) -> jax.Array:
    other = _mixed(jnp.asarray(data).astype(jnp.uint64) + _STEP)
    return _words(_mixed(_joined(key) ^ other))


def _bits(key: jax.Array, bit_width: int, shape: tuple[int, ...]) -> jax.Array:
    counter = lax.iota(jnp.uint64, math.prod(shape)).reshape(shape)
    odd = _joined(key) | np.uint64(1)
    y = counter * odd
    z = y + odd
    x = _swapped(y * y + y)
    x = _swapped(x * x + z)
    x = _swapped(x * x + y)
    if bit_width == 64:
        last = x * x + z
        x = _swapped(last)
        return last ^ ((x * x + y) >> _HALF)
    word = (x * x + z) >> np.uint64(64 - bit_width)
    return word.astype(jnp.dtype(f"uint{bit_width}"))


@functools.cache
def _implementation() -> Hashable:
    import jax.extend.random  # slow to import, and needed only where numbers are drawn

    return jax.extend.random.define_prng_impl(
        key_shape=(2,),
        seed=_seed,
        split=_split,
        random_bits=_bits,
        fold_in=_fold_in,
        name="flambeau_squares",
        tag="fsq",
    )


def generator(key: jax.Array) -> jax.Array:
    """A row's raw key ``uint32[2]`` as a key that ``jax.random`` takes."""
    return jax.random.wrap_key_data(key, impl=_implementation())
