"""A small U-Net that finds the ink of handwritten digits in noise.

    python examples/unet.py                        (with PyTorch)
    flambeau run examples/unet.py                  (with flambeau)

The network of Ronneberger, Fischer and Brox, "U-Net: Convolutional Networks for Biomedical Image
Segmentation" (2015), with padding and group norm. Each picture holds four of scikit-learn's
digits, dimmed, under noise; the mask is where the ink was.
"""

import argparse
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn


class Double(nn.Sequential):
    """Two 3x3 convolutions, each with group norm and ReLU."""

    def __init__(self, inputs, outputs):
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, padding=1),
            nn.GroupNorm(min(4, outputs), outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, padding=1),
            nn.GroupNorm(min(4, outputs), outputs),
            nn.ReLU(inplace=True),
        )


class Up(nn.Module):
    """Twice the size, joined with what the way down saw at that size."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.up = nn.ConvTranspose2d(inputs, outputs, 2, stride=2)
        self.conv = Double(2 * outputs, outputs)

    def forward(self, x, skip):
        x = self.up(x)
        # An odd size was rounded down on the way.
        dy, dx = skip.size(2) - x.size(2), skip.size(3) - x.size(3)
        x = F.pad(x, [dx // 2, dx - dx // 2, dy // 2, dy - dy // 2])
        return self.conv(torch.cat([skip, x], dim=1))


class UNet(nn.Module):
    """Down `depth` times and up again.

    Args:
        channels: channels of the pictures.
        classes: channels of the answer.
        width: channels at full size; twice as many after each step down.
        depth: number of steps.
    """

    def __init__(self, channels=1, classes=1, width=16, depth=2):
        super().__init__()
        widths = [width * 2**i for i in range(depth + 1)]
        self.inc = Double(channels, width)
        self.down = nn.ModuleList(
            nn.Sequential(nn.MaxPool2d(2), Double(a, b)) for a, b in pairwise(widths)
        )
        self.up = nn.ModuleList(Up(b, a) for a, b in reversed(list(pairwise(widths))))
        self.outc = nn.Conv2d(width, classes, 1)

    def forward(self, x):
        seen = [self.inc(x)]
        for step in self.down:
            seen.append(step(seen[-1]))
        x = seen.pop()
        for step in self.up:
            x = step(x, seen.pop())
        return self.outc(x)


def pictures(count, seed=0):
    """Pictures (count, 1, 16, 16) and masks of the same shape."""
    rng = np.random.default_rng(seed)
    digits = load_digits().images / 16
    four = digits[rng.integers(len(digits), size=(count, 2, 2))]
    clean = four.transpose(0, 1, 3, 2, 4).reshape(count, 1, 16, 16)
    noisy = 0.5 * clean + 0.3 * rng.standard_normal(clean.shape)
    return torch.from_numpy(noisy.astype(np.float32)), torch.from_numpy(
        (clean > 0.5).astype(np.float32)
    )


def loss_of(model, batch):
    """Cross entropy of the pixels and one minus the Dice coefficient."""
    images, masks = batch
    logits = model(images)
    p = torch.sigmoid(logits)
    dice = (2 * (p * masks).sum((1, 2, 3)) + 1) / (p.sum((1, 2, 3)) + masks.sum((1, 2, 3)) + 1)
    return F.binary_cross_entropy_with_logits(logits, masks) + (1 - dice).mean()


def optimizer_of(model, steps):
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3, momentum=0.5, weight_decay=1e-6)
    return optimizer, torch.optim.lr_scheduler.StepLR(optimizer, max(1, steps // 2), gamma=0.3)


def main(steps=150, width=16, batch=32):
    """Train, print the loss, then the overlap on new pictures; the losses of all steps."""
    torch.manual_seed(0)
    images, masks = pictures(512)
    model = UNet(width=width)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters")
    optimizer, scheduler = optimizer_of(model, steps)
    losses = []
    for step in range(1, steps + 1):
        chosen = torch.randperm(len(images))[:batch]
        optimizer.zero_grad()
        loss = loss_of(model, (images[chosen], masks[chosen]))
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
        if step % 10 == 0:
            print(f"step {step:4}  loss {losses[-1]:.4f}")
    model.eval()
    images, masks = pictures(64, seed=1)
    with torch.no_grad():
        found, truth = model(images) > 0, masks > 0
    overlap = (found & truth).sum().item() / (found | truth).sum().item()
    print(f"overlap on new pictures (intersection over union): {overlap:.1%}")
    return losses


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--width", type=int, default=16)
    options = parser.parse_args()
    main(options.steps, options.width)
