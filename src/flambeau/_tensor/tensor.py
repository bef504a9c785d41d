"""The class :class:`Tensor`: what it knows of itself; its operations come from mixins."""

from __future__ import annotations

import copy
import textwrap
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from flambeau._autograd import levels
from flambeau._autograd.tape import Node, Tracked, bridge, mode
from flambeau._engine import recorder
from flambeau._engine.call import Call, interned
from flambeau._engine.changes import changes
from flambeau._engine.recorder import read
from flambeau._ops import casts
from flambeau._tensor import dtypes, gradients
from flambeau._tensor.construct import constant, from_data
from flambeau._tensor.core import Leaf, Storage, TensorBase, _new, set_tensor_class, value_of, wrap
from flambeau._tensor.device import device as device_type
from flambeau._tensor.device import place_for, user_device
from flambeau._tensor.dispatch import run, transfer
from flambeau._tensor.hooks import RemovableHandle, add_hook
from flambeau._tensor.layout import strided
from flambeau._tensor.methods import Methods
from flambeau._tensor.printing import format_tensor
from flambeau._tensor.size import Size
from flambeau._warnings import warn


class Tensor(Methods, TensorBase):
    """A multi-dimensional array of one dtype, on one device.

    Make one with :func:`flambeau.tensor`, :func:`flambeau.zeros` and their like; calling the
    class itself gives a float32 tensor from data or, uninitialised, from sizes.

    Example:
        >>> import flambeau as torch
        >>> x = torch.tensor([[1.0, -1.0]], requires_grad=True)
        >>> x.relu().sum().backward()
        >>> x.grad
        tensor([[1., 0.]])

    Follows ``torch.Tensor``.
    """

    def __new__(cls, *args: Any, device: Any = None, **kwargs: Any) -> Any:
        made = _legacy(args, dtypes.get_default_dtype(), device)
        return made if cls is Tensor else made.as_subclass(cls)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    # -- what it is ---------------------------------------------------------------------

    @property
    def shape(self) -> Size:
        """The size of each dimension."""
        return Size(value_of(self).aval.shape)

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the size of one dimension. Follows ``torch.Tensor.size``."""
        shape = value_of(self).aval.shape
        if dim is None:
            return Size(shape)
        try:
            return shape[dim]
        except IndexError:
            n = max(len(shape), 1)
            raise IndexError(
                f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], "
                f"but got {dim})"
            ) from None

    @property
    def dtype(self) -> dtypes.dtype:
        """The data type of the elements."""
        return dtypes.from_numpy_dtype(value_of(self).aval.dtype)

    @property
    def device(self) -> device_type:
        """Where the elements live."""
        return user_device(value_of(self).aval.device)

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return value_of(self).aval.ndim

    def dim(self) -> int:
        """The number of dimensions."""
        return value_of(self).aval.ndim

    ndimension = dim

    def numel(self) -> int:
        """The number of elements."""
        return value_of(self).aval.size

    nelement = numel

    @property
    def itemsize(self) -> int:
        """Bytes per element."""
        return value_of(self).aval.dtype.itemsize

    def element_size(self) -> int:
        """Bytes per element."""
        return value_of(self).aval.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        aval = value_of(self).aval
        return aval.size * aval.dtype.itemsize

    @property
    def is_cuda(self) -> bool:
        """Whether it lives on a GPU."""
        return value_of(self).aval.device.kind == "cuda"

    @property
    def is_cpu(self) -> bool:
        """Whether it lives in the host's memory."""
        return value_of(self).aval.device.kind == "cpu"

    @property
    def is_meta(self) -> bool:
        """Whether it has a shape and no data."""
        return value_of(self).aval.device.is_meta

    def get_device(self) -> int:
        """The index of its GPU, -1 on CPU.

        Example:
            >>> import flambeau as torch
            >>> torch.ones(2).get_device()
            -1

        Follows ``torch.Tensor.get_device``.
        """
        place = value_of(self).aval.device
        return -1 if place.kind == "cpu" else place.index

    def is_floating_point(self) -> bool:
        """Whether the dtype is floating point."""
        return self.dtype.is_floating_point

    def is_complex(self) -> bool:
        """Whether the dtype is complex."""
        return self.dtype.is_complex

    def is_signed(self) -> bool:
        """Whether the dtype is signed."""
        return self.dtype.is_signed

    is_sparse = False
    is_quantized = False
    is_nested = False
    is_mkldnn = False
    layout = strided
    names: Any = property(lambda self: (None,) * self.ndim)

    @property
    def _version(self) -> int:
        """How often the storage was written to."""
        return self._storage.version

    def __len__(self) -> int:
        shape = value_of(self).aval.shape
        if not shape:
            raise TypeError("len() of a 0-d tensor")
        return shape[0]

    __hash__ = object.__hash__  # pyright: ignore[reportAssignmentType]

    # -- reading ------------------------------------------------------------------------

    def item(self) -> Any:
        """The one element as a Python number. Executes what is pending.

        Raises:
            RuntimeError: there is not exactly one element.
        """
        value = value_of(self)
        if value.aval.size != 1:
            raise RuntimeError(
                f"a Tensor with {value.aval.size} elements cannot be converted to Scalar"
            )
        return (
            np.asarray(read(value)).reshape(()).item()
            if value.aval.dtype.kind != "V"
            else float(np.asarray(read(value)).reshape(()).astype(np.float64))
        )

    def tolist(self) -> Any:
        """The elements as nested lists of Python numbers. Executes what is pending."""
        array = np.asarray(read(value_of(self)))
        return (array.astype(np.float64) if array.dtype.kind == "V" else array).tolist()

    def numpy(self, *, force: bool = False) -> np.ndarray:
        """The elements as a NumPy array. Executes what is pending.

        On CPU the array shares memory with the tensor as it is now; it is read-only, and
        later writes to the tensor do not show in it.

        Args:
            force: detach and copy to the host if needed.

        Raises:
            RuntimeError: it requires grad (call ``detach()`` first).
            TypeError: it is on another device (call ``cpu()`` first), or of a dtype that
                NumPy lacks.

        Follows ``torch.Tensor.numpy``.
        """
        value = value_of(self)
        if not force:
            if self._edge is not None:
                raise RuntimeError(
                    "Can't call numpy() on Tensor that requires grad. "
                    "Use tensor.detach().numpy() instead."
                )
            if value.aval.device.kind != "cpu":
                raise TypeError(
                    f"can't convert {user_device(value.aval.device)} device type tensor to numpy. "
                    "Use Tensor.cpu() to copy the tensor to host memory first."
                )
        if value.aval.dtype.kind == "V":
            raise TypeError(f"Got unsupported ScalarType {self.dtype.name.capitalize()}")
        return np.asarray(read(value))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = self.numpy()
        if dtype is not None and array.dtype != dtype:
            return array.astype(dtype)
        return array.copy() if copy else array

    __array_priority__ = 1000

    def __jax_array__(self) -> Any:
        from flambeau._tensor.construct import to_jax

        return to_jax(self)

    def __dlpack__(self, **kwargs: Any) -> Any:
        if self._edge is not None:
            raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
        return self.__jax_array__().__dlpack__(**kwargs)

    def __dlpack_device__(self) -> Any:
        return self.__jax_array__().__dlpack_device__()

    def __bool__(self) -> bool:
        n = value_of(self).aval.size
        if n != 1:
            if n == 0:
                raise RuntimeError("Boolean value of Tensor with no values is ambiguous")
            raise RuntimeError("Boolean value of Tensor with more than one value is ambiguous")
        return bool(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def __complex__(self) -> complex:
        return complex(self.item())

    def __index__(self) -> int:
        value = value_of(self)
        if value.aval.size != 1 or value.aval.dtype.kind not in "iub":
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.item())

    def __contains__(self, element: Any) -> bool:
        if isinstance(element, (TensorBase, int, float, complex, bool)):
            return bool((self == element).any().item())
        raise RuntimeError(
            "Tensor.__contains__ only supports Tensor or scalar, but you passed in a "
            f"{type(element)}."
        )

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        return self._format()

    def _format(self, is_parameter: bool = False) -> str:
        value = value_of(self)
        level = levels.top(value)
        if level is not None and level.open:
            return _format_inside(level, value)
        aval = value.aval
        edge = self._edge
        node = edge[0] if edge is not None and isinstance(edge[0], Node) else None
        return format_tensor(
            None if aval.device.is_meta else np.asarray(read(value)),
            shape=aval.shape,
            dtype=aval.dtype,
            default_dtype=dtypes.get_default_dtype().numpy,
            device=str(user_device(aval.device))
            if aval.device.kind != "cuda"
            else f"cuda:{aval.device.index}",
            requires_grad=edge is not None and node is None,
            grad_fn=None if node is None else node.label,
            is_parameter=is_parameter,
        )

    def __format__(self, spec: str) -> str:
        if self.dim() == 0 and not self.is_meta and type(self) is Tensor:
            return self.item().__format__(spec)
        return object.__format__(self, spec)

    # -- history ------------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        """Whether gradients are computed for it."""
        if self._chain is not None:
            value_of(self)
        return self._edge is not None

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Any:
        """Start or stop computing gradients for it; returns itself.

        Raises:
            RuntimeError: it is the result of an operation (not a leaf), or not of a floating
                point or complex dtype.
        """
        edge = self._edge
        if edge is not None and isinstance(edge[0], Node):
            if not requires_grad:
                raise RuntimeError(
                    "you can only change requires_grad flags of leaf variables. If you want to "
                    "use a computed variable in a subgraph that doesn't require differentiation "
                    "use var_no_grad = var.detach()."
                )
            return self
        if requires_grad:
            if not value_of(self).aval.inexact:
                raise RuntimeError(
                    "only Tensors of floating point and complex dtype can require gradients"
                )
            self._edge = (gradients.leaf_of(self), 0)
        else:
            self._edge = None
        if (edge is None) is requires_grad:
            changes.count += 1
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether it was made by the user rather than by a recorded operation."""
        if self._chain is not None:
            value_of(self)
        return self._edge is None or not isinstance(self._edge[0], Node)

    @property
    def grad_fn(self) -> Any:
        """The node that made it, None for a leaf."""
        if self._chain is not None:
            value_of(self)
        edge = self._edge
        return edge[0] if edge is not None and isinstance(edge[0], Node) else None

    @property
    def output_nr(self) -> int:
        """Which result of ``grad_fn`` it is."""
        return self._edge[1] if self._edge is not None else 0

    @property
    def grad(self) -> Any:
        """The gradient that backward accumulated; None until it did."""
        leaf = self._leaf
        if leaf is None or leaf.grad is None:
            edge = self._edge
            if edge is not None and isinstance(edge[0], Node):
                _warn_non_leaf(self, edge[0])
            return None
        return leaf.grad

    @grad.setter
    def grad(self, value: Any) -> None:
        if value is not None:
            if not isinstance(value, TensorBase):
                raise TypeError(
                    "assigned grad expected to be a Tensor or None but got grad of type "
                    f"{type(value).__name__}"
                )
            if value is self:
                raise RuntimeError("can't assign Variable as its own grad")
            a, b = value_of(value).aval, value_of(self).aval
            if a.shape != b.shape:
                raise RuntimeError(
                    f"assigned grad has data of a different size: the tensor is {list(b.shape)}, "
                    f"the grad {list(a.shape)}"
                )
            if a.dtype is not b.dtype:
                raise RuntimeError(
                    f"attempting to assign a gradient with dtype '{value.dtype}' to a tensor with "
                    f"dtype '{self.dtype}'"
                )
            if a.device is not b.device:
                raise RuntimeError("assigned grad has data located on a different device")
        elif self._leaf is None:
            return
        gradients.leaf_of(self).grad = value
        changes.count += 1

    @grad.deleter
    def grad(self) -> None:
        if self._leaf is not None:
            self._leaf.grad = None
            changes.count += 1

    def backward(
        self,
        gradient: Any = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Any = None,
    ) -> None:
        """Add the gradients of this tensor to the ``.grad`` of the leaves it depends on.

        Args:
            gradient: gradient with respect to this tensor; ones for a scalar.
            retain_graph: keep the graph for another backward.
            create_graph: record the backward pass, for higher derivatives.
            inputs: accumulate into these leaves only.

        Follows ``torch.Tensor.backward``.
        """
        gradients.backward(
            (self,), None if gradient is None else (gradient,), retain_graph, create_graph, inputs
        )

    def retain_grad(self) -> None:
        """Keep ``.grad`` although this is not a leaf. Follows ``torch.Tensor.retain_grad``."""
        if not self.requires_grad:
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        node, position = self._edge
        if not isinstance(node, Node):
            return
        leaf = gradients.leaf_of(self)
        if self.retains_grad:
            return

        def keep(grad: Tracked) -> None:
            leaf.grad = None
            leaf.accumulate(grad)

        _hooks_at(node, position)[_RETAIN] = keep

    @property
    def retains_grad(self) -> bool:
        """Whether this non-leaf keeps its ``.grad``."""
        edge = self._edge
        if edge is None or not isinstance(edge[0], Node) or edge[0].hooks is None:
            return False
        return _RETAIN in edge[0].hooks.get(edge[1], {})

    def register_hook(self, hook: Callable[[Any], Any]) -> RemovableHandle:
        """Call ``hook(grad)`` when the gradient of this tensor is known; it may return another.

        Follows ``torch.Tensor.register_hook``.
        """
        if not self.requires_grad:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        target, position = self._edge

        def call(grad: Tracked) -> Tracked | None:
            result = hook(wrap(grad.value, grad.edge))
            if result is None:
                return None
            return Tracked(value_of(result), result._edge)

        if isinstance(target, Node):
            hooks = _hooks_at(target, position)
        else:
            if target.hooks is None:
                target.hooks = OrderedDict()
            hooks = target.hooks
        return add_hook(hooks, call)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Any], None]) -> RemovableHandle:
        """Call ``hook(self)`` after a gradient was added to ``.grad``.

        Follows ``torch.Tensor.register_post_accumulate_grad_hook``.
        """
        if not self.requires_grad:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        if not self.is_leaf:
            raise RuntimeError(
                "post accumulate grad hooks cannot be registered on non-leaf tensors"
            )
        leaf = gradients.leaf_of(self)
        if leaf.post_hooks is None:
            leaf.post_hooks = OrderedDict()
        return add_hook(leaf.post_hooks, hook)

    def detach(self) -> Any:
        """The same elements without history; shares memory.

        Shape:
            ``(*)`` to ``(*)``.

        Dtypes:
            Any; the result has the input's.

        Raises:
            TypeError: the first argument is no tensor.

        Example:
            >>> import flambeau as torch
            >>> x = torch.ones(2, requires_grad=True)
            >>> x.detach()
            tensor([1., 1.])

        Follows ``torch.Tensor.detach``.
        """
        value = value_of(self)
        t = _new(Tensor)
        t._storage = self._storage
        if recorder.layers is not None and levels.has_history(value):
            t._chain = (*(self._chain or ()), interned("detach", _detach_call))
            return t
        if self._chain is not None:
            t._chain = self._chain
            t._seen = (value, self._storage.version)
        return t

    def detach_(self) -> Any:
        """Drop the history, in place.

        Shape:
            ``(*)`` to ``(*)``.

        Dtypes:
            Any; the result has the input's.

        Example:
            >>> import flambeau as torch
            >>> y = torch.ones(2, requires_grad=True) * 2
            >>> y.detach_()
            tensor([2., 2.])

        Raises:
            RuntimeError: it is a view.

        Follows ``torch.Tensor.detach_``.
        """
        if self._chain is not None and self._base is not None:
            raise RuntimeError("Can't detach views in-place. Use detach() instead.")
        self._edge = None
        changes.count += 1
        return self

    @property
    def data(self) -> Any:
        """The same elements without history; assigning replaces them and keeps the object."""
        return self.detach()

    @data.setter
    def data(self, other: Any) -> None:
        if not isinstance(other, TensorBase):
            raise TypeError(f"Variable data has to be a tensor, but got {type(other).__name__}")
        self._set_data(other)

    def _set_data(self, other: TensorBase) -> None:
        """Show what another tensor shows, sharing its memory; object and history flags stay."""
        value = value_of(other)
        self._storage = other._storage
        self._chain = other._chain
        self._base = None
        self._seen = None if other._chain is None else (value, other._storage.version)
        changes.count += 1

    def data_ptr(self) -> int:
        """A number that tells memory apart: equal for tensors that start at the same element.

        It stands for the storage, not for an address: JAX's arrays are replaced at each write.

        Follows ``torch.Tensor.data_ptr``.
        """
        if value_of(self).aval.size == 0 or self.is_meta:
            return 0
        return (id(self._storage) << 16) + self.storage_offset() * self.itemsize

    @property
    def _is_view(self) -> bool:
        return self._chain is not None

    def is_shared(self) -> bool:
        """Whether other processes see the memory: never."""
        return False

    def share_memory_(self) -> Any:
        """Accepted; arrays are handed to other processes by copy."""
        return self

    # -- conversion ---------------------------------------------------------------------

    def to(self, *args: Any, **kwargs: Any) -> Any:
        """The tensor with another dtype or on another device; itself where nothing changes.

        Takes ``(dtype)``, ``(device, dtype)``, ``(other)``, each with ``non_blocking`` and
        ``copy``. Follows ``torch.Tensor.to``.
        """
        place, dtype, copy_ = parse_to(*args, **kwargs)
        value = value_of(self)
        out = self
        if place is not None and place is not value.aval.device:
            out = _move(self, place)
        if dtype is not None and dtype.numpy is not value.aval.dtype:
            out = run(casts.to_dtype, (out,), (("dtype", dtype.numpy),))
        elif out is self and copy_:
            out = run(casts.clone, (self,))
        return out

    def as_subclass(self, cls: type) -> Any:
        """The same tensor as an instance of a subclass, sharing everything."""
        t = _new(cls)
        t.__dict__.update(self.__dict__)
        return t

    def cpu(self, memory_format: Any = None) -> Any:
        """The tensor in the host's memory."""
        return self.to("cpu")

    def cuda(
        self, device: Any = None, non_blocking: bool = False, memory_format: Any = None
    ) -> Any:
        """The tensor on a GPU."""
        return self.to("cuda" if device is None else device_type(device))

    def type(self, dtype: Any = None, non_blocking: bool = False) -> Any:
        """The old name of its dtype and device, or the tensor cast to one."""
        if dtype is None:
            return legacy_name(self.dtype, self.device.type)
        if isinstance(dtype, str):
            return self.to(legacy_dtype(dtype))
        if isinstance(dtype, type) and isinstance(getattr(dtype, "dtype", None), dtypes.dtype):
            return self.to("cuda" if dtype.is_cuda else "cpu", dtype.dtype)
        return self.to(dtype)

    # -- copying ------------------------------------------------------------------------

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if not self.is_leaf:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy "
                "protocol at the moment. If you were attempting to deepcopy a module, this may be "
                "because of a tensor attribute that an operation made; use .detach()"
            )
        if id(self) in memo:
            return memo[id(self)]
        storage = memo.get(id(self._storage))
        if storage is None:
            storage = memo[id(self._storage)] = Storage(self._storage.value)
        t = _new(type(self))
        memo[id(self)] = t
        t._storage = storage
        if self._chain is not None:
            t._chain = self._chain
        for key, held in self.__dict__.items():
            if key not in _STATE:
                t.__dict__[key] = copy.deepcopy(held, memo)
        if self._edge is not None:
            t._edge = (gradients.leaf_of(t), 0)
        if self._leaf is not None and self._leaf.grad is not None:
            gradients.leaf_of(t).grad = copy.deepcopy(self._leaf.grad, memo)
        return t

    def __copy__(self) -> Any:
        t = _new(type(self))
        t.__dict__.update(self.__dict__)
        t.__dict__.pop("_leaf", None)
        if self._edge is not None and isinstance(self._edge[0], Leaf):
            t._edge = (gradients.leaf_of(t), 0)
        return t

    def __reduce_ex__(self, protocol: Any) -> Any:
        if not self.is_leaf:
            raise RuntimeError("a tensor with history cannot be pickled; use .detach() first")
        extra = {k: v for k, v in self.__dict__.items() if k not in _STATE}
        array = np.asarray(read(value_of(self)))
        place = value_of(self).aval.device
        # By name the class itself would be looked up in PyTorch.
        cls = None if type(self) is Tensor else type(self)
        return _rebuild, (cls, array, str(user_device(place)), self.requires_grad, extra)


