"""`import torch` inside `flambeau run`: one module, one class, and errors that say whose fault."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from flambeau import _alias
from flambeau.version import TorchVersion
from tests.programs import flambeau


@pytest.fixture
def outcome(tmp_path: Path):
    """The lines that a program prints under `flambeau run`."""

    def run(source: str) -> list[str]:
        script = tmp_path / "script.py"
        script.write_text(textwrap.dedent(source))
        done = flambeau("run", script)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return run


def test_modules_are_the_same_objects_under_both_names(outcome) -> None:
    assert outcome(
        """
        import sys
        import flambeau, flambeau.version
        spec = flambeau.version.__spec__
        import torch
        import torch.version
        import torch.version as version
        from torch import version as again
        from torch.torch_version import TorchVersion
        print(torch is flambeau, version is flambeau.version, again is version)
        print(sys.modules["torch"] is sys.modules["flambeau"])
        print(TorchVersion is flambeau.version.TorchVersion, torch.torch_version is version)
        print(version.__spec__ is spec, version.__name__)
        """
    ) == ["True True True", "True", "True True", "True flambeau.version"]


def test_what_programs_ask_about_the_distribution(outcome) -> None:
    assert outcome(
        """
        import importlib.metadata, importlib.util
        print(importlib.util.find_spec("torch") is not None)
        print(importlib.metadata.version("torch"))
        import torch
        print(torch.__version__ >= "2.4", torch.__version__ < "2.13", hasattr(torch, "nope"))
        """
    ) == ["True", "2.13.0+flambeau", "True False False"]


def test_a_missing_name_is_called_a_gap_or_a_misspelling(outcome) -> None:
    lines = outcome(
        """
        import torch
        def attempt(statement):
            try:
                exec(statement, {"torch": torch})
            except Exception as error:
                print(type(error).__name__, "|", error)
        attempt("torch.func.rearrange")
        attempt("from torch.func import rearrange")
        attempt("import torch.nn.attention.experimental")
        attempt("torch.matmull")
        attempt("from torch import matmull")
        attempt("import torch.not_there.deep")
        """
    )
    gap = "is in PyTorch 2.13 and not in flambeau yet; this is a gap in flambeau"
    assert lines[0].startswith(f"AttributeError | `torch.func.rearrange` {gap}")
    assert lines[1].startswith(f"ImportError | `torch.func.rearrange` {gap}")
    assert lines[2].startswith("ModuleNotFoundError | `torch.nn.attention")
    assert gap in lines[2]
    typo = "`torch.matmull` is neither in PyTorch 2.13 nor in flambeau; did you mean `matmul`?"
    assert lines[3:5] == [f"AttributeError | {typo}", f"ImportError | {typo}"]
    assert lines[5].startswith("ModuleNotFoundError | `torch.not_there` is neither")


def test_children_find_flambeau_too(outcome) -> None:
    assert outcome(
        """
        import multiprocessing, subprocess, sys

        def child(queue):
            import torch
            queue.put(torch.__name__)

        if __name__ == "__main__":
            command = [sys.executable, "-c", "import torch.version as v, torch; print(v.__name__)"]
            print(subprocess.run(command, capture_output=True, text=True).stdout.strip())
            context = multiprocessing.get_context("spawn")
            queue = context.Queue()
            process = context.Process(target=child, args=(queue,))
            process.start()
            print(queue.get(timeout=60))
            process.join()
        """
    ) == ["flambeau.version", "flambeau"]


def test_the_table_of_paths_leads_to_modules() -> None:
    """Every row whose package exists leads somewhere, and no row says what holds anyway."""
    for theirs, ours in _alias.paths().items():
        assert theirs != ours, f"{theirs!r} needs no row"
        package = ours.partition(".")[0]
        if _alias.exists(f"flambeau.{package}" if package else "flambeau"):
            assert _alias.exists(f"flambeau.{ours}" if ours else "flambeau"), (theirs, ours)


def test_deep_imports_of_programs(outcome) -> None:
    assert outcome(
        """
        import torch, torch.nn as nn
        from torch.nn.modules.module import Module
        from torch.nn.modules.utils import _pair
        from torch.nn.parameter import Parameter
        from torch.nn.modules.loss import CrossEntropyLoss
        from torch.optim.optimizer import Optimizer
        from torch.optim.sgd import SGD, Optimizer as Again
        from torch.optim.lr_scheduler import StepLR
        from torch.utils.data.dataset import Dataset
        from torch.utils.data.dataloader import DataLoader, default_collate
        from torch.utils.hooks import RemovableHandle
        from torch.autograd.function import Function
        from torch.autograd import Variable
        from torch.serialization import load
        from torch._tensor import Tensor
        from torch.types import Device
        print(Module is nn.Module, Parameter is nn.Parameter, Again is torch.optim.Optimizer)
        print(Function is torch.autograd.Function, load is torch.load, Tensor is torch.Tensor)
        print(DataLoader is torch.utils.data.DataLoader, _pair(3), StepLR.__name__)
        import flambeau._tensor
        print(flambeau._tensor.__name__, nn.modules.linear.Linear is nn.Linear)
        """
    ) == [
        "True True True",
        "True True True",
        "True (3, 3) StepLR",
        "flambeau._tensor True",
    ]


@pytest.mark.parametrize("other", ["2.13", "2.13.0", "2.13.0+cpu", "2.9", "2.14", "3", "2.13.0rc1"])
def test_versions_compare_as_versions(other: str) -> None:
    from packaging.version import Version

    ours, same = TorchVersion("2.13.0+flambeau"), Version("2.13.0+flambeau")
    assert (ours < other) == (same < Version(other))
    assert (ours >= other) == (same >= Version(other))
    assert (ours == other) == (same == Version(other))
