"""Settings: environment variables, parsed once, and the object that holds them.

``flambeau.config`` is the one instance. Reading it is cheap; writing it takes effect at the
next recorded operation.
"""

from __future__ import annotations

import os
from pathlib import Path

MODES = ("lazy", "eager", "debug")


class Config:
    """What a user can switch.

    Attributes:
        mode: ``"lazy"`` records and runs whole programs, ``"eager"`` runs every operation
            at once, ``"debug"`` is eager with the user's file and line on each operation,
            NaN checks and a verifier of the recorded graph.
        log: topics written to standard error; ``"compile"`` tells why each program was new.
        cache_dir: where compiled programs are kept between processes; None keeps none.
        keep_memory: the first use of the CPU has glibc's malloc keep large blocks for the next
            run instead of giving them back to the system. Later changes have no effect.
        max_pending: how many operations may wait before they are executed.
        max_programs: how many compiled programs stay in memory; those that were not used for
            the longest time go, and come back from the disk cache.
        traceback: ``"short"`` ends tracebacks in the user's line, ``"full"`` shows flambeau's
            own frames too.
        silenced: codes of warnings that are not given; :class:`flambeau.silence` adds to it.
    """

    def __init__(self, environ: os._Environ[str] | dict[str, str] | None = None) -> None:
        env = os.environ if environ is None else environ
        self._mode = "lazy"
        self.mode = env.get("FLAMBEAU_MODE", "lazy")
        self.log = frozenset(t for t in env.get("FLAMBEAU_LOG", "").split(",") if t)
        self.cache_dir = _cache_dir(env)
        self.keep_memory = env.get("FLAMBEAU_KEEP_MEMORY", "1") != "0"
        self.max_pending = int(env.get("FLAMBEAU_MAX_PENDING", "4000"))
        self.max_programs = int(env.get("FLAMBEAU_MAX_PROGRAMS", "2048"))
        self.traceback = env.get("FLAMBEAU_TRACEBACK", "short")
        if self.traceback not in ("short", "full"):
            raise ValueError(f"FLAMBEAU_TRACEBACK is {self.traceback!r} but must be short or full")
        given = env.get("FLAMBEAU_SILENCE", "").split(",")
        self.silenced = frozenset(code.strip() for code in given if code.strip())

    @property
    def mode(self) -> str:
        return self._mode

    @mode.setter
    def mode(self, value: str) -> None:
        if value not in MODES:
            raise ValueError(f"config.mode is {value!r} but must be one of {', '.join(MODES)}")
        self._mode = value

    def __repr__(self) -> str:
        return (
            f"Config(mode={self.mode!r}, log={sorted(self.log)!r}, "
            f"cache_dir={str(self.cache_dir)!r}, keep_memory={self.keep_memory}, "
            f"max_pending={self.max_pending}, "
            f"max_programs={self.max_programs})"
        )


def _cache_dir(env: os._Environ[str] | dict[str, str]) -> Path | None:
    """The folder of the program cache: the variable, or the user's cache folder."""
    given = env.get("FLAMBEAU_CACHE_DIR")
    if given is not None:
        return Path(given) if given else None
    base = env.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
    return Path(base) / "flambeau" / "programs"


config = Config()
