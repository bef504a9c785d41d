"""Published architectures: the same curve as PyTorch's from the same weights and batches."""

from __future__ import annotations

import numpy as np
import pytest

from tests.examples import curves
from tests.oracle import torch
from tests.programs import ROOT, flambeau, run

CURVES = ROOT / "tests" / "examples" / "curves.py"
EXAMPLES = ROOT / "examples"


def _draw(name):
    """Two batches of the kind that the model takes."""
    rng = np.random.default_rng(0)
    if name.startswith("resnet18"):
        size = 12 if name.endswith("small") else 40
        return rng.random((2, 6, 1, size, size)), rng.integers(5, size=(2, 6))
    if name == "gpt2":
        text = rng.integers(12, size=(2, 3, 11))
        return text[..., :-1], text[..., 1:]
    if name == "lstm_tagger":
        # The second batch has sequences of other lengths than the first.
        lengths = np.array([[7, 3, 5, 1], [4, 7, 2, 6]])
        used = np.arange(7) < lengths[..., None]
        letters = np.where(used, rng.integers(1, 20, size=(2, 4, 7)), 0)
        tags = np.where(used, rng.integers(4, size=(2, 4, 7)), -100)
        return letters, lengths, tags
    if name == "vae":
        return rng.random((2, 5, 16)), rng.standard_normal((2, 5, 3))
    images = rng.standard_normal((2, 3, 1, 10, 10))
    return images, (images > 0.5).astype(np.float64)


@pytest.mark.parametrize("name", curves.MODELS)
def test_the_curve_is_pytorchs(name, tmp_path):
    torch.manual_seed(0)
    _, model = curves.MODELS[name]()
    weights = {f"weight:{k}": v.double().numpy() for k, v in model.state_dict().items()}
    weights = {k: v.astype(np.int64) if "num_batches" in k else v for k, v in weights.items()}
    data = {f"data:{i}": np.ascontiguousarray(a) for i, a in enumerate(_draw(name))}
    file = tmp_path / name
    np.savez(f"{file}.npz", **weights, **data)
    curves.main(name, file)
    done = flambeau("run", CURVES, name, file)
    assert done.returncode == 0, done.stderr
    expected, actual = np.load(f"{file}.torch.npy"), np.load(f"{file}.flambeau.npy")
    assert len(expected) == len(actual) == curves.STEPS
    assert expected[-1] < expected[0]
    print(f"{name}: largest difference {np.abs(actual - expected).max():.1e}")
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-8)


SHORT = {
    "resnet18": ["--steps", "20", "--width", "4"],
    "gpt2": ["--steps", "30", "--layers", "1", "--width", "16", "--letters", "3"],
    "lstm_tagger": ["--steps", "20", "--hidden", "8", "--batches", "1"],
    "vae": ["--steps", "40", "--hidden", "16"],
    "unet": ["--steps", "20", "--width", "2"],
}


@pytest.mark.parametrize("name", SHORT)
def test_the_program_runs_and_its_loss_falls(name):
    script = EXAMPLES / f"{name}.py"
    assert "flambeau" not in script.read_text().split('"""', 2)[2]
    done = flambeau("run", script, *SHORT[name])
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("step")]
    losses = [float(line.split()[-1]) for line in lines]
    assert losses
    assert np.isfinite(losses).all()
    assert losses == sorted(losses, reverse=True)


def test_the_networks_have_their_published_sizes(tmp_path):
    script = tmp_path / "sizes.py"
    script.write_text(
        "import sys, torch; sys.path.insert(0, sys.argv[1])\n"
        "import gpt2, resnet18\n"
        "with torch.device('meta'):\n"
        "    models = resnet18.ResNet18(), gpt2.GPT(gpt2.Config())\n"
        "print([sum(p.numel() for p in m.parameters()) for m in models])\n"
    )
    expected = "[11689512, 124439808]"
    for runner in (lambda *a: flambeau("run", *a), run):
        done = runner(script, EXAMPLES)
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() == expected
