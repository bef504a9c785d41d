"""Packed sequences, and recurrent layers on them, next to torch's."""

from __future__ import annotations

import pytest

import flambeau
from tests.nn.both import carry, caught, same
from tests.oracle import torch

nn = flambeau.nn


def fields(packed):
    return [packed.data, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices]


def test_packing():
    def program(torch):
        U = torch.nn.utils.rnn
        x = torch.arange(24.0).reshape(4, 3, 2)
        sorted_ = U.pack_padded_sequence(x, [4, 2, 1])
        free = U.pack_padded_sequence(x, torch.tensor([2, 4, 1]), enforce_sorted=False)
        first = U.pack_padded_sequence(x.transpose(0, 1), [3, 3, 1], batch_first=True)
        saw = [fields(sorted_), fields(free), fields(first), repr(free)]
        for packed in (sorted_, free, first):
            saw += list(U.pad_packed_sequence(packed))
            saw += list(U.pad_packed_sequence(packed, True, -1.0, 5))
        saw += [U.unpack_sequence(free)]
        parts = [torch.ones(2, 2), torch.ones(3, 2) * 2, torch.ones(1, 2) * 3]
        saw += [
            U.pad_sequence(parts),
            U.pad_sequence(parts, True, 9.0),
            U.pad_sequence(parts, padding_side="left"),
            fields(U.pack_sequence(parts, enforce_sorted=False)),
            U.unpad_sequence(U.pad_sequence(parts), torch.tensor([2, 3, 1])),
            U.invert_permutation(torch.tensor([2, 0, 1])),
            U.invert_permutation(None),
            fields(free.double()),
            free.to("cpu") is free,
            free.is_cuda,
        ]
        return saw

    same(program)


def test_errors():
    def program(torch):
        U = torch.nn.utils.rnn
        x = torch.zeros(4, 3, 2)
        calls = [
            lambda: U.pack_padded_sequence(x, [2, 4, 1]),
            lambda: U.pack_padded_sequence(x, [4, 1, 0]),
            lambda: U.pack_padded_sequence(x, [4, 1]),
            lambda: U.pad_packed_sequence(U.pack_padded_sequence(x, [4, 2, 1]), total_length=2),
            lambda: U.pad_sequence([torch.zeros(1)], padding_side="up"),
            lambda: U.pad_sequence(3),
            lambda: U.pack_sequence([torch.zeros(2), torch.zeros(3)]),
        ]
        return [caught(call) for call in calls]

    same(program)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("lengths", [[4, 2, 1], [2, 4, 3]])
def test_layers_on_packed_sequences(kind, lengths):
    theirs = getattr(torch.nn, kind)(2, 3, 2, bidirectional=True)
    ours = getattr(nn, kind)(2, 3, 2, bidirectional=True)
    carry(theirs, ours)

    def program(torch):
        m = theirs if torch.__name__ == "torch" else ours
        m.zero_grad()
        x = (torch.arange(24.0) / 10 - 1).reshape(4, 3, 2).requires_grad_()
        packed = torch.nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
        out, states = m(packed)
        padded, sizes = torch.nn.utils.rnn.pad_packed_sequence(out)
        states = states if isinstance(states, tuple) else (states,)
        ((padded**2).sum() + sum((s**2).sum() for s in states)).backward()
        again, _ = m(packed, states if kind == "LSTM" else states[0])
        return [padded, sizes, *states, x.grad, *[p.grad for p in m.parameters()], again.data]

    same(program)


def test_dropout_between_layers():
    flambeau.manual_seed(0)
    m = nn.GRU(2, 3, num_layers=2, dropout=0.5)
    x = flambeau.ones(4, 1, 2)
    assert m(x)[0].tolist() != m(x)[0].tolist()
    m.eval()
    assert m(x)[0].tolist() == m(x)[0].tolist()
    with pytest.warns(UserWarning, match="num_layers greater than 1"):
        nn.GRU(2, 3, dropout=0.5)


def test_weights_by_layer():
    m = nn.LSTM(2, 3, 2, bidirectional=True, proj_size=1)
    assert [len(names) for names in m.all_weights] == [5] * 4
    assert m.all_weights[1][0] is m.weight_ih_l0_reverse
    m.flatten_parameters()
