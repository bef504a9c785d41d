"""Measuring how long code takes. Follows `torch.utils.benchmark`."""

from flambeau.utils.benchmark._compare import Compare
from flambeau.utils.benchmark._timer import Measurement, Timer, timer

__all__ = ["Compare", "Measurement", "Timer", "timer"]
