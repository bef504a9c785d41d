"""The bits under all random rows: even, independent of each other, of the key and of shapes."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from flambeau._ops import _prng

N = 1 << 16


@pytest.fixture(autouse=True)
def _x64():
    with jax.enable_x64(True):
        yield


def words(seed: int, n: int = N, width: int = 32) -> np.ndarray:
    key = jnp.array([seed >> 32, seed & 0xFFFFFFFF], jnp.uint32)
    dtype = jnp.dtype(f"uint{width}")
    return np.asarray(jax.random.bits(_prng.generator(key), (n,), dtype))


def drawn(seed: int, draws: int, n: int) -> np.ndarray:
    """What successive draws of a stream give."""
    key = jnp.array([seed >> 32, seed & 0xFFFFFFFF], jnp.uint32)
    rows = []
    for _ in range(draws):
        key, sub = _prng.advance(key)
        rows.append(np.asarray(jax.random.bits(_prng.generator(sub), (n,), jnp.uint32)))
    return np.stack(rows)


def as_bits(array: np.ndarray) -> np.ndarray:
    return np.unpackbits(array.view(np.uint8)).astype(np.int8)


def test_reference():
    """Squares in Python's integers."""
    mask, key = (1 << 64) - 1, 0x9E3779B97F4A7C15
    swap = lambda x: (x >> 32) | (x << 32) & mask
    for width, tail in ((32, 0), (64, 1)):
        want = []
        for counter in range(5):
            y = counter * key & mask
            z = (y + key) & mask
            x = swap((y * y + y) & mask)
            x = swap((x * x + z) & mask)
            x = swap((x * x + y) & mask)
            t = (x * x + z) & mask
            x = swap(t)
            want.append(t ^ ((x * x + y & mask) >> 32) if tail else t >> 32)
        assert words(key, 5, width).tolist() == want


@pytest.mark.parametrize("width", [8, 16, 32, 64])
def test_bits_are_even(width):
    sample = words(0xC0FFEE123456789B, N, width)
    ones = np.unpackbits(sample.view(np.uint8)).reshape(N, width).mean(0)
    assert np.abs(ones - 0.5).max() < 4.5 * 0.5 / N**0.5
    low = np.bincount(sample.astype(np.uint64) & np.uint64(0xFF), minlength=256)
    assert stats.chisquare(low).pvalue > 1e-4


def test_neighbours_are_independent():
    x = words(0xC0FFEE123456789B).astype(np.float64) / 2**32
    for lag in (1, 2, 3, 64, 1024):
        assert abs(np.corrcoef(x[:-lag], x[lag:])[0, 1]) < 4.5 / N**0.5
    pairs = np.histogram2d(x[::2], x[1::2], bins=16, range=[[0, 1], [0, 1]])[0]
    assert stats.chisquare(pairs.ravel()).pvalue > 1e-4


@pytest.mark.parametrize("seed", [0, 1, 2**63])
def test_draws_of_one_stream_are_independent(seed):
    rows = drawn(seed, 40, 2048)
    x = rows.astype(np.float64) / 2**32
    off = np.corrcoef(x)[~np.eye(40, dtype=bool)]
    assert np.abs(off).max() < 6 / 2048**0.5
    # The first element of each draw is as even as the elements of one draw.
    firsts = drawn(seed, 400, 1)[:, 0] / 2**32
    assert stats.kstest(firsts, "uniform").pvalue > 1e-3


def test_neighbouring_seeds_are_independent():
    rows = np.concatenate([drawn(seed, 1, 2048) for seed in range(40)])
    off = np.corrcoef(rows.astype(np.float64) / 2**32)[~np.eye(40, dtype=bool)]
    assert np.abs(off).max() < 6 / 2048**0.5
    # One bit of the seed changes half of the bits.
    changed = [
        (as_bits(drawn(0, 1, 512)) != as_bits(drawn(1 << bit, 1, 512))).mean() for bit in range(64)
    ]
    assert np.abs(np.array(changed) - 0.5).max() < 0.02


def test_birthdays():
    """As many repeats among 32-bit words as chance gives."""
    sample = words(0x1234567890ABCDEF, 1 << 19)
    repeats = len(sample) - len(np.unique(sample))
    mean = len(sample) ** 2 / 2**33
    assert stats.poisson(mean).cdf(repeats) > 1e-4
    assert stats.poisson(mean).sf(repeats - 1) > 1e-4


def test_shape_does_not_matter():
    key = _prng.generator(jnp.array([3, 4], jnp.uint32))
    flat = jax.random.bits(key, (24,))
    assert (jax.random.bits(key, (2, 3, 4)).reshape(-1) == flat).all()
    assert jax.random.bits(key, (0, 3)).shape == (0, 3)


def test_keys_can_be_split_and_folded():
    key = _prng.generator(jnp.array([3, 4], jnp.uint32))
    children = jax.random.key_data(jax.random.split(key, 1000))
    assert len(np.unique(np.asarray(children), axis=0)) == 1000
    folded = [tuple(jax.random.key_data(jax.random.fold_in(key, i)).tolist()) for i in range(50)]
    assert len(set(folded)) == 50
    batched = jax.vmap(lambda k: jax.random.bits(k, (4,)))(jax.random.split(key, 3))
    assert len(np.unique(np.asarray(batched))) == 12
