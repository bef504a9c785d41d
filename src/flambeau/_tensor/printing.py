"""How a tensor is written: PyTorch's text, to the letter, from a NumPy array.

The layout is decided in three steps: the elements that will be shown are chosen (all of
them, or the corners of a large array), one :class:`_Style` is fitted to them (how many
digits, scientific or not, how wide), and the rows are laid out and followed by what the
reader cannot see from the numbers (device, size, dtype, gradient).
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

_PROFILES: dict[str, dict[str, Any]] = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
    "full": {"precision": 4, "threshold": math.inf, "edgeitems": 3, "linewidth": 80},
}
_PREFIX = "tensor("
_ELLIPSIS = " ..."
_IMPLIED_DTYPES = frozenset({"int64", "bool"})
_COMPLEX_OF = {"float16": "complex32", "float32": "complex64", "float64": "complex128"}


@dataclasses.dataclass
class PrintOptions:
    """What :func:`set_printoptions` sets."""

    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


PRINT_OPTS = PrintOptions()


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set how tensors are printed.

    Args:
        precision: digits after the point.
        threshold: number of elements above which only the edges are shown.
        edgeitems: how many elements the edges show, at each end of each dimension.
        linewidth: characters to a line.
        profile: ``"default"``, ``"short"`` or ``"full"``; the other arguments override it.
        sci_mode: True or False forces or forbids scientific notation; None (also when it
            is left out) lets the values decide.

    Raises:
        ValueError: the profile is unknown.

    Example:
        >>> import flambeau as torch
        >>> torch.set_printoptions(precision=2)
        >>> torch.tensor([1.12345])
        tensor([1.12])
        >>> torch.set_printoptions(profile="default")

    Follows ``torch.set_printoptions``.
    """
    if profile is not None:
        if profile not in _PROFILES:
            raise ValueError(
                f"set_printoptions: profile is {profile!r} but must be one of {sorted(_PROFILES)}"
            )
        for name, value in _PROFILES[profile].items():
            setattr(PRINT_OPTS, name, value)
    given = {
        "precision": precision,
        "threshold": threshold,
        "edgeitems": edgeitems,
        "linewidth": linewidth,
    }
    for name, value in given.items():
        if value is not None:
            setattr(PRINT_OPTS, name, value)
    PRINT_OPTS.sci_mode = sci_mode


def get_printoptions() -> dict[str, Any]:
    """The options in force, as a dict that :func:`set_printoptions` takes back.

    Follows ``torch._tensor_str.get_printoptions``.
    """
    return dataclasses.asdict(PRINT_OPTS)


@contextlib.contextmanager
def printoptions(**options: Any) -> Iterator[None]:
    """Set print options for the length of a ``with`` block.

    Follows ``torch._tensor_str.printoptions``.
    """
    before = get_printoptions()
    set_printoptions(**options)
    try:
        yield
    finally:
        set_printoptions(**before)


class _Style:
    """How the real elements of one tensor are written: fitted to all that are shown."""

    def __init__(self, values: np.ndarray, options: PrintOptions):
        self.width = 1
        if values.dtype == np.bool_ or np.issubdtype(values.dtype, np.integer):
            self._write: Callable[[Any], str] = str
            self.width = max(self.width, max((len(str(v)) for v in values.tolist()), default=0))
            return
        # Zeros and non-finite values neither choose the notation nor set the width.
        values = values.astype(np.float64)
        telling = values[np.isfinite(values) & (values != 0)]
        whole = bool(np.all(telling == np.ceil(telling)))
        scientific = options.sci_mode
        if scientific is None or telling.size == 0:
            scientific = _spread_is_wide(np.abs(telling), whole)
        precision = options.precision
        if scientific:
            self._write = f"{{:.{precision}e}}".format
        elif whole:
            self._write = _write_whole
        else:
            self._write = f"{{:.{precision}f}}".format
        self.width = max(
            self.width, max((len(self._write(v)) for v in telling.tolist()), default=0)
        )

    def __call__(self, value: Any) -> str:
        return self._write(value).rjust(self.width)


def _spread_is_wide(magnitudes: np.ndarray, whole: bool) -> bool:
    if magnitudes.size == 0:
        return False
    low, high = float(magnitudes.min()), float(magnitudes.max())
    return high > 1000 * low or high > 1e8 or (not whole and low < 1e-4)


def _write_whole(value: float) -> str:
    return f"{value:.0f}." if math.isfinite(value) else str(value)


class _ComplexStyle:
    """The real and the imaginary parts each get a style; the latter is not padded."""

    def __init__(self, values: np.ndarray, options: PrintOptions):
        self._real = _Style(values.real, options)
        self._imag = _Style(values.imag, options)
        self.width = self._real.width + self._imag.width + 1

    def __call__(self, value: complex) -> str:
        imag = self._imag(value.imag).lstrip()
        sign = "" if imag.startswith("-") else "+"
        return f"{self._real(value.real)}{sign}{imag}j"


