"""Checking derivatives against finite differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from flambeau._tensor.construct import from_data
from flambeau._tensor.core import TensorBase
from flambeau._tensor.gradients import grad


class GradcheckError(RuntimeError):
    """Analytical and numerical derivatives differ."""


def _outputs(x: Any) -> list[Any]:
    items = (x,) if isinstance(x, TensorBase) else x
    return [o for o in items if isinstance(o, TensorBase) and o.requires_grad]


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Compare the gradients of a function with central differences.

    Args:
        func: takes the inputs, gives a tensor or several.
        inputs: tensors; those that require grad are checked (use float64).
        eps: half the step of the differences.
        atol, rtol: tolerances.
        raise_exception: raise on a mismatch rather than return False.

    Raises:
        GradcheckError: they differ (a RuntimeError, as in PyTorch).
        ValueError: no input requires grad.

    Follows ``torch.autograd.gradcheck``; the remaining options are accepted.
    """
    args = (inputs,) if isinstance(inputs, TensorBase) else tuple(inputs)
    checked = [i for i, a in enumerate(args) if isinstance(a, TensorBase) and a.requires_grad]
    if not checked:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of the "
            "them have requires_grad=True."
        )
    outs = _outputs(func(*args))
    for k, out in enumerate(outs):
        for i in checked:
            analytical = _analytical(out, args[i])
            numerical = _numerical(func, args, i, k, eps)
            if not np.allclose(analytical, numerical, rtol, atol, equal_nan=True):
                if not raise_exception:
                    return False
                raise GradcheckError(
                    f"Jacobian mismatch for output {k} with respect to input {i},\n"
                    f"numerical:{numerical}\nanalytical:{analytical}\n"
                )
    return True


def _analytical(out: Any, x: Any) -> np.ndarray:
    """Rows: real and imaginary parts of outputs; columns: those of inputs."""
    rows = []
    for i in range(out.numel()):
        for unit in (1.0, 1.0j) if out.is_complex() else (1.0,):
            seed = np.zeros(out.numel(), out.dtype.numpy)
            seed[i] = unit
            v = from_data(seed.reshape(tuple(out.shape)))
            (g,) = grad(out, x, v, retain_graph=True, allow_unused=True)
            rows.append(
                np.zeros(x.numel(), x.dtype.numpy) if g is None else g.detach().numpy().ravel()
            )
    j = np.array(rows)
    return _split(j)


def _split(j: np.ndarray) -> np.ndarray:
    if j.dtype.kind != "c":
        return j.astype(np.float64)
    return np.stack([j.real, j.imag], axis=-1).reshape(j.shape[0], -1)


def _numerical(
    func: Callable[..., Any], args: tuple[Any, ...], i: int, k: int, eps: float
) -> np.ndarray:
    base = args[i].detach().numpy().copy()
    columns = []
    for at in range(base.size):
        for unit in (1.0, 1.0j) if base.dtype.kind == "c" else (1.0,):
            sides = []
            for sign in (1, -1):
                moved = base.copy().ravel()
                moved[at] += sign * eps * unit
                changed = from_data(moved.reshape(base.shape)).requires_grad_()
                out = _outputs(func(*args[:i], changed, *args[i + 1 :]))[k]
                sides.append(out.detach().numpy().ravel())
            columns.append((sides[0] - sides[1]) / (2 * eps))
    j = np.array(columns).T
    if j.dtype.kind != "c":
        return j.astype(np.float64)
    return np.stack([j.real, j.imag], axis=1).reshape(-1, j.shape[1])


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    **options: Any,
) -> bool:
    """Compare second derivatives with differences of the first ones.

    Follows ``torch.autograd.gradgradcheck``.
    """
    args = (inputs,) if isinstance(inputs, TensorBase) else tuple(inputs)
    outs = _outputs(func(*args))
    rng = np.random.default_rng(0)
    if grad_outputs is None:
        seeds = [
            from_data(rng.standard_normal(tuple(o.shape)).astype(o.dtype.numpy)).requires_grad_()
            for o in outs
        ]
    else:
        seeds = [grad_outputs] if isinstance(grad_outputs, TensorBase) else list(grad_outputs)
    n = len(args)
    wanted = [i for i, a in enumerate(args) if isinstance(a, TensorBase) and a.requires_grad]

    def first(*flat: Any) -> Any:
        xs, vs = flat[:n], flat[n:]
        found = grad(
            _outputs(func(*xs)),
            [xs[i] for i in wanted],
            list(vs),
            create_graph=True,
            allow_unused=True,
        )
        return tuple(g for g in found if g is not None)

    return gradcheck(
        first, (*args, *seeds), eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception
    )
