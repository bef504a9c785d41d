"""Optimizers made of one pure update rule, run over all parameters of a group at once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any, ClassVar, TypeAlias

from flambeau._autograd.grad_mode import enable_grad, set_grad_enabled
from flambeau._tensor.fused import update
from flambeau._tensor.tensor import Tensor
from flambeau.optim import _state
from flambeau.optim._rules import Rule, guarded
from flambeau.optim.optimizer import Group, Optimizer, ParamsT

Number: TypeAlias = float | Tensor


class RuleOptimizer(Optimizer):
    """Base of the optimizers that are one update rule.

    A subclass names its rule and its late options, and says which hyper-parameters are inputs
    of the program (:meth:`_hyper`), which select the program (:meth:`_static`), and what state
    a parameter starts with (:meth:`_start`).

    Parameters of a group that advance together share one step counter. The moment they part
    (one has no gradient, or is frozen), those that advance get a counter of their own.
    """

    _rule: ClassVar[Rule]
    _late: ClassVar[dict[str, Any]] = {}
    """Options that groups of older state dicts lack, with their values."""
    _scalars: ClassVar[dict[str, float]] = {"step": 0.0}
    """State that is one number, with where it starts."""
    _shaped: ClassVar[tuple[str, ...]] = ()
    """State that has the parameter's shape."""
    _complex: ClassVar[bool] = True
    _skips_overflow = True
    """Obeys ``found_inf``, which a gradient scaler sets, inside the program."""

    def __init__(self, params: ParamsT, defaults: dict[str, Any]) -> None:
        self._advanced: dict[int, list[int]] = {}
        super().__init__(params, defaults)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._advanced = {}
        for group in self.param_groups:
            for name, value in self._late.items():
                group.setdefault(name, value)
            self._adopt(group)

    def _adopt(self, group: Group) -> None:
        """Turn numbers of older checkpoints into tensors; share counters that are equal."""
        known: dict[Hashable, Tensor] = {}
        for param in group["params"]:
            entry = self.state.get(param)
            if not entry:
                continue
            for name in self._scalars:
                value = entry.get(name)
                if value is None:
                    continue
                if not isinstance(value, Tensor):
                    value = _state.scalar(float(value), _state.scalar_dtype(group), param)
                place = (name, value.dtype, value.device, _kind(param, entry), value.item())
                entry[name] = known.setdefault(place, value)

    def _check_shapes(self, owners: dict[Any, Tensor], entries: dict[Any, Any]) -> None:
        names = {
            id(param): name
            for group in self.param_groups
            for name, param in zip(group.get("param_names", ()), group["params"], strict=False)
        }
        wrong = []
        for key, entry in entries.items():
            if not isinstance(entry, dict):
                continue
            param = owners[key]
            for name in self._shaped:
                value = entry.get(name)
                if isinstance(value, Tensor) and tuple(value.shape) != tuple(param.shape):
                    who = names.get(id(param), f"parameter {key}")
                    wrong.append(
                        f"  {who}: {name} is {tuple(value.shape)}, the parameter is "
                        f"{tuple(param.shape)}"
                    )
        if wrong:
            raise ValueError(
                f"{type(self).__name__}: {len(wrong)} tensors of the state dict do not fit the "
                "parameters they would go to. State is matched by position unless both sides "
                "have names (pass model.named_parameters() to the optimizer):\n" + "\n".join(wrong)
            )

    # ---- what a subclass says

    def _hyper(self, group: Group) -> dict[str, Number]:
        """The hyper-parameters of a group that are inputs of the program."""
        raise NotImplementedError

    def _static(self, group: Group) -> dict[str, Hashable]:
        """The options of a group that select the program."""
        raise NotImplementedError

    def _start(self, group: Group, param: Tensor, grad: Tensor) -> dict[str, Tensor]:
        """The state of a parameter before its first step, its scalars left out."""
        return {name: _state.filled(param) for name in self._shaped}

    # ---- the step

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters that have a gradient and are not frozen.

        Args:
            closure: recomputes the loss and its gradients; its result is returned.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        # A differentiable step is part of the history; any other leaves none.
        with set_grad_enabled(bool(self.defaults.get("differentiable"))):
            for index, group in enumerate(self.param_groups):
                self._step_group(index, group)
        return loss

    def _step_group(self, index: int, group: Group) -> None:
        state = self.state
        params: list[Tensor] = []
        grads: list[Tensor] = []
        states: list[dict[str, Tensor]] = []
        fresh: dict[Hashable, dict[str, Tensor]] = {}
        for param in group["params"]:
            leaf = param._leaf
            grad = None if leaf is None else leaf.grad
            if grad is None:
                grad = param.grad  # says so where there never will be one
            if grad is None or not param.requires_grad:
                continue
            entry = state[param]
            if not entry:
                self._check(group, param)
                self._begin(group, param, grad, entry, fresh)
            params.append(param)
            grads.append(grad)
            states.append(entry)
        if not params:
            return
        ids = list(map(id, params))
        if self._advanced.get(index) != ids:
            if self._scalars:
                self._part(group, ids)
            self._advanced[index] = ids  # another list: what was compiled for the state is void
        self._update(group, params, grads, states)

    def _begin(
        self,
        group: Group,
        param: Tensor,
        grad: Tensor,
        entry: dict[str, Tensor],
        fresh: dict[Hashable, dict[str, Tensor]],
    ) -> None:
        """Fill a parameter's state; ``fresh`` holds the counters begun in this step."""
        start = self._start(group, param, grad)
        kind = _kind(param, start)
        if kind not in fresh:
            fresh[kind] = self._counters(group, param)
        entry.update(fresh[kind])
        entry.update(start)

    def _update(
        self,
        group: Group,
        params: list[Tensor],
        grads: list[Tensor],
        states: list[dict[str, Tensor]],
        **extra: Hashable,
    ) -> None:
        hyper = self._hyper(group)
        rule = type(self)._rule
        found_inf = self.__dict__.get("found_inf")
        if found_inf is not None:
            hyper["found_inf"] = found_inf
            rule = guarded(rule)
        static: dict[str, Any] = {**self._static(group), **extra}
        if group.get("differentiable"):
            static["tracked"] = tuple(self._scalars)
        names = states[0].keys()
        if all(entry.keys() == names for entry in states):
            update(rule, params, grads, states, hyper, (self._hyper, group), **static)
            return
        kinds: dict[frozenset[str], list[int]] = {}  # such as matrices and vectors of Adafactor
        for at, entry in enumerate(states):
            kinds.setdefault(frozenset(entry), []).append(at)
        for chosen in kinds.values():
            update(
                rule,
                [params[at] for at in chosen],
                [grads[at] for at in chosen],
                [states[at] for at in chosen],
                hyper,
                (self._hyper, group),
                **static,
            )

    def _check(self, group: Group, param: Tensor) -> None:
        if group.get("fused") and not param.is_floating_point():
            raise RuntimeError(
                "`fused=True` requires all the params to be floating point Tensors, "
                f"but got {param.dtype}"
            )
        if not self._complex and param.is_complex():
            raise RuntimeError(f"{type(self).__name__} does not support complex parameters")

    def _counters(self, group: Group, param: Tensor) -> dict[str, Tensor]:
        dtype = _state.scalar_dtype(group)
        return {name: _state.scalar(value, dtype, param) for name, value in self._scalars.items()}

    def _part(self, group: Group, advancing: Iterable[int]) -> None:
        """Give those that advance counters of their own where they shared with others."""
        moving = set(advancing)
        for name in self._scalars:
            left: set[int] = set()
            for param in group["params"]:
                if id(param) not in moving:
                    entry = self.state.get(param)
                    if entry and name in entry:
                        left.add(id(entry[name]))
            if not left:
                continue
            copies: dict[int, Tensor] = {}
            for param in group["params"]:
                if id(param) in moving:
                    entry = self.state[param]
                    value = entry.get(name)
                    if value is not None and id(value) in left:
                        if id(value) not in copies:
                            copies[id(value)] = _state.copy(value)
                        entry[name] = copies[id(value)]


