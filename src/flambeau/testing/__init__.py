"""Comparing tensors and making ones to compare. Follows `torch.testing`."""

from flambeau._scope import namespace as _namespace
from flambeau.testing._comparison import assert_allclose, assert_close
from flambeau.testing._creation import make_tensor

__all__ = ["assert_allclose", "assert_close", "make_tensor"]

__getattr__ = _namespace(__name__)
