"""`nn.utils` against torch: the same program on both libraries."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest

import flambeau
from tests.oracle import assert_close, torch

BOTH = (flambeau, torch)


def _utils(library: Any, name: str) -> Any:
    return importlib.import_module(f"{library.__name__}.nn.utils.{name}")


def _linear(library: Any, n_in: int = 4, n_out: int = 3) -> Any:
    layer = library.nn.Linear(n_in, n_out)
    rng = np.random.default_rng(0)
    state = {
        "weight": library.from_numpy(rng.standard_normal((n_out, n_in)).astype("float32")),
        "bias": library.from_numpy(rng.standard_normal(n_out).astype("float32")),
    }
    layer.load_state_dict(state)
    return layer


def _input(library: Any, *shape: int) -> Any:
    return library.from_numpy(np.random.default_rng(1).standard_normal(shape).astype("float32"))


def _same(program: Any) -> None:
    assert_close(program(flambeau), program(torch), rtol=1e-5, atol=1e-6)


def _observed(layer: Any, x: Any) -> tuple[Any, ...]:
    out = layer(x)
    (out * out).sum().backward()
    return (out, *(p.grad for p in layer.parameters()))


def test_a_parametrization_computes_the_weight():
    def program(library):
        parametrize = _utils(library, "parametrize")

        class Symmetric(library.nn.Module):
            def forward(self, x):
                return x.triu() + x.triu(1).transpose(-1, -2)

        layer = _linear(library, 3, 3)
        parametrize.register_parametrization(layer, "weight", Symmetric())
        assert parametrize.is_parametrized(layer, "weight")
        assert type(layer).__name__ == "ParametrizedLinear"
        assert list(layer.state_dict()) == ["bias", "parametrizations.weight.original"]
        seen = _observed(layer, _input(library, 2, 3))
        with parametrize.cached():
            assert layer.weight is layer.weight
        parametrize.remove_parametrizations(layer, "weight")
        assert type(layer) is library.nn.Linear
        assert list(layer.state_dict()) == ["bias", "weight"]
        return (*seen, layer.weight)

    _same(program)


def test_a_parametrization_must_keep_the_shape():
    class Cut(flambeau.nn.Module):
        def forward(self, x: Any) -> Any:
            return x[:1]

    parametrize = _utils(flambeau, "parametrize")
    with pytest.raises(ValueError, match="may not change the shape"):
        parametrize.register_parametrization(_linear(flambeau), "weight", Cut())
    with pytest.raises(ValueError, match="does not have a parameter"):
        parametrize.register_parametrization(_linear(flambeau), "kernel", Cut())


@pytest.mark.parametrize("dim", [0, 1, None])
def test_weight_norm_as_a_parametrization(dim):
    def program(library):
        layer = _linear(library)
        _utils(library, "parametrizations").weight_norm(layer, dim=dim)
        first = _observed(layer, _input(library, 2, 4))
        with library.no_grad():
            layer.weight = layer.weight * 2
        return (*first, *layer.state_dict().values())

    _same(program)


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_the_older_weight_norm():
    def program(library):
        utils = library.nn.utils
        layer = utils.weight_norm(_linear(library))
        assert list(layer.state_dict()) == ["bias", "weight_g", "weight_v"]
        seen = _observed(layer, _input(library, 2, 4))
        utils.remove_weight_norm(layer)
        return (*seen, layer.weight)

    _same(program)


def test_spectral_norm_follows_the_largest_singular_value():
    layer = _linear(flambeau)
    _utils(flambeau, "parametrizations").spectral_norm(layer, n_power_iterations=20)
    x = _input(flambeau, 2, 4)
    for _ in range(3):
        layer(x)
    assert np.linalg.norm(layer.weight.detach().numpy(), 2) == pytest.approx(1, abs=1e-4)
    layer.eval()
    before = layer.parametrizations.weight[0]._u.numpy().copy()
    layer(x).sum().backward()
    np.testing.assert_array_equal(before, layer.parametrizations.weight[0]._u.numpy())
    assert layer.parametrizations.weight.original.grad is not None


def test_spectral_norm_from_the_same_vectors():
    def program(library):
        layer = _linear(library)
        _utils(library, "parametrizations").spectral_norm(layer)
        held = layer.parametrizations.weight[0]
        with library.no_grad():
            held._u.copy_(library.ones(3) / 3**0.5)
            held._v.copy_(library.ones(4) / 2)
        return (*_observed(layer, _input(library, 2, 4)), held._u, held._v)

    _same(program)


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_functional_call():
    def program(library):
        net = library.nn.Sequential(_linear(library), library.nn.BatchNorm1d(3))
        own = {n: p.detach().clone() for n, p in net.named_parameters()}
        given = {"0.weight": _input(library, 3, 4).requires_grad_()}
        out = _utils(library, "stateless").functional_call(net, given, _input(library, 5, 4))
        out.pow(3).mean().backward()  # squares of normalized numbers have no slope
        for n, p in net.named_parameters():
            assert (p == own[n]).all()
        return out, given["0.weight"].grad

    _same(program)


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_functional_call_is_strict_when_asked():
    call = _utils(flambeau, "stateless").functional_call
    with pytest.raises(RuntimeError, match=r"Unexpected key\(s\)"):
        call(_linear(flambeau), {"kernel": flambeau.ones(1)}, _input(flambeau, 1, 4), strict=True)


def test_fusing_a_batch_norm_changes_nothing():
    def program(library):
        conv, bn = library.nn.Conv2d(2, 3, 3), library.nn.BatchNorm2d(3)
        rng = np.random.default_rng(0)
        for t in (*conv.parameters(), *bn.parameters(), bn.running_mean):
            drawn = rng.standard_normal(tuple(t.shape)).astype("float32")
            t.data = library.from_numpy(drawn)
        x = _input(library, 1, 2, 5, 5)
        conv.eval()
        bn.eval()
        fused = library.nn.utils.fuse_conv_bn_eval(conv, bn)
        np.testing.assert_allclose(
            fused(x).detach().numpy(), bn(conv(x)).detach().numpy(), rtol=1e-4, atol=1e-5
        )
        return fused.weight, fused.bias

    _same(program)


def test_skip_init_leaves_the_parameters_alone():
    layer = flambeau.nn.utils.skip_init(flambeau.nn.Linear, 3, 2)
    assert tuple(layer.weight.shape) == (2, 3)
    assert layer.weight.device == flambeau.device("cpu")
    with pytest.raises(RuntimeError, match="must support a 'device' arg"):
        flambeau.nn.utils.skip_init(flambeau.nn.ReLU)


def test_the_older_spectral_norm():
    def program(library):
        utils = library.nn.utils
        layer = utils.spectral_norm(_linear(library))
        assert list(layer.state_dict()) == ["bias", "weight_orig", "weight_u", "weight_v"]
        with library.no_grad():
            layer.weight_u.copy_(library.ones(3) / 3**0.5)
        seen = _observed(layer, _input(library, 2, 4))
        utils.remove_spectral_norm(layer)
        return (*seen, layer.weight)

    _same(program)


def test_pruning_twice_and_for_good():
    def program(library):
        prune = _utils(library, "prune")
        layer = _linear(library, 6, 5)
        prune.l1_unstructured(layer, "weight", amount=0.3)
        assert list(layer.state_dict()) == ["bias", "weight_orig", "weight_mask"]
        first = _observed(layer, _input(library, 2, 6))
        prune.ln_structured(layer, "weight", amount=2, n=2, dim=0)
        assert prune.is_pruned(layer)
        masks = layer.weight_mask.clone()
        prune.remove(layer, "weight")
        assert not prune.is_pruned(layer)
        assert list(layer.state_dict()) == ["bias", "weight"]
        return (*first, masks, layer.weight)

    _same(program)


def test_pruning_over_several_layers():
    def program(library):
        prune = _utils(library, "prune")
        layers = [_linear(library, 4, 3), _linear(library, 3, 2)]
        pairs = [(layer, "weight") for layer in layers]
        prune.global_unstructured(pairs, prune.L1Unstructured, amount=7)
        return tuple(layer.weight for layer in layers)

    _same(program)


def test_pruning_at_random():
    prune = flambeau.nn.utils.prune
    layer = prune.random_unstructured(_linear(flambeau), "weight", amount=5)
    assert (layer.weight.detach().numpy() == 0).sum() == 5
    other = prune.random_structured(_linear(flambeau), "weight", amount=1, dim=1)
    assert (other.weight.detach().numpy() == 0).all(0).sum() == 1
    with pytest.raises(ValueError, match=r"amount=1\.5"):
        prune.l1_unstructured(layer, "bias", amount=1.5)
