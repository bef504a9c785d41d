"""`nn.attention`: backends, causal biases, scores by a function."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

import flambeau
from flambeau.nn.attention import SDPBackend, bias, flex_attention, sdpa_kernel
from tests.oracle import assert_close, torch

flex = flex_attention
RNG = np.random.default_rng(0)
Q = RNG.standard_normal((2, 4, 5, 6))
K = RNG.standard_normal((2, 4, 7, 6))
V = RNG.standard_normal((2, 4, 7, 3))


def both(*arrays, dtype="float64"):
    mine = [flambeau.from_numpy(a.astype(dtype)).requires_grad_() for a in arrays]
    theirs = [torch.from_numpy(a.astype(dtype)).requires_grad_() for a in arrays]
    return mine, theirs


@pytest.fixture(scope="module")
def their_flex():
    return importlib.import_module("torch.nn.attention.flex_attention")


def test_a_backend_may_be_chosen():
    (q, k, v), _ = both(Q, K, V)
    expected = flambeau.nn.functional.scaled_dot_product_attention(q, k, v)
    for chosen in (SDPBackend.MATH, [SDPBackend.FLASH_ATTENTION, SDPBackend.MATH]):
        with sdpa_kernel(chosen):
            again = flambeau.nn.functional.scaled_dot_product_attention(q, k, v)
        assert flambeau.equal(again, expected)
    with pytest.raises(AssertionError, match="Backend must be"), sdpa_kernel("math"):
        pass
    theirs = importlib.import_module("torch.nn.attention").SDPBackend
    assert {n: m.value for n, m in SDPBackend.__members__.items()} == {
        n: int(m) for n, m in theirs.__members__.items()
    }


@pytest.mark.filterwarnings("ignore:Lower right causal bias")
@pytest.mark.parametrize("name", ["causal_upper_left", "causal_lower_right"])
@pytest.mark.parametrize("size", [(5, 7), (7, 5), (4, 4)])
def test_causal_biases(name, size):
    theirs = getattr(importlib.import_module("torch.nn.attention.bias"), name)(*size)
    mine = getattr(bias, name)(*size)
    assert isinstance(mine, flambeau.Tensor)
    assert (mine.variant, mine.seq_len_q, mine.seq_len_kv) == (
        theirs.variant,
        theirs.seq_len_q,
        theirs.seq_len_kv,
    )
    mask = theirs._materialize("cpu")
    assert_close(mine, mask)
    assert repr(mine) == repr(theirs)
    if size == (5, 7):
        (q, k, v), (tq, tk, tv) = both(Q, K, V)
        attend = flambeau.nn.functional.scaled_dot_product_attention
        expected = torch.nn.functional.scaled_dot_product_attention(tq, tk, tv, attn_mask=mask)
        assert_close(attend(q, k, v, attn_mask=mine), expected)
        with pytest.raises(ValueError, match="causal=True"):
            attend(q, k, v, attn_mask=mine, is_causal=True)


def _slopes(lib):
    slopes = lib.tensor([0.5, 0.25, 0.125, 0.0625], dtype=lib.float64)
    return lambda score, b, h, q, k: score - slopes[h] * (q - k).abs()


SCORES = {
    "none": lambda lib: None,
    "relative": lambda lib: lambda score, b, h, q, k: score + 0.1 * (q - k),
    "slopes": _slopes,
    "soft cap": lambda lib: lambda score, b, h, q, k: 2 * lib.tanh(score / 2),
    "causal": lambda lib: lambda score, b, h, q, k: lib.where(q >= k, score, -float("inf")),
}


def _by_hand(q, k, v, score_mod):
    """PyTorch has no backward of it on CPU: the formula, on all scores at once."""
    at = [torch.arange(n) for n in (2, 4, 5, 7)]
    at = [t.reshape([-1 if i == j else 1 for j in range(4)]) for i, t in enumerate(at)]
    scores = q @ k.mT / np.sqrt(6)
    scores = scores if score_mod is None else score_mod(scores, *at)
    return scores.softmax(-1) @ v, scores.logsumexp(-1)


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.filterwarnings("ignore")
def test_scores_by_a_function(name, their_flex):
    mine, theirs = both(Q, K, V)
    out, lse = flex.flex_attention(*mine, SCORES[name](flambeau), return_lse=True)
    plain = [t.detach() for t in theirs]
    assert_close(out, their_flex.flex_attention(*plain, SCORES[name](torch)))
    expected, their_lse = _by_hand(*theirs, SCORES[name](torch))
    assert_close([out, lse], [expected, their_lse])
    factor = np.cos(np.arange(expected.numel())).reshape(tuple(expected.shape))
    (out * flambeau.from_numpy(factor)).sum().backward()
    (expected * torch.from_numpy(factor)).sum().backward()
    assert_close([t.grad for t in mine], [t.grad for t in theirs])


@pytest.mark.filterwarnings("ignore")
def test_masks_by_a_function(their_flex):
    def causal(b, h, q, k):
        return q >= k

    def near(b, h, q, k):
        return q - k <= 2

    def never_first(b, h, q, k):
        return q > 0

    for f, lib in ((flex, flambeau), (their_flex, torch)):
        where = f.and_masks(causal, near, never_first)
        mask = f.create_mask(f.or_masks(where, lambda b, h, q, k: k == 6), None, None, 5, 7, "cpu")
        if lib is flambeau:
            mine = mask
    assert_close(mine, mask)
    (q, k, v), theirs = both(Q, K, V)
    where = flex.and_masks(causal, never_first)
    found = flex.flex_attention(q, k, v, block_mask=flex.create_block_mask(where, 2, None, 5, 7))
    where = their_flex.and_masks(causal, never_first)
    blocks = their_flex.create_block_mask(where, 2, None, 5, 7, "cpu")
    plain = [t.detach() for t in theirs]
    expected = their_flex.flex_attention(*plain, block_mask=blocks)
    assert_close(found, expected)
    assert not found[:, :, 0].any()  # the first query may look nowhere


@pytest.mark.filterwarnings("ignore")
def test_which_blocks_hold_anything(their_flex):
    def causal(b, h, q, k):
        return q >= k

    mine = flex.create_block_mask(causal, 1, 1, 6, 6, BLOCK_SIZE=2)
    theirs = their_flex.create_block_mask(causal, 1, 1, 256, 256, "cpu", BLOCK_SIZE=128)
    assert mine.to_dense().tolist() == [[[[1, 0, 0], [1, 1, 0], [1, 1, 1]]]]
    again = flex.create_block_mask(causal, 1, 1, 256, 256, BLOCK_SIZE=128)
    assert_close(again.to_dense(), theirs.to_dense())
    assert again.sparsity() == theirs.sparsity()
    assert (again.shape, again.numel()) == (theirs.shape, theirs.numel())


@pytest.mark.filterwarnings("ignore")
def test_shared_heads_and_other_outputs(their_flex):
    mine, theirs = both(Q, K[:, :2], V[:, :2])
    request = {"lse": True, "max_scores": True}
    out, aux = flex.flex_attention(*mine, enable_gqa=True, return_aux=flex.AuxRequest(**request))
    q, k, v = (t.detach() for t in theirs)
    assert_close(out, their_flex.flex_attention(q, k, v, enable_gqa=True))
    scores = q @ k.repeat_interleave(2, 1).mT / np.sqrt(6)
    assert_close([aux.lse, aux.max_scores], [scores.logsumexp(-1), scores.amax(-1)])
    with pytest.raises(ValueError, match="enable_gqa"):
        flex.flex_attention(*mine)
