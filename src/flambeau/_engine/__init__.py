"""The engine: values, the recorder, programs and their cache, executors, devices, random state.

It knows operations (:mod:`flambeau._ops`) and JAX, and nothing of tensors or gradients.
"""

from flambeau._engine import executor as _executor  # pyright: ignore[reportUnusedImport]
