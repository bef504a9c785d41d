"""Autocast on CPU: every listed operation gives torch's dtype and values."""

from __future__ import annotations

import threading
import warnings

import numpy as np
import pytest

import flambeau
from flambeau import amp
from flambeau._tensor import dispatch
from tests.oracle import to_numpy, torch

A = np.linspace(-1, 1, 12).astype("float32").reshape(3, 4)
B = np.linspace(0.1, 0.9, 12).astype("float32").reshape(4, 3)
SQUARE = (A @ B + 3 * np.eye(3)).astype("float32")
IMAGE = np.linspace(-1, 1, 2 * 3 * 5 * 5).astype("float32").reshape(2, 3, 5, 5)
KERNEL = np.linspace(-1, 1, 4 * 3 * 3 * 3).astype("float32").reshape(4, 3, 3, 3)

OPERATIONS = {
    "mm": lambda lib, t: lib.mm(t(A), t(B)),
    "matmul": lambda lib, t: t(A) @ t(B),
    "matmul of a vector": lambda lib, t: t(A) @ t(B)[:, 0],
    "bmm": lambda lib, t: lib.bmm(t(A)[None], t(B)[None]),
    "baddbmm": lambda lib, t: lib.baddbmm(t(SQUARE)[None], t(A)[None], t(B)[None]),
    "addmm": lambda lib, t: lib.addmm(t(SQUARE), t(A), t(B)),
    "addbmm": lambda lib, t: lib.addbmm(t(SQUARE), t(A)[None], t(B)[None]),
    "einsum": lambda lib, t: lib.einsum("ij,jk->ik", t(A), t(B)),
    "linear": lambda lib, t: lib.nn.functional.linear(t(A), t(B).T, t(B)[0]),
    "conv2d": lambda lib, t: lib.nn.functional.conv2d(t(IMAGE), t(KERNEL)),
    "conv_transpose2d": lambda lib, t: lib.nn.functional.conv_transpose2d(
        t(IMAGE), t(KERNEL).transpose(0, 1)
    ),
    "prelu": lambda lib, t: lib.nn.functional.prelu(t(A), t(B)[:1, 0]),
    "attention": lambda lib, t: lib.nn.functional.scaled_dot_product_attention(
        t(A)[None], t(A)[None], t(A)[None]
    ),
    "add": lambda lib, t: t(A) + t(A),
    "relu": lambda lib, t: t(A).relu(),
    "relu of a product": lambda lib, t: (t(A) @ t(B)).relu(),
    "sum of a product": lambda lib, t: (t(A) @ t(B)).sum(),
    "softmax of a product": lambda lib, t: (t(A) @ t(B)).softmax(-1),
    "layer_norm of a product": lambda lib, t: lib.nn.functional.layer_norm(t(A) @ t(B), (3,)),
    "mse_loss": lambda lib, t: lib.nn.functional.mse_loss(t(A) @ t(B), t(SQUARE)),
    "l1_loss": lambda lib, t: lib.nn.functional.l1_loss(t(A) @ t(B), t(SQUARE)),
    "smooth_l1_loss": lambda lib, t: lib.nn.functional.smooth_l1_loss(t(A) @ t(B), t(SQUARE)),
    "nll_loss": lambda lib, t: lib.nn.functional.nll_loss(
        (t(A) @ t(B)).log_softmax(-1), lib.tensor([0, 1, 2])
    ),
    "cross_entropy": lambda lib, t: lib.nn.functional.cross_entropy(
        t(A) @ t(B), lib.tensor([0, 1, 2])
    ),
    "bce": lambda lib, t: lib.nn.functional.binary_cross_entropy((t(A) @ t(B)).sigmoid(), t(B)[:3]),
    "bce_with_logits": lambda lib, t: lib.nn.functional.binary_cross_entropy_with_logits(
        t(A) @ t(B), t(B)[:3]
    ),
    "prod": lambda lib, t: (t(A) @ t(B)).prod(),
    "cdist": lambda lib, t: lib.cdist(t(A) @ t(B), t(SQUARE)),
    "trace": lambda lib, t: (t(A) @ t(B)).trace(),
    "inverse": lambda lib, t: lib.inverse(t(SQUARE) @ t(SQUARE)),
    "cat": lambda lib, t: lib.cat([t(A) @ t(B), t(SQUARE)]),
    "stack": lambda lib, t: lib.stack([t(A) @ t(B), t(SQUARE)]),
    "cat of halves": lambda lib, t: lib.cat([t(A) @ t(B), t(A) @ t(B)]),
    "doubles": lambda lib, t: t(A).double() @ t(B).double(),
    "integers": lambda lib, t: t(A).long() @ t(B).long(),
}


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_take_torch_s_precision(name, dtype):
    answers = []
    for lib in (flambeau, torch):
        with lib.autocast("cpu", dtype=getattr(lib, dtype)):
            answers.append(OPERATIONS[name](lib, lambda x, lib=lib: lib.from_numpy(x.copy())))
    ours, theirs = answers
    assert str(ours.dtype) == str(theirs.dtype)
    np.testing.assert_allclose(
        to_numpy(ours.float()), to_numpy(theirs.float()), rtol=0.05, atol=0.03
    )


