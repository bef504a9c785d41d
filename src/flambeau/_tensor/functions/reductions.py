"""Reductions: the public functions over :mod:`flambeau._ops.reductions`."""

from __future__ import annotations

from typing import Any

from flambeau._ops import reductions as rows
from flambeau._tensor import dtypes
from flambeau._tensor.core import TensorBase
from flambeau._tensor.dispatch import public, run, store_out
from flambeau._tensor.documents import add_example
from flambeau._tensor.functions._shared import cast, need_tensor, numpy_names

sum = numpy_names(public(rows.sum_))
nansum = numpy_names(public(rows.nansum))
mean = numpy_names(public(rows.mean))
nanmean = numpy_names(public(rows.nanmean))
all = numpy_names(public(rows.all_))
any = numpy_names(public(rows.any_))
amax = numpy_names(public(rows.amax))
amin = numpy_names(public(rows.amin))
aminmax = numpy_names(public(rows.aminmax))
argmax = numpy_names(public(rows.argmax))
argmin = numpy_names(public(rows.argmin))
count_nonzero = public(rows.count_nonzero)
hash_tensor = public(rows.hash_tensor)
logsumexp = numpy_names(public(rows.logsumexp))
mode = numpy_names(public(rows.mode))
corrcoef = public(rows.corrcoef)
dist = public(rows.dist)
renorm = public(rows.renorm)


def _finish(out: Any, result: Any, name: str) -> Any:
    return result if out is None else store_out(out, result, name)


@numpy_names
def prod(
    input: Any,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    out: Any = None,
) -> Any:
    """The product of all elements, or along one dimension.

    Args:
        input: the tensor.
        dim: the dimension to multiply along; everything if None.
        keepdim: leave the dimension in place with size 1.
        dtype: cast to it first; integers give int64 otherwise.
        out: a tensor for the result.

    Shape:
        ``(*)`` to ``(*)`` without the reduced dimensions, or with size 1 for each under
        ``keepdim``.

    Dtypes:
        Any; the result: int64 for bools and integers, else the input's.

    Raises:
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.prod(torch.tensor([[1, 2], [3, 4]]), dim=1)
        tensor([ 2, 12])

    Follows ``torch.prod``.
    """
    kind = ("dtype", None if dtype is None else dtypes.as_dtype(dtype).numpy)
    if dim is None:
        return _finish(out, run(rows.prod_all, (input,), (kind,)), "prod")
    static = (("dim", _dim(dim)), ("keepdim", bool(keepdim)), kind)
    return _finish(out, run(rows.prod_dim, (input,), static), "prod")


def _dim(dim: Any) -> int:
    if isinstance(dim, bool) or not hasattr(dim, "__index__"):
        raise TypeError(f"argument 'dim' must be int, not {type(dim).__name__}")
    return dim.__index__()


# Moments -----------------------------------------------------------------------------


def _moment(
    name: str, row: Any, input: Any, dim: Any, unbiased: Any, keepdim: Any, correction: Any
) -> Any:
    if isinstance(dim, bool):  # var(input, unbiased)
        unbiased, dim = dim, None
    if unbiased is not None and correction is not None:
        raise TypeError(f"{name}(): give unbiased or correction, not both")
    if correction is None:
        correction = 1 if unbiased is None or unbiased else 0
    need_tensor(name, input)
    if dim is not None:
        dim = tuple(_dim(d) for d in dim) if isinstance(dim, (tuple, list)) else (_dim(dim),)
    return run(
        row,
        (input,),
        (("dim", dim), ("correction", float(correction)), ("keepdim", bool(keepdim))),
    )


_MOMENT = """{what} over ``dim``, over everything by default.

    Args:
        input: a floating point or complex tensor.
        dim: a dimension or several; a bool here is ``unbiased``.
        unbiased: the old name of ``correction=1`` (True) and ``correction=0`` (False).
        keepdim: leave the reduced dimensions in place with size 1.
        correction: what is taken from the count before dividing by it.
{out}
    Shape:
        ``(*)`` to ``(*)`` without the reduced dimensions, or with size 1 for each under
        ``keepdim``.

    Dtypes:
        Floating and complex; the variance and the deviation of complex numbers are real.

    Raises:
        RuntimeError: the dtype is an integer.

    Follows ``torch.{name}``.
    """


@numpy_names
def var(
    input: Any,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
    out: Any = None,
) -> Any:
    return _finish(out, _moment("var", rows.var, input, dim, unbiased, keepdim, correction), "var")


