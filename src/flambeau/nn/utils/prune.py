"""Pruning: masks that set parts of a parameter to zero.

A pruned ``weight`` is kept as the parameter ``weight_orig`` and the buffer ``weight_mask``;
before each call ``weight`` becomes their product.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

import numpy as np

from flambeau._tensor.construct import constant
from flambeau._tensor.core import value_of, wrap
from flambeau._tensor.functions.random import rand
from flambeau._tensor.tensor import Tensor
from flambeau.nn.module import Module

__all__ = [
    "BasePruningMethod",
    "CustomFromMask",
    "Identity",
    "L1Unstructured",
    "LnStructured",
    "PruningContainer",
    "RandomStructured",
    "RandomUnstructured",
    "custom_from_mask",
    "global_unstructured",
    "identity",
    "is_pruned",
    "l1_unstructured",
    "ln_structured",
    "random_structured",
    "random_unstructured",
    "remove",
]


def _check_amount(amount: Any) -> None:
    if not isinstance(amount, (int, float)):
        raise TypeError(f"Invalid type for amount: {amount}. Must be int or float.")
    whole = isinstance(amount, int)
    if (whole and amount < 0) or (not whole and not 0.0 <= amount <= 1.0):
        raise ValueError(
            f"amount={amount} should either be a float in the range [0, 1] or a non-negative "
            "integer"
        )


def _count(amount: float, size: int) -> int:
    """How many of `size` elements to prune."""
    if isinstance(amount, int):
        if amount > size:
            raise ValueError(
                f"amount={amount} should be smaller than the number of parameters to prune={size}"
            )
        return amount
    return round(amount * size)


class BasePruningMethod(ABC):
    """A way to choose what to prune, and the hook that applies the mask.

    Follows ``torch.nn.utils.prune.BasePruningMethod``.
    """

    _tensor_name: str
    PRUNING_TYPE = "unstructured"

    def __call__(self, module: Any, inputs: Any) -> None:
        setattr(module, self._tensor_name, self.apply_mask(module))

    @abstractmethod
    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        """The mask for `t`, zero where it or `default_mask` prunes."""

    def apply_mask(self, module: Any) -> Any:
        """The masked tensor."""
        name = self._tensor_name
        mask, orig = getattr(module, f"{name}_mask"), getattr(module, f"{name}_orig")
        return mask.to(orig.dtype) * orig

    @classmethod
    def apply(
        cls, module: Any, name: str, *args: Any, importance_scores: Any = None, **kwargs: Any
    ) -> Any:
        """Prune a module's tensor, on top of what is pruned already."""
        held = None
        for key, hook in list(module._forward_pre_hooks.items()):
            if isinstance(hook, BasePruningMethod) and hook._tensor_name == name:
                held = hook
                del module._forward_pre_hooks[key]
        method: Any = cls(*args, **kwargs)
        method._tensor_name = name
        orig = getattr(module, name)
        scores = orig if importance_scores is None else importance_scores
        if scores.shape != orig.shape:
            raise AssertionError(
                f"importance_scores should have the same shape as parameter {name} of {module}"
            )
        if held is not None:
            container = held if isinstance(held, PruningContainer) else PruningContainer(held)
            container.add_pruning_method(method)
            method = container
            default = getattr(module, f"{name}_mask").to(orig.dtype)
        else:
            default = orig.detach() * 0 + 1
            parameter = module._parameters[name]
            del module._parameters[name]
            module.register_parameter(f"{name}_orig", parameter)
        mask = method.compute_mask(scores.detach(), default_mask=default)
        module.register_buffer(f"{name}_mask", mask)
        setattr(module, name, method.apply_mask(module))
        module.register_forward_pre_hook(method)
        return method

    def prune(self, t: Any, default_mask: Any = None, importance_scores: Any = None) -> Any:
        """The pruned form of a tensor, which itself is left alone."""
        scores = t if importance_scores is None else importance_scores
        if scores.shape != t.shape:
            raise AssertionError("importance_scores should have the same shape as tensor t")
        default = t.detach() * 0 + 1 if default_mask is None else default_mask
        return t * self.compute_mask(scores, default_mask=default)

    def remove(self, module: Any) -> None:
        """Make the pruning permanent."""
        name = self._tensor_name
        weight = self.apply_mask(module)
        if hasattr(module, name):
            delattr(module, name)
        orig = module._parameters[f"{name}_orig"]
        orig.data = weight.detach()
        del module._parameters[f"{name}_orig"]
        del module._buffers[f"{name}_mask"]
        setattr(module, name, orig)


