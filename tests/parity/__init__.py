"""flambeau against the operator database that PyTorch ships."""
