"""Kills a process that saves, again and again, and looks at what it left.

    python -m tests.serialization.killed_writer FOLDER TIMES KIND

Prints one JSON object: how often a whole checkpoint was there, and which versions.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
import warnings
from pathlib import Path

import numpy as np

from flambeau.serialization import Limits, LoadReport, save_safetensors
from flambeau.serialization._atomic import remove_leftovers
from flambeau.serialization._pt_reader import RecordAdapter, read_pt
from flambeau.serialization._pt_writer import write_pt
from flambeau.serialization._records import TensorRecord
from flambeau.serialization._safetensors import read_safetensors
from flambeau.serialization._source import open_source

NUMBERS = 150_000


def write(path: Path, version: int, kind: str) -> None:
    weights = {
        f"w{i}": TensorRecord.of_numpy(np.full(NUMBERS, version + i, np.int64)) for i in range(4)
    }
    if kind == "safetensors":
        save_safetensors(weights, path)
    else:
        write_pt(
            {"version": version, **weights}, path, lambda x: x if type(x) is TensorRecord else None
        )


def read(path: Path, kind: str) -> int:
    """The version in a file, all of which is looked at."""
    source = open_source(path)
    options = {"limits": Limits(), "report": LoadReport()}
    try:
        if kind == "safetensors":
            held = read_safetensors(source, RecordAdapter(), **options)
        else:
            held = read_pt(source, RecordAdapter(), **options)
        arrays = [held[f"w{i}"].numpy() for i in range(4)]
    finally:
        source.close()
    version = int(arrays[0][0])
    assert held.get("version", version) == version
    for i, array in enumerate(arrays):
        assert len(array) == NUMBERS
        assert (array == version + i).all()
    return version


def main() -> None:
    folder, times, kind = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    warnings.simplefilter("ignore")
    chance = random.Random(0)
    path = folder / "run.ckpt"
    write(path, 0, kind)
    versions, leftovers = [0], 0
    for _ in range(times):
        child = os.fork()
        if child == 0:
            version = versions[-1]
            while True:
                version += 1
                write(path, version, kind)
        time.sleep(chance.uniform(0, 0.05))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        versions.append(read(path, kind))
        assert versions[-1] >= versions[-2]
        leftovers += remove_leftovers(path)
        assert [p.name for p in folder.iterdir()] == ["run.ckpt"]
    print(json.dumps({"whole": len(versions) - 1, "last": versions[-1], "leftovers": leftovers}))


if __name__ == "__main__":
    main()
