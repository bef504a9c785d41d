"""Special functions. Follows ``torch.special``."""
