"""Wrong calls of functions about which the database says nothing: sentence and call."""

# ruff: noqa: E501 - calls on one line

from __future__ import annotations

WRONG_CALLS: dict[str, tuple[str, str]] = {
    "adaptive_max_pool1d": (
        "the input has neither two nor three dimensions.",
        "(torch.ones(3), 1)",
    ),
    "affine_grid_generator": (
        "the sizes of the tensors do not fit.",
        "(torch.ones(1, 5, 3), [1, 1, 2, 2], False)",
    ),
    "alpha_dropout": ("``p`` is not between 0 and 1.", "(torch.ones(3), 2.0, True)"),
    "as_tensor": ("``data`` holds what is no number.", "(object())"),
    "atleast_1d": ("an argument is no tensor.", "('x')"),
    "atleast_2d": ("an argument is no tensor.", "('x')"),
    "atleast_3d": ("an argument is no tensor.", "('x')"),
    "bartlett_window": ("the length is negative.", "(-1)"),
    "batch_norm": (
        "the sizes of the tensors do not fit.",
        "(torch.ones(2, 3), torch.ones(5), None, None, None, True, 0.1, 1e-5, False)",
    ),
    "binomial": ("the sizes of the tensors do not fit.", "(torch.ones(2), torch.ones(3))"),
    "blackman_window": ("the length is negative.", "(-1)"),
    "broadcast_tensors": ("the shapes do not broadcast.", "(torch.ones(2), torch.ones(3))"),
    "broadcast_to": (
        "the shape of the input does not broadcast to ``shape``.",
        "(torch.ones(2), (3,))",
    ),
    "cartesian_prod": ("a tensor is not one-dimensional.", "(torch.ones(2, 2), torch.ones(2))"),
    "celu_": ("``alpha`` is 0.", "(torch.ones(2), 0)"),
    "chain_matmul": (
        "the sizes of the tensors do not fit.",
        "(torch.ones(2, 3), torch.ones(2, 3))",
    ),
    "conv_tbc": (
        "the sizes of the tensors do not fit.",
        "(torch.ones(3, 1, 2), torch.ones(2, 5, 4), torch.ones(4))",
    ),
    "convolution": (
        "the sizes of the tensors do not fit.",
        "(torch.ones(1, 2, 5), torch.ones(3, 4, 2), None, [1], [0], [1], False, [0], 1)",
    ),
    "ctc_loss": (
        "the input has neither two nor three dimensions.",
        "(torch.zeros(3), torch.tensor([1]), torch.tensor([3]), torch.tensor([1]))",
    ),
    "detach": ("the first argument is no tensor.", "('x')"),
    "dropout": ("``p`` is not between 0 and 1.", "(torch.ones(3), 2.0, True)"),
    "dsplit": ("the input has fewer than three dimensions.", "(torch.ones(2), 1)"),
    "einsum": ("the equation does not fit the operands.", "('ij->i', torch.ones(3))"),
    "embedding_renorm_": (
        "the indices are not integers.",
        "(torch.ones(3, 2), torch.ones(1), 1.0, 2.0)",
    ),
    "empty": ("a size is negative.", "(-1)"),
    "empty_like": ("the first argument is no tensor.", "('x')"),
    "empty_permuted": ("a size is negative.", "((-1,), (0,))"),
    "empty_strided": ("a size is negative.", "((-1,), (1,))"),
    "equal": ("an argument is no tensor.", "('x', torch.ones(1))"),
    "feature_alpha_dropout": ("``p`` is not between 0 and 1.", "(torch.ones(3, 2), 2.0, True)"),
    "feature_dropout": ("``p`` is not between 0 and 1.", "(torch.ones(3, 2), 2.0, True)"),
    "fft.fftfreq": ("``n`` is not positive.", "(0)"),
    "fft.rfftfreq": ("``n`` is not positive.", "(0)"),
    "fill_": (
        "``value`` is a tensor of more than zero dimensions.",
        "(torch.ones(3), torch.ones(3))",
    ),
    "flatten": ("a dimension is none of the input's.", "(torch.ones(2), 9)"),
    "frobenius_norm": ("``dim`` is no dimension of the input.", "(torch.ones(3), 9)"),
    "from_dlpack": ("what is given does not speak the protocol.", "('x')"),
    "from_jax": ("what is given is no JAX array.", "('x')"),
    "geqrf": ("the input has fewer than two dimensions.", "(torch.ones(2))"),
    "grid_sampler": (
        "the sizes of the tensors do not fit.",
        "(torch.ones(1, 1, 2, 2), torch.ones(2, 2, 2, 2), 0, 0, False)",
    ),
    "gru": (
        "the sizes of the tensors do not fit.",
        "(torch.ones(2, 1, 5), torch.ones(1, 1, 3), [torch.ones(9, 4), torch.ones(9, 3)], False, 1, 0.0, False, False, False)",
    ),
    "gru_cell": (
        "the sizes of the tensors do not fit.",
        "(torch.ones(1, 5), torch.ones(1, 3), torch.ones(9, 4), torch.ones(9, 3))",
    ),
    "hamming_window": ("the length is negative.", "(-1)"),
    "hann_window": ("the length is negative.", "(-1)"),
    "instance_norm": (
        "there is one spatial element to normalize over.",
        "(torch.ones(2, 3, 1), None, None, None, None, True, 0.1, 1e-5, False)",
    ),
    "kaiser_window": ("the length is negative.", "(-1)"),
    "linalg.tensorinv": (
        "the sizes before and after ``ind`` have different products.",
        "(torch.ones(2, 3), 1)",
    ),
    "linalg.tensorsolve": (
        "the sizes of the tensors do not fit.",
        "(torch.ones(2, 3), torch.ones(2))",
    ),
    "lstm": (
        "the sizes of the tensors do not fit.",
        "(torch.ones(2, 1, 5), (torch.ones(1, 1, 3), torch.ones(1, 1, 3)), [torch.ones(12, 4), torch.ones(12, 3)], False, 1, 0.0, False, False, False)",
    ),
    "lstm_cell": (
        "the sizes of the tensors do not fit.",
        "(torch.ones(1, 5), (torch.ones(1, 3), torch.ones(1, 3)), torch.ones(12, 4), torch.ones(12, 3))",
    ),
    "max_pool1d_with_indices": (
        "the input has neither two nor three dimensions.",
        "(torch.ones(3), 2)",
    ),
    "movedim": ("a dimension is none of the input's.", "(torch.ones(2), 9, 0)"),
    "native_channel_shuffle": ("the input has fewer than three dimensions.", "(torch.ones(2), 1)"),
    "native_dropout": ("``p`` is not between 0 and 1.", "(torch.ones(3), 2.0, True)"),
    "nn.functional.adaptive_avg_pool2d": (
        "the input has neither three nor four dimensions.",
        "(torch.ones(3), 1)",
    ),
    "nn.functional.adaptive_avg_pool3d": (
        "the input has neither four nor five dimensions.",
        "(torch.ones(3), 1)",
    ),
    "nn.functional.adaptive_max_pool1d": (
        "the input has neither two nor three dimensions.",
        "(torch.ones(3), 1)",
    ),
    "nn.functional.adaptive_max_pool1d_with_indices": (
        "the input has neither two nor three dimensions.",
        "(torch.ones(3), 1)",
    ),
    "nn.functional.adaptive_max_pool2d": (
        "the input has neither three nor four dimensions.",
        "(torch.ones(3), 1)",
    ),
    "nn.functional.adaptive_max_pool2d_with_indices": (
        "the input has neither three nor four dimensions.",
        "(torch.ones(3), 1)",
    ),
    "nn.functional.adaptive_max_pool3d": (
        "the input has neither four nor five dimensions.",
        "(torch.ones(3), 1)",
    ),
    "nn.functional.adaptive_max_pool3d_with_indices": (
        "the input has neither four nor five dimensions.",
        "(torch.ones(3), 1)",
    ),
    "nn.functional.avg_pool2d": (
        "the input has neither three nor four dimensions.",
        "(torch.ones(3), 1)",
    ),
    "nn.functional.avg_pool3d": (
        "the input has neither four nor five dimensions.",
        "(torch.ones(3), 1)",
    ),
    "nn.functional.conv_tbc": (
        "the sizes of the tensors do not fit.",
        "(torch.ones(3, 1, 2), torch.ones(2, 5, 4), torch.ones(4))",
    ),
    "nn.functional.dropout1d": ("``p`` is not between 0 and 1.", "(torch.ones(3, 2), 2.0)"),
    "nn.functional.dropout3d": ("``p`` is not between 0 and 1.", "(torch.ones(3, 2), 2.0)"),
    "nn.functional.elu_": (
        "the tensor is a leaf that requires a gradient.",
        "(torch.ones(3, requires_grad=True))",
    ),
    "nn.functional.fractional_max_pool2d": (
        "neither the size of the output nor its ratio is given.",
        "(torch.ones(1, 4, 4), 2)",
    ),
    "nn.functional.fractional_max_pool2d_with_indices": (
        "neither the size of the output nor its ratio is given.",
        "(torch.ones(1, 4, 4), 2)",
    ),
    "nn.functional.fractional_max_pool3d": (
        "neither the size of the output nor its ratio is given.",
        "(torch.ones(1, 4, 4, 4), 2)",
    ),
    "nn.functional.fractional_max_pool3d_with_indices": (
        "neither the size of the output nor its ratio is given.",
        "(torch.ones(1, 4, 4, 4), 2)",
    ),
    "nn.functional.gumbel_softmax": (
        "``dim`` is no dimension of the logits.",
        "(torch.ones(3), dim=9)",
    ),
    "nn.functional.hardtanh_": (
        "the tensor is a leaf that requires a gradient.",
        "(torch.ones(3, requires_grad=True))",
    ),
    "nn.functional.leaky_relu_": (
        "the tensor is a leaf that requires a gradient.",
        "(torch.ones(3, requires_grad=True))",
    ),
    "nn.functional.lp_pool1d": (
        "the input has neither two nor three dimensions.",
        "(torch.ones(3), 2, 2)",
    ),
    "nn.functional.lp_pool2d": (
        "the input has neither three nor four dimensions.",
        "(torch.ones(3), 2, 2)",
    ),
    "nn.functional.lp_pool3d": (
        "the input has neither four nor five dimensions.",
        "(torch.ones(3), 2, 2)",
    ),
    "nn.functional.max_pool1d_with_indices": (
        "the input has neither two nor three dimensions.",
        "(torch.ones(3), 2)",
    ),
    "nn.functional.max_pool2d_with_indices": (
        "the input has neither three nor four dimensions.",
        "(torch.ones(3), 2)",
    ),
    "nn.functional.max_pool3d_with_indices": (
        "the input has neither four nor five dimensions.",
        "(torch.ones(3), 2)",
    ),
    "nn.functional.max_unpool1d": (
        "the places do not have the shape of the input.",
        "(torch.ones(1, 1, 2), torch.zeros(1, 1, 3, dtype=torch.int64), 2)",
    ),
    "nn.functional.max_unpool2d": (
        "the places do not have the shape of the input.",
        "(torch.ones(1, 1, 2, 2), torch.zeros(1, 1, 3, 2, dtype=torch.int64), 2)",
    ),
    "nn.functional.max_unpool3d": (
        "the places do not have the shape of the input.",
        "(torch.ones(1, 1, 2, 2, 2), torch.zeros(1, 1, 3, 2, 2, dtype=torch.int64), 2)",
    ),
    "nn.functional.upsample": (
        "both or neither of ``size`` and ``scale_factor`` are given.",
        "(torch.ones(1, 1, 3))",
    ),
    "norm_except_dim": ("``dim`` is no dimension of the input.", "(torch.ones(3, 2), 2, 9)"),
    "nuclear_norm": ("a dimension is none of the input's.", "(torch.ones(3, 3), (0, 9))"),
    "ones_like": ("the first argument is no tensor.", "('x')"),
    "pca_lowrank": (
        "``q`` is negative, or exceeds the size of the matrix.",
        "(torch.ones(2, 2), 9)",
    ),
    "rand_like": ("the first argument is no tensor.", "('x')"),
    "randint_like": ("the first argument is no tensor.", "('x', 3)"),
    "randn": ("a size is negative.", "(-1)"),
    "randn_like": ("the first argument is no tensor.", "('x')"),
    "range": ("``step`` is 0, or leads away from ``end``.", "(0, 3, 0)"),
    "relu_": (
        "the tensor is a leaf that requires a gradient.",
        "(torch.ones(3, requires_grad=True))",
    ),
    "resolve_conj": ("the first argument is no tensor.", "('x')"),
    "resolve_neg": ("the first argument is no tensor.", "('x')"),
    "rnn_relu": (
        "the sizes of the tensors do not fit.",
        "(torch.ones(2, 1, 5), torch.ones(1, 1, 3), [torch.ones(3, 4), torch.ones(3, 3)], False, 1, 0.0, False, False, False)",
    ),
    "rnn_relu_cell": (
        "the sizes of the tensors do not fit.",
        "(torch.ones(1, 5), torch.ones(1, 3), torch.ones(3, 4), torch.ones(3, 3))",
    ),
    "rnn_tanh": (
        "the sizes of the tensors do not fit.",
        "(torch.ones(2, 1, 5), torch.ones(1, 1, 3), [torch.ones(3, 4), torch.ones(3, 3)], False, 1, 0.0, False, False, False)",
    ),
    "rnn_tanh_cell": (
        "the sizes of the tensors do not fit.",
        "(torch.ones(1, 5), torch.ones(1, 3), torch.ones(3, 4), torch.ones(3, 3))",
    ),
    "rrelu_": (
        "the tensor is a leaf that requires a gradient.",
        "(torch.ones(3, requires_grad=True))",
    ),
    "segment_reduce": (
        "``reduce`` is none of the names.",
        "(torch.ones(3), 'x', lengths=torch.tensor([3]))",
    ),
    "selu_": (
        "the tensor is a leaf that requires a gradient.",
        "(torch.ones(3, requires_grad=True))",
    ),
    "signal.windows.bartlett": ("``M`` is negative.", "(-1)"),
    "signal.windows.blackman": ("``M`` is negative.", "(-1)"),
    "signal.windows.cosine": ("``M`` is negative.", "(-1)"),
    "signal.windows.exponential": ("``M`` is negative.", "(-1)"),
    "signal.windows.gaussian": ("``M`` is negative.", "(-1)"),
    "signal.windows.general_cosine": ("``M`` is negative.", "(-1, a=[1.0])"),
    "signal.windows.general_hamming": ("``M`` is negative.", "(-1)"),
    "signal.windows.hamming": ("``M`` is negative.", "(-1)"),
    "signal.windows.hann": ("``M`` is negative.", "(-1)"),
    "signal.windows.kaiser": ("``M`` is negative.", "(-1)"),
    "signal.windows.nuttall": ("``M`` is negative.", "(-1)"),
    "sort": ("``dim`` is no dimension of the input.", "(torch.ones(2), 9)"),
    "squeeze": ("``dim`` is no dimension of the input.", "(torch.ones(2), 9)"),
    "svd_lowrank": ("the input has fewer than two dimensions.", "(torch.ones(2))"),
    "threshold_": (
        "the tensor is a leaf that requires a gradient.",
        "(torch.ones(3, requires_grad=True), 0, 0)",
    ),
    "transpose": ("a dimension is none of the input's.", "(torch.ones(2), 9, 0)"),
    "trapezoid": ("``dim`` is no dimension of the input.", "(torch.ones(2), dim=9)"),
    "unflatten": ("the sizes do not make up that of ``dim``.", "(torch.ones(2), 0, (3, 3))"),
    "unravel_index": ("the indices are no integers.", "(torch.ones(1), (2, 2))"),
    "unsqueeze": ("``dim`` is no dimension of the result.", "(torch.ones(2), 9)"),
    "vsplit": ("the input has fewer than two dimensions.", "(torch.ones(2), 1)"),
    "where": (
        "the condition holds no bools, or the shapes do not broadcast.",
        "(torch.ones(3), 1, 2)",
    ),
    "zeros_like": ("the first argument is no tensor.", "('x')"),
}
"""The arguments follow the name, as in ``torch.NAME(...)``."""
