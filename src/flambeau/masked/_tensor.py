"""A tensor some of whose elements are left out."""

from __future__ import annotations

from typing import Any

from flambeau._tensor import dtypes
from flambeau._tensor.core import TensorBase
from flambeau._tensor.functions import indexing

__all__ = ["MaskedTensor", "as_masked_tensor", "is_masked_tensor", "masked_tensor"]

_UNARY = frozenset(
    [
        "abs",
        "absolute",
        "acos",
        "acosh",
        "angle",
        "asin",
        "asinh",
        "atan",
        "atanh",
        "ceil",
        "conj_physical",
        "cos",
        "cosh",
        "deg2rad",
        "digamma",
        "erf",
        "erfc",
        "erfinv",
        "exp",
        "exp2",
        "expm1",
        "floor",
        "frac",
        "lgamma",
        "log",
        "log10",
        "log1p",
        "log2",
        "logit",
        "i0",
        "isnan",
        "nan_to_num",
        "neg",
        "negative",
        "positive",
        "pow",
        "rad2deg",
        "reciprocal",
        "relu",
        "round",
        "rsqrt",
        "sigmoid",
        "sign",
        "sgn",
        "signbit",
        "sin",
        "sinc",
        "sinh",
        "sqrt",
        "square",
        "tan",
        "tanh",
        "trunc",
        "clamp",
        "float",
        "double",
        "half",
        "bfloat16",
    ]
)
_BINARY = frozenset(
    [
        "add",
        "sub",
        "mul",
        "div",
        "divide",
        "floor_divide",
        "fmod",
        "logaddexp",
        "logaddexp2",
        "multiply",
        "nextafter",
        "remainder",
        "subtract",
        "true_divide",
        "eq",
        "ne",
        "le",
        "ge",
        "greater",
        "greater_equal",
        "gt",
        "less_equal",
        "lt",
        "less",
        "maximum",
        "minimum",
        "fmax",
        "fmin",
        "not_equal",
        "atan2",
        "arctan2",
        "bitwise_and",
        "bitwise_or",
        "bitwise_xor",
    ]
)
_REDUCTIONS = frozenset(["sum", "mean", "prod", "amax", "amin", "argmax", "argmin", "var", "std"])
_SHAPES = frozenset(
    [
        "reshape",
        "view",
        "transpose",
        "permute",
        "t",
        "unsqueeze",
        "squeeze",
        "expand",
        "contiguous",
        "clone",
        "detach",
        "flatten",
        "select",
        "narrow",
        "to",
        "cpu",
        "cuda",
    ]
)
_MOVES_MASK = _SHAPES - {"to", "cpu", "cuda"}


