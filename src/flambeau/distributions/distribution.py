"""What every distribution is. Follows ``torch.distributions.distribution``."""

from __future__ import annotations

import warnings
import weakref
from typing import TYPE_CHECKING, Any, ClassVar

from flambeau._autograd.grad_mode import no_grad
from flambeau._tensor.size import Size
from flambeau._tensor.tensor import Tensor
from flambeau.distributions import constraints
from flambeau.distributions._validation import can_look, require
from flambeau.distributions.utils import lazy_property

__all__ = ["Distribution"]

_SCALAR = Size()


class Distribution:
    """The base of all distributions: batches of independent events.

    A sample has the shape ``sample_shape + batch_shape + event_shape``.

    Args:
        batch_shape: the shape of the batch of parameters.
        event_shape: the shape of one event.
        validate_args: check parameters and samples; by default as
            :meth:`set_default_validate_args` says, which is True unless Python runs with ``-O``.

    A subclass that names its tensor parameters in ``_params`` (name -> how many of its last
    dimensions belong to the event) and plain attributes in ``_kept`` inherits ``expand``.

    Follows ``torch.distributions.Distribution``.
    """

    has_rsample: Any = False
    has_enumerate_support: Any = False
    _validate_args: bool = __debug__
    _params: ClassVar[dict[str, int]]
    _kept: ClassVar[tuple[str, ...]] = ()

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Whether distributions check their arguments unless told otherwise.

        Raises:
            ValueError: it is neither True nor False.
        """
        if value not in (True, False):
            raise ValueError(f"set_default_validate_args: expected True or False, got {value!r}")
        Distribution._validate_args = value

    def __init__(
        self,
        batch_shape: Any = _SCALAR,
        event_shape: Any = _SCALAR,
        validate_args: bool | None = None,
    ) -> None:
        self._batch_shape = batch_shape
        self._event_shape = event_shape
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args and can_look():
            self._check_parameters()
        super().__init__()

    def _check_parameters(self) -> None:
        try:
            wanted = self.arg_constraints
        except NotImplementedError:
            warnings.warn(
                f"{self.__class__} does not define `arg_constraints`. Please set "
                "`arg_constraints = {}` or initialize the distribution with "
                "`validate_args=False` to turn off validation.",
                stacklevel=3,
            )
            return
        for name, constraint in wanted.items():
            if constraints.is_dependent(constraint):
                continue
            derived = isinstance(getattr(type(self), name, None), lazy_property)
            if derived and name not in self.__dict__:
                continue
            value = getattr(self, name)
            self._require(value, constraint, name)

    def _require(self, value: Any, constraint: constraints.Constraint, parameter: str) -> None:
        """Check a parameter, or a sample if its name is empty."""
        title = f"{type(value).__name__} of shape {tuple(value.shape)}"
        name = type(self).__name__
        # Held weakly: what a pending check keeps alive would be a result of the program.
        me, data = weakref.ref(self), weakref.ref(value)

        def complaint(note: str) -> ValueError:
            owner, bad = me(), data()
            shown = name if owner is None else repr(owner)
            if parameter:
                place = f"parameter {parameter} ({title}) of distribution {shown} to satisfy the "
                place += f"constraint {constraint!r}"
            else:
                place = f"value argument ({title}) to be within the support ({constraint!r}) of "
                place += f"the distribution {shown}"
            values = "(they were not kept)" if bad is None else f"{bad}"
            return ValueError(f"Expected {place}, but found invalid values:\n{values}{note}")

        require(constraint.check(value), complaint)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """The same distribution with its batch dimensions expanded to ``batch_shape``.

        Args:
            batch_shape: the shape.
            _instance: for subclasses with their own ``expand``: the object to fill in.
        """
        owner = self._owner_of("_params")
        shape = Size(batch_shape)
        new = self._get_checked_instance(owner, _instance)
        for name, ndims in owner._params.items():
            value = self.__dict__.get(name)
            if isinstance(value, Tensor):
                value = value.expand(shape + value.shape[value.dim() - ndims :])
                new.__dict__[name] = value
        for name in owner._kept:
            setattr(new, name, getattr(self, name))
        return self._finish(new, shape, self._event_shape)

    def _owner_of(self, attribute: str) -> Any:
        for cls in type(self).__mro__:
            if attribute in vars(cls):
                return cls
        raise NotImplementedError(f"{type(self).__name__} does not implement expand")

    def _finish(self, new: Any, batch_shape: Size, event_shape: Size) -> Any:
        """Shapes and settings of an expanded copy; nothing is checked again."""
        new._batch_shape = batch_shape
        new._event_shape = event_shape
        if "_validate_args" in self.__dict__:
            new._validate_args = self._validate_args
        return new

    def _get_checked_instance(self, cls: Any, _instance: Any = None) -> Any:
        if _instance is None and type(self).__init__ is not cls.__init__:
            raise NotImplementedError(
                f"Subclass {type(self).__name__} of {cls.__name__} that defines a custom "
                "__init__ method must also define a custom .expand() method."
            )
        return object.__new__(type(self)) if _instance is None else _instance

    @property
    def batch_shape(self) -> Size:
        """The shape of the batch of parameters."""
        return self._batch_shape

    @property
    def event_shape(self) -> Size:
        """The shape of one event."""
        return self._event_shape

    if TYPE_CHECKING:  # attributes of most classes, properties of others
        arg_constraints: Any
        support: Any
    else:

        @property
        def arg_constraints(self) -> Any:
            """What each parameter must satisfy, by name."""
            raise NotImplementedError

        @property
        def support(self) -> Any:
            """The values that samples may take, as a constraint."""
            raise NotImplementedError

    @property
    def mean(self) -> Any:
        """The mean."""
        raise NotImplementedError

    @property
    def mode(self) -> Any:
        """The most probable value."""
        raise NotImplementedError(f"{self.__class__} does not implement mode")

    @property
    def variance(self) -> Any:
        """The variance."""
        raise NotImplementedError

    @property
    def stddev(self) -> Any:
        """The standard deviation."""
        return self.variance.sqrt()

    def sample(self, sample_shape: Any = ()) -> Any:
        """Samples, without a gradient."""
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Any = ()) -> Any:
        """Samples that carry gradients to the parameters."""
        raise NotImplementedError

    def sample_n(self, n: int) -> Any:
        """``n`` samples. Deprecated, as in PyTorch: use ``sample((n,))``."""
        warnings.warn(
            "`sample_n(n)` will be deprecated. Use `sample((n,))` instead.",
            FutureWarning,
            stacklevel=2,
        )
        return self.sample(Size((n,)))

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the density (or probability) at ``value``."""
        raise NotImplementedError

    def cdf(self, value: Any) -> Any:
        """The probability of a sample at or below ``value``."""
        raise NotImplementedError

    def icdf(self, value: Any) -> Any:
        """The inverse of :meth:`cdf`."""
        raise NotImplementedError

    def enumerate_support(self, expand: bool = True) -> Any:
        """All values of a discrete distribution, along a new first dimension.

        Args:
            expand: repeat them over the batch; otherwise batch dimensions have size 1.
        """
        raise NotImplementedError

    def entropy(self) -> Any:
        """The entropy of each entry of the batch, in nats."""
        raise NotImplementedError

    def perplexity(self) -> Any:
        """The exponential of the entropy."""
        return self.entropy().exp()

    def _extended_shape(self, sample_shape: Any = ()) -> Size:
        return Size(sample_shape) + self._batch_shape + self._event_shape

    def _validate_sample(self, value: Any) -> None:
        """Refuse a value that :meth:`log_prob` and others cannot take.

        Raises:
            ValueError: it is no tensor, its shape does not fit, or it is outside the support.
        """
        if not isinstance(value, Tensor):
            raise ValueError("The value argument to log_prob must be a Tensor")
        shape, event = value.shape, self._event_shape
        if shape[len(shape) - len(event) :] != event:
            raise ValueError(
                f"The right-most size of value must match event_shape: {shape} vs {event}."
            )
        expected = self._batch_shape + event
        for i, j in zip(reversed(shape), reversed(expected), strict=False):
            if i not in (1, j) and j != 1:
                raise ValueError(
                    "Value is not broadcastable with batch_shape+event_shape: "
                    f"{shape} vs {expected}."
                )
        if not can_look():
            return
        try:
            support = self.support
        except NotImplementedError:
            warnings.warn(
                f"{self.__class__} does not define `support` to enable sample validation. "
                "Please initialize the distribution with `validate_args=False` to turn off "
                "validation.",
                stacklevel=3,
            )
            return
        self._require(value, support, "")

    def __repr__(self) -> str:
        parts = []
        for name in self.arg_constraints:
            value = self.__dict__.get(name)
            if value is not None:
                parts.append(f"{name}: {value if value.numel() == 1 else value.size()}")
        return f"{type(self).__name__}({', '.join(parts)})"
