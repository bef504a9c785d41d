"""Random numbers: every row takes a fresh key first and is a pure function of it.

Half precision samples are drawn in float32 and rounded once. Scalars that describe a
distribution are inputs of the program, so that a schedule of rates needs no new program. The
result's dtype is called ``out_dtype`` since a parameter called ``dtype`` is one that scalars
take, and a probability of 0.5 must not become an integer.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from flambeau._ops._prng import generator
from flambeau._ops.registry import Array, Dims, DType, Operand, OptDims, Scalar, op

# The first float32 above zero that log1p of a uniform sample can give.
_SMALLEST_UNIFORM = 2.0**-25
_SELU_SCALE = 1.7580993408473766  # scale * alpha of the SELU paper, appendix A1
_MULTINOMIAL_CATEGORIES = 2**24


def _drawn_in(dtype: np.dtype) -> np.dtype:
    """The dtype samples are drawn in before they are rounded to ``dtype``."""
    if dtype in (np.float64, np.complex64, np.complex128):
        return np.dtype(dtype)
    return np.dtype(np.float32)


def _scalar(value: Scalar, dtype: np.dtype) -> Array:
    if jnp.issubdtype(dtype, jnp.complexfloating):
        return jnp.asarray(value).astype(dtype)
    return jnp.real(jnp.asarray(value)).astype(dtype)


def _unit_uniform(key: Array, size: Dims, dtype: np.dtype) -> Array:
    """Uniform on [0, 1); both parts of a complex number are drawn."""
    dtype = np.dtype(dtype)
    if np.issubdtype(dtype, np.complexfloating):
        part = np.dtype(np.float32 if dtype == np.complex64 else np.float64)
        return lax.complex(*jnp.unstack(jax.random.uniform(generator(key), (2, *size), part)))
    return jax.random.uniform(generator(key), size, dtype)


@op(random=True, differentiable=False)
def uniform(
    key: Array, size: Dims, low: Scalar = 0.0, high: Scalar = 1.0, *, out_dtype: DType
) -> Array:
    """Samples spread evenly over ``[low, high)``.

    Follows ``torch.rand`` and ``torch.Tensor.uniform_``.
    """
    drawn = _drawn_in(out_dtype)
    if out_dtype in (jnp.float16, jnp.bfloat16):
        # In the type itself: 1 - 2**-24 would round up to the excluded end.
        drawn = np.dtype(out_dtype)
    low, high = _scalar(low, drawn), _scalar(high, drawn)
    return (low + _unit_uniform(key, size, drawn) * (high - low)).astype(out_dtype)


@op(random=True, differentiable=False)
def normal(
    key: Array, size: Dims, mean: Scalar = 0.0, std: Scalar = 1.0, *, out_dtype: DType
) -> Array:
    """Samples of the normal distribution.

    A complex sample has variance ``std**2`` in all, half of it in each part.

    Follows ``torch.randn`` and ``torch.Tensor.normal_``.
    """
    drawn = _drawn_in(out_dtype)
    sample = jax.random.normal(generator(key), size, drawn)
    return (sample * _scalar(std, drawn) + _scalar(mean, drawn)).astype(out_dtype)


@op(random=True, differentiable=False)
def randint(key: Array, size: Dims, low: Scalar, high: Scalar, *, out_dtype: DType) -> Array:
    """Integers drawn evenly from ``low`` to ``high - 1``.

    Follows ``torch.randint`` and ``torch.Tensor.random_``.
    """
    low, high = jnp.asarray(low).astype(jnp.int64), jnp.asarray(high).astype(jnp.int64)
    return jax.random.randint(generator(key), size, low, high, jnp.int64).astype(out_dtype)


@op(random=True, differentiable=False)
def randperm(key: Array, n: int, *, out_dtype: DType) -> Array:
    """The integers from 0 to ``n - 1`` in random order.

    Follows ``torch.randperm``.
    """
    return jax.random.permutation(generator(key), n).astype(out_dtype)


def _events(key: Array, size: Dims, probability: Array) -> Array:
    """True with ``probability``."""
    drawn = np.float64 if probability.dtype == np.float64 else np.float32
    return jax.random.uniform(generator(key), size, drawn) < probability.astype(drawn)


@op(random=True, differentiable=False)
def bernoulli(key: Array, input: Array, size: OptDims = None, *, out_dtype: DType) -> Array:
    """1 with the probability that ``input`` tells, elementwise; 0 otherwise.

    ``size`` is what the input is broadcast to; its own shape if None.

    Follows ``torch.bernoulli``.
    """
    size = input.shape if size is None else size
    return _events(key, size, jnp.broadcast_to(input, size)).astype(out_dtype)


@op(random=True, differentiable=False)
def bernoulli_fill(key: Array, size: Dims, p: Scalar = 0.5, *, out_dtype: DType) -> Array:
    """1 with probability ``p``, 0 otherwise.

    Follows ``torch.Tensor.bernoulli_``.
    """
    return _events(key, size, _scalar(p, np.dtype(np.float32))).astype(out_dtype)


@op(random=True, differentiable=False)
def multinomial(key: Array, input: Array, num_samples: int, replacement: bool = False) -> Array:
    """Indices drawn with the weights that the last dimension of ``input`` holds.

    Raises:
        RuntimeError: the input is not a vector or matrix of floats, or more samples are
            asked for without replacement than there are categories.

    Follows ``torch.multinomial``.
    """
    if not 1 <= input.ndim <= 2:
        raise RuntimeError(
            f"prob_dist must be 1 or 2 dim, got {input.ndim} dimensions of shape {input.shape}"
        )
    if not jnp.issubdtype(input.dtype, jnp.floating):
        raise RuntimeError(
            "multinomial only supports floating-point dtypes for input, got: "
            f"{input.dtype}; convert the weights with .float()"
        )
    categories = input.shape[-1]
    if num_samples <= 0:
        raise RuntimeError(f"cannot sample n_sample <= 0 samples, got {num_samples}")
    if not replacement and num_samples > categories:
        raise RuntimeError(
            "cannot sample n_sample > prob_dist.size(-1) samples without replacement, got "
            f"{num_samples} samples of {categories} categories"
        )
    if categories > _MULTINOMIAL_CATEGORIES:
        raise RuntimeError(f"number of categories cannot exceed 2^24, got {categories}")
    if not replacement:
        # A race of exponential clocks: the first to ring are a sample without replacement.
        clocks = _positive_exponential(key, input.shape, np.dtype(np.float64))
        return lax.top_k(input.astype(np.float64) / clocks, num_samples)[1].astype(jnp.int64)
    weights = input.reshape(-1, categories).astype(np.float64)
    ends = jnp.cumsum(weights, -1)
    marks = jax.random.uniform(generator(key), (weights.shape[0], num_samples), np.float64)
    # From the right, so that a category of weight zero, whose interval is empty, is never hit.
    find = jax.vmap(lambda e, m: jnp.searchsorted(e, m, side="right"))
    found = find(ends, marks * ends[:, -1:])
    return found.reshape(*input.shape[:-1], num_samples).astype(jnp.int64)


def _positive_exponential(key: Array, size: Dims, dtype: np.dtype) -> Array:
    """Samples of the exponential distribution of rate 1, none of them 0."""
    sample = jax.random.uniform(generator(key), size, dtype)
    return -jnp.log1p(-jnp.maximum(sample, jnp.asarray(_SMALLEST_UNIFORM, dtype)))


@op(random=True, differentiable=False)
def exponential(key: Array, size: Dims, lambd: Scalar = 1.0, *, out_dtype: DType) -> Array:
    r"""Samples with density :math:`\lambda e^{-\lambda x}` for :math:`x > 0`.

    Follows ``torch.Tensor.exponential_``.
    """
    drawn = _drawn_in(out_dtype)
    return (_positive_exponential(key, size, drawn) / _scalar(lambd, drawn)).astype(out_dtype)


@op(random=True, differentiable=False)
def geometric(key: Array, size: Dims, p: Scalar, *, out_dtype: DType) -> Array:
    """Numbers of trials up to the first success of probability ``p``: 1, 2, ….

    Follows ``torch.Tensor.geometric_``.
    """
    drawn = np.dtype(np.float64)
    wait = _positive_exponential(key, size, drawn)
    return jnp.ceil(wait / -jnp.log1p(-_scalar(p, drawn))).astype(out_dtype)


@op(random=True, differentiable=False)
def cauchy(
    key: Array, size: Dims, median: Scalar = 0.0, sigma: Scalar = 1.0, *, out_dtype: DType
) -> Array:
    """Samples of the Cauchy distribution.

    Follows ``torch.Tensor.cauchy_``.
    """
    drawn = _drawn_in(out_dtype)
    sample = jax.random.cauchy(generator(key), size, drawn)
    return (sample * _scalar(sigma, drawn) + _scalar(median, drawn)).astype(out_dtype)


@op(random=True, differentiable=False)
def log_normal(
    key: Array, size: Dims, mean: Scalar = 1.0, std: Scalar = 2.0, *, out_dtype: DType
) -> Array:
    """Samples whose logarithm is normal with ``mean`` and ``std``.

    Follows ``torch.Tensor.log_normal_``.
    """
    drawn = _drawn_in(out_dtype)
    sample = jax.random.normal(generator(key), size, drawn)
    return jnp.exp(sample * _scalar(std, drawn) + _scalar(mean, drawn)).astype(out_dtype)


@op(random=True, differentiable=False)
def trunc_normal(
    key: Array,
    size: Dims,
    mean: Scalar = 0.0,
    std: Scalar = 1.0,
    a: Scalar = -2.0,
    b: Scalar = 2.0,
    *,
    out_dtype: DType,
) -> Array:
    """Samples of the normal distribution restricted to ``[a, b]``, by its inverse CDF.

    Follows ``torch.nn.init.trunc_normal_``.
    """
    drawn = _drawn_in(out_dtype)
    wide = np.dtype(np.float64)
    mean, std, a, b = (_scalar(v, wide) for v in (mean, std, a, b))
    low, high = (lax.erf((end - mean) / (std * math.sqrt(2.0))) for end in (a, b))
    u = jax.random.uniform(generator(key), size, drawn)
    sample = lax.erf_inv(low.astype(drawn) + u * (high - low).astype(drawn))
    sample = sample * (std * math.sqrt(2.0)).astype(drawn) + mean.astype(drawn)
    return jnp.clip(sample, a.astype(drawn), b.astype(drawn)).astype(out_dtype)


@op(random=True, differentiable=False)
def gumbel(key: Array, size: Dims, *, out_dtype: DType) -> Array:
    r"""Samples of the Gumbel distribution, :math:`-\log(-\log u)`."""
    drawn = _drawn_in(out_dtype)
    return -jnp.log(_positive_exponential(key, size, drawn)).astype(out_dtype)


@op(random=True, differentiable=False)
def poisson(key: Array, input: Array) -> Array:
    """Samples of the Poisson distribution whose rates ``input`` holds.

    Follows ``torch.poisson``.
    """
    rates = input.astype(np.float32) if input.dtype.itemsize < 4 else input
    # JAX offers these samples for its own generator alone.
    threefry = jax.random.wrap_key_data(key)
    return jax.random.poisson(threefry, rates, dtype=jnp.int64).astype(input.dtype)


@op(random=True, promote="float", differentiable=False)
def binomial(key: Array, count: Array, prob: Array) -> Array:
    """Numbers of successes among ``count`` trials of probability ``prob``.

    Follows ``torch.binomial``.
    """
    drawn = _drawn_in(count.dtype)
    sample = jax.random.binomial(
        generator(key), count.astype(drawn), prob.astype(drawn), dtype=drawn
    )
    return sample.astype(count.dtype)


@op(random=True)
def standard_gamma(key: Array, input: Array) -> Array:
    """Samples of the gamma distribution of shape ``input`` and rate 1; differentiable.

    Follows ``torch._standard_gamma``.
    """
    drawn = _drawn_in(input.dtype)
    sample = jax.random.gamma(generator(key), input.astype(drawn), dtype=drawn)
    return sample.astype(input.dtype)


@op(random=True, promote="float")
def normal_like(key: Array, mean: Operand, std: Operand) -> Array:
    """One normal sample for each pair of a mean and a standard deviation.

    Follows ``torch.normal`` of tensors.
    """
    mean, std = jnp.asarray(mean), jnp.asarray(std)
    try:
        size = np.broadcast_shapes(mean.shape, std.shape)
    except ValueError:
        raise RuntimeError(
            f"normal: mean of shape {mean.shape} and std of shape {std.shape} do not broadcast "
            "together"
        ) from None
    drawn = _drawn_in(mean.dtype)
    sample = jax.random.normal(generator(key), size, drawn)
    # PyTorch's samples carry no gradient to the parameters; `rsample` is for that.
    mean, std = lax.stop_gradient(mean), lax.stop_gradient(std)
    return (sample * std.astype(drawn) + mean.astype(drawn)).astype(mean.dtype)


def _kept(key: Array, size: Dims, p: Array) -> Array:
    """True with probability ``1 - p``: one 32-bit word against a threshold for each element."""
    words = jax.random.bits(generator(key), size, jnp.uint32)
    p = p.astype(np.float64)
    threshold = jnp.minimum(jnp.round(p * 2.0**32), 2.0**32 - 1).astype(jnp.uint32)
    return (words >= threshold) & (p < 1)


def _drop(key: Array, input: Array, size: Dims, p: Scalar) -> Array:
    p = jnp.asarray(p)
    keep = 1 - p.astype(np.float64)
    scale = jnp.where(keep > 0, 1 / jnp.where(keep > 0, keep, 1), 0).astype(_drawn_in(input.dtype))
    kept = jnp.broadcast_to(_kept(key, size, p), input.shape)
    scaled = (input * scale).astype(input.dtype)
    return jnp.where(kept, scaled, jnp.zeros((), input.dtype))


@op(random=True)
def dropout(key: Array, input: Array, p: Scalar = 0.5) -> Array:
    r"""Zeroes elements with probability ``p`` and scales the others by :math:`1 / (1 - p)`.

    Follows ``torch.nn.functional.dropout`` in training.
    """
    return _drop(key, input, input.shape, p)


def _per_channel(name: str, input: Array) -> Dims:
    if input.ndim < 2:
        raise RuntimeError(
            f"{name}: expected at least 2 dimensions (batch and channel) but got {input.ndim}"
        )
    return (*input.shape[:2], *(1,) * (input.ndim - 2))


@op(random=True)
def feature_dropout(key: Array, input: Array, p: Scalar = 0.5) -> Array:
    """Dropout of whole channels: of ``(N, C, ...)``, all of ``[n, c]`` or nothing.

    Follows ``torch.feature_dropout`` in training.
    """
    return _drop(key, input, _per_channel("feature_dropout", input), p)


def _alpha_drop(key: Array, input: Array, size: Dims, p: Scalar) -> Array:
    p = jnp.asarray(p).astype(np.float64)
    all_dropped = p >= 1
    q = jnp.where(all_dropped, 0.5, p)
    a = 1 / jnp.sqrt((1 - q) * (1 + q * _SELU_SCALE**2))
    shift = a * q * _SELU_SCALE
    drawn = _drawn_in(input.dtype)
    a, low, shift = (v.astype(drawn) for v in (a, -_SELU_SCALE * a, shift))
    kept = jnp.broadcast_to(_kept(key, size, p), input.shape)
    result = jnp.where(kept, input.astype(drawn) * a, low) + shift
    return jnp.where(all_dropped, 0, result).astype(input.dtype)


@op(random=True)
def alpha_dropout(key: Array, input: Array, p: Scalar = 0.5) -> Array:
    """Dropout to the negative saturation of SELU; keeps mean and variance.

    Follows ``torch.nn.functional.alpha_dropout`` in training
    (Klambauer et al., *Self-Normalizing Neural Networks*, 2017).
    """
    return _alpha_drop(key, input, input.shape, p)


@op(random=True)
def feature_alpha_dropout(key: Array, input: Array, p: Scalar = 0.5) -> Array:
    """Alpha dropout of whole channels.

    Follows ``torch.nn.functional.feature_alpha_dropout`` in training.
    """
    return _alpha_drop(key, input, _per_channel("feature_alpha_dropout", input), p)


@op(differentiable=False)
def generator_state(words: Array, seeded: Array) -> Array:
    """A generator's state as sixteen bytes: its key, then the last half of ``seeded``, its seed."""
    return jnp.concatenate([lax.bitcast_convert_type(words, jnp.uint8).reshape(8), seeded[8:]])


