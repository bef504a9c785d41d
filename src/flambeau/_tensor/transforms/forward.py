"""``jvp`` and ``linearize``: derivatives along a direction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flambeau._autograd.levels import Forward, Held
from flambeau._tensor import tree
from flambeau._tensor.core import TensorBase, value_of, wrap
from flambeau._tensor.gradients import zeros_like
from flambeau._tensor.transforms.content import held, outside, tracked
from flambeau._tensor.transforms.reverse import tensors_only, vjp_at


def check_tangent(primal: Any, tangent: Any) -> None:
    """Refuse a tangent that does not fit.

    Raises:
        ValueError: the primal or the tangent is not floating point or complex.
        RuntimeError: the shapes differ.
    """
    for what, t in (("primal", primal), ("tangent", tangent)):
        if not value_of(t).aval.inexact:
            raise ValueError(f"Expected {what} to be floating point or complex, but got: {t.dtype}")
    a, b = value_of(primal).aval.shape, value_of(tangent).aval.shape
    if a != b:
        raise RuntimeError(
            "Trying to set a forward gradient that has a different size than that of the original "
            f"Tensor, this is not supported. Tensor is of size {list(a)} while the given forward "
            f"gradient is of size {list(b)}."
        )


def dual(level: Forward, primal: Any, tangent: Any) -> Any:
    """A tensor of the level with a tangent."""
    check_tangent(primal, tangent)
    if tangent.dtype is not primal.dtype:
        tangent = tangent.to(primal.dtype)
    content = Held(value_of(primal), primal._edge, tangent=tracked(tangent))
    return wrap(level.value(content))


def tangent_of(level: Forward, t: Any) -> Any:
    """The tangent of a tensor, None where there is none."""
    found = held(level, t).tangent
    return None if found is None else wrap(found.value, found.edge)


def jvp(
    func: Callable[..., Any],
    primals: Any,
    tangents: Any,
    *,
    strict: bool = False,
    has_aux: bool = False,
) -> tuple[Any, ...]:
    """The value of ``func`` and its derivative along a direction.

    Args:
        func: takes and gives tensors, or trees of them.
        primals: a tuple of its arguments.
        tangents: the direction, structured as ``primals``.
        strict: refuse a result that does not depend on the inputs.
        has_aux: whether ``func`` returns ``(output, aux)``.

    Returns:
        ``(output, derivative)``, with ``has_aux`` ``(output, derivative, aux)``.

    Example:
        >>> import flambeau as torch
        >>> x = torch.tensor([1.0, 2.0])
        >>> torch.func.jvp(lambda x: x * x, (x,), (torch.ones(2),))
        (tensor([1., 4.]), tensor([2., 4.]))

    Follows ``torch.func.jvp``.
    """
    if not isinstance(primals, tuple):
        raise RuntimeError(
            "jvp(f, primals, tangents): Expected primals to be a tuple. E.g. it should be valid "
            "to call f(*primals)."
        )
    points, spec = tree.flatten(primals)
    along, along_spec = tree.flatten(tangents)
    if spec != along_spec:
        raise RuntimeError(
            "jvp(f, primals, tangents): Expected primals and tangents to have the same python "
            "structure. For example, if primals is a tuple of 3 tensors, tangents also must be. "
            f"Got primals with structure {spec} and tangents with structure {along_spec}"
        )
    for what, leaves in (("primals", points), ("tangents", along)):
        if not leaves:
            raise RuntimeError(f"jvp(f, primals, tangents): Expected {what} to be non-empty")
        for x in leaves:
            if not isinstance(x, TensorBase):
                raise RuntimeError(
                    f"jvp(f, primals, tangents): Expected {what} to be only Tensors, got "
                    f"unsupported type {type(x)}"
                )
    level = Forward()
    moving = [dual(level, p, t) for p, t in zip(points, along, strict=True)]
    with level.opened():
        out = func(*tree.unflatten(moving, spec))
        aux = None
        if has_aux:
            if not (isinstance(out, tuple) and len(out) == 2):
                raise RuntimeError(
                    "jvp(f, primals, tangents): output of function f should be a tuple: (output, "
                    "aux) if has_aux is True"
                )
            out, aux = out
        outs, shape = tensors_only(out, "jvp(f, primals, tangents)")
    results, moved = [], []
    for o in outs:
        t = tangent_of(level, o)
        if t is None and strict:
            raise RuntimeError(
                "jvp(f, primals, tangents, strict=True): The output of f is independent of the "
                "inputs. This is not allowed with strict=True."
            )
        results.append(outside(level, o))
        moved.append(zeros_like(results[-1]) if t is None else t)
    found = tree.unflatten(results, shape), tree.unflatten(moved, shape)
    if not has_aux:
        return found
    return (*found, tree.mapped(lambda x: outside(level, x), aux))


def linearize(func: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """The value of ``func``, and its derivative at that point as a linear function.

    ``func`` runs once; the linear function, the transpose of its pullback, does not run its
    Python again.

    Args:
        func: takes and gives tensors, or trees of them.
        primals: where to linearize it.

    Example:
        >>> import flambeau as torch
        >>> out, derivative = torch.func.linearize(torch.sin, torch.zeros(2))
        >>> derivative(torch.tensor([1.0, 2.0]))
        tensor([1., 2.])

    Follows ``torch.func.linearize``.
    """
    if not primals:
        raise RuntimeError("linearize(f, *primals): Expected at least one primal")
    out, back, _ = vjp_at(func, primals, {}, None, False)
    outs, shape = tree.flatten(out)
    points, spec = tree.flatten(primals)
    still = [zeros_like(o) for o in outs]
    _, transposed, _ = vjp_at(
        lambda *seeds: back(tree.unflatten(seeds, shape)), tuple(still), {}, None, False
    )

    def derivative(*tangents: Any) -> Any:
        along, along_spec = tree.flatten(tangents)
        if along_spec != spec:
            raise RuntimeError(
                "linearize: the tangents must be structured as the primals. Got tangents with "
                f"structure {along_spec}, primals have structure {spec}"
            )
        for p, t in zip(points, along, strict=True):
            check_tangent(p, t)
        return tree.unflatten(tree.flatten(transposed(tangents))[0], shape)

    return out, derivative
