"""A bidirectional LSTM that says what every letter of a line of Python belongs to.

    python examples/lstm_tagger.py                 (with PyTorch)
    flambeau run examples/lstm_tagger.py           (with flambeau)

The tagger of Huang, Xu and Yu, "Bidirectional LSTM-CRF Models for Sequence Tagging" (2015),
without the CRF, on letters. Lines differ in length and are packed, so that no step is spent on
padding. The lines and their tags come from Python's own tokenizer and standard library.
"""

import argparse
import inspect
import io
import keyword
import textwrap
import tokenize

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

TAGS = ("blank", "keyword", "name", "number", "string", "operator", "comment")
IGNORED = -100


class Tagger(nn.Module):
    """Embedding, LSTM in both directions, a linear layer."""

    def __init__(self, letters=128, embedding=32, hidden=64, layers=2, tags=7, dropout=0.0):
        super().__init__()
        self.embedding = nn.Embedding(letters, embedding, padding_idx=0)
        self.lstm = nn.LSTM(
            embedding, hidden, layers, batch_first=True, bidirectional=True, dropout=dropout
        )
        self.out = nn.Linear(2 * hidden, tags)

    def forward(self, letters, lengths):
        packed = pack_padded_sequence(
            self.embedding(letters), lengths, batch_first=True, enforce_sorted=False
        )
        packed, _ = self.lstm(packed)
        x, _ = pad_packed_sequence(packed, batch_first=True, total_length=letters.size(1))
        return self.out(x)


def tagged_lines(source):
    """Every line with text on it, and the tag of each of its letters."""
    lines = source.splitlines()
    tags = [[0] * len(line) for line in lines]
    kinds = {tokenize.NUMBER: 3, tokenize.STRING: 4, tokenize.OP: 5, tokenize.COMMENT: 6}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        kind = kinds.get(token.type, 0)
        if token.type == tokenize.NAME:
            kind = 1 if keyword.iskeyword(token.string) else 2
        (first, left), (last, right) = token.start, token.end
        for at in range(first, min(last, len(lines)) + 1):
            start = left if at == first else 0
            stop = right if at == last else len(lines[at - 1])
            for i in range(start, min(stop, len(lines[at - 1]))):
                tags[at - 1][i] = kind
    return [(line, tag) for line, tag in zip(lines, tags, strict=True) if line.strip()]


def batches(source, size, count):
    """`count` batches of lines: letters and tags, padded, and the lengths."""
    lines = tagged_lines(source)
    # Lines of similar length go together.
    lines = sorted(lines, key=lambda pair: len(pair[0]))[: size * count]
    found = []
    for i in range(0, len(lines) - size + 1, size):
        part = lines[i : i + size]
        letters = [torch.tensor([min(ord(c), 127) for c in line]) for line, _ in part]
        tags = [torch.tensor(tag) for _, tag in part]
        lengths = torch.tensor([len(line) for line, _ in part])
        found.append(
            (
                pad_sequence(letters, batch_first=True),
                lengths,
                pad_sequence(tags, batch_first=True, padding_value=IGNORED),
            )
        )
    return found


def loss_of(model, batch):
    letters, lengths, tags = batch
    return F.cross_entropy(
        model(letters, lengths).flatten(0, 1), tags.flatten(), ignore_index=IGNORED
    )


def optimizer_of(model, steps):
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    return optimizer, torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5 ** (1 / steps))


def main(steps=100, hidden=48, count=6):
    """Train, print the loss, then tag a line; the losses of all steps."""
    torch.manual_seed(0)
    data = batches(inspect.getsource(textwrap), size=16, count=count)
    model = Tagger(hidden=hidden)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, {len(data)} batches")
    optimizer, scheduler = optimizer_of(model, steps)
    losses = []
    for step in range(1, steps + 1):
        optimizer.zero_grad()
        loss = loss_of(model, data[step % len(data)])
        loss.backward()
        nn.utils.clip_grad_value_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
        if step % 10 == 0:
            print(f"step {step:4}  loss {losses[-1]:.4f}")
    model.eval()
    line = "for i in range(10): total += 'x'"
    with torch.no_grad():
        logits = model(torch.tensor([[ord(c) for c in line]]), torch.tensor([len(line)]))
    print(line)
    print("".join(TAGS[i][0] for i in logits.argmax(-1)[0].tolist()))
    return losses


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--hidden", type=int, default=48)
    parser.add_argument("--batches", type=int, default=6)
    options = parser.parse_args()
    main(options.steps, options.hidden, options.batches)