@op(differentiable=False)
def generator_key(input: Array) -> Array:
    """The key in a generator's state."""
    return lax.bitcast_convert_type(input[:8].reshape(2, 4), jnp.uint32)


@op(random=True, differentiable=False)
def orthogonal(
    key: Array, rows: int, columns: int, gain: Scalar = 1.0, *, out_dtype: DType
) -> Array:
    """A random matrix whose rows or columns, whichever are fewer, are orthonormal, times ``gain``.

    Evenly distributed over all of them (Mezzadri, *How to generate random matrices from the
    classical compact groups*, 2007).
    """
    drawn = _drawn_in(out_dtype)
    tall = (max(rows, columns), min(rows, columns))
    q, r = jnp.linalg.qr(jax.random.normal(generator(key), tall, drawn))
    # The signs that QR fixes by convention are drawn with the rest.
    diagonal = jnp.diagonal(r)
    q = q * (diagonal / jnp.where(diagonal == 0, 1, jnp.abs(diagonal)))
    q = q.T if rows < columns else q
    return (q * _scalar(gain, drawn)).astype(out_dtype)


@op(random=True, differentiable=False)
def sparse_normal(
    key: Array, rows: int, columns: int, zeros: int, std: Scalar = 0.01, *, out_dtype: DType
) -> Array:
    """A normal matrix with ``zeros`` elements of every column, chosen at random, set to 0."""
    drawn = _drawn_in(out_dtype)
    order, sample = jax.random.split(generator(key))
    rank = jnp.argsort(jnp.argsort(jax.random.uniform(order, (rows, columns)), axis=0), axis=0)
    values = jax.random.normal(sample, (rows, columns), drawn) * _scalar(std, drawn)
    return jnp.where(rank < zeros, 0, values).astype(out_dtype)
