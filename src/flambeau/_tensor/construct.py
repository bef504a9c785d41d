"""Tensors from data: Python numbers and lists, NumPy arrays, JAX arrays, DLPack."""

from __future__ import annotations

from typing import Any

import numpy as np

from flambeau._autograd import levels
from flambeau._engine.aval import aval_of
from flambeau._engine.device import Place, place_of
from flambeau._engine.recorder import read
from flambeau._engine.value import Value
from flambeau._tensor import dtypes
from flambeau._tensor.core import TensorBase, value_of, wrap
from flambeau._tensor.device import place_for
from flambeau._tensor.dispatch import transfer


def constant(array: np.ndarray, place: Place) -> Value:
    """A Value over a NumPy array that nobody else will write to."""
    aval = aval_of(array.shape, array.dtype, place)
    return levels.born(Value(aval, None if place.is_meta else array))


def from_data(data: Any, dtype: Any = None, device: Any = None) -> Any:
    """A new tensor that copies ``data``: what ``torch.tensor`` does.

    Args:
        data: a number, nested sequences of numbers or zero-dimensional tensors, a NumPy
            array, a tensor.
        dtype: a dtype; inferred from the data if None.
        device: where to put it; the default device if None.

    Raises:
        TypeError: the data holds something else.
        ValueError: nested sequences of different lengths.
    """
    want = None if dtype is None else dtypes.as_dtype(dtype).numpy
    if isinstance(data, TensorBase):
        value = value_of(data)
        place = value.aval.device if device is None else place_for(device)
        out = wrap(transfer(value, place))
        return out if want is None or want == value.aval.dtype else out.to(dtype)
    place = place_for(device)
    if isinstance(data, (np.ndarray, np.generic)):
        array = np.array(data)
        array = array if want is None else _as(array, want)
        dtypes.from_numpy_dtype(array.dtype)
        return wrap(constant(array, place))
    if hasattr(data, "__jax_array__") or type(data).__module__.startswith("jax"):
        array = np.array(data)
        return wrap(constant(array if want is None else _as(array, want), place))
    if not isinstance(data, (list, tuple)) and hasattr(data, "__array__"):
        return from_data(np.asarray(data), dtype, device)
    return wrap(constant(_nested(data, want), place))


