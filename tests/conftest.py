"""What holds for the whole suite: the oracle, the caches, the random examples."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import tempfile
from pathlib import Path

import hypothesis
import pytest

PARITY = os.environ.get("PARITY", "") not in ("", "0")

if os.environ.get("FLAMBEAU_TEST_GPU", "") in ("", "0"):
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("MPLBACKEND", "Agg")

# Examples are the same in every run; `HYPOTHESIS_PROFILE=explore` looks for new ones.
hypothesis.settings.register_profile(
    "fixed",
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.register_profile("explore", deadline=None, max_examples=500)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))

# Compiled programs are shared by the workers of one session and never touch the user's cache.
# Set while this file is imported, since flambeau reads its environment once.
_OWN_CACHE = None
if "PYTEST_XDIST_WORKER" not in os.environ:
    _OWN_CACHE = tempfile.mkdtemp(prefix="flambeau-tests-")
    os.environ["FLAMBEAU_CACHE_DIR"] = str(Path(_OWN_CACHE) / "programs")


def pytest_configure(config: pytest.Config) -> None:
    if PARITY and importlib.util.find_spec("torch") is None:
        raise pytest.UsageError(
            "PARITY=1 asks for the comparison with PyTorch, but torch is not installed; "
            "`PARITY=1 make test` installs it"
        )


def pytest_report_header(config: pytest.Config) -> str:
    found = importlib.util.find_spec("torch") is not None
    return "oracle: " + ("torch" if found else "torch is not installed, comparisons are skipped")


def pytest_unconfigure(config: pytest.Config) -> None:
    if _OWN_CACHE is not None:
        shutil.rmtree(_OWN_CACHE, ignore_errors=True)


MAPPINGS = 20_000
"""A process may have 65,530 by default, and a compiled program takes half a dozen and more."""


@pytest.fixture(autouse=True, scope="module")
def room_for_programs():
    """Drop JAX's programs before the worker runs out of memory mappings; then LLVM crashes."""
    yield
    if "jax" in sys.modules and _mappings() > MAPPINGS:
        sys.modules["jax"].clear_caches()


def _mappings() -> int:
    try:
        with open("/proc/self/maps") as lines:
            return sum(1 for _ in lines)
    except OSError:
        return 0