_STATE = frozenset({"_storage", "_chain", "_base", "_seen", "_edge", "_given", "_leaf"})
_RETAIN = "retain_grad"


def _rebuild(
    cls: type | None, array: np.ndarray, where: str, requires_grad: bool, extra: Any
) -> Any:
    t = _new(Tensor if cls is None else cls)
    t._storage = Storage(constant(np.array(array), place_for(where)))
    t.__dict__.update(extra)
    if requires_grad:
        t.requires_grad_(True)
    return t


def _hooks_at(node: Node, position: int) -> OrderedDict[Any, Any]:
    if node.hooks is None:
        node.hooks = {}
    return node.hooks.setdefault(position, OrderedDict())


_warned: weakref.WeakSet[Node] = weakref.WeakSet()


def _format_inside(level: Any, value: Any) -> str:
    """A tensor inside a transform, as what it stands for."""
    held = value.place[1]
    if not level.marks:
        primal = repr(wrap(held.value, held.edge))
        if held.tangent is None:
            return primal
        return f"{primal[:-1]}, tangent={wrap(held.tangent.value, held.tangent.edge)!r})"
    below = textwrap.indent(repr(wrap(held.value, held.edge)), "    ")
    depth = 1
    outer = level.outer
    while outer is not None:
        depth, outer = depth + 1, outer.outer
    if getattr(level, "size", None) is not None and held.batched:
        return f"BatchedTensor(lvl={depth}, bdim=0, value=\n{below}\n)"
    return f"GradTrackingTensor(lvl={depth}, value=\n{below}\n)"


