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

__all__ = sorted(n for n in globals() if not n.startswith("_") and n != "sys")  # noqa: PLE0605
