"""Functions that draw random numbers from a generator."""

from __future__ import annotations

from typing import Any

import numpy as np

from flambeau._ops import random as rows
from flambeau._tensor import documents, dtypes
from flambeau._tensor.core import TensorBase, value_of
from flambeau._tensor.device import place_for
from flambeau._tensor.dispatch import assign, known_array, run
from flambeau._tensor.functions._making import (
    as_int,
    as_size,
    check_number,
    check_tensor,
    finish,
    parse_size,
    target,
    type_name,
)
from flambeau._tensor.generator import check_generator
from flambeau._tensor.layout import check_layout, check_memory_format

__all__ = [
    "alpha_dropout",
    "alpha_dropout_",
    "bernoulli",
    "binomial",
    "dropout",
    "dropout_",
    "feature_alpha_dropout",
    "feature_alpha_dropout_",
    "feature_dropout",
    "feature_dropout_",
    "multinomial",
    "normal",
    "poisson",
    "rand",
    "rand_like",
    "randint",
    "randint_like",
    "randn",
    "randn_like",
    "randperm",
]


def draw(
    op: Any,
    numbers: tuple[Any, ...],
    size: tuple[int, ...],
    kind: dtypes.dtype,
    place: Any,
    generator: Any,
) -> Any:
    """Samples of a row that takes a size and the numbers of its distribution."""
    check_generator(op.name, generator, place)
    static = (("size", size), ("out_dtype", kind.numpy))
    return run(op, numbers, static, generator=generator, device=place)


def need_floats(name: str, kind: dtypes.dtype) -> None:
    """Refuse to draw real numbers for an integer tensor.

    Raises:
        NotImplementedError: the dtype is an integer or bool.
    """
    if not (kind.is_floating_point or kind.is_complex):
        raise NotImplementedError(
            f"\"{name}\" not implemented for '{type_name(kind)}'; choose a floating point dtype"
        )


