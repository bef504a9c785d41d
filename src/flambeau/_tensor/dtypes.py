"""Data types: PyTorch's names over NumPy's, and PyTorch's promotion rules."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import ml_dtypes
import numpy as np

_BOOL, _INT, _FLOAT, _COMPLEX = range(4)


class dtype:
    """The data type of a tensor's elements.

    Attributes:
        itemsize: bytes per element.
        is_floating_point, is_complex, is_signed: what kind it is.
        numpy: the NumPy dtype that holds it.

    Follows ``torch.dtype``.
    """

    __slots__ = (
        "category", "is_complex", "is_floating_point", "is_signed", "itemsize", "name", "numpy",
    )  # fmt: skip

    def __init__(self, name: str, numpy_type: Any, category: int):
        self.name = name
        self.numpy = np.dtype(numpy_type)
        self.itemsize = self.numpy.itemsize
        self.category = category
        self.is_floating_point = category == _FLOAT
        self.is_complex = category == _COMPLEX
        self.is_signed = name != "bool" and not name.startswith("uint")
        _BY_NAME[name] = self
        _BY_NUMPY[self.numpy] = self

    def to_real(self) -> dtype:
        """The dtype of a complex dtype's parts; itself if it is real."""
        return _REAL.get(self.name, self) if self.is_complex else self

    def to_complex(self) -> dtype:
        """The complex dtype whose parts have this dtype."""
        if self.is_complex:
            return self
        return complex128 if self.name == "float64" else complex64

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> Any:
        return _by_name, (self.name,)

    def __copy__(self) -> dtype:
        return self

    def __deepcopy__(self, memo: Any) -> dtype:
        return self


_BY_NAME: dict[str, dtype] = {}
_BY_NUMPY: dict[np.dtype, dtype] = {}


def _by_name(name: str) -> dtype:
    return _BY_NAME[name]


dtype.__module__ = "torch"

bool_ = dtype("bool", np.bool_, _BOOL)
uint8 = dtype("uint8", np.uint8, _INT)
uint16 = dtype("uint16", np.uint16, _INT)
uint32 = dtype("uint32", np.uint32, _INT)
uint64 = dtype("uint64", np.uint64, _INT)
int8 = dtype("int8", np.int8, _INT)
int16 = dtype("int16", np.int16, _INT)
int32 = dtype("int32", np.int32, _INT)
int64 = dtype("int64", np.int64, _INT)
float8_e4m3fn = dtype("float8_e4m3fn", ml_dtypes.float8_e4m3fn, _FLOAT)
float8_e4m3fnuz = dtype("float8_e4m3fnuz", ml_dtypes.float8_e4m3fnuz, _FLOAT)
float8_e5m2 = dtype("float8_e5m2", ml_dtypes.float8_e5m2, _FLOAT)
float8_e5m2fnuz = dtype("float8_e5m2fnuz", ml_dtypes.float8_e5m2fnuz, _FLOAT)
float8_e8m0fnu = dtype("float8_e8m0fnu", ml_dtypes.float8_e8m0fnu, _FLOAT)
float16 = dtype("float16", np.float16, _FLOAT)
bfloat16 = dtype("bfloat16", ml_dtypes.bfloat16, _FLOAT)
float32 = dtype("float32", np.float32, _FLOAT)
float64 = dtype("float64", np.float64, _FLOAT)
complex64 = dtype("complex64", np.complex64, _COMPLEX)
complex128 = dtype("complex128", np.complex128, _COMPLEX)

_REAL = {"complex64": float32, "complex128": float64}

ALIASES = {
    "half": float16,
    "float": float32,
    "double": float64,
    "short": int16,
    "int": int32,
    "long": int64,
    "cfloat": complex64,
    "cdouble": complex128,
    "bool": bool_,
}
"""PyTorch's second names."""

_PYTHON = {bool: bool_, int: int64, float: None, complex: None}


class _Default:
    dtype: dtype = float32


def get_default_dtype() -> dtype:
    """The dtype that Python floats become.

    Example:
        >>> import flambeau as torch
        >>> torch.get_default_dtype()
        torch.float32

    Follows ``torch.get_default_dtype``.
    """
    return _Default.dtype


def set_default_dtype(d: dtype) -> None:
    """Set the dtype that Python floats become.

    Example:
        >>> import flambeau as torch
        >>> torch.set_default_dtype(torch.float64)
        >>> torch.tensor(1.5).dtype
        torch.float64
        >>> torch.set_default_dtype(torch.float32)

    Follows ``torch.set_default_dtype``.

    Raises:
        TypeError: it is not a floating point dtype.
    """
    if not isinstance(d, dtype) or not d.is_floating_point:
        raise TypeError(f"only floating-point types are supported as the default type, got {d!r}")
    _Default.dtype = d


def from_numpy_dtype(d: Any) -> dtype:
    """The dtype over a NumPy dtype.

    Raises:
        TypeError: there is none.
    """
    found = _BY_NUMPY.get(np.dtype(d))
    if found is None:
        raise TypeError(
            f"can't convert np.ndarray of type numpy.{np.dtype(d)}. The only supported types are: "
            + ", ".join(sorted(x.name for x in _BY_NUMPY.values()))
        )
    return found


def as_dtype(d: Any) -> dtype:
    """A dtype from a dtype, a Python type (``float``), a NumPy dtype or None (the default).

    Raises:
        TypeError: it is none of these.
    """
    if isinstance(d, dtype):
        return d
    if d is None or d is float:
        return _Default.dtype
    if d is complex:
        return _Default.dtype.to_complex()
    if d in (bool, int):
        return _PYTHON[d]
    try:
        return from_numpy_dtype(d)
    except TypeError:
        raise TypeError(f"dtype must be a torch.dtype, got {d!r}") from None


