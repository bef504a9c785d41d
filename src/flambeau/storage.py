"""The memory behind tensors, as objects. Follows `torch.storage`."""

from flambeau._scope import namespace
from flambeau._tensor.storages import TypedStorage, UntypedStorage

__all__ = ["TypedStorage", "UntypedStorage"]

__getattr__ = namespace(__name__)
