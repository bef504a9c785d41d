"""What `torch.cuda` answers on a machine without a GPU; beside torch's CPU build."""

from __future__ import annotations

import pytest

import flambeau
import flambeau.cuda
from tests.oracle import torch

without_gpu = pytest.mark.skipif(flambeau.cuda.is_available(), reason="there is a GPU")


@without_gpu
@pytest.mark.parametrize("lib", [flambeau, torch], ids=["flambeau", "torch"])
def test_without_a_gpu(lib) -> None:
    assert lib.cuda.is_available() is False
    assert lib.cuda.device_count() == 0
    lib.cuda.manual_seed(0)
    lib.cuda.manual_seed_all(0)
    for function in (lib.cuda.current_device, lib.cuda.synchronize, lib.cuda.get_device_name):
        with pytest.raises((RuntimeError, AssertionError)):
            function()
