"""Importing flambeau does nothing to the process."""

from __future__ import annotations

import json

from tests.programs import run

PROBE = """
import gc, json, os, sys, threading, warnings
import jax
import numpy as np

def state():
    return {
        "jax.config": {k: repr(v) for k, v in sorted(jax.config.values.items())},
        "environment": dict(os.environ),
        "sys.path": list(sys.path),
        "sys.meta_path": [repr(f) for f in sys.meta_path],
        "hooks": [repr(sys.excepthook), repr(sys.displayhook), repr(sys.breakpointhook)],
        "threads": threading.active_count(),
        "numpy": {k: repr(v) for k, v in np.get_printoptions().items()},
        "filters": [repr(f) for f in warnings.filters],
        "collector": [gc.isenabled(), gc.get_threshold(), gc.get_freeze_count()],
        "recursion": sys.getrecursionlimit(),
        "switch": sys.getswitchinterval(),
    }

before = state()
import flambeau
after = state()
from jax._src import xla_bridge
print(json.dumps({
    "changed": {k: [before[k], after[k]] for k in before if before[k] != after[k]},
    "backends": sorted(xla_bridge._backends),
    "torch": sorted(m for m in sys.modules if m.partition(".")[0] == "torch"),
    "heavy": sorted({"matplotlib", "pandas", "scipy.stats", "rich", "typer"} & set(sys.modules)),
}))
"""


def test_importing_has_no_side_effects() -> None:
    done = run("-c", PROBE)
    assert done.stderr == ""
    found = json.loads(done.stdout)
    assert found == {"changed": {}, "backends": [], "torch": [], "heavy": []}


def test_importing_writes_nothing(tmp_path) -> None:
    environment = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = run("-c", "import flambeau", env={**environment, "PYTHONDONTWRITEBYTECODE": "1"})
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []
