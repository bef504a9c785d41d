"""Batch normalization."""

from __future__ import annotations

from typing import Any

from flambeau.nn import _core, init
from flambeau.nn import functional as F
from flambeau.nn.module import Module
from flambeau.nn.parameter import Parameter

__all__ = ["BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "SyncBatchNorm"]


class _NormBase(Module):
    """What batch and instance normalization share: scale, shift and running statistics.

    Args:
        num_features: the number of channels, ``C``.
        eps: added to the variance.
        momentum: the weight of a new batch in the running statistics; None takes the
            average over all batches.
        affine: whether to scale and shift by learned parameters.
        track_running_stats: whether to keep running statistics for evaluation.
        device: where the parameters and buffers live.
        dtype: their dtype.
        bias: whether to shift, if ``affine``.
    """

    _version = 2

    weight: Parameter | None
    bias: Parameter | None
    running_mean: Any
    running_var: Any
    num_batches_tracked: Any

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        where = {"device": device, "dtype": dtype}
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        for name, wanted in (("weight", affine), ("bias", affine and bias)):
            made = Parameter(_core.empty((num_features,), **where)) if wanted else None
            self.register_parameter(name, made)
        if track_running_stats:
            self.register_buffer("running_mean", _core.zeros((num_features,), **where))
            self.register_buffer("running_var", _core.ones((num_features,), **where))
            count = _core.tensor(0, dtype=_core.int64, device=device)
            self.register_buffer("num_batches_tracked", count)
        else:
            self.register_buffer("running_mean", None)
            self.register_buffer("running_var", None)
            self.register_buffer("num_batches_tracked", None)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Start the running statistics anew."""
        if self.track_running_stats:
            self.running_mean.zero_()
            self.running_var.fill_(1)
            self.num_batches_tracked.zero_()

    def reset_parameters(self) -> None:
        """Start statistics, scale (ones) and shift (zeros) anew."""
        self.reset_running_stats()
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def _check_input_dim(self, input: Any) -> None:
        raise NotImplementedError

    def extra_repr(self) -> str:
        """All arguments."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, "
            f"affine={self.affine}, bias={self.bias is not None}, "
            f"track_running_stats={self.track_running_stats}"
        )

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: dict[str, Any],
        *rest: Any,
    ) -> None:
        version = local_metadata.get("version")
        if (version is None or version < 2) and self.track_running_stats:
            # Version 2 added the count of batches.
            key = prefix + "num_batches_tracked"
            if key not in state_dict:
                count = self.num_batches_tracked
                if count is None or count.is_meta:
                    count = _core.tensor(0, dtype=_core.int64)
                state_dict[key] = count
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)


class _BatchNorm(_NormBase):
    """Normalizes each channel over the batch, and scales and shifts it."""

    def forward(self, input: Any) -> Any:
        """Normalize ``input``; while training, update the running statistics."""
        self._check_input_dim(input)
        momentum = 0.0 if self.momentum is None else self.momentum
        if self.training and self.track_running_stats and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            if self.momentum is None:
                momentum = 1.0 / self.num_batches_tracked
        use_batch = self.training or (self.running_mean is None and self.running_var is None)
        keep = not self.training or self.track_running_stats
        return F.batch_norm(
            input,
            self.running_mean if keep else None,
            self.running_var if keep else None,
            self.weight,
            self.bias,
            use_batch,
            momentum,
            self.eps,
        )


class BatchNorm1d(_BatchNorm):
    """Batch normalization of ``(N, C)`` or ``(N, C, L)``.

    See :class:`BatchNorm2d` for the arguments.

    Follows ``torch.nn.BatchNorm1d``.
    """

    def _check_input_dim(self, input: Any) -> None:
        if input.dim() not in (2, 3):
            raise ValueError(f"expected 2D or 3D input (got {input.dim()}D input)")


class BatchNorm2d(_BatchNorm):
    r"""Batch normalization of images ``(N, C, H, W)``, channel by channel.

    :math:`y = \gamma (x - E[x]) / \sqrt{Var[x] + \epsilon} + \beta`, with statistics of
    the batch while training and running statistics in evaluation.

    Args:
        num_features: the number of channels, ``C``.
        eps: :math:`\epsilon`.
        momentum: the weight of a new batch in the running statistics; None takes the
            average over all batches.
        affine: whether to scale and shift by learned parameters.
        track_running_stats: whether to keep running statistics for evaluation.
        device: where the parameters and buffers live.
        dtype: their dtype.
        bias: whether to shift, if ``affine``.

    Raises:
        ValueError: the input has another number of dimensions.

    Example:
        >>> import flambeau as torch
        >>> norm = torch.nn.BatchNorm2d(3)
        >>> norm(torch.randn(2, 3, 4, 4)).shape
        torch.Size([2, 3, 4, 4])
        >>> [name for name, _ in norm.named_buffers()]
        ['running_mean', 'running_var', 'num_batches_tracked']

    Follows ``torch.nn.BatchNorm2d``.
    """

    def _check_input_dim(self, input: Any) -> None:
        if input.dim() != 4:
            raise ValueError(f"expected 4D input (got {input.dim()}D input)")


class BatchNorm3d(_BatchNorm):
    """Batch normalization of volumes ``(N, C, D, H, W)``.

    See :class:`BatchNorm2d` for the arguments.

    Follows ``torch.nn.BatchNorm3d``.
    """

    def _check_input_dim(self, input: Any) -> None:
        if input.dim() != 5:
            raise ValueError(f"expected 5D input (got {input.dim()}D input)")


class SyncBatchNorm(_BatchNorm):
    """Batch normalization over the batches of all processes; with one process, over its own.

    Args:
        num_features: the number of channels, ``C``.
        eps: added to the variance.
        momentum: the weight of a new batch in the running statistics.
        affine: whether to scale and shift by learned parameters.
        track_running_stats: whether to keep running statistics for evaluation.
        process_group: the processes to take part; only None, the one process there is.
        device: where the parameters and buffers live.
        dtype: their dtype.
        bias: whether to shift, if ``affine``.

    Follows ``torch.nn.SyncBatchNorm``.
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        process_group: Any = None,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(
            num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias
        )
        self.process_group = process_group

    def _check_input_dim(self, input: Any) -> None:
        if input.dim() < 2:
            raise ValueError(f"expected at least 2D input (got {input.dim()}D input)")

    @classmethod
    def convert_sync_batchnorm(cls, module: Any, process_group: Any = None) -> Any:
        """Replace every batch norm in ``module`` by a synchronized one with its parameters.

        Follows ``torch.nn.SyncBatchNorm.convert_sync_batchnorm``.
        """
        converted = module
        if isinstance(module, _BatchNorm):
            converted = cls(
                module.num_features,
                module.eps,
                module.momentum,
                module.affine,
                module.track_running_stats,
                process_group,
                bias=module.bias is not None,
            )
            for table in ("_parameters", "_buffers"):
                getattr(converted, table).update(getattr(module, table))
            converted.training = module.training
        for name, child in module.named_children():
            converted.add_module(name, cls.convert_sync_batchnorm(child, process_group))
        return converted
