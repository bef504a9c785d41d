"""Public functions, a file per family."""
