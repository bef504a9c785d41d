"""``vmap``: a function of one example, applied to a batch of them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from flambeau._autograd.levels import Held, Vmap
from flambeau._engine.random import streams
from flambeau._tensor import tree
from flambeau._tensor.core import TensorBase, value_of, wrap
from flambeau._tensor.functions.joining import cat
from flambeau._tensor.functions.shape import movedim, narrow
from flambeau._tensor.transforms.content import held

RANDOMNESS = ("error", "different", "same")


def vmap(
    func: Callable[..., Any],
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """A function that applies ``func`` to every slice of its inputs at once.

    ``func`` is written for one example. Its Python runs once, and every operation in it becomes
    one operation on the whole batch, recorded like any other.

    Args:
        func: takes and gives tensors, or trees (tuples, lists, dicts) of them.
        in_dims: which dimension of each input is the batch, None for an input that all
            examples share; one number, or a tree of them as the inputs are.
        out_dims: where the batch goes in each result; None for a result that is the same for
            all examples.
        randomness: whether random operations inside are an error, ``"different"`` for each
            example, or the ``"same"``.
        chunk_size: how many examples to compute at once; None for all.

    Raises:
        ValueError: ``in_dims`` or ``out_dims`` do not fit, or the sizes of the batch differ.
        RuntimeError: ``func`` reads a value, or draws random numbers with
            ``randomness="error"``.

    Example:
        >>> import flambeau as torch
        >>> x, y = torch.arange(6.0).reshape(3, 2), torch.ones(3, 2)
        >>> torch.vmap(torch.dot)(x, y)
        tensor([1., 5., 9.])

    Follows ``torch.vmap``.
    """
    if randomness not in RANDOMNESS:
        raise RuntimeError(
            "Only allowed values for randomness are 'error', 'different', or 'same'. "
            f"Got {randomness}"
        )
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")
    name = getattr(func, "__name__", repr(func))

    @functools.wraps(func, updated=())
    def mapped(*args: Any, **kwargs: Any) -> Any:
        flat, spec, dims, size = _inputs(name, in_dims, args)
        if chunk_size is None or chunk_size >= size:
            return _once(func, name, flat, spec, dims, size, out_dims, randomness, kwargs)
        return _in_chunks(
            func, name, flat, spec, dims, size, out_dims, randomness, kwargs, chunk_size
        )

    return mapped


def _inputs(
    name: str, in_dims: Any, args: tuple[Any, ...]
) -> tuple[list[Any], tree.Spec, list[int | None], int]:
    """The leaves of the inputs, and which dimension of each is the batch."""
    if not isinstance(in_dims, (int, tuple, list)):
        raise ValueError(
            f"vmap({name}, in_dims={in_dims}, ...)(<inputs>): expected `in_dims` to be int or a "
            "(potentially nested) tuple matching the structure of inputs, got: "
            f"{type(in_dims)}."
        )
    if not args:
        raise ValueError(
            f"vmap({name})(<inputs>): got no inputs. Maybe you forgot to add inputs, or you are "
            "trying to vmap over a function with no inputs. The latter is unsupported."
        )
    flat, spec = tree.flatten(args)
    prefix = tuple(in_dims) if isinstance(in_dims, list) else in_dims
    dims = tree.broadcast(prefix, spec)
    if dims is None:
        raise ValueError(
            f"vmap({name}, in_dims={in_dims}, ...)(<inputs>): in_dims is not compatible with the "
            f"structure of `inputs`. in_dims has structure {tree.flatten(in_dims)[1]} but inputs "
            f"has structure {spec}."
        )
    sizes = []
    for k, (x, dim) in enumerate(zip(flat, dims, strict=True)):
        at = f"vmap({name}, in_dims={in_dims}, ...)(<inputs>): Got in_dim={dim} for"
        if dim is None:
            continue
        if not isinstance(dim, int):
            raise ValueError(
                f"{at} an input but in_dim must be either an integer dimension or None."
            )
        if not isinstance(x, TensorBase):
            raise ValueError(
                f"{at} an input but the input is of type {type(x)}. We cannot vmap over "
                "non-Tensor arguments, please use None as the respective in_dim"
            )
        shape = value_of(x).aval.shape
        n = len(shape)
        if not -n <= dim < n:
            raise ValueError(
                f"{at} some input, but that input is a Tensor of dimensionality {n} so expected "
                f"in_dim to satisfy -{n} <= in_dim < {n}."
            )
        dims[k] = dim % n
        sizes.append(shape[dim])
    if not sizes:
        raise ValueError(
            f"vmap({name}, in_dims={in_dims}, ...)(<inputs>): no input is mapped over: every "
            "in_dim is None. Give the dimension of one input at least"
        )
    if len(set(sizes)) > 1:
        raise ValueError(
            "vmap: Expected all tensors to have the same size in the mapped dimension, got "
            f"sizes {sizes} for the mapped dimension"
        )
    return flat, spec, dims, sizes[0]


def _once(
    func: Any,
    name: str,
    flat: list[Any],
    spec: tree.Spec,
    dims: list[int | None],
    size: int,
    out_dims: Any,
    randomness: str,
    kwargs: dict[str, Any],
) -> Any:
    level = Vmap(size, randomness)
    moved = [
        x if dim is None or dim == 0 else movedim(x, dim, 0)
        for x, dim in zip(flat, dims, strict=True)
    ]
    shown = [
        x if dim is None else wrap(level.value(Held(value_of(x), x._edge, True)))
        for x, dim in zip(moved, dims, strict=True)
    ]
    with level.opened():
        result = func(*tree.unflatten(shown, spec), **kwargs)
    for x, t, dim in zip(flat, shown, dims, strict=True):
        if dim is not None and t._storage.version:  # what was done to an input in place
            x.copy_(_batch(level, t, dim))
    outs, out_spec = tree.flatten(result)
    wanted = _out_dims(name, out_dims, outs, out_spec)
    return tree.unflatten(
        [_batch(level, x, dim) for x, dim in zip(outs, wanted, strict=True)], out_spec
    )


def _out_dims(name: str, out_dims: Any, outs: list[Any], spec: tree.Spec) -> list[int | None]:
    prefix = tuple(out_dims) if isinstance(out_dims, list) and spec.kind is tuple else out_dims
    if spec.kind is None and isinstance(prefix, tuple) and len(prefix) == 1:
        prefix = prefix[0]
    dims = tree.broadcast(prefix, spec)
    if dims is None:
        raise ValueError(
            f"vmap({name}, ..., out_dims={out_dims})(<inputs>): out_dims is not compatible with "
            f"the structure of `outputs`. out_dims has structure {tree.flatten(out_dims)[1]} but "
            f"outputs has structure {spec}."
        )
    for x, dim in zip(outs, dims, strict=True):
        if dim is not None and not isinstance(dim, int):
            raise ValueError(
                f"vmap({name}, ..., out_dims={out_dims}): `out_dims` must be an int, None or a "
                f"python collection of ints, got {type(dim).__name__}"
            )
        if not isinstance(x, TensorBase) and dim is not None:
            raise ValueError(
                f"vmap({name}, ...): `{name}` must only return Tensors, got type {type(x)}. Did "
                "you mean to set out_dims= to None for output?"
            )
    return dims


def _batch(level: Vmap, x: Any, dim: int | None) -> Any:
    """A result of the function for all examples, the batch at ``dim``."""
    if not isinstance(x, TensorBase):
        return x
    content = held(level, x)
    if not content.batched:
        if dim is None:
            return wrap(content.value, content.edge)
        t: Any = wrap(content.value, content.edge)
        t = t.unsqueeze(0).expand(level.size, *t.shape)
    elif dim is None:
        raise ValueError(
            "vmap: out_dims is None for a result that differs between the examples of the batch"
        )
    else:
        t = wrap(content.value, content.edge)
    return t if dim == 0 else movedim(t, 0, dim)


def _in_chunks(
    func: Any,
    name: str,
    flat: list[Any],
    spec: tree.Spec,
    dims: list[int | None],
    size: int,
    out_dims: Any,
    randomness: str,
    kwargs: dict[str, Any],
    chunk_size: int,
) -> Any:
    keys = [(s, s.key) for s in streams()]
    parts = []
    out_spec: Any = None
    for start in range(0, size, chunk_size):
        n = min(chunk_size, size - start)
        if randomness == "same":
            for stream, key in keys:
                stream.key = key
        piece = [
            x if dim is None else narrow(x, dim, start, n)
            for x, dim in zip(flat, dims, strict=True)
        ]
        result = _once(func, name, piece, spec, dims, n, out_dims, randomness, kwargs)
        leaves, out_spec = tree.flatten(result)
        parts.append(leaves)
    wanted = tree.broadcast(out_dims, out_spec) or [0] * out_spec.size
    joined = [
        column[0] if dim is None else cat(list(column), dim)
        for column, dim in zip(zip(*parts, strict=True), wanted, strict=True)
    ]
    return tree.unflatten(joined, out_spec)
