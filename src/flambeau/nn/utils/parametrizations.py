"""Ready-made parametrizations: weight norm, spectral norm, orthogonal."""

from __future__ import annotations

from typing import Any

from flambeau._autograd.grad_mode import no_grad
from flambeau._tensor import dtypes
from flambeau._tensor.functions import creation, indexing, joining, linalg
from flambeau._tensor.tensor import Tensor
from flambeau.nn import functional as F
from flambeau.nn.module import Module
from flambeau.nn.utils import parametrize
from flambeau.nn.utils._norms import flat_matrix, norm_except, power_iterate, start_vectors

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]


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


def _orthonormal(matrix: Any) -> Any:
    """The Q of a QR decomposition whose R has a positive diagonal."""
    q, r = linalg.qr(matrix)
    return q * r.diagonal(dim1=-2, dim2=-1).sgn().unsqueeze(-2)


class _Orthogonal(Module):
    """From any matrix to one with orthonormal columns (or rows, where it is wide)."""

    def __init__(self, weight: Any, orthogonal_map: str, use_trivialization: bool) -> None:
        super().__init__()
        if weight.is_complex() and orthogonal_map == "householder":
            raise ValueError("The householder parametrization does not support complex tensors.")
        self.shape = weight.shape
        self.orthogonal_map = orthogonal_map
        self.trivial = use_trivialization
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, x: Any) -> Any:
        rows, columns = x.shape[-2:]
        wide = rows < columns
        if wide:
            x, rows, columns = x.mT, columns, rows
        if self.orthogonal_map == "householder":
            below = x.tril(-1)
            tau = 2 / (1 + (below * below.conj()).sum(-2))
            q = linalg.householder_product(below, tau)
            # The diagonal holds signs, which are not learned.
            q = q * x.diagonal(dim1=-2, dim2=-1).int().unsqueeze(-2)
        else:
            lower = x.tril()
            if rows != columns:
                extra = x.new_zeros((*x.shape[:-2], rows, rows - columns))
                lower = joining.cat([lower, extra], -1)
            skew = lower - lower.mH
            if self.orthogonal_map == "matrix_exp":
                q = linalg.matrix_exp(skew)
            else:
                one = creation.eye(rows, dtype=x.dtype, device=x.device)
                q = linalg.solve(one - skew / 2, one + skew / 2)
            if rows != columns:
                q = q[..., :columns]
        if self.trivial:
            q = self.base @ q
        return q.mT if wide else q

    def right_inverse(self, value: Any) -> Any:
        with no_grad():
            if value.shape != self.shape:
                raise ValueError(
                    f"Expected a matrix or batch of matrices of shape {self.shape}. "
                    f"Got a tensor of shape {value.shape}."
                )
            rows, columns = value.shape[-2:]
            wide = rows < columns
            q = value.mT if wide else value
            rows, columns = q.shape[-2:]
            if not self.trivial:
                if self.orthogonal_map != "householder":
                    raise NotImplementedError(
                        "It is not possible to assign to the matrix exponential or the Cayley "
                        "parametrizations when use_trivialization=False."
                    )
                stored, tau = linalg.geqrf(q)
                signs = stored.diagonal(dim1=-2, dim2=-1).sgn()
                signs = signs * (1 - 2 * (tau == 0).to(signs.dtype))
                one = creation.eye(rows, columns, dtype=q.dtype, device=q.device)
                stored = stored * (1 - one) + one * signs.unsqueeze(-2)
                return stored.mT if wide else stored
            if rows == columns:
                one = creation.eye(columns, dtype=q.dtype, device=q.device)
                limit = 10 * rows * dtypes.finfo(q.dtype).eps
                orthogonal = ((q.mH @ q - one).abs() <= limit + 1e-5 * one.abs()).all()
                base = indexing.where(orthogonal, q, _orthonormal(q))
            else:
                # Columns to make it square; any will do.
                extra = q.new_empty((*q.shape[:-1], rows - columns)).normal_()
                base = _orthonormal(joining.cat([q, extra], -1))
            self.base = base
            one = creation.eye(*value.shape[-2:], dtype=value.dtype, device=value.device)
            return -one.expand(value.shape)


_MAPS = ("matrix_exp", "cayley", "householder")


def orthogonal(
    module: Module,
    name: str = "weight",
    orthogonal_map: str | None = None,
    *,
    use_trivialization: bool = True,
) -> Module:
    r"""Keep a matrix, or a batch of matrices, orthogonal or unitary.

    Where it is not square, its shorter side is orthonormal.

    Args:
        module: the owner.
        name: which tensor.
        orthogonal_map: how a free matrix is made orthogonal: ``"matrix_exp"``,
            :math:`\exp(A - A^H)`; ``"cayley"``, :math:`(I - A/2)^{-1} (I + A/2)` of the same
            skew matrix; ``"householder"``, a product of reflections. By default the first where
            the matrix is square or complex, else the last.
        use_trivialization: multiply by a fixed orthogonal matrix, so that any orthogonal
            matrix can be assigned.

    Raises:
        ValueError: there is no such tensor, it is no matrix, or the map does not suit it.

    Example:
        >>> import flambeau as torch
        >>> layer = torch.nn.utils.parametrizations.orthogonal(torch.nn.Linear(3, 3))
        >>> torch.dist(layer.weight.T @ layer.weight, torch.eye(3)).item() < 1e-5
        True

    Follows ``torch.nn.utils.parametrizations.orthogonal`` (Lezcano-Casado, *Trivializations for
    gradient-based optimization on manifolds*, 2019).
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    if weight.ndim < 2:
        raise ValueError(
            f"Expected a matrix or batch of matrices. Got a tensor of {weight.ndim} dimensions."
        )
    if orthogonal_map is None:
        square = weight.shape[-2] == weight.shape[-1]
        orthogonal_map = "matrix_exp" if square or weight.is_complex() else "householder"
    if orthogonal_map not in _MAPS:
        raise ValueError(
            'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". '
            f"Got: {orthogonal_map}"
        )
    step = _Orthogonal(weight, orthogonal_map, use_trivialization)
    parametrize.register_parametrization(module, name, step, unsafe=True)
    return module
