"""``grad``, ``grad_and_value`` and ``vjp``: reverse mode on a tape of its own."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from flambeau._autograd.levels import Grad
from flambeau._tensor import tree
from flambeau._tensor.core import TensorBase, value_of
from flambeau._tensor.gradients import grad as tape_grad
from flambeau._tensor.gradients import zeros_like
from flambeau._tensor.transforms.content import inside, outside

Argnums = int | tuple[int, ...]


def check_argnums(argnums: Any, n: int) -> tuple[int, ...]:
    """The positions that ``argnums`` names among ``n`` arguments, none of them negative."""
    if not isinstance(argnums, (int, tuple)):
        raise RuntimeError(f"argnums must be int or Tuple[int, ...], got: {type(argnums)}")
    wanted = (argnums,) if isinstance(argnums, int) else argnums
    if not wanted:
        raise RuntimeError("argnums must be non-empty")
    for k in wanted:
        if not isinstance(k, int):
            raise RuntimeError(f"argnums must be int or Tuple[int, ...], got: {argnums}")
        if not -n <= k < n:
            raise RuntimeError(f"Got argnum={k}, but only {n} positional inputs")
    found = tuple(k % n for k in wanted)
    if len(set(found)) != len(found):
        raise RuntimeError(f"argnums elements must be unique, got {argnums}")
    return found


def chosen(args: Any, argnums: Any) -> Any:
    """The arguments that ``argnums`` names: one, or a tuple of them."""
    at = check_argnums(argnums, len(args))
    return args[at[0]] if isinstance(argnums, int) else tuple(args[k] for k in at)


def _entered(level: Grad, args: Any, kwargs: Any) -> tuple[Any, Any]:
    enter = lambda x: inside(level, x) if isinstance(x, TensorBase) else x
    return tree.mapped(enter, args), tree.mapped(enter, kwargs)


def _sources(picked: Any, who: str) -> tuple[list[Any], tree.Spec]:
    """The tensors to differentiate with respect to, tracked from here on."""
    leaves, spec = tree.flatten(picked)
    for x in leaves:
        if not isinstance(x, TensorBase):
            raise ValueError(f"{who}: Thing passed to transform API must be Tensor, got {type(x)}")
        if not value_of(x).aval.inexact:
            raise RuntimeError("only Tensors of floating point dtype can require gradients")
        x.requires_grad_()
    return leaves, spec


def grad_and_value(
    func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """A function that gives the gradient of ``func`` and its value.

    Args:
        func: gives a scalar tensor, with ``has_aux`` a tuple of it and anything else.
        argnums: which argument to differentiate with respect to; a tuple for several, and
            then the gradient is a tuple too.
        has_aux: whether ``func`` returns more than the scalar.

    Returns:
        A function giving ``(gradient, value)``, or ``(gradient, (value, aux))``.

    Example:
        >>> import flambeau as torch
        >>> torch.func.grad_and_value(lambda x: (x * x).sum())(torch.tensor([1.0, 2.0]))
        (tensor([2., 4.]), tensor(5.))

    Follows ``torch.func.grad_and_value``.
    """

    @functools.wraps(func, updated=())
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        check_argnums(argnums, len(args))
        level = Grad()
        with level.opened(grad=True):
            args, kwargs = _entered(level, args, kwargs)
            sources, spec = _sources(chosen(args, argnums), "grad")
            out = func(*args, **kwargs)
            aux = None
            if has_aux:
                if not (isinstance(out, tuple) and len(out) == 2):
                    raise RuntimeError(
                        "grad_and_value(f)(*args): output of function f should be a tuple: "
                        "(output, aux) if has_aux is True"
                    )
                out, aux = out
            if not isinstance(out, TensorBase):
                raise RuntimeError(
                    "grad_and_value(f)(*args): Expected f(*args) to return a Tensor, got "
                    f"{type(out)}"
                )
            if value_of(out).aval.ndim:
                raise RuntimeError(
                    "grad_and_value(f)(*args): Expected f(*args) to return a scalar Tensor, got "
                    f"tensor with {value_of(out).aval.ndim} dims. Maybe you wanted to use the "
                    "vjp or jacrev APIs instead?"
                )
            found = _gradients([out], sources, [None])
        leave = functools.partial(outside, level)
        grads = tree.unflatten([leave(g) for g in found], spec)
        value = leave(out)
        return grads, ((value, tree.mapped(leave, aux)) if has_aux else value)

    return wrapper


def _gradients(outs: list[Any], sources: list[Any], seeds: list[Any]) -> list[Any]:
    pairs = [(o, s) for o, s in zip(outs, seeds, strict=True) if o._edge is not None]
    if not pairs:
        return [zeros_like(x) for x in sources]
    found = tape_grad(
        [o for o, _ in pairs],
        sources,
        [s for _, s in pairs],
        retain_graph=True,
        allow_unused=True,
    )
    return [zeros_like(x) if g is None else g for x, g in zip(sources, found, strict=True)]


def grad(
    func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """A function that gives the gradient of ``func``, which gives a scalar.

    Args:
        func: gives a scalar tensor, with ``has_aux`` a tuple of it and anything else.
        argnums: which argument to differentiate with respect to; a tuple for several.
        has_aux: whether ``func`` returns more than the scalar; the result is then
            ``(gradient, aux)``.

    Example:
        >>> import flambeau as torch
        >>> from flambeau.func import grad
        >>> x = torch.tensor(0.0)
        >>> grad(torch.sin)(x), grad(grad(torch.cos))(x)
        (tensor(1.), tensor(-1.))

    Follows ``torch.func.grad``.
    """
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func, updated=())
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        grads, value = both(*args, **kwargs)
        return (grads, value[1]) if has_aux else grads

    return wrapper


class Pullback:
    """What ``vjp`` gives: cotangents of the results to gradients of the inputs."""

    def __init__(self, level: Grad, outs: Any, sources: Any, shape: tree.Spec, spec: tree.Spec):
        self._level = level
        self._outs = outs
        self._sources = sources
        self._shape = shape
        self._spec = spec

    def __call__(
        self, *cotangents: Any, retain_graph: bool = True, create_graph: Any = None
    ) -> Any:
        given: Any = cotangents
        if len(cotangents) == 1:
            given = cotangents[0]
        seeds, spec = tree.flatten(given)
        if spec != self._shape:
            raise RuntimeError(
                "Expected pytree structure of cotangents to be the same as pytree structure of "
                f"outputs to the function. cotangents: {spec}, primal output: {self._shape}"
            )
        level = self._level
        with level.opened():
            seeds = [inside(level, s) for s in seeds]
            for i, (s, o) in enumerate(zip(seeds, self._outs, strict=True)):
                if s.shape != o.shape:
                    raise RuntimeError(
                        f"Mismatch in shape: grad_output[{i}] has a shape of {s.shape} and "
                        f"output[{i}] has a shape of {o.shape}."
                    )
            found = _gradients(self._outs, self._sources, seeds)
        return tree.unflatten([outside(level, g) for g in found], self._spec)


def tensors_only(outs: Any, who: str) -> tuple[list[Any], tree.Spec]:
    """The leaves of a function's results, all of them tensors."""
    leaves, spec = tree.flatten(outs)
    for x in leaves:
        if not isinstance(x, TensorBase):
            raise RuntimeError(
                f"{who}: expected f(*primals) to return only tensors, got unsupported type "
                f"{type(x)}"
            )
    if not leaves:
        raise RuntimeError(f"{who}: Expected f to be a function that has non-empty output")
    return leaves, spec


