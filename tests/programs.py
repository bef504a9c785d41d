"""Running programs in processes of their own, on flambeau or on PyTorch."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parent.parent


def run(
    *command: str | Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 300,
) -> subprocess.CompletedProcess[str]:
    """Run the interpreter of the tests with flambeau's source on its path."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), **(env or {})}
    return subprocess.run(
        [sys.executable, *map(str, command)],
        capture_output=True,
        check=False,
        cwd=cwd,
        encoding="utf-8",
        env=environment,
        timeout=timeout,
    )


def flambeau(*arguments: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
    """Run the command `flambeau`."""
    return run("-m", "flambeau", *arguments, **options)  # pyright: ignore[reportArgumentType]
