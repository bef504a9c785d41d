"""The one registry of operations.

A row is a pure function of JAX arrays decorated with :func:`op`. The annotations of its
parameters say what each argument is, and everything else (recording, promotion, gradients,
the public function, the method, the in-place form, ``out=``) is derived from the row:

=================  ====================================================================
annotation         meaning
=================  ====================================================================
``Array``          a tensor
``OptArray``       a tensor or None
``Arrays``         a sequence of tensors
``Operand``        a tensor or a Python number; a number takes part in type promotion
                   as PyTorch's wrapped numbers do, and is an *input* of the program
``Scalar``         a Python number that is an input of the program (a new value makes no
                   new program); it takes the operation's compute dtype
``OptScalar``      likewise, or None
``Dims``           an int or a sequence of ints, static, given to the row as a tuple
``OptDims``        likewise, or None
``DType``          a NumPy dtype, static;  ``OptDType``: or None
anything else      static, must be hashable (``int``, ``bool``, ``str``, ``float``, tuples)
=================  ====================================================================
"""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Sequence
from typing import Annotated, Any, NamedTuple, get_type_hints

import jax
import numpy as np

Array = jax.Array
OptArray = Annotated[jax.Array | None, "array"]
Arrays = Annotated[Sequence[jax.Array], "arrays"]
Operand = Annotated[Any, "operand"]
Scalar = Annotated[Any, "scalar"]
OptScalar = Annotated[Any, "optscalar"]
Dims = Annotated[tuple[int, ...], "dims"]
OptDims = Annotated[tuple[int, ...] | None, "optdims"]
DType = Annotated[np.dtype, "dtype"]
OptDType = Annotated[np.dtype | None, "optdtype"]

_KINDS: dict[Any, str] = {
    Array: "array",
    OptArray: "optarray",
    Arrays: "arrays",
    Operand: "operand",
    Scalar: "scalar",
    OptScalar: "optscalar",
    Dims: "dims",
    OptDims: "optdims",
    DType: "dtype",
    OptDType: "optdtype",
}
_BY_NAME: dict[str, Any] = {
    "Array": Array, "OptArray": OptArray, "Arrays": Arrays, "Operand": Operand,
    "Scalar": Scalar, "OptScalar": OptScalar, "Dims": Dims, "OptDims": OptDims,
    "DType": DType, "OptDType": OptDType, "int": int, "bool": bool, "float": float,
    "str": str, "int | None": int | None, "str | None": str | None,
    "float | None": float | None, "bool | None": bool | None,
    "tuple[int, ...]": tuple[int, ...],
}  # fmt: skip
DYNAMIC_KINDS = frozenset({"array", "optarray", "arrays", "operand", "scalar", "optscalar"})
PROMOTIONS = frozenset({None, "numeric", "float"})


def _as_dims(value: Any) -> tuple[int, ...]:
    if isinstance(value, (tuple, list)):
        return tuple(operator.index(v) for v in value)
    return (operator.index(value),)


def _as_opt_dims(value: Any) -> tuple[int, ...] | None:
    return None if value is None else _as_dims(value)


def _as_opt_int(value: Any) -> int | None:
    return None if value is None else operator.index(value)


_NORMALIZERS: dict[Any, Callable[[Any], Any]] = {
    "dims": _as_dims,
    "optdims": _as_opt_dims,
    int: operator.index,
    float: float,
    bool: bool,
    (int | None): _as_opt_int,
}


class Parameter:
    """One parameter of a row: its name, what it is, and its default."""

    __slots__ = ("default", "dynamic", "kind", "kw_only", "name", "normalize")

    def __init__(self, name: str, annotation: Any, default: Any, kw_only: bool):
        self.name = name
        self.default = default
        self.kw_only = kw_only
        self.kind = _KINDS.get(annotation, "static")
        self.dynamic = self.kind in DYNAMIC_KINDS
        self.normalize = _NORMALIZERS.get(self.kind if self.kind != "static" else annotation)


def _parameters_of(impl: Callable[..., Any]) -> tuple[Parameter, ...]:
    """The parameters of a row. Reads the code object: there are hundreds of rows at import."""
    impl = inspect.unwrap(impl)
    code = impl.__code__
    n, n_kw = code.co_argcount, code.co_kwonlyargcount
    names = code.co_varnames[: n + n_kw]
    defaults: dict[str, Any] = dict(impl.__kwdefaults__ or {})
    given = impl.__defaults__ or ()
    defaults.update(zip(names[n - len(given) : n], given, strict=True))
    empty = inspect.Parameter.empty
    return tuple(
        Parameter(name, _annotation(impl, name), defaults.get(name, empty), i >= n)
        for i, name in enumerate(names)
    )


def _annotation(impl: Callable[..., Any], name: str) -> Any:
    """What a parameter is annotated with; names of the table above are not evaluated."""
    text = impl.__annotations__.get(name)
    if not isinstance(text, str):
        return text
    known = _BY_NAME.get(text, text)
    return get_type_hints(impl, include_extras=True)[name] if known is text else known


class Gradient(NamedTuple):
    """A first derivative written by hand; see :meth:`Op.set_gradient`."""

    forward: Callable[..., tuple[Any, Any]]
    backward: Callable[..., tuple[Any, ...]]
    when: Callable[..., bool] | None

    def serves(self, dynamic: Sequence[Any], static: dict[str, Any]) -> bool:
        """Whether these arguments are among those that it was written for."""
        return self.when is None or self.when(*dynamic, **static)

    def applied(self, dynamic: Sequence[Any], static: dict[str, Any]) -> Any:
        """The row's result, with this derivative."""
        run = jax.custom_vjp(lambda *given: self.forward(*given, **static)[0])
        run.defvjp(
            lambda *given: self.forward(*given, **static),
            lambda saved, cotangent: self.backward(saved, cotangent, **static),
        )
        return run(*dynamic)


