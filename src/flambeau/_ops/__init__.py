"""Every operation, once: pure functions of JAX arrays, one registry row each.

A file per family. Nothing here knows of tensors, graphs or gradients.
"""