_ORDER = [
    "float8_e8m0fnu", "float8_e5m2fnuz", "float8_e4m3fnuz", "float8_e5m2", "float8_e4m3fn",
    "float16", "bfloat16", "float32", "float64",
]  # fmt: skip


def _promote(a: dtype, b: dtype) -> dtype:
    if a is b:
        return a
    if a.category < b.category:
        a, b = b, a
    if a.is_complex:
        real = a.to_real()
        other = b.to_real() if b.is_complex else b
        wide = _promote(real, other) if other.is_floating_point else real
        return complex128 if wide is float64 else complex64
    if a.category != b.category:
        return a
    if a.is_floating_point:
        if {a.name, b.name} == {"float16", "bfloat16"}:
            return float32
        return max(a, b, key=lambda d: _ORDER.index(d.name))
    return _promote_integers(a, b)


def _promote_integers(a: dtype, b: dtype) -> dtype:
    if a.is_signed == b.is_signed:
        return max(a, b, key=lambda d: d.itemsize)
    signed, unsigned = (a, b) if a.is_signed else (b, a)
    if signed.itemsize > unsigned.itemsize:
        return signed
    if unsigned.name != "uint8":
        raise RuntimeError(
            "Promotion for uint16, uint32, uint64 types is not supported, attempted to promote "
            f"{a.name} and {b.name}"
        )
    return int16


_PROMOTED: dict[tuple[dtype, dtype], dtype] = {}


def promote_types(type1: dtype, type2: dtype) -> dtype:
    """The smallest dtype that holds both.

    Example:
        >>> import flambeau as torch
        >>> torch.promote_types(torch.int32, torch.float16)
        torch.float16

    Follows ``torch.promote_types``.
    """
    found = _PROMOTED.get((type1, type2))
    if found is None:
        found = _PROMOTED[type1, type2] = _promote(type1, type2)
    return found


def scalar_dtype(kind: type) -> dtype:
    """The dtype that a Python number counts as in promotion."""
    if kind is bool:
        return bool_
    if kind is int:
        return int64
    return _Default.dtype if kind is float else _Default.dtype.to_complex()


def _combine(higher: dtype | None, lower: dtype | None) -> dtype | None:
    """Join two ranks: the lower one counts only by its category."""
    if higher is None or lower is None:
        return higher or lower
    if lower.category <= higher.category:
        return higher
    if lower.is_complex and higher.is_floating_point:
        return higher.to_complex()
    return promote_types(higher, lower)


def combine(
    dimensioned: Iterable[dtype], zero_dim: Iterable[dtype], numbers: Iterable[dtype]
) -> dtype:
    """The result dtype of an operation.

    Args:
        dimensioned: dtypes of tensors with dimensions.
        zero_dim: dtypes of zero-dimensional tensors, which count only by category next to
            the former.
        numbers: what Python numbers count as (:func:`scalar_dtype`), which yield to both.
    """
    ranks: list[dtype | None] = []
    for group in (dimensioned, zero_dim, numbers):
        at: dtype | None = None
        for d in group:
            at = d if at is None else promote_types(at, d)
        ranks.append(at)
    result = _combine(ranks[0], _combine(ranks[1], ranks[2]))
    assert result is not None
    return result


def can_cast(from_: dtype, to: dtype) -> bool:
    """Whether a result of one dtype may be stored into the other. Follows ``torch.can_cast``."""
    if from_.category > to.category:
        return False
    return not (to.category == _BOOL and from_.category != _BOOL)


class finfo:
    """Limits of a floating point dtype. Follows ``torch.finfo``.

    Args:
        type: a floating point or complex dtype; the default dtype if None.

    Attributes:
        bits, eps, max, min, tiny, smallest_normal, resolution, dtype: as in PyTorch.
    """

    def __init__(self, type: dtype | None = None):
        type = get_default_dtype() if type is None else type
        if not (type.is_floating_point or type.is_complex):
            raise TypeError(
                "torch.finfo() requires a floating point input type. Use torch.iinfo to handle "
                f"'{type.name}'"
            )
        info = ml_dtypes.finfo(type.to_real().numpy)
        self.bits = int(info.bits)
        self.eps = float(info.eps)
        self.max = float(info.max)
        self.min = float(info.min)
        self.tiny = self.smallest_normal = float(info.smallest_normal)
        self.resolution = 10.0 ** -int(info.precision)
        self.dtype = type.to_real().name

    def __repr__(self) -> str:
        return (
            f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, "
            f"eps={self.eps:g}, smallest_normal={self.smallest_normal:g}, tiny={self.tiny:g}, "
            f"dtype={self.dtype})"
        )


class iinfo:
    """Limits of an integer dtype. Follows ``torch.iinfo``.

    Args:
        type: an integer dtype.

    Attributes:
        bits, max, min, dtype: as in PyTorch.
    """

    def __init__(self, type: dtype):
        if type.category != _INT:
            raise TypeError(
                "torch.iinfo() requires an integer input type. Use torch.finfo to handle "
                f"'{type.name}'"
            )
        info = np.iinfo(type.numpy)
        self.bits = int(info.bits)
        self.max = int(info.max)
        self.min = int(info.min)
        self.dtype = type.name

    def __repr__(self) -> str:
        return f"iinfo(min={self.min:g}, max={self.max:g}, dtype={self.dtype})"