def vjp_at(
    func: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    argnums: Any,
    has_aux: bool,
) -> tuple[Any, Pullback, Any]:
    """The value of a function, its pullback to the arguments that ``argnums`` names, its aux.

    With None for ``argnums`` the pullback gives a tuple for all arguments, or the one there is.
    """
    level = Grad()
    with level.opened(grad=True):
        args, kwargs = _entered(level, args, kwargs)
        if argnums is None:
            picked = args[0] if len(args) == 1 else args
            picked = (picked,) if len(args) == 1 else picked
        else:
            picked = chosen(args, argnums)
        sources, spec = _sources(picked, "vjp")
        out = func(*args, **kwargs)
        aux = None
        if has_aux:
            if not (isinstance(out, tuple) and len(out) == 2):
                raise RuntimeError(
                    "vjp(f, *primals): output of function f should be a tuple: (output, aux) if "
                    "has_aux is True"
                )
            out, aux = out
        outs, shape = tensors_only(out, "vjp(f, *primals)")
    leave = functools.partial(outside, level)
    back = Pullback(level, outs, sources, shape, spec)
    return tree.unflatten([leave(o) for o in outs], shape), back, tree.mapped(leave, aux)


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """The value of ``func``, and the function that takes a cotangent back to its inputs.

    Args:
        func: takes and gives tensors, or trees of them.
        primals: where to evaluate it.
        has_aux: whether ``func`` returns ``(output, aux)``.

    Returns:
        ``(output, vjp_fn)``, with ``has_aux`` ``(output, vjp_fn, aux)``; ``vjp_fn`` gives a tuple
        of gradients, one per primal.

    Example:
        >>> import flambeau as torch
        >>> out, back = torch.func.vjp(torch.sin, torch.zeros(2))
        >>> back(torch.tensor([1.0, 2.0]))
        (tensor([1., 2.]),)

    Follows ``torch.func.vjp``.
    """
    out, back, aux = vjp_at(func, primals, {}, None, has_aux)
    return (out, back, aux) if has_aux else (out, back)
