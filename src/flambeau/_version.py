"""The version of flambeau, and the PyTorch version whose names and behaviour it follows."""

__version__ = "0.1.0"
API_LEVEL = "2.13.0"
