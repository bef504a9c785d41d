"""Automatic differentiation. Follows ``torch.autograd``."""

from flambeau._autograd.grad_mode import (
    enable_grad,
    inference_mode,
    no_grad,
    set_grad_enabled,
)
from flambeau._scope import namespace as _namespace
from flambeau._tensor.gradients import backward, grad
from flambeau.autograd import forward_ad, function, functional, grad_mode, graph
from flambeau.autograd.anomaly_mode import detect_anomaly, is_anomaly_enabled, set_detect_anomaly
from flambeau.autograd.function import Function
from flambeau.autograd.gradcheck import gradcheck, gradgradcheck
from flambeau.autograd.variable import Variable

__all__ = [
    "Function",
    "Variable",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "forward_ad",
    "function",
    "functional",
    "grad",
    "grad_mode",
    "gradcheck",
    "gradgradcheck",
    "graph",
    "inference_mode",
    "is_anomaly_enabled",
    "no_grad",
    "set_detect_anomaly",
    "set_grad_enabled",
]

__getattr__ = _namespace(__name__, lazy=("profiler",))