def rand(
    *sizes: Any,
    size: Any = None,
    generator: Any = None,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Any:
    """Numbers spread evenly over ``[0, 1)``.

    Args:
        sizes: the shape, as ints or one sequence.
        generator: what to draw from; the device's own if None.
        out: a tensor for the result.
        dtype: a floating point or complex dtype; the default dtype if None.
        device: the default device if None.
        requires_grad: whether gradients are computed for it.

    Raises:
        NotImplementedError: the dtype is an integer.

    Example:
        >>> import flambeau as torch
        >>> torch.rand(2, 3).shape
        torch.Size([2, 3])

    Follows ``torch.rand``.
    """
    shape = parse_size("rand", sizes, size)
    kind, place = target("rand", out, dtype, device, layout)
    need_floats("rand", kind)
    result = draw(rows.uniform, (0.0, 1.0), shape, kind, place, generator)
    return finish("rand", result, out, requires_grad)


def randn(
    *sizes: Any,
    size: Any = None,
    generator: Any = None,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Any:
    """Numbers of the standard normal distribution; arguments as :func:`rand`.

    A complex number has variance 1 in all, half of it in each part.

    Dtypes:
        ``dtype``, or the default dtype.

    Raises:
        RuntimeError: a size is negative.

    Example:
        >>> import flambeau as torch
        >>> torch.randn(2, 3).shape
        torch.Size([2, 3])

    Follows ``torch.randn``.
    """
    shape = parse_size("randn", sizes, size)
    kind, place = target("randn", out, dtype, device, layout)
    need_floats("randn", kind)
    result = draw(rows.normal, (0.0, 1.0), shape, kind, place, generator)
    return finish("randn", result, out, requires_grad)


def _like(
    name: str, input: Any, dtype: Any, layout: Any, device: Any, memory_format: Any
) -> tuple[tuple[int, ...], dtypes.dtype, Any]:
    check_tensor(name, input)
    check_layout(name, layout)
    check_memory_format(name, memory_format)
    aval = value_of(input).aval
    kind = dtypes.from_numpy_dtype(aval.dtype) if dtype is None else dtypes.as_dtype(dtype)
    return aval.shape, kind, aval.device if device is None else place_for(device)


def rand_like(
    input: Any,
    *,
    generator: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Any:
    """:func:`rand` of the shape, dtype and device of ``input``.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.rand_like(torch.ones(2, 3)).shape
        torch.Size([2, 3])

    Follows ``torch.rand_like``.
    """
    size, kind, place = _like("rand_like", input, dtype, layout, device, memory_format)
    need_floats("rand_like", kind)
    result = draw(rows.uniform, (0.0, 1.0), size, kind, place, generator)
    return finish("rand_like", result, None, requires_grad)


def randn_like(
    input: Any,
    *,
    generator: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Any:
    """:func:`randn` of the shape, dtype and device of ``input``.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.randn_like(torch.ones(2, 3)).shape
        torch.Size([2, 3])

    Follows ``torch.randn_like``.
    """
    size, kind, place = _like("randn_like", input, dtype, layout, device, memory_format)
    need_floats("randn_like", kind)
    result = draw(rows.normal, (0.0, 1.0), size, kind, place, generator)
    return finish("randn_like", result, None, requires_grad)


def check_bounds(name: str, low: int, high: int, kind: dtypes.dtype) -> None:
    """Refuse an empty range, or one that a dtype cannot hold.

    Raises:
        RuntimeError: it is so.
    """
    if low >= high:
        raise RuntimeError(
            f"{name} expects 'from' to be less than 'to', but got from={low} >= to={high}"
        )
    if kind is dtypes.bool_:
        least, most = 0, 1
    elif kind.is_floating_point:
        return
    else:
        info = np.iinfo(kind.numpy)
        least, most = int(info.min), int(info.max)
    for word, value in (("from", low), ("to - 1", high - 1)):
        if not least <= value <= most:
            raise RuntimeError(f"{name}: {word} is out of bounds for {kind}: got {value}")


def randint(
    low: Any = 0,
    high: Any = None,
    size: Any = None,
    *,
    generator: Any = None,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Any:
    """Integers drawn evenly from ``low`` (0 if left out) to ``high - 1``.

    Args:
        low: the smallest.
        high: one above the largest.
        size: the shape.
        dtype: int64 if None.

    Raises:
        RuntimeError: the range is empty or does not fit the dtype.

    Example:
        >>> import flambeau as torch
        >>> torch.randint(3, 4, (2,))
        tensor([3, 3])

    Follows ``torch.randint``.
    """
    if isinstance(high, (tuple, list)) and size is None:
        low, high, size = 0, low, high
    elif high is None:
        low, high = 0, low
    low, high = as_int("randint", "low", 1, low), as_int("randint", "high", 2, high)
    shape = as_size("randint", size, 3)
    kind, place = target("randint", out, dtype, device, layout, dtypes.int64)
    check_bounds("random_", low, high, kind)
    result = draw(rows.randint, (low, high), shape, kind, place, generator)
    return finish("randint", result, out, requires_grad)


def randint_like(
    input: Any,
    low: Any = 0,
    high: Any = None,
    *,
    generator: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Any:
    """:func:`randint` of the shape, dtype and device of ``input``.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.randint_like(torch.ones(2, 3), 1)
        tensor([[0., 0., 0.],
                [0., 0., 0.]])

    Follows ``torch.randint_like``.
    """
    size, kind, place = _like("randint_like", input, dtype, layout, device, memory_format)
    if high is None:
        low, high = 0, low
    low, high = as_int("randint_like", "low", 2, low), as_int("randint_like", "high", 3, high)
    check_bounds("random_", low, high, kind)
    result = draw(rows.randint, (low, high), size, kind, place, generator)
    return finish("randint_like", result, None, requires_grad)


def randperm(
    n: Any,
    *,
    generator: Any = None,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Any:
    """The integers from 0 to ``n - 1`` in random order.

    Shape:
        ``(n,)``.

    Raises:
        RuntimeError: ``n`` is negative, or too large for the dtype.

    Example:
        >>> import flambeau as torch
        >>> sorted(torch.randperm(4).tolist())
        [0, 1, 2, 3]

    Follows ``torch.randperm``.
    """
    n = as_int("randperm", "n", 1, n)
    if n < 0:
        raise RuntimeError(f"randperm: n must be non-negative, got {n}")
    kind, place = target("randperm", out, dtype, device, layout, dtypes.int64)
    if kind is dtypes.bool_ or kind.is_complex:
        raise NotImplementedError(f"\"randperm\" not implemented for '{type_name(kind)}'")
    if not kind.is_floating_point and n - 1 > np.iinfo(kind.numpy).max:
        raise RuntimeError(f"randperm: n is too large for {kind}: got {n}")
    check_generator("randperm", generator, place)
    static = (("n", n), ("out_dtype", kind.numpy))
    result = run(rows.randperm, (), static, generator=generator, device=place)
    return finish("randperm", result, out, requires_grad)


def _check_std(std: Any) -> None:
    if not isinstance(std, TensorBase) and not std >= 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")


def normal(
    mean: Any = 0.0,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Any = None,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Any:
    """Normal samples: one for each mean and standard deviation, or ``size`` of one pair.

    Args:
        mean: a tensor, or a number.
        std: a tensor, or a number; not negative.
        size: the shape, when both are numbers.

    Raises:
        RuntimeError: ``std`` is negative.
        TypeError: both are numbers and there is no size.

    Example:
        >>> import flambeau as torch
        >>> torch.normal(torch.ones(3), 0.0)
        tensor([1., 1., 1.])

    Follows ``torch.normal``.
    """
    _check_std(std)
    if isinstance(mean, TensorBase) or isinstance(std, TensorBase):
        return _normal_of_tensors(mean, std, size, generator, out)
    check_number("normal", "mean", 1, mean)
    check_number("normal", "std", 2, std)
    if size is None:
        raise TypeError("normal(): with numbers for mean and std, the argument 'size' is needed")
    shape = as_size("normal", size, 3)
    kind, place = target("normal", out, dtype, device, layout)
    need_floats("normal", kind)
    result = draw(rows.normal, (mean, std), shape, kind, place, generator)
    return finish("normal", result, out, requires_grad)


def _normal_of_tensors(mean: Any, std: Any, size: Any, generator: Any, out: Any) -> Any:
    if size is not None:
        raise TypeError("normal(): tensors for mean or std have a shape; leave out 'size'")
    first = mean if isinstance(mean, TensorBase) else std
    kind = first.dtype
    need_floats("normal", kind)
    if isinstance(mean, TensorBase) and isinstance(std, TensorBase):
        if std.is_complex():
            raise RuntimeError("normal expects standard deviation to be non-complex")
        std = std.to(kind)
    check_generator("normal", generator, value_of(first).aval.device)
    result = run(rows.normal_like, (mean, std), generator=generator)
    return finish("normal", result, out, False)


def check_probability(name: str, p: Any) -> None:
    """Refuse a number that is no probability.

    Raises:
        RuntimeError: it is below 0 or above 1.
    """
    if not 0 <= p <= 1:
        raise RuntimeError(f"{name} expects p to be in [0, 1], but got p={p}")


def bernoulli(input: Any, p: Any = None, *, generator: Any = None, out: Any = None) -> Any:
    """1 with the probability that ``input`` tells, elementwise; 0 otherwise.

    Args:
        input: probabilities.
        p: one probability for all elements instead.
        generator: what to draw from.
        out: a tensor for the result.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        NotImplementedError: the input holds integers.
        RuntimeError: ``p`` is no probability. Those inside a tensor are not looked at.

    Example:
        >>> import flambeau as torch
        >>> torch.bernoulli(torch.tensor([0.0, 1.0]))
        tensor([0., 1.])

    Follows ``torch.bernoulli``.
    """
    check_tensor("bernoulli", input)
    if isinstance(out, TensorBase):  # zeros and ones fit every dtype
        result = bernoulli(input, p, generator=generator).to(out.dtype)
        return finish("bernoulli", result, out, False)
    aval = value_of(input).aval
    kind = dtypes.from_numpy_dtype(aval.dtype)
    if p is not None:
        check_probability("bernoulli", p)
        result = draw(rows.bernoulli_fill, (float(p),), aval.shape, kind, aval.device, generator)
        return finish("bernoulli", result, out, False)
    if not kind.is_floating_point:
        raise NotImplementedError(f"\"bernoulli\" not implemented for '{type_name(kind)}'")
    check_generator("bernoulli", generator, aval.device)
    static = (("size", None), ("out_dtype", kind.numpy))
    result = run(rows.bernoulli, (input,), static, generator=generator)
    return finish("bernoulli", result, out, False)


def multinomial(
    input: Any,
    num_samples: Any,
    replacement: bool = False,
    *,
    generator: Any = None,
    out: Any = None,
) -> Any:
    """Indices drawn with the weights that the last dimension of ``input`` holds.

    Args:
        input: a vector or matrix of non-negative weights.
        num_samples: how many to draw from each row.
        replacement: whether an index may be drawn again.
        generator: what to draw from.
        out: a tensor for the result.

    Dtypes:
        Floating; the result is int64.

    Raises:
        RuntimeError: the input has another shape or dtype, or there are not enough
            categories. The weights are looked at if they came from the host.

    Example:
        >>> import flambeau as torch
        >>> torch.multinomial(torch.tensor([0.0, 10.0, 0.0]), 1)
        tensor([1])

    Follows ``torch.multinomial``.
    """
    check_tensor("multinomial", input)
    check_generator("multinomial", generator, value_of(input).aval.device)
    count = as_int("multinomial", "num_samples", 2, num_samples)
    if isinstance(out, TensorBase) and out.dtype is not dtypes.int64:
        raise RuntimeError(f"multinomial expects Long tensor out, got: {type_name(out.dtype)}")
    weights = known_array(value_of(input))
    if weights is not None and weights.dtype.kind == "f":
        if not np.isfinite(weights).all() or (weights < 0).any():
            raise RuntimeError(
                "probability tensor contains either `inf`, `nan` or element < 0: multinomial"
            )
        few = 1 if replacement else min(count, weights.shape[-1] if weights.ndim else 1)
        if weights.ndim and (np.count_nonzero(weights, axis=-1) < few).any():
            raise RuntimeError(
                "invalid multinomial distribution: the weights are zero, or too few of them are "
                f"not, to draw {count} (replacement={bool(replacement)})"
            )
    static = (("num_samples", count), ("replacement", bool(replacement)))
    result = run(rows.multinomial, (input,), static, generator=generator)
    return finish("multinomial", result, out, False)


def poisson(input: Any, generator: Any = None) -> Any:
    """Samples of the Poisson distribution whose rates ``input`` holds.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        NotImplementedError: the input holds integers.

    Example:
        >>> import flambeau as torch
        >>> torch.poisson(torch.tensor([0.0, 0.0]))
        tensor([0., 0.])

    Follows ``torch.poisson``.
    """
    check_tensor("poisson", input)
    need_floats("poisson", input.dtype)
    check_generator("poisson", generator, value_of(input).aval.device)
    return run(rows.poisson, (input,), generator=generator)


def binomial(count: Any, prob: Any, generator: Any = None) -> Any:
    """Numbers of successes among ``count`` trials of probability ``prob``.

    Shape:
        ``(*)`` and ``(*)`` that broadcast together, to their common shape.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.binomial(torch.tensor([10.0, 10.0]), torch.tensor([0.0, 1.0]))
        tensor([ 0., 10.])

    Follows ``torch.binomial``.
    """
    check_tensor("binomial", count, "count")
    check_tensor("binomial", prob, "prob", 2)
    check_generator("binomial", generator, value_of(count).aval.device)
    return run(rows.binomial, (count, prob), generator=generator)


# Dropout -----------------------------------------------------------------------------


def _dropped(name: str, op: Any, input: Any, p: Any, train: Any) -> Any:
    check_tensor(name, input)
    if not 0 <= p <= 1:
        raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {p}")
    if not train or p == 0:
        return input
    need_floats(name, input.dtype)
    return run(op, (input, float(p)))


def dropout(input: Any, p: float, train: bool) -> Any:
    """Zeroes elements with probability ``p`` and scales the others, when ``train``.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: ``p`` is not between 0 and 1.

    Example:
        >>> import flambeau as torch
        >>> torch.dropout(torch.tensor([1.0, 2.0]), 0.5, train=False)
        tensor([1., 2.])

    Follows ``torch.dropout``.
    """
    return _dropped("dropout", rows.dropout, input, p, train)


def feature_dropout(input: Any, p: float, train: bool) -> Any:
    """Dropout of whole channels, when ``train``.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: ``p`` is not between 0 and 1.

    Example:
        >>> import flambeau as torch
        >>> torch.feature_dropout(torch.ones(1, 2, 2), 0.5, train=False)
        tensor([[[1., 1.],
                 [1., 1.]]])

    Follows ``torch.feature_dropout``.
    """
    return _dropped("feature_dropout", rows.feature_dropout, input, p, train)


def alpha_dropout(input: Any, p: float, train: bool) -> Any:
    """Dropout for SELU, when ``train``.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: ``p`` is not between 0 and 1.

    Example:
        >>> import flambeau as torch
        >>> torch.alpha_dropout(torch.tensor([1.0, 2.0]), 0.5, train=False)
        tensor([1., 2.])

    Follows ``torch.alpha_dropout``.
    """
    return _dropped("alpha_dropout", rows.alpha_dropout, input, p, train)


def feature_alpha_dropout(input: Any, p: float, train: bool) -> Any:
    """Alpha dropout of whole channels, when ``train``.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: ``p`` is not between 0 and 1.

    Example:
        >>> import flambeau as torch
        >>> torch.feature_alpha_dropout(torch.ones(1, 2, 2), 0.5, train=False)
        tensor([[[1., 1.],
                 [1., 1.]]])

    Follows ``torch.feature_alpha_dropout``.
    """
    return _dropped("feature_alpha_dropout", rows.feature_alpha_dropout, input, p, train)


def _in_place(function: Any) -> Any:
    name = f"{function.__name__}_"

    def call(input: Any, p: float, train: bool) -> Any:
        result = function(input, p, train)
        return input if result is input else assign(input, result, name)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = documents.in_place(name, function, example=False)
    documents.add_example(
        call,
        f"""
        >>> torch.{name}(torch.ones(1, 2, 2), 0.5, train=False)
        tensor([[[1., 1.],
                 [1., 1.]]])
        """,
    )
    return call


dropout_ = _in_place(dropout)
feature_dropout_ = _in_place(feature_dropout)
alpha_dropout_ = _in_place(alpha_dropout)
feature_alpha_dropout_ = _in_place(feature_alpha_dropout)
