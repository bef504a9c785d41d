"""Tensor: storages, views, in-place operations, dtypes and promotion, methods, printing."""
