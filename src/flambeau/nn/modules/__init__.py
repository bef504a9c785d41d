"""PyTorch's deep paths: ``nn.modules.linear`` is the module ``nn.linear``, and so on."""

import sys

from flambeau.nn import (
    activation,
    adaptive,
    batchnorm,
    channelshuffle,
    container,
    conv,
    distance,
    dropout,
    flatten,
    fold,
    instancenorm,
    lazy,
    linear,
    linear_cross_entropy,
    loss,
    module,
    multihead,
    normalization,
    padding,
    pixelshuffle,
    pooling,
    rnn,
    sparse,
    transformer,
    upsampling,
)
from flambeau.nn.modules import utils as utils

for _module in (
    activation,
    lazy,
    linear_cross_entropy,
    adaptive,
    transformer,
    multihead,
    batchnorm,
    channelshuffle,
    container,
    conv,
    distance,
    dropout,
    flatten,
    fold,
    instancenorm,
    linear,
    loss,
    module,
    normalization,
    padding,
    pixelshuffle,
    pooling,
    rnn,
    sparse,
    upsampling,
):
    # The same module object under both paths, so that every class has one identity.
    sys.modules[f"{__name__}.{_module.__name__.rpartition('.')[2]}"] = _module
    globals().update({n: getattr(_module, n) for n in _module.__all__ if n[0].isupper()})

# Classes that PyTorch keeps in another of its modules, where programs import them from.
for _home, _owner, _names in (
    (activation, multihead, ("MultiheadAttention",)),
    (batchnorm, lazy, ("LazyBatchNorm1d", "LazyBatchNorm2d", "LazyBatchNorm3d")),
    (conv, lazy, ("LazyConv1d", "LazyConv2d", "LazyConv3d")),
    (conv, lazy, ("LazyConvTranspose1d", "LazyConvTranspose2d", "LazyConvTranspose3d")),
    (instancenorm, lazy, ("LazyInstanceNorm1d", "LazyInstanceNorm2d", "LazyInstanceNorm3d")),
    (linear, lazy, ("LazyLinear",)),
    (linear, multihead, ("NonDynamicallyQuantizableLinear",)),
    (loss, linear_cross_entropy, ("LinearCrossEntropyLoss",)),
):
    for _name in _names:
        setattr(_home, _name, getattr(_owner, _name))
sys.modules[f"{__name__}.linear_cross_entropy_options"] = linear_cross_entropy

__all__ = sorted(n for n in globals() if not n.startswith("_") and n != "sys")  # noqa: PLE0605
