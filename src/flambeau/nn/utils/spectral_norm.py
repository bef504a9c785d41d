"""The older spectral norm, a hook that recomputes the weight before each call."""

from __future__ import annotations

from typing import Any

from flambeau._autograd.grad_mode import no_grad
from flambeau.nn import functional as F
from flambeau.nn.conv import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from flambeau.nn.module import Module
from flambeau.nn.parameter import Parameter
from flambeau.nn.utils._norms import flat_matrix, power_iterate, start_vectors

__all__ = ["SpectralNorm", "remove_spectral_norm", "spectral_norm"]


class SpectralNorm:
    """A forward pre-hook that divides a weight by its largest singular value.

    Args:
        name: the weight's name.
        n_power_iterations: iterations at each call in training.
        dim: the dimension of outputs.
        eps: keeps norms from vanishing.

    Raises:
        ValueError: the number of iterations is not positive.
    """

    _version = 1

    def __init__(
        self, name: str = "weight", n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12
    ) -> None:
        if n_power_iterations <= 0:
            raise ValueError(
                "Expected n_power_iterations to be positive, but got "
                f"n_power_iterations={n_power_iterations}"
            )
        self.name = name
        self.n_power_iterations = n_power_iterations
        self.dim = dim
        self.eps = eps

    def compute_weight(self, module: Any, do_power_iteration: bool) -> Any:
        """The weight now, after more iterations if asked."""
        weight = getattr(module, f"{self.name}_orig")
        u, v = getattr(module, f"{self.name}_u"), getattr(module, f"{self.name}_v")
        matrix = flat_matrix(weight, self.dim)
        if do_power_iteration:
            with no_grad():
                new_u, new_v = u, v
                for _ in range(self.n_power_iterations):
                    # The older form moves v first.
                    new_v = _unit(matrix.detach().t().mv(new_u), self.eps)
                    new_u = _unit(matrix.detach().mv(new_v), self.eps)
                u.copy_(new_u)
                v.copy_(new_v)
        u, v = u.clone(), v.clone()
        return weight / (u * matrix.mv(v)).sum()

    def __call__(self, module: Any, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module, module.training))

    def remove(self, module: Any) -> None:
        """Put an ordinary weight back."""
        with no_grad():
            weight = self.compute_weight(module, False)
        delattr(module, self.name)
        for part in ("u", "v"):
            delattr(module, f"{self.name}_{part}")
        delattr(module, f"{self.name}_orig")
        module.register_parameter(self.name, Parameter(weight.detach()))

    @staticmethod
    def apply(
        module: Any, name: str, n_power_iterations: int, dim: int, eps: float
    ) -> SpectralNorm:
        """Take a module's weight apart, and register the hook.

        Raises:
            RuntimeError: the weight has such a hook already.
        """
        for hook in module._forward_pre_hooks.values():
            if isinstance(hook, SpectralNorm) and hook.name == name:
                raise RuntimeError(
                    f"Cannot register two spectral_norm hooks on the same parameter {name}"
                )
        made = SpectralNorm(name, n_power_iterations, dim, eps)
        weight = module._parameters[name]
        if weight is None:
            raise ValueError(f"`SpectralNorm` cannot be applied as parameter `{name}` is None")
        with no_grad():
            matrix = flat_matrix(weight.detach(), dim)
            u, v = start_vectors(matrix, eps)
            u, v = power_iterate(matrix, u, v, 15, eps)
        delattr(module, name)
        module.register_parameter(f"{name}_orig", weight)
        setattr(module, name, weight.data)
        module.register_buffer(f"{name}_u", u)
        module.register_buffer(f"{name}_v", v)
        module.register_forward_pre_hook(made)
        return made


def _unit(x: Any, eps: float) -> Any:
    return F.normalize(x, dim=0, eps=eps)


def spectral_norm(
    module: Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Module:
    """Divide a weight by its largest singular value before each call.

    Follows ``torch.nn.utils.spectral_norm``; `parametrizations.spectral_norm` is the newer form.

    Args:
        module: the owner.
        name: which parameter.
        n_power_iterations: iterations at each call in training.
        eps: keeps norms from vanishing.
        dim: the dimension of outputs; 0, or 1 for transposed convolutions.
    """
    if dim is None:
        transposed = (ConvTranspose1d, ConvTranspose2d, ConvTranspose3d)
        dim = 1 if isinstance(module, transposed) else 0
    SpectralNorm.apply(module, name, n_power_iterations, dim, eps)
    return module


def remove_spectral_norm(module: Module, name: str = "weight") -> Module:
    """Undo :func:`spectral_norm`.

    Raises:
        ValueError: the weight has no such hook.
    """
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook, SpectralNorm) and hook.name == name:
            hook.remove(module)
            del module._forward_pre_hooks[key]
            return module
    raise ValueError(f"spectral_norm of '{name}' not found in {module}")
