"""Switching history on and off."""

from __future__ import annotations

import pytest

import flambeau
from tests.oracle import torch

BOTH = pytest.mark.parametrize("lib", [flambeau, torch], ids=["flambeau", "torch"])


@BOTH
def test_as_context_managers(lib):
    x = lib.ones(1, requires_grad=True)
    with lib.no_grad():
        assert not (x * 2).requires_grad
        with lib.enable_grad():
            assert (x * 2).requires_grad
        assert not lib.is_grad_enabled()
    with lib.inference_mode():
        assert not (x * 2).requires_grad
        assert lib.is_inference_mode_enabled()
    with lib.set_grad_enabled(False):
        assert not (x * 2).requires_grad
    assert (x * 2).requires_grad


@BOTH
def test_set_grad_enabled_as_a_function(lib):
    lib.set_grad_enabled(False)
    try:
        assert not lib.is_grad_enabled()
    finally:
        lib.set_grad_enabled(True)
    assert lib.is_grad_enabled()


@BOTH
def test_as_decorators(lib):
    @lib.no_grad()
    def f():
        return lib.is_grad_enabled()

    @lib.no_grad
    def g():
        return lib.is_grad_enabled()

    @lib.inference_mode()
    def h():
        return lib.is_grad_enabled()

    assert not f()
    assert not g()
    assert not h()
    assert lib.is_grad_enabled()


@BOTH
def test_generators_keep_their_mode_to_themselves(lib):
    @lib.no_grad()
    def numbers():
        for i in range(3):
            assert not lib.is_grad_enabled()
            yield i

    for _ in numbers():
        assert lib.is_grad_enabled()


@BOTH
def test_an_exception_restores_the_mode(lib):
    with pytest.raises(KeyError), lib.no_grad():
        raise KeyError
    assert lib.is_grad_enabled()
