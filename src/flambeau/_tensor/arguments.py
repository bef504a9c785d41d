"""Arguments that had to be tensors and are not."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

_PLAIN = (str, bytes, int, float, complex, list, tuple, dict, set, type(None), np.ndarray)


def not_a_tensor(
    error: AttributeError, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Any
) -> TypeError | None:
    """What to raise where a function asked an argument for what only tensors have.

    Functions made of others use their arguments before any row of the registry looks at them:
    ``adjoint("x")`` ends in an AttributeError of a str. That is told as what it is.

    Args:
        error: what the function raised.
        function: the function, for its name and its parameters.
        args: what it was called with.
        kwargs: by keyword.

    Returns:
        the error, or None where the one raised has another reason.
    """
    if type(error.obj) not in _PLAIN:
        return None
    from flambeau._tensor.tensor import Tensor

    if not isinstance(error.name, str) or not hasattr(Tensor, error.name):
        return None
    try:
        given = inspect.signature(function).bind(*args, **kwargs).arguments
    except TypeError:
        return None
    for position, (name, value) in enumerate(given.items(), start=1):
        if value is error.obj or (isinstance(value, tuple) and _holds(value, error.obj)):
            return TypeError(
                f"{function.__name__}(): argument '{name}' (position {position}) must be Tensor, "
                f"not {type(error.obj).__name__}"
            )
    return None


def _holds(values: tuple[Any, ...], one: Any) -> bool:
    return any(v is one for v in values)
