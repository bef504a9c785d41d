"""Ready-made parametrizations: weight norm, spectral norm, orthogonal."""

from __future__ import annotations

from typing import Any

from flambeau._autograd.grad_mode import no_grad
from flambeau.nn import functional as F
from flambeau.nn.module import Module
from flambeau.nn.utils import parametrize
from flambeau.nn.utils._norms import flat_matrix, norm_except, power_iterate, start_vectors

__all__ = ["spectral_norm", "weight_norm"]


class _WeightNorm(Module):
    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Any, weight_v: Any) -> Any:
        return weight_v * (weight_g / norm_except(weight_v, self.dim))

    def right_inverse(self, weight: Any) -> tuple[Any, Any]:
        return norm_except(weight, self.dim), weight


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Learn a weight's length and direction apart.

    Follows ``torch.nn.utils.parametrizations.weight_norm`` (Salimans and Kingma, 2016).

    Args:
        module: the owner.
        name: which tensor.
        dim: the dimension that keeps lengths of its own; None for one length.
    """
    parametrize.register_parametrization(module, name, _WeightNorm(dim), unsafe=True)
    return module


class _SpectralNorm(Module):
    def __init__(
        self, weight: Any, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12
    ) -> None:
        super().__init__()
        n = weight.ndim
        if not -n <= dim < n:
            raise IndexError(
                f"Dimension out of range (expected to be in range of [-{n}, {n - 1}] but got {dim})"
            )
        if n_power_iterations <= 0:
            raise ValueError(
                "Expected n_power_iterations to be positive, but got "
                f"n_power_iterations={n_power_iterations}"
            )
        self.dim = dim if dim >= 0 else dim + n
        self.eps = eps
        if n > 1:
            self.n_power_iterations = n_power_iterations
            with no_grad():
                matrix = flat_matrix(weight.detach(), self.dim)
                u, v = start_vectors(matrix, eps)
                u, v = power_iterate(matrix, u, v, 15, eps)
            self.register_buffer("_u", u)
            self.register_buffer("_v", v)

    def forward(self, weight: Any) -> Any:
        if weight.ndim == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = flat_matrix(weight, self.dim)
        if self.training:
            with no_grad():
                u, v = power_iterate(
                    matrix.detach(), self._u, self._v, self.n_power_iterations, self.eps
                )
                self._u.copy_(u)
                self._v.copy_(v)
        # Copies: the next call moves the buffers, and this call's gradient needs these.
        u, v = self._u.clone(), self._v.clone()
        return weight / (u * matrix.mv(v)).sum()

    def right_inverse(self, value: Any) -> Any:
        return value


def spectral_norm(
    module: Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Module:
    """Divide a weight by its largest singular value, followed by power iteration.

    Follows ``torch.nn.utils.parametrizations.spectral_norm`` (Miyato et al., 2018).

    Args:
        module: the owner.
        name: which tensor.
        n_power_iterations: iterations at each call in training.
        eps: keeps norms from vanishing.
        dim: the dimension of outputs; 0, or 1 for transposed convolutions.

    Raises:
        ValueError: there is no such tensor.
    """
    from flambeau.nn.conv import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d

    weight = getattr(module, name, None)
    if weight is None:
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    if dim is None:
        transposed = (ConvTranspose1d, ConvTranspose2d, ConvTranspose3d)
        dim = 1 if isinstance(module, transposed) else 0
    step = _SpectralNorm(weight, n_power_iterations, dim, eps)
    parametrize.register_parametrization(module, name, step)
    return module