def _detach_call() -> Call:
    return Call(
        "detach",
        jax.lax.stop_gradient,
        view=True,
        scatter=lambda base, new: (new,),
        signature="detach",
    )


def _warn_non_leaf(tensor: Any, node: Node) -> None:
    if tensor.retains_grad:
        return
    at = f" at {node.line}" if node.line else ""
    warn(
        "FB015",
        "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed: "
        f"{node.label}{at} made it, so its .grad attribute won't be populated during "
        "autograd.backward(). Call .retain_grad() on it before backward, or read the .grad of "
        "the leaf it was computed from.",
        owner=node,
    )


def _move(t: Any, place: Any) -> Any:
    """A copy on another device, through which gradients flow back."""
    value = transfer(value_of(t), place)
    edge = None
    if mode.grad and t._edge is not None:
        edge = (MoveNode(t._edge, value_of(t).aval, value.aval), 0)
    return wrap(value, edge)


class MoveNode(Node):
    """The history of a copy between devices: the gradient is copied back."""

    __slots__ = ("source",)

    def __init__(self, edge: Any, source: Any, target: Any):
        super().__init__(None, (), (edge,), (target,))  # type: ignore[arg-type]
        self.source = source

    @property
    def label(self) -> str:
        return "ToCopyBackward0"

    def run(self, grads: list[Any], tracked: bool) -> list[Any]:
        g = grads[0]
        value = transfer(g.value, self.source.device)
        if tracked and g.edge is not None:
            return [Tracked(value, (MoveNode(g.edge, g.value.aval, value.aval), 0))]
        return [Tracked(value)]


