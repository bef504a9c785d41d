"""Mixed precision on the CPU, under the names it had before `torch.amp`."""

from flambeau.cpu.amp import autocast_mode, grad_scaler
from flambeau.cpu.amp.autocast_mode import autocast
from flambeau.cpu.amp.grad_scaler import GradScaler

__all__ = [
    "GradScaler",
    "autocast",
    "autocast_mode",
    "grad_scaler",
]
