"""A training run for two processes: `interrupted.py FILE FROM TO`.

Does the steps FROM to TO (going on from FILE when FROM is not 0), saves into FILE, and prints a
digest of all state. Everything that `save_training` takes is in it, the gradient scaler with a
step that overflows included.
"""

from __future__ import annotations

import hashlib
import random
import sys

import numpy as np

import flambeau
from flambeau import nn, optim
from flambeau.serialization import resume, save_training


class Run:
    """Momentum, schedule, loss scaling, batch statistics, dropout, three sources of chance."""

    def __init__(self) -> None:
        flambeau.manual_seed(0)
        random.seed(0)
        np.random.seed(0)
        self.own = flambeau.Generator().manual_seed(1)
        self.model = nn.Sequential(
            nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 1)
        )
        self.optimizer = optim.AdamW(self.model.parameters(), lr=0.1, amsgrad=True)
        self.scheduler = optim.lr_scheduler.OneCycleLR(self.optimizer, 0.2, total_steps=20)
        self.scaler = flambeau.amp.GradScaler("cpu", init_scale=2.0**8, growth_interval=2)
        self.steps = 0

    def parts(self) -> dict:
        return {
            "model": self.model,
            "optimizer": self.optimizer,
            "scheduler": self.scheduler,
            "scaler": self.scaler,
            "rng": {"own": self.own},
        }

    def step(self) -> None:
        x = flambeau.randn(6, 4) + random.random() + np.random.rand()
        x = x * flambeau.rand(1, generator=self.own)
        loss = (self.model(x) ** 2).mean()
        if self.steps == 2:
            loss = loss * float("inf")  # the scaler skips this step and halves its scale
        self.optimizer.zero_grad()
        self.scaler.scale(loss).backward()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.scheduler.step()
        self.steps += 1

    def digest(self) -> str:
        """Every bit that a further step depends on."""
        words = hashlib.sha256()
        state = [self.model.state_dict(), self.optimizer.state_dict()["state"]]
        for held in (state[0], *state[1].values()):
            for name, t in held.items():
                words.update(name.encode() + np.asarray(t.detach().numpy()).tobytes())
        words.update(repr(self.scaler.state_dict()).encode())
        words.update(repr(self.scheduler.state_dict()).encode())
        words.update(repr((random.random(), np.random.rand())).encode())
        words.update(repr((flambeau.rand(1).tolist(), self.own.get_state().tolist())).encode())
        return words.hexdigest()


def main(file: str, start: int, stop: int) -> str:
    """Do some steps of the run, and tell what state it is in."""
    run = Run()
    if start:
        found = resume(file, **run.parts())
        assert found.step == start
        run.steps = start
    while run.steps < stop:
        run.step()
    save_training(file, **run.parts(), step=run.steps)
    return run.digest()


if __name__ == "__main__":
    print(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
