"""Parameters and buffers: tensors that a module owns."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from flambeau._traceback import hide
from flambeau.nn import _core
from flambeau.nn._core import Tensor

__all__ = [
    "Buffer",
    "Parameter",
    "UninitializedBuffer",
    "UninitializedParameter",
    "UninitializedTensorMixin",
    "is_lazy",
]


class _ParameterMeta(type(Tensor)):
    """Lets an instance of another Tensor subclass count as a Parameter (``_is_param``)."""

    def __instancecheck__(cls, instance: Any) -> bool:
        if super().__instancecheck__(instance):
            return True
        return (
            cls is Parameter
            and isinstance(instance, Tensor)
            and getattr(instance, "_is_param", False)
        )


class Parameter(Tensor, metaclass=_ParameterMeta):
    """A tensor that is learned: assigned to a module, it appears in its ``parameters()``.

    The parameter shares its memory with ``data`` and has no history of its own.

    Args:
        data: the tensor to learn; an empty tensor when left out.
        requires_grad: whether gradients are computed for it.

    Raises:
        AttributeError: ``data`` is not a tensor.
        RuntimeError: ``data`` holds integers or bools, which cannot require gradients.

    Example:
        >>> import flambeau as torch
        >>> layer = torch.nn.Module()
        >>> layer.scale = torch.nn.Parameter(torch.ones(2))
        >>> list(layer.parameters())
        [Parameter containing:
        tensor([1., 1.], requires_grad=True)]

    Follows ``torch.nn.Parameter``.
    """

    def __new__(cls, data: Any = None, requires_grad: bool = True) -> Parameter:
        try:
            return cls._of(data, requires_grad)
        except Exception as error:
            hide(error)
            raise

    @classmethod
    def _of(cls, data: Any, requires_grad: bool) -> Parameter:
        if data is None:
            data = _core.empty(0)
        elif not isinstance(data, Tensor):
            raise _core.not_a_tensor(cls.__name__, data)
        if type(data) is Tensor or type(data) is Parameter:
            return _core.alias(cls, data, requires_grad)
        # A Tensor subclass stays what it is and is only marked as a parameter.
        marked = data.detach().requires_grad_(requires_grad)
        if type(marked) is not type(data):
            raise RuntimeError(
                f"{cls.__name__}: detach() of a {type(data).__name__} gave a "
                f"{type(marked).__name__}, so the result cannot be marked as a parameter; "
                f"let {type(data).__name__}.detach() return its own type."
            )
        marked._is_param = True
        return marked

    def __init__(self, data: Any = None, requires_grad: bool = True) -> None:
        """All the work is done in ``__new__``."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        if id(self) in memo:
            return memo[id(self)]
        copied = type(self)(_core.snapshot(self), self.requires_grad)
        memo[id(self)] = copied
        return copied

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        return "Parameter containing:\n" + _core.tensor_repr(self)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        state = _core.attributes(self)
        return _rebuild_parameter, (self.data, self.requires_grad, OrderedDict(), state)


def _rebuild_parameter(
    data: Tensor,
    requires_grad: bool,
    hooks: OrderedDict[int, Any],
    state: dict[str, Any] | None = None,
) -> Parameter:
    """Make the parameter again that a pickle describes."""
    param = Parameter(data, requires_grad)
    if state:
        param.__dict__.update(state)
    return param


class _BufferMeta(type(Tensor)):
    """A buffer is a plain tensor with a mark, as in PyTorch."""

    def __instancecheck__(cls, instance: Any) -> bool:
        if super().__instancecheck__(instance):
            return True
        return (
            cls is Buffer
            and isinstance(instance, Tensor)
            and getattr(instance, "_is_buffer", False)
        )


class Buffer(Tensor, metaclass=_BufferMeta):
    """A tensor that a module owns but does not learn, such as running statistics.

    Assigned to a module, it appears in ``buffers()``, moves with the module and is saved
    with it; an optimizer never sees it.

    Args:
        data: the tensor; an empty one when left out.
        persistent: whether it is part of the module's ``state_dict()``.

    Follows ``torch.nn.Buffer``.
    """

    persistent: bool

    def __new__(cls, data: Any = None, *, persistent: bool = True) -> Buffer:
        if data is None:
            data = _core.empty(0)
        elif not isinstance(data, Tensor):
            raise _core.not_a_tensor(cls.__name__, data)
        marked = data.detach().requires_grad_(data.requires_grad)
        marked.persistent = persistent
        marked._is_buffer = True
        return marked


class UninitializedTensorMixin:
    """A tensor without a shape yet; :meth:`materialize` gives it one."""

    cls_to_become: type

    @property
    def shape(self) -> Any:
        """There is none yet.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer. "
            "This error usually happens in `load_state_dict` when trying to load an "
            "uninitialized parameter into an initialized one. Call `forward` to initialize the "
            "parameters before accessing their attributes."
        )

    def materialize(self, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Become an ordinary parameter or buffer of the given shape, in place."""
        device = self.device if device is None else device
        dtype = self.dtype if dtype is None else dtype
        made = _core.empty(tuple(shape), device=device, dtype=dtype)
        self.__class__ = self.cls_to_become
        self.data = made

    def share_memory_(self) -> Any:
        """Refused: there is no memory yet."""
        raise RuntimeError(
            "Can't share memory on an uninitialized parameter or buffer. Call `forward` to "
            "initialize the parameters before calling `module.share_memory()`."
        )

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        return f"<{type(self).__name__}>"

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return type(self), (
            self.requires_grad,
            str(self.device),
            self.dtype,
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if id(self) not in memo:
            make, args = self.__reduce_ex__(2)
            memo[id(self)] = make(*args)
        return memo[id(self)]


class UninitializedParameter(UninitializedTensorMixin, Parameter):
    """A parameter whose shape is not known yet.

    Follows ``torch.nn.parameter.UninitializedParameter``.
    """

    cls_to_become = Parameter

    def __new__(
        cls, requires_grad: bool = True, device: Any = None, dtype: Any = None
    ) -> UninitializedParameter:
        return _core.alias(cls, _core.empty(0, device=device, dtype=dtype), requires_grad)

    def __init__(self, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> None:
        """All the work is done in ``__new__``."""


class UninitializedBuffer(UninitializedTensorMixin, Tensor):
    """A buffer whose shape is not known yet.

    Follows ``torch.nn.parameter.UninitializedBuffer``.
    """

    cls_to_become = Tensor

    def __new__(
        cls,
        requires_grad: bool = False,
        device: Any = None,
        dtype: Any = None,
        persistent: bool = True,
    ) -> UninitializedBuffer:
        made = _core.alias(cls, _core.empty(0, device=device, dtype=dtype), requires_grad)
        made.persistent = persistent
        made._is_buffer = True
        return made

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """All the work is done in ``__new__``."""


def is_lazy(param: Any) -> bool:
    """Whether a parameter or buffer has no shape yet."""
    return isinstance(param, UninitializedTensorMixin)
