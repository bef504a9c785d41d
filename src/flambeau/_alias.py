"""Makes `import torch` mean flambeau: what `flambeau run` installs before it runs a program.

A finder on `sys.meta_path` answers for `torch` and everything below it. It hands out the *same*
module objects as `flambeau...`, so no module is loaded twice and every class has one identity,
whichever name a program imports it by. PyTorch's deep paths that live elsewhere in flambeau are
in :data:`PATHS`. A name that flambeau lacks raises the error Python raises, with a text that
tells a gap in flambeau from a misspelling.

Child processes find `torch` through a folder that :func:`install` puts in front of
``PYTHONPATH``: it holds a package `torch` whose import installs this same alias. So
`subprocess.run([sys.executable, ...])`, `multiprocessing` and launchers work unchanged.
"""

from __future__ import annotations

import difflib
import functools
import importlib
import importlib.metadata
import importlib.util
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from flambeau._scope import importing, message
from flambeau._version import API_LEVEL
from flambeau.errors import OutOfScopeImportError, OutOfScopeNameError

TORCH = "torch"
OURS = "flambeau"
SHIM = Path(__file__).parent / "_shim"
NAMES = Path(__file__).parent / "_torch_names.txt"

# PyTorch's path -> ours, both without the first component. Paths that are equal need no row; a
# row covers everything below it. Private modules of ours are reached through rows only.
PATHS: dict[str, str] = {
    "_tensor": "_tensor.tensor",
    "_tensor_str": "_tensor.printing",
    "functional": "",
    "torch_version": "version",
    "autograd.grad_mode": "autograd",
    "cuda.random": "cuda",
    "cuda.memory": "cuda",
    "cuda.streams": "cuda",
    "xpu.streams": "xpu",
    "xpu.memory": "xpu",
    "testing._comparison": "testing",
    "testing._creation": "testing",
    "masked.maskedtensor": "masked",
    "masked.maskedtensor.core": "masked",
    "jit._script": "jit",
    "jit._trace": "jit",
    "profiler.profiler": "profiler",
    "utils.benchmark.utils": "utils.benchmark",
    "multiprocessing.spawn": "multiprocessing",
    "utils.data._utils": "utils.data",
    "utils.data.distributed": "utils.data",
    "utils.hooks": "_tensor.hooks",
}


