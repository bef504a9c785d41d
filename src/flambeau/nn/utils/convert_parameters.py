"""All parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flambeau._ops import joining, shape
from flambeau._tensor.core import TensorBase, value_of, wrap
from flambeau._tensor.dispatch import run

__all__ = ["parameters_to_vector", "vector_to_parameters"]


def parameters_to_vector(parameters: Iterable[Any]) -> Any:
    """The elements of all parameters, one after the other; gradients flow back.

    Raises:
        ValueError: there are no parameters.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.utils.parameters_to_vector([torch.ones(2), torch.zeros(1, 2)])
        tensor([1., 1., 0., 0.])

    Follows ``torch.nn.utils.parameters_to_vector``.
    """
    flat = [run(shape.reshape, (p,), (("shape", (-1,)),)) for p in parameters]
    if not flat:
        raise ValueError("parameters_to_vector: expected a non-empty list of Tensors")
    return run(joining.cat, (flat,), (("dim", 0),))


def vector_to_parameters(vec: Any, parameters: Iterable[Any]) -> None:
    """Replace the data of parameters by pieces of a vector, in order.

    Each gets memory of its own: a later write to one does not show in the vector.

    Raises:
        TypeError: ``vec`` is not a tensor.
        RuntimeError: it has fewer elements than the parameters.

    Follows ``torch.nn.utils.vector_to_parameters``.
    """
    if not isinstance(vec, TensorBase):
        raise TypeError(f"expected torch.Tensor, but got: {type(vec).__name__}")
    vec = vec.detach()
    have = value_of(vec).aval.size
    start = 0
    for p in parameters:
        aval = value_of(p).aval
        end = start + aval.size
        if end > have:
            raise RuntimeError(
                f"vector_to_parameters: the vector has {have} elements, but the parameters up to "
                f"one of shape {list(aval.shape)} need {end}"
            )
        static = (("dim", 0), ("start", start), ("end", end), ("step", 1))
        piece = run(shape.slice, (vec,), static)
        shaped = run(shape.reshape, (piece,), (("shape", aval.shape),))
        p.data = wrap(value_of(shaped))
        start = end
