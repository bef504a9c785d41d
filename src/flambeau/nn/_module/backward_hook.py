"""How full backward hooks see a module's gradients: a gate on each side of the forward."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from flambeau.nn import _core
from flambeau.nn._core import Tensor

_NO_INPUT_GRAD = (
    "Full backward hook is firing when gradients are computed with respect to module "
    "outputs since no inputs require gradients. See "
    "https://docs.pytorch.org/docs/main/generated/torch.nn.Module.html"
    "#torch.nn.Module.register_full_backward_hook for more details."
)


def _all_none(value: Any) -> bool:
    return value is None or (isinstance(value, tuple) and all(v is None for v in value))


class BackwardHooks:
    """The hooks of one call of one module.

    Arguments and outputs that require a gradient pass through identity functions whose
    backward calls the hooks: first the output's gate, then the input's.
    """

    def __init__(self, module: Any, hooks: list[Any], pre_hooks: list[Any]) -> None:
        self.module = module
        self.hooks = hooks
        self.pre_hooks = pre_hooks
        self.grad_outputs: tuple[Any, ...] | None = None
        self.constants: dict[int, Tensor] = {}
        self.n_inputs = -1
        self.n_outputs = -1
        self.inputs_at: list[int] | None = None
        self.outputs_at: list[int] | None = None

    def on_inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments, with those that require a gradient put through the gate."""
        self.n_inputs = len(args)
        self.constants = {
            i: v.detach()
            for i, v in enumerate(args)
            if isinstance(v, Tensor) and not v.requires_grad
        }
        args, self.inputs_at = self._gate(args, self._input_grads, unused="zeros")
        return args

    def on_outputs(self, result: Any) -> Any:
        """The result, with the tensors in it that require a gradient put through the gate."""
        single = not isinstance(result, tuple)
        results = (result,) if single else result
        self.n_outputs = len(results)
        results, self.outputs_at = self._gate(results, self._output_grads, unused=None)
        return results[0] if single else results

    @staticmethod
    def _gate(
        values: tuple[Any, ...],
        on_grads: Callable[[tuple[Any, ...]], tuple[Any, ...]],
        unused: str | None,
    ) -> tuple[tuple[Any, ...], list[int] | None]:
        """Put the tensors that require a gradient through an identity.

        ``unused`` is what stands for the gradient of a tensor that the loss does not depend
        on: zeros for an input, None for an output, as in PyTorch.
        """
        if not _core.is_grad_enabled():
            return values, None
        places = [i for i, v in enumerate(values) if isinstance(v, Tensor) and v.requires_grad]
        if not places:
            return values, None
        tensors = [values[i] for i in places]
        gated = _core.gate(on_grads, tensors, materialize=unused == "zeros")
        passed = list(values)
        for i, out in zip(places, gated, strict=True):
            passed[i] = out
        if type(values) is not tuple and hasattr(values, "_fields"):
            return type(values)(*passed), places
        return tuple(passed), places

    def _output_grads(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        places = self.outputs_at or []
        outputs = _spread(places, grads, self.n_outputs)
        for hook in self.pre_hooks:
            changed = hook(self.module, outputs)
            if changed is None:
                continue
            if not isinstance(changed, tuple):
                changed = (changed,)
            if len(changed) != len(outputs):
                raise RuntimeError(
                    "Backward pre hook returned an invalid number of grad_output, "
                    f"got {len(changed)}, but expected {len(outputs)}"
                )
            outputs = changed
        self.grad_outputs = outputs
        if self.inputs_at is None and self.hooks:
            warnings.warn(_NO_INPUT_GRAD, stacklevel=2)
            for hook in self.hooks:
                if not _all_none(hook(self.module, (None,) * self.n_inputs, outputs)):
                    raise RuntimeError(
                        "Backward hook for Modules where no input requires "
                        "gradient should always return None or None for all gradients."
                    )
            self.grad_outputs = None
        return tuple(outputs[i] for i in places)

    def _input_grads(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        if self.grad_outputs is None:
            # The gradient came to the input without passing through the output.
            return grads
        places = self.inputs_at or []
        inputs = _spread(places, grads, self.n_inputs, self.constants)
        for hook in self.hooks:
            changed = hook(self.module, inputs, self.grad_outputs)
            if _all_none(changed):
                continue
            if not isinstance(changed, tuple):
                changed = (changed,)
            if len(changed) != len(inputs):
                raise RuntimeError(
                    "Backward hook returned an invalid number of grad_input, "
                    f"got {len(changed)}, but expected {len(inputs)}"
                )
            inputs = changed
        self.grad_outputs = None
        return tuple(inputs[i] for i in places)


def _spread(
    places: list[int],
    grads: tuple[Any, ...],
    length: int,
    constants: dict[int, Tensor] | None = None,
) -> tuple[Any, ...]:
    """The gradients at their places among the arguments; zeros for constant tensors."""
    spread: list[Any] = [None] * length
    for i, grad in zip(places, grads, strict=True):
        spread[i] = grad
    for i, constant in (constants or {}).items():
        spread[i] = _core.zeros_like(constant)
    return tuple(spread)
