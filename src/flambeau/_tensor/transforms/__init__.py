"""Function transforms over tensors: one file each, on the levels of the tape."""