class Op:
    """A row of the registry. Made by :func:`op`; calling it runs the pure function."""

    def __init__(
        self,
        impl: Callable[..., Any],
        name: str,
        *,
        promote: str | None,
        view: bool,
        scatter: Callable[..., Any] | None,
        random: bool,
        residuals: bool,
        differentiable: bool,
        returns: tuple[str, ...] | None,
        out: str | None,
        distinct: bool,
        positions: str | None,
        wraps: bool,
        along: int | None,
    ):
        if promote not in PROMOTIONS:
            raise ValueError(f"op {name!r}: promote={promote!r} is not one of {PROMOTIONS}")
        if scatter is not None and not view:
            raise ValueError(f"op {name!r}: scatter= is for views")
        if out not in (None, "cast", "exact"):
            raise ValueError(f"op {name!r}: out={out!r} is neither 'cast' nor 'exact'")
        self.impl = impl
        self.name = name
        self.promote = promote
        self.view = view
        self.scatter = scatter
        self.random = random
        self.residuals = residuals
        self.gradient: Gradient | None = None
        self.differentiable = differentiable
        self.returns = returns
        self.distinct = distinct
        self.positions = positions
        self.wraps = wraps
        self.along = along
        self.__doc__ = impl.__doc__
        self.__name__ = name
        self.parameters = _parameters_of(impl)
        takes_dtype = any(p.kind == "optdtype" and p.name == "dtype" for p in self.parameters)
        self.exact_out = out == "exact" or (out is None and promote is None and not takes_dtype)
        if random and (not self.parameters or self.parameters[0].name != "key"):
            raise ValueError(f"op {name!r}: a random row takes `key: Array` first")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.impl(*args, **kwargs)

    def set_gradient(
        self,
        forward: Callable[..., tuple[Any, Any]],
        backward: Callable[..., tuple[Any, ...]],
        when: Callable[..., bool] | None = None,
    ) -> None:
        """Give the row a first derivative by hand, where it is faster than the derived one.

        Only a backward pass that is not itself recorded takes it: higher derivatives,
        forward mode and ``vmap`` derive from the row, so both must mean the same.

        Args:
            forward: ``(*dynamic, **static) -> (result, residuals)``. It should compute the
                result as the row does, so that XLA sees that both are one.
            backward: ``(residuals, cotangent, **static)`` to one gradient (or None) per dynamic
                parameter; the cotangent has the structure of the result.
            when: ``(*dynamic, **static)``: whether it serves these arguments.
        """
        self.gradient = Gradient(forward, backward, when)

    def __repr__(self) -> str:
        return f"<op {self.name}>"


OPS: dict[str, Op] = {}


def op(
    name: str | None = None,
    *,
    promote: str | None = None,
    view: bool = False,
    scatter: Callable[..., Any] | None = None,
    random: bool = False,
    residuals: bool = False,
    differentiable: bool = True,
    returns: tuple[str, ...] | None = None,
    out: str | None = None,
    distinct: bool = False,
    positions: str | None = None,
    wraps: bool = False,
    along: int | None = None,
) -> Callable[[Callable[..., Any]], Op]:
    """Register a pure function of JAX arrays as an operation.

    Args:
        name: the row's name; the function's by default (a trailing ``_`` stripped, so
            that a row called ``sum_`` in the source registers ``sum``).
        promote: ``"numeric"`` casts all ``Array`` and ``Operand`` arguments to their
            common dtype by PyTorch's rules before the function sees them; ``"float"``
            does the same and turns integers and bool into the default float dtype;
            None leaves them alone.
        view: the result is a view of the first argument.
        scatter: for a view, ``scatter(base, new, **static)``: the base with the viewed
            elements replaced. Without it an index-based rule is derived.
        random: the row draws random numbers; its first parameter is ``key``, a raw
            ``uint32[2]`` threefry key that is fresh at each execution.
        residuals: save the residuals of the derived gradient instead of recomputing the
            forward (rows whose forward is dear, or that hold loops).
        differentiable: False when the result never carries a gradient.
        returns: field names, when the function returns a tuple that PyTorch names.
        out: ``"exact"`` when ``out=`` must have the very dtype of the result, ``"cast"`` when
            the result may be cast to it. None means cast for rows that promote or take a
            ``dtype``, exact for the others.
        distinct: ``out=`` must not share memory with an argument.
        positions: the parameter that holds positions in the first one, along the static
            ``dim`` or ``dims``, or ``along`` that dimension, or in the flat order. Those that
            came from the host are checked when the operation is recorded.
        wraps: whether negative positions count from the end.
        along: the dimension that positions count along in a row without ``dim``.

    Raises:
        ValueError: the name is taken, or an option is unknown.
    """

    def register(impl: Callable[..., Any]) -> Op:
        key = name or impl.__name__.rstrip("_")
        if key in OPS:
            raise ValueError(f"an op named {key!r} is registered already")
        row = OPS[key] = Op(
            impl,
            key,
            promote=promote,
            view=view,
            scatter=scatter,
            random=random,
            residuals=residuals,
            differentiable=differentiable,
            returns=returns,
            out=out,
            distinct=distinct,
            positions=positions,
            wraps=wraps,
            along=along,
        )
        return row

    return register
