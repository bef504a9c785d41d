"""A user's program, run as `python script.py` or `python -m module` would run it."""

from __future__ import annotations

import importlib.util
import io
import os
import pkgutil
import sys
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, ModuleType, TracebackType
from typing import ClassVar

from flambeau import _alias

PACKAGE = str(Path(__file__).parent.parent) + os.sep
INTERRUPTED = 130


class Program:
    """A script or a module, with its arguments.

    Args:
        target: path of a script, of a folder or zip file with a `__main__.py`, or the name of
            a module.
        arguments: what the program finds in `sys.argv[1:]`.
        is_module: `target` is the name of a module.
    """

    # What the command line decided to run; `flambeau.cli.main` runs it.
    chosen: ClassVar[Program | None] = None

    def __init__(self, target: str, arguments: Sequence[str], *, is_module: bool = False) -> None:
        self.target = target
        self.arguments = list(arguments)
        self.is_module = is_module

    def execute(self) -> int | str | None:
        """Run the program under the name `__main__`; what it exits with."""
        _alias.install()
        main = ModuleType("__main__")
        main.__dict__["__builtins__"] = __builtins__
        try:
            code = self._module_code(main) if self.is_module else self._script_code(main)
        except (OSError, ImportError, SyntaxError) as error:
            if isinstance(error, SyntaxError) and error.filename:
                sys.excepthook(type(error), error.with_traceback(None), None)
                return 1
            print(f"flambeau run: {describe(error)}", file=sys.stderr)
            return 2
        sys.modules["__main__"] = main
        sys.argv[:] = [self.target, *self.arguments]
        try:
            exec(code, main.__dict__)
        except SystemExit as stop:
            return stop.code
        except BaseException as error:
            report(error)
            return INTERRUPTED if isinstance(error, KeyboardInterrupt) else 1
        return 0

    def _script_code(self, main: ModuleType) -> CodeType:
        path = Path(self.target)
        importer = pkgutil.get_importer(self.target) if path.is_dir() or is_zip(path) else None
        if importer is not None:
            set_first_path(self.target)
            spec = importer.find_spec("__main__")
            if spec is None:
                raise ImportError(f"there is no __main__.py in {self.target}")
            return self._code_of(spec, main)
        set_first_path(str(path.resolve().parent))
        with io.open_code(str(path.absolute())) as file:
            source = file.read()
        main.__dict__.update(__file__=self.target, __cached__=None)
        return compile(source, self.target, "exec", dont_inherit=True)

    def _module_code(self, main: ModuleType) -> CodeType:
        set_first_path(str(Path.cwd()))
        spec = importlib.util.find_spec(self.target)
        if spec is not None and spec.submodule_search_locations is not None:
            spec = importlib.util.find_spec(f"{self.target}.__main__")
        if spec is None:
            raise ImportError(f"there is no module to run named {self.target}")
        self.target = spec.origin or self.target
        return self._code_of(spec, main)

    def _code_of(self, spec: importlib.machinery.ModuleSpec, main: ModuleType) -> CodeType:
        loader = spec.loader
        get_code = getattr(loader, "get_code", None)
        code = get_code(spec.name) if get_code is not None else None
        if code is None:
            raise ImportError(f"{spec.name} has no Python code")
        main.__dict__.update(
            __file__=spec.origin,
            __cached__=spec.cached,
            __loader__=loader,
            __package__=spec.parent,
            __spec__=spec,
        )
        return code


def set_first_path(path: str) -> None:
    """Put `path` where Python puts the folder of a script: in place of the command's own."""
    command = Path(sys.argv[0]).resolve()
    own = {"", str(command.parent)}
    if command.name == "__main__.py":
        own.add(str(Path.cwd()))
    if not sys.flags.safe_path and sys.path and sys.path[0] in own:
        sys.path[0] = path
    else:
        sys.path.insert(0, path)


def is_zip(path: Path) -> bool:
    import zipfile

    return path.is_file() and path.suffix != ".py" and zipfile.is_zipfile(path)


def describe(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"can't open {error.filename!r}: {error.strerror}"
    return str(error)


def report(error: BaseException) -> None:
    """Print an uncaught exception as the interpreter would, without the frames that ran it.

    An error that flambeau raised on purpose shows the user's frames only, as if flambeau were
    one call deep; ``FLAMBEAU_TRACEBACK=full`` shows all. Any other error keeps its frames,
    since it may be ours to mend.
    """
    frames = frames_of(error.__traceback__)
    full = os.environ.get("FLAMBEAU_TRACEBACK") == "full"
    while frames and is_ours(frames[0]):
        frames.pop(0)
    while frames and frames[-1].tb_frame.f_code.co_filename == _alias.__file__:
        frames.pop()
    if not full and type(error).__module__ == "flambeau.errors":
        frames = [frame for frame in frames if not is_ours(frame)]
    explain_tensor_gap(error)
    traceback = None
    for frame in reversed(frames):
        traceback = TracebackType(traceback, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    error.__traceback__ = traceback
    sys.excepthook(type(error), error, traceback)


def frames_of(traceback: TracebackType | None) -> list[TracebackType]:
    frames = []
    while traceback is not None:
        frames.append(traceback)
        traceback = traceback.tb_next
    return frames


def is_ours(traceback: TracebackType) -> bool:
    return traceback.tb_frame.f_code.co_filename.startswith(PACKAGE)


def explain_tensor_gap(error: BaseException) -> None:
    """Say so when a method is missing on a tensor because flambeau lacks it."""
    if not isinstance(error, AttributeError) or error.name is None:
        return
    if any(kind.__name__ == "Tensor" for kind in type(error.obj).__mro__) and (
        error.name in _alias.torch_names()["torch.Tensor"]
    ):
        error.add_note(_alias.missing(f"torch.Tensor.{error.name}"))
