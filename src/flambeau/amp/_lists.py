"""Which operations autocast runs in which precision, by the names of their rows.

The lists are PyTorch's; where PyTorch has one operation per number of dimensions, a row may
serve several, and counts from a number of dimensions on.
"""

from __future__ import annotations

_MATRIX = """
    addbmm addmm baddbmm bmm convolution convolution_transpose einsum linear matmul mm multi_dot
    prelu scaled_dot_product_attention scaled_dot_product_attention_dropout vecdot
"""

_LOSSES = """
    cosine_embedding_loss hinge_embedding_loss huber_loss kl_div l1_loss margin_ranking_loss
    mse_loss multi_margin_loss multilabel_margin_loss nll_loss poisson_nll_loss smooth_l1_loss
    soft_margin_loss triplet_margin_loss binary_cross_entropy_with_logits cross_entropy
    gaussian_nll_loss
"""

LOWER: dict[str, frozenset[str]] = {
    "cpu": frozenset((_MATRIX + " gru_layer lstm_layer rnn_layer").split()),
    "cuda": frozenset(
        (
            _MATRIX + " addmv addr mv gru_layer lstm_layer rnn_layer gru_cell lstm_cell rnn_cell"
        ).split()
    ),
}

FLOAT32: dict[str, frozenset[str]] = {
    "cpu": frozenset(
        (
            _LOSSES
            + """
            binary_cross_entropy cdist cholesky cholesky_inverse cholesky_solve ctc_loss
            fft fft2 fftn ifft ifft2 ifftn rfft rfft2 rfftn irfft irfft2 irfftn hfft ihfft
            grid_sample inv householder_product orthogonal lu_solve lu_factor lu pinv polar
            prod_all prod_dim quantile nanquantile trace view_as_complex multilabel_soft_margin_loss
            cond det eig eigh eigvals eigvalsh lstsq matrix_norm matrix_power matrix_rank slogdet
            solve solve_triangular svd svdvals tensorinv tensorsolve qr
            """
        ).split()
    ),
    "cuda": frozenset(
        (
            _LOSSES
            + """
            acos asin cosh erfinv exp expm1 log log10 log2 log1p reciprocal rsqrt sinh tan pow
            pow_scalar softplus layer_norm group_norm cosine_similarity dist pdist cdist renorm
            logsumexp prod_all prod_dim softmax log_softmax cumprod cumsum vector_norm matrix_norm
            sum interpolate
            """
        ).split()
    ),
}

FLOAT32_FROM: dict[str, dict[str, int]] = {
    "cpu": {
        "avg_pool": 5,
        "max_pool": 5,
        "max_pool_with_indices": 5,
        "adaptive_avg_pool": 5,
        "pad_reflect": 1,
        "pad_replicate": 1,
        "max_unpool": 4,
    },
    "cuda": {},
}

_WIDEST = """
    addcdiv addcmul atan2 bilinear cross dot vdot grid_sample index_put tensordot scatter_add
"""

WIDEST: dict[str, frozenset[str]] = {
    "cpu": frozenset(["cat", "stack", "index_copy"]),
    "cuda": frozenset(["cat", "stack", "index_copy", *_WIDEST.split()]),
}

REFUSED: dict[str, frozenset[str]] = {
    "cpu": frozenset(),
    "cuda": frozenset(["binary_cross_entropy"]),
}
