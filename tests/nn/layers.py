"""One table of layers: how each is made and what it is called with.

`CASES` maps a name to `(make, inputs)`; `make` gets the library, `inputs` a NumPy generator and
gives arrays. Float inputs get a gradient.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Case = tuple[Callable[[Any], Any], Callable[[np.random.Generator], tuple[Any, ...]]]


def floats(*shapes: tuple[int, ...]) -> Callable[[np.random.Generator], tuple[Any, ...]]:
    """Standard normal inputs of these shapes."""
    return lambda rng: tuple(rng.standard_normal(shape).astype(np.float32) for shape in shapes)


def ints(high: int, shape: tuple[int, ...]) -> Callable[[np.random.Generator], tuple[Any, ...]]:
    return lambda rng: (rng.integers(0, high, shape),)


def case(text: str, inputs: Any) -> tuple[str, Case]:
    return text, (lambda torch: eval(text, {"nn": torch.nn, "torch": torch}), inputs)


X2, X3, X4, X5 = (3, 4), (2, 4, 6), (2, 4, 6, 6), (2, 4, 4, 4, 4)

SHAPED = dict(
    [
        case("nn.Identity(54, unused=3)", floats(X2)),
        case("nn.Linear(4, 5)", floats(X2)),
        case("nn.Linear(4, 5, bias=False)", floats((2, 3, 4))),
        case("nn.Linear(4, 5)", floats((4,))),
        case("nn.Bilinear(4, 3, 5)", floats((2, 4), (2, 3))),
        case("nn.Bilinear(4, 3, 5, bias=False)", floats((2, 4), (2, 3))),
        case("nn.Flatten()", floats(X4)),
        case("nn.Flatten(0, 2)", floats(X4)),
        case("nn.Unflatten(1, (2, 2))", floats(X2)),
        case("nn.Embedding(7, 3)", ints(7, (2, 5))),
        case("nn.Embedding(7, 3, padding_idx=-2)", ints(7, (2, 5))),
        case("nn.Embedding(7, 3, max_norm=1.0, norm_type=1)", ints(7, (2, 5))),
        case("nn.Embedding(7, 3, scale_grad_by_freq=True)", ints(7, (2, 5))),
        case("nn.EmbeddingBag(7, 3)", ints(7, (2, 5))),
        case("nn.EmbeddingBag(7, 3, mode='sum', padding_idx=1)", ints(7, (2, 5))),
        case("nn.EmbeddingBag(7, 3, mode='max')", ints(7, (2, 5))),
        case("nn.PixelShuffle(2)", floats(X4)),
        case("nn.PixelUnshuffle(2)", floats(X4)),
        case("nn.ChannelShuffle(2)", floats(X4)),
        case("nn.Fold((4, 5), (2, 2))", floats((1, 8, 12))),
        case("nn.Unfold((2, 3), stride=2, padding=1)", floats(X4)),
        case("nn.Upsample(scale_factor=2)", floats(X4)),
        case("nn.Upsample((3, 9), mode='bilinear', align_corners=False)", floats(X4)),
        case("nn.Upsample(scale_factor=(1.5, 2.0), mode='nearest')", floats(X4)),
        case("nn.UpsamplingNearest2d(scale_factor=2)", floats(X4)),
        case("nn.UpsamplingBilinear2d((8, 5))", floats(X4)),
        case("nn.PairwiseDistance(p=1, keepdim=True)", floats(X2, X2)),
        case("nn.CosineSimilarity(dim=0)", floats(X2, X2)),
    ]
)

CONVOLUTIONS = dict(
    [
        case("nn.Conv1d(4, 6, 3)", floats(X3)),
        case("nn.Conv1d(4, 6, 3, padding='same', dilation=2)", floats(X3)),
        case("nn.Conv2d(4, 6, 3)", floats(X4)),
        case("nn.Conv2d(4, 6, (2, 3), (2, 1), padding=(1, 0), bias=False)", floats(X4)),
        case("nn.Conv2d(4, 6, 3, groups=2, dilation=2)", floats(X4)),
        case("nn.Conv2d(4, 8, 3, groups=4, padding='valid')", floats(X4)),
        case("nn.Conv2d(4, 6, 3, padding=1, padding_mode='reflect')", floats(X4)),
        case("nn.Conv2d(4, 6, 3, padding='same', padding_mode='circular')", floats(X4)),
        case("nn.Conv2d(4, 6, 3)", floats((4, 6, 6))),
        case("nn.Conv3d(4, 2, 2)", floats(X5)),
        case("nn.ConvTranspose1d(4, 3, 3, stride=2)", floats(X3)),
        case("nn.ConvTranspose2d(4, 6, 3, 2, padding=1, output_padding=1)", floats(X4)),
        case("nn.ConvTranspose2d(4, 6, 2, groups=2, dilation=2, bias=False)", floats(X4)),
        case("nn.ConvTranspose3d(4, 2, 2, stride=2)", floats(X5)),
    ]
)

NORMS = dict(
    [
        case("nn.BatchNorm1d(4)", floats(X2)),
        case("nn.BatchNorm1d(4, momentum=0.3, eps=1e-3)", floats(X3)),
        case("nn.BatchNorm2d(4)", floats(X4)),
        case("nn.BatchNorm2d(4, affine=False)", floats(X4)),
        case("nn.BatchNorm2d(4, bias=False)", floats(X4)),
        case("nn.BatchNorm2d(4, track_running_stats=False)", floats(X4)),
        case("nn.BatchNorm2d(4, momentum=None)", floats(X4)),
        case("nn.BatchNorm3d(4)", floats(X5)),
        case("nn.InstanceNorm1d(4)", floats(X3)),
        case("nn.InstanceNorm1d(4)", floats((4, 6))),
        case("nn.InstanceNorm2d(4, affine=True, track_running_stats=True)", floats(X4)),
        case("nn.InstanceNorm3d(4)", floats(X5)),
        case("nn.GroupNorm(2, 4)", floats(X4)),
        case("nn.GroupNorm(2, 4, affine=False)", floats(X3)),
        case("nn.LayerNorm(6)", floats(X3)),
        case("nn.LayerNorm((4, 6), eps=1e-2, bias=False)", floats(X3)),
        case("nn.LayerNorm([6], elementwise_affine=False)", floats(X3)),
        case("nn.RMSNorm(6)", floats(X3)),
        case("nn.RMSNorm((4, 6), eps=1e-3, elementwise_affine=False)", floats(X3)),
        case("nn.LocalResponseNorm(2, k=2.0)", floats(X4)),
        case("nn.CrossMapLRN2d(2)", floats(X4)),
        case("nn.CrossMapLRN2d(3, alpha=0.1)", floats(X4)),
    ]
)

POOLINGS = dict(
    [
        case("nn.MaxPool1d(2)", floats(X3)),
        case("nn.MaxPool2d(2)", floats(X4)),
        case("nn.MaxPool2d((3, 2), 2, padding=1, dilation=1, ceil_mode=True)", floats(X4)),
        case("nn.MaxPool2d(2, return_indices=True)", floats(X4)),
        case("nn.MaxPool3d(2, stride=1)", floats(X5)),
        case("nn.AvgPool1d(2, ceil_mode=True)", floats(X3)),
        case("nn.AvgPool2d(3, 2, 1, count_include_pad=False)", floats(X4)),
        case("nn.AvgPool2d(2, divisor_override=3)", floats(X4)),
        case("nn.AvgPool3d(2)", floats(X5)),
        case("nn.LPPool1d(2, 2)", lambda rng: (abs(rng.standard_normal(X3)).astype("f4") + 1,)),
        case("nn.LPPool2d(3, 2, stride=1)", lambda rng: (rng.random(X4).astype("f4") + 1,)),
        case("nn.LPPool3d(2, 2)", lambda rng: (rng.random(X5).astype("f4") + 1,)),
        case("nn.AdaptiveMaxPool1d(3)", floats(X3)),
        case("nn.AdaptiveMaxPool2d((2, None))", floats(X4)),
        case("nn.AdaptiveMaxPool3d(2)", floats(X5)),
        case("nn.AdaptiveAvgPool1d(4)", floats(X3)),
        case("nn.AdaptiveAvgPool2d(1)", floats(X4)),
        case("nn.AdaptiveAvgPool2d((None, 4))", floats(X4)),
        case("nn.AdaptiveAvgPool3d((1, 2, 3))", floats(X5)),
    ]
)

PADDINGS = dict(
    [
        case("nn.ZeroPad1d(2)", floats(X3)),
        case("nn.ZeroPad2d((1, 0, 2, 1))", floats(X4)),
        case("nn.ZeroPad3d(1)", floats(X5)),
        case("nn.ConstantPad1d((1, 2), 3.5)", floats(X3)),
        case("nn.ConstantPad2d(-1, 0.5)", floats(X4)),
        case("nn.ConstantPad3d(1, -1.0)", floats(X5)),
        case("nn.ReflectionPad1d(2)", floats(X3)),
        case("nn.ReflectionPad2d((1, 2, 3, 0))", floats(X4)),
        case("nn.ReflectionPad3d(1)", floats(X5)),
        case("nn.ReplicationPad1d(2)", floats(X3)),
        case("nn.ReplicationPad2d(1)", floats(X4)),
        case("nn.ReplicationPad3d(1)", floats(X5)),
        case("nn.CircularPad1d((1, 2))", floats(X3)),
        case("nn.CircularPad2d(1)", floats(X4)),
        case("nn.CircularPad3d(1)", floats(X5)),
    ]
)

ACTIVATIONS = dict(
    case(text, floats((3, 4, 2, 2)))
    for text in (
        "nn.CELU(1.5)",
        "nn.ELU(0.7)",
        "nn.GELU()",
        "nn.GELU('tanh')",
        "nn.GLU(1)",
        "nn.Hardshrink(0.3)",
        "nn.Hardsigmoid()",
        "nn.Hardswish()",
        "nn.Hardtanh(-0.5, 0.4)",
        "nn.LeakyReLU(0.2)",
        "nn.LogSigmoid()",
        "nn.LogSoftmax(1)",
        "nn.Mish()",
        "nn.PReLU()",
        "nn.PReLU(4, init=0.1)",
        "nn.ReLU()",
        "nn.ReLU6()",
        "nn.SELU()",
        "nn.SiLU()",
        "nn.Sigmoid()",
        "nn.Softmax(-1)",
        "nn.Softmax2d()",
        "nn.Softmin(0)",
        "nn.Softplus(2, 1)",
        "nn.Softshrink(0.2)",
        "nn.Softsign()",
        "nn.Tanh()",
        "nn.Tanhshrink()",
        "nn.Threshold(0.1, 20)",
        "nn.Dropout(0.0)",
    )
)


def unit(rng: np.random.Generator) -> tuple[Any, ...]:
    return tuple(rng.uniform(0.05, 0.95, (3, 4)).astype("f4") for _ in range(2))


def signs(rng: np.random.Generator) -> tuple[Any, ...]:
    return (
        rng.standard_normal((3, 4)).astype("f4"),
        np.where(rng.random((3, 4)) < 0.5, -1, 1).astype("f4"),
    )


def int_signs(rng: np.random.Generator) -> tuple[Any, ...]:
    input, target = signs(rng)
    return input, target.astype(np.int64)


def classes(rng: np.random.Generator) -> tuple[Any, ...]:
    return rng.standard_normal((5, 4)).astype("f4"), rng.integers(0, 4, (5,))


def pairs_and_signs(*shape: int) -> Any:
    def make(rng: np.random.Generator) -> tuple[Any, ...]:
        a, b = (rng.standard_normal(shape).astype("f4") for _ in range(2))
        return a, b, np.where(rng.random(shape[:1]) < 0.5, -1, 1)

    return make


LOSSES = dict(
    [
        case("nn.L1Loss()", floats(X2, X2)),
        case("nn.MSELoss(reduction='sum')", floats(X2, X2)),
        case("nn.SmoothL1Loss(beta=0.5)", floats(X2, X2)),
        case("nn.HuberLoss(reduction='none', delta=0.7)", floats(X2, X2)),
        case("nn.NLLLoss(ignore_index=1)", classes),
        case("nn.NLLLoss(torch.tensor([1.0, 2.0, 0.5, 1.0]))", classes),
        case("nn.CrossEntropyLoss()", classes),
        case("nn.CrossEntropyLoss(label_smoothing=0.1, reduction='none')", classes),
        case("nn.CrossEntropyLoss(torch.tensor([1.0, 2.0, 0.5, 1.0]))", classes),
        case("nn.BCELoss()", unit),
        case("nn.BCELoss(torch.tensor([1.0, 2.0, 0.5, 1.0]))", unit),
        case("nn.BCEWithLogitsLoss(pos_weight=torch.tensor([1.0, 2.0, 0.5, 1.0]))", unit),
        case("nn.KLDivLoss(reduction='batchmean')", unit),
        case("nn.KLDivLoss(reduction='sum', log_target=True)", unit),
        case("nn.PoissonNLLLoss(full=True)", unit),
        case("nn.PoissonNLLLoss(log_input=False)", unit),
        case("nn.HingeEmbeddingLoss(margin=0.5)", int_signs),
        case("nn.SoftMarginLoss()", int_signs),
        case("nn.MultiLabelSoftMarginLoss()", unit),
        case("nn.MultiMarginLoss(p=2, margin=0.5)", classes),
        case("nn.CosineEmbeddingLoss(margin=0.1)", pairs_and_signs(3, 4)),
        case("nn.MarginRankingLoss(margin=0.1)", pairs_and_signs(3)),
        case("nn.TripletMarginLoss(swap=True)", floats(X2, X2, X2)),
        case("nn.TripletMarginWithDistanceLoss(margin=0.5)", floats(X2, X2, X2)),
        case(
            "nn.GaussianNLLLoss(full=True)",
            lambda rng: (*floats(X2, X2)(rng), rng.uniform(0.1, 1, X2).astype("f4")),
        ),
        case(
            "nn.MultiLabelMarginLoss()",
            lambda rng: (
                rng.standard_normal((2, 4)).astype("f4"),
                np.array([[3, 0, -1, 1], [1, -1, 0, 2]]),
            ),
        ),
    ]
)

RECURRENT = dict(
    [
        case("nn.RNN(4, 5)", floats((6, 2, 4))),
        case("nn.RNN(4, 5, 2, nonlinearity='relu', bidirectional=True)", floats((6, 2, 4))),
        case("nn.RNN(4, 5, batch_first=True)", floats((2, 6, 4), (1, 2, 5))),
        case("nn.LSTM(4, 5)", floats((6, 2, 4))),
        case("nn.LSTM(4, 5, 2, bias=False, bidirectional=True)", floats((6, 2, 4))),
        case("nn.LSTM(4, 5, proj_size=3, batch_first=True)", floats((2, 6, 4))),
        case("nn.LSTM(4, 5)", floats((6, 4))),
        case("nn.GRU(4, 5, 2)", floats((6, 2, 4), (2, 2, 5))),
        case("nn.GRU(4, 5, bidirectional=True)", floats((6, 4))),
        case("nn.RNNCell(4, 5)", floats((2, 4))),
        case("nn.RNNCell(4, 5, nonlinearity='relu', bias=False)", floats((2, 4), (2, 5))),
        case("nn.LSTMCell(4, 5)", floats((2, 4))),
        case("nn.LSTMCell(4, 5, bias=False)", floats((4,))),
        case("nn.GRUCell(4, 5)", floats((2, 4), (2, 5))),
        case("nn.GRUCell(4, 5)", floats((4,))),
    ]
)

CASES: dict[str, Case] = {
    **SHAPED,
    **CONVOLUTIONS,
    **NORMS,
    **POOLINGS,
    **PADDINGS,
    **ACTIVATIONS,
    **LOSSES,
    **RECURRENT,
}