class PruningContainer(BasePruningMethod):
    """Several pruning methods, one after the other."""

    def __init__(self, *args: Any) -> None:
        self._pruning_methods: tuple[BasePruningMethod, ...] = ()
        methods = args[0] if len(args) == 1 and isinstance(args[0], Iterable) else args
        methods = tuple(methods)
        if methods:
            self._tensor_name = methods[0]._tensor_name
        for method in methods:
            self.add_pruning_method(method)

    def add_pruning_method(self, method: Any) -> None:
        """Append a method for the same tensor.

        Raises:
            TypeError: it is no pruning method.
            ValueError: it is for another tensor.
        """
        if not isinstance(method, BasePruningMethod) and method is not None:
            raise TypeError(f"{type(method)} is not a BasePruningMethod subclass")
        if method is not None and self._tensor_name != method._tensor_name:
            raise ValueError(
                "Can only add pruning methods acting on the parameter named "
                f"'{self._tensor_name}' to PruningContainer {self}. Found "
                f"'{method._tensor_name}'"
            )
        self._pruning_methods += (method,)

    def __len__(self) -> int:
        return len(self._pruning_methods)

    def __iter__(self) -> Any:
        return iter(self._pruning_methods)

    def __getitem__(self, idx: int) -> Any:
        return self._pruning_methods[idx]

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        """The last method's mask of what the earlier ones left."""
        method: Any = self._pruning_methods[-1]
        mask = default_mask.detach().numpy(force=True).astype(bool)
        scores = t.detach().numpy(force=True)
        if method.PRUNING_TYPE == "unstructured":
            kept: Any = mask
        elif method.PRUNING_TYPE == "structured":
            axis = method.dim % mask.ndim
            lines = mask.any(tuple(d for d in range(mask.ndim) if d != axis))
            kept = tuple(lines if d == axis else slice(None) for d in range(mask.ndim))
        elif method.PRUNING_TYPE == "global":
            kept = slice(None)
        else:
            raise ValueError(f"Unrecognized PRUNING_TYPE {method.PRUNING_TYPE}")
        part = method._mask(scores[kept], mask[kept].astype(scores.dtype))
        full = mask.astype(scores.dtype)
        full[kept] = part
        return _tensor(full, t)


def _tensor(array: np.ndarray, like: Any) -> Any:
    return wrap(constant(np.asarray(array), value_of(like).aval.device))


class _OnHost(BasePruningMethod):
    """A method that chooses by looking at the values."""

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        """The mask for `t`."""
        mask = self._mask(
            t.detach().numpy(force=True), default_mask.detach().numpy(force=True).copy()
        )
        return _tensor(mask, t)

    def _mask(self, t: np.ndarray, mask: np.ndarray) -> np.ndarray:
        raise NotImplementedError


class Identity(_OnHost):
    """Prunes nothing, but lets a mask be there."""

    def _mask(self, t: np.ndarray, mask: np.ndarray) -> np.ndarray:
        return mask

    @classmethod
    def apply(cls, module: Any, name: str) -> Any:
        """Add a mask of ones."""
        return super().apply(module, name)


def _drawn(n: int) -> np.ndarray:
    """Uniform numbers from flambeau's generator."""
    return rand(n).numpy()


class RandomUnstructured(_OnHost):
    """Prunes elements at random.

    Args:
        amount: how many, or which part of them.
    """

    def __init__(self, amount: float) -> None:
        _check_amount(amount)
        self.amount = amount

    def _mask(self, t: np.ndarray, mask: np.ndarray) -> np.ndarray:
        n = _count(self.amount, t.size)
        if n:
            mask.reshape(-1)[np.argsort(-_drawn(t.size), kind="stable")[:n]] = 0
        return mask


class L1Unstructured(_OnHost):
    """Prunes the elements nearest to zero.

    Args:
        amount: how many, or which part of them.
    """

    def __init__(self, amount: float) -> None:
        _check_amount(amount)
        self.amount = amount

    def _mask(self, t: np.ndarray, mask: np.ndarray) -> np.ndarray:
        n = _count(self.amount, t.size)
        if n:
            flat = mask.reshape(-1)
            flat[np.argsort(np.abs(t).reshape(-1), kind="stable")[:n]] = 0
            mask = flat.reshape(mask.shape)
        return mask


class _Structured(_OnHost):
    PRUNING_TYPE = "structured"

    amount: float
    dim: int

    def _importance(self, t: np.ndarray, axis: int) -> np.ndarray:
        raise NotImplementedError

    def _mask(self, t: np.ndarray, mask: np.ndarray) -> np.ndarray:
        if t.ndim <= 1:
            raise ValueError(
                "Structured pruning can only be applied to multidimensional tensors. Found "
                f"tensor of shape {t.shape} with {t.ndim} dims"
            )
        if not -t.ndim <= self.dim < t.ndim:
            raise IndexError(f"Invalid index {self.dim} for tensor of size {t.shape}")
        axis = self.dim % t.ndim
        n = _count(self.amount, t.shape[axis])
        if n:
            lines = np.argsort(self._importance(t, axis), kind="stable")[:n]
            index = tuple(lines if d == axis else slice(None) for d in range(t.ndim))
            mask[index] = 0
        return mask