def parse_to(*args: Any, **kwargs: Any) -> tuple[Any, dtypes.dtype | None, bool]:
    """The arguments of ``.to()``: where, which dtype, and whether to copy."""
    where = kwargs.pop("device", None)
    dtype = kwargs.pop("dtype", None)
    copy_ = kwargs.pop("copy", False)
    other = kwargs.pop("other", None)
    for name in ("non_blocking", "memory_format"):
        kwargs.pop(name, None)
    if kwargs:
        raise TypeError(f"to() got an unexpected keyword argument '{next(iter(kwargs))}'")
    rest = list(args)
    if rest and isinstance(rest[0], TensorBase):
        other = rest.pop(0)
    elif rest and (rest[0] is None or isinstance(rest[0], (str, int, device_type))):
        if not isinstance(rest[0], bool):
            where = rest.pop(0)
        if rest and isinstance(rest[0], dtypes.dtype):
            dtype = rest.pop(0)
    elif rest:
        try:
            dtype = dtypes.as_dtype(rest.pop(0))
        except TypeError as error:
            raise TypeError(f"to() received an invalid combination of arguments: {error}") from None
    if len(rest) == 2:
        copy_ = rest[1]
    if other is not None:
        aval = value_of(other).aval
        return aval.device, dtypes.from_numpy_dtype(aval.dtype), copy_
    if dtype is not None:
        dtype = dtypes.as_dtype(dtype)
    return (None if where is None else place_for(where)), dtype, copy_


