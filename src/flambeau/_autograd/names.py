"""What PyTorch calls the backward node of an operation: the name that tensors print.

Most names follow from the row's. PyTorch numbers the overloads of an operation, and writes
some operations as others; both are told here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flambeau._engine.value import Value

_AS_IS = {
    "add_scaled": "Add",
    "batch_norm_eval": "NativeBatchNorm",
    "batch_norm_train": "NativeBatchNorm",
    "cholesky": "LinalgCholeskyEx",
    "convolution_transpose": "Convolution",
    "cross": "LinalgCross",
    "det": "LinalgDet",
    "diff": "Sub",
    "dropout": "Mul",
    "dstack": "Cat",
    "eigh": "LinalgEigh",
    "feature_dropout": "Mul",
    "group_norm": "NativeGroupNorm",
    "hstack": "Cat",
    "inv": "LinalgInvEx",
    "l1_loss": "Mean",
    "layer_norm": "NativeLayerNorm",
    "logsigmoid": "LogSigmoid",
    "matrix_exp": "LinalgMatrixExp",
    "median_all": "Median",
    "nanmean": "Div",
    "nanmedian_all": "Nanmedian",
    "normalize": "Div",
    "outer": "Mul",
    "pow_scalar": "Pow",
    "prelu": "PreluKernel",
    "prod_all": "Prod",
    "qr": "LinalgQr",
    "relu6": "Hardtanh",
    "reshape": "UnsafeView",
    "rms_norm": "Mul",
    "select_at": "Select",
    "selu": "Elu",
    "slice_at": "Slice",
    "softmin": "Softmax",
    "softsign": "Div",
    "solve": "LinalgSolveEx",
    "square": "Pow",
    "sub_scaled": "Sub",
    "svd": "LinalgSvd",
    "tanhshrink": "Sub",
    "tile": "Repeat",
    "to_dtype": "ToCopy",
    "vector_norm": "LinalgVectorNorm",
    "vstack": "Cat",
}
_NUMBERED = {
    "clamp_max": "ClampBackward1",
    "clamp_min": "ClampBackward1",
    "copy_to": "CopyBackwards",
    "cosine_similarity": "SumBackward1",
    "floor_divide": "NotImplemented",
    "max_all": "MaxBackward1",
    "median": "MedianBackward1",
    "min_all": "MinBackward1",
    "nanmedian": "NanmedianBackward1",
    "pairwise_distance": "NormBackward1",
    "prod_dim": "ProdBackward1",
    "scatter_value": "ScatterBackward1",
}


class _Seen:
    """What is known of a node: its static arguments and what it read."""

    def __init__(self, static: Mapping[str, Any], inputs: Sequence[Any], outs: Sequence[Any]):
        self.static = static
        self.inputs = inputs
        self.outs = outs

    def is_number(self, i: int) -> bool:
        """Whether argument ``i`` is a Python number."""
        return i < len(self.inputs) and not isinstance(self.inputs[i], (Value, type(None)))

    def is_tensor(self, i: int) -> bool:
        """Whether argument ``i`` is a tensor."""
        return i < len(self.inputs) and isinstance(self.inputs[i], Value)

    def ndim(self, i: int) -> int | None:
        """The dimensions of tensor ``i``; None when it was released."""
        return self.inputs[i].aval.ndim if self.is_tensor(i) else None

    def space(self) -> int:
        """The dimensions of an image: all but batch and channel."""
        return self.outs[0].ndim - 2


def _whole_or_dim(base: str) -> Callable[[_Seen], str]:
    return lambda seen: f"{base}Backward{0 if seen.static.get('dim') is None else 1}"


def _clamp(seen: _Seen) -> str:
    return f"ClampBackward{0 if seen.is_tensor(1) or seen.is_tensor(2) else 1}"


def _matmul(seen: _Seen) -> str:
    pairs = {(2, 2): "Mm", (2, 1): "Mv", (1, 1): "Dot"}
    dims = (seen.ndim(0), seen.ndim(1))
    if dims == (1, 2):
        return "SqueezeBackward4"
    if None in dims:
        return "MmBackward0" if seen.outs[0].ndim == 2 else "UnsafeViewBackward0"
    return pairs.get(dims, "UnsafeView") + "Backward0"  # type: ignore[arg-type]


def _linear(seen: _Seen) -> str:
    biased = seen.is_tensor(2)
    if seen.outs[0].ndim == 2:
        return "AddmmBackward0" if biased else "MmBackward0"
    if seen.outs[0].ndim == 1:
        return "ViewBackward0" if biased else "SqueezeBackward4"
    return "ViewBackward0" if biased else "UnsafeViewBackward0"


def _fill(seen: _Seen) -> str:
    if any(seen.is_number(i) and seen.inputs[i] == 0 for i in range(len(seen.inputs))):
        return "ZeroBackward0"
    return "FillBackward2"


def _pool(one: str, many: str) -> Callable[[_Seen], str]:
    return lambda seen: one if seen.space() == 1 else many.format(n=seen.space())


def _interpolate(seen: _Seen) -> str:
    mode = str(seen.static.get("mode", "nearest")).replace("-", "_")
    words = "".join(w.capitalize() for w in mode.split("_"))
    return f"Upsample{words}{seen.space()}DBackward0"


_CASES: dict[str, Callable[[_Seen], str]] = {
    "adaptive_avg_pool": _pool("SqueezeBackward1", "AdaptiveAvgPool{n}DBackward0"),
    "adaptive_max_pool": _pool("SqueezeBackward1", "AdaptiveMaxPool{n}DBackward0"),
    "avg_pool": _pool("SqueezeBackward1", "AvgPool{n}DBackward0"),
    "clamp": _clamp,
    "cross_entropy": lambda s: "NllLoss2DBackward0" if (s.ndim(0) or 2) > 2 else "NllLossBackward0",
    "diag": lambda s: "DiagEmbedBackward0" if s.outs[0].ndim == 2 else "DiagonalBackward0_copy",
    "fill": _fill,
    "fmod": lambda s: f"FmodBackward{1 if s.is_tensor(1) else 0}",
    "interpolate": _interpolate,
    "lerp": lambda s: f"LerpBackward{1 if s.is_tensor(2) else 0}",
    "linear": _linear,
    "matmul": _matmul,
    "max_pool": _pool("SqueezeBackward1", "MaxPool{n}DWithIndicesBackward0"),
    "mean": _whole_or_dim("Mean"),
    "pad_reflect": lambda s: f"ReflectionPad{s.space()}DBackward0",
    "pad_replicate": lambda s: f"ReplicationPad{s.space()}DBackward0",
    "pow": lambda s: "PowBackward2" if s.is_number(0) else "PowBackward1",
    "remainder": lambda s: f"RemainderBackward{1 if s.is_tensor(1) else 0}",
    "squeeze": _whole_or_dim("Squeeze"),
    "sub": lambda s: "RsubBackward1" if s.is_number(0) else "SubBackward0",
    "sum": _whole_or_dim("Sum"),
    "true_divide": lambda s: "MulBackward0" if s.is_number(0) else "DivBackward0",
}


def backward_name(
    name: str,
    static: Mapping[str, Any] | None = None,
    inputs: Sequence[Any] = (),
    outs: Sequence[Any] = (),
) -> str:
    """PyTorch's name for the backward node of a row.

    Args:
        name: the row's.
        static: its static arguments.
        inputs: what it read; empty once the graph was released.
        outs: the avals of its results.
    """
    if name in _NUMBERED:
        return _NUMBERED[name]
    case = _CASES.get(name)
    if case is not None and outs:
        return case(_Seen(static or {}, inputs or (), outs))
    base = _AS_IS.get(name)
    if base is None:
        words = name.replace(".", "_").split("_")
        base = "".join(w[:1].upper() + w[1:] for w in words if w)
        # PyTorch capitalises after digits: `Log1P`, `AvgPool2D`.
        base = re.sub(r"(?<=\d)[a-z]", lambda m: m[0].upper(), base)
    return base + "Backward0"
