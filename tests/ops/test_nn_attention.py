"""Attention against torch."""

from __future__ import annotations

import functools

import jax
import numpy as np
import pytest

from flambeau._autograd.derive import vjp_call
from flambeau._engine.call import call_of
from flambeau._ops import nn_attention as rows
from tests.ops.nn_rows import check, fresh_key, normal
from tests.oracle import torch

sdpa = torch.nn.functional.scaled_dot_product_attention
KEY = fresh_key(5)


def _qkv(heads=2, kv_heads=2, length=5):
    return (
        normal(2, heads, length, 4),
        normal(2, kv_heads, 6, 4, seed=1),
        normal(2, kv_heads, 6, 3, seed=2),
    )


@pytest.mark.parametrize("static", [{}, {"is_causal": True}, {"scale": 0.3}])
def test_attention(static):
    check(
        lambda q, k, v: rows.scaled_dot_product_attention(q, k, v, **static),
        lambda q, k, v: sdpa(q, k, v, **static),
        *_qkv(),
        second=True,
    )


def test_attention_with_an_added_mask():
    check(rows.scaled_dot_product_attention, sdpa, *_qkv(), normal(5, 6))


def test_attention_to_nothing_is_zero():
    mask = normal(2, 1, 5, 6) > 0
    mask[0, 0, 2] = False
    check(
        lambda q, k, v: rows.scaled_dot_product_attention(q, k, v, mask),
        lambda q, k, v: sdpa(q, k, v, torch.from_numpy(mask)),
        *_qkv(),
    )


