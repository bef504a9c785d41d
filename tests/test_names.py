"""No name that PyTorch documents is missing: each is there, or raises saying why it is not."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

import flambeau
from flambeau._alias import inherited, resolve, torch_names
from flambeau._scope import message, reason
from flambeau.errors import OutOfScopeError, OutOfScopeImportError, OutOfScopeNameError

# Namespaces whose documented names are compared elsewhere (tests/nn/test_names.py,
# tests/parity, tests of distributions); the rest of what they hold is PyTorch's own machinery.
ELSEWHERE = (
    "torch.autograd.graph",
    "torch.autograd.forward_ad",
    "torch.distributions",
    "torch.func",
    "torch.nn",
    "torch.optim",
    "torch.utils.checkpoint",
    "torch.utils.hooks",
    "torch.utils.tensorboard",
    "torch.serialization",
)
# What a module of PyTorch imports for itself; the alias has torch.torch_version.
IMPORTED = {
    "torch.masked": {"maskedtensor"},
    "torch": {"torch", "torch_version"},
    "torch.autograd": {"torch"},
    "torch.quasirandom": {"torch"},
}


def home(owner: str) -> Any:
    """Where flambeau keeps the names of a namespace of PyTorch, None if it has no such one."""
    if owner == "torch.Tensor":
        return flambeau.tensor([[1.0]])
    found = resolve(owner)
    return None if found is None else importlib.import_module(found)


def elsewhere(owner: str) -> bool:
    return owner.startswith(ELSEWHERE)


@pytest.mark.parametrize("owner", [o for o in sorted(torch_names()) if not elsewhere(o)])
def test_every_name_is_there_or_says_why_not(owner: str) -> None:
    place = home(owner)
    if place is None:
        assert reason(owner), f"{owner} has no namespace and no reason"
        return
    missing = []
    for name in sorted(torch_names()[owner] - IMPORTED.get(owner, set())):
        try:
            getattr(place, name)
        except OutOfScopeNameError:
            continue
        except RuntimeError:
            continue  # it is there, and not for a tensor like this one
        except AttributeError:
            # What a module of PyTorch shows of another is found there by the alias.
            if reason(f"{owner}.{name}") is None and inherited(owner, name) is None:
                missing.append(name)
    assert not missing


def test_asking_says_why() -> None:
    with pytest.raises(AttributeError, match="quantized tensors are out of scope"):
        _ = flambeau.quantize_per_tensor
    with pytest.raises(OutOfScopeImportError, match="sparse tensors"):
        from flambeau import sparse_coo_tensor  # noqa: F401
    with pytest.raises(ImportError, match="graphs of Python code"):
        from flambeau.fx import symbolic_trace  # noqa: F401
    with pytest.raises(OutOfScopeNameError, match="sparse tensors"):
        flambeau.ones(2).to_sparse()
    assert not hasattr(flambeau, "quantize_per_tensor")
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = flambeau.nonsense
    with pytest.raises(OutOfScopeError, match="TorchScript"):
        flambeau.jit.save(None, "x")


def test_reasons_do_not_hide_what_is_there() -> None:
    hidden = [n for n in flambeau.__all__ if message(f"torch.{n}") and n != "config"]
    assert hidden == []
