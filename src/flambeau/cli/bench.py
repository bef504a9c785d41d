"""`flambeau bench`: time typical programs on this machine, beside whatever peers are here."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from flambeau._engine.hardware import processor
from flambeau._version import __version__
from flambeau.cli._bench import child, report
from flambeau.cli._bench.cases import CASES
from flambeau.cli._bench.child import CONTENDERS


def bench(
    cases: Annotated[
        list[str] | None, typer.Argument(metavar="[CASE]...", help="All that this machine can run.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Few rounds, rough figures.")] = False,
    peers: Annotated[bool, typer.Option(help="Also torch, JAX by hand and Flax NNX.")] = True,
    start: Annotated[bool, typer.Option(help="Also time to the first step, and memory.")] = True,
    device: Annotated[
        str, typer.Option(help="cpu or cuda; what runs in half precision is always on the GPU.")
    ] = "cpu",
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the results.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the ratios, as PNG.")] = None,
    into: Annotated[
        Path | None, typer.Option(help="Put the tables into this Markdown page, between its marks.")
    ] = None,
) -> None:
    """Time training steps and forwards of typical models, each case in a process of its own.

    Contenders take turns; a peer that is not installed or fails is named and left out.
    """
    unknown = [c for c in cases or () if c not in CASES]
    if unknown:
        raise typer.BadParameter(f"{unknown[0]!r} is not one of {', '.join(CASES)}")
    if device not in ("cpu", "cuda"):
        raise typer.BadParameter(f"--device: {device!r} is neither 'cpu' nor 'cuda'")
    gpu = _has_gpu()
    if device == "cuda" and not gpu:
        raise typer.BadParameter("--device cuda: JAX sees no GPU here")
    chosen = cases or [n for n, case in CASES.items() if gpu or not case.half]
    names = list(CONTENDERS) if peers else [n for n in CONTENDERS if n.startswith("flambeau")]
    results: dict[str, Any] = {
        "machine": _machine(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "versions": _versions(),
        "quick": quick,
        "device": device,
        "cases": {},
    }
    begin = time.perf_counter()
    for case in chosen:
        typer.echo(f"{case} …", err=True)
        results["cases"][case] = _measure(case, device, names, 3.0 if quick else 10.0, start)
    results["took"] = round(time.perf_counter() - begin, 1)
    text = report.markdown(results)
    if json_file is not None:
        json_file.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    if plot is not None:
        failed = report.plot(results, plot)
        if failed:
            typer.echo(f"no picture: {failed}", err=True)
        elif into is not None:
            text += f"\n\n![Time of a step, best torch = 1]({os.path.relpath(plot, into.parent)})"
    if into is not None:
        report.insert(into, text)
    typer.echo(text)


def _measure(
    case: str, device: str, names: list[str], seconds: float, start: bool
) -> dict[str, Any]:
    half = CASES[case].half
    with tempfile.TemporaryDirectory() as folder:
        env = {
            **os.environ,
            "FLAMBEAU_CACHE_DIR": f"{folder}/turns",
            "TORCHINDUCTOR_CACHE_DIR": f"{folder}/inductor",
            "PYTHONWARNINGS": "ignore",
            "PYTHONDONTWRITEBYTECODE": "",  # as where packages are installed
            "FLAMBEAU_BENCH_DEVICE": device,
        }
        if device == "cpu" and not half:
            env["JAX_PLATFORMS"] = "cpu"  # for the peers, which run where JAX does
        else:
            # JAX would take three quarters of the GPU's memory, and torch needs its own.
            env.setdefault("XLA_PYTHON_CLIENT_MEM_FRACTION", "0.5")
        limit = (400 if half else 150) + 6 * seconds
        found = _child(["turns", case, str(seconds), *names], env, limit)
        if "failed" in found and "torch.compile" in names:
            # Its compiler is the one that may hang or kill the process.
            names = [n for n in names if n != "torch.compile"]
            why = found["failed"]
            found = _child(["turns", case, str(seconds), *names], env, limit)
            found.setdefault("missing", {})["torch.compile"] = why
        if "failed" in found:
            return {"missing": {**found.get("missing", {}), "all": found["failed"]}}
        if start:
            env["FLAMBEAU_CACHE_DIR"] = f"{folder}/start"
            env["TORCHINDUCTOR_CACHE_DIR"] = f"{folder}/start-inductor"
            wanted = {"cold": "flambeau", "warm": "flambeau"}
            wanted |= {name: name for name in ("torch", "JAX", "torch.compile")}
            found["start"] = {}
            for label, name in wanted.items():
                if name in found["seconds"]:
                    once = _child(["start", case, name], env, limit)
                    if "failed" in once:
                        found["missing"][f"start of {name} ({label})"] = once["failed"]
                    else:
                        found["start"][label] = once
        return found


def _child(arguments: list[str], env: dict[str, str], limit: float) -> dict[str, Any]:
    command = [sys.executable, child.__file__, *arguments]
    env = {**env, "FLAMBEAU_BENCH_BEGIN": repr(time.time())}
    try:
        done = subprocess.run(
            command, env=env, capture_output=True, text=True, timeout=limit, check=False
        )
    except subprocess.TimeoutExpired:
        return {"failed": f"not done within {limit:.0f} s"}
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no words"])[-1]
        return {"failed": f"exit {done.returncode}: {last}"}
    return json.loads(done.stdout.strip().splitlines()[-1])


def _devices() -> list[Any]:
    """JAX's devices, asked for without taking a GPU's memory from the contenders."""
    import jax

    name = "XLA_PYTHON_CLIENT_PREALLOCATE"
    before = os.environ.get(name)
    os.environ[name] = "false"
    try:
        return jax.devices()
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _has_gpu() -> bool:
    return any(d.platform == "gpu" for d in _devices())


def _versions() -> dict[str, str | None]:
    found: dict[str, str | None] = {"flambeau": __version__, "python": platform.python_version()}
    for name in ("jax", "jaxlib", "torch", "flax", "optax", "numpy"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def _machine() -> str:
    versions = {n: v for n, v in _versions().items() if v and n in ("jax", "torch", "flax")}
    device = _devices()[0].device_kind
    return (
        f"{processor()}, {os.cpu_count()} cores, {device}, Python "
        f"{platform.python_version()}, " + ", ".join(f"{n} {v}" for n, v in versions.items())
    )