def install() -> None:
    """Make `torch` an alias of flambeau in this process and in its children.

    Raises:
        RuntimeError: the real `torch` has been imported already.
    """
    loaded = sys.modules.get(TORCH)
    if loaded is not None and not is_shim(loaded) and loaded is not sys.modules.get(OURS):
        raise RuntimeError(
            f"flambeau cannot take the name `torch`: {getattr(loaded, '__file__', loaded)} is "
            "imported already; start the program with `flambeau run` instead"
        )
    if not any(isinstance(finder, AliasFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, AliasFinder())
    # A spawned process of multiprocessing takes its parent's `sys.path` and no PYTHONPATH.
    if str(SHIM) not in sys.path:
        sys.path.insert(1, str(SHIM))
    path = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if str(SHIM) not in path:
        os.environ["PYTHONPATH"] = os.pathsep.join([str(SHIM), *filter(None, path)])


def is_shim(module: ModuleType) -> bool:
    """Whether `module` is the package `torch` of the shim folder, while it is imported."""
    file = getattr(module, "__file__", None)
    return file is not None and SHIM in Path(file).parents


class AliasFinder(MetaPathFinder):
    """Finds `torch` and `torch.*` among flambeau's modules."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        if fullname != TORCH and not fullname.startswith(TORCH + "."):
            return None
        name = resolve(fullname)
        if name is None:
            raise ModuleNotFoundError(missing(fullname), name=fullname)
        module = importlib.import_module(name)
        return importlib.util.spec_from_loader(
            fullname,
            AliasLoader(module),
            origin=getattr(module, "__file__", None),
            is_package=hasattr(module, "__path__"),
        )

    def find_distributions(
        self, context: importlib.metadata.DistributionFinder.Context | None = None
    ) -> Iterable[importlib.metadata.Distribution]:
        """The version that programs read by `importlib.metadata.version("torch")`."""
        if context is None or context.name is None or context.name.lower() == TORCH:
            yield AliasDistribution()


class AliasDistribution(importlib.metadata.Distribution):
    """The metadata of a distribution named `torch`."""

    def read_text(self, filename: str) -> str | None:
        if filename != "METADATA":
            return None
        return f"Metadata-Version: 2.1\nName: {TORCH}\nVersion: {API_LEVEL}+flambeau\n"

    def locate_file(self, path: Any) -> Any:
        return Path(__file__).parent / path


class AliasLoader(Loader):
    """Hands out a module that is loaded already, untouched."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module
        self.kept = {
            name: module.__dict__[name]
            for name in ("__loader__", "__package__", "__path__", "__spec__")
            if name in module.__dict__
        }

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self.module

    def exec_module(self, module: ModuleType) -> None:
        # The import system has just stamped the alias's spec on the module.
        module.__dict__.update(self.kept)
        if module.__name__ == OURS:
            prepare(module)
        explain_missing(module)


def prepare(flambeau: ModuleType) -> None:
    """What turns the facade into `torch`: its version, and the names that clash with ours."""
    flambeau.__dict__["__version__"] = importlib.import_module("flambeau.version").__version__
    for name, module in list(sys.modules.items()):
        if name.startswith(OURS + ".") and is_public(name):
            explain_missing(module)
    # Importing `torch._tensor` would set `flambeau._tensor` to what it stands for. Where the
    # module is registered beforehand, the import system leaves the parent alone.
    for theirs, ours in PATHS.items():
        if theirs.startswith("_") and "." not in theirs and f"{OURS}.{ours}" in sys.modules:
            sys.modules[f"{TORCH}.{theirs}"] = sys.modules[f"{OURS}.{ours}"]


def is_public(name: str) -> bool:
    return not any(part.startswith("_") for part in name.split("."))


@functools.cache
def paths() -> Mapping[str, str]:
    """:data:`PATHS` and the rows that a package keeps beside its modules."""
    table = dict(PATHS)
    for package in ("nn", "optim"):
        name = f"{OURS}.{package}._paths"
        if exists(name):
            table.update(importlib.import_module(name).PATHS)
    return table


def exists(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def resolve(fullname: str) -> str | None:
    """The module of flambeau that `torch...` stands for, or None.

    The same path goes first, then the row of the table for the longest part of the path.
    """
    path = fullname.removeprefix(TORCH).removeprefix(".")
    if not path:
        return OURS
    candidates = [path] if is_public(path) else []
    head, tail = path, ""
    while head:
        if head in paths():
            candidates.append(".".join(filter(None, [paths()[head], tail])))
            break
        head, _, last = head.rpartition(".")
        tail = f"{last}.{tail}" if tail else last
    for candidate in candidates:
        name = f"{OURS}.{candidate}" if candidate else OURS
        if exists(name):
            return name
    return None


def explain_missing(module: ModuleType) -> None:
    """Give `module` a `__getattr__` that finds deep modules and explains what is missing."""
    previous: Callable[[str], Any] | None = module.__dict__.get("__getattr__")
    if getattr(previous, "explains", False):
        return
    alias = TORCH + module.__name__.removeprefix(OURS)

    def explain(name: str) -> Any:
        if previous is not None:
            try:
                return previous(name)
            except OutOfScopeNameError as error:
                if importing():
                    raise OutOfScopeImportError(str(error), name=f"{alias}.{name}") from None
                raise
            except AttributeError:
                pass
        fullname = f"{alias}.{name}"
        if name.startswith("__"):
            raise AttributeError(
                f"module {alias!r} has no attribute {name!r}", name=name, obj=module
            )
        if resolve(fullname) is not None:
            return importlib.import_module(fullname)
        found = inherited(alias, name)
        if found is not None:
            return found
        if importing():
            raise ImportError(missing(fullname), name=fullname)
        raise AttributeError(missing(fullname), name=name, obj=module)

    explain.explains = True
    module.__dict__["__getattr__"] = explain


def inherited(alias: str, name: str) -> Any:
    """What PyTorch's module shows of another, as `torch.optim.sgd` shows `Optimizer`.

    It is taken from the nearest package above that has it, if PyTorch lists the name here.
    """
    if name not in torch_names().get(alias, ()):
        return None
    owner = alias.rpartition(".")[0]
    while owner:
        ours = resolve(owner)
        above = sys.modules.get(ours) if ours is not None else None
        found = above.__dict__.get(name) if above is not None else None
        if found is not None and not isinstance(found, ModuleType):
            return found
        owner = owner.rpartition(".")[0]
    return None


@functools.cache
def torch_names() -> Mapping[str, frozenset[str]]:
    """The public names of PyTorch: module (or `torch.Tensor`) -> names."""
    table = {}
    for line in NAMES.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            owner, _, names = line.partition(": ")
            table[owner] = frozenset(names.split())
    return table


def missing(fullname: str) -> str:
    """Why `torch.x.y` is not there: a gap in flambeau, or a name that PyTorch lacks as well.

    Example:
        >>> from flambeau._alias import missing
        >>> print(missing("torch.nn.Linaer"))
        `torch.nn.Linaer` is neither in PyTorch 2.13 nor in flambeau; did you mean `Linear`?
    """
    outside = message(fullname)
    if outside is not None:
        return outside
    owner, _, name = fullname.rpartition(".")
    table = torch_names()
    if fullname in table or name in table.get(owner, ()):
        return (
            f"`{fullname}` is in PyTorch {_level()} and not in flambeau yet; "
            "this is a gap in flambeau, not a mistake in your program"
        )
    if owner not in table or name.startswith("_"):
        return (
            f"`{fullname}` is not in flambeau; if your program runs with PyTorch, "
            "this is a gap in flambeau, not a mistake in your program"
        )
    close = difflib.get_close_matches(name, table[owner], n=1)
    hint = f"; did you mean `{close[0]}`?" if close else ""
    return f"`{fullname}` is neither in PyTorch {_level()} nor in flambeau{hint}"


def _level() -> str:
    return API_LEVEL.rpartition(".")[0]
