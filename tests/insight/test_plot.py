"""Figures of models and trainings."""

from __future__ import annotations

import subprocess
import sys

import pytest

import flambeau
from flambeau import nn, plot


def net():
    return nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.ReLU(), nn.Linear(4, 2)))


def titles(figure):
    return [axis.get_title(loc="left") for axis in figure.axes]


def test_histograms(tmp_path):
    model = net()
    assert titles(plot.histograms(model))[0] == "0.weight [4, 3]"
    flambeau.freeze(model[0])
    model(flambeau.ones(2, 3)).sum().backward()
    figure = plot.histograms(model, bins=5)
    assert titles(figure)[:2] == ["0.weight [4, 3] (frozen)", "gradient of 0.weight"]
    assert [t.get_text() for t in figure.axes[1].texts] == ["none"]
    counts = [bar.get_height() for bar in figure.axes[4].patches]
    assert (len(counts), sum(counts)) == (5, 8)
    figure.savefig(tmp_path / "h.png")
    with flambeau.no_grad():
        model[0].bias[0] = float("nan")
    assert titles(plot.histograms(model))[2].endswith("1 not finite")
    with pytest.raises(ValueError, match="ReLU has no parameters"):
        plot.histograms(nn.ReLU())


def test_training():
    losses = [flambeau.tensor(3.0), 2.0, 1.5, 1.25]
    figure = plot.training({"train": losses, "test": [2.5, 1.5], "lr": [0.1] * 4}, log=True)
    top, below = figure.axes
    assert [line.get_label() for line in top.lines] == ["train", "test"]
    assert top.lines[0].get_ydata().tolist() == [3.0, 2.0, 1.5, 1.25]
    assert top.lines[1].get_xdata().tolist() == [0, 3]
    assert below.lines[0].get_ydata().tolist() == [0.1] * 4
    assert top.get_yscale() == "log"
    assert len(plot.training({"loss": losses}).axes) == 1
    with pytest.raises(ValueError, match="empty"):
        plot.training({})


def test_tree(tmp_path):
    model = net()
    flambeau.freeze(model[0])
    figure = plot.tree(model)
    shown = [t.get_text() for t in figure.axes[0].texts]
    assert shown == ["Sequential  26", "0: Linear  16  frozen", "1: Sequential  10", "0: ReLU",
                     "1: Linear  10"]  # fmt: skip
    figure.savefig(tmp_path / "t.png")


def test_matplotlib_is_imported_when_needed():
    program = "import sys, flambeau; flambeau.plot; assert 'matplotlib' not in sys.modules"
    environ = {"PYTHONPATH": ":".join(sys.path)}
    subprocess.run([sys.executable, "-c", program], check=True, env=environ)
