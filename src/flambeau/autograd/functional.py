"""Jacobians, Hessians and products with them. Follows ``torch.autograd.functional``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flambeau._autograd.grad_mode import enable_grad
from flambeau._tensor.core import TensorBase
from flambeau._tensor.functions.creation import eye
from flambeau._tensor.functions.joining import stack
from flambeau._tensor.gradients import grad, zeros_like
from flambeau._tensor.transforms.jacobians import jacfwd
from flambeau._tensor.transforms.reverse import grad as func_grad


def _tuple(x: Any, what: str) -> tuple[tuple[Any, ...], bool]:
    if isinstance(x, TensorBase):
        return (x,), False
    if isinstance(x, (tuple, list)) and all(isinstance(t, TensorBase) for t in x):
        return tuple(x), True
    raise TypeError(
        f"The {what} must be either a Tensor or a tuple of Tensors but the given {what} has type "
        f"{type(x)}."
    )


def _vectors(v: Any, like: tuple[Any, ...], who: str) -> tuple[Any, ...]:
    """The given vectors, of the shapes that they multiply; ones where there is one element."""
    if v is None:
        if len(like) != 1 or like[0].numel() != 1:
            raise RuntimeError(
                f"The vector v can only be None if {who} a single Tensor with a single element."
            )
        return (None,)
    vs = _tuple(v, "v")[0]
    if len(vs) != len(like):
        if len(like) == 1:
            raise RuntimeError("The given v should contain a single Tensor.")
        raise RuntimeError(
            f"v is a tuple of invalid length: should be {len(like)} but got {len(vs)}."
        )
    for i, (a, b) in enumerate(zip(vs, like, strict=True)):
        if a.shape != b.shape:
            prefix = f"Entry {i} in v" if len(vs) > 1 else "v"
            raise RuntimeError(f"{prefix} has invalid size: should be {b.shape} but got {a.shape}.")
    return vs


def _scalar(out: Any, who: str) -> Any:
    if not isinstance(out, TensorBase):
        raise RuntimeError(
            f"The function given to {who} should return a single Tensor, got {type(out).__name__}"
        )
    if out.numel() != 1:
        raise RuntimeError(
            f"The Tensor returned by the function given to {who} should contain a single element"
        )
    return out


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


def _grad(
    out: Any, inputs: tuple[Any, ...], v: Any, create_graph: bool, strict: bool, at: int = 0
) -> list[Any]:
    if not out.requires_grad:
        if strict:
            raise RuntimeError(
                f"Output {at} of the user-provided function does not require gradients. The "
                "outputs must be computed in a differentiable manner from the input when running "
                "in strict mode; they are independent of it"
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
        vs = _vectors(v, out, "the user-provided function returns")
        total: list[Any] | None = None
        for k, (o, vi) in enumerate(zip(out, vs, strict=True)):
            part = _grad(o, args, vi, create_graph, strict, k)
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
        vs = _vectors(v, args, "the input to the user-provided function is")
        vs = tuple(zeros_like(t) + 1 if x is None else x for x, t in zip(vs, args, strict=True))
        results = []
        for k, o in enumerate(out):
            dummy = zeros_like(o).requires_grad_()
            back = _grad(o, args, dummy, True, strict, k)
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

    Args:
        func: takes tensors, gives a tensor or a tuple of tensors.
        inputs: its arguments.
        create_graph: let the result be differentiated.
        strict: refuse a function that ignores an input.
        vectorize: compute all rows at once, inside ``vmap``, rather than one after the other.
        strategy: ``"reverse-mode"``, or ``"forward-mode"`` with ``vectorize``: columns.

    Raises:
        RuntimeError: ``strict`` is hurt, or does not go with the other options.
        NotImplementedError: ``"forward-mode"`` with ``create_graph`` or without ``vectorize``.
    """
    args, many = _tuple(inputs, "inputs")
    if strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError(
            'Expected strategy to be either "forward-mode" or "reverse-mode". Hint: If your '
            'function has more outputs than inputs, "forward-mode" tends to be more performant.'
        )
    if strategy == "forward-mode":
        return _by_columns(func, args, many, create_graph, strict, vectorize)
    if vectorize and strict:
        raise RuntimeError(
            "torch.autograd.functional.jacobian: `strict=True` and `vectorized=True` are not "
            "supported together. Please either set `strict=False` or `vectorize=False`."
        )
    with enable_grad():
        args = _fresh(args, create_graph)
        out, many_out = _tuple(func(*args), "outputs of the user-provided function")
        rows: list[Any] = []
        for k, o in enumerate(out):
            if vectorize and o.requires_grad and o.numel():
                parts = _rows_at_once(o, args, create_graph)
            else:
                parts = _rows(o, args, create_graph, strict, k)
            shaped = tuple(
                _plain(p.reshape(tuple(o.shape) + tuple(t.shape)), create_graph)
                for p, t in zip(parts, args, strict=True)
            )
            rows.append(_unwrap(shaped, many))
    return _unwrap(tuple(rows), many_out)


