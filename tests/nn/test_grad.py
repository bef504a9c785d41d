"""Gradients of convolutions as functions, grouped products, and other small helpers."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import flambeau
from tests.oracle import assert_close, torch

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_gradients_of_convolutions(dims):
    x = RNG.standard_normal((2, 4, *[7, 6, 5][:dims]))
    w = RNG.standard_normal((6, 2, *[3, 2, 2][:dims]))
    options = {"stride": 2, "padding": 1, "dilation": 1, "groups": 2}
    conv = getattr(torch.nn.functional, f"conv{dims}d")
    g = RNG.standard_normal(tuple(conv(torch.from_numpy(x), torch.from_numpy(w), **options).shape))
    found = []
    for lib in (flambeau, torch):
        tx, tw, tg = (lib.from_numpy(a) for a in (x, w, g))
        f = lib.nn.grad
        found.append(
            [
                getattr(f, f"conv{dims}d_input")(x.shape, tw, tg, **options),
                getattr(f, f"conv{dims}d_weight")(tx, w.shape, tg, **options),
            ]
        )
    assert_close(*found)


@pytest.mark.parametrize(
    ("a", "b", "ends"),
    [
        ((6, 8), (3, 8, 16), [2, 2, 6]),
        ((3, 6, 8), (8, 16), [8, 8, 16]),
        ((6, 8), (8, 16), [0, 3, 8]),
        ((3, 6, 8), (3, 8, 16), None),
    ],
)
def test_grouped_products(a, b, ends):
    a, b = (RNG.standard_normal(s).astype("float32") for s in (a, b))
    found = []
    for lib in (flambeau, torch):
        x, y = lib.from_numpy(a).requires_grad_(), lib.from_numpy(b).requires_grad_()
        offs = None if ends is None else lib.tensor(ends, dtype=lib.int32)
        out = lib.nn.functional.grouped_mm(x, y, offs=offs)
        found.append([out.detach()])
        if lib is flambeau:
            out.square().sum().backward()
            mine = [x.grad, y.grad]
    assert_close(*found, rtol=1e-5, atol=1e-5)
    # The same gradients by products of the parts.
    x, y = (torch.from_numpy(v).requires_grad_() for v in (a, b))
    starts = [0, *(ends or [])]
    spans = [slice(s, e) for s, e in zip(starts, ends or [], strict=False)]
    if ends is None:
        parts = [x @ y]
    elif x.ndim == y.ndim:
        parts = [x[:, s] @ y[s] for s in spans]
    elif x.ndim == 2:
        parts = [x[s] @ y[i] for i, s in enumerate(spans)]
    else:
        parts = [x[i] @ y[:, s] for i, s in enumerate(spans)]
    sum(p.square().sum() for p in parts).backward()
    assert_close(mine, [x.grad, y.grad], rtol=1e-4, atol=1e-4)


def test_grouped_products_that_do_not_fit():
    f = flambeau.nn.functional.grouped_mm
    x, y = flambeau.ones(6, 8), flambeau.ones(2, 8, 4)
    with pytest.raises(RuntimeError, match="Have to provide offsets"):
        f(x, y)
    with pytest.raises(RuntimeError, match="Offsets have to be int32"):
        f(x, y, offs=flambeau.tensor([3, 6]))
    with pytest.raises(RuntimeError, match="do not fit"):
        f(x, y, offs=flambeau.tensor([3, 4, 6], dtype=flambeau.int32))
    with pytest.raises(RuntimeError, match="Float32, BFloat16 or Float16"):
        f(x.double(), y.double())


def test_container_and_factory_arguments():
    with pytest.warns(FutureWarning, match="Container"):
        made = flambeau.nn.Container(a=flambeau.nn.ReLU())
    assert [n for n, _ in made.named_children()] == ["a"]
    f = flambeau.nn.factory_kwargs
    assert f(None) == {}
    assert f({"factory_kwargs": {"device": "cpu"}, "dtype": 1}) == {"device": "cpu", "dtype": 1}
    for wrong in ({"x": 1}, {"device": 1, "factory_kwargs": {"device": 2}}):
        with pytest.raises(TypeError):
            f(wrong)
        with pytest.raises(TypeError):
            torch.nn.factory_kwargs(wrong)


def test_memory_formats_change_no_value():
    net = flambeau.nn.Sequential(flambeau.nn.Conv2d(2, 3, 3), flambeau.nn.Linear(2, 2))
    before = [p.clone() for p in net.parameters()]
    convert = flambeau.nn.utils.convert_conv2d_weight_memory_format
    assert convert(net, flambeau.channels_last) is net
    assert all(flambeau.equal(a, b) for a, b in zip(before, net.parameters(), strict=True))


def test_the_old_names_of_mixed_precision():
    amp = flambeau.cpu.amp
    x = flambeau.ones(2, 2)
    with pytest.warns(FutureWarning, match=r"torch.amp.autocast\('cpu'"):
        context = amp.autocast()
    with context:
        assert (x @ x).dtype is flambeau.bfloat16
    with pytest.warns(FutureWarning, match="GradScaler"):
        assert amp.GradScaler(init_scale=8.0).get_scale() == 8.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scaler = flambeau.cuda.amp.GradScaler()
        assert scaler.is_enabled() == flambeau.cuda.is_available()
        with flambeau.cuda.amp.autocast(dtype=flambeau.bfloat16):
            assert (x @ x).dtype is flambeau.float32  # it is on the CPU

        class Twice(flambeau.autograd.Function):
            @staticmethod
            @flambeau.cuda.amp.custom_fwd
            def forward(ctx, x):
                return 2 * x

            @staticmethod
            @flambeau.cuda.amp.custom_bwd
            def backward(ctx, g):
                return 2 * g

        y = flambeau.ones(2, requires_grad=True)
        Twice.apply(y).sum().backward()
    assert y.grad.tolist() == [2.0, 2.0]
