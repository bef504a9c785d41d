"""Which entries of the database are judged, and what is known about them."""

from __future__ import annotations

import functools
from typing import Any

from tests.oracle import torch

OUT_OF_SCOPE = {
    "to_sparse": "sparse tensors",
    "sparse.sampled_addmm": "sparse tensors",
    "sparse.mm": "sparse tensors",
    "nn.functional.linear_cross_entropy": "not documented in 2.13's stable API",
    "resize_": "resizing storage: tensors here do not expose memory",
    "resize_as_": "resizing storage: tensors here do not expose memory",
    "chalf": "complex32 has no NumPy or XLA type",
    "hash_tensor": "not documented",
    "grid_sampler_2d": "not documented; nn.functional.grid_sample is",
    "grid_sampler_3d": "not documented; nn.functional.grid_sample is",
    "native_group_norm": "not documented; nn.functional.group_norm is",
    "native_layer_norm": "not documented; nn.functional.layer_norm is",
    "native_batch_norm": "not documented; nn.functional.batch_norm is",
    "native_dropout_backward": "not documented",
    "max_pool2d_with_indices_backward": "not documented",
    "constant_pad_nd": "not documented; nn.functional.pad is",
    "bmm/triton_optimized": "a CUDA kernel",
    "nn.functional.batch_norm/without_cudnn": "a CUDA kernel",
    "slice": "not documented; indexing is",
    "unsafe_chunk": "not documented",
    "unsafe_split": "not documented",
    "expand_copy": "not documented",
    "diagonal_copy": "not documented",
    "alias_copy": "not documented",
    "as_strided_copy": "not documented",
    "narrow_copy": "not documented",
    "view_copy": "not documented",
    "permute_copy": "not documented",
    "squeeze_copy": "not documented",
    "transpose_copy": "not documented",
    "t_copy": "not documented",
    "unbind_copy": "not documented",
    "unfold_copy": "not documented",
    "unsqueeze_copy": "not documented",
    "split_with_sizes": "not documented; split is",
    "split_with_sizes_copy": "not documented",
    "empty_permuted": "memory layout: strides are not part of a tensor here",
}
"""Names that are not judged, and why."""

_PREFIXES = {
    "_": "not documented",
    "jiterator": "compiles CUDA source",
    "torch.": "not documented",
    "masked.": "masked reductions are prototype functions",
}

UNDEFINED = frozenset(
    ["empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided", "empty_permuted"]
)
"""Results have a shape and a dtype and no defined content."""

BY_LAYOUT = frozenset(["as_strided", "as_strided_scatter"])
"""Entries whose results follow from the strides of their argument: only tried contiguous."""

ALWAYS_RANDOM = frozenset(
    [
        "bernoulli",
        "cauchy",
        "exponential",
        "geometric",
        "log_normal",
        "multinomial",
        "normal",
        "rand_like",
        "randint",
        "randint_like",
        "randn",
        "randn_like",
        "uniform",
        "nn.functional.dropout",
        "nn.functional.dropout2d",
        "nn.functional.dropout3d",
        "nn.functional.alpha_dropout",
        "nn.functional.feature_alpha_dropout",
        "nn.functional.rrelu",
        "nn.functional.fractional_max_pool2d",
        "nn.functional.fractional_max_pool3d",
    ]
)
"""Entries that draw random numbers: they are compared by shape and dtype."""

RANDOM = ALWAYS_RANDOM | frozenset(
    [
        "pca_lowrank",
        "svd_lowrank",
        "nn.functional.multi_head_attention_forward",
        "nn.functional.scaled_dot_product_attention",
    ]
)
"""Entries that may draw random numbers in some samples.

Whether a sample does is found out by running it twice under two seeds.
"""


def key(entry: Any) -> str:
    """The name of an entry, with its variant."""
    variant = entry.variant_test_name
    return f"{entry.name}/{variant}" if variant else entry.name


def excluded(entry: Any) -> str | None:
    """Why an entry is not judged, or None."""
    for name in (key(entry), entry.name):
        if name in OUT_OF_SCOPE:
            return OUT_OF_SCOPE[name]
    if entry.name.startswith("__") and entry.name.endswith("__"):
        return None
    for prefix, reason in _PREFIXES.items():
        if entry.name.startswith(prefix):
            return reason
    return None


@functools.cache
def entries() -> dict[str, Any]:
    """All entries of the database by key, in its order."""
    from torch.testing._internal.common_methods_invocations import op_db

    return {key(e): e for e in op_db}


def judged() -> dict[str, Any]:
    """The entries that are judged."""
    return {k: e for k, e in entries().items() if excluded(e) is None}


def _magnitudes(result: Any) -> Any:
    return result.abs() if isinstance(result, torch.Tensor) else [r.abs() for r in result]


# What PyTorch leaves free, taken out before results are compared: each function gets the
# torch tensors of one result (as a list) and gives what must agree.
FREEDOM = {
    "sort": lambda r: r[:1] if len(r) == 2 else r,
    "topk": lambda r: r[:1],
    "kthvalue": lambda r: r[:1],
    "mode": lambda r: r[:1],
    "median": lambda r: r[:1],
    "nanmedian": lambda r: r[:1],
    "argsort": lambda r: [x.sort(-1).values if x.dim() else x for x in r],
    "geqrf": lambda r: [r[0].abs()],
    "svd": lambda r: [r[1]] + [(r[0] * r[1].unsqueeze(-2)) @ r[2].mH],
    "linalg.svd": lambda r: [r[1]],
    "linalg.eigh": lambda r: [r[0], r[1].abs()],
    "linalg.eig": lambda r: [_ordered(r[0])],
    "linalg.eigvals": lambda r: [_ordered(r[0])],
    "qr": _magnitudes,
    "linalg.qr": _magnitudes,
    "pca_lowrank": lambda r: [r[1]],
    "svd_lowrank": lambda r: [r[1]],
}


def _exact_lowrank(A: Any, q: int | None = 6, niter: int = 2, M: Any = None) -> Any:
    u, s, vh = torch.linalg.svd(A if M is None else A - M, full_matrices=False)
    count = min(6 if q is None else q, *A.shape[-2:])
    return u[..., :count], s[..., :count], vh.mH[..., :count]


EXACT = {
    "svd_lowrank": lambda a, b, **kw: _exact_lowrank(a @ b.mT, **kw),
}
"""What torch approximates at random is compared with the exact answer, computed by torch."""


def _ordered(values: Any) -> Any:
    """Complex numbers in an order that rounding does not change."""
    if not values.numel():
        return values
    order = (values.real * 1e3).round() * 1e6 + (values.imag * 1e3).round()
    return torch.gather(values, -1, order.argsort(-1))


LOOSER = {
    "special.bessel_j0": 1e-6,  # torch's own is good to 6 digits there, ours to 13
    "special.bessel_j1": 1e-6,
    "special.bessel_y0": 1e-6,
    "special.bessel_y1": 1e-6,
    "cov": 1e-5,  # weights of float32 next to an input of float64
}
"""Tolerances for float64 where torch's own error is larger than its default tolerance."""