def _rows(o: Any, args: tuple[Any, ...], create_graph: bool, strict: bool, at: int) -> list[Any]:
    parts: list[list[Any]] = [[] for _ in args]
    flat = o.reshape(-1)
    for i in range(o.numel()):
        found = _grad(flat[i], args, None, create_graph, strict, at)
        for column, g in zip(parts, found, strict=True):
            column.append(g)
    return [
        stack(column) if column else t.new_zeros((0, *t.shape))
        for column, t in zip(parts, args, strict=True)
    ]


def _rows_at_once(o: Any, args: tuple[Any, ...], create_graph: bool) -> list[Any]:
    seeds = eye(o.numel(), dtype=o.dtype, device=o.device)
    found = grad(
        o.reshape(-1),
        args,
        seeds,
        retain_graph=True,
        create_graph=create_graph,
        allow_unused=True,
        is_grads_batched=True,
    )
    return [
        t.new_zeros((o.numel(), *t.shape)) if g is None else g
        for g, t in zip(found, args, strict=True)
    ]


def _by_columns(
    func: Callable[..., Any],
    args: tuple[Any, ...],
    many: bool,
    create_graph: bool,
    strict: bool,
    vectorize: bool,
) -> Any:
    who = "torch.autograd.functional.jacobian"
    if create_graph:
        raise NotImplementedError(
            f'{who}: `create_graph=True` and `strategy="forward-mode"` are not supported together '
            '(yet). Please either set `create_graph=False` or `strategy="reverse-mode"`.'
        )
    if strict:
        raise RuntimeError(
            f'{who}: `strict=True` and `strategy="forward-mode"` are not supported together '
            '(yet). Please either set `strict=False` or `strategy="reverse-mode"`.'
        )
    if not vectorize:
        raise NotImplementedError(
            "Computing Jacobian using forward-AD or forward-over-reverse Hessian is only "
            "implemented for `vectorize=True`."
        )
    n = len(args)

    def checked(*xs: Any) -> Any:
        out = func(*xs)
        _tuple(out, "outputs of the user-provided function")
        return out

    found = jacfwd(checked, tuple(range(n)))(*[t.detach() for t in args])
    return found if many else mapped_last(found)


def mapped_last(found: Any) -> Any:
    """Jacobians with respect to one input, without the tuple of inputs."""
    if len(found) == 1 and isinstance(found[0], TensorBase):
        return found[0]
    return tuple(f[0] for f in found)


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
    if outer_jacobian_strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError('Expected strategy to be either "forward-mode" or "reverse-mode".')
    forward = outer_jacobian_strategy == "forward-mode"
    where = tuple(range(len(args))) if many else 0

    def gradient(*xs: Any) -> Any:
        if forward:
            return func_grad(lambda *ys: _scalar(func(*ys), "hessian").reshape(()), where)(*xs)
        result = jacobian_at(_scalar(func(*xs), "hessian"), xs, strict)
        if strict:
            _refuse_constant(result)
        return _unwrap(result, many)

    return jacobian(
        gradient,
        inputs if many else args[0],
        create_graph,
        strict,
        vectorize,
        outer_jacobian_strategy,
    )


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
    return _vhp(func, inputs, v, create_graph, strict, "vhp")


def _vhp(
    func: Callable[..., Any], inputs: Any, v: Any, create_graph: bool, strict: bool, who: str
) -> tuple[Any, Any]:
    args, many = _tuple(inputs, "inputs")
    with enable_grad():
        args = _fresh(args, create_graph)
        out = _scalar(func(*args), who)
        first = jacobian_at(out, args, strict)
        vs = _vectors(v, args, "the input to the user-provided function is")
        if strict:
            _refuse_constant(first)
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
    return _vhp(func, inputs, v, create_graph, strict, "hvp")


def _refuse_constant(first: tuple[Any, ...]) -> None:
    for i, g in enumerate(first):
        if not g.requires_grad:
            raise RuntimeError(
                "While computing the hessian, found that the jacobian of the user-provided "
                f"function with respect to input {i} is independent of the input. This is not "
                "allowed in strict mode. You should ensure that your function is twice "
                "differentiable and that the jacobian depends on the inputs."
            )
