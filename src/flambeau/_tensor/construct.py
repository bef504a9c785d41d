"""Tensors from data: Python numbers and lists, NumPy arrays, JAX arrays, DLPack."""

from __future__ import annotations

from typing import Any

import numpy as np

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
    return Value(aval, None if place.is_meta else array)


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


def _nested(data: Any, want: np.dtype | None) -> np.ndarray:
    """Numbers, or sequences of them, as an array of PyTorch's inferred dtype."""
    if isinstance(data, str):
        raise TypeError("new(): invalid data type 'str'")
    plain = _plain(data)
    try:
        array = np.array(plain)
    except ValueError:
        raise ValueError(_ragged(plain)) from None
    if array.dtype == object:
        array = _objects(plain, want)
    if array.size == 0 and array.dtype == np.float64:
        return array.astype(want or dtypes.get_default_dtype().numpy)
    kind = array.dtype.kind
    if kind not in "biufc":
        raise TypeError(f"new(): invalid data type '{type(_first(plain)).__name__}'")
    if want is not None:
        return _as(array, want)
    if kind == "f":
        return array.astype(dtypes.get_default_dtype().numpy)
    if kind == "c":
        return array.astype(dtypes.get_default_dtype().to_complex().numpy)
    return array if kind == "b" else array.astype(np.int64)


def _objects(plain: Any, want: np.dtype | None) -> np.ndarray:
    first = _first(plain)
    if first is None or not isinstance(first, (bool, int, float, complex)):
        name = "NoneType" if first is None else type(first).__name__
        raise (
            RuntimeError("Could not infer dtype of NoneType")
            if first is None
            else TypeError(f"new(): invalid data type '{name}'")
        )
    raise RuntimeError("Overflow when unpacking long: a number does not fit int64")


def _plain(data: Any) -> Any:
    """Tensors inside sequences become numbers."""
    if isinstance(data, TensorBase):
        return np.asarray(read(value_of(data))).tolist()
    if isinstance(data, (list, tuple, range)):
        return [_plain(d) for d in data]
    if isinstance(data, np.ndarray):
        return data.tolist()
    return data


def _first(data: Any) -> Any:
    while isinstance(data, list):
        if not data:
            return None
        data = data[0]
    return data


def _ragged(data: Any, depth: int = 0) -> str:
    """Where nested sequences differ in length, in PyTorch's words."""
    if isinstance(data, list) and data:
        lengths = [len(d) if isinstance(d, list) else None for d in data]
        for n in lengths:
            if n != lengths[0]:
                if n is None or lengths[0] is None:
                    return f"expected sequences of numbers at dim {depth + 1}, got a mixture"
                return f"expected sequence of length {lengths[0]} at dim {depth + 1} (got {n})"
        for d in data:
            found = _ragged(d, depth + 1)
            if found:
                return found
    return ""


def from_numpy(ndarray: np.ndarray) -> Any:
    """A tensor with the content of a NumPy array.

    The array is copied: JAX's arrays are immutable, so memory is not shared as in PyTorch.

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

    Follows ``torch.from_dlpack``.
    """
    import jax

    if isinstance(ext_tensor, TensorBase):
        return wrap(value_of(ext_tensor))
    with jax.enable_x64(True):
        return from_jax(jax.dlpack.from_dlpack(ext_tensor))