MASKS = {
    "none": None,
    "shared": normal(5, 6, seed=3) > -0.5,
    "of each": normal(3, 1, 5, 6, seed=4) > 0,
    "of each head": normal(2, 5, 6, seed=5) > 0,
}
MASKS["of each"][1, 0, 2] = False


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("parts", [1, 2])
def test_the_backward_by_hand_is_the_derived_one(monkeypatch, parts, mask):
    monkeypatch.setattr(rows, "SPLIT", 1 if parts == 2 else 1 << 30)
    q, k, v = (normal(3, 2, n, 4, seed=n) for n in (5, 6, 6))
    masks = () if MASKS[mask] is None else (MASKS[mask],)
    static = (("is_causal", mask == "none"), ("scale", 0.3))
    call = call_of(rows.scaled_dot_product_attention, static, (1, 1, 1, len(masks)))
    inputs = [jax.numpy.asarray(a) for a in (q, k, v, *masks)]
    outs = call.fn(*inputs)
    assert str(jax.make_jaxpr(functools.partial(call.fn))(*inputs)).count(" exp ") == parts
    cotangent = normal(*outs[0].shape, seed=9)
    run = lambda by_hand: vjp_call(call, len(inputs), (0, 1, 2), (0,), not by_hand).fn(
        *inputs, cotangent
    )
    for a, b in zip(run(True), run(False), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    given = [torch.from_numpy(np.array(a)) for a in inputs]
    for t in given[:3]:
        t.requires_grad_()
    theirs = sdpa(*given, is_causal=mask == "none", scale=0.3)
    theirs.backward(torch.from_numpy(cotangent))
    np.testing.assert_allclose(outs[0], theirs.detach(), rtol=1e-5, atol=1e-6)
    for a, t in zip(run(True), given[:3], strict=True):
        np.testing.assert_allclose(a, t.grad, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("batch", "length", "scores"),
    [
        (3, 101, [101**2, 2 * 101**2]),
        (3, 131, [65 * 65, 66 * 131, 2 * 65 * 65, 2 * 66 * 131]),
        (1, 131, [65 * 65, 66 * 131]),
        (2, 515, [2 * 128 * 128, 2 * 129 * 257, 2 * 129 * 386, 2 * 129 * 515]),
    ],
)
def test_causal_attention_leaves_out_what_comes_later(monkeypatch, batch, length, scores):
    monkeypatch.setattr(rows, "SPLIT", 1)
    inputs = [normal(batch, 1, length, 4, seed=n).astype("float32") for n in range(3)]
    call = call_of(rows.scaled_dot_product_attention, (("is_causal", True),), (1, 1, 1, 0))
    program = jax.make_jaxpr(functools.partial(call.fn))(*inputs)
    sizes = [e.outvars[0].aval.size for e in program.eqns if e.primitive.name == "exp"]
    assert sorted(sizes) == sorted(scores)
    out = call.fn(*inputs)[0]
    cotangent = normal(*out.shape, seed=9).astype("float32")
    grads = vjp_call(call, 3, (0, 1, 2), (0,)).fn(*inputs, cotangent)
    given = [torch.from_numpy(a).requires_grad_() for a in inputs]
    theirs = sdpa(*given, is_causal=True)
    theirs.backward(torch.from_numpy(cotangent))
    np.testing.assert_allclose(out, theirs.detach(), rtol=1e-5, atol=1e-6)
    for a, t in zip(grads, given, strict=True):
        np.testing.assert_allclose(a, t.grad, rtol=1e-4, atol=2e-6)


def test_all_keys_are_read_where_there_are_more_of_them_than_queries(monkeypatch):
    monkeypatch.setattr(rows, "SPLIT", 1)
    inputs = [normal(2, 1, n, 4, seed=n).astype("float32") for n in (130, 140, 140)]
    found = rows.scaled_dot_product_attention(*inputs, is_causal=True)
    theirs = sdpa(*map(torch.from_numpy, inputs), is_causal=True)
    np.testing.assert_allclose(found, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("shape", [(3, 2, 5, 6), (2, 3, 2, 5, 6), (3, 1, 1, 6)])
def test_a_mask_may_have_more_dimensions(monkeypatch, shape):
    """Then there are more outputs than queries, whose gradients are sums."""
    monkeypatch.setattr(rows, "SPLIT", 1)
    mask = normal(*shape) > -1
    mask[..., 0] = True
    lead = [3] if len(shape) > 4 else []
    queries = [normal(*lead, 2, n, 4, seed=n).astype("float32") for n in (5, 6, 6)]
    call = call_of(rows.scaled_dot_product_attention, (), (1, 1, 1, 1))
    outs = call.fn(*queries, mask)
    cotangent = normal(*outs[0].shape, seed=9).astype("float32")
    grads = vjp_call(call, 4, (0, 1, 2), (0,)).fn(*queries, mask, cotangent)
    given = [torch.from_numpy(a).requires_grad_() for a in queries]
    scores = given[0] @ given[1].mT / 2
    weights = scores.masked_fill(~torch.from_numpy(mask), -np.inf).softmax(-1)
    theirs = weights @ given[2]
    theirs.backward(torch.from_numpy(cotangent))
    np.testing.assert_allclose(outs[0], theirs.detach(), rtol=1e-5, atol=1e-6)
    for a, t in zip(grads, given, strict=True):
        np.testing.assert_allclose(a, t.grad, rtol=1e-4, atol=1e-6)


def test_no_width_gives_means():
    q, k, v = (normal(2, 2, *size).astype("float32") for size in ((5, 0), (6, 0), (6, 3)))
    out = rows.scaled_dot_product_attention(q, k, v, scale=1.0)
    np.testing.assert_allclose(out[:, :, 0], v.mean(-2), rtol=1e-5)


def test_grouped_queries_share_keys():
    check(
        lambda q, k, v: rows.scaled_dot_product_attention(q, k, v, enable_gqa=True),
        lambda q, k, v: sdpa(q, k, v, enable_gqa=True),
        *_qkv(heads=4),
    )


def test_attention_of_bfloat16_keeps_the_type():
    q, k, v = (jax.numpy.asarray(a, "bfloat16") for a in _qkv())
    assert rows.scaled_dot_product_attention(q, k, v).dtype == q.dtype


@pytest.mark.usefixtures("x64")
def test_dropout_of_the_weights_keeps_their_mean():
    q, k, v = (a.astype("float32") for a in _qkv())
    exact = rows.scaled_dot_product_attention(q, k, v)
    keys = jax.random.split(jax.random.key(0), 400)
    draws = jax.vmap(
        lambda key: rows.scaled_dot_product_attention_dropout(
            jax.random.key_data(key), q, k, v, None, 0.4
        )
    )(keys)
    error = draws.std(0) / np.sqrt(len(keys))  # of the mean
    assert (abs(draws.mean(0) - exact) < 5 * error).all()
    assert draws.std(0).min() > 0.01
    none = rows.scaled_dot_product_attention_dropout(KEY, q, k, v, None, 0.0)
    np.testing.assert_allclose(none, exact, rtol=1e-5, atol=1e-6)