class MaskedTensor:
    """Data and a mask of the same shape; True keeps an element.

    Elementwise operations keep the mask (two operands need the same one), reductions leave the
    other elements out.

    Raises:
        TypeError: data or mask are not tensors, or the mask is not bool.
        ValueError: their shapes differ.

    Example:
        >>> import flambeau as torch
        >>> keep = torch.tensor([True, False, True])
        >>> x = torch.masked.masked_tensor(torch.tensor([1.0, 2.0, 3.0]), keep)
        >>> x + x
        MaskedTensor(
          [  2.0000,       --,   6.0000]
        )
        >>> x.sum().get_data()
        tensor(4.)

    Follows ``torch.masked.MaskedTensor``.
    """

    def __init__(self, data: Any, mask: Any, requires_grad: bool = False) -> None:
        for name, value in (("data", data), ("mask", mask)):
            if not isinstance(value, TensorBase):
                raise TypeError(f"{name} must be a Tensor, but it is {type(value).__name__}")
        if mask.dtype is not dtypes.bool_:
            raise TypeError(f"mask must be a bool tensor, but it is {mask.dtype}")
        if data.shape != mask.shape:
            raise ValueError(
                "data.shape and mask.shape must match. Got data.shape = "
                f"{data.shape} and mask.shape = {mask.shape}"
            )
        self._data = data.detach().clone().requires_grad_(requires_grad)
        self._mask = mask.detach().clone()

    @classmethod
    def _of(cls, data: Any, mask: Any) -> MaskedTensor:
        """Without copies, and with the history of the data."""
        made = cls.__new__(cls)
        made._data, made._mask = data, mask
        return made

    def get_data(self) -> Any:
        """All elements, those that are left out as well."""
        return self._data

    def get_mask(self) -> Any:
        """The mask."""
        return self._mask

    def to_tensor(self, value: Any) -> Any:
        """A tensor with `value` where elements are left out."""
        return indexing.where(self._mask, self._data, value)

    shape = property(lambda self: self._data.shape)
    dtype = property(lambda self: self._data.dtype)
    device = property(lambda self: self._data.device)
    ndim = property(lambda self: self._data.ndim)
    layout = property(lambda self: self._data.layout)
    requires_grad = property(lambda self: self._data.requires_grad)
    is_sparse = False

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the size of one dimension."""
        return self._data.size(dim)

    def dim(self) -> int:
        """The number of dimensions."""
        return self._data.ndim

    def numel(self) -> int:
        """The number of elements."""
        return self._data.numel()

    def requires_grad_(self, requires_grad: bool = True) -> MaskedTensor:
        """Compute gradients for the data; returns itself."""
        self._data.requires_grad_(requires_grad)
        return self

    @property
    def grad(self) -> Any:
        """The gradient, masked likewise."""
        grad = self._data.grad
        return None if grad is None else MaskedTensor._of(grad, self._mask)

    def backward(self, gradient: Any = None, **options: Any) -> None:
        """Add the gradients to the leaves."""
        if isinstance(gradient, MaskedTensor):
            gradient = gradient.to_tensor(0)
        self._data.backward(gradient, **options)

    def item(self) -> Any:
        """The one element, None if it is left out."""
        return self._data.item() if bool(self._mask) else None

    def tolist(self) -> Any:
        """Nested lists, with None for what is left out."""
        return _listed(self._data.tolist(), self._mask.tolist())

    def where(self, condition: Any, other: Any) -> MaskedTensor:
        """Elements of this tensor where `condition` holds, of the other elsewhere."""
        data = indexing.where(condition, self._data, other.get_data())
        return MaskedTensor._of(data, indexing.where(condition, self._mask, other.get_mask()))

    def __getattr__(self, name: str) -> Any:
        if name in _UNARY:
            return lambda *a, **k: MaskedTensor._of(getattr(self._data, name)(*a, **k), self._mask)
        if name in _BINARY:
            return lambda other, **k: self._with(name, other, **k)
        if name in _REDUCTIONS:
            from flambeau.masked import _reductions

            return lambda *a, **k: getattr(_reductions, name)(self, *a, **k)
        if name in _SHAPES:
            return lambda *a, **k: MaskedTensor._of(
                getattr(self._data, name)(*a, **k),
                getattr(self._mask, name)(*a, **k) if name in _MOVES_MASK else self._mask,
            )
        raise AttributeError(
            f"MaskedTensor has no operation {name!r}; use .get_data() or .to_tensor()"
        )

    def _with(self, name: str, other: Any, **options: Any) -> MaskedTensor:
        if isinstance(other, MaskedTensor):
            if self._mask is not other._mask and not bool((self._mask == other._mask).all()):
                raise ValueError(
                    f"{name}: Input masks must match; mask both tensors alike, or use to_tensor()"
                )
            other = other._data
        return MaskedTensor._of(getattr(self._data, name)(other, **options), self._mask)

    def __getitem__(self, index: Any) -> MaskedTensor:
        return MaskedTensor._of(self._data[index], self._mask[index])

    def __len__(self) -> int:
        return len(self._data)

    def __neg__(self) -> MaskedTensor:
        return self.neg()

    def __repr__(self) -> str:
        text = _drawn(self._data.tolist(), self._mask.tolist(), 2, self.dtype.is_floating_point)
        if self._data.ndim == 0:
            return f"MaskedTensor({text.strip(chr(10))}, {bool(self._mask)})"
        return f"MaskedTensor(\n{text}\n)"


def _operator(name: str, swapped: bool = False) -> Any:
    def call(self: MaskedTensor, other: Any) -> Any:
        if swapped and not isinstance(other, MaskedTensor):
            if name in ("add", "mul"):
                return self._with(name, other)
            data = other - self._data if name == "sub" else other / self._data
            return MaskedTensor._of(data, self._mask)
        return self._with(name, other)

    return call


for _symbol, _name in {
    "add": "add", "sub": "sub", "mul": "mul", "truediv": "div", "floordiv": "floor_divide",
    "mod": "remainder", "eq": "eq", "ne": "ne", "lt": "lt", "le": "le", "gt": "gt", "ge": "ge",
    "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor",
}.items():  # fmt: skip
    setattr(MaskedTensor, f"__{_symbol}__", _operator(_name))
for _symbol in ("add", "sub", "mul", "truediv"):
    _name = "div" if _symbol == "truediv" else _symbol
    setattr(MaskedTensor, f"__r{_symbol}__", _operator(_name, True))
MaskedTensor.__pow__ = lambda self, exponent: self.pow(exponent)
MaskedTensor.__hash__ = object.__hash__


def _listed(data: Any, mask: Any) -> Any:
    if isinstance(data, list):
        return [_listed(d, m) for d, m in zip(data, mask, strict=True)]
    return data if mask else None


def _number(data: Any, keep: bool, floating: bool) -> str:
    text = (f"{data:.4f}" if floating else str(data)) if keep else "--"
    return f"{text:>8}" if floating or not keep else f"{text}"


def _drawn(data: Any, mask: Any, pad: int, floating: bool) -> str:
    if not isinstance(data, list):
        return _number(data, mask, floating)
    if not data or not isinstance(data[0], list):
        cells = ", ".join(_number(d, m, floating) for d, m in zip(data, mask, strict=True))
        return f"{' ' * pad}[{cells}]"
    rows = ",\n".join(_drawn(d, m, pad + 2, floating) for d, m in zip(data, mask, strict=True))
    return f"{' ' * pad}[\n{rows}\n{' ' * pad}]"


def masked_tensor(data: Any, mask: Any, requires_grad: bool = False) -> MaskedTensor:
    """A masked tensor of copies of data and mask, without history.

    Follows ``torch.masked.masked_tensor``.
    """
    return MaskedTensor(data, mask, requires_grad)


def as_masked_tensor(data: Any, mask: Any) -> MaskedTensor:
    """A masked tensor over data, whose history it keeps. Follows ``torch.masked``."""
    MaskedTensor(data, mask)  # the checks
    return MaskedTensor._of(data, mask)


def is_masked_tensor(obj: Any, /) -> bool:
    """Whether an object is a masked tensor. Follows ``torch.masked.is_masked_tensor``."""
    return isinstance(obj, MaskedTensor)
