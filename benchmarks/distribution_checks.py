"""What checking the parameters of distributions costs a training step.

    python benchmarks/distribution_checks.py

The step of a variational autoencoder (784-256-20, batch 128, Adam) builds three distributions and
scores a batch. It runs without checks, with checks that ride along with the step's program (as
flambeau does it) and with checks that are read at once (as PyTorch does it), in blocks that take
turns; `--torch` adds PyTorch. The figure is the fastest block, since a busy machine only adds.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import flambeau
import flambeau.distributions
from flambeau._engine.program import stats
from flambeau.distributions import _validation


def vae(torch: Any) -> Callable[[], Any]:
    nn, d = torch.nn, torch.distributions
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 40))
    decoder = nn.Sequential(nn.Linear(20, 256), nn.ReLU(), nn.Linear(256, 784))
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3)
    x = torch.bernoulli(torch.full((128, 784), 0.3))

    def step() -> Any:
        mean, raw = encoder(x).chunk(2, -1)
        q = d.Normal(mean, nn.functional.softplus(raw))
        z = q.rsample()
        prior = d.Normal(torch.zeros_like(mean), torch.ones_like(mean))
        fit = d.Bernoulli(logits=decoder(z)).log_prob(x).sum(-1)
        loss = (d.kl_divergence(q, prior).sum(-1) - fit).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step


def main(rounds: int = 15, steps: int = 10, with_torch: bool = False) -> None:
    """Print a table."""
    in_a_step = _validation.in_a_step
    ways: dict[str, tuple[Any, bool, Any]] = {
        "no checks": (flambeau, False, in_a_step),
        "with the step": (flambeau, True, in_a_step),
        "read at once": (flambeau, True, lambda place: False),
    }
    if with_torch:
        import torch

        ways["torch, no checks"] = (torch, False, in_a_step)
        ways["torch"] = (torch, True, in_a_step)
    made = {name: vae(library) for name, (library, _, _) in ways.items()}
    times: dict[str, list[float]] = {name: [] for name in ways}
    counts: dict[str, tuple[int, int]] = {}
    for i in range(rounds + 1):
        for name, (library, checked, where) in ways.items():
            library.distributions.Distribution.set_default_validate_args(checked)
            _validation.in_a_step = where
            if i == 0:
                for _ in range(5):
                    made[name]().item()
            programs, launches, start = stats.programs, stats.launches, time.perf_counter()
            for _ in range(steps):
                loss = made[name]()
            loss.item()
            if i:
                times[name].append((time.perf_counter() - start) / steps)
                counts[name] = stats.programs - programs, stats.launches - launches
    print(f"{'checks':18}  ms/step  programs per step  compiled later")
    for name, found in times.items():
        compiled, launched = counts[name]
        row = f"{launched / steps:17.1f}  {compiled:14d}" if "torch" not in name else ""
        print(f"{name:18}  {min(found) * 1e3:7.2f}  {row}".rstrip())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--torch", action="store_true")
    chosen = parser.parse_args()
    main(chosen.rounds, with_torch=chosen.torch)
