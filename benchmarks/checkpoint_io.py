"""Speed of loading and saving checkpoints, against torch in the same run.

    python benchmarks/checkpoint_io.py [--size MIB] [--folder FOLDER] [--repeat N]

Each figure is the best of N, the page cache warm, ours and theirs alternating. Loading is
measured in fresh processes, as it is done: memory that an earlier load gave back would spare a
process the page faults. safetensors' own load maps the file, so its tensors are cloned to have
them whole. "Lazy": open a file with mmap, read one tensor, report time and how much resident
memory grew.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("JAX_PLATFORMS", "cpu")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

LAZY = """
import os, sys, time
sys.path.insert(0, {src!r})
import numpy as np
import flambeau, jax
jax.devices()
flambeau.load({small!r}, mmap=True)["x"].sum().item() if {warm} else None
def rss():
    # anonymous memory and mapped file pages that were touched
    return sum(int(l.split()[1]) for l in open("/proc/self/status")
               if l.startswith(("RssAnon", "RssFile")))
before, start = rss(), time.perf_counter()
held = flambeau.load({path!r}, mmap=True)
t = held["layers.3.weight"]
value = np.asarray(t.numpy()).ravel()[:10].sum()
print(time.perf_counter() - start, (rss() - before) / 1024)
"""

LOAD = """
import sys, time
sys.path.insert(0, {src!r})
import flambeau, safetensors.torch, torch
from flambeau.serialization import load_safetensors
def theirs(path):
    return {{n: t.clone() for n, t in safetensors.torch.load_file(path).items()}}
load = {load}
load({small!r})
start = time.perf_counter()
held = load({path!r})
print(time.perf_counter() - start)
"""


def best(functions: list, repeat: int) -> list[float]:
    times = [float("inf")] * len(functions)
    for _ in range(repeat):
        for i, fn in enumerate(functions):
            start = time.perf_counter()
            held = fn()
            times[i] = min(times[i], time.perf_counter() - start)
            del held
    return times


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=int, default=1024, help="MiB")
    parser.add_argument("--folder", default=None)
    parser.add_argument("--repeat", type=int, default=5)
    args = parser.parse_args()

    import numpy as np
    import safetensors.torch
    import torch

    import flambeau
    from flambeau.serialization import save_safetensors

    torch.manual_seed(0)
    count = 64
    side = int((args.size * (1 << 20) / 4 / count) ** 0.5) // 16 * 16
    tree = {f"layers.{i}.weight": torch.randn(side, side) for i in range(count)}
    total = sum(t.nbytes for t in tree.values()) / (1 << 30)
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        pt, st = f"{folder}/x.pt", f"{folder}/x.safetensors"
        torch.save(tree, pt)
        safetensors.torch.save_file(tree, st)
        small = f"{folder}/small.pt"
        torch.save({"x": torch.ones(4)}, small)
        held = flambeau.load(pt)
        numpy_tree = {n: np.asarray(t.numpy()) for n, t in held.items()}
        assert all(np.array_equal(numpy_tree[n], tree[n].numpy()) for n in tree)

        def fsynced(save, path):
            def run():
                save(path)
                fd = os.open(path, os.O_RDONLY)
                os.fsync(fd)
                os.close(fd)

            return run

        rows = []

        def row(what: str, ours, theirs) -> None:
            show(what, *best([ours, theirs], args.repeat))

        def show(what: str, mine: float, other: float) -> None:
            rows.append((what, mine, other, other / mine))
            print(f"{what:44s} {mine:8.3f} s {other:8.3f} s   {other / mine:6.2f}x", flush=True)

        print(f"{total:.2f} GiB in {count} tensors, in {folder}")
        print(f"{'':44s} {'flambeau':>10s} {'torch':>10s}   speed of torch's")
        small_st = f"{folder}/small.safetensors"
        safetensors.torch.save_file({"x": torch.ones(4)}, small_st)
        for what, path, little, ours, theirs in (
            ("load .pt", pt, small, "flambeau.load", "torch.load"),
            ("load .safetensors", st, small_st, "load_safetensors", "theirs"),
        ):
            codes = [
                LOAD.format(src=str(ROOT / "src"), path=path, small=little, load=load)
                for load in (ours, theirs)
            ]
            runs = [
                [float(subprocess.check_output([sys.executable, "-c", c])) for c in codes]
                for _ in range(args.repeat)
            ]
            show(what, *map(min, zip(*runs, strict=True)))
        out, other = f"{folder}/ours", f"{folder}/theirs"
        row(
            "save .pt, not flushed",
            lambda: flambeau.save(held, f"{out}.pt", durable=False),
            lambda: torch.save(tree, f"{other}.pt"),
        )
        row(
            "save .pt, flushed to the disk",
            lambda: flambeau.save(held, f"{out}.pt"),
            fsynced(lambda path: torch.save(tree, path), f"{other}.pt"),
        )
        row(
            "save .safetensors, not flushed",
            lambda: save_safetensors(held, f"{out}.safetensors", durable=False),
            lambda: safetensors.torch.save_file(tree, f"{other}.safetensors"),
        )
        row(
            "save .safetensors, flushed to the disk",
            lambda: save_safetensors(held, f"{out}.safetensors"),
            fsynced(lambda path: safetensors.torch.save_file(tree, path), f"{other}.safetensors"),
        )
        lazy = {}
        for name, path in (("pt", pt), ("safetensors", st)):
            code = LAZY.format(src=str(ROOT / "src"), path=path, small=small, warm=False)
            runs = [
                list(map(float, subprocess.check_output([sys.executable, "-c", code]).split()))
                for _ in range(3)
            ]
            seconds, mib = min(r[0] for r in runs), max(r[1] for r in runs)
            lazy[name] = (seconds, mib)
            print(f"open .{name} with mmap, read one of {count}: {seconds:.3f} s, {mib:.1f} MiB")
        print(json.dumps({"rows": rows, "lazy": lazy}))


if __name__ == "__main__":
    main()