def _shown_elements(array: np.ndarray, edge: int) -> np.ndarray:
    """The corners of ``array``: ``edge`` elements at both ends of every long dimension."""
    for axis, length in enumerate(array.shape):
        if length > 2 * edge:
            kept = np.r_[0:edge, length - edge : length]
            array = np.take(array, kept, axis=axis)
    return array


def _lay_out(
    array: np.ndarray,
    shape: Sequence[int],
    write: _Style | _ComplexStyle,
    indent: int,
    options: PrintOptions,
    summarize: bool,
) -> str:
    """Brackets around the rows of ``array``, which is already cut down to what is shown;
    ``shape`` tells which dimensions were cut.
    """
    edge = options.edgeitems
    if summarize and edge == 0:
        return "[...]"
    cut = summarize and shape[0] > 2 * edge
    if array.ndim == 1:
        cells = [write(v) for v in array.tolist()]
        if cut:
            cells[edge:edge] = [_ELLIPSIS]
        # Each cell costs its width and ", ".
        per_line = max(1, (options.linewidth - indent) // (write.width + 2))
        lines = [", ".join(cells[i : i + per_line]) for i in range(0, len(cells), per_line)]
        separator = ",\n" + " " * (indent + 1)
    else:
        lines = [_lay_out(part, shape[1:], write, indent + 1, options, summarize) for part in array]
        if cut:
            lines[edge:edge] = ["..."]
        separator = "," + "\n" * (array.ndim - 1) + " " * (indent + 1)
    return f"[{separator.join(lines)}]"


def _append(text: str, notes: list[str], linewidth: int, indent: int) -> str:
    """Close the bracket after the notes, each on a new line when it would run over."""
    used = len(text) - (text.rfind("\n") + 1) + 2
    for note in notes:
        if used + len(note) + 2 > linewidth:
            text += ",\n" + " " * indent + note
            used = indent + len(note)
        else:
            text += ", " + note
            used += len(note) + 2
    return text + ")"


def format_tensor(
    array: np.ndarray | None,
    *,
    shape: Sequence[int] | None = None,
    dtype: np.dtype | None = None,
    default_dtype: np.dtype | str = "float32",
    device: str = "cpu",
    requires_grad: bool = False,
    grad_fn: str | None = None,
    is_parameter: bool = False,
    options: PrintOptions | None = None,
) -> str:
    """The repr of a tensor.

    Args:
        array: its values (bfloat16 as ``ml_dtypes`` has it); None for a tensor without
            values, on device ``meta``.
        shape: its shape; the array's by default.
        dtype: its dtype; the array's by default.
        default_dtype: the float dtype that goes without saying.
        device: its device as PyTorch writes it; ``cpu`` goes without saying.
        requires_grad: whether it is a leaf that requires grad.
        grad_fn: the name of the node that made it, such as ``AddBackward0``.
        is_parameter: whether ``Parameter containing:`` stands above.
        options: the print options; those of :func:`set_printoptions` by default.

    Example:
        >>> import numpy as np
        >>> print(format_tensor(np.float32([[1, 2.5]]), requires_grad=True))
        tensor([[1.0000, 2.5000]], requires_grad=True)
    """
    options = PRINT_OPTS if options is None else options
    if array is not None:
        shape = array.shape if shape is None else shape
        dtype = array.dtype if dtype is None else dtype
    if shape is None or dtype is None:
        raise ValueError("format_tensor: without an array, shape= and dtype= are needed")
    name = np.dtype(dtype).name
    default = np.dtype(default_dtype).name
    usual = name in _IMPLIED_DTYPES or name in (default, _COMPLEX_OF.get(default))
    size = "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"
    indent = len(_PREFIX)

    notes: list[str] = []
    if device != "cpu":
        notes.append(f"device='{device}'")
    if array is None:
        notes.append(f"size={size}")
        if name != default:
            notes.append(f"dtype=torch.{name}")
        body = "..."
    elif array.size == 0:
        if len(shape) != 1:
            notes.append(f"size={size}")
        # An empty list says nothing of the dtype, so int64 and bool are told as well.
        if name != default:
            notes.append(f"dtype=torch.{name}")
        body = "[]"
    else:
        if options.edgeitems == 0:
            notes.append(f"size={size}")
        if not usual:
            notes.append(f"dtype=torch.{name}")
        body = _write_values(array, indent, options)
    if grad_fn is not None:
        notes.append(f"grad_fn=<{grad_fn}>")
    elif requires_grad:
        notes.append("requires_grad=True")
    text = _append(_PREFIX + body, notes, options.linewidth, indent)
    return f"Parameter containing:\n{text}" if is_parameter else text


def _write_values(array: np.ndarray, indent: int, options: PrintOptions) -> str:
    summarize = array.size > options.threshold
    shown = _shown_elements(array, options.edgeitems) if summarize else array
    is_complex = np.issubdtype(shown.dtype, np.complexfloating)
    if not is_complex and shown.dtype.kind not in "biu":
        shown = shown.astype(np.float64)
    style = (_ComplexStyle if is_complex else _Style)(shown.reshape(-1), options)
    if array.ndim == 0:
        return style(shown.item())
    return _lay_out(shown, array.shape, style, indent, options, summarize)
