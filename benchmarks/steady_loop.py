"""A loop that prints its loss and steps a scheduler every step: programs and memory stay put."""

from __future__ import annotations

import contextlib
import io

import psutil
from _models import CASES
from _timing import machine, table

import flambeau as torch
from flambeau._engine.program import stats


def main(steps: int = 1000) -> None:
    model, loss_of, x, y = CASES["MLP"](torch)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    process = psutil.Process()
    programs, memory, rates = [], [], set()
    with contextlib.redirect_stdout(io.StringIO()):
        for _ in range(steps):
            optimizer.zero_grad()
            loss = loss_of(model(x), y)
            loss.backward()
            optimizer.step()
            scheduler.step()
            print(loss, loss.item(), optimizer.param_groups[0]["lr"])
            rates.add(optimizer.param_groups[0]["lr"])
            programs.append(stats.programs)
            memory.append(process.memory_info().rss)
    settled = memory[steps // 10 :]
    rows = [
        ["steps", str(steps)],
        ["different learning rates", str(len(rates))],
        ["programs after step 2", str(programs[1])],
        ["new programs after step 2", str(programs[-1] - programs[1])],
        ["resident memory, MiB", f"{settled[0] / 2**20:.1f} to {settled[-1] / 2**20:.1f}"],
        ["spread of resident memory", f"{(max(settled) - min(settled)) / settled[0]:.2%}"],
    ]
    print(machine())
    print(table(["MLP, loss printed and learning rate changed every step", ""], rows))


if __name__ == "__main__":
    main()
