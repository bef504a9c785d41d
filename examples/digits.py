"""Train a small CNN on handwritten digits, fine-tune its head, save it, and load it elsewhere.

    python examples/digits.py                      (with PyTorch)
    flambeau run examples/digits.py                (with flambeau)

The images are the 1,797 digits that scikit-learn ships. Everything the program writes goes to
./demo-out.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

import matplotlib
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.utils.data import DataLoader, TensorDataset
from tqdm import tqdm

matplotlib.use("Agg")
import matplotlib.pyplot as plt


class ConvBlock(nn.Module):
    """A convolution that keeps the size, batch norm, ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x):
        return F.relu(self.norm(self.conv(x)))


class DigitNet(nn.Module):
    """Two blocks with pooling, then a head of two linear layers with dropout."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.features = nn.Sequential(
            ConvBlock(1, 32),
            nn.MaxPool2d(2),
            ConvBlock(32, 64),
            nn.MaxPool2d(2),
        )
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(64 * 2 * 2, 64),
            nn.ReLU(),
            nn.Dropout(0.25),
            nn.Linear(64, classes),
        )

    def forward(self, x):
        return self.head(self.features(x))


def digits():
    """Images (N, 1, 8, 8) in [0, 1] and labels, split into training and held-out sets."""
    images, labels = load_digits(return_X_y=True)
    images = (images.reshape(-1, 1, 8, 8) / 16).astype(np.float32)
    parts = train_test_split(
        images, labels.astype(np.int64), test_size=0.25, random_state=0, stratify=labels
    )
    train_x, test_x, train_y, test_y = (torch.from_numpy(part) for part in parts)
    return TensorDataset(train_x, train_y), TensorDataset(test_x, test_y)


def train(model, data, epochs, lr, title, steps=None):
    """Train the parameters that ask for it; the loss of every step."""
    loader = DataLoader(data, batch_size=64, shuffle=True, drop_last=True)
    optimizer = torch.optim.AdamW(
        [p for p in model.parameters() if p.requires_grad], lr=lr, weight_decay=1e-2
    )
    total = epochs * len(loader) if steps is None else min(steps, epochs * len(loader))
    scheduler = CosineAnnealingLR(optimizer, T_max=total)
    losses = []
    for part in model.children():
        # A frozen part stays in evaluation mode, so that its batch statistics rest too.
        part.train(any(p.requires_grad for p in part.parameters()))
    with tqdm(total=total, desc=title, unit="step", file=sys.stdout) as bar:
        while len(losses) < total:
            for images, labels in loader:
                optimizer.zero_grad()
                loss = F.cross_entropy(model(images), labels)
                loss.backward()
                optimizer.step()
                scheduler.step()
                losses.append(loss.item())
                bar.set_postfix(loss=f"{losses[-1]:.4f}", lr=f"{scheduler.get_last_lr()[0]:.1e}")
                bar.update()
                if len(losses) == total:
                    break
    return losses


@torch.no_grad()
def predict(model, images):
    """The logits of all images, in evaluation mode."""
    model.eval()
    return torch.cat([model(batch) for batch in images.split(128)])


def accuracy(model, data):
    images, labels = data.tensors
    return (predict(model, images).argmax(dim=1) == labels).float().mean().item()


def print_table(model):
    """Every parameter and buffer: name, shape, type, number of elements, whether it trains."""
    print(f"\n{'name':36} {'shape':15} {'dtype':14} {'elements':>8}  kind")
    for name, p in model.named_parameters():
        kind = "parameter" if p.requires_grad else "parameter, frozen"
        print(f"{name:36} {tuple(p.shape)!s:15} {p.dtype!s:14} {p.numel():8,}  {kind}")
    for name, b in model.named_buffers():
        print(f"{name:36} {tuple(b.shape)!s:15} {b.dtype!s:14} {b.numel():8,}  buffer")
    total = sum(p.numel() for p in model.parameters())
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    print(f"{total:,} parameters, {trained:,} of them trained\n")


def draw(curves, path):
    """The loss of each stage, step by step."""
    figure, axes = plt.subplots(figsize=(7, 4))
    start = 0
    for title, losses in curves.items():
        axes.plot(range(start, start + len(losses)), losses, label=title, linewidth=1)
        start += len(losses)
    axes.set(xlabel="step", ylabel="cross entropy", yscale="log", title="Digits")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120, bbox_inches="tight")
    plt.close(figure)


def check(folder):
    """In a process of its own: load the saved model, compare its predictions bit by bit."""
    model = DigitNet()
    print(model.load_state_dict(torch.load(folder / "digits.pt")))
    _, held_out = digits()
    logits = predict(model, held_out.tensors[0]).numpy()
    expected = np.load(folder / "logits.npy")
    if not np.array_equal(logits, expected):
        difference = np.abs(logits - expected).max()
        sys.exit(f"the loaded model predicts differently, by up to {difference}")
    print(f"second process: {len(logits)} predictions, all identical")


def main(epochs=8, steps=None, out="demo-out"):
    """Run the whole program; `steps` limits both stages of training.

    Returns:
        The losses of the first stage and the held-out accuracy at the end.
    """
    began = time.perf_counter()
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    training, held_out = digits()
    print(
        f"torch {torch.__version__}: {len(training)} images to learn from, {len(held_out)} held out"
    )

    model = DigitNet()
    print(model)
    curves = {"whole network": train(model, training, epochs, 3e-3, "train", steps)}
    print(f"held-out accuracy: {accuracy(model, held_out):.2%}")

    for p in model.features.parameters():
        p.requires_grad_(False)
    print_table(model)
    frozen = {name: t.clone() for name, t in model.features.state_dict().items()}
    curves["head only"] = train(model, training, max(1, epochs // 4), 5e-4, "fine-tune", steps)
    for name, now in model.features.state_dict().items():
        assert torch.equal(frozen[name], now), f"{name} is frozen and has moved"
    score = accuracy(model, held_out)
    print(f"held-out accuracy after fine-tuning: {score:.2%}")

    torch.save(model.state_dict(), folder / "digits.pt")
    np.save(folder / "logits.npy", predict(model, held_out.tensors[0]).numpy())
    subprocess.run([sys.executable, __file__, "--check", "--out", str(folder)], check=True)
    draw(curves, folder / "loss.png")
    print(f"wrote {folder / 'digits.pt'} and {folder / 'loss.png'}")
    print(f"{time.perf_counter() - began:.1f} s in all")
    return curves["whole network"], score


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--steps", type=int, help="stop each stage of training after so many steps")
    parser.add_argument("--out", default="demo-out", help="folder for what is written")
    parser.add_argument("--check", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.check:
        check(Path(options.out))
    else:
        main(options.epochs, options.steps, options.out)