def _kind(param: Tensor, entry: dict[str, Any]) -> Hashable:
    """Parameters of different kinds are updated by different calls, and count apart."""
    return param.device, frozenset(entry)


def number(value: Any) -> Number:
    """A hyper-parameter for the program: a float, or a tensor of one element."""
    return value if isinstance(value, Tensor) else float(value)


def on(value: Any) -> bool:
    """Whether a penalty takes part. A tensor always does: it is not read to find out."""
    return isinstance(value, Tensor) or value != 0


def check_lr(lr: Any, message: str = "Invalid learning rate: {}") -> None:
    """Refuse a learning rate that is negative or a tensor of several elements."""
    if isinstance(lr, Tensor) and lr.numel() != 1:
        raise ValueError("Tensor lr must be 1-element")
    if not float(lr) >= 0.0:
        raise ValueError(message.format(lr))


def check_betas(betas: Any) -> None:
    """Refuse decay rates outside [0, 1)."""
    for index in range(2):
        if not 0.0 <= float(betas[index]) < 1.0:
            raise ValueError(f"Invalid beta parameter at index {index}: {betas[index]}")


def check_at_least(value: Any, name: str, low: float = 0.0) -> None:
    """Refuse a value below ``low`` in PyTorch's words."""
    if not float(value) >= low:
        raise ValueError(f"Invalid {name} value: {value}")


def check_fused(foreach: bool | None, differentiable: bool, fused: bool | None) -> None:
    """Refuse flags that contradict each other."""
    if fused:
        if differentiable:
            raise RuntimeError("`fused` does not support `differentiable`")
        if foreach:
            raise RuntimeError("`fused` and `foreach` cannot be `True` together.")