class RandomStructured(_Structured):
    """Prunes whole slices at random.

    Args:
        amount: how many slices, or which part of them.
        dim: the dimension they are counted along.
    """

    def __init__(self, amount: float, dim: int = -1) -> None:
        _check_amount(amount)
        self.amount = amount
        self.dim = dim

    def _importance(self, t: np.ndarray, axis: int) -> np.ndarray:
        return _drawn(t.shape[axis])


class LnStructured(_Structured):
    """Prunes the slices of the smallest norm.

    Args:
        amount: how many slices, or which part of them.
        n: the norm.
        dim: the dimension the slices are counted along.
    """

    def __init__(self, amount: float, n: Any, dim: int = -1) -> None:
        _check_amount(amount)
        self.amount = amount
        self.n = n
        self.dim = dim

    def _importance(self, t: np.ndarray, axis: int) -> np.ndarray:
        rows = np.moveaxis(t, axis, 0).reshape(t.shape[axis], -1)
        order = 2 if self.n == "fro" else float(self.n)
        return np.linalg.norm(rows, order, axis=1)


class CustomFromMask(_OnHost):
    """Prunes by a mask of the caller's.

    Args:
        mask: zero where to prune.
    """

    PRUNING_TYPE = "global"

    def __init__(self, mask: Any) -> None:
        self.mask = mask

    def _mask(self, t: np.ndarray, mask: np.ndarray) -> np.ndarray:
        held = self.mask.numpy(force=True) if isinstance(self.mask, Tensor) else self.mask
        return mask * np.asarray(held).astype(mask.dtype)


def identity(module: Module, name: str) -> Module:
    """Give a tensor a mask of ones. Follows ``torch.nn.utils.prune.identity``."""
    Identity.apply(module, name)
    return module


def random_unstructured(module: Module, name: str, amount: float) -> Module:
    """Prune elements at random. Follows ``torch.nn.utils.prune.random_unstructured``."""
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(
    module: Module, name: str, amount: float, importance_scores: Any = None
) -> Module:
    """Prune the elements nearest to zero. Follows ``torch.nn.utils.prune.l1_unstructured``."""
    L1Unstructured.apply(module, name, amount, importance_scores=importance_scores)
    return module


def random_structured(module: Module, name: str, amount: float, dim: int) -> Module:
    """Prune whole slices at random. Follows ``torch.nn.utils.prune.random_structured``."""
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(
    module: Module, name: str, amount: float, n: Any, dim: int, importance_scores: Any = None
) -> Module:
    """Prune the slices of the smallest norm. Follows ``torch.nn.utils.prune.ln_structured``."""
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def custom_from_mask(module: Module, name: str, mask: Any) -> Module:
    """Prune by a given mask. Follows ``torch.nn.utils.prune.custom_from_mask``."""
    CustomFromMask.apply(module, name, mask)
    return module


def global_unstructured(
    parameters: Iterable[tuple[Module, str]],
    pruning_method: type[BasePruningMethod],
    importance_scores: dict[tuple[Module, str], Any] | None = None,
    **kwargs: Any,
) -> None:
    """Prune elements of several tensors, compared with one another.

    Follows ``torch.nn.utils.prune.global_unstructured``.
    """
    pairs = list(parameters)
    scores = importance_scores or {}
    given = [scores.get((m, n), getattr(m, n)).detach().numpy(force=True) for m, n in pairs]
    masks = [
        getattr(m, f"{n}_mask").numpy(force=True) if hasattr(m, f"{n}_mask") else np.ones_like(g)
        for (m, n), g in zip(pairs, given, strict=True)
    ]
    joined = np.concatenate([g.reshape(-1) for g in given])
    default = np.concatenate([k.reshape(-1) for k in masks]).astype(joined.dtype)
    method: Any = pruning_method(**kwargs)
    method._tensor_name = "temp"
    container = PruningContainer(method)
    if method.PRUNING_TYPE != "unstructured":
        raise TypeError(
            'Only "unstructured" PRUNING_TYPE supported for the `pruning_method`. Found method '
            f"{pruning_method} of type {method.PRUNING_TYPE}"
        )
    like = getattr(*pairs[0])
    mask = container.compute_mask(_tensor(joined, like), _tensor(default, like)).numpy(force=True)
    start = 0
    for (module, name), g in zip(pairs, given, strict=True):
        custom_from_mask(module, name, _tensor(mask[start : start + g.size].reshape(g.shape), like))
        start += g.size


def remove(module: Module, name: str) -> Module:
    """Make a pruning permanent. Follows ``torch.nn.utils.prune.remove``.

    Raises:
        ValueError: the tensor is not pruned.
    """
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook, BasePruningMethod) and hook._tensor_name == name:
            hook.remove(module)
            del module._forward_pre_hooks[key]
            return module
    raise ValueError(
        f"Parameter '{name}' of module {module} has to be pruned before pruning can be removed"
    )


def is_pruned(module: Module) -> bool:
    """Whether a module, or one inside it, is pruned."""
    return any(
        isinstance(hook, BasePruningMethod)
        for _, sub in module.named_modules()
        for hook in sub._forward_pre_hooks.values()
    )
