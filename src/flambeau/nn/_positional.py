"""Operations of networks that PyTorch shows at the top in an older form.

They take what the kernels take: the reduction as a number, the parts of batch norm in another
order, weights of recurrent networks in one flat list. Each calls the function of
:mod:`flambeau.nn.functional` that it is a form of.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flambeau.nn.functional as F
from flambeau._tensor.documents import add_example
from flambeau._tensor.tensor import Tensor
from flambeau.nn import _recurrent

_REDUCTIONS = ("none", "mean", "sum")


def _reduction(number: int) -> str:
    if isinstance(number, str):
        return number
    if number not in (0, 1, 2):
        raise ValueError(f"{number} is not a valid value for reduction: 0, 1 (mean) or 2 (sum)")
    return _REDUCTIONS[number]


# -- normalization --------------------------------------------------------------------------


def batch_norm(
    input: Any, weight: Any, bias: Any, running_mean: Any, running_var: Any,
    training: bool, momentum: float, eps: float, cudnn_enabled: bool,
) -> Any:  # fmt: skip
    """:func:`flambeau.nn.functional.batch_norm` with its arguments in the kernel's order.

    Shape:
        ``(N, C, *)`` to the same.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> x = torch.tensor([[1.0], [3.0]])
        >>> torch.batch_norm(x, None, None, None, None, True, 0.1, 0.0, False)
        tensor([[-1.],
                [ 1.]])

    Follows ``torch.batch_norm``.
    """
    return F.batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


def instance_norm(
    input: Any, weight: Any, bias: Any, running_mean: Any, running_var: Any,
    use_input_stats: bool, momentum: float, eps: float, cudnn_enabled: bool,
) -> Any:  # fmt: skip
    """:func:`flambeau.nn.functional.instance_norm` with its arguments in the kernel's order.

    Shape:
        ``(N, C, *)`` to the same.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        ValueError: there is one spatial element to normalize over.

    Example:
        >>> import flambeau as torch
        >>> x = torch.tensor([[[1.0, 3.0]]])
        >>> torch.instance_norm(x, None, None, None, None, True, 0.1, 0.0, False)
        tensor([[[-1.,  1.]]])

    Follows ``torch.instance_norm``.
    """
    return F.instance_norm(
        input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps
    )


def layer_norm(
    input: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5,
    cudnn_enable: bool = True,
) -> Any:  # fmt: skip
    """:func:`flambeau.nn.functional.layer_norm`.

    Shape:
        ``(*, D)`` to the same, D being ``normalized_shape``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.layer_norm(torch.tensor([[1.0, 3.0]]), (2,), eps=0.0)
        tensor([[-1.,  1.]])

    Follows ``torch.layer_norm``.
    """
    return F.layer_norm(input, normalized_shape, weight, bias, eps)


def group_norm(
    input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5,
    cudnn_enabled: bool = True,
) -> Any:  # fmt: skip
    """:func:`flambeau.nn.functional.group_norm`.

    Shape:
        ``(N, C, *)`` to the same.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.group_norm(torch.tensor([[1.0, 3.0, 5.0, 9.0]]), 2, eps=0.0)
        tensor([[-1.,  1., -1.,  1.]])

    Follows ``torch.group_norm``.
    """
    return F.group_norm(input, num_groups, weight, bias, eps)


def native_layer_norm(
    input: Any, normalized_shape: Any, weight: Any, bias: Any, eps: float
) -> tuple[Any, Any, Any]:
    """Layer norm, and the mean and reciprocal deviation it used.

    Shape:
        input (*, D): results (*, D), (*, 1) and (*, 1).

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: the tensors hold integers or bools.

    Example:
        >>> import flambeau as torch
        >>> torch.native_layer_norm(torch.tensor([[1.0, 3.0]]), (2,), None, None, 0.0)[0]
        tensor([[-1.,  1.]])

    Follows ``torch.native_layer_norm``.
    """
    dims = tuple(range(-len(tuple(normalized_shape)), 0))
    out = F.layer_norm(input, normalized_shape, weight, bias, eps)
    mean = input.mean(dims, keepdim=True)
    return out, mean, (input.var(dims, correction=0, keepdim=True) + eps).rsqrt()


def native_group_norm(
    input: Any, weight: Any, bias: Any, N: int, C: int, HxW: int, group: int, eps: float
) -> tuple[Any, Any, Any]:
    """Group norm, and the mean and reciprocal deviation it used, (N, group).

    Shape:
        ``(N, C, *)`` to the same; the statistics are ``(N, groups)``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: the tensors hold integers or bools.
        RuntimeError: the sizes of the tensors do not fit.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.native_group_norm(torch.tensor([[1.0, 3.0]]), None, None, 1, 2, 1, 1, 0.0)[0]
        tensor([[-1.,  1.]])

    Follows ``torch.native_group_norm``.
    """
    out = F.group_norm(input, group, weight, bias, eps)
    parts = input.reshape(N, group, -1)
    return out, parts.mean(-1), (parts.var(-1, correction=0) + eps).rsqrt()


def native_batch_norm(
    input: Any, weight: Any, bias: Any, running_mean: Any, running_var: Any,
    training: bool, momentum: float, eps: float,
) -> tuple[Any, Any, Any]:  # fmt: skip
    """Batch norm, and the mean and reciprocal deviation it used, (C,); empty ones in evaluation.

    Shape:
        ``(N, C, *)`` to the same; the statistics are ``(C,)``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: the tensors hold integers or bools.
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> x = torch.tensor([[1.0], [3.0]])
        >>> torch.native_batch_norm(x, None, None, None, None, True, 0.1, 1e-9)[0]
        tensor([[-1.],
                [ 1.]])

    Follows ``torch.native_batch_norm``.
    """
    out = F.batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)
    if not training:
        return out, input.new_empty(0), input.new_empty(0)
    dims = tuple(d for d in range(input.ndim) if d != 1)
    return out, input.mean(dims), (input.var(dims, correction=0) + eps).rsqrt()


def native_dropout(input: Any, p: float, train: bool | None) -> tuple[Any, Any]:
    """Dropout, and where elements were kept.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Floating; the results: the input's, and bool for the mask.

    Raises:
        ValueError: ``p`` is not between 0 and 1.

    Example:
        >>> import flambeau as torch
        >>> torch.native_dropout(torch.tensor([1.0, 2.0]), 0.5, False)
        (tensor([1., 2.]), tensor([True, True]))

    Follows ``torch.native_dropout``.
    """
    if train is False:
        return input.clone(), input.new_ones(input.shape).bool()
    kept = F.dropout(input.detach().new_ones(input.shape), p, True)
    return input * kept, kept != 0


# -- embeddings ---------------------------------------------------------------------------------


def embedding(
    weight: Any, indices: Any, padding_idx: int = -1, scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Any:  # fmt: skip
    """:func:`flambeau.nn.functional.embedding`, weights first; -1 means no padding index.

    Shape:
        Indices ``(*)``, weight ``(V, D)``; the result is ``(*, D)``.

    Dtypes:
        Indices integers, weight floating or complex; the result has the weight's.

    Raises:
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.embedding(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([1, 0, 1]))
        tensor([[3., 4.],
                [1., 2.],
                [3., 4.]])

    Follows ``torch.embedding``.
    """
    padding = None if padding_idx < 0 else padding_idx
    return F.embedding(
        indices, weight, padding, scale_grad_by_freq=scale_grad_by_freq, sparse=sparse
    )


def embedding_renorm_(weight: Any, indices: Any, max_norm: float, norm_type: float) -> Any:
    """Scale down, in place, the rows that are looked up and are longer than `max_norm`.

    Shape:
        Weight ``(V, D)``, indices ``(*)``; the result is the weight.

    Dtypes:
        Indices integers, weight floating; the result has the weight's.

    Raises:
        RuntimeError: the indices are not integers.

    Example:
        >>> import flambeau as torch
        >>> w = torch.tensor([[3.0, 4.0], [0.3, 0.4]])
        >>> torch.embedding_renorm_(w, torch.tensor([0, 1]), 1.0, 2.0)
        tensor([[0.6000, 0.8000],
                [0.3000, 0.4000]])

    Follows ``torch.embedding_renorm_``.
    """
    F.embedding(indices, weight, None, max_norm, norm_type)
    return weight


# -- losses -------------------------------------------------------------------------------------


def binary_cross_entropy_with_logits(
    input: Any, target: Any, weight: Any = None, pos_weight: Any = None, reduction: int = 0
) -> Any:
    """The loss of :mod:`flambeau.nn.functional`, its reduction 0 (none), 1 (mean) or 2 (sum).

    Shape:
        Input and target ``(*)`` that broadcast; ``()``, or ``(*)`` with
        ``reduction="none"``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        TypeError: the tensors hold bools.
        ValueError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> x, y = torch.tensor([0.0, 2.0]), torch.tensor([1.0, 0.0])
        >>> torch.binary_cross_entropy_with_logits(x, y)
        tensor([0.6931, 2.1269])

    Follows ``torch.binary_cross_entropy_with_logits``.
    """
    return F.binary_cross_entropy_with_logits(
        input, target, weight, reduction=_reduction(reduction), pos_weight=pos_weight
    )


def cosine_embedding_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: int = 0
) -> Any:
    """The loss of :mod:`flambeau.nn.functional`, its reduction 0 (none), 1 (mean) or 2 (sum).

    Shape:
        ``(N, D)`` twice, or ``(D,)``, target ``(N,)``; ``()``, or ``(N,)`` with
        ``reduction="none"``.

    Dtypes:
        Integers and floating; the result: the default dtype for integers, else the
        input's.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> a, b = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
        >>> torch.cosine_embedding_loss(a, b, torch.tensor([1]))
        tensor([1.])

    Follows ``torch.cosine_embedding_loss``.
    """
    return F.cosine_embedding_loss(input1, input2, target, margin, reduction=_reduction(reduction))


def ctc_loss(
    log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int = 0,
    reduction: int = 0, zero_infinity: bool = False,
) -> Any:  # fmt: skip
    """The loss of :mod:`flambeau.nn.functional`, its reduction 0 (none), 1 (mean) or 2 (sum).

    Shape:
        ``(T, N, C)`` or ``(T, C)``, targets ``(N, S)`` or joined, lengths ``(N,)``; ``()``,
        or ``(N,)`` with ``reduction="none"``.

    Dtypes:
        Floating, targets and lengths integers; the result has the input's.

    Raises:
        RuntimeError: the input has neither two nor three dimensions.

    Example:
        >>> import flambeau as torch
        >>> lp = torch.zeros(3, 1, 2).log_softmax(2)
        >>> torch.ctc_loss(lp, torch.tensor([[1]]), torch.tensor([3]), torch.tensor([1]))
        tensor([0.2877])

    Follows ``torch.ctc_loss``.
    """
    return F.ctc_loss(
        log_probs, targets, input_lengths, target_lengths, blank, _reduction(reduction),
        zero_infinity,
    )  # fmt: skip


def hinge_embedding_loss(input: Any, target: Any, margin: float = 1.0, reduction: int = 0) -> Any:
    """The loss of :mod:`flambeau.nn.functional`, its reduction 0 (none), 1 (mean) or 2 (sum).

    Shape:
        Input and target ``(*)`` that broadcast; ``()``, or ``(*)`` with
        ``reduction="none"``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.hinge_embedding_loss(torch.tensor([0.5, 0.25]), torch.tensor([1, -1]))
        tensor([0.5000, 0.7500])

    Follows ``torch.hinge_embedding_loss``.
    """
    return F.hinge_embedding_loss(input, target, margin, reduction=_reduction(reduction))


def kl_div(input: Any, target: Any, reduction: int = 0, *, log_target: bool = False) -> Any:
    """The loss of :mod:`flambeau.nn.functional`, its reduction 0 (none), 1 (mean) or 2 (sum).

    Shape:
        Input and target ``(*)`` that broadcast; ``()``, or ``(*)`` with
        ``reduction="none"``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        TypeError: the tensors hold bools.
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.kl_div(torch.tensor([-1.0, -2.0]), torch.tensor([0.5, 0.5]))
        tensor([0.1534, 0.6534])

    Follows ``torch.kl_div``.
    """
    name = _reduction(reduction)
    each = F.kl_div(input, target, reduction="none", log_target=log_target)
    return each if name == "none" else each.mean() if name == "mean" else each.sum()


def margin_ranking_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: int = 0
) -> Any:
    """The loss of :mod:`flambeau.nn.functional`, its reduction 0 (none), 1 (mean) or 2 (sum).

    Shape:
        Both inputs and the target ``(*)`` that broadcast; ``()``, or ``(*)`` with
        ``reduction="none"``.

    Dtypes:
        Integers and floating; the result: the default dtype for integers, else the
        input's.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.
        RuntimeError: the input has no dimensions.

    Example:
        >>> import flambeau as torch
        >>> a, b, y = torch.tensor([1.0]), torch.tensor([3.0]), torch.tensor([1.0])
        >>> torch.margin_ranking_loss(a, b, y, margin=0.5)
        tensor([2.5000])

    Follows ``torch.margin_ranking_loss``.
    """
    return F.margin_ranking_loss(input1, input2, target, margin, reduction=_reduction(reduction))


def poisson_nll_loss(
    input: Any, target: Any, log_input: bool, full: bool, eps: float, reduction: int
) -> Any:
    """The loss of :mod:`flambeau.nn.functional`, its reduction 0 (none), 1 (mean) or 2 (sum).

    Shape:
        Input and target ``(*)`` that broadcast; ``()``, or ``(*)`` with
        ``reduction="none"``.

    Dtypes:
        Integers and floating; the result: the default dtype for integers, else the
        input's.

    Raises:
        ValueError: ``reduction`` is none of the names.

    Example:
        >>> import flambeau as torch
        >>> x, y = torch.tensor([0.0, 1.0]), torch.tensor([1.0, 2.0])
        >>> torch.poisson_nll_loss(x, y, True, False, 1e-8, 1)
        tensor(0.8591)

    Follows ``torch.poisson_nll_loss``.
    """
    return F.poisson_nll_loss(
        input, target, log_input, full, eps=eps, reduction=_reduction(reduction)
    )


def triplet_margin_loss(
    anchor: Any, positive: Any, negative: Any, margin: float = 1.0, p: float = 2.0,
    eps: float = 1e-6, swap: bool = False, reduction: int = 0,
) -> Any:  # fmt: skip
    """The loss of :mod:`flambeau.nn.functional`, its reduction 0 (none), 1 (mean) or 2 (sum).

    Shape:
        Three of ``(N, D)`` or ``(D,)``; ``()``, or ``(N,)`` with ``reduction="none"``.

    Dtypes:
        Integers and floating; the result: the default dtype for integers, else the
        input's.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.
        RuntimeError: the input has fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> a, b, c = torch.tensor([[[0.0]], [[1.0]], [[1.5]]])
        >>> torch.triplet_margin_loss(a, b, c)
        tensor([0.5000])

    Follows ``torch.triplet_margin_loss``.
    """
    return F.triplet_margin_loss(
        anchor, positive, negative, margin, p, eps, swap, reduction=_reduction(reduction)
    )


# -- convolution, pooling, grids ----------------------------------------------------------------


def convolution(
    input: Any, weight: Any, bias: Any, stride: Sequence[int], padding: Sequence[int],
    dilation: Sequence[int], transposed: bool, output_padding: Sequence[int], groups: int,
) -> Any:  # fmt: skip
    """A convolution, or its transpose, in as many dimensions as the input has.

    Shape:
        Input ``(N, C, *)``, weight ``(O, C / groups, *)``, bias ``(O,)``; the result is
        ``(N, O, *)``.

    Dtypes:
        Integers, floating and complex; the result has the input's.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> x = torch.tensor([[[1.0, 2.0, 3.0]]])
        >>> torch.convolution(x, torch.ones(1, 1, 2), None, [1], [0], [1], False, [0], 1)
        tensor([[[3., 5.]]])

    Follows ``torch.convolution``.
    """
    n = input.ndim - 2
    if n not in (1, 2, 3):
        raise RuntimeError(f"convolution: expected input of 3 to 5 dimensions, got {input.ndim}")
    if transposed:
        run = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[n - 1]
        return run(input, weight, bias, stride, padding, output_padding, groups, dilation)
    return (F.conv1d, F.conv2d, F.conv3d)[n - 1](
        input, weight, bias, stride, padding, dilation, groups
    )


def conv_tbc(input: Any, weight: Any, bias: Any, pad: int = 0) -> Any:
    """Convolution of sequences whose dimensions are time, batch, channels.

    Shape:
        input (T, N, C_in), weight (K, C_in, C_out), bias (C_out,), result (T', N, C_out) with
        T' = T + 2 * pad - K + 1.

    Dtypes:
        Integers, floating and complex; the result has the input's.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.conv_tbc(torch.ones(5, 2, 3), torch.ones(2, 3, 4), torch.zeros(4)).shape
        torch.Size([4, 2, 4])

    Follows ``torch.conv_tbc``.
    """
    for name, value in (("Input", input), ("Weight", weight)):
        if value.ndim != 3:
            raise RuntimeError(
                f"{name} must have 3 dims: time, batch, in_channel; got {value.ndim}"
            )
    out = F.conv1d(input.permute(1, 2, 0), weight.permute(2, 1, 0), bias, padding=pad)
    return out.permute(2, 0, 1)


def max_pool1d_with_indices(
    input: Any, kernel_size: Any, stride: Any = (), padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False,
) -> Any:  # fmt: skip
    """Maxima of windows and where they were.

    Shape:
        ``(N, C, L)`` or ``(C, L)`` to ``(N, C, L_out)`` or ``(C, L_out)``.

    Dtypes:
        Integers and floating; the results: the input's; int64.

    Raises:
        RuntimeError: the input has neither two nor three dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.max_pool1d_with_indices(torch.tensor([[1.0, 3.0, 2.0, 5.0]]), 2)
        (tensor([[3., 5.]]), tensor([[1, 3]]))

    Follows ``torch.max_pool1d_with_indices``.
    """
    return F.max_pool1d(
        input, kernel_size, stride or None, padding, dilation, ceil_mode, return_indices=True
    )


def adaptive_max_pool1d(input: Any, output_size: Any) -> Any:
    """Maxima of as many windows as asked, and where they were.

    Shape:
        ``(N, C, L)`` or ``(C, L)`` to ``(N, C, output_size)`` or ``(C, output_size)``.

    Dtypes:
        Floating; the results: the input's; int64.

    Raises:
        RuntimeError: the input has neither two nor three dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.adaptive_max_pool1d(torch.tensor([[1.0, 3.0, 2.0, 5.0]]), 2)
        (tensor([[3., 5.]]), tensor([[1, 3]]))

    Follows ``torch.adaptive_max_pool1d``.
    """
    return F.adaptive_max_pool1d(input, output_size, return_indices=True)


def native_channel_shuffle(input: Any, groups: int) -> Any:
    """:func:`flambeau.nn.functional.channel_shuffle`.

    Dtypes:
        Any; the result has the input's.

    Raises:
        RuntimeError: the input has fewer than three dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.native_channel_shuffle(torch.arange(4).reshape(1, 4, 1, 1), 2).flatten()
        tensor([0, 2, 1, 3])

    Follows ``torch.native_channel_shuffle``.
    """
    return F.channel_shuffle(input, groups)


def affine_grid_generator(theta: Any, size: Any, align_corners: bool) -> Any:
    """:func:`flambeau.nn.functional.affine_grid`.

    Shape:
        Theta ``(N, 2, 3)`` or ``(N, 3, 4)`` to a grid ``(N, H, W, 2)`` or ``(N, D, H, W,
        3)``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        ValueError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> theta = torch.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
        >>> torch.affine_grid_generator(theta, [1, 1, 1, 2], True)
        tensor([[[[-1.,  0.],
                  [ 1.,  0.]]]])

    Follows ``torch.affine_grid_generator``.
    """
    return F.affine_grid(theta, size, align_corners)


def grid_sampler(
    input: Any, grid: Any, interpolation_mode: int, padding_mode: int, align_corners: bool
) -> Any:
    """:func:`flambeau.nn.functional.grid_sample`, its modes as numbers.

    Args:
        interpolation_mode: 0 bilinear, 1 nearest, 2 bicubic.
        padding_mode: 0 zeros, 1 border, 2 reflection.

    Shape:
        Input ``(N, C, H, W)``, grid ``(N, H_out, W_out, 2)``; the result is ``(N, C, H_out,
        W_out)``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> x = torch.tensor([[[[1.0, 3.0]]]])
        >>> torch.grid_sampler(x, torch.zeros(1, 1, 1, 2), 0, 0, True)
        tensor([[[[2.]]]])

    Follows ``torch.grid_sampler``.
    """
    modes, borders = ("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection")
    return F.grid_sample(
        input, grid, modes[interpolation_mode], borders[padding_mode], align_corners
    )


def rrelu(
    input: Any, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False,
    generator: Any = None,
) -> Any:  # fmt: skip
    """:func:`flambeau.nn.functional.rrelu`.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: the tensors are complex.
        RuntimeError: the tensors hold integers or bools.

    Example:
        >>> import flambeau as torch
        >>> torch.rrelu(torch.tensor([-1.0, 2.0]), 0.25, 0.25)
        tensor([-0.2500,  2.0000])

    Follows ``torch.rrelu``.
    """
    return F.rrelu(input, lower, upper, training)


# -- recurrent networks -------------------------------------------------------------------------


def _recur(
    kind: str, input: Any, states: tuple[Any, ...], params: Sequence[Any], has_biases: bool,
    num_layers: int, dropout: float, train: bool, bidirectional: bool, batch_first: bool,
) -> tuple[Any, ...]:  # fmt: skip
    directions = 2 if bidirectional else 1
    per = len(params) // (num_layers * directions)
    expected = (4, 5) if has_biases else (2, 3)
    if per not in expected or (per == expected[1] and kind != "lstm"):
        raise RuntimeError(
            f"{kind}(): got {len(params)} weights for {num_layers} layers in {directions} "
            f"directions, but expected {expected[0]} for each"
        )
    x = input.transpose(0, 1) if batch_first else input
    ends: list[list[Any]] = [[] for _ in states]
    for layer in range(num_layers):
        outputs = []
        for direction in range(directions):
            at = layer * directions + direction
            part = list(params[at * per : (at + 1) * per])
            projection = part.pop() if per == expected[1] else None
            w_ih, w_hh, *biases = part
            b_ih, b_hh = biases or (None, None)
            start = [s[at] for s in states]
            reverse = direction == 1
            if kind == "lstm":
                output, *final = _recurrent.lstm_layer(
                    x, *start, w_ih, w_hh, b_ih, b_hh, projection, None, reverse=reverse
                )
            elif kind == "gru":
                output, *final = _recurrent.gru_layer(
                    x, *start, w_ih, w_hh, b_ih, b_hh, None, reverse=reverse
                )
            else:
                output, *final = _recurrent.rnn_layer(
                    x, *start, w_ih, w_hh, b_ih, b_hh, None, nonlinearity=kind, reverse=reverse
                )
            outputs.append(output)
            for collected, end in zip(ends, final, strict=True):
                collected.append(end)
        x = outputs[0] if directions == 1 else _recurrent.cat(outputs, -1)
        if dropout and train and layer < num_layers - 1:
            x = F.dropout(x, dropout, True)
    out = x.transpose(0, 1) if batch_first else x
    return (out, *(_recurrent.stack(collected, 0) for collected in ends))


def lstm(
    input: Any, hx: Sequence[Any], params: Sequence[Any], has_biases: bool, num_layers: int,
    dropout: float, train: bool, bidirectional: bool, batch_first: bool,
) -> tuple[Any, Any, Any]:  # fmt: skip
    """Layers of LSTM from a flat list of weights; see :class:`flambeau.nn.LSTM`.

    Shape:
        input (T, N, I), states (L * D, N, H): output (T, N, D * H) and the last states.

    Dtypes:
        Floating; input, states and weights have one, which is the results'.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> m = torch.nn.LSTM(2, 3)
        >>> p = [w.detach() for w in m.parameters()]
        >>> h = torch.zeros(1, 1, 3)
        >>> torch.lstm(torch.ones(4, 1, 2), (h, h), p, True, 1, 0.0, False, False, False)[0].shape
        torch.Size([4, 1, 3])

    Follows ``torch.lstm``.
    """
    if isinstance(hx, Tensor) or not isinstance(input, Tensor):
        raise TypeError("lstm(): packed sequences are taken by torch.nn.LSTM")
    return _recur(
        "lstm", input, tuple(hx), params, has_biases, num_layers, dropout, train, bidirectional,
        batch_first,
    )  # fmt: skip


def _plain(kind: str, name: str) -> Any:
    def run(
        input: Any, hx: Any, params: Sequence[Any], has_biases: bool, num_layers: int,
        dropout: float, train: bool, bidirectional: bool, batch_first: bool,
    ) -> tuple[Any, Any]:  # fmt: skip
        return _recur(
            kind, input, (hx,), params, has_biases, num_layers, dropout, train, bidirectional,
            batch_first,
        )  # fmt: skip

    run.__name__ = run.__qualname__ = name
    run.__doc__ = f"""Layers of a recurrent network from a flat list of weights.

    Shape:
        input (T, N, I), state (L * D, N, H): output (T, N, D * H) and the last state.

    Dtypes:
        Floating; input, state and weights have one, which is the results'.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Follows ``torch.{name}``.
    """
    layer = 'RNN(2, 3, nonlinearity="relu")' if kind == "relu" else f"{kind[-3:].upper()}(2, 3)"
    layer = "RNN(2, 3)" if kind == "tanh" else layer
    add_example(
        run,
        f"""
        >>> p = [w.detach() for w in torch.nn.{layer}.parameters()]
        >>> x, h = torch.ones(4, 1, 2), torch.zeros(1, 1, 3)
        >>> y, h = torch.{name}(x, h, p, True, 1, 0.0, False, False, False)
        >>> y.shape, h.shape
        (torch.Size([4, 1, 3]), torch.Size([1, 1, 3]))
        """,
    )
    return run


gru = _plain("gru", "gru")
rnn_tanh = _plain("tanh", "rnn_tanh")
rnn_relu = _plain("relu", "rnn_relu")


def lstm_cell(
    input: Any, hx: Sequence[Any], w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None
) -> tuple[Any, Any]:
    """One step of an LSTM.

    Shape:
        Input ``(N, I)``, states ``(N, H)`` twice; the new ones are ``(N, H)`` each.

    Dtypes:
        Floating; input, states and weights have one, which is the results'.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> h, w = torch.zeros(1, 1), torch.ones(4, 2)
        >>> torch.lstm_cell(torch.ones(1, 2), (h, h), w, torch.ones(4, 1))
        (tensor([[0.6083]]), tensor([[0.8491]]))

    Follows ``torch.lstm_cell``.
    """
    h, c = hx
    return tuple(_recurrent.lstm_cell(input, h, c, w_ih, w_hh, b_ih, b_hh))


def gru_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Any:
    """One step of a GRU.

    Shape:
        Input ``(N, I)``, state ``(N, H)``; the new state is ``(N, H)``.

    Dtypes:
        Floating; input, states and weights have one, which is the results'.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.gru_cell(torch.ones(1, 2), torch.ones(1, 1), torch.zeros(3, 2), torch.zeros(3, 1))
        tensor([[0.5000]])

    Follows ``torch.gru_cell``.
    """
    return _recurrent.gru_cell(input, hx, w_ih, w_hh, b_ih, b_hh)


def rnn_tanh_cell(
    input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None
) -> Any:
    """One step of an Elman network.

    Shape:
        Input ``(N, I)``, state ``(N, H)``; the new state is ``(N, H)``.

    Dtypes:
        Floating; input, states and weights have one, which is the results'.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> x, h, w = torch.ones(1, 2), torch.zeros(1, 1), torch.ones(1, 2)
        >>> torch.rnn_tanh_cell(x, h, w, torch.ones(1, 1))
        tensor([[0.9640]])

    Follows ``torch.rnn_tanh_cell``.
    """
    return _recurrent.rnn_cell(input, hx, w_ih, w_hh, b_ih, b_hh, nonlinearity="tanh")


def rnn_relu_cell(
    input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None
) -> Any:
    """One step of an Elman network with relu.

    Shape:
        Input ``(N, I)``, state ``(N, H)``; the new state is ``(N, H)``.

    Dtypes:
        Floating; input, states and weights have one, which is the results'.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> x, h, w = torch.ones(1, 2), torch.zeros(1, 1), torch.ones(1, 2)
        >>> torch.rnn_relu_cell(x, h, w, torch.ones(1, 1))
        tensor([[2.]])

    Follows ``torch.rnn_relu_cell``.
    """
    return _recurrent.rnn_cell(input, hx, w_ih, w_hh, b_ih, b_hh, nonlinearity="relu")
