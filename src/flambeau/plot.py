"""Pictures of a model and its training, as Matplotlib figures (``pip install flambeau[plot]``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["histograms", "training", "tree"]


def _figure(width: float, height: float) -> Figure:
    """A figure of its own: nothing is shown, and pyplot's state is left alone."""
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "flambeau.plot needs Matplotlib: pip install 'flambeau[plot]'", name=error.name
        ) from None
    return Figure(figsize=(width, height), layout="constrained")


def histograms(model: Any, *, gradients: bool | None = None, bins: int = 40) -> Figure:
    """How the elements of every parameter, and of its gradient, are distributed.

    Args:
        model: the module. A tied parameter is drawn once.
        gradients: whether to draw gradients beside the parameters; None draws them if there
            are any. A parameter without one gets an empty place that says so.
        bins: how many bars.

    Returns:
        A figure with a row per parameter.

    Raises:
        ValueError: the module has no parameters.
    """
    named = list(model.named_parameters())
    if not named:
        raise ValueError(f"histograms(): {type(model).__name__} has no parameters to draw")
    if gradients is None:
        gradients = any(p.grad is not None for _, p in named)
    columns = 2 if gradients else 1
    figure = _figure(4.5 * columns, 1.5 * len(named) + 0.5)
    axes = figure.subplots(len(named), columns, squeeze=False)
    for row, (name, param) in zip(axes, named, strict=True):
        frozen = "" if param.requires_grad else " (frozen)"
        _bars(row[0], param, f"{name} {list(param.shape)}{frozen}", bins, "C0")
        if gradients:
            _bars(row[1], param.grad, f"gradient of {name}", bins, "C1")
    return figure


def _bars(axis: Any, tensor: Any, title: str, bins: int, color: str) -> None:
    axis.set_title(title, fontsize="small", loc="left")
    axis.tick_params(labelsize="x-small")
    if tensor is None:
        axis.text(0.5, 0.5, "none", ha="center", va="center", transform=axis.transAxes)
        axis.set_axis_off()
        return
    values = np.abs(_array(tensor)) if tensor.is_complex() else _array(tensor)
    finite = values[np.isfinite(values)]
    if finite.size < values.size:
        axis.set_title(f"{title}: {values.size - finite.size} not finite", color="red", loc="left")
    axis.hist(finite, bins=bins, color=color)


def _array(value: Any) -> np.ndarray:
    if hasattr(value, "detach"):
        value = value.detach().to("cpu")
        value = value.numpy() if value.is_complex() else value.double().numpy()
    return np.asarray(value).ravel()


def training(
    history: Mapping[str, Sequence[Any]],
    *,
    lr: Sequence[Any] | None = None,
    log: bool = False,
    steps: Sequence[Any] | None = None,
) -> Figure:
    """Curves of a training: losses and metrics, and the learning rate below them.

    Args:
        history: values by name, each a sequence of numbers or of tensors of one element.
        lr: the learning rates; ``history["lr"]`` if there is one.
        log: whether the values' axis is logarithmic.
        steps: where the values lie; 0, 1, 2… by default. A curve shorter than this is spread
            evenly over the range, as a validation loss is.

    Returns:
        A figure.

    Raises:
        ValueError: there is nothing to draw.
    """
    curves = {name: _numbers(values) for name, values in history.items()}
    rates = curves.pop("lr", None) if lr is None else _numbers(lr)
    if not curves and rates is None:
        raise ValueError("training(): the history is empty")
    longest = max(len(v) for v in [*curves.values(), *([] if rates is None else [rates])])
    ends = np.arange(longest) if steps is None else _numbers(steps)
    figure = _figure(7, 4 if rates is None else 5)
    if rates is None:
        top, below = figure.subplots(), None
    else:
        top, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    for name, values in curves.items():
        top.plot(_places(ends, len(values)), values, label=name)
    if curves:
        top.legend()
    if log:
        top.set_yscale("log")
    if below is not None and rates is not None:
        below.plot(_places(ends, len(rates)), rates, color="C7")
        below.set_ylabel("learning rate")
    (top if below is None else below).set_xlabel("step")
    return figure


def _numbers(values: Sequence[Any]) -> np.ndarray:
    return np.array([v.item() if hasattr(v, "item") else float(v) for v in values])


def _places(ends: np.ndarray, count: int) -> np.ndarray:
    if count == len(ends):
        return ends
    return np.linspace(ends[0], ends[-1], count) if count > 1 else ends[-1:]


def tree(model: Any) -> Figure:
    """The modules of a model as a tree, each with its class and number of parameters.

    Args:
        model: the module.

    Returns:
        A figure. What is frozen altogether is drawn in grey.
    """
    rows = []
    for path, module in model.named_modules():
        params = list(module.parameters())
        count = sum(p.numel() for p in params)
        frozen = bool(params) and not any(p.requires_grad for p in params)
        rows.append((path, type(module).__name__, count, frozen))
    figure = _figure(7, 0.28 * len(rows) + 0.5)
    axis = figure.subplots()
    axis.set_axis_off()
    axis.set(xlim=(0, 1 + max(r[0].count(".") for r in rows) * 0.12), ylim=(len(rows), -1))
    where = {row[0]: i for i, row in enumerate(rows)}
    for i, (path, kind, count, frozen) in enumerate(rows):
        left = _left(path)
        parent = path.rpartition(".")[0]
        if path:
            start = _left(parent) + 0.01
            axis.plot([start, start, left - 0.005], [where[parent] + 0.4, i, i], "C7", lw=0.8)
        name = path.rpartition(".")[2]
        text = f"{name + ': ' if name else ''}{kind}" + (f"  {count:,}" if count else "")
        text += "  frozen" if frozen else ""
        axis.text(left, i, text, va="center", fontsize="small", color="grey" if frozen else "black")
    return figure


def _left(path: str) -> float:
    return 0.06 * (path.count(".") + 1) if path else 0.0
