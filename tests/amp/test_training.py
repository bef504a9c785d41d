"""Everything around a step at once compiles a fixed set of programs."""

from __future__ import annotations

import numpy as np

import flambeau as lib
from flambeau._engine import executor
from flambeau._engine.program import stats


def test_a_full_training_loop_compiles_nothing_after_its_first_cycle(monkeypatch):
    # Many new graphs in a row, of other tests, put off compiling.
    monkeypatch.setattr(executor._weather, "misses", 0)
    lib.manual_seed(0)
    net = lib.nn.Sequential(lib.nn.Linear(4, 8), lib.nn.ReLU(), lib.nn.Linear(8, 3))
    optimizer = lib.optim.AdamW(net.parameters(), lr=0.05)
    scheduler = lib.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)
    scaler = lib.amp.GradScaler("cpu", init_scale=16.0, growth_interval=3)
    swa = lib.optim.swa_utils
    ema = swa.AveragedModel(net, multi_avg_fn=swa.get_ema_multi_avg_fn(0.9))
    rng = np.random.default_rng(0)
    x = lib.from_numpy(rng.standard_normal((6, 4)).astype("float32"))
    y = lib.from_numpy(rng.integers(0, 3, 6))

    def cycle():
        for part in range(2):
            rows = slice(3 * part, 3 * part + 3)
            with lib.autocast("cpu"):
                loss = lib.nn.functional.cross_entropy(net(x[rows]), y[rows]) / 2
            scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        lib.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
        scheduler.step()
        optimizer.zero_grad()
        ema.update_parameters(net)
        return loss.item()

    losses = [cycle()]
    before = stats.programs
    losses += [cycle() for _ in range(10)]
    assert stats.programs == before
    assert losses[-1] < losses[0]

    # A step that is skipped runs the same programs; nothing asks whether it was.
    x[0, 0] = float("inf")
    cycle()
    weights = [p.detach().clone() for p in net.parameters()]
    scale = scaler.get_scale()
    before = stats.programs
    for _ in range(3):
        cycle()
    assert stats.programs == before
    assert scaler.get_scale() < scale
    assert all(lib.equal(a, b) for a, b in zip(weights, net.parameters(), strict=True))