def test_gradients_have_the_parameter_s_precision():
    for lib in (flambeau, torch):
        w = lib.from_numpy(B.copy()).requires_grad_()
        with lib.autocast("cpu"):
            loss = ((lib.from_numpy(A.copy()) @ w) ** 2).sum()
        loss.backward()
        assert str(w.grad.dtype) == "torch.float32"
        if lib is flambeau:
            ours = to_numpy(w.grad)
    np.testing.assert_allclose(ours, to_numpy(w.grad), rtol=0.05, atol=0.05)


def _net(lib):
    nn = lib.nn
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Conv2d(4, 4, 3, stride=2),
        nn.Flatten(),
        nn.Linear(4, 8),
        nn.LayerNorm(8),
        nn.GELU(),
        nn.Linear(8, 3),
    )
    with lib.no_grad():
        for at, p in enumerate(net.parameters()):
            values = np.random.default_rng(at).standard_normal(tuple(p.shape)) / 3
            p.copy_(lib.from_numpy(values.astype("float32")))
    return net


def test_a_model_trains_as_torch_s_does():
    losses = []
    for lib in (flambeau, torch):
        net = _net(lib)
        optimizer = lib.optim.SGD(net.parameters(), lr=0.05)
        seen = []
        for _ in range(6):
            optimizer.zero_grad()
            with lib.autocast("cpu"):
                out = net(lib.from_numpy(IMAGE.copy()))
                assert str(out.dtype) == "torch.bfloat16"
                loss = lib.nn.functional.cross_entropy(out, lib.tensor([0, 2]))
            assert str(loss.dtype) == "torch.float32"
            loss.backward()
            optimizer.step()
            seen.append(loss.item())
        losses.append(seen)
    np.testing.assert_allclose(losses[0], losses[1], rtol=0.1, atol=0.05)
    assert losses[0][-1] < losses[0][0]


def test_a_compiled_function_is_recorded_anew_under_autocast():
    product = flambeau.compile(lambda a: a @ a)
    a = flambeau.from_numpy(SQUARE)
    assert product(a).dtype is flambeau.float32
    with amp.autocast("cpu"):
        assert product(a).dtype is flambeau.bfloat16
    assert product(a).dtype is flambeau.float32


def test_contexts_nest():
    a = flambeau.from_numpy(SQUARE)
    seen = []
    with amp.autocast("cpu"):
        seen.append((a @ a).dtype)
        with amp.autocast("cpu", dtype=flambeau.float16):
            seen.append((a @ a).dtype)
            with amp.autocast("cpu", enabled=False):
                seen.append((a @ a).dtype)
        seen.append((a @ a).dtype)
    seen.append((a @ a).dtype)
    half, low, full = flambeau.float16, flambeau.bfloat16, flambeau.float32
    assert seen == [low, half, full, low, full]
    assert dispatch.autocast is None


def test_it_decorates_and_leaves_by_an_error():
    @amp.autocast("cpu")
    def product(a):
        return a @ a

    assert product(flambeau.from_numpy(SQUARE)).dtype is flambeau.bfloat16
    with pytest.raises(RuntimeError), amp.autocast("cpu"):
        flambeau.from_numpy(A) @ flambeau.from_numpy(A)
    assert dispatch.autocast is None
    assert not flambeau.is_autocast_enabled("cpu")


def test_another_thread_is_not_concerned():
    found = []
    with amp.autocast("cpu"):
        a = flambeau.from_numpy(SQUARE)
        thread = threading.Thread(target=lambda: found.append((a @ a).dtype))
        thread.start()
        thread.join()
        assert (a @ a).dtype is flambeau.bfloat16
    assert found == [flambeau.float32]


def test_what_it_refuses():
    with pytest.raises(RuntimeError, match="unsupported autocast device_type"):
        amp.autocast("abacus")
    with pytest.raises(ValueError, match="device_type"):
        amp.autocast(flambeau.float16)
    with pytest.warns(UserWarning, match="target dtype is not supported"):
        context = amp.autocast("cpu", dtype=flambeau.float64)
    with context:
        assert not flambeau.is_autocast_enabled("cpu")


def test_a_custom_function_runs_as_it_says():
    class Product(flambeau.autograd.Function):
        @staticmethod
        @amp.custom_fwd(device_type="cpu", cast_inputs=flambeau.float32)
        def forward(ctx, a):
            ctx.save_for_backward(a)
            assert not flambeau.is_autocast_enabled("cpu")
            return a @ a

        @staticmethod
        @amp.custom_bwd(device_type="cpu")
        def backward(ctx, grad):
            (a,) = ctx.saved_tensors
            return grad @ a.T + a.T @ grad

    a = flambeau.from_numpy(SQUARE).requires_grad_()
    with warnings.catch_warnings(), amp.autocast("cpu"):
        out = Product.apply(a)
    assert out.dtype is flambeau.float32
    out.sum().backward()
    assert a.grad.dtype is flambeau.float32
