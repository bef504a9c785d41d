"""Jacobians, Hessians and products with them. Follows ``torch.autograd.functional``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flambeau._autograd.grad_mode import enable_grad
from flambeau._tensor.core import TensorBase
from flambeau._tensor.functions.joining import stack
from flambeau._tensor.gradients import grad, zeros_like


def _tuple(x: Any, what: str) -> tuple[tuple[Any, ...], bool]:
    if isinstance(x, TensorBase):
        return (x,), False
    if isinstance(x, (tuple, list)) and all(isinstance(t, TensorBase) for t in x):
        return tuple(x), True
    raise TypeError(f"{what} must be a Tensor or a tuple of Tensors, got {type(x).__name__}")


def _fresh(inputs: tuple[Any, ...], create_graph: bool) -> tuple[Any, ...]:
    if create_graph:
        return tuple(
            t.view_as(t) if t.requires_grad else t.detach().requires_grad_() for t in inputs
        )
    return tuple(t.detach().requires_grad_() for t in inputs)


def _unwrap(values: tuple[Any, ...], many: bool) -> Any:
    return values if many else values[0]


def _plain(t: Any, create_graph: bool) -> Any:
    return t if create_graph else t.detach()


def _grad(out: Any, inputs: tuple[Any, ...], v: Any, create_graph: bool, strict: bool) -> list[Any]:
    if not out.requires_grad:
        if strict:
            raise RuntimeError(
                "The output of the user-provided function is independent of the inputs"
            )
        return [zeros_like(t) for t in inputs]
    found = grad(out, inputs, v, retain_graph=True, create_graph=create_graph, allow_unused=True)
    result = []
    for t, g in zip(inputs, found, strict=True):
        if g is None and strict:
            raise RuntimeError(
                "The output of the user-provided function is independent of an input; this is not "
                "allowed in strict mode"
            )
        result.append(zeros_like(t) if g is None else g)
    return result


def vjp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """The function's value, and ``v`` times its Jacobian.

    Args:
        func: takes tensors, gives a tensor or a tuple of tensors.
        inputs: its arguments.
        v: of the shape of its result; may be left out for a scalar.
        create_graph: let the result be differentiated.
        strict: refuse a function that ignores an input.
    """
    args, many = _tuple(inputs, "inputs")
    with enable_grad():
        args = _fresh(args, create_graph)
        out, many_out = _tuple(func(*args), "outputs of the function")
        vs = (None,) * len(out) if v is None else _tuple(v, "v")[0]
        total: list[Any] | None = None
        for o, vi in zip(out, vs, strict=True):
            part = _grad(o, args, vi, create_graph, strict)
            total = part if total is None else [a + b for a, b in zip(total, part, strict=True)]
    assert total is not None
    return (
        _unwrap(tuple(_plain(o, create_graph) for o in out), many_out),
        _unwrap(tuple(_plain(t, create_graph) for t in total), many),
    )


def jvp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """The function's value, and its Jacobian times ``v``: a backward of a backward.

    Args: as for :func:`vjp`, with ``v`` of the shapes of the inputs.
    """
    args, _ = _tuple(inputs, "inputs")
    with enable_grad():
        args = _fresh(args, create_graph)
        out, many_out = _tuple(func(*args), "outputs of the function")
        vs = tuple(zeros_like(t) + 1 for t in args) if v is None else _tuple(v, "v")[0]
        results = []
        for o in out:
            dummy = zeros_like(o).requires_grad_()
            back = _grad(o, args, dummy, True, strict)
            pairs = [(b, vi) for b, vi in zip(back, vs, strict=True) if b.requires_grad]
            if not pairs:
                results.append(zeros_like(o))
                continue
            (g,) = grad(
                [b for b, _ in pairs],
                dummy,
                [vi for _, vi in pairs],
                create_graph=create_graph,
                allow_unused=True,
            )
            results.append(zeros_like(o) if g is None else g)
    return (
        _unwrap(tuple(_plain(o, create_graph) for o in out), many_out),
        _unwrap(tuple(_plain(r, create_graph) for r in results), many_out),
    )


def jacobian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """All partial derivatives: for output shape O and input shape I, a tensor of shape O + I.

    Args: as for :func:`vjp`; ``vectorize`` and ``strategy`` are accepted, the rows are one
        program in any case.
    """
    args, many = _tuple(inputs, "inputs")
    with enable_grad():
        args = _fresh(args, create_graph)
        out, many_out = _tuple(func(*args), "outputs of the function")
        rows: list[Any] = []
        for o in out:
            parts: list[list[Any]] = [[] for _ in args]
            flat = o.reshape(-1)
            for i in range(o.numel()):
                for column, g in zip(
                    parts, _grad(flat[i], args, None, create_graph, strict), strict=True
                ):
                    column.append(g)
            shaped = tuple(
                _plain(stack(column).reshape(tuple(o.shape) + tuple(t.shape)), create_graph)
                for column, t in zip(parts, args, strict=True)
            )
            rows.append(_unwrap(shaped, many))
    return _unwrap(tuple(rows), many_out)


def hessian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """All second derivatives of a scalar function: for input shape I, a tensor of shape I + I."""
    args, many = _tuple(inputs, "inputs")

    def gradient(*xs: Any) -> Any:
        out = func(*xs)
        if not isinstance(out, TensorBase) or out.numel() != 1:  # type: ignore[attr-defined]
            raise RuntimeError(
                "The Tensor returned by the function given to hessian should contain a single "
                "element"
            )
        result = jacobian_at(out, xs, strict)
        return _unwrap(result, many)

    return jacobian(gradient, inputs if many else args[0], create_graph, strict)


def jacobian_at(out: Any, xs: tuple[Any, ...], strict: bool) -> tuple[Any, ...]:
    """The gradient of a scalar with its own history."""
    return tuple(_grad(out.reshape(()), xs, None, True, strict))


def vhp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """The function's value, and ``v`` times its Hessian."""
    args, many = _tuple(inputs, "inputs")
    with enable_grad():
        args = _fresh(args, create_graph)
        out = func(*args)
        first = jacobian_at(out, args, strict)
        vs = (None,) * len(args) if v is None else _tuple(v, "v")[0]
        pairs = [(f, vi) for f, vi in zip(first, vs, strict=True) if f.requires_grad]
        found = (
            grad(
                [f for f, _ in pairs],
                args,
                [vi for _, vi in pairs],
                create_graph=create_graph,
                allow_unused=True,
            )
            if pairs
            else (None,) * len(args)
        )
        result = tuple(
            zeros_like(t) if g is None else _plain(g, create_graph)
            for t, g in zip(args, found, strict=True)
        )
    return _plain(out, create_graph), _unwrap(result, many)


def hvp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """The function's value, and its Hessian times ``v`` (which is symmetric)."""
    return vhp(func, inputs, v, create_graph, strict)
