"""A variational autoencoder of handwritten digits.

    python examples/vae.py                         (with PyTorch)
    flambeau run examples/vae.py                   (with flambeau)

The model of Kingma and Welling, "Auto-Encoding Variational Bayes" (2013), with Gaussian latent
variables and Bernoulli pixels. The images are the 1,797 digits that scikit-learn ships.
"""

import argparse

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class VAE(nn.Module):
    """Encoder to mean and log-variance, a draw, decoder to the pixels' logits."""

    def __init__(self, pixels=64, hidden=128, latent=8):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(pixels, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh()
        )
        self.mean = nn.Linear(hidden, latent)
        self.log_variance = nn.Linear(hidden, latent)
        self.decoder = nn.Sequential(
            nn.Linear(latent, hidden), nn.Tanh(), nn.Linear(hidden, pixels)
        )

    def forward(self, x, noise=None):
        """Logits, mean and log-variance. The noise of the draw may be given."""
        h = self.encoder(x)
        mean, log_variance = self.mean(h), self.log_variance(h)
        if noise is None:
            noise = torch.randn_like(mean)
        z = mean + noise * torch.exp(0.5 * log_variance)
        return self.decoder(z), mean, log_variance


def loss_of(model, batch):
    """The negative evidence lower bound per image."""
    x, noise = batch
    logits, mean, log_variance = model(x, noise)
    reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
    divergence = -0.5 * torch.sum(1 + log_variance - mean.pow(2) - log_variance.exp())
    return (reconstruction + divergence) / x.size(0)


def optimizer_of(model, steps):
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return optimizer, torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, total_steps=steps)


def digits():
    """Images (N, 64) in [0, 1]."""
    return torch.from_numpy((load_digits().data / 16).astype(np.float32))


def show(images):
    """Images side by side, in letters."""
    shades = " .:-=+*#%@"
    for row in images.reshape(-1, 8, 8).permute(1, 0, 2).tolist():
        print("  ".join("".join(shades[int(9.99 * v)] * 2 for v in line) for line in row))


def main(steps=600, hidden=128, batch=128):
    """Train, print the loss, then draw digits that nobody wrote; the losses of all steps."""
    torch.manual_seed(0)
    loader = DataLoader(TensorDataset(digits()), batch, shuffle=True, drop_last=True)
    model = VAE(hidden=hidden)
    optimizer, scheduler = optimizer_of(model, steps)
    losses = []
    while len(losses) < steps:
        for (x,) in loader:
            optimizer.zero_grad()
            loss = loss_of(model, (x, None))
            loss.backward()
            optimizer.step()
            scheduler.step()
            losses.append(loss.item())
            if len(losses) % 20 == 0:
                print(f"step {len(losses):4}  loss {losses[-1]:.3f}")
            if len(losses) == steps:
                break
    with torch.no_grad():
        show(torch.sigmoid(model.decoder(torch.randn(5, 8))))
    return losses


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--hidden", type=int, default=128)
    options = parser.parse_args()
    main(options.steps, options.hidden)
