"""``jacrev``, ``jacfwd`` and ``hessian``: pullbacks and pushforwards of a whole basis."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from flambeau._tensor import tree
from flambeau._tensor.core import TensorBase, value_of
from flambeau._tensor.functions.creation import eye
from flambeau._tensor.transforms.forward import jvp
from flambeau._tensor.transforms.reverse import Argnums, check_argnums, chosen, vjp_at
from flambeau._tensor.transforms.vmap import vmap


def basis(tensors: list[Any]) -> list[Any]:
    """For each tensor the part that it has in a basis of all together: ``(n, *shape)``."""
    sizes = [t.numel() for t in tensors]
    total = sum(sizes)
    parts = []
    start = 0
    for t, n in zip(tensors, sizes, strict=True):
        whole = eye(total, dtype=t.dtype, device=t.device)
        parts.append(whole[:, start : start + n].reshape(total, *t.shape))
        start += n
    return parts


def split(rows: Any, tensors: list[Any]) -> list[Any]:
    """``(n, ...)`` as one tensor for each of those whose basis it is about, dimensions in front."""
    parts = []
    start = 0
    for t in tensors:
        n = t.numel()
        part = rows[start : start + n]
        parts.append(part.reshape(*t.shape, *part.shape[1:]))
        start += n
    return parts


def jacrev(
    func: Callable[..., Any],
    argnums: Argnums = 0,
    *,
    has_aux: bool = False,
    chunk_size: int | None = None,
    _preallocate_and_copy: bool = False,
) -> Callable[..., Any]:
    """A function that gives the Jacobian of ``func``, in reverse mode.

    For a result of shape O and an argument of shape I its Jacobian has shape O + I.

    Args:
        func: takes and gives tensors, or trees of them.
        argnums: which argument to differentiate with respect to; a tuple for several.
        has_aux: whether ``func`` returns ``(output, aux)``; the result is then
            ``(jacobian, aux)``.
        chunk_size: how many rows to compute at once; None for all.

    Example:
        >>> import flambeau as torch
        >>> torch.func.jacrev(torch.sin)(torch.zeros(2))
        tensor([[1., 0.],
                [0., 1.]])

    Follows ``torch.func.jacrev``.
    """
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError("jacrev: `chunk_size` should be greater than 0.")

    @functools.wraps(func, updated=())
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        check_argnums(argnums, len(args))
        out, back, aux = vjp_at(func, args, kwargs, argnums, has_aux)
        outs, shape = tree.flatten(out)
        seeds = basis(outs)
        found = vmap(lambda *cts: back(tree.unflatten(cts, shape)), chunk_size=chunk_size)(*seeds)
        leaves, spec = tree.flatten(found)
        columns = [split(g, outs) for g in leaves]
        rows = [tree.unflatten([column[k] for column in columns], spec) for k in range(len(outs))]
        jacobian = tree.unflatten(rows, shape)
        return (jacobian, aux) if has_aux else jacobian

    return wrapper


def jacfwd(
    func: Callable[..., Any],
    argnums: Argnums = 0,
    has_aux: bool = False,
    *,
    randomness: str = "error",
) -> Callable[..., Any]:
    """A function that gives the Jacobian of ``func``, in forward mode.

    Args:
        func: takes and gives tensors, or trees of them.
        argnums: which argument to differentiate with respect to; a tuple for several.
        has_aux: whether ``func`` returns ``(output, aux)``; the result is then
            ``(jacobian, aux)``.
        randomness: as for ``vmap``.

    Example:
        >>> import flambeau as torch
        >>> torch.func.jacfwd(lambda x: x * x)(torch.tensor([1.0, 2.0]))
        tensor([[2., 0.],
                [0., 4.]])

    Follows ``torch.func.jacfwd``.
    """

    @functools.wraps(func, updated=())
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        at = check_argnums(argnums, len(args))
        picked = chosen(args, argnums)
        points, spec = tree.flatten(picked)
        for x in points:
            if not isinstance(x, TensorBase):
                raise ValueError(
                    f"jacfwd: Thing passed to transform API must be Tensor, got {type(x)}"
                )
            if not value_of(x).aval.inexact:
                raise ValueError(
                    f"Expected primal to be floating point or complex, but got: {x.dtype}"
                )

        def along(*xs: Any) -> Any:
            given = tree.unflatten(xs, spec)
            full = list(args)
            for k, x in zip(at, (given,) if isinstance(argnums, int) else given, strict=True):
                full[k] = x
            return func(*full, **kwargs)

        def push(*tangents: Any) -> Any:
            found = jvp(along, tuple(points), tangents, has_aux=has_aux)
            return found[1:]

        pushed = vmap(push, out_dims=(0, None) if has_aux else 0, randomness=randomness)(
            *basis(points)
        )
        outs, shape = tree.flatten(pushed[0])
        rows = []
        for o in outs:
            parts = [
                p.movedim(tuple(range(x.dim())), tuple(range(p.dim() - x.dim(), p.dim())))
                if x.dim()
                else p
                for x, p in zip(points, split(o, points), strict=True)
            ]
            rows.append(tree.unflatten(parts, spec))
        jacobian = tree.unflatten(rows, shape)
        return (jacobian, pushed[1]) if has_aux else jacobian

    return wrapper


def hessian(func: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """A function that gives the Hessian of ``func``: forward mode over reverse mode.

    Example:
        >>> import flambeau as torch
        >>> torch.func.hessian(lambda x: (x**3).sum())(torch.tensor([1.0, 2.0]))
        tensor([[ 6.,  0.],
                [ 0., 12.]])

    Follows ``torch.func.hessian``.
    """
    return jacfwd(jacrev(func, argnums), argnums)
