"""Methods that overwrite a tensor with random numbers, and those that draw by its values."""

from __future__ import annotations

from typing import Any

from flambeau._ops import random as rows
from flambeau._tensor import dtypes
from flambeau._tensor.core import TensorBase, value_of
from flambeau._tensor.dispatch import assign, run
from flambeau._tensor.functions import random as functions
from flambeau._tensor.functions._making import as_int, type_name
from flambeau._tensor.generator import check_generator

# The largest n such that all integers from 0 to n are exact.
_EXACT = {"float16": 2**11, "bfloat16": 2**8, "float32": 2**24, "float64": 2**53}


def _overwrite(self: Any, op: Any, name: str, numbers: tuple[Any, ...], generator: Any) -> Any:
    aval = value_of(self).aval
    kind = dtypes.from_numpy_dtype(aval.dtype)
    result = functions.draw(op, numbers, aval.shape, kind, aval.device, generator)
    return assign(self, result, name)


def _continuous(self: Any, name: str) -> None:
    functions.need_floats(name, self.dtype)


def _real(self: Any, name: str) -> None:
    kind = self.dtype
    if not kind.is_floating_point:
        raise RuntimeError(
            f"{name} draws from a continuous probability distribution. dtype must be a floating "
            f"point but you specified {type_name(kind)}"
        )


def _from(name: str, value: Any, legacy: dict[str, Any]) -> Any:
    """The argument that PyTorch calls ``from``, which Python takes only through ``**``."""
    value = legacy.pop("from", value)
    if legacy:
        raise TypeError(f"{name}() got an unexpected keyword argument '{next(iter(legacy))}'")
    return value


class RandomMethods:
    """In-place sampling, ``bernoulli``, ``multinomial``."""

    bernoulli = functions.bernoulli
    multinomial = functions.multinomial

    def uniform_(
        self, from_: float = 0.0, to: float = 1.0, *, generator: Any = None, **legacy: Any
    ) -> Any:
        """Overwrite with numbers spread evenly over ``[from_, to)``; returns itself.

        Raises:
            RuntimeError: ``from_`` is above ``to``.
            NotImplementedError: the tensor holds integers.

        Follows ``torch.Tensor.uniform_``.
        """
        from_ = _from("uniform_", from_, legacy)
        _continuous(self, "uniform_")
        if from_ > to:
            raise RuntimeError(
                f"uniform_ expects to return a [from, to) range, but found from={from_} > to={to}"
            )
        return _overwrite(self, rows.uniform, "uniform_", (float(from_), float(to)), generator)

    def normal_(self, mean: float = 0.0, std: float = 1.0, *, generator: Any = None) -> Any:
        """Overwrite with normal samples; returns itself.

        Raises:
            RuntimeError: ``std`` is negative.
            NotImplementedError: the tensor holds integers.

        Follows ``torch.Tensor.normal_``.
        """
        _continuous(self, "normal_")
        functions._check_std(std)
        return _overwrite(self, rows.normal, "normal_", (float(mean), float(std)), generator)

    def random_(
        self, from_: Any = None, to: Any = None, *, generator: Any = None, **legacy: Any
    ) -> Any:
        """Overwrite with integers from ``from_`` to ``to - 1``; returns itself.

        ``random_(to)`` starts at 0, ``random_()`` takes all that the dtype holds exactly.

        Raises:
            RuntimeError: the range is empty or does not fit the dtype.

        Follows ``torch.Tensor.random_``.
        """
        from_ = _from("random_", from_, legacy)
        kind = self.dtype
        if from_ is None and to is None:
            if kind is dtypes.bool_:
                low, high = 0, 2
            elif kind.is_floating_point:
                low, high = 0, _EXACT[kind.name] + 1
            else:
                # One less than all for int64, whose end would not fit.
                low, high = 0, min(dtypes.iinfo(kind).max + 1, 2**63 - 1)
        else:
            low = 0 if from_ is None or to is None else as_int("random_", "from", 1, from_)
            high = as_int("random_", "to", 2, from_ if to is None else to)
            functions.check_bounds("random_", low, high, kind)
        return _overwrite(self, rows.randint, "random_", (low, high), generator)

    def bernoulli_(self, p: Any = 0.5, *, generator: Any = None) -> Any:
        """Overwrite with 1 with probability ``p``, 0 otherwise; returns itself.

        Args:
            p: a number, or a tensor of probabilities that broadcasts.
            generator: what to draw from.

        Raises:
            RuntimeError: a number is no probability.

        Follows ``torch.Tensor.bernoulli_``.
        """
        if not isinstance(p, TensorBase):
            functions.check_probability("bernoulli_", p)
            return _overwrite(self, rows.bernoulli_fill, "bernoulli_", (float(p),), generator)
        aval = value_of(self).aval  # pyright: ignore[reportArgumentType]
        check_generator("bernoulli_", generator, aval.device)
        static = (("size", aval.shape), ("out_dtype", aval.dtype))
        return assign(self, run(rows.bernoulli, (p,), static, generator=generator), "bernoulli_")

    def exponential_(self, lambd: float = 1.0, *, generator: Any = None) -> Any:
        """Overwrite with exponential samples of rate ``lambd``; returns itself.

        Raises:
            RuntimeError: ``lambd`` is not positive, or the tensor holds integers.

        Follows ``torch.Tensor.exponential_``.
        """
        _real(self, "exponential_")
        if not lambd > 0:
            raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={lambd}")
        return _overwrite(self, rows.exponential, "exponential_", (float(lambd),), generator)

    def geometric_(self, p: float, *, generator: Any = None) -> Any:
        """Overwrite with numbers of trials up to the first success; returns itself.

        Raises:
            RuntimeError: ``p`` is not inside (0, 1).

        Follows ``torch.Tensor.geometric_``.
        """
        if not 0 < p < 1:
            raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p}")
        return _overwrite(self, rows.geometric, "geometric_", (float(p),), generator)

    def cauchy_(self, median: float = 0.0, sigma: float = 1.0, *, generator: Any = None) -> Any:
        """Overwrite with samples of the Cauchy distribution; returns itself.

        Raises:
            RuntimeError: ``sigma`` is not positive, or the tensor holds integers.

        Follows ``torch.Tensor.cauchy_``.
        """
        _real(self, "cauchy_")
        if not sigma > 0:
            raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={sigma}")
        return _overwrite(self, rows.cauchy, "cauchy_", (float(median), float(sigma)), generator)

    def log_normal_(self, mean: float = 1.0, std: float = 2.0, *, generator: Any = None) -> Any:
        """Overwrite with samples whose logarithm is normal; returns itself.

        Raises:
            RuntimeError: ``std`` is not positive, or the tensor holds integers.

        Follows ``torch.Tensor.log_normal_``.
        """
        _real(self, "log_normal_")
        if not std > 0:
            raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={std}")
        return _overwrite(
            self, rows.log_normal, "log_normal_", (float(mean), float(std)), generator
        )
