"""``assert_close``: equal up to tolerances, and a message that says where not."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from flambeau._engine.recorder import read
from flambeau._tensor import dtypes
from flambeau._tensor.construct import from_data
from flambeau._tensor.core import TensorBase, value_of
from flambeau._tensor.dtypes import promote_types

__all__ = ["assert_allclose", "assert_close"]

_TOLERANCES = {
    "float16": (1e-3, 1e-5), "bfloat16": (1.6e-2, 1e-5), "float32": (1.3e-6, 1e-5),
    "float64": (1e-7, 1e-7), "complex64": (1.3e-6, 1e-5), "complex128": (1e-7, 1e-7),
}  # fmt: skip

Message = str | Callable[[str], str] | None


def default_tolerances(*compared: dtypes.dtype) -> tuple[float, float]:
    """The wider ones of some dtypes: (relative, absolute); 0 for integers."""
    pairs = [_TOLERANCES.get(d.name, (0.0, 0.0)) for d in compared]
    return max(p[0] for p in pairs), max(p[1] for p in pairs)


class _Options:
    def __init__(self, **options: Any) -> None:
        self.__dict__.update(options)

    rtol: float | None
    atol: float | None
    equal_nan: bool
    check_device: bool
    check_dtype: bool
    check_layout: bool
    check_stride: bool
    allow_subclasses: bool
    msg: Message


def _fail(text: str, path: str, msg: Message, kind: type[Exception] = AssertionError) -> Exception:
    text = f"{text}\n\nThe failure occurred for item {path}" if path else text
    if kind is AssertionError and msg is not None:
        text = msg(text) if callable(msg) else msg
    return kind(text)


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: Message = None,
) -> None:
    r"""Assert that two values are equal up to :math:`|a - e| \le atol + rtol\,|e|`.

    Args:
        actual, expected: tensors, numbers, arrays, or nested sequences and mappings of them.
        allow_subclasses: whether a tensor may be compared to one of a subclass.
        rtol, atol: both or neither; by the dtype if neither (1.3e-6 and 1e-5 for float32).
        equal_nan: whether NaN equals NaN.
        check_device, check_dtype, check_layout, check_stride: what must be the same besides.
        msg: the message of the error instead, or a function of the one that would be shown.

    Raises:
        AssertionError: they differ: how many elements, by how much at most, and where.
        ValueError: one of ``rtol``, ``atol`` is given without the other.
        TypeError: the inputs are of kinds that cannot be compared.

    Example:
        >>> import flambeau as torch
        >>> torch.testing.assert_close(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.5]))
        Traceback (most recent call last):
        AssertionError: Tensor-likes are not close!
        <BLANKLINE>
        Mismatched elements: 1 / 2 (50.0%)
        Greatest absolute difference: 0.5 at index (1,) (up to 1e-05 allowed)
        Greatest relative difference: 0.20000000298023224 at index (1,) (up to 1.3e-06 allowed)

    Follows ``torch.testing.assert_close``.
    """
    if (rtol is None) != (atol is None):
        given, missing = ("rtol", "atol") if atol is None else ("atol", "rtol")
        raise ValueError(
            f"rtol and atol must both be specified or both be unspecified, but got {given} and "
            f"no {missing}"
        )
    options = _Options(
        rtol=rtol, atol=atol, equal_nan=equal_nan, check_device=check_device,
        check_dtype=check_dtype, check_layout=check_layout, check_stride=check_stride,
        allow_subclasses=allow_subclasses, msg=msg,
    )  # fmt: skip
    _compare(actual, expected, "", options)


def _compare(actual: Any, expected: Any, path: str, o: _Options) -> None:
    if (
        isinstance(actual, Sequence)
        and not isinstance(actual, str)
        and isinstance(expected, Sequence)
        and not isinstance(expected, str)
    ):
        if len(actual) != len(expected):
            raise _fail(
                f"The length of the sequences mismatch: {len(actual)} != {len(expected)}",
                path, o.msg,
            )  # fmt: skip
        for i, (a, e) in enumerate(zip(actual, expected, strict=True)):
            _compare(a, e, f"{path}[{i}]", o)
        return
    if isinstance(actual, Mapping) and isinstance(expected, Mapping):
        if set(actual) != set(expected):
            missing = sorted(map(repr, set(expected) - set(actual)))
            more = sorted(map(repr, set(actual) - set(expected)))
            raise _fail(
                "The keys of the mappings do not match:\n"
                f"Missing keys in the actual mapping: [{', '.join(missing)}]\n"
                f"Additional keys in the actual mapping: [{', '.join(more)}]",
                path, o.msg,
            )  # fmt: skip
        for key in expected:
            _compare(actual[key], expected[key], f"{path}[{key!r}]", o)
        return
    if actual is None or expected is None:
        if actual is not expected:
            raise _fail(f"None mismatch: {actual!r} is not {expected!r}", path, o.msg)
        return
    numbers = (bool, int, float, complex)
    if isinstance(actual, numbers) and isinstance(expected, numbers):
        _compare_numbers(actual, expected, path, o)
        return
    tensors = isinstance(actual, TensorBase) and isinstance(expected, TensorBase)
    related = issubclass(type(actual), type(expected)) or issubclass(type(expected), type(actual))
    arrays = (TensorBase, np.ndarray, np.generic, list, tuple, *numbers)
    if not (tensors or (isinstance(actual, arrays) and isinstance(expected, arrays))):
        raise _fail(
            "No comparison pair was able to handle inputs of type "
            f"{type(actual)} and {type(expected)}.",
            path, o.msg, TypeError,
        )  # fmt: skip
    mixed = not related and not o.allow_subclasses
    if (tensors and not o.allow_subclasses and type(actual) is not type(expected)) or mixed:
        raise _fail(
            "If allow_subclasses=False, both must be of one type, but got "
            f"{type(actual)} and {type(expected)}.",
            path, o.msg, TypeError,
        )  # fmt: skip
    if not tensors and not related:
        raise _fail(
            f"Except for Python scalars, type equality is required, but got {type(actual)} and "
            f"{type(expected)} instead.",
            path, o.msg, TypeError,
        )  # fmt: skip
    _compare_tensors(
        actual if isinstance(actual, TensorBase) else from_data(actual),
        expected if isinstance(expected, TensorBase) else from_data(expected),
        path,
        o,
    )


def _dtype_of_number(x: Any) -> dtypes.dtype:
    if isinstance(x, bool):
        return dtypes.bool_
    if isinstance(x, int):
        return dtypes.int64
    return dtypes.float64 if isinstance(x, float) else dtypes.complex128


def _compare_numbers(actual: Any, expected: Any, path: str, o: _Options) -> None:
    kinds = _dtype_of_number(actual), _dtype_of_number(expected)
    if o.check_dtype and type(actual) is not type(expected):
        raise _fail(f"The (d)types do not match: {type(actual)} != {type(expected)}.", path, o.msg)
    rtol, atol = (o.rtol, o.atol) if o.rtol is not None else default_tolerances(*kinds)
    assert rtol is not None
    assert atol is not None
    exact = rtol == 0 and atol == 0
    if actual == expected:
        return
    if o.equal_nan and actual != actual and expected != expected:
        return
    difference = abs(actual - expected)
    if np.isfinite(actual) and np.isfinite(expected) and difference <= atol + rtol * abs(expected):
        return
    relative = difference / abs(expected) if expected != 0 else float("inf")
    if exact:
        text = (
            f"Scalars are not equal!\n\nExpected {expected} but got {actual}.\n"
            f"Absolute difference: {difference}\nRelative difference: {relative}"
        )
    else:
        text = (
            f"Scalars are not close!\n\nExpected {expected} but got {actual}.\n"
            f"Absolute difference: {difference} (up to {atol} allowed)\n"
            f"Relative difference: {relative} (up to {rtol} allowed)"
        )
    raise _fail(text, path, o.msg)


def _attribute(name: str, a: Any, e: Any, path: str, o: _Options) -> None:
    if a != e:
        raise _fail(f"The values for attribute '{name}' do not match: {a} != {e}.", path, o.msg)


def _compare_tensors(actual: Any, expected: Any, path: str, o: _Options) -> None:
    _attribute("shape", actual.shape, expected.shape, path, o)
    if o.check_layout:
        _attribute("layout", actual.layout, expected.layout, path, o)
    if o.check_stride:
        _attribute("stride()", actual.stride(), expected.stride(), path, o)
    if o.check_device:
        _attribute("device", actual.device, expected.device, path, o)
    if o.check_dtype:
        _attribute("dtype", actual.dtype, expected.dtype, path, o)
    rtol, atol = (
        (o.rtol, o.atol) if o.rtol is not None else default_tolerances(actual.dtype, expected.dtype)
    )
    assert rtol is not None
    assert atol is not None
    if actual.is_meta or expected.is_meta:
        raise _fail(
            "Comparing meta tensors is currently only supported for attributes.",
            path, None, NotImplementedError,
        )  # fmt: skip
    common = promote_types(actual.dtype, expected.dtype)
    a, e = (_array(t, common) for t in (actual, expected))
    with np.errstate(all="ignore"):
        difference = _difference(a, e)
        close = (a == e) | (np.isfinite(a) & np.isfinite(e) & (difference <= atol + rtol * abs(e)))
        if o.equal_nan:
            close |= np.isnan(a) & np.isnan(e)
        relative = difference / abs(e)
        if relative.dtype == np.float64 and not common.is_floating_point | common.is_complex:
            relative = (difference.astype(np.float32) / abs(e)).astype(np.float32)
    if close.all():
        return
    exact = rtol == 0 and atol == 0
    word = "equal" if exact else "close"
    count, total = int((~close).sum()), close.size
    if a.ndim == 0:
        shown = [f"Expected {_shown(e[()])} but got {_shown(a[()])}."]
        head = f"Scalars are not {word}!"
    else:
        head = f"Tensor-likes are not {word}!"
        shown = [f"Mismatched elements: {count} / {total} ({100 * count / total:.1f}%)"]
    if a.ndim == 0 and a.dtype.kind in "fc":
        x, y = a.item(), e.item()
        difference = np.asarray(abs(x - y))
        relative = np.asarray(abs(x - y) / abs(y) if y else np.inf)
    for name, gaps, allowed in (
        ("absolute", difference, atol),
        ("relative", relative, rtol),
    ):
        worst, place = _worst(gaps, close)
        line = f"Greatest {name} difference: {worst} at index {place}"
        if a.ndim == 0:
            line = f"{name.capitalize()} difference: {worst}"
        shown.append(line + ("" if exact else f" (up to {allowed} allowed)"))
    raise _fail("\n".join([head, "", *shown]), path, o.msg)


def _shown(x: Any) -> Any:
    return x.item()


def _array(t: Any, common: dtypes.dtype) -> np.ndarray:
    """The elements in the dtype that both have in common, 16-bit floats as float32."""
    array = np.asarray(read(value_of(t)))
    if common.numpy.kind == "V" or common.name in ("bfloat16", "float16"):
        return array.astype(np.float32)
    return array.astype(np.int64 if common.numpy == np.bool_ else common.numpy)


def _difference(a: np.ndarray, e: np.ndarray) -> np.ndarray:
    if a.dtype.kind == "u":
        return np.where(a > e, a - e, e - a)
    return abs(a - e)


def _worst(gaps: np.ndarray, close: np.ndarray) -> tuple[Any, tuple[int, ...]]:
    """The largest difference among the elements that are not close (NaN counts as largest)."""
    masked = np.where(close, 0, gaps)
    flat = masked.reshape(-1)
    nans = np.isnan(flat) if flat.dtype.kind == "f" else np.zeros(flat.shape, bool)
    at = int(np.argmax(nans)) if nans.any() else int(np.argmax(flat))
    return flat[at].item(), tuple(int(i) for i in np.unravel_index(at, masked.shape))


def assert_allclose(
    actual: Any,
    expected: Any,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = True,
    msg: str = "",
) -> None:
    """The older :func:`assert_close`: no dtype is checked, and NaN equals NaN.

    Follows ``torch.testing.assert_allclose``, which is deprecated.
    """
    warnings.warn(
        "`torch.testing.assert_allclose()` is deprecated; use `torch.testing.assert_close()`",
        FutureWarning,
        stacklevel=2,
    )
    a = actual if isinstance(actual, TensorBase) else from_data(actual)
    e = expected if isinstance(expected, TensorBase) else from_data(expected, a.dtype)
    if rtol is None and atol is None:
        rtol, atol = default_tolerances(a.dtype, e.dtype)
    assert_close(
        a, e, rtol=rtol, atol=atol, equal_nan=equal_nan, check_device=True, check_dtype=False,
        check_stride=False, msg=msg or None,
    )  # fmt: skip
