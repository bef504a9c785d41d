"""The copying forms of the views: ``permute_copy`` gives what ``permute`` gives, in new memory."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from flambeau._ops import casts
from flambeau._tensor.core import TensorBase
from flambeau._tensor.dispatch import run, store_out
from flambeau._tensor.documents import add_example
from flambeau._tensor.functions import shape


def _copy(result: Any) -> Any:
    if isinstance(result, tuple):
        return tuple(run(casts.clone, (part,)) for part in result)
    return run(casts.clone, (result,))


def copying(view: Callable[..., Any], name: str | None = None) -> Callable[..., Any]:
    """The function that copies what a view function shows; it takes ``out=`` besides."""
    base = name or view.__name__
    title = f"{base}_copy"

    def function(input: Any, *args: Any, out: Any = None, **kwargs: Any) -> Any:
        if not isinstance(input, TensorBase):
            raise TypeError(
                f"{title}(): argument 'input' (position 1) must be Tensor, "
                f"not {type(input).__name__}"
            )
        shown = view(input, *args, **kwargs)
        return _copy(shown) if out is None else store_out(out, shown, title)

    function.__name__ = function.__qualname__ = title
    function.__module__ = "flambeau"
    function.__doc__ = (
        f"What the view ``{base}`` shows of a tensor, copied into memory of its own.\n\n"
        f"Arguments, shapes, dtypes and errors are those of ``{base}``; the result shares\n"
        "nothing with ``input``, and gradients flow through it.\n\n"
        "Raises:\n    TypeError: the first argument is no tensor.\n\n"
        f"Follows ``torch.{title}``."
    )
    signature = inspect.signature(view)
    out = inspect.Parameter("out", inspect.Parameter.KEYWORD_ONLY, default=None)
    parameters = [p for p in signature.parameters.values() if p.name != "out"]
    if parameters[-1].kind is inspect.Parameter.VAR_KEYWORD:
        parameters.insert(-1, out)
    else:
        parameters.append(out)
    function.__signature__ = signature.replace(parameters=parameters)
    return function


def _slice(input: Any, dim: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Any:
    if step <= 0:
        raise RuntimeError(f"slice step must be positive, but got {step}")
    ndim = input.ndim
    if not -ndim <= dim < ndim:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-ndim}, {ndim - 1}], "
            f"but got {dim})"
        )
    index = [slice(None)] * (dim % ndim) + [slice(start, end, step)]
    return input[tuple(index)]


def _alias(input: Any) -> Any:
    return input.view_as(input)


def _detach(input: Any) -> Any:
    return input.detach()


alias_copy = copying(_alias, "alias")
as_strided_copy = copying(shape.as_strided)
detach_copy = copying(_detach, "detach")
diagonal_copy = copying(shape.diagonal)
expand_copy = copying(shape.expand)
narrow_copy = copying(shape.narrow)
permute_copy = copying(shape.permute)
select_copy = copying(shape.select)
slice_copy = copying(_slice, "slice")
split_copy = copying(shape.split)
split_with_sizes_copy = copying(shape.split_with_sizes)
squeeze_copy = copying(shape.squeeze)
t_copy = copying(shape.t)
transpose_copy = copying(shape.transpose)
unbind_copy = copying(shape.unbind)
unfold_copy = copying(shape.unfold)
unsqueeze_copy = copying(shape.unsqueeze)
view_as_complex_copy = copying(shape.view_as_complex)
view_as_real_copy = copying(shape.view_as_real)
view_copy = copying(shape.view)

__all__ = [
    "alias_copy",
    "as_strided_copy",
    "detach_copy",
    "diagonal_copy",
    "expand_copy",
    "narrow_copy",
    "permute_copy",
    "select_copy",
    "slice_copy",
    "split_copy",
    "split_with_sizes_copy",
    "squeeze_copy",
    "t_copy",
    "transpose_copy",
    "unbind_copy",
    "unfold_copy",
    "unsqueeze_copy",
    "view_as_complex_copy",
    "view_as_real_copy",
    "view_copy",
]


_EXAMPLES = {
    "alias_copy": """
        >>> torch.alias_copy(torch.tensor([1, 2]))
        tensor([1, 2])
    """,
    "as_strided_copy": """
        >>> torch.as_strided_copy(torch.arange(6), (2, 2), (1, 2))
        tensor([[0, 2],
                [1, 3]])
    """,
    "detach_copy": """
        >>> torch.detach_copy(torch.tensor([1.0, 2.0]))
        tensor([1., 2.])
    """,
    "diagonal_copy": """
        >>> torch.diagonal_copy(torch.tensor([[1, 2], [3, 4]]))
        tensor([1, 4])
    """,
    "expand_copy": """
        >>> torch.expand_copy(torch.tensor([[1], [2]]), (2, 3))
        tensor([[1, 1, 1],
                [2, 2, 2]])
    """,
    "narrow_copy": """
        >>> torch.narrow_copy(torch.arange(5), 0, 1, 3)
        tensor([1, 2, 3])
    """,
    "permute_copy": """
        >>> torch.permute_copy(torch.tensor([[1, 2], [3, 4]]), (1, 0))
        tensor([[1, 3],
                [2, 4]])
    """,
    "select_copy": """
        >>> torch.select_copy(torch.tensor([[1, 2], [3, 4]]), 0, 1)
        tensor([3, 4])
    """,
    "slice_copy": """
        >>> torch.slice_copy(torch.arange(5), 0, 1, 4, 2)
        tensor([1, 3])
    """,
    "split_copy": """
        >>> torch.split_copy(torch.arange(5), 2)
        (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    """,
    "split_with_sizes_copy": """
        >>> torch.split_with_sizes_copy(torch.arange(5), [1, 4])
        (tensor([0]), tensor([1, 2, 3, 4]))
    """,
    "squeeze_copy": """
        >>> torch.squeeze_copy(torch.ones(1, 2, 1)).shape
        torch.Size([2])
    """,
    "t_copy": """
        >>> torch.t_copy(torch.tensor([[1, 2], [3, 4]]))
        tensor([[1, 3],
                [2, 4]])
    """,
    "transpose_copy": """
        >>> torch.transpose_copy(torch.tensor([[1, 2], [3, 4]]), 0, 1)
        tensor([[1, 3],
                [2, 4]])
    """,
    "unbind_copy": """
        >>> torch.unbind_copy(torch.tensor([[1, 2], [3, 4]]))
        (tensor([1, 2]), tensor([3, 4]))
    """,
    "unfold_copy": """
        >>> torch.unfold_copy(torch.arange(4), 0, 2, 1)
        tensor([[0, 1],
                [1, 2],
                [2, 3]])
    """,
    "unsqueeze_copy": """
        >>> torch.unsqueeze_copy(torch.tensor([1, 2]), 0)
        tensor([[1, 2]])
    """,
    "view_as_complex_copy": """
        >>> torch.view_as_complex_copy(torch.tensor([[1.0, 2.0]]))
        tensor([1.+2.j])
    """,
    "view_as_real_copy": """
        >>> torch.view_as_real_copy(torch.tensor([1 + 2j]))
        tensor([[1., 2.]])
    """,
    "view_copy": """
        >>> torch.view_copy(torch.arange(4), (2, 2))
        tensor([[0, 1],
                [2, 3]])
    """,
}
for _name, _text in _EXAMPLES.items():
    add_example(globals()[_name], _text)