@numpy_names
def std(
    input: Any,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
    out: Any = None,
) -> Any:
    return _finish(out, _moment("std", rows.std, input, dim, unbiased, keepdim, correction), "std")


@numpy_names
def var_mean(
    input: Any,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Any:
    return _moment("var_mean", rows.var_mean, input, dim, unbiased, keepdim, correction)


@numpy_names
def std_mean(
    input: Any,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Any:
    return _moment("std_mean", rows.std_mean, input, dim, unbiased, keepdim, correction)


_OUT = "        out: a tensor for the result.\n"
var.__doc__ = _MOMENT.format(what="The variance", out=_OUT, name="var")
std.__doc__ = _MOMENT.format(what="The standard deviation", out=_OUT, name="std")
var_mean.__doc__ = _MOMENT.format(what="The variance and the mean", out="", name="var_mean")
std_mean.__doc__ = _MOMENT.format(
    what="The standard deviation and the mean", out="", name="std_mean"
)


_cov = public(rows.cov)


def cov(input: Any, *, correction: int = 1, fweights: Any = None, aweights: Any = None) -> Any:
    """The covariance matrix of the rows of ``input``, each column one observation.

    Args:
        input: 2-d, or 1-d for one variable.
        correction: what is taken from the number of observations before dividing by it.
        fweights: how often each observation counts, integers; they are read and checked.
        aweights: how much each observation counts; read and checked likewise.

    Dtypes:
        Integers, floating and complex; the result: the default dtype for integers, else the
        input's.

    Raises:
        RuntimeError: weights of a wrong shape or dtype, or negative ones.

    Example:
        >>> import flambeau as torch
        >>> torch.cov(torch.tensor([[1.0, 2.0], [3.0, 5.0]]))
        tensor([[0.5000, 1.0000],
                [1.0000, 2.0000]])

    Follows ``torch.cov``.
    """
    result = _cov(input, correction=correction, fweights=fweights, aweights=aweights)
    for name, weights in (("fweights", fweights), ("aweights", aweights)):
        if weights is not None and bool((weights < 0).any()):
            raise RuntimeError(f"cov(): {name} cannot be negative")
    return result


# Extremes and medians ----------------------------------------------------------------


def _extreme(
    name: str, whole: Any, along: Any, two: Any, input: Any, args: Any, kwargs: Any, out: Any
) -> Any:
    """The three overloads ``max(x)``, ``max(x, dim, keepdim)`` and ``max(x, other)``."""
    need_tensor(name, input)
    other = kwargs.pop("other", None)
    if args and isinstance(args[0], TensorBase):
        other, args = args[0], args[1:]
    if other is not None:
        if args or kwargs:
            raise TypeError(
                f"{name}() received an invalid combination of arguments: the maximum or minimum "
                f"of two tensors takes no dim"
            )
        return _finish(out, run(two, (input, other)), name)
    return _along(name, whole, along, input, args, kwargs, out)


def _along(name: str, whole: Any, along: Any, input: Any, args: Any, kwargs: Any, out: Any) -> Any:
    if len(args) > 2:
        raise TypeError(f"{name}() takes at most 3 arguments, got {len(args) + 1}")
    named = dict(zip(("dim", "keepdim"), args, strict=False))
    for key in named.keys() & kwargs.keys():
        raise TypeError(f"{name}() got multiple values for argument '{key}'")
    named.update(kwargs)
    need_tensor(name, input)
    dim, keepdim = named.pop("dim", None), named.pop("keepdim", False)
    if named:
        raise TypeError(f"{name}() got an unexpected keyword argument '{next(iter(named))}'")
    if dim is None:
        if keepdim:
            raise TypeError(f"{name}() received keepdim without dim")
        return _finish(out, run(whole, (input,)), name)
    static = (("dim", _dim(dim)), ("keepdim", bool(keepdim)))
    return _finish(out, run(along, (input,), static), name)


@numpy_names
def max(input: Any, *args: Any, out: Any = None, **kwargs: Any) -> Any:
    """The largest element, the largest along a dimension, or the larger of two tensors.

    - ``max(input)``: one element; ties share the gradient.
    - ``max(input, dim, keepdim=False)``: ``(values, indices)``; the gradient goes to the
      chosen element, the first among equals.
    - ``max(input, other)``: :func:`flambeau.maximum`.

    Args:
        input: the tensor.
        args: ``dim`` and ``keepdim``, or ``other``.
        out: a tensor for the result, or a pair of them.
        kwargs: the same by name.

    Shape:
        ``(*)`` to ``(*)`` without the reduced dimensions, or with size 1 for each under
        ``keepdim``.

    Dtypes:
        Bool, integers and floating; the results: the input's; int64.

    Raises:
        NotImplementedError: the tensors are complex.

    Example:
        >>> import flambeau as torch
        >>> torch.max(torch.tensor([[1, 5], [7, 2]]), dim=1)
        torch.return_types.max(
        values=tensor([5, 7]),
        indices=tensor([1, 0]))

    Follows ``torch.max``.
    """
    return _extreme("max", rows.max_all, rows.max_dim, _two("maximum"), input, args, kwargs, out)


@numpy_names
def min(input: Any, *args: Any, out: Any = None, **kwargs: Any) -> Any:
    """The smallest element, the smallest along a dimension, or the smaller of two tensors.

    The overloads are those of :func:`max`.

    Shape:
        ``(*)`` to ``(*)`` without the reduced dimensions, or with size 1 for each under
        ``keepdim``.

    Dtypes:
        Bool, integers and floating; the results: the input's; int64.

    Raises:
        NotImplementedError: the tensors are complex.

    Example:
        >>> import flambeau as torch
        >>> torch.min(torch.tensor([[1.0, 2.0], [3.0, 5.0]]), 1)
        torch.return_types.min(
        values=tensor([1., 3.]),
        indices=tensor([0, 0]))

    Follows ``torch.min``.
    """
    return _extreme("min", rows.min_all, rows.min_dim, _two("minimum"), input, args, kwargs, out)


def _two(name: str) -> Any:
    from flambeau._ops import arithmetic

    return getattr(arithmetic, name)


@numpy_names
def median(input: Any, *args: Any, out: Any = None, **kwargs: Any) -> Any:
    """The median of all elements, or ``(values, indices)`` along a dimension.

    Of two middle elements it is the lower one; a nan makes it nan.

    Args:
        input: the tensor.
        args: ``dim`` and ``keepdim``.
        out: a tensor for the result, or a pair of them.
        kwargs: the same by name.

    Shape:
        ``(*)`` to ``(*)`` without the reduced dimensions, or with size 1 for each under
        ``keepdim``.

    Dtypes:
        Integers and floating.

    Raises:
        NotImplementedError: the tensors are complex.

    Example:
        >>> import flambeau as torch
        >>> torch.median(torch.tensor([[1.0, 2.0], [3.0, 5.0]]), 1)
        torch.return_types.median(
        values=tensor([1., 3.]),
        indices=tensor([0, 0]))

    Follows ``torch.median``.
    """
    return _along("median", rows.median_all, rows.median_dim, input, args, kwargs, out)


@numpy_names
def nanmedian(input: Any, *args: Any, out: Any = None, **kwargs: Any) -> Any:
    """The median of what is not nan; arguments as :func:`median`.

    Shape:
        ``(*)`` to ``(*)`` without the reduced dimensions, or with size 1 for each under
        ``keepdim``.

    Dtypes:
        Integers and floating.

    Raises:
        NotImplementedError: the tensors are complex.

    Example:
        >>> import flambeau as torch
        >>> torch.nanmedian(torch.tensor([[1.0, 2.0], [3.0, 5.0]]), 1)
        torch.return_types.nanmedian(
        values=tensor([1., 3.]),
        indices=tensor([0, 0]))

    Follows ``torch.nanmedian``.
    """
    return _along("nanmedian", rows.nanmedian_all, rows.nanmedian_dim, input, args, kwargs, out)


def _quantile(
    name: str, row: Any, input: Any, q: Any, dim: Any, keepdim: Any, how: str, out: Any
) -> Any:
    need_tensor(name, input)
    if isinstance(q, TensorBase):
        if q.dtype is not input.dtype:
            raise RuntimeError(
                f"{name}() q tensor must be same dtype as the input tensor, got {q.dtype} and "
                f"{input.dtype}"
            )
    elif not 0 <= q <= 1:
        raise RuntimeError(f"{name}() q must be in the range [0, 1] but got {q}")
    static = (
        ("dim", None if dim is None else _dim(dim)),
        ("keepdim", bool(keepdim)),
        ("interpolation", how),
    )
    return _finish(out, run(row, (input, q), static), name)


@numpy_names
def quantile(
    input: Any,
    q: Any,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
    out: Any = None,
) -> Any:
    """The ``q``-th quantiles along ``dim``, over everything by default.

    Args:
        input: a float32 or float64 tensor.
        q: a number in [0, 1], or a 1-d tensor of them, which adds a first dimension.
        dim: the dimension to reduce.
        keepdim: leave it in place with size 1.
        interpolation: ``linear``, ``lower``, ``higher``, ``midpoint`` or ``nearest``.
        out: a tensor for the result.

    Shape:
        ``(*)`` to ``(*)`` without the reduced dimensions, or with size 1 for each under
        ``keepdim``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: the tensors are complex.
        RuntimeError: the tensors hold integers or bools.
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.quantile(torch.tensor([0.0, 1.0, 2.0, 3.0]), 0.4)
        tensor(1.2000)

    Follows ``torch.quantile``.
    """
    return _quantile("quantile", rows.quantile, input, q, dim, keepdim, interpolation, out)


@numpy_names
def nanquantile(
    input: Any,
    q: Any,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
    out: Any = None,
) -> Any:
    """The quantiles of what is not nan; arguments as :func:`quantile`.

    Shape:
        ``(*)`` to ``(*)`` without the reduced dimensions, or with size 1 for each under
        ``keepdim``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: the tensors are complex.
        RuntimeError: the tensors hold integers or bools.
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.nanquantile(torch.tensor([1.0, 2.0, 4.0]), 0.5)
        tensor(2.)

    Follows ``torch.nanquantile``.
    """
    return _quantile("nanquantile", rows.nanquantile, input, q, dim, keepdim, interpolation, out)


# Norms -------------------------------------------------------------------------------


@numpy_names
def norm(
    input: Any,
    p: float | str | None = "fro",
    dim: Any = None,
    keepdim: bool = False,
    out: Any = None,
    dtype: Any = None,
) -> Any:
    """The norm of a vector or matrix, or of all elements.

    Args:
        input: a floating point or complex tensor.
        p: a number for the vector norm of that order, ``"fro"`` for the 2-norm of the
            elements, ``"nuc"`` for the sum of the singular values.
        dim: a dimension or several; all by default.
        keepdim: leave the reduced dimensions in place with size 1.
        out: a tensor for the result.
        dtype: cast to it first.

    Shape:
        ``(*)`` to ``(*)`` without the reduced dimensions, or with size 1 for each under
        ``keepdim``.

    Dtypes:
        Floating and complex; the result: real for complex numbers, else the input's.

    Raises:
        RuntimeError: the tensors hold integers or bools.
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.norm(torch.tensor([[1.0, 2.0], [3.0, 5.0]]))
        tensor(6.2450)

    Follows ``torch.norm``.
    """
    need_tensor("norm", input)
    if p == "nuc":
        from flambeau._tensor.functions import linalg

        axes = (-2, -1) if dim is None else dim
        matrix = input if dtype is None else cast(input, dtypes.as_dtype(dtype))
        return _finish(out, linalg.matrix_norm(matrix, "nuc", axes, keepdim), "norm")
    if isinstance(p, str) and p != "fro":
        raise RuntimeError(f"only valid string values are 'fro' and 'nuc', found {p!r}")
    order = 2.0 if p in ("fro", None) else float(p)
    axes = None
    if dim is not None:
        axes = tuple(_dim(d) for d in dim) if isinstance(dim, (tuple, list)) else (_dim(dim),)
    static = (
        ("ord", order),
        ("dim", axes),
        ("keepdim", bool(keepdim)),
        ("dtype", None if dtype is None else dtypes.as_dtype(dtype).numpy),
    )
    return _finish(out, run(rows.vector_norm, (input,), static), "norm")


_EXAMPLES = {
    "std": """
        >>> torch.std(torch.tensor([1.0, 2.0, 3.0]))
        tensor(1.)
    """,
    "std_mean": """
        >>> torch.std_mean(torch.tensor([1.0, 2.0, 3.0]))
        (tensor(1.), tensor(2.))
    """,
    "var": """
        >>> torch.var(torch.tensor([1.0, 2.0, 3.0]))
        tensor(1.)
    """,
    "var_mean": """
        >>> torch.var_mean(torch.tensor([1.0, 2.0, 3.0]))
        (tensor(1.), tensor(2.))
    """,
}
for _name, _text in _EXAMPLES.items():
    add_example(globals()[_name], _text)