def _as(array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    if array.dtype.kind == "c" and dtype.kind != "c":
        array = array.real
    if dtype == np.bool_:
        return array.astype(np.bool_)
    with np.errstate(all="ignore"):
        return array.astype(dtype)


_PYTHON_NUMBERS = frozenset({bool, int, float, complex})


def _nested(data: Any, want: np.dtype | None) -> np.ndarray:
    """Numbers, or sequences of them, as an array of PyTorch's inferred dtype."""
    kinds: set[Any] = set()
    plain = _plain(data, kinds, inside=False)
    kind = _promoted(kinds) if want is None else want
    try:
        array = np.array(plain)
    except ValueError:
        message = _ragged(plain)
        if message:
            raise ValueError(message) from None
        raise TypeError("not a sequence: numbers and sequences are mixed") from None
    if array.dtype == object or (array.dtype == np.uint64 and kind != np.uint64):
        # Python integers beyond int64.
        if kind.kind in "iu":
            raise ValueError(
                f"Overflow when unpacking long long: a number does not fit {kind.name}"
            )
        array = np.array(plain, dtype=np.complex128 if kind.kind == "c" else np.float64)
    if want is not None and kinds <= _PYTHON_NUMBERS:
        _check_fits(array, want)
    return array.astype(kind) if array.size == 0 else _as(array, kind)


def _promoted(kinds: set[Any]) -> np.dtype:
    """The dtype of elements of these Python types and NumPy dtypes together."""
    result: dtypes.dtype | None = None
    for kind in kinds:
        if isinstance(kind, np.dtype):
            each = dtypes.from_numpy_dtype(kind)
        else:
            each = dtypes.scalar_dtype(kind)
        result = each if result is None else dtypes.promote_types(result, each)
    return (result or dtypes.get_default_dtype()).numpy


def _check_fits(array: np.ndarray, want: np.dtype) -> None:
    if array.dtype.kind == "c" and want.kind != "c" and array.size:
        wanted = "must be real number, not complex"
        if want.kind in "iu":
            wanted = "'complex' object cannot be interpreted as an integer"
        raise TypeError(wanted)
    if want.kind not in "iu" or array.size == 0 or array.dtype.kind == "b":
        return
    info = np.iinfo(want)
    # Negative numbers wrap around in unsigned types, as in C.
    low = info.min if want.kind == "i" else -int(info.max)
    if array.dtype.kind == "f":
        fits = bool(np.all((array > float(low) - 1) & (array < float(info.max) + 1)))
    else:
        fits = low <= int(array.min()) and int(array.max()) <= info.max
    if not fits:
        raise RuntimeError(f"value cannot be converted to type {want.name} without overflow")


def _plain(data: Any, kinds: set[Any], inside: bool = True) -> Any:
    """Python numbers and lists of them; ``kinds`` gathers the types and dtypes met."""
    if isinstance(data, (list, tuple, range)):
        types = set(map(type, data))
        if types <= _PYTHON_NUMBERS:
            kinds |= types
            return list(data)
        return [_plain(d, kinds) for d in data]
    if isinstance(data, TensorBase):
        data = np.asarray(read(value_of(data)))
        if inside and data.size != 1:
            raise ValueError(
                "only one element tensors can be converted to Python scalars; "
                "flambeau.stack joins tensors of other shapes"
            )
        data = data.reshape(())
    elif not isinstance(data, (np.ndarray, np.generic)) and hasattr(data, "__array__"):
        data = np.asarray(data)
    if isinstance(data, (np.ndarray, np.generic)):
        kinds.add(dtypes.from_numpy_dtype(data.dtype).numpy)
        return (data.astype(np.float64) if data.dtype.kind == "V" else data).tolist()
    for number in (bool, int, float, complex):
        if isinstance(data, number):
            kinds.add(number)
            return data
    if isinstance(data, str):
        raise TypeError("new(): invalid data type 'str'")
    raise RuntimeError(f"Could not infer dtype of {type(data).__name__}")


def _ragged(data: Any) -> str:
    """Where nested sequences differ in length from the first ones, in PyTorch's words."""
    lengths = []
    first = data
    while isinstance(first, list):
        lengths.append(len(first))
        first = first[0] if first else None
    level = [data]
    for dim, length in enumerate(lengths):
        for part in level:
            if isinstance(part, list) and len(part) != length:
                return f"expected sequence of length {length} at dim {dim} (got {len(part)})"
        level = [item for part in level if isinstance(part, list) for item in part]
    return ""


def from_numpy(ndarray: np.ndarray) -> Any:
    """A tensor with the content of a NumPy array.

    The array is copied: JAX's arrays are immutable, so memory is not shared as in PyTorch.

    Shape:
        That of the array.

    Raises:
        TypeError: it is no array, or of a dtype that no tensor has.

    Example:
        >>> import flambeau as torch, numpy as np
        >>> torch.from_numpy(np.arange(3))
        tensor([0, 1, 2])

    Follows ``torch.from_numpy``.
    """
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})")
    dtypes.from_numpy_dtype(ndarray.dtype)
    native = ndarray.astype(ndarray.dtype.newbyteorder("="), copy=True)
    return wrap(constant(native, place_for("cpu")))


def from_jax(array: Any) -> Any:
    """A tensor over a JAX array, without a copy. The array is never donated.

    Args:
        array: an array on one device.

    Shape:
        That of the array.

    Raises:
        TypeError: what is given is no JAX array.

    Example:
        >>> import flambeau, jax.numpy as jnp
        >>> flambeau.from_jax(jnp.ones(2))
        tensor([1., 1.])
    """
    import jax

    if not isinstance(array, jax.Array):
        raise TypeError(f"from_jax: expected a jax.Array, got {type(array).__name__}")
    if array.aval.weak_type:
        with jax.enable_x64(True):
            array = jax.lax.convert_element_type(array, array.dtype)
    value = Value(aval_of(array.shape, np.dtype(array.dtype), place_of(array)), array)
    value.pinned = True
    return wrap(value)


def to_jax(t: Any) -> Any:
    """The JAX array of a tensor, without a copy; it stays valid whatever happens to the tensor."""
    value = value_of(t)
    array = read(value)
    value.pinned = True
    return array


def from_dlpack(ext_tensor: Any) -> Any:
    """A tensor over what another library exports by DLPack, without a copy where possible.

    Shape:
        That of the data.

    Dtypes:
        The data's.

    Raises:
        TypeError: what is given does not speak the protocol.

    Example:
        >>> import flambeau as torch
        >>> torch.from_dlpack(torch.tensor([1, 2]))
        tensor([1, 2])

    Follows ``torch.from_dlpack``.
    """
    import jax

    if isinstance(ext_tensor, TensorBase):
        return wrap(value_of(ext_tensor))
    with jax.enable_x64(True):
        return from_jax(jax.dlpack.from_dlpack(ext_tensor))