_LEGACY = {
    "Float": dtypes.float32, "Double": dtypes.float64, "Half": dtypes.float16,
    "BFloat16": dtypes.bfloat16, "Byte": dtypes.uint8, "Char": dtypes.int8,
    "Short": dtypes.int16, "Int": dtypes.int32, "Long": dtypes.int64, "Bool": dtypes.bool_,
    "ComplexFloat": dtypes.complex64, "ComplexDouble": dtypes.complex128,
}  # fmt: skip


def legacy_name(dtype: dtypes.dtype, where: str = "cpu") -> str:
    """PyTorch's old name of a tensor type, such as ``torch.FloatTensor``."""
    stem = next((k for k, d in _LEGACY.items() if d is dtype), dtype.name)
    return f"torch.{'cuda.' if where == 'cuda' else ''}{stem}Tensor"


def legacy_dtype(name: str) -> dtypes.dtype:
    """The dtype behind an old name.

    Raises:
        ValueError: there is no such type.
    """
    stem = name.rsplit(".", 1)[-1].removesuffix("Tensor")
    if stem not in _LEGACY:
        raise ValueError(f"invalid type: '{name}'")
    return _LEGACY[stem]


def _legacy(args: tuple[Any, ...], dtype: dtypes.dtype, where: Any) -> Any:
    """``Tensor(data)`` copies data; ``Tensor(2, 3)`` and ``Tensor(size)`` give zeros of a shape."""
    if len(args) == 1 and isinstance(args[0], TensorBase):
        return wrap(value_of(args[0]))
    if len(args) == 1 and not isinstance(args[0], (int, Size)):
        return from_data(args[0], dtype, where)
    shape = args[0] if len(args) == 1 and isinstance(args[0], Size) else args
    if not args:
        shape = (0,)
    if not all(isinstance(s, int) for s in shape):
        raise TypeError(f"new() received an invalid combination of arguments - got {args}")
    place = place_for(where)
    return wrap(constant(np.zeros(tuple(shape), dtype.numpy), place))


def is_tensor(obj: Any) -> bool:
    """Whether an object is a tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.is_tensor([1.0])
        False

    Follows ``torch.is_tensor``.
    """
    return isinstance(obj, TensorBase)


def synchronize(t: Tensor) -> Tensor:
    """Execute what is pending and wait until a tensor has its data."""
    read(value_of(t)).block_until_ready()
    return t


Tensor.__module__ = "torch"
set_tensor_class(Tensor)


def _tensored(grads: Any) -> tuple[Any, ...]:
    return tuple(None if g is None else wrap(g.value, g.edge) for g in grads)


def _untensored(grads: Any) -> list[Any] | None:
    if grads is None:
        return None
    given = (grads,) if isinstance(grads, TensorBase) else grads
    return [None if g is None else Tracked(value_of(g), g._edge) for g in given]


bridge.tensored = _tensored
bridge.untensored = _untensored
bridge.handle = add_hook
__all__ = ["Tensor", "is_tensor", "legacy_dtype", "legacy_name", "parse_to", "synchronize"]
