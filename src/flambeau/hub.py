"""Weights from the net. Follows `torch.hub`; running code from it is out of scope."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from flambeau._scope import namespace, unsupported
from flambeau.serialization._api import load as _load

__all__ = [
    "download_url_to_file",
    "get_dir",
    "help",
    "list",
    "load",
    "load_state_dict_from_url",
    "set_dir",
]

_chosen: str | None = None


def get_dir() -> str:
    """Where downloads are kept: ``$TORCH_HOME/hub``, ``~/.cache/torch/hub`` by default.

    Follows ``torch.hub.get_dir``.
    """
    if _chosen is not None:
        return _chosen
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = os.environ.get("TORCH_HOME") or str(Path(cache) / "torch")
    return str(Path(home).expanduser() / "hub")


def set_dir(d: str | os.PathLike[str]) -> None:
    """Keep downloads elsewhere. Follows ``torch.hub.set_dir``."""
    globals()["_chosen"] = str(Path(d).expanduser())


def download_url_to_file(
    url: str, dst: str | os.PathLike[str], hash_prefix: str | None = None, progress: bool = True
) -> None:
    """Fetch a file; it appears whole or not at all.

    Args:
        hash_prefix: what its SHA-256 must begin with.
        progress: accepted; the transfer is silent.

    Raises:
        RuntimeError: the hash differs.

    Follows ``torch.hub.download_url_to_file``.
    """
    target = Path(dst).expanduser()
    digest = hashlib.sha256()
    request = urllib.request.Request(url, headers={"User-Agent": "flambeau.hub"})
    handle, name = tempfile.mkstemp(dir=target.parent, suffix=".partial")
    try:
        with os.fdopen(handle, "wb") as file, urllib.request.urlopen(request) as answer:
            while chunk := answer.read(1 << 17):
                file.write(chunk)
                digest.update(chunk)
        if hash_prefix and not digest.hexdigest().startswith(hash_prefix):
            raise RuntimeError(
                f'invalid hash value (expected "{hash_prefix}", got "{digest.hexdigest()}") of '
                f"{url}"
            )
        Path(name).replace(target)
    finally:
        Path(name).unlink(missing_ok=True)


def load_state_dict_from_url(
    url: str,
    model_dir: str | None = None,
    map_location: Any = None,
    progress: bool = True,
    check_hash: bool = False,
    file_name: str | None = None,
    weights_only: bool = False,
) -> Any:
    """Load a checkpoint from the net, or from the file kept when it was fetched before.

    Nothing in the file is executed; see :func:`flambeau.load`.

    Follows ``torch.hub.load_state_dict_from_url``.
    """
    folder = Path(get_dir()) / "checkpoints" if model_dir is None else Path(model_dir)
    folder.mkdir(parents=True, exist_ok=True)
    name = file_name or Path(urlparse(url).path).name
    kept = folder / name
    if not kept.exists():
        found = re.search(r"-([a-f0-9]{8,})\.", name) if check_hash else None
        download_url_to_file(url, kept, found[1] if found else None, progress)
    return _load(kept, map_location=map_location)


def load(*args: Any, **kwargs: Any) -> Any:
    """Raises OutOfScopeError: code fetched from the net is not run."""
    raise unsupported("torch.hub.load")


def list(*args: Any, **kwargs: Any) -> Any:
    """Raises OutOfScopeError: code fetched from the net is not run."""
    raise unsupported("torch.hub.list")


def help(*args: Any, **kwargs: Any) -> Any:
    """Raises OutOfScopeError: code fetched from the net is not run."""
    raise unsupported("torch.hub.help")


__getattr__ = namespace(__name__)
