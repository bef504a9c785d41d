"""Discrete Fourier transforms.

``norm`` is ``"backward"`` (the inverse divides by n; the default), ``"forward"`` or
``"ortho"``. Real input of an integer dtype becomes the default float dtype first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from flambeau._ops._dims import canonical_dim, canonical_dims
from flambeau._ops.registry import Array, DType, OptDims, op

_SWAPPED = {None: "forward", "backward": "forward", "forward": "backward", "ortho": "ortho"}


def _check(norm: str | None, sizes: Sequence[int | None]) -> None:
    if norm not in _SWAPPED:
        raise RuntimeError(f'Invalid normalization mode: "{norm}"')
    for size in sizes:
        if size is not None and size < 1:
            raise RuntimeError(f"Invalid number of data points ({size}) specified")


def _complex(input: Array) -> Array:
    return input if jnp.iscomplexobj(input) else input + 0j


def _need_dimensions(input: Array, dim: int) -> None:
    if input.ndim == 0:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")


def _one(
    run: Callable[..., Array], input: Array, n: int | None, dim: int, norm: str | None
) -> Array:
    _check(norm, (n,))
    _need_dimensions(input, dim)
    return run(input, n, canonical_dim(dim, input.ndim), norm)


def _real_only(name: str, input: Array) -> None:
    if jnp.iscomplexobj(input):
        raise RuntimeError(f"{name} expects a real input tensor, but got {input.dtype}")


@op(promote="float")
def fft(input: Array, n: int | None = None, dim: int = -1, norm: str | None = None) -> Array:
    """The transform of one dimension, cut or zero-padded to ``n``.

    Shape:
        ``(*, N, *)`` to ``(*, n, *)``.

    Dtypes:
        Any; the result is complex.

    Raises:
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.fft.fft(torch.tensor([1.0, 2.0, 3.0, 4.0]))
        tensor([10.+0.j, -2.+2.j, -2.+0.j, -2.-2.j])

    Follows ``torch.fft.fft``.
    """
    return _one(jnp.fft.fft, input, n, dim, norm)


@op(promote="float")
def ifft(input: Array, n: int | None = None, dim: int = -1, norm: str | None = None) -> Array:
    """The inverse transform of one dimension.

    Shape:
        ``(*, N, *)`` to ``(*, n, *)``.

    Dtypes:
        Any; the result is complex.

    Raises:
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.fft.ifft(torch.tensor([6.0 + 0j, 0j, 0j]))
        tensor([2.+0.j, 2.+0.j, 2.+0.j])

    Follows ``torch.fft.ifft``.
    """
    return _one(jnp.fft.ifft, input, n, dim, norm)


@op(promote="float")
def rfft(input: Array, n: int | None = None, dim: int = -1, norm: str | None = None) -> Array:
    """The transform of one dimension of a real tensor: its n // 2 + 1 first elements.

    Shape:
        ``(*, N, *)`` to ``(*, n // 2 + 1, *)``.

    Dtypes:
        Bool, integers and floating; the result is complex.

    Raises:
        RuntimeError: the tensors are complex.
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.fft.rfft(torch.tensor([1.0, 2.0, 3.0, 4.0]))
        tensor([10.+0.j, -2.+2.j, -2.+0.j])

    Follows ``torch.fft.rfft``.
    """
    _real_only("rfft", input)
    return _one(jnp.fft.rfft, input, n, dim, norm)


@op(promote="float")
def irfft(input: Array, n: int | None = None, dim: int = -1, norm: str | None = None) -> Array:
    """The real inverse of :func:`rfft`, of ``n`` elements (by default an even number).

    Shape:
        ``(*, K, *)`` to ``(*, n, *)``, n being ``2 * (K - 1)`` by default.

    Dtypes:
        Any; the result: the default dtype for bools and integers, real for complex numbers,
        else the input's.

    Raises:
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.fft.irfft(torch.tensor([4.0 + 0j, 0j, 0j]))
        tensor([1., 1., 1., 1.])

    Follows ``torch.fft.irfft``.
    """
    return _one(jnp.fft.irfft, _complex(input), n, dim, norm)


@op(promote="float")
def hfft(input: Array, n: int | None = None, dim: int = -1, norm: str | None = None) -> Array:
    """The real transform of one dimension that is Hermitian in time, given its first half.

    Shape:
        ``(*, K, *)`` to ``(*, n, *)``, n being ``2 * (K - 1)`` by default.

    Dtypes:
        Any; the result: the default dtype for bools and integers, real for complex numbers,
        else the input's.

    Raises:
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.fft.hfft(torch.tensor([1.0, 2.0, 3.0, 4.0]))
        tensor([15., -4.,  0., -1.,  0., -4.])

    Follows ``torch.fft.hfft``.
    """
    _need_dimensions(input, dim)
    _check(norm, (n,))
    axis = canonical_dim(dim, input.ndim)
    return jnp.fft.irfft(jnp.conj(_complex(input)), n, axis, _SWAPPED[norm])


@op(promote="float")
def ihfft(input: Array, n: int | None = None, dim: int = -1, norm: str | None = None) -> Array:
    """The inverse of :func:`hfft`: the first half of a Hermitian signal.

    Shape:
        ``(*, N, *)`` to ``(*, n // 2 + 1, *)``.

    Dtypes:
        Bool, integers and floating; the result is complex.

    Raises:
        RuntimeError: the tensors are complex.
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.fft.ihfft(torch.tensor([1.0, 2.0, 3.0, 4.0]))
        tensor([ 2.5000-0.0000j, -0.5000-0.5000j, -0.5000-0.0000j])

    Follows ``torch.fft.ihfft``.
    """
    _need_dimensions(input, dim)
    _real_only("ihfft", input)
    _check(norm, (n,))
    return jnp.conj(jnp.fft.rfft(input, n, canonical_dim(dim, input.ndim), _SWAPPED[norm]))


def _sizes_and_dims(
    input: Array, s: tuple[int, ...] | None, dim: tuple[int, ...] | None, norm: str | None
) -> tuple[list[int | None], tuple[int, ...]]:
    """One size (or None) and one canonical dimension for each transform."""
    if dim:
        _need_dimensions(input, dim[0])
    if dim is None:
        count = input.ndim if s is None else len(s)
        if count > input.ndim:
            raise RuntimeError(
                f"Got shape with {count} values but input tensor only has {input.ndim} dimensions."
            )
        axes = tuple(range(input.ndim - count, input.ndim))
    else:
        try:
            axes = canonical_dims(dim, input.ndim)
        except RuntimeError:
            raise RuntimeError("FFT dims must be unique") from None
        if s is not None and len(s) != len(axes):
            raise RuntimeError("When given, dim and shape arguments must have the same length")
    sizes: list[int | None] = (
        [None] * len(axes) if s is None else [None if n == -1 else n for n in s]
    )
    _check(norm, sizes)
    return sizes, axes


def _many(
    run: Callable[..., Array],
    input: Array,
    sizes: Sequence[int | None],
    axes: Sequence[int],
    norm: str | None,
) -> Array:
    # One dimension after the other: XLA's own transforms stop at three.
    for n, axis in zip(reversed(sizes), reversed(axes), strict=True):
        input = run(input, n, axis, norm)
    return input


def _fftn(input: Array, s: Any, dim: Any, norm: str | None) -> Array:
    sizes, axes = _sizes_and_dims(input, s, dim, norm)
    return _many(jnp.fft.fft, _complex(input), sizes, axes, norm)


def _ifftn(input: Array, s: Any, dim: Any, norm: str | None) -> Array:
    sizes, axes = _sizes_and_dims(input, s, dim, norm)
    return _many(jnp.fft.ifft, _complex(input), sizes, axes, norm)


def _rfftn(input: Array, s: Any, dim: Any, norm: str | None) -> Array:
    _real_only("rfftn", input)
    sizes, axes = _sizes_and_dims(input, s, dim, norm)
    if not axes:
        raise RuntimeError("rfftn must transform at least one axis")
    half = jnp.fft.rfft(input, sizes[-1], axes[-1], norm)
    return _many(jnp.fft.fft, half, sizes[:-1], axes[:-1], norm)


def _irfftn(input: Array, s: Any, dim: Any, norm: str | None) -> Array:
    sizes, axes = _sizes_and_dims(input, s, dim, norm)
    if not axes:
        raise RuntimeError("irfftn must transform at least one axis")
    full = _many(jnp.fft.ifft, _complex(input), sizes[:-1], axes[:-1], norm)
    return jnp.fft.irfft(full, sizes[-1], axes[-1], norm)


def _hfftn(input: Array, s: Any, dim: Any, norm: str | None) -> Array:
    _check(norm, ())
    return _irfftn(jnp.conj(_complex(input)), s, dim, _SWAPPED[norm])


def _ihfftn(input: Array, s: Any, dim: Any, norm: str | None) -> Array:
    _real_only("ihfftn", input)
    _check(norm, ())
    return jnp.conj(_rfftn(input, s, dim, _SWAPPED[norm]))


@op(promote="float")
def fft2(
    input: Array, s: OptDims = None, dim: OptDims = (-2, -1), norm: str | None = None
) -> Array:
    """The transform of two dimensions.

    Shape:
        ``(*)`` to the same with the sizes ``s``.

    Dtypes:
        Any; the result is complex.

    Raises:
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.fft.fft2(torch.ones(2, 2))
        tensor([[4.+0.j, 0.+0.j],
                [0.+0.j, 0.+0.j]])

    Follows ``torch.fft.fft2``.
    """
    return _fftn(input, s, dim, norm)


@op(promote="float")
def fftn(input: Array, s: OptDims = None, dim: OptDims = None, norm: str | None = None) -> Array:
    """The transform of several dimensions; all of them by default.

    Shape:
        ``(*)`` to the same with the sizes ``s``.

    Dtypes:
        Any; the result is complex.

    Raises:
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.fft.fftn(torch.ones(2, 2))
        tensor([[4.+0.j, 0.+0.j],
                [0.+0.j, 0.+0.j]])

    Follows ``torch.fft.fftn``.
    """
    return _fftn(input, s, dim, norm)


@op(promote="float")
def ifft2(
    input: Array, s: OptDims = None, dim: OptDims = (-2, -1), norm: str | None = None
) -> Array:
    """The inverse transform of two dimensions.

    Shape:
        ``(*)`` to the same with the sizes ``s``.

    Dtypes:
        Any; the result is complex.

    Raises:
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.fft.ifft2(torch.ones(2, 2))
        tensor([[1.+0.j, 0.+0.j],
                [0.+0.j, 0.+0.j]])

    Follows ``torch.fft.ifft2``.
    """
    return _ifftn(input, s, dim, norm)


@op(promote="float")
def ifftn(input: Array, s: OptDims = None, dim: OptDims = None, norm: str | None = None) -> Array:
    """The inverse transform of several dimensions; all of them by default.

    Shape:
        ``(*)`` to the same with the sizes ``s``.

    Dtypes:
        Any; the result is complex.

    Raises:
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.fft.ifftn(torch.ones(2, 2))
        tensor([[1.+0.j, 0.+0.j],
                [0.+0.j, 0.+0.j]])

    Follows ``torch.fft.ifftn``.
    """
    return _ifftn(input, s, dim, norm)


@op(promote="float")
def rfft2(
    input: Array, s: OptDims = None, dim: OptDims = (-2, -1), norm: str | None = None
) -> Array:
    """The half transform of a real tensor over two dimensions.

    Shape:
        ``(*)`` to the same with the sizes ``s``, the last one halved plus one.

    Dtypes:
        Bool, integers and floating; the result is complex.

    Raises:
        RuntimeError: the tensors are complex.
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.fft.rfft2(torch.ones(2, 2))
        tensor([[4.+0.j, 0.+0.j],
                [0.+0.j, 0.+0.j]])

    Follows ``torch.fft.rfft2``.
    """
    return _rfftn(input, s, dim, norm)


@op(promote="float")
def rfftn(input: Array, s: OptDims = None, dim: OptDims = None, norm: str | None = None) -> Array:
    """The half transform of a real tensor over several dimensions; all of them by default.

    Shape:
        ``(*)`` to the same with the sizes ``s``, the last one halved plus one.

    Dtypes:
        Bool, integers and floating; the result is complex.

    Raises:
        RuntimeError: the tensors are complex.
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.fft.rfftn(torch.ones(2, 2))
        tensor([[4.+0.j, 0.+0.j],
                [0.+0.j, 0.+0.j]])

    Follows ``torch.fft.rfftn``.
    """
    return _rfftn(input, s, dim, norm)


@op(promote="float")
def irfft2(
    input: Array, s: OptDims = None, dim: OptDims = (-2, -1), norm: str | None = None
) -> Array:
    """The real inverse of the half transform over two dimensions.

    Shape:
        ``(*)`` to the same with the sizes ``s``, by default the last one ``2 * (K - 1)``.

    Dtypes:
        Any; the result: the default dtype for bools and integers, real for complex numbers,
        else the input's.

    Raises:
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.fft.irfft2(torch.ones(2, 2, dtype=torch.complex64))
        tensor([[1., 0.],
                [0., 0.]])

    Follows ``torch.fft.irfft2``.
    """
    return _irfftn(input, s, dim, norm)


@op(promote="float")
def irfftn(input: Array, s: OptDims = None, dim: OptDims = None, norm: str | None = None) -> Array:
    """The real inverse of the half transform over several dimensions; all of them by default.

    Shape:
        ``(*)`` to the same with the sizes ``s``, by default the last one ``2 * (K - 1)``.

    Dtypes:
        Any; the result: the default dtype for bools and integers, real for complex numbers,
        else the input's.

    Raises:
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.fft.irfftn(torch.ones(2, 2, dtype=torch.complex64))
        tensor([[1., 0.],
                [0., 0.]])

    Follows ``torch.fft.irfftn``.
    """
    return _irfftn(input, s, dim, norm)


@op(promote="float")
def hfft2(
    input: Array, s: OptDims = None, dim: OptDims = (-2, -1), norm: str | None = None
) -> Array:
    """The real transform of a Hermitian signal over two dimensions.

    Shape:
        ``(*)`` to the same with the sizes ``s``, by default the last one ``2 * (K - 1)``.

    Dtypes:
        Any; the result: the default dtype for bools and integers, real for complex numbers,
        else the input's.

    Raises:
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.fft.hfft2(torch.ones(2, 2, dtype=torch.complex64))
        tensor([[4., 0.],
                [0., 0.]])

    Follows ``torch.fft.hfft2``.
    """
    return _hfftn(input, s, dim, norm)


@op(promote="float")
def hfftn(input: Array, s: OptDims = None, dim: OptDims = None, norm: str | None = None) -> Array:
    """The real transform of a Hermitian signal over several dimensions; all of them by default.

    Shape:
        ``(*)`` to the same with the sizes ``s``, by default the last one ``2 * (K - 1)``.

    Dtypes:
        Any; the result: the default dtype for bools and integers, real for complex numbers,
        else the input's.

    Raises:
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.fft.hfftn(torch.ones(2, 2, dtype=torch.complex64))
        tensor([[4., 0.],
                [0., 0.]])

    Follows ``torch.fft.hfftn``.
    """
    return _hfftn(input, s, dim, norm)


@op(promote="float")
def ihfft2(
    input: Array, s: OptDims = None, dim: OptDims = (-2, -1), norm: str | None = None
) -> Array:
    """The inverse of the Hermitian transform over two dimensions.

    Shape:
        ``(*)`` to the same with the sizes ``s``, the last one halved plus one.

    Dtypes:
        Bool, integers and floating; the result is complex.

    Raises:
        RuntimeError: the tensors are complex.
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.fft.ihfft2(torch.ones(2, 2)).real
        tensor([[1., 0.],
                [0., 0.]])

    Follows ``torch.fft.ihfft2``.
    """
    return _ihfftn(input, s, dim, norm)


@op(promote="float")
def ihfftn(input: Array, s: OptDims = None, dim: OptDims = None, norm: str | None = None) -> Array:
    """The inverse of the Hermitian transform over several dimensions; all of them by default.

    Shape:
        ``(*)`` to the same with the sizes ``s``, the last one halved plus one.

    Dtypes:
        Bool, integers and floating; the result is complex.

    Raises:
        RuntimeError: the tensors are complex.
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.fft.ihfftn(torch.ones(2, 2)).real
        tensor([[1., 0.],
                [0., 0.]])

    Follows ``torch.fft.ihfftn``.
    """
    return _ihfftn(input, s, dim, norm)


@op()
def fftshift(input: Array, dim: OptDims = None) -> Array:
    """The zero frequency moved to the middle of ``dim``.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Any; the result has the input's.

    Raises:
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.fft.fftshift(torch.tensor([1.0, 2.0, 3.0, 4.0]))
        tensor([3., 4., 1., 2.])

    Follows ``torch.fft.fftshift``.
    """
    return jnp.fft.fftshift(input, canonical_dims(dim, input.ndim))


@op()
def ifftshift(input: Array, dim: OptDims = None) -> Array:
    """The inverse of :func:`fftshift`.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Any; the result has the input's.

    Raises:
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.fft.ifftshift(torch.tensor([1.0, 2.0, 3.0, 4.0]))
        tensor([3., 4., 1., 2.])

    Follows ``torch.fft.ifftshift``.
    """
    return jnp.fft.ifftshift(input, canonical_dims(dim, input.ndim))


@op(differentiable=False)
def fftfreq(n: int, d: float = 1.0, *, dtype: DType) -> Array:
    """The frequencies of the elements of a transform of ``n`` samples ``d`` apart.

    Follows ``torch.fft.fftfreq``.
    """
    if n <= 0:
        raise RuntimeError(f"fftfreq: n must be positive, but got {n}")
    return jnp.asarray(np.fft.fftfreq(n, d).astype(dtype))


@op(differentiable=False)
def rfftfreq(n: int, d: float = 1.0, *, dtype: DType) -> Array:
    """The frequencies of the elements of a half transform of ``n`` samples ``d`` apart.

    Follows ``torch.fft.rfftfreq``.
    """
    if n <= 0:
        raise RuntimeError(f"rfftfreq: n must be positive, but got {n}")
    return jnp.asarray(np.fft.rfftfreq(n, d).astype(dtype))
