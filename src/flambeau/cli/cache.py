"""`flambeau cache`: what the disk cache of compiled programs holds."""

from __future__ import annotations

from typing import Annotated

import typer

from flambeau._config import config
from flambeau._engine import disk


def cache(
    info: Annotated[bool, typer.Option("--info", help="Where it is and what it holds.")] = False,
    clear: Annotated[bool, typer.Option("--clear", help="Remove every program.")] = False,
) -> None:
    """Show or clear the disk cache of compiled programs."""
    if config.cache_dir is None:
        typer.echo("the disk cache is off (FLAMBEAU_CACHE_DIR is empty)")
        return
    if clear:
        count, size = disk.clear(config.cache_dir)
        typer.echo(f"removed {count} programs, {size / 2**20:.1f} MiB, from {config.cache_dir}")
    if info or not clear:
        found = disk.contents(config.cache_dir)
        size = sum(file.size for file in found)
        typer.echo(f"folder:   {config.cache_dir}")
        typer.echo(f"programs: {len(found)}")
        typer.echo(
            f"size:     {size / 2**20:.1f} MiB of at most {disk.LIMIT_BYTES / 2**20:.0f} MiB"
        )
