"""Adaptive softmax."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Sequence
from typing import Any

from flambeau._ops import arithmetic, comparison, indexing, reductions
from flambeau._ops import shape as shapes
from flambeau.nn import functional as F
from flambeau.nn.container import ModuleList, Sequential
from flambeau.nn.functional._base import apply, cat, reshape, run, unsqueeze
from flambeau.nn.linear import Linear
from flambeau.nn.module import Module

__all__ = ["AdaptiveLogSoftmaxWithLoss"]

_ASMoutput = namedtuple("_ASMoutput", ["output", "loss"])  # noqa: PYI024 - PyTorch's name


def _columns(x: Any, start: int, end: int | None) -> Any:
    return run(shapes.slice, (x,), (("dim", 1), ("start", start), ("end", end), ("step", 1)))


class AdaptiveLogSoftmaxWithLoss(Module):
    """A softmax over very many classes: frequent ones in a short list, the rest in clusters.

    Args:
        in_features: the width of the input.
        n_classes: how many classes there are, sorted by falling frequency.
        cutoffs: where the clusters begin.
        div_value: how much narrower each further cluster is.
        head_bias: whether the short list's projection has a bias.
        device: where the parameters live.
        dtype: their dtype.

    Raises:
        ValueError: the cutoffs are empty, unsorted, repeated or out of range.

    Follows ``torch.nn.AdaptiveLogSoftmaxWithLoss`` (Grave et al., *Efficient softmax
    approximation for GPUs*, 2017). Which clusters a batch touches depends on its data; here
    all of them are computed, so that nothing has to be read.
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        where = {"device": device, "dtype": dtype}
        super().__init__()
        cutoffs = list(cutoffs)
        if not cutoffs:
            raise ValueError("cutoffs should be a sequence of length larger than 0")
        if (
            cutoffs != sorted(cutoffs)
            or min(cutoffs) <= 0
            or max(cutoffs) > n_classes - 1
            or len(set(cutoffs)) != len(cutoffs)
            or any(int(c) != c for c in cutoffs)
        ):
            raise ValueError(
                "cutoffs should be a sequence of unique, positive integers sorted in an "
                "increasing order, where each value is between 1 and n_classes-1"
            )
        self.in_features = in_features
        self.n_classes = n_classes
        self.cutoffs = [*cutoffs, n_classes]
        self.div_value = div_value
        self.head_bias = head_bias
        self.shortlist_size = self.cutoffs[0]
        self.n_clusters = len(self.cutoffs) - 1
        self.head_size = self.shortlist_size + self.n_clusters
        self.head = Linear(in_features, self.head_size, bias=head_bias, **where)
        self.tail = ModuleList()
        for i in range(self.n_clusters):
            width = int(in_features // (div_value ** (i + 1)))
            size = self.cutoffs[i + 1] - self.cutoffs[i]
            self.tail.append(
                Sequential(
                    Linear(in_features, width, bias=False, **where),
                    Linear(width, size, bias=False, **where),
                )
            )

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        self.head.reset_parameters()
        for first, second in self.tail:  # pyright: ignore[reportGeneralTypeIssues]
            first.reset_parameters()
            second.reset_parameters()

    def forward(self, input_: Any, target_: Any) -> Any:
        """The log-probability of each target, and the mean loss.

        Raises:
            RuntimeError: the shapes do not fit.
        """
        single = target_.ndim == 0
        if target_.ndim == 1:
            if input_.shape[0] != target_.shape[0]:
                raise RuntimeError(
                    "Input and target should have the same size in the batch dimension."
                )
            if input_.ndim != 2:
                raise RuntimeError(
                    "1D target tensor expects 2D input tensors, but found inputs with size",
                    input_.size(),
                )
        elif single:
            if input_.ndim != 1:
                raise RuntimeError(
                    "0D target tensor expects 1D input tensors, but found inputs with size",
                    input_.size(),
                )
            input_, target_ = unsqueeze(input_, 0), unsqueeze(target_, 0)
        else:
            raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
        full = self.log_prob(input_)
        index = unsqueeze(target_, 1)
        picked = reshape(apply(indexing.gather, full, index, dim=1), (target_.shape[0],))
        loss = apply(arithmetic.neg, apply(reductions.mean, picked))
        return _ASMoutput(reshape(picked, ()) if single else picked, loss)

    def _get_full_log_prob(self, input: Any, head_output: Any) -> Any:
        head = F.log_softmax(head_output, dim=1)
        parts = [_columns(head, 0, self.shortlist_size)]
        for i, tail in enumerate(self.tail):
            inside = F.log_softmax(tail(input), dim=1)
            place = self.shortlist_size + i
            parts.append(apply(arithmetic.add, inside, _columns(head, place, place + 1)))
        return cat(parts, 1)

    def log_prob(self, input: Any) -> Any:
        """Log-probabilities of all classes, ``(N, n_classes)``."""
        return self._get_full_log_prob(input, self.head(input))

    def predict(self, input: Any) -> Any:
        """The likeliest class of each row, as from the largest of :meth:`log_prob`."""
        head_output = self.head(input)
        best = apply(reductions.argmax, head_output, dim=1)
        within = apply(comparison.lt, best, self.shortlist_size)
        full = apply(reductions.argmax, self._get_full_log_prob(input, head_output), dim=1)
        return apply(indexing.where, within, best, full)
